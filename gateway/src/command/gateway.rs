//! `onecode gateway`: what an operator says about the gateway itself. It must not be running.

use super::root::Place;
use super::{Outcome, config};
use crate::folder::Folder;
use crate::house::{Failure, House};
use crate::wallet::now;
use clap::{Args, Subcommand};
use ledger::StationRequest;
use std::process::ExitCode;

/// Most stations that a copy can have forgotten: a slip of the finger uses up no more numbers.
const FORGOTTEN_STATIONS_MOST: u16 = 256;

/// What to say.
#[derive(Subcommand)]
pub enum Command {
    /// The books are an older copy: begin a new epoch, so that nothing that was signed since the
    /// copy can be signed again in another way.
    Restored(Restored),
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

/// Says it.
pub fn run(command: Command) -> Outcome {
    let Command::Restored(options) = command;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(restored(&options))?;
    Ok(ExitCode::SUCCESS)
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
