//! Trees of the code chain against the definitions of RFC 9162, word for word; and proofs that were
//! tampered with.

use crate::cast::{Cast, NOW, code, network, signed};
use protocol::chain::merkle::{Head, empty_root, extends, includes, leaf_hash, node_hash};
use protocol::chain::{
    ACT_MAX, Act, ActKind, Checkpoint, Extra, LogProof, NoteKey, Origin, ProofError, SignatureKind,
    judge, write_proof, write_signature,
};
use protocol::code::grid::{EPOCH_MINUTES, Level, Place, Point, Span};
use protocol::keys::SoftwareKey;
use protocol::{Algorithm, Digest, GridCode, Kind, Signer, Status};

/// MTH of RFC 9162, 2.1.1.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}

/// PATH of RFC 9162, 2.1.3.1.
pub fn inclusion(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, beside) = match index < middle {
        true => (inclusion(index, left), root(right)),
        false => (inclusion(index - middle, right), root(left)),
    };
    path.push(beside);
    path
}

/// PROOF of RFC 9162, 2.1.4.1.
pub fn consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
    match old {
        0 => Vec::new(),
        _ => subproof(old, leaves, true),
    }
}

fn subproof(old: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            [root(leaves)].into()
        };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, beside) = match old <= middle {
        true => (subproof(old, left, whole), root(right)),
        false => (subproof(old - middle, right, false), root(left)),
    };
    path.push(beside);
    path
}

/// Acts of the vectors.
pub fn acts() -> Vec<Act> {
    let thing = Cast::payer_code();
    let issued = |of, at| Act {
        signed: Some(Digest([0x11; 32])),
        certificate: Some(Digest([0x22; 32])),
        ..Act::new(ActKind::Issued, of, at)
    };
    let mut acts = vec![
        issued(Cast::gateway_code(), NOW),
        issued(thing, NOW.plus_s(1)),
        Act::new(ActKind::Suspended, thing, NOW.plus_s(2)),
        Act::new(ActKind::Resumed, thing, NOW.plus_s(3)),
    ];
    let next = code(Kind::Device, 1, 9);
    acts.push(Act {
        other: Some(next.into()),
        ..Act::new(ActKind::Superseded, thing, NOW.plus_s(4))
    });
    acts.push(Act {
        signed: Some(Digest([0x33; 32])),
        ..Act::new(ActKind::Warranted, Cast::gateway_code(), NOW.plus_s(5))
    });
    acts.push(Act::new(ActKind::Revoked, thing, NOW.plus_s(6)));
    acts.push(Act {
        other: Some(thing.into()),
        ..Act::new(ActKind::Issued, place(), NOW.plus_s(7))
    });
    acts.push(Act {
        signed: Some(Digest([0x44; 32])),
        ..Act::new(ActKind::Surveyed, place(), NOW.plus_s(8))
    });
    acts
}

fn place() -> GridCode {
    let at = Place {
        by: Cast::gateway_code().issued_by(),
        point: Point::from_nanodegrees(22_543_096_000, 114_057_865_000).unwrap(),
        level: Level::DEFAULT,
        height_dm: None,
        span: Span::new(EPOCH_MINUTES, None).unwrap(),
        owner: Cast::payer_code(),
    };
    GridCode::derive(&at).unwrap()
}

pub fn leaf(act: &Act) -> Vec<u8> {
    let mut leaf = vec![0; ACT_MAX];
    let len = act.write(&mut leaf).unwrap();
    leaf.truncate(len);
    leaf
}

/// A checkpoint of the gateway's log, signed by `signer`.
pub fn checkpoint(origin: &str, head: Head, signer: &SoftwareKey) -> String {
    let text = Checkpoint { origin, head }.to_string();
    let key = NoteKey::new(origin, SignatureKind::Log, &signer.public_key()).unwrap();
    let mut note = format!("{text}\n");
    write_signature(&text, &key, 0, signer, &mut note).unwrap();
    note
}

pub fn origin() -> String {
    let gateway = Cast::gateway_code();
    Origin {
        network: network(),
        gateway,
    }
    .to_string()
}

/// The proof that a leaf stands in the log of the vectors.
pub fn proof(cast: &Cast, index: usize) -> String {
    let leaves: Vec<Vec<u8>> = acts().iter().map(leaf).collect();
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let head = Head {
        size: hashes.len() as u64,
        root: root(&hashes),
    };
    let (issuer, gateway) = passes(cast);
    let extra = Extra {
        leaf: &leaves[index],
        issuer: &issuer,
        gateway: &gateway,
    };
    let note = checkpoint(&origin(), head, &cast.gateway);
    let mut text = String::new();
    let path = inclusion(index, &hashes);
    write_proof(&extra, index as u64, &path, &note, &mut text).unwrap();
    text
}

fn passes(cast: &Cast) -> (Vec<u8>, Vec<u8>) {
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    (issuer, signed(&cast.gateway_pass(), &cast.issuer))
}

fn leaves(count: u8) -> Vec<Digest> {
    (0..count).map(|n| leaf_hash(&[n])).collect()
}

#[test]
fn hashes_are_those_of_the_reference_trees() {
    // Of the log of RFC 6962's own reference implementation.
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let hashes: Vec<Digest> = inputs.into_iter().map(leaf_hash).collect();
    for (size, wanted) in (1..).zip(roots) {
        assert_eq!(root(&hashes[..size]).to_string(), wanted, "{size}");
    }
}

#[test]
fn every_inclusion_proof_holds_and_no_other() {
    for size in 1..=34u8 {
        let leaves = leaves(size);
        let whole = root(&leaves);
        for (at, leaf) in leaves.iter().enumerate() {
            let path = inclusion(at, &leaves);
            let holds = |leaf, at: usize, path: &[Digest]| {
                let path = path.iter().copied();
                includes(leaf, at as u64, u64::from(size), path, &whole)
            };
            assert!(holds(leaf, at, &path));
            for other in (0..leaves.len() + 2).filter(|other| *other != at) {
                assert!(!holds(leaf, other, &path), "{at} as {other} of {size}");
            }
            assert!(!holds(&Digest([1; 32]), at, &path));
            for cut in 0..path.len() {
                assert!(!holds(leaf, at, &path[..cut]));
                let mut wrong = path.clone();
                wrong[cut].0[5] ^= 1;
                assert!(!holds(leaf, at, &wrong));
            }
            assert!(!holds(leaf, at, &[&path[..], &[whole]].concat()));
        }
    }
    assert!(!includes(&empty_root(), 0, 0, [], &empty_root()));
}

#[test]
fn every_consistency_proof_holds_and_no_other() {
    let all = leaves(34);
    let head = |size: usize| Head {
        size: size as u64,
        root: root(&all[..size]),
    };
    for new in 0..=all.len() {
        for old in 0..=new {
            let path = consistency(old, &all[..new]);
            let (old, new) = (head(old), head(new));
            assert!(extends(&old, &new, path.iter().copied()), "{old:?} {new:?}");
            assert!(!extends(&old, &new, [&path[..], &[new.root]].concat()));
            for cut in 0..path.len() {
                assert!(!extends(&old, &new, path[..cut].iter().copied()));
                let mut wrong = path.clone();
                wrong[cut].0[5] ^= 1;
                assert!(!extends(&old, &new, wrong));
            }
            let rewritten = Head {
                root: Digest([9; 32]),
                ..old
            };
            assert!(!extends(&rewritten, &new, path.iter().copied()));
            if old.size < new.size {
                assert!(!extends(&new, &old, path.iter().copied()));
            }
        }
    }
}

#[test]
fn a_proof_says_what_was_done_to_whom_with_nothing_but_the_roots_key() {
    let cast = Cast::new(Algorithm::Ed25519);
    for (index, act) in acts().iter().enumerate() {
        let text = proof(&cast, index);
        let read = LogProof::read(&text).unwrap();
        let proven = judge(&cast.trust(), &read).unwrap();
        assert_eq!((&proven.act, proven.index), (act, index as u64));
        assert_eq!(proven.gateway, Cast::gateway_code());
    }
}

#[test]
fn no_byte_of_a_proof_can_be_another() {
    let cast = Cast::new(Algorithm::Ed25519);
    let text = proof(&cast, 3);
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let judged = LogProof::read(&changed).map(|proof| judge(&cast.trust(), &proof));
        assert!(!matches!(judged, Ok(Ok(_))), "byte {at}: {changed}");
    }
}

/// What each kind of wrong proof is refused as.
pub fn wrong_proofs(cast: &Cast) -> Vec<(&'static str, String, ProofError)> {
    let good = proof(cast, 2);
    let other = proof(cast, 1);
    let line = |text: &str, which: usize| text.lines().nth(which).unwrap().to_owned();
    let note = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    let forged = {
        let head = Checkpoint::read(LogProof::read(&good).unwrap().note.text());
        checkpoint(&origin(), head.unwrap().head, &cast.issuer)
    };
    let elsewhere = good.replace(&origin(), &origin().replace("test/", "prod/"));
    vec![
        (
            "another leaf",
            good.replace(&line(&good, 1), &line(&other, 1)),
            ProofError::NotIncluded,
        ),
        (
            "another place",
            good.replace("index 2\n", "index 3\n"),
            ProofError::NotIncluded,
        ),
        (
            "beyond the end",
            good.replace("index 2\n", "index 8\n"),
            ProofError::NotIncluded,
        ),
        (
            "a path without its first hash",
            good.replacen(&format!("{}\n", line(&good, 3)), "", 1),
            ProofError::NotIncluded,
        ),
        (
            "no leaf",
            good.replacen(&format!("{}\n", line(&good, 1)), "", 1),
            ProofError::NothingBeside,
        ),
        ("another log", elsewhere, ProofError::OtherLog),
        (
            "signed by another key",
            good.replace(&note(&good), &forged),
            ProofError::Signature,
        ),
    ]
}

#[test]
fn wrong_proofs_are_told_apart() {
    let cast = Cast::new(Algorithm::Ed25519);
    for (what, text, wanted) in wrong_proofs(&cast) {
        let read = LogProof::read(&text).unwrap();
        assert_eq!(judge(&cast.trust(), &read), Err(wanted), "{what}");
    }
    let text = proof(&cast, 0);
    let read = LogProof::read(&text).unwrap();
    let mut trust = cast.trust();
    trust.root_key = cast.issuer.public_key();
    let refused = ProofError::Pass(Status::BadSignature);
    assert_eq!(judge(&trust, &read), Err(refused));
}
