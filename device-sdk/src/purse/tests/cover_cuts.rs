//! The power goes before and after every single journal operation while a shop with no limit of its
//! own spends what it was just paid, by the piece and by the unit, gives change, and settles; and
//! again while a purse comes back.

use super::super::{Event, InvoiceOrder, Seed};
use super::covers::payment_of;
use super::cuts::{Keep, Reopened, Scenario};
use super::*;
use protocol::objects::Asked;

const PURSES: usize = 3;
const CAR: usize = 0;
const SHOP: usize = 1;
const DEALER: usize = 2;
const UNIT: u64 = 3;

type Middling = Purse<Recorder, Disk, 6, 2>;

/// Three purses that are opened again whenever their journal fails, and everything they promised.
struct Stage {
    world: World,
    things: [Thing; PURSES],
    purses: [Option<Middling>; PURSES],
    /// Each attempt brings another seed and comes at another time.
    attempt: u8,
    /// Evidence let out, by payer and what it answers.
    paid: BTreeMap<(usize, Reference), Vec<u8>>,
    /// Answers let out, by payment.
    answers: BTreeMap<Digest, Vec<u8>>,
    /// What was taken, by payee: acknowledged payments and units.
    taken: BTreeMap<(usize, Digest), u64>,
    /// Units of streams that were shown as covers.
    used: BTreeMap<Digest, u32>,
}

impl Stage {
    fn new(keep: Keep, cuts: &[cuts::At]) -> Self {
        let world = World::new();
        let things = cuts::things(&world, keep, cuts);
        Self {
            world,
            things,
            purses: [None, None, None],
            attempt: 0,
            paid: BTreeMap::new(),
            answers: BTreeMap::new(),
            taken: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    fn let_out(&mut self, at: usize, evidence: &[u8]) {
        let (_, payment) = payment_of(evidence);
        let place = (at, payment.reference);
        let known = self.paid.entry(place).or_insert(evidence.to_vec());
        assert_eq!(known, evidence, "another payment for the same order");
        if let Ok(Message::Covered { items, .. }) = Message::read(evidence) {
            for item in Items::read(items).unwrap().iter() {
                if let Some((units, _)) = item.released {
                    let id = open::<Payment>(item.payment, &network()).unwrap().id();
                    let used = self.used.entry(id).or_default();
                    *used = units.max(*used);
                }
            }
        }
    }

    fn pay(&mut self, from: usize, to: usize, value: u64, number: u8) -> Vec<u8> {
        let order = order(self.things[to].code, value, number);
        let covers_for = self.with(to, |purse, _| Ok(purse.covers_for(usd(), NOW)));
        let pay = |purse: &mut Middling, _: u8| {
            bytes(|out| purse.pay_spendable(&order, covers_for.unwrap(), NOW, out))
        };
        let evidence = self.with(from, pay);
        self.let_out(from, &evidence);
        let again = self.with(from, pay);
        self.let_out(from, &again);
        evidence
    }

    fn accept(&mut self, at: usize, evidence: &[u8]) -> Vec<u8> {
        let (id, payment) = payment_of(evidence);
        for _ in 0..2 {
            let answer = self.with(at, |purse, attempt| {
                let now = NOW.plus_s(u32::from(attempt));
                bytes(|out| purse.accept(evidence, None, now, out))
            });
            if payment.stream.is_none() {
                self.taken.insert((at, id), payment.amount.get());
            }
            let known = self.answers.entry(id).or_insert(answer.clone());
            assert_eq!(*known, answer, "another answer");
        }
        self.answers[&id].clone()
    }

    fn hear(&mut self, at: usize, message: &[u8]) -> Event {
        self.with(at, |purse, _| purse.receive(message, NOW));
        self.with(at, |purse, _| purse.receive(message, NOW))
    }

    fn exchange(&mut self, from: usize, to: usize, value: u64, number: u8) -> Digest {
        let evidence = self.pay(from, to, value, number);
        let receipt = self.accept(to, &evidence);
        self.hear(from, &receipt);
        payment_of(&evidence).0
    }

    /// The shop asks the car for a stream.
    fn stream(&mut self) -> Digest {
        let asked = InvoiceOrder {
            currency: usd(),
            asked: Asked::Units {
                unit: amount(UNIT),
                most: 20,
            },
            reference: reference(99),
            expires: NOW.plus_s(600),
            least_class: AssuranceClass::Software,
        };
        let invoice = self.with(SHOP, |purse, attempt| {
            bytes(|out| purse.invoice(&asked, u64::from(attempt), NOW, out))
        });
        let evidence = self.with(CAR, |purse, attempt| {
            let offer = purse.show_owner(&invoice, NOW)?;
            let seed = Some(Seed(Digest([attempt; 32])));
            bytes(|out| purse.pay_invoice(&offer, seed, NOW, out))
        });
        self.let_out(CAR, &evidence);
        self.accept(SHOP, &evidence);
        payment_of(&evidence).0
    }

    fn move_units(&mut self, stream: Digest, units: u32) {
        let message = self.with(CAR, |purse, _| {
            bytes(|out| purse.release(stream, units, out))
        });
        self.with(SHOP, |purse, _| purse.take_unit(&message));
        self.taken.insert((SHOP, stream), u64::from(units) * UNIT);
    }

    fn pay_back(&mut self, payment: Digest, value: u64) {
        let back = |purse: &mut Middling, _: u8| {
            bytes(|out| purse.pay_back(payment, amount(value), NOW, out))
        };
        let change = self.with(SHOP, back);
        self.let_out(SHOP, &change);
        let again = self.with(SHOP, back);
        self.let_out(SHOP, &again);
        let receipt = self.accept(CAR, &change);
        self.hear(SHOP, &receipt);
    }

    fn close(&mut self, stream: Digest) {
        let receipt = self.with(SHOP, |purse, attempt| {
            let now = NOW.plus_s(u32::from(attempt));
            bytes(|out| purse.close_stream(stream, now, out))
        });
        let heard = self.hear(CAR, &receipt);
        let Event::Closed { units, .. } = heard else {
            panic!("not closed: {heard:?}");
        };
        assert!(units >= self.used[&stream], "closed below what it covered");
    }

    /// Hands everything in; every side hears of it, twice.
    fn synchronise(&mut self, at: usize) {
        for message in self.with(at, |purse, _| handed_in(purse)) {
            let statement = self.world.settle(&message);
            for to in 0..PURSES {
                self.hear(to, &statement);
            }
        }
    }

    fn here(&mut self, at: usize) -> u64 {
        self.with(at, |purse, _| Ok(purse.spendable_here(usd(), NOW).get()))
    }

    fn play(&mut self) {
        let (issuer, gateway) = (
            self.world.issuer_pass.clone(),
            self.world.gateway_pass.clone(),
        );
        for (at, limit) in [(CAR, 1_000), (SHOP, 0), (DEALER, 0)] {
            self.with(at, |purse, _| purse.trust_gateway(&issuer, &gateway, NOW));
            let allowance = Allowance {
                hops: Some(2),
                ..self.world.allowance(&self.things[at], limit)
            };
            let grant = self.world.grant(&allowance);
            self.hear(at, &grant);
        }
        // Spent in two parts, the second of which shows the cover again.
        let paid = self.exchange(CAR, SHOP, 100, 1);
        self.exchange(SHOP, DEALER, 60, 2);
        self.exchange(SHOP, DEALER, 15, 3);
        self.pay_back(paid, 5);
        assert_eq!(self.here(SHOP), 20);
        // By the unit, used while it runs and after it is closed.
        let stream = self.stream();
        self.move_units(stream, 4);
        self.exchange(SHOP, DEALER, 30, 4);
        self.move_units(stream, 6);
        self.synchronise(DEALER);
        self.exchange(SHOP, DEALER, 5, 5);
        self.close(stream);
        assert_eq!(self.here(SHOP), 3);
        self.synchronise(SHOP);
        assert_eq!(self.here(SHOP), 0, "settled, and nothing else was left");
        // Under a new allowance it goes on.
        let renewal = self.with(SHOP, |purse, _| {
            bytes(|out| purse.renewal(usd(), amount(10), NOW, out))
        });
        let grant = self.world.renew(&self.things[SHOP], &renewal);
        self.hear(SHOP, &grant);
        self.exchange(SHOP, DEALER, 10, 6);
        for at in 0..PURSES {
            self.synchronise(at);
        }
        for at in 0..PURSES {
            self.purses[at] = None;
            self.with(at, |_, _| Ok(()));
        }
    }

    /// Whatever was cut, the end is the same.
    fn ends_well(&mut self) {
        let totals = [CAR, SHOP, DEALER].map(|at| {
            let totals = self.with(at, |purse, _| Ok(purse.totals(usd())));
            let settled = totals.received_settled;
            assert_eq!(totals.received_unsettled, AmountMinor::ZERO, "purse {at}");
            (totals.paid_out.get(), settled.get())
        });
        assert_eq!(totals, [(100 + 60, 5), (125, 118), (0, 120)]);
        for at in 0..PURSES {
            let left = self.with(at, |purse, _| handed_in(purse));
            assert_eq!(left, Vec::<Vec<u8>>::new(), "purse {at}");
            let signed = &self.things[at].signed;
            assert_eq!(signed.assert_one_content_per_sequence(), [2, 6, 0][at]);
            signed.assert_one_last_word_per_payment();
        }
        for evidence in self.paid.values() {
            let (id, payment) = payment_of(evidence);
            let (outcome, settled) = &self.world.outcomes[&id];
            assert_eq!((*outcome, settled), (Status::Settled, &payment));
        }
        // Nothing but what is needed is left: an interrupted clean-up is made up for.
        let left = [CAR, SHOP, DEALER].map(|at| self.things[at].disk.len());
        assert_eq!(left, LEFT);
    }
}

impl Scenario<6, 2> for Stage {
    fn reopened(&mut self) -> Reopened<'_, 6, 2> {
        Reopened {
            things: &self.things,
            purses: &mut self.purses,
            attempt: &mut self.attempt,
            trust: self.world.trust,
        }
    }

    fn keeps_its_word(&mut self, at: usize, purse: &mut Middling) {
        let totals = purse.totals(usd());
        let paid = self.paid.iter().filter(|((payer, _), _)| *payer == at);
        let paid = paid.map(|(_, evidence)| payment_of(evidence).1.amount.get());
        assert!(totals.paid_out.get() >= paid.sum::<u64>(), "purse {at}");
        let taken = self.taken.iter().filter(|((payee, _), _)| *payee == at);
        let taken: u64 = taken.map(|(_, amount)| amount).sum();
        let received = totals.received_settled.get() + totals.received_unsettled.get();
        assert!(received >= taken, "purse {at} lost what it took");
    }
}

/// Records at the end, of payments, their receipts and marks for the most part.
const LEFT: [usize; PURSES] = [11, 23, 6];

fn run(keep: Keep, cuts: &[cuts::At]) -> Stage {
    let mut stage = Stage::new(keep, cuts);
    stage.play();
    stage.ends_well();
    stage
}

fn operations(keep: Keep) -> Vec<usize> {
    cuts::operations(&run(keep, &[]).things)
}

#[test]
fn nothing_spent_on_is_lost_or_doubled_whatever_flash_is_doing_when_the_power_goes() {
    cuts::on_flash(|cuts| run(Keep::OnFlash, cuts).things);
}

#[test]
fn nothing_spent_on_is_lost_doubled_or_contradicted_wherever_the_power_is_cut_once() {
    let operations = operations(Keep::InMemory);
    assert!(operations.iter().sum::<usize>() > 90, "{operations:?}");
    cuts::everywhere(operations, |cut| {
        run(Keep::InMemory, &[cut]).things[cut.0]
            .disk
            .0
            .borrow()
            .cut
    });
}

#[test]
fn nothing_spent_on_is_lost_doubled_or_contradicted_when_the_power_goes_again_during_recovery() {
    let operations = operations(Keep::InMemory);
    cuts::everywhere_twice(operations, |cuts| drop(run(Keep::InMemory, &cuts)));
}
