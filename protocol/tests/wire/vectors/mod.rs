//! The committed test vectors in `docs/vectors`: made here, compared with the files, and read back
//! from the files through the public surface as another implementation would.
//!
//! `ONECODE_WRITE_VECTORS=1 cargo test -p protocol vectors_in_the_tree` writes them anew.

mod accusations;
mod chain;
mod covers;
mod fields;
mod held;
mod held_streams;
mod lists;
mod messages;
mod names;
mod objects;
mod refused;
mod rules;
mod society;
mod streams;
mod successions;
mod surveys;
mod transfers;

use serde_json::Value;
use std::path::PathBuf;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/vectors")
        .join(file)
}

fn committed(file: &str) -> Value {
    let text = std::fs::read_to_string(path(file)).unwrap_or_else(|error| {
        panic!("{file}: {error}; ONECODE_WRITE_VECTORS=1 writes it");
    });
    serde_json::from_str(&text).unwrap()
}

fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("codes.json", names::codes()),
        ("grid-codes.json", names::grid_codes()),
        ("keys.json", objects::keys()),
        ("objects.json", objects::objects()),
        ("messages.json", messages::messages()),
        ("wallet-proofs.json", messages::wallet_proofs()),
        ("bad-objects.json", refused::bad_objects()),
        ("statuses.json", rules::statuses()),
        ("evidence.json", rules::evidence()),
        ("passes.json", rules::passes()),
        ("fraud-proofs.json", rules::fraud_proofs()),
        ("streams.json", streams::streams()),
        ("invoices.json", streams::invoices()),
        ("receipts.json", streams::receipts()),
        ("covers.json", covers::covers()),
        ("accusations.json", accusations::accusations()),
        ("chain.json", chain::chain()),
        ("revocations.json", lists::revocations()),
        ("transfers.json", transfers::transfers()),
        ("surveys.json", surveys::surveys()),
        ("successions.json", successions::successions()),
    ]
}

#[test]
fn vectors_in_the_tree_are_the_ones_this_code_makes() {
    let write = std::env::var_os("ONECODE_WRITE_VECTORS").is_some_and(|value| value == "1");
    for (file, made) in all() {
        if write {
            let text = serde_json::to_string_pretty(&made).unwrap() + "\n";
            std::fs::create_dir_all(path("")).unwrap();
            std::fs::write(path(file), text).unwrap();
        }
        assert!(
            committed(file) == made,
            "{file} differs from what the code makes: if the format was meant to change, \
             ONECODE_WRITE_VECTORS=1 writes it anew"
        );
    }
}

#[test]
fn no_vector_lies_in_the_tree_that_nothing_makes() {
    let mut known: Vec<_> = all().into_iter().map(|(file, _)| file.to_owned()).collect();
    // Made and read in the issuer's tests: a station signs in its room.
    known.push("stations.json".to_owned());
    for entry in std::fs::read_dir(path("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "nothing makes {name}");
    }
}
