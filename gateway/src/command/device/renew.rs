//! `onecode device renew` and `onecode device sync`.

use super::doors::Doors;
use super::teller::Teller;
use super::{Via, currency, listed, words};
use crate::house::Failure;
use crate::thing_folder::identity;
use clap::Args;
use protocol::AmountMinor;

/// What to ask for.
#[derive(Args)]
pub struct Renew {
    #[command(flatten)]
    doors: Doors,
    /// How much is wanted, in the currency's smallest unit; 0 only hands in what waits.
    #[arg(long)]
    amount: u64,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Which way: mqtt or coap.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
}

/// Which way.
#[derive(Args)]
pub struct Sync {
    #[command(flatten)]
    pub(super) doors: Doors,
    /// Which way: mqtt or coap.
    #[arg(long, value_enum, default_value = "mqtt")]
    pub(super) via: Via,
}

/// Hands in what waits, then asks.
pub async fn run(options: &Renew) -> Result<(), Failure> {
    let currency = currency(&identity(&options.doors.folder)?, &options.currency)?;
    let wanted = AmountMinor::new(options.amount).ok_or("more than an amount can be")?;
    let mut teller = Teller::begin(&options.doors, options.via).await?;
    if wanted > AmountMinor::ZERO {
        teller.renew(currency, wanted).await?;
    }
    println!("{}", words::sums(&teller.purse, currency));
    teller.fetch_list(&options.doors, options.via).await;
    println!(
        "{}",
        words::whereabouts(&teller.purse, &options.doors.folder)?
    );
    Ok(())
}

/// Hands in what waits, and takes what the gateway has to tell.
pub async fn sync(options: &Sync) -> Result<(), Failure> {
    let mut teller = Teller::begin(&options.doors, options.via).await?;
    teller.settle().await?;
    teller.fetch_list(&options.doors, options.via).await;
    for currency in teller.purse.currencies() {
        println!("{}", words::sums(&teller.purse, currency));
    }
    println!(
        "{}",
        words::whereabouts(&teller.purse, &options.doors.folder)?
    );
    let folder = &options.doors.folder;
    println!("{}", listed::words(&teller.purse, folder)?);
    Ok(())
}
