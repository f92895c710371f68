//! Coins of a real ledger, against every coin moved by hand from the lines of the same journal.

use crate::claims::{about, forked, guaranteeing, owned_by, put_behind_forks};
use crate::support::*;
use ledger::books::Account;
use ledger::trace::{Holder, Holding, Period, Serials, TraceCursor, Tracing, file_beside};
use ledger::{Error, Ledger, OpenError};
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{GridCode, Timestamp};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

type Key = Vec<u8>;
/// Whose source, which serial, and the entries that moved it.
type Coin = (Key, u128, Vec<u64>);

/// The queues of all accounts, coin by coin, in one currency.
async fn by_hand(path: &Path) -> BTreeMap<Key, VecDeque<Coin>> {
    let mut books = connect(path).await;
    let lines: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT height, account, change FROM posting WHERE currency = $1 ORDER BY height, line",
    )
    .bind(usd().as_bytes().as_slice())
    .fetch_all(&mut books)
    .await
    .unwrap();
    let mut queues: BTreeMap<Key, VecDeque<Coin>> = BTreeMap::new();
    let mut minted = 0;
    for pair in lines.chunks(2) {
        let [(height, from, lost), (_, to, gained)] = pair else {
            panic!("a line alone");
        };
        assert_eq!(-lost, *gained);
        for _ in 0..*gained {
            let mut coin = match *from == Account::Issuer.key() {
                true => {
                    minted += 1;
                    (from.clone(), minted, Vec::new())
                }
                false => queues.get_mut(from).unwrap().pop_front().unwrap(),
            };
            coin.2.push(height.unsigned_abs());
            queues.entry(to.clone()).or_default().push_back(coin);
        }
    }
    queues
}

async fn connect(path: &Path) -> SqliteConnection {
    let address = format!("sqlite://{}", path.display());
    SqliteConnection::connect(&address).await.unwrap()
}

fn runs<'a>(coins: impl Iterator<Item = (Holder, &'a Coin)>) -> Vec<(Holder, u128, u128)> {
    let mut runs: Vec<(Holder, u128, u128)> = Vec::new();
    for (holder, (_, serial, _)) in coins {
        match runs.last_mut() {
            Some((of, _, last)) if *of == holder && *last + 1 == *serial => *last += 1,
            _ => runs.push((holder, *serial, *serial)),
        }
    }
    runs
}

/// Every answer about every coin is what moving them by hand gives, in pages of any size.
async fn assert_traced(ledger: &Ledger, world: &World, purses: &[&Purse], loads: &[u64]) {
    let queues = by_hand(&world.path).await;
    let tracing = ledger.tracing().await.unwrap();
    for purse in purses {
        let reserve = Account::PurseReserved(purse.code, protocol::KeyEpoch(1)).key();
        let mut expected = Vec::new();
        let deposit = Account::Deposit(purse.code).key();
        for key in [Account::PurseFree(purse.code).key(), deposit, reserve] {
            let coins = queues.get(&key).into_iter().flatten();
            expected.extend(runs(coins.map(|coin| (Holder::read(&key), coin))));
        }
        for most in [1, 2, 200] {
            let mut found = backwards(&tracing, purse, most).await;
            // Cut where loads meet: as long as it is in the same queue, it is one run here.
            found.dedup_by(|next, last| {
                let joins = (&last.0, last.2 + 1) == (&next.0, next.1);
                if joins {
                    last.2 = next.2;
                }
                joins
            });
            found.sort_by_key(|(holder, ..)| match holder {
                Holder::Reserved(..) => 2,
                Holder::Deposit(_) => 1,
                _ => 0,
            });
            assert_eq!(found, expected, "{most} a page");
        }
    }
    let mut everywhere: Vec<(Holder, &Coin)> = queues
        .iter()
        .flat_map(|(key, coins)| coins.iter().map(|coin| (Holder::read(key), coin)))
        .collect();
    everywhere.sort_by_key(|(_, coin)| coin.1);
    for (holder, coin) in everywhere.iter().step_by(31) {
        assert_path(&tracing, coin, holder).await;
    }
    for most in [1, 3, 200] {
        let mut found = Vec::new();
        for load in loads {
            found.extend(forwards(&tracing, *load, most).await);
        }
        let coins = found.iter().map(|held| held.serials.coins()).sum::<u128>();
        assert_eq!(coins, everywhere.len() as u128, "none lost, none twice");
        let mut expected = everywhere.iter();
        for held in found {
            for serial in held.serials.first..=held.serials.last {
                let (holder, coin) = expected.next().unwrap();
                assert_eq!((holder, coin.1), (&held.holder, serial));
            }
        }
    }
    let stand = tracing.check().await.unwrap();
    assert_eq!((stand.height, stand.behind), (height(ledger).await, 0));
}

async fn height(ledger: &Ledger) -> u64 {
    ledger.journal().await.unwrap().height
}

async fn backwards(tracing: &Tracing, purse: &Purse, most: u32) -> Vec<(Holder, u128, u128)> {
    let (mut found, mut after) = (Vec::new(), None::<TraceCursor>);
    let currency = usd();
    loop {
        let page = tracing.backwards(&purse.code, Some(&currency), after, most);
        let page = page.await.unwrap();
        assert!(page.answer.len() <= most as usize);
        for held in page.answer {
            assert_eq!((held.currency, held.source), (usd(), Holder::Issuer));
            assert_eq!(held.load.word(), "load");
            found.push((held.holder, held.serials.first, held.serials.last));
        }
        let Some(next) = page.next else {
            return found;
        };
        after = Some(next.to_string().parse().unwrap());
    }
}

async fn forwards(tracing: &Tracing, load: u64, most: u32) -> Vec<Holding> {
    let (mut found, mut after) = (Vec::new(), None::<TraceCursor>);
    loop {
        let page = tracing.forwards(load, after, most).await.unwrap();
        let trace = page.answer.unwrap();
        assert_eq!((trace.note.height, trace.note.word()), (load, "load"));
        assert_eq!(trace.source, Holder::Issuer);
        assert!(!trace.holdings.is_empty() && trace.holdings.len() <= most as usize);
        found.extend(trace.holdings);
        let Some(next) = page.next else {
            let all: u128 = trace.serials.iter().map(Serials::coins).sum();
            let coins = found.iter().map(|held| held.serials.coins());
            assert_eq!(coins.sum::<u128>(), all);
            return found;
        };
        after = Some(next.to_string().parse().unwrap());
    }
}

async fn assert_path(tracing: &Tracing, (_, serial, path): &Coin, holder: &Holder) {
    let mut coin = Serials {
        source: 1,
        first: *serial,
        last: *serial,
    };
    for most in [2, 200] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = tracing.path(&coin, after, most).await.unwrap();
            let trace = page.answer.unwrap();
            assert_eq!(trace.serials, coin);
            walked.extend(trace.hops.iter().map(|hop| hop.note.height));
            after = page.next;
            if after.is_none() {
                assert_eq!(&trace.holder, holder);
                break;
            }
            assert_eq!(trace.hops.len(), most as usize);
        }
        assert_eq!(&walked, path);
    }
    // A wider question is answered for those that went all the way together.
    coin.last += 1_000;
    let wide = tracing.path(&coin, None, 200).await.unwrap();
    let wide = wide.answer.unwrap();
    assert!(wide.serials.last >= *serial);
    assert_eq!((wide.hops.len(), &wide.holder), (path.len(), holder));
}

async fn settle(ledger: &Ledger, payment: &Signed, payee: &Purse) {
    let receipt = Some(payee.receipt(payment));
    let evidence = payment.evidence();
    ledger.hand_in(evidence, receipt, NOW).await.unwrap();
}

/// Everything that can happen to money: loads, allowances, payments in every state, redemption.
async fn play(ledger: &Ledger, world: &World) -> (Purse, Purse, Vec<u64>) {
    let (mut payer, payee) = pair(ledger, world, 1_000).await;
    let second = ledger
        .load(order(&payee, 500, "second"), NOW)
        .await
        .unwrap();
    let third = ledger.load(order(&payer, 300, "third"), NOW).await.unwrap();
    let first = payer.pay(&payee.code, 100);
    settle(ledger, &first, &payee).await;
    let waits = payer.pay(&payee.code, 50);
    ledger.hand_in(waits.evidence(), None, NOW).await.unwrap();
    let stream = payer.stream(&payee.code, 3, 20);
    for (units, receipt) in [(4, None), (11, Some(payee.close(&stream, 11)))] {
        let released = stream.released(units);
        let claim = ledger.claim_units(stream.evidence(), released, receipt, NOW);
        claim.await.unwrap();
    }
    let declined = payer.pay(&payee.code, 70);
    ledger
        .hand_in(declined.evidence(), None, NOW)
        .await
        .unwrap();
    let receipt = Some(payee.decline(&declined));
    let decline = ledger.hand_in(declined.evidence(), receipt, NOW);
    decline.await.unwrap();
    ledger.redeem(order(&payee, 40, "out"), NOW).await.unwrap();
    let forgotten = payer.pay(&payee.code, 90);
    ledger
        .hand_in(forgotten.evidence(), None, NOW)
        .await
        .unwrap();
    let due = NOW.plus_s(1 + LIFE_S + GRACE_S);
    ledger.return_overdue(due, 1).await.unwrap();
    (payer, payee, vec![1, second.head.height, third.head.height])
}

#[tokio::test]
async fn every_coin_is_found_forwards_and_backwards_through_a_whole_life() {
    let (_folder, world, ledger) = house().await;
    let (payer, payee, loads) = play(&ledger, &world).await;
    assert_traced(&ledger, &world, &[&payer, &payee], &loads).await;
    // The first coins of the first load were paid, then redeemed before all others of the payee's
    // but the ones it was loaded with.
    let tracing = ledger.tracing().await.unwrap();
    let back = tracing.backwards(&payee.code, None, None, 9).await.unwrap();
    let first = &back.answer[0];
    assert_eq!((first.load.height, first.serials.first), (loads[1], 1_041));
    let nothing = tracing.forwards(2, None, 9).await.unwrap();
    assert_eq!(nothing.answer, None, "an allowance brings nothing in");
    let beyond = Serials {
        source: 1,
        first: 1_801,
        last: 1_900,
    };
    assert_eq!(tracing.path(&beyond, None, 9).await.unwrap().answer, None);
}

#[tokio::test]
async fn coins_that_stood_behind_a_fork_are_followed_to_the_payee_it_left_short() {
    let (_folder, world, ledger) = guaranteeing().await;
    let (mut payer, first) = pair(&ledger, &world, 1_000).await;
    let second = Purse::register(&ledger, &world, 13).await;
    owned_by(&ledger, &second, &world.gateway, true).await;
    ledger.load(order(&payer, 100, "free"), NOW).await.unwrap();
    put_behind_forks(&ledger, &payer).await;
    let purses = [&payer.clone(), &first, &second];
    let loads = [1, 3, 4, 5, 6];
    assert_traced(&ledger, &world, &purses, &loads).await;
    let tracing = ledger.tracing().await.unwrap();
    let funds = [Holder::Deposit(payer.code), Holder::Bond, Holder::Guarantee];
    for (load, fund) in loads.iter().skip(2).zip(&funds) {
        let held = forwards(&tracing, *load, 9).await;
        assert_eq!(
            held.iter().map(|held| &held.holder).collect::<Vec<_>>(),
            [fund]
        );
    }

    let claim = forked(&ledger, &mut payer, &first, &second).await;
    let decided = ledger.decide_claim(about(claim.id, "k"), NOW).await;
    assert_eq!(decided.unwrap().missing.get(), 900);
    assert_traced(&ledger, &world, &purses, &loads).await;
    let chain = tracing.chain(&second.code, Period::ALWAYS, None, 9).await;
    let links = chain.unwrap().answer.into_iter();
    let said = links.map(|link| (link.note.word(), link.payer, link.amount.get()));
    // What the forker had put down came from the forker.
    let expected = [
        ("compensate", Holder::Guarantee, 400),
        ("compensate", Holder::Bond, 200),
        ("compensate", Holder::Purse(payer.code), 250),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

/// Enough for several blocks of moves, and the same money again and again.
async fn round_and_round(ledger: &Ledger, world: &World, follow: bool) -> Vec<Purse> {
    let mut purses = [31, 32].map(Some);
    let mut made = Vec::new();
    for seed in purses.iter_mut().filter_map(Option::take) {
        let purse = Purse::register(ledger, world, seed).await;
        let key = format!("load {seed}");
        ledger.load(order(&purse, 400, &key), NOW).await.unwrap();
        made.push(purse);
    }
    for turn in 0..60u32 {
        let now = NOW.plus_s(turn);
        let minor = u64::from(90 + turn % 7);
        made[0].renew(ledger, minor, now).await;
        let payee = made[1].clone();
        let payment = made[0].pay(&payee.code, minor);
        settle(ledger, &payment, &payee).await;
        made.reverse();
        if follow && turn % 5 < 3 {
            ledger.tracing().await.unwrap().follow().await.unwrap();
        }
    }
    made
}

/// Every row of the index.
async fn rows(world: &World) -> String {
    let mut index = connect(&file_beside(&world.path)).await;
    let mut all = String::new();
    for (table, order) in [
        ("followed", "id"),
        ("account", "id"),
        ("move", "number"),
        ("jump", "level, giver, out_first"),
        ("paid", "height, line"),
    ] {
        let columns: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM pragma_table_info($1) ORDER BY cid")
                .bind(table)
                .fetch_all(&mut index)
                .await
                .unwrap();
        let columns: Vec<String> = columns
            .into_iter()
            .map(|(name,)| format!("quote({name})"))
            .collect();
        let columns = columns.join(" || ' ' || ");
        let text = format!("SELECT {columns} FROM {table} ORDER BY {order}");
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(text))
            .fetch_all(&mut index)
            .await
            .unwrap();
        all.push_str(&format!("{table}: {} rows\n", rows.len()));
        rows.into_iter()
            .for_each(|(row,)| all.push_str(&(row + "\n")));
    }
    all
}

#[tokio::test]
async fn the_index_is_the_same_however_it_is_made_and_however_often() {
    let mut made = Vec::new();
    for follow in [true, false] {
        let (_folder, world, ledger) = house().await;
        let purses = round_and_round(&ledger, &world, follow).await;
        assert_traced(&ledger, &world, &[&purses[0], &purses[1]], &[1, 2]).await;
        let first = rows(&world).await;
        assert!(!first.contains("jump: 0 rows"), "blocks are full");
        let tracing = ledger.tracing().await.unwrap();
        tracing.forget().await.unwrap();
        tracing.check().await.unwrap();
        assert_eq!(rows(&world).await, first, "made again in place");
        ledger.close().await;
        std::fs::remove_file(file_beside(&world.path)).unwrap();
        let ledger = world.open().await;
        ledger.tracing().await.unwrap().check().await.unwrap();
        assert_eq!(rows(&world).await, first, "made again from nothing");
        made.push(first);
    }
    assert_eq!(made[0], made[1], "step by step or at once");
}

#[tokio::test]
async fn an_index_of_another_journal_begins_again() {
    let (_folder, world, ledger) = house().await;
    let purses = round_and_round(&ledger, &world, true).await;
    ledger.tracing().await.unwrap().check().await.unwrap();
    ledger.close().await;
    let (_other_folder, other, books) = house().await;
    let (payer, payee, loads) = play(&books, &other).await;
    books.close().await;
    std::fs::copy(file_beside(&world.path), file_beside(&other.path)).unwrap();
    let books = other.open().await;
    assert_traced(&books, &other, &[&payer, &payee], &loads).await;
    drop(purses);
}

#[tokio::test]
async fn damage_is_named_in_the_journal_and_in_the_index() -> Result<(), OpenError> {
    let (_folder, world, ledger) = house().await;
    round_and_round(&ledger, &world, false).await;
    let tracing = ledger.tracing().await.unwrap();
    tracing.check().await.unwrap();
    for sql in [
        "UPDATE move SET coins = coins + 1 WHERE number = 2",
        "DELETE FROM move WHERE number = (SELECT max(number) FROM move)",
        "DELETE FROM move WHERE number = 1",
        "UPDATE move SET out_first = x'0103' WHERE number = 1",
        "UPDATE move SET taker = 2 WHERE number = 4",
        "UPDATE account SET entered = x'0107' WHERE id = 2",
        "UPDATE account SET minted = x'00' WHERE id = 1",
        "INSERT INTO account VALUES (99, x'07', x'000001555344', 99, x'0105', x'00', x'00', NULL)",
        "DELETE FROM account WHERE id = 3",
    ] {
        let mut index = connect(&file_beside(&world.path)).await;
        sqlx::raw_sql(sql).execute(&mut index).await.unwrap();
        let checked = tracing.check().await;
        assert!(
            matches!(checked, Err(Error::Damaged(_))),
            "{sql}: {checked:?}"
        );
        tracing.forget().await.unwrap();
        tracing.check().await.unwrap();
    }
    tracing.forget().await.unwrap();
    let mut books = connect(&world.path).await;
    let sql = "UPDATE entry SET bytes = zeroblob(90) WHERE height = 3";
    sqlx::raw_sql(sql).execute(&mut books).await.unwrap();
    let Err(Error::Damaged(damage)) = tracing.follow().await else {
        panic!("followed what does not hash");
    };
    assert_eq!((damage.table, damage.row.as_str()), ("entry", "3"));
    Ok(())
}

fn grid(owner: &Purse, minute: u32) -> GridCode {
    let place = Place {
        by: IssuedBy {
            issuer: 1,
            station: 1,
        },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(i64::from(minute) * 16_000_000, 1).unwrap(),
        height_dm: None,
        span: Span::new(30_000_000, None).unwrap(),
        owner: owner.code,
    };
    GridCode::derive(&place).unwrap()
}

#[tokio::test]
async fn the_value_chain_says_who_paid_whom_how_much_where_and_when() {
    let (_folder, world, ledger) = house().await;
    let (payer, payee, _) = play(&ledger, &world).await;
    let bay = grid(&payee, 1);
    let issued = ledger.issue_grid(bay, "Bay", payee.code, "operator", NOW);
    issued.await.unwrap();
    let later = grid(&payee, 2);
    let issued = ledger.issue_grid(later, "New bay", payee.code, "operator", NOW.plus_s(1));
    issued.await.unwrap();

    let tracing = ledger.tracing().await.unwrap();
    let (car, charger) = (Holder::Purse(payer.code), Holder::Purse(payee.code));
    let issuer = Holder::Issuer;
    // The newest first: what was declined, came back or still waits was never paid.
    let expected = [
        ("redeem", &charger, &issuer, 40),
        ("settle", &car, &charger, 21),
        ("units", &car, &charger, 12),
        ("settle", &car, &charger, 100),
        ("load", &issuer, &charger, 500),
    ];
    for most in [1, 2, 200] {
        let (mut links, mut after) = (Vec::new(), None::<TraceCursor>);
        loop {
            let page = tracing.chain(&payee.code, Period::ALWAYS, after, most);
            let page = page.await.unwrap();
            links.extend(page.answer);
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        let said = links.iter().map(|link| {
            assert_eq!(
                (link.currency, link.place, link.note.at),
                (usd(), Some(bay), NOW)
            );
            (
                link.note.word(),
                &link.payer,
                &link.payee,
                link.amount.get(),
            )
        });
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
    let of_payer = tracing
        .chain(&payer.code, Period::ALWAYS, None, 200)
        .await
        .unwrap();
    let amounts: Vec<u64> = of_payer
        .answer
        .iter()
        .map(|link| link.amount.get())
        .collect();
    assert_eq!(amounts, [21, 12, 100, 300, 1_000]);
    for (from, until, links) in [(0, 0, 0), (0, 1, 5), (1, 9, 0)] {
        let period = Period {
            from: NOW.plus_s(from),
            until: Timestamp(NOW.0 + until),
        };
        let page = tracing.chain(&payee.code, period, None, 200).await.unwrap();
        assert_eq!(page.answer.len(), links, "{period:?}");
    }
}
