//! A town of purses that pay, stream, give change, decline, settle and renew at random.

use super::super::Event;
use super::covers::{Town, payment_of};
use super::*;
use proptest::prelude::*;
use protocol::covers::COVERED_MAX;
use protocol::rules::{Spent, contradiction};

/// What happens in a town, in numbers.
#[derive(Clone, Debug)]
enum Step {
    Pay(usize, usize, u64),
    Back(usize, u64),
    Decline(usize, usize, u64),
    Stream(usize, usize, u32),
    More(usize, u32),
    Close(usize),
    Restart(usize),
    Settle(usize),
    Renew(usize),
}

const STREETS: std::ops::Range<usize> = 0..4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        24 => (STREETS, STREETS, 1..200u64).prop_map(|(a, b, v)| Step::Pay(a, b, v)),
        4 => (0..8usize, 1..100u64).prop_map(|(at, v)| Step::Back(at, v)),
        2 => (STREETS, STREETS, 1..50u64).prop_map(|(a, b, v)| Step::Decline(a, b, v)),
        3 => (STREETS, STREETS, 1..10u32).prop_map(|(a, b, n)| Step::Stream(a, b, n)),
        3 => (0..4usize, 1..5u32).prop_map(|(at, n)| Step::More(at, n)),
        1 => (0..4usize).prop_map(Step::Close),
        2 => STREETS.prop_map(Step::Restart),
        1 => STREETS.prop_map(Step::Settle),
        1 => STREETS.prop_map(Step::Renew),
    ];
    proptest::collection::vec(step, 1..32)
}

/// A town in which everything that is let out is remembered.
struct Chronicle {
    town: Town,
    /// From, to, and what was shown.
    shown: Vec<(usize, usize, Vec<u8>)>,
    streams: Vec<(usize, usize, Digest, u32)>,
    /// Units that were shown as covers.
    used: BTreeMap<Digest, u32>,
}

impl Chronicle {
    fn shows(&mut self, from: usize, to: usize, evidence: &[u8]) {
        assert!(evidence.len() <= COVERED_MAX + 8);
        if let Ok(Message::Covered { items, .. }) = Message::read(evidence) {
            for item in Items::read(items).unwrap().iter() {
                if let Some((units, _)) = item.released {
                    let id = open::<Payment>(item.payment, &network()).unwrap().id();
                    let used = self.used.entry(id).or_default();
                    *used = units.max(*used);
                }
            }
        }
        self.shown.push((from, to, evidence.to_vec()));
    }

    fn takes(&mut self, from: usize, to: usize, evidence: &[u8]) {
        match self.town.accept(to, evidence) {
            Ok(receipt) => {
                self.town.purses[from].receive(&receipt, NOW).unwrap();
            }
            Err(status) => assert_eq!(status, Status::Full),
        }
        self.shows(from, to, evidence);
    }

    /// What is refused is more than there is. Entries in memory may say less than all that would
    /// fit, and two evidences that count one stream differently do not go together.
    fn refused(&self, from: usize, value: u64, status: Status) {
        match status {
            Status::Full => {}
            Status::OverBudget if !self.streams.is_empty() => {}
            Status::AboveLimit | Status::AboveHops | Status::OverBudget => {
                assert!(value > self.town.here(from), "{value}: {status}");
            }
            status => panic!("{status}"),
        }
    }

    fn pay(&mut self, from: usize, to: usize, value: u64) {
        match self.town.pay(from, to, value) {
            Ok(evidence) => self.takes(from, to, &evidence),
            Err(status) => self.refused(from, value, status),
        }
    }

    fn back(&mut self, at: usize, value: u64) {
        let Some((to, from, evidence)) = self.shown.get(at).cloned() else {
            return;
        };
        let (paid, _) = payment_of(&evidence);
        let purse = &mut self.town.purses[from];
        match bytes(|out| purse.pay_back(paid, amount(value), NOW, out)) {
            Ok(change) => self.takes(from, to, &change),
            // Settled, too much, or given before.
            Err(Status::AskGateway | Status::AboveMost | Status::WrongReference) => {}
            Err(status) => self.refused(from, value, status),
        }
    }

    fn decline(&mut self, from: usize, to: usize, value: u64) {
        let Ok(evidence) = self.town.pay(from, to, value) else {
            return;
        };
        let purse = &mut self.town.purses[to];
        let no = bytes(|out| purse.decline(&evidence, Status::WrongAmount, NOW, out));
        match no {
            Ok(no) => drop(self.town.purses[from].receive(&no, NOW).unwrap()),
            Err(status) => assert_eq!(status, Status::Full),
        }
        self.shows(from, to, &evidence);
    }

    fn stream(&mut self, from: usize, to: usize, units: u32) {
        let free = self.town.purses[from].releasing().count() < 2
            && self.town.purses[to].taking().count() < 2
            && self.town.purses[from].unanswered() < 12
            && self.town.purses[to].unanswered() < 12;
        if free && self.town.here(from) >= 3 * u64::from(units) && self.streams.len() < 4 {
            let stream = self.town.stream(from, to, units);
            self.streams.push((from, to, stream, units));
        }
    }

    fn more(&mut self, at: usize, more: u32) {
        let Some(&(from, to, stream, units)) = self.streams.get(at) else {
            return;
        };
        let purse = &mut self.town.purses[from];
        if let Ok(unit) = bytes(|out| purse.release(stream, units + more, out)) {
            let taken = self.town.purses[to].take_unit(&unit);
            assert!(taken.is_ok() || taken == Err(Status::WrongUnit));
            self.streams[at].3 = units + more;
        }
    }

    fn close(&mut self, at: usize) {
        let Some(&(from, to, stream, _)) = self.streams.get(at) else {
            return;
        };
        let purse = &mut self.town.purses[to];
        if let Ok(receipt) = bytes(|out| purse.close_stream(stream, NOW, out)) {
            let said = self.town.purses[from].receive(&receipt, NOW).unwrap();
            if let Event::Closed { units, .. } = said {
                let used = self.used.get(&stream).copied().unwrap_or_default();
                assert!(units >= used);
            }
        }
    }

    fn restart(&mut self, at: usize) {
        let state = |town: &Town| (town.here(at), town.purses[at].totals(usd()));
        let before = state(&self.town);
        self.town.reopen(at);
        assert_eq!(state(&self.town), before);
    }

    fn settle(&mut self, at: usize) {
        for message in handed_in(&mut self.town.purses[at]).unwrap() {
            let statement = self.town.world.settle(&message);
            for purse in &mut self.town.purses {
                purse.receive(&statement, NOW).unwrap();
            }
        }
    }

    fn renew(&mut self, at: usize) {
        let purse = &mut self.town.purses[at];
        let renewal = bytes(|out| purse.renewal(usd(), amount(50), NOW, out)).unwrap();
        let grant = self.town.world.renew(&self.town.things[at], &renewal);
        let granted = self.town.purses[at].receive(&grant, NOW);
        assert!(matches!(granted, Ok(Event::Granted { .. })));
        assert_eq!(self.town.here(at), 50);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Pay(from, to, _) | Step::Stream(from, to, _) | Step::Decline(from, to, _)
                if from == to => {}
            Step::Pay(from, to, value) => self.pay(from, to, value),
            Step::Back(at, value) => self.back(at, value),
            Step::Decline(from, to, value) => self.decline(from, to, value),
            Step::Stream(from, to, units) => self.stream(from, to, units),
            Step::More(at, more) => self.more(at, more),
            Step::Close(at) => self.close(at),
            Step::Restart(at) => self.restart(at),
            Step::Settle(at) => self.settle(at),
            Step::Renew(at) => self.renew(at),
        }
    }

    /// No two payments of one purse contradict each other, and no two answers.
    fn is_honest(&self) {
        let spent: Vec<_> = (self.shown.iter())
            .map(|(_, _, evidence)| payment_of(evidence))
            .map(|(id, payment)| Spent::new(id, &payment).unwrap())
            .collect();
        for (at, one) in spent.iter().enumerate() {
            for other in &spent[..at] {
                assert_eq!(contradiction(one, other), None);
            }
        }
        for thing in &self.town.things {
            thing.signed.assert_one_content_per_sequence();
            thing.signed.assert_one_last_word_per_payment();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whoever pays whom: what can be spent here is exactly what `pay` pays, whoever is paid takes
    /// it, no purse contradicts itself, and no evidence is too long.
    #[test]
    fn what_can_be_spent_here_is_paid_and_taken_and_nobody_contradicts_itself(
        hops in 1..4u32,
        limits in proptest::collection::vec(0..150u64, 4),
        steps in steps(),
    ) {
        let mut chronicle = Chronicle {
            town: Town::new(hops, &limits),
            shown: Vec::new(),
            streams: Vec::new(),
            used: BTreeMap::new(),
        };
        for step in steps {
            chronicle.step(step);
        }
        chronicle.is_honest();
    }
}
