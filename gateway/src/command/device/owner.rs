//! What an owner decides about the purse of a thing, with no gateway: `show`, `rules`, `tariff` and
//! `close-allowance`.

use super::doors::Doors;
use super::teller::{DevicePurse, Teller};
use super::{Via, apart, currency, listed, prices, words};
use crate::house::Failure;
use crate::thing_folder::{explain, identity, purse, set_place, written};
use crate::wallet::now;
use clap::{Args, Subcommand};
use device_sdk::links::file;
use device_sdk::purse::{Rate, StandingRules};
use protocol::objects::{Measure, Price};
use protocol::{AmountMinor, GridCode, Kind};
use std::path::{Path, PathBuf};

/// Whose purse.
#[derive(Args)]
pub struct Show {
    /// Folder of the thing.
    #[arg(long)]
    folder: PathBuf,
}

/// Where it stands.
#[derive(Args)]
pub struct Place {
    /// Folder of the thing.
    #[arg(long)]
    folder: PathBuf,
    /// The grid code of the place.
    grid: GridCode,
}

/// What is approved without asking. What is not named stays as it is; with nothing, shows the rules.
#[derive(Args)]
pub struct Rules {
    /// Folder of the thing.
    #[arg(long)]
    folder: PathBuf,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The most in one payment; 0 approves nothing.
    #[arg(long, value_name = "AMOUNT")]
    per_payment: Option<u64>,
    /// The most in a day, of UTC.
    #[arg(long, value_name = "AMOUNT")]
    per_day: Option<u64>,
    /// The most in a day to any one payee.
    #[arg(long, value_name = "AMOUNT")]
    per_payee: Option<u64>,
    /// The most in a day to all payees of a kind, such as device=2000000; may be repeated.
    #[arg(long, value_name = "KIND=AMOUNT", value_parser = prices::kind)]
    per_kind: Vec<(Kind, AmountMinor)>,
    /// The most for so much of a measure, such as watt-hour=40/1000; may be repeated. From then on
    /// `pay --by-rules` wants to be told what is bought.
    #[arg(long, value_name = "MEASURE=AMOUNT/QUANTITY", value_parser = prices::rate)]
    rate: Vec<(Measure, Rate)>,
    /// Forget all rates first.
    #[arg(long)]
    no_rates: bool,
}

/// Prices.
#[derive(Subcommand)]
pub enum Tariff {
    /// Write the prices of the thing in the folder as a message that anybody may pass on.
    Publish(Publish),
    /// Check a tariff by somebody else, and print it.
    Show(ShowTariff),
}

/// What is published.
#[derive(Args)]
pub struct Publish {
    /// Folder of the thing.
    #[arg(long)]
    folder: PathBuf,
    /// Where the message goes.
    #[arg(long)]
    file: PathBuf,
    /// One price: item, measure and the price of one, such as energy:watt-hour:40; up to 8.
    #[arg(long, value_name = "ITEM:MEASURE:AMOUNT", value_parser = prices::price, required = true)]
    price: Vec<Price>,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// For how many seconds the prices are good.
    #[arg(long, value_name = "SECONDS", default_value_t = 604_800)]
    good_for: u32,
}

/// What is read.
#[derive(Args)]
pub struct ShowTariff {
    /// Folder of a thing, by whose trust the tariff is checked.
    #[arg(long)]
    folder: PathBuf,
    /// The message.
    #[arg(long)]
    file: PathBuf,
}

/// Which allowance.
#[derive(Args)]
pub struct CloseAllowance {
    #[command(flatten)]
    doors: Doors,
    /// Three letters.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Which way: mqtt or coap.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
}

/// What the purse holds.
pub fn show(options: &Show) -> Result<(), Failure> {
    let purse = opened(&options.folder)?;
    println!("{:#}", purse.me());
    for currency in purse.currencies() {
        let totals = purse.totals(currency);
        println!("{}", words::sums(&purse, currency));
        println!(
            "  {} {currency} taken and settled, {} contested; {} paid out, {} came back",
            totals.received_settled,
            totals.received_contested,
            totals.paid_out.get(),
            totals.returned
        );
    }
    println!("{}", words::whereabouts(&purse, &options.folder)?);
    println!("{}", listed::words(&purse, &options.folder)?);
    if purse.in_doubt() {
        println!("pays nothing before `onecode device renew` has got it a new key epoch");
    }
    Ok(())
}

/// Keeps where the thing stands. Allowances that are good only in some places are taken there and
/// nowhere else.
pub fn place(options: &Place) -> Result<(), Failure> {
    identity(&options.folder)?;
    set_place(&options.folder, &options.grid)?;
    println!("stands at {:#}", options.grid);
    Ok(())
}

/// Sets rules and rates as far as they are named, and prints what holds.
pub fn rules(options: &Rules) -> Result<(), Failure> {
    let mut purse = opened(&options.folder)?;
    let currency = currency(&identity(&options.folder)?, &options.currency)?;
    let mut rules = purse.rules(currency);
    let amounts = [
        (&mut rules.per_payment, options.per_payment),
        (&mut rules.per_day, options.per_day),
        (&mut rules.per_payee, options.per_payee),
    ];
    for (rule, minor) in amounts {
        if let Some(minor) = minor {
            *rule = AmountMinor::new(minor).ok_or("more than an amount can be")?;
        }
    }
    for (kind, most) in &options.per_kind {
        if let Some(rule) = rules.per_kind.get_mut(*kind as usize) {
            *rule = *most;
        }
    }
    if rules != purse.rules(currency) {
        purse.set_rules(currency, &rules).map_err(explain)?;
    }
    let mut rates = match options.no_rates {
        true => Default::default(),
        false => purse.rates(currency),
    };
    for (measure, rate) in &options.rate {
        if let Some(known) = rates.get_mut(*measure as usize) {
            *known = Some(*rate);
        }
    }
    if rates != purse.rates(currency) {
        purse.set_rates(currency, &rates).map_err(explain)?;
    }
    if rules == StandingRules::NOTHING {
        println!("nothing is approved in {currency} without asking");
    } else {
        println!(
            "{currency}: at most {} in a payment, {} in a day, {} in a day to one payee",
            rules.per_payment, rules.per_day, rules.per_payee
        );
    }
    let kinds = Kind::ALL.iter().zip(&rules.per_kind);
    for (kind, most) in kinds.filter(|(_, most)| **most > AmountMinor::ZERO) {
        println!(
            "  at most {most} in a day to every {} together",
            prices::kind_name(*kind)
        );
    }
    for (measure, rate) in Measure::ALL.iter().zip(rates) {
        if let Some(Rate { amount, per }) = rate {
            println!("  at most {amount} for {per} {}", prices::name_of(*measure));
        }
    }
    Ok(())
}

/// Publishes or reads prices.
pub async fn tariff(command: &Tariff) -> Result<(), Failure> {
    match command {
        Tariff::Publish(options) => publish(options),
        Tariff::Show(options) => {
            let mut purse = opened(&options.folder)?;
            let message = apart::message_in(&options.file).await?;
            let read = purse.read_tariff(&message, now()).map_err(explain)?;
            let tariff = read.tariff();
            println!("{:#} takes, in {}:", tariff.payee, tariff.currency);
            for price in tariff.prices.iter() {
                println!(
                    "  {} for one {} of {}",
                    price.amount,
                    prices::name_of(price.measure),
                    prices::item_name(&price.item)
                );
            }
            let left_s = tariff.expires.0.saturating_sub(now().0);
            println!("good for another {left_s} s");
            Ok(())
        }
    }
}

fn publish(options: &Publish) -> Result<(), Failure> {
    let mut purse = opened(&options.folder)?;
    let currency = currency(&identity(&options.folder)?, &options.currency)?;
    let mut prices = options.price.clone();
    prices.sort_unstable();
    let expires = now().plus_s(options.good_for);
    let message = written(|out| purse.tariff(currency, &prices, expires, now(), out));
    let message = message.map_err(|status| {
        format!(
            "{}; a tariff has 1 to {} prices, each of another item",
            explain(status),
            protocol::objects::PRICES
        )
    })?;
    file::write(&options.file, &message)
        .map_err(|error| format!("{}: {error}", options.file.display()))?;
    println!("written: {}", options.file.display());
    Ok(())
}

/// Gives up what the allowance has left, then tells the gateway.
pub async fn close_allowance(options: &CloseAllowance) -> Result<(), Failure> {
    let currency = currency(&identity(&options.doors.folder)?, &options.currency)?;
    {
        let mut purse = opened(&options.doors.folder)?;
        let left = purse.spendable(currency);
        written(|out| purse.close_allowance(currency, now(), out)).map_err(explain)?;
        println!(
            "closed: {left} {currency} of it are given up; nothing is paid in {currency} before \
             `onecode device renew` has got another allowance"
        );
    }
    match Teller::begin(&options.doors, options.via).await {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(format!("the gateway hears of it when it is reached again: {error}").into())
        }
    }
}

/// The purse of a thing that takes nothing now.
fn opened(folder: &Path) -> Result<DevicePurse, Failure> {
    purse(&identity(folder)?, folder, AmountMinor::ZERO)
}
