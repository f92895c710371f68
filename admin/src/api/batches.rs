//! Batches of requests that are worked off one by one.

use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Body, Call, File, Files, Nothing, Schemas, Shown, Told};
use crate::batches::TABLE_BYTES_MAX;
use crate::deeds::batches as deeds;
use crate::pages::batch;
use crate::refusal::Refusal;
use ledger::JobRow;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

/// A table of requests.
pub struct Table(Vec<u8>);

impl Body for Table {
    const KIND: &'static str = "text/csv";
    const BYTES_MAX: usize = TABLE_BYTES_MAX;

    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let sentence =
            "The columns name,product,kind,request, up to 10,000 rows; a request is PEM or base64.";
        text.description(Some(sentence)).into()
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(bytes.to_vec()))
    }
}

/// A batch.
#[derive(Serialize, ToSchema)]
pub struct BatchShown {
    number: u64,
    title: String,
    by: String,
    time: u32,
    /// How many requests.
    requests: u32,
    /// How many have a code.
    issued: u32,
    /// How many were refused.
    refused: u32,
    /// running, stopped or done.
    state: &'static str,
}

impl From<JobRow> for BatchShown {
    fn from(row: JobRow) -> Self {
        Self {
            number: row.number,
            title: row.title,
            by: row.by,
            time: row.at.0,
            requests: row.lines,
            issued: row.issued,
            refused: row.failed,
            state: row.state.word(),
        }
    }
}

/// Batches, the newest first.
pub async fn list(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<BatchShown>>, Refusal> {
    let of = Of("batches", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.jobs(&page).await?;
    Ok(Shown(of.shown(listing, BatchShown::from)))
}

/// Keeps a table of requests as a batch; the same table is the same batch.
pub async fn begin(
    call: Call,
    _: Nothing,
    Table(table): Table,
) -> Result<Shown<BatchShown>, Refusal> {
    let row = deeds::begin(&call.portal, &call.actor, "By a program", &table).await?;
    Ok(Shown(row.into()))
}

/// Which batch.
#[derive(Deserialize, IntoParams)]
pub struct OfBatch {
    /// Its number.
    number: u64,
}

/// One batch.
pub async fn show(call: Call, of: OfBatch, _: Nothing) -> Result<Shown<BatchShown>, Refusal> {
    let row = deeds::find(&call.portal, of.number).await?;
    Ok(Shown(row.into()))
}

/// Whether a batch shall go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoWord {
    /// What has a code keeps it; nothing more is issued.
    Stop,
    /// It goes on.
    On,
}

/// Stops a batch or lets it go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoWish {
    go: GoWord,
}

/// Stops a batch, or lets it go on.
pub async fn set_state(
    call: Call,
    of: OfBatch,
    Told(wish): Told<GoWish>,
) -> Result<Shown<BatchShown>, Refusal> {
    let stop = wish.go == GoWord::Stop;
    let row = deeds::stop(&call.portal, &call.actor, of.number, stop).await?;
    Ok(Shown(row.into()))
}

/// A table.
pub struct Csv;

impl Files for Csv {
    const KINDS: &'static [&'static str] = &["text/csv"];
}

/// What came of every line.
pub async fn codes(call: Call, of: OfBatch, _: Nothing) -> Result<File<Csv>, Refusal> {
    let row = deeds::find(&call.portal, of.number).await?;
    Ok(batch::file(call.portal, &row).into())
}
