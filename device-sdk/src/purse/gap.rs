//! What a purse may have said and does not remember, since its journal was lost or restored. A
//! receipt carries no key epoch, so a new life of the key does not make an old payment safe to
//! answer: one that was declined may not be taken, and one that was taken may not be declined.

use super::replay::Replay;
use super::{Book, Purse};
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::objects::Allowance;
use protocol::{Reference, Signer, Status, Timestamp};

/// The clocks of gateways differ by no more, and a request may seem to be made so much later than
/// its answer.
pub(super) const SKEW_S: u32 = 300;

/// The hole in a purse's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// What was journalled later is remembered whole.
    since: RecordId,
    /// No payment under an allowance issued later was shown before; without it, there is no telling.
    until: Option<Timestamp>,
    record: RecordId,
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// Whether what the journal says of a payment is all that was ever said of it: either its
    /// allowance, or the open invoice it names, was made when nothing was forgotten any more.
    pub(super) fn remembers(&self, allowance: &Allowance, reference: Reference) -> bool {
        let Some(gap) = &self.gap else {
            return true;
        };
        let mut invoices = self.invoices.iter();
        let asked = invoices.any(|asking| {
            asking.reference == reference && asking.order.is_some() && asking.record > gap.since
        });
        asked || gap.until.is_some_and(|until| allowance.issued > until)
    }

    /// Whether a payment was taken when nothing was forgotten any more.
    pub(super) fn remembers_taking(&self, record: RecordId) -> bool {
        self.gap.is_none_or(|gap| record > gap.since)
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Whatever was said up to now may be forgotten.
    pub(super) fn open_gap(&mut self) -> Result<(), Status> {
        self.keep_gap(None, None)
    }

    /// A gateway gave an allowance after the gap was opened: what stands under later ones is new.
    pub(super) fn end_gap(&mut self, allowance: &Allowance) -> Result<(), Status> {
        match self.book.gap {
            Some(gap) if gap.until.is_none() => {
                self.keep_gap(Some(gap.since), Some(allowance.issued.plus_s(SKEW_S)))
            }
            _ => Ok(()),
        }
    }

    fn keep_gap(
        &mut self,
        since: Option<RecordId>,
        until: Option<Timestamp>,
    ) -> Result<(), Status> {
        let record = self.append(&Record::Gap { since, until })?;
        let gap = Gap {
            since: since.unwrap_or(record),
            until,
            record,
        };
        let before = self.book.gap.replace(gap);
        self.forget_if(before.map(|gap| gap.record))
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Replay<'_, OUTBOX, PAYERS> {
    pub(super) fn gap(
        &mut self,
        id: RecordId,
        since: Option<RecordId>,
        until: Option<Timestamp>,
    ) -> Option<()> {
        let gap = Gap {
            since: since.unwrap_or(id),
            until,
            record: id,
        };
        let before = self.book.gap.replace(gap);
        self.drop(before.map(|gap| gap.record));
        Some(())
    }
}
