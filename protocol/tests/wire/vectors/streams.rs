//! Streams, what invoices ask for, and what receipts say.

use super::messages::written;
use super::{fields, hex};
use crate::cast::{Cast, SEED, amount, code, network, signed, verified};
use protocol::message::Message;
use protocol::objects::{Asked, Invoice, Payment, Receipt};
use protocol::rules::{Answer, answer, released};
use protocol::stream::{Chain, Stream, UNITS_MAX};
use protocol::{Algorithm, AmountMinor, Digest, KeyEpoch, Kind, Sequence, Signer, Status};
use serde_json::{Value, json};

fn cast() -> Cast {
    Cast::new(Algorithm::Ed25519)
}

fn chain_of(payment: &Payment, count: u32, seed: Digest, indices: &[u32]) -> Value {
    let chain = Chain::of(payment);
    let values: Vec<_> = indices
        .iter()
        .map(|index| {
            let value = chain.down(seed, count - index);
            json!({ "index": index, "value": hex(value.as_bytes()) })
        })
        .collect();
    let hashed = [
        b"onecode/1/stream".as_slice(),
        payment.payer.as_bytes(),
        &payment.key_epoch.0.to_be_bytes(),
        &payment.sequence.0.to_be_bytes(),
        &[0; 20],
        seed.as_bytes(),
    ]
    .concat();
    json!({
        "payer": payment.payer.to_string(),
        "key_epoch": payment.key_epoch.0,
        "sequence": payment.sequence.0,
        "seed": hex(seed.as_bytes()),
        "count": count,
        "first_step_hashes": hex(&hashed),
        "anchor": hex(chain.down(seed, count).as_bytes()),
        "values": values,
    })
}

pub fn streams() -> Value {
    let cast = cast();
    let payment = cast.stream_payment();
    let elsewhere = Payment {
        payer: code(Kind::Gateway, 0, 2),
        key_epoch: KeyEpoch(u32::MAX),
        sequence: Sequence(u32::MAX),
        ..payment
    };
    let chains = [
        chain_of(&payment, 100, SEED, &[0, 1, 2, 36, 37, 99, 100]),
        chain_of(&payment, 1, Digest([0; 32]), &[0, 1]),
        chain_of(&elsewhere, 1_000, Digest([0xff; 32]), &[0, 1, 500, 1_000]),
        chain_of(&payment, UNITS_MAX, SEED, &[0, UNITS_MAX - 1, UNITS_MAX]),
    ];
    json!({
        "about": "Streams: docs/protocol.md, 9.9. value(count) is the seed, value(0) the anchor. A release shows the value of units when the value of known_units is known (at first the anchor, for 0 units); cost is what all units cost.",
        "chains": chains,
        "network": network().as_str(),
        "payer_key": fields::public_key(&cast.payer.public_key()),
        "releases": releases(&cast),
    })
}

struct Release {
    why: &'static str,
    payment: Payment,
    known: (u32, Digest),
    units: u32,
    value: Digest,
    expected: Result<u64, Status>,
}

fn releases(cast: &Cast) -> Vec<Value> {
    let payment = cast.stream_payment();
    let chain = Chain::of(&payment);
    let at = |units: u32| chain.down(SEED, 100 - units);
    let case = |why, known: u32, units, value, expected| Release {
        why,
        payment,
        known: (known, at(known)),
        units,
        value,
        expected,
    };
    let wrong = Err(Status::WrongUnit);
    let long = Payment {
        stream: Some(Stream {
            count: 99,
            anchor: at(0),
            unit: amount(25),
        }),
        amount: amount(2_475),
        ..payment
    };
    let all = [
        case("the first unit", 0, 1, at(1), Ok(25)),
        case("36 units at once", 1, 37, at(37), Ok(925)),
        case("all the rest", 37, 100, SEED, Ok(2_500)),
        case("nothing yet", 0, 0, at(0), Ok(0)),
        case("the same again", 37, 37, at(37), Ok(925)),
        case("another value again", 37, 37, at(36), wrong),
        case("fewer than known", 37, 36, at(36), wrong),
        case("the value of a unit less", 0, 37, at(36), wrong),
        case("the value of a unit more", 0, 37, at(38), wrong),
        case("more than the count", 37, 101, SEED, wrong),
        case("more than any count", 37, u32::MAX, SEED, wrong),
        Release {
            payment: long,
            ..case("a chain that goes on above the count", 0, 100, SEED, wrong)
        },
        Release {
            payment: Payment {
                sequence: Sequence(5),
                ..payment
            },
            ..case("a value of another payment's chain", 0, 1, at(1), wrong)
        },
        Release {
            payment: cast.payment(),
            ..case("not a stream", 0, 0, at(0), wrong)
        },
    ];
    all.iter().map(|release| release.to_json(cast)).collect()
}

impl Release {
    fn to_json(&self, cast: &Cast) -> Value {
        let (known_units, known) = (self.known.0, &self.known.1);
        let outcome = released(&self.payment, (known_units, known), self.units, &self.value);
        assert_eq!(outcome.map(AmountMinor::get), self.expected, "{}", self.why);
        json!({
            "why": self.why,
            "payment": hex(&signed(&self.payment, &cast.payer)),
            "known_units": known_units,
            "known": hex(known.as_bytes()),
            "units": self.units,
            "value": hex(self.value.as_bytes()),
            "outcome": fields::outcome(outcome.map(drop)),
            "cost": outcome.ok().map(|cost| cost.to_string()),
        })
    }
}

pub fn asked(asked: Option<Asked>) -> &'static str {
    match asked {
        None => "nothing",
        Some(Asked::Amount(_)) => "amount",
        Some(Asked::Units { .. }) => "units",
    }
}

pub fn invoices() -> Value {
    let cast = cast();
    let (plain, stream) = (cast.invoice(), cast.stream_invoice());
    let kinds = [
        ("one amount", plain),
        ("units", stream),
        (
            "both",
            Invoice {
                amount: Some(amount(1)),
                ..stream
            },
        ),
        (
            "neither",
            Invoice {
                amount: None,
                ..plain
            },
        ),
        (
            "a unit without a number of units",
            Invoice {
                most_units: None,
                ..stream
            },
        ),
        (
            "units without a price",
            Invoice {
                unit: None,
                ..stream
            },
        ),
        (
            "an amount of nothing",
            Invoice {
                amount: Some(AmountMinor::ZERO),
                ..plain
            },
        ),
        (
            "more in all than any amount",
            Invoice {
                unit: Some(amount(i64::MAX as u64 / 200 + 1)),
                ..stream
            },
        ),
        (
            "more units than a stream has",
            Invoice {
                most_units: Some(UNITS_MAX + 1),
                ..stream
            },
        ),
    ];
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|(why, invoice)| {
            json!({
                "why": why,
                "invoice": hex(&signed(invoice, &cast.payee)),
                "asks": asked(invoice.asked()),
            })
        })
        .collect();
    json!({
        "about": "Invoices: docs/protocol.md, 9.10: what each asks for (nothing is refused as malformed), and whether payments answer one.",
        "network": network().as_str(),
        "payee_key": fields::public_key(&cast.payee.public_key()),
        "payer_key": fields::public_key(&cast.payer.public_key()),
        "invoices": kinds,
        "answers": invoice_answers(&cast, &plain, &stream),
    })
}

fn invoice_answers(cast: &Cast, plain: &Invoice, stream: &Invoice) -> Vec<Value> {
    let case = |why: &str, invoice: &Invoice, expected, change: &dyn Fn(&mut Payment)| {
        let invoice = signed(invoice, &cast.payee);
        let invoice = verified::<Invoice>(&invoice, &cast.payee.public_key());
        let mut payment = match invoice.get().amount {
            Some(_) => cast.payment(),
            None => cast.stream_payment(),
        };
        payment.reference = invoice.reference();
        change(&mut payment);
        let outcome = if payment.reference == invoice.reference() {
            invoice.get().asked().unwrap().met_by(&payment)
        } else {
            Err(Status::WrongReference)
        };
        assert_eq!(outcome, expected, "{why}");
        json!({
            "why": why,
            "invoice": hex(invoice.bytes()),
            "payment": hex(&signed(&payment, &cast.payer)),
            "outcome": fields::outcome(outcome),
        })
    };
    let units = |count: u32, unit: u64| {
        move |payment: &mut Payment| {
            payment.amount = amount(u64::from(count) * unit);
            payment.odometer = protocol::Odometer::new(1_000 + payment.amount.get()).unwrap();
            payment.stream = Some(Stream {
                count,
                unit: amount(unit),
                ..Cast::stream()
            });
        }
    };
    let wrong = Err(Status::WrongAmount);
    vec![
        case("the amount asked for", plain, Ok(()), &|_| {}),
        case("one less", plain, wrong, &|p| p.amount = amount(2_499)),
        case("as much by the unit", plain, wrong, &units(100, 25)),
        case(
            "another reference",
            plain,
            Err(Status::WrongReference),
            &|p| {
                p.reference = cast.payment().reference;
            },
        ),
        case(
            "as many units as asked for",
            stream,
            Ok(()),
            &units(200, 25),
        ),
        case("fewer units", stream, Ok(()), &units(1, 25)),
        case("one unit too many", stream, wrong, &units(201, 25)),
        case("cheaper units", stream, wrong, &units(100, 24)),
        case("not by the unit", stream, wrong, &|p| p.stream = None),
    ]
}

pub fn said(outcome: Result<Answer, Status>) -> &'static str {
    match outcome {
        Ok(Answer::Taken) => "taken",
        Ok(Answer::Closed { .. }) => "closed",
        Ok(Answer::Declined(_)) => "declined",
        Err(status) => status.word(),
    }
}

pub fn receipts() -> Value {
    let cast = cast();
    let (plain, stream) = (cast.payment(), cast.stream_payment());
    let declined = Some(Status::AboveClass as u32);
    let case = |why: &str, payment: &Payment, expected: &str, receipt: Receipt| {
        let payment = signed(payment, &cast.payer);
        let payment = verified::<Payment>(&payment, &cast.payer.public_key());
        let outcome = said(answer(&payment, &receipt));
        assert_eq!(outcome, expected, "{why}");
        let receipt = signed(&receipt, &cast.payee);
        let message = written(&Message::Receipt {
            receipt: &receipt,
            pass: &signed(&cast.payee_pass(), &cast.gateway),
        });
        json!({
            "why": why,
            "payment": hex(payment.bytes()),
            "receipt": hex(&receipt),
            "message": hex(&message),
            "answer": outcome,
        })
    };
    let (taken, closing) = (cast.receipt(), cast.closing_receipt());
    let units = |units| Receipt {
        units: Some(units),
        ..closing
    };
    let wrong = "wrong_receipt";
    let cases = [
        case("a payment is taken", &plain, "taken", taken),
        case("and declined", &plain, "declined", cast.declined_receipt()),
        case("a stream is closed", &stream, "closed", closing),
        case("with no unit", &stream, "closed", units(0)),
        case("with all", &stream, "closed", units(100)),
        case(
            "a stream is declined",
            &stream,
            "declined",
            Receipt {
                units: None,
                declined,
                ..closing
            },
        ),
        case(
            "more units than the stream has",
            &stream,
            "wrong_unit",
            units(101),
        ),
        case(
            "a stream without units",
            &stream,
            wrong,
            Receipt {
                units: None,
                ..closing
            },
        ),
        case(
            "units of what is no stream",
            &plain,
            wrong,
            Receipt {
                units: Some(0),
                ..taken
            },
        ),
        case(
            "closed and declined",
            &stream,
            wrong,
            Receipt {
                declined,
                ..closing
            },
        ),
        case(
            "declined because it was settled",
            &plain,
            wrong,
            Receipt {
                declined: Some(Status::Settled as u32),
                ..taken
            },
        ),
        case(
            "declined for no known reason",
            &plain,
            wrong,
            Receipt {
                declined: Some(256 + Status::AboveClass as u32),
                ..taken
            },
        ),
        case("for another payment", &stream, wrong, taken),
        case(
            "by somebody else",
            &plain,
            wrong,
            Receipt {
                payee: Cast::gateway_code(),
                ..taken
            },
        ),
    ];
    json!({
        "about": "Receipts: docs/protocol.md, 9.11: what each says about its payment.",
        "network": network().as_str(),
        "payer_key": fields::public_key(&cast.payer.public_key()),
        "payee_key": fields::public_key(&cast.payee.public_key()),
        "receipts": cases,
    })
}
