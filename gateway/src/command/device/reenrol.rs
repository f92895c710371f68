//! `onecode device reenrol`: certificate and pass for longer, before those the thing has end or after.

use super::Via;
use super::doors::{Doors, within};
use crate::house::Failure;
use crate::thing_folder::identity;
use crate::wallet::now;
use clap::Args;
use device_sdk::enrol::{Credentials, Keys, renew, renew_over_coap};
use device_sdk::identity_file::Identity;
use device_sdk::renewed_file;
use protocol::Timestamp;

/// What to renew, and where.
#[derive(Args)]
pub struct Reenrol {
    #[command(flatten)]
    doors: Doors,
    /// The gateway's HTTP door, such as http://127.0.0.1:8080; not needed with --via coap.
    #[arg(long, required_if_eq("via", "mqtt"))]
    gateway: Option<String>,
    /// Which way: mqtt (fetched over HTTP, proven over MQTT) or coap (both over CoAP).
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// Ask even if it is not time yet.
    #[arg(long)]
    early: bool,
}

/// Fetches, keeps, is let in, and only then drops what was before. Every step may be repeated, and
/// goes on from what an earlier one left.
pub async fn run(options: &Reenrol) -> Result<(), Failure> {
    let folder = &options.doors.folder;
    let identity = identity(folder)?;
    let renewed = match kept(options, &identity)? {
        Some(kept) => kept,
        None => match fetched(options, &identity).await? {
            Some(renewed) => {
                renewed_file::keep(folder, &renewed)?;
                renewed
            }
            None => return said(&identity, "as before"),
        },
    };
    let identity = with(&identity, renewed)?;
    prove(options, &identity).await?;
    renewed_file::take_over(folder, &identity)?;
    said(&identity, "renewed")
}

/// What an earlier turn has fetched and not proven, if it still counts.
fn kept(options: &Reenrol, identity: &Identity) -> Result<Option<Credentials>, Failure> {
    let kept = renewed_file::load(&options.doors.folder, identity)?;
    let counts = |kept: &Credentials| (kept.check(&identity.trust, &identity.keys, now())).is_ok();
    let kept = kept.filter(counts);
    if kept.is_none() {
        // Half of what an earlier turn wrote, or of what it took away.
        renewed_file::discard(&options.doors.folder)?;
    }
    Ok(kept)
}

async fn fetched(options: &Reenrol, known: &Identity) -> Result<Option<Credentials>, Failure> {
    let Identity {
        trust,
        credentials,
        keys,
    } = known;
    if !options.early && now() < credentials.renew_at(trust)? {
        return Ok(None);
    }
    Ok(match (options.via, &options.gateway) {
        (Via::Coap, _) => {
            let client = options.doors.coap(known)?;
            renew_over_coap(&client, trust, keys, credentials, now()).await?
        }
        (Via::Mqtt, Some(url)) => {
            tokio::task::block_in_place(|| renew(url, trust, keys, credentials, now()))?
        }
        _ => return Err("credentials come from a gateway: --via mqtt or --via coap".into()),
    })
}

fn with(identity: &Identity, credentials: Credentials) -> Result<Identity, Failure> {
    let (transport, wallet) = identity.keys.to_bytes();
    Ok(Identity {
        trust: identity.trust,
        keys: Keys::from_random(&transport, &wallet)?,
        credentials,
    })
}

/// A gateway lets the thing in with what it has fetched.
async fn prove(options: &Reenrol, identity: &Identity) -> Result<(), Failure> {
    match options.via {
        Via::Coap => Ok(options.doors.coap(identity)?.connect().await?),
        _ => {
            let (mqtt, _inbox) = options.doors.topics(identity, "renewed", Vec::new())?;
            Ok(within(mqtt.ready()).await??)
        }
    }
}

fn said(identity: &Identity, word: &str) -> Result<(), Failure> {
    let (_, Timestamp(ends)) = identity.credentials.life(&identity.trust)?;
    let Timestamp(due) = identity.credentials.renew_at(&identity.trust)?;
    let from_now = |at: u32| i64::from(at) - i64::from(now().0);
    println!(
        "{word}: {:#} has credentials for another {} s, to be renewed in {} s",
        identity.credentials.code,
        from_now(ends),
        from_now(due).max(0)
    );
    Ok(())
}
