//! `onecode device accept`.

use super::apart::{self, Asking, Carrying};
use super::doors::Doors;
use super::listed::Revoked;
use super::neighbours::{self, Payee};
use super::teller::{DevicePurse, Teller};
use super::{Via, currency, reference, words};
use crate::house::Failure;
use crate::thing_folder::{explain, identity, purse};
use clap::Args;
use device_sdk::identity_file::Identity;
use device_sdk::links::udp::Answerer;
use device_sdk::purse::Event;
use protocol::{AmountMinor, Status};
use std::cell::RefCell;
use std::net::SocketAddr;

const TOO_MUCH: &str = "more than an amount can be";

/// What to take.
#[derive(Args)]
pub struct Accept {
    #[command(flatten)]
    doors: Doors,
    /// Which way.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// With --via udp: where to listen.
    #[arg(long, default_value = "127.0.0.1:5685")]
    listen: SocketAddr,
    /// With --via udp, qr or file: the most that is taken at once, in the currency's smallest unit.
    #[arg(long, default_value_t = 10_000_000)]
    most: u64,
    /// With --via udp, qr or file: the most that is taken at once without a list of revoked codes
    /// from the last 7 days, in the currency's smallest unit.
    #[arg(long, default_value_t = 5_000_000)]
    most_without_list: u64,
    /// End after this many payments have been settled, or taken with --via udp, qr or file.
    #[arg(long)]
    count: Option<u64>,
    /// Ask for so much, in the currency's smallest unit, and end when it is paid: with --via qr or
    /// file by a code or a file, with --via mqtt or coap on the public page of this code.
    #[arg(
        long,
        value_name = "AMOUNT",
        requires = "reference",
        conflicts_with = "count"
    )]
    invoice: Option<u64>,
    /// With --invoice: three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// With --invoice: own reference, a number such as a session's.
    #[arg(long, requires = "invoice")]
    reference: Option<u64>,
    /// With --invoice: for how many seconds it is good.
    #[arg(long, default_value_t = 86_400)]
    good_for: u32,
    #[command(flatten)]
    carrying: Carrying,
}

impl Accept {
    fn revoked(&self) -> Result<Revoked, Failure> {
        let most = AmountMinor::new(self.most_without_list);
        let most = most.ok_or(TOO_MUCH)?;
        Ok(Revoked::new(&self.doors.folder, most))
    }

    fn asking(&self, identity: &Identity) -> Result<Option<Asking>, Failure> {
        let (Some(minor), Some(number)) = (self.invoice, self.reference) else {
            return Ok(None);
        };
        Ok(Some(Asking {
            amount: AmountMinor::new(minor).ok_or(TOO_MUCH)?,
            currency: currency(identity, &self.currency)?,
            reference: reference(number),
            life_s: self.good_for,
        }))
    }
}

/// Takes what comes until it is ended.
pub async fn run(options: &Accept) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let code = identity.credentials.code;
    match options.via {
        Via::Qr | Via::File => return by_hand(options).await,
        Via::Udp if options.invoice.is_some() => {
            return Err("--invoice does not go with --via udp".into());
        }
        Via::Udp => return directly(options).await,
        Via::Mqtt | Via::Coap => {}
    }
    let mut teller = Teller::begin(&options.doors, options.via).await?;
    eprintln!("{code:#} takes payments; Ctrl-C ends");
    teller.fetch_list(&options.doors, options.via).await;
    let mut asked = None;
    if let Some(asking) = options.asking(&identity)? {
        asked = Some(teller.put_up(&asking).await?);
        println!(
            "asking for {} {}; the gateway shows it under /1/{code}",
            asking.amount, asking.currency
        );
    }
    let count = options.count.or(asked.map(|_| 1));
    let mut settled = 0;
    while count.is_none_or(|count| settled < count) {
        let (message, event) = teller.event().await?;
        if let Some(words) = words::event(&message, &event) {
            println!("{words}");
        }
        match event {
            Event::Stated {
                outcome: Status::Settled,
                ..
            } => settled += 1,
            Event::Refused { status, about } if asked.is_some() && about == asked => {
                return Err(format!("the gateway shows no invoice: {}", explain(status)).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// With no network at all.
async fn by_hand(options: &Accept) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let asking = options.asking(&identity)?;
    let most = AmountMinor::new(options.most).ok_or(TOO_MUCH)?;
    let purse = purse(&identity, &options.doors.folder, most)?;
    apart::accept(
        apart::Payee::new(purse, identity.trust.network, options.revoked()?),
        &options.doors.folder,
        asking.as_ref(),
        options.count,
        options.via,
        &options.carrying,
    )
    .await
}

/// Without a gateway: what was taken is handed in when one is reached again.
async fn directly(options: &Accept) -> Result<(), Failure> {
    let most = AmountMinor::new(options.most).ok_or(TOO_MUCH)?;
    let identity = identity(&options.doors.folder)?;
    let purse: DevicePurse = purse(&identity, &options.doors.folder, most)?;
    let answerer = Answerer::bind(options.listen).await?;
    eprintln!(
        "{:#} takes payments at {}; Ctrl-C ends",
        purse.me(),
        answerer.local_addr()?
    );
    let taken = tokio::sync::Notify::new();
    let payee = RefCell::new(Payee::new(
        purse,
        identity.trust.network,
        options.revoked()?,
    ));
    let answering = answerer.serve(|message| {
        let (answer, is_taken) = payee.borrow_mut().answer(&message);
        if is_taken {
            taken.notify_one();
        }
        async move { answer }
    });
    let counting = async {
        let mut left = options.count;
        while left != Some(0) {
            taken.notified().await;
            left = left.map(|left| left - 1);
        }
        // The last payer may not have heard of it, and may have something to tell.
        tokio::time::sleep(neighbours::LINGER).await;
    };
    tokio::select! {
        error = answering => Err(error.into()),
        () = counting => Ok(()),
    }
}
