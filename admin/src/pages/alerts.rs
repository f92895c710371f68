//! What is watched, who is told, and the letters that were written.

use super::frame::{Frame, page};
use super::money::currency_value;
use super::parts::{Names, Party, Pill, exponents_of};
use crate::deeds::alerts::{self as deeds, RuleWish};
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
use ledger::CurrencyRow;
use ledger::alerts::{Destination, Kind, Letter, LetterState, Rule};
use protocol::{AmountMinor, Code, Currency};
use serde::Deserialize;

/// Letters on a page.
const LETTERS: u32 = 50;
/// Things of one rule whose names are shown.
const NAMED_MAX: usize = 3;
/// How long a rule is quiet between two letters.
const QUIETS: [(Say, u32); 4] = [
    (say("a minute"), 60),
    (say("15 minutes"), 900),
    (say("an hour"), 3_600),
    (say("a day"), 86_400),
];
const QUIET_DEFAULT_S: u32 = 900;

/// A rule as a row.
struct Line {
    rule: Rule,
    /// What people call the things, as many as are named.
    things: Vec<Party>,
    more: usize,
    terms: Option<Say>,
    destination: String,
    standing: u64,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    frame: Frame,
    rules: Vec<Line>,
    destinations: Vec<Destination>,
    currencies: Vec<CurrencyRow>,
    letters: Vec<Letter>,
    older: Option<i64>,
    decides: bool,
    done: Option<Say>,
}

#[derive(Deserialize)]
pub struct Asked {
    before: Option<String>,
    done: Option<String>,
}

/// What a rule says beside its kind.
fn terms(rule: &Rule, exponents: &Exponents) -> Option<Say> {
    let money =
        |(currency, minor): (Currency, AmountMinor)| exponents.money(minor.get(), &currency);
    match rule.kind {
        Kind::Silent => Some(say("for {time}").put("time", show::duration(rule.after_s.into()))),
        Kind::PurseBelow => rule
            .bound
            .map(|bound| say("less than {money}").put("money", money(bound))),
        Kind::PurseAbove => rule
            .bound
            .map(|bound| say("more than {money}").put("money", money(bound))),
        _ => None,
    }
}

async fn lines(
    portal: &Portal,
    destinations: &[Destination],
    exponents: &Exponents,
) -> Result<Vec<Line>, Refusal> {
    let rules = portal.alerts.rules().await?;
    let told = portal.alerts.told_now().await?;
    let named = |rule: &Rule| {
        rule.codes
            .iter()
            .take(NAMED_MAX)
            .copied()
            .collect::<Vec<_>>()
    };
    let names = Names::of(&portal.ledger, rules.iter().flat_map(named).collect()).await?;
    let line = |rule: Rule| Line {
        things: named(&rule)
            .into_iter()
            .map(|code| names.party(code))
            .collect(),
        more: rule.codes.len().saturating_sub(NAMED_MAX),
        terms: terms(&rule, exponents),
        destination: (destinations.iter())
            .find(|one| one.id == rule.destination)
            .map(|one| one.name.clone())
            .unwrap_or_default(),
        standing: told.get(&rule.id).copied().unwrap_or_default(),
        rule,
    };
    Ok(rules.into_iter().map(line).collect())
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&portal, Some(&visitor), "/alerts");
    let before = asked.before.and_then(|text| text.parse().ok());
    let letters = portal.alerts.letters(before, LETTERS).await?;
    let older = letters.last().map(|letter| letter.number);
    let destinations = portal.alerts.destinations().await?;
    let currencies = portal.ledger.currencies().await?;
    page(
        &visitor.reader,
        &Alerts {
            rules: lines(&portal, &destinations, &exponents_of(&currencies)).await?,
            older: older.filter(|number| *number > 1 && letters.len() == LETTERS as usize),
            decides: frame.may(DECIDES),
            done: match asked.done.as_deref() {
                Some("made") => Some(say(
                    "The rule is made. What is true already is told at once.",
                )),
                Some("removed") => Some(say("The rule was taken away.")),
                _ => None,
            },
            frame,
            destinations,
            currencies,
            letters,
        },
    )
}

fn codes(text: &str) -> Result<Vec<Code>, Refusal> {
    let words = text.split([',', ';', '\n', '\r']).map(str::trim);
    let read = |word: &str| super::parts::read_code(word);
    words.filter(|word| !word.is_empty()).map(read).collect()
}

/// The bound of a purse, in the decimals of its currency.
fn bound(
    form: &Fields,
    currencies: &[CurrencyRow],
) -> Result<Option<(Currency, AmountMinor)>, Refusal> {
    if form.text("bound").is_empty() {
        return Ok(None);
    }
    let row = currencies
        .iter()
        .find(|row| currency_value(&row.currency) == form.text("currency"))
        .ok_or(Refusal::Unfit(say("Choose a currency.")))?;
    let minor = parse_decimal(form.text("bound"), row.exponent)
        .map_err(|error| Refusal::Unfit(say("Amount: {reason}").put("reason", error.sentence())))?;
    let minor = AmountMinor::new(minor);
    let minor = minor.ok_or(Refusal::Unfit(say("The number is out of range.")))?;
    Ok(Some((row.currency, minor)))
}

/// Makes a rule.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Sent<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let form = Fields(sent);
    let kind = Kind::from_word(form.text("kind"));
    let currencies = portal.ledger.currencies().await?;
    let minutes = match form.text("minutes") {
        "" => None,
        _ => Some(form.number::<u32>("minutes")?),
    };
    let no_destination = |()| Refusal::Unfit(say("Choose who is told."));
    let wish = RuleWish {
        name: form.text("name").to_owned(),
        kind: kind.ok_or(Refusal::Unfit(say("Choose what is watched.")))?,
        codes: codes(form.text("codes"))?,
        after_s: minutes.map(|minutes| minutes.saturating_mul(60)),
        bound: bound(&form, &currencies)?,
        destination: form.text("destination").parse().map_err(no_destination)?,
        quiet_s: form.number("quiet_s")?,
        says_over: form.is_ticked("says_over"),
    };
    deeds::add_rule(&portal, &visitor.actor(), wish, &*portal.random).await?;
    Ok(Redirect::to("/alerts?done=made").into_response())
}

/// Takes a rule away.
pub async fn remove(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(rule): Path<String>,
) -> Result<Response, Refusal> {
    let unfit = |()| Refusal::NotFound(say("There is no such rule, or it was taken away before."));
    let id = rule.parse().map_err(unfit)?;
    deeds::remove_rule(&portal, &visitor.actor(), id).await?;
    Ok(Redirect::to("/alerts?done=removed").into_response())
}

impl Alerts {
    /// What a rule about the house can watch.
    fn house_kinds(&self) -> impl Iterator<Item = Kind> {
        let all = Kind::ALL.iter().copied();
        all.filter(|kind| !kind.names_things())
    }

    fn purse_kinds(&self) -> [Kind; 2] {
        [Kind::PurseBelow, Kind::PurseAbove]
    }

    fn value(&self, currency: &Currency) -> String {
        currency_value(currency)
    }

    fn state(&self, letter: &Letter) -> Pill {
        Pill {
            class: match letter.state {
                LetterState::Waiting => "warn",
                LetterState::Delivered => "good",
                LetterState::GivenUp => "bad",
            },
            word: below::letter_state(letter.state),
        }
    }
}
