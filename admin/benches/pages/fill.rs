//! Books as a busy house has them after years, written in bulk.

use crate::bulk::{self, Bulk, NUMBER_OF_HUB};
use crate::house::{STATION, network};
use protocol::chain::{ACT_MAX, Act, ActKind};
use protocol::cose::{SIGNED_MAX, seal};
use protocol::keys::{Signature, SignerFailed};
use protocol::objects::{Allowance, Object, Payment, Receipt, Statement};
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, Digest, KeyEpoch, Odometer, PublicKey, Reference,
    Sequence, Signer, Status, Timestamp,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, QueryBuilder, Sqlite, SqliteConnection};
use std::path::Path;

const ROWS_AT_ONCE: u64 = 1_000;
const KINDS: [&str; 8] = [
    "Charger", "Camera", "Kiosk", "Meter", "Drone", "Gate", "Car", "Sensor",
];

/// Signs with zeros, in no time: what is looked at here is how long it takes to find it.
struct Zeros(PublicKey);

impl Signer for Zeros {
    fn public_key(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, SignerFailed> {
        Ok([0; 64])
    }
}

/// A payment, its identifier, its allowance's, its bytes, and what was said about it.
type PaymentRow = (Payment, Digest, Digest, Vec<u8>, [Vec<u8>; 2]);

/// What is in the books.
pub struct Filled {
    pub codes: u64,
    pub payments: u64,
    /// Identifiers of some payments.
    pub some: Vec<Digest>,
}

/// Everything that is written comes after what a house of one thing has.
pub struct Fill {
    books: SqliteConnection,
    signer: Zeros,
    gateway: Code,
    now: Timestamp,
}

pub fn code(number: u64) -> Code {
    bulk::code(number)
}

pub fn name(number: u64) -> String {
    let kind = KINDS[(number % 8) as usize];
    format!("{kind} {number:07}, site {}", number / 500)
}

impl Fill {
    pub async fn open(path: &Path, key: PublicKey, gateway: Code, now: Timestamp) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        let mut books = options.connect().await.unwrap();
        let quick =
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000";
        sqlx::raw_sql(quick).execute(&mut books).await.unwrap();
        Self {
            books,
            signer: Zeros(key),
            gateway,
            now,
        }
    }

    /// Codes with purses, then the journal, then the payments that it is about.
    pub async fn write(mut self, path: &Path, codes: u64, payments: u64) -> Filled {
        self.raw("BEGIN").await;
        self.things(codes).await;
        self.raw("COMMIT").await;
        let bulk = Bulk::write(path, payments, codes / 10).await;
        self.raw("BEGIN").await;
        self.allowances(bulk.purses + 2).await;
        let some = self.payments(&bulk).await;
        self.raw("COMMIT").await;
        self.raw("ANALYZE").await;
        Filled {
            codes,
            payments,
            some,
        }
    }

    async fn raw(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.books).await.unwrap();
    }

    fn sealed<T: Object>(&self, object: &T) -> (Vec<u8>, Digest) {
        let mut bytes = vec![0; SIGNED_MAX];
        let (len, id) = seal(object, &network(), &self.signer, &mut bytes).unwrap();
        bytes.truncate(len);
        (bytes, id)
    }

    /// Copies of the first thing with codes and names of their own; one in a hundred is frozen.
    async fn things(&mut self, codes: u64) {
        let last: (i64,) = sqlx::query_as("SELECT max(sequence) FROM reservation")
            .fetch_one(&mut self.books)
            .await
            .unwrap();
        for number in 0..codes {
            let (code, sequence) = (code(number), last.0 + 1 + number as i64);
            sqlx::query(
                "INSERT INTO reservation SELECT $1, $2, kind, name, made_by, $3, issued
                 FROM reservation LIMIT 1",
            )
            .bind(sequence)
            .bind(code.as_bytes().as_slice())
            .bind(sequence.to_be_bytes().as_slice())
            .execute(&mut self.books)
            .await
            .unwrap();
            let name = name(number);
            sqlx::query(
                "INSERT INTO thing (sequence, code, kind, name, name_key, product, transport_spki,
                   wallet_algorithm, wallet_key, class, key_epoch, certificate, pass, issued,
                   registered, state)
                 SELECT $1, $2, kind, $3, lower($3), product, transport_spki, wallet_algorithm,
                   wallet_key, class, key_epoch, certificate, pass, issued, registered, $4
                 FROM thing LIMIT 1",
            )
            .bind(sequence)
            .bind(code.as_bytes().as_slice())
            .bind(&name)
            .bind(i64::from(number % 100 == 99))
            .execute(&mut self.books)
            .await
            .unwrap();
            self.lived(&code).await;
        }
    }

    async fn lived(&mut self, code: &Code) {
        for act in [ActKind::Issued, ActKind::Activated] {
            sqlx::query(
                "INSERT INTO life (code, act, reason, made_by, at) VALUES ($1, $2, '', 'bulk', $3)",
            )
            .bind(code.as_bytes().as_slice())
            .bind(act as i64)
            .bind(i64::from(self.now.0))
            .execute(&mut self.books)
            .await
            .unwrap();
        }
        let mut leaf = [0; ACT_MAX];
        let act = Act {
            signed: Some(Digest([1; 32])),
            certificate: Some(Digest([2; 32])),
            ..Act::new(ActKind::Issued, *code, self.now)
        };
        let len = act.write(&mut leaf).unwrap();
        sqlx::query(
            "INSERT INTO chain_leaf (number, code, bytes)
             SELECT max(number) + 1, $1, $2 FROM chain_leaf",
        )
        .bind(code.as_bytes().as_slice())
        .bind(&leaf[..len])
        .execute(&mut self.books)
        .await
        .unwrap();
    }

    fn allowance(&self, number: u64) -> Allowance {
        let all = AmountMinor::new(i64::MAX as u64).unwrap();
        Allowance {
            code: code(number),
            wallet_key: self.signer.0,
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency: usd(),
            limit: Odometer::ZERO.advance(all).unwrap(),
            base_sequence: Sequence(0),
            base_head: Reference::default(),
            base_odometer: Odometer::ZERO,
            most_per_payment: all,
            most_payments: 2_000,
            hops: None,
            area: None,
            guarantee: None,
            issued: self.now,
            expires: self.now.plus_s(604_800),
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            number,
            issued_total: Odometer::ZERO,
        }
    }

    async fn allowances(&mut self, purses: u64) {
        for number in 0..purses {
            let allowance = self.allowance(number);
            let (bytes, id) = self.sealed(&allowance);
            sqlx::query(
                "INSERT INTO allowance (number, id, code, key_epoch, currency, expires, bytes)
                 SELECT coalesce(max(number), 0) + 1, $1, $2, 1, $3, $4, $5 FROM allowance",
            )
            .bind(id.as_bytes().as_slice())
            .bind(allowance.code.as_bytes().as_slice())
            .bind(usd().as_bytes().as_slice())
            .bind(i64::from(allowance.expires.0))
            .bind(bytes)
            .execute(&mut self.books)
            .await
            .unwrap();
        }
    }

    /// Settled, each after the one before of the same purse.
    async fn payments(&mut self, bulk: &Bulk) -> Vec<Digest> {
        let mut heads =
            vec![(0u64, Reference::default(), Odometer::ZERO); bulk.purses as usize + 2];
        let mut some = Vec::new();
        let mut rows = Vec::new();
        for (number, paid) in (1u64..).zip(&bulk.paid) {
            let Some(amount) = AmountMinor::new(paid.minor).filter(|a| *a > AmountMinor::ZERO)
            else {
                continue;
            };
            let (sequence, previous, before) = heads[paid.from as usize];
            let granted = self.sealed(&self.allowance(paid.from)).1;
            let payment = Payment {
                payer: code(paid.from),
                key_epoch: KeyEpoch(1),
                sequence: Sequence(sequence as u32 + 1),
                previous,
                payee: code(paid.to),
                currency: usd(),
                amount,
                odometer: before.advance(amount).unwrap(),
                allowance: granted.reference(),
                settle_by: self.now.plus_s(604_800),
                reference: Reference::default(),
                stream: None,
                covers: None,
                covers_for: None,
            };
            let (bytes, id) = self.sealed(&payment);
            heads[paid.from as usize] = (sequence + 1, id.reference(), payment.odometer);
            let said = self.said(&payment, id, number);
            rows.push((payment, id, granted, bytes, said));
            if number % 997 == 0 || paid.from == NUMBER_OF_HUB && number % 991 == 0 {
                some.push(id);
            }
            if rows.len() as u64 == ROWS_AT_ONCE {
                self.flush(&mut rows).await;
            }
        }
        self.flush(&mut rows).await;
        some
    }

    fn said(&self, payment: &Payment, id: Digest, height: u64) -> [Vec<u8>; 2] {
        let receipt = Receipt {
            payee: payment.payee,
            payment: id,
            time: self.now,
            declined: None,
            units: None,
        };
        let statement = Statement {
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            payment: id,
            outcome: Status::Settled as u32,
            height,
            root: Digest([3; 32]),
            time: self.now,
            units: None,
            provisional: None,
            paid: None,
        };
        [self.sealed(&receipt).0, self.sealed(&statement).0]
    }

    async fn flush(&mut self, rows: &mut Vec<PaymentRow>) {
        if rows.is_empty() {
            return;
        }
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO payment (id, payer, key_epoch, sequence, payee, currency, amount, odometer,
               previous, allowance, bytes, outcome, receipt, statement, recorded, settled, claimed,
               funded) ",
        );
        let at = i64::from(self.now.0);
        text.push_values(rows.drain(..), |mut row, (p, id, granted, bytes, said)| {
            let [receipt, statement] = said;
            row.push_bind(id.as_bytes().to_vec())
                .push_bind(p.payer.as_bytes().to_vec())
                .push_bind(1i64)
                .push_bind(i64::from(p.sequence.0))
                .push_bind(p.payee.as_bytes().to_vec())
                .push_bind(p.currency.as_bytes().to_vec())
                .push_bind(p.amount.as_i64())
                .push_bind(p.odometer.as_i64())
                .push_bind(p.previous.as_bytes().to_vec())
                .push_bind(granted.as_bytes().to_vec())
                .push_bind(bytes)
                .push_bind(Status::Settled as i64)
                .push_bind(receipt)
                .push_bind(statement)
                .push_bind(at)
                .push_bind(at)
                .push_bind(at)
                .push_bind(p.amount.as_i64());
        });
        text.build().execute(&mut self.books).await.unwrap();
    }
}

fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

/// The station that a house of the tests is must be the one that codes in bulk are of.
pub fn same_station() -> bool {
    code(0).issued_by() == STATION
}
