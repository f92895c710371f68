//! A thing renews its credentials: it fetches others, keeps them beside what it has, is let in with
//! them, and only then drops what was before. Every step may be repeated, and goes on from what an
//! earlier one left.

use super::{Door, Settings, StartError, client};
use crate::enrol::{Credentials, EnrolError, Keys, KeysFault, renew, renew_over_coap};
use crate::identity_file::{Identity, IdentityError};
use crate::links::mqtt::{self, Mqtt};
use crate::{coap, renewed_file};
use protocol::Timestamp;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// For being let in.
const PROVE_WITHIN: Duration = Duration::from_secs(20);
/// Of the session in which the thing is let in, beside the one in which it works.
const SESSION: &str = "renewed";

/// Why credentials were not renewed. What the thing had is what it has.
#[derive(Debug)]
pub enum RenewError {
    /// The gateway gives none, or none that hold.
    Enrol(EnrolError),
    /// The folder.
    Identity(IdentityError),
    /// Keys, certificates or addresses.
    Start(StartError),
    /// Nobody lets the thing in with them; they are kept, and tried again the next time.
    NotLetIn(String),
    /// The keys cannot be copied.
    Keys(KeysFault),
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrol(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::NotLetIn(reason) => write!(
                f,
                "nobody lets the thing in with its new credentials, so it keeps the old: {reason}"
            ),
            Self::Keys(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for RenewError {}

impl From<EnrolError> for RenewError {
    fn from(error: EnrolError) -> Self {
        Self::Enrol(error)
    }
}

impl From<IdentityError> for RenewError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

/// Renews the credentials of the thing in `folder` when it is time for it, or at once if `early`.
/// Over MQTT they are fetched by HTTP from `url`, over CoAP by the same door. `None` when there are
/// none yet; otherwise the thing as it is from now on.
pub async fn reenrol(
    folder: &Path,
    settings: &Settings,
    url: &str,
    identity: &Identity,
    early: bool,
    now: Timestamp,
) -> Result<Option<Identity>, RenewError> {
    let renewed = match kept(folder, identity, now)? {
        Some(kept) => kept,
        None => {
            if !early && now < identity.credentials.renew_at(&identity.trust)? {
                return Ok(None);
            }
            let Some(renewed) = fetched(settings, url, identity, now).await? else {
                return Ok(None);
            };
            renewed_file::keep(folder, &renewed)?;
            renewed
        }
    };
    let identity = with(identity, renewed).map_err(RenewError::Keys)?;
    prove(settings, &identity).await?;
    renewed_file::take_over(folder, &identity)?;
    Ok(Some(identity))
}

/// What an earlier turn has fetched and not proven, if it still counts.
fn kept(
    folder: &Path,
    identity: &Identity,
    now: Timestamp,
) -> Result<Option<Credentials>, RenewError> {
    let kept = renewed_file::load(folder, identity)?;
    let (trust, keys) = (&identity.trust, &identity.keys);
    let kept = kept.filter(|kept| kept.check(trust, keys, now).is_ok());
    if kept.is_none() {
        // Half of what an earlier turn wrote, or of what it took away.
        renewed_file::discard(folder)?;
    }
    Ok(kept)
}

async fn fetched(
    settings: &Settings,
    url: &str,
    known: &Identity,
    now: Timestamp,
) -> Result<Option<Credentials>, RenewError> {
    let Identity {
        trust,
        credentials,
        keys,
    } = known;
    Ok(match settings.door {
        Door::Coap { .. } => {
            let client = client(settings, known).map_err(RenewError::Start)?;
            renew_over_coap(&client, trust, keys, credentials, now).await?
        }
        Door::Mqtt => tokio::task::block_in_place(|| renew(url, trust, keys, credentials, now))?,
    })
}

fn with(identity: &Identity, credentials: Credentials) -> Result<Identity, KeysFault> {
    let (transport, wallet) = identity.keys.to_bytes();
    Ok(Identity {
        trust: identity.trust,
        keys: Keys::from_random(&transport, &wallet)?,
        credentials,
    })
}

/// A gateway lets the thing in with what it has fetched.
async fn prove(settings: &Settings, identity: &Identity) -> Result<(), RenewError> {
    let refused = |error: coap::Error| RenewError::NotLetIn(error.to_string());
    match settings.door {
        Door::Coap { .. } => {
            let client = client(settings, identity).map_err(RenewError::Start)?;
            client.connect().await.map_err(refused)
        }
        Door::Mqtt => {
            let (host, me) = (&settings.host, identity.credentials.code);
            let mut door = mqtt::Settings::new(host, settings.port, me, identity.tls()?);
            (door.session, door.filters) = (SESSION, Vec::new());
            let (mqtt, _inbox) = Mqtt::start(door);
            match tokio::time::timeout(PROVE_WITHIN, mqtt.ready()).await {
                Ok(Ok(())) => Ok(()),
                _ => Err(RenewError::NotLetIn(format!("{:?}", mqtt.state()))),
            }
        }
    }
}
