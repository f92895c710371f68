//! Many calls at once: a line of JSON each, and a line of answer for each. A line that cannot be
//! used or is refused says so in its place, and the others are carried out.

use super::codes::{CodeWish, ThingShown, issue_one};
use super::operation::{Answer, Body, Call, Keep, Medium, Nothing, Schemas, given, named};
use super::problem::Problem;
use super::states::StepTaken;
use super::words::{ActWord, CodeText, GridText};
use crate::deeds::codes as deeds;
use crate::language::Say;
use crate::refusal::Refusal;
use axum::response::Response;
use ledger::people::KeptAnswer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// Lines of JSON.
pub const LINES: &str = "application/x-ndjson";
/// Lines of one call.
pub const LINES_MAX: usize = 1_000;

/// Lines that were sent, each as far as it could be read.
pub struct Lines<T>(Vec<Result<T, Refusal>>);

/// Lines whose schema is that of one of them.
pub fn lines<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let line = named::<T>(schemas);
    let text = ObjectBuilder::new().schema_type(Type::String);
    let text = text.description(Some("Objects of JSON, one a line."));
    text.content_media_type(LINES)
        .content_schema(Some(line))
        .into()
}

impl<T: DeserializeOwned + ToSchema + Send + 'static> Body for Lines<T> {
    const KIND: &'static str = LINES;
    const BYTES_MAX: usize = 2 * 1024 * 1024;

    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        lines::<T>(schemas)
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .take(LINES_MAX + 1)
            .collect();
        if lines.len() > LINES_MAX || bytes.is_empty() {
            let sentence = format!("The body: 1 to {LINES_MAX} lines of JSON.");
            return Err(Refusal::Unfit(Say::plain(sentence)));
        }
        let read = |line: &[u8]| {
            let read = serde_json::from_slice(line);
            read.map_err(|error| Refusal::Unfit(Say::plain(format!("The line: {error}."))))
        };
        Ok(Self(lines.into_iter().map(read).collect()))
    }
}

/// What came of one line.
#[derive(Serialize, ToSchema)]
pub struct LineDone<T> {
    /// Which, from 1 on.
    line: usize,
    /// As the call by itself answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<T>,
    /// Why it was not carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// What came of all of them, in their order.
pub struct Results<T> {
    lines: Vec<u8>,
    count: usize,
    of: PhantomData<fn() -> T>,
}

impl<T: ToSchema + Send + 'static> Answer for Results<T> {
    fn media(schemas: &mut Schemas) -> Vec<Medium> {
        named::<T>(schemas);
        vec![(LINES, lines::<LineDone<T>>(schemas))]
    }

    fn respond(self) -> Result<Response, Refusal> {
        self.kept().map(given)
    }
}

impl<T: ToSchema + Send + 'static> Keep for Results<T> {
    fn kept(self) -> Result<KeptAnswer, Refusal> {
        let kind = LINES.to_owned();
        Ok(KeptAnswer {
            kind,
            body: self.lines,
        })
    }
}

/// A line of JSON.
pub fn line(of: &impl Serialize, lines: &mut Vec<u8>) -> Result<(), Refusal> {
    serde_json::to_writer(&mut *lines, of).map_err(|error| {
        tracing::error!(%error, "a line cannot be written");
        Refusal::Broken
    })?;
    lines.push(b'\n');
    Ok(())
}

impl<T: Serialize> Results<T> {
    const fn new() -> Self {
        Self {
            lines: Vec::new(),
            count: 0,
            of: PhantomData,
        }
    }

    fn add(&mut self, outcome: Result<T, Refusal>) -> Result<(), Refusal> {
        let (done, problem) = match outcome {
            Ok(done) => (Some(done), None),
            Err(refusal) => (None, Some(Problem::of(&refusal))),
        };
        self.count += 1;
        let result = LineDone {
            line: self.count,
            done,
            problem,
        };
        line(&result, &mut self.lines)
    }
}

/// Issues a code for each request.
pub async fn codes(
    call: Call,
    _: Nothing,
    Lines(wishes): Lines<CodeWish>,
) -> Result<Results<ThingShown>, Refusal> {
    let mut results = Results::new();
    for wish in wishes {
        results.add(match wish {
            Ok(wish) => issue_one(&call, &wish).await,
            Err(refusal) => Err(refusal),
        })?;
    }
    Ok(results)
}

/// A step in the life of one code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateLine {
    code: CodeText,
    act: ActWord,
    /// Up to 100 characters; it stays in the history.
    #[schema(min_length = 1, max_length = 100)]
    reason: String,
}

async fn step(call: &Call, wish: StateLine) -> Result<StepTaken, Refusal> {
    let StateLine { code, act, reason } = wish;
    deeds::live(&call.portal, &call.actor, &code.0, act.0, &reason).await?;
    Ok(StepTaken { code, act })
}

/// A step in the life of each code.
pub async fn states(
    call: Call,
    _: Nothing,
    Lines(wishes): Lines<StateLine>,
) -> Result<Results<StepTaken>, Refusal> {
    let mut results = Results::new();
    for wish in wishes {
        results.add(match wish {
            Ok(wish) => step(&call, wish).await,
            Err(refusal) => Err(refusal),
        })?;
    }
    Ok(results)
}

/// Where one thing shall stand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceLine {
    code: CodeText,
    /// A registered grid code; null for nowhere.
    place: Option<GridText>,
    /// Up to 100 characters; it stays in the history.
    #[schema(min_length = 1, max_length = 100)]
    reason: String,
}

/// Where one thing stands.
#[derive(Serialize, ToSchema)]
pub struct Placed {
    code: CodeText,
    place: Option<GridText>,
}

async fn put(call: &Call, wish: PlaceLine) -> Result<Placed, Refusal> {
    let PlaceLine {
        code,
        place,
        reason,
    } = wish;
    let at = place.as_ref().map(|place| place.0);
    deeds::place(&call.portal, &call.actor, &code.0, at, &reason).await?;
    Ok(Placed { code, place })
}

/// Says where each thing stands.
pub async fn places(
    call: Call,
    _: Nothing,
    Lines(wishes): Lines<PlaceLine>,
) -> Result<Results<Placed>, Refusal> {
    let mut results = Results::new();
    for wish in wishes {
        results.add(match wish {
            Ok(wish) => put(&call, wish).await,
            Err(refusal) => Err(refusal),
        })?;
    }
    Ok(results)
}
