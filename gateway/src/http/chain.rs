//! The code chain over HTTP: tiles and checkpoint as static resources (c2sp.org/tlog-tiles), proofs
//! of single codes (c2sp.org/tlog-proof), and the witness's side of c2sp.org/tlog-witness.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ledger::Ledger;
use ledger::chain::{Cosigned, KnownLog, Proved, TilePath};
use protocol::chain::{Named, WitnessRefusal};
use protocol::{Code, GridCode};
use serde::Deserialize;
use std::sync::Arc;

/// Largest request of a log to a witness: 63 hashes and a note with sixteen signatures.
const SUBMISSION_MAX: usize = 128 * 1024;
const TEXT: &str = "text/plain; charset=utf-8";
/// What never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// What changes with the next checkpoint.
const BRIEF: &str = "max-age=2";

/// What the resources work with.
#[derive(Clone)]
struct Log {
    ledger: Ledger,
    /// Logs of others that this gateway cosigns for.
    known: Arc<[KnownLog]>,
    clock: fn() -> protocol::Timestamp,
}

/// The resources.
pub fn router(ledger: Ledger, known: Vec<KnownLog>, clock: fn() -> protocol::Timestamp) -> Router {
    let known = known.into();
    Router::new()
        .route("/chain/checkpoint", get(checkpoint))
        .route("/chain/key", get(key))
        .route("/chain/tile/{*path}", get(tile))
        .route("/1/{code}/proof", get(code_proof))
        .route("/g/{grid}/proof", get(grid_proof))
        .route("/G/{grid}/proof", get(grid_proof))
        .route("/witness/add-checkpoint", post(add_checkpoint))
        .route("/witness/{origin}/checkpoint", get(witnessed))
        .layer(DefaultBodyLimit::max(SUBMISSION_MAX))
        .with_state(Log {
            ledger,
            known,
            clock,
        })
}

async fn checkpoint(State(log): State<Log>) -> Response {
    match log.ledger.checkpoint().await {
        Ok(Some(note)) => answer(TEXT, BRIEF, note),
        Ok(None) => missing("no checkpoint yet; the first comes within seconds"),
        Err(error) => failed(&error),
    }
}

/// The keys by which checkpoints and cosignatures of this gateway are verified, one a line.
async fn key(State(log): State<Log>) -> Response {
    let keys = log.ledger.note_keys((log.clock)());
    answer(TEXT, BRIEF, keys.join("\n") + "\n")
}

async fn tile(State(log): State<Log>, Path(path): Path<String>) -> Response {
    let Some(path) = TilePath::read(&path) else {
        return missing("no path of a tile (c2sp.org/tlog-tiles)");
    };
    // Only a path that was read and written again goes to the disk.
    let file = log.ledger.chain_folder().await.join(path.to_string());
    match tokio::fs::read(file).await {
        Ok(tile) => answer("application/octet-stream", IMMUTABLE, tile),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            missing("no such tile: the log is shorter, or the tile is full by now")
        }
        Err(error) => failed(&error),
    }
}

/// Which act on a code; without one its first.
#[derive(Deserialize)]
struct Which {
    leaf: Option<u64>,
}

async fn code_proof(
    State(log): State<Log>,
    Path(code): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    match code.parse::<Code>() {
        Ok(code) => proof(&log, code.into(), which.leaf).await,
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.sentence()),
    }
}

async fn grid_proof(
    State(log): State<Log>,
    Path(grid): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    match grid.parse::<GridCode>() {
        Ok(grid) => proof(&log, grid.into(), which.leaf).await,
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.sentence()),
    }
}

async fn proof(log: &Log, of: Named, leaf: Option<u64>) -> Response {
    match log.ledger.act_proof(&of, leaf).await {
        Ok(Proved::Text(text)) => {
            let mut response = answer(TEXT, BRIEF, text);
            let name = format!("attachment; filename=\"{of}.tlog-proof\"");
            if let Ok(name) = HeaderValue::from_str(&name) {
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_DISPOSITION, name);
            }
            response
        }
        Ok(Proved::NotYet) => {
            let sentence = "it stands in the books; the next checkpoint comes within seconds";
            let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, sentence);
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
        Ok(Proved::Unknown) => missing("nothing of that code stands in this log"),
        Err(error) => failed(&error),
    }
}

async fn add_checkpoint(State(log): State<Log>, body: Bytes) -> Response {
    let Ok(body) = std::str::from_utf8(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "the body is no text");
    };
    let now = (log.clock)();
    match log.ledger.add_checkpoint(&log.known, body, now).await {
        Ok(Cosigned::Line(line)) => answer(TEXT, "no-store", line),
        Ok(Cosigned::Refused(refusal)) => not_cosigned(refusal),
        Err(status) => refuse(StatusCode::SERVICE_UNAVAILABLE, status.sentence()),
    }
}

fn not_cosigned(refusal: WitnessRefusal) -> Response {
    const SIZE: &str = "text/x.tlog.size";
    let (status, sentence) = match refusal {
        WitnessRefusal::Conflict(size) => {
            let size = format!("{size}\n");
            let typed = [(header::CONTENT_TYPE, SIZE)];
            return (StatusCode::CONFLICT, typed, size).into_response();
        }
        WitnessRefusal::Malformed => (
            StatusCode::BAD_REQUEST,
            "no request as c2sp.org/tlog-witness has it",
        ),
        WitnessRefusal::UnknownLog => (
            StatusCode::NOT_FOUND,
            "this gateway does not cosign for that log; its operator names logs in chain.logs",
        ),
        WitnessRefusal::Unsigned => (
            StatusCode::FORBIDDEN,
            "no known key of that log signed the checkpoint",
        ),
        WitnessRefusal::Inconsistent => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the proof does not show that the log goes on from what was seen",
        ),
        WitnessRefusal::Fork => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "another checkpoint of that size was seen: both are kept as evidence of a fork",
        ),
    };
    refuse(status, sentence)
}

async fn witnessed(State(log): State<Log>, Path(origin): Path<String>) -> Response {
    let Some(hash) = hash(&origin) else {
        return missing("the path wants SHA-256 of the origin in lower-case hexadecimal");
    };
    match log.ledger.witnessed(&hash).await {
        Ok(Some(note)) => answer(TEXT, BRIEF, note),
        Ok(None) => missing("no checkpoint of that log was cosigned here"),
        Err(error) => failed(&error),
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let is_lower = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.bytes().all(is_lower) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn answer(kind: &'static str, cache: &'static str, body: impl IntoResponse) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)];
    // The type of ours comes last and wins.
    let mut response = body.into_response();
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, format!("{sentence}\n")).into_response()
}

fn missing(sentence: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, sentence)
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "the code chain");
    let sentence = "the log cannot be read; the gateway's log says why";
    refuse(StatusCode::INTERNAL_SERVER_ERROR, sentence)
}
