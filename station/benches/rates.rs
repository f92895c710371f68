//! What a station makes in a second, beside what its signatures alone would take in the same run.
//!
//! ```text
//! cargo bench -p station --bench rates
//! ```
//! Units are made on benches of 64 places with keys in software and a journal on the disk of the
//! working folder. The raw figure beside it is two keys drawn and two signatures, nothing else.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench ends when something is wrong"
)]

#[path = "../tests/station/workshop.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod workshop;

use issuer::label::{Form, Label};
use issuer::{Key, key_file};
use protocol::{Algorithm, Kind};
use station::items::{Item, ItemPrinter, Seed};
use station::journal::Journal;
use station::panel::{Bench, PLACES_MOST};
use station::world::{Device, News, Part, Trouble};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use workshop::{Hand, Workshop, start};
use zeroize::Zeroizing;

const UNITS: u32 = 64 * 32;
const LABELS: u64 = 2_000;
const PICTURES: usize = 100;
const ITEMS: u32 = 1_000_000;

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn random(bytes: &mut [u8]) -> Result<(), issuer::RandomFailed> {
    getrandom::fill(bytes).map_err(|_| issuer::RandomFailed)
}

fn keys() -> [Key; 2] {
    [Algorithm::P256, Algorithm::Ed25519]
        .map(|kind| Arc::new(key_file::generate(kind, &mut random).unwrap()) as Key)
}

/// A thing that makes its keys when it is asked, and remembers what it is given.
#[derive(Default)]
struct Thing {
    number: u64,
    request: Vec<u8>,
    parts: Vec<Part>,
    /// What its own signatures took: they are the thing's work, on its own processor.
    own: Duration,
}

impl Device for Thing {
    fn request(&mut self, number: u64) -> Result<Vec<u8>, Trouble> {
        if self.number != number {
            let [transport, wallet] = keys();
            let began = Instant::now();
            let request = issuer::authority_request(&workshop::network(), &transport, &wallet);
            self.own += began.elapsed();
            (self.number, self.request) = (number, request.map_err(Trouble::new)?);
        }
        Ok(self.request.clone())
    }

    fn write(&mut self, _: u64, parts: &[Part]) -> Result<(), Trouble> {
        self.parts = parts.to_vec();
        Ok(())
    }

    fn read(&mut self, _: u64, _: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(self.parts.iter().map(|(_, bytes)| bytes.clone()).collect())
    }
}

/// Keys of two kinds and one signature by each: what no station can do without.
fn raw() -> f64 {
    let signers = keys();
    let message = [7; 400];
    let began = Instant::now();
    for _ in 0..UNITS {
        std::hint::black_box(keys());
        for signer in &signers {
            std::hint::black_box(signer.sign(&message).unwrap());
        }
    }
    per_second(UNITS.into(), began.elapsed())
}

fn units(folder: &Path) -> f64 {
    let shop = Workshop::new(&[Kind::Device]);
    let path = folder.join("units");
    let mut journal = Journal::open(&path, shop.station.fresh()).unwrap();
    let order = shop.work_order(Kind::Device, UNITS);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    let mut things: Vec<Thing> = (0..PLACES_MOST).map(|_| Thing::default()).collect();
    let (mut nature, mut silent) = (Hand::default(), |_: &News| {});
    let mut serials = Serials(&mut nature, 0);
    let began = Instant::now();
    let mut made = 0;
    while made < UNITS {
        let devices = things.iter_mut().map(|thing| thing as &mut dyn Device);
        let mut bench = Bench {
            devices: devices.collect(),
            printer: None,
            scanner: None,
            nature: &mut serials,
            audience: &mut silent,
        };
        made += shop.station.panel(&mut journal, &mut bench).unwrap();
    }
    let own: Duration = things.iter().map(|thing| thing.own).sum();
    per_second(UNITS.into(), began.elapsed() - own)
}

/// The workshop's clock, with serial numbers that count on.
struct Serials<'a>(&'a mut Hand, u64);

impl station::world::Nature for Serials<'_> {
    fn now(&self) -> protocol::Timestamp {
        self.0.now()
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Trouble> {
        self.1 += 1;
        bytes.fill(1);
        for (to, byte) in bytes.iter_mut().zip(self.1.to_be_bytes()) {
            *to = byte | 1;
        }
        Ok(())
    }
}

fn labels(shop: &Workshop) {
    let order = shop.work_order(Kind::PassiveItem, 1);
    let items = shop
        .station
        .block(&seed(), workshop::FIRST, workshop::FIRST + LABELS - 1);
    let items = items.unwrap();
    let began = Instant::now();
    let label = |item: &Item| shop.station.label(&item.code, &order).unwrap();
    let labels: Vec<Label> = items.iter().map(label).collect();
    let drawn = began.elapsed();
    for (name, count) in [
        ("a4-65", labels.len()),
        ("zpl1", labels.len()),
        ("png", PICTURES),
    ] {
        let form = Form::named(name, None).unwrap();
        let some = labels.get(..count).unwrap();
        let began = Instant::now();
        match name {
            "png" => some.iter().for_each(|label| {
                std::hint::black_box(form.draw(std::slice::from_ref(label), 0).unwrap());
            }),
            _ => drop(std::hint::black_box(form.draw(some, 0).unwrap())),
        }
        let share = drawn.mul_f64(count as f64 / labels.len() as f64);
        let rate = per_second(count as u64, began.elapsed() + share);
        println!("labels, {:<4} {rate:>10.0}/s", form.ending());
    }
}

struct Nowhere;

impl ItemPrinter for Nowhere {
    fn print(&mut self, _: &protocol::objects::WorkOrder, _: &[Item]) -> Result<(), Trouble> {
        Ok(())
    }
}

fn seed() -> Seed {
    Seed::new(Zeroizing::new([5; 32]))
}

/// From an order to a manifest that the gateway's own check has gone through.
fn batch(folder: &Path) {
    let quota = issuer::Quota::new(
        7,
        &[Kind::PassiveItem],
        workshop::FIRST,
        u64::from(ITEMS) * 2,
    );
    let shop = Workshop::with_quota(quota.unwrap());
    let path = folder.join("items");
    let mut journal: Journal<File> = shop.open(&path);
    let order = shop.work_order(Kind::PassiveItem, ITEMS);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    let (hand, mut silent) = (Hand::default(), |_: &News| {});
    let began = Instant::now();
    while shop
        .station
        .items(&mut journal, &seed(), &mut Nowhere, &hand, &mut silent)
        .unwrap()
    {}
    let made = began.elapsed();
    shop.station.close(&mut journal, workshop::NOW).unwrap();
    let pieces = shop.station.pieces(&path).unwrap();
    let piece = pieces.first().unwrap();
    let file = shop.station.write_manifest(&path, piece, folder).unwrap();
    let handed = began.elapsed() - made;
    let checked = shop.import(&file, &start()).unwrap();
    let whole = began.elapsed();
    assert_eq!(checked.manifest.made, ITEMS);
    let bytes = std::fs::metadata(&file).unwrap().len();
    println!("a batch of {ITEMS} without keys, order to checked manifest: {whole:.1?}");
    println!(
        "  made {made:.1?}, written {handed:.1?}, checked {:.1?}, {bytes} bytes",
        whole - made - handed
    );
}

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load {}", load.trim());
    let (before, made, after) = (raw(), units(folder.path()), raw());
    let bound = before.midpoint(after);
    println!("two keys and two signatures {bound:>8.0}/s");
    println!(
        "units                       {made:>8.0}/s  ratio {:.2}",
        made / bound
    );
    labels(&Workshop::new(&[Kind::PassiveItem]));
    batch(folder.path());
}
