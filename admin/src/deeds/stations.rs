//! Stations: who may be one, and what they shall make.

use crate::desk::DeskRefusal;
use crate::door::Actor;
use crate::imports::Arrived;
use crate::language::{Say, heard, say};
use crate::pages::stations::STATION_KINDS;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::station_desk::{Admission, ManifestTaken, Progress, StationWish};
use issuer::order::short;
use ledger::bounds::NAME_BYTES_MOST;
use protocol::{Code, Reference};
use std::sync::Arc;

/// Longer than any authority lives.
const DAYS_MAX: u32 = 7_300;

/// Admits a station. The same request again changes its quota.
pub async fn admit(portal: &Portal, actor: &Actor, asked: Admission) -> Result<Code, Refusal> {
    fits(&asked).map_err(Refusal::Unfit)?;
    let about = format!("{} {} to {}", asked.name, asked.first, asked.last);
    let admitted = portal.stations.admit(asked, actor.now).await;
    let outcome = admitted.as_ref().map(Code::to_string);
    recorded(portal, actor, "station admitted", &about, outcome).await?;
    admitted.map_err(|refusal| refused(say("Not admitted: {reason}."), refusal))
}

fn fits(asked: &Admission) -> Result<(), Say> {
    if asked.name.is_empty() || asked.name.len() > NAME_BYTES_MOST {
        return Err(say("Give the station a name of up to 128 bytes."));
    }
    if asked.kinds.is_empty() {
        return Err(say("Tick at least one kind of code it may make."));
    }
    if asked.kinds.iter().any(|kind| !STATION_KINDS.contains(kind)) {
        return Err(say(
            "A station makes codes of devices, modules and passive items.",
        ));
    }
    if asked.request.contains("PRIVATE KEY") {
        return Err(say(
            "That is a private key. It never leaves the station: treat it as disclosed, and make a \
             new station there.",
        ));
    }
    match (1..=DAYS_MAX).contains(&asked.days) {
        true => Ok(()),
        false => Err(say("It is admitted for 1 to 7300 days.")),
    }
}

/// Signs an order and keeps it.
pub async fn order(
    portal: &Portal,
    actor: &Actor,
    wish: StationWish,
) -> Result<Reference, Refusal> {
    let about = format!(
        "{} of kind {} from {}, {} {}",
        wish.count,
        wish.kind.word(),
        wish.station,
        wish.product,
        wish.batch
    );
    let ordered = portal.stations.order(wish, actor.now).await;
    let outcome = ordered.as_ref().map(short);
    recorded(portal, actor, "codes ordered", &about, outcome).await?;
    ordered.map_err(|refusal| refused(say("Not ordered: {reason}."), refusal))
}

/// Reads a manifest that arrived, and takes it whole or not at all, once.
pub async fn bring(
    portal: &Portal,
    actor: &Actor,
    arrived: Arrived,
) -> Result<ManifestTaken, Refusal> {
    let bytes = arrived.file.bytes;
    let progress = Arc::new(Progress::new(bytes));
    let shown = Arc::clone(&progress);
    let number = portal.imports().begin(&actor.name, actor.now, shown, bytes);
    let (path, by) = (arrived.file.path.clone(), actor.name.clone());
    let outcome = portal.stations.import(path, by, actor.now, progress).await;
    let about = match &outcome {
        Ok(taken) if taken.before => format!("{} {}: known", taken.station, taken.number),
        Ok(taken) => format!("{} {}: {} codes", taken.station, taken.number, taken.made),
        Err(DeskRefusal::Request(sentence)) => format!("refused: {sentence}"),
        Err(DeskRefusal::Status(status)) => format!("refused: {}", status.word()),
    };
    portal.imports().end(number, outcome.clone());
    let act = actor.act("manifest taken in", &about);
    // A crash before this line: the codes are in, and the trail misses who brought them. The registry
    // names them beside the manifest.
    portal.people.record(&act, actor.now).await?;
    drop(arrived);
    outcome.map_err(|refusal| refused(say("Not taken, and nothing changed: {reason}."), refusal))
}

async fn recorded(
    portal: &Portal,
    actor: &Actor,
    what: &str,
    about: &str,
    outcome: Result<String, &DeskRefusal>,
) -> Result<(), Refusal> {
    let outcome = outcome.unwrap_or_else(|refusal| match refusal {
        DeskRefusal::Request(sentence) => sentence.clone(),
        DeskRefusal::Status(status) => status.word().to_owned(),
    });
    let about = format!("{about}: {outcome}");
    let act = actor.act(what, &about);
    Ok(portal.people.record(&act, actor.now).await?)
}

fn refused(not: Say, refusal: DeskRefusal) -> Refusal {
    match refusal {
        DeskRefusal::Request(sentence) => Refusal::Unfit(not.put("reason", heard(&sentence))),
        DeskRefusal::Status(status) => status.into(),
    }
}
