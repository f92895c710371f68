//! Transfers with their acceptances, and what the registry makes of them; trust updates, and whom
//! they make a thing trust.

use super::held::{bytes, code, list, network, public_key, small, text};
use super::{committed, fields, hex};
use crate::cast::{Cast, DAY_S, NOW, network as test_network, signed};
use protocol::keys::SoftwareKey;
use protocol::objects::{Acceptance, Transfer, TrustUpdate};
use protocol::rules::Trust;
use protocol::rules::transfer::{OFFER_MAX_S, Standing, agreed};
use protocol::{Algorithm, Digest, PublicKey, Signer, Status, Timestamp};
use serde_json::{Value, json};

struct Case {
    why: &'static str,
    transfer: Transfer,
    acceptance: Acceptance,
    /// Who signs them.
    by: [SoftwareKey; 2],
    knows: Standing,
    now: Timestamp,
    outcome: Result<(), Status>,
}

fn case(why: &'static str, outcome: Result<(), Status>, change: impl FnOnce(&mut Case)) -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let players = Cast::new(Algorithm::Ed25519);
    let mut case = Case {
        why,
        transfer: cast.transfer(),
        acceptance: cast.acceptance(),
        knows: Standing {
            owner: Cast::payer_code(),
            owners: 1,
            from_key: cast.payer.public_key(),
            to_key: cast.payee.public_key(),
        },
        by: [players.payer, players.payee],
        now: NOW.plus_s(2 * DAY_S),
        outcome,
    };
    let names_it = case.acceptance.transfer;
    change(&mut case);
    if case.acceptance.transfer == names_it {
        let algorithm = case.by[0].public_key().algorithm();
        let id = protocol::cose::identify(&case.transfer, &test_network(), algorithm);
        case.acceptance.transfer = id.unwrap();
    }
    case.to_json()
}

impl Case {
    fn to_json(&self) -> Value {
        let transfer = signed(&self.transfer, &self.by[0]);
        let acceptance = signed(&self.acceptance, &self.by[1]);
        let judged = agreed(
            &test_network(),
            &transfer,
            &acceptance,
            &self.knows,
            self.now,
        );
        assert_eq!(judged.map(drop), self.outcome, "{}", self.why);
        json!({
            "why": self.why,
            "transfer": hex(&transfer),
            "acceptance": hex(&acceptance),
            "owner": self.knows.owner.to_string(),
            "owners": self.knows.owners,
            "from_key": fields::public_key(&self.knows.from_key),
            "to_key": fields::public_key(&self.knows.to_key),
            "now": self.now.0,
            "outcome": word(self.outcome),
        })
    }
}

fn word(outcome: Result<(), Status>) -> &'static str {
    outcome.map_or_else(Status::word, |()| "ok")
}

pub fn transfers() -> Value {
    let refused = |status| Err(status);
    let all = [
        case("given and taken", Ok(()), |_| {}),
        case(
            "signed by somebody else",
            refused(Status::BadSignature),
            |case| case.by[0] = SoftwareKey::ed25519(&[9; 32]),
        ),
        case(
            "taken by somebody else's key",
            refused(Status::BadSignature),
            |case| case.by[1] = SoftwareKey::ed25519(&[9; 32]),
        ),
        case("to its owner", refused(Status::Malformed), |case| {
            case.transfer.to = case.transfer.from;
        }),
        case("to itself", refused(Status::Malformed), |case| {
            case.transfer.to = case.transfer.code;
        }),
        case("over time", refused(Status::Expired), |case| {
            case.now = case.transfer.expires;
        }),
        case("in the last second", Ok(()), |case| {
            case.now = case.transfer.expires.minus_s(1);
        }),
        case("signed in the future", refused(Status::Expired), |case| {
            case.transfer.time = case.now.plus_s(301);
        }),
        case("offered for too long", refused(Status::Expired), |case| {
            case.transfer.expires = case.transfer.time.plus_s(OFFER_MAX_S + 1);
        }),
        case("taken in the future", refused(Status::Expired), |case| {
            case.acceptance.time = case.now.plus_s(301);
        }),
        case(
            "taken by another code",
            refused(Status::NotForYou),
            |case| case.acceptance.by = Cast::payer_code(),
        ),
        case(
            "another transfer is taken",
            refused(Status::NotForYou),
            |case| case.acceptance.transfer = Digest([7; 32]),
        ),
        case(
            "by somebody who owned it before",
            refused(Status::NotPermitted),
            |case| case.knows.owner = Cast::gateway_code(),
        ),
        case(
            "again, after it came back",
            refused(Status::OutOfSequence),
            |case| case.knows.owners = 3,
        ),
    ];
    json!({
        "about": "Transfers: docs/protocol.md, 9.18. Whose a thing is, how often an owner of it was named, and the keys of both. Trust updates: 9.19. The roots that are trusted, and those after the update.",
        "network": test_network().as_str(),
        "transfers": all,
        "updates": updates(),
    })
}

fn roots(trust: &Trust) -> Value {
    let other = trust.other_root.as_ref().map(fields::public_key);
    json!({ "root_key": fields::public_key(&trust.root_key), "other_root": other })
}

fn updates() -> Vec<Value> {
    let cast = Cast::new(Algorithm::Ed25519);
    let old = cast.trust();
    let said = cast.trust_update();
    let both = Trust {
        root_key: said.next_key,
        other_root: Some(old.root_key),
        ..old
    };
    let alone = Trust::new(test_network(), said.next_key);
    let third = TrustUpdate {
        next_key: cast.gateway.public_key(),
        ..said
    };
    let soon = NOW.plus_s(DAY_S);
    let mut all = Vec::new();
    let mut add =
        |why, before: Trust, update: &TrustUpdate, by, now, after: Result<Trust, Status>| {
            let update = signed(update, by);
            let found = before.updated(&update, now);
            assert_eq!(
                found.as_ref().map(roots).map_err(|status| *status),
                after.as_ref().map(roots).map_err(|status| *status),
                "{why}"
            );
            all.push(json!({
                "why": why,
                "before": roots(&before),
                "update": hex(&update),
                "now": now.0,
                "after": found.ok().as_ref().map(roots),
                "outcome": word(found.map(drop)),
            }));
        };
    let root = &cast.root;
    add("the root hands over", old, &said, root, soon, Ok(both));
    add("the same word again", both, &said, root, soon, Ok(both));
    add(
        "the old root has ended",
        old,
        &said,
        root,
        said.ends,
        Ok(alone),
    );
    add(
        "by another key",
        old,
        &said,
        &cast.payer,
        soon,
        Err(Status::BadSignature),
    );
    add(
        "by the root that handed over",
        both,
        &third,
        root,
        soon,
        Err(Status::BadSignature),
    );
    let early = NOW.minus_s(301);
    add(
        "from the future",
        old,
        &said,
        root,
        early,
        Err(Status::Expired),
    );
    all
}

#[test]
fn transfers_hold() {
    let file = committed("transfers.json");
    for case in list(&file, "transfers") {
        let knows = Standing {
            owner: code(case, "owner"),
            owners: small(case, "owners"),
            from_key: public_key(&case["from_key"]),
            to_key: public_key(&case["to_key"]),
        };
        let (transfer, acceptance) = (bytes(case, "transfer"), bytes(case, "acceptance"));
        let now = Timestamp(small(case, "now"));
        let outcome = agreed(&network(&file), &transfer, &acceptance, &knows, now);
        assert_eq!(word(outcome.map(drop)), text(case, "outcome"), "{case}");
    }
}

#[test]
fn trust_updates_hold() {
    let file = committed("transfers.json");
    let trust = |value: &Value| Trust {
        network: network(&file),
        root_key: public_key(&value["root_key"]),
        other_root: read_other(&value["other_root"]),
    };
    for case in list(&file, "updates") {
        let now = Timestamp(small(case, "now"));
        let found = trust(&case["before"]).updated(&bytes(case, "update"), now);
        assert_eq!(word(found.map(drop)), text(case, "outcome"), "{case}");
        if let Ok(found) = found {
            assert_eq!(roots(&found), case["after"], "{case}");
        }
    }
}

fn read_other(value: &Value) -> Option<PublicKey> {
    (!value.is_null()).then(|| public_key(value))
}
