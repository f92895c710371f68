//! What things say, and what they are told.

use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::states::OfCode;
use super::words::{CodeText, Limit};
use crate::deeds::things as deeds;
use crate::language::say;
use crate::refusal::Refusal;
use ledger::diary::{CommandRow, Measured, Series};
use ledger::views::Listing;
use protocol::Code;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A value that a thing measured.
#[derive(Serialize, ToSchema)]
pub struct ValueNow {
    name: String,
    /// Where it is a number.
    number: Option<f64>,
    /// Where it is none.
    text: Option<String>,
    /// Empty where none was named.
    unit: String,
    /// As the thing says: milliseconds since 1970.
    at_ms: u64,
}

impl From<Series> for ValueNow {
    fn from(series: Series) -> Self {
        let (number, text) = match series.value {
            Measured::Number(number) => (Some(number), None),
            Measured::Words(words) => (None, Some(words)),
        };
        Self {
            name: series.name,
            number,
            text,
            unit: series.unit,
            at_ms: series.at_ms,
        }
    }
}

async fn known(call: &Call, code: &Code) -> Result<(), Refusal> {
    let thing = call.portal.ledger.thing(code).await?;
    thing
        .map(drop)
        .ok_or(Refusal::NotFound(say("No such code is registered here.")))
}

/// The newest value of every name.
pub async fn newest(
    call: Call,
    OfCode { code }: OfCode,
    _: Nothing,
) -> Result<Shown<List<ValueNow>>, Refusal> {
    known(&call, &code.0).await?;
    let series = call.portal.diary.series(&code.0).await?;
    let items = series.into_iter().map(ValueNow::from).collect();
    Ok(Shown(List::whole(items)))
}

/// Which part of a history.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HistoryOf {
    /// Of one name only.
    name: Option<String>,
    /// What `next` said in the page before.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// Values as they came in, the newest first.
pub async fn history(
    call: Call,
    OfCode { code }: OfCode,
    asked: HistoryOf,
) -> Result<Shown<List<ValueNow>>, Refusal> {
    known(&call, &code.0).await?;
    let (text, name) = (code.0.to_string(), asked.name.as_deref());
    let filters = [text.as_str(), name.unwrap_or_default()];
    let list = Of("telemetry", &filters);
    let page = list.page(asked.cursor.as_deref(), asked.limit)?;
    let before = page.after.map(|cursor| cursor.to_string());
    let before = before.and_then(|number| number.parse().ok());
    let diary = &call.portal.diary;
    let mut rows = diary
        .readings(&code.0, name, before, page.most.saturating_add(1))
        .await?;
    let more = rows.len() > page.most as usize;
    rows.truncate(page.most as usize);
    let next = rows.last().filter(|_| more);
    let listing = Listing {
        next: next.and_then(|row| row.number.to_string().parse().ok()),
        rows,
    };
    Ok(Shown(list.shown(listing, |row| row.series.into())))
}

/// A twin: what a thing says it is, and what it shall become.
#[derive(Serialize, ToSchema)]
pub struct TwinNow {
    code: CodeText,
    /// What it says it is; bytes that are no text come as replacement characters.
    reported: Option<String>,
    desired: Option<String>,
    /// Its status, or its last will.
    status: Option<String>,
}

fn twin_now(call: &Call, code: CodeText) -> TwinNow {
    let twin = call.portal.things.twin(&code.0);
    let text =
        |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    TwinNow {
        code,
        reported: text(twin.reported),
        desired: text(twin.desired),
        status: text(twin.status),
    }
}

/// The twin.
pub async fn twin(
    call: Call,
    OfCode { code }: OfCode,
    _: Nothing,
) -> Result<Shown<TwinNow>, Refusal> {
    known(&call, &code.0).await?;
    Ok(Shown(twin_now(&call, code)))
}

/// What a thing is told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    /// In the thing's own words, at most 4096 bytes.
    #[schema(max_length = 4096)]
    payload: String,
}

/// Says what it shall become.
pub async fn set_desired(
    call: Call,
    OfCode { code }: OfCode,
    Told(told): Told<Telling>,
) -> Result<Shown<TwinNow>, Refusal> {
    deeds::set_desired(&call.portal, &call.actor, &code.0, &told.payload).await?;
    Ok(Shown(twin_now(&call, code)))
}

/// A command.
#[derive(Serialize, ToSchema)]
pub struct CommandNow {
    /// Its id on the wire.
    number: i64,
    payload: String,
    by: String,
    at: u32,
    /// When it went out; none when it did not.
    sent: Option<u32>,
    /// When the thing answered.
    answered: Option<u32>,
    result: Option<String>,
}

impl From<CommandRow> for CommandNow {
    fn from(row: CommandRow) -> Self {
        let (answered, result) = row.result.unzip();
        Self {
            number: row.number,
            payload: row.payload,
            by: row.by,
            at: row.at.0,
            sent: row.sent.map(|at| at.0),
            answered: answered.map(|at| at.0),
            result,
        }
    }
}

/// Commands of a thing, the newest first.
pub async fn commands(
    call: Call,
    OfCode { code }: OfCode,
    _: Nothing,
) -> Result<Shown<List<CommandNow>>, Refusal> {
    known(&call, &code.0).await?;
    let rows = call.portal.diary.commands(&code.0, u32::MAX).await?;
    let items = rows.into_iter().map(CommandNow::from).collect();
    Ok(Shown(List::whole(items)))
}

/// A command that was given.
#[derive(Serialize, ToSchema)]
pub struct CommandGiven {
    code: CodeText,
    /// Its id on the wire.
    number: i64,
}

/// Tells it to do something.
pub async fn command(
    call: Call,
    OfCode { code }: OfCode,
    Told(told): Told<Telling>,
) -> Result<Shown<CommandGiven>, Refusal> {
    let number = deeds::command(&call.portal, &call.actor, &code.0, &told.payload).await?;
    Ok(Shown(CommandGiven { code, number }))
}
