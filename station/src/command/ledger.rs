//! `manifest`, `scrap` and `status`: what was made, what is given up, and how it is handed over.

use super::{Outcome, Where, now};
use crate::handover::HandoverError;
use crate::world::Nature;
use clap::Args;
use issuer::journal::{Line, Number, reason_is_good};
use serde_json::json;
use std::path::PathBuf;

/// Handing over.
#[derive(Args, Debug)]
pub struct Manifest {
    /// Write the manifests again that were closed before.
    #[arg(long)]
    again: bool,
    /// Into this folder instead of the station's.
    #[arg(long)]
    to: Option<PathBuf>,
}

/// Giving a number up.
#[derive(Args, Debug)]
pub struct Scrap {
    /// The number.
    number: Number,
    /// Why; it stands in the journal and in the manifest.
    #[arg(long)]
    reason: String,
}

/// Looking.
#[derive(Args, Debug)]
pub struct Status {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Closes and writes the manifest of everything since the last one.
pub fn manifest(place: &Where, options: &Manifest) -> Outcome {
    let folder = place.open();
    let _lock = folder.lock()?;
    let passphrase = place.passphrase(&folder)?;
    let station = folder.open(passphrase.as_deref().map(String::as_str))?;
    let mut journal = folder.open_journal(&station)?;
    let before = station.pieces(&folder.journal())?.len();
    match station.close(&mut journal, super::make::Machine.now()) {
        Ok(()) => {}
        Err(HandoverError::Nothing) if options.again => {}
        // The line may be durable and the file not written: a crash came in between.
        Err(HandoverError::Nothing) if before > 0 => {
            println!("nothing was made since the last manifest; here it is again");
        }
        Err(error) => return Err(error.into()),
    }
    let to = match &options.to {
        Some(path) => path.clone(),
        None => folder.inner("manifests")?,
    };
    let pieces = station.pieces(&folder.journal())?;
    let skip = match options.again {
        true => 0,
        false => pieces.len().saturating_sub(1),
    };
    for closed in pieces.iter().skip(skip) {
        let path = station.write_manifest(&folder.journal(), closed, &to)?;
        let piece = &closed.piece;
        println!(
            "{}  {} made, {} scrapped, numbers {} to {}",
            path.display(),
            piece.made,
            piece.scrapped,
            piece.first_sequence,
            piece.next_sequence.saturating_sub(1),
        );
    }
    println!("Take it to the gateway: `onecode station import FILE`");
    Ok(())
}

/// Gives a number up for good.
pub fn scrap(place: &Where, options: &Scrap) -> Outcome {
    if !reason_is_good(&options.reason) {
        return Err("--reason wants 1 to 128 bytes of text".into());
    }
    let folder = place.open();
    let _lock = folder.lock()?;
    let passphrase = place.passphrase(&folder)?;
    let station = folder.open(passphrase.as_deref().map(String::as_str))?;
    let mut journal = folder.open_journal(&station)?;
    let step = journal.append(vec![Line::Scrap {
        sequence: options.number,
        reason: options.reason.clone(),
    }]);
    step.map_err(|error| {
        format!(
            "{error}. Only what is open, or made since the last manifest, can be scrapped here; later codes are revoked in the portal"
        )
    })?;
    println!("number {} is given up", options.number);
    Ok(())
}

/// Says where the station stands; needs no passphrase.
pub fn status(place: &Where, options: &Status) -> Outcome {
    let folder = place.open();
    let grant = issuer::Grant::read(&crate::folder::read(&folder.path("grant.txt"))?)?;
    let view = grant.view()?;
    let station = crate::panel::Station {
        grant,
        authority: view,
    };
    let _lock = folder.lock()?;
    let journal = folder.open_journal(&station)?;
    let state = journal.state();
    let (made, scrapped) = state.counts();
    let quota = station
        .authority
        .quota()
        .ok_or("the grant names no quota")?;
    let left = (quota.last + 1).saturating_sub(state.next_sequence());
    let open: Vec<Number> = state.open().map(|unit| unit.sequence).collect();
    if options.json {
        let said = json!({
            "station": station.authority.code().to_string(), "next": state.next_sequence(),
            "left": left, "made": made, "scrapped": scrapped, "open": open,
            "manifest": state.next_manifest(), "expires": station.authority.not_after().0,
        });
        println!("{said}");
        return Ok(());
    }
    println!("station       {}", station.authority.code());
    println!("may make      {}", super::setup::kinds(&quota));
    println!("next number   {} ({left} left)", state.next_sequence());
    let days = station.authority.not_after().0.saturating_sub(now().0) / 86_400;
    println!("expires in    {days} days");
    println!("since the last manifest: {made} made, {scrapped} scrapped");
    for unit in state.open() {
        println!("open          {} ({:?})", unit.sequence, unit.stage);
    }
    Ok(())
}
