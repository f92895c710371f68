//! Accusations that hold, and their honest twins.

use super::messages::written;
use super::{committed, fields, held, hex};
use crate::cast::{Cast, DAY_S, NOW, amount, network, reading, signed};
use protocol::covers::hash;
use protocol::message::{CREDENTIALS_MAX, Message, OBJECTS_MAX};
use protocol::objects::{Allowance, Closing, Move, Payment, Void};
use protocol::rules::{Charge, judge};
use protocol::{Algorithm, KeyEpoch, Sequence, Signer, Status};
use serde_json::{Value, json};

/// One accusation of each charge that can be made, and its twin with something honest instead.
pub fn accusations() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let cases: Vec<Value> = charges(&cast)
        .into_iter()
        .map(|case| {
            let message = case.message();
            let verdict = judge(&cast.trust(), &message);
            json!({
                "charge": case.charge as u8,
                "why": case.why,
                "message": hex(&message),
                "outcome": fields::outcome(verdict.map(|_| ())),
                "code": verdict.ok().map(|verdict| verdict.code.to_string()),
            })
        })
        .collect();
    json!({
        "about": "Accusations: docs/protocol.md, chapter 9.",
        "network": network().as_str(),
        "root_key": fields::public_key(&cast.root.public_key()),
        "accusations": cases,
    })
}

pub struct Accused {
    pub charge: Charge,
    pub why: &'static str,
    pub holds: bool,
    credentials: Vec<Vec<u8>>,
    objects: Vec<Vec<u8>>,
}

impl Accused {
    pub fn message(&self) -> Vec<u8> {
        let mut credentials = [None; CREDENTIALS_MAX];
        let mut objects = [None; OBJECTS_MAX];
        for (to, part) in credentials.iter_mut().zip(&self.credentials) {
            *to = Some(part.as_slice());
        }
        for (to, part) in objects.iter_mut().zip(&self.objects) {
            *to = Some(part.as_slice());
        }
        written(&Message::Accusation {
            how: self.charge as u8,
            credentials,
            objects,
        })
    }
}

pub fn charges(cast: &Cast) -> Vec<Accused> {
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let gateway = signed(&cast.gateway_pass(), &cast.issuer);
    let payee_pass = signed(&cast.payee_pass(), &cast.gateway);
    let allowance = signed(&cast.allowance(), &cast.gateway);
    let first = cast.payment();
    let payment = |payment: &Payment| signed(payment, &cast.payer);
    let pair = vec![issuer.clone(), gateway.clone()];
    let thing = vec![issuer, gateway, payee_pass];
    let mut all = Vec::new();
    let mut add = |charge, why, holds, credentials: &Vec<Vec<u8>>, objects: Vec<Vec<u8>>| {
        all.push(Accused {
            charge,
            why,
            holds,
            credentials: credentials.clone(),
            objects,
        });
    };
    let under = |made: &Payment| vec![allowance.clone(), payment(made)];

    let twin = Payment {
        payee: Cast::gateway_code(),
        ..first
    };
    let next = Payment {
        sequence: Sequence(6),
        previous: cast.payment_id().reference(),
        odometer: reading(6_000),
        ..first
    };
    add(
        Charge::Payments,
        "two contents under one number",
        true,
        &pair,
        [under(&first), under(&twin)].concat(),
    );
    add(
        Charge::Payments,
        "two payments that follow each other",
        false,
        &pair,
        [under(&first), under(&next)].concat(),
    );
    add(
        Charge::OneReference,
        "two payments with two references",
        false,
        &pair,
        [under(&first), under(&twin)].concat(),
    );

    let void = |first, last| {
        signed(
            &Void {
                first: Sequence(first),
                last: Sequence(last),
                ..cast.void()
            },
            &cast.payer,
        )
    };
    add(
        Charge::Void,
        "a payment inside a void",
        true,
        &pair,
        [under(&next), vec![void(5, 9)]].concat(),
    );
    add(
        Charge::Void,
        "a payment before a void",
        false,
        &pair,
        [under(&first), vec![void(5, 9)]].concat(),
    );
    add(
        Charge::Void,
        "a payment after a void",
        false,
        &pair,
        [under(&next), vec![void(1, 5)]].concat(),
    );

    let closing = signed(&cast.closing(), &cast.payer);
    let elsewhere = Closing {
        allowance: cast.cover().allowance,
        ..cast.closing()
    };
    let elsewhere = signed(&elsewhere, &cast.payer);
    add(
        Charge::Closing,
        "a payment beyond a closing",
        true,
        &pair,
        [under(&next), vec![closing.clone()]].concat(),
    );
    add(
        Charge::Closing,
        "the payment that was closed with",
        false,
        &pair,
        [under(&first), vec![closing]].concat(),
    );
    add(
        Charge::Closing,
        "a closing of another allowance",
        false,
        &pair,
        [under(&next), vec![elsewhere]].concat(),
    );

    let taken = signed(&cast.receipt(), &cast.payee);
    let declined = signed(&cast.declined_receipt(), &cast.payee);
    let later = protocol::objects::Receipt {
        time: NOW.plus_s(61),
        ..cast.receipt()
    };
    let later = signed(&later, &cast.payee);
    add(
        Charge::Receipts,
        "taken and declined",
        true,
        &thing,
        vec![taken.clone(), declined],
    );
    add(
        Charge::Receipts,
        "taken twice at two times",
        false,
        &thing,
        vec![taken, later],
    );

    cover_charges(cast, &pair, &mut add);
    federation_charges(cast, &pair, &thing, &mut add);

    let hidden = Payment {
        sequence: Sequence(5),
        odometer: reading(3_600),
        amount: amount(100),
        ..first
    };
    let objects = |middle: &Payment| [under(&first), under(middle), under(&next)].concat();
    add(
        Charge::BetweenLinks,
        "a payment between two that are linked",
        true,
        &pair,
        objects(&hidden),
    );
    let after = Payment {
        sequence: Sequence(7),
        ..hidden
    };
    add(
        Charge::BetweenLinks,
        "a payment after both",
        false,
        &pair,
        objects(&after),
    );
    all
}

type Add<'a> = dyn FnMut(Charge, &'static str, bool, &Vec<Vec<u8>>, Vec<Vec<u8>>) + 'a;

fn cover_charges(cast: &Cast, pair: &Vec<Vec<u8>>, add: &mut Add<'_>) {
    let allowance = signed(&cast.payees_allowance(), &cast.gateway);
    let over = |units: u32| {
        let payment = Payment {
            covers: Some(hash(&mut [(cast.cover_id(), units)])),
            ..cast.covered_payment()
        };
        let list = [cast.cover_id().as_bytes().as_slice(), &units.to_be_bytes()].concat();
        (signed(&payment, &cast.payee), list)
    };
    let receipt = |declined: Option<u32>, units| {
        let receipt = protocol::objects::Receipt {
            payment: cast.cover_id(),
            declined,
            units,
            ..cast.receipt()
        };
        signed(&receipt, &cast.payee)
    };
    let mut case = |charge, why, holds, units, receipt: &[u8], other_list: bool| {
        let (payment, list) = over(units);
        let list = if other_list { over(units + 1).1 } else { list };
        add(
            charge,
            why,
            holds,
            pair,
            vec![allowance.clone(), payment, list, receipt.to_vec()],
        );
    };
    let declines = receipt(Some(Status::WrongAmount as u32), None);
    let (fewer, enough) = (receipt(None, Some(36)), receipt(None, Some(37)));
    case(
        Charge::DeclinedCover,
        "the decline of a cover that was spent",
        true,
        0,
        &declines,
        false,
    );
    case(
        Charge::DeclinedCover,
        "a cover taken and spent",
        false,
        0,
        &receipt(None, None),
        false,
    );
    case(
        Charge::DeclinedCover,
        "another list of covers than was signed",
        false,
        0,
        &declines,
        true,
    );
    case(
        Charge::FewerUnits,
        "36 units signed, 37 spent",
        true,
        37,
        &fewer,
        false,
    );
    case(
        Charge::FewerUnits,
        "37 units signed, 37 spent",
        false,
        37,
        &enough,
        false,
    );
}

fn federation_charges(cast: &Cast, pair: &Vec<Vec<u8>>, thing: &Vec<Vec<u8>>, add: &mut Add<'_>) {
    let moves = |to, seconds| {
        let order = Move {
            code: Cast::payee_code(),
            to,
            time: NOW.plus_s(seconds),
            ..cast.move_home()
        };
        signed(&order, &cast.payee)
    };
    let (one, other) = (Cast::issuer_code(), Cast::payer_code());
    add(
        Charge::Moves,
        "two homes under one lease number",
        true,
        thing,
        vec![moves(one, 0), moves(other, 0)],
    );
    add(
        Charge::Moves,
        "one home asked for twice",
        false,
        thing,
        vec![moves(one, 0), moves(one, DAY_S)],
    );

    let given = |number, issued_total, epoch| {
        let allowance = Allowance {
            number,
            issued_total: reading(issued_total),
            gateway_epoch: KeyEpoch(epoch),
            ..cast.allowance()
        };
        signed(&allowance, &cast.gateway)
    };
    // Each grants 9,000.
    add(
        Charge::AllowanceNumber,
        "two allowances under one number",
        true,
        pair,
        vec![given(12, 250_000, 1), given(12, 260_000, 1)],
    );
    add(
        Charge::AllowanceNumber,
        "one number in two gateway epochs",
        false,
        pair,
        vec![given(12, 250_000, 1), given(12, 250_000, 2)],
    );
    add(
        Charge::FloatOverlap,
        "one part of the float promised twice",
        true,
        pair,
        vec![given(12, 250_000, 1), given(13, 258_999, 1)],
    );
    add(
        Charge::FloatOverlap,
        "one part of the float after the other",
        false,
        pair,
        vec![given(12, 250_000, 1), given(13, 259_000, 1)],
    );
}

#[test]
fn accusations_hold() {
    let cast = Cast::new(Algorithm::Ed25519);
    for case in charges(&cast) {
        let verdict = judge(&cast.trust(), &case.message());
        assert_eq!(verdict.is_ok(), case.holds, "{}: {verdict:?}", case.why);
    }
    let file = committed("accusations.json");
    for case in held::list(&file, "accusations") {
        let verdict = judge(&cast.trust(), &held::bytes(case, "message"));
        assert_eq!(
            fields::outcome(verdict.map(|_| ())),
            held::text(case, "outcome"),
            "{case}"
        );
        assert_eq!(
            verdict
                .ok()
                .map(|verdict| verdict.code.to_string())
                .as_deref(),
            case["code"].as_str()
        );
    }
}
