//! `run`: an order is worked on until it is done, something fails, or somebody ends it.

use super::{Outcome, Where, now};
use crate::dry;
use crate::events::Show;
use crate::folder::Folder;
use crate::hook::{Hook, TIMEOUT_S};
use crate::journal::Journal;
use crate::panel::{Bench, PLACES_MOST, Station};
use crate::prints::{ItemLists, TypedScanner, ZplPrinter};
use crate::serial::SerialDevice;
use crate::world::{Audience, Device, Nature, Printer, Scanner, Trouble};
use clap::Args;
use issuer::journal::Line;
use issuer::label::Roll;
use issuer::order::{SignedOrder, has_keys, may_begin};
use protocol::objects::WorkOrder;
use protocol::{Network, Timestamp};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Working on an order.
#[derive(Args, Debug)]
pub struct Run {
    /// The order, as `onecode station order` wrote it.
    order: PathBuf,
    #[command(flatten)]
    tools: Tools,
    /// Make no more than so many now.
    #[arg(long)]
    most: Option<u32>,
    /// Try so many with throwaway keys: nothing is written into things, and no number is used.
    #[arg(long, value_name = "COUNT")]
    dry_run: Option<u32>,
    /// Write events as JSON lines into this file; `-` is standard output.
    #[arg(long)]
    events: Option<PathBuf>,
}

/// What stands around the station.
#[derive(Args, Debug)]
pub struct Tools {
    /// Reach things through this command.
    #[arg(long, value_name = "COMMAND", conflicts_with = "serial")]
    device_hook: Option<String>,
    /// Reach things over this serial line; name it once for each place on the bench.
    #[arg(long, value_name = "PATH")]
    serial: Vec<PathBuf>,
    /// Speed of the serial lines.
    #[arg(long, default_value_t = 115_200)]
    baud: u32,
    /// Print labels through this command.
    #[arg(long, value_name = "COMMAND", conflicts_with = "zpl")]
    print_hook: Option<String>,
    /// Print labels as ZPL into this device or file.
    #[arg(long, value_name = "PATH")]
    zpl: Option<PathBuf>,
    /// Read labels back through this command.
    #[arg(long, value_name = "COMMAND", conflicts_with = "scan_typed")]
    scan_hook: Option<String>,
    /// Read labels back from a scanner that types on standard input.
    #[arg(long)]
    scan_typed: bool,
    /// How long a command or a thing may take for one step.
    #[arg(long, default_value_t = TIMEOUT_S)]
    timeout_s: u64,
}

/// The tools, opened.
struct Opened {
    devices: Vec<Box<dyn Device>>,
    printer: Option<Box<dyn Printer>>,
    scanner: Option<Box<dyn Scanner>>,
    nature: Machine,
}

impl Opened {
    /// A bench with at most so many places.
    fn bench<'a>(&'a mut self, places: usize, audience: &'a mut dyn Audience) -> Bench<'a> {
        let devices = self.devices.iter_mut().take(places);
        Bench {
            devices: devices.map(|device| device.as_mut() as _).collect(),
            printer: self.printer.as_deref_mut().map(|printer| printer as _),
            scanner: self.scanner.as_deref_mut().map(|scanner| scanner as _),
            nature: &mut self.nature,
            audience,
        }
    }
}

impl Tools {
    fn open(
        &self,
        folder: &Folder,
        network: Network,
    ) -> Result<Opened, Box<dyn std::error::Error + Send + Sync>> {
        let timeout = Duration::from_secs(self.timeout_s);
        let exchange = folder.inner("exchange")?;
        let hook = |command: &String| Hook {
            command: command.clone(),
            timeout,
            folder: exchange.clone(),
        };
        let mut devices: Vec<Box<dyn Device>> = Vec::new();
        if let Some(command) = &self.device_hook {
            devices.push(Box::new(hook(command)));
        }
        for path in self.serial.iter().take(PLACES_MOST) {
            devices.push(Box::new(SerialDevice::open(
                path, self.baud, network, timeout,
            )?));
        }
        let printer: Option<Box<dyn Printer>> = match (&self.print_hook, &self.zpl) {
            (Some(command), _) => Some(Box::new(hook(command))),
            (None, Some(path)) => Some(Box::new(ZplPrinter {
                path: path.clone(),
                roll: Roll::ONE_ACROSS,
            })),
            (None, None) => None,
        };
        let scanner: Option<Box<dyn Scanner>> = match (&self.scan_hook, self.scan_typed) {
            (Some(command), _) => Some(Box::new(hook(command))),
            (None, true) => Some(Box::new(TypedScanner(BufReader::new(io::stdin())))),
            (None, false) => None,
        };
        Ok(Opened {
            devices,
            printer,
            scanner,
            nature: Machine,
        })
    }
}

/// Clock and randomness of this machine.
pub struct Machine;

impl Nature for Machine {
    fn now(&self) -> Timestamp {
        now()
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Trouble> {
        getrandom::fill(bytes).map_err(Trouble::new)
    }
}

/// Works on the order.
pub fn run(place: &Where, options: &Run) -> Outcome {
    let folder = place.open();
    let _lock = folder.lock()?;
    let passphrase = place.passphrase(&folder)?;
    let passphrase = passphrase.as_deref().map(String::as_str);
    let station = folder.open(passphrase)?;
    let mut journal = folder.open_journal(&station)?;
    let signed = SignedOrder::read(&crate::folder::read(&options.order)?)?;
    let order = signed.check(&station.grant.trust(), &station.grant.passes[0])?;
    let next = journal.state().next_sequence();
    may_begin(&station.authority, &order, next, 0, now())?;
    let mut tools = options.tools.open(&folder, station.grant.network)?;
    let events = events(options)?;
    if let Some(count) = options.dry_run {
        return dry_run(&station, &order, count, &mut tools, events);
    }
    if journal.state().order() != Some(&order) {
        if journal.state().open().any(|unit| unit.order.id != order.id) {
            return Err(
                "things of another order are open; finish that one first, or scrap them".into(),
            );
        }
        journal.append(vec![Line::Order {
            order: signed.order,
            pass: signed.pass,
        }])?;
    }
    let made = journal.state().made_for(&order.id);
    let most = options
        .most
        .map_or(order.count, |most| made.saturating_add(most));
    let most = most.min(order.count);
    let mut show = Show::begin(&order, made, events, now);
    let outcome = match has_keys(order.kind) {
        true => things(&station, &mut journal, &mut tools, &mut show, &order, most),
        false => {
            let seed = folder.seed(passphrase)?;
            let mut lists = ItemLists {
                folder: folder.inner("labels")?,
                names: station.grant.names.clone(),
            };
            items(&station, &mut journal, &seed, &mut lists, &mut show)
        }
    };
    let (made, scrapped) = journal.state().counts();
    show.finish(made, scrapped);
    outcome?;
    let made = journal.state().made_for(&order.id);
    println!("{made} of {} made for this order", order.count);
    println!(
        "{made_since} codes wait to be handed over: `onecode-station manifest`",
        made_since = journal.state().counts().0
    );
    Ok(())
}

fn events(options: &Run) -> io::Result<Option<Box<dyn Write>>> {
    Ok(match &options.events {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(Box::new(io::stdout())),
        Some(path) => Some(Box::new(
            File::options().create(true).append(true).open(path)?,
        )),
    })
}

fn things(
    station: &Station,
    journal: &mut Journal<File>,
    tools: &mut Opened,
    show: &mut Show,
    order: &WorkOrder,
    most: u32,
) -> Outcome {
    if tools.devices.is_empty() {
        return Err("nothing reaches the things; name --device-hook or --serial".into());
    }
    while journal.state().made_for(&order.id) < most {
        let left = most - journal.state().made_for(&order.id);
        let mut bench = tools.bench(left as usize, &mut *show);
        station.panel(journal, &mut bench)?;
    }
    Ok(())
}

fn items(
    station: &Station,
    journal: &mut Journal<File>,
    seed: &crate::items::Seed,
    lists: &mut ItemLists,
    show: &mut Show,
) -> Outcome {
    while station.items(journal, seed, lists, &Machine, show)? {}
    Ok(())
}

fn dry_run(
    station: &Station,
    order: &WorkOrder,
    count: u32,
    tools: &mut Opened,
    events: Option<Box<dyn Write>>,
) -> Outcome {
    let order = WorkOrder { count, ..*order };
    let mut show = Show::dry(&order, events, now);
    let mut bench = tools.bench(PLACES_MOST, &mut show);
    let tried = dry::run(station, &order, &mut bench);
    show.finish(0, 0);
    println!(
        "{} tried; nothing was written into things and no number was used",
        tried?
    );
    Ok(())
}
