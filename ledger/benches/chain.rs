//! How fast the code chain grows, and how long a proof out of a million leaves takes.
//!
//! ```sh
//! cargo bench -p ledger --bench chain                     # 1,000,000 leaves
//! cargo bench -p ledger --bench chain -- --leaves 50000
//! ```
//!
//! The first leaves are written in bulk, as rows; the rest by acts of their own, through the writer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement may fail"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use ledger::Ledger;
use ledger::chain::Proved;
use protocol::chain::merkle::leaf_hash;
use protocol::chain::{ACT_MAX, Act, ActKind, LogProof, judge};
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, Digest, GridCode, Kind, Timestamp};
use sqlx::{Connection, SqliteConnection};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{NOW, World};

const LEAVES: u64 = 1_000_000;
/// Acts through the writer.
const ACTS: u64 = 20_000;
/// Callers at once.
const CALLERS: u64 = 200;
const SAMPLES: u64 = 2_000;
/// No proof may take longer.
const PROOF_MOST: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() {
    let leaves = argument("--leaves").unwrap_or(LEAVES);
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    world.open().await.close().await;
    write(&world, leaves).await;
    let ledger = world.open().await;

    let begun = Instant::now();
    let mut head = ledger.publish(NOW).await.unwrap();
    while head.size < leaves {
        head = ledger.publish(NOW).await.unwrap();
    }
    let published = rate(head.size, begun.elapsed());
    let hashed = hashing();
    println!(
        "published {} leaves: {published:.0} a second; raw hashing of leaves {hashed:.0} a second, ratio {:.3}",
        head.size,
        published / hashed
    );
    appended(&ledger, &world).await;
    proofs(&ledger, &world, leaves).await;
    ledger.close().await;
    let begun = Instant::now();
    let ledger = world.open().await;
    println!(
        "opened and compared with its tiles in {:.1?}",
        begun.elapsed()
    );
    ledger.close().await;
}

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|number| number.parse().unwrap())
}

fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn code(sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 7,
    };
    Code::derive(Kind::Device, by, sequence, b"key").unwrap()
}

fn leaf(act: &Act) -> Vec<u8> {
    let mut leaf = vec![0; ACT_MAX];
    let len = act.write(&mut leaf).unwrap();
    leaf.truncate(len);
    leaf
}

fn issued(sequence: u64) -> Act {
    Act {
        signed: Some(Digest([1; 32])),
        certificate: Some(Digest([2; 32])),
        ..Act::new(ActKind::Issued, code(sequence), NOW)
    }
}

async fn write(world: &World, leaves: u64) {
    let address = format!("sqlite://{}", world.path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let mut change = connection.begin().await.unwrap();
    // The first two are the authorities.
    for number in 2..leaves {
        let act = issued(number);
        sqlx::query("INSERT INTO chain_leaf (number, code, bytes) VALUES ($1, $2, $3)")
            .bind(number as i64)
            .bind(act.of.as_bytes())
            .bind(leaf(&act))
            .execute(&mut *change)
            .await
            .unwrap();
    }
    change.commit().await.unwrap();
    connection.close().await.unwrap();
}

fn hashing() -> f64 {
    let leaf = leaf(&issued(5));
    let begun = Instant::now();
    for _ in 0..LEAVES {
        black_box(leaf_hash(black_box(&leaf)));
    }
    rate(LEAVES, begun.elapsed())
}

/// Places are named, each an act with its row, until its answer.
async fn appended(ledger: &Ledger, world: &World) {
    let owner = world.gateway;
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for turn in 0..ACTS / CALLERS {
                let grid = place(owner, (caller * ACTS + turn) as i32);
                let named = ledger.issue_grid(grid, "Bay", owner, "op", NOW);
                named.await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let took = rate(ACTS, begun.elapsed());
    println!("{took:.0} acts a second, each durable and in the log before its answer");
    let begun = Instant::now();
    ledger.publish(NOW).await.unwrap();
    println!("published {ACTS} of them in {:.1?}", begun.elapsed());
}

fn place(owner: Code, number: i32) -> GridCode {
    let place = Place {
        by: owner.issued_by(),
        level: Level::new(10).unwrap(),
        point: Point::from_units(number, number).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(Timestamp(NOW.0).0) / 60, None).unwrap(),
        owner,
    };
    GridCode::derive(&place).unwrap()
}

/// Each is judged, outside of the time that is taken.
async fn proofs(ledger: &Ledger, world: &World, leaves: u64) {
    let mut took = Vec::new();
    for sample in 0..SAMPLES {
        let number = 2 + sample.wrapping_mul(6_364_136_223_846_793_005) % (leaves - 2);
        let begun = Instant::now();
        let proved = ledger.act_proof(&code(number).into(), None).await.unwrap();
        took.push(begun.elapsed());
        let Proved::Text(text) = proved else {
            panic!("{proved:?}")
        };
        let proven = judge(&world.trust, &LogProof::read(&text).unwrap()).unwrap();
        assert_eq!(proven.index, number);
    }
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{SAMPLES} proofs: half within {half:.2?}, 99 of 100 within {most:.2?}");
    assert!(most <= PROOF_MOST, "slower than {PROOF_MOST:?}");
}
