//! The house at a glance, and its last hours.

use super::list::List;
use super::operation::{Call, Nothing, Shown};
use super::words::IdText;
use crate::desk::DoorLoad;
use crate::pages::money::currency_value;
use crate::pulse::Minute;
use crate::refusal::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

/// A door.
#[derive(Serialize, ToSchema)]
pub struct DoorNow {
    /// MQTT or CoAP.
    door: String,
    /// Things that are connected by it.
    online: u64,
    /// Messages that came in by it: since the start, or in the minute.
    messages: u64,
}

impl From<&DoorLoad> for DoorNow {
    fn from(load: &DoorLoad) -> Self {
        Self {
            door: load.door.to_owned(),
            online: load.online,
            messages: load.messages,
        }
    }
}

/// Somebody who cosigns the log of the code chain.
#[derive(Serialize, ToSchema)]
pub struct WitnessNow {
    /// Its verifier key.
    key: String,
    /// The size of the checkpoint it cosigned last.
    size: u64,
    at: u32,
}

/// The house at a glance.
#[derive(Serialize, ToSchema)]
pub struct HouseNow {
    at: u32,
    /// When this process began.
    started: u32,
    things: u64,
    /// Of these, frozen or revoked.
    things_stopped: u64,
    places: u64,
    doors: Vec<DoorNow>,
    /// Messages that wait in inboxes.
    inbox_entries: u64,
    journal_height: u64,
    journal_root: IdText,
    /// Acts in the code chain.
    log_leaves: u64,
    /// Of these, under the newest checkpoint.
    log_published: u64,
    log_signed: Option<u32>,
    witnesses: Vec<WitnessNow>,
    /// Until when the certificate of the doors is good.
    certificate_ends: Option<u32>,
}

/// The house at a glance.
pub async fn now(call: Call, _: Nothing, _: Nothing) -> Result<Shown<HouseNow>, Refusal> {
    let portal = &call.portal;
    let reading = portal.pulse.look(call.actor.now).await?;
    let (counts, log) = (&reading.counts, &reading.log);
    let witness = |of: &ledger::WitnessStanding| WitnessNow {
        key: of.key.clone(),
        size: of.size,
        at: of.at.0,
    };
    Ok(Shown(HouseNow {
        at: reading.at.0,
        started: portal.live.started().0,
        things: counts.things,
        things_stopped: counts.things_stopped,
        places: counts.grids,
        doors: reading.doors.iter().map(DoorNow::from).collect(),
        inbox_entries: counts.inbox_entries,
        journal_height: counts.journal.height,
        journal_root: IdText(counts.journal.root),
        log_leaves: log.leaves,
        log_published: log.published,
        log_signed: log.signed.map(|at| at.0),
        witnesses: log.witnesses.iter().map(witness).collect(),
        certificate_ends: portal.live.certificate_ends().map(|at| at.0),
    }))
}

/// Money that waits for its payees.
#[derive(Serialize, ToSchema)]
pub struct WaitingNow {
    currency: String,
    minor: i64,
}

/// What happened in one minute, and how things stood at its end.
#[derive(Serialize, ToSchema)]
pub struct MinuteNow {
    /// When it began.
    at: u32,
    /// Payments that were handed in.
    payments: u64,
    doors: Vec<DoorNow>,
    in_transit: Vec<WaitingNow>,
}

impl From<&Minute> for MinuteNow {
    fn from(minute: &Minute) -> Self {
        let waits = minute.in_transit.iter();
        let waiting = waits.map(|(currency, minor)| WaitingNow {
            currency: currency_value(currency),
            minor: *minor,
        });
        Self {
            at: minute.number.saturating_mul(60),
            payments: minute.payments,
            doors: minute.doors.iter().map(DoorNow::from).collect(),
            in_transit: waiting.collect(),
        }
    }
}

/// The last hours, minute by minute, as far as the process was up.
pub async fn minutes(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<MinuteNow>>, Refusal> {
    let minutes = call.portal.pulse.minutes();
    let items = minutes.iter().map(MinuteNow::from).collect();
    Ok(Shown(List::whole(items)))
}
