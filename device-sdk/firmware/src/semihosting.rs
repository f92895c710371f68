//! Calls to the host by which a board under QEMU, or behind a debug probe, prints, reads files and
//! ends.

use core::ffi::CStr;
use core::fmt::{self, Write};

const SYS_OPEN: u32 = 0x01;
const SYS_WRITE: u32 = 0x05;
const SYS_READ: u32 = 0x06;
const SYS_SEEK: u32 = 0x0a;
const SYS_FLEN: u32 = 0x0c;
const SYS_GET_CMDLINE: u32 = 0x15;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x2_0026;
/// Modes of C's `fopen`.
const READ_AND_WRITE: u32 = 3;
const WRITE_ANEW: u32 = 5;
const COMMAND_LINE_MAX: usize = 128;

/// The host refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

fn call(operation: u32, block: &[u32]) -> u32 {
    let mut answer = operation;
    // SAFETY: the host reads `block`, and what it points to, before this returns; where it writes,
    // the callers below hand it the address of memory they hold exclusively.
    unsafe {
        core::arch::asm!("bkpt 0xab", inout("r0") answer, in("r1") block.as_ptr());
    }
    answer
}

/// A file of the host, in the folder in which QEMU was started.
#[derive(Debug)]
pub struct HostFile(u32);

impl HostFile {
    /// Opens a file that is there.
    pub fn open(name: &CStr) -> Result<Self, Refused> {
        Self::with_mode(name, READ_AND_WRITE)
    }

    /// Makes a file, empty.
    pub fn create(name: &CStr) -> Result<Self, Refused> {
        Self::with_mode(name, WRITE_ANEW)
    }

    fn with_mode(name: &CStr, mode: u32) -> Result<Self, Refused> {
        let len = name.to_bytes().len() as u32;
        match call(SYS_OPEN, &[name.as_ptr() as u32, mode, len]) {
            u32::MAX => Err(Refused),
            handle => Ok(Self(handle)),
        }
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> Result<u32, Refused> {
        match call(SYS_FLEN, &[self.0]) {
            u32::MAX => Err(Refused),
            len => Ok(len),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> Result<bool, Refused> {
        Ok(self.len()? == 0)
    }

    /// Goes to a byte of it.
    pub fn seek(&self, offset: u32) -> Result<(), Refused> {
        done(call(SYS_SEEK, &[self.0, offset]))
    }

    /// Reads all of `bytes`.
    pub fn read(&self, bytes: &mut [u8]) -> Result<(), Refused> {
        let (at, len) = (bytes.as_mut_ptr() as u32, bytes.len() as u32);
        done(call(SYS_READ, &[self.0, at, len]))
    }

    /// Writes all of `bytes`.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Refused> {
        let (at, len) = (bytes.as_ptr() as u32, bytes.len() as u32);
        done(call(SYS_WRITE, &[self.0, at, len]))
    }
}

/// The answer says how much was not done.
fn done(left: u32) -> Result<(), Refused> {
    match left {
        0 => Ok(()),
        _ => Err(Refused),
    }
}

/// The console.
pub struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        print(text);
        Ok(())
    }
}

/// Prints on the console.
pub fn print(text: &str) {
    // The name by which the host knows its terminal.
    if let Ok(terminal) = HostFile::with_mode(c":tt", WRITE_ANEW) {
        let _ = terminal.write(text.as_bytes());
    }
}

/// In place of a true random number generator, which this board has not.
pub fn random() -> Result<u64, Refused> {
    let mut bytes = [0; 8];
    HostFile::open(c"/dev/urandom")?.read(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

/// The number behind `name=` in the words that QEMU was given for this image.
pub fn argument(name: &str) -> Option<u32> {
    let mut line = [0_u8; COMMAND_LINE_MAX];
    let block = [line.as_mut_ptr() as u32, line.len() as u32];
    if call(SYS_GET_CMDLINE, &block) != 0 {
        return None;
    }
    let text = CStr::from_bytes_until_nul(&line).ok()?.to_str().ok()?;
    let mut words = text.split(' ').filter_map(|word| word.split_once('='));
    words.find(|(word, _)| *word == name)?.1.parse().ok()
}

/// Ends the board.
pub fn exit(code: u32) -> ! {
    call(SYS_EXIT_EXTENDED, &[APPLICATION_EXIT, code]);
    loop {
        cortex_m::asm::wfi();
    }
}
