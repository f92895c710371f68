//! The committed files about streams, invoices and receipts, read back; the chains are hashed here
//! with nothing of the crate.

use super::held::{bytes, code, list, network, public_key, small, text};
use super::{committed, fields, streams};
use protocol::cose::{Verified, open};
use protocol::message::Message;
use protocol::objects::{Invoice, Object, Payment, Receipt};
use protocol::rules::{answer, released};
use protocol::{Digest, Status};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn signed<'b, T: Object>(file: &Value, bytes: &'b [u8], key: &str) -> Verified<'b, T> {
    let sealed = open::<T>(bytes, &network(file)).unwrap();
    sealed.verify(&public_key(&file[key])).unwrap()
}

#[test]
fn chains_hold() {
    for case in list(&committed("streams.json"), "chains") {
        let head = [
            b"onecode/1/stream".as_slice(),
            code(case, "payer").as_bytes(),
            &small(case, "key_epoch").to_be_bytes(),
            &small(case, "sequence").to_be_bytes(),
            &[0; 20],
        ]
        .concat();
        assert_eq!(head.len(), 64, "one block");
        let mut value = bytes(case, "seed");
        assert_eq!(
            [head.clone(), value.clone()].concat(),
            bytes(case, "first_step_hashes")
        );
        let known = list(case, "values");
        let mut met = 0;
        for index in (0..=small(case, "count")).rev() {
            for known in known.iter().filter(|known| small(known, "index") == index) {
                assert_eq!(value, bytes(known, "value"), "{index}");
                met += 1;
            }
            if index > 0 {
                value = Sha256::digest([head.as_slice(), &value].concat()).to_vec();
            }
        }
        assert_eq!(value, bytes(case, "anchor"));
        assert_eq!(met, known.len());
    }
}

#[test]
fn releases_hold() {
    let file = committed("streams.json");
    for case in list(&file, "releases") {
        let payment = bytes(case, "payment");
        let payment = signed::<Payment>(&file, &payment, "payer_key");
        let digest = |key| Digest::from_slice(&bytes(case, key)).unwrap();
        let known = (small(case, "known_units"), &digest("known"));
        let outcome = released(payment.get(), known, small(case, "units"), &digest("value"));
        assert_eq!(
            fields::outcome(outcome.map(drop)),
            text(case, "outcome"),
            "{case}"
        );
        let cost = outcome.ok().map(|cost| cost.to_string());
        assert_eq!(cost.as_deref(), case["cost"].as_str());
    }
}

#[test]
fn invoices_hold() {
    let file = committed("invoices.json");
    for case in list(&file, "invoices") {
        let invoice = bytes(case, "invoice");
        let invoice = signed::<Invoice>(&file, &invoice, "payee_key");
        let asks = streams::asked(invoice.get().asked());
        assert_eq!(asks, text(case, "asks"), "{case}");
    }
    for case in list(&file, "answers") {
        let (invoice, payment) = (bytes(case, "invoice"), bytes(case, "payment"));
        let invoice = signed::<Invoice>(&file, &invoice, "payee_key");
        let payment = signed::<Payment>(&file, &payment, "payer_key");
        let outcome = match payment.get().reference == invoice.reference() {
            true => invoice.get().asked().unwrap().met_by(payment.get()),
            false => Err(Status::WrongReference),
        };
        assert_eq!(fields::outcome(outcome), text(case, "outcome"), "{case}");
    }
}

#[test]
fn receipts_hold() {
    let file = committed("receipts.json");
    for case in list(&file, "receipts") {
        let (payment, receipt) = (bytes(case, "payment"), bytes(case, "receipt"));
        let message = bytes(case, "message");
        let Ok(Message::Receipt { receipt: part, .. }) = Message::read(&message) else {
            unreachable!("a receipt message, not {case}")
        };
        assert_eq!(part, receipt);
        let payment = signed::<Payment>(&file, &payment, "payer_key");
        let receipt = signed::<Receipt>(&file, &receipt, "payee_key");
        let said = streams::said(answer(&payment, receipt.get()));
        assert_eq!(said, text(case, "answer"), "{case}");
    }
}
