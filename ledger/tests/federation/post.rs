//! Whatever the post does, the end is the same.

use crate::house::*;
use crate::support::*;
use ledger::federation::Parcel;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A post that repeats, reorders and delays: everything ever given to it may come again.
struct Post {
    random: TestRng,
    pool: Vec<(usize, Parcel)>,
}

impl Post {
    async fn collect(&mut self, house: &House) {
        for (from, to) in [(A, CENTRE), (B, CENTRE), (CENTRE, A), (CENTRE, B)] {
            for parcel in house.waiting(from, to).await {
                if !self.pool.contains(&(to, parcel.clone())) {
                    self.pool.push((to, parcel));
                }
            }
        }
    }

    async fn carry_some(&mut self, house: &House, most: usize) {
        self.collect(house).await;
        for _ in 0..most {
            if self.pool.is_empty() {
                return;
            }
            let which = self.random.next_u32() as usize % self.pool.len();
            let (to, parcel) = self.pool[which].clone();
            let from = house
                .offices
                .iter()
                .position(|office| office.code == parcel.from);
            let taken = house.ledger(to).deliver(parcel, house.now).await.unwrap();
            // The acknowledgement may be lost as well.
            if self.random.next_u32().is_multiple_of(2) {
                let (from, by) = (from.unwrap(), house.code(to));
                house.ledger(from).delivered(&by, taken).await.unwrap();
            }
        }
        for gateway in [A, B] {
            if self.random.next_u32().is_multiple_of(3) {
                house.copy(gateway).await;
            }
        }
    }
}

async fn play(seed: u64, shuffled: bool) -> Vec<(u64, u64)> {
    let mut house = House::new().await;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut post = Post {
        random: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
        pool: Vec::new(),
    };
    let mut purses = Vec::new();
    for (office, thing) in [(A, 11), (A, 12), (B, 13), (B, 14)] {
        purses.push((office, house.payer(office, thing, 1_000).await));
    }
    for step in 0..12u64 {
        let (from, to) = ((step % 4) as usize, ((step * 3 + 1) % 4) as usize);
        if from == to {
            continue;
        }
        let payee = purses[to].1.clone();
        let signed = purses[from].1.pay(&payee.code, 20 + step);
        let (home, there) = (purses[from].0, purses[to].0);
        // Both sides hand in, each at its own gateway.
        house.hand_in(home, &signed, None).await.unwrap();
        house.hand_in(there, &signed, Some(&payee)).await.unwrap();
        match shuffled {
            true => post.carry_some(&house, 9).await,
            false => house.calm().await,
        }
        house.assert_sound().await;
        if step == 5 {
            let moves = house.moves(&purses[1].1, A, B, 2);
            house
                .ledger(A)
                .move_home(&moves, &[], house.now)
                .await
                .unwrap();
        }
    }
    if shuffled {
        for _ in 0..20 {
            post.carry_some(&house, 20).await;
        }
    }
    house.calm().await;
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    house.assert_settled().await;
    let mut balances = Vec::new();
    for (_, purse) in &purses {
        let mut sum = 0;
        for office in [A, B] {
            let (free, reserved) = held(house.ledger(office), purse).await;
            sum += free + reserved;
        }
        balances.push((u64::from(purse.seed), sum));
    }
    balances
}

#[test]
fn letters_in_any_order_twice_and_late_lead_to_the_same_balances() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let expected = runtime.block_on(play(0, false));
    let config = Config {
        cases: 6,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&any::<u64>(), |seed| {
            prop_assert_eq!(&runtime.block_on(play(seed, true)), &expected);
            Ok(())
        })
        .unwrap();
}
