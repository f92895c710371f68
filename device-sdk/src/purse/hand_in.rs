//! What a gateway should be shown.

use super::pay::send;
use super::{Entry, Purse, Side};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::message::Message;
use protocol::{Digest, Signer, Status};

/// Where a walk through the outbox stands. A new one starts at the oldest payment.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandInCursor {
    after: Option<(RecordId, Digest)>,
}

impl HandInCursor {
    /// The payment that the last message was about.
    pub fn payment(&self) -> Option<Digest> {
        self.after.map(|(_, payment)| payment)
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Writes the next message for a gateway, oldest payment first: a Claim where there is a
    /// receipt, otherwise the bare Evidence. `None` at the end. Payments that a gateway has
    /// answered for are left out, except that a receipt for a payment in transit is still shown.
    pub fn hand_in(
        &mut self,
        cursor: &mut HandInCursor,
        out: &mut [u8],
    ) -> Result<Option<usize>, Status> {
        self.ready(out)?;
        match self.sign_pending() {
            // The key store is away; what is signed can be handed in all the same.
            Ok(()) | Err(Status::Busy) => {}
            Err(status) => return Err(status),
        }
        let wanted = |entry: &&Entry| {
            let after = cursor.after.is_none_or(|(record, _)| entry.record > record);
            after && waits(entry)
        };
        let next = self
            .book
            .outbox
            .iter()
            .filter(wanted)
            .min_by_key(|entry| entry.record)
            .copied();
        let Some(entry) = next else {
            return Ok(None);
        };
        let len = self.shown(&entry, out)?;
        cursor.after = Some((entry.record, entry.id));
        Ok(Some(len))
    }

    fn shown(&mut self, entry: &Entry, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Accepted {
                allowance,
                payment,
                receipt,
            }) => send(
                &Message::Claim {
                    allowance,
                    payment,
                    receipt,
                },
                out,
            ),
            Some(Record::Signed { allowance, payment }) => {
                let Side::Paid {
                    receipt: Some(record),
                    ..
                } = entry.side
                else {
                    return send(&Message::Evidence { allowance, payment }, out);
                };
                let mut more = [0; RECORD_MAX];
                let len = self.recall(record, &mut more)?;
                match Record::read(more.get(..len).unwrap_or_default()) {
                    Some(Record::Receipted { receipt }) => send(
                        &Message::Claim {
                            allowance,
                            payment,
                            receipt,
                        },
                        out,
                    ),
                    _ => Err(Status::Storage),
                }
            }
            _ => Err(Status::Storage),
        }
    }
}

fn waits(entry: &Entry) -> bool {
    match (entry.mark.map(|mark| mark.outcome), entry.side) {
        (None, _) => true,
        (Some(Status::InTransit), Side::Paid { receipt, .. }) => receipt.is_some(),
        _ => false,
    }
}
