//! What a thing says: live messages of both doors, telemetry with a chart, its twin, and commands.

use super::code::find;
use super::frame::{Frame, page};
use super::parts::Pill;
use crate::assets;
use crate::deeds::things as deeds;
use crate::desk::Connected;
use crate::door::{Sent, Visitor};
use crate::draw::Chart;
use crate::draw::chart::curve;
use crate::language::{Language, Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::{DECIDES, STAFF};
use crate::show;
use crate::stream::{self, News};
use crate::things_desk::ThingMessage;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use ledger::Thing;
use ledger::diary::{
    COMMANDS_PER_CODE, CommandRow, Measured, READINGS_LIFE_S, READINGS_MAX, READINGS_PER_CODE,
    Series,
};
use protocol::{Code, Timestamp};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Commands shown.
const COMMANDS_SHOWN: u32 = 12;
/// Steps of the chart.
const CHART_STEPS: u32 = 180;
/// How far back a chart may go, in hours; the first is shown where nothing is said.
const HOURS: [u32; 4] = [1, 6, 24, 168];
/// Live messages shown in a second; the others are counted.
const ROWS_PER_TICK: u32 = 20;
/// How often what is gathered is told.
const TICK: Duration = Duration::from_secs(1);
/// Ticks after a message in which the page is told anew: what it measured is written down meanwhile.
const STALE_TICKS: u8 = 2;
/// Characters of a payload that are shown.
const SHOWN_CHARS: usize = 400;

/// The newest value of a name.
struct Newest {
    name: String,
    value: String,
    unit: String,
    at: String,
    chosen: bool,
    charted: bool,
}

/// A command as it is shown.
struct Told {
    number: i64,
    payload: String,
    by: String,
    at: String,
    state: Pill,
    result: String,
}

/// Half a twin.
struct Half {
    name: Say,
    payload: Option<Say>,
}

/// Everything on the page that changes.
struct Now {
    at: String,
    connected: Option<Connected>,
    status: Option<Say>,
    newest: Vec<Newest>,
    kept: u64,
    chart: Option<Chart>,
    chart_from: String,
    chart_to: String,
    twin: Vec<Half>,
    commands: Vec<Told>,
}

/// What of it is looked at.
#[derive(Clone, Default, Deserialize)]
pub struct View {
    #[serde(default)]
    name: String,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    done: String,
}

impl View {
    fn hours(&self) -> u32 {
        let asked = self.hours.parse().ok();
        let asked = asked.filter(|asked| HOURS.contains(asked));
        asked.unwrap_or(HOURS[0])
    }
}

#[derive(Template)]
#[template(path = "messages.html")]
struct Messages {
    frame: Frame,
    thing: Thing,
    now: Now,
    hours: u32,
    every: [u32; 4],
    live: String,
    decides: bool,
    desired: String,
    done: Option<Say>,
}

impl Messages {
    fn script(&self) -> String {
        assets::LIVE.address()
    }

    fn retention(&self) -> Say {
        say("Up to {each} values of a thing and {all} of all are kept, none longer than {time}.")
            .put("each", show::count32(READINGS_PER_CODE))
            .put("all", show::count32(READINGS_MAX))
            .put("time", show::duration(u64::from(READINGS_LIFE_S)))
    }

    fn commands_kept(&self) -> Say {
        say("The newest {number} commands of a thing are kept.").put("number", COMMANDS_PER_CODE)
    }
}

#[derive(Template)]
#[template(path = "messages_now.html")]
struct Parts {
    now: Now,
}

#[derive(Template)]
#[template(path = "message_row.html")]
struct Row {
    at: String,
    door: Say,
    place: String,
    payload: Say,
    retain: bool,
    missed: u64,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(view): Query<View>,
) -> Result<Response, Refusal> {
    let thing = find(&portal, &text).await?;
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    let desired = portal.things.twin(&thing.code).desired;
    let now = now(&portal, &thing.code, &view, visitor.now).await?;
    let name = now.newest.iter().find(|newest| newest.chosen);
    let name = name.map_or("", |newest| newest.name.as_str());
    let hours = view.hours();
    page(
        &visitor.reader,
        &Messages {
            live: format!(
                "/codes/{}/live?hours={hours}&name={}",
                thing.code,
                show::escaped(name)
            ),
            decides: frame.may(DECIDES) && !thing.state.is_over(),
            // Whole, since it is sent back with the form; what is no text was not written here.
            desired: desired
                .and_then(|payload| String::from_utf8(payload).ok())
                .unwrap_or_default(),
            done: match view.done.as_str() {
                "desired" => Some(say(
                    "What it shall become is kept; it is told now, or when it comes.",
                )),
                "command" => Some(say("The command went out. What it answers is shown below.")),
                _ => None,
            },
            every: HOURS,
            hours,
            frame,
            thing,
            now,
        },
    )
}

async fn now(portal: &Portal, code: &Code, view: &View, now: Timestamp) -> Result<Now, Refusal> {
    let series = portal.diary.series(code).await?;
    let is_number = |one: &&Series| matches!(one.value, Measured::Number(_));
    let chosen = (series.iter().find(|one| one.name == view.name))
        .or_else(|| series.iter().find(is_number))
        .map(|one| one.name.clone());
    let hours = view.hours();
    let from = now.minus_s(hours * 3_600);
    let chart = match &chosen {
        Some(name) => {
            let unit = series.iter().find(|one| one.name == *name);
            let unit = unit.map_or("", |one| one.unit.as_str());
            Some(charted(portal, code, (name, unit), from, hours).await?)
        }
        None => None,
    };
    let twin = portal.things.twin(code);
    let half = |name, payload: Option<Vec<u8>>| Half {
        name,
        payload: payload.map(|payload| readable(&payload)),
    };
    let newest = |one: Series| Newest {
        chosen: chosen.as_ref() == Some(&one.name),
        charted: is_number(&&one),
        value: match one.value {
            Measured::Number(number) => exact(number),
            Measured::Words(words) => words,
        },
        at: show::time(at(one.at_ms)),
        name: one.name,
        unit: one.unit,
    };
    let commands = portal.diary.commands(code, COMMANDS_SHOWN).await?;
    Ok(Now {
        at: show::time(now),
        connected: portal.live.connected(code),
        status: twin.status.map(|payload| readable(&payload)),
        kept: portal.diary.readings_kept(code).await?,
        chart,
        chart_from: show::time(from),
        chart_to: show::time(now),
        twin: vec![
            half(say("reported"), twin.reported),
            half(say("desired"), twin.desired),
        ],
        commands: commands.into_iter().map(told).collect(),
        newest: series.into_iter().map(newest).collect(),
    })
}

/// A number with all its digits, and its power of ten where those are many.
fn exact(number: f64) -> String {
    const CHARS: usize = 20;
    let text = number.to_string();
    match text.len() {
        0..=CHARS => text,
        _ => format!("{number:e}"),
    }
}

fn at(at_ms: u64) -> Timestamp {
    Timestamp(u32::try_from(at_ms / 1_000).unwrap_or(u32::MAX))
}

async fn charted(
    portal: &Portal,
    code: &Code,
    (name, unit): (&str, &str),
    from: Timestamp,
    hours: u32,
) -> Result<Chart, Refusal> {
    let step_ms = u64::from(hours) * 3_600_000 / u64::from(CHART_STEPS);
    let from_ms = u64::from(from.0) * 1_000;
    let spans = portal
        .diary
        .spans(code, name, from_ms, step_ms, CHART_STEPS);
    let mut values = vec![None; CHART_STEPS as usize];
    for span in spans.await? {
        if let Some(value) = values.get_mut(span.step as usize) {
            *value = Some(span.mean);
        }
    }
    Ok(curve(name, unit, &values))
}

fn told(command: CommandRow) -> Told {
    let (class, word) = match (&command.result, command.sent) {
        (Some(_), _) => ("good", say("answered")),
        (None, Some(_)) => ("info", say("no answer yet")),
        (None, None) => ("warn", say("not sent")),
    };
    let result = command.result;
    Told {
        number: command.number,
        payload: command.payload,
        by: command.by,
        at: show::time(command.at),
        state: Pill { class, word },
        result: result
            .map(|(at, result)| format!("{result} ({})", show::time(at)))
            .unwrap_or_default(),
    }
}

/// A payload for people: text as it is, anything else in hexadecimal digits; cut where it is long.
fn readable(payload: &[u8]) -> Say {
    let text = std::str::from_utf8(payload).ok();
    let text = text.filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    match text {
        Some(text) => Say::plain(cut(text)),
        None => {
            let some = payload.get(..SHOWN_CHARS).unwrap_or(payload);
            say("One byte: {hex}")
                .or_many("{count} bytes: {hex}", payload.len())
                .put("hex", cut(&show::to_hex(some)))
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What it says, as it says it.
pub async fn live(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(view): Query<View>,
) -> Result<Response, Refusal> {
    let code = find(&portal, &text).await?.code;
    let branch = portal.things.listen(code).await;
    let branch = branch.ok_or(Refusal::Busy(say(
        "As many things are listened to as can be. Close a page, or try again later.",
    )))?;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let news = Followed {
        portal: portal.clone(),
        language: visitor.reader.language,
        code,
        view,
        branch,
        ticks,
        rows_left: ROWS_PER_TICK,
        missed: 0,
        stale: 0,
    };
    stream::answer(&portal, &visitor, STAFF, news)
}

/// One thing, for one visitor.
struct Followed {
    portal: Shared,
    language: Language,
    code: Code,
    view: View,
    branch: BoxStream<'static, ThingMessage>,
    ticks: Interval,
    rows_left: u32,
    missed: u64,
    stale: u8,
}

impl News for Followed {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let message = tokio::select! {
                message = self.branch.next() => Some(message?),
                _ = self.ticks.tick() => None,
            };
            let told = match message {
                Some(message) => self.row(message),
                None => self.parts().await,
            };
            if told.is_some() {
                return told;
            }
        }
    }
}

impl Followed {
    fn row(&mut self, message: ThingMessage) -> Option<Event> {
        self.stale = STALE_TICKS;
        self.missed += message.missed;
        if self.rows_left == 0 {
            self.missed += 1;
            return None;
        }
        self.rows_left -= 1;
        let row = Row {
            at: show::time((self.portal.clock)()),
            door: message.door.map_or(say("portal"), Say::plain),
            place: message.place,
            payload: readable(&message.payload),
            retain: message.retain,
            missed: std::mem::take(&mut self.missed),
        };
        let row = row.render_with_values(&self.language).ok()?;
        Some(Event::default().event("row").data(row))
    }

    async fn parts(&mut self) -> Option<Event> {
        self.rows_left = ROWS_PER_TICK;
        if self.stale == 0 {
            return None;
        }
        self.stale -= 1;
        let time = (self.portal.clock)();
        // What could not be read is in the log, and the next message may bring it.
        let now = now(&self.portal, &self.code, &self.view, time).await.ok()?;
        let parts = Parts { now }.render_with_values(&self.language).ok()?;
        Some(Event::default().event("parts").data(parts))
    }
}

/// What somebody wants it to become, or to do.
#[derive(Deserialize)]
pub struct Telling {
    payload: String,
}

/// Says what it shall become.
pub async fn set_desired(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<Telling>,
) -> Result<Response, Refusal> {
    let code = find(&portal, &text).await?.code;
    deeds::set_desired(&portal, &visitor.actor(), &code, &form.payload).await?;
    Ok(back(&code, "desired"))
}

/// Tells it to do something.
pub async fn command(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<Telling>,
) -> Result<Response, Refusal> {
    let code = find(&portal, &text).await?.code;
    deeds::command(&portal, &visitor.actor(), &code, &form.payload).await?;
    Ok(back(&code, "command"))
}

fn back(code: &Code, done: &str) -> Response {
    Redirect::to(&format!("/codes/{code}/messages?done={done}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_shown_whole_or_cut_and_never_as_control_characters() {
        let shown = |payload: &[u8]| readable(payload).to_string();
        assert_eq!(shown(b"{\"a\":\n1}"), "{\"a\":\n1}");
        assert_eq!(shown(&[0xa1, 0x00]), "2 bytes: a100");
        assert_eq!(shown(&[0xff]), "One byte: ff");
        assert_eq!(shown(b"\x1b[31m"), "5 bytes: 1b5b33316d");
        let long = "\u{e9}".repeat(SHOWN_CHARS + 1);
        assert_eq!(shown(long.as_bytes()).chars().count(), SHOWN_CHARS + 1);
        assert!(shown(&[0; 4_000]).ends_with('\u{2026}'));
        assert!(!shown(&[0; SHOWN_CHARS / 2]).ends_with('\u{2026}'));
    }

    #[test]
    fn numbers_are_exact_and_never_hundreds_of_digits_long() {
        for (number, text) in [(21.500_04, "21.50004"), (-0.5, "-0.5"), (1e300, "1e300")] {
            assert_eq!(exact(number), text);
        }
    }
}
