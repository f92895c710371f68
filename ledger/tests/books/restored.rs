//! The books are an older copy, and somebody says so.

use crate::support::*;
use ledger::{Ledger, OpenError};
use protocol::{KeyEpoch, Status};
use std::fs;
use std::path::{Path, PathBuf};

/// Later than any epoch before: the time of the restore.
const RESTORED: u32 = NOW.0 + 5_000;

fn copied(folder: &Path, from: &str, to: &str) {
    for ending in ["", "-wal", "-shm"] {
        let [from, to] = [from, to].map(|name| folder.join(format!("{name}{ending}")));
        match from.exists() {
            true => {
                fs::copy(from, to).unwrap();
            }
            false => drop(fs::remove_file(to)),
        }
    }
}

async fn in_epoch(world: &World, epoch: u32) -> Result<Ledger, OpenError> {
    let mut bearings = world.bearings();
    bearings.gateway_epoch = KeyEpoch(epoch);
    Ledger::open(&world.path, bearings).await
}

fn tiles(world: &World) -> PathBuf {
    world.path.with_extension("chain")
}

#[tokio::test]
async fn what_an_older_copy_has_forgotten_is_paid_once_it_is_declared_and_numbers_go_on_beyond_it()
{
    let (folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let known = payer.pay(&payee.code, 100);
    let receipt = |payment: &Signed| Some(payee.receipt(payment));
    let settled = ledger.hand_in(known.evidence(), receipt(&known), NOW).await;
    assert_eq!(world.outcome(&settled.unwrap()), Status::Settled);
    ledger.close().await;
    copied(folder.path(), "ledger.db", "copy.db");

    // Of this the copy knows nothing.
    let ledger = world.open().await;
    let allowance = payer.renew(&ledger, 400, NOW.plus_s(10)).await;
    let lost = payer.pay(&payee.code, 300);
    let more = payer.pay(&payee.code, 50);
    let forgotten = ledger.hand_in(lost.evidence(), receipt(&lost), NOW).await;
    assert_eq!(world.outcome(&forgotten.unwrap()), Status::Settled);
    let stranger = Purse::register(&ledger, &world, 40).await;
    ledger.close().await;
    copied(folder.path(), "copy.db", "ledger.db");
    let _ = fs::remove_dir_all(tiles(&world));

    // Nobody has said so: nothing is taken under what the books never gave.
    let ledger = world.open().await;
    let before = (held(&ledger, &payer).await, held(&ledger, &payee).await);
    let refused = ledger.hand_in(lost.evidence(), receipt(&lost), NOW).await;
    assert_eq!(refused.unwrap_err(), Status::WrongAllowance);
    let after = (held(&ledger, &payer).await, held(&ledger, &payee).await);
    assert_eq!(after, before);
    ledger.close().await;

    assert_eq!(
        Ledger::epoch_of(&world.path).await.unwrap(),
        Some(KeyEpoch(1))
    );
    let ledger = in_epoch(&world, RESTORED).await.unwrap();
    for _ in 0..2 {
        for payment in [&more, &lost] {
            let paid = ledger
                .hand_in(payment.evidence(), receipt(payment), NOW)
                .await;
            assert_eq!(world.outcome(&paid.unwrap()), Status::Settled);
        }
    }
    assert_eq!(held(&ledger, &payee).await, (450, 0));
    let (free, reserved) = held(&ledger, &payer).await;
    assert_eq!(free + reserved, 550);
    // What was promised before counts in its own epoch, and what comes now in this one.
    let given = payer.renew(&ledger, 100, NOW.plus_s(20)).await;
    assert_eq!((given.gateway_epoch, given.number), (KeyEpoch(RESTORED), 1));
    assert_eq!(allowance.gateway_epoch, KeyEpoch(1));
    let next = Purse::register(&ledger, &world, 41).await;
    assert_eq!(next.code.sequence(), u64::from(RESTORED) << 4);
    assert!(next.code.sequence() > stranger.code.sequence());
    let after = Purse::register(&ledger, &world, 42).await;
    assert_eq!(after.code.sequence(), next.code.sequence() + 1);
    assert_sound(&ledger).await;
    ledger.close().await;
    // There is no way back.
    let back = in_epoch(&world, 1).await;
    assert!(matches!(back, Err(OpenError::Foreign)), "{back:?}");
    assert_eq!(
        Ledger::epoch_of(&world.path).await.unwrap(),
        Some(KeyEpoch(RESTORED))
    );
}

#[tokio::test]
async fn a_forgotten_allowance_reserves_no_more_than_is_free() {
    let (folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    ledger.close().await;
    copied(folder.path(), "ledger.db", "copy.db");
    let ledger = world.open().await;
    ledger
        .load(order(&payer, 5_000, "after"), NOW)
        .await
        .unwrap();
    payer.renew(&ledger, 5_000, NOW.plus_s(10)).await;
    let lost = payer.pay(&payee.code, 3_000);
    ledger.close().await;
    copied(folder.path(), "copy.db", "ledger.db");
    let _ = fs::remove_dir_all(tiles(&world));
    let ledger = in_epoch(&world, RESTORED).await.unwrap();
    let receipt = payee.receipt(&lost);
    let answer = ledger.hand_in(lost.evidence(), Some(receipt), NOW).await;
    let outcome = world.outcome(&answer.unwrap());
    // The load is forgotten as well: what is there is paid, and the rest waits for a person.
    assert_eq!(outcome, Status::WaitingForCover);
    assert_eq!(held(&ledger, &payer).await, (0, 0));
    assert_eq!(held(&ledger, &payee).await, (1_000, 0));
    assert_sound(&ledger).await;
}
