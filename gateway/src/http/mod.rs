//! The HTTP door: portal and public pages, enrolment, the code chain, health and metrics on one listener.

pub mod chain;
pub mod est;
mod lists;
mod metrics;
mod record;
mod transfer;
pub mod wallet;

pub use metrics::Gauges;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use ledger::Ledger;
use std::sync::Arc;

/// Everything that is served over HTTP.
pub fn router(
    portal: Router,
    issuing: Arc<crate::issuing::Desk>,
    chain: Router,
    lists: (Arc<crate::revocation::Lists>, std::path::PathBuf),
    gauges: Gauges,
    network: protocol::Network,
    purses: wallet::WalletDoor,
) -> Router {
    let (lists, withdrawn) = lists;
    let ledger = gauges.ledger.clone();
    let handing_over = ledger.clone();
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(ledger))
        .route("/metrics", get(metrics).with_state(Arc::new(gauges)))
        .merge(est::router(issuing))
        .merge(chain)
        .merge(lists::router(lists, withdrawn))
        .merge(transfer::router(handing_over.clone(), crate::wallet::now))
        .merge(record::router(handing_over, network, crate::wallet::now))
        .merge(wallet::router(purses))
        .merge(portal)
}

/// Ready means that the books can be written.
async fn ready(State(ledger): State<Ledger>) -> impl IntoResponse {
    match ledger.is_writing() {
        true => (StatusCode::OK, "ready\n"),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the books cannot be written; the log says why\n",
        ),
    }
}

async fn metrics(State(gauges): State<Arc<Gauges>>) -> impl IntoResponse {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, TEXT)], gauges.text())
}
