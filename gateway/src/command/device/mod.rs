//! `onecode device`: be a thing on the command line.

mod accept;
mod apart;
mod doors;
mod listed;
mod neighbours;
mod owner;
mod pay;
mod prices;
mod reads;
mod reenrol;
mod renew;
mod survey;
mod teller;
#[cfg(test)]
mod tests;
mod transfer;
mod words;

use super::Outcome;
use crate::house::Failure;
use crate::thing_folder::{identity, meet_gateway, settle_in};
use crate::trust_file::TrustFile;
use crate::wallet::now;
use accept::Accept;
use clap::{Args, Subcommand, ValueEnum};
use device_sdk::coap::Request;
use device_sdk::enrol::EnrolError;
use device_sdk::identity_file::{Identity, load_keys, save_other_root};
use device_sdk::links::mqtt::PublishError;
use doors::{Doors, within};
use owner::{CloseAllowance, Place, Rules, Show, Tariff};
use pay::Pay;
use protocol::{Code, Currency, Reference};
use reenrol::Reenrol;
use renew::{Renew, Sync};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use transfer::{Give, Take};

/// Content-Format of what is published over CoAP.
const JSON: u16 = 50;

/// Between two questions whether somebody has accepted the thing.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Make keys in a folder and get a code with a one-time secret, or wait until somebody accepts the
    /// thing; or let a thing that a station made meet its gateway.
    Init(Init),
    /// Get certificate and pass for longer, before those the thing has end or after: when it is time
    /// for it, unless --early is given.
    Reenrol(Reenrol),
    /// Publish under the own code, such as `t/temperature '{"temperature":25}'`.
    Pub(Publish),
    /// Print what is published under the own code, and what comes to the inbox; or what is published
    /// under another code that grants it.
    Sub(Subscribe),
    /// Pay another code from the purse in the folder.
    Pay(Box<Pay>),
    /// Take what others pay to the purse in the folder.
    Accept(Box<Accept>),
    /// Get an allowance, to pay with while no gateway can be reached; hand in what waits.
    Renew(Renew),
    /// Hand in what waits, and take what the gateway has to tell: the time, areas, where the purse is
    /// at home, what became of payments.
    Sync(Sync),
    /// Say where the thing stands: some allowances are good only in some places.
    Place(Place),
    /// Say what the purse in the folder holds, with no gateway: what can be spent here and now, and
    /// what waits for a gateway.
    Show(Show),
    /// Say which invoices `pay --by-rules` pays without asking.
    Rules(Rules),
    /// Say what the thing may read of others, and buy reads that have a price.
    Reads(reads::Reads),
    /// Publish prices, or read those of others.
    #[command(subcommand)]
    Tariff(Tariff),
    /// Give up what the allowance has left.
    CloseAllowance(CloseAllowance),
    /// Give away what is owned by the code in the folder: writes a transfer for the new owner.
    Give(Give),
    /// Take what somebody gives: signs for it and brings both words to the gateway.
    Take(Take),
    /// Say where exactly a place of this owner is and how that was measured; the gateway stands for
    /// it.
    Survey(survey::Options),
}

/// Which way to the gateway, or to another thing.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// MQTT over mutual TLS.
    Mqtt,
    /// CoAP over DTLS.
    Coap,
    /// Directly to a thing beside this one; no gateway is needed.
    Udp,
    /// By codes on two screens; no network is needed.
    Qr,
    /// By files in a folder that is carried; no network is needed.
    File,
}

/// A new thing.
#[derive(Args)]
pub struct Init {
    /// Folder of the thing; made when absent.
    #[arg(long)]
    folder: PathBuf,
    /// The gateway, such as http://127.0.0.1:8080.
    #[arg(long)]
    gateway: String,
    /// The network's trust file (`trust.toml` in the gateway's data folder). What a station made
    /// was born with it.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// One-time secret, made in the portal under Codes, Enrolment secrets, or by the API. Without it
    /// the thing waits until somebody accepts it. What a station made needs none.
    #[arg(long)]
    secret: Option<String>,
}

/// Something to publish.
#[derive(Args)]
pub struct Publish {
    #[command(flatten)]
    doors: Doors,
    /// Which way.
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// Keep it as the newest value of its topic.
    #[arg(long)]
    retain: bool,
    /// Topic below the own code, such as t/temperature.
    topic: String,
    /// Payload.
    payload: String,
}

/// What to listen to.
#[derive(Args)]
pub struct Subscribe {
    #[command(flatten)]
    doors: Doors,
    /// Filter below the code.
    #[arg(default_value = "#")]
    filter: String,
    /// Listen to this code instead of the own one, as far as that was granted (`onecode device
    /// reads`).
    #[arg(long)]
    of: Option<Code>,
    /// End after this many messages.
    #[arg(long)]
    count: Option<u64>,
}

/// Does it.
pub fn run(command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match command {
        Command::Init(options) => init(&options),
        Command::Reenrol(options) => runtime.block_on(reenrol::run(&options)),
        Command::Pub(options) => runtime.block_on(publish(&options)),
        Command::Sub(options) => runtime.block_on(subscribe(&options)),
        Command::Pay(options) => runtime.block_on(pay::run(&options)),
        Command::Accept(options) => runtime.block_on(accept::run(&options)),
        Command::Renew(options) => runtime.block_on(renew::run(&options)),
        Command::Sync(options) => runtime.block_on(renew::sync(&options)),
        Command::Place(options) => owner::place(&options),
        Command::Show(options) => owner::show(&options),
        Command::Rules(options) => owner::rules(&options),
        Command::Reads(options) => runtime.block_on(reads::run(&options)),
        Command::Tariff(command) => runtime.block_on(owner::tariff(&command)),
        Command::Give(options) => transfer::give(&options),
        Command::Take(options) => transfer::take(&options),
        Command::Survey(options) => survey::survey(&options),
        Command::CloseAllowance(options) => runtime.block_on(owner::close_allowance(&options)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn init(options: &Init) -> Result<(), Failure> {
    let file = options.trust.as_deref();
    let file = file.map(|file| TrustFile::load(file, now())).transpose()?;
    let folder = options.folder.display();
    if let Some(known) = Identity::load(&options.folder)? {
        // Files that an earlier version did not write are added.
        known.save(&options.folder)?;
        keep_other_root(options, file.as_ref())?;
        println!("{:#} has lived in {folder} before", known.credentials.code);
        return Ok(());
    }
    let (thing, gateway) = (&options.folder, &options.gateway);
    let identity = match (&file, options.secret.as_deref()) {
        (Some(file), Some(secret)) => settle_in(thing, gateway, &file.trust(), Some(secret))?,
        (file, _) => match (meet_gateway(thing, gateway)?, file) {
            (Some(identity), _) => identity,
            (None, Some(file)) => wait_for_code(options, file)?,
            (None, None) => {
                return Err("no station has made this thing: give --trust, and --secret or wait to be accepted".into());
            }
        },
    };
    keep_other_root(options, file.as_ref())?;
    println!(
        "{:#}\n\
         {folder}: keys and pass for the purse; for other clients of MQTT and CoAP\n\
         {folder}/key.pem           transport key, keep it secret\n\
         {folder}/certificate.pem   certificate of the code\n\
         {folder}/authorities.pem   who the gateway is trusted by",
        identity.credentials.code
    );
    Ok(())
}

/// Asks again and again until somebody has accepted or rejected the thing.
fn wait_for_code(options: &Init, file: &TrustFile) -> Result<Identity, Failure> {
    let mut said = false;
    loop {
        let asked = settle_in(&options.folder, &options.gateway, &file.trust(), None);
        let waits = |error: &Failure| {
            let error = error.downcast_ref::<EnrolError>();
            matches!(error, Some(EnrolError::Waiting(_)))
        };
        match asked {
            Err(error) if waits(&error) => {}
            asked => return asked,
        }
        if !said {
            said = true;
            println!(
                "waits to be accepted, see /api/v1/pending of the gateway; key fingerprint {}",
                fingerprint(options)?
            );
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

/// Of the transport key, as the portal shows it.
fn fingerprint(options: &Init) -> Result<String, Failure> {
    let keys = load_keys(&options.folder)?.ok_or("the keys are gone")?;
    let digest = Sha256::digest(keys.transport_spki()?);
    let groups = digest.chunks(2).take(8);
    let groups = groups.map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(groups.collect::<Vec<String>>().join(" "))
}

/// While one root takes over from another, a new thing trusts both.
fn keep_other_root(options: &Init, file: Option<&TrustFile>) -> Result<(), Failure> {
    if let Some((key, ends)) = file.and_then(TrustFile::other_root) {
        save_other_root(&options.folder, &key, ends)?;
    }
    Ok(())
}

async fn publish(options: &Publish) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let topic = format!("oc/1/{}/{}", identity.credentials.code, options.topic);
    match options.via {
        Via::Mqtt => {
            let (mqtt, _inbox) = options.doors.mqtt(&identity, "pub", &[])?;
            let published = mqtt.publish(&topic, options.payload.as_bytes(), options.retain);
            match within(published).await? {
                Err(PublishError::Refused) => return Err(refused(&topic).into()),
                published => published?,
            }
        }
        Via::Coap => {
            let payload = options.payload.clone().into_bytes();
            let request = match options.retain {
                true => Request::put(&topic, JSON, payload),
                false => Request::post(&topic, JSON, payload),
            };
            let answer = options.doors.coap(&identity)?.request(request).await?;
            if answer.code.0 >> 5 != 2 {
                return Err(format!("{} ({})", refused(&topic), answer.code).into());
            }
        }
        Via::Udp | Via::Qr | Via::File => {
            return Err("publishing needs a gateway: --via mqtt or --via coap".into());
        }
    }
    println!("published {topic}");
    Ok(())
}

/// A currency of the thing's own issuer.
fn currency(identity: &Identity, name: &str) -> Result<Currency, Failure> {
    let name = name
        .as_bytes()
        .try_into()
        .map_err(|_| "a currency has three letters")?;
    let issuer = identity.credentials.code.issued_by().issuer;
    Ok(Currency::new(issuer, name).ok_or("a currency has three capital letters")?)
}

/// An own reference: a number such as a session's.
fn reference(number: u64) -> Reference {
    Reference(u128::from(number).to_be_bytes())
}

fn refused(topic: &str) -> String {
    format!(
        "the gateway refuses to take {topic}: a thing publishes under t/, e/, s, twin/reported, r/ and w/out/"
    )
}

async fn subscribe(options: &Subscribe) -> Result<(), Failure> {
    let identity = identity(&options.doors.folder)?;
    let own = identity.credentials.code;
    let filter = format!("oc/1/{}/{}", options.of.unwrap_or(own), options.filter);
    let (mqtt, mut inbox) = match options.of {
        None => (options.doors).mqtt(&identity, "sub", std::slice::from_ref(&filter))?,
        Some(_) => (options.doors).topics(&identity, "sub", vec![filter.clone()])?,
    };
    within(mqtt.ready()).await??;
    eprintln!("subscribed to {filter}; Ctrl-C ends");
    let mut seen = 0;
    while let Some(message) = inbox.next().await {
        println!("{} {}", message.topic, readable(&message.payload));
        // What is for the purse stays in the inbox until the purse has read it.
        if !message.topic.ends_with("/w/in") {
            message.done();
        }
        seen += 1;
        if options.count.is_some_and(|count| seen >= count) {
            break;
        }
    }
    Ok(())
}

fn readable(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => payload.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
