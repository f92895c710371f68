//! The payee of a stream: units are taken one after the other, and one receipt closes it.

use super::{Entry, Incoming, Purse, Side, UNITS_AT_ONCE};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::pay::send;
use crate::purse::record::Record;
use crate::purse::release::about;
use protocol::cose::{SIGNED_MAX, sign};
use protocol::message::Message;
use protocol::objects::{Payment, Receipt};
use protocol::stream::Chain;
use protocol::{AmountMinor, Code, Digest, Reference, Signer, Status, Timestamp};

/// How far a stream is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenUnits {
    /// Identifier of the payment.
    pub payment: Digest,
    /// Units taken, counted from the beginning.
    pub units: u32,
    /// What they cost together.
    pub amount: AmountMinor,
}

/// A stream this purse takes and has not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Identifier of the payment.
    pub payment: Digest,
    /// Who pays.
    pub payer: Code,
    /// The payment's reference, such as that of an invoice.
    pub reference: Reference,
    /// Price of one unit.
    pub unit: AmountMinor,
    /// Most units.
    pub count: u32,
    /// Units taken so far.
    pub units: u32,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The streams whose units are taken.
    pub fn taking(&self) -> impl Iterator<Item = Taking> {
        self.book.incoming.iter().filter_map(|stream| {
            let entry = self.book.entry(&stream.payment)?;
            match entry.side {
                Side::Taken { payer, .. } => Some(Taking {
                    payment: stream.payment,
                    payer,
                    reference: stream.reference,
                    unit: stream.terms.unit,
                    count: stream.terms.count,
                    units: stream.units,
                }),
                Side::Paid { .. } => None,
            }
        })
    }

    /// Takes the units that a Unit message releases; they are durable when this returns. The same
    /// message again, and one that was overtaken by a newer one, changes nothing and gets the same
    /// answer. `WrongUnit` when the value is none of the stream's, lies more than [`UNITS_AT_ONCE`]
    /// further, or when the stream is closed or unknown.
    pub fn take_unit(&mut self, message: &[u8]) -> Result<TakenUnits, Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        match Message::read(message)? {
            Message::Unit {
                about,
                units,
                value,
            } => self.take_value(about, units, value),
            _ => Err(Status::Malformed),
        }
    }

    pub(super) fn take_value(
        &mut self,
        about: [u8; 4],
        units: u32,
        value: Digest,
    ) -> Result<TakenUnits, Status> {
        let named = |stream: &&Incoming| self::about(&stream.payment) == about;
        let fits = |stream: &&Incoming| self.shows(stream, units, &value);
        let stream = self.book.incoming.iter().filter(named).find(fits);
        let stream = *stream.ok_or(Status::WrongUnit)?;
        if units > stream.units {
            let newest = Incoming {
                units,
                value,
                ..stream
            };
            // A cut before this line: the payer was not told that the units are taken, and its next
            // value shows them too. After it: they are taken.
            self.keep_units(&newest)?;
        }
        let units = units.max(stream.units);
        Ok(TakenUnits {
            payment: stream.payment,
            units,
            amount: stream.terms.cost(units).ok_or(Status::WrongUnit)?,
        })
    }

    fn shows(&self, stream: &Incoming, units: u32, value: &Digest) -> bool {
        let Some(more) = units.checked_sub(stream.units) else {
            // Overtaken: the newer value says it all.
            return true;
        };
        if units > stream.terms.count || more > UNITS_AT_ONCE {
            return false;
        }
        let over = stream.closing.is_some() || self.book.is_answered(&stream.payment);
        if more > 0 && over {
            return false;
        }
        let entry = self.book.entry(&stream.payment);
        let Some(Side::Taken { payer, .. }) = entry.map(|entry| entry.side) else {
            return false;
        };
        let (key_epoch, sequence) = stream.number;
        Chain::new(&payer, key_epoch, sequence).releases(
            (stream.units, &stream.value),
            units,
            value,
        )
    }

    /// Writes how far a stream is taken in place of what was known.
    fn keep_units(&mut self, newest: &Incoming) -> Result<(), Status> {
        let record = self.append(&Record::Taken {
            payment: newest.payment,
            units: newest.units,
            value: newest.value,
            closing: newest.closing,
        })?;
        let before = newest.units_record;
        let streams = &mut self.book.incoming;
        if let Some(stream) = streams.find_mut(|stream| stream.payment == newest.payment) {
            *stream = Incoming {
                units_record: Some(record),
                ..*newest
            };
        }
        if let Some(entry) = self.book.entry_mut(&newest.payment) {
            entry.amount = newest.terms.cost(newest.units).unwrap_or_default();
        }
        self.forget_if(before)
    }

    /// Closes a stream with the units taken so far: writes a Receipt message for the payer. No more
    /// units are taken. The same call again gives the same message.
    ///
    /// `AskGateway` for a payment this purse does not hold, and for a stream that it took before its
    /// journal was lost or restored and that it may have closed already; `WrongUnit` for one that is no stream,
    /// `TooLate` for a stream that a gateway has ended. `Busy` says that the key store did not sign;
    /// then call again.
    pub fn close_stream(
        &mut self,
        payment: Digest,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        let Some(stream) = self.book.incoming(&payment) else {
            let (record, receipt) = self.taken_before(&payment).ok_or(Status::AskGateway)?;
            if receipt.is_none() && self.terms(record)?.is_none() {
                return Err(Status::WrongUnit);
            }
            return self.receipt_again(record, receipt, out);
        };
        let taken = self.book.entry(&payment).map(|entry| entry.record);
        let remembered = taken.is_some_and(|record| self.book.remembers_taking(record));
        if stream.closing.is_none() && !remembered {
            return Err(Status::AskGateway);
        }
        let time = stream.closing.unwrap_or(now);
        if stream.closing.is_none() {
            // From here on these are the units that will be signed. A cut after this line: no unit
            // is taken any more, and the next call signs the same receipt.
            self.keep_units(&Incoming {
                closing: Some(time),
                ..stream
            })?;
        }
        let receipt = Receipt {
            payee: self.own.me,
            payment,
            time,
            declined: None,
            units: Some(stream.units),
        };
        let mut bytes = [0; SIGNED_MAX];
        let len = sign(&receipt, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let receipt = bytes.get(..len).unwrap_or_default();
        let record = self.append(&Record::Closed {
            receipt,
            value: stream.value,
            amount: stream.terms.cost(stream.units).unwrap_or_default(),
        })?;
        if let Some(entry) = self.book.entry_mut(&payment)
            && let Side::Taken { receipt, .. } = &mut entry.side
        {
            *receipt = Some(record);
        }
        self.end_incoming(payment)?;
        let pass = self.own.pass();
        send(&Message::Receipt { receipt, pass }, out)
    }

    /// The stream is over. A cut before its units are forgotten: `open` drops them.
    pub(super) fn end_incoming(&mut self, payment: Digest) -> Result<(), Status> {
        let stream = self.book.incoming(&payment);
        self.book.incoming.remove(|s| s.payment == payment);
        self.forget_if(stream.and_then(|stream| stream.units_record))
    }

    /// What a payment that was made or taken says about units.
    pub(super) fn terms(
        &mut self,
        record: RecordId,
    ) -> Result<Option<protocol::stream::Stream>, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let payment = record.ok_or(Status::Storage)?.kept()?.payment();
        let payment = protocol::cose::open::<Payment>(payment, &self.own.trust.network)?;
        Ok(payment.peek().stream)
    }
}

impl Incoming {
    /// A stream nothing was taken of yet.
    pub(super) fn new(id: Digest, payment: &Payment) -> Option<Self> {
        let terms = payment.stream?;
        Some(Self {
            payment: id,
            number: (payment.key_epoch, payment.sequence),
            reference: payment.reference,
            terms,
            units: 0,
            value: terms.anchor,
            units_record: None,
            closing: None,
        })
    }

    /// What the payer may still release.
    pub(super) fn rest(&self, entry: &Entry) -> AmountMinor {
        let all = self.terms.cost(self.terms.count).unwrap_or_default();
        all.checked_sub(entry.amount).unwrap_or_default()
    }
}
