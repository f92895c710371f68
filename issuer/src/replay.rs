//! What a station's journal comes to: one state machine for the station, which resumes from it after
//! a crash, and for the gateway, which judges a piece of it.
//!
//! ```text
//! order    reserve -> request -> draft -> signed -> written [-> labelled [-> scanned]] -> done
//!          items -> printed
//!          manifest   (when nothing is open; then an order must be named again)
//! ```
//! A number that was reserved ends as done or as scrap; one that is done may still be scrapped until
//! the next manifest.

use crate::journal::{Chain, Line, LineFault, Number};
use crate::order::has_keys;
use protocol::code::{FINGERPRINT_BYTES, STATION_SEQUENCE_END};
use protocol::cose;
use protocol::objects::WorkOrder;
use protocol::{Code, Digest, Network, Reference, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most things that are begun and neither done nor scrapped.
pub const OPEN_MOST: usize = 256;
/// Most numbers of one manifest that are scrapped.
pub const SCRAPPED_MOST: usize = 100_000;

/// How far a thing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It has a number.
    Reserved,
    /// It has keys and asked.
    Requested,
    /// What will be signed was checked.
    Drafted,
    /// Its credentials are signed.
    Signed,
    /// It holds them.
    Written,
    /// Its label is printed.
    Labelled,
    /// Its label was read back.
    Scanned,
}

/// A thing that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its number.
    pub sequence: Number,
    /// Of its certificate.
    pub serial: [u8; 16],
    /// When its number was taken.
    pub time: Timestamp,
    /// For which order.
    pub order: WorkOrder,
    /// How far it has come.
    pub stage: Stage,
    /// PKCS#10, DER, from [`Stage::Requested`] on.
    pub request: Vec<u8>,
    /// Code and SHA-256 of the certificate without signature, from [`Stage::Drafted`] on.
    pub draft: Option<(Code, Digest)>,
    /// DER, from [`Stage::Signed`] on.
    pub certificate: Vec<u8>,
    /// Likewise.
    pub pass: Vec<u8>,
}

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A step in between.
    Step,
    /// Work began on this order.
    Begun(Box<WorkOrder>),
    /// A thing is made.
    Made(Box<Unit>),
    /// Things without keys are made.
    Items {
        /// For which order.
        order: Box<WorkOrder>,
        /// The first number.
        first: Number,
        /// When.
        time: Timestamp,
        /// The last ten bytes of each code.
        fingerprints: Vec<[u8; FINGERPRINT_BYTES]>,
    },
    /// A number is given up.
    Scrapped {
        /// Which.
        sequence: Number,
        /// Why.
        reason: String,
    },
    /// The piece of a manifest ends here.
    Closed(Piece),
}

/// A piece of a journal, from one manifest to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The manifest's number.
    pub number: u32,
    /// When it was closed.
    pub time: Timestamp,
    /// The chain's head before it.
    pub before: Digest,
    /// After its last line.
    pub head: Digest,
    /// Its lines.
    pub lines: u64,
    /// The first number it may reserve.
    pub first_sequence: Number,
    /// The first one it leaves.
    pub next_sequence: Number,
    /// Codes made.
    pub made: u32,
    /// Numbers given up.
    pub scrapped: u32,
}

/// Why a line is no next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFault {
    /// It cannot be read, or breaks the chain.
    Line(LineFault),
    /// The order cannot be read, or none is named.
    Order,
    /// More than was ordered.
    Count,
    /// Not the next number, or beyond all.
    Sequence,
    /// No such thing is open, or not at this stage.
    Stage,
    /// Something is still open.
    Open,
    /// More than [`OPEN_MOST`] or [`SCRAPPED_MOST`].
    Bound,
    /// Not the next manifest.
    Manifest,
}

impl fmt::Display for StepFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(fault) => fault.fmt(f),
            other => f.write_str(match other {
                Self::Order => "no order is named, or it cannot be read",
                Self::Count => "more than was ordered",
                Self::Sequence => "a number is left out, used twice or beyond all",
                Self::Stage => "no such thing is open, or a step of it is left out",
                Self::Open => "something is still open; finish or scrap it first",
                Self::Bound => "too many things are open or scrapped",
                _ => "not the next manifest",
            }),
        }
    }
}

impl std::error::Error for StepFault {}

impl From<LineFault> for StepFault {
    fn from(fault: LineFault) -> Self {
        Self::Line(fault)
    }
}

/// Where a station stands.
#[derive(Clone, Debug)]
pub struct Replay {
    network: Network,
    chain: Chain,
    next: Number,
    order: Option<WorkOrder>,
    made_for: BTreeMap<[u8; 16], u32>,
    open: BTreeMap<Number, Unit>,
    piece: Open,
}

/// The piece since the last manifest.
#[derive(Clone, Debug)]
struct Open {
    number: u32,
    before: Digest,
    lines: u64,
    first: Number,
    /// Runs of numbers that are made, first to last.
    made: BTreeMap<Number, Number>,
    /// Which orders they are for, where they begin.
    orders: BTreeMap<Number, [u8; 16]>,
    scrapped: BTreeSet<Number>,
    /// The block of things without keys whose labels may not be printed yet.
    unprinted: Option<(Number, Number)>,
}

impl Open {
    fn new(number: u32, before: Digest, first: Number) -> Self {
        Self {
            number,
            before,
            lines: 0,
            first,
            made: BTreeMap::new(),
            orders: BTreeMap::new(),
            scrapped: BTreeSet::new(),
            unprinted: None,
        }
    }

    fn make(&mut self, first: Number, last: Number) {
        match self.made.last_entry() {
            Some(mut run) if *run.get() + 1 == first => *run.get_mut() = last,
            _ => {
                self.made.insert(first, last);
            }
        }
    }

    fn is_made(&self, sequence: Number) -> bool {
        let run = self.made.range(..=sequence).next_back();
        run.is_some_and(|(_, last)| sequence <= *last) && !self.scrapped.contains(&sequence)
    }

    fn made(&self) -> u64 {
        let runs: u64 = self.made.iter().map(|(first, last)| last - first + 1).sum();
        let given_up = self.scrapped.iter();
        let of_them = given_up.filter(|number| {
            let run = self.made.range(..=**number).next_back();
            run.is_some_and(|(_, last)| **number <= *last)
        });
        runs - of_them.count() as u64
    }
}

impl Replay {
    /// A station that never did anything, or a piece after what came before it.
    pub fn new(network: Network, head: Digest, next: Number, manifest: u32) -> Self {
        Self {
            network,
            chain: Chain { head },
            next,
            order: None,
            made_for: BTreeMap::new(),
            open: BTreeMap::new(),
            piece: Open::new(manifest, head, next),
        }
    }

    /// Reads a line of a journal, given without its end.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Happened, StepFault> {
        let line = self.chain.read(bytes)?;
        self.take(line)
    }

    /// Writes a line behind `out`, if it is a next step.
    pub fn write(&mut self, line: Line, out: &mut Vec<u8>) -> Result<Happened, StepFault> {
        let mut chain = self.chain;
        let before = out.len();
        chain.write(&line, out);
        let earlier = std::mem::replace(&mut self.chain, chain);
        let happened = self.take(line);
        if happened.is_err() {
            self.chain = earlier;
            out.truncate(before);
        }
        happened
    }

    /// The next number.
    pub fn next_sequence(&self) -> Number {
        self.next
    }

    /// The number of the next manifest.
    pub fn next_manifest(&self) -> u32 {
        self.piece.number
    }

    /// The order that is being worked on.
    pub fn order(&self) -> Option<&WorkOrder> {
        self.order.as_ref()
    }

    /// How many good ones an order has so far.
    pub fn made_for(&self, order: &Reference) -> u32 {
        self.made_for.get(&order.0).copied().unwrap_or(0)
    }

    /// What is begun and not ended, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Unit> {
        self.open.values()
    }

    /// The first and last number of the block whose labels may not be printed yet.
    pub fn unprinted_block(&self) -> Option<(Number, Number)> {
        self.piece.unprinted
    }

    /// Whether anything was made or given up since the last manifest.
    pub fn has_something(&self) -> bool {
        self.next != self.piece.first
    }

    /// Whether the number is made and not handed in yet.
    pub fn is_made(&self, sequence: Number) -> bool {
        self.piece.is_made(sequence)
    }

    /// Codes made and numbers given up since the last manifest.
    pub fn counts(&self) -> (u64, u64) {
        (self.piece.made(), self.piece.scrapped.len() as u64)
    }

    fn take(&mut self, line: Line) -> Result<Happened, StepFault> {
        let happened = match line {
            Line::Order { order, .. } => self.begin(&order)?,
            Line::Reserve {
                sequence,
                serial,
                time,
            } => self.reserve(sequence, serial, time)?,
            Line::Items {
                first,
                time,
                fingerprints,
            } => self.items(first, time, fingerprints)?,
            Line::Printed { last } => self.printed(last)?,
            Line::Done { sequence } => self.done(sequence)?,
            Line::Scrap { sequence, reason } => self.scrap(sequence, reason)?,
            Line::Reprint { sequence, .. } => self.reprint(sequence)?,
            Line::Manifest { number, time } => return self.close(number, time),
            step => self.step(step)?,
        };
        self.piece.lines += 1;
        Ok(happened)
    }

    fn begin(&mut self, order: &[u8]) -> Result<Happened, StepFault> {
        let order = cose::open::<WorkOrder>(order, &self.network).map_err(|_| StepFault::Order)?;
        let order = *order.peek();
        self.order = Some(order);
        Ok(Happened::Begun(Box::new(order)))
    }

    fn reserve(
        &mut self,
        sequence: Number,
        serial: [u8; 16],
        time: Timestamp,
    ) -> Result<Happened, StepFault> {
        let order = self.order.filter(|order| has_keys(order.kind));
        let order = order.ok_or(StepFault::Order)?;
        self.next(sequence, 1)?;
        if self.open.len() >= OPEN_MOST {
            return Err(StepFault::Bound);
        }
        let begun = self.open.values().filter(|unit| unit.order.id == order.id);
        self.room(&order, begun.count() as u64 + 1)?;
        let unit = Unit {
            sequence,
            serial,
            time,
            order,
            stage: Stage::Reserved,
            request: Vec::new(),
            draft: None,
            certificate: Vec::new(),
            pass: Vec::new(),
        };
        self.open.insert(sequence, unit);
        self.next = sequence + 1;
        Ok(Happened::Step)
    }

    fn next(&self, sequence: Number, count: u64) -> Result<(), StepFault> {
        match sequence == self.next && sequence + count <= STATION_SEQUENCE_END {
            true => Ok(()),
            false => Err(StepFault::Sequence),
        }
    }

    fn room(&self, order: &WorkOrder, more: u64) -> Result<(), StepFault> {
        let made = u64::from(self.made_for(&order.id));
        match made + more <= u64::from(order.count) {
            true => Ok(()),
            false => Err(StepFault::Count),
        }
    }

    /// The steps of one thing, each from exactly the one before.
    fn step(&mut self, line: Line) -> Result<Happened, StepFault> {
        let (sequence, from, to) = match &line {
            Line::Request { sequence, .. } => (sequence, Stage::Reserved, Stage::Requested),
            Line::Draft { sequence, .. } => (sequence, Stage::Requested, Stage::Drafted),
            Line::Signed { sequence, .. } => (sequence, Stage::Drafted, Stage::Signed),
            Line::Written { sequence } => (sequence, Stage::Signed, Stage::Written),
            Line::Labelled { sequence } => (sequence, Stage::Written, Stage::Labelled),
            Line::Scanned { sequence } => (sequence, Stage::Labelled, Stage::Scanned),
            _ => return Err(StepFault::Stage),
        };
        let unit = self.open.get_mut(sequence);
        let unit = unit.filter(|unit| unit.stage == from);
        let unit = unit.ok_or(StepFault::Stage)?;
        unit.stage = to;
        match line {
            Line::Request { request, .. } => unit.request = request,
            Line::Draft { code, digest, .. } => unit.draft = Some((code, digest)),
            Line::Signed {
                certificate, pass, ..
            } => (unit.certificate, unit.pass) = (certificate, pass),
            _ => {}
        }
        Ok(Happened::Step)
    }

    fn done(&mut self, sequence: Number) -> Result<Happened, StepFault> {
        let is_ready = |unit: &Unit| unit.stage >= Stage::Written;
        if !self.open.get(&sequence).is_some_and(is_ready) {
            return Err(StepFault::Stage);
        }
        let unit = self.open.remove(&sequence).ok_or(StepFault::Stage)?;
        self.piece.make(sequence, sequence);
        self.count(&unit.order, sequence, 1);
        Ok(Happened::Made(Box::new(unit)))
    }

    fn count(&mut self, order: &WorkOrder, first: Number, count: u32) {
        *self.made_for.entry(order.id.0).or_insert(0) += count;
        let last = self.piece.orders.range(..=first).next_back();
        if last.is_none_or(|(_, id)| *id != order.id.0) {
            self.piece.orders.insert(first, order.id.0);
        }
    }

    fn items(
        &mut self,
        first: Number,
        time: Timestamp,
        fingerprints: Vec<[u8; FINGERPRINT_BYTES]>,
    ) -> Result<Happened, StepFault> {
        let order = self.order.filter(|order| !has_keys(order.kind));
        let order = order.ok_or(StepFault::Order)?;
        let count = fingerprints.len() as u64;
        self.next(first, count)?;
        self.room(&order, count)?;
        if self.piece.unprinted.is_some() {
            return Err(StepFault::Open);
        }
        let last = first + count - 1;
        self.piece.make(first, last);
        self.piece.unprinted = Some((first, last));
        self.count(&order, first, count as u32);
        self.next = last + 1;
        Ok(Happened::Items {
            order: Box::new(order),
            first,
            time,
            fingerprints,
        })
    }

    fn printed(&mut self, last: Number) -> Result<Happened, StepFault> {
        match self.piece.unprinted.take_if(|(_, end)| *end == last) {
            Some(_) => Ok(Happened::Step),
            None => Err(StepFault::Stage),
        }
    }

    fn reprint(&self, sequence: Number) -> Result<Happened, StepFault> {
        let labelled = |unit: &Unit| unit.stage >= Stage::Labelled;
        let open = self.open.get(&sequence).is_some_and(labelled);
        match open || self.piece.is_made(sequence) {
            true => Ok(Happened::Step),
            false => Err(StepFault::Stage),
        }
    }

    fn scrap(&mut self, sequence: Number, reason: String) -> Result<Happened, StepFault> {
        if self.piece.scrapped.len() >= SCRAPPED_MOST {
            return Err(StepFault::Bound);
        }
        if self.open.remove(&sequence).is_none() {
            if !self.piece.is_made(sequence) {
                return Err(StepFault::Stage);
            }
            let order = self.piece.orders.range(..=sequence).next_back();
            let made = order.and_then(|(_, id)| self.made_for.get_mut(id));
            if let Some(made) = made {
                *made = made.saturating_sub(1);
            }
        }
        self.piece.scrapped.insert(sequence);
        Ok(Happened::Scrapped { sequence, reason })
    }

    fn close(&mut self, number: u32, time: Timestamp) -> Result<Happened, StepFault> {
        if !self.open.is_empty() || self.piece.unprinted.is_some() {
            return Err(StepFault::Open);
        }
        if number != self.piece.number {
            return Err(StepFault::Manifest);
        }
        let piece = Piece {
            number,
            time,
            before: self.piece.before,
            head: self.chain.head,
            lines: self.piece.lines + 1,
            first_sequence: self.piece.first,
            next_sequence: self.next,
            made: u32::try_from(self.piece.made()).map_err(|_| StepFault::Bound)?,
            scrapped: self.piece.scrapped.len() as u32,
        };
        self.order = None;
        self.piece = Open::new(number.saturating_add(1), self.chain.head, self.next);
        Ok(Happened::Closed(piece))
    }
}
