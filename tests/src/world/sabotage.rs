//! A gateway that is broken on purpose, to see that the checks find it.

use super::World;
use super::gateway::Answer;
use super::model::{Fate, Payment};
use super::wire::{Item, Letter, STATEMENT};
use ledger::LoadOrder;
use protocol::AmountMinor;

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
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::PaysTwice,
        Self::KeepsMoney,
        Self::Lies,
        Self::ForgetsAnswers,
        Self::Procrastinates,
    ];
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
    let order = LoadOrder {
        code: payment.payee,
        currency: payment.currency,
        amount: AmountMinor::new(payment.cost(1)).unwrap(),
        key: format!("sabotage {}", super::counter::short(&payment.id)),
        by: "sabotage".into(),
    };
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
