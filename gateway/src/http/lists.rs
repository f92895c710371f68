//! Revoked codes, for everybody: both lists are signed.

use crate::revocation::Lists;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use std::sync::Arc;

/// The version of what is answered.
const VERSION: HeaderName = HeaderName::from_static("onecode-version");

/// `/revocations` and `/crl`.
pub fn router(lists: Arc<Lists>) -> Router {
    Router::new()
        .route("/revocations", get(compact))
        .route("/crl", get(crl))
        .with_state(lists)
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
            bytes("application/pkix-crl", version, current.crl.clone())
        }
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
