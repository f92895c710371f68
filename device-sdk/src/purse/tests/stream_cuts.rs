//! The power goes before and after every single journal operation while a car is asked for money,
//! pays by the unit, is declined and hears what came back; and again while a purse comes back.

use super::super::{Event, InvoiceOrder, Seed, StandingRules, StreamOrder};
use super::cuts::{Keep, Reopened, Scenario};
use super::*;
use protocol::objects::Asked;

const PURSES: usize = 2;
const CAR: usize = 0;
const CHARGER: usize = 1;
const UNIT: u64 = 3;
const COUNT: u32 = 20;

/// A car and a charger that are opened again whenever their journal fails, and what they promised.
struct Stage {
    world: World,
    things: [Thing; PURSES],
    purses: [Option<Small>; PURSES],
    /// Each attempt brings another seed and comes at another time.
    attempt: u8,
    /// Evidence let out.
    paid: BTreeMap<Reference, Vec<u8>>,
    approved: u64,
    /// Units let out, by stream, and units acknowledged.
    released: BTreeMap<Digest, u32>,
    taken: BTreeMap<Digest, u32>,
    closed: Vec<Digest>,
}

impl Stage {
    fn new(keep: Keep, cuts: &[cuts::At]) -> Self {
        let world = World::new();
        let things = cuts::things(&world, keep, cuts);
        Self {
            world,
            things,
            purses: [None, None],
            attempt: 0,
            paid: BTreeMap::new(),
            approved: 0,
            released: BTreeMap::new(),
            taken: BTreeMap::new(),
            closed: Vec::new(),
        }
    }

    fn invoice(&mut self, order: InvoiceOrder) -> Vec<u8> {
        let ask = |purse: &mut Small, attempt| {
            bytes(|out| purse.invoice(&order, u64::from(attempt), NOW, out))
        };
        let invoice = self.with(CHARGER, ask);
        assert_eq!(self.with(CHARGER, ask), invoice, "while it is open");
        invoice
    }

    /// Considers and pays, twice.
    fn answer(&mut self, invoice: &[u8], units: u32) -> Vec<u8> {
        let mut evidence = Vec::new();
        for _ in 0..2 {
            evidence = self.with(CAR, |purse, attempt| {
                let offer = purse.consider(invoice, NOW)?.at_most(units);
                let seed = Some(Seed(Digest([attempt; 32])));
                bytes(|out| purse.pay_invoice(&offer, seed, NOW, out))
            });
            self.let_out(&evidence);
        }
        self.approved += payment_of(&evidence).1.amount.get();
        evidence
    }

    fn let_out(&mut self, evidence: &[u8]) {
        let reference = payment_of(evidence).1.reference;
        let known = self.paid.entry(reference).or_insert(evidence.to_vec());
        assert_eq!(known, evidence, "another payment for the same order");
    }

    fn pay(&mut self, value: u64, number: u8) -> Vec<u8> {
        let order = order(self.things[CHARGER].code, value, number);
        let evidence = self.with(CAR, |purse, _| bytes(|out| purse.pay(&order, NOW, out)));
        self.let_out(&evidence);
        evidence
    }

    fn accept(&mut self, evidence: &[u8]) -> Vec<u8> {
        let accept = |purse: &mut Small, attempt: u8| {
            let now = NOW.plus_s(u32::from(attempt));
            bytes(|out| purse.accept(evidence, None, now, out))
        };
        let answer = self.with(CHARGER, accept);
        assert_eq!(self.with(CHARGER, accept), answer, "another answer");
        answer
    }

    fn hear(&mut self, at: usize, message: &[u8]) -> Event {
        self.with(at, |purse, _| purse.receive(message, NOW));
        // Known from now on, so the second time it says the same or nothing new.
        self.with(at, |purse, _| purse.receive(message, NOW))
    }

    fn move_units(&mut self, payment: Digest, units: u32) {
        let release = |purse: &mut Small, _| bytes(|out| purse.release(payment, units, out));
        let message = self.with(CAR, release);
        self.released.insert(payment, units);
        assert_eq!(self.with(CAR, release), message, "another value");
        for _ in 0..2 {
            let taken = self.with(CHARGER, |purse, _| purse.take_unit(&message));
            assert_eq!((taken.payment, taken.units), (payment, units));
            self.taken.insert(payment, units);
        }
    }

    fn close(&mut self, payment: Digest) {
        let close = |purse: &mut Small, attempt: u8| {
            let now = NOW.plus_s(u32::from(attempt));
            bytes(|out| purse.close_stream(payment, now, out))
        };
        let receipt = self.with(CHARGER, close);
        assert_eq!(self.with(CHARGER, close), receipt, "another receipt");
        self.closed.push(payment);
        let units = self.taken.get(&payment).copied().unwrap_or_default();
        let heard = self.hear(CAR, &receipt);
        assert_eq!(heard, Event::Closed { payment, units });
    }

    /// Hands everything in; both sides hear of it, twice.
    fn synchronise(&mut self, at: usize) {
        for message in self.with(at, |purse, _| handed_in(purse)) {
            let statement = self.world.settle(&message);
            self.hear(CAR, &statement);
            self.hear(CHARGER, &statement);
        }
    }

    fn play(&mut self) {
        let (issuer, gateway) = (
            self.world.issuer_pass.clone(),
            self.world.gateway_pass.clone(),
        );
        for at in [CAR, CHARGER] {
            self.with(at, |purse, _| purse.trust_gateway(&issuer, &gateway, NOW));
        }
        let allowance = self.world.allowance(&self.things[CAR], 1_000);
        let grant = self.world.grant(&allowance);
        self.hear(CAR, &grant);
        let rules = StandingRules::up_to(amount(500), &[Kind::Device]);
        self.with(CAR, |purse, _| purse.set_rules(usd(), &rules));

        // Asked for a stream: released, skipped, claimed in part, released again.
        let asked = InvoiceOrder {
            currency: usd(),
            asked: Asked::Units {
                unit: amount(UNIT),
                most: 1_000,
            },
            reference: reference(1),
            expires: NOW.plus_s(600),
            least_class: AssuranceClass::Software,
        };
        let invoice = self.invoice(asked);
        let evidence = self.answer(&invoice, COUNT);
        let ready = self.accept(&evidence);
        let first = payment_of(&evidence).0;
        assert_eq!(self.hear(CAR, &ready), Event::Ready { payment: first });
        self.move_units(first, 1);
        self.move_units(first, 2);
        self.move_units(first, 5);
        self.synchronise(CHARGER);
        self.move_units(first, 7);

        // Asked for one amount in between, and a payment nobody wanted.
        let asked = InvoiceOrder {
            asked: Asked::Amount(amount(40)),
            reference: reference(2),
            ..asked
        };
        let invoice = self.invoice(asked);
        let evidence = self.answer(&invoice, 1);
        let receipt = self.accept(&evidence);
        self.hear(CAR, &receipt);
        let unwanted = self.pay(11, 3);
        let decline = |purse: &mut Small, attempt: u8| {
            let now = NOW.plus_s(u32::from(attempt));
            bytes(|out| purse.decline(&unwanted, Status::WrongReference, now, out))
        };
        let no = self.with(CHARGER, decline);
        assert_eq!(self.with(CHARGER, decline), no, "another decline");
        let heard = self.hear(CAR, &no);
        assert!(matches!(heard, Event::Declined { .. }));

        // A second stream beside the first, of which nothing is used.
        let order = StreamOrder {
            payee: self.things[CHARGER].code,
            currency: usd(),
            unit: amount(UNIT),
            count: 4,
            reference: reference(4),
        };
        let evidence = self.with(CAR, |purse, attempt| {
            let seed = Seed(Digest([attempt; 32]));
            bytes(|out| purse.pay_stream(&order, seed, NOW, out))
        });
        self.let_out(&evidence);
        self.accept(&evidence);
        let second = payment_of(&evidence).0;
        self.close(second);
        self.synchronise(CAR);
        self.move_units(first, 9);
        self.close(first);
        self.synchronise(CHARGER);
        self.synchronise(CAR);

        // More payments than places in the outbox: what came back is summed up.
        for number in 5..=9 {
            let evidence = self.pay(2, number);
            let receipt = self.accept(&evidence);
            self.hear(CAR, &receipt);
            self.synchronise(CAR);
        }
        for at in [CAR, CHARGER] {
            self.purses[at] = None;
            self.with(at, |_, _| Ok(()));
        }
    }

    /// Whatever was cut, the end is the same.
    fn ends_well(&mut self) {
        let payee = self.things[CHARGER].code;
        let car = self.with(CAR, |purse, _| Ok(purse.totals(usd())));
        let whole = u64::from(COUNT) * UNIT + 40 + 11 + 4 * UNIT + 5 * 2;
        let used = 9 * UNIT + 40 + 5 * 2;
        assert_eq!(car.paid_out.get(), whole);
        assert_eq!(car.spendable.get(), 1_000 - whole);
        assert_eq!(car.returned.get(), whole - used);
        let today = self.with(CAR, |purse, _| {
            Ok(purse.approved_today(usd(), payee, NOW).to_payee)
        });
        assert_eq!(today.get(), u64::from(COUNT) * UNIT + 40);
        let charger = self.with(CHARGER, |purse, _| Ok(purse.totals(usd())));
        assert_eq!(charger.received_settled.get(), used);
        assert_eq!(charger.received_unsettled, AmountMinor::ZERO);
        for at in [CAR, CHARGER] {
            let left = self.with(at, |purse, _| handed_in(purse));
            assert_eq!(left, Vec::<Vec<u8>>::new());
        }
        let signed = &self.things[CAR].signed;
        assert_eq!(signed.assert_one_content_per_sequence(), 9);
        let signed = &self.things[CHARGER].signed;
        assert_eq!(signed.assert_one_last_word_per_payment(), 3);
        // Nothing but what is needed is left: an interrupted clean-up is made up for.
        let left = [CAR, CHARGER].map(|at| self.things[at].disk.len());
        // The car: owner, gateway, allowance, rules, sum of the day, tally, and four payments with
        // receipt and mark. The charger: owner, gateway, tally, the newest payment and its mark, two
        // invoices that are paid, one decline.
        assert_eq!(left, [18, 8]);
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
        if at == CAR {
            let paid = self.paid.values().map(|e| payment_of(e).1.amount.get());
            assert!(totals.paid_out.get() >= paid.sum::<u64>());
            let today = purse.approved_today(usd(), self.things[CHARGER].code, NOW);
            assert!(today.in_all.get() >= self.approved);
            for stream in purse.releasing() {
                let released = self.released.get(&stream.payment);
                assert!(stream.units >= released.copied().unwrap_or_default());
            }
            for payment in self.released.keys() {
                let open = purse.releasing().any(|stream| stream.payment == *payment);
                assert!(open || self.closed.contains(payment));
            }
        } else {
            let received = totals.received_settled.get() + totals.received_unsettled.get();
            let units: u32 = self.taken.values().sum();
            assert!(received >= u64::from(units) * UNIT, "units were lost");
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
fn no_unit_is_lost_or_doubled_whatever_flash_is_doing_when_the_power_goes() {
    cuts::on_flash(|cuts| run(Keep::OnFlash, cuts).things);
}

#[test]
fn no_unit_receipt_or_sum_is_lost_or_doubled_wherever_the_power_is_cut_once() {
    let operations = operations(Keep::InMemory);
    assert!(operations.iter().sum::<usize>() > 120, "{operations:?}");
    cuts::everywhere(operations, |cut| {
        run(Keep::InMemory, &[cut]).things[cut.0]
            .disk
            .0
            .borrow()
            .cut
    });
}

#[test]
fn no_unit_receipt_or_sum_is_lost_or_doubled_when_the_power_goes_again_during_recovery() {
    let operations = operations(Keep::InMemory);
    cuts::everywhere_twice(operations, |cuts| drop(run(Keep::InMemory, &cuts)));
}
