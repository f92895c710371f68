//! How long questions about coins take in books of a million payments.
//!
//! ```sh
//! cargo bench -p ledger --bench trace                        # 1,000,000 payments
//! cargo bench -p ledger --bench trace -- --payments 50000
//! cargo bench -p ledger --bench trace -- --purses 100        # the same money again and again
//! ```
//!
//! The journal is written in bulk: entries, chain and postings by the ledger's own code, balances
//! kept beside, and no signed payment behind an entry. That it is one is shown by the ledger's whole
//! check. Money moves in three ways at once: a load of one purse goes to all others, purses pay each
//! other at random, and two purses pay each other back and forth.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement may fail"
)]

#[expect(dead_code, reason = "a bench of pages looks at what was paid")]
#[path = "trace/bulk.rs"]
mod bulk;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use bulk::{Bulk, NUMBER_OF_HUB, Random};
use ledger::trace::{Period, Serials, TraceCursor, Traced, Tracing};
use std::time::{Duration, Instant};
use support::World;

const PAYMENTS: u64 = 1_000_000;
const PAGE: u32 = 200;
const SAMPLES: u64 = 200;
/// No answer may take longer.
const ANSWER_MOST: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() {
    let payments = argument("--payments").unwrap_or(PAYMENTS);
    let purses = argument("--purses").unwrap_or(payments / 10);
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    world.open().await.close().await;
    let begun = Instant::now();
    let bulk = Bulk::write(&world.path, payments, purses).await;
    println!(
        "{payments} payments of {purses} purses in {} journal entries, written in bulk in {:.0?}",
        bulk.entries,
        begun.elapsed()
    );
    let ledger = world.open().await;
    let begun = Instant::now();
    ledger.verify().await.unwrap();
    println!("the ledger finds them whole in {:.0?}", begun.elapsed());

    let tracing = ledger.tracing().await.unwrap();
    let begun = Instant::now();
    while tracing.follow().await.unwrap().behind > 0 {}
    let took = begun.elapsed();
    let rate = bulk.entries as f64 / took.as_secs_f64();
    println!("followed in {took:.1?}, {rate:.0} entries a second");
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len() >> 20;
    println!(
        "books {} MiB, index {} MiB",
        size(&world.path),
        size(&ledger::trace::file_beside(&world.path))
    );
    questions(&tracing, &bulk).await;
    let begun = Instant::now();
    tracing.check().await.unwrap();
    println!("every coin is in line: checked in {:.0?}", begun.elapsed());
    ledger.close().await;
}

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|number| number.parse().unwrap())
}

async fn questions(tracing: &Tracing, bulk: &Bulk) {
    let mut random = Random(7);
    let mut slowest = Slowest::default();
    let purses: Vec<u64> = (0..SAMPLES)
        .map(|_| random.below(bulk.purses))
        .chain([NUMBER_OF_HUB, bulk.purses, bulk.purses + 1])
        .collect();
    for purse in purses {
        let code = bulk::code(purse);
        let load = bulk.loads[&purse];
        let now = slowest.ask("a load, forwards", tracing.forwards(load, None, PAGE));
        let now = now.await.answer.unwrap();
        assert!(!now.holdings.is_empty());
        let back = tracing.backwards(&code, None, None, PAGE);
        let back = slowest.ask("a purse, backwards", back).await.answer;
        for held in back.iter().take(3) {
            let path = tracing.path(&held.serials, None, PAGE);
            slowest.ask("the path of a range", path).await;
        }
        let chain = tracing.chain(&code, Period::ALWAYS, None, PAGE);
        assert!(
            !slowest
                .ask("the value chain", chain)
                .await
                .answer
                .is_empty()
        );
    }
    whole_load(tracing, bulk.loads[&NUMBER_OF_HUB], &mut slowest).await;
    whole_purse(tracing, bulk.purses, &mut slowest).await;
    for (what, most, times) in slowest.0 {
        println!("{what}: {times} answers of at most {PAGE} rows, the slowest in {most:.1?}");
        assert!(most <= ANSWER_MOST, "{what}");
    }
}

async fn whole_load(tracing: &Tracing, load: u64, slowest: &mut Slowest) {
    let (mut after, mut pages, mut ranges, mut coins): (Option<TraceCursor>, _, _, _) =
        (None, 0, 0, 0);
    let begun = Instant::now();
    let all: u128 = loop {
        let page = tracing.forwards(load, after, PAGE);
        let page = slowest.ask("a load, forwards, on and on", page).await;
        let trace = page.answer.unwrap();
        pages += 1;
        ranges += trace.holdings.len();
        coins += trace
            .holdings
            .iter()
            .map(|held| held.serials.coins())
            .sum::<u128>();
        after = page.next;
        if after.is_none() {
            break trace.serials.iter().map(Serials::coins).sum();
        }
    };
    assert_eq!(coins, all);
    let took = begun.elapsed();
    println!("the widest load: {ranges} ranges on {pages} pages in {took:.1?}");
}

async fn whole_purse(tracing: &Tracing, purse: u64, slowest: &mut Slowest) {
    let (mut after, mut pages, mut ranges) = (None, 0, 0);
    let (code, begun) = (bulk::code(purse), Instant::now());
    loop {
        let page = tracing.backwards(&code, None, after, PAGE);
        let page = slowest.ask("a purse, backwards, on and on", page).await;
        pages += 1;
        ranges += page.answer.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let took = begun.elapsed();
    println!("the busiest purse: {ranges} ranges on {pages} pages in {took:.1?}");
}

#[derive(Default)]
struct Slowest(Vec<(&'static str, Duration, u32)>);

impl Slowest {
    async fn ask<T>(
        &mut self,
        what: &'static str,
        question: impl Future<Output = Result<Traced<T>, ledger::Error>>,
    ) -> Traced<T> {
        let begun = Instant::now();
        let answer = question.await.unwrap();
        let took = begun.elapsed();
        assert_eq!(answer.behind, 0);
        match self.0.iter_mut().find(|(of, ..)| *of == what) {
            Some((_, most, times)) => (*most, *times) = ((*most).max(took), *times + 1),
            None => self.0.push((what, took, 1)),
        }
        answer
    }
}
