//! The journal against a list in memory, on flash that loses its power at every operation.

use super::*;
use crate::test_nor::{MOMENTS, Moment, Nor};
use std::collections::BTreeMap;

const SECTOR: usize = 1024;
/// Just enough for a few of the longest records, so that the ring turns often.
const SECTORS: usize = 40;
const RECORDS: usize = 12;

type Small<const WORD: usize> = FlashJournal<Nor<WORD, SECTOR>, RECORDS>;

fn seen(journal: &mut impl Journal) -> BTreeMap<u64, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut newest = 0;
    let mut see = |id: RecordId, bytes: &[u8]| {
        assert!(id.0 > newest, "oldest first");
        newest = id.0;
        all.insert(id.0, bytes.to_vec());
    };
    journal.scan(&mut see).unwrap();
    all
}

/// What the journal has promised so far.
#[derive(Default)]
struct Promised {
    live: BTreeMap<u64, Vec<u8>>,
    /// Forgotten since the last append.
    lately: BTreeMap<u64, Vec<u8>>,
    /// An append of which nobody heard whether it was done.
    begun: Option<Vec<u8>>,
    highest: u64,
}

impl Promised {
    /// The journal was opened again: nothing is missing, and nothing is there that must not be.
    fn compare(&mut self, journal: &mut impl Journal) {
        let found = seen(journal);
        for (id, record) in &self.live {
            assert_eq!(found.get(id), Some(record), "record {id} is lost");
        }
        for (id, record) in &found {
            if self.live.contains_key(id) || self.lately.get(id) == Some(record) {
                continue;
            }
            assert_eq!(self.begun.as_ref(), Some(record), "record {id} appeared");
            assert!(*id > self.highest, "number {id} was given twice");
            self.begun = None;
        }
        self.highest = found.keys().copied().chain([self.highest]).max().unwrap();
        (self.live, self.begun) = (found, None);
        self.lately.clear();
    }

    fn append(&mut self, journal: &mut impl Journal, record: Vec<u8>) -> bool {
        match journal.append(&record) {
            Ok(id) => {
                assert!(id.0 > self.highest, "number {} was given twice", id.0);
                self.highest = id.0;
                self.live.insert(id.0, record);
                self.lately.clear();
                true
            }
            Err(JournalFailed::Full) => true,
            Err(JournalFailed::Broken) => {
                assert_eq!(journal.append(b"later"), Err(JournalFailed::Broken));
                self.begun = Some(record);
                false
            }
        }
    }

    fn forget(&mut self, journal: &mut impl Journal, id: u64) -> bool {
        let record = self.live.remove(&id).unwrap();
        self.lately.insert(id, record);
        journal.forget(RecordId(id)).is_ok()
    }
}

/// A life of so many steps on `flash`; the same seed, the same steps.
fn live<const WORD: usize>(flash: &Nor<WORD, SECTOR>, steps: usize, seed: u64) {
    let mut promised = Promised::default();
    let mut draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |most: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        (draw >> 20) % most
    };
    let mut open: Option<Small<WORD>> = None;
    for step in 0..steps {
        let mut journal = open.take().unwrap_or_else(|| {
            flash.0.borrow_mut().power_on();
            let mut journal = Small::open(flash.clone()).unwrap();
            promised.compare(&mut journal);
            journal
        });
        let (what, len) = (below(10), below(8));
        let room = journal.room();
        let goes_on = if what < 6 || promised.live.is_empty() {
            let len = match len {
                0 => RECORD_MAX as u64,
                1 => 0,
                2..=4 => below(300),
                _ => below(1_200),
            };
            let goes_on = promised.append(&mut journal, vec![step as u8; len as usize]);
            let lost = room.saturating_sub(journal.room());
            assert!(!goes_on || lost <= 1, "one record took the room of {lost}");
            goes_on
        } else {
            let ids: Vec<u64> = promised.live.keys().copied().collect();
            promised.forget(&mut journal, ids[below(ids.len() as u64) as usize])
        };
        open = goes_on.then_some(journal);
    }
    flash.0.borrow_mut().power_on();
    promised.compare(&mut Small::open(flash.clone()).unwrap());
}

/// Flash whose journal has gone once around, so that every sector must be erased before use.
fn used<const WORD: usize>(seed: u64, coded: bool) -> Nor<WORD, SECTOR> {
    let flash = Nor::<WORD, SECTOR>::blank(SECTORS, seed);
    flash.0.borrow_mut().coded = coded;
    let mut journal = Small::open(flash.clone()).unwrap();
    let mut newest = journal.append(b"first").unwrap();
    while journal.head < journal.ring.slots.get() * 2 - 24 {
        journal.forget(newest).unwrap();
        newest = journal.append(&[7; 900]).unwrap();
    }
    journal.forget(newest).unwrap();
    newest = journal.append(b"last").unwrap();
    journal.forget(newest).unwrap();
    journal.write_forgets().unwrap();
    let mut cells = flash.0.borrow_mut();
    cells.operations = 0;
    drop(cells);
    flash
}

fn cut_once_everywhere<const WORD: usize>(coded: bool) {
    const STEPS: usize = 70;
    let whole = used::<WORD>(5, coded);
    live(&whole, STEPS, 11);
    let (operations, erasures) = (whole.0.borrow().operations, whole.0.borrow().erasures);
    assert!(operations > 100 && erasures > 50, "{operations} {erasures}");
    for at in 0..operations {
        for moment in MOMENTS {
            let flash = used::<WORD>(at as u64, coded);
            flash.0.borrow_mut().cuts_at = vec![(at, moment)];
            live(&flash, STEPS, 11);
            assert_eq!(flash.0.borrow().cuts, 1);
        }
    }
}

#[test]
fn nothing_is_lost_wherever_the_power_is_cut_with_words_of_1_and_8_bytes() {
    cut_once_everywhere::<1>(false);
    cut_once_everywhere::<8>(false);
}

#[test]
fn nothing_is_lost_wherever_the_power_is_cut_with_words_of_16_bytes_with_codes() {
    cut_once_everywhere::<16>(true);
}

fn cut_often<const WORD: usize>(coded: bool) -> usize {
    let mut cuts = 0;
    for seed in 0..150 {
        let flash = Nor::<WORD, SECTOR>::blank(SECTORS, seed);
        let mut cells = flash.0.borrow_mut();
        cells.coded = coded;
        // On the average every twentieth operation, sometimes two in a row.
        let mut at = 0;
        for number in 0..60 {
            at += 1 + (seed as usize * 7 + number * 13 + number * number) % 39;
            cells
                .cuts_at
                .push((at, MOMENTS[(seed as usize + number) % 3]));
        }
        drop(cells);
        live(&flash, 500, seed);
        cuts += flash.0.borrow().cuts;
    }
    cuts
}

#[test]
fn nothing_is_lost_when_the_power_is_cut_again_and_again_whatever_the_words() {
    let cuts = cut_often::<1>(false) + cut_often::<2>(true) + cut_often::<4>(false);
    let cuts = cuts + cut_often::<8>(true) + cut_often::<16>(true);
    assert!(cuts > 30_000, "only {cuts} cuts");
}

#[test]
fn every_bit_that_turns_over_in_what_was_acknowledged_is_noticed() {
    let flash = Nor::<4, SECTOR>::blank(SECTORS, 1);
    let mut journal = Small::open(flash.clone()).unwrap();
    for len in [20, 700, 0, 40] {
        journal.append(&vec![len as u8; len]).unwrap();
    }
    let all = seen(&mut journal);
    // The newest entry is as good as half written, so it is left out.
    let slots = journal.before % journal.ring.slots;
    for bit in 0..slots as usize * SLOT_BYTES * 8 {
        flash.0.borrow_mut().flip(bit);
        let opened = Small::open(flash.clone());
        assert!(
            matches!(opened, Err(OpenError::Damaged { .. })),
            "bit {bit}"
        );
        flash.0.borrow_mut().flip(bit);
    }
    let mut journal = Small::open(flash.clone()).unwrap();
    assert_eq!(seen(&mut journal), all);
    // While it is open, damage is no record either.
    flash.0.borrow_mut().flip(SLOT_BYTES * 8 + 900);
    let mut out = [0; RECORD_MAX];
    let second = *all.keys().nth(1).unwrap();
    let read = journal.read(RecordId(second), &mut out);
    assert_eq!(read, Err(JournalFailed::Broken));
    assert_eq!(journal.append(b"later"), Err(JournalFailed::Broken));
}

#[test]
fn what_does_not_read_back_is_written_once_more() {
    let flash = Nor::<4, SECTOR>::blank(SECTORS, 1);
    let mut journal = Small::open(flash.clone()).unwrap();
    let first = journal.append(b"first").unwrap();
    flash.0.borrow_mut().misread = 2;
    let second = journal.append(b"second").unwrap();
    let left = BTreeMap::from([(first.0, b"first".to_vec()), (second.0, b"second".to_vec())]);
    assert_eq!(seen(&mut journal), left);
    journal.append(b"third").unwrap();
    // What was given up reads well now, and still does not count.
    let mut journal = Small::open(flash.clone()).unwrap();
    assert_eq!(journal.records(), 3);
    assert!(
        left.iter()
            .all(|record| seen(&mut journal).contains_key(record.0))
    );
    flash.0.borrow_mut().misread = 100;
    assert_eq!(journal.append(b"never"), Err(JournalFailed::Broken));
}

#[test]
fn a_journal_that_says_it_has_room_has_it_and_one_that_is_full_goes_on_after_forgetting() {
    let flash = Nor::<8, SECTOR>::blank(SECTORS, 3);
    let mut journal = Small::open(flash).unwrap();
    let longest = [9; RECORD_MAX];
    for _ in 0..50 {
        let mut kept = Vec::new();
        let room = journal.room();
        assert!(room >= 2, "{room}");
        for _ in 0..room {
            kept.push(journal.append(&longest).unwrap());
        }
        assert_eq!(journal.room(), 0);
        while let Ok(id) = journal.append(&[1; 200]) {
            kept.push(id);
        }
        assert_eq!(journal.append(&longest), Err(JournalFailed::Full));
        assert_eq!(journal.records(), kept.len());
        kept.into_iter().for_each(|id| journal.forget(id).unwrap());
    }
    assert_eq!(
        journal.append(&[0; RECORD_MAX + 1]),
        Err(JournalFailed::Full)
    );
}

#[test]
fn flash_that_holds_something_else_is_refused_until_it_is_formatted() {
    let mut flash = Nor::<4, SECTOR>::blank(SECTORS, 1);
    let other = flash.0.borrow().clone();
    flash.write(SECTOR as u32 * 2, &[0; 64]).unwrap();
    let refused = Small::open(flash.clone()).map(|_| ());
    assert_eq!(refused, Err(OpenError::NotAJournal));
    Small::<4>::format(&mut flash).unwrap();
    Small::open(flash.clone()).unwrap().append(b"now").unwrap();
    // Too small for one of the longest records.
    *flash.0.borrow_mut() = other;
    let few = Nor::<4, SECTOR>::blank(20, 1);
    assert_eq!(Small::open(few).map(|_| ()), Err(OpenError::Shape));
}

#[test]
fn every_sector_wears_alike_however_long_some_records_stay() {
    let flash = Nor::<4, SECTOR>::blank(SECTORS, 1);
    let mut journal = Small::open(flash.clone()).unwrap();
    let stays: Vec<RecordId> = (0..4)
        .map(|number| journal.append(&[number; 700]).unwrap())
        .collect();
    for _ in 0..2_000 {
        let id = journal.append(&[5; 300]).unwrap();
        journal.forget(id).unwrap();
    }
    assert_eq!(seen(&mut journal).len(), 4);
    let mut out = [0; RECORD_MAX];
    for (number, id) in stays.into_iter().enumerate() {
        assert_eq!(journal.read(id, &mut out), Ok(700));
        assert_eq!(out[..700], [number as u8; 700]);
    }
    // Each turn of the ring erases each sector once: no other is ever erased.
    let turns = (journal.head - 1) / journal.ring.slots.get();
    let erasures = flash.0.borrow().erasures as u32;
    let most = turns * SECTORS as u32;
    assert!(
        most - SECTORS as u32 <= erasures && erasures <= most,
        "{erasures} erasures in {turns} turns"
    );
    // 4 records of 4 slots each are carried along: a tenth of the ring.
    assert!(turns < 2_000 * 2 * 5 / 4 / 160 + 2, "{turns} turns");
}

#[test]
fn the_longest_record_survives_a_cut_in_each_of_its_slots() {
    for part in 0..ENTRY_SLOTS_MAX as usize {
        for moment in [Moment::During, Moment::After] {
            let flash = Nor::<2, SECTOR>::blank(SECTORS, part as u64);
            let mut journal = Small::open(flash.clone()).unwrap();
            let kept = journal.append(&[1; RECORD_MAX]).unwrap();
            let at = flash.0.borrow().operations + part;
            flash.0.borrow_mut().cuts_at = vec![(at, moment)];
            let cut = journal.append(&[2; RECORD_MAX]).is_err();
            flash.0.borrow_mut().power_on();
            let mut journal = Small::open(flash.clone()).unwrap();
            let found = seen(&mut journal);
            assert_eq!(found[&kept.0], [1; RECORD_MAX]);
            assert!(found.len() == 1 || found.len() == 2 && (moment == Moment::After || !cut));
            journal.append(&[3; RECORD_MAX]).unwrap();
        }
    }
}
