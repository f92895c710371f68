//! A gateway, or whoever looks after things, that is broken on purpose, to see that the checks find
//! it.

use super::World;
use super::adversary::{broken_word, clone};
use super::gateway::Answer;
use super::model::{Fate, Payment};
use super::scenario::Scenario;
use super::wire::{CLOSING, Item, Letter, STATEMENT, VOID};
use ledger::{ClassTerms, LoadOrder, Policy};
use protocol::{AmountMinor, Digest};

/// What is wrong with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// What has settled is paid out once more.
    PaysTwice,
    /// What has settled is taken out of the payee's purse.
    KeepsMoney,
    /// It says that what waits in transit has settled.
    Lies,
    /// It answers a repeated claim with something else.
    ForgetsAnswers,
    /// It says that overdue money went back and gives nothing.
    Procrastinates,
    /// It gives overdue money back without the grace period.
    Hurries,
    /// It loads more than a class may hold.
    HoldsMore,
    /// It promises more in one allowance than a class may be promised.
    PromisesMore,
    /// It puts more behind allowances in a day than a class may have.
    ForgetsTheDay,
    /// It prints a guarantee and hops into allowances that nobody decided on.
    PrintsMore,
    /// It sets more free for a closing than its class permits.
    ReleasesMore,
    /// Its allowances are good everywhere, whatever was decided.
    ForgetsAreas,
    /// It takes voids and closings and keeps none.
    LosesWords,
    /// It pays twice what a person decided about a claim.
    DecidesTwice,
    /// It leaves the money of dead things where it was.
    KeepsTheDead,
    /// Things believe to stand somewhere else.
    Misplaces,
    /// Things that lost their journals go on as if nothing had happened.
    ForgetsDoubt,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::PaysTwice,
        Self::KeepsMoney,
        Self::Lies,
        Self::ForgetsAnswers,
        Self::Procrastinates,
        Self::Hurries,
        Self::HoldsMore,
        Self::PromisesMore,
        Self::ForgetsTheDay,
        Self::PrintsMore,
        Self::ReleasesMore,
        Self::ForgetsAreas,
        Self::LosesWords,
        Self::DecidesTwice,
        Self::KeepsTheDead,
        Self::Misplaces,
        Self::ForgetsDoubt,
    ];

    /// A policy with limits so low that they are met.
    pub(crate) fn tempts(self, policy: &mut Policy, wealth: u64) {
        let low = AmountMinor::new(wealth / 4 + 1).unwrap_or_default();
        for terms in &mut policy.usual {
            match self {
                Self::HoldsMore => terms.holding = low,
                Self::PromisesMore => (terms.allowance, terms.per_payment) = (low, low),
                Self::ForgetsTheDay => terms.daily = low,
                Self::ReleasesMore => terms.early_release = AmountMinor::ZERO,
                _ => {}
            }
        }
    }

    /// What the broken gateway makes of it.
    fn bends(self, policy: &mut Policy) {
        let open = ClassTerms::offline(most(), most());
        for terms in &mut policy.usual {
            match self {
                Self::HoldsMore => terms.holding = most(),
                Self::PromisesMore => (terms.allowance, terms.per_payment) = (most(), most()),
                Self::ForgetsTheDay => terms.daily = open.daily,
                Self::PrintsMore => (terms.hops, terms.guarantee) = (terms.hops + 1, most()),
                Self::ReleasesMore => terms.early_release = most(),
                _ => {}
            }
        }
        if self == Self::Hurries {
            policy.grace_s = 0;
        }
    }

    /// How often things meet with mishaps, where that is what it takes.
    pub(crate) const fn mishaps(self) -> Option<u32> {
        match self {
            Self::KeepsTheDead | Self::ForgetsDoubt => Some(100),
            _ => None,
        }
    }

    /// How many areas there are.
    pub(crate) fn areas(self, drawn: usize) -> usize {
        match self {
            Self::ForgetsAreas | Self::Misplaces => drawn.max(2),
            _ => drawn,
        }
    }

    /// Who has to be there.
    pub(crate) const fn brings(self) -> Option<&'static str> {
        match self {
            Self::LosesWords => Some(broken_word::NAME),
            Self::DecidesTwice => Some(clone::CLONE),
            _ => None,
        }
    }
}

const fn most() -> AmountMinor {
    match AmountMinor::new(1 << 40) {
        Some(most) => most,
        None => AmountMinor::ZERO,
    }
}

/// What the gateway takes for its policy.
pub(crate) fn bent(scenario: &Scenario) -> Policy {
    let mut policy = scenario.policy;
    if let Some(sabotage) = scenario.sabotage {
        sabotage.bends(&mut policy);
    }
    policy
}

/// Whether the gateway says yes to a message and never looks at it.
pub(crate) fn swallows(world: &World, message: &[u8]) -> bool {
    let word = || Letter::read(message).is_some_and(|l| matches!(l.kind, VOID | CLOSING));
    world.scenario.sabotage == Some(Sabotage::LosesWords) && word()
}

/// A person has decided about a claim.
pub(crate) fn decided(world: &mut World, payment: &Digest, paid: u64) {
    if world.scenario.sabotage != Some(Sabotage::DecidesTwice) || paid == 0 {
        return;
    }
    let payment = world.model.signed.payments[payment].clone();
    let now = world.now();
    let _ = world.gateways[0].load(order(&payment, paid), now);
}

fn order(payment: &Payment, minor: u64) -> LoadOrder {
    LoadOrder {
        code: payment.payee,
        currency: payment.currency,
        amount: AmountMinor::new(minor).unwrap_or_default(),
        key: format!("sabotage {}", super::counter::short(&payment.id)),
        by: "sabotage".into(),
    }
}

/// Does the damage, after the gateway has decided and before anybody hears of it.
pub(crate) fn strike(world: &mut World, gateway: usize, message: &[u8], answer: &mut Answer) {
    let Some(sabotage) = world.scenario.sabotage else {
        return;
    };
    let letter = Letter::read(message);
    let paper = letter.and_then(|letter| letter.payment());
    let Some(payment) = paper.and_then(|paper| Payment::read(&paper)) else {
        return;
    };
    let outcome = outcome(answer);
    let settled = outcome == Some(Fate::Settled.outcome());
    let now = world.now();
    let order = order(&payment, payment.cost(1));
    match sabotage {
        Sabotage::PaysTwice if settled => {
            let _ = world.gateways[gateway].load(order, now);
        }
        Sabotage::KeepsMoney if settled => {
            let _ = world.gateways[gateway].redeem(order, now);
        }
        Sabotage::Lies if outcome == Some(Fate::Transit.outcome()) => {
            relabel(world, gateway, answer, Fate::Settled);
        }
        Sabotage::ForgetsAnswers if settled && world.tally.handed_in.is_multiple_of(2) => {
            relabel(world, gateway, answer, Fate::Returned);
        }
        _ => {}
    }
}

fn outcome(answer: &Answer) -> Option<u64> {
    let letter = Letter::read(answer.as_ref().ok()?)?;
    letter.paper(0, "statement")?.int(4)
}

/// Signs another outcome into the statement.
fn relabel(world: &World, gateway: usize, answer: &mut Answer, fate: Fate) {
    let letter = answer.as_ref().ok().and_then(|bytes| Letter::read(bytes));
    if let Some(statement) = letter.and_then(|letter| letter.paper(0, "statement")) {
        let key = &world.house.offices[gateway].key;
        let statement = statement
            .with(4, Item::Int(fate.outcome() as i64))
            .signed(key);
        *answer = Ok(Letter::new(STATEMENT, &[statement.bytes()]).bytes());
    }
}
