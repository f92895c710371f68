//! The lease on a purse: who is home, and how that changes.

use ledger::federation::rules::news;
use protocol::AmountMinor;

use super::books::amount;
use super::cast::Who;
use super::state::{Closing, Delivery, Purse, Wire, World};
use super::{Flaw, Model};

impl Model {
    /// The thing has signed a move and its home takes it. What is free leaves; what is reserved
    /// stays, and the old home remains arbiter of the allowances it gave.
    pub(super) fn close(&self, world: &mut World, who: Who, to: usize) {
        let Some(home) = world.home(who) else { return };
        let Some(purse) = world.gateways[home].purses.get_mut(&who) else {
            return;
        };
        let Some(base) = purse.standing() else { return };
        let lease = purse.lease + 1;
        let closing = Closing {
            to,
            free: purse.free,
            base,
            taken: false,
        };
        if !self.has(Flaw::MovesWithoutClosing) {
            purse.home = false;
            purse.free = 0;
        }
        purse.lease = lease;
        world.closings.insert((who, lease), closing);
    }

    /// A closing balance arrives at the new home, perhaps not for the first time.
    pub(super) fn open(&self, world: &mut World, who: Who, lease: u8) {
        let Some(closing) = world.closings.get_mut(&(who, lease)) else {
            return;
        };
        let gateway = &mut world.gateways[closing.to];
        if gateway.silent {
            return;
        }
        let purse = gateway.purses.entry(who).or_default();
        if purse.lease >= lease && !self.has(Flaw::TakesAnyClosing) {
            return;
        }
        closing.taken = true;
        purse.home = true;
        purse.lease = lease;
        purse.base = closing.base;
        purse.free += closing.free;
    }

    /// What became free at an old home goes on.
    pub(super) fn send_on(world: &mut World, from: usize, who: Who) {
        let Some(purse) = world.gateways[from].purses.get_mut(&who) else {
            return;
        };
        let before = purse.sent_on;
        purse.sent_on += std::mem::take(&mut purse.free);
        let wire = Wire::SentOn {
            who,
            from,
            before,
            total: purse.sent_on,
        };
        world.wires.insert(wire, Delivery::Pending);
    }

    /// What an old home sent on arrives at the purse's home, or again where it arrived first.
    /// `false` while nobody is home.
    pub(super) fn sent_on(&self, world: &mut World, wire: Wire) -> bool {
        let Wire::SentOn {
            who,
            from,
            before,
            total,
        } = wire
        else {
            return false;
        };
        let known = world.routes.get(&wire).copied();
        let known = known.filter(|_| !self.has(Flaw::RoutesCreditsAnew));
        let Some(goal) = known.or_else(|| world.home(who)) else {
            return false;
        };
        let Some(purse) = world.gateways[goal].purses.get_mut(&who) else {
            return false;
        };
        if purse.applied.insert((from, before)) {
            let more = news(amount(total), amount(before));
            purse.free += more.map_or(0, AmountMinor::get);
        }
        world.routes.insert(wire, goal);
        true
    }

    /// The centre releases the silent gateway's purses: its books are carried on elsewhere, as the
    /// centre knows them. What it alone knew is gone.
    pub(super) fn release(world: &mut World) {
        let [first, _] = &mut world.gateways;
        first.purses = world.replica.clone();
        first.silent = false;
        world.released = true;
    }

    /// Everything that was sent has arrived.
    pub(super) fn wires_are_empty(world: &World) -> bool {
        world.wires.values().all(|d| *d != Delivery::Pending)
            && world.closings.values().all(|closing| closing.taken)
    }

    /// Whether an old home holds free money that belongs to the purse elsewhere.
    pub(super) fn must_send_on(purse: &Purse) -> bool {
        !purse.home && purse.free > 0
    }
}
