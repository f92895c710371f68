//! Objects and messages of a world of several gateways.

use super::accusations::charges;
use super::messages::written;
use super::objects::object;
use super::{fields, held, hex};
use crate::cast::{Cast, signed};
use protocol::covers::{Item, Items};
use protocol::message::Message;
use protocol::objects::{
    Acceptance, Acknowledgement, Area, Beacon, ClaimNote, Closing, ClosingBalance, Credit, Filter,
    FloatWarrant, Lease, Move, PlaceRecord, RefundAnswer, RefundRequest, Release, Successor,
    Survey, Tariff, Transfer, TrustUpdate, Void, WalletCall, Watermark,
};
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

pub fn acknowledgement(said: &Acknowledgement) -> Value {
    json!({
        "by": said.by.to_string(),
        "to": said.to.to_string(),
        "kind": said.kind,
        "epoch": said.epoch.0,
        "up_to": said.up_to.to_string(),
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

pub fn transfer(transfer: &Transfer) -> Value {
    json!({
        "code": transfer.code.to_string(),
        "from": transfer.from.to_string(),
        "to": transfer.to.to_string(),
        "number": transfer.number,
        "time": transfer.time.0,
        "expires": transfer.expires.0,
    })
}

pub fn acceptance(acceptance: &Acceptance) -> Value {
    json!({
        "by": acceptance.by.to_string(),
        "transfer": hex(acceptance.transfer.as_bytes()),
        "time": acceptance.time.0,
    })
}

pub fn trust_update(update: &TrustUpdate) -> Value {
    json!({
        "root": update.root.to_string(),
        "next": update.next.to_string(),
        "next_key": fields::public_key(&update.next_key),
        "issued": update.issued.0,
        "ends": update.ends.0,
    })
}

pub fn successor(successor: &Successor) -> Value {
    json!({
        "issuer": successor.issuer.to_string(),
        "gateway": successor.gateway.to_string(),
        "former_key": fields::public_key(&successor.former_key),
        "key": fields::public_key(&successor.key),
        "issued": successor.issued.0,
        "ends": successor.ends.0,
    })
}

pub fn survey(survey: &Survey) -> Value {
    json!({
        "place": survey.place.to_string(),
        "owner": survey.owner.to_string(),
        "latitude_nanodeg": survey.latitude_nanodeg.to_string(),
        "longitude_nanodeg": survey.longitude_nanodeg.to_string(),
        "height_mm": survey.height_mm.map(|mm| mm.to_string()),
        "accuracy_mm": survey.accuracy_mm,
        "height_accuracy_mm": survey.height_accuracy_mm,
        "datum": survey.datum as u8,
        "method": survey.method as u8,
        "measured_by": survey.measured_by.map(|code| code.to_string()),
        "measured": survey.measured.0,
        "time": survey.time.0,
    })
}

pub fn place_record(record: &PlaceRecord) -> Value {
    json!({
        "by": record.by.to_string(),
        "place": record.place.to_string(),
        "survey": hex(record.survey.as_bytes()),
        "time": record.time.0,
    })
}

pub fn wallet_call(call: &WalletCall) -> Value {
    json!({
        "code": call.code.to_string(),
        "gateway": call.gateway.to_string(),
        "time": call.time.0,
        "nonce": hex(call.nonce.as_bytes()),
        "message": hex(call.message.as_bytes()),
        "after": call.after.to_string(),
    })
}

pub fn refund_request(request: &RefundRequest) -> Value {
    json!({
        "payer": request.payer.to_string(),
        "payment": hex(request.payment.as_bytes()),
        "words": request.words.as_str(),
        "time": request.time.0,
    })
}

pub fn refund_answer(answer: &RefundAnswer) -> Value {
    json!({
        "gateway": answer.gateway.to_string(),
        "request": hex(answer.request.as_bytes()),
        "paid_back": answer.paid_back.map(|id| hex(id.as_bytes())),
        "words": answer.words.as_ref().map(|words| words.as_str()),
        "time": answer.time.0,
    })
}

pub fn objects(cast: &Cast) -> Vec<Value> {
    let (issuer, gateway) = (("issuer", &cast.issuer), ("gateway", &cast.gateway));
    let root = ("root", &cast.root);
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
        "an acknowledgement" issuer cast.acknowledgement(), acknowledgement;
        "a tariff" payee cast.tariff(), tariff;
        "a transfer" payer cast.transfer(), transfer;
        "an acceptance" payee cast.acceptance(), acceptance;
        "a trust update" root cast.trust_update(), trust_update;
        "a successor" issuer cast.successor(), successor;
        "a survey" payee cast.survey(), survey;
        "a place record" gateway cast.place_record(), place_record;
        "a call of a wallet" payer cast.wallet_call(), wallet_call;
        "a request for money back" payer cast.refund_request(), refund_request;
        "an answer to it" gateway cast.refund_answer(), refund_answer;
        "an answer that names a payment" gateway RefundAnswer { paid_back: Some(cast.refund_request().payment), words: None, ..cast.refund_answer() }, refund_answer;
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
        "acknowledgement" => held::object_holds::<Acknowledgement>(case, acknowledgement),
        "tariff" => held::object_holds::<Tariff>(case, tariff),
        "transfer" => held::object_holds::<Transfer>(case, transfer),
        "acceptance" => held::object_holds::<Acceptance>(case, acceptance),
        "trust-update" => held::object_holds::<TrustUpdate>(case, trust_update),
        "successor" => held::object_holds::<Successor>(case, successor),
        "survey" => held::object_holds::<Survey>(case, survey),
        "place-record" => held::object_holds::<PlaceRecord>(case, place_record),
        "wallet-call" => held::object_holds::<WalletCall>(case, wallet_call),
        "refund-request" => held::object_holds::<RefundRequest>(case, refund_request),
        "refund-answer" => held::object_holds::<RefundAnswer>(case, refund_answer),
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
        Message::RefundRequest { request } => ("refund_request", vec![request]),
        Message::RefundAnswer { answer } => ("refund_answer", vec![answer]),
        Message::Transfer {
            transfer,
            acceptance,
        } => (
            "transfer",
            [Some(transfer), acceptance].into_iter().flatten().collect(),
        ),
        Message::Authorities {
            issuer,
            gateway,
            certificates,
            update,
        } => {
            let parts = [Some(issuer), Some(gateway), Some(certificates), update];
            ("authorities", parts.into_iter().flatten().collect())
        }
        Message::Successor {
            issuer,
            gateway,
            former,
            successor,
            own,
        } => {
            let parts = [issuer, gateway, former, successor].map(Some);
            (
                "successor",
                parts.into_iter().chain([own]).flatten().collect(),
            )
        }
        Message::PlaceRecord {
            issuer,
            authority,
            owner,
            survey,
            record,
        } => (
            "place_record",
            vec![issuer, authority, owner, survey, record],
        ),
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
        Message::Transfer {
            transfer: &signed(&cast.transfer(), payer),
            acceptance: None,
        },
        Message::Transfer {
            transfer: &signed(&cast.transfer(), payer),
            acceptance: Some(&signed(&cast.acceptance(), payee)),
        },
        Message::Authorities {
            issuer: &centre,
            gateway: &signed(&cast.gateway_pass(), issuer),
            certificates: b"certificates in DER",
            update: None,
        },
        Message::Authorities {
            issuer: &centre,
            gateway: &signed(&cast.gateway_pass(), issuer),
            certificates: b"certificates in DER",
            update: Some(&signed(&cast.trust_update(), &cast.root)),
        },
        Message::Successor {
            issuer: &centre,
            gateway: &signed(&cast.gateway_pass(), issuer),
            former: &signed(&cast.gateway_pass(), issuer),
            successor: &signed(&cast.successor(), issuer),
            own: None,
        },
        Message::Successor {
            issuer: &centre,
            gateway: &signed(&cast.gateway_pass(), issuer),
            former: &signed(&cast.gateway_pass(), issuer),
            successor: &signed(&cast.successor(), issuer),
            own: Some(&pass),
        },
        Message::PlaceRecord {
            issuer: &centre,
            authority: &signed(&cast.gateway_pass(), issuer),
            owner: &pass,
            survey: &signed(&cast.survey(), payee),
            record: &signed(&cast.place_record(), gateway),
        },
        Message::RefundRequest {
            request: &signed(&cast.refund_request(), payer),
        },
        Message::RefundAnswer {
            answer: &signed(&cast.refund_answer(), gateway),
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
