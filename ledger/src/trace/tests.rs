//! How the database means to answer, and files that are no index.

use super::answers::Note;
use super::ask::{self, Budget, gather};
use super::fifo::{AccountId, Arrived, Posted, Spot, Transferred};
use super::{chain, follow, index};
use crate::books::{Account, EntryKind, JournalHead};
use crate::store::{self, Connection};
use protocol::code::IssuedBy;
use protocol::{Code, Currency, Digest, Kind, Timestamp};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

async fn scans(connection: &mut Connection, sql: &str) -> Vec<String> {
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(connection)
            .await
            .unwrap();
    assert!(!rows.is_empty());
    let steps = rows.into_iter().map(|(.., step)| step);
    let whole = |step: &String| {
        let table = step.strip_prefix("SCAN ");
        // What a subquery gives is one line.
        table.is_some_and(|table| !table.starts_with('(') && table != "CONSTANT ROW")
            || step.contains("TEMP B-TREE FOR ORDER BY")
    };
    steps.filter(whole).collect()
}

#[tokio::test]
async fn no_question_looks_at_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let (mut index, _) = index::open(&folder.path().join("t.db")).await.unwrap();
    let texts = index::TEXTS.into_iter();
    for text in texts.chain([ask::OF_CODE, chain::GAVE, chain::GOT]) {
        let scans = scans(&mut index, text).await;
        assert!(scans.is_empty(), "{text}\n{scans:#?}");
    }
    let (mut books, _) = store::open(&folder.path().join("l.db")).await.unwrap();
    let list = format!(
        "WITH wanted (row, owner, at) AS (VALUES (1, x'00', 1)) {}",
        chain::PLACE
    );
    let scans_of_list = scans(&mut books, &list).await;
    assert!(
        !scans_of_list.iter().any(|step| step.contains("grid")),
        "{scans_of_list:#?}"
    );
    // The test can tell.
    assert!(
        !scans(&mut index, "SELECT * FROM move WHERE coins = 1")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_file_that_is_no_index_gives_way_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    std::fs::write(
        &path,
        "no database at all, but long enough to be looked at".repeat(99),
    )
    .unwrap();
    let (mut index, _) = index::open(&path).await.unwrap();
    assert_eq!(index::followed(&mut index).await.unwrap().head.height, 0);

    let other = "UPDATE followed SET height = 7; PRAGMA user_version = 99;";
    sqlx::raw_sql(other).execute(&mut index).await.unwrap();
    drop(index);
    let (mut index, _) = index::open(&path).await.unwrap();
    assert_eq!(index::followed(&mut index).await.unwrap().head.height, 0);
}

#[test]
fn counts_of_coins_read_and_sort_as_they_count() {
    let mut counts = vec![
        0,
        1,
        2,
        255,
        256,
        65_535,
        1 << 40,
        u64::MAX.into(),
        1 << 64,
        u128::MAX,
    ];
    counts.sort_unstable();
    let columns: Vec<Vec<u8>> = counts.iter().map(|count| index::column(*count)).collect();
    assert!(columns.is_sorted());
    for (column, expected) in columns.iter().zip(counts) {
        assert_eq!(index::count(column).unwrap(), expected);
        let mut torn = column.clone();
        torn.push(1);
        assert!(index::count(&torn).is_err());
    }
    assert!(index::count(&[]).is_err());
}

/// A load that two purses pay back and forth in odd amounts.
fn round_and_round(payments: u64) -> Vec<Posted> {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    let purse = |n| Account::PurseFree(Code::derive(Kind::Device, by, n, b"").unwrap()).key();
    let posted = |height, from, to, amount| Posted {
        height,
        at: Timestamp(9),
        kind: 6,
        subject: Digest([7; 32]),
        currency: Currency::new(1, *b"USD").unwrap(),
        transfers: vec![Transferred { from, to, amount }],
    };
    let load = posted(1, Account::Issuer.key(), purse(1), 1_000);
    let pay = |height| {
        let to = 1 + height % 2;
        posted(height, purse(3 - to), purse(to), 300 + height % 7)
    };
    [load]
        .into_iter()
        .chain((2..2 + payments).map(pay))
        .collect()
}

#[tokio::test]
async fn a_page_that_costs_too_much_ends_early_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut index, _) = index::open(&folder.path().join("t.db")).await.unwrap();
    let before = index::followed(&mut index).await.unwrap();
    let entries = round_and_round(100);
    let head = JournalHead::default();
    follow::post(&mut index, &before, head, &entries)
        .await
        .unwrap();
    let begin = Spot {
        account: AccountId(-1),
        position: 1,
    };
    let all = |lookups| Budget { rows: 200, lookups };
    let start = [(begin, 1_000)];
    let whole = gather(&mut index, &start, index::FORWARDS, all(u32::MAX)).await;
    let (whole, next) = whole.unwrap();
    assert_eq!(next, None);
    let (mut rows, mut pages, mut at): (Vec<Arrived>, _, _) = (Vec::new(), 0, begin);
    loop {
        let coins = 1_001 - at.position;
        let page = gather(&mut index, &[(at, coins)], index::FORWARDS, all(1)).await;
        let (page, next) = page.unwrap();
        assert_eq!(page.len(), 1, "something is always said");
        pages += 1;
        for (_, row) in page {
            if !rows.last_mut().is_some_and(|last| last.join(&row)) {
                rows.push(row);
            }
        }
        match next {
            Some(next) => at = next.spot(),
            None => break,
        }
    }
    assert!(pages > whole.len());
    let whole: Vec<Arrived> = whole.into_iter().map(|(_, row)| row).collect();
    assert_eq!(rows, whole);
}

#[test]
fn every_kind_of_entry_has_a_word_of_its_own() {
    let kinds = [
        EntryKind::Load,
        EntryKind::Redeem,
        EntryKind::Allow,
        EntryKind::Release,
        EntryKind::Transit,
        EntryKind::Settle,
        EntryKind::Claim,
        EntryKind::Units,
        EntryKind::Decline,
        EntryKind::Return,
        EntryKind::TopUp,
        EntryKind::Short,
        EntryKind::Compensate,
        EntryKind::Recover,
        EntryKind::Credit,
        EntryKind::Close,
        EntryKind::Relay,
    ];
    let word = |kind| {
        let note = Note {
            height: 1,
            at: Timestamp(9),
            kind,
            subject: Digest([7; 32]),
        };
        note.word()
    };
    assert_eq!(word(0), "other");
    let words: BTreeSet<&str> = kinds.iter().map(|kind| word(*kind as u8)).collect();
    assert_eq!(words.len(), kinds.len());
    assert!(!words.contains("other"));
}
