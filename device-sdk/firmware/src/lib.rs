//! What the images of this folder share: the board's parts, and a purse on them.
//!
//! The board is MPS2 with image AN386 (Cortex-M4F) as QEMU has it. What stands in for parts that a
//! product has on its board: [`flash`] is a file of the host, which outlives the board's power;
//! [`semihosting`] is the console; a thing's identity is a file beside the flash.
#![no_std]

pub mod flash;
pub mod gateway;
pub mod identity;
pub mod semihosting;
pub mod stack;
pub mod ticks;
pub mod till;
pub mod uart;

use core::fmt::Write;
use cortex_m::Peripherals;
use device_sdk::journal_flash::FlashJournal;
use device_sdk::links::serial::{FRAME_MAX_BYTES, frame};
use device_sdk::purse::{HandInCursor, OUT_MAX, Purse};
use flash::FileNor;
use identity::{Identity, Wrong};
use protocol::Currency;
use protocol::keys::SoftwareKey;

/// Records that a journal holds at most.
const RECORDS: usize = 64;

/// Payments that wait for a gateway, made and taken together.
pub const OUTBOX: usize = 8;

/// The purse of these boards: it remembers two payers.
pub type BoardPurse<F = flash::FileNor> = Purse<SoftwareKey, FlashJournal<F, RECORDS>, OUTBOX, 2>;

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::print("panic\n");
    semihosting::exit(101)
}

/// A board that was switched on.
pub struct Board {
    /// Who it is.
    pub identity: Identity,
    /// Its purse, where it was when the power went.
    pub purse: BoardPurse,
    /// What both boards reckon in.
    pub usd: Currency,
}

impl Board {
    /// Opens everything; once after the power came on.
    pub fn open() -> Result<Self, Wrong> {
        let peripherals = Peripherals::take().ok_or("taken already")?;
        ticks::start(peripherals.SYST);
        let identity = Identity::read(c"identity.bin")?;
        let flash = FileNor::open(c"flash.bin").map_err(|_| "no flash")?;
        Ok(Self {
            purse: identity.purse(flash)?,
            identity,
            usd: Currency::new(1, *b"USD").ok_or("no currency")?,
        })
    }
}

/// Runs a board until it has done all it has to, and ends it.
pub fn run(name: &str, live: fn(&mut Board) -> Result<(), Wrong>) -> ! {
    end(name, Board::open().and_then(|mut board| live(&mut board)))
}

/// Ends a board with what became of it.
pub fn end(name: &str, ended: Result<(), Wrong>) -> ! {
    match ended {
        Ok(()) => semihosting::exit(0),
        Err(wrong) => {
            let _ = writeln!(semihosting::Console, "{name}: {wrong}");
            semihosting::exit(1)
        }
    }
}

/// Sends a message over a line.
pub fn send(uart: &uart::Uart, message: &[u8]) -> Result<(), Wrong> {
    let mut framed = [0; FRAME_MAX_BYTES];
    let len = frame(message, &mut framed).ok_or("too long")?;
    uart.send(framed.get(..len).unwrap_or_default());
    Ok(())
}

/// Writes all that the purse would hand in at a gateway into `handed-in.bin`, each message behind
/// its length (u16, big-endian).
pub fn handed_in(purse: &mut BoardPurse) -> Result<(), Wrong> {
    let file = semihosting::HostFile::create(c"handed-in.bin").map_err(|_| "no file")?;
    let (mut cursor, mut out) = (HandInCursor::default(), [0; OUT_MAX]);
    loop {
        let handed = purse.hand_in(&mut cursor, &mut out);
        let Some(len) = handed.map_err(|status| status.word())? else {
            return Ok(());
        };
        let len_bytes = (len as u16).to_be_bytes();
        let message = out.get(..len).unwrap_or_default();
        let written = file.write(&len_bytes).and_then(|()| file.write(message));
        written.map_err(|_| "no file")?;
    }
}
