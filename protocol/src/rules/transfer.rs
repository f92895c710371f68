//! When a thing becomes somebody else's.

use crate::code::Code;
use crate::cose::{Network, open};
use crate::keys::PublicKey;
use crate::objects::{Acceptance, Transfer};
use crate::status::Status;
use crate::units::{Digest, Timestamp};

/// How far clocks may differ.
const SKEW_S: u32 = 300;
/// Longest time for which a transfer may be offered.
pub const OFFER_MAX_S: u32 = 366 * 86_400;

/// What the registry knows of a thing and of two owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub owner: Code,
    /// How often an owner of it was named.
    pub owners: u32,
    /// The key in the newest pass of the one who gives.
    pub from_key: PublicKey,
    /// The key in the newest pass of the one who takes.
    pub to_key: PublicKey,
}

/// A transfer that both have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Its identifier.
    pub id: Digest,
    /// What it says.
    pub transfer: Transfer,
}

/// What a transfer says, and its identifier, before anybody is asked who may sign it.
pub fn read(network: &Network, transfer: &[u8]) -> Result<Agreed, Status> {
    let sealed = open::<Transfer>(transfer, network)?;
    Ok(Agreed {
        id: sealed.id(),
        transfer: *sealed.peek(),
    })
}

/// Whether the owner offers it, and may: what the new owner asks before it accepts. A gateway asks
/// it again.
pub fn offered(
    network: &Network,
    transfer: &[u8],
    from_key: &PublicKey,
    now: Timestamp,
) -> Result<Agreed, Status> {
    let verified = open::<Transfer>(transfer, network)?.verify(from_key)?;
    let said = *verified.get();
    if said.from == said.to || said.code == said.to {
        return Err(Status::Malformed);
    }
    let last = said.time.plus_s(OFFER_MAX_S);
    if said.time > now.plus_s(SKEW_S) || said.expires <= now || said.expires > last {
        return Err(Status::Expired);
    }
    Ok(Agreed {
        id: verified.id(),
        transfer: said,
    })
}

/// Whether a thing changes hands: the owner gives it, the new owner takes it, in time, and nobody
/// was named since.
pub fn agreed(
    network: &Network,
    transfer: &[u8],
    acceptance: &[u8],
    knows: &Standing,
    now: Timestamp,
) -> Result<Agreed, Status> {
    let agreed = offered(network, transfer, &knows.from_key, now)?;
    let said = &agreed.transfer;
    let verified = open::<Acceptance>(acceptance, network)?.verify(&knows.to_key)?;
    let taken = verified.get();
    if taken.by != said.to || taken.transfer != agreed.id {
        return Err(Status::NotForYou);
    }
    if taken.time > now.plus_s(SKEW_S) {
        return Err(Status::Expired);
    }
    if said.from != knows.owner {
        return Err(Status::NotPermitted);
    }
    match knows.owners.checked_add(1) == Some(said.number) {
        true => Ok(agreed),
        false => Err(Status::OutOfSequence),
    }
}
