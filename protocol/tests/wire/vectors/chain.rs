//! The code chain: leaves, trees, and proofs that verify offline.

use super::{fields, hex};
use crate::cast::{Cast, network};
use crate::chain::{acts, consistency, inclusion, leaf, origin, proof, root, wrong_proofs};
use protocol::chain::merkle::leaf_hash;
use protocol::chain::{Act, LogProof, NoteKey, SignatureKind, judge};
use protocol::{Algorithm, Digest, Signer};
use serde_json::{Value, json};

pub fn chain() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let leaves: Vec<Vec<u8>> = acts().iter().map(leaf).collect();
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let digests = |path: Vec<Digest>| path.iter().map(Digest::to_string).collect::<Vec<_>>();
    let origin = origin();
    let key = NoteKey::new(&origin, SignatureKind::Log, &cast.gateway.public_key());
    let mut inclusions = Vec::new();
    let mut consistencies = Vec::new();
    for size in 1..=hashes.len() {
        for index in 0..size {
            let path = digests(inclusion(index, &hashes[..size]));
            inclusions.push(json!({ "index": index, "size": size, "path": path }));
            let path = digests(consistency(index, &hashes[..size]));
            consistencies.push(json!({ "old": index, "new": size, "path": path }));
        }
    }
    json!({
        "about": "The code chain: docs/protocol.md, chapter 15.",
        "network": network().as_str(),
        "root_key": fields::public_key(&cast.root.public_key()),
        "acts": acts().iter().map(act).collect::<Vec<_>>(),
        "roots": (0..=hashes.len()).map(|size| root(&hashes[..size]).to_string()).collect::<Vec<_>>(),
        "inclusion": inclusions,
        "consistency": consistencies,
        "log_key": key.unwrap().to_string(),
        "proofs": proofs(&cast),
    })
}

fn act(act: &Act) -> Value {
    let leaf = leaf(act);
    assert_eq!(Act::read(&leaf), Ok(*act));
    json!({
        "kind": act.kind as u8,
        "of": act.of.to_string(),
        "at": act.at.0,
        "other": act.other.map(|other| other.to_string()),
        "signed": act.signed.map(|digest| digest.to_string()),
        "certificate": act.certificate.map(|digest| digest.to_string()),
        "leaf": hex(&leaf),
        "leaf_hash": leaf_hash(&leaf).to_string(),
    })
}

fn proofs(cast: &Cast) -> Vec<Value> {
    let good = (0..acts().len()).map(|index| ("stands in the log", proof(cast, index)));
    let wrong = wrong_proofs(cast);
    let wrong = wrong.into_iter().map(|(what, text, _)| (what, text));
    let case = |(why, text): (&str, String)| {
        let holds = LogProof::read(&text).is_ok_and(|read| judge(&cast.trust(), &read).is_ok());
        json!({ "why": why, "proof": text, "holds": holds })
    };
    good.chain(wrong).map(case).collect()
}
