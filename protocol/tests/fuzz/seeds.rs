//! Seeds: the bytes of the test vectors and, of the lines to things on a bench, one of each kind;
//! one file each, named by their hash.

use crate::TARGETS;
use protocol::Network;
use protocol::provision::{Call, Chunk, Line, Parts, Reply};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// A seed is no larger than a message: whatever is longer only says that it is too long.
const SEED_BYTES_MAX: usize = 2_804;

/// How the bytes of a seed stand in a vector.
type Read = fn(&Value) -> Vec<u8>;

/// Target, file and list of vectors, and the bytes.
const SOURCES: &[(&str, &str, &str, Read)] = &[
    ("code", "codes", "codes", |v| text(&v["text"])),
    ("code", "codes", "codes", |v| bytes(&v["bytes"])),
    ("code", "codes", "also_read", |v| text(&v["text"])),
    ("code", "codes", "refused_texts", |v| text(&v["text"])),
    ("code", "codes", "refused_bytes", |v| bytes(&v["bytes"])),
    ("grid_code", "grid-codes", "grid_codes", |v| {
        text(&v["text"])
    }),
    ("grid_code", "grid-codes", "grid_codes", |v| {
        bytes(&v["bytes"])
    }),
    ("grid_code", "grid-codes", "refused_texts", |v| {
        text(&v["text"])
    }),
    ("grid_code", "grid-codes", "refused_bytes", |v| {
        bytes(&v["bytes"])
    }),
    ("key", "keys", "keys", |v| signed(v, &v["public_key"])),
    ("key", "keys", "refused_signatures", |v| {
        signed(v, &v["public_key"]["bytes"])
    }),
    ("object", "objects", "objects", |v| bytes(&v["signed"])),
    ("object", "bad-objects", "bad_objects", |v| {
        bytes(&v["bytes"])
    }),
    ("message", "messages", "messages", |v| bytes(&v["bytes"])),
    ("message", "messages", "refused", |v| bytes(&v["bytes"])),
    ("message", "evidence", "evidence", |v| bytes(&v["evidence"])),
    ("wallet_proof", "wallet-proofs", "proofs", |v| {
        bytes(&v["proof"])
    }),
    ("wallet_proof", "wallet-proofs", "refused", |v| {
        bytes(&v["proof"])
    }),
    ("revocations", "revocations", "lists", |v| {
        bytes(&v["whole"])
    }),
    ("revocations", "revocations", "refused", |v| {
        bytes(&v["list"])
    }),
    ("chain_leaf", "chain", "acts", |v| bytes(&v["leaf"])),
    ("chain_text", "chain", "proofs", |v| text(&v["proof"])),
    ("chain_text", "chain", "proofs", |v| {
        let proof = text(&v["proof"]);
        let two = proof.windows(2).position(|two| two == b"\n\n");
        proof[two.map_or(0, |at| at + 2)..].to_vec()
    }),
    ("fraud_proof", "fraud-proofs", "proofs", |v| {
        bytes(&v["proof"])
    }),
];

/// Where the fuzz targets are.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The seeds of a target.
pub fn folder(target: &str) -> PathBuf {
    root().join("seeds").join(target)
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal digits").as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    digits
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn text(value: &Value) -> Vec<u8> {
    value.as_str().expect("a text").as_bytes().to_vec()
}

fn signed(vector: &Value, public_key: &Value) -> Vec<u8> {
    [public_key, &vector["signature"], &vector["message"]]
        .map(bytes)
        .concat()
}

/// One line of each kind, both ways; with its check and, behind the first word, without.
fn provision_lines() -> Vec<Vec<u8>> {
    let network = Network::new("test").unwrap();
    let (name, offset, chunk) = ("certificate.der", 256, Chunk::of(&[0xa5; 40], 0));
    let total = 296;
    let calls = [
        Call::Hello { network },
        Call::Ask { offset },
        Call::Put {
            name,
            offset,
            total,
            chunk,
        },
        Call::Keep {
            digest: Parts::default().digest(),
        },
        Call::Get { name, offset },
    ];
    let replies = [
        Reply::Hello { model: "meter" },
        Reply::Ok,
        Reply::Data { total, chunk },
        Reply::No { reason: "order" },
    ];
    let calls = calls.iter().map(|call| call.line(7).unwrap());
    let lines: Vec<Line> = calls
        .chain(replies.iter().map(|reply| reply.line(7).unwrap()))
        .collect();
    let mut seeds = Vec::new();
    for line in &lines {
        let line = line.as_bytes();
        let words = line.len() - " 00000000\n".len();
        seeds.push(line.to_vec());
        seeds.push(line["OC1 ".len()..words].to_vec());
    }
    seeds
}

/// Every seed that the vectors give a target.
fn from_vectors(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "provision_line" => provision_lines(),
        _ => Vec::new(),
    };
    for (_, file, list, read) in SOURCES.iter().filter(|(of, ..)| *of == target) {
        let path = root().join(format!("../../docs/vectors/{file}.json"));
        let vectors: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let list = vectors[*list].as_array().expect("a list of vectors");
        seeds.extend(
            list.iter()
                .map(read)
                .filter(|seed| seed.len() <= SEED_BYTES_MAX),
        );
    }
    seeds
}

#[test]
fn vectors_give_every_target_seeds() {
    let write = std::env::var_os("ONECODE_WRITE_SEEDS").is_some();
    for target in TARGETS {
        let (seeds, folder) = (from_vectors(target), folder(target));
        assert!(!seeds.is_empty(), "nothing gives {target} seeds");
        if !write {
            continue;
        }
        fs::create_dir_all(&folder).unwrap();
        for old in fs::read_dir(&folder).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        for seed in seeds {
            let hash = Sha256::digest(&seed);
            let name: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
            fs::write(folder.join(name), seed).unwrap();
        }
    }
}
