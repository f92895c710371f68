//! The gateway goes on under another pass key, and the books hold what the one before signed.

use crate::support::next_key::{Change, rotated};
use crate::support::*;
use ledger::bounds::{INBOX_BYTES_MOST, INBOX_ENTRIES_MOST};
use ledger::{CoveredEvidence, FraudId};
use protocol::cose::open;
use protocol::covers::{COVERED_MAX, Item, Items};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::Allowance;
use protocol::rules::judge_proof;
use protocol::{PublicKey, Signer, Status, Timestamp};
use sqlx::{Connection, SqliteConnection};

const LATER: Timestamp = NOW.plus_s(10);
const LATEST: Timestamp = NOW.plus_s(20);
/// The key before may be stolen.
const STOLEN: Change = Change {
    seed: 9,
    at: LATER,
    ends: Timestamp(0),
};
const STOLEN_AGAIN: Change = Change {
    seed: 10,
    at: LATEST,
    ends: Timestamp(0),
};

/// The same allowance for more, by the world's first key.
fn forged(world: &World, honest: &[u8]) -> Vec<u8> {
    let given = *open::<Allowance>(honest, &network()).unwrap().peek();
    let more = Allowance {
        limit: given.limit.advance(amount(1_000_000)).unwrap(),
        ..given
    };
    sealed(&more, &world.gateway_key).0
}

/// A payment that stands on another one, in bytes.
fn items(below: [&[u8]; 2], above: [&[u8]; 2]) -> Vec<u8> {
    let list = [(below, 0), (above, 1)].map(|([allowance, payment], covers)| Item {
        allowance,
        payment,
        released: None,
        covers,
    });
    let list = Items::new(&list).unwrap();
    let mut out = vec![0; COVERED_MAX];
    let len = list.write(&mut out).unwrap();
    out.truncate(len);
    out
}

fn is_by(allowance: &[u8], key: PublicKey) -> bool {
    let allowance = open::<Allowance>(allowance, &network()).unwrap();
    allowance.verify(&key).is_ok()
}

#[tokio::test]
async fn a_thief_of_a_former_key_gives_no_allowance_not_even_beside_an_honest_one() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 1);
    let honest = payment.allowance.clone();
    let forged = forged(&world, &honest);
    let ledger = rotated(&world, &ledger, &[STOLEN]).await;
    let refused = Some(Status::BadSignature);
    let alone = open::<Allowance>(&forged, &network()).unwrap();
    assert_eq!(ledger.own_allowance(alone, LATER).await.err(), refused);
    let alone = open::<Allowance>(&honest, &network()).unwrap();
    assert!(ledger.own_allowance(alone, LATER).await.is_ok());
    let pair = |allowance| [allowance, &payment.payment[..]];
    let both = items(pair(&honest), pair(&honest));
    assert!(ledger.own_items(&both, LATER).await.is_ok());
    for [below, above] in [[&honest, &forged], [&forged, &honest]] {
        let mixed = items(pair(below), pair(above));
        assert_eq!(ledger.own_items(&mixed, LATER).await.err(), refused);
    }
    // Before the end of an overlap nobody can tell them apart.
    let overlap = Change {
        ends: LATER,
        ..STOLEN
    };
    let ledger = rotated(&world, &ledger, &[overlap]).await;
    let both = items(pair(&forged), pair(&forged));
    assert!(ledger.own_items(&both, NOW).await.is_ok());
    assert_eq!(ledger.own_items(&both, LATER).await.err(), refused);
}

#[tokio::test]
async fn evidence_under_several_former_keys_is_read_and_passed_on_under_the_present_one() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, mut between) = pair(&ledger, &world, 1_000).await;
    let payee = Purse::register(&ledger, &world, 13).await;
    let ledger = rotated(&world, &ledger, &[STOLEN]).await;
    between.gateway_key = STOLEN.key().public_key();
    ledger
        .load(order(&between, 10, "between"), NOW)
        .await
        .unwrap();
    between.renew(&ledger, 10, NOW).await;
    let below = payer.pay_for(&between, 50);
    let above = between.pay_covered(&payee.code, 55, &[&below]);
    let shown = items(
        [&below.allowance, &below.payment],
        [&above.allowance, &above.payment],
    );
    let ledger = rotated(&world, &ledger, &[STOLEN, STOLEN_AGAIN]).await;
    let (anew, keys) = ledger.own_items(&shown, LATEST).await.unwrap();
    assert_eq!(
        (keys.key, keys.other),
        (STOLEN_AGAIN.key().public_key(), None)
    );
    let check = |items: &[u8]| {
        let items = Items::read(items).unwrap();
        CoveredEvidence::check(&items, &network(), |_| Some(keys), |_, _| Ok(()))
    };
    assert_eq!(check(&shown).err(), Some(Status::BadSignature));
    let evidence = check(&anew).unwrap();
    let answer = ledger.hand_in_covered(evidence, None, LATEST).await;
    assert!(answer.unwrap().told.contains(&payee.code));
    let waiting = ledger.inbox(&payee.code, 0, 9).await.unwrap();
    let Ok(Message::Covered { items, .. }) = Message::read(&waiting[1].bytes) else {
        panic!("{waiting:?}")
    };
    let items = Items::read(items).unwrap();
    assert!(items.iter().all(|item| is_by(item.allowance, keys.key)));
    assert_sound(&ledger).await;
}

/// As if what waits for it had so many bytes.
async fn fill(world: &World, purse: &Purse, octets: u64) {
    let address = format!("sqlite://{}", world.path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("UPDATE inbox_head SET octets = $1 WHERE code = $2")
        .bind(octets as i64)
        .bind(purse.code.as_bytes().as_slice())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_fork_under_a_former_key_is_proven_under_the_present_one_and_by_no_former_one() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let ledger = rotated(&world, &ledger, &[STOLEN]).await;
    let mut clone = payer.clone();
    for payment in [payer.pay(&payee.code, 10), clone.pay(&payee.code, 20)] {
        let receipt = Some(payee.receipt(&payment));
        let handed_in = ledger.hand_in(payment.evidence(), receipt, LATER).await;
        handed_in.unwrap();
    }
    let proof = ledger.fraud_proof(FraudId(1)).await.unwrap().unwrap();
    let judged = judge_proof(&world.trust, &proof).unwrap();
    assert_eq!(judged.code, payer.code);
    assert_eq!(ledger.accused_by_counting(&proof, LATER), Ok(()));
    let Ok(Message::Proof {
        issuer,
        allowances,
        payments,
        ..
    }) = Message::read(&proof)
    else {
        panic!("{proof:?}")
    };
    let by_former = Message::Proof {
        issuer,
        gateway: &world.bearings().gateway_pass,
        allowances,
        payments,
    };
    let mut out = vec![0; MESSAGE_MAX];
    let len = by_former.write(&mut out).unwrap();
    let refused = ledger.accused_by_counting(&out[..len], LATER);
    assert_eq!(refused, Err(Status::Expired));
}

#[tokio::test]
async fn nothing_is_told_before_the_key_by_which_it_is_read() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 10_000).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..INBOX_ENTRIES_MOST {
        let (ledger, payment) = (ledger.clone(), payer.pay(&payee.code, 1));
        tasks.spawn(async move { ledger.hand_in(payment.evidence(), None, NOW).await.unwrap() });
    }
    tasks.join_all().await;
    let ledger = rotated(&world, &ledger, &[STOLEN]).await;
    // Room for one: for the word of the key alone it is of no use, and without it nothing goes.
    ledger.acknowledge(&payee.code, 1).await.unwrap();
    let payment = payer.pay(&payee.code, 1);
    let refused = ledger.hand_in(payment.evidence(), None, LATER).await;
    assert_eq!(refused.unwrap_err(), Status::Full);
    // Nor does what is smaller than that word.
    ledger.acknowledge(&payee.code, 3).await.unwrap();
    let small = INBOX_BYTES_MOST - 2 * payment.allowance.len() as u64;
    fill(&world, &payee, small).await;
    let refused = ledger.hand_in(payment.evidence(), None, LATER).await;
    assert_eq!(refused.unwrap_err(), Status::Full);
    fill(&world, &payee, INBOX_BYTES_MOST / 2).await;
    ledger
        .hand_in(payment.evidence(), None, LATER)
        .await
        .unwrap();
    let last = ledger.inbox(&payee.code, INBOX_ENTRIES_MOST, 9).await;
    let kinds: Vec<bool> = last
        .unwrap()
        .iter()
        .map(|entry| matches!(Message::read(&entry.bytes), Ok(Message::Successor { .. })))
        .collect();
    assert_eq!(kinds, [true, false]);
}

#[tokio::test]
async fn whoever_has_not_heard_of_the_key_finds_it_first_and_once_and_the_rest_under_it() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    // It waits since before the rotation.
    let early = payer.pay(&payee.code, 1);
    ledger.hand_in(early.evidence(), None, NOW).await.unwrap();
    let mut ledger = rotated(&world, &ledger, &[STOLEN]).await;
    for _ in 0..2 {
        let payment = payer.pay(&payee.code, 1);
        let handed_in = ledger.hand_in(payment.evidence(), None, LATER).await;
        handed_in.unwrap();
        ledger = rotated(&world, &ledger, &[STOLEN]).await;
    }
    let waiting = ledger.inbox(&payee.code, 0, 9).await.unwrap();
    let mut handovers = Vec::new();
    for (place, entry) in waiting.iter().enumerate() {
        match Message::read(&entry.bytes).unwrap() {
            Message::Successor { .. } => handovers.push(place),
            Message::Evidence { allowance, .. } => {
                // What comes before it is for somebody who has not heard.
                let key = match handovers.is_empty() {
                    true => world.gateway_key.public_key(),
                    false => STOLEN.key().public_key(),
                };
                assert!(is_by(allowance, key));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((waiting.len(), handovers), (4, vec![1]));
    assert_sound(&ledger).await;
}
