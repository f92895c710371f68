//! What a gateway should hear beside payments: voids, closings and proofs.

use super::Purse;
use super::forked::Forked;
use crate::journal::{Journal, RECORD_MAX, RecordId};
use protocol::{Signer, Status};

/// Where a walk through the notices stands. A new one starts at the oldest.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoticeCursor {
    after: Option<RecordId>,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Writes the next notice for a gateway: a Void, a Closing, or a Proof or Accusation that this
    /// purse holds. `None` at the end. What a gateway has taken is left out
    /// ([`Purse::noticed`]).
    pub fn notices(
        &mut self,
        cursor: &mut NoticeCursor,
        out: &mut [u8],
    ) -> Result<Option<usize>, Status> {
        self.ready(out)?;
        let voids = self.book.voids.iter().map(|void| void.record);
        let closings = self.book.pockets.iter().filter(|pocket| pocket.is_closed());
        let closings = closings.filter_map(|pocket| pocket.closing.map(|(_, record)| record));
        let proofs = self.book.forked.iter().filter_map(Forked::proof);
        let all = voids.chain(closings).chain(proofs);
        let left = all.filter(|record| {
            let after = cursor.after.is_none_or(|after| *record > after);
            after && !self.noticed.iter().any(|told| told == record)
        });
        let Some(record) = left.min() else {
            return Ok(None);
        };
        let len = self.notice(record, out)?;
        cursor.after = Some(record);
        Ok(Some(len))
    }

    fn notice(&mut self, record: RecordId, out: &mut [u8]) -> Result<usize, Status> {
        let void = self.book.voids.find(|void| void.record == record);
        if let Some(void) = void.copied() {
            return self.show_void(&void, out);
        }
        let forked = self.book.forked.find(|forked| forked.record == record);
        let Some(forked) = forked.copied() else {
            return self.show_closing(record, out);
        };
        let [Some(first), Some(second)] = forked.against else {
            return Err(Status::Storage);
        };
        let (mut one, mut other) = ([0; RECORD_MAX], [0; RECORD_MAX]);
        let first = self.against_in(first, &mut one)?;
        let second = self.against_in(second, &mut other)?;
        self.prove(first, second, out)
    }

    /// A gateway has taken the notice that this cursor last gave. The proof is its own from now on;
    /// what it proves is remembered. A void or a closing stands, and is shown again after a restart.
    pub fn noticed(&mut self, cursor: &NoticeCursor) -> Result<(), Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        let Some(record) = cursor.after else {
            return Ok(());
        };
        if self
            .book
            .forked
            .iter()
            .any(|forked| forked.record == record)
        {
            return self.hand_over(record);
        }
        if self.noticed.iter().any(|told| *told == record) {
            return Ok(());
        }
        if self.noticed.is_full() {
            let oldest = self.noticed.iter().min().copied();
            self.noticed.remove(|told| Some(*told) == oldest);
        }
        match self.noticed.insert(record) {
            true => Ok(()),
            false => Err(Status::Full),
        }
    }
}
