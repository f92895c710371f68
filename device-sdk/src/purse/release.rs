//! The payer of a stream: units are released by showing values of its chain.

use super::{Outgoing, Purse, Seed, Side, UNITS_AT_ONCE};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::hand_in::claim;
use crate::purse::pay::send;
use crate::purse::record::Record;
use protocol::message::Message;
use protocol::stream::{Chain, Stream, Walk};
use protocol::{AmountMinor, Code, Digest, Reference, Signer, Status, Timestamp};

/// A stream this purse pays and whose units it may still release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Releasing {
    /// Identifier of the payment.
    pub payment: Digest,
    /// To whom.
    pub payee: Code,
    /// The reference of its order or invoice.
    pub reference: Reference,
    /// Price of one unit.
    pub unit: AmountMinor,
    /// Most units.
    pub count: u32,
    /// Units released so far; never fewer than were let out.
    pub units: u32,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The streams whose units may be released.
    pub fn releasing(&self) -> impl Iterator<Item = Releasing> {
        self.book.outgoing.iter().filter_map(|stream| {
            let entry = self.book.entry(&stream.payment)?;
            match entry.side {
                Side::Paid {
                    payee, reference, ..
                } => Some(Releasing {
                    payment: stream.payment,
                    payee,
                    reference,
                    unit: stream.terms.unit,
                    count: stream.terms.count,
                    units: stream.units,
                }),
                Side::Taken { .. } => None,
            }
        })
    }

    /// Releases `units` of a stream in all: writes a Unit message for the payee. The same number
    /// again gives the same message. `WrongUnit` for fewer than before, for more than
    /// [`UNITS_AT_ONCE`] further, for more than there are, and when the stream is over.
    ///
    /// After a restart the first call costs a hash for each unit that is left.
    pub fn release(
        &mut self,
        payment: Digest,
        units: u32,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        let value = self.let_out(payment, units)?;
        let message = Message::Unit {
            about: about(&payment),
            units,
            value,
        };
        send(&message, out)
    }

    /// The same for a gateway, which pays them to the payee that need not be there: writes a
    /// StreamClaim.
    pub fn release_to_gateway(
        &mut self,
        payment: Digest,
        units: u32,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        let value = self.let_out(payment, units)?;
        let entry = self.book.entry(&payment).ok_or(Status::WrongUnit)?;
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default()).ok_or(Status::Storage)?;
        claim(&record.kept()?, Some((units, value)), None, out)
    }

    fn let_out(&mut self, payment: Digest, units: u32) -> Result<Digest, Status> {
        let stream = self.book.outgoing(&payment);
        let stream = stream.ok_or(Status::WrongUnit)?;
        let more = units.checked_sub(stream.units).ok_or(Status::WrongUnit)?;
        if units == 0 || units > stream.terms.count || more > UNITS_AT_ONCE {
            return Err(Status::WrongUnit);
        }
        if more > 0 && self.book.is_answered(&payment) {
            return Err(Status::WrongUnit);
        }
        if more > 0 {
            // Exactly what is let out is written, and before it is: a cut after this line leaves a
            // count whose value nobody has seen. The same call again releases it, and a payee that
            // closes with this count is refused nowhere, because it was about to be its due.
            let record = self.append(&Record::Released { payment, units })?;
            let streams = &mut self.book.outgoing;
            if let Some(stream) = streams.find_mut(|stream| stream.payment == payment) {
                stream.units = units;
                stream.units_record = Some(record);
            }
            self.forget_if(stream.units_record)?;
        }
        self.value(&stream, units)
    }

    /// The next value of a stream's walk, which is made again if there is none.
    fn value(&mut self, stream: &Outgoing, units: u32) -> Result<Digest, Status> {
        if !self.walks.iter().any(|(of, _)| *of == stream.payment) {
            let (chain, Seed(seed)) = self.seed(stream)?;
            let walk = Walk::new(chain, stream.terms.count, seed).ok_or(Status::Storage)?;
            self.keep_walk(stream.payment, walk);
        }
        let walk = self.walks.find_mut(|(of, _)| *of == stream.payment);
        let value = walk.and_then(|(_, walk)| walk.value(units));
        value.ok_or(Status::Storage)
    }

    pub(super) fn keep_walk(&mut self, payment: Digest, walk: Walk) {
        let book = &self.book;
        self.walks
            .remove(|(of, _)| *of == payment || book.outgoing(of).is_none());
        // There are as many places as streams. A walk that is not kept is made again.
        let _ = self.walks.insert((payment, walk));
    }

    /// `value(units)` for a receipt, from the seed: it may lie behind the walk.
    pub(super) fn value_behind(&mut self, stream: &Outgoing, units: u32) -> Result<Digest, Status> {
        let down = stream.terms.count.checked_sub(units);
        let down = down.ok_or(Status::WrongReceipt)?;
        let (chain, Seed(seed)) = self.seed(stream)?;
        Ok(chain.down(seed, down))
    }

    fn seed(&mut self, stream: &Outgoing) -> Result<(Chain, Seed), Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(stream.record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Intent {
                payment,
                seed: Some(seed),
                ..
            }) => Ok((Chain::of(&payment), seed)),
            _ => Err(Status::Storage),
        }
    }

    /// Whether this is the payee's answer that it is ready for a stream's units.
    pub(super) fn ready_for_units(&self, about: [u8; 4], anchor: &Digest) -> Option<Digest> {
        let mut streams = self.book.outgoing.iter();
        let stream = streams
            .find(|stream| self::about(&stream.payment) == about && stream.terms.anchor == *anchor);
        stream.map(|stream| stream.payment)
    }

    /// No more units are released: the seed may go. A cut on the way: what is left belongs to a
    /// stream that is over, and `open` drops it.
    pub(super) fn end_outgoing(&mut self, payment: Digest) -> Result<(), Status> {
        let Some(stream) = self.book.outgoing(&payment) else {
            return Ok(());
        };
        self.book.outgoing.remove(|s| s.payment == payment);
        self.walks.remove(|(of, _)| *of == payment);
        self.forget(stream.record)?;
        self.forget_if(stream.units_record)
    }

    /// Frees a place for a stream. One whose deadline has passed releases nothing of use.
    pub(super) fn make_stream_room(&mut self, now: Timestamp) -> Result<(), Status> {
        if !self.book.outgoing.is_full() {
            return Ok(());
        }
        let late = self.book.outgoing.find(|stream| stream.settle_by <= now);
        let late = late.ok_or(Status::Full)?.payment;
        self.end_outgoing(late)
    }
}

impl Outgoing {
    pub(super) fn new(
        payment: Digest,
        terms: Stream,
        settle_by: Timestamp,
        record: RecordId,
    ) -> Self {
        Self {
            payment,
            terms,
            settle_by,
            units: 0,
            units_record: None,
            record,
        }
    }
}

/// How a Unit message names its stream.
pub(super) fn about(payment: &Digest) -> [u8; 4] {
    let [a, b, c, d, ..] = *payment.as_bytes();
    [a, b, c, d]
}
