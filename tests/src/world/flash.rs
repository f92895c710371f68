//! Flash that can lose its power before, during and after every operation, and remembers exactly
//! what a real one would.

use super::chance::Chance;
use device_sdk::{Journal, JournalFailed, RecordId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// When, within one operation, the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing of it is done.
    Before,
    /// A record is half written; whether a record is forgotten is chance.
    During,
    /// It is done and nobody hears of it.
    After,
}

#[derive(Debug)]
struct Medium {
    records: BTreeMap<u64, Vec<u8>>,
    /// The number after every one that was ever given.
    next: u64,
    /// Forgotten since the last append: these may reappear after a cut.
    lately: Vec<(u64, Vec<u8>)>,
    /// So many operations from now, at this moment.
    cut: Option<(u64, Moment)>,
    dead: bool,
    chance: Chance,
    /// Times in a thousand that there is no room for a moment.
    full: u32,
    cuts: u64,
    operations: u64,
}

/// A journal on simulated flash. Clones are the same flash.
#[derive(Clone, Debug)]
pub(crate) struct Flash(Rc<RefCell<Medium>>);

/// What flash holds at one moment, as somebody copies it who has the thing in hand.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    records: BTreeMap<u64, Vec<u8>>,
    next: u64,
}

impl Image {
    /// Flash that holds nothing.
    pub(crate) const fn blank() -> Self {
        Self {
            records: BTreeMap::new(),
            next: 1,
        }
    }
}

impl Flash {
    /// Empty.
    pub(crate) fn new(chance: Chance) -> Self {
        Self(Rc::new(RefCell::new(Medium {
            records: BTreeMap::new(),
            next: 1,
            lately: Vec::new(),
            cut: None,
            dead: false,
            chance,
            full: 0,
            cuts: 0,
            operations: 0,
        })))
    }

    pub(crate) fn image(&self) -> Image {
        let medium = self.0.borrow();
        Image {
            records: medium.records.clone(),
            next: medium.next,
        }
    }

    /// Writes an older image over what is there.
    pub(crate) fn restore(&self, image: &Image) {
        let mut medium = self.0.borrow_mut();
        medium.records = image.records.clone();
        medium.next = image.next;
        medium.lately.clear();
        (medium.cut, medium.dead) = (None, false);
    }

    pub(crate) fn cut_after(&self, operations: u64, moment: Moment) {
        self.0.borrow_mut().cut = Some((operations, moment));
    }

    /// The power is back. What was forgotten last may be there again.
    pub(crate) fn power_on(&self) {
        let mut medium = self.0.borrow_mut();
        medium.dead = false;
        for (id, record) in std::mem::take(&mut medium.lately) {
            if medium.chance.per_mille(500) {
                medium.records.insert(id, record);
            }
        }
    }

    /// From now on there is no room for a moment, so many times in a thousand.
    pub(crate) fn run_full(&self, times: u32) {
        self.0.borrow_mut().full = times;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    /// How often the power went.
    pub(crate) fn cuts(&self) -> u64 {
        self.0.borrow().cuts
    }
}

impl Medium {
    /// Does one operation, unless the power goes in it.
    fn operate<T>(
        &mut self,
        done: impl FnOnce(&mut Self) -> T,
        half: impl FnOnce(&mut Self),
    ) -> Result<T, JournalFailed> {
        if self.dead {
            return Err(JournalFailed::Broken);
        }
        self.operations += 1;
        match &mut self.cut {
            Some((0, moment)) => {
                let moment = *moment;
                self.cut = None;
                self.dead = true;
                self.cuts += 1;
                match moment {
                    Moment::Before => {}
                    Moment::During => half(self),
                    Moment::After => {
                        done(self);
                    }
                }
                Err(JournalFailed::Broken)
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(done(self))
            }
            None => Ok(done(self)),
        }
    }

    fn forget(&mut self, id: u64) {
        if let Some(record) = self.records.remove(&id) {
            self.lately.push((id, record));
        }
    }
}

impl Journal for Flash {
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed> {
        let mut medium = self.0.borrow_mut();
        let full = medium.full;
        if !medium.dead && medium.chance.per_mille(full) {
            return Err(JournalFailed::Full);
        }
        medium.operate(
            |medium| {
                let id = medium.next;
                medium.next += 1;
                medium.lately.clear();
                medium.records.insert(id, record.to_vec());
                RecordId(id)
            },
            // Half a record takes its number and is never shown.
            |medium| medium.next += 1,
        )
    }

    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed> {
        let mut medium = self.0.borrow_mut();
        let record = medium.operate(|medium| medium.records.get(&id.0).cloned(), |_| {})?;
        let record = record.unwrap_or_else(|| panic!("record {} is read and not there", id.0));
        out[..record.len()].copy_from_slice(&record);
        Ok(record.len())
    }

    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed> {
        let mut medium = self.0.borrow_mut();
        medium.operate(
            |medium| {
                assert!(
                    medium.records.contains_key(&id.0),
                    "record {} is forgotten twice",
                    id.0
                );
                medium.forget(id.0);
            },
            |medium| {
                if medium.chance.per_mille(500) {
                    medium.forget(id.0);
                }
            },
        )
    }

    /// Like a file on a disk that others fill: nobody knows.
    fn room(&self) -> usize {
        usize::MAX
    }

    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed> {
        let records = self
            .0
            .borrow_mut()
            .operate(|medium| medium.records.clone(), |_| {})?;
        for (id, record) in &records {
            visit(RecordId(*id), record);
        }
        Ok(())
    }
}
