//! Evidence with covers.

use super::messages::written;
use super::{committed, fields, held, hex};
use crate::cast::{Cast, amount, network, reading, signed};
use protocol::covers::{ITEMS_MAX, Item, Items, hash};
use protocol::message::Message;
use protocol::objects::{Allowance, Payment};
use protocol::rules::covered;
use protocol::{Algorithm, Digest, Signer, Status};
use serde_json::{Value, json};

/// The evidence of [`Cast::covered_payment`], whole and with one thing wrong.
pub fn covers() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let mut cases = Vec::new();
    let mut case = |why: &str, cover: Payment, root: Payment, hops: Option<u32>| {
        let above = Allowance {
            hops,
            ..cast.hopping_allowance()
        };
        let (above, below) = (
            signed(&above, &cast.gateway),
            signed(&cast.payees_allowance(), &cast.gateway),
        );
        let (cover, root) = (signed(&cover, &cast.payer), signed(&root, &cast.payee));
        let item = |allowance, payment, covers| Item {
            allowance,
            payment,
            released: None,
            covers,
        };
        let items = Items::new(&[item(&above, &cover, 0), item(&below, &root, 1)]).unwrap();
        cases.push(judged(&cast, why, &items));
    };
    // The cover must name the allowance that it was signed under, whatever its hops.
    let under = |hops| {
        let above = Allowance {
            hops,
            ..cast.hopping_allowance()
        };
        let algorithm = cast.gateway.public_key().algorithm();
        let id = protocol::cose::identify(&above, &network(), algorithm).unwrap();
        Payment {
            allowance: id.reference(),
            ..cast.cover()
        }
    };
    let over = |cover: &Payment| {
        let algorithm = cast.payer.public_key().algorithm();
        let id = protocol::cose::identify(cover, &network(), algorithm).unwrap();
        Payment {
            covers: Some(hash(&mut [(id, 0)])),
            ..cast.covered_payment()
        }
    };
    let good = cast.cover();
    case("honest", good, over(&good), Some(2));
    case(
        "one hop is enough",
        under(Some(1)),
        over(&under(Some(1))),
        Some(1),
    );
    case("no hops", under(None), over(&under(None)), None);
    let elsewhere = Payment {
        payee: Cast::gateway_code(),
        ..good
    };
    case(
        "a cover made for somebody else",
        elsewhere,
        over(&elsewhere),
        Some(2),
    );
    let unnamed = Payment {
        covers_for: None,
        ..good
    };
    case(
        "a cover that names no allowance",
        unnamed,
        over(&unnamed),
        Some(2),
    );
    let other = Payment {
        covers_for: Some(good.allowance),
        ..good
    };
    case(
        "a cover that names another allowance",
        other,
        over(&other),
        Some(2),
    );
    case(
        "covers that were not signed",
        good,
        Payment {
            covers: None,
            ..over(&good)
        },
        Some(2),
    );
    let wrong = Payment {
        covers: Some(Digest([7; 32])),
        ..over(&good)
    };
    case("other covers than were signed", good, wrong, Some(2));
    let little = Payment {
        amount: amount(500),
        odometer: reading(500),
        ..over(&good)
    };
    case("a cover that is not needed", good, little, Some(2));
    let much = Payment {
        amount: amount(3_001),
        odometer: reading(3_001),
        ..over(&good)
    };
    case("more than limit and covers", good, much, Some(2));
    let late = Payment {
        settle_by: good.settle_by.plus_s(1),
        ..over(&good)
    };
    case("a deadline after its cover's", good, late, Some(2));
    json!({
        "about": "Evidence with covers: docs/protocol.md, chapter 7 and 8. outcome of the rules without a receiver's own knowledge.",
        "gateway_key": fields::public_key(&cast.gateway.public_key()),
        "network": network().as_str(),
        "evidence": cases,
    })
}

fn judged(cast: &Cast, why: &str, items: &Items<'_>) -> Value {
    let mut out = [0; protocol::covers::COVERED_MAX];
    let len = items.write(&mut out).unwrap();
    let message = written(&Message::Covered {
        items: &out[..len],
        receipt: None,
    });
    let outcome = outcome_of(cast, items);
    json!({
        "why": why,
        "message": hex(&message),
        "outcome": fields::outcome(outcome.map(|_| ())),
        "sum": outcome.map_or(Value::Null, |sum| json!(sum.to_string())),
    })
}

fn outcome_of(cast: &Cast, items: &Items<'_>) -> Result<protocol::AmountMinor, Status> {
    let key = cast.gateway.public_key();
    let key_of = |code: &_| (*code == Cast::gateway_code()).then_some(key);
    covered(items, &network(), key_of, |_, _| Ok(())).map(|covered| covered.sum())
}

#[test]
fn covers_hold() {
    let cast = Cast::new(Algorithm::Ed25519);
    let file = committed("covers.json");
    for case in held::list(&file, "evidence") {
        let message = held::bytes(case, "message");
        let Ok(Message::Covered {
            items,
            receipt: None,
        }) = Message::read(&message)
        else {
            unreachable!("evidence with covers, not {case}")
        };
        let items = Items::read(items).unwrap();
        assert!(items.count() <= ITEMS_MAX);
        let outcome = outcome_of(&cast, &items);
        assert_eq!(
            fields::outcome(outcome.map(|_| ())),
            held::text(case, "outcome"),
            "{case}"
        );
    }
}
