//! Statements of a purse and of the books, as CSV and as ISO 20022 camt.053. docs/tracing.md says
//! what stands where.

mod camt;
mod csv;

pub use csv::quoted;

use crate::language::say;
use crate::pages::parts::{Names, attachment, exponents};
use crate::portal::Portal;
use crate::refusal::Refusal;
use axum::response::Response;
use ledger::trace::{NoStatement, Period, Statement, StatementOf};
use protocol::{Code, Currency, Timestamp};

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line an entry.
    Csv,
    /// camt.053.001.08.
    Camt,
}

/// A statement with all that its files say beside it.
struct Sheet<'a> {
    statement: &'a Statement,
    of: StatementOf,
    /// Of the currency.
    exponent: u8,
    names: &'a Names,
    /// Who made it, and when.
    gateway: Code,
    now: Timestamp,
}

impl Sheet<'_> {
    /// The account, at most 34 characters.
    fn account(&self) -> String {
        match self.of {
            StatementOf::Purse(code) => code.to_string(),
            StatementOf::Books => {
                let currency = self.statement.currency;
                format!("BOOKS-{}-{}", currency.issuer(), currency.name())
            }
        }
    }
}

/// A statement as a file.
pub async fn file(
    portal: &Portal,
    of: StatementOf,
    currency: Currency,
    period: Period,
    form: Form,
    now: Timestamp,
) -> Result<Response, Refusal> {
    if period.from >= period.until {
        let sentence = say("The period ends before it begins.");
        return Err(Refusal::Unfit(sentence));
    }
    let exponents = exponents(&portal.ledger).await?;
    if !exponents.0.iter().any(|(known, _)| *known == currency) {
        return Err(Refusal::NotFound(say("No such currency is declared.")));
    }
    let tracing = portal.ledger.tracing().await?;
    let statement = match tracing.statement(of, currency, period).await? {
        Ok(statement) => statement,
        Err(NoStatement::TooLong) => {
            let sentence = say("More than 10,000 entries: choose a shorter period.");
            return Err(Refusal::Unfit(sentence));
        }
        Err(NoStatement::Behind) => {
            return Err(Refusal::Busy(say(
                "The journal is still being followed; try again in a minute.",
            )));
        }
    };
    let links = statement.entries.iter().map(|entry| &entry.link);
    let codes = links.flat_map(|link| [link.payer.code(), link.payee.code()]);
    let mut codes: Vec<Code> = codes.flatten().collect();
    if let StatementOf::Purse(code) = of {
        codes.push(code);
    }
    let names = Names::of(&portal.ledger, codes).await?;
    let gateway = portal.desk.authorities().pop();
    let gateway = gateway.ok_or(Refusal::Broken)?.code;
    let sheet = Sheet {
        statement: &statement,
        of,
        exponent: exponents.of(&currency),
        names: &names,
        gateway,
        now,
    };
    let (kind, text, end) = match form {
        Form::Csv => ("text/csv; charset=utf-8", csv::write(&sheet), "csv"),
        Form::Camt => (
            "application/xml; charset=utf-8",
            camt::write(&sheet)?,
            "xml",
        ),
    };
    let name = format!("statement-{}-{}.{end}", sheet.account(), currency.name());
    Ok(attachment(kind, &name, text))
}

/// A number of smallest units with a point and nothing else: `-1234.567890`.
fn plain(minor: i128, exponent: u8) -> String {
    let exponent = usize::from(exponent);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let sign = if minor < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// `2026-11-22T13:31:05Z`.
pub fn iso(time: Timestamp) -> String {
    let text = crate::show::time(time);
    text.trim_end_matches(" UTC").replacen(' ', "T", 1) + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_programs() {
        assert_eq!(plain(-1_234_567_890, 6), "-1234.567890");
        assert_eq!(plain(7, 2), "0.07");
        assert_eq!(plain(7, 0), "7");
        assert_eq!(plain(0, 18), "0.000000000000000000");
        assert_eq!(iso(Timestamp(1_795_348_800)), "2026-11-22T12:00:00Z");
    }
}
