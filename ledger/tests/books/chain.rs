use crate::support::*;
use ledger::chain::{Mismatch, Proved, folder_beside};
use ledger::{Ledger, OpenError, ThingState};
use protocol::chain::merkle::{Head, extends, leaf_hash};
use protocol::chain::{
    Act, ActKind, Checkpoint, LogProof, Named, Note, NoteKey, Origin, SignatureKind, judge,
};
use protocol::{Signer, Status};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;

/// Freezes and releases a code so often.
async fn toggle(ledger: &Ledger, purse: &Purse, times: usize) {
    for turn in 0..times {
        let state = [ThingState::Frozen, ThingState::Active][turn % 2];
        let (reason, by) = ("looked at", "alice");
        let done = ledger.set_state(&purse.code, state, reason, by, NOW.plus_s(turn as u32));
        done.await.unwrap();
    }
}

async fn kinds(ledger: &Ledger, of: impl Into<Named>) -> Vec<ActKind> {
    let acts = ledger.acts(&of.into()).await.unwrap();
    acts.iter().map(|logged| logged.act.kind).collect()
}

async fn tamper(world: &World, sql: String) {
    let address = format!("sqlite://{}", world.path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

async fn proof(ledger: &Ledger, of: impl Into<Named>, index: Option<u64>) -> String {
    match ledger.act_proof(&of.into(), index).await.unwrap() {
        Proved::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_act_on_a_code_is_a_leaf_and_what_is_refused_is_none() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    toggle(&ledger, &purse, 2).await;
    let revoke = |state| ledger.set_state(&purse.code, state, "lost", "alice", NOW);
    revoke(ThingState::Revoked).await.unwrap();
    // The same again changes nothing, and there is no way back.
    revoke(ThingState::Revoked).await.unwrap();
    let back = revoke(ThingState::Active).await;
    assert_eq!(back, Err(Status::NotPermitted));
    let wanted = [
        ActKind::Issued,
        ActKind::Activated,
        ActKind::Suspended,
        ActKind::Resumed,
        ActKind::Revoked,
    ];
    assert_eq!(kinds(&ledger, purse.code).await, wanted);
    // The gateway itself stands in its log from the beginning.
    assert_eq!(kinds(&ledger, world.gateway).await, [ActKind::Issued]);
    let thing = ledger.thing(&purse.code).await.unwrap().unwrap();
    let issued = ledger.acts(&purse.code.into()).await.unwrap()[0].act;
    assert_eq!(issued.signed, Some(sha256(&thing.pass)));
    assert_eq!(issued.certificate, Some(sha256(&thing.certificate)));
}

fn sha256(bytes: &[u8]) -> protocol::Digest {
    use sha2::Digest;
    protocol::Digest(sha2::Sha256::digest(bytes).into())
}

#[tokio::test]
async fn a_proof_of_every_act_holds_with_the_roots_key_alone() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let unpublished = ledger.act_proof(&purse.code.into(), None).await.unwrap();
    assert_eq!(unpublished, Proved::NotYet);
    toggle(&ledger, &purse, 600).await;
    let head = ledger.publish(NOW).await.unwrap();
    assert_eq!(ledger.publish(NOW).await.unwrap(), head);
    let acts = ledger.acts(&purse.code.into()).await.unwrap();
    assert_eq!(head.size, acts.len() as u64 + 2);
    for logged in &acts {
        let text = proof(&ledger, purse.code, Some(logged.index)).await;
        let proven = judge(&world.trust, &LogProof::read(&text).unwrap()).unwrap();
        assert_eq!((proven.act, proven.index), (logged.act, logged.index));
        assert_eq!((proven.head, proven.gateway), (head, world.gateway));
    }
    let first = proof(&ledger, purse.code, None).await;
    let first = judge(&world.trust, &LogProof::read(&first).unwrap()).unwrap();
    assert_eq!(first.act.kind, ActKind::Issued);
    let other = Purse::register(&ledger, &world, 12).await;
    let named = Named::from(other.code);
    let of = |index| ledger.act_proof(&named, index);
    assert_eq!(of(None).await.unwrap(), Proved::NotYet);
    // Somebody else's leaf.
    assert_eq!(of(Some(acts[0].index)).await.unwrap(), Proved::Unknown);
}

#[tokio::test]
async fn every_checkpoint_extends_the_ones_before() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let origin = Origin {
        network: network(),
        gateway: world.gateway,
    };
    let origin = origin.to_string();
    let key = world.gateway_key.public_key();
    let key = NoteKey::new(&origin, SignatureKind::Log, &key).unwrap();
    let mut heads: Vec<Head> = Vec::new();
    for step in [1, 2, 3, 250, 1, 7, 255, 256] {
        toggle(&ledger, &purse, step).await;
        let head = ledger.publish(NOW).await.unwrap();
        let note = ledger.checkpoint().await.unwrap().unwrap();
        let note = Note::read(&note).unwrap();
        assert_eq!(note.signed_by(&key), Ok(()));
        let said = Checkpoint::read(note.text()).unwrap();
        assert_eq!((said.origin, said.head), (origin.as_str(), head));
        heads.push(head);
    }
    for (at, new) in heads.iter().enumerate() {
        for old in &heads[..=at] {
            let path = ledger.consistency(old.size, new.size).await.unwrap();
            assert!(extends(old, new, path), "{} to {}", old.size, new.size);
        }
    }
}

#[tokio::test]
async fn the_files_are_tiles_as_the_standard_says() {
    let (folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    toggle(&ledger, &purse, 66).await;
    ledger.publish(NOW).await.unwrap();
    let files = folder_beside(&world.path);
    assert_eq!(files, folder.path().join("ledger.chain"));
    assert!(files.join("tile/0/000.p/70").exists());
    toggle(&ledger, &purse, 230).await;
    assert_eq!(ledger.publish(NOW).await.unwrap().size, 300);
    let read = |path: &str| std::fs::read(files.join(path)).unwrap();
    assert!(
        !files.join("tile/0/000.p").exists(),
        "the full one has come"
    );
    assert_eq!(read("tile/0/000").len(), 8192);
    assert_eq!(read("tile/0/001.p/44").len(), 44 * 32);
    assert_eq!(read("tile/1/000.p/1").len(), 32);
    let bundles = [read("tile/entries/000"), read("tile/entries/001.p/44")];
    let hashes = [read("tile/0/000"), read("tile/0/001.p/44")];
    let mut counted = 0;
    for (mut bundle, hashes) in bundles.iter().map(Vec::as_slice).zip(hashes) {
        for hash in hashes.chunks(32) {
            let len = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
            let (leaf, rest) = bundle[2..].split_at(len);
            assert_eq!(leaf_hash(leaf).as_bytes().as_slice(), hash);
            Act::read(leaf).unwrap();
            bundle = rest;
            counted += 1;
        }
        assert!(bundle.is_empty());
    }
    assert_eq!(counted, 300);
    ledger.check_chain().await.unwrap();
}

/// Books with a published log of 302 leaves, closed.
async fn published(folder: &Path) -> World {
    let world = World::new(folder);
    let ledger = world.open().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    toggle(&ledger, &purse, 296).await;
    ledger.publish(NOW).await.unwrap();
    toggle(&ledger, &purse, 2).await;
    ledger.publish(NOW).await.unwrap();
    ledger.close().await;
    world
}

async fn refused(world: &World) -> Mismatch {
    match Ledger::open(&world.path, world.bearings()).await {
        Err(OpenError::Chain(mismatch)) => mismatch,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_that_does_not_match_its_tiles_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let world = published(folder.path()).await;
    let files = folder_beside(&world.path);
    for (number, name) in [(7, "tile/entries/000"), (301, "tile/entries/001.p/46")] {
        let leaf = format!("SELECT bytes FROM chain_leaf WHERE number = {number}");
        tamper(&world, format!("CREATE TABLE kept AS {leaf}")).await;
        let other = format!(
            "UPDATE chain_leaf SET bytes = (SELECT bytes FROM chain_leaf WHERE number = 3)
             WHERE number = {number}"
        );
        tamper(&world, other).await;
        let mismatch = refused(&world).await;
        assert!(
            matches!(&mismatch, Mismatch::Tile(path) if path == name),
            "{mismatch:?}"
        );
        let back = format!(
            "UPDATE chain_leaf SET bytes = (SELECT bytes FROM kept) WHERE number = {number}"
        );
        tamper(&world, back).await;
        tamper(&world, "DROP TABLE kept".into()).await;
    }
    for name in [
        "tile/0/000",
        "tile/0/001.p/46",
        "tile/1/000.p/1",
        "tile/entries/000",
    ] {
        let file = files.join(name);
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[5] ^= 1;
        std::fs::write(&file, bad).unwrap();
        let mismatch = refused(&world).await;
        assert!(
            matches!(&mismatch, Mismatch::Tile(path) if path == name),
            "{mismatch:?}"
        );
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(refused(&world).await, Mismatch::File(path, _) if path == name));
        std::fs::write(&file, good).unwrap();
    }
    tamper(&world, "DELETE FROM chain_leaf WHERE number = 301".into()).await;
    assert!(matches!(refused(&world).await, Mismatch::Short));
}

#[tokio::test]
async fn older_books_beside_a_longer_log_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let world = published(folder.path()).await;
    let backup = folder.path().join("backup.db");
    tamper(&world, format!("VACUUM INTO '{}'", backup.display())).await;
    let ledger = world.open().await;
    Purse::register(&ledger, &world, 12).await;
    ledger.publish(NOW).await.unwrap();
    ledger.close().await;
    for beside in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(beside));
    }
    std::fs::copy(&backup, &world.path).unwrap();
    assert!(matches!(refused(&world).await, Mismatch::Checkpoint));
    // Without its tiles the log can be made again, as far as the books know.
    std::fs::remove_dir_all(folder_beside(&world.path)).unwrap();
    let ledger = world.open().await;
    assert_eq!(ledger.check_chain().await.unwrap().size, 302);
    ledger.close().await;
}

#[tokio::test]
async fn tiles_that_are_gone_are_made_again_when_the_root_is_the_signed_one() {
    let folder = tempfile::tempdir().unwrap();
    let world = published(folder.path()).await;
    let files = folder_beside(&world.path);
    let tile = std::fs::read(files.join("tile/0/000")).unwrap();
    let note = std::fs::read(files.join("checkpoint")).unwrap();
    std::fs::remove_dir_all(&files).unwrap();
    world.open().await.close().await;
    assert_eq!(std::fs::read(files.join("tile/0/000")).unwrap(), tile);
    assert_eq!(std::fs::read(files.join("checkpoint")).unwrap(), note);
    std::fs::remove_dir_all(&files).unwrap();
    let other = "UPDATE chain_leaf SET bytes = (SELECT bytes FROM chain_leaf WHERE number = 3)
                 WHERE number = 7";
    tamper(&world, other.into()).await;
    assert!(matches!(refused(&world).await, Mismatch::Root));
}

#[tokio::test]
async fn books_from_before_the_log_begin_it_with_what_was_done() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    toggle(&ledger, &purse, 3).await;
    let before = ledger.acts(&purse.code.into()).await.unwrap();
    ledger.close().await;
    tamper(&world, "DELETE FROM chain_leaf".into()).await;
    let ledger = world.open().await;
    assert_eq!(ledger.acts(&purse.code.into()).await.unwrap(), before);
    assert_eq!(kinds(&ledger, world.gateway).await, [ActKind::Issued]);
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_compared_in_ranges_and_every_one_of_them_counts() {
    const LEAVES: u64 = 3 * 4_096 + 300;
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    world.open().await.close().await;
    // The first two are the authorities; the rest, in bulk, one act many times over.
    let more = format!(
        "WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {})
         INSERT INTO chain_leaf (number, code, bytes)
         SELECT n, code, bytes FROM n, chain_leaf WHERE number = 1",
        LEAVES - 1
    );
    tamper(&world, more).await;
    let ledger = world.open().await;
    let head = ledger.publish(NOW).await.unwrap();
    assert_eq!(head.size, LEAVES);
    ledger.close().await;
    world.open().await.close().await;
    let files = folder_beside(&world.path);
    for number in [5, 4_095, 4_096, 3 * 4_096 - 1, LEAVES - 1] {
        let swap = |with: u64| {
            format!(
                "UPDATE chain_leaf SET bytes = (SELECT bytes FROM chain_leaf WHERE number = {with})
                 WHERE number = {number}"
            )
        };
        tamper(&world, swap(0)).await;
        let mismatch = refused(&world).await;
        assert!(matches!(&mismatch, Mismatch::Tile(_)), "{mismatch:?}");
        tamper(&world, swap(1)).await;
    }
    // Gone without a trace: all of them are made again, in ranges too, and come to the signed root.
    let tile = std::fs::read(files.join("tile/0/047")).unwrap();
    std::fs::remove_dir_all(&files).unwrap();
    world.open().await.close().await;
    assert_eq!(std::fs::read(files.join("tile/0/047")).unwrap(), tile);
    tamper(
        &world,
        format!("DELETE FROM chain_leaf WHERE number = {}", 2 * 4_096),
    )
    .await;
    assert!(Ledger::open(&world.path, world.bearings()).await.is_err());
}
