//! Coins, one by one, as a pure function of the journal: no store, no clock.
//!
//! An account is a queue. A transfer takes its coins from the front of one queue and puts them at
//! the back of another, in the order of the journal's entries and of the transfers in each. What an
//! account pays out beyond what it holds comes from its **source** and is numbered there, on and on
//! from 1: these numbers are the serials of the coins. The issuer pays everything out of its source;
//! what returns to it stays there for good. So every load has a range of serials, and so has
//! everything that comes from beyond these books.
//!
//! Nothing here moves coins. The first coin that ever enters an account has position 1 in it, and
//! because a queue keeps its order, the coins leave by position as well. One line per transfer says
//! which positions of the one account became which positions of the other ([`Move`]), and following
//! a coin is looking up one line after the other ([`Walk`]). So a transfer costs the same however
//! many small ranges it carries, and everything else is work of whoever asks.
//!
//! ```text
//! journal entry -> Posted -> Queues::post -> Move, Paid -> net (shortcuts over many moves)
//! question: Walk::wants -> the index looks the line up -> Walk::found -> Arrived
//! ```

mod journal;
mod queues;
mod shortcuts;
#[cfg(test)]
mod tests;
mod walk;

pub use journal::{Posted, Transferred};
pub use queues::{Account, Name, Paid, Queues, Uncountable};
pub use shortcuts::{FANOUT, HOPS_LEAST, LEVELS, net, net_of_level};
pub use walk::{Arrived, Walk};

/// An account by number, in the order of first use; its source has the same number below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

impl AccountId {
    /// Where the coins come from that this account pays out without holding them.
    pub const fn source(self) -> Self {
        Self(-self.0.saturating_abs())
    }

    /// The account whose source this is, or the account itself.
    pub const fn account(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Whether coins begin here.
    pub const fn is_source(self) -> bool {
        self.0 < 0
    }
}

/// The place of one coin in the whole life of an account; in a source, its serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Which account.
    pub account: AccountId,
    /// From 1.
    pub position: u128,
}

impl Spot {
    /// So many coins further back in the same queue.
    pub const fn plus(self, coins: u128) -> Self {
        Self {
            account: self.account,
            position: self.position.saturating_add(coins),
        }
    }
}

/// Coins that stood in a row and went on in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Where the first of them stood.
    pub from: Spot,
    /// Where the first of them stands then.
    pub to: Spot,
    /// How many.
    pub coins: u128,
    /// Over how many moves, at most.
    pub hops: u32,
}

impl Jump {
    /// The same, for who walks against time.
    pub const fn turned(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            ..self
        }
    }

    /// How many of its coins stand before this one; none when it is not among them.
    pub fn before(&self, spot: Spot) -> Option<u128> {
        let before = spot.position.checked_sub(self.from.position)?;
        (spot.account == self.from.account && before < self.coins).then_some(before)
    }
}

/// One move of the journal. A transfer makes one, or two when it takes from the source as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// 1, 2, 3, ... in the order of the journal.
    pub number: u64,
    /// The entry it belongs to.
    pub height: u64,
    /// Where the first coin stood.
    pub from: Spot,
    /// Where it stands then.
    pub to: Spot,
    /// How many coins.
    pub coins: u64,
}

impl Move {
    /// As a jump over one move.
    pub fn jump(&self) -> Jump {
        Jump {
            from: self.from,
            to: self.to,
            coins: u128::from(self.coins),
            hops: 1,
        }
    }
}
