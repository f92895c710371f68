//! Objects of a world of several gateways, evidence with covers, and accusations.

use super::messages::written;
use super::objects::object;
use super::{committed, fields, held, hex};
use crate::cast::{Cast, DAY_S, NOW, amount, network, reading, signed};
use protocol::covers::{ITEMS_MAX, Item, Items, hash};
use protocol::message::{CREDENTIALS_MAX, Message, OBJECTS_MAX};
use protocol::objects::{
    Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance, Credit, Filter, FloatWarrant,
    Lease, Move, Payment, Release, Tariff, Void, Watermark,
};
use protocol::rules::{Charge, covered, judge};
use protocol::{Algorithm, Digest, KeyEpoch, Sequence, Signer, Status};
use serde_json::{Value, json};

pub fn warrant(warrant: &FloatWarrant) -> Value {
    json!({
        "centre": warrant.centre.to_string(),
        "gateway": warrant.gateway.to_string(),
        "gateway_epoch": warrant.gateway_epoch.0,
        "currency": hex(warrant.currency.as_bytes()),
        "limit": warrant.limit.to_string(),
        "issued": warrant.issued.0,
        "expires": warrant.expires.0,
    })
}

pub fn area(area: &Area) -> Value {
    let cells = area.cells.iter().map(|cell| hex(cell.as_bytes()));
    json!({
        "by": area.by.to_string(),
        "cells": cells.collect::<Vec<_>>(),
        "issued": area.issued.0,
    })
}

pub fn closing(closing: &Closing) -> Value {
    json!({
        "code": closing.code.to_string(),
        "key_epoch": closing.key_epoch.0,
        "currency": hex(closing.currency.as_bytes()),
        "allowance": hex(closing.allowance.as_bytes()),
        "sequence": closing.sequence.0,
        "odometer": closing.odometer.to_string(),
        "time": closing.time.0,
    })
}

pub fn void(void: &Void) -> Value {
    json!({
        "code": void.code.to_string(),
        "key_epoch": void.key_epoch.0,
        "first": void.first.0,
        "last": void.last.0,
        "time": void.time.0,
    })
}

pub fn beacon(beacon: &Beacon) -> Value {
    json!({
        "gateway": beacon.gateway.to_string(),
        "time": beacon.time.0,
        "filter_version": beacon.filter_version,
        "filter": beacon.filter.map(|filter| hex(filter.as_bytes())),
    })
}

pub fn filter(filter: &Filter) -> Value {
    let codes = |codes: &protocol::objects::Set<_, _>| {
        codes
            .iter()
            .map(|code: &protocol::Code| code.to_string())
            .collect::<Vec<_>>()
    };
    json!({
        "gateway": filter.gateway.to_string(),
        "version": filter.version,
        "time": filter.time.0,
        "codes": filter.codes.as_ref().map(codes),
    })
}

pub fn move_home(order: &Move) -> Value {
    json!({
        "code": order.code.to_string(),
        "from": order.from.to_string(),
        "to": order.to.to_string(),
        "lease": order.lease.to_string(),
        "time": order.time.0,
    })
}

pub fn lease(lease: &Lease) -> Value {
    json!({
        "centre": lease.centre.to_string(),
        "code": lease.code.to_string(),
        "home": lease.home.to_string(),
        "number": lease.number.to_string(),
        "issued": lease.issued.0,
        "ends": lease.ends.0,
    })
}

pub fn release(release: &Release) -> Value {
    json!({
        "centre": release.centre.to_string(),
        "code": release.code.to_string(),
        "number": release.number.to_string(),
        "time": release.time.0,
    })
}

pub fn closing_balance(balance: &ClosingBalance) -> Value {
    json!({
        "gateway": balance.gateway.to_string(),
        "gateway_epoch": balance.gateway_epoch.0,
        "code": balance.code.to_string(),
        "lease": balance.lease.to_string(),
        "currency": hex(balance.currency.as_bytes()),
        "free": balance.free.to_string(),
        "reserved": balance.reserved.to_string(),
        "open_until": balance.open_until.0,
        "key_epoch": balance.key_epoch.0,
        "sequence": balance.sequence.0,
        "head": hex(balance.head.as_bytes()),
        "odometer": balance.odometer.to_string(),
        "time": balance.time.0,
    })
}

pub fn credit(credit: &Credit) -> Value {
    json!({
        "gateway": credit.gateway.to_string(),
        "gateway_epoch": credit.gateway_epoch.0,
        "subject": hex(credit.subject.as_bytes()),
        "payee": credit.payee.to_string(),
        "currency": hex(credit.currency.as_bytes()),
        "amount": credit.amount.to_string(),
        "covers_for": credit.covers_for.map(|allowance| hex(allowance.as_bytes())),
        "provisional": credit.provisional.is_some(),
        "time": credit.time.0,
    })
}

pub fn claim_note(note: &ClaimNote) -> Value {
    json!({
        "gateway": note.gateway.to_string(),
        "gateway_epoch": note.gateway_epoch.0,
        "payment": hex(note.payment.as_bytes()),
        "covers": note.covers.map(|covers| hex(covers.as_bytes())),
        "time": note.time.0,
    })
}

pub fn watermark(watermark: &Watermark) -> Value {
    json!({
        "centre": watermark.centre.to_string(),
        "gateway": watermark.gateway.to_string(),
        "gateway_epoch": watermark.gateway_epoch.0,
        "height": watermark.height.to_string(),
        "time": watermark.time.0,
    })
}

pub fn tariff(tariff: &Tariff) -> Value {
    let prices = tariff.prices.iter().map(|price| {
        json!({
            "item": hex(price.item.as_bytes()),
            "measure": price.measure as u8,
            "amount": price.amount.to_string(),
        })
    });
    json!({
        "payee": tariff.payee.to_string(),
        "currency": hex(tariff.currency.as_bytes()),
        "issued": tariff.issued.0,
        "expires": tariff.expires.0,
        "prices": prices.collect::<Vec<_>>(),
    })
}

pub fn objects(cast: &Cast) -> Vec<Value> {
    let (issuer, gateway) = (("issuer", &cast.issuer), ("gateway", &cast.gateway));
    let (payer, payee) = (("payer", &cast.payer), ("payee", &cast.payee));
    macro_rules! made {
        ($($what:literal $by:ident $made:expr, $fields:path;)*) => {
            vec![$(object($what, &$made, $fields(&$made), $by.0, $by.1)),*]
        };
    }
    made! {
        "an allowance with hops, area and guarantee" gateway cast.hopping_allowance(), fields::allowance;
        "the payee's own allowance" gateway cast.payees_allowance(), fields::allowance;
        "a payment that its payee may spend" payer cast.cover(), fields::payment;
        "a payment with a cover" payee cast.covered_payment(), fields::payment;
        "a renewal of a purse that lost its journal" payer cast.lost_renewal(), fields::renewal;
        "a provisional statement of a payment that waits for covers" gateway cast.provisional_statement(), fields::statement;
        "an invoice that wants to spend what it is paid" payee cast.covering_invoice(), fields::invoice;
        "a float warrant" issuer cast.warrant(), warrant;
        "an area" issuer cast.area(), area;
        "a closing" payer cast.closing(), closing;
        "a void" payer cast.void(), void;
        "a filter" gateway cast.filter(), filter;
        "an empty filter" gateway Filter { codes: None, ..cast.filter() }, filter;
        "a beacon" gateway cast.beacon(), beacon;
        "a move" payer cast.move_home(), move_home;
        "a lease" issuer cast.lease(), lease;
        "a release" issuer cast.release(), release;
        "a closing balance" gateway cast.closing_balance(), closing_balance;
        "a credit" gateway cast.credit(), credit;
        "a claim note" gateway cast.claim_note(), claim_note;
        "a watermark" issuer cast.watermark(), watermark;
        "a tariff" payee cast.tariff(), tariff;
    }
}

/// The part of `objects_hold` for these types.
pub fn object_holds(case: &Value) {
    match held::text(case, "object") {
        "float-warrant" => held::object_holds::<FloatWarrant>(case, warrant),
        "area" => held::object_holds::<Area>(case, area),
        "closing" => held::object_holds::<Closing>(case, closing),
        "void" => held::object_holds::<Void>(case, void),
        "beacon" => held::object_holds::<Beacon>(case, beacon),
        "filter" => held::object_holds::<Filter>(case, filter),
        "move" => held::object_holds::<Move>(case, move_home),
        "lease" => held::object_holds::<Lease>(case, lease),
        "release" => held::object_holds::<Release>(case, release),
        "closing-balance" => held::object_holds::<ClosingBalance>(case, closing_balance),
        "credit" => held::object_holds::<Credit>(case, credit),
        "claim-note" => held::object_holds::<ClaimNote>(case, claim_note),
        "watermark" => held::object_holds::<Watermark>(case, watermark),
        "tariff" => held::object_holds::<Tariff>(case, tariff),
        other => unreachable!("no object is called {other}"),
    }
}

/// The part of `messages_hold` for these kinds: the name, and the parts in their order.
pub fn parts<'b>(message: &Message<'b>) -> (&'static str, Vec<&'b [u8]>) {
    match *message {
        Message::Covered { items, receipt } => (
            "covered",
            [Some(items), receipt].into_iter().flatten().collect(),
        ),
        Message::Payment { payment } => ("payment", vec![payment]),
        Message::Beacon { beacon } => ("beacon", vec![beacon]),
        Message::Filter { filter } => ("filter", vec![filter]),
        Message::Warrant { centre, warrant } => ("warrant", vec![centre, warrant]),
        Message::Area { area } => ("area", vec![area]),
        Message::Tariff { tariff, pass } => ("tariff", vec![tariff, pass]),
        Message::Closing { closing } => ("closing", vec![closing]),
        Message::Void { void } => ("void", vec![void]),
        Message::ClaimNote { note } => ("claim_note", vec![note]),
        Message::Move { order } => ("move", vec![order]),
        Message::Lease { lease } => ("lease", vec![lease]),
        Message::Release { release } => ("release", vec![release]),
        Message::ClosingBalance { balance } => ("closing_balance", vec![balance]),
        Message::Credit { credit } => ("credit", vec![credit]),
        Message::Watermark { watermark } => ("watermark", vec![watermark]),
        Message::Seen { allowance, payment } => ("seen", vec![allowance, payment]),
        Message::Accusation {
            credentials,
            objects,
            ..
        } => (
            "accusation",
            credentials.into_iter().chain(objects).flatten().collect(),
        ),
        ref other => unreachable!("{other:?} has its parts elsewhere"),
    }
}

/// One message of each of these kinds.
pub fn messages(cast: &Cast) -> Vec<Value> {
    let (issuer, gateway) = (&cast.issuer, &cast.gateway);
    let (payer, payee) = (&cast.payer, &cast.payee);
    let centre = signed(&cast.issuer_pass(), &cast.root);
    let pass = signed(&cast.payee_pass(), gateway);
    let (allowance, payment) = (
        signed(&cast.allowance(), gateway),
        signed(&cast.payment(), payer),
    );
    let (above, below) = (
        signed(&cast.hopping_allowance(), gateway),
        signed(&cast.payees_allowance(), gateway),
    );
    let (cover, root) = (
        signed(&cast.cover(), payer),
        signed(&cast.covered_payment(), payee),
    );
    let item = |allowance, payment, covers| Item {
        allowance,
        payment,
        released: None,
        covers,
    };
    let mut out = [0; protocol::covers::COVERED_MAX];
    let items = Items::new(&[item(&above, &cover, 0), item(&below, &root, 1)]).unwrap();
    let len = items.write(&mut out).unwrap();
    let items = &out[..len];
    let receipt = signed(&cast.receipt(), payee);
    let accused = charges(cast).swap_remove(0).message();
    let all = [
        Message::Covered {
            items,
            receipt: None,
        },
        Message::Covered {
            items,
            receipt: Some(&receipt),
        },
        Message::Payment { payment: &payment },
        Message::Beacon {
            beacon: &signed(&cast.beacon(), gateway),
        },
        Message::Filter {
            filter: &signed(&cast.filter(), gateway),
        },
        Message::Warrant {
            centre: &centre,
            warrant: &signed(&cast.warrant(), issuer),
        },
        Message::Area {
            area: &signed(&cast.area(), issuer),
        },
        Message::Tariff {
            tariff: &signed(&cast.tariff(), payee),
            pass: &pass,
        },
        Message::Closing {
            closing: &signed(&cast.closing(), payer),
        },
        Message::Void {
            void: &signed(&cast.void(), payer),
        },
        Message::ClaimNote {
            note: &signed(&cast.claim_note(), gateway),
        },
        Message::Move {
            order: &signed(&cast.move_home(), payer),
        },
        Message::Lease {
            lease: &signed(&cast.lease(), issuer),
        },
        Message::Release {
            release: &signed(&cast.release(), issuer),
        },
        Message::ClosingBalance {
            balance: &signed(&cast.closing_balance(), gateway),
        },
        Message::Credit {
            credit: &signed(&cast.credit(), gateway),
        },
        Message::Watermark {
            watermark: &signed(&cast.watermark(), issuer),
        },
        Message::Seen {
            allowance: &allowance,
            payment: &payment,
        },
        Message::read(&accused).unwrap(),
    ];
    let written = |message: &Message<'_>| {
        let (name, parts) = parts(message);
        let parts: Vec<String> = parts.into_iter().map(hex).collect();
        let mut made = json!({ "message": name, "parts": parts, "bytes": hex(&written(message)) });
        if let Message::Accusation {
            how, credentials, ..
        } = message
        {
            made["charge"] = json!(how);
            made["credentials"] = json!(credentials.iter().flatten().count());
        }
        made
    };
    all.iter().map(written).collect()
}

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
