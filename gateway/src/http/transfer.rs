//! A thing changes hands: the number of its next transfer, and the transfer that both have signed.
//! Nobody logs in for it; the signatures say who they are.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::Ledger;
use protocol::cose::SIGNED_MAX;
use protocol::message::Message;
use protocol::{Code, Status, Timestamp};

/// A transfer with its acceptance, and the frame around them.
const BODY_MAX: usize = 2 * SIGNED_MAX + 16;

#[derive(Clone)]
struct Owners {
    ledger: Ledger,
    clock: fn() -> Timestamp,
}

/// `GET` and `POST /1/<CODE>/transfer`.
pub fn router(ledger: Ledger, clock: fn() -> Timestamp) -> Router {
    Router::new()
        .route("/1/{code}/transfer", get(number).post(hand_over))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Owners { ledger, clock })
}

/// How often an owner was named is public: each time left a leaf in the code chain.
async fn number(State(owners): State<Owners>, Path(code): Path<String>) -> Response {
    let code = match code.parse::<Code>() {
        Ok(code) => code,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.sentence()),
    };
    match owners.ledger.thing(&code).await {
        Ok(Some(_)) => {}
        Ok(None) => return refused(Status::UnknownCode),
        Err(error) => return failed(&error),
    }
    match owners.ledger.ownership(&code).await {
        Ok(owned) => format!("{}\n", owned.owners.saturating_add(1)).into_response(),
        Err(error) => failed(&error),
    }
}

async fn hand_over(
    State(owners): State<Owners>,
    Path(code): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(Message::Transfer {
        transfer,
        acceptance: Some(acceptance),
    }) = Message::read(&body)
    else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "a message of kind 31 is wanted, with the acceptance in it",
        );
    };
    let (transfer, acceptance) = (transfer.to_vec(), acceptance.to_vec());
    let given = owners
        .ledger
        .hand_over(transfer, acceptance, (owners.clock)());
    match given.await {
        Ok(given) if code.parse::<Code>() == Ok(given.code) => {
            format!("{} belongs to {}\n", given.code, given.to).into_response()
        }
        Ok(given) => refuse(
            StatusCode::BAD_REQUEST,
            &format!("done, but for {}: that is what was signed", given.code),
        ),
        Err(status) => refused(status),
    }
}

pub(super) fn refused(status: Status) -> Response {
    let http = match status {
        Status::Malformed => StatusCode::BAD_REQUEST,
        Status::UnknownCode => StatusCode::NOT_FOUND,
        Status::Busy | Status::Storage => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    refuse(http, &format!("{status}: {}", status.sentence()))
}

pub(super) fn refuse(status: StatusCode, sentence: &str) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, plain, format!("{sentence}\n")).into_response()
}

pub(super) fn failed(error: &ledger::Error) -> Response {
    tracing::error!(%error, "the registry cannot be read");
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "the registry cannot be read; the log says why",
    )
}
