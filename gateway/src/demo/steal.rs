//! Somebody clones a car and spends its money twice.

use super::fleet::{Fleet, Place};
use super::links::LinkError;
use super::office::Office;
use super::replay::{Priced, invoice};
use super::sessions::Session;
use super::thing::{Thing, reference};
use crate::house::Failure;
use protocol::message::Message;
use protocol::{AmountMinor, Code, Reference};
use std::path::Path;

/// What the thief spends at each charger.
const STOLEN_MICRO_USD: u64 = 1_500_000;

/// How it went.
pub struct Theft {
    /// Whose key forked.
    pub code: Code,
    /// What was spent at each place.
    pub amount_micro_usd: u64,
    /// The first branch settled, the second moved nothing.
    pub as_expected: bool,
}

/// Original and clone pay at two chargers that cannot ask each other; both chargers take it, and
/// the gateway sees the fork when the second one hands in.
pub async fn twice(
    fleet: &Fleet,
    office: &Office,
    sessions: &[Session],
    proof: &Path,
) -> Result<Theft, Failure> {
    let driver = sessions.first().ok_or("no sessions")?.driver;
    let car = fleet.car(driver).ok_or("no such car")?;
    let mut places = fleet.places();
    let (first, second) = match (places.next(), places.next()) {
        (Some(first), Some(second)) => (first, second),
        _ => return Err("two chargers are wanted to spend twice".into()),
    };
    let clone = fleet.clone_of(driver)?;
    let beyond = sessions.iter().map(|session| session.id).max().unwrap_or(0);
    spend(fleet, &car.thing, first, reference(beyond + 1)).await?;
    spend(fleet, &clone, second, reference(beyond + 2)).await?;

    let settled_at = |place: &Place| {
        place
            .charger
            .thing
            .totals(fleet.currency())
            .received_settled
            .get()
    };
    let before = settled_at(first);
    first.charger.synchronise().await?;
    second.charger.synchronise().await?;
    car.synchronise().await?;
    let settled = settled_at(first) - before;
    let contested = second
        .charger
        .thing
        .totals(fleet.currency())
        .received_contested
        .get();
    let bytes = tokio::task::block_in_place(|| office.newest_proof())?;
    std::fs::write(proof, bytes)?;
    Ok(Theft {
        code: car.thing.code,
        amount_micro_usd: STOLEN_MICRO_USD,
        as_expected: settled == STOLEN_MICRO_USD && contested == STOLEN_MICRO_USD,
    })
}

async fn spend(
    fleet: &Fleet,
    purse: &Thing,
    place: &Place,
    reference: Reference,
) -> Result<(), Failure> {
    let amount = AmountMinor::new(STOLEN_MICRO_USD).ok_or("no amount")?;
    let invoice = invoice(fleet, place, Priced::Whole(amount), reference)?;
    let evidence = purse.pay_invoice(&invoice, None).map_err(LinkError::from)?;
    let answer = fleet.asker().ask(place.direct, &evidence).await?;
    match Message::read(&answer) {
        Ok(Message::Receipt { .. }) => {
            Ok(purse.take(&answer).map(drop).map_err(LinkError::from)?)
        }
        Ok(Message::Refusal { status, .. }) => {
            Err(format!("the charger saw it at once: {status}").into())
        }
        _ => Err("the charger answered something else".into()),
    }
}
