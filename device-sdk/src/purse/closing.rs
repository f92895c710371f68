//! The payer gives up numbers, or what an allowance has left. Either is journalled before it is
//! signed, and from then on nothing is signed that it excludes.

use super::pay::send;
use super::replay::Replay;
use super::{Book, Pocket, Purse};
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, sign};
use protocol::message::Message;
use protocol::objects::{Closing, Object, Void};
use protocol::{Currency, KeyEpoch, Sequence, Signer, Status, Timestamp};

/// How many voids a purse remembers that lie ahead of its newest payment.
pub const VOIDS: usize = 4;

/// Numbers of the current key epoch that are never used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skipped {
    first: Sequence,
    last: Sequence,
    time: Timestamp,
    pub(super) record: RecordId,
}

impl Skipped {
    fn contains(&self, number: Sequence) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// The number of the next payment.
    pub(super) fn next_sequence(&self) -> Option<Sequence> {
        let mut next = self.standing.sequence.next()?;
        // Each void is left behind at most once.
        for _ in 0..VOIDS {
            match self.voids.find(|void| void.contains(next)) {
                Some(void) => next = void.last.next()?,
                None => break,
            }
        }
        Some(next)
    }

    /// Whether a number of a key epoch was given up.
    pub(super) fn is_void(&self, (key_epoch, number): (KeyEpoch, Sequence)) -> bool {
        key_epoch == self.standing.key_epoch && self.voids.iter().any(|void| void.contains(number))
    }

    /// Voids mean nothing in another key epoch.
    pub(super) fn drop_voids(&mut self, drop: &mut dyn FnMut(RecordId)) {
        self.voids.iter().for_each(|void| drop(void.record));
        self.voids.remove(|_| true);
    }
}

impl Pocket {
    /// Whether the allowance that is held was closed.
    pub(super) fn is_closed(&self) -> bool {
        match (&self.closing, &self.allowance) {
            (Some((closing, _)), Some(held)) => closing.allowance == held.reference,
            _ => false,
        }
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Gives up numbers that no payment has: writes a Void message for a gateway. A payment that is
    /// journalled and not signed is dropped with its number. The same call again gives the same
    /// void.
    ///
    /// `OutOfSequence` for a number that is used, `Full` while [`VOIDS`] lie ahead, `Frozen` while
    /// the purse is unsure. `Busy` says that the key store did not sign; the numbers are given up
    /// all the same, and the next call signs.
    pub fn void(
        &mut self,
        first: Sequence,
        last: Sequence,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        if self.book.unsure.is_some() {
            return Err(Status::Frozen);
        }
        let same = |void: &&Skipped| (void.first, void.last) == (first, last);
        let known = self.book.voids.find(same).copied();
        let skipped = match known {
            Some(skipped) => skipped,
            None => self.skip(first, last, now)?,
        };
        self.show_void(&skipped, out)
    }

    pub(super) fn show_void(&self, skipped: &Skipped, out: &mut [u8]) -> Result<usize, Status> {
        let void = Void {
            code: self.own.me,
            key_epoch: self.book.standing.key_epoch,
            first: skipped.first,
            last: skipped.last,
            time: skipped.time,
        };
        let mut bytes = [0; SIGNED_MAX];
        let void = self.sign(&void, &mut bytes)?;
        send(&Message::Void { void }, out)
    }

    /// From here on these numbers are never used.
    fn skip(
        &mut self,
        first: Sequence,
        last: Sequence,
        time: Timestamp,
    ) -> Result<Skipped, Status> {
        if last < first {
            return Err(Status::Malformed);
        }
        if first <= self.book.standing.sequence {
            return Err(Status::OutOfSequence);
        }
        if self.book.voids.is_full() {
            let past = self.book.standing.sequence;
            let over = self.book.voids.find(|void| void.last <= past);
            let record = over.ok_or(Status::Full)?.record;
            self.book.voids.remove(|void| void.record == record);
            self.forget(record)?;
        }
        let record = self.append(&Record::Void {
            key_epoch: self.book.standing.key_epoch,
            first,
            last,
            time,
        })?;
        let skipped = Skipped {
            first,
            last,
            time,
            record,
        };
        if !self.book.voids.insert(skipped) {
            return Err(Status::Full);
        }
        // A cut before this: `open` drops an intent whose number is void.
        let inside = |number| skipped.contains(number);
        let dropped = &mut self.book.pending;
        let dropped = dropped.take_if(|pending| inside(pending.payment.sequence));
        self.forget_if(dropped.map(|pending| pending.record))?;
        Ok(skipped)
    }

    /// Gives up what the allowance in this currency has left: writes a Closing message for a
    /// gateway. Nothing is paid in this currency until there is another allowance. The same call
    /// again gives the same closing.
    pub fn close_allowance(
        &mut self,
        currency: Currency,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        self.sign_pending()?;
        if self.book.unsure.is_some() {
            return Err(Status::Frozen);
        }
        let pocket = self.book.pocket(currency).ok_or(Status::NoAllowance)?;
        let held = pocket.allowance.ok_or(Status::NoAllowance)?;
        let before = pocket.closing;
        let closing = match before {
            Some((closing, _)) if pocket.is_closed() => closing,
            _ => {
                let closing = Closing {
                    code: self.own.me,
                    key_epoch: self.book.standing.key_epoch,
                    currency,
                    allowance: held.reference,
                    sequence: self.book.standing.sequence,
                    odometer: pocket.odometer,
                    time: now,
                };
                // From here on nothing is paid under it.
                let record = self.append(&Record::Closing { closing })?;
                self.book.pocket_mut(currency)?.closing = Some((closing, record));
                self.forget_if(before.map(|(_, record)| record))?;
                closing
            }
        };
        self.sign_closing(&closing, out)
    }

    pub(super) fn show_closing(&self, record: RecordId, out: &mut [u8]) -> Result<usize, Status> {
        let mut closings = self.book.pockets.iter().filter_map(|pocket| pocket.closing);
        let closing = closings.find(|(_, known)| *known == record);
        let (closing, _) = closing.ok_or(Status::Storage)?;
        self.sign_closing(&closing, out)
    }

    fn sign_closing(&self, closing: &Closing, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; SIGNED_MAX];
        let closing = self.sign(closing, &mut bytes)?;
        send(&Message::Closing { closing }, out)
    }

    /// Signs what the journal already has the content of.
    fn sign<'b, T: Object>(
        &self,
        object: &T,
        bytes: &'b mut [u8; SIGNED_MAX],
    ) -> Result<&'b [u8], Status> {
        let len =
            sign(object, &self.own.trust.network, &self.key, bytes).map_err(super::unsigned)?;
        Ok(bytes.get(..len).unwrap_or_default())
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Replay<'_, OUTBOX, PAYERS> {
    /// A void of an earlier key epoch means nothing.
    pub(super) fn void(
        &mut self,
        id: RecordId,
        key_epoch: KeyEpoch,
        (first, last): (Sequence, Sequence),
        time: Timestamp,
    ) -> Option<()> {
        if key_epoch < self.book.standing.key_epoch {
            self.drop(Some(id));
            return Some(());
        }
        self.reach_epoch(key_epoch);
        let skipped = Skipped {
            first,
            last,
            time,
            record: id,
        };
        self.book.voids.insert(skipped).then_some(())
    }

    pub(super) fn closing(&mut self, id: RecordId, closing: Closing) -> Option<()> {
        let pocket = self.book.pocket_mut(closing.currency).ok()?;
        let before = pocket.closing.replace((closing, id));
        self.drop(before.map(|(_, record)| record));
        Some(())
    }

    /// At the end: intents whose number was given up, closings of allowances that were replaced.
    pub(super) fn outlived(&mut self) {
        let (standing, voids) = (self.book.standing, self.book.voids);
        let given_up = self.book.pending.take_if(|pending| {
            let p = &pending.payment;
            p.key_epoch == standing.key_epoch && voids.iter().any(|void| void.contains(p.sequence))
        });
        self.drop(given_up.map(|pending| pending.record));
        for _ in 0..super::CURRENCIES {
            let pockets = &mut self.book.pockets;
            let over = pockets.find_mut(|pocket| pocket.closing.is_some() && !pocket.is_closed());
            let closing = over.and_then(|pocket| pocket.closing.take());
            self.drop(closing.map(|(_, record)| record));
        }
    }
}
