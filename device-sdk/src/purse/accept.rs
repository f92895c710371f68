//! The payee: judges a payment with nobody to ask, keeps it, and gives its receipt.

use super::alone::EVIDENCE_MAX;
use super::cover::Cover;
use super::covered::Checked;
use super::kept::Kept;
use super::pay::send;
use super::release::about;
use super::{Entry, Gateway, Incoming, Newest, Purse, Side, Tally};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{Named, SIGNED_MAX, Sealed, Verified, open, sign};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Pass, Payment, Receipt, Rights};
use protocol::rules::trust::passes;
use protocol::rules::{Expected, Spent, acceptable, acceptable_with};
use protocol::{AmountMinor, Digest, Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Takes a payment: writes a Receipt message for the payer into `out` after the payment is
    /// durable. The same payment again gets the same receipt and is not counted again.
    ///
    /// A stream is answered by a Unit message with no units and the anchor: ready. Its receipt
    /// comes when it is closed ([`Purse::close_stream`]), and from then on is the answer.
    ///
    /// A payment that names an invoice of this purse must meet it, and closes it. `expected` is what
    /// else is known, such as a printed price. With neither, whatever is paid is taken.
    pub fn accept(
        &mut self,
        evidence: &[u8],
        expected: Option<Expected>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.take_payment(evidence, expected, false, now, out)
    }

    /// Takes a payment like [`Purse::accept`], but only one that names an open invoice of this
    /// purse; `InvoiceExpired` for any other.
    pub fn accept_invoiced(
        &mut self,
        evidence: &[u8],
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.take_payment(evidence, None, true, now, out)
    }

    fn take_payment(
        &mut self,
        evidence: &[u8],
        expected: Option<Expected>,
        invoiced: bool,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        let mut room = [0; EVIDENCE_MAX];
        let (evidence, held) = self.completed(evidence, &mut room)?;
        let (kept, payment) = self.read_evidence(evidence)?;
        let payment = payment.named();
        if let Some((record, receipt)) = self.taken_before(&payment.id()) {
            return self.receipt_again(record, receipt, out);
        }
        if self.refused(&payment.id()).is_some() {
            return Err(Status::Declined);
        }
        if !self.own.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        if invoiced && self.asking(payment.peek().reference).is_none() {
            return Err(Status::InvoiceExpired);
        }
        let (allowance, payment, covers) = match kept.behind() {
            Some(items) => {
                let covered = self.covered(items, now)?;
                (covered.allowance, covered.payment, Some(covered.sum()))
            }
            None => {
                let (allowance, payment) = self.verified(&kept, payment, held, now)?;
                (allowance, payment, None)
            }
        };
        let now = self.note_allowance(&allowance, now)?;
        self.catch(&allowance, &payment)?;
        self.judge(&(allowance, payment, covers), expected, now)?;
        self.take(&kept, &allowance, &payment, now, out)
    }

    /// A payment for this purse, behind all that comes with it; nothing is checked yet.
    pub(super) fn read_evidence<'b>(
        &self,
        evidence: &'b [u8],
    ) -> Result<(Kept<'b>, Sealed<'b, Payment>), Status> {
        if evidence.len() > MESSAGE_MAX {
            return Err(Status::Malformed);
        }
        let kept = match Message::read(evidence)? {
            Message::Evidence { allowance, payment } => Kept::alone(allowance, payment),
            Message::Covered {
                items,
                receipt: None,
            } => Kept::covered(items)?,
            _ => return Err(Status::Malformed),
        };
        let payment = open::<Payment>(kept.payment(), &self.own.trust.network)?;
        if payment.peek().payee != self.own.me {
            return Err(Status::NotForYou);
        }
        Ok((kept, payment))
    }

    /// Its allowance and itself with their signatures checked; those of its covers are not. An
    /// allowance that is held was checked when it came.
    pub(super) fn verified<'b>(
        &self,
        kept: &Kept<'b>,
        payment: Named<'b, Payment>,
        held: bool,
        now: Timestamp,
    ) -> Result<(Verified<'b, Allowance>, Verified<'b, Payment>), Status> {
        let network = self.own.trust.network;
        let allowance = open::<Allowance>(kept.allowance(), &network)?;
        let gateway = self
            .book
            .gateway(&allowance.peek().gateway)
            .ok_or(Status::UnknownGateway)?;
        if gateway.expires <= now {
            return Err(Status::Expired);
        }
        let allowance = match held && self.has_had_one_key(gateway) {
            true => allowance.verified_before(),
            false => gateway.keys(now).verify(allowance)?,
        };
        let payment = payment.verify(&allowance.get().wallet_key)?;
        Ok((allowance, payment))
    }

    /// Whether this purse has known no other key of this gateway: what it holds may have been signed
    /// with one that no longer counts. A pass from before its own one is the first it can have known.
    fn has_had_one_key(&self, gateway: &Gateway) -> bool {
        let own = passes(self.own.pass()).map(|(own, _)| own);
        let own = own.and_then(|own| open::<Pass>(own, &self.own.trust.network));
        gateway.former.is_none() && own.is_ok_and(|own| gateway.issued <= own.peek().issued)
    }

    /// Everything that may speak against a payment whose signatures are right, and its covers.
    fn judge(
        &self,
        checked: &Checked<'_>,
        expected: Option<Expected>,
        now: Timestamp,
    ) -> Result<(), Status> {
        let (allowance, payment, covers) = checked;
        let p = payment.get();
        let asking = self.asking(p.reference);
        if let Some(asking) = asking {
            asking.met_by(allowance, p, now)?;
        }
        let newest = self.book.newest(p.payer, p.currency);
        if newest.is_some_and(|n| n.spent.key_epoch > p.key_epoch) {
            return Err(Status::AskGateway);
        }
        let known = newest.map(|n| &n.spent);
        let known = known.filter(|spent| spent.key_epoch == p.key_epoch);
        let view = self.view(known, expected, now);
        match covers {
            Some(covers) => acceptable_with(allowance, payment, *covers, &view)?,
            None => acceptable(allowance, payment, &view)?,
        }
        // The sequence is one for all currencies.
        let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
        self.not_against(&spent)?;
        // An unknown payer may be a forgotten one, and this an old payment.
        let may_be_forgotten = self.book.evicted.is_some_and(|(until, _)| now < until);
        let asked_for = expected.is_some() || asking.is_some();
        if newest.is_none() && may_be_forgotten && !asked_for {
            return Err(Status::AskGateway);
        }
        if !self.book.remembers(allowance.get(), p.reference) {
            return Err(Status::AskGateway);
        }
        if p.stream.is_some() && self.book.incoming.is_full() {
            return Err(Status::Full);
        }
        self.countable(p)
    }

    /// Everything received, with all units that may still be released, stays within range.
    fn countable(&self, p: &Payment) -> Result<(), Status> {
        let mut rests = self.book.outbox.iter().filter_map(|entry| {
            let stream = self.book.incoming(&entry.id)?;
            (entry.currency == p.currency).then(|| stream.rest(entry))
        });
        let rest = rests.try_fold(p.amount, |sum, rest| sum.checked_add(rest));
        let totals = self.totals(p.currency);
        totals
            .received_settled
            .checked_add(totals.received_unsettled)
            .and_then(|sum| sum.checked_add(totals.received_contested))
            .and_then(|sum| sum.checked_add(rest?))
            .ok_or(Status::Full)?;
        Ok(())
    }

    /// Keeps the payment, then answers.
    fn take(
        &mut self,
        kept: &Kept<'_>,
        allowance: &Verified<'_, Allowance>,
        payment: &Verified<'_, Payment>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let p = payment.get();
        let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
        self.book.pocket_mut(p.currency)?;
        self.make_room()?;
        let before = self.book.newest(p.payer, p.currency).copied();
        if before.is_none() && self.book.payers.is_full() {
            self.evict()?;
        }
        let mut bytes = [0; SIGNED_MAX];
        let receipt = match p.stream {
            // One receipt closes a stream: nothing is signed yet.
            Some(_) => None,
            None => {
                let receipt = Receipt {
                    payee: self.own.me,
                    payment: payment.id(),
                    time: now,
                    declined: None,
                    units: None,
                };
                let len = sign(&receipt, &self.own.trust.network, &self.key, &mut bytes)
                    .map_err(super::unsigned)?;
                bytes.get(..len)
            }
        };
        let record = self.keep_taken(kept, receipt)?;
        let newest = Newest {
            spent,
            record,
            expires: allowance.get().expires,
            receipt: None,
            mark: None,
        };
        self.book
            .payers
            .remove(|n| (n.spent.payer, n.spent.currency) == (p.payer, p.currency));
        let mut entry = Entry::taken(payment.id(), record, p);
        entry.cover = Cover::of(kept, &self.own.trust.network);
        if !self.book.payers.insert(newest) || !self.book.outbox.insert(entry) {
            return Err(Status::Full);
        }
        if let Some(stream) = Incoming::new(payment.id(), p)
            && !self.book.incoming.insert(stream)
        {
            return Err(Status::Full);
        }
        // It is taken: whatever fails from here on, a retry has to find it so.
        let closed = self.close_invoice(p.reference);
        let retired = closed.and_then(|()| before.map_or(Ok(()), |before| self.retire(&before)));
        retired.map_err(|status| self.half_done(status))?;
        match (receipt, p.stream) {
            (Some(receipt), _) => {
                let pass = self.own.pass();
                send(&Message::Receipt { receipt, pass }, out)
            }
            (None, Some(terms)) => send(&ready(&payment.id(), terms.anchor), out),
            (None, None) => Err(Status::Storage),
        }
    }

    /// A newest payment that is newest no more is forgotten if it is closed; otherwise it goes on
    /// waiting in the outbox.
    fn retire(&mut self, newest: &Newest) -> Result<(), Status> {
        match newest.mark {
            None => Ok(()),
            Some(mark) => self.absorb(
                newest.spent.id,
                newest.spent.currency,
                Tally::of(&mark),
                &[Some(newest.record), Some(mark.record), newest.receipt],
            ),
        }
    }

    /// Forgets the payer whose newest payment is the oldest and of whom nothing is left to settle.
    fn evict(&mut self) -> Result<(), Status> {
        let waits = |n: &Newest| {
            self.book.outbox.iter().any(|entry| {
                matches!(entry.side, Side::Taken { payer, .. } if payer == n.spent.payer)
                    && entry.currency == n.spent.currency
            })
        };
        let oldest = self
            .book
            .payers
            .iter()
            .filter(|n| n.mark.is_some() && !waits(n))
            .min_by_key(|n| n.record)
            .copied()
            .ok_or(Status::Full)?;
        let before = self.book.evicted;
        let until = before.map_or(oldest.expires, |(until, _)| until.max(oldest.expires));
        // First the warning, then the loss of memory.
        let record = self.append(&Record::Evicted { until })?;
        self.book.evicted = Some((until, record));
        self.forget_if(before.map(|(_, record)| record))?;
        self.book.payers.remove(|n| n.record == oldest.record);
        self.retire(&oldest)
    }

    /// The record of a payment taken, and of the receipt that closed it if it was a stream.
    pub(super) fn taken_before(&self, id: &Digest) -> Option<(RecordId, Option<RecordId>)> {
        let waiting = self.book.entry(id).and_then(|entry| match entry.side {
            Side::Taken { receipt, .. } => Some((entry.record, receipt)),
            Side::Paid { .. } => None,
        });
        let newest = || {
            let newest = self.book.payers.iter().find(|n| n.spent.id == *id)?;
            Some((newest.record, newest.receipt))
        };
        waiting.or_else(newest)
    }

    pub(super) fn receipt_again(
        &mut self,
        record: RecordId,
        receipt: Option<RecordId>,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(receipt.unwrap_or(record), &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default()).ok_or(Status::Storage)?;
        if let Some(receipt) = record.receipt() {
            let pass = self.own.pass();
            return send(&Message::Receipt { receipt, pass }, out);
        }
        let payment = record.kept()?.payment();
        let id = open::<Payment>(payment, &self.own.trust.network)?.id();
        let open = self.book.incoming(&id);
        // A gateway has ended it before it was closed.
        let terms = open.ok_or(Status::TooLate)?.terms;
        send(&ready(&id, terms.anchor), out)
    }
}

/// The answer to a stream.
fn ready<'b>(payment: &Digest, anchor: Digest) -> Message<'b> {
    Message::Unit {
        about: about(payment),
        units: 0,
        value: anchor,
    }
}

impl Entry {
    pub(super) fn taken(id: Digest, record: RecordId, payment: &Payment) -> Self {
        Self {
            id,
            record,
            currency: payment.currency,
            amount: match payment.stream {
                Some(_) => AmountMinor::ZERO,
                None => payment.amount,
            },
            side: Side::Taken {
                payer: payment.payer,
                receipt: None,
            },
            mark: None,
            cover: None,
        }
    }

    pub(super) fn is_paid(&self) -> bool {
        matches!(self.side, Side::Paid { .. })
    }
}
