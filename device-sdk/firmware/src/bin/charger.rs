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
use firmware::{Board, run, send, ticks, till};

/// After so long without a byte, nobody is paying.
const QUIET_MS: u32 = 1_000;

#[entry]
fn main() -> ! {
    run("charger", live)
}

fn live(board: &mut Board) -> Result<(), Wrong> {
    let Board { purse, usd, .. } = board;
    if argument("show").is_some() {
        return till::show(purse, *usd);
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
            let mut out = [0; OUT_MAX];
            if let Some(len) = till::answer(purse, message, &mut out)? {
                send(&uart, out.get(..len).unwrap_or_default())?;
            }
        }
    }
}
