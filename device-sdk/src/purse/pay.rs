//! The payer: orders become signed payments, and requests for allowances.

use super::cover::{Missing, Signed};
use super::{Approved, Entry, Outgoing, Pending, Purse, Seed, Side};
use crate::journal::{Journal, RECORD_MAX, RecordId, SMALL_RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, open, seal, sign};
use protocol::message::Message;
use protocol::objects::{Payment, Renewal, Rights};
use protocol::stream::{Chain, Stream, UNITS_MAX, Walk};
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

/// What is to be paid by the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOrder {
    /// To whom.
    pub payee: Code,
    /// In which currency.
    pub currency: Currency,
    /// Price of one unit.
    pub unit: AmountMinor,
    /// Most units. The price of all of them is spent at once; what is not used comes back through a
    /// gateway.
    pub count: u32,
    /// As in [`Order`].
    pub reference: Reference,
}

/// An order of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) payee: Code,
    pub(super) currency: Currency,
    pub(super) amount: AmountMinor,
    pub(super) reference: Reference,
    /// Price of one and count.
    pub(super) units: Option<(AmountMinor, u32)>,
    /// The payee's allowance under which it may spend this.
    pub(super) covers_for: Option<Reference>,
    /// The payment taken that this one answers: as a cover it comes first.
    pub(super) answers: Option<Digest>,
}

impl From<&Order> for Wanted {
    fn from(order: &Order) -> Self {
        Self {
            payee: order.payee,
            currency: order.currency,
            amount: order.amount,
            reference: order.reference,
            units: None,
            covers_for: None,
            answers: None,
        }
    }
}

impl TryFrom<&StreamOrder> for Wanted {
    type Error = Status;

    fn try_from(order: &StreamOrder) -> Result<Self, Status> {
        Ok(Self {
            payee: order.payee,
            currency: order.currency,
            amount: price(order.unit, order.count).ok_or(Status::Malformed)?,
            reference: order.reference,
            units: Some((order.unit, order.count)),
            covers_for: None,
            answers: None,
        })
    }
}

/// What a stream costs in all; `None` for one that nobody can pay.
pub(super) fn price(unit: AmountMinor, count: u32) -> Option<AmountMinor> {
    let terms = Stream {
        unit,
        count,
        anchor: Digest::default(),
    };
    terms
        .cost(count)
        .filter(|amount| (1..=UNITS_MAX).contains(&count) && *amount > AmountMinor::ZERO)
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Pays: writes an Evidence message for the payee into `out`. It is durable before it is
    /// returned, so it may be sent at once and again at any time.
    ///
    /// What goes above the limit stands on payments taken that may be spent before they are
    /// settled, and is written as a Covered message. `AboveLimit` when there are too few of them,
    /// `AboveHops` when those that are there have been spent on too often, `OverBudget` when they
    /// are too many for one evidence: whichever it is, hand in and renew first.
    ///
    /// `Busy` says that the key store did not sign; the payment is then journalled, and its
    /// signature is made up for by the next call.
    pub fn pay(&mut self, order: &Order, now: Timestamp, out: &mut [u8]) -> Result<usize, Status> {
        self.pay_for(&order.into(), None, false, now, out)
    }

    /// Pays by the unit: like [`Purse::pay`], and then units are released with [`Purse::release`].
    /// The seed must be random; it is journalled, so the same order again needs no other and
    /// ignores the one given. `Full` while [`super::STREAMS`] others are open.
    ///
    /// Costs one hash for each unit.
    pub fn pay_stream(
        &mut self,
        order: &StreamOrder,
        seed: Seed,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.pay_for(&order.try_into()?, Some(seed), false, now, out)
    }

    /// `standing`: only if the standing rules approve.
    pub(super) fn pay_for(
        &mut self,
        wanted: &Wanted,
        seed: Option<Seed>,
        standing: bool,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        if let Some(entry) = self.paid_before(wanted.payee, wanted.reference) {
            return self.evidence(&entry, wanted, out);
        }
        let (mut payment, missing) = self.permitted(wanted, now)?;
        let number = (payment.key_epoch, payment.sequence);
        let approved = match standing {
            true => {
                let (currency, payee) = (wanted.currency, wanted.payee);
                Some(self.approve(currency, payee, wanted.amount, number, now)?)
            }
            false => None,
        };
        self.make_room()?;
        let mut stream = None;
        if let (Some((unit, count)), Some(Seed(seed))) = (wanted.units, seed) {
            self.make_stream_room(now)?;
            let mut walk = Walk::new(Chain::of(&payment), count, seed).ok_or(Status::Malformed)?;
            let anchor = walk.value(0).ok_or(Status::Malformed)?;
            payment.stream = Some(Stream {
                unit,
                count,
                anchor,
            });
            stream = Some(walk);
        }
        let seed = seed.filter(|_| stream.is_some());
        let covers = match missing.amount > AmountMinor::ZERO {
            true => self.cover(&mut payment, &missing)?,
            false => Signed::none(),
        };
        self.intend(payment, seed, covers.bytes(), approved)?;
        self.sign_pending()?;
        // A cut from here on: the signed payment is in the outbox, and the same order finds it.
        let entry = self.paid_before(wanted.payee, wanted.reference);
        let entry = entry.ok_or(Status::Storage)?;
        if let Some(walk) = stream {
            self.keep_walk(entry.id, walk);
        }
        self.evidence(&entry, wanted, out)
    }

    /// From here on this content belongs to this sequence number for good. A cut before the
    /// signature: it is signed unchanged when the purse is opened.
    fn intend(
        &mut self,
        payment: Payment,
        seed: Option<Seed>,
        covers: &[u8],
        approved: Option<(Approved, Option<RecordId>)>,
    ) -> Result<(), Status> {
        // First the sum that this payment is part of, beside the one it replaces: a cut after it
        // leaves a sum with a payment that was never made, and `open` goes back to the other.
        let counted = match &approved {
            Some((approved, _)) => Some(self.append(&Record::Approved {
                currency: approved.currency,
                payee: approved.payee,
                day: approved.day,
                sum: approved.sum,
                key_epoch: approved.number.0,
                sequence: approved.number.1,
            })?),
            None => None,
        };
        let intent = Record::Intent {
            payment,
            seed,
            covers,
        };
        let record = match self.append(&intent) {
            Ok(record) => record,
            Err(status) => {
                if status == Status::Full {
                    self.forget_if(counted)?;
                }
                return Err(status);
            }
        };
        self.book.pending = Some(Pending {
            payment,
            seed,
            record,
        });
        if let (Some((mut approved, replaced)), Some(record)) = (approved, counted) {
            approved.record = record;
            self.book.approved.remove(|a| Some(a.record) == replaced);
            if !self.book.approved.insert(approved) {
                return Err(Status::Full);
            }
            self.forget_if(replaced)?;
        }
        Ok(())
    }

    /// Asks a gateway to let this purse spend `wanted` from where it stands: writes a Renewal
    /// message. Until the answer comes or the purse moves on, asking again gives the same bytes. A
    /// purse in doubt asks for a new key epoch.
    pub fn renewal(
        &mut self,
        currency: Currency,
        wanted: AmountMinor,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        let mut renewal = Renewal {
            wanted,
            ..self.asking_for(currency, now)
        };
        let before = self.book.pocket_mut(currency)?.renewal;
        if let Some((asked, record)) = before {
            renewal.time = asked.time;
            if renewal == asked {
                let mut bytes = [0; SMALL_RECORD_MAX];
                let len = self.recall(record, &mut bytes)?;
                return match Record::read(bytes.get(..len).unwrap_or_default()) {
                    Some(Record::Renewal { renewal }) => send(&Message::Renewal { renewal }, out),
                    _ => Err(Status::Storage),
                };
            }
            renewal.time = now;
        }
        let mut bytes = [0; SIGNED_MAX];
        let len = sign(&renewal, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let bytes = bytes.get(..len).unwrap_or_default();
        let record = self.append(&Record::Renewal { renewal: bytes })?;
        self.book.pocket_mut(currency)?.renewal = Some((renewal, record));
        self.forget_if(before.map(|(_, record)| record))?;
        send(&Message::Renewal { renewal: bytes }, out)
    }

    /// The payment already made to this payee under this reference.
    pub(super) fn paid_before(&self, payee: Code, reference: Reference) -> Option<Entry> {
        let same = |entry: &&Entry| match entry.side {
            Side::Paid {
                payee: to,
                reference: under,
                ..
            } => (to, under) == (payee, reference),
            Side::Taken { .. } => false,
        };
        self.book.outbox.iter().find(same).copied()
    }

    /// The purse's own rules: the next payment, if it may be made, and what covers have to lift it
    /// above the limit. That there are such covers is certain, not yet that they fit together.
    pub(super) fn permitted(
        &self,
        order: &Wanted,
        now: Timestamp,
    ) -> Result<(Payment, Missing), Status> {
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
        if pocket.is_closed() {
            return Err(Status::NoAllowance);
        }
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
        let sequence = match self.book.next_sequence() {
            Some(sequence) if sequence.0 <= last => sequence,
            _ => return Err(Status::OutOfSequence),
        };
        let odometer = pocket.odometer.advance(order.amount);
        let odometer = odometer.ok_or(Status::AboveLimit)?;
        let above = odometer.since(allowance.limit).unwrap_or_default();
        let until = now.plus_s(self.own.sync_margin_s);
        let missing = Missing {
            first: order.answers,
            ..Missing::new(order.currency, above, until)
        };
        self.book.covered(&missing)?;
        // A payment that may not be spent on need not say under what.
        let covers_for = order.covers_for.filter(|_| allowance.hops > Some(0));
        let payment = Payment {
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
            covers: None,
            covers_for,
        };
        Ok((payment, missing))
    }

    /// Signs what is journalled and not signed, exactly as it stands there.
    pub(super) fn sign_pending(&mut self) -> Result<(), Status> {
        let Some(Pending {
            payment,
            seed,
            record,
        }) = self.book.pending
        else {
            return Ok(());
        };
        // Another copy of this purse may have given the number up.
        if self.book.unsure.is_some() {
            return Ok(());
        }
        let held = self.book.pocket(payment.currency).and_then(|p| p.allowance);
        let held = held
            .filter(|held| held.reference == payment.allowance)
            .ok_or(Status::Storage)?;
        if self.book.outbox.is_full() || (seed.is_some() && self.book.outgoing.is_full()) {
            return Err(Status::Full);
        }
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(held.record, &mut bytes)?;
        let Some(Record::Allowance { allowance }) =
            Record::read(bytes.get(..len).unwrap_or_default())
        else {
            return Err(Status::Storage);
        };
        let mut signed = [0; SIGNED_MAX];
        let (len, id) = seal(&payment, &self.own.trust.network, &self.key, &mut signed)
            .map_err(super::unsigned)?;
        let bytes = signed.get(..len).unwrap_or_default();
        let signed = match payment.covers {
            Some(_) => self.keep_covered(record, allowance, bytes)?,
            None => self.append(&Record::Signed {
                allowance,
                payment: bytes,
            })?,
        };
        self.book.pending = None;
        self.book.standing.sequence = payment.sequence;
        self.book.standing.head = id.reference();
        let pocket = self.book.pocket_mut(payment.currency)?;
        pocket.odometer = payment.odometer;
        pocket.newest = Some(signed);
        if !self.book.outbox.insert(Entry::paid(id, signed, &payment)) {
            return Err(Status::Full);
        }
        match payment.stream {
            // The intent stays: it holds the seed.
            Some(terms) => {
                let outgoing = Outgoing::new(id, terms, payment.settle_by, record);
                match self.book.outgoing.insert(outgoing) {
                    true => Ok(()),
                    false => Err(Status::Full),
                }
            }
            None => self.forget(record),
        }
    }

    /// Shows the payment again, if it is the one that is wanted.
    fn evidence(
        &mut self,
        entry: &Entry,
        wanted: &Wanted,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let kept = record.ok_or(Status::Storage)?.kept()?;
        let made = open::<Payment>(kept.payment(), &self.own.trust.network)?;
        let made = made.peek();
        let units = made.stream.map(|terms| (terms.unit, terms.count));
        if (made.currency, made.amount, units) != (wanted.currency, wanted.amount, wanted.units) {
            return Err(Status::WrongReference);
        }
        send(&kept.evidence(), out)
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
            cover: None,
        }
    }
}

/// Writes a message; `ready` has seen to it that `out` is large enough.
pub(super) fn send(message: &Message<'_>, out: &mut [u8]) -> Result<usize, Status> {
    message.write(out).ok_or(Status::Full)
}
