//! One state of the world: who has signed, taken, written and sent what.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use ledger::rules::coverage::Coverage;
use ledger::rules::links::Links;
use ledger::rules::said::Said;
use ledger::rules::settle::Fate;
use protocol::{Odometer, Timestamp};

use super::cast::{Given, Order, Who};

/// How long a gateway may be out of touch.
pub const GRACE_S: u32 = 500;
/// How long an allowance is good, and a payment under it can be claimed.
pub const LIFE_S: u32 = 1_000;

/// When the leases of all purses end.
pub const LEASE_ENDS: Timestamp = Timestamp(3_000);

/// The clock knows a few moments: one on each side of every deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Allowances are good; everything is signed now.
    Open,
    /// `settle_by` has passed, the grace period has not.
    Due,
    /// The grace period after `settle_by` has passed as well.
    Over,
    /// The lease on a silent gateway's purses has ended.
    LeaseEnded,
    /// The grace period after it has passed as well.
    Released,
    /// Everything that had to happen has happened.
    End,
}

impl Moment {
    /// In seconds.
    pub const fn time(self) -> Timestamp {
        Timestamp(match self {
            Self::Open => 1_000,
            Self::Due => 2_200,
            Self::Over => 2_600,
            Self::LeaseEnded => 3_100,
            Self::Released => 3_600,
            Self::End => 4_000,
        })
    }
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// What time it is.
    pub moment: Moment,
    /// Things that pay.
    pub payers: BTreeMap<Who, Payer>,
    /// Things that are paid.
    pub payees: BTreeMap<Who, Payee>,
    /// Both gateways.
    pub gateways: [Gateway; 2],
    /// What gateways have told each other.
    pub wires: BTreeMap<Wire, Delivery>,
    /// Purses on their way to a new home, by their new lease.
    pub closings: BTreeMap<(Who, u8), Closing>,
    /// What the centre knows of the first gateway.
    pub replica: BTreeMap<Who, Purse>,
    /// Who took what was sent on: whoever sent it there numbers it, so that it comes again to
    /// nobody else.
    pub routes: BTreeMap<Wire, usize>,
    /// The second gateway carries on the books of the silent one.
    pub released: bool,
    /// Money that left the world.
    pub withdrawn: u64,
    /// Something that must never happen has happened.
    pub broken: Option<&'static str>,
}

/// A thing that pays, with all that its key ever signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Payer {
    /// Its allowances, the newest last.
    pub given: Vec<Given>,
    /// Its payments.
    pub signed: BTreeSet<Order>,
    /// Two of them begin where only one may.
    pub forked: bool,
}

/// A thing that is paid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Payee {
    /// The newest payment it took, by payer.
    pub newest: BTreeMap<Who, Order>,
    /// Its receipts.
    pub said: BTreeMap<Order, Word>,
    /// What it took and some gateway saw claimed by the deadline.
    pub in_time: BTreeSet<Order>,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// The payee takes the payment.
    Takes,
    /// The payee does not.
    Declines,
}

impl Word {
    /// In the ledger's terms.
    pub const fn said(self) -> Said {
        match self {
            Self::Takes => Said::Takes,
            Self::Declines => Said::Declines,
        }
    }
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Gateway {
    /// Purses at home here.
    pub purses: BTreeMap<Who, Purse>,
    /// Payments it wrote a claim note for.
    pub notes: BTreeSet<Order>,
    /// It will not be heard of again.
    pub silent: bool,
}

/// What one gateway's books hold of one purse. An old home keeps the reserve and the payments of the
/// allowances it gave, and remains their arbiter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Purse {
    /// Whether it is at home here.
    pub home: bool,
    /// The newest lease that this gateway took or gave up.
    pub lease: u8,
    /// Where the chain of payments stood when it came here.
    pub base: Base,
    /// What it holds beside the reserve.
    pub free: u64,
    /// What is kept for its allowances.
    pub reserved: u64,
    /// Which readings that stands for.
    pub coverage: Coverage,
    /// Its payments that were handed in.
    pub rows: BTreeMap<Order, Row>,
    /// Payments it was paid with.
    pub credited: BTreeSet<Order>,
    /// No new allowances.
    pub frozen: bool,
    /// All that became free here after it had left, and was sent on.
    pub sent_on: u64,
    /// What arrived that others had sent on, by sender and what they had sent before.
    pub applied: BTreeSet<(usize, u64)>,
}

/// The newest payment that a former home knew of; the first ones have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Its number and reference.
    pub links: Links,
    /// The odometer after it.
    pub odometer: Odometer,
}

impl Hash for Base {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.links.sequence, self.links.head, self.odometer).hash(state);
    }
}

/// A payment in the books of its payer's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What became of it.
    pub fate: Fate,
    /// What its receipt says.
    pub said: Option<Said>,
    /// What has left the payer for it.
    pub funded: u64,
    /// How much of that is in transit.
    pub waits: u64,
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.fate.status() as u8, self.funded, self.waits).hash(state);
        let said = self.said.map(|said| matches!(said, Said::Declines));
        said.hash(state);
    }
}

/// What one gateway tells another. It may arrive late, and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wire {
    /// A payment that was handed in at the wrong gateway, to its payer's home.
    Forward {
        /// Which.
        order: Order,
        /// With this receipt.
        word: Option<Word>,
        /// Claimed by its deadline; the sender has written a note.
        noted: bool,
    },
    /// A payment has settled, to its payee's home.
    Credit {
        /// Which.
        order: Order,
        /// How much of it.
        amount: u64,
    },
    /// What became free at an old home, to the purse's home.
    SentOn {
        /// Whose.
        who: Who,
        /// The old home.
        from: usize,
        /// What it had sent on before.
        before: u64,
        /// And with this.
        total: u64,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Under way.
    Pending,
    /// It arrived and was taken.
    Taken,
    /// It arrived and was refused.
    Refused,
}

/// The closing balance of an old home.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    /// The gateway that is to be home.
    pub to: usize,
    /// What goes there at once.
    pub free: u64,
    /// Where the chain of payments stands.
    pub base: Base,
    /// The new home has begun.
    pub taken: bool,
}

impl World {
    /// Where a purse is at home, if that gateway can be heard of.
    pub fn home(&self, who: Who) -> Option<usize> {
        let at_home = |gateway: &Gateway| gateway.purses.get(&who).is_some_and(|p| p.home);
        self.gateways
            .iter()
            .position(|gateway| !gateway.silent && at_home(gateway))
    }

    /// Who decides about a payment: the gateway that gave its allowance, if it can be heard of.
    pub fn arbiter(&self, order: &Order) -> Option<usize> {
        let by = order.given.by();
        (!self.gateways[by].silent).then_some(by)
    }

    /// The books of all purses.
    pub fn purses(&self) -> impl Iterator<Item = (&Who, &Purse)> {
        self.gateways.iter().flat_map(|gateway| &gateway.purses)
    }

    /// Whether a payee was paid with this payment.
    pub fn paid(&self, order: &Order) -> bool {
        self.purses()
            .any(|(_, purse)| purse.credited.contains(order))
    }

    /// Every payment that was ever signed.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.payers.values().flat_map(|payer| &payer.signed)
    }

    /// Whether a gateway noted a claim by this payer that has not reached their arbiter.
    pub fn claim_under_way(&self, payer: Who) -> bool {
        self.wires.iter().any(|(wire, delivery)| {
            matches!(wire, Wire::Forward { order, noted: true, .. } if order.payer == payer)
                && *delivery == Delivery::Pending
        })
    }
}
