//! Who may read what a thing says, what reads cost, and what it may read of others.

use super::code::find;
use super::frame::{Frame, page};
use super::money::currency_value;
use super::parts::{Names, Party, exponents_of, read_code};
use crate::deeds::readers::{self as deeds, ReaderWish};
use crate::door::{Fields, Sent, Visitor};
use crate::evidence::Exponents;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::DECIDES;
use crate::show::{self, parse_decimal};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::grants::{GrantId, GrantRow, Price};
use ledger::{CurrencyRow, Thing};
use protocol::{AmountMinor, Code, Currency};
use serde::Deserialize;

/// A grant as a row.
struct Line {
    row: GrantRow,
    /// The other code.
    other: Party,
    price: Option<String>,
    paid: Option<u64>,
    ended: Option<String>,
}

#[derive(Template)]
#[template(path = "readers.html")]
struct Readers {
    frame: Frame,
    thing: Thing,
    given: Vec<Line>,
    got: Vec<Line>,
    currencies: Vec<CurrencyRow>,
    decides: bool,
    done: Option<Say>,
}

#[derive(Deserialize)]
pub struct Asked {
    done: Option<String>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let thing = find(&portal, &text).await?;
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    let currencies = portal.ledger.currencies().await?;
    let rows = portal.grants.about(&thing.code).await?;
    let (given, got) = lines(&portal, &thing.code, rows, &exponents_of(&currencies)).await?;
    page(
        &visitor.reader,
        &Readers {
            given,
            got,
            currencies,
            decides: frame.may(DECIDES) && !thing.state.is_over(),
            done: match asked.done.as_deref() {
                Some("made") => Some(say("From now on that code may read it.")),
                Some("ended") => Some(say("The grant has ended; nothing more is read under it.")),
                _ => None,
            },
            frame,
            thing,
        },
    )
}

/// What the code has given, and what it has got.
async fn lines(
    portal: &Portal,
    code: &Code,
    rows: Vec<GrantRow>,
    exponents: &Exponents,
) -> Result<(Vec<Line>, Vec<Line>), Refusal> {
    let other = |row: &GrantRow| match row.grant.giver == *code {
        true => row.grant.reader,
        false => row.grant.giver,
    };
    let names = Names::of(&portal.ledger, rows.iter().map(other).collect()).await?;
    let (mut given, mut got) = (Vec::new(), Vec::new());
    for row in rows {
        let price = row.grant.price;
        let line = Line {
            other: names.party(other(&row)),
            price: price.map(|price| exponents.money(price.each.get(), &price.currency)),
            paid: portal.ledger.reads_paid(&row.grant).await?,
            ended: row.ended.map(show::time),
            row,
        };
        match line.row.grant.giver == *code {
            true => given.push(line),
            false => got.push(line),
        }
    }
    Ok((given, got))
}

/// The price of a read, in the decimals of its currency.
fn price(form: &Fields, currencies: &[CurrencyRow]) -> Result<Option<Price>, Refusal> {
    if form.text("price").is_empty() {
        return Ok(None);
    }
    let row = currencies
        .iter()
        .find(|row| currency_value(&row.currency) == form.text("currency"))
        .ok_or(Refusal::Unfit(say("Choose a currency.")))?;
    let minor = parse_decimal(form.text("price"), row.exponent)
        .map_err(|error| Refusal::Unfit(say("Amount: {reason}").put("reason", error.sentence())))?;
    let each = AmountMinor::new(minor);
    let each = each.ok_or(Refusal::Unfit(say("The number is out of range.")))?;
    let currency = row.currency;
    Ok(Some(Price { currency, each }))
}

/// Lets another code read.
pub async fn allow(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(sent): Sent<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let (giver, form) = (read_code(&text)?, Fields(sent));
    let currencies = portal.ledger.currencies().await?;
    let wish = ReaderWish {
        giver,
        reader: read_code(form.text("reader"))?,
        branch: form.text("branch").to_owned(),
        price: price(&form, &currencies)?,
    };
    deeds::allow(&portal, &visitor.actor(), wish, &*portal.random).await?;
    Ok(Redirect::to(&format!("/codes/{giver}/readers?done=made")).into_response())
}

/// Ends a grant.
pub async fn end(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path((text, grant)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let giver = read_code(&text)?;
    deeds::end(&portal, &visitor.actor(), giver, &read_grant(&grant)?).await?;
    Ok(Redirect::to(&format!("/codes/{giver}/readers?done=ended")).into_response())
}

/// The identifier of a grant.
pub fn read_grant(text: &str) -> Result<GrantId, Refusal> {
    text.parse()
        .map_err(|()| Refusal::NotFound(say("There is no such grant, or it was ended before.")))
}

impl Readers {
    fn value(&self, currency: &Currency) -> String {
        currency_value(currency)
    }
}
