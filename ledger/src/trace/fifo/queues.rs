//! What every entry moves.

use super::{AccountId, Move, Posted, Spot, Transferred};
use crate::books::Account as Book;
use protocol::{Code, Currency, Digest};
use std::collections::BTreeMap;

const ISSUER: u8 = Book::Issuer.kind();
const IN_TRANSIT: u8 = Book::InTransit(Digest([0; 32])).kind();

/// An account of the journal: the currency and the account's own key, whatever it stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// In which currency.
    pub currency: Currency,
    /// As in the lines of entries.
    pub key: Vec<u8>,
}

impl Name {
    /// The party that holds it: the purse of its owner, else the account itself.
    pub fn party(&self) -> Self {
        let key = match self.owner() {
            Some(code) => Book::PurseFree(code).key(),
            None => self.key.clone(),
        };
        Self {
            currency: self.currency,
            key,
        }
    }

    /// Whose purse or deposit it is.
    pub fn owner(&self) -> Option<Code> {
        Book::read(&self.key)?.owner()
    }

    fn is(&self, kind: u8) -> bool {
        self.key.first() == Some(&kind)
    }
}

/// Where the queue of one account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Number of its party.
    pub party: AccountId,
    /// Coins that ever entered it.
    pub entered: u128,
    /// Coins that ever left it.
    pub left: u128,
    /// Coins its source gave; the newest has this serial.
    pub minted: u128,
    /// Of a payment in transit: the party that paid.
    pub payer: Option<AccountId>,
}

impl Account {
    /// Coins that stand in the queue.
    pub const fn holds(&self) -> u128 {
        self.entered.saturating_sub(self.left)
    }
}

/// Money that went from one party to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// By which entry.
    pub height: u64,
    /// Which one of this entry.
    pub line: u8,
    /// Who paid.
    pub payer: AccountId,
    /// Who was paid.
    pub payee: AccountId,
    /// How much.
    pub amount: u64,
}

/// More coins than can be counted went through one account, or there are more lines than fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncountable;

/// The queues of all accounts that a run of entries touches.
#[derive(Clone, Debug)]
pub struct Queues {
    accounts: BTreeMap<Name, Account>,
    newest_account: i64,
    newest_move: u64,
}

impl Queues {
    /// As they stood after the account and the move with these numbers. All accounts that were used
    /// before and that the next entries name have to be put in.
    pub const fn new(newest_account: i64, newest_move: u64) -> Self {
        Self {
            accounts: BTreeMap::new(),
            newest_account,
            newest_move,
        }
    }

    /// Puts in an account that was used before.
    pub fn put(&mut self, name: Name, account: Account) {
        self.accounts.insert(name, account);
    }

    /// Every account that [`Queues::post`] of this entry looks for.
    pub fn wanted(entry: &Posted) -> impl Iterator<Item = Name> {
        let transfers = entry.transfers.iter();
        transfers
            .flat_map(|each| names(entry.currency, each))
            .flat_map(|name| [name.party(), name])
    }

    /// Number of the newest account.
    pub const fn newest_account(&self) -> i64 {
        self.newest_account
    }

    /// Number of the newest move.
    pub const fn newest_move(&self) -> u64 {
        self.newest_move
    }

    /// All accounts, as they stand now.
    pub fn accounts(&self) -> impl Iterator<Item = (&Name, &Account)> {
        self.accounts.iter()
    }

    /// Moves what the entry moves.
    pub fn post(
        &mut self,
        entry: &Posted,
        moves: &mut Vec<Move>,
        paid: &mut Vec<Paid>,
    ) -> Result<(), Uncountable> {
        let mut between: Vec<Paid> = Vec::new();
        for each in &entry.transfers {
            let [from, to] = names(entry.currency, each);
            self.transfer(entry.height, (&from, &to), each.amount, moves)?;
            let Some((payer, payee)) = self.parties(&from, &to) else {
                continue;
            };
            let same = between
                .iter_mut()
                .find(|paid| (paid.payer, paid.payee) == (payer, payee));
            match same {
                Some(paid) => {
                    paid.amount = paid.amount.checked_add(each.amount).ok_or(Uncountable)?;
                }
                None => between.push(Paid {
                    height: entry.height,
                    line: u8::try_from(between.len()).map_err(|_| Uncountable)?,
                    payer,
                    payee,
                    amount: each.amount,
                }),
            }
        }
        paid.append(&mut between);
        Ok(())
    }

    fn transfer(
        &mut self,
        height: u64,
        (from, to): (&Name, &Name),
        amount: u64,
        moves: &mut Vec<Move>,
    ) -> Result<(), Uncountable> {
        let giver = self.open(from);
        // The issuer never gives out what came back to it: those coins have ended.
        let held = match from.is(ISSUER) {
            true => 0,
            false => u64::try_from(giver.holds()).unwrap_or(u64::MAX),
        };
        let queued = amount.min(held);
        let minted = amount - queued;
        for (coins, is_source) in [(queued, false), (minted, true)] {
            if coins == 0 {
                continue;
            }
            let giver = self.open(from);
            let gone = match is_source {
                true => &mut giver.minted,
                false => &mut giver.left,
            };
            let position = gone.checked_add(1).ok_or(Uncountable)?;
            *gone = gone.checked_add(coins.into()).ok_or(Uncountable)?;
            let account = match is_source {
                true => giver.id.source(),
                false => giver.id,
            };
            let out = Spot { account, position };
            let taker = self.open(to);
            let enters = Spot {
                account: taker.id,
                position: taker.entered.checked_add(1).ok_or(Uncountable)?,
            };
            taker.entered = taker.entered.checked_add(coins.into()).ok_or(Uncountable)?;
            self.newest_move = self.newest_move.checked_add(1).ok_or(Uncountable)?;
            moves.push(Move {
                number: self.newest_move,
                height,
                from: out,
                to: enters,
                coins,
            });
        }
        Ok(())
    }

    /// Who paid whom; nobody while it is in transit, or when it stays with its party.
    fn parties(&mut self, from: &Name, to: &Name) -> Option<(AccountId, AccountId)> {
        let giver = *self.open(from);
        let payer = match (from.is(IN_TRANSIT), giver.payer) {
            (true, Some(payer)) => payer,
            _ => giver.party,
        };
        let taker = self.open(to);
        if to.is(IN_TRANSIT) {
            taker.payer.get_or_insert(payer);
            return None;
        }
        (payer != taker.party).then_some((payer, taker.party))
    }

    /// The account, made with the next number if it is new. Its party comes first.
    fn open(&mut self, name: &Name) -> &mut Account {
        let account = match self.accounts.get(name) {
            Some(known) => *known,
            None => self.fresh(name),
        };
        self.accounts.entry(name.clone()).or_insert(account)
    }

    fn fresh(&mut self, name: &Name) -> Account {
        let party = name.party();
        let party = (party != *name).then(|| self.open(&party).id);
        self.newest_account = self.newest_account.saturating_add(1);
        let id = AccountId(self.newest_account);
        Account {
            id,
            party: party.unwrap_or(id),
            entered: 0,
            left: 0,
            minted: 0,
            payer: None,
        }
    }
}

fn names(currency: Currency, each: &Transferred) -> [Name; 2] {
    [&each.from, &each.to].map(|key| Name {
        currency,
        key: key.clone(),
    })
}
