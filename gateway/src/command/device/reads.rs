//! `onecode device reads`: what a thing may read of others, and reads bought by a stream.

use super::doors::{Doors, within};
use super::teller::Teller;
use super::{Via, pay};
use crate::house::{Failure, random};
use crate::thing_folder::{explain, identity, written};
use crate::wallet::now;
use clap::Args;
use device_sdk::coap::Request;
use device_sdk::identity_file::Identity;
use device_sdk::links::mqtt::Peer;
use device_sdk::purse::{Event, Seed, StreamOrder, UNITS_AT_ONCE};
use ledger::grants::GrantId;
use protocol::{AmountMinor, Code, Currency, Digest, Status};
use serde::Deserialize;

/// What to buy; without, what there is.
#[derive(Args)]
pub struct Reads {
    #[command(flatten)]
    doors: Doors,
    /// Buy reads under this grant.
    #[arg(long, requires = "buy", value_parser = grant_id)]
    grant: Option<GrantId>,
    /// How many.
    #[arg(long, requires = "grant", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    buy: Option<u32>,
    /// Which way: mqtt or coap.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
}

fn grant_id(text: &str) -> Result<GrantId, String> {
    text.parse()
        .map_err(|()| "24 hexadecimal digits, as `onecode device reads` lists them".to_owned())
}

/// A grant, as the gateway lists it (protocol.md, 11).
#[derive(Debug, Deserialize)]
struct Listed {
    grant: String,
    topic: String,
    #[serde(flatten)]
    priced: Option<Priced>,
}

#[derive(Debug, Deserialize)]
struct Priced {
    currency: String,
    price_minor: u64,
    reads_paid: u64,
    reads_taken: u64,
}

/// Lists, or buys.
pub async fn run(options: &Reads) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let listed = list(options, &identity).await?;
    let (Some(grant), Some(count)) = (options.grant, options.buy) else {
        for one in &listed {
            println!("{}", one.words());
        }
        if listed.is_empty() {
            println!("nothing of others; their owners grant it in the portal");
        }
        return Ok(());
    };
    let named = grant.to_string();
    let one = listed.iter().find(|one| one.grant == named);
    let order = one
        .ok_or("there is no such grant for this thing, or it has ended")?
        .order(grant, count)?;
    let mut teller = Teller::begin(&options.doors, options.via).await?;
    buy(&mut teller, &order).await?;
    println!("{count} more reads are paid");
    Ok(())
}

async fn list(options: &Reads, identity: &Identity) -> Result<Vec<Listed>, Failure> {
    let bytes = match options.via {
        Via::Mqtt => {
            let topic = format!("oc/1/{}/g", identity.credentials.code);
            let (_mqtt, mut news) = options.doors.topics(identity, "reads", vec![topic])?;
            let message = within(news.next()).await?.ok_or("the connection ended")?;
            let payload = message.payload.to_vec();
            message.done();
            payload
        }
        Via::Coap => {
            let client = options.doors.coap(identity)?;
            client.request(Request::get("oc/1/me/g")).await?.payload
        }
        Via::Udp | Via::Qr | Via::File => return Err("there is no gateway this way".into()),
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| format!("the gateway's list of grants does not read: {error}").into())
}

/// Pays by a stream whose units are all released to the gateway at once: it pays them to the giver,
/// which need not be there. A cut before the last unit: what was released is paid, and the rest goes
/// back when the stream is overdue.
async fn buy(teller: &mut Teller, order: &StreamOrder) -> Result<(), Failure> {
    let all = u64::from(order.count).checked_mul(order.unit.get());
    let all = all.and_then(AmountMinor::new);
    let all = all.ok_or("more than an amount can be")?;
    pay::funded(teller, order.currency, all).await?;
    let mut seed = [0; 32];
    random(&mut seed).map_err(|_| "this machine gives no randomness")?;
    let seed = Seed(Digest(seed));
    let evidence = written(|out| teller.purse.pay_stream(order, seed, now(), out));
    let mut message = evidence.map_err(explain)?;
    let stream = (teller.purse.releasing())
        .find(|stream| stream.reference == order.reference)
        .ok_or("the stream is over already")?;
    let (payment, mut units) = (stream.payment, stream.units);
    loop {
        let answer = teller
            .ask_about(Peer::Gateway, &message, payment.reference())
            .await?;
        match answer {
            Event::Stated {
                outcome: Status::Settled,
                ..
            } => return Ok(()),
            Event::Refused { status, .. } => return Err(explain(status).into()),
            _ if units == order.count => {
                return Err("all is released, and the gateway has not settled it".into());
            }
            _ => {}
        }
        units = order.count.min(units.saturating_add(UNITS_AT_ONCE));
        let claim = written(|out| teller.purse.release_to_gateway(payment, units, out));
        message = claim.map_err(explain)?;
    }
}

impl Listed {
    fn order(&self, grant: GrantId, count: u32) -> Result<StreamOrder, Failure> {
        let priced = self.priced.as_ref().ok_or("these reads are free")?;
        let mut levels = self.topic.split('/');
        let giver = levels.nth(2).and_then(|code| code.parse::<Code>().ok());
        Ok(StreamOrder {
            payee: giver.ok_or("the gateway's list of grants names no code")?,
            currency: currency(&priced.currency).ok_or("the gateway's list names no currency")?,
            unit: AmountMinor::new(priced.price_minor).ok_or("more than an amount can be")?,
            count,
            // Each purchase is a payment of its own.
            reference: grant.reference(now().0),
        })
    }

    fn words(&self) -> String {
        let Self { grant, topic, .. } = self;
        match &self.priced {
            None => format!("{grant} {topic} free"),
            Some(Priced {
                currency,
                price_minor,
                reads_paid,
                reads_taken,
            }) => format!(
                "{grant} {topic} {price_minor} {currency} a read, in its smallest unit; {reads_taken} of {reads_paid} that are paid were taken"
            ),
        }
    }
}

/// Reads `<issuer>.<name>`.
fn currency(text: &str) -> Option<Currency> {
    let (issuer, name) = text.split_once('.')?;
    Currency::new(issuer.parse().ok()?, name.as_bytes().try_into().ok()?)
}
