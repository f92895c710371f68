//! Books of the first form, with money under way, opened by this version.

use super::{Connection, life, migrations, open, payments};
use crate::error::OpenError;
use protocol::chain::ActKind;
use protocol::code::IssuedBy;
use protocol::{Code, Digest, Kind, Timestamp};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::path::Path;

const OLD_ROWS: &str = "
    INSERT INTO reservation VALUES (1, x'01', 2, 'a', 'b', x'01', 1);
    INSERT INTO allowance VALUES (1, $1, $2, 1, $3, 500, x'00');
    INSERT INTO account VALUES ($3, x'00', 0, NULL, -100);
    INSERT INTO account VALUES ($3, x'01', 1, $2, 70);
    INSERT INTO account VALUES ($3, x'03', 3, NULL, 30);
    INSERT INTO treasury VALUES (1, 'k', 0, $2, $3, 100, 'b', 1, 1, x'00');
    INSERT INTO thing VALUES (1, $2, 2, 'a', 'a', '', x'00', -8, x'00', 0, 1, x'00', x'00', 1, 1, 1);
    INSERT INTO thing_state VALUES (1, $2, 1, 'why', 'who', 5);
    INSERT INTO inbox_head VALUES ($2, 7, 3, 99);
    INSERT INTO payment VALUES (1, $1, $2, 1, 1, $2, $3, 30, 30, x'00', $1, x'00', 3, NULL,
      x'00', NULL, 1, NULL);
    INSERT INTO payment VALUES (2, x'02', $2, 1, 2, $2, $3, 5, 35, x'00', $1, x'00', 2, x'00',
      NULL, x'00', 1, 1);";

async fn written(path: &Path, code: &Code) -> Connection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    let first = migrations().into_iter().take(1).collect();
    Migrator::with_migrations(first)
        .run(&mut old)
        .await
        .unwrap();
    for sql in OLD_ROWS.split(';') {
        sqlx::query(sql)
            .bind([9; 32].as_slice())
            .bind(code.as_bytes().as_slice())
            .bind([0, 0, 1, b'U', b'S', b'D'].as_slice())
            .execute(&mut old)
            .await
            .unwrap();
    }
    old
}

#[tokio::test]
async fn money_under_way_is_due_when_its_allowance_expires() -> Result<(), OpenError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    let code = Code::derive(Kind::Device, by, 1, b"").unwrap();
    written(&path, &code).await.close().await?;
    let (mut new, _readers) = open(&path).await?;
    assert!(
        payments::overdue(&mut new, Timestamp(499), 9)
            .await?
            .is_empty()
    );
    let overdue = payments::overdue(&mut new, Timestamp(500), 9).await?;
    assert_eq!(overdue, [Digest([9; 32])]);
    let (waiting, funded): (i64, i64) =
        sqlx::query_as("SELECT waiting, funded FROM payment WHERE number = 1")
            .fetch_one(&mut new)
            .await?;
    assert_eq!((waiting, funded), (30, 30));

    let counted: Vec<(String, i64)> =
        sqlx::query_as("SELECT what, number FROM tally ORDER BY what")
            .fetch_all(&mut new)
            .await?;
    let expected = [
        ("grids", 0),
        ("in_transit", 1),
        ("inbox_entries", 3),
        ("things", 1),
        ("things_stopped", 1),
    ];
    assert_eq!(
        counted,
        expected.map(|(what, number)| (what.to_owned(), number))
    );
    let totals: Vec<(i64, i64)> =
        sqlx::query_as("SELECT kind, balance FROM account_total ORDER BY kind")
            .fetch_all(&mut new)
            .await?;
    assert_eq!(totals, [(0, -100), (1, 70), (3, 30)]);
    let (holders, ordered): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM holder), (SELECT amount FROM treasury_total)")
            .fetch_one(&mut new)
            .await?;
    assert_eq!((holders, ordered), (1, 100));
    let steps = life::steps(&mut new, &code, 9).await?;
    let kept = steps
        .iter()
        .rev()
        .map(|step| (step.act, step.by.as_str(), step.at.0));
    let expected = [
        (ActKind::Issued, "b", 1),
        (ActKind::Activated, "b", 1),
        (ActKind::Suspended, "who", 5),
    ];
    assert!(kept.eq(expected), "{steps:?}");
    Ok(())
}
