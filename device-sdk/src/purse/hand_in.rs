//! What a gateway should be shown.

use super::kept::Kept;
use super::pay::send;
use super::{Entry, Purse, Side};
use crate::journal::{Journal, RECORD_MAX, RecordId, SMALL_RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::open;
use protocol::covers::COVERED_MAX;
use protocol::message::Message;
use protocol::objects::Receipt;
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
    /// receipt, a StreamClaim for a stream that is taken or closed, otherwise the bare Evidence; and
    /// Covered for whatever stands on covers. `None` at the end. Payments that a gateway has answered for are left out, except that a
    /// receipt for a payment in transit is still shown, and units taken since.
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
            after && entry.waits() && !self.book.is_answered(&entry.id)
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
        let len = self.about(&entry, out)?;
        cursor.after = Some((entry.record, entry.id));
        Ok(Some(len))
    }

    fn about(&mut self, entry: &Entry, out: &mut [u8]) -> Result<usize, Status> {
        let (mut bytes, mut more) = ([0; RECORD_MAX], [0; SMALL_RECORD_MAX]);
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default()).ok_or(Status::Storage)?;
        let kept = record.kept()?;
        if record.receipt().is_some() {
            return claim(&kept, None, record.receipt(), out);
        }
        let (Side::Paid { receipt, .. } | Side::Taken { receipt, .. }) = entry.side;
        let Some(record) = receipt else {
            let stream = self.book.incoming(&entry.id);
            let released = stream.map(|stream| (stream.units, stream.value));
            return claim(&kept, released, None, out);
        };
        let len = self.recall(record, &mut more)?;
        match Record::read(more.get(..len).unwrap_or_default()) {
            Some(Record::Receipted { receipt }) => claim(&kept, None, Some(receipt), out),
            Some(Record::Closed { receipt, value, .. }) => {
                let closed = open::<Receipt>(receipt, &self.own.trust.network)?;
                let units = closed.peek().units.ok_or(Status::Storage)?;
                claim(&kept, Some((units, value)), Some(receipt), out)
            }
            _ => Err(Status::Storage),
        }
    }
}

/// What a gateway is shown: the payment, how far it is released if it is a stream, and the payee's
/// receipt if there is one.
pub(super) fn claim(
    kept: &Kept<'_>,
    released: Option<(u32, Digest)>,
    receipt: Option<&[u8]>,
    out: &mut [u8],
) -> Result<usize, Status> {
    let (allowance, payment) = (kept.allowance(), kept.payment());
    if kept.behind().is_some() {
        let mut bytes = [0; COVERED_MAX];
        let len = kept.released(released, &mut bytes)?;
        let items = bytes.get(..len).unwrap_or_default();
        return send(&Message::Covered { items, receipt }, out);
    }
    let message = match (released, receipt) {
        (Some((units, value)), receipt) => Message::StreamClaim {
            allowance,
            payment,
            units,
            value,
            receipt,
        },
        (None, Some(receipt)) => Message::Claim {
            allowance,
            payment,
            receipt,
        },
        (None, None) => Message::Evidence { allowance, payment },
    };
    send(&message, out)
}

impl Entry {
    /// Whether it may still be closed by a receipt.
    pub(super) fn is_open(&self) -> bool {
        let (Side::Paid { receipt, .. } | Side::Taken { receipt, .. }) = self.side;
        receipt.is_none() && !self.mark.is_some_and(|mark| mark.is_final())
    }

    /// Whether a gateway should be shown it.
    pub(super) fn waits(&self) -> bool {
        let Some(mark) = self.mark else {
            return true;
        };
        match self.side {
            Side::Paid { receipt, .. } => !mark.is_final() && receipt.is_some(),
            // A stream, posted in part: closed now, or further on.
            Side::Taken { receipt, .. } => {
                !mark.is_final() && (receipt.is_some() || self.amount > mark.amount)
            }
        }
    }
}
