//! Chains and trees of payments that are spent on before they are settled.

use crate::cast::{DAY_S, NOW, amount, code, key, network, reading, signed, usd};
use proptest::prelude::*;
use protocol::cose::open;
use protocol::covers::{COVERED_MAX, ITEMS_MAX, Item, Items, hash};
use protocol::keys::SoftwareKey;
use protocol::objects::{Allowance, Payment};
use protocol::rules::covered::COVER_UNITS_MAX;
use protocol::rules::{Covered, covered};
use protocol::stream::{Chain, Stream};
use protocol::{
    Algorithm, AmountMinor, AssuranceClass, Code, Digest, KeyEpoch, Kind, Reference, Sequence,
    Signer, Status,
};

fn gateway() -> SoftwareKey {
    key(Algorithm::Ed25519, 90)
}

fn gateway_code() -> Code {
    code(Kind::Gateway, 1, 90)
}

fn person(number: u8) -> (Code, SoftwareKey) {
    let number = number % 80;
    (
        code(Kind::Device, 1, u64::from(number) + 1),
        key(Algorithm::Ed25519, number + 1),
    )
}

/// One payment of the tree, with everything that can be chosen.
#[derive(Clone)]
struct Step {
    payer: u8,
    payee: u8,
    amount: u64,
    /// What the payer's own allowance permits.
    limit: u64,
    hops: u32,
    sequence: u32,
    /// Places of earlier steps.
    covers: Vec<usize>,
    /// A stream of this many units, shown to the last one but this many.
    stream: Option<(u32, u32)>,
}

impl Step {
    fn new(payer: u8, payee: u8, amount: u64, covers: &[usize]) -> Self {
        Self {
            payer,
            payee,
            amount,
            limit: 0,
            hops: 8,
            sequence: 1,
            covers: covers.to_vec(),
            stream: None,
        }
    }
}

#[derive(Clone)]
struct Made {
    allowance: Vec<u8>,
    payment: Vec<u8>,
    id: Digest,
    released: Option<(u32, Digest)>,
    covers: u16,
}

fn allowance(step: &Step) -> Vec<u8> {
    let (code, key) = person(step.payer);
    let allowance = Allowance {
        code,
        wallet_key: key.public_key(),
        key_epoch: KeyEpoch(1),
        class: AssuranceClass::Software,
        currency: usd(),
        limit: reading(step.limit),
        base_sequence: Sequence(0),
        base_head: Reference([0; 16]),
        base_odometer: reading(0),
        most_per_payment: amount(1_000_000),
        most_payments: 64,
        hops: Some(step.hops),
        area: None,
        guarantee: None,
        issued: NOW,
        expires: NOW.plus_s(7 * DAY_S),
        gateway: gateway_code(),
        gateway_epoch: KeyEpoch(1),
        number: u64::from(step.payer),
        issued_total: reading(1_000_000),
    };
    signed(&allowance, &gateway())
}

/// Who spends a step spends it under the allowance of its own next step.
fn make(steps: &[Step]) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let spender = steps[at..].iter().find(|later| later.covers.contains(&at));
        let own = allowance(step);
        let network = network();
        let reference = open::<Allowance>(&own, &network).unwrap().id().reference();
        let covers_for = spender.map(|spender| {
            let theirs = allowance(spender);
            open::<Allowance>(&theirs, &network)
                .unwrap()
                .id()
                .reference()
        });
        let mut ids: Vec<_> = step
            .covers
            .iter()
            .map(|cover| {
                (
                    made[*cover].id,
                    made[*cover].released.map_or(0, |(units, _)| units),
                )
            })
            .collect();
        let (payer, key) = person(step.payer);
        let chain = Chain::new(&payer, KeyEpoch(1), Sequence(step.sequence));
        let seed = Digest([step.payer; 32]);
        let payment = Payment {
            payer,
            key_epoch: KeyEpoch(1),
            sequence: Sequence(step.sequence),
            previous: Reference([0; 16]),
            payee: person(step.payee).0,
            currency: usd(),
            amount: amount(step.amount),
            odometer: reading(step.amount),
            allowance: reference,
            settle_by: NOW.plus_s(DAY_S),
            reference: Reference([0; 16]),
            covers_for,
            covers: (!ids.is_empty()).then(|| hash(&mut ids)),
            stream: step.stream.map(|(count, _)| Stream {
                unit: amount(step.amount / u64::from(count)),
                count,
                anchor: chain.down(seed, count),
            }),
        };
        let bytes = signed(&payment, &key);
        let id = open::<Payment>(&bytes, &network).unwrap().id();
        made.push(Made {
            allowance: own,
            payment: bytes,
            id,
            released: step
                .stream
                .map(|(count, short)| (count - short, chain.down(seed, short))),
            covers: step.covers.iter().fold(0, |bits, cover| bits | 1 << cover),
        });
    }
    made
}

fn items(made: &[Made]) -> Option<Items<'_>> {
    let items: Vec<_> = made
        .iter()
        .map(|made| Item {
            allowance: &made.allowance,
            payment: &made.payment,
            released: made.released,
            covers: made.covers,
        })
        .collect();
    Items::new(&items)
}

fn judge<'b>(items: &Items<'b>) -> Result<Covered<'b>, Status> {
    let key = gateway().public_key();
    covered(
        items,
        &network(),
        |code| (*code == gateway_code()).then_some(key),
        |_, _| Ok(()),
    )
}

fn sum(steps: &[Step]) -> Result<AmountMinor, Status> {
    let made = make(steps);
    judge(&items(&made).unwrap()).map(|covered| covered.sum())
}

/// Each pays the next everything it was paid; only the first has a limit of its own.
fn chain(length: u8, hops: u32) -> Vec<Step> {
    let mut steps: Vec<_> = (0..length)
        .map(|at| Step {
            hops,
            ..Step::new(
                at,
                at + 1,
                100,
                &at.checked_sub(1)
                    .map(usize::from)
                    .into_iter()
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    steps[0].limit = 100;
    steps
}

#[test]
fn a_chain_is_good_up_to_the_hops_of_its_first_allowance() {
    for length in 2..=6u8 {
        let distance = u32::from(length) - 1;
        assert_eq!(sum(&chain(length, distance)), Ok(amount(100)), "{length}");
        assert_eq!(
            sum(&chain(length, distance - 1)).err(),
            Some(Status::AboveHops),
            "{length}"
        );
    }
}

#[test]
fn the_longest_way_to_the_last_payment_counts() {
    // 0 pays 1 twice; 1 pays 2 with the first, 2 pays 3; 1 pays 3 with the second; 3 pays 4.
    let first = Step {
        limit: 50,
        ..Step::new(0, 1, 50, &[])
    };
    let steps = |hops| {
        vec![
            Step {
                hops,
                ..first.clone()
            },
            Step::new(1, 2, 50, &[0]),
            Step::new(2, 3, 50, &[1]),
            Step::new(3, 4, 50, &[2]),
        ]
    };
    assert_eq!(sum(&steps(3)), Ok(amount(50)));
    assert_eq!(sum(&steps(2)).err(), Some(Status::AboveHops));
}

#[test]
fn one_cover_stands_under_two_payments_but_counts_once_in_each_sum() {
    // 1 was paid 100 by 0, and spends it on 2 (60) and, attaching it again, on 3 in a later payment.
    let made = make(&[
        Step {
            limit: 100,
            ..Step::new(0, 1, 100, &[])
        },
        Step::new(1, 2, 60, &[0]),
    ]);
    assert_eq!(
        judge(&items(&made).unwrap()).map(|c| c.sum()),
        Ok(amount(100))
    );
    let mut twice = made.clone();
    twice.insert(1, made[0].clone());
    twice[2].covers = 0b11;
    assert_eq!(
        judge(&items(&twice).unwrap()).err(),
        Some(Status::WrongCover)
    );
}

#[test]
fn covers_that_contradict_each_other_are_refused() {
    let pays = |payee, amount| Step {
        limit: 100,
        ..Step::new(0, payee, amount, &[])
    };
    let steps = [
        pays(1, 60),
        Step {
            sequence: 2,
            ..pays(1, 70)
        },
        Step::new(1, 2, 100, &[0, 1]),
    ];
    // Both begin at reading 0.
    assert_eq!(sum(&steps).err(), Some(Status::Contradiction));
}

#[test]
fn of_a_stream_only_the_units_shown_count() {
    let steps = |short, spent| {
        [
            Step {
                limit: 100,
                stream: Some((100, short)),
                ..Step::new(0, 1, 100, &[])
            },
            Step::new(1, 2, spent, &[0]),
        ]
    };
    assert_eq!(sum(&steps(63, 37)), Ok(amount(37)));
    assert_eq!(sum(&steps(63, 38)).err(), Some(Status::AboveLimit));
    assert_eq!(
        sum(&steps(100, 1)).err(),
        Some(Status::WrongCover),
        "none shown"
    );
    let mut made = make(&steps(63, 37));
    made[0].released = made[0].released.map(|(units, value)| (units + 1, value));
    assert_eq!(judge(&items(&made).unwrap()).err(), Some(Status::WrongUnit));
    made[0].released = Some((COVER_UNITS_MAX + 1, Digest([0; 32])));
    assert_eq!(
        judge(&items(&made).unwrap()).err(),
        Some(Status::OverBudget),
        "before any hash"
    );
}

#[test]
fn the_receiver_is_asked_about_every_payment() {
    let made = make(&chain(4, 8));
    let items = items(&made).unwrap();
    let key = gateway().public_key();
    for refused in 0..4 {
        let mut asked = 0;
        let outcome = covered(
            &items,
            &network(),
            |_| Some(key),
            |_, _| {
                asked += 1;
                if asked - 1 == refused {
                    Err(Status::Revoked)
                } else {
                    Ok(())
                }
            },
        );
        assert_eq!(outcome.err(), Some(Status::Revoked), "{refused}");
    }
    let unknown = covered(
        &items,
        &network(),
        |_| None::<protocol::PublicKey>,
        |_, _| Ok(()),
    );
    assert_eq!(unknown.err(), Some(Status::UnknownGateway));
}

#[test]
fn more_items_or_bytes_than_the_budget_are_refused_before_they_are_read() {
    let item = |covers| Item {
        allowance: &[1; 150],
        payment: &[2; 100],
        released: None,
        covers,
    };
    let all: Vec<_> = (0..ITEMS_MAX as u16)
        .map(|at| item(if at == 15 { 0x7fff } else { 0 }))
        .collect();
    let mut out = [0; 2 * COVERED_MAX];
    let full = Items::new(&all).unwrap();
    assert!(full.write(&mut out).is_some());
    let more: Vec<_> = (0..=ITEMS_MAX).map(|_| item(0)).collect();
    assert_eq!(Items::new(&more), None);
    let long = [3; 300];
    let large: Vec<_> = all
        .iter()
        .map(|item| Item {
            payment: &long,
            ..*item
        })
        .collect();
    assert_eq!(Items::new(&large).unwrap().write(&mut out), None);
    assert_eq!(
        Items::read(&[0x82; COVERED_MAX + 1]).err(),
        Some(Status::OverBudget)
    );
}

#[test]
fn a_list_covers_only_backwards_and_leaves_nothing_unused() {
    let item = |covers| Item {
        allowance: &[1],
        payment: &[2],
        released: None,
        covers,
    };
    let list =
        |covers: &[u16]| Items::new(&covers.iter().map(|bits| item(*bits)).collect::<Vec<_>>());
    assert!(list(&[0, 1]).is_some());
    assert!(list(&[0, 0, 0b11]).is_some());
    for wrong in [
        &[0][..],
        &[],
        &[1, 1],
        &[0, 0],
        &[0, 0b10],
        &[0, 0, 0b10],
        &[0, 1, 0b01],
        &[0b10, 1],
    ] {
        assert_eq!(list(wrong), None, "{wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Several pay one, who pays on: it may spend exactly what it was paid and its own limit.
    #[test]
    fn nobody_spends_more_than_limit_and_covers(paid in proptest::collection::vec(1u64..1_000, 1..6), own in 0u64..500, over in 0u64..3) {
        let mut steps: Vec<_> = (0u8..).zip(&paid)
            .map(|(payer, amount)| Step { limit: *amount, ..Step::new(payer, 50, *amount, &[]) })
            .collect();
        let all: Vec<_> = (0..steps.len()).collect();
        let total: u64 = paid.iter().sum();
        steps.push(Step { limit: own, ..Step::new(50, 51, own + total + over, &all) });
        let outcome = sum(&steps);
        match over {
            0 => prop_assert_eq!(outcome, Ok(amount(total))),
            _ => prop_assert_eq!(outcome.err(), Some(Status::AboveLimit)),
        }
    }

    /// What is written reads back, and a damaged list never counts as the same.
    #[test]
    fn items_have_one_spelling(at in 0usize..1_500, bit in 0u8..8) {
        let made = make(&chain(3, 8));
        let items = items(&made).unwrap();
        let mut out = [0; COVERED_MAX];
        let len = items.write(&mut out).unwrap();
        prop_assert_eq!(Items::read(&out[..len]), Ok(items));
        let at = at % len;
        out[at] ^= 1 << bit;
        if let Ok(damaged) = Items::read(&out[..len]) {
            prop_assert!(judge(&damaged).is_err());
        }
    }
}
