//! A station is admitted in two steps, like a thing; what it made comes back in manifests, each
//! taken once, whole, and in order.

use super::printable;
use crate::bounds::{CERTIFICATE_BYTES_MOST, GRANT_BYTES_MOST};
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::store::issuing::{NewThing, insert_thing};
use crate::store::life;
use crate::store::stations::{self, Dismissal, NewStation, OrderRow, StationRow};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{Act, ActKind};
use protocol::code::{STATION_END, STATION_SEQUENCE_END};
use protocol::cose::SIGNED_MAX;
use protocol::{Code, Digest, Reference, Status, Timestamp};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct BeginStation {
    pub request: [u8; 32],
    pub serial: [u8; 16],
    pub name: String,
    pub by: String,
    pub first: u64,
    pub now: Timestamp,
}

impl Command for BeginStation {
    type Answer = StationRow;

    async fn execute(&self, desk: &mut Desk) -> Result<StationRow, Failure> {
        printable(&self.name)?;
        printable(&self.by)?;
        let connection = &mut desk.connection;
        if stations::by_request(connection, &self.request)
            .await?
            .is_none()
        {
            let new = NewStation {
                request: &self.request,
                serial: &self.serial,
                name: &self.name,
                by: &self.by,
                first: self.first,
                now: self.now,
            };
            stations::insert(connection, &new).await?;
            here(CrashPoint::StationNumbered);
        }
        let row = stations::by_request(connection, &self.request).await?;
        let row = row.ok_or(Status::Storage)?;
        if row.station >= STATION_END {
            return Err(Status::Full.into());
        }
        // After the commit both numbers stay with this request, signed or not.
        Ok(row)
    }
}

/// What was signed for a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationGrant {
    /// Its own number.
    pub number: u64,
    /// Its code.
    pub code: Code,
    /// All it is given, as one text.
    pub granted: String,
    /// SHA-256 of its certificate.
    pub certificate: Digest,
    /// Its pass.
    pub pass: Vec<u8>,
}

pub(crate) struct GrantStation {
    pub grant: StationGrant,
    pub now: Timestamp,
}

impl Command for GrantStation {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let StationGrant {
            number,
            code,
            granted,
            certificate,
            pass,
        } = &self.grant;
        let is_too_long = granted.len() > GRANT_BYTES_MOST || pass.len() > SIGNED_MAX;
        if is_too_long || code.sequence() != *number {
            return Err(Status::Malformed.into());
        }
        let connection = &mut desk.connection;
        let before = stations::by_code(connection, code).await?;
        let kept = before.as_ref().and_then(|before| before.granted.as_ref());
        if kept.is_some_and(|(_, text)| text == granted) {
            // Its answer was lost: it is kept, and stands in the code chain.
            return Ok(());
        }
        before.as_ref().map_or(Ok(()), works_on)?;
        stations::grant(connection, *number, code, granted, pass).await?;
        here(CrashPoint::StationGranted);
        let kind = match before {
            None => ActKind::Issued,
            Some(_) => ActKind::Rekeyed,
        };
        let act = Act {
            signed: Some(Digest(Sha256::digest(pass).into())),
            certificate: Some(*certificate),
            ..Act::new(kind, *code, self.now)
        };
        chain::append(connection, &act).await?;
        Ok(())
    }
}

/// Nothing more is taken from a station that was dismissed, whoever asks.
fn works_on(station: &StationRow) -> Result<(), Status> {
    match &station.dismissed {
        Some(_) => Err(Status::Frozen),
        None => Ok(()),
    }
}

pub(crate) struct DismissStation {
    pub code: Code,
    pub dismissal: Dismissal,
}

impl Command for DismissStation {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let Dismissal { at, reason, by } = &self.dismissal;
        printable(reason)?;
        printable(by)?;
        let connection = &mut desk.connection;
        let station = stations::by_code(connection, &self.code).await?;
        if station.ok_or(Status::UnknownCode)?.dismissed.is_some() {
            // Said before; when, why and by whom stay as they were.
            return Ok(());
        }
        stations::dismiss(connection, &self.code, &self.dismissal).await?;
        // Until the commit the station works on; after it the chain says what the registry does.
        here(CrashPoint::StationDismissed);
        chain::append(connection, &Act::new(ActKind::Revoked, self.code, *at)).await?;
        Ok(())
    }
}

pub(crate) struct KeepOrder(pub OrderRow);

impl Command for KeepOrder {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let order = &self.0;
        printable(&order.by)?;
        let known = stations::by_code(&mut desk.connection, &order.station).await?;
        works_on(&known.ok_or(Status::UnknownCode)?)?;
        if order.bytes.len() > SIGNED_MAX {
            return Err(Status::Malformed.into());
        }
        stations::insert_order(&mut desk.connection, order).await?;
        here(CrashPoint::OrderKept);
        Ok(())
    }
}

/// A thing that a station made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtThing {
    /// What the registry keeps of it.
    pub thing: NewThing,
    /// SHA-256 of its request.
    pub request: Digest,
    /// Of its certificate.
    pub serial: [u8; 16],
    /// When its number was taken.
    pub issued: Timestamp,
    /// Which order it was made for.
    pub order: Reference,
}

/// A manifest whose lines and signatures were checked against the station's grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtManifest {
    /// Whose.
    pub station: Code,
    /// Which.
    pub number: u32,
    /// The chain's head before it.
    pub before: Digest,
    /// After it.
    pub head: Digest,
    /// The first number it may use.
    pub first_sequence: u64,
    /// The first one it leaves.
    pub next_sequence: u64,
    /// Signed.
    pub bytes: Vec<u8>,
    /// How many each order got.
    pub orders: Vec<(Reference, u32)>,
    /// Things with keys.
    pub things: Vec<BroughtThing>,
    /// Things without: for which order, when, and their codes.
    pub items: Vec<(Reference, Timestamp, Vec<Code>)>,
    /// Numbers given up, and why.
    pub scrapped: Vec<(u64, String)>,
}

/// What became of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the registry now.
    Now,
    /// It was there already; nothing changed.
    Before,
}

pub(crate) struct TakeManifest {
    pub brought: BroughtManifest,
    pub by: String,
    pub now: Timestamp,
    /// Codes taken so far, for whoever watches; nothing counts before all of them are in.
    pub taken: Arc<AtomicU64>,
}

impl Command for TakeManifest {
    type Answer = Taken;

    async fn execute(&self, desk: &mut Desk) -> Result<Taken, Failure> {
        let brought = &self.brought;
        printable(&self.by)?;
        self.bounded()?;
        let connection = &mut desk.connection;
        let station = stations::by_code(connection, &brought.station).await?;
        let station = station.ok_or(Status::UnknownCode)?;
        match stations::manifest(connection, &brought.station, brought.number).await? {
            Some(bytes) if bytes == brought.bytes => return Ok(Taken::Before),
            Some(_) => return Err(Status::Contradiction.into()),
            None => {}
        }
        works_on(&station)?;
        let follows = station.next_manifest == brought.number
            && station.head == brought.before
            && station.next_sequence == brought.first_sequence
            && brought.next_sequence <= STATION_SEQUENCE_END;
        if !follows {
            return Err(Status::OutOfSequence.into());
        }
        let mut orders = Vec::new();
        for (id, made) in &brought.orders {
            let number = stations::count_made(connection, id, *made).await?;
            orders.push((*id, number.ok_or(Status::NotPermitted)?));
        }
        let number_of = |id: &Reference| {
            let order = orders.iter().find(|(of, _)| of == id);
            order.map(|(_, number)| *number).ok_or(Status::Malformed)
        };
        // All of it is one transaction: until the commit nothing of the manifest is there, after it
        // everything, and the same manifest again is told so.
        here(CrashPoint::BroughtCounted);
        for thing in &brought.things {
            self.thing(desk, thing, number_of(&thing.order)?).await?;
            self.took(1);
        }
        for (id, issued, codes) in &brought.items {
            let order = number_of(id)?;
            stations::insert_items(&mut desk.connection, order, *issued, codes).await?;
            here(CrashPoint::ItemsKept);
            let issued = |code: &Code| Act::new(ActKind::Issued, *code, self.now);
            let acts: Vec<Act> = codes.iter().map(issued).collect();
            chain::append_all(&mut desk.connection, &acts).await?;
            self.took(codes.len());
        }
        let connection = &mut desk.connection;
        for (sequence, reason) in &brought.scrapped {
            stations::insert_scrapped(connection, &brought.station, *sequence, reason).await?;
        }
        let (head, next) = (&brought.head, brought.next_sequence);
        stations::advance(connection, &brought.station, head, next).await?;
        here(CrashPoint::StationMoved);
        let (number, bytes) = (brought.number, &brought.bytes);
        stations::insert_manifest(
            connection,
            &brought.station,
            number,
            bytes,
            &self.by,
            self.now,
        )
        .await?;
        Ok(Taken::Now)
    }
}

impl TakeManifest {
    fn took(&self, codes: usize) {
        self.taken.fetch_add(codes as u64, Ordering::Relaxed);
    }

    fn bounded(&self) -> Result<(), Status> {
        let brought = &self.brought;
        let fits = brought.bytes.len() <= SIGNED_MAX
            && brought.things.iter().all(|made| {
                made.thing.certificate.len() <= CERTIFICATE_BYTES_MOST
                    && made.thing.pass.len() <= SIGNED_MAX
            });
        if fits { Ok(()) } else { Err(Status::Malformed) }
    }

    async fn thing(&self, desk: &mut Desk, made: &BroughtThing, order: i64) -> Result<(), Failure> {
        let new = &made.thing;
        printable(&new.name)?;
        printable(&new.product)?;
        let connection = &mut desk.connection;
        let text = (new.name.as_str(), self.by.as_str());
        let fresh = stations::reserve(
            connection,
            &new.code,
            &made.request.0,
            &made.serial,
            text,
            made.issued,
        );
        if !fresh.await? {
            return Err(Status::NotPermitted.into());
        }
        here(CrashPoint::BroughtReserved);
        let place = stations::place(&new.code).unsigned_abs();
        let placed = NewThing {
            sequence: place,
            ..new.clone()
        };
        insert_thing(connection, &placed, made.issued, self.now).await?;
        here(CrashPoint::ThingStored);
        stations::insert_made(connection, order, &new.code).await?;
        life::begin(connection, &new.code, place, self.now).await?;
        let activated = Act::new(ActKind::Activated, new.code, self.now);
        for act in [chain::issued(&placed, self.now), activated] {
            chain::append(connection, &act).await?;
        }
        Ok(())
    }
}
