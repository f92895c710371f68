//! What two things on a local link tell each other after a payment: proofs they hold, then the
//! newest payments they took. The payer asks with one such message and hears one back; an empty
//! question or answer has nothing to tell.

use crate::journal::Journal;
use crate::purse::{Event, NoticeCursor, Purse, SeenCursor};
use protocol::message::Message;
use protocol::{Signer, Status, Timestamp};

/// How many messages each side tells the other after a payment.
pub const TOLD_MOST: u8 = 4;

/// Where a conversation with one neighbour stands. A new one tells and hears nothing:
/// [`Conversation::after_payment`] begins one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conversation {
    to_tell: u8,
    to_hear: u8,
    proofs: NoticeCursor,
    seen: SeenCursor,
    told_nothing: bool,
    heard_nothing: bool,
}

impl Conversation {
    /// A payment was taken from a neighbour, or by it.
    pub fn after_payment() -> Self {
        Self {
            to_tell: TOLD_MOST,
            to_hear: TOLD_MOST,
            ..Self::default()
        }
    }

    /// Whether a message belongs to such a conversation.
    pub fn is_part(message: &[u8]) -> bool {
        let read = Message::read(message);
        message.is_empty()
            || matches!(
                read,
                Ok(Message::Seen { .. } | Message::Proof { .. } | Message::Accusation { .. })
            )
    }

    /// Whether there is nothing more to tell or to hear.
    pub fn is_over(&self) -> bool {
        self.to_tell == 0 || (self.told_nothing && self.heard_nothing)
    }

    /// Takes note of what the neighbour told. What belongs to no conversation, or is not true, is
    /// passed over; only a failure of the own journal is an error.
    pub fn hear<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize>(
        &mut self,
        purse: &mut Purse<K, J, OUTBOX, PAYERS>,
        message: &[u8],
        now: Timestamp,
    ) -> Result<Option<Event>, Status> {
        self.heard_nothing = message.is_empty();
        if self.heard_nothing || self.to_hear == 0 || !Self::is_part(message) {
            return Ok(None);
        }
        self.to_hear -= 1;
        match purse.receive(message, now) {
            Ok(event) => Ok(Some(event)),
            Err(Status::Storage) => Err(Status::Storage),
            Err(_) => Ok(None),
        }
    }

    /// Writes what to tell next; 0 bytes when there is nothing more.
    pub fn tell<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize>(
        &mut self,
        purse: &mut Purse<K, J, OUTBOX, PAYERS>,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let next = match self.to_tell {
            0 => None,
            _ => match self.proof(purse, out)? {
                Some(len) => Some(len),
                None => purse.seen(&mut self.seen, out)?,
            },
        };
        self.to_tell = self.to_tell.saturating_sub(1);
        self.told_nothing = next.is_none();
        Ok(next.unwrap_or_default())
    }

    /// The next proof among the notices; voids and closings are for gateways.
    fn proof<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize>(
        &mut self,
        purse: &mut Purse<K, J, OUTBOX, PAYERS>,
        out: &mut [u8],
    ) -> Result<Option<usize>, Status> {
        while let Some(len) = purse.notices(&mut self.proofs, out)? {
            if Self::is_part(out.get(..len).unwrap_or_default()) {
                return Ok(Some(len));
            }
        }
        Ok(None)
    }
}
