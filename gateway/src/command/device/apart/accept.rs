//! The payee: asks if it is told to, judges what comes, answers.

use super::{Carrying, Files, Link, invoice, named, payment};
use crate::command::device::Via;
use crate::command::device::listed::Revoked;
use crate::command::device::teller::DevicePurse;
use crate::command::device::words;
use crate::house::Failure;
use crate::thing_folder::{explain, written};
use crate::wallet::now;
use device_sdk::links::file::{Carried, Part};
use device_sdk::purse::InvoiceOrder;
use protocol::message::Message;
use protocol::objects::{Asked, Payment};
use protocol::{AmountMinor, AssuranceClass, Currency, Network, Reference, Status, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;

/// What a payee asks for.
pub struct Asking {
    /// How much.
    pub amount: AmountMinor,
    /// Of what.
    pub currency: Currency,
    /// Its own reference.
    pub reference: Reference,
    /// How long the invoice is good.
    pub life_s: u32,
}

/// Takes payments until there were enough of them, or nothing more comes.
pub async fn accept(
    mut payee: Payee,
    folder: &Path,
    asking: Option<&Asking>,
    count: Option<u64>,
    via: Via,
    carrying: &Carrying,
) -> Result<(), Failure> {
    let mut link = carrying.link(via)?;
    let until = carrying.until(None);
    payee.invoiced = asking.is_some();
    let kept = Carried::new(folder);
    let mut invoice = None;
    // One invoice is one payment.
    let count = if asking.is_some() { Some(1) } else { count };
    match asking {
        Some(asking) => invoice = Some(payee.ask(&mut link, &kept, asking)?),
        None => eprintln!("{:#} takes payments; Ctrl-C ends", payee.purse.me()),
    }
    while count.is_none_or(|count| (payee.taken.len() as u64) < count) {
        let next = match &mut link {
            Link::Codes(codes) => {
                if !payee.invoiced && payee.taken.is_empty() {
                    eprintln!("Scan the payer's code.");
                }
                codes.next(until).await?.map(|message| (None, message))
            }
            Link::Files(files) => {
                let look = |files: &Files| Ok(payee.evidence(files));
                let found = files.wait("a payment", until, look).await?;
                found.map(|(about, message)| (Some(about), message))
            }
        };
        let Some((named_after, message)) = next else {
            break;
        };
        payee.answer(&mut link, named_after, &message)?;
    }
    if let Link::Codes(codes) = &mut link {
        codes.leave(until).await?;
    }
    match count {
        Some(count) if (payee.taken.len() as u64) < count => match carrying.at_once() {
            true => println!("nothing more came yet; the same command goes on"),
            false => return Err("nothing more came; the same command goes on".into()),
        },
        _ => {
            // From here on the same command asks for another payment.
            if let Some(about) = invoice {
                kept.remove(Part::Invoice, about)?;
            }
        }
    }
    Ok(())
}

/// A purse that takes payments, and what it judges payers by.
pub struct Payee {
    purse: DevicePurse,
    network: Network,
    revoked: Revoked,
    /// Only what was asked for is taken.
    invoiced: bool,
    taken: BTreeSet<Reference>,
}

impl Payee {
    /// Takes whatever comes, except from codes that are known to be revoked.
    pub fn new(purse: DevicePurse, network: Network, revoked: Revoked) -> Self {
        Self {
            purse,
            network,
            revoked,
            invoiced: false,
            taken: BTreeSet::new(),
        }
    }

    /// Shows the invoice. Until its payment is answered, the same command shows the same one.
    fn ask(
        &mut self,
        link: &mut Link,
        kept: &Carried,
        asking: &Asking,
    ) -> Result<Reference, Failure> {
        let message = match self.asked_before(kept, asking)? {
            Some(message) => message,
            None => invoiced(&mut self.purse, asking)?,
        };
        let (about, _) = invoice(&message, &self.network).ok_or("no invoice")?;
        kept.put(Part::Invoice, about, &message)?;
        println!("asking for {} {}", asking.amount, asking.currency);
        link.show(
            Part::Invoice,
            about,
            &message,
            [
                "Hold this code in front of the payer's scanner. Then scan the payer's code.",
                "Carry the folder to the payer, run `onecode device pay --via file --invoice` there, \
                 and bring it back.",
            ],
        )?;
        Ok(about)
    }

    /// The invoice of an attempt that was cut off, perhaps when it was paid already.
    fn asked_before(&self, kept: &Carried, asking: &Asking) -> Result<Option<Vec<u8>>, Failure> {
        for about in kept.list(Part::Invoice)? {
            let Some(message) = kept.take(Part::Invoice, about)? else {
                continue;
            };
            let same = invoice(&message, &self.network).is_some_and(|(_, invoice)| {
                (invoice.payee, invoice.currency, invoice.reference)
                    == (self.purse.me(), asking.currency, asking.reference)
                    && invoice.asked() == Some(Asked::Amount(asking.amount))
                    && invoice.expires > now()
            });
            if same {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// A payment to this purse that has no receipt in the folder yet.
    fn evidence(&self, files: &Files) -> Option<(Reference, Vec<u8>)> {
        let there = files.there(Part::Evidence).unwrap_or_default();
        there.into_iter().find(|(_, message)| {
            let Some((about, paid)) = payment(message, &self.network) else {
                return false;
            };
            let answer = files.take(Part::Answer, about).unwrap_or_default();
            let receipted = matches!(Message::read(&answer), Ok(Message::Receipt { .. }));
            paid.payee == self.purse.me() && !receipted
        })
    }

    /// Judges one message and answers it.
    fn answer(
        &mut self,
        link: &mut Link,
        named_after: Option<Reference>,
        message: &[u8],
    ) -> Result<(), Failure> {
        if let (Link::Files(files), Some(about)) = (&mut *link, named_after) {
            files.done_with(Part::Evidence, about);
        }
        let Some((about, paid)) = payment(message, &self.network) else {
            eprintln!("that is {}, and not a payment", named(message));
            return Ok(());
        };
        let (answer, by_code) = match self.judge(message, &paid, now()) {
            Ok(receipt) => {
                println!("{}: taken", words::payment(&paid));
                self.taken.insert(about);
                (
                    receipt,
                    "Taken. Hold this receipt in front of the payer's scanner.",
                )
            }
            Err(status) => {
                let why = self.revoked.refusal(&self.purse, status);
                println!("{}: not taken, {why}", words::payment(&paid));
                if status == Status::InvoiceExpired && named_after.is_some() {
                    // Not what is asked for now; `accept` without an invoice may take it.
                    return Ok(());
                }
                let refusal = Message::refusal(status, Some(about));
                let refusal = written(|out| refusal.write(out).ok_or(status)).map_err(explain)?;
                (
                    refusal,
                    "Not taken. Hold this answer in front of the payer's scanner.",
                )
            }
        };
        let by_file = "Carry the folder back to the payer.";
        link.show(Part::Answer, about, &answer, [by_code, by_file])
    }

    fn judge(&mut self, message: &[u8], paid: &Payment, now: Timestamp) -> Result<Vec<u8>, Status> {
        if paid.stream.is_some() {
            // Its units would have to come one by one.
            return Err(Status::WrongAmount);
        }
        let purse = &mut self.purse;
        self.revoked.allows(purse, message)?;
        written(|out| match self.invoiced {
            true => purse.accept_invoiced(message, now, out),
            false => purse.accept(message, None, now, out),
        })
    }
}

/// An invoice message for what is asked; of what is asked and still open, the same one.
pub fn invoiced(purse: &mut DevicePurse, asking: &Asking) -> Result<Vec<u8>, Failure> {
    let asked = Asked::Amount(asking.amount);
    let same = |order: &InvoiceOrder| {
        (order.currency, order.asked, order.reference) == (asking.currency, asked, asking.reference)
    };
    let mut open = purse.invoices(now()).map(|(_, order)| order);
    let order = open.find(same).unwrap_or(InvoiceOrder {
        currency: asking.currency,
        asked,
        reference: asking.reference,
        expires: now().plus_s(asking.life_s),
        least_class: AssuranceClass::Software,
    });
    drop(open);
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)?;
    let nonce = u64::from_be_bytes(nonce);
    let message = written(|out| purse.invoice(&order, nonce, now(), out));
    Ok(message.map_err(explain)?)
}
