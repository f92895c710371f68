//! `onecode-station`: what a factory line types.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use station::command::{Where, labels, ledger, make, setup};
use std::process::ExitCode;

/// Makes codes in a factory, with no network.
#[derive(Parser)]
#[command(name = "onecode-station", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    place: Where,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make this station's keys and a request for the issuer.
    Init(setup::Init),
    /// Take what the issuer gave for the request.
    Install(setup::Install),
    /// Work on an order.
    Run(make::Run),
    /// Print the label of something again.
    Reprint(labels::Reprint),
    /// Write labels of many onto sheets or rolls.
    Labels(labels::Labels),
    /// Give a number up.
    Scrap(ledger::Scrap),
    /// Hand over what was made.
    Manifest(ledger::Manifest),
    /// Say where the station stands.
    Status(ledger::Status),
}

fn main() -> ExitCode {
    let Cli { place, command } = Cli::parse();
    let outcome = match command {
        Command::Init(options) => setup::init(&place, &options),
        Command::Install(options) => setup::install(&place, &options),
        Command::Run(options) => make::run(&place, &options),
        Command::Reprint(options) => labels::reprint(&place, &options),
        Command::Labels(options) => labels::labels(&place, &options),
        Command::Scrap(options) => ledger::scrap(&place, &options),
        Command::Manifest(options) => ledger::manifest(&place, &options),
        Command::Status(options) => ledger::status(&place, &options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("onecode-station: {error}");
            ExitCode::FAILURE
        }
    }
}
