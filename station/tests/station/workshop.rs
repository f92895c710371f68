//! Authorities, a station, an order, and things that come along a line, all from seeds.

use issuer::journal::{Line, Number};
use issuer::label::Label;
use issuer::manifest::{Checked, ManifestFault, Position};
use issuer::order::SignedOrder;
use issuer::{
    Authorities, CheckedRequest, Grant, Key, Names, Plan, Quota, RandomFailed, StationOrder,
};
use protocol::keys::SoftwareKey;
use protocol::objects::{Rights, Text, WorkOrder};
use protocol::{AssuranceClass, Digest, Kind, Network, Reference, Signer, Timestamp};
use station::journal::{Journal, Storage};
use station::panel::{Bench, Station};
use station::world::{Device, Nature, News, Part, Printer, Scanner, Trouble};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub const NOW: Timestamp = Timestamp(1_795_348_800);
pub const DAY_S: u32 = 86_400;
pub const FIRST: Number = 100;
pub const LAST: Number = 1_000_000;

/// A counter in place of randomness.
pub fn counter(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), RandomFailed> {
    let mut next = 0;
    move |out: &mut [u8]| {
        next += 1;
        out.fill(next);
        out[0] = seed;
        Ok(())
    }
}

/// Who is above the station, and the station.
pub struct Workshop {
    pub authorities: Authorities,
    pub station: Station,
}

fn keys(seed: u8) -> [Key; 2] {
    let ca = SoftwareKey::p256(&[seed; 32]).unwrap();
    [Arc::new(ca), Arc::new(SoftwareKey::ed25519(&[seed; 32]))]
}

pub fn network() -> Network {
    Network::new("test").unwrap()
}

impl Workshop {
    pub fn new(kinds: &[Kind]) -> Self {
        Self::with_quota(Quota::new(7, kinds, FIRST, LAST).unwrap())
    }

    pub fn with_quota(quota: Quota) -> Self {
        let names = Names::new("onecode.internal", "localhost:8080").unwrap();
        let plan = Plan::new(network(), names.clone(), DAY_S);
        let authorities = Authorities::create(&plan, NOW, &mut counter(1)).unwrap();
        let [ca, pass] = keys(50);
        let request = issuer::authority_request(&network(), &ca, &pass).unwrap();
        let request = CheckedRequest::read(&request, &network()).unwrap();
        let order = StationOrder {
            number: 16,
            serial: [9; 16],
            quota,
            issued: NOW,
            not_after: NOW.plus_s(365 * DAY_S),
        };
        let issued = authorities.issuer.issue_station(&order, &request).unwrap();
        let grant = Grant {
            network: network(),
            root_key: authorities.root.pass_key(),
            names,
            certificates: [
                authorities.root.certificate().to_vec(),
                authorities.issuer.certificate().to_vec(),
                issued.certificate,
            ],
            passes: [authorities.issuer.pass().to_vec(), issued.pass],
        };
        // As it travels.
        let grant = Grant::read(&grant.text()).unwrap();
        let authority = grant.station(ca, pass).unwrap();
        Self {
            authorities,
            station: Station { grant, authority },
        }
    }

    pub fn work_order(&self, kind: Kind, count: u32) -> WorkOrder {
        let has_keys = issuer::order::has_keys(kind);
        WorkOrder {
            id: Reference([kind as u8 + 1; 16]),
            by: self.authorities.gateway.code(),
            station: self.station.authority.code(),
            kind,
            count,
            issued: NOW,
            expires: NOW.plus_s(30 * DAY_S),
            life_s: 90 * DAY_S,
            class: AssuranceClass::Software,
            rights: match has_keys {
                true => Rights::PAY.and(Rights::ACCEPT),
                false => Rights::default(),
            },
            product: Text::new("Meter 3"),
            batch: Text::new("B-17"),
        }
    }

    pub fn signed(&self, order: &WorkOrder) -> SignedOrder {
        let signed = SignedOrder::sign(&self.authorities.gateway, order).unwrap();
        SignedOrder::read(&signed.text()).unwrap()
    }

    pub fn order_line(&self, order: &WorkOrder) -> Line {
        let signed = self.signed(order);
        Line::Order {
            order: signed.order,
            pass: signed.pass,
        }
    }

    pub fn open(&self, path: &Path) -> Journal<File> {
        Journal::open(path, self.station.fresh()).unwrap()
    }

    /// What the gateway makes of a manifest file.
    pub fn import(&self, file: &Path, position: &Position) -> Result<Checked, ManifestFault> {
        let grant = &self.station.grant;
        issuer::manifest::read(
            &mut BufReader::new(File::open(file).unwrap()),
            &grant.view().unwrap(),
            &grant.trust(),
            &grant.passes[0],
            position,
        )
    }
}

/// Before the first manifest.
pub fn start() -> Position {
    Position {
        head: Digest::default(),
        next_sequence: FIRST,
        number: 1,
    }
}

/// A thing: keys made inside, and what it was given.
pub struct Thing {
    pub keys: [Key; 2],
    pub parts: Vec<Part>,
}

/// The line things come along, the labels on them, and a clock. It outlives the station's crashes.
#[derive(Default)]
pub struct Line3 {
    pub things: Vec<Thing>,
    pub placed: BTreeMap<Number, usize>,
    pub labels: BTreeMap<Number, Vec<String>>,
    pub drawn: u8,
    pub news: Vec<News>,
    pub misprint: Option<Number>,
}

/// One hand of the factory.
#[derive(Clone, Default)]
pub struct Hand(pub Arc<Mutex<Line3>>);

impl Device for Hand {
    fn request(&mut self, number: Number) -> Result<Vec<u8>, Trouble> {
        let mut line = self.0.lock().unwrap();
        let fresh = line.things.len();
        let place = *line.placed.entry(number).or_insert(fresh);
        if place == fresh {
            line.things.push(Thing {
                keys: keys(100 + fresh as u8),
                parts: Vec::new(),
            });
        }
        let [transport, wallet] = &line.things[place].keys;
        issuer::authority_request(&network(), transport, wallet).map_err(Trouble::new)
    }

    fn write(&mut self, number: Number, parts: &[Part]) -> Result<(), Trouble> {
        let mut line = self.0.lock().unwrap();
        let place = line.placed[&number];
        line.things[place].parts = parts.to_vec();
        Ok(())
    }

    fn read(&mut self, number: Number, names: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble> {
        let line = self.0.lock().unwrap();
        let parts = &line.things[line.placed[&number]].parts;
        let value = |name| parts.iter().find(|(of, _)| of == name).unwrap().1.clone();
        Ok(names.iter().map(value).collect())
    }
}

impl Printer for Hand {
    fn print(&mut self, number: Number, label: &Label) -> Result<(), Trouble> {
        let mut line = self.0.lock().unwrap();
        let text = match line.misprint.take_if(|bad| *bad == number) {
            Some(_) => "smudge".to_owned(),
            None => label.uri().to_owned(),
        };
        line.labels.entry(number).or_default().push(text);
        Ok(())
    }
}

impl Scanner for Hand {
    fn scan(&mut self, number: Number) -> Result<String, Trouble> {
        let line = self.0.lock().unwrap();
        let newest = line.labels.get(&number).and_then(|labels| labels.last());
        newest.cloned().ok_or_else(|| Trouble::new("no label"))
    }
}

impl Nature for Hand {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Trouble> {
        let mut line = self.0.lock().unwrap();
        line.drawn += 1;
        bytes.fill(line.drawn);
        Ok(())
    }
}

impl Hand {
    /// One panel on a bench with `places`.
    pub fn panel<S: Storage>(
        &self,
        station: &Station,
        journal: &mut Journal<S>,
        places: usize,
    ) -> Result<u32, station::panel::Stop> {
        let mut devices: Vec<Hand> = (0..places).map(|_| self.clone()).collect();
        let (mut printer, mut scanner, mut nature) = (self.clone(), self.clone(), self.clone());
        let mut hear = |news: &News| self.0.lock().unwrap().news.push(news.clone());
        let mut bench = Bench {
            devices: devices
                .iter_mut()
                .map(|hand| hand as &mut dyn Device)
                .collect(),
            printer: Some(&mut printer),
            scanner: Some(&mut scanner),
            nature: &mut nature,
            audience: &mut hear,
        };
        station.panel(journal, &mut bench)
    }
}

/// A signer that fits nothing here, for forgeries.
pub fn stranger() -> SoftwareKey {
    let key = SoftwareKey::ed25519(&[200; 32]);
    assert_ne!(key.public_key(), keys(50)[1].public_key());
    key
}
