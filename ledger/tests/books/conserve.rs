use crate::support::*;
use ledger::Ledger;
use proptest::prelude::*;
use protocol::Status;
use protocol::objects::Renewal;

/// What may happen in a small world of three purses.
#[derive(Clone, Debug)]
enum Act {
    Load {
        who: usize,
        minor: u64,
    },
    Redeem {
        who: usize,
        minor: u64,
    },
    Renew {
        who: usize,
        wanted: u64,
    },
    /// Signs a payment and keeps it for later.
    Pay {
        who: usize,
        to: usize,
        minor: u64,
        forked: bool,
    },
    /// Hands in one of the signed payments, maybe again.
    HandIn {
        which: usize,
        receipt: bool,
    },
    /// Time goes on.
    Wait {
        seconds: u32,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3usize;
    prop_oneof![
        1 => (who.clone(), 0..2_000u64).prop_map(|(who, minor)| Act::Load { who, minor }),
        1 => (who.clone(), 0..500u64).prop_map(|(who, minor)| Act::Redeem { who, minor }),
        3 => (who.clone(), 0..1_500u64).prop_map(|(who, wanted)| Act::Renew { who, wanted }),
        5 => (who.clone(), who, 1..400u64, prop::bool::weighted(0.1))
            .prop_map(|(who, to, minor, forked)| Act::Pay { who, to, minor, forked }),
        8 => (any::<usize>(), any::<bool>())
            .prop_map(|(which, receipt)| Act::HandIn { which, receipt }),
        1 => (0..2 * LIFE_S).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

struct Play {
    ledger: Ledger,
    world: World,
    purses: Vec<Purse>,
    signed: Vec<(Signed, usize)>,
    now: protocol::Timestamp,
    orders: u32,
}

impl Play {
    async fn act(&mut self, act: &Act) -> Result<(), Status> {
        self.orders += 1;
        let key = self.orders.to_string();
        match *act {
            Act::Load { who, minor } => {
                let order = order(&self.purses[who], minor, &key);
                self.ledger.load(order, self.now).await.map(|_| ())
            }
            Act::Redeem { who, minor } => {
                let order = order(&self.purses[who], minor, &key);
                self.ledger.redeem(order, self.now).await.map(|_| ())
            }
            Act::Renew { who, wanted } => {
                let purse = &mut self.purses[who];
                let renewal = *purse.renewal(usd(), wanted, self.now).get();
                let renewal = purse.signed_renewal(&Renewal {
                    wanted: amount(wanted),
                    ..renewal
                });
                let grant = self.ledger.renew(renewal, self.now).await?;
                purse.take(&grant);
                Ok(())
            }
            Act::Pay {
                who,
                to,
                minor,
                forked,
            } => {
                let payee = self.purses[to].code;
                if !self.purses[who].allowances.contains_key(usd().as_bytes()) {
                    return Err(Status::NoAllowance);
                }
                let mut purse = self.purses[who].clone();
                let signed = purse.pay(&payee, minor);
                signed.try_evidence()?;
                self.signed.push((signed, to));
                if !forked {
                    self.purses[who] = purse;
                }
                Ok(())
            }
            Act::HandIn { which, receipt } => {
                let Some((signed, to)) = self.signed.get(which % self.signed.len().max(1)) else {
                    return Ok(());
                };
                let receipt = receipt.then(|| self.purses[*to].receipt(signed));
                let answer = self
                    .ledger
                    .hand_in(signed.evidence(), receipt.clone(), self.now);
                let answer = answer.await?;
                let again = self
                    .ledger
                    .hand_in(signed.evidence(), receipt, self.now)
                    .await?;
                assert_eq!(answer.message, again.message);
                self.world.outcome(&answer);
                Ok(())
            }
            Act::Wait { seconds } => {
                self.now = self.now.plus_s(seconds);
                Ok(())
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_at_every_step(acts in prop::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, world, ledger) = house().await;
            let mut purses = Vec::new();
            for seed in [21, 22, 23] {
                let mut purse = Purse::register(&ledger, &world, seed).await;
                ledger.load(order(&purse, 1_000, &format!("first of {seed}")), NOW).await.unwrap();
                purse.renew(&ledger, 800, NOW).await;
                purses.push(purse);
            }
            let mut play = Play { ledger, world, purses, signed: Vec::new(), now: NOW, orders: 0 };
            for act in &acts {
                let before = play.ledger.journal().await.unwrap();
                if let Err(status) = play.act(act).await {
                    // A refusal is never a failure of the store, and changes nothing.
                    assert_ne!(status, Status::Storage, "{act:?}");
                    assert_eq!(play.ledger.journal().await.unwrap(), before);
                }
                for currency in play.ledger.conservation().await.unwrap() {
                    assert!(currency.holds, "{act:?}: {currency:?}");
                }
            }
            // Whatever happened, the books are whole, and open again.
            play.ledger.verify().await.unwrap();
            play.ledger.close().await;
            play.world.open().await.verify().await.unwrap();
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_hand_in_changes_no_final_balance(
        payments in prop::collection::vec((0..3usize, 1..3usize, 1..200u64), 1..12),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, world, ledger) = house().await;
            let mut purses = Vec::new();
            let mut expected = vec![(0, 2_400); 3];
            for seed in [21, 22, 23] {
                let mut purse = Purse::register(&ledger, &world, seed).await;
                ledger.load(support_order(&purse), NOW).await.unwrap();
                purse.renew(&ledger, 2_400, NOW).await;
                purses.push(purse);
            }
            let mut signed = Vec::new();
            for (who, step, minor) in payments {
                let to = (who + step) % 3;
                let payee = purses[to].code;
                signed.push((purses[who].pay(&payee, minor), to));
                expected[who].1 -= minor;
                expected[to].0 += minor;
            }
            // Some in any order and from either side, again and again; then all that is left.
            for (which, receipt) in order {
                let (payment, to) = which.get(&signed);
                let receipt = receipt.then(|| purses[*to].receipt(payment));
                ledger.hand_in(payment.evidence(), receipt, NOW).await.unwrap();
            }
            for (payment, to) in &signed {
                let receipt = purses[*to].receipt(payment);
                let answer = ledger.hand_in(payment.evidence(), Some(receipt), NOW).await.unwrap();
                assert_eq!(world.outcome(&answer), Status::Settled);
            }
            for (purse, expected) in purses.iter().zip(expected) {
                assert_eq!(held(&ledger, purse).await, expected);
            }
            assert_sound(&ledger).await;
        });
    }
}

fn support_order(purse: &Purse) -> ledger::LoadOrder {
    order(purse, 2_400, &purse.seed.to_string())
}
