//! The payer: orders become signed payments, and requests for allowances.

use super::{Entry, Pending, Purse, Side};
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::message::Message;
use protocol::objects::{Payment, Renewal, Rights};
use protocol::{AmountMinor, Code, Currency, Digest, Reference, Signer, Status, Timestamp};

/// What is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// To whom.
    pub payee: Code,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
    /// Names this one payment among all to that payee, such as an invoice or session number: as
    /// long as the purse holds the payment, the same order again is the same payment again.
    pub reference: Reference,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Pays: writes an Evidence message for the payee into `out`. It is durable before it is
    /// returned, so it may be sent at once and again at any time.
    ///
    /// `Busy` says that the key store did not sign; the payment is then journalled, and its
    /// signature is made up for by the next call.
    pub fn pay(&mut self, order: &Order, now: Timestamp, out: &mut [u8]) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        if let Some(entry) = self.paid_before(order) {
            if (entry.currency, entry.amount) != (order.currency, order.amount) {
                return Err(Status::WrongReference);
            }
            return self.evidence(&entry, out);
        }
        let payment = self.permitted(order, now)?;
        self.make_room()?;
        // From here on this content belongs to this sequence number for good. A cut before the
        // signature: it is signed unchanged when the purse is opened.
        let record = self.append(&Record::Intent(payment))?;
        self.book.pending = Some(Pending { payment, record });
        self.sign_pending()?;
        // A cut from here on: the signed payment is in the outbox, and the same order finds it.
        let entry = self.paid_before(order).ok_or(Status::Storage)?;
        self.evidence(&entry, out)
    }

    /// Asks a gateway to let this purse spend `wanted` from where it stands: writes a Renewal
    /// message. Until the answer comes or the purse moves on, asking again gives the same bytes.
    pub fn renewal(
        &mut self,
        currency: Currency,
        wanted: AmountMinor,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        let (me, standing) = (self.own.me, self.book.standing);
        let pocket = self.book.pocket_mut(currency)?;
        let mut renewal = Renewal {
            code: me,
            key_epoch: standing.key_epoch,
            currency,
            sequence: standing.sequence,
            head: standing.head,
            odometer: pocket.odometer,
            wanted,
            time: now,
        };
        let before = pocket.renewal;
        if let Some((asked, record)) = before {
            renewal.time = asked.time;
            if renewal == asked {
                let mut bytes = [0; RECORD_MAX];
                let len = self.recall(record, &mut bytes)?;
                return match Record::read(bytes.get(..len).unwrap_or_default()) {
                    Some(Record::Renewal { renewal }) => send(&Message::Renewal { renewal }, out),
                    _ => Err(Status::Storage),
                };
            }
            renewal.time = now;
        }
        let mut bytes = [0; SIGNED_MAX];
        let (len, _) = seal(&renewal, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let bytes = bytes.get(..len).unwrap_or_default();
        let record = self.append(&Record::Renewal { renewal: bytes })?;
        self.book.pocket_mut(currency)?.renewal = Some((renewal, record));
        self.forget_if(before.map(|(_, record)| record))?;
        send(&Message::Renewal { renewal: bytes }, out)
    }

    /// The payment already made for this order.
    fn paid_before(&self, order: &Order) -> Option<Entry> {
        let same = |entry: &&Entry| match entry.side {
            Side::Paid {
                payee, reference, ..
            } => (payee, reference) == (order.payee, order.reference),
            Side::Taken { .. } => false,
        };
        self.book.outbox.iter().find(same).copied()
    }

    /// The purse's own rules: the next payment, if it may be made.
    fn permitted(&self, order: &Order, now: Timestamp) -> Result<Payment, Status> {
        if !self.own.rights.permits(Rights::PAY) {
            return Err(Status::NotPermitted);
        }
        if self.book.unsure.is_some() {
            return Err(Status::Frozen);
        }
        if order.amount == AmountMinor::ZERO || order.payee == self.own.me {
            return Err(Status::Malformed);
        }
        let pocket = self
            .book
            .pocket(order.currency)
            .ok_or(Status::NoAllowance)?;
        let held = pocket.allowance.ok_or(Status::NoAllowance)?;
        let allowance = held.allowance;
        if allowance.expires <= now {
            return Err(Status::Expired);
        }
        if allowance.expires < now.plus_s(self.own.sync_margin_s) {
            return Err(Status::TooLate);
        }
        if order.amount > allowance.most_per_payment {
            return Err(Status::AboveMost);
        }
        let last = allowance
            .base_sequence
            .0
            .saturating_add(allowance.most_payments);
        let sequence = match self.book.standing.sequence.next() {
            Some(sequence) if sequence.0 <= last => sequence,
            _ => return Err(Status::OutOfSequence),
        };
        let odometer = match pocket.odometer.advance(order.amount) {
            Some(odometer) if odometer <= allowance.limit => odometer,
            _ => return Err(Status::AboveLimit),
        };
        Ok(Payment {
            payer: self.own.me,
            key_epoch: self.book.standing.key_epoch,
            sequence,
            previous: self.book.standing.head,
            payee: order.payee,
            currency: order.currency,
            amount: order.amount,
            odometer,
            allowance: held.reference,
            settle_by: allowance.expires,
            reference: order.reference,
            stream: None,
        })
    }

    /// Signs what is journalled and not signed, exactly as it stands there.
    pub(super) fn sign_pending(&mut self) -> Result<(), Status> {
        let Some(Pending { payment, record }) = self.book.pending else {
            return Ok(());
        };
        let held = self.book.pocket(payment.currency).and_then(|p| p.allowance);
        let held = held
            .filter(|held| held.reference == payment.allowance)
            .ok_or(Status::Storage)?;
        if self.book.outbox.is_full() {
            return Err(Status::Full);
        }
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(held.record, &mut bytes)?;
        let Some(Record::Allowance { allowance }) =
            Record::read(bytes.get(..len).unwrap_or_default())
        else {
            return Err(Status::Storage);
        };
        let mut signed = [0; SIGNED_MAX];
        let (len, id) = seal(&payment, &self.own.trust.network, &self.key, &mut signed)
            .map_err(super::unsigned)?;
        let signed = self.append(&Record::Signed {
            allowance,
            payment: signed.get(..len).unwrap_or_default(),
        })?;
        self.book.pending = None;
        self.book.standing.sequence = payment.sequence;
        self.book.standing.head = id.reference();
        let pocket = self.book.pocket_mut(payment.currency)?;
        pocket.odometer = payment.odometer;
        pocket.newest = Some(signed);
        if !self.book.outbox.insert(Entry::paid(id, signed, &payment)) {
            return Err(Status::Full);
        }
        self.forget(record)
    }

    fn evidence(&mut self, entry: &Entry, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Signed { allowance, payment }) => {
                send(&Message::Evidence { allowance, payment }, out)
            }
            _ => Err(Status::Storage),
        }
    }
}

impl Entry {
    pub(super) fn paid(id: Digest, record: crate::RecordId, payment: &Payment) -> Self {
        Self {
            id,
            record,
            currency: payment.currency,
            amount: payment.amount,
            side: Side::Paid {
                payee: payment.payee,
                reference: payment.reference,
                receipt: None,
            },
            mark: None,
        }
    }
}

/// Writes a message; `ready` has seen to it that `out` is large enough.
pub(super) fn send(message: &Message<'_>, out: &mut [u8]) -> Result<usize, Status> {
    message.write(out).ok_or(Status::Full)
}
