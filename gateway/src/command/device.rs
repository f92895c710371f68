//! `onecode device`: be a thing on the command line.

use super::Outcome;
use crate::house::Failure;
use crate::trust_file::TrustFile;
use crate::wallet::now;
use clap::{Args, Subcommand, ValueEnum};
use device_sdk::coap::inbox::read_page;
use device_sdk::coap::{Client, Request, Settings as CoapSettings, Timing as CoapTiming};
use device_sdk::enrol::{Keys, enrol};
use device_sdk::identity_file::{Identity, load_keys, save_keys};
use device_sdk::journal_file::FileJournal;
use device_sdk::links::mqtt::{Deliveries, Mqtt, Peer, Settings as MqttSettings};
use device_sdk::links::udp::{Asker, Timing as UdpTiming};
use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Order, Purse, Settings};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::{AmountMinor, Code, Currency, Reference, Status};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Payments the purse of the command line can hold that no gateway has answered for.
const OUTBOX: usize = 256;
/// Payers it remembers.
const PAYERS: usize = 64;
/// How long it waits for a gateway's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may need to reach a gateway.
const SYNC_MARGIN_S: u32 = 3_600;
/// The transport key as PEM (PKCS#8), beside what `Identity` keeps in the folder.
const TRANSPORT_KEY_FILE: &str = "key.pem";
/// Content-Formats.
const JSON: u16 = 50;
const CBOR: u16 = 60;

type DevicePurse = Purse<SoftwareKey, FileJournal, OUTBOX, PAYERS>;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Make keys in a folder and get a code with a one-time secret.
    Init(Init),
    /// Publish under the own code, such as `t/temperature '{"temperature":25}'`.
    Pub(Publish),
    /// Print what is published under the own code, and what comes to the inbox.
    Sub(Subscribe),
    /// Pay another code from the purse in the folder.
    Pay(Pay),
}

/// Which way to the gateway, or to the payee.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// MQTT over mutual TLS.
    Mqtt,
    /// CoAP over DTLS.
    Coap,
    /// Directly to the payee beside us; no gateway is needed.
    Udp,
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
    /// The network's trust file (`trust.toml` in the gateway's data folder).
    #[arg(long)]
    trust: PathBuf,
    /// One-time secret, made in the portal under Codes or by the API.
    #[arg(long)]
    secret: String,
}

/// The thing, and where its gateway's doors are.
#[derive(Args)]
struct Thing {
    /// Folder of the thing.
    #[arg(long)]
    folder: PathBuf,
    /// The gateway's MQTT door.
    #[arg(long, default_value = "127.0.0.1:8883")]
    mqtt: SocketAddr,
    /// The gateway's CoAP door with DTLS.
    #[arg(long, default_value = "127.0.0.1:5684")]
    coaps: SocketAddr,
}

/// Something to publish.
#[derive(Args)]
pub struct Publish {
    #[command(flatten)]
    thing: Thing,
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
    thing: Thing,
    /// Filter below the own code.
    #[arg(default_value = "#")]
    filter: String,
    /// End after this many messages.
    #[arg(long)]
    count: Option<u64>,
}

/// What to pay.
#[derive(Args)]
pub struct Pay {
    #[command(flatten)]
    thing: Thing,
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

/// Does it.
pub fn run(command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match command {
        Command::Init(options) => init(&options),
        Command::Pub(options) => runtime.block_on(publish(&options)),
        Command::Sub(options) => runtime.block_on(subscribe(&options)),
        Command::Pay(options) => runtime.block_on(pay(&options)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn init(options: &Init) -> Result<(), Failure> {
    let trust = TrustFile::load(&options.trust)?.trust();
    if let Some(known) = Identity::load(&options.folder)? {
        save_transport_key(&options.folder, &known.keys)?;
        println!(
            "{:#} has lived in {} before",
            known.credentials.code,
            options.folder.display()
        );
        return Ok(());
    }
    let keys = match load_keys(&options.folder)? {
        // An earlier attempt was cut off: the same keys make the same request.
        Some(keys) => keys,
        None => {
            let mut random = [[0; 32]; 2];
            for half in &mut random {
                getrandom::fill(half)?;
            }
            let keys = Keys::from_random(&random[0], &random[1])?;
            save_keys(&options.folder, &keys)?;
            keys
        }
    };
    let credentials = enrol(&options.gateway, &trust, &options.secret, &keys, now())?;
    let code = credentials.code;
    save_transport_key(&options.folder, &keys)?;
    Identity {
        trust,
        keys,
        credentials,
    }
    .save(&options.folder)?;
    println!(
        "{code:#}\n\
         {folder}: keys and pass for the purse; for other clients of MQTT and CoAP\n\
         {folder}/{TRANSPORT_KEY_FILE}           transport key, keep it secret\n\
         {folder}/certificate.pem   certificate of the code\n\
         {folder}/authorities.pem   who the gateway is trusted by",
        folder = options.folder.display()
    );
    Ok(())
}

/// The transport key as every other TLS program wants it, readable by its owner only. It stands in
/// `keys` as well, so nothing is lost where this file is.
fn save_transport_key(folder: &Path, keys: &Keys) -> Result<(), Failure> {
    let path = folder.join(TRANSPORT_KEY_FILE);
    if path.exists() {
        return Ok(());
    }
    let key = keys.transport_pkcs8()?;
    let pem = der::pem::encode_string(
        "PRIVATE KEY",
        der::pem::LineEnding::LF,
        key.secret_pkcs8_der(),
    )?;
    let new = path.with_extension("new");
    // A leftover of an attempt that was cut off may have other permissions.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(&new)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    Ok(())
}

fn identity(folder: &Path) -> Result<Identity, Failure> {
    Identity::load(folder)?.ok_or_else(|| {
        format!(
            "{} holds no thing; make one with `onecode device init`",
            folder.display()
        )
        .into()
    })
}

impl Thing {
    fn mqtt(&self, identity: &Identity, filters: &[String]) -> Result<(Mqtt, Deliveries), Failure> {
        let (host, port) = (self.mqtt.ip().to_string(), self.mqtt.port());
        let mut settings =
            MqttSettings::new(&host, port, identity.credentials.code, identity.tls()?);
        settings.filters.extend_from_slice(filters);
        Ok(Mqtt::start(settings))
    }

    fn coap(&self, identity: &Identity) -> Result<Client, Failure> {
        Ok(Client::new(CoapSettings {
            gateway: self.coaps,
            identity: Some(identity.dtls(&self.coaps.ip().to_string())?),
            timing: CoapTiming::NEARBY,
        })?)
    }
}

async fn publish(options: &Publish) -> Result<(), Failure> {
    let identity = identity(&options.thing.folder)?;
    let topic = format!("oc/1/{}/{}", identity.credentials.code, options.topic);
    match options.via {
        Via::Mqtt => {
            let (mqtt, _inbox) = options.thing.mqtt(&identity, &[])?;
            within(mqtt.publish(&topic, options.payload.as_bytes(), options.retain)).await??;
        }
        Via::Coap => {
            let payload = options.payload.clone().into_bytes();
            let request = match options.retain {
                true => Request::put(&topic, JSON, payload),
                false => Request::post(&topic, JSON, payload),
            };
            let answer = options.thing.coap(&identity)?.request(request).await?;
            if answer.code.0 >> 5 != 2 {
                return Err(format!("the gateway answers {}", answer.code).into());
            }
        }
        Via::Udp => return Err("publishing needs a gateway: --via mqtt or --via coap".into()),
    }
    println!("published {topic}");
    Ok(())
}

async fn subscribe(options: &Subscribe) -> Result<(), Failure> {
    let identity = identity(&options.thing.folder)?;
    let filter = format!("oc/1/{}/{}", identity.credentials.code, options.filter);
    let (mqtt, mut inbox) = options
        .thing
        .mqtt(&identity, std::slice::from_ref(&filter))?;
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

/// A way to the gateway for one purse.
enum Way {
    Mqtt(Mqtt, Deliveries),
    Coap(Client),
}

impl Way {
    /// Sends a message and brings back whatever comes next: the answer, or news.
    async fn ask(&mut self, peer: Peer, message: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        match self {
            Self::Mqtt(mqtt, inbox) => {
                within(mqtt.send(peer, message)).await??;
                let next = within(inbox.next())
                    .await?
                    .ok_or("the connection was shut down")?;
                let bytes = next.payload.to_vec();
                next.done();
                Ok(vec![bytes])
            }
            Self::Coap(client) => {
                let path = format!("oc/1/me/w/out/{peer}");
                let answer = client
                    .request(Request::post(&path, CBOR, message.to_vec()))
                    .await?;
                Ok(vec![answer.payload])
            }
        }
    }

    /// What waits in the inbox.
    async fn news(&mut self, after: &mut u64) -> Result<Vec<Vec<u8>>, Failure> {
        match self {
            Self::Mqtt(_, inbox) => {
                let next = within(inbox.next())
                    .await?
                    .ok_or("the connection was shut down")?;
                let bytes = next.payload.to_vec();
                next.done();
                Ok(vec![bytes])
            }
            Self::Coap(client) => {
                let request = Request::get("oc/1/me/w/in").query(&format!("after={after}"));
                let page = read_page(&client.request(request).await?.payload)
                    .ok_or("not an inbox page")?;
                *after = page.last().map_or(*after, |(number, _)| *number);
                if page.is_empty() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(page.into_iter().map(|(_, message)| message).collect())
            }
        }
    }
}

async fn pay(options: &Pay) -> Result<(), Failure> {
    let identity = identity(&options.thing.folder)?;
    let mut purse = open_purse(&identity, &options.thing.folder)?;
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
    match options.via {
        Via::Udp => {
            let peer = options
                .peer
                .ok_or("--via udp wants --peer ADDRESS:PORT of the payee")?;
            directly(&mut purse, &order, peer).await
        }
        Via::Mqtt => {
            let (mqtt, inbox) = options.thing.mqtt(&identity, &[])?;
            within(mqtt.ready()).await??;
            through_gateway(&mut purse, &order, Way::Mqtt(mqtt, inbox)).await
        }
        Via::Coap => {
            through_gateway(
                &mut purse,
                &order,
                Way::Coap(options.thing.coap(&identity)?),
            )
            .await
        }
    }
}

fn open_purse(identity: &Identity, folder: &Path) -> Result<DevicePurse, Failure> {
    let given = &identity.credentials;
    let settings = Settings {
        me: given.code,
        pass: &given.pass,
        trust: identity.trust,
        sync_margin_s: SYNC_MARGIN_S,
        most_by_class: [AmountMinor::ZERO; 3],
    };
    let journal = FileJournal::open(&folder.join("purse.journal"))?;
    let mut purse = DevicePurse::open(settings, identity.keys.wallet(), journal)?;
    purse
        .trust_gateway(&given.issuer_pass, &given.gateway_pass, now())
        .map_err(explain)?;
    Ok(purse)
}

fn explain(status: Status) -> String {
    format!("{status}: {}", status.sentence())
}

async fn directly(purse: &mut DevicePurse, order: &Order, peer: SocketAddr) -> Result<(), Failure> {
    let evidence = written(|out| purse.pay(order, now(), out))?;
    let asker = Asker::bind(
        (Ipv4Addr::UNSPECIFIED, 0).into(),
        now().0,
        UdpTiming::default(),
    )
    .await?;
    let answer = asker.ask(peer, &evidence).await?;
    match take(purse, &answer)? {
        Event::Receipted { .. } => println!("paid; the payee's receipt is in the purse"),
        other => println!("the payee answered {other:?}"),
    }
    Ok(())
}

async fn through_gateway(
    purse: &mut DevicePurse,
    order: &Order,
    mut way: Way,
) -> Result<(), Failure> {
    // What the purse still holds is shown first: a gateway grants nothing on top of unknown links.
    let mut cursor = HandInCursor::default();
    let mut out = [0; OUT_MAX];
    while let Some(len) = purse.hand_in(&mut cursor, &mut out).map_err(explain)? {
        for answer in way
            .ask(Peer::Gateway, out.get(..len).unwrap_or_default())
            .await?
        {
            take(purse, &answer)?;
        }
    }
    if purse.spendable(order.currency) < order.amount {
        let renewal = written(|out| purse.renewal(order.currency, order.amount, now(), out))?;
        for answer in way.ask(Peer::Gateway, &renewal).await? {
            if let Event::Refused { status, .. } = take(purse, &answer)? {
                return Err(format!("no allowance: {}", explain(status)).into());
            }
        }
    }
    let evidence = written(|out| purse.pay(order, now(), out))?;
    let mut messages = way.ask(Peer::Code(order.payee), &evidence).await?;
    println!("sent; waiting for the payee");
    let mut after = 0;
    let settled = async {
        loop {
            for message in messages {
                match take(purse, &message)? {
                    Event::Stated {
                        outcome: Status::Settled,
                        ..
                    } => return Ok::<_, Failure>("settled"),
                    Event::Refused { status, .. } => return Err(explain(status).into()),
                    _ => {}
                }
            }
            messages = way.news(&mut after).await?;
        }
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, settled).await {
        Ok(outcome) => println!("{}", outcome?),
        Err(_) => println!(
            "in transit: the gateway keeps it until the payee takes it; pay again with the same reference to see"
        ),
    }
    Ok(())
}

fn take(purse: &mut DevicePurse, message: &[u8]) -> Result<Event, Failure> {
    if let Ok(Message::Evidence { .. }) = Message::read(message) {
        // This purse only pays; what others pay it waits at the gateway.
        return Ok(Event::Known);
    }
    Ok(purse.receive(message, now()).map_err(explain)?)
}

fn written(step: impl FnOnce(&mut [u8]) -> Result<usize, Status>) -> Result<Vec<u8>, Failure> {
    let mut out = [0; OUT_MAX];
    let len = step(&mut out).map_err(explain)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

async fn within<T>(answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer)
        .await
        .map_err(|_| "no answer from the gateway; is it running, and is the address right?".into())
}
