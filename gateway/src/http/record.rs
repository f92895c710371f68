//! Where exactly a place is: its owner brings a survey, and the gateway stands for it. Nobody logs in
//! for it; the signature says who it is.

use super::transfer::{failed, refuse, refused};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use issuer::Grant;
use ledger::Ledger;
use protocol::cose::{SIGNED_MAX, open};
use protocol::objects::Pass;
use protocol::rules::survey::read;
use protocol::{Code, GridCode, Network, Status, Timestamp};

#[derive(Clone)]
struct Places {
    ledger: Ledger,
    network: Network,
    clock: fn() -> Timestamp,
}

/// `GET` and `POST /G/<GRID>/record`.
pub fn router(ledger: Ledger, network: Network, clock: fn() -> Timestamp) -> Router {
    Router::new()
        .route("/g/{grid}/record", get(newest).post(record))
        .route("/G/{grid}/record", get(newest).post(record))
        .layer(DefaultBodyLimit::max(SIGNED_MAX))
        .with_state(Places {
            ledger,
            network,
            clock,
        })
}

async fn newest(State(places): State<Places>, Path(grid): Path<String>) -> Response {
    let grid = match grid.parse::<GridCode>() {
        Ok(grid) => grid,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.sentence()),
    };
    match places.ledger.place_record(&grid).await {
        Ok(Some(record)) => file(&grid, record.signed),
        Ok(None) => refuse(
            StatusCode::NOT_FOUND,
            "nobody has surveyed this place; its owner brings a survey with `onecode device survey`",
        ),
        Err(error) => failed(&error),
    }
}

fn file(grid: &GridCode, signed: Vec<u8>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/cbor")], signed).into_response();
    let name = format!("attachment; filename=\"{grid}.place-record.cbor\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

async fn record(State(places): State<Places>, Path(grid): Path<String>, body: Bytes) -> Response {
    let said = match read(&places.network, &body) {
        Ok(said) => said.survey,
        Err(status) => return refused(status),
    };
    if grid.parse() != Ok(said.place) {
        return refuse(
            StatusCode::BAD_REQUEST,
            "the survey is of another place: bring it to /G/<its grid code>/record",
        );
    }
    let pass = match owner_pass(&places, &said.owner).await {
        Ok(Some(pass)) => pass,
        Ok(None) => return refused(Status::UnknownCode),
        Err(error) => return failed(&error),
    };
    let recorded = places
        .ledger
        .record_place(body.to_vec(), pass, (places.clock)());
    match recorded.await {
        Ok(recorded) => file(&recorded.place, recorded.signed),
        Err(status) => refused(status),
    }
}

/// The pass of an owner, followed by that of the station that gave it.
async fn owner_pass(places: &Places, owner: &Code) -> Result<Option<Vec<u8>>, ledger::Error> {
    let Some(thing) = places.ledger.thing(owner).await? else {
        return Ok(None);
    };
    let by = open::<Pass>(&thing.pass, &places.network).map(|pass| pass.peek().issuer.0);
    let station = match by {
        Ok(by) => places.ledger.station(&by).await?,
        Err(_) => None,
    };
    let granted = station.and_then(|station| station.granted);
    let grant = granted.and_then(|(_, text)| Grant::read(&text).ok());
    let mut pass = thing.pass;
    pass.extend(grant.iter().flat_map(|grant| &grant.passes[1]));
    Ok(Some(pass))
}
