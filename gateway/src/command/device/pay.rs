//! `onecode device pay`.

use super::Via;
use super::doors::{ANSWER_TIMEOUT, Doors};
use super::teller::{DevicePurse, Teller};
use crate::house::Failure;
use crate::thing_folder::{explain, identity, purse, written};
use crate::wallet::now;
use clap::Args;
use device_sdk::links::mqtt::Peer;
use device_sdk::links::udp::{Asker, Timing};
use device_sdk::purse::{Event, Order};
use protocol::{AmountMinor, Code, Currency, Reference, Status};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// What to pay.
#[derive(Args)]
pub struct Pay {
    #[command(flatten)]
    doors: Doors,
    /// Whom.
    #[arg(long)]
    to: Code,
    /// How much, in the currency's smallest unit.
    #[arg(long)]
    amount: u64,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Own reference, a number such as a session's. The same reference again is the same payment.
    #[arg(long)]
    reference: u64,
    /// Which way.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// With --via udp: where the payee listens.
    #[arg(long)]
    peer: Option<SocketAddr>,
}

/// Pays, and waits a while for the payee.
pub async fn run(options: &Pay) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let name = options
        .currency
        .as_bytes()
        .try_into()
        .map_err(|_| "a currency has three letters")?;
    let issuer = identity.credentials.code.issued_by().issuer;
    let order = Order {
        payee: options.to,
        currency: Currency::new(issuer, name).ok_or("a currency has three capital letters")?,
        amount: AmountMinor::new(options.amount).ok_or("more than an amount can be")?,
        reference: Reference(u128::from(options.reference).to_be_bytes()),
    };
    if options.via == Via::Udp {
        let peer = (options.peer).ok_or("--via udp wants --peer ADDRESS:PORT of the payee")?;
        let purse = purse(&identity, &options.doors.folder, AmountMinor::ZERO)?;
        return directly(purse, &order, peer).await;
    }
    through_gateway(Teller::begin(&options.doors, options.via).await?, &order).await
}

async fn directly(mut purse: DevicePurse, order: &Order, peer: SocketAddr) -> Result<(), Failure> {
    let evidence = written(|out| purse.pay(order, now(), out)).map_err(explain)?;
    let own = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let asker = Asker::bind(own, now().0, Timing::default()).await?;
    let answer = asker.ask(peer, &evidence).await?;
    match purse.receive(&answer, now()).map_err(explain)? {
        Event::Refused { status, .. } => {
            return Err(format!("the payee refuses: {}", explain(status)).into());
        }
        _ => println!("paid; the payee's receipt is in the purse"),
    }
    Ok(())
}

async fn through_gateway(mut teller: Teller, order: &Order) -> Result<(), Failure> {
    let purse = &mut teller.purse;
    if purse.spendable(order.currency) < order.amount {
        let renewal = written(|out| purse.renewal(order.currency, order.amount, now(), out))
            .map_err(explain)?;
        if let Event::Refused { status, .. } = teller.ask(Peer::Gateway, &renewal).await? {
            return Err(format!("no allowance: {}", explain(status)).into());
        }
    }
    let evidence = written(|out| teller.purse.pay(order, now(), out)).map_err(explain)?;
    let mut event = teller.ask(Peer::Code(order.payee), &evidence).await?;
    println!("sent; waiting for the payee");
    let settled = async {
        loop {
            match event {
                Event::Stated {
                    outcome: Status::Settled,
                    ..
                } => return Ok::<_, Failure>(()),
                Event::Refused { status, .. } => return Err(explain(status).into()),
                _ => event = teller.event().await?,
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
