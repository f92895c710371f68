//! A charger that takes payments from the line for as long as it has power.
//!
//! With `show=1` it only writes what it would hand in at a gateway, and ends. With `gateway=1` there
//! is a gateway at the second line: whenever the first has been quiet for a second, it hands in what
//! it has taken.
#![no_std]
#![no_main]

use core::fmt::Write;
use cortex_m_rt::entry;
use device_sdk::links::serial::Line;
use device_sdk::purse::OUT_MAX;
use firmware::gateway::Gateway;
use firmware::identity::Wrong;
use firmware::semihosting::{Console, argument};
use firmware::uart::Uart;
use firmware::{Board, BoardPurse, handed_in, run, send, ticks};
use protocol::Status;
use protocol::message::Message;

/// After so long without a byte, nobody is paying.
const QUIET_MS: u32 = 1_000;

#[entry]
fn main() -> ! {
    run("charger", live)
}

fn live(board: &mut Board) -> Result<(), Wrong> {
    let Board { purse, usd, .. } = board;
    if argument("show").is_some() {
        let totals = purse.totals(*usd);
        let _ = writeln!(Console, "charger: took {}", totals.received_unsettled);
        return handed_in(purse);
    }
    let (uart, mut line) = (Uart::first(), Line::new());
    let mut gateway = Gateway::open(purse.me())?;
    let mut heard_ms = ticks::ms();
    loop {
        let Some(byte) = uart.receive() else {
            let is_quiet = ticks::ms().wrapping_sub(heard_ms) > QUIET_MS;
            if let (true, Some(gateway)) = (is_quiet, &mut gateway) {
                if purse.unanswered() > 0 && gateway.hand_in(purse)? {
                    let settled = purse.totals(*usd).received_settled;
                    let _ = writeln!(Console, "charger: {settled} settled");
                }
                heard_ms = ticks::ms();
            }
            continue;
        };
        heard_ms = ticks::ms();
        if let Some(message) = line.push(byte) {
            answer(purse, message, &uart)?;
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
    send(uart, answer)
}
