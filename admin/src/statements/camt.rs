//! A statement as ISO 20022 camt.053.001.08.
//!
//! Amounts there have at most five decimals and eighteen digits. A currency with more decimals is
//! rounded down by its balances, never by its entries: an entry is the difference of two rounded
//! balances, so that what is written always adds up, and the exact amount stands beside it in words.

use super::csv::word;
use super::{Sheet, iso, plain};
use crate::language::say;
use crate::refusal::Refusal;
use askama::Template;
use ledger::trace::{Holder, StatementEntry, StatementOf};
use protocol::Digest;

/// Decimals of an amount.
const DECIMALS: u8 = 5;
/// Digits of an amount.
const DIGITS: usize = 18;
/// Letters of a reference.
const REFERENCE_CHARS: usize = 35;
/// Letters of a name.
const NAME_CHARS: usize = 70;

/// An amount without its sign, and which side it is on.
struct Amount {
    text: String,
    is_credit: bool,
}

impl Amount {
    const fn side(&self) -> &'static str {
        match self.is_credit {
            true => "CRDT",
            false => "DBIT",
        }
    }
}

struct Party {
    name: String,
    account: Option<String>,
}

struct Entry {
    height: u64,
    time: String,
    amount: Amount,
    kind: &'static str,
    reference: String,
    subject: String,
    exact: String,
    payer: Party,
    payee: Party,
    place: Option<String>,
}

/// How many entries of a side, and their sum.
#[derive(Default)]
struct Total {
    count: usize,
    sum: i128,
}

#[derive(Template)]
#[template(path = "camt053.xml")]
struct Camt<'a> {
    message: String,
    gateway: String,
    made: String,
    from: String,
    until: String,
    account: String,
    name: String,
    currency: &'a str,
    opening: Amount,
    closing: Amount,
    credits: (usize, String),
    debits: (usize, String),
    entries: Vec<Entry>,
    height: u64,
}

/// Rounding down to so many decimals.
#[derive(Clone, Copy)]
struct Rounding {
    step: i128,
    decimals: u8,
}

impl Rounding {
    fn new(exponent: u8) -> Self {
        Self {
            step: 10_i128.pow(u32::from(exponent.saturating_sub(DECIMALS))),
            decimals: exponent.min(DECIMALS),
        }
    }

    const fn down(self, minor: i128) -> i128 {
        minor.div_euclid(self.step)
    }

    fn amount(self, rounded: i128) -> Result<Amount, Refusal> {
        let text = plain(rounded.abs(), self.decimals);
        if text.bytes().filter(u8::is_ascii_digit).count() > DIGITS {
            let sentence = say("An amount has more digits than camt.053 takes: take the CSV.");
            return Err(Refusal::Unfit(sentence));
        }
        Ok(Amount {
            text,
            is_credit: rounded >= 0,
        })
    }
}

/// The whole file.
pub fn write(sheet: &Sheet<'_>) -> Result<String, Refusal> {
    let (statement, rounding) = (sheet.statement, Rounding::new(sheet.exponent));
    let currency = statement.currency.name();
    if !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        let sentence = say("camt.053 takes currencies of three letters only: take the CSV.");
        return Err(Refusal::Unfit(sentence));
    }
    let (mut credits, mut debits) = (Total::default(), Total::default());
    let mut entries = Vec::with_capacity(statement.entries.len());
    let mut before = rounding.down(statement.opening_minor);
    for entry in &statement.entries {
        let after = rounding.down(entry.balance_minor);
        let change = after - before;
        // Of an entry that is rounded away, the side is still its own.
        let is_credit = entry.change_minor >= 0;
        let total = if is_credit { &mut credits } else { &mut debits };
        total.count += 1;
        total.sum += change.abs();
        let amount = Amount {
            is_credit,
            ..rounding.amount(change)?
        };
        entries.push(entry_of(sheet, entry, amount));
        before = after;
    }
    let until = statement.period.until.min(sheet.now);
    let name = match sheet.of {
        StatementOf::Purse(code) => sheet.names.party(code).label(),
        StatementOf::Books => "Money in circulation".to_owned(),
    };
    let camt = Camt {
        message: format!("{}-{}", statement.height, sheet.now.0),
        gateway: sheet.gateway.to_string(),
        made: iso(sheet.now),
        from: iso(statement.period.from),
        until: iso(until),
        account: sheet.account(),
        name: cut(&name, NAME_CHARS),
        currency,
        opening: rounding.amount(rounding.down(statement.opening_minor))?,
        closing: rounding.amount(before)?,
        credits: (credits.count, rounding.amount(credits.sum)?.text),
        debits: (debits.count, rounding.amount(debits.sum)?.text),
        entries,
        height: statement.height,
    };
    Ok(camt.render()?)
}

fn entry_of(sheet: &Sheet<'_>, entry: &StatementEntry, amount: Amount) -> Entry {
    let link = &entry.link;
    let party = |holder: &Holder| Party {
        name: match holder.code() {
            Some(code) => cut(&sheet.names.party(code).label(), NAME_CHARS),
            None => word(holder).to_owned(),
        },
        account: holder.code().map(|code| code.to_string()),
    };
    Entry {
        height: link.note.height,
        time: iso(link.note.at),
        amount,
        kind: link.note.word(),
        reference: reference(&link.note.subject),
        subject: link.note.subject.to_string(),
        exact: plain(entry.change_minor, sheet.exponent),
        payer: party(&link.payer),
        payee: party(&link.payee),
        place: link.place.map(|place| place.to_string()),
    }
}

/// The first sixteen bytes, as references in objects have them; the whole stands in the text.
fn reference(subject: &Digest) -> String {
    cut(&subject.reference().to_string(), REFERENCE_CHARS)
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_balances_add_up_though_entries_are_small() {
        let rounding = Rounding::new(6);
        let mut balance = 0;
        let mut written = 0;
        for change in [4, 4, 4, -7, 1_000_003, -999_999, 9] {
            let before = rounding.down(balance);
            balance += change;
            written += rounding.down(balance) - before;
            assert_eq!(written, rounding.down(balance));
        }
        assert_eq!((balance, written), (18, 1));
        assert_eq!(rounding.amount(-1_234_567).ok().unwrap().text, "12.34567");
        assert!(Rounding::new(2).amount(i128::from(i64::MAX)).is_err());
        assert!(Rounding::new(6).amount(i128::from(i64::MAX) / 10).is_ok());
    }
}
