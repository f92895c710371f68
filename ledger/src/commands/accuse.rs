//! Proofs against a key, and what they do to its code.

use super::hand_in::encode;
use crate::accusation::Accusation;
use crate::bounds::ACCUSATIONS_MOST;
use crate::crash::{CrashPoint, here};
use crate::store::accusations::{count, insert};
use crate::store::things::{self, ThingState, set_forked, set_state};
use crate::writer::{Command, Desk, Failure};
use protocol::message::{CREDENTIALS_MAX, Message, OBJECTS_MAX};
use protocol::objects::{Allowance, Pass};
use protocol::rules::proof::Charge;
use protocol::{Code, Digest, Timestamp};
use std::borrow::Cow;

/// Who is named when the ledger itself freezes a code.
const BY_LEDGER: &str = "ledger";

/// Whose key contradicts itself, how, and in which payment.
pub(super) struct Accused {
    pub code: Code,
    pub charge: Charge,
    pub subject: Digest,
}

/// Two payments without covers under this gateway: allowance, payment, allowance, payment.
pub(super) fn proof(desk: &Desk, objects: [&[u8]; 4]) -> Result<Vec<u8>, Failure> {
    let [first, stands, second, claim] = objects;
    let anew = [first, second].map(|allowance| under_present_key(desk, allowance));
    let [first, second] = &anew;
    encode(&Message::Proof {
        issuer: &desk.bearings.issuer_pass,
        gateway: &desk.bearings.gateway_pass,
        allowances: [first.as_ref(), second.as_ref()],
        payments: [stands, claim],
    })
}

/// Everything else; `thing` is the pass of whoever made the thing whose receipts they are, and the
/// thing's own.
pub(super) fn accusation(
    desk: &Desk,
    charge: Charge,
    thing: Option<[&[u8]; 2]>,
    objects: &[&[u8]],
) -> Result<Vec<u8>, Failure> {
    let (issuer, gateway) = (&desk.bearings.issuer_pass, &desk.bearings.gateway_pass);
    let [signer, own] = match thing {
        Some([signer, own]) => [Some(signer), Some(own)],
        None => [Some(gateway.as_slice()), None],
    };
    let anew = own.and_then(|own| desk.own_keys.anew::<Pass>(own));
    let own = anew.as_deref().or(own);
    let credentials: [_; CREDENTIALS_MAX] = [Some(issuer.as_slice()), signer, own];
    let mut list = [None; OBJECTS_MAX];
    let objects: Vec<_> = objects
        .iter()
        .map(|object| under_present_key(desk, object))
        .collect();
    for (place, object) in list.iter_mut().zip(&objects) {
        *place = Some(object.as_ref());
    }
    encode(&Message::Accusation {
        how: charge as u8,
        credentials,
        objects: list,
    })
}

/// What stands beside this gateway's pass was signed with the key in it: an allowance from before
/// that key is signed anew, and says the same.
fn under_present_key<'o>(desk: &Desk, object: &'o [u8]) -> Cow<'o, [u8]> {
    match desk.own_keys.anew::<Allowance>(object) {
        Some(anew) => Cow::Owned(anew),
        None => Cow::Borrowed(object),
    }
}

/// The covers of a payment as a charge carries them: identifier 32, units 4, ascending.
pub(super) fn cover_list(mut covers: Vec<(Digest, u32)>) -> Vec<u8> {
    covers.sort_unstable();
    let bytes =
        |(id, units): (Digest, u32)| [id.as_bytes().as_slice(), &units.to_be_bytes()].concat();
    covers.into_iter().flat_map(bytes).collect()
}

/// Keeps the proof, once for each payment, and freezes the code.
pub(super) async fn keep(
    desk: &mut Desk,
    accused: &Accused,
    proof: &[u8],
    now: Timestamp,
) -> Result<(), Failure> {
    let (state, ..) = super::holder(&mut desk.connection, &accused.code).await?;
    let Accused {
        code,
        charge,
        subject,
    } = accused;
    if !insert(&mut desk.connection, code, *charge, subject, proof, now).await? {
        return Ok(());
    }
    here(CrashPoint::Accused);
    freeze(desk, code, state, charge.sentence(), now).await
}

/// Offline rights are frozen until a person decides, and the key is never renewed again.
pub(super) async fn freeze(
    desk: &mut Desk,
    code: &Code,
    state: ThingState,
    why: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    set_forked(connection, code, true).await?;
    if state == ThingState::Active {
        set_state(connection, code, ThingState::Frozen, (why, BY_LEDGER), now).await?;
    }
    here(CrashPoint::PayerFrozen);
    Ok(())
}

/// Somebody brings a proof.
pub(crate) struct Accuse {
    pub accusation: Accusation,
    pub now: Timestamp,
}

impl Command for Accuse {
    type Answer = ();

    /// Whom nobody registered here is on record all the same.
    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let (verdict, now) = (self.accusation.verdict(), self.now);
        let code = &verdict.code;
        let connection = &mut desk.connection;
        // Whoever forks at will could otherwise fill the books with proofs against itself.
        if count(connection, code).await? >= ACCUSATIONS_MOST {
            return Ok(());
        }
        let (subject, proof) = (self.accusation.subject(), self.accusation.bytes());
        if !insert(connection, code, verdict.charge, &subject, proof, now).await? {
            return Ok(());
        }
        here(CrashPoint::Accused);
        let Some((state, ..)) = things::holder(&mut desk.connection, code).await? else {
            return Ok(());
        };
        freeze(desk, code, state, verdict.charge.sentence(), now).await
    }
}
