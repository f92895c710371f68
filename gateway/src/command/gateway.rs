//! `onecode gateway`: what an operator says about the gateway itself, and its own key. It must not be running.

use super::root::{DAY_S, Place, Signing, open};
use super::{Outcome, config};
use crate::config::Config;
use crate::folder::Folder;
use crate::house::{Failure, House, plan, random, server_names};
use crate::wallet::now;
use clap::{Args, Subcommand};
use issuer::Plan;
use issuer::succeed::Handing;
use ledger::federation::Terms;
use ledger::{Ledger, StationRequest};
use protocol::AmountMinor;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a gateway among others keeps its key, and what to do about one that was stolen.
const FEDERATED: &str = "these books know other gateways, which hold this gateway's key and would refuse what another one signs: it keeps its key as long as they know it. If somebody else has the key, stop this gateway, begin a new one and have this one's issuer revoked: docs/operators.md, \"When the box is lost\"";

/// Most stations that a copy can have forgotten: a slip of the finger uses up no more numbers.
const FORGOTTEN_STATIONS_MOST: u16 = 256;

/// What to say.
#[derive(Subcommand)]
pub enum Command {
    /// The books are an older copy: begin a new epoch, so that nothing that was signed since the
    /// copy can be signed again in another way.
    Restored(Restored),
    /// Make the folder of a gateway that stands under this one, to be carried to its box.
    Found(Found),
    /// Go on under another key, by the issuer's word; what the one before signed counts for a while.
    Rotate(Rotate),
}

/// What the copy has forgotten.
#[derive(Args)]
pub struct Restored {
    /// How many stations were admitted since the copy was made: their numbers are not given again.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=i64::from(FORGOTTEN_STATIONS_MOST)))]
    stations: u16,
    #[command(flatten)]
    place: Place,
}

/// A gateway below.
#[derive(Args)]
pub struct Found {
    /// Its folder; made, with its keys in it.
    #[arg(long)]
    to: PathBuf,
    /// By which host names and addresses things reach it, beside localhost.
    #[arg(long, value_delimiter = ',')]
    names: Vec<String>,
    /// How much it may promise beyond what it has promised before, until it reaches this gateway
    /// again; in the smallest unit of each currency.
    #[arg(long, default_value_t = 10_000_000_000)]
    float_minor: u64,
    /// For how long it may promise that.
    #[arg(long, default_value_t = 30)]
    warrant_days: u32,
    /// For how long purses are at home there.
    #[arg(long, default_value_t = 60)]
    lease_days: u32,
    #[command(flatten)]
    place: Place,
}

/// Another key.
#[derive(Args)]
pub struct Rotate {
    #[command(flatten)]
    signing: Signing,
    /// For how many days what the key before signed counts as well: longer than an allowance and the
    /// grace after it, and than payees stay away.
    #[arg(long, default_value_t = 60, conflicts_with = "stolen")]
    days: u32,
    /// Somebody may have the key: it counts no more from now on, wherever this is heard.
    #[arg(long)]
    stolen: bool,
    #[command(flatten)]
    place: Place,
}

/// Says it.
pub fn run(command: Command) -> Outcome {
    let options = match command {
        Command::Restored(options) => options,
        Command::Found(options) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(found(&options))?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Rotate(options) => {
            rotate(&options)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(restored(&options))?;
    Ok(ExitCode::SUCCESS)
}

/// A crash before the folder gets its name leaves the key as it was; after it, the next start goes on
/// with the new one. The same command again is refused: an overlap has begun.
fn rotate(options: &Rotate) -> Result<(), Failure> {
    let opened = open(&options.place)?;
    let books = Folder::new(&opened.config.data).ledger();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if runtime.block_on(Ledger::is_federated(&books))? {
        return Err(FEDERATED.into());
    }
    let issuer = options.signing.signer(&opened.authorities.issuer)?;
    let (folder, plan, time) = (&opened.folder, plan(&opened.config)?, now());
    let how = match options.stolen {
        true => Handing::Stolen,
        false => Handing::Until(time.plus_s(overlap_s(&opened.config, options.days)?)),
    };
    let all = &opened.authorities;
    all.rotate_gateway(folder, &plan, &issuer, (time, how), &mut random)?;
    let code = all.gateway.code();
    match how {
        Handing::Until(_) => println!(
            "The gateway {code:#} signs with another key; what the one before signed counts for {} days more.",
            options.days
        ),
        Handing::Stolen => println!(
            "The gateway {code:#} signs with another key; the one before counts no more where this is heard. Allowances under it are of no use offline: things renew them. What it signed and stands in the books is paid."
        ),
    }
    println!(
        "Start the gateway: things hear of it when they synchronise, before anything else. Make a new backup now: an older one holds the key before."
    );
    Ok(())
}

/// Its number is durable before anything is signed. A crash before the gateway is admitted leaves a
/// folder that the books do not know: remove it and found another.
async fn found(options: &Found) -> Result<(), Failure> {
    let place = &options.place;
    let config = config(place.config.as_deref(), place.data.as_deref())?;
    if !Folder::new(&config.data).is_used() {
        let data = config.data.display();
        return Err(format!("{data} holds no gateway; name its folder with --data").into());
    }
    let house = House::open(&config).await?;
    let (mut request, mut serial) = ([0; 32], [0; 16]);
    getrandom::fill(&mut request)?;
    getrandom::fill(&mut serial)?;
    let numbered = StationRequest {
        request,
        serial,
        name: "a gateway below".into(),
        by: "onecode gateway found".into(),
        first: 1,
    };
    let numbered = house.ledger.begin_station(numbered, now()).await;
    let station = numbered.map_err(|status| status.sentence())?.station;
    let below = Plan {
        station,
        under_centre: true,
        ..plan(&config)?
    };
    let folder = Folder::new(&options.to);
    std::fs::create_dir_all(&options.to)?;
    let names = server_names(&crate::config::Config {
        names: options.names.clone(),
        ..config.clone()
    })?;
    let all = &house.authorities;
    let made = issuer::found(
        &folder.authorities(),
        &below,
        all,
        &names,
        now(),
        &mut random,
    )?;
    std::fs::write(folder.centre(), all.gateway.pass())?;
    let terms = Terms {
        float: AmountMinor::new(options.float_minor).ok_or("--float-minor: too much")?,
        warrant_life_s: options.warrant_days.saturating_mul(DAY_S),
        lease_life_s: options.lease_days.saturating_mul(DAY_S),
    };
    let admitted = house
        .ledger
        .admit(&all.trust(), made.gateway.pass(), terms)
        .await;
    admitted.map_err(|status| status.sentence())?;
    house.close().await;
    println!(
        "The gateway {:#} stands under this one. Carry {} to its box, whole: its keys are in it and nowhere else. Its settings there:",
        made.gateway.code(),
        options.to.display()
    );
    println!(
        "[gateway]\nstation = {station}\nnetwork = \"{}\"\ndomain = \"{}\"\nnames = \"{}\"",
        config.network.as_str(),
        config.domain,
        options.names.join(",")
    );
    println!(
        "[wallet]\ngrace_s = {}\n[upstream]\nbroker = \"mqtts://HOST:{}\"",
        config.grace_s,
        config.mqtt_listen.port()
    );
    Ok(())
}

/// Every allowance that was given is over before its key is.
fn overlap_s(config: &Config, days: u32) -> Result<u32, Failure> {
    let least_s = config.allowance_life_s.saturating_add(config.grace_s);
    let asked_s = days.saturating_mul(DAY_S);
    match asked_s >= least_s {
        true => Ok(asked_s),
        false => Err(format!(
            "--days {days}: allowances live {} s and are settled for {} s after that, so {} days at least; with --stolen the key ends at once",
            config.allowance_life_s,
            config.grace_s,
            least_s.div_ceil(DAY_S)
        )
        .into()),
    }
}

async fn restored(options: &Restored) -> Result<(), Failure> {
    let config = config(
        options.place.config.as_deref(),
        options.place.data.as_deref(),
    )?;
    if !Folder::new(&config.data).is_used() {
        let data = config.data.display();
        return Err(format!("{data} holds no gateway; name its folder with --data").into());
    }
    // The epoch is durable when the books are open. A crash after this line: the next start goes on
    // in it, and the same command again begins one more and gives up as many numbers again.
    let house = House::open_restored(&config).await?;
    for _ in 0..options.stations {
        let (mut request, mut serial) = ([0; 32], [0; 16]);
        getrandom::fill(&mut request)?;
        getrandom::fill(&mut serial)?;
        let forgotten = StationRequest {
            request,
            serial,
            name: "forgotten by a restore".into(),
            by: "onecode gateway restored".into(),
            first: 1,
        };
        let numbered = house.ledger.begin_station(forgotten, now()).await;
        numbered.map_err(|status| status.sentence())?;
    }
    let epoch = house.ledger.epoch();
    house.close().await;
    println!("The gateway is in epoch {} now.", epoch.0);
    println!(
        "Start it: `onecode up`. Payments that somebody still holds are paid as they are handed in. Codes, loads and redemptions of after the copy are not in the books: enrol those things again, and enter those orders again under their old keys."
    );
    Ok(())
}
