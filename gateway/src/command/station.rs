//! `onecode station`: admits factory stations, orders from them, and takes what they bring back.
//! The gateway must not be running: these commands work on its folder themselves.

use super::{Outcome, config};
use crate::config::Config;
use crate::house::{Failure, House, plan, random};
use crate::wallet::now;
use clap::{Args, Subcommand, ValueEnum};
use issuer::label::Words;
use issuer::manifest::{self, Checked, MadeThing, Position};
use issuer::order::{SignedOrder, has_keys, short};
use issuer::{CheckedRequest, Grant, Quota, StationOrder};
use ledger::{
    BroughtManifest, BroughtThing, NewThing, OrderRow, StationGrant, StationRequest, StationRow,
    Taken,
};
use protocol::code::STATION_SEQUENCE_END;
use protocol::objects::{Rights, Text, WorkOrder};
use protocol::{AssuranceClass, Code, Digest, Kind, Reference};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DAY_S: u32 = 86_400;
/// Who did it, in the registry.
const BY: &str = "onecode station";
/// Longest request or grant that is read.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

/// What to do with stations.
#[derive(Subcommand)]
pub enum Command {
    /// Certify a station for a quota of kinds, numbers and time.
    Admit(Admit),
    /// Order codes from a station.
    Order(Order),
    /// Take what a station made into the registry, once.
    Import(Import),
    /// List stations and orders.
    List(Place),
}

/// Which gateway.
#[derive(Args)]
pub struct Place {
    /// Folder of keys and books. Its gateway must not be running.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// A station's quota.
#[derive(Args)]
pub struct Admit {
    /// The station's request: request.pem of `onecode-station init`.
    request: PathBuf,
    /// What people call it.
    #[arg(long, default_value = "")]
    name: String,
    /// What it may make.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "device")]
    kinds: Vec<StationKind>,
    /// Its first sequence number; fixed once it is admitted.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Its last sequence number; admit it again with a higher one when they run out.
    #[arg(long, default_value_t = 1_000_000)]
    last: u64,
    /// For how long.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Where the grant goes.
    #[arg(long, default_value = "grant.txt")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// What a station makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StationKind {
    /// Machines with keys of their own.
    Device,
    /// Modules inside something else.
    Module,
    /// Things without electronics.
    PassiveItem,
}

impl StationKind {
    const fn kind(self) -> Kind {
        match self {
            Self::Device => Kind::Device,
            Self::Module => Kind::Module,
            Self::PassiveItem => Kind::PassiveItem,
        }
    }
}

/// What to make.
#[derive(Args)]
pub struct Order {
    /// The station's code.
    station: Code,
    /// What kind of things.
    #[arg(long, value_enum, default_value = "device")]
    kind: StationKind,
    /// How many good ones.
    #[arg(long)]
    count: u32,
    /// Which product, for labels and the registry.
    #[arg(long, default_value = "")]
    product: String,
    /// Which batch.
    #[arg(long, default_value = "")]
    batch: String,
    /// How long certificates and passes of the things are good.
    #[arg(long, default_value_t = 3650)]
    life_days: u32,
    /// How long the station may work on it.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// How well the things keep their keys: 0 software, 1 isolated, 2 secure element.
    #[arg(long, default_value_t = 0)]
    class: u8,
    /// Where the order goes.
    #[arg(long, default_value = "order.txt")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// What a station brings.
#[derive(Args)]
pub struct Import {
    /// The manifest.
    manifest: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Opens the house, does it, closes it.
pub fn run(command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let place = match &command {
            Command::Admit(options) => &options.place,
            Command::Order(options) => &options.place,
            Command::Import(options) => &options.place,
            Command::List(place) => place,
        };
        let config = config(place.config.as_deref(), place.data.as_deref())?;
        let house = House::open(&config).await?;
        let done = match &command {
            Command::Admit(options) => admit(&house, &config, options).await,
            Command::Order(options) => order(&house, options).await,
            Command::Import(options) => import(&house, options).await,
            Command::List(_) => list(&house).await,
        };
        house.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    let named = |error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(named)?.len() > TEXT_BYTES_MAX {
        return Err(format!("{}: too long", path.display()).into());
    }
    Ok(fs::read_to_string(path).map_err(named)?)
}

async fn admit(house: &House, config: &Config, options: &Admit) -> Result<(), Failure> {
    let network = config.network;
    let request = CheckedRequest::read_pem(&read(&options.request)?, &network)
        .map_err(|error| format!("{}: {error}", options.request.display()))?;
    let mut serial = [0; 16];
    random(&mut serial).map_err(|_| "no random bytes")?;
    let asked = StationRequest {
        request: request.hash().0,
        serial,
        name: options.name.clone(),
        by: BY.to_owned(),
        first: options.first,
    };
    // A crash after this line leaves two numbers that stay with this request.
    let row = house.ledger.begin_station(asked, now()).await?;
    let kinds: Vec<Kind> = options.kinds.iter().map(|kind| kind.kind()).collect();
    let quota = Quota::new(row.station, &kinds, options.first, options.last)
        .ok_or("an empty quota, or numbers that no code holds")?;
    same_first(&row, quota.first)?;
    let signer = &house.authorities.issuer;
    let admitted = StationOrder {
        number: row.number,
        serial: if row.granted.is_some() {
            serial
        } else {
            row.serial
        },
        quota,
        issued: now(),
        not_after: now()
            .plus_s(options.days.saturating_mul(DAY_S))
            .min(signer.not_after()),
    };
    let issued = signer.issue_station(&admitted, &request)?;
    let grant = Grant {
        network,
        root_key: house.authorities.root.pass_key(),
        names: plan(config)?.names,
        certificates: [
            house.authorities.root.certificate().to_vec(),
            signer.certificate().to_vec(),
            issued.certificate,
        ],
        passes: [signer.pass().to_vec(), issued.pass],
    };
    let text = grant.text();
    let [_, _, certificate] = &grant.certificates;
    let [_, pass] = &grant.passes;
    let kept = StationGrant {
        number: row.number,
        code: issued.code,
        granted: text.clone(),
        certificate: Digest(Sha256::digest(certificate).into()),
        pass: Digest(Sha256::digest(pass).into()),
    };
    house.ledger.grant_station(kept, now()).await?;
    fs::write(&options.to, &text)?;
    println!("{}", issued.code);
    println!(
        "Take {} to the station: `onecode-station install`",
        options.to.display()
    );
    println!("Root key, to be compared there: {}", grant.root_key_text());
    Ok(())
}

/// The journal of a station counts from its first number.
fn same_first(row: &StationRow, first: u64) -> Result<(), Failure> {
    let Some((_, text)) = &row.granted else {
        return Ok(());
    };
    let before = Grant::read(text)?.view()?.quota().map(|quota| quota.first);
    match before == Some(first) {
        true => Ok(()),
        false => Err(format!(
            "this station was admitted from number {}; --first stays, --last may grow",
            before.unwrap_or_default()
        )
        .into()),
    }
}

async fn granted(house: &House, code: &Code) -> Result<(StationRow, Grant), Failure> {
    let row = house.ledger.station(code).await?;
    let row = row.ok_or_else(|| format!("{code} is no station of this gateway"))?;
    let text = row.granted.as_ref().map(|(_, text)| text.as_str());
    let grant = Grant::read(text.unwrap_or_default())?;
    Ok((row, grant))
}

async fn order(house: &House, options: &Order) -> Result<(), Failure> {
    let (_, grant) = granted(house, &options.station).await?;
    let kind = options.kind.kind();
    let quota = grant.view()?.quota().ok_or("the station has no quota")?;
    if !quota.covers(kind) {
        return Err(format!("this station may not make codes of kind {}", kind.word()).into());
    }
    let [product, batch] = [&options.product, &options.batch].map(|text| {
        // What stands on labels has to be printable there.
        let words: Words = text.parse()?;
        Ok::<_, Failure>(match words.is_empty() {
            true => None,
            false => Some(Text::new(words.as_str()).ok_or("product and batch: at most 48 bytes")?),
        })
    });
    let mut id = Reference::default();
    random(&mut id.0).map_err(|_| "no random bytes")?;
    let rights = match has_keys(kind) {
        true => Rights::PAY.and(Rights::ACCEPT),
        false => Rights::default(),
    };
    let order = WorkOrder {
        id,
        by: house.authorities.gateway.code(),
        station: options.station,
        kind,
        count: options.count,
        issued: now(),
        expires: now().plus_s(options.days.saturating_mul(DAY_S)),
        life_s: options.life_days.saturating_mul(DAY_S),
        class: AssuranceClass::from_number(options.class).ok_or("--class wants 0, 1 or 2")?,
        rights,
        product: product?,
        batch: batch?,
    };
    if order.count == 0 || u64::from(order.count) >= STATION_SEQUENCE_END {
        return Err("--count wants at least 1".into());
    }
    let signed = SignedOrder::sign(&house.authorities.gateway, &order)?;
    let row = OrderRow {
        id,
        station: order.station,
        bytes: signed.order.clone(),
        count: order.count,
        made: 0,
        product: options.product.clone(),
        batch: options.batch.clone(),
        by: BY.to_owned(),
        at: order.issued,
    };
    // An order that nobody remembers would not be taken back.
    house.ledger.keep_order(row).await?;
    fs::write(&options.to, signed.text())?;
    println!(
        "order {}  {} of kind {}",
        short(&id),
        order.count,
        kind.word()
    );
    println!(
        "Take {} to the station: `onecode-station run`",
        options.to.display()
    );
    Ok(())
}

async fn import(house: &House, options: &Import) -> Result<(), Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", options.manifest.display());
    let open = || fs::File::open(&options.manifest).map(BufReader::new);
    let mut first = String::new();
    let mut head = std::io::Read::take(open().map_err(|error| named(&error))?, 128);
    std::io::BufRead::read_line(&mut head, &mut first).map_err(|error| named(&error))?;
    let code = manifest::station_of(&first).ok_or_else(|| named(&"not a manifest"))?;
    let (row, grant) = granted(house, &code).await?;
    if let Some(number) = taken_before(house, &row, &options.manifest)? {
        println!("manifest {number} of this station is in the registry already; nothing changed");
        return Ok(());
    }
    let position = Position {
        head: row.head,
        next_sequence: row.next_sequence,
        number: row.next_manifest,
    };
    let station = grant.view()?;
    let mut from = open().map_err(|error| named(&error))?;
    let trust = grant.trust();
    let issuer_pass = house.authorities.issuer.pass();
    let checked = manifest::read(&mut from, &station, &trust, issuer_pass, &position)
        .map_err(|error| named(&error))?;
    let counts = (checked.manifest.made, checked.manifest.scrapped);
    let number = checked.manifest.number;
    let taken = house
        .ledger
        .take_manifest(brought(checked), BY, now())
        .await
        .map_err(|status| format!("not taken: {}", status.sentence()))?;
    match taken {
        Taken::Now => println!(
            "manifest {number}: {} codes, {} numbers given up",
            counts.0, counts.1
        ),
        Taken::Before => println!("manifest {number} was taken before; nothing changed"),
    }
    Ok(())
}

/// The number of a manifest that was taken, when this file is one: its signed end says which.
fn taken_before(house: &House, row: &StationRow, path: &Path) -> Result<Option<u32>, Failure> {
    let said = manifest::peek(&mut fs::File::open(path)?, &house.authorities.issuer)?;
    Ok(said.filter(|number| *number < row.next_manifest))
}

fn brought(checked: Checked) -> BroughtManifest {
    let said = &checked.manifest;
    let items = checked.items.into_iter();
    BroughtManifest {
        station: said.station,
        number: said.number,
        before: said.before,
        head: said.head,
        first_sequence: said.first_sequence,
        next_sequence: said.next_sequence,
        bytes: checked.signed,
        orders: checked
            .orders
            .iter()
            .map(|(order, made)| (order.id, *made))
            .collect(),
        things: checked.things.into_iter().map(thing).collect(),
        items: items
            .map(|made| (made.order.id, made.issued, made.codes))
            .collect(),
        scrapped: checked.scrapped,
    }
}

fn thing(made: MadeThing) -> BroughtThing {
    let words = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let order = &made.order;
    let batch = words(order.batch.as_ref().map(|text| text.as_str()));
    BroughtThing {
        request: made.request_hash,
        serial: made.serial,
        issued: made.issued,
        thing: NewThing {
            sequence: made.sequence,
            code: made.code,
            kind: order.kind,
            name: format!("{batch} {}", made.sequence).trim_start().to_owned(),
            product: words(order.product.as_ref().map(|text| text.as_str())),
            transport_spki: made.transport_spki,
            wallet_key: made.wallet_key,
            class: order.class,
            certificate: made.certificate,
            pass: made.pass,
        },
    }
}

async fn list(house: &House) -> Result<(), Failure> {
    for row in house.ledger.stations().await? {
        let code = row.granted.as_ref().map(|(code, _)| code.to_string());
        println!(
            "station {}  {}  {}  next number {}, next manifest {}",
            row.station,
            code.unwrap_or_else(|| "(not signed yet)".to_owned()),
            row.name,
            row.next_sequence,
            row.next_manifest
        );
    }
    for order in house.ledger.orders().await? {
        println!(
            "order {}  {} of {}  {} {}",
            short(&order.id),
            order.made,
            order.count,
            order.product,
            order.batch
        );
    }
    Ok(())
}
