//! Whom everything here stands on: the authorities from the root down, and the stations.

use super::frame::{Frame, page};
use super::stations::{Granted, granted};
use crate::desk::AuthorityCard;
use crate::door::Visitor;
use crate::language::{Say, below, filters};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use protocol::Timestamp;

#[derive(Template)]
#[template(path = "authorities.html")]
struct Authorities {
    frame: Frame,
    cards: Vec<AuthorityCard>,
    stations: Vec<(String, Granted)>,
    now: Timestamp,
}

impl Authorities {
    /// How long it is good from now on.
    fn left(&self, ends: &Timestamp) -> Say {
        show::duration(u64::from(ends.0.saturating_sub(self.now.0)))
    }
}

/// The page.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let rows = portal.ledger.stations().await?;
    let stations = rows.into_iter().filter_map(|row| {
        let granted = granted(&row, &portal.network, visitor.now)?;
        Some((row.name, granted))
    });
    page(
        &visitor.reader,
        &Authorities {
            frame: Frame::new(&portal, Some(&visitor), "/authorities"),
            cards: portal.desk.authorities(),
            stations: stations.collect(),
            now: visitor.now,
        },
    )
}
