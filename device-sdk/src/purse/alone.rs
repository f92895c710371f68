//! A payment that travels without its allowance, to a payee who holds that already: one signature
//! to check where there were two.

use super::Purse;
use super::invoice::InvoiceOrder;
use super::pay::send;
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, open};
use protocol::message::Message;
use protocol::objects::{Allowance, Payment};
use protocol::{Code, Currency, Reference, Signer, Status, Timestamp};

/// Room for an Evidence message.
pub(super) const EVIDENCE_MAX: usize = 2 * (SIGNED_MAX + 3) + 2;

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Asks one payer for money, like [`Purse::invoice`]: a payer whose allowance this purse holds
    /// from an earlier payment need not show it again.
    pub fn invoice_to(
        &mut self,
        payer: Code,
        order: &InvoiceOrder,
        nonce: u64,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let holds = self.holds(payer, order.currency, now)?;
        self.ask(order, holds, nonce, now, out)
    }

    /// The allowance of a payer's newest payment, if it is still good.
    fn holds(
        &mut self,
        payer: Code,
        currency: Currency,
        now: Timestamp,
    ) -> Result<Option<Reference>, Status> {
        let newest = self.book.newest(payer, currency).copied();
        let Some(newest) = newest.filter(|newest| newest.expires > now) else {
            return Ok(None);
        };
        let mut bytes = [0; RECORD_MAX];
        let allowance = self.allowance_in(newest.record, &mut bytes)?;
        let allowance = open::<Allowance>(allowance, &self.own.trust.network)?;
        Ok(Some(allowance.id().reference()))
    }

    /// Turns the Evidence in `out` into a Payment if the payee holds its allowance.
    pub(super) fn without_allowance(
        &self,
        holds: Option<Reference>,
        len: usize,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let Ok(Message::Evidence { payment, .. }) =
            Message::read(out.get(..len).unwrap_or_default())
        else {
            return Ok(len);
        };
        let made = open::<Payment>(payment, &self.own.trust.network)?;
        if holds != Some(made.peek().allowance) {
            return Ok(len);
        }
        let mut alone = [0; SIGNED_MAX];
        let bytes = alone.get_mut(..payment.len()).ok_or(Status::Storage)?;
        bytes.copy_from_slice(payment);
        send(&Message::Payment { payment: bytes }, out)
    }

    /// Turns a Payment message into Evidence with the allowance of that payer's newest payment;
    /// leaves any other message alone. True when the allowance is the one held. `WrongAllowance` when this purse does not hold it: the payer
    /// sends Evidence then.
    pub(super) fn completed<'b>(
        &mut self,
        message: &'b [u8],
        room: &'b mut [u8; EVIDENCE_MAX],
    ) -> Result<(&'b [u8], bool), Status> {
        let Ok(Message::Payment { payment }) = Message::read(message) else {
            return Ok((message, false));
        };
        let made = open::<Payment>(payment, &self.own.trust.network)?;
        if made.peek().payee != self.own.me {
            return Err(Status::NotForYou);
        }
        // The same payment again may no longer be that payer's newest.
        let record = match self.taken_before(&made.id()) {
            Some((record, _)) => record,
            None => {
                let newest = self.book.newest(made.peek().payer, made.peek().currency);
                newest.ok_or(Status::WrongAllowance)?.record
            }
        };
        let mut bytes = [0; RECORD_MAX];
        let allowance = self.allowance_in(record, &mut bytes)?;
        let held = open::<Allowance>(allowance, &self.own.trust.network)?;
        if held.id().reference() != made.peek().allowance {
            return Err(Status::WrongAllowance);
        }
        let len = send(&Message::Evidence { allowance, payment }, room)?;
        Ok((room.get(..len).ok_or(Status::Full)?, true))
    }

    /// The allowance under which a payment was taken.
    fn allowance_in<'b>(
        &mut self,
        record: crate::RecordId,
        bytes: &'b mut [u8; RECORD_MAX],
    ) -> Result<&'b [u8], Status> {
        let (allowance, _) = self.taken_in(record, bytes)?;
        Ok(allowance)
    }

    /// The allowance and the payment in the record of one taken.
    pub(super) fn taken_in<'b>(
        &mut self,
        record: crate::RecordId,
        bytes: &'b mut [u8; RECORD_MAX],
    ) -> Result<(&'b [u8], &'b [u8]), Status> {
        let len = self.recall(record, bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let kept = record.ok_or(Status::Storage)?.kept()?;
        Ok((kept.allowance(), kept.payment()))
    }
}
