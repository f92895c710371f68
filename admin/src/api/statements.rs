//! Statements of a purse and of the books.

use super::loads::read_currency;
use super::operation::{Call, File, Files, Nothing};
use super::states::OfCode;
use crate::language::say;
use crate::refusal::Refusal;
use crate::statements::{self, Form};
use ledger::trace::{Period, StatementOf};
use protocol::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// What a statement is written as.
pub struct Sheets;

impl Files for Sheets {
    const KINDS: &'static [&'static str] = &["text/csv", "application/xml"];
}

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormWord {
    /// A line an entry.
    Csv,
    /// ISO 20022 camt.053.001.08.
    Camt053,
}

/// Which statement.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StatementAsked {
    /// Such as USD, or 1.USD with the number of its issuer.
    #[param(min_length = 3, max_length = 14)]
    currency: String,
    /// Not before this second since 1970.
    from: Option<u32>,
    /// Before this one.
    until: Option<u32>,
    /// CSV where nothing is said.
    #[param(inline)]
    form: Option<FormWord>,
}

async fn file(call: Call, of: StatementOf, asked: StatementAsked) -> Result<File<Sheets>, Refusal> {
    let currency = read_currency(&asked.currency, call.portal.station.issuer)?;
    let Period { from, until } = Period::ALWAYS;
    let period = Period {
        from: asked.from.map_or(from, Timestamp),
        until: asked.until.map_or(until, Timestamp),
    };
    let form = match asked.form {
        Some(FormWord::Camt053) => Form::Camt,
        Some(FormWord::Csv) | None => Form::Csv,
    };
    let now = call.actor.now;
    let file = statements::file(&call.portal, of, currency, period, form, now);
    Ok(file.await?.into())
}

/// Of a purse: what it was paid and paid, with what it had before and after.
pub async fn purse(call: Call, of: OfCode, asked: StatementAsked) -> Result<File<Sheets>, Refusal> {
    if call.portal.ledger.thing(&of.code.0).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    file(call, StatementOf::Purse(of.code.0), asked).await
}

/// Of the books: what was loaded and redeemed.
pub async fn books(call: Call, _: Nothing, asked: StatementAsked) -> Result<File<Sheets>, Refusal> {
    file(call, StatementOf::Books, asked).await
}
