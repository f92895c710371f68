//! A simulated world that tries to break the wallet protocol.
//!
//! One process, one thread, a virtual clock and one seed: real purses on simulated flash, real desks
//! over real books, links that lose and repeat and reorder, power that goes at any operation, and
//! adversaries who hold keys. Beside it runs a model that works out from what was signed what every
//! purse must hold, and after every step the seven invariants of the wallet are checked.
//!
//! ```text
//! scenario --draws--> things, links, adversaries
//! schedule --next--> Happening --> honest | adversary/* | counter (a gateway hears)
//!                                      |
//!                    thing (purse on flash)      gateway (desk on ledger)
//!                                      |                |
//!                    signed -------> model <------ answered
//!                                      |
//!                                 invariants --> Broken, with the log
//! ```
//!
//! The same seed gives the same log, byte for byte.

mod adversary;
mod areas;
mod authority;
mod chance;
mod claims;
mod counter;
mod finish;
mod flash;
mod gateway;
mod giving_up;
mod honest;
mod invariants;
mod links;
mod lives;
mod log;
mod model;
mod neighbours;
mod order;
mod run;
mod sabotage;
mod scenario;
mod schedule;
mod tally;
mod thing;
pub mod union;
mod wire;

pub use log::Log;
pub use run::{FAILURES_MOST, Outcome, Seeds, Sum, Summary, attack_names, replay, run_one};
pub use sabotage::Sabotage;
pub use scenario::{Bias, Size};
pub use tally::{Attack, Tally};

use adversary::Adversary;
use areas::Areas;
use authority::House;
use chance::Chance;
use flash::{Flash, Moment};
use gateway::Gateway;
use honest::Plan;
use links::{Links, Party};
use model::Model;
use protocol::{Currency, Digest, Status, Timestamp};
use scenario::Scenario;
use schedule::Schedule;
use std::collections::BTreeMap;
use thing::{Ink, Mover, SimPurse, Thing};
use wire::Letter;

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Cargo {
    /// A wallet message.
    Wallet(Vec<u8>),
    /// A page of an inbox: messages with their numbers, oldest first.
    Inbox(Vec<(u64, Vec<u8>)>),
    /// A thing has taken its inbox up to here.
    Acknowledge(u64),
    /// A thing asks for its inbox.
    Poll,
}

/// What can happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Arrives(Party, Party, Cargo),
    Wakes(usize),
    PowerOn(usize),
    Sweep(usize),
    GatewayUp(usize),
    Weather,
    Acts(usize),
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which one.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
    /// After so many steps.
    pub step: u64,
}

/// A payment that an honest payee took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acceptance {
    pub(crate) settle_by: Timestamp,
    /// When it was first claimed by its payee.
    pub(crate) claimed: Option<Timestamp>,
}

/// Everything.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) scenario: Scenario,
    pub(crate) schedule: Schedule<Happening>,
    pub(crate) log: Log,
    pub(crate) links: Links,
    pub(crate) house: &'static House,
    pub(crate) things: Vec<Thing>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) model: Model,
    pub(crate) tally: Tally,
    pub(crate) areas: Areas,
    adversaries: Vec<Option<Box<dyn Adversary>>>,
    ink: Ink,
    /// What honest payees took, by thing and payment.
    pub(crate) accepted: BTreeMap<(usize, Digest), Acceptance>,
    /// What honest payees let out about a payment: the reason to decline, the units taken.
    spoken: BTreeMap<(usize, Digest), (Option<u64>, Option<u64>)>,
    pub(crate) broken: Option<Broken>,
    /// Nothing goes wrong any more: the world is winding down.
    calm: bool,
    orders: u64,
}

impl World {
    pub(crate) fn new(scenario: Scenario, log: Log, mut chance: Chance) -> Self {
        let house = House::for_things(scenario.things + adversary::recruits(&scenario));
        let ink = Ink::default();
        let mut world = Self {
            schedule: Schedule::new(),
            links: Links::new(scenario.quality, chance.fork()),
            model: Model::new(scenario.policy),
            gateways: vec![Gateway::new(house, 0, sabotage::bent(&scenario))],
            things: Vec::new(),
            plans: Vec::new(),
            adversaries: Vec::new(),
            accepted: BTreeMap::new(),
            spoken: BTreeMap::new(),
            tally: Tally::default(),
            areas: Areas::default(),
            broken: None,
            calm: false,
            orders: 0,
            chance,
            log,
            house,
            ink,
            scenario,
        };
        for _ in 0..world.scenario.things {
            world.add_thing(Mover::Itself);
        }
        adversary::enter(&mut world);
        world.begin();
        world
    }

    pub(crate) fn add_thing(&mut self, mover: Mover) -> usize {
        let number = match mover {
            Mover::Itself => self.things.len(),
            // All that an adversary holds is one owner's, whom the issuer knows.
            Mover::Adversary(adversary) => authority::LARGE_THINGS + 3 * adversary + 1,
        };
        self.add_thing_of(mover, authority::owner(number as u64 + 1))
    }

    pub(crate) fn add_thing_of(&mut self, mover: Mover, owner: protocol::Code) -> usize {
        let number = self.things.len();
        let flash = Flash::new(self.chance.fork());
        let mut thing = Thing::new(number, &self.house.births[number], flash, &self.ink);
        thing.mover = mover;
        thing.place = areas::settle_down(self, number);
        if self.scenario.skew_s > 0 && self.chance.per_mille(300) {
            let most = u64::from(self.scenario.skew_s);
            thing.skew_s = self.chance.below(2 * most + 1) as i32 - most as i32;
        }
        if mover == Mover::Itself {
            thing.clockless = self.chance.per_mille(self.scenario.clockless);
        }
        self.things.push(thing);
        self.plans.push(Plan::default());
        self.belongs_to(number, owner);
        let up = self.things[number].power_on(self.house);
        assert!(up, "a new thing has power");
        self.trusts_gateways(number);
        let full = self.scenario.flash_full;
        self.things[number].flash.run_full(full);
        number
    }

    fn belongs_to(&mut self, thing: usize, owner: protocol::Code) {
        let (code, now) = (self.things[thing].code, self.now());
        if authority::is_enrolled(&owner) {
            self.gateways[0].enrol(&owner, now);
            self.model.behind.enrolled.insert(owner);
        }
        self.gateways[0].set_owner(&code, &owner, now);
        self.model.behind.owners.insert(code, owner);
    }

    fn trusts_gateways(&mut self, thing: usize) {
        let house = self.house;
        let now = self.now();
        for office in &house.offices {
            let trusted = self.things[thing]
                .purse
                .as_mut()
                .map(|purse| purse.trust_gateway(&house.issuer_pass, &office.pass, now));
            assert_eq!(trusted, Some(Ok(office.code)));
        }
    }

    /// The operator's bond and the issuer's guarantees.
    fn stand_behind(&mut self) {
        for currency in authority::currencies() {
            for fund in [ledger::Fund::Bond, ledger::Fund::Guarantee] {
                let minor = self.chance.below(self.scenario.wealth);
                if minor == 0 {
                    continue;
                }
                self.orders += 1;
                let order = ledger::FundOrder {
                    fund,
                    currency,
                    amount: honest::amount(minor),
                    key: format!("order {}", self.orders),
                    by: "world".into(),
                };
                let now = self.now();
                self.gateways[0].fund(order, now);
                let held = match fund {
                    ledger::Fund::Bond => &mut self.model.behind.bond,
                    _ => &mut self.model.behind.guarantee,
                };
                held.insert(currency, minor);
                *self.model.issued.entry(currency).or_default() += minor;
            }
        }
    }

    fn begin(&mut self) {
        self.stand_behind();
        areas::define(self);
        for thing in 0..self.things.len() {
            for currency in authority::currencies() {
                let amount = self.chance.between(0, self.scenario.wealth);
                if amount > 0 && self.chance.per_mille(800) {
                    self.load(thing, currency, amount);
                }
            }
            if self.things[thing].is_honest() {
                let first_ms = self.chance.below(60_000);
                self.schedule.plan(first_ms, Happening::Wakes(thing));
            }
        }
        for adversary in 0..self.adversaries.len() {
            let at_ms = self.chance.below(self.scenario.span_ms() / 4);
            self.schedule.plan(at_ms, Happening::Acts(adversary));
        }
        for gateway in 0..self.gateways.len() {
            self.schedule.plan(SWEEP_MS, Happening::Sweep(gateway));
        }
        self.schedule.plan(WEATHER_MS, Happening::Weather);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.schedule.now()
    }

    pub(crate) fn note(&mut self, text: impl AsRef<str>) {
        let now_ms = self.schedule.now_ms();
        self.log.line(now_ms, text.as_ref());
    }

    /// The first thing that goes wrong is what is reported.
    pub(crate) fn fail(&mut self, invariant: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("BROKEN {invariant}: {what}"));
        let step = self.tally.steps;
        self.broken.get_or_insert(Broken {
            invariant,
            what,
            step,
        });
    }

    /// Runs until the scenario is over or something is broken.
    pub(crate) fn run(&mut self) {
        let end_ms = self.scenario.span_ms();
        while self.broken.is_none()
            && self.tally.steps < self.scenario.steps_most
            && let Some(happening) = self.schedule.next(end_ms)
        {
            self.step(happening);
        }
        if self.broken.is_none() {
            finish::finish(self);
        }
        self.tally.released = self.model.released;
        self.tally.power_cuts = self.things.iter().map(|thing| thing.flash.cuts()).sum();
    }

    pub(crate) fn step(&mut self, happening: Happening) {
        self.tally.steps += 1;
        match happening {
            Happening::Arrives(from, to, cargo) => match to {
                Party::Thing(thing) => self.thing_hears(thing, from, cargo),
                Party::Gateway(gateway) => counter::hears(self, gateway, from, cargo),
            },
            Happening::Wakes(thing) => honest::wakes(self, thing),
            Happening::PowerOn(thing) => self.power_on(thing),
            Happening::Sweep(gateway) => {
                counter::sweeps(self, gateway);
                self.schedule.plan(SWEEP_MS, Happening::Sweep(gateway));
            }
            Happening::GatewayUp(gateway) => {
                self.gateways[gateway].up();
                self.note(format!("g{gateway} is back"));
            }
            Happening::Weather => self.weather(),
            Happening::Acts(adversary) => self.acts(adversary),
        }
        invariants::after_step(self);
    }

    fn thing_hears(&mut self, thing: usize, from: Party, cargo: Cargo) {
        match self.things[thing].mover {
            Mover::Itself => honest::hears(self, thing, from, cargo),
            Mover::Adversary(number) => {
                let Cargo::Wallet(bytes) = cargo else {
                    return;
                };
                if let Some(mut adversary) = self.adversaries[number].take() {
                    adversary.hear(self, thing, from, &bytes);
                    self.adversaries[number] = Some(adversary);
                }
            }
        }
    }

    fn acts(&mut self, number: usize) {
        let Some(mut adversary) = self.adversaries[number].take() else {
            return;
        };
        adversary.act(self);
        self.adversaries[number] = Some(adversary);
        let mean_ms = self.scenario.span_ms() / 8;
        let in_ms = self.chance.between(mean_ms / 4, mean_ms * 2);
        self.schedule.plan(in_ms, Happening::Acts(number));
    }

    fn weather(&mut self) {
        let things = (0..self.things.len()).map(Party::Thing);
        let gateways = (0..self.gateways.len()).map(Party::Gateway);
        let parties: Vec<_> = things.chain(gateways).collect();
        let groups = self.links.weather(&parties);
        if groups > 1 {
            self.note(format!("the world falls into {groups} groups"));
        }
        let in_ms = self.chance.between(WEATHER_MS / 4, WEATHER_MS * 2);
        self.schedule.plan(in_ms, Happening::Weather);
    }

    /// Puts a message on its way.
    pub(crate) fn send(&mut self, from: Party, to: Party, cargo: Cargo) {
        if let (Party::Thing(thing), Cargo::Wallet(bytes)) = (from, &cargo) {
            self.shows(bytes);
            self.spoke(thing, bytes);
        }
        let arrivals = self.links.carry(from, to);
        if arrivals.is_empty() {
            self.tally.lost += 1;
        }
        for in_ms in arrivals {
            self.schedule
                .plan(in_ms, Happening::Arrives(from, to, cargo.clone()));
        }
    }

    /// The payments in what leaves a thing are out, whether it arrives or not.
    fn shows(&mut self, bytes: &[u8]) {
        let letter = Letter::read(bytes);
        let payment = letter.as_ref().and_then(Letter::payment);
        let shown = &mut self.model.signed.shown;
        shown.extend(payment.map(|paper| paper.id()));
    }

    /// What an honest thing lets out is its word for good.
    fn spoke(&mut self, thing: usize, bytes: &[u8]) {
        invariants::fits(self, bytes);
        if !self.things[thing].is_honest() {
            return;
        }
        let receipt = Letter::read(bytes).and_then(|letter| {
            let part = match letter.kind {
                wire::RECEIPT => 0,
                wire::CLAIM => 2,
                wire::STREAM_CLAIM => 4,
                wire::COVERED => 1,
                _ => return None,
            };
            model::Receipt::read(&letter.paper(part, "receipt")?)
        });
        let Some(receipt) = receipt.filter(|r| r.payee == self.things[thing].code) else {
            return;
        };
        let says = (receipt.declined, receipt.units);
        let said = *self.spoken.entry((thing, receipt.payment)).or_insert(says);
        if said != says {
            let name = self.things[thing].name();
            self.fail(
                "an honest thing never yields a fraud proof",
                format!(
                    "{name} said {said:?} and then {says:?} of {}",
                    receipt.payment
                ),
            );
        }
    }

    /// Does something with a thing's purse. Power may go in it, and the key store may be away.
    pub(crate) fn with_purse<T>(
        &mut self,
        thing: usize,
        act: impl FnOnce(&mut SimPurse, Timestamp) -> Result<T, Status>,
    ) -> Result<T, Status> {
        self.disturb(thing);
        let (now, now_ms) = (self.now(), self.schedule.now_ms());
        let it = &mut self.things[thing];
        let clock = it.clock(now);
        let ticks_ms = now_ms.saturating_sub(it.on_since_ms);
        let Some(purse) = it.purse.as_mut() else {
            return Err(Status::Storage);
        };
        let clock = match it.clockless {
            true => purse.time(u32::try_from(ticks_ms / 1_000).unwrap_or(u32::MAX)),
            false => clock,
        };
        let done = act(purse, clock);
        // A journal without room stops a purse in the middle of something until it is opened again.
        let stopped = matches!(done, Err(Status::Storage));
        if it.flash.is_dead() || stopped {
            it.purse = None;
            let name = it.name();
            self.note(format!("{name} loses power"));
            let in_ms = self.chance.between(100, 120_000);
            self.schedule.plan(in_ms, Happening::PowerOn(thing));
        }
        self.read_ink();
        done
    }

    fn disturb(&mut self, thing: usize) {
        if self.calm || !self.things[thing].is_honest() {
            return;
        }
        if self.chance.per_mille(self.scenario.cuts) {
            let operations = self.chance.below(6);
            let moments = [Moment::Before, Moment::During, Moment::After];
            let moment = moments[self.chance.index(moments.len())];
            self.things[thing].flash.cut_after(operations, moment);
        }
        if self.chance.per_mille(self.scenario.key_away) {
            let times = self.chance.between(1, 2) as u32;
            self.things[thing].lose_key(times);
        }
    }

    fn power_on(&mut self, thing: usize) {
        if self.things[thing].dead {
            return;
        }
        self.things[thing].on_since_ms = self.schedule.now_ms();
        let up = self.things[thing].power_on(self.house);
        self.read_ink();
        if up {
            let name = self.things[thing].name();
            self.note(format!("{name} has power again"));
            if self.things[thing].forgetful {
                // Whoever looks after it tells it again whom to trust.
                self.things[thing].flash.run_full(0);
                self.trusts_gateways(thing);
                let full = if self.calm {
                    0
                } else {
                    self.scenario.flash_full
                };
                self.things[thing].flash.run_full(full);
            }
        } else {
            self.schedule.plan(5_000, Happening::PowerOn(thing));
        }
    }

    /// Shows the model what was signed since.
    pub(crate) fn read_ink(&mut self) {
        let strokes = std::mem::take(&mut *self.ink.borrow_mut());
        for stroke in strokes {
            let code = self.things[stroke.by].code;
            self.model
                .signed
                .note(code, &stroke.said, &stroke.signature);
        }
    }

    /// An adversary signed this with a key of its own.
    pub(crate) fn publish(&mut self, thing: usize, paper: &wire::Paper) {
        let code = self.things[thing].code;
        let said = paper.to_be_signed();
        self.model.signed.note(code, &said, &paper.signature);
    }

    pub(crate) fn load(&mut self, thing: usize, currency: Currency, amount: u64) {
        let order = self.order(thing, currency, amount);
        let (code, now) = (order.code, self.now());
        let loaded = self.gateways[0].load(order, now);
        let name = self.things[thing].name();
        self.note(format!(
            "{name} is loaded with {amount} {}: {}",
            currency.name(),
            loaded.map_or_else(Status::word, |()| "done")
        ));
        if let Err(status) = loaded {
            self.tally.refused(status.word());
        }
        let fits = self.model.may_hold(code, currency, amount);
        match loaded {
            Ok(()) if fits => self.model.load(code, currency, amount),
            Err(Status::AboveHolding) if !fits => {}
            other => self.fail(
                "a class holds what it may and no more",
                format!("{name} is loaded with {amount}: {other:?}"),
            ),
        }
    }

    /// The owner takes money out, as far as the gateway lets it.
    pub(crate) fn redeem(&mut self, thing: usize, currency: Currency, amount: u64) -> bool {
        if !self.gateways[0].is_up() {
            return false;
        }
        let order = self.order(thing, currency, amount);
        let (code, now) = (order.code, self.now());
        let redeemed = self.gateways[0].redeem(order, now).is_ok();
        if redeemed {
            let name = self.things[thing].name();
            self.note(format!("{name} takes out {amount} {}", currency.name()));
            if let Err(surprise) = self.model.redeem(code, currency, amount, now) {
                self.fail(
                    "what stands behind allowances cannot be withdrawn",
                    surprise,
                );
            }
        }
        redeemed
    }

    fn order(&mut self, thing: usize, currency: Currency, amount: u64) -> ledger::LoadOrder {
        self.orders += 1;
        ledger::LoadOrder {
            code: self.things[thing].code,
            currency,
            amount: protocol::AmountMinor::new(amount).unwrap(),
            key: format!("order {}", self.orders),
            by: "world".into(),
        }
    }
}

const SWEEP_MS: u64 = 20 * 60_000;
const WEATHER_MS: u64 = 40 * 60_000;
