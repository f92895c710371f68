//! Places: grid codes, and areas.

use super::codes::recorded;
use crate::door::Actor;
use crate::language::say;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::{AreaRow, GridRow};
use protocol::code::grid::{Cell, Place};
use protocol::{GridCode, Status};

fn is_name(name: &str) -> bool {
    (1..=ledger::bounds::NAME_BYTES_MOST).contains(&name.len())
        && !name.chars().any(char::is_control)
}

/// Issues a grid code. The same place, time and owner have the same code.
pub async fn issue_grid(
    portal: &Portal,
    actor: &Actor,
    place: &Place,
    name: &str,
) -> Result<GridRow, Refusal> {
    let unfit = Refusal::Unfit;
    if !is_name(name) {
        return Err(unfit(say("Give the place a name of up to 128 bytes.")));
    }
    let cards = portal.desk.authorities();
    let known = portal.ledger.thing(&place.owner).await?.is_some()
        || cards.iter().any(|card| card.code == place.owner);
    if !known {
        return Err(unfit(say("The owner is no code that is registered here.")));
    }
    let grid = GridCode::derive(place);
    let grid = grid.map_err(|_| unfit(say("This place does not fit a grid code.")))?;
    let (by, now) = (actor.name.as_str(), actor.now);
    let issued = portal.ledger.issue_grid(grid, name, place.owner, by, now);
    let issued = issued.await.map_err(|status| match status {
        Status::NotPermitted => unfit(say(
            "This place, time and owner have a code already, under another name.",
        )),
        status => status.into(),
    });
    let about = format!("{grid} for {}", place.owner);
    recorded(portal, actor, "grid code issued", &about, issued).await
}

/// Signs and keeps an area. The same cells are the same area, under its first name.
pub async fn define_area(
    portal: &Portal,
    actor: &Actor,
    name: &str,
    cells: &[Cell],
) -> Result<AreaRow, Refusal> {
    if !is_name(name) {
        return Err(Refusal::Unfit(say(
            "Give the area a name of up to 128 bytes.",
        )));
    }
    let (by, now) = (actor.name.as_str(), actor.now);
    let defined = portal.ledger.define_area(cells, name, by, now).await;
    let outcome = match &defined {
        Ok(row) => row.reference.to_string(),
        Err(status) => status.word().to_owned(),
    };
    let about = format!("{name}, {} cells ({outcome})", cells.len());
    let act = actor.act("area defined", &about);
    portal.people.record(&act, now).await?;
    defined.map_err(|status| match status {
        Status::Full => Refusal::Unfit(say(
            "There are as many areas as one gateway keeps; use one of them.",
        )),
        status => status.into(),
    })
}
