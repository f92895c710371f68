//! Revoked codes, for everybody: both lists are signed.

use crate::revocation::Lists;
use crate::withdrawn;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use protocol::Code;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

const CRL: &str = "application/pkix-crl";

/// The version of what is answered.
const VERSION: HeaderName = HeaderName::from_static("onecode-version");

/// `/revocations`, `/crl`, and `/crl/<CODE>` of an authority above, whose lists lie in `withdrawn`.
pub fn router(lists: Arc<Lists>, withdrawn: PathBuf) -> Router {
    let above = Router::new()
        .route("/crl/{code}", get(crl_of))
        .with_state(Arc::new(withdrawn));
    Router::new()
        .route("/revocations", get(compact))
        .route("/crl", get(crl))
        .with_state(lists)
        .merge(above)
}

/// What the asker has.
#[derive(Deserialize)]
struct Has {
    base: Option<u32>,
}

/// The changes to the whole list the asker has, if it has the newest one, else the whole list.
async fn compact(State(lists): State<Arc<Lists>>, Query(has): Query<Has>) -> Response {
    let current = lists.current();
    if current.whole.is_empty() {
        return not_yet();
    }
    let is_newest = has.base == Some(current.version);
    let version = HeaderValue::from(current.version);
    match is_newest {
        true => bytes("application/octet-stream", version, current.changes.clone()),
        false => bytes("application/octet-stream", version, current.whole.clone()),
    }
}

async fn crl(State(lists): State<Arc<Lists>>) -> Response {
    let current = lists.current();
    match current.crl.is_empty() {
        true => not_yet(),
        false => {
            let version = HeaderValue::from(current.version);
            bytes(CRL, version, current.crl.clone())
        }
    }
}

async fn crl_of(State(folder): State<Arc<PathBuf>>, Path(code): Path<String>) -> Response {
    let none = || (StatusCode::NOT_FOUND, "no list by that authority\n").into_response();
    let Ok(code) = code.parse::<Code>() else {
        return none();
    };
    // Only a code that was read and written again goes to the disk.
    match tokio::fs::read(withdrawn::place(&folder, &code)).await {
        Ok(list) => ([(header::CONTENT_TYPE, CRL)], list).into_response(),
        Err(_) => none(),
    }
}

fn bytes(kind: &'static str, version: HeaderValue, bytes: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (VERSION, version)], bytes).into_response()
}

fn not_yet() -> Response {
    let retry = [(header::RETRY_AFTER, "2")];
    let why = "the lists are being made; try again\n";
    (StatusCode::SERVICE_UNAVAILABLE, retry, why).into_response()
}
