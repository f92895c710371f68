//! The largest spelling of every object and message, and what was promised of it.

use crate::cast::{Cast, SEED, amount, key, reading, signed_in};
use protocol::code::grid::{Cell, Level, Point};
use protocol::covers::{COVERED_MAX, ITEMS_MAX, Item, Items};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{
    AREA_CELLS, Acceptance, Acknowledgement, Allowance, Area, Beacon, ClaimNote, Closing,
    ClosingBalance, Confirmation, Credit, FILTER_CODES, Filter, FloatWarrant, Invoice, Lease,
    Measure, Move, Object, PRICES, Pass, Payment, PlaceRecord, Present, Price, REFUND_TEXT,
    Receipt, RefundAnswer, RefundRequest, Release, Renewal, Rights, Set, Statement, Successor,
    Survey, Tariff, Text, Transfer, TrustUpdate, Void, WalletCall, Watermark,
};
use protocol::stream::{Stream, UNITS_MAX};
use protocol::units::AMOUNT_MAX;
use protocol::{
    Algorithm, Digest, KeyEpoch, Kind, Network, Reference, Sequence, Signer, Timestamp,
};

const LAST: Timestamp = Timestamp(u32::MAX);
const REFERENCE: Reference = Reference([0xff; 16]);
const EPOCH: KeyEpoch = KeyEpoch(u32::MAX);

/// The longest network name there is; it is signed but never sent.
pub fn network() -> Network {
    Network::new(&"n".repeat(Network::MAX)).unwrap()
}

pub fn largest_payment() -> Payment {
    Payment {
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        amount: amount(AMOUNT_MAX),
        odometer: reading(AMOUNT_MAX),
        settle_by: LAST,
        covers_for: Some(REFERENCE),
        ..Cast::new(Algorithm::Ed25519).payment()
    }
}

fn covered(payment: Payment) -> Payment {
    Payment {
        covers: Some(Digest([0xff; 32])),
        ..payment
    }
}

/// The longest spelling: the most units at the highest price that many units can have.
pub fn largest_stream_payment() -> Payment {
    Payment {
        stream: Some(Stream {
            unit: amount(AMOUNT_MAX / u64::from(UNITS_MAX)),
            count: UNITS_MAX,
            anchor: SEED,
        }),
        ..largest_payment()
    }
}

/// With all optional fields, although no good invoice has them all.
pub fn largest_invoice() -> Invoice {
    Invoice {
        amount: Some(amount(AMOUNT_MAX)),
        unit: Some(amount(AMOUNT_MAX)),
        most_units: Some(u32::MAX),
        nonce: u64::MAX,
        expires: LAST,
        covers_for: Some(REFERENCE),
        holds: Some(REFERENCE),
        ..Cast::new(Algorithm::Ed25519).invoice()
    }
}

pub fn largest_allowance(wallet: Algorithm) -> Allowance {
    Allowance {
        wallet_key: key(wallet, 1).public_key(),
        key_epoch: EPOCH,
        limit: reading(AMOUNT_MAX),
        base_sequence: Sequence(u32::MAX),
        base_odometer: reading(AMOUNT_MAX),
        most_per_payment: amount(AMOUNT_MAX),
        most_payments: u32::MAX,
        hops: Some(u32::MAX),
        area: Some(REFERENCE),
        guarantee: Some(amount(AMOUNT_MAX)),
        issued: LAST,
        expires: LAST,
        gateway_epoch: EPOCH,
        number: u64::MAX,
        issued_total: reading(AMOUNT_MAX),
        ..Cast::new(wallet).allowance()
    }
}

pub fn largest_pass(subject: Algorithm) -> Pass {
    Pass {
        expires: LAST,
        issued: LAST,
        key: Confirmation(key(subject, 1).public_key()),
        rights: Rights::from_bits(31).unwrap(),
        grace_s: Some(u32::MAX),
        station: Some(u32::MAX),
        first_sequence: Some(u64::MAX),
        last_sequence: Some(u64::MAX),
        ..Cast::new(subject).gateway_pass()
    }
}

/// Signatures have 64 bytes in both algorithms, so that the signer makes no difference.
pub fn length<T: Object>(object: &T) -> usize {
    signed_in(object, &network(), &key(Algorithm::P256, 1)).len()
}

pub fn largest_receipt() -> Receipt {
    Receipt {
        time: LAST,
        declined: Some(u32::MAX),
        units: Some(u32::MAX),
        ..Cast::new(Algorithm::Ed25519).receipt()
    }
}

fn largest_renewal() -> Renewal {
    Renewal {
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        odometer: reading(AMOUNT_MAX),
        wanted: amount(AMOUNT_MAX),
        time: LAST,
        lost: Some(Present),
        ..Cast::new(Algorithm::Ed25519).renewal()
    }
}

pub fn largest_statement() -> Statement {
    Statement {
        gateway_epoch: EPOCH,
        outcome: u32::MAX,
        height: u64::MAX,
        root: Digest([0xff; 32]),
        time: LAST,
        units: Some(u32::MAX),
        provisional: Some(Present),
        paid: Some(amount(AMOUNT_MAX)),
        ..Cast::new(Algorithm::Ed25519).statement()
    }
}

fn largest_evidence(payment: &Payment) -> usize {
    let signer = key(Algorithm::P256, 1);
    let allowance = signed_in(&largest_allowance(Algorithm::P256), &network(), &signer);
    let payment = signed_in(payment, &network(), &signer);
    let evidence = Message::Evidence {
        allowance: &allowance,
        payment: &payment,
    };
    let mut out = [0; MESSAGE_MAX];
    evidence.write(&mut out).unwrap()
}

fn largest_stream_claim() -> usize {
    let signer = key(Algorithm::P256, 1);
    let allowance = signed_in(&largest_allowance(Algorithm::P256), &network(), &signer);
    let payment = signed_in(&largest_stream_payment(), &network(), &signer);
    let receipt = signed_in(&largest_receipt(), &network(), &signer);
    let claim = Message::StreamClaim {
        allowance: &allowance,
        payment: &payment,
        units: u32::MAX,
        value: SEED,
        receipt: Some(&receipt),
    };
    claim.write(&mut [0; MESSAGE_MAX]).unwrap()
}

fn largest_unit() -> usize {
    let unit = Message::Unit {
        about: [0xff; 4],
        units: u32::MAX,
        value: SEED,
    };
    unit.write(&mut [0; MESSAGE_MAX]).unwrap()
}

/// What a proof says beside the credentials: one allowance and two payments under it.
fn largest_contradiction() -> usize {
    length(&largest_allowance(Algorithm::P256)) + 2 * length(&largest_stream_payment())
}

fn largest_proof() -> usize {
    let signer = key(Algorithm::P256, 1);
    let pass = signed_in(&largest_pass(Algorithm::P256), &network(), &signer);
    let allowance = signed_in(&largest_allowance(Algorithm::P256), &network(), &signer);
    let payment = signed_in(&largest_stream_payment(), &network(), &signer);
    let proof = Message::Proof {
        issuer: &pass,
        gateway: &pass,
        allowances: [&allowance; 2],
        payments: [&payment; 2],
    };
    proof.write(&mut [0; MESSAGE_MAX]).unwrap()
}

/// As many of these, one covering the next, as go into one evidence: how many, and their bytes.
fn most_covers(allowance: &Allowance, each: &Payment) -> (usize, usize) {
    let signer = key(Algorithm::P256, 1);
    // Allowances that differ are written out each time.
    let allowances: Vec<_> = (0..ITEMS_MAX as u64)
        .map(|number| u64::MAX - number)
        .map(|number| Allowance {
            number,
            ..*allowance
        })
        .map(|allowance| signed_in(&allowance, &network(), &signer))
        .collect();
    let payment = signed_in(each, &network(), &signer);
    let released = each.stream.map(|stream| (stream.count, SEED));
    let items: Vec<_> = (0..ITEMS_MAX)
        .map(|place| Item {
            allowance: &allowances[place],
            payment: &payment,
            released,
            covers: (1 << place) >> 1,
        })
        .collect();
    let fits = |count: &usize| {
        let len = Items::new(&items[..*count])?.write(&mut [0; COVERED_MAX])?;
        Some((*count, len))
    };
    (2..=ITEMS_MAX)
        .rev()
        .find_map(|count| fits(&count))
        .unwrap()
}

fn cast() -> Cast {
    Cast::new(Algorithm::P256)
}

fn largest_area() -> Area {
    let cells: Vec<Cell> = (0..AREA_CELLS as i32)
        .map(|at| Point::from_units(-at * 64, -at * 64).unwrap())
        .map(|point| Cell::around(point, Level::new(8).unwrap()))
        .collect();
    let mut cells = cells;
    cells.sort();
    Area {
        cells: Set::new(&cells).unwrap(),
        issued: LAST,
        ..cast().area()
    }
}

fn largest_filter() -> Filter {
    let mut codes: Vec<_> = (0..FILTER_CODES as u64)
        .map(|sequence| crate::cast::code(Kind::Device, 1, sequence))
        .collect();
    codes.sort();
    Filter {
        version: u32::MAX,
        time: LAST,
        codes: Set::new(&codes),
        ..cast().filter()
    }
}

fn largest_tariff() -> Tariff {
    let prices: Vec<_> = (0..PRICES as u8)
        .map(|item| Price {
            item: Reference([item; 16]),
            measure: Measure::Metre,
            amount: amount(AMOUNT_MAX),
        })
        .collect();
    Tariff {
        issued: LAST,
        expires: LAST,
        prices: Set::new(&prices).unwrap(),
        ..cast().tariff()
    }
}

fn largest_closing() -> Closing {
    Closing {
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        odometer: reading(AMOUNT_MAX),
        time: LAST,
        ..cast().closing()
    }
}

fn largest_void() -> Void {
    Void {
        key_epoch: EPOCH,
        first: Sequence(u32::MAX),
        last: Sequence(u32::MAX),
        time: LAST,
        ..cast().void()
    }
}

fn largest_beacon() -> Beacon {
    Beacon {
        time: LAST,
        filter_version: Some(u32::MAX),
        ..cast().beacon()
    }
}

fn largest_warrant() -> FloatWarrant {
    FloatWarrant {
        gateway_epoch: EPOCH,
        limit: reading(AMOUNT_MAX),
        issued: LAST,
        expires: LAST,
        ..cast().warrant()
    }
}

fn largest_credit() -> Credit {
    Credit {
        gateway_epoch: EPOCH,
        amount: amount(AMOUNT_MAX),
        covers_for: Some(REFERENCE),
        provisional: Some(Present),
        time: LAST,
        ..cast().credit()
    }
}

fn largest_claim_note() -> ClaimNote {
    ClaimNote {
        gateway_epoch: EPOCH,
        time: LAST,
        ..cast().claim_note()
    }
}

fn largest_acknowledgement() -> Acknowledgement {
    Acknowledgement {
        kind: u32::MAX,
        epoch: EPOCH,
        up_to: u64::MAX,
        ..cast().acknowledgement()
    }
}

fn largest_watermark() -> Watermark {
    Watermark {
        gateway_epoch: EPOCH,
        height: u64::MAX,
        time: LAST,
        ..cast().watermark()
    }
}

fn largest_move() -> Move {
    Move {
        lease: u64::MAX,
        time: LAST,
        ..cast().move_home()
    }
}

fn largest_lease() -> Lease {
    Lease {
        number: u64::MAX,
        issued: LAST,
        ends: LAST,
        ..cast().lease()
    }
}

fn largest_release() -> Release {
    Release {
        number: u64::MAX,
        time: LAST,
        ..cast().release()
    }
}

fn largest_closing_balance() -> ClosingBalance {
    ClosingBalance {
        gateway_epoch: EPOCH,
        lease: u64::MAX,
        free: amount(AMOUNT_MAX),
        reserved: amount(AMOUNT_MAX),
        open_until: LAST,
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        odometer: reading(AMOUNT_MAX),
        time: LAST,
        ..cast().closing_balance()
    }
}

fn largest_transfer() -> Transfer {
    Transfer {
        number: u32::MAX,
        time: LAST,
        expires: LAST,
        ..cast().transfer()
    }
}

fn largest_acceptance() -> Acceptance {
    Acceptance {
        time: LAST,
        ..cast().acceptance()
    }
}

fn largest_trust_update() -> TrustUpdate {
    TrustUpdate {
        issued: LAST,
        ends: LAST,
        ..Cast::new(Algorithm::P256).trust_update()
    }
}

fn largest_successor() -> Successor {
    Successor {
        issued: LAST,
        ends: LAST,
        ..Cast::new(Algorithm::P256).successor()
    }
}

fn largest_survey() -> Survey {
    Survey {
        latitude_nanodeg: i64::MIN,
        longitude_nanodeg: i64::MIN,
        height_mm: Some(i64::MIN),
        accuracy_mm: u32::MAX,
        height_accuracy_mm: Some(u32::MAX),
        measured: LAST,
        time: LAST,
        ..cast().survey()
    }
}

fn largest_place_record() -> PlaceRecord {
    PlaceRecord {
        time: LAST,
        ..cast().place_record()
    }
}

fn largest_wallet_call() -> WalletCall {
    WalletCall {
        time: LAST,
        after: u64::MAX,
        ..cast().wallet_call()
    }
}

fn largest_refund_request() -> RefundRequest {
    RefundRequest {
        words: Text::new(&"w".repeat(REFUND_TEXT)).unwrap(),
        time: LAST,
        ..cast().refund_request()
    }
}

fn largest_refund_answer() -> RefundAnswer {
    RefundAnswer {
        paid_back: Some(cast().refund_request().payment),
        words: Text::new(&"w".repeat(REFUND_TEXT)),
        time: LAST,
        ..cast().refund_answer()
    }
}

/// One line of the table in chapter 12 of `docs/protocol.md`.
pub struct Line {
    pub name: &'static str,
    /// The largest there can be.
    pub largest: usize,
    pub promised: usize,
    /// What the document says is the largest today.
    pub documented: usize,
}

const fn line(name: &'static str, largest: usize, promised: usize, documented: usize) -> Line {
    Line {
        name,
        largest,
        promised,
        documented,
    }
}

/// What pays: small enough for one datagram, or for one code on a screen.
pub fn paying() -> Vec<Line> {
    let (payment, stream) = (largest_payment(), largest_stream_payment());
    let allowance = largest_allowance(Algorithm::P256);
    let (_, covers) = most_covers(&allowance, &covered(largest_stream_payment()));
    vec![
        line("payment", length(&payment), 240, 238),
        line("payment with covers", length(&covered(payment)), 276, 273),
        line("allowance", length(&allowance), 312, 306),
        line("evidence", largest_evidence(&payment), 560, 551),
        line("payment of a stream", length(&stream), 292, 288),
        line(
            "payment of a stream with covers",
            length(&covered(stream)),
            328,
            323,
        ),
        line("evidence of a stream", largest_evidence(&stream), 616, 602),
        line("unit message", largest_unit(), 48, 46),
        line("stream claim", largest_stream_claim(), 800, 794),
        line("evidence with covers", covers, COVERED_MAX, 3_385),
        line(
            "two payments that contradict",
            largest_contradiction(),
            900,
            882,
        ),
        line("proof with its credentials", largest_proof(), 1_760, 1_744),
        line("invoice", length(&largest_invoice()), 208, 204),
        line("receipt", length(&largest_receipt()), 160, 151),
        line("renewal", length(&largest_renewal()), 176, 164),
        line("statement", length(&largest_statement()), 224, 214),
        line("pass", length(&largest_pass(Algorithm::P256)), 272, 268),
    ]
}

/// What goes beside payments: between gateways, and to things without a clock.
pub fn beside() -> Vec<Line> {
    vec![
        line("closing", length(&largest_closing()), 176, 152),
        line("void", length(&largest_void()), 136, 122),
        line("beacon", length(&largest_beacon()), 160, 145),
        line("filter", length(&largest_filter()), 464, 449),
        line("float warrant", length(&largest_warrant()), 176, 156),
        line("area", length(&largest_area()), 464, 408),
        line("tariff", length(&largest_tariff()), 384, 345),
        line("credit", length(&largest_credit()), 208, 205),
        line("claim note", length(&largest_claim_note()), 192, 180),
        line("watermark", length(&largest_watermark()), 152, 142),
        line(
            "acknowledgement",
            length(&largest_acknowledgement()),
            152,
            142,
        ),
        line("move", length(&largest_move()), 176, 158),
        line("lease", length(&largest_lease()), 176, 164),
        line("release", length(&largest_release()), 144, 136),
        line("transfer", length(&largest_transfer()), 184, 160),
        line("acceptance", length(&largest_acceptance()), 160, 139),
        line("trust update", length(&largest_trust_update()), 192, 170),
        line("successor", length(&largest_successor()), 232, 208),
        line("survey", length(&largest_survey()), 240, 211),
        line("place record", length(&largest_place_record()), 192, 172),
        line("wallet call", length(&largest_wallet_call()), 208, 189),
        line(
            "refund request",
            length(&largest_refund_request()),
            336,
            302,
        ),
        line("refund answer", length(&largest_refund_answer()), 376, 338),
        line(
            "closing balance",
            length(&largest_closing_balance()),
            240,
            216,
        ),
    ]
}

/// How many payments, each covering the next, go into one evidence: of the largest, and of those
/// that are usual.
pub fn payments_in_one_evidence() -> (usize, usize) {
    let largest = largest_allowance(Algorithm::P256);
    let (worst, _) = most_covers(&largest, &covered(largest_stream_payment()));
    let usual = Cast::new(Algorithm::Ed25519);
    let (common, _) = most_covers(&usual.hopping_allowance(), &usual.covered_payment());
    (worst, common)
}
