//! How the database means to answer what people look at.

use super::{
    batches, books, claims, fraud, jobs, labels, map, payments, purses, refunds, registry, requests,
};
use crate::store::{self, Connection};
use sqlx::AssertSqlSafe;

/// One row per currency, per counter, per payment beneath one, or per clump of a map, however much
/// there is to count.
const SMALL: [&str; 5] = [
    "account_total",
    "treasury_total",
    "tally",
    "beneath",
    "clump",
];

async fn plan(connection: &mut Connection, sql: &str) -> Vec<String> {
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(connection)
            .await
            .unwrap();
    rows.into_iter().map(|(_, _, _, step)| step).collect()
}

fn scans(step: &str) -> bool {
    let table = step
        .strip_prefix("SCAN ")
        .and_then(|rest| rest.split(' ').next());
    table.is_some_and(|table| table != "CONSTANT" && !SMALL.contains(&table))
}

#[tokio::test]
async fn no_view_looks_at_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (mut connection, _readers) = store::open(&path).await.unwrap();
    let mut texts = vec![
        books::COUNTS,
        books::SUMS,
        fraud::CASES,
        jobs::JOBS,
        fraud::CASE,
        claims::CLAIMS,
        claims::DECISIONS,
        fraud::ACCUSATIONS,
        refunds::REFUNDS,
        requests::REQUESTS,
        requests::WAITING,
        map::SPOTS,
        store::payments::OVERDUE,
    ];
    texts.extend(batches::TEXTS);
    texts.extend(labels::TEXTS);
    texts.extend(purses::TEXTS);
    texts.extend(payments::texts());
    texts.extend(registry::texts());
    for sql in texts {
        let plan = plan(&mut connection, sql).await;
        assert!(!plan.is_empty());
        assert!(!plan.iter().any(|step| scans(step)), "{sql}\n{plan:#?}");
        // Pages come in the order of an index, except where a single purse or a part of a map
        // narrows them.
        let narrow = ["holder", "clump"].iter().any(|word| sql.contains(word));
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(narrow || !sorts, "{sql}\n{plan:#?}");
    }
    // The test can tell.
    let whole = plan(&mut connection, "SELECT * FROM thing WHERE product = 'x'").await;
    assert!(whole.iter().any(|step| scans(step)));
}
