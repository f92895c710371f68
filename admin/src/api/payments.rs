//! Payments, and one payment with everything that was signed about it.

use super::frauds::Cbor;
use super::list::{List, Of};
use super::operation::{Call, File, Nothing, Shown};
use super::words::{CodeText, IdText, Limit};
use crate::pages::money::currency_value;
use crate::pages::payment as page;
use crate::refusal::Refusal;
use crate::show::to_hex;
use ledger::views::{PaymentQuery, PaymentRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PaymentsAsked {
    /// Only by this code.
    payer: Option<CodeText>,
    /// Only to this code.
    payee: Option<CodeText>,
    /// What `next` said in the page before, with the same filters.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// A payment, as lists have it.
#[derive(Serialize, ToSchema)]
pub struct PaymentShown {
    payment: IdText,
    payer: CodeText,
    /// Which life of the payer's key.
    key_epoch: u32,
    /// The payer's number for it.
    sequence: u32,
    payee: CodeText,
    currency: String,
    amount_minor: u64,
    /// settled, in_transit, open_claim, ...
    outcome: &'static str,
    /// What of it is still in transit.
    waiting_minor: u64,
    /// Paid by the unit: units that reached the payee.
    units: Option<u32>,
    /// When it was first handed in.
    recorded: u32,
    /// When its payee got the money.
    settled: Option<u32>,
}

impl From<PaymentRow> for PaymentShown {
    fn from(row: PaymentRow) -> Self {
        Self {
            payment: IdText(row.id),
            payer: CodeText(row.payer),
            key_epoch: row.key_epoch.0,
            sequence: row.sequence.0,
            payee: CodeText(row.payee),
            currency: currency_value(&row.currency),
            amount_minor: row.amount.get(),
            outcome: row.fate.status().word(),
            waiting_minor: row.waiting.get(),
            units: row.units,
            recorded: row.recorded.0,
            settled: row.settled.map(|at| at.0),
        }
    }
}

/// Payments, the newest first.
pub async fn list(
    call: Call,
    _: Nothing,
    asked: PaymentsAsked,
) -> Result<Shown<List<PaymentShown>>, Refusal> {
    let query = PaymentQuery {
        payer: asked.payer.map(|code| code.0),
        payee: asked.payee.map(|code| code.0),
    };
    let filters = [query.payer, query.payee].map(|side| side.map(|code| code.to_string()));
    let filters = filters.map(Option::unwrap_or_default);
    let filters = filters.each_ref().map(String::as_str);
    let of = Of("payments", &filters);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.payments(&query, &page).await?;
    Ok(Shown(of.shown(listing, PaymentShown::from)))
}

/// Which payment.
#[derive(Deserialize, IntoParams)]
pub struct OfPayment {
    /// Its identifier.
    payment: IdText,
}

/// A payment with everything that was signed about it, each a whole object in hexadecimal digits.
#[derive(Serialize, ToSchema)]
pub struct PaymentDetail {
    #[serde(flatten)]
    row: PaymentShown,
    signed_payment: String,
    signed_allowance: String,
    signed_receipt: Option<String>,
    /// A receipt by the same payee that contradicts that one.
    contrary_receipt: Option<String>,
    signed_statement: Option<String>,
    /// The fraud case it opened.
    fraud: Option<i64>,
}

/// One payment.
pub async fn show(call: Call, of: OfPayment, _: Nothing) -> Result<Shown<PaymentDetail>, Refusal> {
    let detail = page::find(&call.portal, &of.payment.0.to_string()).await?;
    let hex = |bytes: &Vec<u8>| to_hex(bytes);
    Ok(Shown(PaymentDetail {
        signed_payment: to_hex(&detail.payment),
        signed_allowance: to_hex(&detail.allowance),
        signed_receipt: detail.receipt.as_ref().map(hex),
        contrary_receipt: detail.contrary_receipt.as_ref().map(hex),
        signed_statement: detail.statement.as_ref().map(hex),
        fraud: detail.fraud,
        row: detail.row.into(),
    }))
}

/// The evidence of a payment, as anybody hands it in again.
pub async fn evidence(call: Call, of: OfPayment, _: Nothing) -> Result<File<Cbor>, Refusal> {
    let id = of.payment.0.to_string();
    let file = page::object_file(&call.portal, &id, "evidence.cbor");
    Ok(file.await?.into())
}
