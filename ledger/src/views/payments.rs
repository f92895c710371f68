//! Payments, and one payment with everything that was signed about it.

use super::{Listing, Page};
use crate::error::Error;
use crate::handle::Ledger;
use crate::rules::settle::Fate;
use crate::store::notes;
use crate::store::payments::{self, fate};
use crate::store::row::Row;
use protocol::objects::{Allowance, ClaimNote, Statement};
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Sequence, Timestamp};

/// Which payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentQuery {
    /// Only by this code.
    pub payer: Option<Code>,
    /// Only to this code.
    pub payee: Option<Code>,
}

/// A payment as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// Its number in the books.
    pub number: u64,
    /// Its identifier.
    pub id: Digest,
    /// Who paid.
    pub payer: Code,
    /// Which life of the payer's key.
    pub key_epoch: KeyEpoch,
    /// The payer's number for it.
    pub sequence: Sequence,
    /// Who is paid.
    pub payee: Code,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
    /// The payer's reading after it.
    pub odometer: Odometer,
    /// What became of it.
    pub fate: Fate,
    /// What of it is still in transit.
    pub waiting: AmountMinor,
    /// Paid by the unit: units that reached the payee.
    pub units: Option<u32>,
    /// When it was first handed in.
    pub recorded: Timestamp,
    /// When its payee got the money.
    pub settled: Option<Timestamp>,
}

/// A payment with its evidence and answers, each a whole signed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentDetail {
    /// As in lists.
    pub row: PaymentRow,
    /// The payment.
    pub payment: Vec<u8>,
    /// The allowance it was made under.
    pub allowance: Vec<u8>,
    /// The payee's receipt.
    pub receipt: Option<Vec<u8>>,
    /// A receipt by the same payee that contradicts that one.
    pub contrary_receipt: Option<Vec<u8>>,
    /// The gateway's note that it was claimed in time.
    pub claim_note: Option<Vec<u8>>,
    /// The newest statement about it.
    pub statement: Option<Vec<u8>>,
    /// The fraud case it opened.
    pub fraud: Option<i64>,
}

type Columns = (
    i64,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
    i64,
    Option<i64>,
);

macro_rules! select_payment {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, payer, key_epoch, sequence, payee, currency, amount, odometer, \
             outcome, recorded, settled, waiting, units FROM payment ",
            $rest
        )
    };
}

fn payment_from(columns: Columns) -> Result<PaymentRow, Error> {
    let (
        number,
        id,
        payer,
        key_epoch,
        sequence,
        payee,
        currency,
        amount,
        odometer,
        result,
        recorded,
        settled,
        waiting,
        units,
    ) = columns;
    let row = Row {
        table: "payment",
        key: &number,
    };
    let fate = fate(&row, result)?;
    Ok(PaymentRow {
        number: row.count(number)?,
        id: row.digest(&id)?,
        payer: row.code(&payer)?,
        key_epoch: row.key_epoch(key_epoch)?,
        sequence: row.sequence(sequence)?,
        payee: row.code(&payee)?,
        currency: row.currency(&currency)?,
        amount: row.amount(amount)?,
        odometer: row.odometer(odometer)?,
        fate,
        waiting: row.amount(waiting)?,
        units: units.map(|units| row.units(units)).transpose()?,
        recorded: row.time(recorded)?,
        settled: settled.map(|at| row.time(at)).transpose()?,
    })
}

/// A text per question, so that each walks down its own index.
const fn question(payer: bool, payee: bool) -> &'static str {
    match (payer, payee) {
        (false, false) => select_payment!("WHERE number < $1 ORDER BY number DESC LIMIT $2"),
        (true, false) => {
            select_payment!("WHERE payer = $3 AND number < $1 ORDER BY number DESC LIMIT $2")
        }
        (false, true) => {
            select_payment!("WHERE payee = $4 AND number < $1 ORDER BY number DESC LIMIT $2")
        }
        (true, true) => select_payment!(
            "WHERE payer = $3 AND payee = $4 AND number < $1 ORDER BY number DESC LIMIT $2"
        ),
    }
}

const PAYMENT: &str = select_payment!("WHERE id = $1");

/// Every text of this file, for the test of their plans.
#[cfg(test)]
pub(super) fn texts() -> Vec<&'static str> {
    let asked = [(false, false), (true, false), (false, true), (true, true)];
    let mut texts = vec![PAYMENT];
    texts.extend(asked.map(|(payer, payee)| question(payer, payee)));
    texts
}

impl Ledger {
    /// Payments, the newest first.
    pub async fn payments(
        &self,
        query: &PaymentQuery,
        page: &Page,
    ) -> Result<Listing<PaymentRow>, Error> {
        let sql = question(query.payer.is_some(), query.payee.is_some());
        let rows: Vec<Columns> = sqlx::query_as(sql)
            .bind(page.below())
            .bind(page.rows())
            .bind(query.payer.as_ref().map(|code| code.as_bytes().as_slice()))
            .bind(query.payee.as_ref().map(|code| code.as_bytes().as_slice()))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, payment_from)
    }

    /// One payment with everything that was signed about it.
    pub async fn payment(&self, id: &Digest) -> Result<Option<PaymentDetail>, Error> {
        let mut reader = self.reader().await?;
        let columns: Option<Columns> = sqlx::query_as(PAYMENT)
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&mut *reader)
            .await?;
        let Some(columns) = columns else {
            return Ok(None);
        };
        let row = payment_from(columns)?;
        let evidence = payments::evidence_bytes(&mut reader, id).await?;
        let (allowance, payment) = evidence.unwrap_or_default();
        // Whoever looks at it knows the present key of this gateway.
        let keys = self.own_keys();
        let allowance = keys.anew::<Allowance>(&allowance).unwrap_or(allowance);
        type Blob = Option<Vec<u8>>;
        let (receipt, contrary_receipt, statement): (Blob, Blob, Blob) = sqlx::query_as(
            "SELECT receipt, (SELECT bytes FROM contrary_receipt WHERE contrary_receipt.payment = payment.id),
               coalesce(statement, transit_statement) FROM payment WHERE id = $1",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_one(&mut *reader)
        .await?;
        let claim_note = notes::note(&mut reader, id).await?;
        let claim_note = claim_note.map(|note| keys.anew::<ClaimNote>(&note).unwrap_or(note));
        let statement = statement.map(|said| keys.anew::<Statement>(&said).unwrap_or(said));
        Ok(Some(PaymentDetail {
            claim_note,
            row,
            payment,
            allowance,
            receipt,
            contrary_receipt,
            statement,
            fraud: payments::fraud_of(&mut reader, id).await?,
        }))
    }
}
