//! What the images of this folder share: the board's parts, and a purse on them.
//!
//! The board is MPS2 with image AN386 (Cortex-M4F) as QEMU has it. What stands in for parts that a
//! product has on its board: [`flash`] is a file of the host, which outlives the board's power;
//! [`semihosting`] is the console; a thing's identity is a file beside the flash.
#![no_std]

pub mod flash;
pub mod identity;
pub mod semihosting;
pub mod stack;
pub mod ticks;
pub mod uart;

use device_sdk::journal_flash::FlashJournal;
use device_sdk::purse::{HandInCursor, OUT_MAX, Purse};
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

/// Writes all that the purse would hand in at a gateway into `handed-in.bin`, each message behind
/// its length (u16, big-endian).
pub fn handed_in(purse: &mut BoardPurse) -> Result<(), identity::Wrong> {
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
