//! A charger that takes payments from the line for as long as it has power.
//!
//! With `show=1` it only writes what it would hand in at a gateway, and ends.
#![no_std]
#![no_main]

use core::fmt::Write;
use cortex_m::Peripherals;
use cortex_m_rt::entry;
use device_sdk::links::serial::{FRAME_MAX_BYTES, Line, frame};
use device_sdk::purse::OUT_MAX;
use firmware::flash::FileNor;
use firmware::identity::{Identity, Wrong};
use firmware::semihosting::{Console, argument, exit};
use firmware::uart::Uart;
use firmware::{BoardPurse, handed_in, ticks};
use protocol::message::Message;
use protocol::{Currency, Status};

#[entry]
fn main() -> ! {
    match run() {
        Ok(()) => exit(0),
        Err(wrong) => {
            let _ = writeln!(Console, "charger: {wrong}");
            exit(1)
        }
    }
}

fn run() -> Result<(), Wrong> {
    let peripherals = Peripherals::take().ok_or("taken already")?;
    ticks::start(peripherals.SYST);
    let identity = Identity::read(c"identity.bin")?;
    let flash = FileNor::open(c"flash.bin").map_err(|_| "no flash")?;
    let mut purse = identity.purse(flash)?;
    let usd = Currency::new(1, *b"USD").ok_or("no currency")?;
    if argument("show").is_some() {
        let totals = purse.totals(usd);
        let _ = writeln!(Console, "charger: took {}", totals.received_unsettled);
        return handed_in(&mut purse);
    }
    let (uart, mut line) = (Uart::first(), Line::new());
    loop {
        let Some(byte) = uart.receive() else {
            continue;
        };
        if let Some(message) = line.push(byte) {
            answer(&mut purse, message, &uart)?;
        }
    }
}

fn answer(purse: &mut BoardPurse, message: &[u8], uart: &Uart) -> Result<(), Wrong> {
    let mut out = [0; OUT_MAX];
    let now = purse.time(ticks::seconds());
    // The receipt is in the flash before it is in `out`.
    let len = match purse.accept(message, None, now, &mut out) {
        Ok(len) => Some(len),
        // Nobody knows what the flash holds: begin again from it.
        Err(Status::Storage) => return Err("the flash failed"),
        // Half a frame, heard while switching on: whoever means it says it again.
        Err(Status::Malformed) => return Ok(()),
        Err(status) => Message::refusal(status, None).write(&mut out),
    };
    let answer = len.and_then(|len| out.get(..len)).ok_or("too long")?;
    let mut framed = [0; FRAME_MAX_BYTES];
    let len = frame(answer, &mut framed).ok_or("too long")?;
    uart.send(framed.get(..len).unwrap_or_default());
    Ok(())
}
