//! The gateway goes on under another pass key and dies on its way: every code is told of the key
//! once, before anything under it, and the code chain has one leaf of the change.

use crate::deaths;
use crate::support::next_key::{Change, under_next_key};
use crate::support::{NOW, Purse, World, assert_sound, declare, pair};
use ledger::{CrashPoint, Ledger};
use protocol::Timestamp;
use protocol::chain::ActKind;
use std::fmt::Write;

const NEXT: Change = Change {
    seed: 9,
    at: NOW.plus_s(10),
    ends: Timestamp(0),
};
/// Says that the folder holds the next key: from here on the gateway starts with no other.
const CHANGED: &str = "changed";
/// Everything before the change comes by these as well.
const PASSES_MOST: u32 = 24;

#[test]
fn a_crash_while_codes_hear_of_the_next_key_tells_them_once_and_first() {
    deaths::at_every_step("next_key::child", CrashPoint::NEXT_KEY, 4);
    let shared = [CrashPoint::ActLogged, CrashPoint::Told];
    deaths::at_every_step("next_key::child", &shared, PASSES_MOST);
}

#[tokio::test]
async fn child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let world = World::new(&folder);
    let changed = folder.join(CHANGED);
    if !changed.exists() {
        let ledger = world.open().await;
        before(&ledger, &world).await;
        ledger.close().await;
        std::fs::write(&changed, "").unwrap();
    }
    let bearings = under_next_key(&world, &[NEXT]);
    let ledger = Ledger::open(&world.path, bearings).await.unwrap();
    let mut said = String::new();
    let (mut payer, payee) = before(&ledger, &world).await;
    let payment = payer.pay(&payee.code, 20);
    for receipt in [None, Some(payee.receipt(&payment))] {
        let handed_in = ledger.hand_in(payment.evidence(), receipt, NEXT.at);
        handed_in.await.unwrap();
    }
    let answer = ledger.hand_in(payment.evidence(), None, NEXT.at).await;
    writeln!(said, "{:02x?}", answer.unwrap().message).unwrap();
    assert_sound(&ledger).await;
    let acts = ledger.acts(&world.gateway.into()).await.unwrap();
    let changes = acts.iter().filter(|act| act.act.kind == ActKind::Rekeyed);
    assert_eq!(changes.count(), 1);
    writeln!(said, "{acts:?}\n{:?}", ledger.publish(NEXT.at).await).unwrap();
    super::remains(&ledger, &world, &[payer, payee], &mut said).await;
    ledger.close().await;
    deaths::write_outcome(&folder, &said);
}

/// What was asked of the gateway under its first key, and is asked once more.
async fn before(ledger: &Ledger, world: &World) -> (Purse, Purse) {
    declare(ledger).await;
    let (mut payer, payee) = pair(ledger, world, 1_000).await;
    let early = payer.pay(&payee.code, 10);
    ledger.hand_in(early.evidence(), None, NOW).await.unwrap();
    (payer, payee)
}
