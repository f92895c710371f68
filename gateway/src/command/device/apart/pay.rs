//! The payer: shows evidence, waits for the payee's answer.

use super::{Carrying, Files, Link, invoice, message_in, named, payment};
use crate::command::device::Via;
use crate::command::device::teller::DevicePurse;
use crate::house::Failure;
use crate::thing_folder::{explain, written};
use crate::wallet::now;
use device_sdk::links::file::{Carried, Part};
use device_sdk::purse::{Buying, Event, Offer, Order};
use protocol::message::Message;
use protocol::{AmountMinor, Code, Network, Reference};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long a payer waits if nothing is said.
const WAIT: Duration = Duration::from_secs(600);
const NO_ANSWER: &str = "no answer yet. The payment is in the purse and is not made twice";

/// What is to be paid.
pub enum Ordered {
    /// What its owner says.
    Order(Order),
    /// What the payee asks for.
    Invoice(Terms),
}

/// Which invoice is paid.
pub struct Terms {
    /// Where it is; otherwise it is scanned, or the one that lies in the folder.
    pub file: Option<PathBuf>,
    /// Only of this payee.
    pub payee: Option<Code>,
    /// Up to so much without asking.
    pub most: Option<AmountMinor>,
    /// What the standing rules approve, and nothing else.
    pub by_rules: Option<ByRules>,
}

/// What the standing rules are told about an invoice.
pub struct ByRules {
    /// What is bought with it.
    pub buying: Option<Buying>,
    /// The payee's prices, which it must not exceed.
    pub tariff: Option<PathBuf>,
}

/// Pays, and waits for the answer as long as it is told to.
pub async fn pay(
    mut purse: DevicePurse,
    network: Network,
    folder: &Path,
    ordered: &Ordered,
    via: Via,
    carrying: &Carrying,
) -> Result<(), Failure> {
    let mut link = carrying.link(via)?;
    let until = carrying.until(Some(WAIT));
    // What was asked for is kept until it is answered, so that the payer can go on without the payee.
    let kept = Carried::new(folder);
    let (evidence, invoice) = match ordered {
        Ordered::Order(order) => {
            let evidence = written(|out| purse.pay(order, now(), out)).map_err(explain)?;
            (evidence, None)
        }
        Ordered::Invoice(terms) => {
            let message = match &terms.file {
                Some(path) => message_in(path).await?,
                None => asked(&mut link, &purse, &network, terms.payee, until).await?,
            };
            let offer = offered(&mut purse, &message, terms, Some(&mut link)).await?;
            let evidence =
                written(|out| purse.pay_invoice(&offer, None, now(), out)).map_err(explain)?;
            let path = kept.put(Part::Invoice, offer.invoice(), &message)?;
            (evidence, Some((offer.invoice(), path)))
        }
    };
    let (about, paid) = payment(&evidence, &network).ok_or("no evidence")?;
    let amount = format!("{} {} to {:#}", paid.amount, paid.currency, paid.payee);
    println!("paying {amount}");
    link.show(
        Part::Evidence,
        about,
        &evidence,
        [
            "Hold this code in front of the payee's scanner. Then scan the payee's answer.",
            "Carry the folder to the payee, run `onecode device accept --via file` there, and bring it back.",
        ],
    )?;
    let payer = Payer {
        purse,
        about,
        again: match &invoice {
            Some((_, path)) => format!("the same command with --invoice={}", path.display()),
            None => "the same command".to_owned(),
        },
    };
    if !payer.answered(&mut link, until, carrying.at_once()).await? {
        return Ok(());
    }
    if let Some((about, _)) = invoice {
        kept.remove(Part::Invoice, about)?;
    }
    println!("paid; the payee's receipt is in the purse");
    Ok(())
}

/// The invoice that comes over the link.
async fn asked(
    link: &mut Link,
    purse: &DevicePurse,
    network: &Network,
    payee: Option<Code>,
    until: Option<Instant>,
) -> Result<Vec<u8>, Failure> {
    let for_us = |message: &[u8]| {
        invoice(message, network).is_some_and(|(_, invoice)| {
            invoice.payee != purse.me() && payee.is_none_or(|payee| invoice.payee == payee)
        })
    };
    match link {
        Link::Codes(codes) => {
            eprintln!("Scan the payee's invoice.");
            while let Some(message) = codes.next(until).await? {
                match Message::read(&message) {
                    Ok(Message::Invoice { .. }) => return Ok(message),
                    _ => eprintln!("that is {}, and not an invoice", named(&message)),
                }
            }
            Err("no invoice was scanned".into())
        }
        Link::Files(files) => {
            let by_others = |files: &Files| {
                let there = files.there(Part::Invoice).unwrap_or_default();
                let there = there.into_iter().filter(|(_, message)| for_us(message));
                let there: Vec<_> = there.collect();
                Ok((!there.is_empty()).then_some(there))
            };
            let found = files.wait("an invoice", until, by_others).await?;
            match found.unwrap_or_default().as_slice() {
                [] => Err("no invoice is there".into()),
                [(_, message)] => Ok(message.clone()),
                several => {
                    let paths = several.iter().map(|(about, _)| {
                        format!("\n  --invoice={}", files.path(Part::Invoice, *about))
                    });
                    let paths: String = paths.collect();
                    Err(format!("several invoices are there; say which one:{paths}").into())
                }
            }
        }
    }
}

/// Judges an invoice, and asks the standing rules or the owner.
pub async fn offered(
    purse: &mut DevicePurse,
    message: &[u8],
    terms: &Terms,
    link: Option<&mut Link>,
) -> Result<Offer, Failure> {
    let offer = match &terms.by_rules {
        Some(rules) => considered(purse, message, rules).await?,
        None => purse.show_owner(message, now()).map_err(explain)?,
    };
    fits(&offer, terms.payee)?;
    if terms.by_rules.is_none() {
        approve(link, &offer, terms.most).await?;
    }
    Ok(offer)
}

/// What the standing rules say.
async fn considered(
    purse: &mut DevicePurse,
    message: &[u8],
    rules: &ByRules,
) -> Result<Offer, Failure> {
    let prices = match &rules.tariff {
        Some(path) => {
            let tariff = message_in(path).await?;
            let prices = purse.read_tariff(&tariff, now());
            Some(prices.map_err(|status| format!("{}: {}", path.display(), explain(status)))?)
        }
        None => None,
    };
    let offer = match &rules.buying {
        Some(buying) => purse.consider_priced(message, buying, prices.as_ref(), now()),
        None => purse.consider(message, now()),
    };
    Ok(offer.map_err(|status| format!("not paid: {}", explain(status)))?)
}

/// Whether it can be paid this way, and to whom it should go.
fn fits(offer: &Offer, payee: Option<Code>) -> Result<(), Failure> {
    if offer.units().is_some() {
        return Err(
            "this invoice is paid by the unit, which needs a link that goes both ways all the time"
                .into(),
        );
    }
    match payee {
        Some(payee) if payee != offer.payee() => {
            Err(format!("this invoice is by {:#}", offer.payee()).into())
        }
        _ => Ok(()),
    }
}

/// The owner's word, given beforehand or now.
async fn approve(
    link: Option<&mut Link>,
    offer: &Offer,
    most: Option<AmountMinor>,
) -> Result<(), Failure> {
    let asked = format!(
        "{} {} to {:#}",
        offer.amount(),
        offer.asked().currency,
        offer.payee()
    );
    match most {
        Some(most) if offer.amount() <= most => Ok(()),
        Some(_) => Err(format!("asked for {asked}: more than --most").into()),
        None => {
            if let Some(link) = link
                && link.confirms(&format!("Pay {asked}?")).await
            {
                return Ok(());
            }
            Err(format!("not paid: {asked} was not approved; --most AMOUNT approves").into())
        }
    }
}

/// A payer that has shown its evidence.
struct Payer {
    purse: DevicePurse,
    about: Reference,
    /// How to go on another time.
    again: String,
}

impl Payer {
    /// Waits for the answer; whether it came.
    async fn answered(
        mut self,
        link: &mut Link,
        until: Option<Instant>,
        at_once: bool,
    ) -> Result<bool, Failure> {
        match link {
            Link::Codes(codes) => {
                while let Some(message) = codes.next(until).await? {
                    if self.judge(&message)? {
                        return Ok(true);
                    }
                }
            }
            Link::Files(files) => {
                let about = self.about;
                let what_for = files.path(Part::Answer, about);
                let mut judged = Vec::new();
                let answered = files.wait(&what_for, until, |files| {
                    match files.take(Part::Answer, about) {
                        // What was judged is not judged again.
                        Some(message) if message != judged => {
                            let ours = self.judge(&message)?;
                            judged = message;
                            Ok(ours.then_some(()))
                        }
                        _ => Ok(None),
                    }
                });
                if answered.await?.is_some() {
                    return Ok(true);
                }
            }
        }
        let later = format!("{NO_ANSWER}: {} goes on", self.again);
        match at_once {
            true => println!("{later}"),
            false => return Err(later.into()),
        }
        Ok(false)
    }

    /// Whether a message is the answer that is waited for. What is not is said and passed over.
    fn judge(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let event = match self.purse.receive(message, now()) {
            Ok(event) => event,
            Err(status) => {
                eprintln!("that is {}: {}", named(message), explain(status));
                return Ok(false);
            }
        };
        match event {
            Event::Receipted { payment } if payment.reference() == self.about => Ok(true),
            Event::Declined { payment, reason } if payment.reference() == self.about => {
                Err(format!(
                    "the payee declines: {}; a gateway returns the money",
                    explain(reason)
                )
                .into())
            }
            Event::Refused { status, about } if about == Some(self.about) => {
                Err(format!("the payee refuses: {}", explain(status)).into())
            }
            _ => {
                eprintln!("that is {} about something else", named(message));
                Ok(false)
            }
        }
    }
}
