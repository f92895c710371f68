//! Objects as JSON: the names of `docs/protocol.md`; 64-bit numbers as decimal text, because many
//! JSON readers round them; bytes as hex; codes as text.

use super::hex;
use protocol::objects::{Allowance, Invoice, Pass, Payment, Receipt, Renewal, Statement};
use protocol::rules::{Contradiction, PayeeView, Spent};
use protocol::{Algorithm, PublicKey, Status};
use serde_json::{Value, json};

pub fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::P256 => "p256",
    }
}

pub fn public_key(key: &PublicKey) -> Value {
    json!({ "algorithm": algorithm(key.algorithm()), "bytes": hex(key.as_bytes()) })
}

pub fn outcome(outcome: Result<(), Status>) -> &'static str {
    outcome.map_or_else(Status::word, |()| "ok")
}

pub fn contradiction(how: Contradiction) -> &'static str {
    match how {
        Contradiction::SameSequence => "same_sequence",
        Contradiction::Overlap => "overlap",
    }
}

pub fn pass(pass: &Pass) -> Value {
    json!({
        "issuer": pass.issuer.0.to_string(),
        "subject": pass.subject.0.to_string(),
        "expires": pass.expires.0,
        "issued": pass.issued.0,
        "key": public_key(&pass.key.0),
        "class": pass.class as u8,
        "rights": pass.rights.bits(),
        "grace_s": pass.grace_s,
        "station": pass.station,
        "first_sequence": pass.first_sequence.map(|n| n.to_string()),
        "last_sequence": pass.last_sequence.map(|n| n.to_string()),
    })
}

pub fn allowance(allowance: &Allowance) -> Value {
    json!({
        "code": allowance.code.to_string(),
        "wallet_key": public_key(&allowance.wallet_key),
        "key_epoch": allowance.key_epoch.0,
        "class": allowance.class as u8,
        "currency": hex(allowance.currency.as_bytes()),
        "limit": allowance.limit.to_string(),
        "base_sequence": allowance.base_sequence.0,
        "base_head": hex(allowance.base_head.as_bytes()),
        "base_odometer": allowance.base_odometer.to_string(),
        "most_per_payment": allowance.most_per_payment.to_string(),
        "most_payments": allowance.most_payments,
        "hops": allowance.hops,
        "area": allowance.area.map(|area| hex(area.as_bytes())),
        "guarantee": allowance.guarantee.map(|most| most.to_string()),
        "issued": allowance.issued.0,
        "expires": allowance.expires.0,
        "gateway": allowance.gateway.to_string(),
        "gateway_epoch": allowance.gateway_epoch.0,
        "number": allowance.number.to_string(),
        "issued_total": allowance.issued_total.to_string(),
    })
}

pub fn payment(payment: &Payment) -> Value {
    json!({
        "payer": payment.payer.to_string(),
        "key_epoch": payment.key_epoch.0,
        "sequence": payment.sequence.0,
        "previous": hex(payment.previous.as_bytes()),
        "payee": payment.payee.to_string(),
        "currency": hex(payment.currency.as_bytes()),
        "amount": payment.amount.to_string(),
        "odometer": payment.odometer.to_string(),
        "allowance": hex(payment.allowance.as_bytes()),
        "settle_by": payment.settle_by.0,
        "reference": hex(payment.reference.as_bytes()),
        "covers_for": payment.covers_for.map(|allowance| hex(allowance.as_bytes())),
        "covers": payment.covers.map(|covers| hex(covers.as_bytes())),
        "stream": payment.stream.map(|stream| json!({
            "unit": stream.unit.to_string(),
            "count": stream.count,
            "anchor": hex(stream.anchor.as_bytes()),
        })),
    })
}

pub fn receipt(receipt: &Receipt) -> Value {
    json!({
        "payee": receipt.payee.to_string(),
        "payment": hex(receipt.payment.as_bytes()),
        "time": receipt.time.0,
        "declined": receipt.declined,
        "units": receipt.units,
    })
}

pub fn invoice(invoice: &Invoice) -> Value {
    json!({
        "payee": invoice.payee.to_string(),
        "currency": hex(invoice.currency.as_bytes()),
        "amount": invoice.amount.map(|amount| amount.to_string()),
        "unit": invoice.unit.map(|unit| unit.to_string()),
        "most_units": invoice.most_units,
        "reference": hex(invoice.reference.as_bytes()),
        "nonce": invoice.nonce.to_string(),
        "expires": invoice.expires.0,
        "least_class": invoice.least_class as u8,
        "covers_for": invoice.covers_for.map(|allowance| hex(allowance.as_bytes())),
        "holds": invoice.holds.map(|allowance| hex(allowance.as_bytes())),
    })
}

pub fn renewal(renewal: &Renewal) -> Value {
    json!({
        "code": renewal.code.to_string(),
        "key_epoch": renewal.key_epoch.0,
        "currency": hex(renewal.currency.as_bytes()),
        "sequence": renewal.sequence.0,
        "head": hex(renewal.head.as_bytes()),
        "odometer": renewal.odometer.to_string(),
        "wanted": renewal.wanted.to_string(),
        "time": renewal.time.0,
        "lost": renewal.lost.is_some(),
    })
}

pub fn statement(statement: &Statement) -> Value {
    json!({
        "gateway": statement.gateway.to_string(),
        "gateway_epoch": statement.gateway_epoch.0,
        "payment": hex(statement.payment.as_bytes()),
        "outcome": statement.outcome,
        "height": statement.height.to_string(),
        "root": hex(statement.root.as_bytes()),
        "time": statement.time.0,
        "units": statement.units,
        "provisional": statement.provisional.is_some(),
        "paid": statement.paid.map(|paid| paid.to_string()),
    })
}

fn spent(spent: &Spent) -> Value {
    json!({
        "id": hex(spent.id.as_bytes()),
        "payer": spent.payer.to_string(),
        "key_epoch": spent.key_epoch.0,
        "currency": hex(spent.currency.as_bytes()),
        "sequence": spent.sequence.0,
        "from": spent.from.to_string(),
        "to": spent.to.to_string(),
    })
}

pub fn view(view: &PayeeView<'_>) -> Value {
    json!({
        "me": view.me.to_string(),
        "now": view.now.0,
        "sync_margin_s": view.sync_margin_s,
        "newest": view.newest.map(spent),
        "expected": view.expected.map(|expected| json!({
            "amount": expected.amount.to_string(),
            "reference": hex(expected.reference.as_bytes()),
        })),
        "most_by_class": view.most_by_class.map(|most| most.to_string()),
    })
}
