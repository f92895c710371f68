//! What is drawn before a world begins.

use super::super::authority::policy;
use super::super::chance::Chance;
use super::super::links::Quality;
use super::cast::GRACE_S;
use ledger::federation::Terms;
use ledger::{ClassTerms, Policy};
use protocol::AmountMinor;

/// Everything that is drawn before the first happening.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Gateways beside the centre.
    pub(crate) gateways: usize,
    /// Honest things that each enrolled.
    pub(crate) things_each: usize,
    pub(crate) span_ms: u64,
    /// Mean time between two turns of a thing.
    pub(crate) wake_ms: u64,
    /// The most that a purse begins with.
    pub(crate) wealth: u64,
    pub(crate) quality: Quality,
    pub(crate) policy: Policy,
    pub(crate) terms: Terms,
    /// Thousandths of a warrant for one purse.
    pub(crate) share_permille: u32,
    /// Times in a thousand that an office is away for hours.
    pub(crate) losses: u32,
    /// Of these, so many in a thousand for longer than its leases.
    pub(crate) long: u32,
}

const HOUR_S: u32 = 3_600;

impl Scenario {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let wealth = chance.between(200, 4_000);
        let most = AmountMinor::new(wealth).unwrap();
        let hops = chance.between(0, 3) as u32;
        let life_s = chance.between(2, 5) as u32 * HOUR_S / 2;
        let floats = chance.between(1, 12);
        Self {
            gateways: chance.between(2, 3) as usize,
            things_each: chance.between(2, 3) as usize,
            span_ms: chance.between(5, 9) * u64::from(HOUR_S) * 1_000,
            wake_ms: chance.between(10, 25) * 60_000,
            wealth,
            quality: Quality {
                loses: chance.between(0, 300) as u32,
                repeats: chance.between(0, 200) as u32,
                delay_ms: chance.between(200, 6_000),
                parts: chance.between(100, 600) as u32,
            },
            policy: Policy {
                usual: [ClassTerms {
                    hops,
                    ..ClassTerms::offline(most, most)
                }; 3],
                allowance_life_s: life_s,
                grace_s: GRACE_S,
                ..policy()
            },
            terms: Terms {
                float: AmountMinor::new(wealth * floats).unwrap(),
                warrant_life_s: 2 * life_s,
                lease_life_s: 2 * life_s,
            },
            share_permille: chance.between(300, 1_000) as u32,
            losses: chance.between(0, 120) as u32,
            long: chance.below(600) as u32,
        }
    }
}
