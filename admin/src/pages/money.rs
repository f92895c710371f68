//! Currencies, purses, loads and redemptions.

use super::frame::{Frame, page, page_with};
use super::parts::{Names, Party, exponents_of};
use super::statement::StatementForm;
use crate::deeds::money as deeds;
use crate::door::secret::Secret;
use crate::door::{Sent, Visitor};
use crate::evidence::Exponents;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::MOVES_MONEY;
use crate::show::{self, EXPONENT_MAX, parse_decimal};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::views::{Conservation, Cursor, Page, PurseRow};
use ledger::{CurrencyRow, Fund, LoadOrder, Loaded, Way};
use protocol::{AmountMinor, Code, Currency, Status};
use serde::Deserialize;

const FULL: Say =
    say("As many requests wait for a second person as are kept. Have some decided first.");

/// Newest loads and redemptions shown.
const NEWEST: u32 = 12;

struct Balance {
    row: CurrencyRow,
    put_in: String,
    sum: String,
    in_transit: String,
    holds: Option<bool>,
}

impl Balance {
    fn value(&self) -> String {
        currency_value(&self.row.currency)
    }
}

struct Purse {
    party: Party,
    unit: String,
    free: String,
    reserved: String,
}

struct Order {
    height: u64,
    way: Way,
    time: String,
    sign: &'static str,
    /// Whose or what fund, where it is no purse.
    fund: Option<Say>,
    amount: String,
    unit: String,
    party: Party,
    by: String,
    second: Option<String>,
}

#[derive(Template)]
#[template(path = "money.html")]
struct Money {
    frame: Frame,
    moves_money: bool,
    done: Option<Say>,
    problem: Option<Say>,
    form: Wish,
    key: String,
    balances: Vec<Balance>,
    purses: Vec<Purse>,
    next: Option<Cursor>,
    orders: Vec<Order>,
    /// Requests that wait for a second person.
    waiting: u64,
    statement: StatementForm,
}

/// A load or redemption as it was typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    code: String,
    currency: String,
    amount: String,
    key: String,
}

/// What a link may bring along.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    code: String,
    done: String,
    after: Option<String>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let done = match asked.done.as_str() {
        "load" => Some(say("The money is in the purse.")),
        "redeem" => Some(say("The money has left the purse.")),
        "currency" => Some(say("The currency is declared.")),
        _ => None,
    };
    let form = Wish {
        code: asked.code,
        ..Wish::default()
    };
    let after = super::parts::page_after(asked.after.as_deref());
    page(
        &visitor.reader,
        &money(&portal, &visitor, &after, form, None, done).await?,
    )
}

async fn money(
    portal: &Portal,
    visitor: &Visitor,
    after: &Page,
    form: Wish,
    problem: Option<Say>,
    done: Option<Say>,
) -> Result<Money, Refusal> {
    let conservation = portal.ledger.conservation().await?;
    let rows = portal.ledger.currencies().await?;
    let exponents = exponents_of(&rows);
    let listing = portal.ledger.purses(after).await?;
    let loads = portal.ledger.loads(&Page::first(NEWEST)).await?.rows;
    let codes = loads.iter().map(|l| l.order.code).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let frame = Frame::new(portal, Some(visitor), "/money");
    // A form sent back keeps its key: sent again, it is still the same order.
    let key = match Secret::presented(&form.key) {
        Some(_) => form.key.clone(),
        None => Secret::draw(&*portal.random).reveal().to_owned(),
    };
    let statement = StatementForm::new(
        "/money/statement".to_owned(),
        say("Statement of the books"),
        &rows,
    );
    Ok(Money {
        statement,
        waiting: portal.ledger.requests_waiting(visitor.now).await?,
        moves_money: frame.may(MOVES_MONEY),
        frame,
        done,
        problem,
        form,
        key,
        balances: rows
            .into_iter()
            .map(|row| balance(row, &conservation))
            .collect(),
        purses: listing
            .rows
            .into_iter()
            .map(|row| purse(row, &exponents))
            .collect(),
        next: listing.next,
        orders: loads
            .into_iter()
            .map(|l| order(&l, &names, &exponents))
            .collect(),
    })
}

fn balance(row: CurrencyRow, conservation: &[Conservation]) -> Balance {
    let found = conservation.iter().find(|c| c.currency == row.currency);
    let text = |minor: i64| show::amount(i128::from(minor), row.exponent);
    Balance {
        put_in: text(found.map_or(0, |c| c.issued_minus_redeemed)),
        sum: text(found.map_or(0, |c| c.accounts_sum)),
        in_transit: text(found.map_or(0, |c| c.in_transit)),
        holds: found.map(|c| c.holds),
        row,
    }
}

fn purse(row: PurseRow, exponents: &Exponents) -> Purse {
    let exponent = exponents.of(&row.currency);
    let text = |amount: AmountMinor| show::amount(i128::from(amount.get()), exponent);
    Purse {
        unit: row.currency.name().to_owned(),
        free: text(row.free),
        reserved: text(row.reserved),
        party: Party {
            code: row.code,
            name: row.name,
        },
    }
}

fn order(loaded: &Loaded, names: &Names, exponents: &Exponents) -> Order {
    let order = &loaded.order;
    let exponent = exponents.of(&order.currency);
    Order {
        height: loaded.head.height,
        way: loaded.way,
        time: show::time(loaded.at),
        sign: match loaded.way {
            Way::Load => "+",
            Way::Redeem => "\u{2212}",
        },
        fund: match loaded.fund {
            None => None,
            Some(Fund::Deposit(_)) => Some(say("deposit of {person}")),
            Some(Fund::Bond) => Some(say("bond, {person}")),
            Some(Fund::Guarantee) => Some(say("guarantees, {person}")),
        },
        amount: show::amount(i128::from(order.amount.get()), exponent),
        unit: order.currency.name().to_owned(),
        party: names.party(order.code),
        by: order.by.clone(),
        second: loaded.second.clone(),
    }
}

/// Puts money into a purse.
pub async fn load(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    carry_out(&portal, &visitor, form, Way::Load).await
}

/// Takes free money out of a purse.
pub async fn redeem(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    carry_out(&portal, &visitor, form, Way::Redeem).await
}

async fn carry_out(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    way: Way,
) -> Result<Response, Refusal> {
    let rows = portal.ledger.currencies().await?;
    let order = match read_order(&form, &rows, visitor) {
        Ok(order) => order,
        Err(problem) => return again(portal, visitor, form, problem).await,
    };
    let word = match way {
        Way::Load => "load",
        Way::Redeem => "redeem",
    };
    let carried = deeds::order(portal, &visitor.actor(), order, way).await;
    match carried? {
        Ok(deeds::Ordered::Waits(_)) => {
            Ok(Redirect::to("/money/requests?done=asked").into_response())
        }
        Ok(deeds::Ordered::Done(_)) => {
            Ok(Redirect::to(&format!("/money?done={word}")).into_response())
        }
        // The key was used for another order: this form is a stale one.
        Err(Status::NotPermitted) => {
            let problem = say(
                "This form was sent before with other values; nothing was changed. Here is a fresh one.",
            );
            let fresh = Wish {
                key: String::new(),
                ..form
            };
            again(portal, visitor, fresh, problem).await
        }
        Err(Status::Full) => again(portal, visitor, form, FULL).await,
        Err(status) => again(portal, visitor, form, below::status(status)).await,
    }
}

fn read_order(form: &Wish, rows: &[CurrencyRow], visitor: &Visitor) -> Result<LoadOrder, Say> {
    let code: Code =
        form.code
            .trim()
            .parse()
            .map_err(|error: protocol::code::base32::TextError| {
                say("Code: {reason}.").put("reason", below::text_error(error))
            })?;
    let row = rows
        .iter()
        .find(|row| currency_value(&row.currency) == form.currency)
        .ok_or(say("Choose a currency."))?;
    let minor = parse_decimal(&form.amount, row.exponent)
        .map_err(|error| say("Amount: {reason}").put("reason", error.sentence()))?;
    let amount = AmountMinor::new(minor)
        .filter(|amount| *amount != AmountMinor::ZERO)
        .ok_or(say(
            "Amount: more than nothing, and at most 2^63 \u{2212} 1 of the smallest unit.",
        ))?;
    let key = Secret::presented(&form.key)
        .ok_or(say("The form is not complete; here is a fresh one."))?;
    Ok(LoadOrder {
        code,
        currency: row.currency,
        amount,
        key: key.reveal().to_owned(),
        by: visitor.name().to_owned(),
    })
}

/// A currency as a form and the API name it: `1.USD`.
pub fn currency_value(currency: &Currency) -> String {
    format!("{}.{}", currency.issuer(), currency.name())
}

async fn again(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Say,
) -> Result<Response, Refusal> {
    let first = Page::first(super::parts::ROWS);
    let page = money(portal, visitor, &first, form, Some(problem), None).await?;
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// A currency as it was typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Declaration {
    letters: String,
    exponent: String,
    name: String,
}

/// Declares a currency of this issuer.
pub async fn declare(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Declaration>,
) -> Result<Response, Refusal> {
    let (currency, exponent) = match read_declaration(&portal, &form) {
        Ok(read) => read,
        Err(problem) => return again(&portal, &visitor, Wish::default(), problem).await,
    };
    let name = form.name.trim();
    let declared = deeds::declare(&portal, &visitor.actor(), currency, exponent, name).await?;
    match declared {
        Ok(()) => Ok(Redirect::to("/money?done=currency").into_response()),
        Err(Status::NotPermitted) => {
            let problem = say(
                "This currency is declared already, with other decimals or another name; that never changes.",
            );
            again(&portal, &visitor, Wish::default(), problem).await
        }
        Err(status) => Err(status.into()),
    }
}

fn read_declaration(portal: &Portal, form: &Declaration) -> Result<(Currency, u8), Say> {
    let letters: [u8; 3] = form
        .letters
        .trim()
        .as_bytes()
        .try_into()
        .map_err(|_| say("A currency has three letters or digits, such as USD."))?;
    let currency = Currency::new(portal.station.issuer, letters).ok_or(say(
        "A currency has three capital letters or digits, such as USD.",
    ))?;
    let exponent = form
        .exponent
        .trim()
        .parse()
        .ok()
        .filter(|e| *e <= EXPONENT_MAX);
    Ok((
        currency,
        exponent.ok_or(say("Decimals: a whole number from 0 to 18."))?,
    ))
}

impl Order {
    const fn is_load(&self) -> bool {
        matches!(self.way, Way::Load)
    }
}

impl Money {
    fn is_currency(&self, row: &CurrencyRow) -> bool {
        currency_value(&row.currency) == self.form.currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use protocol::code::{IssuedBy, Kind};

    #[test]
    fn orders_are_read_exactly_or_not_at_all() {
        let usd = Currency::new(1, *b"USD").unwrap();
        let rows = [CurrencyRow {
            currency: usd,
            exponent: 6,
            name: "US dollar".to_owned(),
        }];
        let visitor = Visitor {
            person: None,
            session: None,
            form_token: String::new(),
            origin: String::new(),
            now: Timestamp(0),
            reader: crate::language::Reader::default(),
        };
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let code = Code::derive(Kind::Device, by, 7, b"key").unwrap();
        let good = Wish {
            code: format!("{code:#}").to_lowercase(),
            currency: "1.USD".to_owned(),
            amount: "1,234.5".to_owned(),
            key: "ab".repeat(32),
        };
        let order = read_order(&good, &rows, &visitor).unwrap();
        assert_eq!((order.code, order.amount.get()), (code, 1_234_500_000));
        let wrong = |change: fn(&mut Wish)| {
            let mut wish = good.clone();
            change(&mut wish);
            read_order(&wish, &rows, &visitor)
                .unwrap_err()
                .to_string()
                .to_string()
        };
        assert!(wrong(|w| w.code = "1000".to_owned()).starts_with("Code:"));
        assert!(wrong(|w| w.currency = "1.EUR".to_owned()).contains("currency"));
        for amount in ["0", "-1", "1.2345678", "9223372036854.775808", "1e9", ""] {
            let mut wish = good.clone();
            wish.amount = amount.to_owned();
            let refused = read_order(&wish, &rows, &visitor)
                .unwrap_err()
                .to_string()
                .to_string();
            assert!(refused.starts_with("Amount:"), "{amount}: {refused}");
        }
        assert!(wrong(|w| w.key = String::new()).contains("fresh"));
    }
}
