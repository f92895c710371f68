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
    /// Signs a payment by the unit and keeps it for later.
    Stream {
        who: usize,
        to: usize,
        unit: u64,
        count: u32,
    },
    /// Hands in one of the signed payments, maybe again.
    HandIn {
        which: usize,
        word: Word,
        units: u32,
    },
    /// What is overdue goes back.
    Return,
    /// Time goes on.
    Wait {
        seconds: u32,
    },
}

/// What the payee says about a payment that is handed in.
#[derive(Clone, Copy, Debug)]
enum Word {
    Nothing,
    Takes,
    Declines,
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => Just(Word::Nothing),
        4 => Just(Word::Takes),
        1 => Just(Word::Declines),
    ]
}

/// Hands in a payment with the units released and the word of its payee.
async fn bring(
    ledger: &Ledger,
    signed: &Signed,
    payee: &Purse,
    (word, units): (Word, u32),
    now: protocol::Timestamp,
) -> Result<ledger::Answer, Status> {
    let evidence = signed.evidence();
    let stream = evidence.payment().get().stream;
    let units = stream.map_or(0, |stream| units % (stream.count + 1));
    let receipt = match (word, stream) {
        (Word::Nothing, _) => None,
        (Word::Takes, None) => Some(payee.receipt(signed)),
        (Word::Takes, Some(_)) => Some(payee.close(signed, units)),
        (Word::Declines, _) => Some(payee.decline(signed)),
    };
    match stream {
        Some(_) => {
            let released = signed.released(units);
            ledger.claim_units(evidence, released, receipt, now).await
        }
        None => ledger.hand_in(evidence, receipt, now).await,
    }
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3usize;
    prop_oneof![
        1 => (who.clone(), 0..2_000u64).prop_map(|(who, minor)| Act::Load { who, minor }),
        1 => (who.clone(), 0..500u64).prop_map(|(who, minor)| Act::Redeem { who, minor }),
        3 => (who.clone(), 0..1_500u64).prop_map(|(who, wanted)| Act::Renew { who, wanted }),
        5 => (who.clone(), who, 1..400u64, prop::bool::weighted(0.1))
            .prop_map(|(who, to, minor, forked)| Act::Pay { who, to, minor, forked }),
        3 => (0..3usize, 0..3usize, 1..20u64, 1..20u32)
            .prop_map(|(who, to, unit, count)| Act::Stream { who, to, unit, count }),
        10 => (any::<usize>(), word(), any::<u32>())
            .prop_map(|(which, word, units)| Act::HandIn { which, word, units }),
        1 => Just(Act::Return),
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
            Act::Stream {
                who,
                to,
                unit,
                count,
            } => {
                let payee = self.purses[to].code;
                if !self.purses[who].allowances.contains_key(usd().as_bytes()) {
                    return Err(Status::NoAllowance);
                }
                let mut purse = self.purses[who].clone();
                let signed = purse.stream(&payee, unit, count);
                signed.try_evidence()?;
                self.signed.push((signed, to));
                self.purses[who] = purse;
                Ok(())
            }
            Act::HandIn { which, word, units } => {
                let Some((signed, to)) = self.signed.get(which % self.signed.len().max(1)) else {
                    return Ok(());
                };
                let (ledger, payee, what) = (&self.ledger, &self.purses[*to], (word, units));
                let answer = bring(ledger, signed, payee, what, self.now).await?;
                let again = bring(ledger, signed, payee, what, self.now).await?;
                assert_eq!(answer.message, again.message);
                self.world.outcome(&answer);
                Ok(())
            }
            Act::Return => self
                .ledger
                .return_overdue(self.now, u32::MAX)
                .await
                .map(|_| ()),
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
        payments in prop::collection::vec((0..3usize, 1..3usize, 1..200u64, 0..9u32), 1..12),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<u32>()), 0..30),
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
            for (who, step, minor, count) in payments {
                let to = (who + step) % 3;
                let payee = purses[to].code;
                // Of a stream, the payee takes half and closes it; the rest is free again.
                let taken = count.div_ceil(2);
                let signed_now = match count {
                    0 => purses[who].pay(&payee, minor),
                    _ => purses[who].stream(&payee, minor.div_ceil(10), count),
                };
                let (all, got) = match count {
                    0 => (minor, minor),
                    _ => (minor.div_ceil(10) * u64::from(count), minor.div_ceil(10) * u64::from(taken)),
                };
                signed.push((signed_now, to, taken));
                expected[who].1 -= all;
                expected[who].0 += all - got;
                expected[to].0 += got;
            }
            // Some in any order and from either side, again and again; then all that is left.
            for (which, closes, units) in order {
                let (payment, to, taken) = which.get(&signed);
                let what = match closes {
                    true => (Word::Takes, *taken),
                    false => (Word::Nothing, units % (taken + 1)),
                };
                bring(&ledger, payment, &purses[*to], what, NOW).await.unwrap();
            }
            for (payment, to, taken) in &signed {
                let answer = bring(&ledger, payment, &purses[*to], (Word::Takes, *taken), NOW).await.unwrap();
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
