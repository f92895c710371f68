//! Which records are not forgotten, and where they lie.

use super::slot::slots_for;
use core::mem::swap;

/// A record in flash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its number.
    pub(super) record: u32,
    /// Position of the first slot of its newest copy.
    pub(super) at: u32,
    pub(super) len: u16,
    /// How many numbers stand before it.
    pub(super) forgets: u8,
}

impl Kept {
    pub(super) fn slots(&self) -> u32 {
        slots_for(usize::from(self.len), usize::from(self.forgets))
    }
}

/// At most `N` records, by number.
#[derive(Debug)]
pub(super) struct Live<const N: usize> {
    kept: [Kept; N],
    len: usize,
}

impl<const N: usize> Live<N> {
    pub(super) const fn new() -> Self {
        let none = Kept {
            record: 0,
            at: 0,
            len: 0,
            forgets: 0,
        };
        Self {
            kept: [none; N],
            len: 0,
        }
    }

    pub(super) fn all(&self) -> &[Kept] {
        self.kept.get(..self.len).unwrap_or_default()
    }

    pub(super) fn places_left(&self) -> usize {
        N.saturating_sub(self.len)
    }

    pub(super) fn find(&self, record: u32) -> Option<Kept> {
        let at = self.all().binary_search_by_key(&record, |kept| kept.record);
        self.all().get(at.ok()?).copied()
    }

    /// Puts a record in, or in its new place; false when there is no room.
    #[must_use]
    pub(super) fn put(&mut self, kept: Kept) -> bool {
        match self
            .all()
            .binary_search_by_key(&kept.record, |kept| kept.record)
        {
            Ok(at) => self.kept.get_mut(at).is_some_and(|slot| {
                *slot = kept;
                true
            }),
            Err(at) => match self.kept.get_mut(at..=self.len) {
                Some(later) => {
                    let mut displaced = kept;
                    for slot in later {
                        swap(slot, &mut displaced);
                    }
                    self.len += 1;
                    true
                }
                None => false,
            },
        }
    }

    /// False when it is not there.
    pub(super) fn remove(&mut self, record: u32) -> bool {
        let found = self.all().binary_search_by_key(&record, |kept| kept.record);
        let Ok(at) = found else {
            return false;
        };
        let later = self.kept.get_mut(at..self.len).unwrap_or_default();
        let mut displaced = Kept::default();
        for slot in later.iter_mut().rev() {
            swap(slot, &mut displaced);
        }
        self.len -= 1;
        true
    }

    /// Slots that all of them take.
    pub(super) fn slots(&self) -> u32 {
        self.all().iter().map(Kept::slots).sum()
    }
}
