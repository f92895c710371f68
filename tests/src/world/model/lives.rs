//! Dead things, and what purses give up.

use super::{Model, Surprise};
use crate::world::wire::{CLOSING, Letter, VOID};
use protocol::{Code, Status, Timestamp};

impl Model {
    /// A dead thing's money goes to another code: what is free at once.
    pub(crate) fn recover(&mut self, from: Code, to: Code, now: Timestamp) {
        self.recovered.insert(from, to);
        self.frozen.insert(from);
        self.move_on(now);
    }

    /// Whatever has become free of dead things goes on.
    pub(crate) fn move_on(&mut self, now: Timestamp) {
        let currencies: Vec<_> = self.issued.keys().copied().collect();
        for (from, to) in self.recovered.clone() {
            for currency in &currencies {
                let needed = self.reserve(from, *currency, now);
                let total = self.total(from, *currency);
                let free = total.saturating_sub(needed);
                self.totals.insert((from, *currency), total - free);
                *self.totals.entry((to, *currency)).or_default() += free;
            }
        }
    }

    /// A void or a closing was taken: nothing is paid for it, and given back what the policy says.
    pub(super) fn gave_up(
        &mut self,
        letter: &Letter,
        answer: &Result<Vec<u8>, Status>,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let kind = if letter.kind == VOID {
            "void"
        } else {
            "closing"
        };
        let paper = letter.paper(0, kind);
        let genuine = paper.filter(|paper| self.signed.is_genuine(paper));
        match (answer, genuine) {
            (Ok(bytes), Some(paper)) if bytes.is_empty() => {
                if letter.kind == CLOSING {
                    self.released += self.closed(&paper, now);
                }
                Ok(())
            }
            (Ok(_), _) => Err(format!("a {kind} that nobody signed was taken")),
            (Err(_), _) => Ok(()),
        }
    }
}
