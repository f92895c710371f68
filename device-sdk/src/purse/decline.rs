//! The payee says no, in writing: the payer has its money back at a gateway.

use super::Purse;
use super::alone::EVIDENCE_MAX;
use super::pay::send;
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, sign};
use protocol::message::Message;
use protocol::objects::Receipt;
use protocol::{Digest, Fault, Signer, Status, Timestamp};

/// How many declined payments a purse remembers, each until it could not be taken any more.
pub const DECLINED: usize = 8;

/// A payment this purse will never take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) payment: Digest,
    pub(super) until: Timestamp,
    pub(super) record: RecordId,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Declines a payment for a reason, which is a refusal: writes a Receipt message that returns
    /// the payer's money. From then on `accept` answers [`Status::Declined`]. The same payment again
    /// gets the same message, whatever the reason.
    ///
    /// Only a payment that was certainly never taken is declined: `Contradiction` for one that was,
    /// `AskGateway` for one that may have been taken and forgotten. `Busy` says that the key store
    /// did not sign; then call again. `Full` while [`DECLINED`] are remembered.
    pub fn decline(
        &mut self,
        evidence: &[u8],
        reason: Status,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        if reason.fault() == Fault::None {
            return Err(Status::Malformed);
        }
        let mut room = [0; EVIDENCE_MAX];
        let (evidence, held) = self.completed(evidence, &mut room)?;
        let (kept, payment) = self.read_evidence(evidence)?;
        let payment = payment.named();
        if let Some(refused) = self.refused(&payment.id()) {
            return self.sign_refusal(&refused, out);
        }
        if self.taken_before(&payment.id()).is_some() {
            return Err(Status::Contradiction);
        }
        let (allowance, payment) = self.verified(&kept, payment, held, now)?;
        let p = payment.get();
        let newest = self.book.newest(p.payer, p.currency);
        let forgotten = match newest {
            Some(newest) => {
                let newest = &newest.spent;
                (newest.key_epoch, newest.sequence) >= (p.key_epoch, p.sequence)
            }
            None => self.book.evicted.is_some_and(|(until, _)| now < until),
        };
        if forgotten || !self.book.remembers(allowance.get(), p.reference) {
            return Err(Status::AskGateway);
        }
        let (id, until) = (payment.id(), p.settle_by);
        self.make_refusal_room(now)?;
        // From here on this payment is never taken. A cut after this line: the next call signs it
        // with the same reason and time.
        let record = self.append(&Record::Declining {
            payment: id,
            reason,
            time: now,
            until,
        })?;
        let refused = Refused {
            payment: id,
            until,
            record,
        };
        if !self.book.declined.insert(refused) {
            return Err(Status::Full);
        }
        self.sign_refusal(&refused, out)
    }

    pub(super) fn refused(&self, payment: &Digest) -> Option<Refused> {
        let declined = &self.book.declined;
        let refused = declined.find(|refused| refused.payment == *payment);
        refused.copied()
    }

    fn sign_refusal(&mut self, refused: &Refused, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(refused.record, &mut bytes)?;
        let receipt = match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Declined { receipt, .. }) => {
                let pass = self.own.pass();
                return send(&Message::Receipt { receipt, pass }, out);
            }
            Some(Record::Declining {
                payment,
                reason,
                time,
                ..
            }) => Receipt {
                payee: self.own.me,
                payment,
                time,
                declined: Some(u32::from(reason as u8)),
                units: None,
            },
            _ => return Err(Status::Storage),
        };
        let mut bytes = [0; SIGNED_MAX];
        let len = sign(&receipt, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let receipt = bytes.get(..len).unwrap_or_default();
        let record = self.append(&Record::Declined {
            receipt,
            until: refused.until,
        })?;
        let declined = &mut self.book.declined;
        if let Some(known) = declined.find_mut(|known| known.payment == refused.payment) {
            known.record = record;
        }
        self.forget(refused.record)?;
        let pass = self.own.pass();
        send(&Message::Receipt { receipt, pass }, out)
    }

    /// Past its deadline a payment is not taken anyhow.
    fn make_refusal_room(&mut self, now: Timestamp) -> Result<(), Status> {
        if !self.book.declined.is_full() {
            return Ok(());
        }
        let over = self.book.declined.find(|refused| refused.until <= now);
        let record = over.ok_or(Status::Full)?.record;
        self.book
            .declined
            .remove(|refused| refused.record == record);
        self.forget(record)
    }
}
