use crate::support::*;
use ledger::{Error, Ledger, OpenError};
use sqlx::{Connection, SqliteConnection};

/// Books with some history, closed.
async fn written(folder: &std::path::Path) -> World {
    let world = World::new(folder);
    let ledger = world.open().await;
    declare(&ledger).await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    for minor in [100, 50] {
        let payment = payer.pay(&payee.code, minor);
        let receipt = payee.receipt(&payment);
        ledger
            .hand_in(payment.evidence(), Some(receipt), NOW)
            .await
            .unwrap();
    }
    ledger.close().await;
    world
}

async fn tamper(world: &World, sql: &'static str) {
    let address = format!("sqlite://{}", world.path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let done = sqlx::query(sql).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_row_is_named_when_the_books_are_opened() {
    // 1 load, 2 allowance, 3 and 4 settlements.
    for (sql, table, row) in [
        (
            "UPDATE entry SET at = at + 1 WHERE height = 2",
            "entry",
            "2",
        ),
        ("UPDATE entry SET kind = 1 WHERE height = 3", "entry", "3"),
        (
            "UPDATE entry SET bytes = zeroblob(90) WHERE height = 3",
            "entry",
            "3",
        ),
        (
            "UPDATE entry SET root = zeroblob(32) WHERE height = 1",
            "entry",
            "1",
        ),
        ("DELETE FROM entry WHERE height = 3", "entry", "3"),
        (
            "UPDATE posting SET change = change + 1 WHERE height = 4 AND line = 1",
            "posting",
            "4",
        ),
        (
            "UPDATE posting SET change = change * 2 WHERE height = 4",
            "entry",
            "4",
        ),
        ("DELETE FROM posting WHERE height = 2", "entry", "2"),
        (
            "INSERT INTO posting SELECT 9, line, currency, account, change FROM posting WHERE height = 1",
            "posting",
            "9",
        ),
        (
            "UPDATE account SET balance = balance + 5 WHERE kind = 1",
            "account",
            "000001555344",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let world = written(folder.path()).await;
        world.open().await.close().await;
        tamper(&world, sql).await;
        match Ledger::open(&world.path, world.bearings()).await {
            Err(OpenError::Damaged(damage)) => {
                assert_eq!((damage.table, damage.row.as_str()), (table, row), "{sql}");
                let text = OpenError::Damaged(damage).to_string();
                assert!(text.contains(&format!("{table} {row}")), "{text}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_whole_check_finds_what_opening_does_not_look_at() {
    for (sql, table) in [
        (
            "UPDATE payment SET amount = amount + 1 WHERE number = 2",
            "payment",
        ),
        (
            "UPDATE payment SET bytes = zeroblob(200) WHERE number = 2",
            "payment",
        ),
        (
            "UPDATE payment SET id = zeroblob(32) WHERE number = 1",
            "payment",
        ),
        (
            "UPDATE account SET balance = balance + CASE kind WHEN 1 THEN 5 ELSE -5 END
             WHERE kind = 2 OR (kind = 1 AND balance > 0)",
            "account",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let world = written(folder.path()).await;
        tamper(&world, sql).await;
        let ledger = world.open().await;
        match ledger.verify().await {
            Err(Error::Damaged(damage)) => assert_eq!(damage.table, table, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_second_writer_is_noticed_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let (first, second) = (world.open().await, world.open().await);
    declare(&first).await;
    let purse = Purse::register(&first, &world, 11).await;
    first.load(order(&purse, 5, "one"), NOW).await.unwrap();
    let refused = second.load(order(&purse, 5, "two"), NOW).await;
    assert_eq!(refused.unwrap_err(), protocol::Status::Storage);
    assert_eq!(held(&first, &purse).await, (5, 0));
    assert_sound(&first).await;
}
