//! `onecode`: the gateway and everything an operator or a firmware engineer types.

use clap::{Parser, Subcommand};
use gateway::command::{
    bridge, check, config_list, device, gateway as own, label, root, station, up, verify,
};
use gateway::demo;
use std::path::PathBuf;
use std::process::ExitCode;

/// One thing, one code, one pass: an edge gateway for machines that own money.
#[derive(Parser)]
#[command(name = "onecode", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway: MQTT, CoAP, HTTP and the portal, on one folder.
    Up(up::Options),
    /// Show the main job end to end: cars pay chargers, a third of them with the gateway dead.
    Demo(demo::Options),
    /// Look at the link to the broker above, and at what becomes of a topic on it.
    Bridge {
        #[command(subcommand)]
        command: bridge::Command,
    },
    /// Look a data folder over and say what is wrong and what to do.
    Check(check::Options),
    /// Show the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Be a device: get a code, publish, subscribe, pay.
    Device {
        #[command(subcommand)]
        command: device::Command,
    },
    /// Give the gateway another key, or say that its books are an older copy.
    Gateway {
        #[command(subcommand)]
        command: own::Command,
    },
    /// Let a new issuer take over.
    Issuer {
        #[command(subcommand)]
        command: root::IssuerCommand,
    },
    /// Put the root's keys into a safe, and do what only they can do.
    Root {
        #[command(subcommand)]
        command: root::Command,
    },
    /// Admit factory stations, order from them, and take what they bring back.
    Station {
        #[command(subcommand)]
        command: station::Command,
    },
    /// Draw labels of what stands in the registry: PDF, ZPL, SVG, PNG, plain or signed.
    Label(label::Options),
    /// Judge any object or fraud proof with no server.
    Verify(verify::Options),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// List every setting with its value and where it comes from.
    List {
        /// Also say what each setting means.
        #[arg(long)]
        doc: bool,
        /// The settings file.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(options) => up::run(options),
        Command::Demo(options) => demo::run(options),
        Command::Bridge { command } => bridge::run(command),
        Command::Check(options) => check::run(options),
        Command::Config {
            command: ConfigCommand::List { doc, config },
        } => config_list::run(doc, config.as_deref()),
        Command::Device { command } => device::run(command),
        Command::Gateway { command } => own::run(command),
        Command::Issuer { command } => root::run_issuer(command),
        Command::Root { command } => root::run(command),
        Command::Station { command } => station::run(command),
        Command::Label(options) => label::run(options),
        Command::Verify(options) => verify::run(options),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("onecode: {error}");
            ExitCode::FAILURE
        }
    }
}
