//! Statements, as people ask for them: days instead of seconds.

use super::money::currency_value;
use super::parts::read_code;
use crate::door::Visitor;
use crate::language::{Say, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show::parse_minute;
use crate::statements::{self, Form};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::CurrencyRow;
use ledger::trace::{Period, StatementOf};
use protocol::Timestamp;
use serde::Deserialize;

const DAY_S: u32 = 86_400;

/// The form that asks for one.
pub struct StatementForm {
    /// Where it is sent.
    pub action: String,
    /// What it says.
    pub title: Say,
    /// Choices, as they are sent.
    pub currencies: Vec<String>,
}

impl StatementForm {
    /// For these currencies.
    pub fn new(action: String, title: Say, rows: &[CurrencyRow]) -> Self {
        let currencies = rows.iter().map(|row| currency_value(&row.currency));
        Self {
            action,
            title,
            currencies: currencies.collect(),
        }
    }
}

/// What a form asks for. Days begin and end in UTC; the last one is included.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    currency: String,
    from: String,
    until: String,
    form: String,
}

impl Asked {
    fn period(&self) -> Result<Period, Refusal> {
        let from = day(&self.from)?.unwrap_or(Period::ALWAYS.from);
        let until = day(&self.until)?;
        let until = until.map_or(Period::ALWAYS.until, |day| day.plus_s(DAY_S));
        Ok(Period { from, until })
    }
}

fn day(text: &str) -> Result<Option<Timestamp>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let minutes = parse_minute(&format!("{text}T00:00"));
    let seconds = minutes.and_then(|minutes| u32::try_from(minutes.checked_mul(60)?).ok());
    let unfit = || Refusal::Unfit(say("Write days as 2026-11-30."));
    seconds.map(Timestamp).map(Some).ok_or_else(unfit)
}

async fn file(
    portal: &Portal,
    visitor: &Visitor,
    of: StatementOf,
    asked: &Asked,
) -> Result<Response, Refusal> {
    let form = match asked.form.as_str() {
        "csv" => Form::Csv,
        "camt053" => Form::Camt,
        _ => return Err(Refusal::Unfit(say("Choose CSV or camt.053."))),
    };
    let rows = portal.ledger.currencies().await?;
    let row = rows
        .iter()
        .find(|row| currency_value(&row.currency) == asked.currency);
    let row = row.ok_or_else(|| Refusal::Unfit(say("Choose a currency.")))?;
    let (period, now) = (asked.period()?, visitor.now);
    statements::file(portal, of, row.currency, period, form, now).await
}

/// Of a purse.
pub async fn purse(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    if portal.ledger.thing(&code).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    file(&portal, &visitor, StatementOf::Purse(code), &asked).await
}

/// Of the books.
pub async fn books(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    file(&portal, &visitor, StatementOf::Books, &asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_the_last_one_counts() {
        let asked = |from: &str, until: &str| {
            let (from, until) = (from.to_owned(), until.to_owned());
            Asked {
                from,
                until,
                ..Asked::default()
            }
            .period()
        };
        let one = asked("2026-11-22", "2026-11-22").unwrap();
        assert_eq!(one.until.0 - one.from.0, DAY_S);
        assert_eq!(asked("", " ").unwrap(), Period::ALWAYS);
        for wrong in ["22.11.2026", "2026-02-30", "x"] {
            assert!(asked(wrong, "").is_err() && asked("", wrong).is_err());
        }
    }
}
