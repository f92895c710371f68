//! What can happen next.

use std::collections::BTreeMap;

use ledger::federation::rules::may_release;
use stateright::Property;

use super::cast::{Given, Order, Who};
use super::must;
use super::state::{
    Delivery, GRACE_S, Gateway, LEASE_ENDS, Moment, Payee, Payer, Purse, Wire, Word, World,
};
use super::{Flaw, Model};

/// What every payer begins with.
pub(super) const LOADED: u64 = 6;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A payer signs its next payment.
    Sign {
        /// To whom.
        payee: Who,
        /// Under which allowance.
        given: Given,
        /// Whose.
        payer: Who,
        /// After this one; a fork when another already follows it.
        after: Option<Order>,
        /// How many numbers further.
        skip: u32,
    },
    /// A payment reaches its payee, who takes it if the rules allow.
    Show(Order),
    /// The payee declines a payment that it never took.
    Decline(Order),
    /// A payment is handed in at a gateway, by either side.
    HandIn {
        /// Which.
        order: Order,
        /// Where.
        at: usize,
        /// With the payee's receipt.
        word: Option<Word>,
    },
    /// A message between gateways arrives.
    Arrive(Wire),
    /// A payer asks for a further allowance, saying that it stands here.
    Renew {
        /// Who asks.
        payer: Who,
        /// The newest payment that it admits to.
        head: Option<Order>,
    },
    /// A payer takes its free money out.
    Withdraw(Who),
    /// A purse leaves its home for another.
    Move {
        /// Whose.
        who: Who,
        /// Where to.
        to: usize,
    },
    /// A closing balance arrives.
    Open {
        /// Whose.
        who: Who,
        /// Under which lease.
        lease: u8,
    },
    /// What nobody claimed in time goes back.
    GiveBack(Order),
    /// A reserve that nobody can claim on any more becomes free.
    Lapse {
        /// Whose.
        who: Who,
        /// In which books.
        at: usize,
    },
    /// An old home sends on what became free after the purse had left.
    SendOn {
        /// Whose.
        who: Who,
        /// From where.
        from: usize,
    },
    /// The first gateway falls silent for ever.
    FallSilent,
    /// What the first gateway wrote before it fell silent reaches the centre.
    Report,
    /// The centre releases the silent gateway's purses.
    Release,
    /// Time goes on.
    Tick,
}

impl stateright::Model for Model {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.beginning()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.broken.is_some() || world.moment == Moment::End {
            return;
        }
        if world.moment == Moment::Open {
            self.sides(world, steps);
        }
        self.gateways(world, steps);
        if self.may_tick(world) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        self.take(&mut next, step);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        must::properties()
    }
}

impl Model {
    fn beginning(&self) -> World {
        let payers: Vec<Who> = (0..self.size.payers).map(Who).collect();
        let purse = |free| Purse {
            home: true,
            free,
            ..Purse::default()
        };
        let [near, far] = Who::PAYEES;
        let loaded = payers.iter().map(|payer| (*payer, purse(LOADED)));
        let gateway = |purses: BTreeMap<Who, Purse>| Gateway {
            purses,
            ..Gateway::default()
        };
        let mut world = World {
            moment: Moment::Open,
            payers: payers.iter().map(|p| (*p, Payer::default())).collect(),
            payees: Who::PAYEES.map(|p| (p, Payee::default())).into(),
            gateways: [
                gateway(loaded.chain([(near, purse(0))]).collect()),
                gateway(BTreeMap::from([(far, purse(0))])),
            ],
            wires: BTreeMap::new(),
            closings: BTreeMap::new(),
            replica: BTreeMap::new(),
            routes: BTreeMap::new(),
            released: false,
            withdrawn: 0,
            broken: None,
        };
        for payer in payers {
            self.renew(&mut world, 0, payer, None);
        }
        if self.size.silence {
            world.replica = world.gateways[0].purses.clone();
        }
        world
    }

    /// All the money there is.
    pub(super) fn loaded(&self) -> u64 {
        LOADED * u64::from(self.size.payers)
    }

    /// What the two sides of a payment can do while its allowance is good.
    fn sides(&self, world: &World, steps: &mut Vec<Step>) {
        for (payer, holds) in &world.payers {
            self.payments(*payer, holds, steps);
            if holds.given.len() <= self.size.renewals {
                let heads = holds.signed.iter().copied().map(Some).chain([None]);
                let newest = holds.signed.last().copied();
                let honest = |head: &Option<Order>| *head == newest;
                let heads = heads.filter(|head| holds.forked || honest(head));
                steps.extend(heads.map(|head| Step::Renew {
                    payer: *payer,
                    head,
                }));
            }
        }
        for order in world.orders() {
            if !world.payees[&order.payee].said.contains_key(order) {
                steps.push(Step::Show(*order));
                if self.size.declines {
                    steps.push(Step::Decline(*order));
                }
            }
        }
        if let Some(purse) = world
            .home(Who::FIRST)
            .map(|home| (home, &world.gateways[home]))
        {
            let (home, gateway) = purse;
            if gateway.purses[&Who::FIRST].lease < self.size.moves {
                steps.push(Step::Move {
                    who: Who::FIRST,
                    to: 1 - home,
                });
            }
        }
    }

    fn payments(&self, payer: Who, holds: &Payer, steps: &mut Vec<Step>) {
        if holds.signed.len() >= self.size.payments {
            return;
        }
        let may_fork = self.size.forks && payer == Who::FIRST;
        let newest = holds.signed.last().copied();
        let mut sign = |after, given: &Given, skip| {
            steps.extend(Who::PAYEES.map(|payee| Step::Sign {
                payee,
                given: *given,
                payer,
                after,
                skip,
            }));
        };
        if !may_fork {
            holds
                .given
                .last()
                .into_iter()
                .for_each(|given| sign(newest, given, 1));
            return;
        }
        let points = holds.signed.iter().copied().map(Some).chain([None]);
        for after in points {
            for given in &holds.given {
                sign(after, given, 1);
                if after.is_none() {
                    sign(after, given, 2);
                }
            }
        }
    }

    /// What happens at gateways and between them.
    fn gateways(&self, world: &World, steps: &mut Vec<Step>) {
        if world.moment == Moment::Open || self.size.late {
            Self::hand_ins(world, steps);
        }
        for (wire, delivery) in &world.wires {
            if *delivery != Delivery::Refused {
                steps.push(Step::Arrive(*wire));
            }
        }
        for (who, lease) in world.closings.keys() {
            let (who, lease) = (*who, *lease);
            steps.push(Step::Open { who, lease });
        }
        for (_, purse) in world.purses() {
            for (order, row) in &purse.rows {
                if self.is_overdue(world, order, row) {
                    steps.push(Step::GiveBack(*order));
                }
            }
        }
        for (at, gateway) in world.gateways.iter().enumerate().filter(|(_, g)| !g.silent) {
            for (who, purse) in &gateway.purses {
                let (who, from) = (*who, at);
                if self.is_lapsed(world, who, purse) && (self.size.withdrawals || !purse.home) {
                    steps.push(Step::Lapse { who, at });
                }
                if Self::must_send_on(purse) {
                    steps.push(Step::SendOn { who, from });
                }
            }
        }
        if self.size.withdrawals {
            steps.extend(world.payers.keys().map(|payer| Step::Withdraw(*payer)));
        }
        if self.size.silence {
            self.silence(world, steps);
        }
    }

    fn hand_ins(world: &World, steps: &mut Vec<Step>) {
        for order in world.orders().copied() {
            let said = world.payees[&order.payee].said.get(&order).copied();
            let words = [None, said].into_iter();
            for word in words.take(1 + usize::from(said.is_some())) {
                steps.extend([0, 1].map(|at| Step::HandIn { order, at, word }));
            }
        }
    }

    fn silence(&self, world: &World, steps: &mut Vec<Step>) {
        let [first, _] = &world.gateways;
        if !first.silent && !world.released && world.moment <= Moment::Over {
            steps.push(Step::FallSilent);
        }
        if first.silent {
            steps.push(Step::Report);
            let hasty = self.has(Flaw::ReleasesAtLeaseEnd);
            let grace_s = if hasty { 0 } else { GRACE_S };
            if may_release(LEASE_ENDS, grace_s, world.moment.time()) {
                steps.push(Step::Release);
            }
        }
    }

    /// Time goes on only when nobody is out of touch for longer than grace.
    fn may_tick(&self, world: &World) -> bool {
        let [first, _] = &world.gateways;
        // What was sent before a gateway fell silent still arrives; what is sent to it waits.
        let noted = || {
            world.wires.iter().any(|(wire, delivery)| {
                matches!(wire, Wire::Forward { order, noted: true, .. }
                    if world.arbiter(order).is_some())
                    && *delivery == Delivery::Pending
            })
        };
        let moving = || {
            let mut moving = world.closings.values().filter(|closing| !closing.taken);
            moving.any(|closing| !world.gateways[closing.to].silent)
        };
        let overdue = || {
            let mut rows = world.purses().flat_map(|(_, purse)| &purse.rows);
            rows.any(|(order, row)| self.is_overdue(world, order, row))
                || world.purses().any(|(_, purse)| Self::must_send_on(purse))
        };
        match world.moment {
            Moment::Open => true,
            Moment::Due => !(noted() || moving()),
            Moment::Over if first.silent => true,
            Moment::LeaseEnded => first.purses == world.replica || world.released,
            Moment::Over | Moment::Released => {
                !first.silent && Self::wires_are_empty(world) && !overdue()
            }
            Moment::End => false,
        }
    }
}
