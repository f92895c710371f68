//! Two running gateways: one witnesses the log of the other, and finds it out when it forgets.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::chain::{Checkpoint, Note, NoteKey};
use sha2::{Digest, Sha256};
use tests::house::House;
use tests::thing::Thing;

/// A checkpoint comes within a second of a leaf, its cosignature soon after.
const COSIGNED_WITHIN: Duration = Duration::from_secs(20);

fn get(house: &House, path: &str) -> Option<String> {
    let mut answer = ureq::get(house.url(path)).call().ok()?;
    answer.body_mut().read_to_string().ok()
}

/// The verifier keys of a gateway: of its log, and as a witness.
fn keys(house: &House) -> [String; 2] {
    let text = get(house, "/chain/key").expect("keys");
    let mut lines = text.lines().map(str::to_owned);
    [lines.next().expect("one"), lines.next().expect("another")]
}

fn size(note: &str) -> u64 {
    let note = Note::read(note).expect("a note");
    Checkpoint::read(note.text())
        .expect("a checkpoint")
        .head
        .size
}

/// The checkpoint of a log of more leaves than this, once that witness has cosigned it.
fn cosigned(house: &House, witness: &NoteKey<'_>, above: u64) -> String {
    let deadline = Instant::now() + COSIGNED_WITHIN;
    loop {
        let note = get(house, "/chain/checkpoint");
        let is_it = |text: &String| {
            let read = Note::read(text).expect("a note");
            size(text) > above && read.cosigned_by(witness).is_ok()
        };
        if let Some(note) = note.filter(is_it) {
            return note;
        }
        assert!(Instant::now() < deadline, "no cosignature: {}", house.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => {
                fs::copy(&path, &to).expect("a copy");
            }
        }
    }
}

#[test]
fn a_gateway_cosigns_the_log_of_another_and_finds_out_that_it_went_back_to_an_old_copy() {
    let (mut log, mut witness) = (House::start(), House::start());
    let ([log_key, _], [_, witness_key]) = (keys(&log), keys(&witness));
    witness.kill();
    witness.restart_with(&[("ONECODE_CHAIN_LOGS", &log_key)]);
    log.kill();
    let old = log.folder().join("backup");
    copy(&log.data(), &old);
    let asked = format!("{witness_key} {}", witness.url("/witness"));
    let settings = [("ONECODE_CHAIN_WITNESSES", asked.as_str())];
    log.restart_with(&settings);

    let key = NoteKey::read(&witness_key).expect("a key");
    let first = size(&cosigned(&log, &key, 0));
    // What is done afterwards is cosigned as going on from there.
    let thing = Thing::enrol(&log, "thing");
    let newest = cosigned(&log, &key, first);
    let own = NoteKey::read(&log_key).expect("a key");
    assert!(Note::read(&newest).expect("a note").signed_by(&own).is_ok());
    let origin: String = Sha256::digest(own.name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let seen = get(&witness, &format!("/witness/{origin}/checkpoint")).expect("a checkpoint");
    assert_eq!(size(&seen), size(&newest), "{}", thing.code());

    // Books and tiles from before, together: they agree with each other, not with the witness.
    log.kill();
    fs::remove_dir_all(log.data()).expect("a folder");
    copy(&old, &log.data());
    log.restart_with(&settings);
    let deadline = Instant::now() + COSIGNED_WITHIN;
    while !log
        .log()
        .contains("the books are older than what was published")
    {
        assert!(Instant::now() < deadline, "{}", log.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}
