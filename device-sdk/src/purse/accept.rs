//! The payee: judges a payment with nobody to ask, keeps it, and gives its receipt.

use super::pay::send;
use super::{Entry, Newest, Purse, Side};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, Verified, open, seal};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Payment, Receipt, Rights};
use protocol::rules::{Expected, PayeeView, Spent, acceptable, contradiction};
use protocol::{AmountMinor, Digest, Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Takes a payment: writes a Receipt message for the payer into `out` after the payment is
    /// durable. The same payment again gets the same receipt and is not counted again.
    ///
    /// `expected` is the open invoice, if there is one.
    pub fn accept(
        &mut self,
        evidence: &[u8],
        expected: Option<Expected>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        if evidence.len() > MESSAGE_MAX {
            return Err(Status::Malformed);
        }
        let Message::Evidence { allowance, payment } = Message::read(evidence)? else {
            return Err(Status::Malformed);
        };
        let network = self.own.trust.network;
        let payment = open::<Payment>(payment, &network)?;
        if payment.peek().payee != self.own.me {
            return Err(Status::NotForYou);
        }
        if let Some(record) = self.taken_before(&payment.id()) {
            return self.receipt_again(record, out);
        }
        if !self.own.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        let allowance = open::<Allowance>(allowance, &network)?;
        let gateway = self
            .book
            .gateway(&allowance.peek().gateway)
            .ok_or(Status::UnknownGateway)?;
        if gateway.expires <= now {
            return Err(Status::Expired);
        }
        let allowance = allowance.verify(&gateway.key)?;
        let payment = payment.verify(&allowance.get().wallet_key)?;
        self.judge(&allowance, &payment, expected, now)?;
        self.take(&allowance, &payment, now, out)
    }

    /// Everything that may speak against a payment whose signatures are right.
    fn judge(
        &self,
        allowance: &Verified<'_, Allowance>,
        payment: &Verified<'_, Payment>,
        expected: Option<Expected>,
        now: Timestamp,
    ) -> Result<(), Status> {
        let p = payment.get();
        if p.stream.is_some() {
            return Err(Status::NotPermitted);
        }
        let newest = self.book.newest(p.payer, p.currency);
        if newest.is_some_and(|n| n.spent.key_epoch > p.key_epoch) {
            return Err(Status::AskGateway);
        }
        let view = PayeeView {
            me: self.own.me,
            now,
            sync_margin_s: self.own.sync_margin_s,
            newest: newest
                .map(|n| &n.spent)
                .filter(|spent| spent.key_epoch == p.key_epoch),
            expected,
            most_by_class: self.own.most_by_class,
        };
        acceptable(allowance, payment, &view)?;
        // The sequence is one for all currencies.
        let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
        if self
            .book
            .payers
            .iter()
            .any(|other| contradiction(&other.spent, &spent).is_some())
        {
            return Err(Status::Contradiction);
        }
        // An unknown payer may be a forgotten one, and this an old payment.
        let may_be_forgotten = self.book.evicted.is_some_and(|(until, _)| now < until);
        if newest.is_none() && may_be_forgotten && expected.is_none() {
            return Err(Status::AskGateway);
        }
        let totals = self.totals(p.currency);
        totals
            .received_settled
            .checked_add(totals.received_unsettled)
            .and_then(|sum| sum.checked_add(totals.received_contested))
            .and_then(|sum| sum.checked_add(p.amount))
            .ok_or(Status::Full)?;
        Ok(())
    }

    /// Keeps the payment, then answers.
    fn take(
        &mut self,
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
        let receipt = Receipt {
            payee: self.own.me,
            payment: payment.id(),
            time: now,
            declined: None,
            units: None,
        };
        let mut bytes = [0; SIGNED_MAX];
        let (len, _) = seal(&receipt, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let receipt = bytes.get(..len).unwrap_or_default();
        // A cut before this line: the payer has no receipt and sends again. After it: the payment
        // is taken, and the payer gets this receipt when it sends again.
        let record = self.append(&Record::Accepted {
            allowance: allowance.bytes(),
            payment: payment.bytes(),
            receipt,
        })?;
        let newest = Newest {
            spent,
            record,
            expires: allowance.get().expires,
            mark: None,
        };
        self.book
            .payers
            .remove(|n| (n.spent.payer, n.spent.currency) == (p.payer, p.currency));
        if !self.book.payers.insert(newest)
            || !self
                .book
                .outbox
                .insert(Entry::taken(&spent, record, p.amount))
        {
            return Err(Status::Full);
        }
        if let Some(before) = before {
            self.retire(&before)?;
        }
        let pass = self.own.pass();
        send(&Message::Receipt { receipt, pass }, out)
    }

    /// A newest payment that is newest no more is forgotten if it is closed; otherwise it goes on
    /// waiting in the outbox.
    fn retire(&mut self, newest: &Newest) -> Result<(), Status> {
        match newest.mark {
            None => Ok(()),
            Some(mark) => self.absorb(
                newest.spent.id,
                newest.spent.currency,
                newest.amount(),
                mark.outcome,
                [Some(newest.record), Some(mark.record)],
            ),
        }
    }

    /// Forgets the payer whose newest payment is the oldest and of whom nothing is left to settle.
    fn evict(&mut self) -> Result<(), Status> {
        let waits = |n: &Newest| {
            self.book.outbox.iter().any(|entry| {
                matches!(entry.side, Side::Taken { payer } if payer == n.spent.payer)
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

    fn taken_before(&self, id: &Digest) -> Option<RecordId> {
        let newest = self.book.payers.iter().find(|n| n.spent.id == *id);
        let waiting = || {
            let taken = |e: &&Entry| e.id == *id && matches!(e.side, Side::Taken { .. });
            self.book.outbox.iter().find(taken).map(|e| e.record)
        };
        newest.map(|n| n.record).or_else(waiting)
    }

    fn receipt_again(&mut self, record: RecordId, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Accepted { receipt, .. }) => {
                let pass = self.own.pass();
                send(&Message::Receipt { receipt, pass }, out)
            }
            _ => Err(Status::Storage),
        }
    }
}

impl Entry {
    pub(super) fn taken(spent: &Spent, record: RecordId, amount: AmountMinor) -> Self {
        Self {
            id: spent.id,
            record,
            currency: spent.currency,
            amount,
            side: Side::Taken { payer: spent.payer },
            mark: None,
        }
    }
}
