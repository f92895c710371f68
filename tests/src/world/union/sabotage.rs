//! Gateways that are broken on purpose, or their centre, to see that the checks find it.

use super::super::authority::network;
use super::cast::CENTRE;
use super::office::Office;
use super::scenario::Scenario;
use super::{Deal, Union};
use ledger::federation::{Letter, Parcel};
use ledger::rules::settle::Fate;
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, ClosingBalance, Credit, Lease, Statement};
use protocol::{AmountMinor, Code, Currency, Odometer};

/// What is wrong, and with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A gateway forgets what it was to hand on.
    ForgetsRelays,
    /// A gateway does not tell others what became of what they handed on.
    SaysNothing,
    /// The centre loses the money that it was to pass on.
    LosesCredits,
    /// The centre passes money on, and then once more.
    PaysCreditsTwice,
    /// The centre takes a closing balance twice.
    MovesTwice,
    /// A home that was lost keeps what has gone on without it.
    KeepsWhatWentOn,
    /// The next home pays again what the lost one has settled.
    SettlesAgain,
    /// A gateway's allowances outlive the lease.
    IgnoresLeases,
    /// A gateway promises more than the centre warrants.
    IgnoresWarrants,
    /// A gateway promises the same readings of its float twice.
    RepeatsReadings,
    /// A gateway promises more than stands behind an allowance.
    PromisesMore,
    /// A gateway calls final what others have to settle.
    CallsItFinal,
    /// A gateway that hears nothing of the centre goes on.
    IgnoresSilence,
}

/// The gateway that is broken.
const GUILTY: usize = 1;
const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 24 * HOUR_S;
const MUCH: u64 = 1 << 30;

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::ForgetsRelays,
        Self::SaysNothing,
        Self::LosesCredits,
        Self::PaysCreditsTwice,
        Self::MovesTwice,
        Self::KeepsWhatWentOn,
        Self::SettlesAgain,
        Self::IgnoresLeases,
        Self::IgnoresWarrants,
        Self::RepeatsReadings,
        Self::PromisesMore,
        Self::CallsItFinal,
        Self::IgnoresSilence,
    ];

    /// A small world in which it matters soon.
    pub(crate) fn tempts(self, scenario: &mut Scenario) {
        scenario.gateways = 2;
        scenario.span_ms = 5_000 * u64::from(HOUR_S) / 2;
        scenario.losses = 0;
        match self {
            Self::KeepsWhatWentOn | Self::SettlesAgain => {
                (scenario.losses, scenario.long) = (300, 1_000);
                scenario.span_ms *= 3;
                scenario.policy.allowance_life_s = HOUR_S;
                scenario.terms.lease_life_s = HOUR_S;
            }
            Self::IgnoresSilence => scenario.quality.parts = 1_000,
            Self::MovesTwice => scenario.span_ms *= 2,
            _ => {}
        }
    }

    /// What an office takes for its grace.
    pub(crate) const fn grace_s(self, office: usize, grace_s: u32) -> u32 {
        match self {
            Self::IgnoresSilence if office != CENTRE => DAY_S,
            _ => grace_s,
        }
    }

    /// A letter as it leaves an office.
    pub(crate) fn posted(self, office: usize, mut parcel: Parcel) -> Parcel {
        let Ok(letter) = Letter::read(&parcel.bytes) else {
            return parcel;
        };
        let lost = match (self, letter) {
            (Self::ForgetsRelays, Letter::Relay { .. })
            | (Self::SaysNothing, Letter::Word { .. }) => office == GUILTY,
            (Self::LosesCredits, Letter::Credit { .. })
            | (Self::KeepsWhatWentOn, Letter::Release { .. }) => office == CENTRE,
            _ => false,
        };
        if lost {
            parcel.bytes = Letter::Nothing.write();
        }
        parcel
    }

    /// What an office answers, after it has decided and before anybody hears of it.
    pub(crate) fn answered(self, office: &Office, answer: Vec<u8>) -> Vec<u8> {
        if office.number == CENTRE {
            return answer;
        }
        let bent = match Message::read(&answer) {
            Ok(Message::Grant { allowance }) => self.granted(office, allowance),
            Ok(Message::Statement { statement }) => self.stated(office, statement),
            _ => None,
        };
        bent.unwrap_or(answer)
    }

    fn granted(self, office: &Office, allowance: &[u8]) -> Option<Vec<u8>> {
        let mut a = *open::<Allowance>(allowance, &network()).ok()?.peek();
        let more = |reading: Odometer, more| Odometer::new(reading.get() + more);
        match self {
            Self::IgnoresLeases => a.expires = a.expires.plus_s(DAY_S),
            Self::IgnoresWarrants => a.issued_total = more(a.issued_total, MUCH)?,
            Self::RepeatsReadings => {
                let room = a.limit.get() - a.base_odometer.get();
                a.issued_total = Odometer::new(room)?;
            }
            Self::PromisesMore => {
                a.limit = more(a.limit, 1_000)?;
                a.issued_total = more(a.issued_total, 1_000)?;
            }
            _ => return None,
        }
        let allowance = office.signs(&a);
        Some(written(&Message::Grant {
            allowance: &allowance,
        }))
    }

    fn stated(self, office: &Office, statement: &[u8]) -> Option<Vec<u8>> {
        let mut s = *open::<Statement>(statement, &network()).ok()?.peek();
        if self != Self::CallsItFinal || office.number != GUILTY {
            return None;
        }
        s.provisional.take()?;
        let statement = office.signs(&s);
        Some(written(&Message::Statement {
            statement: &statement,
        }))
    }
}

/// A letter was taken.
pub(crate) fn taken(world: &mut Union, to: usize, letter: &[u8]) {
    let Some(sabotage) = world.sabotage else {
        return;
    };
    match (sabotage, Letter::read(letter)) {
        (Sabotage::PaysCreditsTwice, Ok(Letter::Credit { credit, .. })) if to != CENTRE => {
            if let Ok(credit) = open::<Credit>(credit, &network()) {
                let c = credit.peek();
                // Not what this itself pays.
                if world.deals.contains_key(&c.subject) {
                    pays(world, &c.payee, c.currency, c.amount);
                }
            }
        }
        (Sabotage::MovesTwice, Ok(Letter::Balance { balance })) if to == CENTRE => {
            if let Ok(balance) = open::<ClosingBalance>(balance, &network()) {
                let b = balance.peek();
                pays(world, &b.code, b.currency, b.free);
            }
        }
        (Sabotage::SettlesAgain, Ok(Letter::Lease { lease, lost, .. })) => {
            if let (Ok(lease), Some(lost)) = (open::<Lease>(lease, &network()), lost) {
                settles_again(world, &lease.peek().code, &lost);
            }
        }
        _ => {}
    }
}

/// What a lost home has settled for a purse is settled by the next one as well.
fn settles_again(world: &mut Union, payer: &Code, lost: &Code) {
    let home = world.offices.iter().position(|office| office.code == *lost);
    let payer = world.thing_of(payer);
    let (Some(home), Some(payer)) = (home, payer) else {
        return;
    };
    let of_both = |deal: &Deal| (deal.payer, deal.arbiter) == (payer, *lost);
    let all = world.deals.iter().filter(|(_, deal)| of_both(deal));
    let settled = all.filter_map(|(id, deal)| {
        let (fate, paid) = world.offices[home].fate(id)?;
        (fate == Fate::Settled).then_some((deal.payee, deal.currency, paid))
    });
    let settled: Vec<_> = settled.collect();
    for (payee, currency, paid) in settled {
        let payee = world.things[payee].code;
        pays(world, &payee, currency, AmountMinor::new(paid).unwrap());
    }
}

/// Money that nobody is to have, without a word to those who count.
fn pays(world: &mut Union, code: &Code, currency: Currency, amount: AmountMinor) {
    let thing = world.thing_of(code);
    if let Some(thing) = thing.filter(|_| amount > AmountMinor::ZERO) {
        let order = world.order(thing, currency, amount.get());
        let now = world.now();
        let _ = world.offices[CENTRE].load(order, now);
    }
}

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let len = message.write(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}
