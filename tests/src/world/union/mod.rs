//! Several gateways and their centre, each with its own books, in one simulated world.
//!
//! Things have homes and pay things of other homes; both sides hand in at gateways that are cut off
//! from each other; floats run short; homes move and are lost; and adversaries sign what they like.
//!
//! ```text
//! schedule --next--> Happening --> things, homes, adversary/*   (purses on flash)
//!                              \-> post  (letters over links)
//!                                    |
//!                   offices: a centre and gateways, a real ledger each
//!                                    |
//!                               invariants --> Broken, with the log
//! ```
//!
//! The same seed gives the same log, byte for byte.

mod adversary;
mod cast;
mod delays;
mod finish;
mod homes;
mod invariants;
mod office;
mod post;
mod run;
mod sabotage;
mod scenario;
mod tally;
mod thing;
mod things;
mod treasury;
mod witness;

pub use run::{Bias, Outcome, attack_names, replay, run_one};
pub use sabotage::Sabotage;
pub use tally::Tally;

use super::authority::shelf;
use super::chance::Chance;
use super::flash::Flash;
use super::links::{Links, Party};
use super::schedule::Schedule;
use super::{Broken, Log};
use adversary::Adversary;
use cast::{BIRTHS_EACH, CENTRE, Cast};
use delays::Delays;
use office::Office;
use post::Mail;
use protocol::{AmountMinor, Code, Currency, Digest, Timestamp};
use scenario::Scenario;
use std::collections::BTreeMap;
use std::rc::Rc;
use thing::Thing;
use tokio::runtime::Runtime;
use witness::Witness;

const SWEEP_MS: u64 = 10 * 60_000;
const WEATHER_MS: u64 = 30 * 60_000;
const TREASURER_MS: u64 = 60 * 60_000;
/// Conservation is looked at once in so many happenings; at the end of everything in any case.
const LOOK_EVERY: u64 = 50;

/// What can happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Arrives(usize, usize, Mail),
    Posts(usize),
    Sweeps(usize),
    Wakes(usize),
    PowerOn(usize),
    Weather,
    Treasurer,
    Acts(usize),
}

/// One payment that somebody signed.
#[derive(Clone, Debug)]
pub(crate) struct Deal {
    pub(crate) payer: usize,
    pub(crate) payee: usize,
    pub(crate) currency: Currency,
    pub(crate) amount: u64,
    pub(crate) settle_by: Timestamp,
    /// Who gave the allowance that it was made under.
    pub(crate) arbiter: Code,
    /// Everything that it stands on.
    pub(crate) covers: Vec<Digest>,
    /// Its payee took it.
    pub(crate) taken: bool,
    /// When an office first answered its payee's claim.
    pub(crate) claimed: Option<Timestamp>,
}

/// Everything.
pub(crate) struct Union {
    pub(crate) chance: Chance,
    pub(crate) scenario: Scenario,
    pub(crate) schedule: Schedule<Happening>,
    pub(crate) log: Log,
    pub(crate) links: Links,
    pub(crate) cast: &'static Cast,
    pub(crate) offices: Vec<Office>,
    pub(crate) things: Vec<Thing>,
    pub(crate) tally: Tally,
    pub(crate) deals: BTreeMap<Digest, Deal>,
    /// Loaded less withdrawn, by thing.
    pub(crate) given: BTreeMap<(usize, Currency), i64>,
    /// Withdrawals without an end.
    pub(crate) wanted: Vec<(usize, ledger::LoadOrder)>,
    pub(crate) broken: Option<Broken>,
    pub(crate) delays: Delays,
    pub(crate) witness: Witness,
    /// What is broken on purpose.
    pub(crate) sabotage: Option<Sabotage>,
    /// Nothing goes wrong any more.
    pub(crate) calm: bool,
    adversaries: Vec<Option<Box<dyn Adversary>>>,
    orders: u64,
    runtime: Rc<Runtime>,
    _folder: tempfile::TempDir,
}

impl Union {
    pub(crate) fn new(bias: Bias, log: Log, mut chance: Chance) -> Self {
        let cast = Cast::get();
        let mut scenario = Scenario::draw(&mut chance);
        if let Some(sabotage) = bias.sabotage {
            sabotage.tempts(&mut scenario);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let runtime = Rc::new(runtime);
        let folder = tempfile::tempdir_in(shelf()).unwrap();
        let terms = (scenario.policy, scenario.share_permille, bias.sabotage);
        let offices = (0..=scenario.gateways)
            .map(|number| Office::new(cast, number, terms, &runtime, folder.path()));
        let mut world = Self {
            schedule: Schedule::new(),
            links: Links::new(scenario.quality, chance.fork()),
            offices: offices.collect(),
            things: Vec::new(),
            tally: Tally::default(),
            deals: BTreeMap::new(),
            given: BTreeMap::new(),
            wanted: Vec::new(),
            broken: None,
            delays: Delays::default(),
            witness: Witness::default(),
            sabotage: bias.sabotage,
            calm: false,
            adversaries: Vec::new(),
            orders: 0,
            _folder: folder,
            runtime,
            cast,
            chance,
            scenario,
            log,
        };
        for gateway in 1..world.offices.len() {
            for _ in 0..world.scenario.things_each {
                world.add_thing(gateway, true);
            }
        }
        adversary::enter(&mut world, bias);
        world.begin();
        world
    }

    /// The next thing that a gateway enrolled.
    pub(crate) fn add_thing(&mut self, gateway: usize, honest: bool) -> usize {
        let number = self.things.len();
        let station = self.cast.offices[gateway].code;
        let before = self.things.iter().filter(|thing| {
            let by = thing.birth.code.issued_by().station;
            usize::from(by) == gateway + 1
        });
        let place = before.count();
        assert!(place < BIRTHS_EACH, "{station} has enrolled enough things");
        let birth = self.cast.birth(gateway, place);
        let flash = Flash::new(self.chance.fork());
        let mut thing = Thing::new(number, (birth, gateway), flash, honest);
        assert!(thing.power_on(self.cast), "a new thing has power");
        let now = self.now();
        for office in &self.offices {
            let pass = &self.cast.offices[office.number].pass;
            let purse = thing.purse.as_mut().unwrap();
            let trusted = purse.trust_gateway(&self.cast.issuer_pass, pass, now);
            assert_eq!(trusted, Ok(office.code));
        }
        self.things.push(thing);
        number
    }

    fn begin(&mut self) {
        for gateway in 1..self.offices.len() {
            let pass = &self.cast.offices[gateway].pass;
            let centre = self.offices[CENTRE].ledger();
            let admitted = centre.admit(&self.cast.trust, pass, self.scenario.terms);
            self.runtime.block_on(admitted).unwrap();
        }
        self.carry_all(3);
        for thing in 0..self.things.len() {
            self.first_load(thing);
        }
        self.carry_all(3);
        for thing in 0..self.things.len() {
            let first_ms = self.chance.below(self.scenario.wake_ms);
            if self.things[thing].honest {
                self.schedule.plan(first_ms, Happening::Wakes(thing));
            }
        }
        for office in 0..self.offices.len() {
            let first_ms = self.chance.below(SWEEP_MS);
            self.schedule.plan(first_ms, Happening::Sweeps(office));
            self.schedule.plan(first_ms / 2, Happening::Posts(office));
        }
        for adversary in 0..self.adversaries.len() {
            let at_ms = self.chance.below(self.scenario.span_ms / 4);
            self.schedule.plan(at_ms, Happening::Acts(adversary));
        }
        self.schedule.plan(WEATHER_MS, Happening::Weather);
        self.schedule.plan(TREASURER_MS, Happening::Treasurer);
    }

    /// So many turns of everybody sweeping and carrying everything.
    pub(crate) fn carry_all(&mut self, turns: u32) {
        for _ in 0..turns {
            for office in 0..self.offices.len() {
                self.sweeps_once(office);
            }
            self.exchange();
        }
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

    pub(crate) fn is_away(&self, office: usize) -> bool {
        self.offices[office].away_until_ms > self.schedule.now_ms()
    }

    pub(crate) fn thing_of(&self, code: &Code) -> Option<usize> {
        self.things.iter().position(|thing| thing.code == *code)
    }

    /// Runs until the scenario is over or something is broken.
    pub(crate) fn run(&mut self) {
        while self.broken.is_none()
            && let Some(happening) = self.schedule.next(self.scenario.span_ms)
        {
            self.tally.steps += 1;
            self.step(happening);
            if self.tally.steps.is_multiple_of(LOOK_EVERY) {
                invariants::look(self);
            }
        }
        if self.broken.is_none() {
            finish::finish(self);
        }
    }

    fn step(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives(from, to, mail) => self.arrives(from, to, mail),
            Happening::Posts(office) => self.posts(office),
            Happening::Sweeps(office) => {
                if !self.is_away(office) {
                    self.sweeps_once(office);
                }
                let in_ms = self.chance.between(SWEEP_MS / 2, SWEEP_MS);
                self.schedule.plan(in_ms, Happening::Sweeps(office));
            }
            Happening::Wakes(thing) => things::wakes(self, thing),
            Happening::PowerOn(thing) => self.power_on(thing),
            Happening::Weather => self.weather(),
            Happening::Treasurer => {
                self.treasurer();
                let in_ms = self.chance.between(TREASURER_MS / 2, TREASURER_MS * 2);
                self.schedule.plan(in_ms, Happening::Treasurer);
            }
            Happening::Acts(adversary) => self.acts(adversary),
        }
    }

    fn sweeps_once(&mut self, office: usize) {
        let now = self.now();
        if let Err(status) = self.offices[office].sweep(now) {
            let name = self.offices[office].name();
            self.fail("a sweep does its work", format!("{name}: {status}"));
        }
        for _ in 0..self.offices[office].return_overdue(now) {
            self.tally.count("returned");
        }
    }

    /// Links fall apart and heal; an office is gone, for an hour or for longer than its leases.
    fn weather(&mut self) {
        let parties: Vec<_> = (0..self.offices.len()).map(Party::Gateway).collect();
        let groups = self.links.weather(&parties);
        if groups > 1 {
            self.tally.count("partitions");
            self.note(format!("the world falls into {groups} groups"));
        }
        let office = 1 + self.chance.index(self.offices.len() - 1);
        if !self.is_away(office) && self.chance.per_mille(self.scenario.losses) {
            let lease_s = u64::from(self.scenario.terms.lease_life_s);
            let (least_s, most_s) = match self.chance.per_mille(self.scenario.long) {
                false => (600, 5_400),
                true => (lease_s + 3_600, lease_s + 9_000),
            };
            let gone_ms = 1_000 * self.chance.between(least_s, most_s);
            self.notes_letters(office);
            self.offices[office].away_until_ms = self.schedule.now_ms() + gone_ms;
            self.offices[office].restart();
            self.tally.count("offices lost");
            let name = self.offices[office].name();
            self.note(format!("{name} is gone for {} minutes", gone_ms / 60_000));
        }
        let in_ms = self.chance.between(WEATHER_MS / 4, WEATHER_MS * 2);
        self.schedule.plan(in_ms, Happening::Weather);
    }

    fn power_on(&mut self, thing: usize) {
        if self.things[thing].power_on(self.cast) {
            let name = self.things[thing].name();
            self.note(format!("{name} has power again"));
        } else {
            self.schedule.plan(5_000, Happening::PowerOn(thing));
        }
    }

    fn acts(&mut self, number: usize) {
        let Some(mut adversary) = self.adversaries[number].take() else {
            return;
        };
        adversary.act(self);
        self.adversaries[number] = Some(adversary);
        let in_ms = self.chance.between(10 * 60_000, 60 * 60_000);
        self.schedule.plan(in_ms, Happening::Acts(number));
    }
}

impl Drop for Union {
    fn drop(&mut self) {
        for office in &self.offices {
            office.close();
        }
    }
}

pub(crate) fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}
