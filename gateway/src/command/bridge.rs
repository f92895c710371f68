//! `onecode bridge`: how the link to the broker above stands, and what becomes of a topic on it.

use super::{Outcome, config};
use crate::config::Config;
use crate::folder::Folder;
use crate::house::{Failure, plan, server_names};
use crate::tree::Topic;
use crate::upstream::{self, Credentials, Settings};
use clap::{Args, Subcommand};
use ledger::outbox::Outbox;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The session under which the command itself connects.
const SUFFIX: &str = "test";

/// What to look at.
#[derive(Subcommand)]
pub enum Command {
    /// Show the broker, the rules, and what waits. The gateway may be running.
    Inspect(Place),
    /// Say which rule takes a topic, either way, and what it becomes on the other side.
    Test(Test),
}

/// Which gateway.
#[derive(Args)]
pub struct Place {
    /// Folder of keys and books.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Which topic.
#[derive(Args)]
pub struct Test {
    /// As it is called here or at the broker.
    topic: String,
    /// Also connect to the broker with this gateway's certificate; nothing is published.
    #[arg(long)]
    connect: bool,
    #[command(flatten)]
    place: Place,
}

/// Looks.
pub fn run(command: Command) -> Outcome {
    let place = match &command {
        Command::Inspect(place) => place,
        Command::Test(test) => &test.place,
    };
    let config = config(place.config.as_deref(), place.data.as_deref())?;
    let settings = config.upstream.clone();
    let settings = settings.ok_or(
        "there is no broker above: set upstream.broker, such as mqtts://broker.example.com:8883",
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command {
        Command::Inspect(_) => runtime.block_on(inspect(&config, &settings)),
        Command::Test(test) => runtime.block_on(said(&config, settings, &test)),
    }
}

async fn inspect(config: &Config, settings: &Settings) -> Outcome {
    println!("broker   {}", settings.broker);
    for rule in settings.rules.iter() {
        println!("rule     {rule}");
    }
    let most_mb = config.upstream_most_mb;
    let path = Folder::new(&config.data).outbox();
    match Outbox::look(&path).await? {
        None => println!("waiting  nothing yet: the gateway has not run with this folder"),
        Some(standing) => {
            let (waiting, bytes) = (standing.waiting, standing.bytes);
            println!("waiting  {waiting} messages, {bytes} bytes of {most_mb} MB");
            println!(
                "dropped  {} messages, because the disk for them was full",
                standing.dropped
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn said(config: &Config, settings: Settings, test: &Test) -> Outcome {
    let topic = &test.topic;
    let mut taken = false;
    if Topic::parse(topic).is_ok() {
        match settings.rules.outward(topic) {
            Some(out) => {
                taken = true;
                println!("out  {} with QoS {}, by `{}`", out.topic, out.qos, out.rule);
            }
            None => println!("out  no rule takes it: it stays here"),
        }
    } else {
        match settings.rules.inward(topic) {
            Ok((place, rule)) => {
                taken = true;
                println!("in   {place}, by `{rule}`");
            }
            Err(why) => println!("in   not taken: {why}"),
        }
    }
    if test.connect {
        let broker = settings.broker.clone();
        upstream::reach(&credentials(config, settings)?, SUFFIX).await?;
        println!("{broker} takes this gateway's certificate");
    }
    Ok(match taken {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn credentials(config: &Config, settings: Settings) -> Result<Credentials, Failure> {
    let folder = Folder::new(&config.data);
    let authorities = issuer::load(&folder.authorities(), &plan(config)?)?;
    Ok(Credentials {
        settings,
        authorities: Arc::new(authorities),
        folder,
        names: server_names(config)?,
    })
}
