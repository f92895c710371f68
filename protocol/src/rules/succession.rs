//! One key of a gateway takes over from another, and for a while what either signed counts.
//!
//! Only the issuer can say so: whoever holds a gateway's key, old or new, names no further one.

use super::trust::Trust;
use crate::cose::{Sealed, Verified, open};
use crate::keys::PublicKey;
use crate::objects::{Object, Pass, Successor};
use crate::status::Status;
use crate::units::Timestamp;

/// How far clocks may differ.
const SKEW_S: u32 = 300;

/// The keys by which a gateway's word counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// The one it signs with.
    pub key: PublicKey,
    /// The one before, while it counts.
    pub other: Option<PublicKey>,
}

impl From<PublicKey> for Counting {
    fn from(key: PublicKey) -> Self {
        Self { key, other: None }
    }
}

impl Counting {
    /// Whether what this key signed counts.
    pub fn has(&self, key: &PublicKey) -> bool {
        self.key == *key || self.other == Some(*key)
    }

    /// Checks the signature with whichever of them fits.
    pub fn verify<'b, T: Object>(&self, sealed: Sealed<'b, T>) -> Result<Verified<'b, T>, Status> {
        match &self.other {
            None => sealed.verify(&self.key),
            Some(other) => {
                let newest = sealed.clone().verify(&self.key);
                newest.or_else(|_| sealed.verify(other))
            }
        }
    }
}

/// A key that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerKey {
    /// The key.
    pub key: PublicKey,
    /// Until then what it signed counts.
    pub ends: Timestamp,
}

impl FormerKey {
    /// With the key that took over, as far as this one counts at that time.
    pub fn beside(former: Option<&Self>, key: PublicKey, now: Timestamp) -> Counting {
        let counts = former.filter(|former| now < former.ends);
        let other = counts.map(|former| former.key);
        Counting { key, other }
    }
}

/// What shows that a key took over, in bytes: as a message of kind 36 carries it.
#[derive(Clone, Copy, Debug)]
pub struct Handover<'b> {
    /// The issuer's pass.
    pub issuer: &'b [u8],
    /// The gateway's pass with the new key.
    pub gateway: &'b [u8],
    /// Its pass with the key before.
    pub former: &'b [u8],
    /// The issuer's word on both.
    pub successor: &'b [u8],
}

/// A key that took over, and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The issuer's pass.
    pub issuer: Pass,
    /// The gateway's pass with the new key.
    pub gateway: Pass,
    /// What its issuer said.
    pub said: Successor,
}

impl Succession {
    /// The key before.
    pub fn former(&self) -> FormerKey {
        FormerKey {
            key: self.said.former_key,
            ends: self.said.ends,
        }
    }
}

impl Trust {
    /// An issuer's word on the new key of a gateway. It is judged under the root alone, so that it
    /// does not matter which keys were known before, nor who brought it.
    pub fn succession(&self, shown: &Handover<'_>, now: Timestamp) -> Result<Succession, Status> {
        let issuer = self.issuer(shown.issuer)?;
        let gateway = self.gateway(shown.issuer, shown.gateway)?;
        let former = self.gateway(shown.issuer, shown.former)?;
        let said = open::<Successor>(shown.successor, &self.network)?;
        let said = *said.verify(&issuer.get().key.0)?.get();
        let (pass, before) = (gateway.get(), former.get());
        let names = [said.issuer, said.gateway, said.gateway];
        if names != [issuer.get().subject.0, pass.subject.0, before.subject.0] {
            return Err(Status::NotForYou);
        }
        let keys = [said.key, said.former_key];
        if keys != [pass.key.0, before.key.0] || said.key == said.former_key {
            return Err(Status::Malformed);
        }
        if said.issued > now.plus_s(SKEW_S) {
            return Err(Status::Expired);
        }
        Ok(Succession {
            issuer: *issuer.get(),
            gateway: *pass,
            said,
        })
    }
}
