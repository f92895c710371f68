//! The machines: cars and chargers with codes of their own, each in its folder.

use super::NETWORK;
use super::child::Doors;
use super::folder;
use super::links::{Car, Charger, car_reads};
use super::office::Office;
use super::progress::Progress;
use super::sessions::Session;
use super::thing::Thing;
use crate::house::Failure;
use crate::thing_folder::{identity, purse, settle_in};
use crate::wallet::now;
use device_sdk::coap::{Client, Settings as CoapSettings, Timing as CoapTiming};
use device_sdk::links::mqtt::{Mqtt, Settings as MqttSettings, Timing as MqttTiming};
use device_sdk::links::udp::{Answerer, Asker, Timing as UdpTiming};
use protocol::rules::Trust;
use protocol::{AmountMinor, Currency, Network};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Machines that enrol at the same time.
const ENROL_AT_ONCE: usize = 8;
/// What a charger takes offline from one payer at once, in millionths of a dollar.
const MOST_OFFLINE_MICRO_USD: u64 = 100_000_000;
/// What each purse gets beyond what its sessions need.
const SPARE_MICRO_USD: u64 = 5_000_000;

/// A charger and where cars find it.
pub struct Place {
    /// The charger.
    pub charger: Charger,
    /// Its UDP address for cars beside it.
    pub direct: SocketAddr,
}

/// All machines.
pub struct Fleet {
    network: Network,
    currency: Currency,
    cars: BTreeMap<u32, Car>,
    places: BTreeMap<u32, Place>,
    asker: Asker,
    folders: PathBuf,
    /// What the treasurer puts in, by driver.
    loads: BTreeMap<u32, u64>,
}

impl Fleet {
    /// Makes keys in every machine and gets each a code by the one enrolment path.
    pub async fn enrol(
        sessions: &[Session],
        folders: &Path,
        doors: Doors,
        trust: Trust,
        office: &Office,
    ) -> Result<Self, Failure> {
        let mut loads = BTreeMap::new();
        for session in sessions {
            *loads.entry(session.driver).or_insert(SPARE_MICRO_USD) += session.amount_micro_usd();
        }
        let stations: BTreeSet<u32> = sessions.iter().map(|session| session.station).collect();
        let names: Vec<String> = (loads.keys().map(|driver| car_name(*driver)))
            .chain(stations.iter().map(|station| charger_name(*station)))
            .collect();
        let progress = Arc::new(Progress::start("codes", names.len()));
        let secrets = tokio::task::block_in_place(|| office.secrets(names.len()))?;
        let url = doors.portal();
        let work: Vec<_> = names.into_iter().zip(secrets).collect();
        let mut at_work = tokio::task::JoinSet::new();
        for (name, secret) in work {
            if at_work.len() == ENROL_AT_ONCE {
                joined(at_work.join_next().await)?;
            }
            let (folder, url) = (folders.join(name), url.clone());
            let progress = Arc::clone(&progress);
            at_work.spawn_blocking(move || {
                let made = settle_in(&folder, &url, &trust, Some(&secret));
                progress.step();
                made.map(drop)
                    .map_err(|error| format!("{}: {error}", folder.display()).into())
            });
        }
        while let Some(done) = at_work.join_next().await {
            joined(Some(done))?;
        }
        let mut fleet = Self {
            network: trust.network,
            currency: Currency::new(1, *b"USD").ok_or("no currency")?,
            cars: BTreeMap::new(),
            places: BTreeMap::new(),
            asker: Asker::bind(
                (Ipv4Addr::LOCALHOST, 0).into(),
                now().0,
                UdpTiming::default(),
            )
            .await?,
            folders: folders.to_owned(),
            loads,
        };
        for driver in fleet.loads.clone().into_keys() {
            let car = fleet.start_car(driver, doors)?;
            fleet.cars.insert(driver, car);
        }
        for station in stations {
            let place = fleet.start_charger(station, doors).await?;
            fleet.places.insert(station, place);
        }
        Ok(fleet)
    }

    fn start_car(&self, driver: u32, doors: Doors) -> Result<Car, Failure> {
        let identity = identity(&self.folders.join(car_name(driver)))?;
        let thing = Arc::new(machine(&self.folders.join(car_name(driver)))?);
        let mut settings = MqttSettings::new(
            &doors.mqtt.ip().to_string(),
            doors.mqtt.port(),
            thing.code,
            identity.tls()?,
        );
        settings.timing = MqttTiming {
            longest_wait: Duration::from_millis(500),
            ..MqttTiming::default()
        };
        let (mqtt, inbox) = Mqtt::start(settings);
        tokio::spawn(car_reads(Arc::clone(&thing), inbox));
        Ok(Car { thing, mqtt })
    }

    async fn start_charger(&self, station: u32, doors: Doors) -> Result<Place, Failure> {
        let folder = self.folders.join(charger_name(station));
        let identity = identity(&folder)?;
        let thing = Arc::new(machine(&folder)?);
        let coap = Client::new(CoapSettings {
            gateway: doors.coaps,
            identity: Some(identity.dtls("localhost")?),
            timing: CoapTiming::NEARBY,
        })?;
        let charger = Charger {
            thing: Arc::clone(&thing),
            coap,
            network: self.network,
        };
        tokio::spawn(charger.clone().watch());
        let answerer = Answerer::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let direct = answerer.local_addr()?;
        tokio::spawn(async move {
            let error = answerer
                .serve(async |message: Vec<u8>| thing.answer(&message))
                .await;
            tracing::error!(%error, "a charger hears nothing any more");
        });
        Ok(Place { charger, direct })
    }

    /// The treasurer loads every car's purse, and each car asks for its allowance.
    pub async fn load(&self, office: &Office) -> Result<u64, Failure> {
        let progress = Progress::start("purses", self.cars.len());
        let mut total = 0;
        for (driver, car) in &self.cars {
            let amount = self.loads.get(driver).copied().unwrap_or(SPARE_MICRO_USD);
            let key = format!("demo-driver-{driver}");
            tokio::task::block_in_place(|| office.load(&car.thing.code, "USD", amount, &key))?;
            let wanted = AmountMinor::new(amount).ok_or("more than an amount can be")?;
            let renewal = car.thing.renewal(self.currency, wanted)?;
            car.ask(&renewal).await?;
            car.thing
                .until(|thing| thing.totals(self.currency).spendable == wanted)
                .await;
            total += amount;
            progress.step();
        }
        Ok(total)
    }

    /// Somebody copied the flash of a car: the same keys and the same purse, a second time.
    pub fn clone_of(&self, driver: u32) -> Result<Thing, Failure> {
        let original = self.folders.join(car_name(driver));
        let copy = self.folders.join(format!("{}-cloned", car_name(driver)));
        folder::copy(&original, &copy)?;
        machine(&copy)
    }

    /// Whose objects mean anything.
    pub fn network(&self) -> Network {
        self.network
    }

    /// What is paid in.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Asks a charger beside the car.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// The car of a driver.
    pub fn car(&self, driver: u32) -> Option<&Car> {
        self.cars.get(&driver)
    }

    /// The charger at a station.
    pub fn charger(&self, station: u32) -> Option<&Place> {
        self.places.get(&station)
    }

    /// All cars.
    pub fn cars(&self) -> impl Iterator<Item = &Car> {
        self.cars.values()
    }

    /// All chargers.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// All machines.
    pub fn things(&self) -> impl Iterator<Item = &Thing> {
        let cars = self.cars.values().map(|car| car.thing.as_ref());
        cars.chain(
            self.places
                .values()
                .map(|place| place.charger.thing.as_ref()),
        )
    }

    /// What the machines themselves know: what cars may still spend, what chargers were paid.
    pub fn held(&self) -> u64 {
        let totals = self.things().map(|thing| thing.totals(self.currency));
        totals
            .map(|totals| totals.spendable.get() + totals.received_settled.get())
            .sum()
    }
}

type Joined = Result<Result<(), Failure>, tokio::task::JoinError>;

fn joined(done: Option<Joined>) -> Result<(), Failure> {
    done.map_or(Ok(()), |done| done?)
}

/// A machine with the purse that lies in its folder.
fn machine(folder: &Path) -> Result<Thing, Failure> {
    let most = AmountMinor::new(MOST_OFFLINE_MICRO_USD).ok_or("no amount")?;
    let folder = folder.to_owned();
    Thing::new(Box::new(move || purse(&identity(&folder)?, &folder, most)))
}

fn car_name(driver: u32) -> String {
    format!("car-{driver:03}")
}

fn charger_name(station: u32) -> String {
    format!("charger-{station:03}")
}

/// The network of the demonstration.
pub fn network() -> Result<Network, Failure> {
    Ok(Network::new(NETWORK).ok_or("no name of a network")?)
}
