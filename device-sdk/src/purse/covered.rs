//! A payment that stands on others, which nobody here has settled: all of them are judged.

use super::Purse;
use super::kept::Kept;
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::cose::Verified;
use protocol::covers::Items;
use protocol::objects::{Allowance, Payment};
use protocol::rules::{self, Covered, Expected, PayeeView, Spent, counts};
use protocol::{Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The payment behind its covers, if every one of them holds, counts here, and contradicts
    /// nothing that is known. A key that a cover shows to have forked is remembered.
    pub(super) fn covered<'b>(
        &mut self,
        items: &Items<'b>,
        now: Timestamp,
    ) -> Result<Covered<'b>, Status> {
        let gateways = &self.book.gateways;
        let gateway = |code: &_| gateways.find(|gateway| gateway.code == *code);
        let view = self.view(None, None, now);
        let mut caught = None;
        let covered = rules::covered(
            items,
            &self.own.trust.network,
            |code| gateway(code).map(|gateway| gateway.keys(now)),
            |allowance, payment| {
                let by = gateway(&allowance.get().gateway).ok_or(Status::UnknownGateway)?;
                if by.expires <= now {
                    return Err(Status::Expired);
                }
                counts(allowance, &view)?;
                let spent = Spent::new(payment.id(), payment.get());
                let against = self.not_against(&spent.ok_or(Status::OutOfInterval)?);
                if against.is_err() {
                    caught = Some((*allowance, *payment));
                }
                against
            },
        );
        if let Some((allowance, payment)) = caught {
            self.catch(&allowance, &payment)?;
        }
        covered
    }

    /// Nothing known contradicts a payment, taken or only shown as a cover.
    pub(super) fn not_against(&self, spent: &Spent) -> Result<(), Status> {
        if self.book.against(spent).is_some() || self.book.seen_otherwise(spent) {
            return Err(Status::Contradiction);
        }
        // Change stands on a payment of this purse: one that it has made.
        let standing = self.book.standing;
        let newest = (standing.key_epoch, standing.sequence);
        if spent.payer == self.own.me && (spent.key_epoch, spent.sequence) > newest {
            return Err(Status::Contradiction);
        }
        Ok(())
    }

    /// What this purse knows when it judges a payment.
    pub(super) fn view<'a>(
        &'a self,
        newest: Option<&'a Spent>,
        expected: Option<Expected>,
        now: Timestamp,
    ) -> PayeeView<'a> {
        PayeeView {
            me: self.own.me,
            now,
            sync_margin_s: self.own.sync_margin_s,
            newest,
            expected,
            most_by_class: self.own.most_by_class,
            has_time: self.has_time(now),
            holdings: &self.book,
        }
    }

    /// A cut before the append: the payer has no answer and sends again. After it: the payment is
    /// taken, and the payer gets this answer when it sends again.
    pub(super) fn keep_taken(
        &mut self,
        kept: &Kept<'_>,
        receipt: Option<&[u8]>,
    ) -> Result<RecordId, Status> {
        let (allowance, payment) = (kept.allowance(), kept.payment());
        self.append(&match (kept.list(), receipt) {
            (Some(items), Some(receipt)) => Record::AcceptedCovered { items, receipt },
            (Some(items), None) => Record::StreamAcceptedCovered { items },
            (None, Some(receipt)) => Record::Accepted {
                allowance,
                payment,
                receipt,
            },
            (None, None) => Record::StreamAccepted { allowance, payment },
        })
    }
}

/// A payment whose signature was checked, with its allowance, and what its covers count together:
/// `None` when it has none.
pub(super) type Checked<'b> = (
    Verified<'b, Allowance>,
    Verified<'b, Payment>,
    Option<protocol::AmountMinor>,
);
