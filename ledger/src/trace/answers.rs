//! What an answer says.

use super::fifo::{AccountId, Spot};
use crate::books::{Account, EntryKind};
use protocol::{Code, Currency, Digest, KeyEpoch, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Who holds coins, or gave or took them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The issuer: loads come from it, and what is redeemed has ended there.
    Issuer,
    /// A purse, free.
    Purse(Code),
    /// A purse, behind the allowances of one life of its key.
    Reserved(Code, KeyEpoch),
    /// A payment that waits for its payee.
    InTransit(Digest),
    /// What the holder of a purse put down against its own forks.
    Deposit(Code),
    /// What the operator put down against forks.
    Bond,
    /// What the issuer set aside for its guarantees.
    Guarantee,
    /// On its way to other books. Coins of its source came from them.
    Clearing,
    /// An account of a later version of the books, by its key.
    Other(Vec<u8>),
}

impl Holder {
    /// The holder of an account with this key.
    pub fn read(key: &[u8]) -> Self {
        match Account::read(key) {
            Some(Account::Issuer) => Self::Issuer,
            Some(Account::PurseFree(code)) => Self::Purse(code),
            Some(Account::PurseReserved(code, epoch)) => Self::Reserved(code, epoch),
            Some(Account::InTransit(payment)) => Self::InTransit(payment),
            Some(Account::Deposit(code)) => Self::Deposit(code),
            Some(Account::Bond) => Self::Bond,
            Some(Account::Guarantee) => Self::Guarantee,
            Some(Account::Clearing) => Self::Clearing,
            None => Self::Other(key.to_vec()),
        }
    }

    /// Whose purse or deposit it is.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Purse(code) | Self::Reserved(code, _) | Self::Deposit(code) => Some(*code),
            Self::Issuer
            | Self::InTransit(_)
            | Self::Bond
            | Self::Guarantee
            | Self::Clearing
            | Self::Other(_) => None,
        }
    }
}

/// Coins of one source with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serials {
    /// Number of the source in the index: the same however often the index is made.
    pub source: i64,
    /// The first one.
    pub first: u128,
    /// And the last one.
    pub last: u128,
}

impl Serials {
    pub(super) fn from(first: u128, coins: u128, source: AccountId) -> Self {
        Self {
            source: source.account().0,
            first,
            last: first.saturating_add(coins).saturating_sub(1),
        }
    }

    /// How many.
    pub const fn coins(&self) -> u128 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// A journal entry, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    pub height: u64,
    /// When.
    pub at: Timestamp,
    /// Number of its [`EntryKind`].
    pub kind: u8,
    /// What caused it: of a payment, its identifier.
    pub subject: Digest,
}

impl Note {
    /// Its kind in a word.
    pub fn word(&self) -> &'static str {
        const WORDS: [(EntryKind, &str); 17] = [
            (EntryKind::Load, "load"),
            (EntryKind::Redeem, "redeem"),
            (EntryKind::Allow, "allow"),
            (EntryKind::Release, "release"),
            (EntryKind::Transit, "transit"),
            (EntryKind::Settle, "settle"),
            (EntryKind::Claim, "claim"),
            (EntryKind::Units, "units"),
            (EntryKind::Decline, "decline"),
            (EntryKind::Return, "return"),
            (EntryKind::TopUp, "top_up"),
            (EntryKind::Short, "short"),
            (EntryKind::Compensate, "compensate"),
            (EntryKind::Recover, "recover"),
            (EntryKind::Credit, "credit"),
            (EntryKind::Close, "close"),
            (EntryKind::Relay, "relay"),
        ];
        let mut words = WORDS.into_iter();
        let found = words.find(|(kind, _)| *kind as u8 == self.kind);
        found.map_or("other", |(_, word)| word)
    }
}

/// Coins and who holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which coins.
    pub serials: Serials,
    /// Where they are.
    pub holder: Holder,
}

/// Where a load is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadTrace {
    /// The entry that brought it.
    pub note: Note,
    /// In which currency.
    pub currency: Currency,
    /// Where it came from: the issuer, else beyond these books.
    pub source: Holder,
    /// All its coins.
    pub serials: Vec<Serials>,
    /// A page of where they are, in the order of their serials.
    pub holdings: Vec<Holding>,
}

/// Coins in a purse and where they began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// In which currency.
    pub currency: Currency,
    /// Which coins.
    pub serials: Serials,
    /// In which part of the purse.
    pub holder: Holder,
    /// What gave them: the issuer, else somewhere beyond these books.
    pub source: Holder,
    /// The entry that brought them in: of the issuer's coins, the load.
    pub load: Note,
}

/// One step of coins from holder to holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The entry that moved them.
    pub note: Note,
    /// Where they were.
    pub from: Holder,
    /// Where they went.
    pub to: Holder,
}

/// The way of some coins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTrace {
    /// In which currency.
    pub currency: Currency,
    /// Those that went all this way together; ask for the others from the next serial on.
    pub serials: Serials,
    /// A page of hops, the oldest first.
    pub hops: Vec<Hop>,
    /// Where they are after these hops.
    pub holder: Holder,
}

/// An answer, and up to where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced<T> {
    /// The answer.
    pub answer: T,
    /// Where the next page begins, if there is one.
    pub next: Option<TraceCursor>,
    /// Newest journal entry that it knows.
    pub height: u64,
    /// Entries that were written before it was given and that it does not know.
    pub behind: u64,
}

/// Where a page ended. It prints and parses, so that it can stand in a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceCursor {
    pub(super) account: i64,
    pub(super) position: u128,
    pub(super) coins: u128,
}

impl TraceCursor {
    pub(super) const fn at(spot: Spot, coins: u128) -> Self {
        Self {
            account: spot.account.0,
            position: spot.position,
            coins,
        }
    }

    pub(super) const fn spot(&self) -> Spot {
        Spot {
            account: AccountId(self.account),
            position: self.position,
        }
    }
}

impl fmt::Display for TraceCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.account, self.position, self.coins)
    }
}

impl FromStr for TraceCursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().unwrap_or_default();
        Ok(Self {
            account: next().parse()?,
            position: next().parse()?,
            coins: next().parse()?,
        })
    }
}
