//! A code gets credentials that are good for longer.

use crate::bounds::CERTIFICATE_BYTES_MOST;
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::rules::life::after;
use crate::store::life::{self, LifeStep, Signed};
use crate::store::renewals::{NewCredentials, replace_credentials};
use crate::store::things::{Thing, thing};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::ActKind;
use protocol::cose::SIGNED_MAX;
use protocol::{Status, Timestamp};

/// Who asks is the thing itself, by a signature of its key.
const BY: &str = "the thing itself";

pub(crate) struct RenewCredentials {
    pub new: NewCredentials,
    pub now: Timestamp,
}

impl Command for RenewCredentials {
    type Answer = Thing;

    /// Of several that were made to follow one certificate, the first counts and is the answer to
    /// all of them.
    async fn execute(&self, desk: &mut Desk) -> Result<Thing, Failure> {
        let new = &self.new;
        if new.certificate.len() > CERTIFICATE_BYTES_MOST || new.pass.len() > SIGNED_MAX {
            return Err(Status::Malformed.into());
        }
        let connection = &mut desk.connection;
        let known = thing(connection, &new.code).await?;
        let known = known.ok_or(Status::UnknownCode)?;
        if after(known.state, ActKind::Renewed).is_err() {
            return Err(Status::NotPermitted.into());
        }
        if known.certificate != new.before {
            return Ok(known);
        }
        replace_credentials(connection, new, self.now).await?;
        // A crash here: the thing has the credentials it had, and nobody has seen these.
        here(CrashPoint::CredentialsReplaced);
        let step = LifeStep {
            act: ActKind::Renewed,
            other: None,
            reason: String::new(),
            by: BY.to_owned(),
            at: self.now,
        };
        let signed = Signed {
            said: Some(chain::sha256(&new.pass)),
            certificate: Some(chain::sha256(&new.certificate)),
        };
        life::insert_signed(connection, &new.code, &step, signed).await?;
        let stored = thing(connection, &new.code).await?;
        Ok(stored.ok_or_else(|| Damage::new("thing", new.code, "not there"))?)
    }
}
