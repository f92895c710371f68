//! Many calls at once: a line of JSON each, and a line of answer for each. A line that cannot be
//! used or is refused says so in its place, and the others are carried out.

use super::codes::{CodeWish, ThingShown, issue_one};
use super::operation::{Answer, Body, Call, Keep, Medium, Nothing, Schemas, given, named};
use super::problem::Problem;
use super::states::StepTaken;
use super::words::{ActWord, CodeText, GridText};
use crate::deeds::codes as deeds;
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
            return Err(Refusal::Unfit(sentence));
        }
        let read = |line: &[u8]| {
            let read = serde_json::from_slice(line);
            read.map_err(|error| Refusal::Unfit(format!("The line: {error}.")))
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
pub struct Results<T>(Vec<u8>, PhantomData<T>);

impl<T: ToSchema + Send + 'static> Answer for Results<T> {
    fn media(schemas: &mut Schemas) -> Vec<Medium> {
        vec![(LINES, lines::<LineDone<T>>(schemas))]
    }

    fn respond(self) -> Result<Response, Refusal> {
        self.kept().map(given)
    }
}

impl<T: ToSchema + Send + 'static> Keep for Results<T> {
    fn kept(self) -> Result<KeptAnswer, Refusal> {
        let kind = LINES.to_owned();
        Ok(KeptAnswer { kind, body: self.0 })
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

async fn each<T, A: Serialize>(
    Lines(wishes): Lines<T>,
    run: impl AsyncFn(T) -> Result<A, Refusal>,
) -> Result<Results<A>, Refusal> {
    let mut results = Vec::new();
    for (at, wish) in (1..).zip(wishes) {
        let outcome = match wish {
            Ok(wish) => run(wish).await,
            Err(refusal) => Err(refusal),
        };
        let (done, problem) = match outcome {
            Ok(done) => (Some(done), None),
            Err(refusal) => (None, Some(Problem::of(&refusal))),
        };
        let result = LineDone {
            line: at,
            done,
            problem,
        };
        line(&result, &mut results)?;
    }
    Ok(Results(results, PhantomData))
}

/// Issues a code for each request.
pub async fn codes(
    call: Call,
    _: Nothing,
    wishes: Lines<CodeWish>,
) -> Result<Results<ThingShown>, Refusal> {
    each(wishes, async |wish| issue_one(&call, &wish).await).await
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

/// A step in the life of each code.
pub async fn states(
    call: Call,
    _: Nothing,
    wishes: Lines<StateLine>,
) -> Result<Results<StepTaken>, Refusal> {
    let run = async |StateLine { code, act, reason }: StateLine| {
        deeds::live(&call.portal, &call.actor, &code.0, act.0, &reason).await?;
        Ok(StepTaken { code, act })
    };
    each(wishes, run).await
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

/// Says where each thing stands.
pub async fn places(
    call: Call,
    _: Nothing,
    wishes: Lines<PlaceLine>,
) -> Result<Results<Placed>, Refusal> {
    let run = async |wish: PlaceLine| {
        let place = wish.place.as_ref().map(|place| place.0);
        let code = &wish.code.0;
        deeds::place(&call.portal, &call.actor, code, place, &wish.reason).await?;
        Ok(Placed {
            code: wish.code,
            place: wish.place,
        })
    };
    each(wishes, run).await
}
