//! A person's wallet. The page holds words and what a browser needs to know of the network; the keys
//! and the money's history are in the browser alone, which talks to the gateway's wallet door.

use super::frame::{Frame, page};
use super::proof;
use crate::assets;
use crate::door::Visitor;
use crate::language::{Say, below, filters};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ledger::CurrencyRow;
use protocol::Status;

/// A currency, for whoever types an amount.
struct Unit {
    id: String,
    unit: String,
    name: String,
    exponent: u8,
}

impl From<CurrencyRow> for Unit {
    fn from(row: CurrencyRow) -> Self {
        Self {
            id: show::to_hex(row.currency.as_bytes()),
            unit: row.currency.name().to_owned(),
            exponent: row.exponent,
            name: row.name,
        }
    }
}

/// What a status says, for the script to show.
struct Meaning {
    number: u8,
    word: &'static str,
    sentence: Say,
}

#[derive(Template)]
#[template(path = "wallet.html")]
struct Wallet {
    frame: Frame,
    root: String,
    now: u32,
    currencies: Vec<Unit>,
    statuses: Vec<Meaning>,
    script: String,
}

/// The page; the same for everybody.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let currencies = portal.ledger.currencies().await?;
    let meaning = |status: &Status| Meaning {
        number: *status as u8,
        word: status.word(),
        sentence: below::status(*status),
    };
    page(
        &visitor.reader,
        &Wallet {
            frame: Frame::public(&portal, &visitor.reader),
            root: proof::root_key(&portal).ok_or(Refusal::Broken)?,
            now: visitor.now.0,
            currencies: currencies.into_iter().map(Unit::from).collect(),
            statuses: Status::ALL.iter().map(meaning).collect(),
            script: assets::WALLET.address(),
        },
    )
}
