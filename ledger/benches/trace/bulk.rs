//! A journal of many payments, in one go.

use ledger::books::{Account, Entry, EntryKind, JournalHead, Transfer};
use protocol::code::IssuedBy;
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Kind, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, QueryBuilder, Sqlite, SqliteConnection};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The purse whose load goes to everybody.
pub const NUMBER_OF_HUB: u64 = 0;
const ROWS_AT_ONCE: usize = 3_000;
const FIRST_LOAD: u64 = 1_000_000_000;

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

pub fn code(number: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, number + 1, b"").unwrap()
}

fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

/// Purse to purse.
pub struct Paid {
    pub from: u64,
    pub to: u64,
    pub minor: u64,
}

pub struct Bulk {
    pub entries: u64,
    pub paid: Vec<Paid>,
    /// Purses 0 to this; this one and the next pay each other.
    pub purses: u64,
    /// Height of the load of each purse that had one.
    pub loads: HashMap<u64, u64>,
    head: JournalHead,
    balances: BTreeMap<Vec<u8>, (Account, i64)>,
    waiting: Vec<(Entry, JournalHead)>,
    books: SqliteConnection,
}

impl Bulk {
    /// Writes so many payments into books that are empty.
    pub async fn write(path: &Path, payments: u64, purses: u64) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        let mut bulk = Self {
            entries: 0,
            paid: Vec::with_capacity(payments as usize),
            purses: purses.max(10),
            loads: HashMap::new(),
            head: JournalHead::default(),
            balances: BTreeMap::new(),
            waiting: Vec::new(),
            books: options.connect().await.unwrap(),
        };
        sqlx::raw_sql("BEGIN")
            .execute(&mut bulk.books)
            .await
            .unwrap();
        bulk.play(payments).await;
        bulk.flush().await;
        bulk.close().await;
        sqlx::raw_sql("COMMIT")
            .execute(&mut bulk.books)
            .await
            .unwrap();
        bulk
    }

    async fn play(&mut self, payments: u64) {
        let mut random = Random(1);
        let purses = self.purses;
        self.load(NUMBER_OF_HUB, FIRST_LOAD * purses).await;
        for purse in 1..purses + 2 {
            self.load(purse, FIRST_LOAD).await;
        }
        for number in 0..payments {
            let minor = 1 + random.below(FIRST_LOAD / 5);
            match number % 10 {
                0 => {
                    let to = 1 + number / 10 % (purses - 1);
                    self.pay(number, (NUMBER_OF_HUB, to), minor).await;
                }
                1 => {
                    let pair = (purses + number / 10 % 2, purses + 1 - number / 10 % 2);
                    self.pay(number, pair, minor * 4).await;
                }
                _ => {
                    let from = 1 + random.below(purses - 1);
                    let to = 1 + (from + random.below(purses - 2)) % (purses - 1);
                    self.pay(number, (from, to), minor).await;
                }
            }
        }
    }

    fn balance(&self, account: &Account) -> u64 {
        let found = self.balances.get(&account.key());
        found.map_or(0, |(_, balance)| balance.unsigned_abs())
    }

    async fn load(&mut self, purse: u64, minor: u64) {
        let transfer = (Account::Issuer, Account::PurseFree(code(purse)), minor);
        self.post(EntryKind::Load, purse, &[transfer]).await;
        self.loads.insert(purse, self.head.height);
    }

    /// Out of the reserve, which is filled up first; every other payment by way of transit.
    async fn pay(&mut self, number: u64, (from, to): (u64, u64), minor: u64) {
        let (payer, payee) = (code(from), Account::PurseFree(code(to)));
        let free = Account::PurseFree(payer);
        let reserve = Account::PurseReserved(payer, KeyEpoch(1));
        let lacks = minor.saturating_sub(self.balance(&reserve));
        if lacks > 0 {
            // All that is free, up to what ten such payments want.
            let put = self.balance(&free).min(10 * minor);
            self.post(EntryKind::Allow, number, &[(free, reserve, put)])
                .await;
        }
        // Who has less pays less.
        let minor = minor.min(self.balance(&reserve));
        self.paid.push(Paid { from, to, minor });
        let transit = Account::InTransit(Digest(digest(number)));
        match number % 2 {
            0 => {
                self.post(EntryKind::Settle, number, &[(reserve, payee, minor)])
                    .await
            }
            _ => {
                self.post(EntryKind::Transit, number, &[(reserve, transit, minor)])
                    .await;
                self.post(EntryKind::Settle, number, &[(transit, payee, minor)])
                    .await;
            }
        }
    }

    async fn post(&mut self, kind: EntryKind, subject: u64, transfers: &[(Account, Account, u64)]) {
        let transfer = |(from, to, minor): &(Account, Account, u64)| Transfer {
            from: *from,
            to: *to,
            amount: AmountMinor::new(*minor).unwrap(),
        };
        let entry = Entry {
            kind,
            subject: Digest(digest(subject)),
            currency: usd(),
            at: Timestamp(1_800_000_000 + (self.head.height / 20) as u32),
            transfers: transfers.iter().map(transfer).collect(),
        };
        self.head = self.head.after(&entry.canonical(self.head.height + 1));
        for posting in entry.postings() {
            let key = posting.account.key();
            let held = self
                .balances
                .entry(key.clone())
                .or_insert((posting.account, 0));
            held.1 += posting.change;
            assert!(held.1 >= 0 || posting.account == Account::Issuer);
            if held.1 == 0 && matches!(posting.account, Account::InTransit(_)) {
                self.balances.remove(&key);
            }
        }
        self.entries += 1;
        self.waiting.push((entry, self.head));
        if self.waiting.len() == ROWS_AT_ONCE {
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO entry (height, kind, subject, currency, at, bytes, root) ",
        );
        text.push_values(&waiting, |mut row, (entry, head)| {
            row.push_bind(head.height as i64)
                .push_bind(entry.kind as i64)
                .push_bind(entry.subject.as_bytes().as_slice())
                .push_bind(entry.currency.as_bytes().as_slice())
                .push_bind(i64::from(entry.at.0))
                .push_bind(entry.canonical(head.height))
                .push_bind(head.root.as_bytes().to_vec());
        });
        text.build().execute(&mut self.books).await.unwrap();
        let lines = waiting.iter().flat_map(|(entry, head)| {
            let height = head.height as i64;
            (0i64..)
                .zip(entry.postings())
                .map(move |line| (height, line))
        });
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO posting (height, line, currency, account, change) ",
        );
        text.push_values(lines, |mut row, (height, (line, posting))| {
            row.push_bind(height)
                .push_bind(line)
                .push_bind(usd().as_bytes().to_vec())
                .push_bind(posting.account.key())
                .push_bind(posting.change);
        });
        text.build().execute(&mut self.books).await.unwrap();
    }

    async fn close(&mut self) {
        for (key, (account, balance)) in &self.balances {
            let owner = account.owner();
            sqlx::query(
                "INSERT INTO account (currency, account, kind, balance, owner)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (currency, account) DO UPDATE SET balance = excluded.balance",
            )
            .bind(usd().as_bytes().as_slice())
            .bind(key.as_slice())
            .bind(i64::from(account.kind()))
            .bind(balance)
            .bind(owner.as_ref().map(|code| code.as_bytes().as_slice()))
            .execute(&mut self.books)
            .await
            .unwrap();
        }
    }
}

fn digest(number: u64) -> [u8; 32] {
    let mut digest = [7; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest
}
