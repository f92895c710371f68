//! Messages and wallet proofs.

use super::names::spki;
use super::{fields, hex, society};
use crate::cast::{BOTH, Cast, SEED, network, signed, usd};
use crate::cbor;
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::Payment;
use protocol::stream::Chain;
use protocol::{Algorithm, Reference, Signer, Status};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub fn written(message: &Message<'_>) -> Vec<u8> {
    let mut out = [0; MESSAGE_MAX];
    let len = message.write(&mut out).unwrap();
    out[..len].to_vec()
}

pub fn messages() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let gateway = signed(&cast.gateway_pass(), &cast.issuer);
    let [
        pass,
        allowance,
        payment,
        receipt,
        renewal,
        statement,
        invoice,
    ] = cast.one_of_each().map(|(_, bytes, _)| bytes);
    let streams = stream_messages(&cast, &allowance);
    let second = Payment {
        payee: Cast::gateway_code(),
        ..cast.payment()
    };
    let second = signed(&second, &cast.payer);
    let message = |name: &str, message: Message<'_>, parts: &[&[u8]]| {
        let parts: Vec<String> = parts.iter().map(|part| hex(part)).collect();
        json!({ "message": name, "parts": parts, "bytes": hex(&written(&message)) })
    };
    let refusal = |status: Status, about: Option<Reference>| {
        json!({
            "message": "refusal",
            "status": status as u8,
            "about": about.map(|about| hex(about.as_bytes())),
            "bytes": hex(&written(&Message::refusal(status, about))),
        })
    };
    let mut all = vec![
        message(
            "evidence",
            Message::Evidence {
                allowance: &allowance,
                payment: &payment,
            },
            &[&allowance, &payment],
        ),
        message(
            "claim",
            Message::Claim {
                allowance: &allowance,
                payment: &payment,
                receipt: &receipt,
            },
            &[&allowance, &payment, &receipt],
        ),
        message(
            "receipt",
            Message::Receipt {
                receipt: &receipt,
                pass: &pass,
            },
            &[&receipt, &pass],
        ),
        message(
            "renewal",
            Message::Renewal { renewal: &renewal },
            &[&renewal],
        ),
        message(
            "grant",
            Message::Grant {
                allowance: &allowance,
            },
            &[&allowance],
        ),
        message(
            "statement",
            Message::Statement {
                statement: &statement,
            },
            &[&statement],
        ),
        refusal(Status::Malformed, None),
        refusal(Status::AboveLimit, Some(cast.payment_id().reference())),
        message(
            "proof",
            Message::Proof {
                issuer: &issuer,
                gateway: &gateway,
                allowances: [&allowance; 2],
                payments: [&payment, &second],
            },
            &[&issuer, &gateway, &allowance, &allowance, &payment, &second],
        ),
        message(
            "invoice",
            Message::Invoice {
                invoice: &invoice,
                pass: &pass,
            },
            &[&invoice, &pass],
        ),
    ];
    all.extend(streams);
    all.extend(society::messages(&cast));
    let currency = usd();
    all.push(json!({
        "message": "ask",
        "currency": hex(currency.as_bytes()),
        "bytes": hex(&written(&Message::Ask { currency })),
    }));
    json!({
        "about": "Messages: docs/protocol.md, chapter 7. parts in the order in which they stand in the message.",
        "messages": all,
        "refused": refused_messages(&allowance, &payment),
    })
}

/// Units and claims of the stream of `streams.json`.
fn stream_messages(cast: &Cast, allowance: &[u8]) -> Vec<Value> {
    let payment = signed(&cast.stream_payment(), &cast.payer);
    let receipt = signed(&cast.closing_receipt(), &cast.payee);
    let chain = Chain::of(&cast.stream_payment());
    let id = cast.stream_payment_id();
    let about: [u8; 4] = id.as_bytes()[..4].try_into().unwrap();
    let unit = |units: u32| {
        let value = chain.down(SEED, 100 - units);
        json!({
            "message": "unit",
            "about": hex(&about),
            "units": units,
            "value": hex(value.as_bytes()),
            "bytes": hex(&written(&Message::Unit { about, units, value })),
        })
    };
    let claim = |units: u32, receipt: Option<&[u8]>| {
        let value = chain.down(SEED, 100 - units);
        let claim = Message::StreamClaim {
            allowance,
            payment: &payment,
            units,
            value,
            receipt,
        };
        let parts: Vec<_> = [Some(allowance), Some(&payment), receipt]
            .into_iter()
            .flatten()
            .map(hex)
            .collect();
        json!({
            "message": "stream_claim",
            "parts": parts,
            "units": units,
            "value": hex(value.as_bytes()),
            "bytes": hex(&written(&claim)),
        })
    };
    vec![
        unit(0),
        unit(1),
        unit(37),
        unit(100),
        claim(0, None),
        claim(36, None),
        claim(37, Some(&receipt)),
    ]
}

fn refused_messages(allowance: &[u8], payment: &[u8]) -> Vec<Value> {
    use cbor::{Item, Spelling};
    let part = |bytes: &[u8]| Item::Bytes(bytes.to_vec());
    let array = |items: Vec<Item>| Item::Array(items).to_bytes();
    let evidence = Item::Array(vec![Item::int(1), part(allowance), part(payment)]);
    let mut heads = 0;
    let long_kind = evidence.spelled(&mut |_| {
        heads += 1;
        if heads == 2 {
            Spelling::Wide(1)
        } else {
            Spelling::Shortest
        }
    });
    let mut heads = 0;
    let indefinite = evidence.spelled(&mut |_| {
        heads += 1;
        if heads == 1 {
            Spelling::Indefinite
        } else {
            Spelling::Shortest
        }
    });
    let cases = [
        ("nothing", vec![]),
        ("kind 0", array(vec![Item::int(0), part(allowance)])),
        ("kind 33", array(vec![Item::int(33), part(allowance)])),
        (
            "a currency of five bytes",
            array(vec![Item::int(30), part(&usd().as_bytes()[..5])]),
        ),
        (
            "a currency in small letters",
            array(vec![
                Item::int(30),
                part(&usd().as_bytes().to_ascii_lowercase()),
            ]),
        ),
        (
            "an accusation with four credentials",
            array(vec![
                Item::int(29),
                Item::int(1),
                Item::Array(vec![part(allowance); 4]),
                Item::Array(vec![part(payment)]),
            ]),
        ),
        (
            "an accusation with seven objects",
            array(vec![
                Item::int(29),
                Item::int(1),
                Item::Array(vec![part(allowance)]),
                Item::Array(vec![part(payment); 7]),
            ]),
        ),
        (
            "an invoice without a pass",
            array(vec![Item::int(9), part(allowance)]),
        ),
        (
            "a unit about five bytes",
            array(vec![
                Item::int(10),
                part(&[1; 5]),
                Item::int(1),
                part(&[2; 32]),
            ]),
        ),
        (
            "a unit with a value of 31 bytes",
            array(vec![
                Item::int(10),
                part(&[1; 4]),
                Item::int(1),
                part(&[2; 31]),
            ]),
        ),
        (
            "2^32 units",
            array(vec![
                Item::int(10),
                part(&[1; 4]),
                Item::int(1 << 32),
                part(&[2; 32]),
            ]),
        ),
        (
            "a stream claim without a value",
            array(vec![
                Item::int(11),
                part(allowance),
                part(payment),
                Item::int(1),
            ]),
        ),
        (
            "evidence without a payment",
            array(vec![Item::int(1), part(allowance)]),
        ),
        (
            "a part that is no byte string",
            array(vec![Item::int(5), Item::Text("allowance".into())]),
        ),
        (
            "a status that is not in the table",
            array(vec![Item::int(7), Item::int(99)]),
        ),
        (
            "a subject of 15 bytes",
            array(vec![Item::int(7), Item::int(16), part(&[0; 15])]),
        ),
        (
            "a byte behind",
            [evidence.to_bytes().as_slice(), &[0]].concat(),
        ),
        ("the kind in two bytes", long_kind),
        ("an array of indefinite length", indefinite),
        (
            "longer than a message may be",
            array(vec![Item::int(5), part(&[0; MESSAGE_MAX])]),
        ),
    ];
    cases
        .into_iter()
        .map(|(why, bytes)| {
            assert_eq!(Message::read(&bytes), Err(Status::Malformed), "{why}");
            json!({ "why": why, "bytes": hex(&bytes), "status": Status::Malformed.word() })
        })
        .collect()
}

pub fn wallet_proofs() -> Value {
    let mut all = Vec::new();
    for algorithm in BOTH {
        let wallet = Cast::new(algorithm).payer;
        let transport = spki(21);
        let proof = WalletProof::make(&network(), &transport, &wallet).unwrap();
        let mut out = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut out);
        let context = format!("onecode/1/{}/wallet-key", network().as_str());
        let message = [context.as_bytes(), Sha256::digest(&transport).as_slice()].concat();
        assert!(wallet.public_key().verifies(&message, &proof.signature));
        all.push(json!({
            "network": network().as_str(),
            "transport_spki": hex(&transport),
            "wallet": format!("payer-{}", fields::algorithm(algorithm)),
            "wallet_key": fields::public_key(&wallet.public_key()),
            "signed_message": hex(&message),
            "signature": hex(&proof.signature),
            "proof": hex(&out[..len]),
        }));
    }
    json!({
        "about": "Wallet proofs of a PKCS#10 request: docs/protocol.md, chapter 10.",
        "refused": refused_wallet_proofs(),
        "proofs": all,
    })
}

fn refused_wallet_proofs() -> Vec<Value> {
    use cbor::Item;
    let transport = spki(21);
    let wallet = Cast::new(Algorithm::Ed25519).payer;
    let good = WalletProof::make(&network(), &transport, &wallet).unwrap();
    let key = Item::Array(vec![
        Item::int(-8),
        Item::Bytes(good.key.as_bytes().to_vec()),
    ]);
    let signature = Item::Bytes(good.signature.to_vec());
    let proof = |parts: Vec<Item>| Item::Array(parts).to_bytes();
    let honest = proof(vec![key.clone(), signature.clone()]);
    let other = WalletProof::make(&network(), &spki(22), &wallet).unwrap();
    let other = proof(vec![key.clone(), Item::Bytes(other.signature.to_vec())]);
    let cases = [
        ("nothing", vec![], Status::Malformed),
        ("no signature", proof(vec![key.clone()]), Status::Malformed),
        (
            "a third part",
            proof(vec![key.clone(), signature.clone(), signature.clone()]),
            Status::Malformed,
        ),
        (
            "the key without its algorithm",
            proof(vec![Item::Bytes(vec![0; 32]), signature]),
            Status::Malformed,
        ),
        (
            "a byte behind",
            [honest.as_slice(), &[0]].concat(),
            Status::Malformed,
        ),
        (
            "made for another transport key",
            other,
            Status::BadSignature,
        ),
    ];
    cases
        .into_iter()
        .map(|(why, bytes, status)| {
            let outcome =
                WalletProof::read(&bytes).and_then(|proof| proof.verify(&network(), &transport));
            assert_eq!(outcome, Err(status), "{why}");
            json!({
                "why": why,
                "network": network().as_str(),
                "transport_spki": hex(&transport),
                "proof": hex(&bytes),
                "status": status.word(),
            })
        })
        .collect()
}
