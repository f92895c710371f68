//! Issuing a grid code from coordinates, level, time and owner.

use super::frame::{Frame, page, page_with};
use super::map::World;
use crate::coordinates::{Axis, level_arc, level_ground, parse_degrees};
use crate::deeds::places as deeds;
use crate::door::{Sent, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::Code;
use protocol::code::grid::{Level, Place, Point, Span};
use serde::Deserialize;

/// Units a duration can be given in, with their minutes.
const UNITS: [(&str, Say, u64); 4] = [
    ("hours", say("hours"), 60),
    ("days", say("days"), 1_440),
    ("weeks", say("weeks"), 10_080),
    ("years", say("years"), 525_960),
];
/// Heights that fit 24 bits of decimetres.
const HEIGHT_DM_MAX: u64 = (1 << 23) - 1;

#[derive(Template)]
#[template(path = "issue_grid.html")]
struct IssueGrid {
    frame: Frame,
    problem: Option<Say>,
    form: Wish,
    now: String,
    world: World,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    name: String,
    latitude: String,
    longitude: String,
    level: String,
    height: String,
    start: String,
    length: String,
    unit: String,
    owner: String,
}

/// The form; an owner may come with the link.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(form): Query<Wish>,
) -> Result<Response, Refusal> {
    let now = show::minute_field(u64::from(visitor.now.0) / 60);
    page(
        &visitor.reader,
        &IssueGrid {
            frame: Frame::new(&portal, Some(&visitor), "/grids"),
            problem: None,
            form: Wish {
                start: now.clone(),
                level: match form.level.as_str() {
                    "" => Level::DEFAULT.number().to_string(),
                    level => level.to_owned(),
                },
                ..form
            },
            now,
            world: World::of(&portal, false, false),
        },
    )
}

/// Issues, and goes to the new grid code.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let place = match place(&portal, &form) {
        Ok(place) => place,
        Err(problem) => return again(&portal, &visitor, form, problem),
    };
    let name = form.name.trim().to_owned();
    match deeds::issue_grid(&portal, &visitor.actor(), &place, &name).await {
        Ok(row) => Ok(Redirect::to(&format!("/grids/{}?done=1", row.code)).into_response()),
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, form, problem),
        Err(refusal) => Err(refusal),
    }
}

fn place(portal: &Portal, form: &Wish) -> Result<Place, Say> {
    let latitude = parse_degrees(&form.latitude, Axis::Latitude)
        .map_err(|error| say("Latitude: {reason}").put("reason", error.sentence()))?;
    let longitude = parse_degrees(&form.longitude, Axis::Longitude)
        .map_err(|error| say("Longitude: {reason}").put("reason", error.sentence()))?;
    let level = form.level.trim().parse().ok().and_then(Level::new);
    let owner: Code =
        form.owner
            .trim()
            .parse()
            .map_err(|error: protocol::code::base32::TextError| {
                say("Owner: {reason}.").put("reason", below::text_error(error))
            })?;
    Ok(Place {
        by: portal.station,
        level: level.ok_or(say("Choose a level from 1 to 10."))?,
        point: Point::from_nanodegrees(latitude, longitude).ok_or(say("Not a point on earth."))?,
        height_dm: height_dm(&form.height)?,
        span: span(form)?,
        owner,
    })
}

fn span(form: &Wish) -> Result<Span, Say> {
    let start = show::parse_minute(&form.start).ok_or(say(
        "Start: write date and time in UTC, such as 2026-11-22T13:30.",
    ))?;
    let minutes = match form.length.trim() {
        "" => None,
        text => {
            let number: u64 = text
                .parse()
                .ok()
                .filter(|n| *n > 0)
                .ok_or(say("Duration: write a whole number, or leave it empty."))?;
            let unit = UNITS.into_iter().find(|(unit, ..)| *unit == form.unit);
            let (.., size) = unit.ok_or(say("Duration: choose a unit."))?;
            Some(number.checked_mul(size).ok_or(say("Duration: too long."))?)
        }
    };
    Span::new(start, minutes).ok_or(say(
        "Start: it lies between 2020 and 2147; a duration fits below 2^63 minutes.",
    ))
}

/// Metres with one decimal and a sign into decimetres.
fn height_dm(text: &str) -> Result<Option<i32>, Say> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let below = text.strip_prefix('-').or(text.strip_prefix('\u{2212}'));
    let size = show::parse_decimal(below.unwrap_or(text), 1)
        .map_err(|error| say("Height: {reason}").put("reason", error.sentence()))?;
    let size = i32::try_from(size.min(HEIGHT_DM_MAX + 1)).unwrap_or(i32::MAX);
    if u64::from(size.unsigned_abs()) > HEIGHT_DM_MAX {
        return Err(say("Height: up to 838,860.7 m."));
    }
    Ok(Some(if below.is_some() { -size } else { size }))
}

fn again(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Say,
) -> Result<Response, Refusal> {
    let page = IssueGrid {
        frame: Frame::new(portal, Some(visitor), "/grids"),
        problem: Some(problem),
        form,
        now: show::minute_field(u64::from(visitor.now.0) / 60),
        world: World::of(portal, false, false),
    };
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

impl IssueGrid {
    fn levels(&self) -> Vec<(u8, Say, bool)> {
        (1..=10)
            .filter_map(Level::new)
            .map(|level| {
                let number = level.number();
                let text = say("{level}: {arc}, about {size}")
                    .put("level", number)
                    .put("arc", level_arc(level))
                    .put("size", level_ground(level));
                (number, text, self.form.level == number.to_string())
            })
            .collect()
    }

    fn is_unit(&self, unit: &str) -> bool {
        self.form.unit == unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_decimetres() {
        assert_eq!(height_dm(""), Ok(None));
        assert_eq!(height_dm(" 12.3 "), Ok(Some(123)));
        assert_eq!(height_dm("-430"), Ok(Some(-4300)));
        assert_eq!(height_dm("838860.7"), Ok(Some(8_388_607)));
        for text in ["12.34", "838860.8", "99999999999999", "high", "--1"] {
            assert!(height_dm(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_open_ended_or_a_power_of_two() {
        let wish = |length: &str, unit: &str| Wish {
            start: "2026-11-22T13:30".to_owned(),
            length: length.to_owned(),
            unit: unit.to_owned(),
            ..Wish::default()
        };
        assert_eq!(span(&wish("", "")).unwrap().minutes(), None);
        assert_eq!(span(&wish("1", "hours")).unwrap().minutes(), Some(64));
        assert_eq!(span(&wish("1", "days")).unwrap().minutes(), Some(2048));
        for (length, unit) in [
            ("0", "days"),
            ("-1", "days"),
            ("1", "moons"),
            ("99999999999999999999", "days"),
            ("18446744073709551615", "years"),
        ] {
            assert!(span(&wish(length, unit)).is_err(), "{length} {unit}");
        }
        let early = Wish {
            start: "2019-12-31T23:59".to_owned(),
            ..Wish::default()
        };
        assert!(span(&early).is_err());
    }
}
