//! The audit trail as a file: a line of JSON a row, the oldest first, each with the value of the
//! chain after it. Whoever has an older copy sees that the newer one goes on from it.

use crate::pages::parts::attachment;
use crate::portal::Shared;
use axum::body::Body;
use axum::response::Response;
use futures_util::stream::try_unfold;
use ledger::people::AuditRow;
use serde::Serialize;
use std::io;
use std::sync::Arc;

/// Rows read at once.
const STEP: u32 = 512;

#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    time: u32,
    who: &'a str,
    what: &'a str,
    about: &'a str,
    origin: &'a str,
    chain: String,
}

fn line(row: &AuditRow, piece: &mut Vec<u8>) -> io::Result<()> {
    let line = Line {
        number: row.number,
        time: row.time.0,
        who: &row.who,
        what: &row.what,
        about: &row.about,
        origin: &row.origin,
        chain: row.chain.to_string(),
    };
    serde_json::to_writer(&mut *piece, &line)?;
    piece.push(b'\n');
    Ok(())
}

/// All rows, put together while they are read. What breaks off ends without its last piece, and the
/// connection with it.
pub fn file(portal: &Shared) -> Response {
    let begin = (Arc::clone(portal), 0);
    let pieces = try_unfold(begin, |(portal, after)| async move {
        let rows = portal.people.audit_after(after, STEP).await;
        let rows = rows.map_err(io::Error::other)?;
        let Some(last) = rows.last().map(|row| row.number) else {
            return Ok::<_, io::Error>(None);
        };
        let mut piece = Vec::new();
        for row in &rows {
            line(row, &mut piece)?;
        }
        Ok(Some((piece, (portal, last))))
    });
    let body = Body::from_stream(pieces);
    attachment("application/x-ndjson", "audit.ndjson", body)
}
