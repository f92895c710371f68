//! `onecode station`: admits factory stations, orders from them, and takes what they bring back.
//! The gateway must not be running: these commands work on its folder themselves. While it runs, the
//! portal does the same, by the same desk.

use super::{Outcome, config, read};
use crate::house::{Failure, House};
use crate::issuing::IssueError;
use crate::stations::Desk;
use crate::wallet::now;
use admin::{Admission, ManifestTaken, Progress, StationWish};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use issuer::order::{SignedOrder, short};
use protocol::{AssuranceClass, Code, Kind};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at how far an import is.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Who did it, in the registry.
const BY: &str = "onecode station";

/// What to do with stations.
#[derive(Subcommand)]
pub enum Command {
    /// Certify a station for a quota of kinds, numbers and time.
    Admit(Admit),
    /// Order codes from a station.
    Order(Order),
    /// Take what a station made into the registry, once.
    Import(Import),
    /// Take nothing more from a station; what it handed in stays as it is.
    Dismiss(Dismiss),
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

/// The end of a station.
#[derive(Args)]
pub struct Dismiss {
    /// The station's code.
    station: Code,
    /// Why; it stays in the registry.
    #[arg(long)]
    reason: String,
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
            Command::Dismiss(options) => &options.place,
            Command::List(place) => place,
        };
        let config = config(place.config.as_deref(), place.data.as_deref())?;
        let house = House::open(&config).await?;
        let desk = house.stations_desk(&config)?;
        let done = match &command {
            Command::Admit(options) => admit(&desk, options).await,
            Command::Order(options) => order(&desk, options).await,
            Command::Import(options) => import(&desk, options).await,
            Command::Dismiss(options) => dismiss(&desk, options).await,
            Command::List(_) => list(&house).await,
        };
        house.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

async fn admit(desk: &Desk, options: &Admit) -> Result<(), Failure> {
    let asked = Admission {
        request: read(&options.request)?,
        name: options.name.clone(),
        kinds: options.kinds.iter().map(|kind| kind.kind()).collect(),
        first: options.first,
        last: options.last,
        days: options.days,
        by: BY.to_owned(),
    };
    let code = desk
        .admit(asked, now())
        .await
        .map_err(|error| said(&error))?;
    let (row, grant) = desk.station(&code).await.map_err(|error| said(&error))?;
    let text = row.granted.map(|(_, text)| text).unwrap_or_default();
    fs::write(&options.to, text)?;
    println!("{code}");
    println!(
        "Take {} to the station: `onecode-station install`",
        options.to.display()
    );
    println!("Root key, to be compared there: {}", grant.root_key_text());
    Ok(())
}

async fn order(desk: &Desk, options: &Order) -> Result<(), Failure> {
    let wish = StationWish {
        station: options.station,
        kind: options.kind.kind(),
        count: options.count,
        product: options.product.clone(),
        batch: options.batch.clone(),
        life_days: options.life_days,
        days: options.days,
        class: AssuranceClass::from_number(options.class).ok_or("--class wants 0, 1 or 2")?,
        by: BY.to_owned(),
    };
    let kind = wish.kind.word();
    let id = desk
        .order(wish, now())
        .await
        .map_err(|error| said(&error))?;
    let kept = desk.ledger.order(&id).await?.ok_or("the order is lost")?;
    let signed = SignedOrder {
        order: kept.bytes,
        pass: desk.authorities.gateway.pass().to_vec(),
    };
    fs::write(&options.to, signed.text())?;
    println!("order {}  {} of kind {kind}", short(&id), kept.count);
    println!(
        "Take {} to the station: `onecode-station run`",
        options.to.display()
    );
    Ok(())
}

async fn dismiss(desk: &Desk, options: &Dismiss) -> Result<(), Failure> {
    let why = (options.reason.clone(), BY.to_owned());
    let dismissed = desk.dismiss(options.station, why, now()).await;
    dismissed.map_err(|error| said(&error))?;
    println!(
        "{} is dismissed: no order, no manifest, no admission any more",
        options.station
    );
    println!("What it handed in stays good; revoke the codes that you do not trust.");
    Ok(())
}

async fn import(desk: &Desk, options: &Import) -> Result<(), Failure> {
    let path = &options.manifest;
    let length = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let taken = watched(desk, path, length.len()).await;
    let taken = taken.map_err(|error| format!("{}: {error}", path.display()))?;
    let number = taken.number;
    match taken.before {
        true => println!(
            "manifest {number} of this station is in the registry already; nothing changed"
        ),
        false => println!(
            "manifest {number}: {} codes, {} numbers given up",
            taken.made, taken.scrapped
        ),
    }
    Ok(())
}

/// Takes a manifest and shows how far it is: bytes while they are checked, then codes. The codes go
/// in by one transaction: a crash before its end leaves nothing, and bringing the manifest again
/// begins again.
async fn watched(desk: &Desk, path: &Path, bytes: u64) -> Result<ManifestTaken, IssueError> {
    let progress = Arc::new(Progress::new(bytes));
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(Some(1), target);
    let mut taking = pin!(desk.import(path, BY, now(), Arc::clone(&progress)));
    show(&bar, "checking [{bar:30}] {percent}%");
    let mut is_checked = false;
    let outcome = loop {
        let pause = tokio::time::sleep(LOOK_EVERY);
        tokio::select! {
            outcome = &mut taking => break outcome,
            () = pause => {}
        }
        if progress.is_checked() && !is_checked {
            show(&bar, "taking [{bar:30}] {pos}/{len}  {per_sec}");
            is_checked = true;
        }
        let (position, length) = match is_checked {
            true => progress.taken(),
            false => (progress.per_mille(), 1000),
        };
        bar.set_length(length);
        bar.set_position(position);
    };
    bar.finish_and_clear();
    outcome
}

fn show(bar: &ProgressBar, template: &str) {
    bar.reset();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

fn said(error: &IssueError) -> Failure {
    error.to_string().into()
}

async fn list(house: &House) -> Result<(), Failure> {
    for row in house.ledger.stations().await? {
        let code = row.granted.as_ref().map(|(code, _)| code.to_string());
        let ended = row
            .dismissed
            .map(|it| format!(", dismissed: {}", it.reason));
        println!(
            "station {}  {}  {}  next number {}, next manifest {}{}",
            row.station,
            code.unwrap_or_else(|| "(not signed yet)".to_owned()),
            row.name,
            row.next_sequence,
            row.next_manifest,
            ended.unwrap_or_default()
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
