//! Money that was just received is spent before it is settled.

use super::super::{Event, InvoiceOrder, StandingRules};
use super::streams::SEED;
use super::*;
use protocol::covers::{COVERED_MAX, Item, Items};
use protocol::objects::Asked;

/// Things with an allowance that may be spent on `hops` times, and their purses.
pub(super) struct Town {
    pub(super) world: World,
    pub(super) things: Vec<Thing>,
    pub(super) purses: Vec<Roomy>,
    references: u8,
}

impl Town {
    /// One thing for each limit.
    pub(super) fn new(hops: u32, limits: &[u64]) -> Self {
        let mut town = Self {
            world: World::new(),
            things: Vec::new(),
            purses: Vec::new(),
            references: 0,
        };
        for (at, limit) in limits.iter().enumerate() {
            let thing = town.world.thing(30 + at as u8);
            let mut purse = town.world.roomy(&thing);
            let grant = town.granted(&thing, hops, *limit);
            purse.receive(&grant, NOW).unwrap();
            let rules = StandingRules::up_to(amount(10_000), &[Kind::Device]);
            purse.set_rules(usd(), &rules).unwrap();
            town.things.push(thing);
            town.purses.push(purse);
        }
        town
    }

    fn granted(&mut self, thing: &Thing, hops: u32, limit: u64) -> Vec<u8> {
        let allowance = Allowance {
            hops: Some(hops),
            ..self.world.allowance(thing, limit)
        };
        self.world.grant(&allowance)
    }

    pub(super) fn order(&mut self, to: usize, value: u64) -> Order {
        self.references += 1;
        order(self.things[to].code, value, self.references)
    }

    /// Pays so that the payee may spend it; nobody takes it yet.
    pub(super) fn pay(&mut self, from: usize, to: usize, value: u64) -> Result<Vec<u8>, Status> {
        let order = self.order(to, value);
        let covers_for = self.purses[to].covers_for(usd(), NOW);
        let purse = &mut self.purses[from];
        bytes(|out| match covers_for {
            Some(covers_for) => purse.pay_spendable(&order, covers_for, NOW, out),
            None => purse.pay(&order, NOW, out),
        })
    }

    pub(super) fn accept(&mut self, at: usize, evidence: &[u8]) -> Result<Vec<u8>, Status> {
        bytes(|out| self.purses[at].accept(evidence, None, NOW, out))
    }

    /// Paid, taken, and the receipt is back.
    fn exchange(&mut self, from: usize, to: usize, value: u64) -> Vec<u8> {
        let evidence = self.pay(from, to, value).unwrap();
        let receipt = self.accept(to, &evidence).unwrap();
        self.purses[from].receive(&receipt, NOW).unwrap();
        evidence
    }

    pub(super) fn reopen(&mut self, at: usize) {
        self.purses[at] = self.world.roomy(&self.things[at]);
    }

    pub(super) fn here(&self, at: usize) -> u64 {
        self.purses[at].spendable_here(usd(), NOW).get()
    }

    /// A stream by invoice, so that the payee may spend it; and some units of it.
    pub(super) fn stream(&mut self, from: usize, to: usize, units: u32) -> Digest {
        self.references += 1;
        let asked = InvoiceOrder {
            currency: usd(),
            asked: Asked::Units {
                unit: amount(3),
                most: 100,
            },
            reference: reference(self.references),
            expires: NOW.plus_s(600),
            least_class: AssuranceClass::Software,
        };
        let invoice = bytes(|out| self.purses[to].invoice(&asked, 1, NOW, out)).unwrap();
        let offer = self.purses[from].consider(&invoice, NOW).unwrap();
        let payer = &mut self.purses[from];
        let evidence = bytes(|out| payer.pay_invoice(&offer, Some(SEED), NOW, out)).unwrap();
        self.accept(to, &evidence).unwrap();
        let payment = payment_of(&evidence).0;
        self.release(from, to, payment, units);
        payment
    }

    pub(super) fn release(&mut self, from: usize, to: usize, payment: Digest, units: u32) {
        let unit = bytes(|out| self.purses[from].release(payment, units, out)).unwrap();
        self.purses[to].take_unit(&unit).unwrap();
    }
}

fn items_of(evidence: &[u8]) -> Items<'_> {
    let Ok(Message::Covered { items, .. }) = Message::read(evidence) else {
        panic!("no covers");
    };
    Items::read(items).unwrap()
}

pub(super) fn payment_of(evidence: &[u8]) -> (Digest, Payment) {
    let payment = match Message::read(evidence).unwrap() {
        Message::Evidence { payment, .. }
        | Message::Claim { payment, .. }
        | Message::StreamClaim { payment, .. } => payment,
        Message::Covered { items, .. } => Items::read(items).unwrap().last().unwrap().payment,
        other => panic!("no payment: {other:?}"),
    };
    let payment = open::<Payment>(payment, &network()).unwrap();
    (payment.id(), *payment.peek())
}

fn covers_in(evidence: &[u8]) -> usize {
    items_of(evidence).count() - 1
}

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;

#[test]
fn what_was_just_received_is_spent_before_it_is_settled() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    assert_eq!(town.pay(B, C, 60), Err(Status::AboveLimit));
    town.exchange(A, B, 100);
    let totals = town.purses[B].totals(usd());
    assert_eq!(
        (totals.spendable.get(), totals.spendable_here.get()),
        (0, 100)
    );
    assert_eq!(
        totals.received_unsettled.get(),
        100,
        "and waits for a gateway"
    );
    let evidence = town.exchange(B, C, 60);
    assert_eq!(covers_in(&evidence), 1);
    assert_eq!((town.here(B), town.here(C)), (40, 60));
    let totals = town.purses[C].totals(usd());
    assert_eq!(totals.received_unsettled.get(), 60);
    // Twice is once, on both sides and after a restart.
    for at in [B, C] {
        town.reopen(at);
    }
    let again = Order {
        reference: reference(town.references),
        ..order(town.things[C].code, 60, 1)
    };
    let shown = bytes(|out| town.purses[B].pay(&again, NOW, out)).unwrap();
    assert_eq!(shown, evidence);
    assert_eq!((town.here(B), town.here(C)), (40, 60));
    let receipt = town.accept(C, &evidence).unwrap();
    assert!(town.purses[B].receive(&receipt, NOW).is_ok());
    assert_eq!(town.purses[C].totals(usd()), totals);
}

#[test]
fn a_payment_within_the_limit_attaches_nothing() {
    let mut town = Town::new(2, &[1_000, 50, 0]);
    town.exchange(A, B, 100);
    let evidence = town.exchange(B, C, 50);
    assert!(matches!(
        Message::read(&evidence),
        Ok(Message::Evidence { .. })
    ));
    assert_eq!(town.here(B), 100);
}

#[test]
fn only_what_is_needed_is_attached_and_later_payments_attach_it_again() {
    let mut town = Town::new(2, &[1_000, 50, 0]);
    for value in [30, 10, 200, 20] {
        town.exchange(A, B, value);
    }
    let first = town.exchange(B, C, 55);
    assert_eq!(covers_in(&first), 1, "10 would do, 5 are missing");
    assert_eq!(payment_of(&first).1.odometer.get(), 55);
    // 205 are missing above the limit: the largest and one more.
    let second = town.exchange(B, C, 200);
    assert_eq!(covers_in(&second), 2);
    let third = town.exchange(B, C, 55);
    assert_eq!(covers_in(&third), 4);
    assert_eq!(town.here(B), 0);
    assert_eq!(town.pay(B, C, 1), Err(Status::AboveLimit));
}

#[test]
fn received_money_goes_on_as_often_as_every_allowance_under_it_permits() {
    let mut town = Town::new(2, &[1_000, 0, 0, 0, 0]);
    town.exchange(A, B, 100);
    town.exchange(B, C, 90);
    let evidence = town.exchange(C, D, 80);
    assert_eq!(covers_in(&evidence), 2);
    assert_eq!(town.here(D), 0, "A permits two");
    assert_eq!(town.pay(D, 4, 70), Err(Status::AboveHops));
    assert_eq!(town.pay(D, 4, 81), Err(Status::AboveLimit));
    town.reopen(D);
    assert_eq!(town.pay(D, 4, 70), Err(Status::AboveHops));
}

#[test]
fn an_allowance_without_hops_is_named_by_no_payment_and_covers_nothing() {
    let mut town = Town::new(0, &[1_000, 0, 0]);
    let evidence = town.exchange(A, B, 100);
    assert_eq!(payment_of(&evidence).1.covers_for, None);
    assert_eq!(town.here(B), 0);
    assert_eq!(town.pay(B, C, 10), Err(Status::AboveLimit));
}

#[test]
fn more_covers_than_one_evidence_holds_are_over_budget() {
    // Eight payers: each brings an allowance of its own.
    let mut limits = vec![100; 8];
    limits.extend([0, 0]);
    let mut town = Town::new(1, &limits);
    for payer in 0..8 {
        town.exchange(payer, 8, 10);
    }
    let here = town.here(8);
    assert!((40..80).contains(&here), "{here}");
    assert_eq!(town.pay(8, 9, 80), Err(Status::OverBudget));
    assert_eq!(town.pay(8, 9, 81), Err(Status::AboveLimit));
    let evidence = town.exchange(8, 9, here);
    assert!(evidence.len() <= COVERED_MAX + 8, "{}", evidence.len());
    // Of one payer the allowance comes once, so more go in.
    let mut town = Town::new(1, &[1_000, 0, 0]);
    for _ in 0..10 {
        town.exchange(A, B, 10);
    }
    assert_eq!(town.here(B), 100);
    let evidence = town.exchange(B, C, 100);
    assert_eq!(covers_in(&evidence), 10);
}

#[test]
fn under_a_new_allowance_old_covers_are_claimed_and_not_attached() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    town.exchange(A, B, 100);
    let renewal = |purse: &mut Roomy| bytes(|out| purse.renewal(usd(), amount(0), NOW, out));
    let renewal = renewal(&mut town.purses[B]).unwrap();
    let grant = town.world.renew(&town.things[B], &renewal);
    assert!(matches!(
        town.purses[B].receive(&grant, NOW),
        Ok(Event::Granted { .. })
    ));
    for _ in 0..2 {
        assert_eq!(town.here(B), 0);
        assert_eq!(town.pay(B, C, 60), Err(Status::AboveLimit));
        let handed = handed_in(&mut town.purses[B]).unwrap();
        assert!(matches!(
            Message::read(&handed[0]),
            Ok(Message::Claim { .. })
        ));
        town.reopen(B);
    }
}

#[test]
fn a_settled_payment_covers_no_more() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    town.exchange(A, B, 100);
    town.exchange(B, C, 60);
    let claim = handed_in(&mut town.purses[B]).unwrap().remove(0);
    let statement = town.world.settle(&claim);
    town.purses[B].receive(&statement, NOW).unwrap();
    assert_eq!(town.here(B), 0);
    assert_eq!(town.pay(B, C, 10), Err(Status::AboveLimit));
}

#[test]
fn a_payment_settles_no_later_than_its_covers_and_in_time() {
    let mut town = Town::new(1, &[1_000, 0, 0]);
    let soon = NOW.plus_s(2 * MARGIN_S);
    let allowance = Allowance {
        hops: Some(1),
        expires: soon,
        ..town.world.allowance(&town.things[A], 2_000)
    };
    let grant = town.world.grant(&allowance);
    town.purses[A].receive(&grant, NOW).unwrap();
    town.exchange(A, B, 100);
    let evidence = town.exchange(B, C, 10);
    assert_eq!(payment_of(&evidence).1.settle_by, soon);
    let late = NOW.plus_s(MARGIN_S + 1);
    assert_eq!(
        town.purses[B].spendable_here(usd(), late),
        AmountMinor::ZERO
    );
    let order = town.order(C, 20);
    let refused = bytes(|out| town.purses[B].pay(&order, late, out));
    assert_eq!(refused, Err(Status::AboveLimit));
}

#[test]
fn change_is_covered_by_the_payment_it_answers() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    let evidence = town.exchange(A, B, 100);
    let (paid, payment) = payment_of(&evidence);
    let back = |town: &mut Town, value: u64| {
        bytes(|out| town.purses[B].pay_back(paid, amount(value), NOW, out))
    };
    assert_eq!(back(&mut town, 101), Err(Status::AboveMost));
    let change = back(&mut town, 30).unwrap();
    assert_eq!(back(&mut town, 30), Ok(change.clone()), "given once");
    assert_eq!(back(&mut town, 31), Err(Status::WrongReference));
    let (_, content) = payment_of(&change);
    assert_eq!(content.payee, town.things[A].code);
    assert_eq!(content.reference, paid.reference());
    assert_eq!(content.covers_for, Some(payment.allowance));
    assert_eq!(covers_in(&change), 1);
    let receipt = town.accept(A, &change).unwrap();
    town.purses[B].receive(&receipt, NOW).unwrap();
    assert_eq!(town.purses[A].totals(usd()).received_unsettled.get(), 30);
    assert_eq!((town.here(A), town.here(B)), (900 + 30, 70));
    assert_eq!(
        bytes(|out| town.purses[A].pay_back(paid, amount(1), NOW, out)),
        Err(Status::AskGateway),
        "its own payment"
    );
}

#[test]
fn change_can_be_spent_at_once() {
    let mut town = Town::new(3, &[100, 0, 0]);
    let (paid, _) = payment_of(&town.exchange(A, B, 100));
    let change = bytes(|out| town.purses[B].pay_back(paid, amount(30), NOW, out)).unwrap();
    town.accept(A, &change).unwrap();
    assert_eq!(town.here(A), 30);
    let evidence = town.exchange(A, C, 25);
    // The payment, the change on it, and the new one.
    assert_eq!(covers_in(&evidence), 2);
}

#[test]
fn of_several_covers_change_takes_the_payment_it_answers() {
    let mut town = Town::new(2, &[1_000, 0, 500]);
    let (paid, _) = payment_of(&town.exchange(A, B, 100));
    town.exchange(C, B, 30);
    let change = bytes(|out| town.purses[B].pay_back(paid, amount(30), NOW, out)).unwrap();
    let items = items_of(&change);
    let cover = open::<Payment>(items.iter().next().unwrap().payment, &network()).unwrap();
    assert_eq!(cover.id(), paid);
}

#[test]
fn a_stream_covers_as_far_as_it_is_taken_and_is_never_closed_below() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    let stream = town.stream(A, B, 10);
    assert_eq!(town.here(B), 30);
    assert_eq!(town.pay(B, C, 31), Err(Status::AboveLimit));
    let first = town.exchange(B, C, 30);
    let units = |evidence: &[u8]| {
        let released = items_of(evidence).iter().next().unwrap().released;
        released.map(|(units, _)| units)
    };
    assert_eq!(units(&first), Some(10));
    town.release(A, B, stream, 15);
    town.reopen(B);
    let second = town.exchange(B, C, 9);
    assert_eq!(units(&second), Some(15));
    let receipt = bytes(|out| town.purses[B].close_stream(stream, NOW, out)).unwrap();
    let Ok(Message::Receipt { receipt, .. }) = Message::read(&receipt) else {
        panic!("no receipt");
    };
    let receipt = open::<Receipt>(receipt, &network()).unwrap();
    assert_eq!(receipt.peek().units, Some(15));
    // Closed, it covers what was taken.
    town.reopen(B);
    assert_eq!(town.here(B), 6);
    let third = town.exchange(B, C, 6);
    assert_eq!(units(&third), Some(15));
}

#[test]
fn a_stream_may_itself_stand_on_covers_and_be_spent_on() {
    let mut town = Town::new(3, &[1_000, 0, 0, 0]);
    town.exchange(A, B, 100);
    let stream = town.stream(B, C, 4);
    let handed = handed_in(&mut town.purses[C]).unwrap();
    let released = items_of(&handed[0]).last().unwrap().released;
    assert_eq!(released.map(|(units, _)| units), Some(4));
    assert_eq!(town.here(C), 12);
    let evidence = town.exchange(C, D, 12);
    assert_eq!(covers_in(&evidence), 2);
    town.reopen(C);
    let receipt = bytes(|out| town.purses[C].close_stream(stream, NOW, out)).unwrap();
    let closed = Event::Closed {
        payment: stream,
        units: 4,
    };
    assert_eq!(town.purses[B].receive(&receipt, NOW), Ok(closed));
    for at in [B, C] {
        let handed = handed_in(&mut town.purses[at]).unwrap();
        let claim = handed.iter().find(|m| payment_of(m).0 == stream).unwrap();
        let Ok(Message::Covered { receipt, .. }) = Message::read(claim) else {
            panic!("no covers");
        };
        assert!(receipt.is_some(), "purse {at}");
    }
}

/// Two evidences of B count one stream up to different units: they do not go into one.
#[test]
fn what_was_signed_for_different_units_of_one_stream_is_not_put_together() {
    let mut town = Town::new(3, &[1_000, 0, 0, 0]);
    let stream = town.stream(A, B, 10);
    town.exchange(B, C, 30);
    town.release(A, B, stream, 12);
    town.exchange(B, C, 6);
    assert_eq!(town.pay(C, D, 36), Err(Status::OverBudget));
    let evidence = town.exchange(C, D, 30);
    assert_eq!(covers_in(&evidence), 2);
}

#[test]
fn what_covered_a_payment_is_not_declined() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    let evidence = town.exchange(A, B, 100);
    town.exchange(B, C, 60);
    for _ in 0..2 {
        let declined =
            bytes(|out| town.purses[B].decline(&evidence, Status::WrongAmount, NOW, out));
        assert_eq!(declined, Err(Status::Contradiction));
        town.reopen(B);
    }
}

#[test]
fn a_payment_with_covers_can_be_declined() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    town.exchange(A, B, 100);
    let evidence = town.pay(B, C, 60).unwrap();
    let payment = payment_of(&evidence).0;
    let no = bytes(|out| town.purses[C].decline(&evidence, Status::WrongAmount, NOW, out));
    let reason = Status::WrongAmount;
    let event = town.purses[B].receive(&no.unwrap(), NOW);
    assert_eq!(event, Ok(Event::Declined { payment, reason }));
    assert_eq!(town.accept(C, &evidence), Err(Status::Declined));
    assert_eq!(town.here(B), 40, "the odometer does not run back");
}

#[test]
fn evidence_that_was_tampered_with_is_refused_and_leaves_nothing() {
    let mut town = Town::new(2, &[1_000, 0, 0, 0]);
    town.exchange(A, B, 50);
    let other = town.exchange(A, B, 100);
    let evidence = town.pay(B, C, 60).unwrap();
    let items = items_of(&evidence);
    let [cover, last] = [0, 1].map(|at| *items.iter().nth(at).unwrap());
    let before = town.purses[C].totals(usd());
    let shown = |items: &[Item<'_>]| {
        let mut out = [0; COVERED_MAX];
        let len = Items::new(items).unwrap().write(&mut out).unwrap();
        written(&Message::Covered {
            items: &out[..len],
            receipt: None,
        })
    };
    // Without its covers it is another matter.
    let bare = written(&Message::Evidence {
        allowance: last.allowance,
        payment: last.payment,
    });
    assert_eq!(town.accept(C, &bare), Err(Status::WrongCover));
    // With another payment than the one it signed for.
    let Ok(Message::Evidence { allowance, payment }) = Message::read(&other) else {
        panic!("not evidence");
    };
    let another = if payment == cover.payment {
        None
    } else {
        Some(Item {
            allowance,
            payment,
            ..cover
        })
    };
    if let Some(another) = another {
        assert_eq!(
            town.accept(C, &shown(&[another, last])),
            Err(Status::WrongCover)
        );
    }
    // A forged cover.
    let mut forged = cover.payment.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Item {
        payment: &forged,
        ..cover
    };
    assert_eq!(
        town.accept(C, &shown(&[forged, last])),
        Err(Status::BadSignature)
    );
    assert_eq!(town.accept(D, &evidence), Err(Status::NotForYou));
    assert_eq!(town.purses[C].totals(usd()), before);
    town.accept(C, &evidence).unwrap();
}

#[test]
fn a_cover_that_contradicts_a_known_payer_is_refused() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    // A copy of A, before it pays anybody.
    let copy = town.things[A].copied();
    town.exchange(A, C, 40);
    town.purses[A] = town.world.roomy(&copy);
    town.exchange(A, B, 100);
    let evidence = town.pay(B, C, 60).unwrap();
    assert_eq!(town.accept(C, &evidence), Err(Status::Contradiction));
}

#[test]
fn a_payment_of_ones_own_key_that_one_never_made_covers_nothing() {
    let mut town = Town::new(2, &[1_000, 0]);
    let copy = town.things[A].disk.copy();
    let evidence = town.exchange(A, B, 100);
    let (paid, _) = payment_of(&evidence);
    let change = bytes(|out| town.purses[B].pay_back(paid, amount(30), NOW, out)).unwrap();
    // A was set back to before it paid.
    town.things[A].disk = copy;
    town.reopen(A);
    assert_eq!(town.accept(A, &change), Err(Status::Contradiction));
}

#[test]
fn what_waits_for_a_cover_is_received_as_far_as_it_is_paid() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    town.exchange(A, B, 100);
    let evidence = town.exchange(B, C, 60);
    let (payment, _) = payment_of(&evidence);
    let said = |town: &World, outcome: Status, paid: u64| {
        let statement = Statement {
            gateway: town.gateway,
            gateway_epoch: KeyEpoch(1),
            payment,
            outcome: u32::from(outcome as u8),
            height: 1,
            root: Digest::default(),
            time: NOW,
            units: None,
            provisional: None,
            paid: Some(amount(paid)),
        };
        written(&Message::Statement {
            statement: &sealed(&statement, &town.gateway_key),
        })
    };
    let sums = |town: &Town, at: usize| {
        let totals = town.purses[at].totals(usd());
        let (settled, waiting) = (totals.received_settled, totals.received_unsettled);
        [settled, waiting, totals.received_contested].map(AmountMinor::get)
    };
    for (paid, expected) in [(0, [0, 60, 0]), (25, [25, 35, 0])] {
        let statement = said(&town.world, Status::WaitingForCover, paid);
        for _ in 0..2 {
            for at in [B, C] {
                town.purses[at].receive(&statement, NOW).unwrap();
            }
            assert_eq!(sums(&town, C), expected);
            town.reopen(C);
            assert_eq!(handed_in(&mut town.purses[C]).unwrap().len(), 1);
        }
    }
    // Waiting, it is still money to spend here.
    assert_eq!(town.here(C), 60);
    let statement = said(&town.world, Status::Guaranteed, 50);
    for at in [B, C] {
        town.purses[at].receive(&statement, NOW).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(sums(&town, C), [50, 0, 10]);
        assert_eq!(town.purses[B].totals(usd()).returned, AmountMinor::ZERO);
        assert_eq!(
            handed_in(&mut town.purses[C]).unwrap(),
            Vec::<Vec<u8>>::new()
        );
        town.reopen(B);
        town.reopen(C);
    }
    let more = said(&town.world, Status::Guaranteed, 61);
    town.exchange(B, C, 20);
    assert_eq!(town.purses[C].receive(&more, NOW), Ok(Event::Known));
}

#[test]
fn a_key_store_that_was_away_signs_what_was_meant_however_far_the_stream_went_since() {
    let mut town = Town::new(2, &[1_000, 0, 0]);
    let stream = town.stream(A, B, 10);
    let order = town.order(C, 30);
    let pay = |purse: &mut Roomy| bytes(|out| purse.pay(&order, NOW, out));
    *town.things[B].locked.borrow_mut() = true;
    assert_eq!(pay(&mut town.purses[B]), Err(Status::Busy));
    town.release(A, B, stream, 12);
    town.reopen(B);
    *town.things[B].locked.borrow_mut() = false;
    let evidence = pay(&mut town.purses[B]).unwrap();
    let released = items_of(&evidence).iter().next().unwrap().released;
    assert_eq!(released.map(|(units, _)| units), Some(10));
    town.accept(C, &evidence).unwrap();
    assert_eq!(town.things[B].signed.assert_one_content_per_sequence(), 1);
}

#[test]
fn a_payer_that_asks_is_told_under_which_allowance_its_payee_spends() {
    let mut town = Town::new(1, &[500, 0, 0]);
    let pays = |town: &mut Town, order: &Order| {
        let invoice = bytes(|out| town.purses[1].blank_invoice(usd(), NOW, out)).unwrap();
        let named = town.purses[0].named_by(&invoice, order.payee, usd(), NOW);
        let named = named.unwrap().unwrap();
        bytes(|out| town.purses[0].pay_spendable(order, named, NOW, out)).unwrap()
    };
    let order = town.order(1, 100);
    let evidence = pays(&mut town, &order);
    assert_eq!(pays(&mut town, &order), evidence, "the same order");
    assert_eq!(town.purses[1].spendable_here(usd(), NOW), amount(0));
    town.accept(1, &evidence).unwrap();
    assert_eq!(town.purses[1].spendable_here(usd(), NOW), amount(100));
    town.exchange(1, 2, 60);
}

#[test]
fn a_blank_invoice_asks_for_nothing_and_counts_only_for_its_payee() {
    let mut town = Town::new(1, &[500, 0, 0]);
    let expires = town.purses[1].allowance(usd()).unwrap().expires;
    let (shop, other) = (town.things[1].code, town.things[2].code);
    let invoice = bytes(|out| town.purses[1].blank_invoice(usd(), NOW, out)).unwrap();
    let car = &mut town.purses[0];
    assert_eq!(car.consider(&invoice, NOW), Err(Status::Malformed));
    assert_eq!(car.show_owner(&invoice, NOW), Err(Status::Malformed));
    let mut named = |payee, currency, now| car.named_by(&invoice, payee, currency, now);
    let eur = Currency::new(1, *b"EUR").unwrap();
    assert_eq!(named(other, usd(), NOW), Err(Status::NotForYou));
    assert_eq!(named(shop, eur, NOW), Err(Status::NotForYou));
    assert_eq!(named(shop, usd(), expires), Err(Status::InvoiceExpired));
    assert!(matches!(named(shop, usd(), NOW), Ok(Some(_))));
    // Whoever may not spend has nothing to name.
    let nothing = bytes(|out| town.purses[1].blank_invoice(eur, NOW, out));
    assert_eq!(nothing, Err(Status::NoAllowance));
    town.purses[1].distrust().unwrap();
    let nothing = bytes(|out| town.purses[1].blank_invoice(usd(), NOW, out));
    assert_eq!(nothing, Err(Status::NoAllowance));
}

#[test]
fn two_words_of_a_key_that_forked_never_stand_under_one_payment() {
    let mut town = Town::new(2, &[1_000, 100, 100, 10]);
    let copy = town.things[0].copied();
    let mut clone = town.world.roomy(&copy);
    // The forker pays twice, so that its newest payment contradicts nothing the clone signs.
    town.exchange(0, 1, 60);
    town.exchange(0, 1, 5);
    let order = town.order(2, 50);
    let covers_for = town.purses[2].covers_for(usd(), NOW).unwrap();
    let forked = bytes(|out| clone.pay_spendable(&order, covers_for, NOW, out)).unwrap();
    town.accept(2, &forked).unwrap();
    town.exchange(2, 1, 130);
    // Each is good by itself, and both together would be refused by everybody for ever.
    assert_eq!(town.pay(1, 3, 290), Err(Status::OverBudget));
    let evidence = town.pay(1, 3, 230).unwrap();
    town.accept(3, &evidence).unwrap();
}
