//! The power goes before and after every single journal operation of a whole scenario, and again
//! while the purse comes back.

use super::super::Event;
use super::cuts::{Keep, Reopened, Scenario};
use super::*;
use protocol::rules::Expected;

const PURSES: usize = 3;
const CAR: usize = 0;
const CHARGER: usize = 1;
const OTHER: usize = 2;

/// Three purses that are opened again whenever their journal fails, and everything they promised.
struct Stage {
    world: World,
    things: [Thing; PURSES],
    purses: [Option<Small>; PURSES],
    attempt: u8,
    /// Evidence let out, by payer and order.
    paid: BTreeMap<(usize, u8), Vec<u8>>,
    /// Receipts let out, by payment.
    receipts: BTreeMap<Digest, (u64, Vec<u8>)>,
    /// Statements of which the purse said that it took note.
    settled: [BTreeMap<Digest, u64>; PURSES],
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
            receipts: BTreeMap::new(),
            settled: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
        }
    }

    fn with<T>(&mut self, at: usize, mut act: impl FnMut(&mut Small) -> Result<T, Status>) -> T {
        Scenario::with(self, at, |purse, _| act(purse))
    }

    fn trust(&mut self, at: usize) {
        let (issuer, gateway) = (
            self.world.issuer_pass.clone(),
            self.world.gateway_pass.clone(),
        );
        self.with(at, |purse| purse.trust_gateway(&issuer, &gateway, NOW));
    }

    fn grant(&mut self, at: usize, grant: &[u8]) {
        self.with(at, |purse| purse.receive(grant, NOW));
        let held = self.with(at, |purse| Ok(*purse.allowance(usd()).unwrap()));
        let Ok(Message::Grant { allowance }) = Message::read(grant) else {
            panic!("not a grant");
        };
        let granted = open::<Allowance>(allowance, &network()).unwrap();
        assert_eq!(&held, granted.peek());
    }

    fn pay(&mut self, at: usize, value: u64, number: u8) -> Vec<u8> {
        let order = order(self.things[CHARGER].code, value, number);
        let evidence = self.with(at, |purse| bytes(|out| purse.pay(&order, NOW, out)));
        let known = self.paid.entry((at, number)).or_insert(evidence.clone());
        assert_eq!(*known, evidence, "another payment for the same order");
        evidence
    }

    fn accept(&mut self, evidence: &[u8], expected: Option<Expected>) -> Vec<u8> {
        // Each attempt comes at another time; only the first that was kept may show.
        let mut now = NOW;
        let receipt = self.with(CHARGER, |purse| {
            now = now.plus_s(1);
            bytes(|out| purse.accept(evidence, expected, now, out))
        });
        let (id, payment) = payment_of(evidence);
        let kept = (payment.amount.get(), receipt.clone());
        let known = self.receipts.entry(id).or_insert(kept);
        assert_eq!(known.1, receipt, "another receipt for the same payment");
        receipt
    }

    /// Payer, wire and payee, and both sides of it twice.
    fn exchange(&mut self, payer: usize, value: u64, number: u8, expected: Option<Expected>) {
        self.pay(payer, value, number);
        let evidence = self.pay(payer, value, number);
        self.accept(&evidence, expected);
        let receipt = self.accept(&evidence, expected);
        let payment = payment_of(&evidence).0;
        for _ in 0..2 {
            let event = self.with(payer, |purse| purse.receive(&receipt, NOW));
            assert_eq!(event, Event::Receipted { payment });
        }
    }

    /// Hands everything in; every side hears of it, twice.
    fn synchronise(&mut self, at: usize) {
        for message in self.with(at, handed_in) {
            let statement = self.world.settle(&message);
            let payment = handed_payment(&message);
            let (outcome, content) = self.world.outcomes[&payment];
            for to in [at, at, CHARGER, CHARGER] {
                self.with(to, |purse| purse.receive(&statement, NOW));
                if outcome == Status::Settled {
                    self.settled[to].insert(payment, content.amount.get());
                }
            }
        }
    }

    fn play(&mut self) {
        for at in 0..PURSES {
            self.trust(at);
        }
        for at in [CAR, OTHER] {
            let allowance = self.world.allowance(&self.things[at], 1_000);
            let grant = self.world.grant(&allowance);
            self.grant(at, &grant);
        }
        // Two payments taken, the second before the first is settled; one that never arrives.
        self.exchange(CAR, 100, 1, None);
        self.exchange(CAR, 50, 2, None);
        self.pay(CAR, 7, 3);
        self.synchronise(CHARGER);
        self.synchronise(CAR);
        // The one in transit is found after all.
        let late = self.pay(CAR, 7, 3);
        let receipt = self.accept(&late, None);
        self.with(CAR, |purse| purse.receive(&receipt, NOW));
        self.synchronise(CAR);
        // A renewal whose answer comes twice; then on under the new allowance.
        let ask = |purse: &mut Small| bytes(|out| purse.renewal(usd(), amount(900), NOW, out));
        let renewal = self.with(CAR, ask);
        assert_eq!(self.with(CAR, ask), renewal);
        let grant = self.world.renew(&self.things[CAR], &renewal);
        self.grant(CAR, &grant);
        self.grant(CAR, &grant);
        // More payments than places in the outbox: settled ones make room.
        for number in 4..=7 {
            self.exchange(CAR, 10, number, None);
            self.synchronise(CAR);
        }
        // A payee with one place for payers forgets one, and later meets it again.
        let invoice = |value, number| {
            Some(Expected {
                amount: amount(value),
                reference: reference(number),
            })
        };
        self.exchange(OTHER, 20, 8, invoice(20, 8));
        self.synchronise(CHARGER);
        self.exchange(CAR, 30, 9, invoice(30, 9));
        self.synchronise(CHARGER);
        self.synchronise(CAR);
        self.synchronise(OTHER);
        for at in 0..PURSES {
            self.purses[at] = None;
            self.with(at, |_| Ok(()));
        }
    }

    /// Whatever was cut, the end is the same.
    fn ends_well(&mut self) {
        let totals = |stage: &mut Self, at| stage.with(at, |purse| Ok(purse.totals(usd())));
        let car = totals(self, CAR);
        assert_eq!(car.paid_out.get(), 227);
        assert_eq!(car.spendable.get(), 157 + 900 - 227);
        assert_eq!(totals(self, OTHER).paid_out.get(), 20);
        let charger = totals(self, CHARGER);
        assert_eq!(charger.received_settled.get(), 247);
        assert_eq!(charger.received_unsettled, AmountMinor::ZERO);
        for at in 0..PURSES {
            assert_eq!(self.with(at, handed_in), Vec::<Vec<u8>>::new());
            let payments = [8, 0, 1][at];
            let signed = self.things[at].signed.assert_one_content_per_sequence();
            assert_eq!(signed, payments, "purse {at}");
        }
        for ((payer, number), evidence) in &self.paid {
            let (id, payment) = payment_of(evidence);
            let (outcome, settled) = &self.world.outcomes[&id];
            assert_eq!(
                (*outcome, settled),
                (Status::Settled, &payment),
                "{payer} {number}"
            );
        }
        // Nothing but what is needed is left: an interrupted clean-up is made up for.
        let left = [CAR, CHARGER, OTHER].map(|at| self.things[at].disk.len());
        assert_eq!(left, [15, 6, 6]);
    }
}

impl Scenario<4, 1> for Stage {
    fn reopened(&mut self) -> Reopened<'_, 4, 1> {
        Reopened {
            things: &self.things,
            purses: &mut self.purses,
            attempt: &mut self.attempt,
            trust: self.world.trust,
        }
    }

    fn keeps_its_word(&mut self, at: usize, purse: &mut Small) {
        let totals = purse.totals(usd());
        let paid: u64 = (self.paid.iter())
            .filter(|((payer, _), _)| *payer == at)
            .map(|(_, evidence)| payment_of(evidence).1.amount.get())
            .sum();
        assert!(totals.paid_out.get() >= paid, "purse {at} forgot a payment");
        if at == CHARGER {
            let promised: u64 = self.receipts.values().map(|(amount, _)| amount).sum();
            let received = totals.received_settled.get() + totals.received_unsettled.get();
            assert!(received >= promised, "a receipt without its money");
            let settled: u64 = self.settled[at].values().sum();
            assert!(totals.received_settled.get() >= settled);
        }
        // Whatever is not settled is still in the outbox.
        let waiting: Vec<_> = handed_in(purse)
            .unwrap()
            .iter()
            .map(|message| handed_payment(message))
            .collect();
        let mut promised: Vec<_> = (self.paid.iter())
            .filter(|((payer, _), _)| *payer == at)
            .map(|(_, evidence)| payment_of(evidence).0)
            .collect();
        if at == CHARGER {
            promised = self.receipts.keys().copied().collect();
        }
        for payment in promised {
            assert!(
                waiting.contains(&payment) || self.world.outcomes.contains_key(&payment),
                "purse {at} lost {payment}"
            );
        }
    }
}

fn payment_of(evidence: &[u8]) -> (Digest, Payment) {
    let Ok(Message::Evidence { payment, .. }) = Message::read(evidence) else {
        panic!("not evidence");
    };
    let payment = open::<Payment>(payment, &network()).unwrap();
    (payment.id(), *payment.peek())
}

fn handed_payment(message: &[u8]) -> Digest {
    let (Message::Evidence { payment, .. } | Message::Claim { payment, .. }) =
        Message::read(message).unwrap()
    else {
        panic!("nothing to hand in");
    };
    open::<Payment>(payment, &network()).unwrap().id()
}

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
fn nothing_is_lost_or_doubled_whatever_flash_is_doing_when_the_power_goes() {
    cuts::on_flash(|cuts| run(Keep::OnFlash, cuts).things);
}

#[test]
fn nothing_is_lost_or_doubled_wherever_the_power_is_cut_once() {
    let operations = operations(Keep::InMemory);
    assert!(operations.iter().sum::<usize>() > 100, "{operations:?}");
    cuts::everywhere(operations, |cut| {
        run(Keep::InMemory, &[cut]).things[cut.0]
            .disk
            .0
            .borrow()
            .cut
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_the_power_goes_again_during_recovery() {
    let operations = operations(Keep::InMemory);
    cuts::everywhere_twice(operations, |cuts| drop(run(Keep::InMemory, &cuts)));
}

#[test]
fn another_order_after_a_cut_never_takes_the_number_of_a_signed_one() {
    for when in 3..9 {
        for how in [Cut::Before, Cut::After] {
            let mut world = World::new();
            let (a, b) = (world.thing(10), world.thing(11));
            let mut car = world.funded(&a, 1_000);
            a.disk.cut_at(&[(when, how)]);
            let first = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out));
            a.disk.power_on();
            let mut car = world.roomy(&a);
            let second = bytes(|out| car.pay(&order(b.code, 200, 2), NOW, out));
            a.disk.power_on();
            let second = second.or_else(|_| {
                car = world.roomy(&a);
                bytes(|out| car.pay(&order(b.code, 200, 2), NOW, out))
            });
            let shown = handed_in(&mut car).unwrap();
            assert!(shown.contains(&second.unwrap()));
            // What was let out, or only signed, is still there.
            if let Ok(first) = first {
                assert!(shown.contains(&first));
            }
            let signed = a.signed.assert_one_content_per_sequence();
            assert_eq!(signed, shown.len(), "cut {how:?} operation {when}");
            let paid = if shown.len() == 2 { 500 } else { 200 };
            assert_eq!(car.totals(usd()).paid_out.get(), paid);
        }
    }
}
