//! NOR flash for tests, harsher than any data sheet: it loses its power before, during and after
//! every operation, and ends the test when a word is written twice or after a torn erasure, even if
//! the word looks blank.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use std::cell::RefCell;
use std::rc::Rc;

/// When, within one operation, the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// Some words are done, one is torn, the rest is untouched.
    During,
    /// It is done and nobody hears of it.
    After,
}

pub(crate) const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

/// What the flash does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead;

impl NorFlashError for Dead {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Erased,
    Written,
    /// Its erasure or its writing was cut off; whatever it reads as.
    Torn,
}

/// The cells themselves, which outlive every power cut.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    bytes: Vec<u8>,
    words: Vec<Word>,
    word_bytes: usize,
    /// Torn words cannot be read, as where each word has an error-correcting code.
    pub(crate) coded: bool,
    chance: u64,
    pub(crate) operations: usize,
    /// After this many operations the power goes, and stays away until `power_on`.
    pub(crate) cuts_at: Vec<(usize, Moment)>,
    /// How many cuts there were.
    pub(crate) cuts: usize,
    dead: bool,
    pub(crate) erasures: usize,
    /// Reads that differ once from what is there.
    pub(crate) misread: usize,
}

/// Flash with words of `WORD` bytes and sectors of `SECTOR`. Clones are the same flash.
#[derive(Clone, Debug)]
pub(crate) struct Nor<const WORD: usize, const SECTOR: usize>(pub(crate) Rc<RefCell<Cells>>);

impl<const WORD: usize, const SECTOR: usize> Nor<WORD, SECTOR> {
    pub(crate) fn blank(sectors: usize, seed: u64) -> Self {
        let bytes = sectors * SECTOR;
        Self(Rc::new(RefCell::new(Cells {
            bytes: vec![0xff; bytes],
            words: vec![Word::Erased; bytes / WORD],
            word_bytes: WORD,
            coded: false,
            chance: seed | 1,
            operations: 0,
            cuts_at: Vec::new(),
            cuts: 0,
            dead: false,
            erasures: 0,
            misread: 0,
        })))
    }
}

impl Cells {
    pub(crate) fn power_on(&mut self) {
        self.dead = false;
    }

    /// Turns one bit over, as radiation and age do.
    pub(crate) fn flip(&mut self, bit: usize) {
        self.bytes[bit / 8] ^= 1 << (bit % 8);
    }

    fn chance(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// Counts an operation; says if and when the power goes in it.
    fn operate(&mut self) -> Result<Option<Moment>, Dead> {
        if self.dead {
            return Err(Dead);
        }
        let at = self.operations;
        self.operations += 1;
        let cut = self.cuts_at.iter().find(|(when, _)| *when == at);
        let moment = cut.map(|(_, moment)| *moment);
        if moment.is_some() {
            self.dead = true;
            self.cuts += 1;
        }
        Ok(moment)
    }

    /// Does an operation on some words, unless the power goes in it.
    fn change(
        &mut self,
        words: std::ops::Range<usize>,
        done: impl Fn(&mut Self, usize),
        torn: impl Fn(&mut Self, usize),
    ) -> Result<(), Dead> {
        let moment = self.operate()?;
        let whole = match moment {
            Some(Moment::Before) => 0,
            // Often it is the very first word.
            Some(Moment::During) if self.chance().is_multiple_of(4) => 0,
            Some(Moment::During) => self.chance() as usize % words.len(),
            Some(Moment::After) | None => words.len(),
        };
        for word in words.clone().take(whole) {
            done(self, word);
        }
        if moment == Some(Moment::During) {
            torn(self, words.start + whole);
        }
        moment.map_or(Ok(()), |_| Err(Dead))
    }

    fn word(&mut self, word: usize) -> &mut [u8] {
        let begin = word * self.word_bytes;
        &mut self.bytes[begin..begin + self.word_bytes]
    }
}

impl<const WORD: usize, const SECTOR: usize> ErrorType for Nor<WORD, SECTOR> {
    type Error = Dead;
}

impl<const WORD: usize, const SECTOR: usize> ReadNorFlash for Nor<WORD, SECTOR> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Dead> {
        let mut cells = self.0.borrow_mut();
        let begin = offset as usize;
        let words = begin / WORD..(begin + bytes.len()).div_ceil(WORD);
        if cells.dead || (cells.coded && cells.words[words].contains(&Word::Torn)) {
            return Err(Dead);
        }
        bytes.copy_from_slice(&cells.bytes[begin..begin + bytes.len()]);
        if cells.misread > 0 {
            cells.misread -= 1;
            bytes[0] ^= 1;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl<const WORD: usize, const SECTOR: usize> NorFlash for Nor<WORD, SECTOR> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    /// Sector by sector, each an operation.
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Dead> {
        let (from, to) = (from as usize, to as usize);
        assert!(from.is_multiple_of(SECTOR) && to.is_multiple_of(SECTOR));
        let mut cells = self.0.borrow_mut();
        for begin in (from..to).step_by(SECTOR) {
            let words = begin / WORD..(begin + SECTOR) / WORD;
            // Until it is over, no word is fit to be written.
            if !cells.dead {
                cells.words[words.clone()].fill(Word::Torn);
            }
            let wiped = |cells: &mut Cells, word| cells.word(word).fill(0xff);
            let torn = |cells: &mut Cells, word| {
                let noise = cells.chance().to_le_bytes();
                let cell = cells.word(word).iter_mut();
                cell.zip(noise.iter().cycle())
                    .for_each(|(cell, noise)| *cell |= noise);
            };
            cells.change(words.clone(), wiped, torn)?;
            cells.words[words].fill(Word::Erased);
            cells.erasures += 1;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Dead> {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(WORD) && bytes.len().is_multiple_of(WORD));
        let begin = offset / WORD;
        let wanted = |word: usize| &bytes[(word - begin) * WORD..(word - begin + 1) * WORD];
        let written = |cells: &mut Cells, word| {
            assert_eq!(
                cells.words[word],
                Word::Erased,
                "word {word} is not fit for writing"
            );
            cells.words[word] = Word::Written;
            cells.word(word).copy_from_slice(wanted(word));
        };
        let torn = |cells: &mut Cells, word| {
            // Half of the torn words still look as if nothing had been written.
            let noise = match cells.chance().is_multiple_of(2) {
                true => [0xff; 8],
                false => cells.chance().to_le_bytes(),
            };
            let noise = noise.iter().cycle();
            let cell = cells.word(word).iter_mut();
            for ((cell, wanted), noise) in cell.zip(wanted(word)).zip(noise) {
                *cell &= wanted | noise;
            }
            cells.words[word] = Word::Torn;
        };
        let words = begin..begin + bytes.len() / WORD;
        self.0.borrow_mut().change(words, written, torn)
    }
}
