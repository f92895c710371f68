//! The committed files read back through the public surface, with nothing taken from the code that
//! made them: what another implementation would do.

use super::{committed, fields, names, society, unhex};
use crate::cast::{HOLDINGS, check};
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::code::{CODE_BYTES, IssuedBy, grid::GRID_BYTES};
use protocol::cose::open;
use protocol::enrol::WalletProof;
use protocol::keys::SoftwareKey;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Invoice, Object, Pass, Payment, Receipt, Renewal, Statement};
use protocol::rules::{Expected, PayeeView, Spent, Trust, acceptable, fits, judge_proof};
use protocol::{
    Algorithm, AmountMinor, Code, Currency, Digest, GridCode, KeyEpoch, Kind, Network, Odometer,
    PublicKey, Reference, Sequence, Signer, Status, Timestamp,
};
use serde_json::Value;

pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let items = value[key].as_array().unwrap();
    assert!(!items.is_empty(), "{key} is empty");
    items
}

pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text {key} in {value}"))
}

pub fn bytes(value: &Value, key: &str) -> Vec<u8> {
    unhex(text(value, key))
}

pub fn small(value: &Value, key: &str) -> u32 {
    let number = value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no number {key} in {value}"));
    u32::try_from(number).unwrap()
}

fn signed_number(value: &Value, key: &str) -> i32 {
    i32::try_from(value[key].as_i64().unwrap()).unwrap()
}

fn large(value: &Value, key: &str) -> u64 {
    text(value, key).parse().unwrap()
}

pub fn network(value: &Value) -> Network {
    Network::new(text(value, "network")).unwrap()
}

pub fn public_key(value: &Value) -> PublicKey {
    let algorithm = match text(value, "algorithm") {
        "ed25519" => Algorithm::Ed25519,
        "p256" => Algorithm::P256,
        other => unreachable!("no algorithm is called {other}"),
    };
    PublicKey::from_slice(algorithm, &bytes(value, "bytes")).unwrap()
}

pub fn code(value: &Value, key: &str) -> Code {
    text(value, key).parse().unwrap()
}

#[test]
fn codes_hold() {
    let file = committed("codes.json");
    for case in list(&file, "codes") {
        let by = IssuedBy {
            issuer: small(case, "issuer"),
            station: small(case, "station") as u16,
        };
        let kind = Kind::from_number(small(case, "kind") as u8).unwrap();
        let birth_key = bytes(case, "birth_key_spki");
        let derived = Code::derive(kind, by, large(case, "sequence"), &birth_key).unwrap();
        assert_eq!(derived.as_bytes().as_slice(), bytes(case, "bytes"));
        for text in [text(case, "text"), text(case, "groups")] {
            assert_eq!(text.parse::<Code>(), Ok(derived));
        }
        let uri = text(case, "uri");
        assert_eq!(uri.rsplit('/').next().unwrap().parse::<Code>(), Ok(derived));
        assert!(derived.commits_to(&birth_key));
    }
    for case in list(&file, "also_read") {
        assert_eq!(text(case, "text").parse::<Code>(), Ok(code(case, "code")));
    }
    for case in list(&file, "refused_texts") {
        let error = text(case, "text")
            .parse::<Code>()
            .map_err(names::text_error);
        assert_eq!(error, Err(text(case, "error")), "{case}");
    }
    for case in list(&file, "refused_bytes") {
        let raw: [u8; CODE_BYTES] = bytes(case, "bytes").try_into().unwrap();
        let error = Code::from_bytes(raw).map_err(names::code_error);
        assert_eq!(error, Err(text(case, "error")), "{case}");
    }
}

#[test]
fn grid_codes_hold() {
    let file = committed("grid-codes.json");
    for case in list(&file, "grid_codes") {
        let minutes = case["minutes"]
            .as_str()
            .map(|minutes| minutes.parse().unwrap());
        let height = &case["height_dm"];
        let place = Place {
            by: IssuedBy {
                issuer: small(case, "issuer"),
                station: small(case, "station") as u16,
            },
            level: Level::new(small(case, "level") as u8).unwrap(),
            point: Point::from_units(
                signed_number(case, "latitude"),
                signed_number(case, "longitude"),
            )
            .unwrap(),
            height_dm: height.as_i64().map(|height| height as i32),
            span: Span::new(case["start_unix_minutes"].as_u64().unwrap(), minutes).unwrap(),
            owner: code(case, "owner"),
        };
        let grid = GridCode::derive(&place).unwrap();
        assert_eq!(grid.as_bytes().as_slice(), bytes(case, "bytes"), "{case}");
        assert_eq!(text(case, "text").parse::<GridCode>(), Ok(grid));
        assert_eq!(text(case, "groups").parse::<GridCode>(), Ok(grid));
        let corner = Point::from_units(
            signed_number(case, "corner_latitude"),
            signed_number(case, "corner_longitude"),
        );
        if let Some(corner) = corner {
            assert_eq!(grid.corner(), corner);
        }
    }
    for case in list(&file, "from_nanodegrees") {
        let nanodegrees = |key| text(case, key).parse().unwrap();
        let point = Point::from_nanodegrees(
            nanodegrees("latitude_nanodegrees"),
            nanodegrees("longitude_nanodegrees"),
        );
        let units = Point::from_units(
            signed_number(case, "latitude"),
            signed_number(case, "longitude"),
        );
        assert_eq!(point, units);
    }
    for case in list(&file, "refused_texts") {
        let error = text(case, "text")
            .parse::<GridCode>()
            .map_err(names::text_error);
        assert_eq!(error, Err(text(case, "error")), "{case}");
    }
    for case in list(&file, "refused_bytes") {
        let raw: [u8; GRID_BYTES] = bytes(case, "bytes").try_into().unwrap();
        let error = GridCode::from_bytes(raw).map_err(names::grid_error);
        assert_eq!(error, Err(text(case, "error")), "{case}");
    }
}

#[test]
fn keys_hold() {
    let file = committed("keys.json");
    for case in list(&file, "keys") {
        let seed: [u8; 32] = bytes(case, "seed").try_into().unwrap();
        let key = match text(case, "algorithm") {
            "ed25519" => SoftwareKey::ed25519(&seed),
            _ => SoftwareKey::p256(&seed).unwrap(),
        };
        let (message, signature) = (bytes(case, "message"), bytes(case, "signature"));
        assert_eq!(key.public_key().as_bytes(), bytes(case, "public_key"));
        assert_eq!(key.sign(&message).unwrap().as_slice(), signature);
        assert!(
            key.public_key()
                .verifies(&message, &signature.try_into().unwrap())
        );
    }
    for case in list(&file, "refused_signatures") {
        let signature = bytes(case, "signature").try_into().unwrap();
        let key = public_key(&case["public_key"]);
        assert!(!key.verifies(&bytes(case, "message"), &signature), "{case}");
    }
}

pub fn object_holds<T: Object>(case: &Value, as_json: fn(&T) -> Value) {
    let signed = bytes(case, "signed");
    let sealed = open::<T>(&signed, &network(case)).unwrap();
    let verified = sealed.verify(&public_key(&case["signer_key"])).unwrap();
    assert_eq!(verified.id().to_string(), text(case, "id"));
    assert_eq!(verified.reference().to_string(), text(case, "reference"));
    assert_eq!(as_json(verified.get()), case["fields"]);
}

#[test]
fn objects_hold() {
    for case in list(&committed("objects.json"), "objects") {
        match text(case, "object") {
            "pass" => object_holds::<Pass>(case, fields::pass),
            "allowance" => object_holds::<Allowance>(case, fields::allowance),
            "payment" => object_holds::<Payment>(case, fields::payment),
            "receipt" => object_holds::<Receipt>(case, fields::receipt),
            "renewal" => object_holds::<Renewal>(case, fields::renewal),
            "statement" => object_holds::<Statement>(case, fields::statement),
            "invoice" => object_holds::<Invoice>(case, fields::invoice),
            _ => society::object_holds(case),
        }
    }
}

#[test]
fn bad_objects_hold() {
    let file = committed("bad-objects.json");
    let cases = list(&file, "bad_objects");
    for case in cases {
        let key = public_key(&case["key"]);
        let outcome = check(
            text(case, "object"),
            &bytes(case, "bytes"),
            &network(case),
            &key,
        );
        assert_eq!(fields::outcome(outcome), text(case, "status"), "{case}");
    }
}

fn units_are(case: &Value, units: u32, value: &Digest) {
    assert_eq!(units, small(case, "units"));
    assert_eq!(value.as_bytes().as_slice(), bytes(case, "value"));
}

#[test]
fn messages_hold() {
    let file = committed("messages.json");
    let mut kinds = std::collections::BTreeSet::new();
    for case in list(&file, "messages") {
        let raw = bytes(case, "bytes");
        let message = Message::read(&raw).unwrap();
        let (name, parts): (_, Vec<&[u8]>) = match message {
            Message::Evidence { allowance, payment } => ("evidence", vec![allowance, payment]),
            Message::Claim {
                allowance,
                payment,
                receipt,
            } => ("claim", vec![allowance, payment, receipt]),
            Message::Receipt { receipt, pass } => ("receipt", vec![receipt, pass]),
            Message::Renewal { renewal } => ("renewal", vec![renewal]),
            Message::Grant { allowance } => ("grant", vec![allowance]),
            Message::Statement { statement } => ("statement", vec![statement]),
            Message::Refusal { status, about } => {
                assert_eq!(status as u32, small(case, "status"));
                let expected = case["about"].as_str().map(unhex);
                assert_eq!(about.map(|about| about.0.to_vec()), expected);
                ("refusal", vec![])
            }
            Message::Proof {
                issuer,
                gateway,
                allowances: [a, b],
                payments: [x, y],
            } => ("proof", vec![issuer, gateway, a, b, x, y]),
            Message::Invoice { invoice, pass } => ("invoice", vec![invoice, pass]),
            Message::Unit {
                about,
                units,
                value,
            } => {
                assert_eq!(about.as_slice(), bytes(case, "about"));
                units_are(case, units, &value);
                ("unit", vec![])
            }
            Message::Ask { currency } => {
                assert_eq!(currency.as_bytes().as_slice(), bytes(case, "currency"));
                ("ask", vec![])
            }
            Message::StreamClaim {
                allowance,
                payment,
                units,
                value,
                receipt,
            } => {
                units_are(case, units, &value);
                let parts = [Some(allowance), Some(payment), receipt];
                ("stream_claim", parts.into_iter().flatten().collect())
            }
            other => society::parts(&other),
        };
        assert_eq!(name, text(case, "message"));
        kinds.insert(name);
        if !parts.is_empty() {
            let expected: Vec<_> = list(case, "parts")
                .iter()
                .map(|part| unhex(part.as_str().unwrap()))
                .collect();
            assert_eq!(parts, expected);
        }
        let mut out = [0; MESSAGE_MAX];
        let len = message.write(&mut out).unwrap();
        assert_eq!(out[..len], raw);
    }
    assert_eq!(kinds.len(), 36, "every kind of message: {kinds:?}");
    for case in list(&file, "refused") {
        let status = Message::read(&bytes(case, "bytes"))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(status.word(), text(case, "status"), "{case}");
    }
}

#[test]
fn wallet_proofs_hold() {
    let file = committed("wallet-proofs.json");
    for case in list(&file, "proofs") {
        let proof = WalletProof::read(&bytes(case, "proof")).unwrap();
        assert_eq!(proof.key, public_key(&case["wallet_key"]));
        let spki = bytes(case, "transport_spki");
        assert_eq!(proof.verify(&network(case), &spki), Ok(()));
        let other = Network::new("demo").unwrap();
        assert_eq!(proof.verify(&other, &spki), Err(Status::BadSignature));
        let signature = proof.signature;
        assert!(
            proof
                .key
                .verifies(&bytes(case, "signed_message"), &signature)
        );
    }
    for case in list(&file, "refused") {
        let spki = bytes(case, "transport_spki");
        let outcome = WalletProof::read(&bytes(case, "proof"))
            .and_then(|proof| proof.verify(&network(case), &spki));
        assert_eq!(fields::outcome(outcome), text(case, "status"), "{case}");
    }
}

#[test]
fn statuses_hold() {
    let file = committed("statuses.json");
    let cases = list(&file, "statuses");
    assert_eq!(cases.len(), Status::ALL.len());
    for case in cases {
        let status = Status::from_number(small(case, "number") as u8).unwrap();
        assert_eq!(status.word(), text(case, "word"));
    }
}

fn amount(text: &str) -> AmountMinor {
    AmountMinor::new(text.parse().unwrap()).unwrap()
}

fn spent(case: &Value) -> Spent {
    let reading = |key| Odometer::new(large(case, key)).unwrap();
    Spent {
        id: Digest::from_slice(&bytes(case, "id")).unwrap(),
        payer: code(case, "payer"),
        key_epoch: KeyEpoch(small(case, "key_epoch")),
        currency: Currency::from_bytes(bytes(case, "currency").try_into().unwrap()).unwrap(),
        sequence: Sequence(small(case, "sequence")),
        from: reading("from"),
        to: reading("to"),
    }
}

#[test]
fn evidence_holds() {
    let file = committed("evidence.json");
    let gateway = public_key(&file["gateway_key"]);
    for case in list(&file, "evidence") {
        let evidence = bytes(case, "evidence");
        let Message::Evidence { allowance, payment } = Message::read(&evidence).unwrap() else {
            unreachable!("evidence, not {case}")
        };
        let allowance = open::<Allowance>(allowance, &network(&file))
            .unwrap()
            .verify(&gateway)
            .unwrap();
        let payment = open::<Payment>(payment, &network(&file)).unwrap();
        let payment = payment.verify(&allowance.get().wallet_key).unwrap();
        assert_eq!(
            fields::outcome(fits(&allowance, &payment)),
            text(case, "fits"),
            "{case}"
        );

        let view = &case["view"];
        let newest = Some(&view["newest"])
            .filter(|newest| !newest.is_null())
            .map(spent);
        let expected = Some(&view["expected"]).filter(|expected| !expected.is_null());
        let most: Vec<_> = list(view, "most_by_class")
            .iter()
            .map(|most| amount(most.as_str().unwrap()))
            .collect();
        let view = PayeeView {
            me: code(view, "me"),
            now: Timestamp(small(view, "now")),
            sync_margin_s: small(view, "sync_margin_s"),
            newest: newest.as_ref(),
            expected: expected.map(|expected| Expected {
                amount: amount(text(expected, "amount")),
                reference: Reference::from_slice(&bytes(expected, "reference")).unwrap(),
            }),
            most_by_class: most.try_into().unwrap(),
            has_time: true,
            holdings: &HOLDINGS,
        };
        let outcome = acceptable(&allowance, &payment, &view);
        assert_eq!(fields::outcome(outcome), text(case, "acceptable"), "{case}");
    }
}

#[test]
fn passes_hold() {
    let file = committed("passes.json");
    let trust = Trust::new(network(&file), public_key(&file["root_key"]));
    let (issuer, gateway) = (bytes(&file, "issuer_pass"), bytes(&file, "gateway_pass"));
    let gateway = trust.gateway(&issuer, &gateway).unwrap();
    for case in list(&file, "passes") {
        let outcome = trust.issued(&gateway, &bytes(case, "pass")).map(|_| ());
        assert_eq!(fields::outcome(outcome), text(case, "issued"), "{case}");
    }
}

#[test]
fn fraud_proofs_hold() {
    let file = committed("fraud-proofs.json");
    let trust = Trust::new(network(&file), public_key(&file["root_key"]));
    let mut held = 0;
    for case in list(&file, "proofs") {
        match judge_proof(&trust, &bytes(case, "proof")) {
            Ok(judgement) => {
                assert_eq!(fields::contradiction(judgement.how), text(case, "outcome"));
                assert_eq!(judgement.code, code(case, "code"));
                held += 1;
            }
            Err(status) => assert_eq!(status.word(), text(case, "outcome"), "{case}"),
        }
    }
    assert_eq!(held, 2);
}
