//! What stations brought back. A manifest is larger than memory should be: it is written to the spool
//! as it comes in, one at a time, by this call and the page alike.

use super::list::List;
use super::operation::{Brings, Call, Nothing, Schemas, Shown};
use super::words::CodeText;
use crate::deeds::stations as deeds;
use crate::door::Spooled;
use crate::imports::{Arrived, Import, SPOOLED};
use crate::portal::Shared;
use crate::refusal::Refusal;
use ledger::views::ManifestRow;
use protocol::Network;
use protocol::cose::open;
use protocol::objects::Manifest;
use serde::Serialize;
use sha2::Sha256;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// A manifest that was taken.
#[derive(Serialize, ToSchema)]
pub struct ManifestShown {
    station: CodeText,
    /// From 1 on, without a gap.
    number: u32,
    /// Codes in it.
    made: u32,
    /// Numbers that were given up.
    scrapped: u32,
    /// When the station closed it.
    closed: u32,
    /// Who brought it first.
    by: String,
    time: u32,
}

fn shown(row: ManifestRow, network: &Network) -> Result<ManifestShown, Refusal> {
    let said = open::<Manifest>(&row.bytes, network).map_err(|status| {
        tracing::error!(%status, station = %row.station, row.number, "a manifest is damaged");
        Refusal::Broken
    })?;
    let said = said.peek();
    Ok(ManifestShown {
        station: CodeText(row.station),
        number: row.number,
        made: said.made,
        scrapped: said.scrapped,
        closed: said.time.0,
        by: row.by,
        time: row.at.0,
    })
}

/// Manifests, the newest 200.
pub async fn list(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<ManifestShown>>, Refusal> {
    let rows = call.portal.ledger.manifests().await?.into_iter();
    let rows = rows.map(|row| shown(row, &call.portal.network));
    Ok(Shown(List::whole(rows.collect::<Result<_, _>>()?)))
}

impl Brings for Arrived {
    const KIND: &'static str = "application/octet-stream";

    type Held = Self;

    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        let bytes = ObjectBuilder::new().schema_type(Type::String);
        let sentence = "The file that onecode-station manifest wrote, up to 512 MiB.";
        let bytes = bytes.content_media_type(<Self as Brings>::KIND);
        bytes.description(Some(sentence)).into()
    }

    async fn take_in(
        portal: &Shared,
        body: axum::body::Body,
        hash: &mut Sha256,
    ) -> Result<Self, Refusal> {
        let turn = portal.imports().turn()?;
        let path = portal.stations.spool().join(SPOOLED);
        let file = Spooled::body(&path, body, hash).await?;
        Ok(Self::new(file, turn))
    }

    fn read(held: Self) -> Result<Self, Refusal> {
        Ok(held)
    }
}

/// Takes a manifest; the answer comes when all of it is in. The same one again changes nothing and is
/// answered alike.
pub async fn bring(
    call: Call,
    _: Nothing,
    arrived: Arrived,
) -> Result<Shown<ManifestShown>, Refusal> {
    let portal = &call.portal;
    let taken = deeds::bring(portal, &call.actor, arrived).await?;
    let row = portal.ledger.brought(&taken.station, taken.number).await?;
    let row = row.ok_or(Refusal::Broken)?;
    Ok(Shown(shown(row, &portal.network)?))
}

/// A manifest that is being read, or was.
#[derive(Serialize, ToSchema)]
pub struct ReadingShown {
    by: String,
    /// When it had come in whole.
    time: u32,
    bytes: u64,
    /// How much of it was read, of 1000.
    #[schema(maximum = 1000)]
    read_per_mille: u64,
    /// Codes that were written, of `codes`; none of them counts before all of them are in.
    written: u64,
    /// How many it brings; 0 until every line and signature was checked.
    codes: u64,
    /// reading, taken, known or refused.
    state: &'static str,
    /// Why it was refused.
    reason: Option<String>,
}

impl From<Import> for ReadingShown {
    fn from(import: Import) -> Self {
        let (written, codes) = import.progress.taken();
        let (state, reason) = match &import.outcome {
            None => ("reading", None),
            Some(Ok(taken)) if taken.before => ("known", None),
            Some(Ok(_)) => ("taken", None),
            Some(Err(refusal)) => ("refused", Some(refusal.reason().to_string())),
        };
        Self {
            read_per_mille: import.progress.per_mille(),
            by: import.by,
            time: import.at.0,
            bytes: import.bytes,
            written,
            codes,
            state,
            reason,
        }
    }
}

/// How far the newest are; after a restart there are none.
pub async fn reading(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<ReadingShown>>, Refusal> {
    let newest = call.portal.imports().newest().into_iter();
    Ok(Shown(List::whole(newest.map(ReadingShown::from).collect())))
}
