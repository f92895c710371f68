//! NOR flash whose cells are a file of the host: what is in it stays when the board is cut off.

use crate::semihosting::{HostFile, Refused, argument, exit, print};
use core::ffi::CStr;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

const SECTOR_BYTES: usize = 4_096;
/// What is written at once; the power can go between two of them.
const WORD_BYTES: usize = 16;
/// What the board ends with when `cut=` ends it.
pub const POWER_CUT: u32 = 86;

/// The flash.
#[derive(Debug)]
pub struct FileNor {
    file: HostFile,
    len: u32,
    /// Words left until the power goes.
    cut_after: Option<u32>,
}

/// Why the flash does not do it.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl From<Refused> for Failed {
    fn from(_: Refused) -> Self {
        Self
    }
}

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl FileNor {
    /// The flash in a file. With `cut=N` on the command line the power goes at its Nth word.
    pub fn open(name: &CStr) -> Result<Self, Refused> {
        let file = HostFile::open(name)?;
        let len = file.len()?;
        let cut_after = argument("cut");
        Ok(Self {
            file,
            len,
            cut_after,
        })
    }

    fn word(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        if let Some(left) = &mut self.cut_after {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    print("the power is cut\n");
                    exit(POWER_CUT)
                }
            }
        }
        self.file.seek(offset)?;
        Ok(self.file.write(bytes)?)
    }
}

impl ErrorType for FileNor {
    type Error = Failed;
}

impl ReadNorFlash for FileNor {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        self.file.seek(offset)?;
        Ok(self.file.read(bytes)?)
    }

    fn capacity(&self) -> usize {
        self.len as usize
    }
}

impl NorFlash for FileNor {
    const WRITE_SIZE: usize = WORD_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        for offset in (from..to).step_by(WORD_BYTES) {
            self.word(offset, &[0xff; WORD_BYTES])?;
        }
        Ok(())
    }

    /// As in NOR, bits only fall.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        let offsets = (offset..).step_by(WORD_BYTES);
        for (offset, word) in offsets.zip(bytes.chunks_exact(WORD_BYTES)) {
            let mut cells = [0; WORD_BYTES];
            self.read(offset, &mut cells)?;
            cells
                .iter_mut()
                .zip(word)
                .for_each(|(cell, bits)| *cell &= bits);
            self.word(offset, &cells)?;
        }
        Ok(())
    }
}
