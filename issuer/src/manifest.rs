//! A manifest as a file: the piece of the journal as it stands, then the station's signature under
//! its heads and counts. Whoever reads it goes through the same steps again and believes nothing
//! that the station's own quota does not carry.
//!
//! ```text
//! onecode-manifest 1 <station's code>
//! ... lines of the journal ...
//! -----BEGIN ONECODE MANIFEST-----
//! ```

use crate::authority::{Authority, IssueOrder};
use crate::bundle;
use crate::error::IssueError;
use crate::journal::{LINE_BYTES_MAX, Line, Number};
use crate::order::{OrderRefused, SignedOrder, may_begin};
use crate::replay::{Happened, Piece, Replay, StepFault, Unit};
use crate::request::CheckedRequest;
use protocol::code::FINGERPRINT_BYTES;
use protocol::cose::{self, SIGNED_MAX};
use protocol::objects::{Manifest, Pass, WorkOrder};
use protocol::rules::Trust;
use protocol::{Code, Digest, Kind, PublicKey, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Longest manifest.
pub const MANIFEST_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most lines of one manifest.
pub const MANIFEST_LINES_MAX: u64 = 4_000_000;
const LABEL: &str = "ONECODE MANIFEST";
const HEADER: &str = "onecode-manifest 1 ";
const END: &str = "-----BEGIN ";

/// Where the journal stood when the last manifest was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Head of the chain; zeros before the first manifest.
    pub head: Digest,
    /// The next sequence number.
    pub next_sequence: Number,
    /// The next manifest.
    pub number: u32,
}

/// A thing that a station made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeThing {
    /// Its number at the station.
    pub sequence: Number,
    /// Its name.
    pub code: Code,
    /// What it was made for.
    pub order: WorkOrder,
    /// When its number was taken.
    pub issued: Timestamp,
    /// Of its certificate.
    pub serial: [u8; 16],
    /// SHA-256 of its request.
    pub request_hash: Digest,
    /// SubjectPublicKeyInfo DER of its transport key.
    pub transport_spki: Vec<u8>,
    /// What it signs with.
    pub wallet_key: PublicKey,
    /// DER.
    pub certificate: Vec<u8>,
    /// Signed.
    pub pass: Vec<u8>,
}

/// Things without keys, numbered on from the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeItems {
    /// What they were made for.
    pub order: WorkOrder,
    /// When.
    pub issued: Timestamp,
    /// Their names, without those that were scrapped.
    pub codes: Vec<Code>,
}

/// All that a manifest says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its signed summary.
    pub manifest: Manifest,
    /// As it stands in the file.
    pub signed: Vec<u8>,
    /// Each order that was worked on, and how many good ones it got.
    pub orders: Vec<(WorkOrder, u32)>,
    /// Things with keys.
    pub things: Vec<MadeThing>,
    /// Things without.
    pub items: Vec<MadeItems>,
    /// Numbers given up, and why.
    pub scrapped: Vec<(Number, String)>,
}

/// Why a manifest is not taken.
#[derive(Debug)]
pub enum ManifestFault {
    /// It cannot be read.
    Io(io::Error),
    /// Not such a file, or longer than the bounds.
    Form,
    /// Of another station.
    OtherStation,
    /// It does not follow the last one that was taken.
    Gap,
    /// A line is no next step.
    Step(u64, StepFault),
    /// An order in it is none for this station.
    Order(u64, OrderRefused),
    /// A code in it lies outside the station's quota, or is not what its request asks for.
    Unit(Number),
    /// Its signature or its counts do not fit its lines.
    Signature,
}

impl fmt::Display for ManifestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Form => f.write_str("not a manifest, or cut short; copy it from the station again"),
            Self::OtherStation => f.write_str("of another station"),
            Self::Gap => f.write_str(
                "not the next manifest of this station: one before it is missing, or it was made from another journal",
            ),
            Self::Step(line, fault) => write!(f, "line {line} of its journal: {fault}"),
            Self::Order(line, fault) => write!(f, "the order in line {line}: {fault}"),
            Self::Unit(number) => write!(
                f,
                "number {number} lies outside the station's quota, or its credentials are not what was ordered"
            ),
            Self::Signature => f.write_str("the station's signature does not fit what it says"),
        }
    }
}

impl std::error::Error for ManifestFault {}

impl From<io::Error> for ManifestFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The first line of a manifest.
pub fn header(station: &Code) -> String {
    format!("{HEADER}{station}\n")
}

/// The station named in the first line.
pub fn station_of(line: &str) -> Option<Code> {
    line.trim_end().strip_prefix(HEADER)?.parse().ok()
}

/// Longest end of a manifest file.
const END_BYTES_MAX: u64 = 2 * SIGNED_MAX as u64;

/// Which manifest a file says it is, by its signed end, which comes with it; nothing is checked.
pub fn peek(from: &mut (impl Read + Seek), by: &Authority) -> io::Result<Option<(u32, Vec<u8>)>> {
    let length = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(length.saturating_sub(END_BYTES_MAX)))?;
    let mut end = Vec::new();
    from.take(END_BYTES_MAX).read_to_end(&mut end)?;
    let documents = bundle::documents(&String::from_utf8_lossy(&end));
    let said = documents.last().filter(|(label, _)| label == LABEL);
    Ok(said.and_then(|(_, signed)| {
        let sealed = cose::open::<Manifest>(signed, &by.network).ok()?;
        Some((sealed.peek().number, signed.clone()))
    }))
}

/// The last part of a manifest: the station's signature under its piece.
pub fn trailer(station: &Authority, piece: &Piece) -> Result<String, IssueError> {
    let manifest = summary(station.code(), piece);
    let mut out = [0; SIGNED_MAX];
    let sealed = cose::seal(
        &manifest,
        &station.network,
        station.pass_key.as_ref(),
        &mut out,
    );
    let (len, _) = sealed.map_err(|error| match error {
        cose::SealError::Signer => IssueError::KeyAbsent,
        cose::SealError::BufferTooSmall => IssueError::Encoding,
    })?;
    Ok(bundle::document(LABEL, out.get(..len).unwrap_or_default()))
}

fn summary(station: Code, piece: &Piece) -> Manifest {
    Manifest {
        station,
        number: piece.number,
        before: piece.before,
        head: piece.head,
        lines: piece.lines,
        first_sequence: piece.first_sequence,
        next_sequence: piece.next_sequence,
        made: piece.made,
        scrapped: piece.scrapped,
        time: piece.time,
    }
}

/// What a station issues for a thing of an order: the same unit gives the same.
pub fn issue_order(station: &Authority, unit: &Unit) -> IssueOrder {
    let order = &unit.order;
    IssueOrder {
        sequence: unit.sequence,
        serial: unit.serial,
        issued: unit.time,
        not_after: unit.time.plus_s(order.life_s).min(station.not_after()),
        kind: order.kind,
        class: order.class,
        rights: order.rights,
    }
}

/// Reads and checks a whole manifest of `station`, of which `position` was taken before.
pub fn read(
    from: &mut impl BufRead,
    station: &Authority,
    trust: &Trust,
    issuer_pass: &[u8],
    position: &Position,
) -> Result<Checked, ManifestFault> {
    let mut from = from.take(MANIFEST_BYTES_MAX);
    let mut line = Vec::new();
    read_line(&mut from, &mut line)?;
    let first = std::str::from_utf8(&line).map_err(|_| ManifestFault::Form)?;
    if station_of(first).ok_or(ManifestFault::Form)? != station.code() {
        return Err(ManifestFault::OtherStation);
    }
    let mut reading = Reading {
        station,
        trust,
        issuer_pass,
        replay: Replay::new(
            station.network,
            position.head,
            position.next_sequence,
            position.number,
        ),
        orders: BTreeMap::new(),
        things: BTreeMap::new(),
        items: Vec::new(),
        scrapped: BTreeMap::new(),
        piece: None,
    };
    for number in 1..=MANIFEST_LINES_MAX {
        read_line(&mut from, &mut line)?;
        if line.starts_with(END.as_bytes()) {
            let piece = reading.piece.ok_or(ManifestFault::Form)?;
            return reading.finish(&piece, &line, &mut from);
        }
        reading.line(number, &line)?;
    }
    Err(ManifestFault::Form)
}

/// One line without its end.
fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), ManifestFault> {
    line.clear();
    from.take(LINE_BYTES_MAX as u64 + 1)
        .read_until(b'\n', line)?;
    match line.pop() {
        Some(b'\n') => Ok(()),
        _ => Err(ManifestFault::Form),
    }
}

struct Reading<'a> {
    station: &'a Authority,
    trust: &'a Trust,
    issuer_pass: &'a [u8],
    replay: Replay,
    orders: BTreeMap<[u8; 16], WorkOrder>,
    things: BTreeMap<Number, MadeThing>,
    items: Vec<(WorkOrder, Timestamp, Number, Vec<[u8; FINGERPRINT_BYTES]>)>,
    scrapped: BTreeMap<Number, String>,
    piece: Option<Piece>,
}

impl Reading<'_> {
    fn line(&mut self, number: u64, bytes: &[u8]) -> Result<(), ManifestFault> {
        if self.piece.is_some() {
            return Err(ManifestFault::Form);
        }
        let happened = self.replay.read(bytes).map_err(|fault| match fault {
            // The first line breaks the chain when the piece does not follow the last one.
            StepFault::Line(crate::journal::LineFault::Chain) if number == 1 => ManifestFault::Gap,
            fault => ManifestFault::Step(number, fault),
        })?;
        match happened {
            Happened::Step => {}
            Happened::Begun(order) => self.begun(number, bytes, &order)?,
            Happened::Made(unit) => {
                let made = check_unit(self.station, &unit)?;
                self.things.insert(unit.sequence, made);
            }
            Happened::Items {
                order,
                first,
                time,
                fingerprints,
            } => self.items.push((*order, time, first, fingerprints)),
            Happened::Scrapped { sequence, reason } => {
                self.things.remove(&sequence);
                self.scrapped.insert(sequence, reason);
            }
            Happened::Closed(piece) => self.piece = Some(piece),
        }
        Ok(())
    }

    /// An order has to be good at the time it was begun, which the station's clock says; its
    /// signature is checked by the keys.
    fn begun(&mut self, number: u64, bytes: &[u8], order: &WorkOrder) -> Result<(), ManifestFault> {
        let refused = |fault| ManifestFault::Order(number, fault);
        let signed = std::str::from_utf8(bytes)
            .ok()
            .and_then(SignedOrder::of_line)
            .ok_or(ManifestFault::Form)?;
        let checked = signed
            .check(self.trust, self.issuer_pass)
            .map_err(refused)?;
        may_begin(
            self.station,
            &checked,
            self.replay.next_sequence(),
            0,
            checked.issued,
        )
        .map_err(refused)?;
        self.orders.insert(order.id.0, *order);
        Ok(())
    }

    fn finish(
        self,
        piece: &Piece,
        begin: &[u8],
        from: &mut impl Read,
    ) -> Result<Checked, ManifestFault> {
        let mut text = String::from_utf8_lossy(begin).into_owned() + "\n";
        from.take(2 * SIGNED_MAX as u64).read_to_string(&mut text)?;
        let signed = match bundle::documents(&text).as_slice() {
            [(label, signed)] if label == LABEL => signed.clone(),
            _ => return Err(ManifestFault::Form),
        };
        let manifest = cose::open::<Manifest>(&signed, &self.station.network)
            .and_then(|sealed| sealed.verify(&self.station.pass_key()))
            .map_err(|_| ManifestFault::Signature)?;
        let manifest = *manifest.get();
        if manifest != summary(self.station.code(), piece) {
            return Err(ManifestFault::Signature);
        }
        let mut items = Vec::new();
        for (order, issued, first, fingerprints) in &self.items {
            if *issued >= order.expires {
                return Err(ManifestFault::Unit(*first));
            }
            let codes = self.codes(order.kind, *first, fingerprints)?;
            items.push(MadeItems {
                order: *order,
                issued: *issued,
                codes,
            });
        }
        let counts = |order: &WorkOrder| self.replay.made_for(&order.id);
        Ok(Checked {
            manifest,
            signed,
            orders: self
                .orders
                .values()
                .map(|order| (*order, counts(order)))
                .collect(),
            things: self.things.into_values().collect(),
            items,
            scrapped: self.scrapped.into_iter().collect(),
        })
    }

    fn codes(
        &self,
        kind: Kind,
        first: Number,
        fingerprints: &[[u8; FINGERPRINT_BYTES]],
    ) -> Result<Vec<Code>, ManifestFault> {
        let by = self.station.issues_as();
        let by = by.map_err(|_| ManifestFault::Unit(first))?;
        let mut codes = Vec::with_capacity(fingerprints.len());
        for (number, fingerprint) in (first..).zip(fingerprints) {
            let code = Code::assemble(kind, by, number, fingerprint);
            let code = code.ok().filter(|code| self.station.covers(code));
            let code = code.ok_or(ManifestFault::Unit(number))?;
            if !self.scrapped.contains_key(&number) {
                codes.push(code);
            }
        }
        Ok(codes)
    }
}

/// Whether a thing's credentials are exactly what its order and its request come to, signed by the
/// station within its quota.
pub fn check_unit(station: &Authority, unit: &Unit) -> Result<MadeThing, ManifestFault> {
    let wrong = || ManifestFault::Unit(unit.sequence);
    let request = CheckedRequest::read(&unit.request, &station.network).map_err(|_| wrong())?;
    let most = issue_order(station, unit);
    // It was made for a shorter time when the station's own was shorter then, before it was admitted
    // again.
    let pass = cose::open::<Pass>(&unit.pass, &station.network).map_err(|_| wrong())?;
    let order = IssueOrder {
        not_after: pass.peek().expires.min(most.not_after),
        ..most
    };
    let draft = station.draft_device(&order, &request);
    let draft = draft.map_err(|_| wrong())?;
    draft
        .is_signed(&unit.certificate, &unit.pass)
        .map_err(|_| wrong())?;
    let code = draft.code();
    let named = unit.draft.map(|(named, _)| named);
    if named != Some(code) || unit.time >= unit.order.expires {
        return Err(wrong());
    }
    Ok(MadeThing {
        sequence: unit.sequence,
        code,
        order: unit.order,
        issued: unit.time,
        serial: unit.serial,
        request_hash: request.hash(),
        transport_spki: request.transport_spki().to_vec(),
        wallet_key: request.wallet_key(),
        certificate: unit.certificate.clone(),
        pass: unit.pass.clone(),
    })
}

impl SignedOrder {
    /// The order that a line of the journal begins.
    fn of_line(text: &str) -> Option<Self> {
        let (body, _) = text.rsplit_once(' ')?;
        match crate::journal::parse(body)? {
            Line::Order { order, pass } => Some(Self { order, pass }),
            _ => None,
        }
    }
}
