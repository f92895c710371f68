//! Double entry: accounts, postings and the chain of journal entries.

use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Timestamp};
use sha2::{Digest as _, Sha256};

/// Where money can be, within one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the issuer owes: minus everything put in and not redeemed.
    Issuer,
    /// What a purse holds and has not set aside.
    PurseFree(Code),
    /// What stands behind the allowances of one life of a purse's key.
    PurseReserved(Code, KeyEpoch),
    /// One payment that has left the payer and waits for its payee.
    InTransit(Digest),
    /// What the holder of a purse put down against its own forks.
    Deposit(Code),
    /// What the operator put down against forks of the purses it lets in.
    Bond,
    /// What the issuer set aside for the guarantees it prints in allowances.
    Guarantee,
    /// Money on its way to other books, or ahead of its coming from them: below zero where what
    /// came was more than what went.
    Clearing,
}

impl Account {
    /// Longest [`Account::key`].
    pub const KEY_BYTES_MOST: usize = 33;

    /// The number of its kind.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Issuer => 0,
            Self::PurseFree(_) => 1,
            Self::PurseReserved(..) => 2,
            Self::InTransit(_) => 3,
            Self::Deposit(_) => 4,
            Self::Bond => 5,
            Self::Guarantee => 6,
            Self::Clearing => 7,
        }
    }

    /// Whose money it is.
    pub const fn owner(&self) -> Option<Code> {
        match self {
            Self::PurseFree(code) | Self::PurseReserved(code, _) | Self::Deposit(code) => {
                Some(*code)
            }
            Self::Issuer | Self::InTransit(_) | Self::Bond | Self::Guarantee | Self::Clearing => {
                None
            }
        }
    }

    /// Its name in the books: the kind, then what the kind needs.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(Self::KEY_BYTES_MOST);
        key.push(self.kind());
        match self {
            Self::Issuer | Self::Bond | Self::Guarantee | Self::Clearing => {}
            Self::PurseFree(code) | Self::Deposit(code) => key.extend_from_slice(code.as_bytes()),
            Self::PurseReserved(code, epoch) => {
                key.extend_from_slice(code.as_bytes());
                key.extend_from_slice(&epoch.0.to_be_bytes());
            }
            Self::InTransit(payment) => key.extend_from_slice(payment.as_bytes()),
        }
        key
    }

    /// The account with this name, if there can be one.
    pub fn read(key: &[u8]) -> Option<Self> {
        let (_, rest) = key.split_first()?;
        let alone = [Self::Issuer, Self::Bond, Self::Guarantee, Self::Clearing];
        let payment = Digest::from_slice(rest).map(Self::InTransit);
        alone
            .into_iter()
            .chain(payment)
            .chain(Self::of_code(rest).into_iter().flatten())
            .find(|account| account.key() == key)
    }

    fn of_code(rest: &[u8]) -> Option<[Self; 3]> {
        let (code, rest) = rest.split_first_chunk()?;
        let code = Code::from_bytes(*code).ok()?;
        let epoch = rest.try_into().map_or(0, u32::from_be_bytes);
        let reserved = Self::PurseReserved(code, KeyEpoch(epoch));
        Some([Self::PurseFree(code), Self::Deposit(code), reserved])
    }
}

/// One line of an entry: what an account gained or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// By how much.
    pub change: i64,
}

/// Money going from one account to another: two lines that sum to zero. Nothing else can be
/// written, so an entry always balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose balance falls.
    pub from: Account,
    /// Whose balance rises.
    pub to: Account,
    /// By how much.
    pub amount: AmountMinor,
}

impl Transfer {
    /// The two lines; none when nothing moves.
    pub fn postings(&self) -> impl Iterator<Item = Posting> {
        let amount = self.amount.as_i64();
        let lines = [
            Posting {
                account: self.from,
                change: -amount,
            },
            Posting {
                account: self.to,
                change: amount,
            },
        ];
        lines.into_iter().filter(move |_| amount != 0)
    }
}

/// The transfers that bring money from some accounts to others, both in order. The sums are equal;
/// what goes from an account to itself stays where it is.
pub fn route(from: &[(Account, AmountMinor)], to: &[(Account, AmountMinor)]) -> Vec<Transfer> {
    let mut transfers = Vec::new();
    let mut sources = from.iter().copied();
    let mut source = sources.next();
    for &(goal, wanted) in to {
        let mut left = wanted;
        while let Some((account, there)) = source.filter(|_| left > AmountMinor::ZERO) {
            let amount = there.min(left);
            left = left.checked_sub(amount).unwrap_or_default();
            source = match there.checked_sub(amount) {
                Some(rest) if rest > AmountMinor::ZERO => Some((account, rest)),
                _ => sources.next(),
            };
            if account != goal && amount > AmountMinor::ZERO {
                transfers.push(Transfer {
                    from: account,
                    to: goal,
                    amount,
                });
            }
        }
    }
    transfers
}

/// Why an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EntryKind {
    /// The treasurer put money in.
    Load = 1,
    /// The treasurer took money out.
    Redeem = 2,
    /// Free money was set aside behind an allowance.
    Allow = 3,
    /// Money behind expired allowances is free again.
    Release = 4,
    /// A payment left its payer and waits for its payee.
    Transit = 5,
    /// A payment reached its payee.
    Settle = 6,
    /// A payment contradicts another; no money moved.
    Claim = 7,
    /// Units of a stream reached its payee; the rest waits.
    Units = 8,
    /// A payment went back: its payee declined it.
    Decline = 9,
    /// A payment went back: nobody claimed it in time.
    Return = 10,
    /// More of a payment that waited for its covers is paid.
    TopUp = 11,
    /// The time for covers is over: what is missing of a payment stays missing.
    Short = 12,
    /// A payee that a fork left short was paid out of what stands behind the forker.
    Compensate = 13,
    /// What a lost thing held went to its owner's new one.
    Recover = 14,
    /// Money came from other books.
    Credit = 32,
    /// A purse left these books, or what it had left behind.
    Close = 33,
    /// Another gateway settles what was handed in here; no money moved.
    Relay = 34,
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Why.
    pub kind: EntryKind,
    /// The identifier of what caused it.
    pub subject: Digest,
    /// All its lines are in one currency.
    pub currency: Currency,
    /// When.
    pub at: Timestamp,
    /// What moves.
    pub transfers: Vec<Transfer>,
}

impl Entry {
    /// The bytes the chain is made over, all numbers big-endian: height 8, time 4, kind 1,
    /// subject 32, currency 6, number of lines 1, then per line the length of the account's key 1,
    /// the key, and the change 8.
    pub fn canonical(&self, height: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&self.at.0.to_be_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(self.subject.as_bytes());
        bytes.extend_from_slice(self.currency.as_bytes());
        bytes.push(self.postings().count() as u8);
        for posting in self.postings() {
            let key = posting.account.key();
            bytes.push(key.len() as u8);
            bytes.extend_from_slice(&key);
            bytes.extend_from_slice(&posting.change.to_be_bytes());
        }
        bytes
    }

    /// All lines.
    pub fn postings(&self) -> impl Iterator<Item = Posting> {
        self.transfers.iter().flat_map(Transfer::postings)
    }
}

/// Where the journal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalHead {
    /// Number of the newest entry; 0 before the first.
    pub height: u64,
    /// Root over all entries; zero before the first.
    pub root: Digest,
}

impl JournalHead {
    /// The head after one more entry with these canonical bytes.
    pub fn after(&self, canonical: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.root.as_bytes());
        hash.update(canonical);
        Self {
            height: self.height.saturating_add(1),
            root: Digest(hash.finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(amount: u64) -> Entry {
        Entry {
            kind: EntryKind::Settle,
            subject: Digest([7; 32]),
            currency: Currency::new(1, *b"USD").unwrap(),
            at: Timestamp(9),
            transfers: vec![Transfer {
                from: Account::InTransit(Digest([1; 32])),
                to: Account::Issuer,
                amount: AmountMinor::new(amount).unwrap(),
            }],
        }
    }

    #[test]
    fn every_account_is_known_by_its_key_and_nothing_else_is() {
        let by = protocol::code::IssuedBy {
            issuer: 1,
            station: 2,
        };
        let code = Code::derive(protocol::Kind::Device, by, 3, b"key").unwrap();
        let accounts = [
            Account::Issuer,
            Account::PurseFree(code),
            Account::PurseReserved(code, KeyEpoch(7)),
            Account::InTransit(Digest([5; 32])),
            Account::Deposit(code),
            Account::Bond,
            Account::Guarantee,
            Account::Clearing,
        ];
        for account in accounts {
            let mut key = account.key();
            assert_eq!(Account::read(&key), Some(account));
            key.push(0);
            assert_eq!(Account::read(&key), None, "{account:?} and more");
            key.truncate(key.len() - 2);
            assert_eq!(Account::read(&key), None, "{account:?} cut off");
        }
        assert_eq!(Account::read(&[accounts.len() as u8]), None);
    }

    #[test]
    fn every_entry_sums_to_zero() {
        for amount in [0, 1, protocol::units::AMOUNT_MAX] {
            let sum: i128 = entry(amount)
                .postings()
                .map(|posting| i128::from(posting.change))
                .sum();
            assert_eq!(sum, 0);
        }
    }

    #[test]
    fn every_field_of_an_entry_is_under_the_root() {
        let head = JournalHead::default();
        let root = |entry: &Entry, height| head.after(&entry.canonical(height)).root;
        let first = root(&entry(5), 1);
        let mut others = vec![root(&entry(5), 2), root(&entry(6), 1)];
        let mut changed = entry(5);
        changed.at = Timestamp(10);
        others.push(root(&changed, 1));
        let mut changed = entry(5);
        changed.kind = EntryKind::Load;
        others.push(root(&changed, 1));
        let mut changed = entry(5);
        changed.subject = Digest([8; 32]);
        others.push(root(&changed, 1));
        let mut changed = entry(5);
        changed.currency = Currency::new(2, *b"USD").unwrap();
        others.push(root(&changed, 1));
        assert!(others.iter().all(|other| *other != first));
    }
}
