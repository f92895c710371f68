//! A payment was claimed in time and has not been paid in full: its payee can prove the time.

use super::hand_in::encode;
use crate::crash::{CrashPoint, here};
use crate::store::notes;
use crate::writer::{Desk, Failure};
use protocol::message::Message;
use protocol::objects::{ClaimNote, Payment};
use protocol::{Code, Digest, Timestamp};

/// What was claimed.
pub(super) struct Claimed<'a> {
    pub id: Digest,
    pub payment: &'a Payment,
    /// The hash over everything that covers it, near or far.
    pub covers: Option<Digest>,
}

/// Signs the note, once, and puts it into the payee's inbox; gives who was told.
pub(super) async fn write(
    desk: &mut Desk,
    claimed: &Claimed<'_>,
    now: Timestamp,
) -> Result<Option<Code>, Failure> {
    let late = now > claimed.payment.settle_by;
    if late
        || notes::note(&mut desk.connection, &claimed.id)
            .await?
            .is_some()
    {
        return Ok(None);
    }
    let (note, _) = desk.seal(&ClaimNote {
        gateway: desk.bearings.gateway,
        gateway_epoch: desk.bearings.gateway_epoch,
        payment: claimed.id,
        covers: claimed.covers,
        time: now,
    })?;
    notes::insert(&mut desk.connection, &claimed.id, &note, now).await?;
    here(CrashPoint::NoteKept);
    let payee = claimed.payment.payee;
    let message = encode(&Message::ClaimNote { note: &note })?;
    // Who has no room for it finds it beside the payment.
    Ok(desk.tell(&payee, &message).await?.then_some(payee))
}
