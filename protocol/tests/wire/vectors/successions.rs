//! Gateways that go on under another key: who may say so, and whose word counts when.

use super::held::{bytes, list, network, public_key, small, text};
use super::{committed, fields, hex};
use crate::cast::{Cast, DAY_S, NOW, key, network as test_network, signed};
use protocol::keys::SoftwareKey;
use protocol::objects::{Beacon, Confirmation, Pass, Successor};
use protocol::rules::{FormerKey, Handover, Trust};
use protocol::{Algorithm, Signer, Status, Timestamp, cose};
use serde_json::{Value, json};

/// The key that takes over.
fn next() -> SoftwareKey {
    key(Algorithm::Ed25519, 6)
}

struct Case {
    why: &'static str,
    gateway: Pass,
    former: Pass,
    said: Successor,
    /// Whoever signs the successor, and the passes.
    by: [SoftwareKey; 2],
    now: Timestamp,
    outcome: Result<(), Status>,
}

fn case(why: &'static str, outcome: Result<(), Status>, change: impl FnOnce(&mut Case)) -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let again = Cast::new(Algorithm::Ed25519);
    let said = cast.successor();
    let mut case = Case {
        why,
        gateway: Pass {
            issued: said.issued,
            key: Confirmation(next().public_key()),
            ..cast.gateway_pass()
        },
        former: cast.gateway_pass(),
        said,
        by: [cast.issuer, again.issuer],
        now: NOW.plus_s(2 * DAY_S),
        outcome,
    };
    change(&mut case);
    case.to_json()
}

impl Case {
    fn to_json(&self) -> Value {
        let cast = Cast::new(Algorithm::Ed25519);
        let [says, gives] = &self.by;
        let issuer = signed(&cast.issuer_pass(), &cast.root);
        let (gateway, former) = (signed(&self.gateway, gives), signed(&self.former, gives));
        let successor = signed(&self.said, says);
        let shown = Handover {
            issuer: &issuer,
            gateway: &gateway,
            former: &former,
            successor: &successor,
        };
        let judged = cast.trust().succession(&shown, self.now).map(drop);
        assert_eq!(judged, self.outcome, "{}", self.why);
        json!({
            "why": self.why,
            "issuer": hex(&issuer),
            "gateway": hex(&gateway),
            "former": hex(&former),
            "successor": hex(&successor),
            "now": self.now.0,
            "outcome": word(judged),
        })
    }
}

fn word(outcome: Result<(), Status>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(status) => status.to_string(),
    }
}

pub fn successions() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let elsewhere = Cast::payee_code();
    let all = vec![
        case("the issuer names the next key", Ok(()), |_| {}),
        case("after the former key's end", Ok(()), |case| {
            case.now = case.said.ends;
        }),
        case("by the former key", Err(Status::BadSignature), |case| {
            case.by[0] = key(Algorithm::Ed25519, 3);
        }),
        case("by the next key", Err(Status::BadSignature), |case| {
            case.by[0] = next();
        }),
        case(
            "passes by nobody above",
            Err(Status::BadSignature),
            |case| {
                case.by[1] = next();
            },
        ),
        case("of another gateway", Err(Status::NotForYou), |case| {
            case.said.gateway = elsewhere;
        }),
        case("in another's name", Err(Status::NotForYou), |case| {
            case.said.issuer = Cast::root_code();
        }),
        case("a key that is in no pass", Err(Status::Malformed), |case| {
            case.said.key = key(Algorithm::Ed25519, 7).public_key();
        }),
        case("another key before", Err(Status::Malformed), |case| {
            case.said.former_key = key(Algorithm::Ed25519, 7).public_key();
        }),
        case("the same key again", Err(Status::Malformed), |case| {
            case.gateway.key = case.former.key;
            case.said.key = case.said.former_key;
        }),
        case("from the future", Err(Status::Expired), |case| {
            case.now = case.said.issued.minus_s(301);
        }),
    ];
    json!({
        "network": test_network().as_str(),
        "root_key": fields::public_key(&cast.root.public_key()),
        "former_key": fields::public_key(&cast.gateway.public_key()),
        "key": fields::public_key(&next().public_key()),
        "ends": cast.successor().ends.0,
        "successions": all,
        "words": words(),
    })
}

/// Beacons by either key, and whether they count.
fn words() -> Vec<Value> {
    let cast = Cast::new(Algorithm::Ed25519);
    let said = cast.successor();
    let beacon = |by: &SoftwareKey| {
        let beacon = Beacon {
            filter_version: None,
            filter: None,
            ..cast.beacon()
        };
        signed(&beacon, by)
    };
    let last = said.ends.minus_s(1);
    let (old, new) = (&cast.gateway, &next());
    let made = |why: &str, by: &SoftwareKey, now: Timestamp, outcome: Result<(), Status>| {
        let beacon = beacon(by);
        let found = counts(&beacon, &said, now);
        assert_eq!(found, outcome, "{why}");
        json!({ "why": why, "beacon": hex(&beacon), "now": now.0, "outcome": word(found) })
    };
    let refused = Err(Status::BadSignature);
    vec![
        made("by the new key", new, last, Ok(())),
        made("by the former key before its end", old, last, Ok(())),
        made("by the former key at its end", old, said.ends, refused),
        made("by the new key after that", new, said.ends, Ok(())),
        made("by anybody else", &cast.payer, last, refused),
    ]
}

fn counts(beacon: &[u8], said: &Successor, now: Timestamp) -> Result<(), Status> {
    let former = FormerKey {
        key: said.former_key,
        ends: said.ends,
    };
    let keys = FormerKey::beside(Some(&former), said.key, now);
    let sealed = cose::open::<Beacon>(beacon, &test_network())?;
    keys.verify(sealed).map(drop)
}

#[test]
fn successions_hold() {
    let file = committed("successions.json");
    let trust = Trust::new(network(&file), public_key(&file["root_key"]));
    for case in list(&file, "successions") {
        let parts = ["issuer", "gateway", "former", "successor"].map(|name| bytes(case, name));
        let [issuer, gateway, former, successor] = &parts;
        let shown = Handover {
            issuer,
            gateway,
            former,
            successor,
        };
        let judged = trust.succession(&shown, Timestamp(small(case, "now")));
        assert_eq!(word(judged.map(drop)), text(case, "outcome"), "{case}");
    }
    let said = Successor {
        former_key: public_key(&file["former_key"]),
        key: public_key(&file["key"]),
        ends: Timestamp(small(&file, "ends")),
        ..Cast::new(Algorithm::Ed25519).successor()
    };
    for case in list(&file, "words") {
        let found = counts(&bytes(case, "beacon"), &said, Timestamp(small(case, "now")));
        assert_eq!(word(found), text(case, "outcome"), "{case}");
    }
}
