//! What several pages show alike: parties, payments, states, pages of a list.

use crate::evidence::Exponents;
use crate::language::{Say, below, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ledger::rules::settle::Fate;
use ledger::views::{Cursor, Page, PaymentRow};
use ledger::{CurrencyRow, Ledger, ThingState};
use protocol::{Code, Kind};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rows on a page of a list.
pub const ROWS: u32 = 50;
/// Kinds of things that can bring a key of their own to the desk.
pub const ISSUED_KINDS: [Kind; 4] = [Kind::Device, Kind::Module, Kind::Person, Kind::Service];

/// Where a list goes on.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct After {
    after: Option<String>,
}

impl After {
    /// The page; a cursor that is none is the first page.
    pub fn page(&self) -> Page {
        page_after(self.after.as_deref())
    }
}

/// The page after a cursor that stood in a link.
pub fn page_after(after: Option<&str>) -> Page {
    Page {
        after: after.and_then(|text| text.parse::<Cursor>().ok()),
        most: ROWS,
    }
}

/// A word with a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    /// Class of the style sheet.
    pub class: &'static str,
    /// What it says.
    pub word: Say,
}

/// The state of a thing.
pub const fn state(state: ThingState) -> Pill {
    let class = match state {
        ThingState::Active => "good",
        ThingState::Issued => "info",
        ThingState::Frozen => "warn",
        ThingState::Revoked => "bad",
        ThingState::Retired | ThingState::Superseded => "none",
    };
    Pill {
        class,
        word: below::state(state),
    }
}

/// What became of a payment.
pub const fn fate(fate: Fate) -> Pill {
    let class = match fate {
        Fate::Settled => "good",
        Fate::InTransit | Fate::Waiting => "info",
        Fate::OpenClaim => "bad",
        Fate::Declined | Fate::Returned | Fate::Guaranteed => "warn",
    };
    let word = match fate {
        Fate::Settled => say("settled"),
        Fate::InTransit => say("in transit"),
        Fate::OpenClaim => say("open claim"),
        Fate::Declined => say("declined"),
        Fate::Returned => say("returned"),
        Fate::Waiting => say("waiting for covers"),
        Fate::Guaranteed => say("guaranteed"),
    };
    Pill { class, word }
}

/// A code with what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Whole, as in addresses.
    pub code: Code,
    /// Empty when nobody gave it one.
    pub name: String,
}

impl Party {
    /// The name, else the ends of the code.
    pub fn label(&self) -> String {
        match self.name.is_empty() {
            true => show::short(&self.code),
            false => self.name.clone(),
        }
    }
}

/// Names of the codes on one page.
pub struct Names(BTreeMap<Code, String>);

impl Names {
    /// Looks up all codes at once.
    pub async fn of(ledger: &Ledger, codes: Vec<Code>) -> Result<Self, Refusal> {
        let codes = codes.into_iter().collect();
        Ok(Self(ledger.names(&codes).await?))
    }

    /// The code with its name.
    pub fn party(&self, code: Code) -> Party {
        Party {
            code,
            name: self.0.get(&code).cloned().unwrap_or_default(),
        }
    }
}

/// A payment as a row.
#[derive(Clone, Debug)]
pub struct PaymentLine {
    /// Its identifier.
    pub id: String,
    /// The first digits of it.
    pub short: String,
    /// Who paid.
    pub payer: Party,
    /// Who is paid.
    pub payee: Party,
    /// How much, without the unit.
    pub amount: String,
    /// The unit.
    pub unit: String,
    /// What became of it.
    pub fate: Pill,
    /// Paid by the unit: how many reached the payee.
    pub units: Option<String>,
    /// When it was first handed in.
    pub recorded: String,
}

/// Payments as rows.
pub async fn payment_lines(
    portal: &Portal,
    exponents: &Exponents,
    rows: Vec<PaymentRow>,
) -> Result<Vec<PaymentLine>, Refusal> {
    let codes = rows.iter().flat_map(|row| [row.payer, row.payee]).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |row: PaymentRow| PaymentLine {
        id: row.id.to_string(),
        short: show::short_id(&row.id),
        payer: names.party(row.payer),
        payee: names.party(row.payee),
        amount: show::amount(i128::from(row.amount.get()), exponents.of(&row.currency)),
        unit: row.currency.name().to_owned(),
        fate: fate(row.fate),
        units: row.units.map(|units| show::count(u64::from(units))),
        recorded: show::time(row.recorded),
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Digits behind the point of every currency.
pub async fn exponents(ledger: &Ledger) -> Result<Exponents, Refusal> {
    Ok(exponents_of(&ledger.currencies().await?))
}

/// The same, of rows that are there already.
pub fn exponents_of(rows: &[CurrencyRow]) -> Exponents {
    let pair = |row: &CurrencyRow| (row.currency, row.exponent);
    Exponents(rows.iter().map(pair).collect())
}

/// The code of an address, in any spelling that reads.
pub fn read_code(text: &str) -> Result<Code, Refusal> {
    text.parse()
        .map_err(|error: protocol::code::base32::TextError| {
            Refusal::Unfit(
                say("That is no code: {reason}.").put("reason", below::text_error(error)),
            )
        })
}

/// A file that a browser keeps instead of showing it. Its name is ours: letters, digits, points and
/// hyphens.
pub fn attachment(kind: &'static str, name: &str, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body).into_response()
}
