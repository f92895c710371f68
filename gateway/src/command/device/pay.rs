//! `onecode device pay`.

use super::apart::{self, ByRules, Carrying, Ordered, Terms};
use super::doors::{ANSWER_TIMEOUT, Doors};
use super::teller::{DevicePurse, Teller, say};
use super::{Via, currency, neighbours, prices, reference};
use crate::house::Failure;
use crate::thing_folder::{explain, identity, purse, written};
use crate::wallet::now;
use clap::Args;
use device_sdk::identity_file::Identity;
use device_sdk::links::mqtt::Peer;
use device_sdk::links::udp::{Asker, Timing};
use device_sdk::purse::{Buying, Event, Order};
use protocol::message::Message;
use protocol::{AmountMinor, Code, Currency, Reference, Status};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// What to pay.
#[derive(Args)]
pub struct Pay {
    #[command(flatten)]
    doors: Doors,
    /// Whom. With --invoice: only an invoice of this code.
    #[arg(long, required_unless_present = "invoice")]
    to: Option<Code>,
    /// How much, in the currency's smallest unit.
    #[arg(long, required_unless_present = "invoice", conflicts_with = "invoice")]
    amount: Option<u64>,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Own reference, a number such as a session's. The same reference again is the same payment.
    #[arg(long, required_unless_present = "invoice", conflicts_with = "invoice")]
    reference: Option<u64>,
    /// Pay the invoice in this file, which may be a picture of its code: what the public page of a
    /// thing shows, too. With --via qr or file also the one that is scanned or lies in the folder.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    invoice: Option<Option<PathBuf>>,
    /// With --invoice: pay up to so much without asking.
    #[arg(long, requires = "invoice")]
    most: Option<u64>,
    /// With --invoice: pay what the standing rules approve (`onecode device rules`), and nothing
    /// else.
    #[arg(long, requires = "invoice", conflicts_with = "most")]
    by_rules: bool,
    /// With --by-rules: what is bought, such as watt-hour:1000:energy for 1,000 watt-hours of what
    /// the tariff calls energy.
    #[arg(long, value_name = "MEASURE:QUANTITY:ITEM", requires = "by_rules", value_parser = prices::buying)]
    buying: Option<Buying>,
    /// With --buying: the payee's prices, which it must not exceed (`onecode device tariff`).
    #[arg(long, value_name = "FILE", requires = "buying")]
    tariff: Option<PathBuf>,
    /// Which way.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// With --via udp: where the payee listens.
    #[arg(long)]
    peer: Option<SocketAddr>,
    #[command(flatten)]
    carrying: Carrying,
}

/// Pays, and waits a while for the payee.
pub async fn run(options: &Pay) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let ordered = options.ordered(&identity)?;
    let own_purse = || purse(&identity, &options.doors.folder, AmountMinor::ZERO);
    match (options.via, &ordered) {
        (Via::Qr | Via::File, _) => {
            apart::pay(
                own_purse()?,
                identity.trust.network,
                &options.doors.folder,
                &ordered,
                options.via,
                &options.carrying,
            )
            .await
        }
        (Via::Udp, Ordered::Invoice(_)) => {
            Err("--invoice does not go with --via udp: the payee there takes prices".into())
        }
        (Via::Udp, Ordered::Order(order)) => {
            let peer = (options.peer).ok_or("--via udp wants --peer ADDRESS:PORT of the payee")?;
            directly(own_purse()?, order, peer).await
        }
        (Via::Mqtt | Via::Coap, ordered) => {
            through_gateway(Teller::begin(&options.doors, options.via).await?, ordered).await
        }
    }
}

impl Pay {
    fn ordered(&self, identity: &Identity) -> Result<Ordered, Failure> {
        let amount = |minor| AmountMinor::new(minor).ok_or("more than an amount can be");
        if let Some(file) = &self.invoice {
            return Ok(Ordered::Invoice(Terms {
                file: file.clone(),
                payee: self.to,
                most: self.most.map(amount).transpose()?,
                by_rules: self.by_rules.then(|| ByRules {
                    buying: self.buying,
                    tariff: self.tariff.clone(),
                }),
            }));
        }
        Ok(Ordered::Order(Order {
            payee: self.to.ok_or("--to says whom")?,
            currency: currency(identity, &self.currency)?,
            amount: amount(self.amount.ok_or("--amount says how much")?)?,
            reference: reference(self.reference.ok_or("--reference names the payment")?),
        }))
    }
}

async fn directly(mut purse: DevicePurse, order: &Order, peer: SocketAddr) -> Result<(), Failure> {
    let own = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let asker = Asker::bind(own, now().0, Timing::default()).await?;
    let covers_for = spends_under(&mut purse, order, &asker, peer).await?;
    let evidence = match covers_for {
        Some(named) => written(|out| purse.pay_spendable(order, named, now(), out)),
        None => written(|out| purse.pay(order, now(), out)),
    };
    let evidence = evidence.map_err(explain)?;
    let answer = asker.ask(peer, &evidence).await?;
    match purse.receive(&answer, now()).map_err(explain)? {
        Event::Refused { status, .. } => {
            return Err(format!("the payee refuses: {}", explain(status)).into());
        }
        _ => println!("paid; the payee's receipt is in the purse"),
    }
    drop(asker);
    neighbours::converse(&mut purse, own, peer).await
}

/// The allowance under which the payee may spend the payment before it is settled, if it says so
/// and the own allowance permits that.
async fn spends_under(
    purse: &mut DevicePurse,
    order: &Order,
    asker: &Asker,
    peer: SocketAddr,
) -> Result<Option<Reference>, Failure> {
    let currency = order.currency;
    let hops = purse.allowance(currency).and_then(|held| held.hops);
    if hops.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let question = Message::Ask { currency };
    let question = written(|out| question.write(out).ok_or(Status::Full)).map_err(explain)?;
    let answer = asker.ask(peer, &question).await?;
    // Without a good answer the payment is one that waits for a gateway.
    let named = purse.named_by(&answer, order.payee, currency, now());
    Ok(named.unwrap_or_default())
}

/// Sees to an allowance that is large enough, if the gateway gives one.
pub(super) async fn funded(
    teller: &mut Teller,
    currency: Currency,
    amount: AmountMinor,
) -> Result<(), Failure> {
    if teller.purse.spendable_here(currency, now()) < amount {
        teller.renew(currency, amount).await?;
        if teller.purse.spendable_here(currency, now()) == AmountMinor::ZERO {
            return Err(explain(Status::NotFunded).into());
        }
    }
    Ok(())
}

async fn evidence(teller: &mut Teller, ordered: &Ordered) -> Result<Vec<u8>, Failure> {
    match ordered {
        Ordered::Order(order) => {
            funded(teller, order.currency, order.amount).await?;
            Ok(written(|out| teller.purse.pay(order, now(), out)).map_err(explain)?)
        }
        Ordered::Invoice(terms) => {
            let path = terms.file.as_ref().ok_or(
                "--invoice=FILE says which; what a thing asks for is under /1/CODE/invoice of its gateway",
            )?;
            let message = apart::message_in(path).await?;
            let read = apart::invoice(&message, &teller.network());
            let (_, invoice) = read.ok_or_else(|| format!("{} is no invoice", path.display()))?;
            if let Some(amount) = invoice.amount {
                funded(teller, invoice.currency, amount).await?;
            }
            let offer = apart::offered(&mut teller.purse, &message, terms, None).await?;
            let paid = written(|out| teller.purse.pay_invoice(&offer, None, now(), out));
            Ok(paid.map_err(explain)?)
        }
    }
}

async fn through_gateway(mut teller: Teller, ordered: &Ordered) -> Result<(), Failure> {
    let evidence = evidence(&mut teller, ordered).await?;
    let paid = apart::payment(&evidence, &teller.network());
    let (about, payment) = paid.ok_or("no evidence")?;
    let payee = Peer::Code(payment.payee);
    let mut event = teller.ask_about(payee, &evidence, about).await?;
    println!("sent; waiting for the payee");
    let settled = async {
        loop {
            match event {
                Event::Stated {
                    payment,
                    outcome: Status::Settled,
                } if payment.reference() == about => return Ok::<_, Failure>(()),
                Event::Declined { payment, reason } if payment.reference() == about => {
                    return Err(format!("the payee declines: {}", explain(reason)).into());
                }
                Event::Refused { status, .. } => return Err(explain(status).into()),
                _ => {}
            }
            let (message, next) = teller.event().await?;
            event = next;
            if !matches!(event, Event::Stated { payment, .. } if payment.reference() == about) {
                say(&message, &Ok(event));
            }
        }
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, settled).await {
        Ok(settled) => {
            settled?;
            println!("settled");
        }
        Err(_) => println!(
            "no news for {} s: what is in transit stays at the gateway until the payee takes it, and what was settled before is not told again",
            ANSWER_TIMEOUT.as_secs()
        ),
    }
    Ok(())
}
