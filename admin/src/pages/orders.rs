//! What stations were told to make, and the form that orders more.

use super::frame::{Frame, page, page_with};
use super::stations::{STATION_KINDS, granted};
use crate::deeds::stations as deeds;
use crate::door::{Sent, Visitor};
use crate::evidence::class;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use crate::station_desk::StationWish;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::OrderRow;
use protocol::{AssuranceClass, Code, Kind};
use serde::Deserialize;

/// Most codes of one order; a station hands over in pieces as it likes.
const COUNT_MAX: u32 = 1_000_000;
/// Twenty years: no authority lives longer.
const DAYS_MAX: u32 = 7_300;

/// The form, as it is sent and as it comes back.
#[derive(Clone, Deserialize)]
#[serde(default)]
pub struct Wish {
    station: String,
    kind: String,
    count: String,
    product: String,
    batch: String,
    life_days: String,
    days: String,
    class: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            station: String::new(),
            kind: Kind::Device.word().to_owned(),
            count: String::new(),
            product: String::new(),
            batch: String::new(),
            life_days: "3650".to_owned(),
            days: "30".to_owned(),
            class: "0".to_owned(),
        }
    }
}

/// A station that can be ordered from.
struct Choice {
    code: Code,
    words: Say,
}

struct Line {
    row: OrderRow,
    station: String,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Orders {
    frame: Frame,
    may_order: bool,
    problem: Option<Say>,
    form: Wish,
    choices: Vec<Choice>,
    classes: [(u8, Say); 3],
    lines: Vec<Line>,
}

impl Orders {
    fn is_station(&self, code: &Code) -> bool {
        self.form.station == code.to_string()
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.form.kind == kind.word()
    }

    fn is_class(&self, number: &u8) -> bool {
        self.form.class == number.to_string()
    }
}

async fn orders(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Option<Say>,
) -> Result<Orders, Refusal> {
    let frame = Frame::new(portal, Some(visitor), "/orders");
    let stations = portal.ledger.stations().await?;
    let choices = stations.iter().filter_map(|row| {
        let granted = granted(row, &portal.network, visitor.now)?;
        let left = show::count(granted.left(row));
        Some(Choice {
            words: say("{station}, {left} left")
                .put("station", &row.name)
                .put("left", left),
            code: granted.code,
        })
    });
    let name = |code: &Code| {
        let is_it =
            |row: &&ledger::StationRow| row.granted.as_ref().is_some_and(|(of, _)| of == code);
        let row = stations.iter().find(is_it);
        row.map_or_else(|| show::short(code), |row| row.name.clone())
    };
    let line = |row: OrderRow| Line {
        station: name(&row.station),
        row,
    };
    let rows = portal.ledger.orders().await?;
    Ok(Orders {
        may_order: frame.may(ISSUES),
        frame,
        problem,
        form,
        choices: choices.collect(),
        classes: [0, 1, 2].map(|number| (number, class(number))),
        lines: rows.into_iter().map(line).collect(),
    })
}

/// The list; the form may come filled in with the link.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(form): Query<Wish>,
) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &orders(&portal, &visitor, form, None).await?,
    )
}

/// Signs an order, keeps it, and goes to its page.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let wish = match wish(&form, &visitor) {
        Ok(wish) => wish,
        Err(problem) => return again(&portal, &visitor, form, problem).await,
    };
    match deeds::order(&portal, &visitor.actor(), wish).await {
        Ok(id) => Ok(Redirect::to(&format!("/orders/{id}?done=ordered")).into_response()),
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, form, problem).await,
        Err(refusal) => Err(refusal),
    }
}

async fn again(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Say,
) -> Result<Response, Refusal> {
    let page = orders(portal, visitor, form, Some(problem)).await?;
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn wish(form: &Wish, visitor: &Visitor) -> Result<StationWish, Say> {
    let number = |text: &str| text.trim().replace(',', "").parse().ok();
    let said = Wanted {
        station: form.station.parse().ok(),
        kind: Kind::ALL.into_iter().find(|kind| kind.word() == form.kind),
        count: number(&form.count),
        life_days: number(&form.life_days),
        days: number(&form.days),
        class: form
            .class
            .parse()
            .ok()
            .and_then(AssuranceClass::from_number),
        product: &form.product,
        batch: &form.batch,
    };
    wanted(said, visitor.name())
}

/// What was said of an order, as far as it could be read.
pub struct Wanted<'a> {
    /// Who shall make them.
    pub station: Option<Code>,
    /// Of which kind.
    pub kind: Option<Kind>,
    /// How many good ones.
    pub count: Option<u32>,
    /// How long the credentials of things are good.
    pub life_days: Option<u32>,
    /// How long the station may work on it.
    pub days: Option<u32>,
    /// How well the things keep their keys.
    pub class: Option<AssuranceClass>,
    /// Which product; may be empty.
    pub product: &'a str,
    /// Which batch; may be empty.
    pub batch: &'a str,
}

/// An order for the desk, if all of it is within its bounds.
pub fn wanted(said: Wanted<'_>, by: &str) -> Result<StationWish, Say> {
    let within = |number: Option<u32>, most: u32, what: Say| {
        let most_text = show::count(u64::from(most));
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| {
            say("{what}: a number from 1 to {most}.")
                .put("what", what)
                .put("most", most_text)
        })
    };
    let kind = said.kind.filter(|kind| STATION_KINDS.contains(kind));
    Ok(StationWish {
        station: said
            .station
            .ok_or(say("Choose a station; if there is none, admit one first."))?,
        kind: kind.ok_or(say("Choose what is to be made."))?,
        count: within(said.count, COUNT_MAX, say("How many"))?,
        product: said.product.trim().to_owned(),
        batch: said.batch.trim().to_owned(),
        life_days: within(
            said.life_days,
            DAYS_MAX,
            say("Days that credentials are good"),
        )?,
        days: within(said.days, DAYS_MAX, say("Days for the station"))?,
        class: said
            .class
            .ok_or(say("Choose how well the things keep their keys."))?,
        by: by.to_owned(),
    })
}
