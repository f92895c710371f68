//! A dry run: everything up to the label, with a station that exists for this run only.
//!
//! Its codes are under a root that nobody trusts, its journal is in memory, and nothing is written
//! into things; but things are asked, labels are printed (their batch says so) and read back.

use crate::items::Seed;
use crate::journal::{self, Journal, Storage};
use crate::panel::{Bench, Station, Stop};
use crate::world::{Device, Part, Trouble};
use issuer::journal::{Line, Number};
use issuer::order::{SignedOrder, has_keys};
use issuer::{Authorities, CheckedRequest, Grant, Key, Plan, Quota, RandomFailed, StationOrder};
use protocol::Algorithm;
use protocol::objects::{Text, WorkOrder};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

const DAY_S: u32 = 86_400;
const BATCH: &str = "DRY RUN";
/// Numbers of throwaway codes.
const NUMBERS: (Number, Number) = (1, 1_000_000);

struct Forgetful;

impl Storage for Forgetful {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// A thing that is asked and never written to.
struct Untouched<'a> {
    device: &'a mut dyn Device,
    given: BTreeMap<Number, Vec<Part>>,
}

impl Device for Untouched<'_> {
    fn request(&mut self, number: Number) -> Result<Vec<u8>, Trouble> {
        self.device.request(number)
    }

    fn write(&mut self, number: Number, parts: &[Part]) -> Result<(), Trouble> {
        self.given.insert(number, parts.to_vec());
        Ok(())
    }

    fn read(&mut self, number: Number, _: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble> {
        let given = self.given.remove(&number).unwrap_or_default();
        Ok(given.into_iter().map(|(_, bytes)| bytes).collect())
    }
}

/// Tries as many as the order says; how many went through.
pub fn run(station: &Station, order: &WorkOrder, bench: &mut Bench<'_>) -> Result<u32, Stop> {
    let trouble = |trouble| Stop::Trouble(0, trouble);
    let (throwaway, gateway) = throwaway(station, order, bench).map_err(trouble)?;
    let order = WorkOrder {
        by: gateway.gateway.code(),
        station: throwaway.authority.code(),
        batch: Text::new(BATCH),
        ..*order
    };
    let signed = SignedOrder::sign(&gateway.gateway, &order);
    let signed = signed.map_err(|error| trouble(Trouble::new(error)))?;
    let empty = journal::read(&mut io::empty(), throwaway.fresh())?;
    let mut journal: Journal<Forgetful> = empty.with(Forgetful);
    journal.append(vec![Line::Order {
        order: signed.order,
        pass: signed.pass,
    }])?;
    if !has_keys(order.kind) {
        let seed = Seed::new(Zeroizing::new([1; 32]));
        let last = NUMBERS.0 + u64::from(order.count).max(1) - 1;
        for item in throwaway.block(&seed, NUMBERS.0, last)? {
            throwaway.label(&item.code, &order).map_err(trouble)?;
        }
        return Ok(order.count);
    }
    let devices = bench.devices.iter_mut();
    let mut untouched: Vec<Untouched<'_>> = devices
        .map(|device| Untouched {
            device: &mut **device,
            given: BTreeMap::new(),
        })
        .collect();
    if untouched.is_empty() {
        return Err(trouble(Trouble::new(
            "nothing reaches the things; name --device-hook or --serial",
        )));
    }
    let mut made = 0;
    while made < order.count {
        let mut bench = Bench {
            devices: untouched
                .iter_mut()
                .map(|thing| thing as &mut dyn Device)
                .collect(),
            printer: bench.printer.as_deref_mut().map(|printer| printer as _),
            scanner: bench.scanner.as_deref_mut().map(|scanner| scanner as _),
            nature: &mut *bench.nature,
            audience: &mut *bench.audience,
        };
        made += throwaway.panel(&mut journal, &mut bench)?;
    }
    Ok(made)
}

/// A whole network in memory, with the names of the real one.
fn throwaway(
    station: &Station,
    order: &WorkOrder,
    bench: &mut Bench<'_>,
) -> Result<(Station, Authorities), Trouble> {
    let now = bench.nature.now();
    let mut random = |bytes: &mut [u8]| bench.nature.random(bytes).map_err(|_| RandomFailed);
    let names = station.grant.names.clone();
    let plan = Plan::new(station.grant.network, names.clone(), DAY_S);
    let above = Authorities::create(&plan, now, &mut random).map_err(Trouble::new)?;
    let mut key = |algorithm| -> Result<Key, Trouble> {
        let key = issuer::key_file::generate(algorithm, &mut random);
        Ok(Arc::new(key.map_err(|_| Trouble::new("no random bytes"))?))
    };
    let (ca, pass) = (key(Algorithm::P256)?, key(Algorithm::Ed25519)?);
    let request = issuer::authority_request(&plan.network, &ca, &pass).map_err(Trouble::new)?;
    let request = CheckedRequest::read(&request, &plan.network).map_err(Trouble::new)?;
    let quota = Quota::new(2, &[order.kind], NUMBERS.0, NUMBERS.1);
    let made = StationOrder {
        number: issuer::STATION_NUMBER_FIRST,
        serial: [1; 16],
        quota: quota.ok_or_else(|| Trouble::new("no such quota"))?,
        issued: now,
        not_after: now.plus_s(DAY_S),
    };
    let issued = above
        .issuer
        .issue_station(&made, &request)
        .map_err(Trouble::new)?;
    let grant = Grant {
        network: plan.network,
        root_key: above.root.pass_key(),
        names,
        certificates: [
            above.root.certificate().to_vec(),
            above.issuer.certificate().to_vec(),
            issued.certificate,
        ],
        passes: [above.issuer.pass().to_vec(), issued.pass],
    };
    let authority = grant.station(ca, pass).map_err(Trouble::new)?;
    Ok((Station { grant, authority }, above))
}
