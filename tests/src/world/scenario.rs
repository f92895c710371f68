//! What one seed draws: how large, how bad, and who is against it.

use super::adversary::{KINDS, Kind, elsewhere};
use super::chance::Chance;
use super::links::Quality;
use super::sabotage::Sabotage;
use ledger::{ClassTerms, Policy};
use protocol::AmountMinor;

/// How large a world is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// 4 to 10 things and a few hundred steps.
    #[default]
    Short,
    /// 50 to 500 things.
    Long,
}

/// What is not left to the seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bias {
    /// How large.
    pub size: Size,
    /// Only this adversary, by its name.
    pub only: Option<&'static str>,
    /// Ends after so many steps at most.
    pub steps_most: Option<u64>,
    /// The gateway is broken on purpose, to see whether that is found.
    pub sabotage: Option<Sabotage>,
}

/// Times in a thousand that a journal has no room for a moment, at most.
const FULL_MOST: u64 = 20;

/// Times in a thousand that something ends for good, at most.
const MISHAPS_MOST: u64 = 30;

/// Everything that is decided before the first step.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) things: usize,
    pub(crate) span_s: u64,
    pub(crate) steps_most: u64,
    pub(crate) wake_ms: u64,
    pub(crate) wealth: u64,
    pub(crate) quality: Quality,
    pub(crate) policy: Policy,
    /// Times in a thousand that power goes soon, per use of a purse.
    pub(crate) cuts: u32,
    /// Times in a thousand that the key store is away.
    pub(crate) key_away: u32,
    /// Times in a thousand that a gateway falls down before it answers.
    pub(crate) gateway_falls: u32,
    /// Times in a thousand that a message is handed in twice in a row.
    pub(crate) again: u32,
    pub(crate) skew_s: u32,
    /// Times in a thousand that a thing has no clock.
    pub(crate) clockless: u32,
    /// Times in a thousand that a journal has no room for a moment.
    pub(crate) flash_full: u32,
    /// Times in a thousand that a thing loses its journal or dies, per turn.
    pub(crate) mishaps: u32,
    /// Areas that allowances may be good in.
    pub(crate) areas: usize,
    pub(crate) adversaries: Vec<Kind>,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Scenario {
    pub(crate) fn draw(chance: &mut Chance, bias: Bias) -> Self {
        let things = match bias.size {
            Size::Short => chance.between(4, 10),
            Size::Long => chance.between(50, 500),
        } as usize;
        let wakes = match bias.size {
            Size::Short => chance.between(8, 30),
            Size::Long => chance.between(30, 100),
        };
        let span_s = chance.between(4 * 3_600, 48 * 3_600);
        let wealth = match chance.below(4) {
            0 => chance.between(10, 200),
            _ => chance.between(1_000, 1_000_000),
        };
        let calm = chance.per_mille(150);
        let bad = |chance: &mut Chance, most| match calm {
            true => 0,
            false => chance.below(most) as u32,
        };
        let mut policy = policy(chance, wealth);
        let adversaries = adversaries(chance, bias);
        let elsewhere = |kind: &Kind| kind.name == elsewhere::NAME;
        let areas = match adversaries.iter().any(elsewhere) || chance.per_mille(300) {
            true => chance.between(1, 3) as usize,
            false => 0,
        };
        let mut mishaps = bad(chance, MISHAPS_MOST);
        if let Some(sabotage) = bias.sabotage {
            sabotage.tempts(&mut policy, wealth);
            mishaps = sabotage.mishaps().unwrap_or(mishaps);
        }
        Self {
            things,
            span_s,
            // Long enough for every wake and what follows from it.
            steps_most: bias.steps_most.unwrap_or(things as u64 * wakes * 20),
            wake_ms: span_s * 1_000 / wakes,
            wealth,
            quality: Quality {
                loses: bad(chance, 300),
                repeats: bad(chance, 200),
                delay_ms: chance.between(1, 120_000),
                parts: bad(chance, 600),
            },
            policy,
            cuts: bad(chance, 80),
            key_away: bad(chance, 30),
            gateway_falls: bad(chance, 25),
            again: chance.between(20, 200) as u32,
            skew_s: chance.below(120) as u32,
            clockless: bad(chance, 400),
            flash_full: bad(chance, FULL_MOST),
            mishaps,
            areas: bias
                .sabotage
                .map_or(areas, |sabotage| sabotage.areas(areas)),
            adversaries,
            sabotage: bias.sabotage,
        }
    }

    pub(crate) const fn span_ms(&self) -> u64 {
        self.span_s * 1_000
    }
}

fn policy(chance: &mut Chance, wealth: u64) -> Policy {
    let limit = AmountMinor::new(chance.between(wealth / 8 + 1, wealth)).unwrap();
    let most = AmountMinor::new(chance.between(wealth / 8 + 1, wealth * 2)).unwrap();
    let tight = |chance: &mut Chance, most: AmountMinor, least, times| match chance.per_mille(300) {
        true => AmountMinor::new(chance.between(least, times * wealth)).unwrap_or(most),
        false => most,
    };
    let open = ClassTerms::offline(limit, most);
    let terms = ClassTerms {
        hops: chance.below(4) as u32,
        holding: tight(chance, open.holding, wealth / 2 + 1, 2),
        daily: tight(chance, open.daily, wealth / 2 + 1, 4),
        guarantee: AmountMinor::new(chance.below(wealth)).unwrap_or_default(),
        early_release: match chance.per_mille(300) {
            true => AmountMinor::new(chance.below(wealth)).unwrap_or_default(),
            false => open.early_release,
        },
        ..open
    };
    Policy {
        usual: [terms; 3],
        currencies: [None; ledger::bounds::CURRENCY_TERMS_MOST],
        most_payments: chance.between(4, 60) as u32,
        allowance_life_s: chance.between(3_600, 30 * 3_600) as u32,
        grace_s: chance.between(600, 4 * 3_600) as u32,
    }
}

fn adversaries(chance: &mut Chance, bias: Bias) -> Vec<Kind> {
    let wanted = bias.sabotage.and_then(Sabotage::brings);
    if let Some(only) = bias.only.or(wanted) {
        return KINDS
            .iter()
            .copied()
            .filter(|kind| kind.name == only)
            .collect();
    }
    let count = chance.below(4) as usize;
    (0..count)
        .filter_map(|_| chance.pick(KINDS).copied())
        .collect()
}
