//! A statement as lines of comma-separated values (RFC 4180).

use super::{Sheet, iso, plain};
use ledger::trace::{Holder, StatementEntry};
use std::fmt::Write as _;

const HEAD: &str =
    "entry,time,kind,payer,payer name,payee,payee name,change,balance,currency,subject,place\r\n";

/// Quoted, and no formula wherever it is opened: names are what strangers wrote.
pub fn quoted(text: &str) -> String {
    let text = text.replace('"', "\"\"");
    let guard = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => "'",
        false => "",
    };
    format!("\"{guard}{text}\"")
}

/// What holds money that is no purse.
pub fn word(holder: &Holder) -> &'static str {
    match holder {
        Holder::Issuer => "issuer",
        Holder::Purse(_) | Holder::Reserved(..) => "purse",
        Holder::InTransit(_) => "in transit",
        Holder::Deposit(_) => "deposit",
        Holder::Bond => "bond",
        Holder::Guarantee => "guarantees",
        Holder::Clearing => "other books",
        Holder::Other(_) => "other",
    }
}

/// The whole file. Before and after the entries stands what there was: `opening` and `closing`.
pub fn write(sheet: &Sheet<'_>) -> String {
    let mut text = HEAD.to_owned();
    let statement = sheet.statement;
    let amount = |minor| plain(minor, sheet.exponent);
    let currency = statement.currency.name();
    let edge = |word: &str, at, minor| {
        let (time, minor) = (iso(at), amount(minor));
        format!(",{time},{word},,,,,,{minor},{currency},,\r\n")
    };
    text += &edge("opening", statement.period.from, statement.opening_minor);
    for entry in &statement.entries {
        line(sheet, entry, &mut text);
    }
    let end = statement.period.until.min(sheet.now);
    text += &edge("closing", end, statement.closing_minor);
    text
}

fn line(sheet: &Sheet<'_>, entry: &StatementEntry, text: &mut String) {
    let link = &entry.link;
    let side = |holder: &Holder| match holder.code() {
        Some(code) => format!("{code},{}", quoted(&sheet.names.party(code).name)),
        None => format!("{},", word(holder)),
    };
    let amount = |minor| plain(minor, sheet.exponent);
    let place = link.place.map(|place| place.to_string());
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{},{},{},{},{},{},{},{},{},{}\r\n",
        link.note.height,
        iso(link.note.at),
        link.note.word(),
        side(&link.payer),
        side(&link.payee),
        amount(entry.change_minor),
        amount(entry.balance_minor),
        sheet.statement.currency.name(),
        link.note.subject,
        place.unwrap_or_default(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(quoted("Car \"7\", red"), "\"Car \"\"7\"\", red\"");
        for text in ["=1+1", "+1", "-1", "@x"] {
            assert_eq!(quoted(text), format!("\"'{text}\""));
        }
    }
}
