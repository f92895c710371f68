//! Loads and redemptions that take two persons: what waits, what was decided, and from which amount
//! on it takes two.

use super::frame::{Frame, page};
use super::money::currency_value;
use super::parts::{Names, Party, Pill, exponents_of, page_after};
use crate::deeds::money as deeds;
use crate::door::{Sent, Visitor};
use crate::evidence::Exponents;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::{MOVES_MONEY, OWNS};
use crate::show::{self, parse_decimal};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::views::Cursor;
use ledger::{AloneLimit, CurrencyRow, MoneyRequest, RequestState, Verdict, Way};
use protocol::AmountMinor;
use serde::Deserialize;

/// A currency with how much of it one person moves alone.
struct Limit {
    row: CurrencyRow,
    most: Option<String>,
    by: Option<String>,
}

struct Line {
    number: u64,
    way: Way,
    amount: String,
    unit: String,
    party: Party,
    by: String,
    asked: String,
    expires: String,
    state: Pill,
    decided: Option<(String, String)>,
    /// Whether this visitor may decide it.
    mine_to_decide: bool,
}

impl Line {
    const fn is_load(&self) -> bool {
        matches!(self.way, Way::Load)
    }
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    frame: Frame,
    done: Option<Say>,
    owns: bool,
    moves_money: bool,
    limits: Vec<Limit>,
    waiting: Vec<Line>,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// What a link may bring along.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
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
        "asked" => Some(say("It is kept, and waits for a second person.")),
        "confirmed" => Some(say("It is confirmed, and the money has moved.")),
        "refused" => Some(say("It is refused; no money moved.")),
        "limit" => Some(say("The limit is set.")),
        _ => None,
    };
    let rows = portal.ledger.currencies().await?;
    let exponents = exponents_of(&rows);
    let limits = portal.ledger.limits_alone().await?;
    let waiting = portal.ledger.waiting_requests(visitor.now).await?;
    let page_of = page_after(asked.after.as_deref());
    let listing = portal.ledger.money_requests(&page_of).await?;
    let mut others = listing.rows;
    others.retain(|request| request.state(visitor.now) != RequestState::Waiting);
    let codes = waiting.iter().chain(&others);
    let codes = codes.map(|request| request.wish.order.code).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |request| line(request, &visitor, &names, &exponents);
    let frame = Frame::new(&portal, Some(&visitor), "/money");
    page(
        &visitor.reader,
        &Requests {
            owns: frame.may(OWNS),
            moves_money: frame.may(MOVES_MONEY),
            frame,
            done,
            limits: rows.into_iter().map(|row| limit_of(row, &limits)).collect(),
            waiting: waiting.into_iter().map(line).collect(),
            lines: others.into_iter().map(line).collect(),
            next: listing.next,
        },
    )
}

fn limit_of(row: CurrencyRow, limits: &[AloneLimit]) -> Limit {
    let found = limits.iter().find(|limit| limit.currency == row.currency);
    let most = |limit: &AloneLimit| show::amount(i128::from(limit.most.get()), row.exponent);
    Limit {
        most: found.map(most),
        by: found.map(|limit| limit.by.clone()),
        row,
    }
}

fn line(request: MoneyRequest, visitor: &Visitor, names: &Names, exponents: &Exponents) -> Line {
    let state = request.state(visitor.now);
    let class = match state {
        RequestState::Waiting => "info",
        RequestState::Expired => "none",
        RequestState::Confirmed => "good",
        RequestState::Refused => "warn",
    };
    let (wish, decision) = (request.wish, request.decision);
    let exponent = exponents.of(&wish.order.currency);
    Line {
        number: request.number,
        way: wish.way,
        amount: show::amount(i128::from(wish.order.amount.get()), exponent),
        unit: wish.order.currency.name().to_owned(),
        party: names.party(wish.order.code),
        by: wish.order.by,
        asked: show::time(request.at),
        expires: show::time(request.expires),
        state: Pill {
            class,
            word: below::request(state),
        },
        decided: decision.map(|decision| (decision.by, show::time(decision.at))),
        mine_to_decide: state == RequestState::Waiting && wish.person != visitor.name(),
    }
}

/// A decision as a form sends it.
#[derive(Deserialize)]
pub struct DecisionForm {
    verdict: String,
}

/// A second person decides.
pub async fn decide(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(number): Path<String>,
    Sent(form): Sent<DecisionForm>,
) -> Result<Response, Refusal> {
    let number = number
        .parse()
        .map_err(|_| Refusal::NotFound(say("There is no such request.")))?;
    let (verdict, word) = match form.verdict.as_str() {
        "confirm" => (Verdict::Confirmed, "confirmed"),
        "refuse" => (Verdict::Refused, "refused"),
        _ => return Err(Refusal::Unfit(say("Confirm it or refuse it."))),
    };
    deeds::decide_request(&portal, &visitor.actor(), number, verdict).await?;
    Ok(Redirect::to(&format!("/money/requests?done={word}")).into_response())
}

/// A limit as a form sends it.
#[derive(Deserialize)]
pub struct LimitForm {
    currency: String,
    most: String,
}

/// Says how much of a currency one person moves alone; nothing said: however much.
pub async fn limit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<LimitForm>,
) -> Result<Response, Refusal> {
    let (row, most) = read_limit(&portal, &form).await?;
    deeds::limit_alone(&portal, &visitor.actor(), row.currency, most).await?;
    Ok(Redirect::to("/money/requests?done=limit").into_response())
}

async fn read_limit(
    portal: &Portal,
    form: &LimitForm,
) -> Result<(CurrencyRow, Option<AmountMinor>), Refusal> {
    let rows = portal.ledger.currencies().await?;
    let row = rows
        .into_iter()
        .find(|row| currency_value(&row.currency) == form.currency);
    let row = row.ok_or_else(|| Refusal::Unfit(say("Choose a currency.")))?;
    if form.most.trim().is_empty() {
        return Ok((row, None));
    }
    let minor = parse_decimal(&form.most, row.exponent)
        .map_err(|error| Refusal::Unfit(say("Amount: {reason}").put("reason", error.sentence())))?;
    let most = AmountMinor::new(minor);
    let most =
        most.ok_or_else(|| Refusal::Unfit(say("Amount: at most 2^63 − 1 of the smallest unit.")))?;
    Ok((row, Some(most)))
}

impl Limit {
    fn value(&self) -> String {
        currency_value(&self.row.currency)
    }
}
