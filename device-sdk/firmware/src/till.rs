//! What a charger does with a message, whatever runs it.

use crate::identity::Wrong;
use crate::semihosting::Console;
use crate::{BoardPurse, handed_in, ticks};
use core::fmt::Write;
use protocol::message::Message;
use protocol::{Currency, Status};

/// Takes a payment, and writes what is to be sent back; `None` where nobody is to be answered.
pub fn answer(
    purse: &mut BoardPurse,
    message: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, Wrong> {
    let now = purse.time(ticks::seconds());
    // The receipt is in the flash before it is in `out`.
    match purse.accept(message, None, now, out) {
        Ok(len) => Ok(Some(len)),
        // Nobody knows what the flash holds: begin again from it.
        Err(Status::Storage) => Err("the flash failed"),
        // Half a frame, heard while switching on: whoever means it says it again.
        Err(Status::Malformed) => Ok(None),
        Err(status) => {
            let refusal = Message::refusal(status, None).write(out);
            Ok(Some(refusal.ok_or("too long")?))
        }
    }
}

/// Says what was taken, and writes what would be handed in at a gateway.
pub fn show(purse: &mut BoardPurse, usd: Currency) -> Result<(), Wrong> {
    let totals = purse.totals(usd);
    let _ = writeln!(Console, "charger: took {}", totals.received_unsettled);
    handed_in(purse)
}
