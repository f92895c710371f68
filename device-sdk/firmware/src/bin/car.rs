//! A car that pays the charger at the other end of the line, and ends when it has all receipts.
//!
//! With `show=1` it only writes what it would hand in at a gateway, and ends; with `payments=N` it
//! pays so often. With `gateway=1` there is a gateway at the second line: it asks for an allowance
//! there if it has none, and hands in what it has paid.
#![no_std]
#![no_main]

use core::fmt::Write;
use cortex_m_rt::entry;
use device_sdk::links::serial::Line;
use device_sdk::purse::{Event, OUT_MAX, Order};
use firmware::gateway::Gateway;
use firmware::identity::Wrong;
use firmware::semihosting::{Console, argument};
use firmware::uart::Uart;
use firmware::{Board, BoardPurse, handed_in, run, send, ticks};
use protocol::{AmountMinor, Code, Currency, Reference};

const PAYMENTS: u32 = 6;
/// What it wants to be allowed to spend.
const WANTED: u64 = 100_000;
/// How long it waits for an answer before it sends the same bytes again.
const PATIENCE_MS: u32 = 400;

#[entry]
fn main() -> ! {
    run("car", live)
}

fn live(board: &mut Board) -> Result<(), Wrong> {
    let Board {
        identity,
        purse,
        usd,
    } = board;
    let mut gateway = Gateway::open(purse.me())?;
    if argument("show").is_none() {
        if let Some(gateway) = &mut gateway
            && purse.totals(*usd).spendable.get() == 0
        {
            let wanted = AmountMinor::new(WANTED).ok_or("no amount")?;
            while !gateway.renew(purse, *usd, wanted)? {}
            let _ = writeln!(Console, "car: may spend {}", purse.totals(*usd).spendable);
        }
        let mut charger = Charger {
            code: identity.payee()?,
            uart: Uart::first(),
            line: Line::new(),
        };
        for number in 1..=argument("payments").unwrap_or(PAYMENTS) {
            charger.pay(purse, *usd, number)?;
        }
        if let Some(gateway) = &mut gateway {
            while !gateway.hand_in(purse)? {}
            let _ = writeln!(Console, "car: {} wait", purse.unanswered());
        }
    }
    let totals = purse.totals(*usd);
    let _ = writeln!(Console, "car: paid {}", totals.paid_out.get());
    handed_in(purse)
}

/// What stands at the other end of the line.
struct Charger {
    code: Code,
    uart: Uart,
    line: Line,
}

impl Charger {
    /// Pays and waits for the receipt. After a cut, this is the same payment once more: the same
    /// order gives the same bytes.
    fn pay(&mut self, purse: &mut BoardPurse, usd: Currency, number: u32) -> Result<(), Wrong> {
        let order = Order {
            payee: self.code,
            currency: usd,
            amount: AmountMinor::new(u64::from(number) * 100).ok_or("no amount")?,
            reference: Reference([number as u8; 16]),
        };
        let mut out = [0; OUT_MAX];
        let now = purse.time(ticks::seconds());
        let paid = purse.pay(&order, now, &mut out);
        let len = paid.map_err(|status| status.word())?;
        loop {
            send(&self.uart, out.get(..len).unwrap_or_default())?;
            if self.is_receipted(purse)? {
                let _ = writeln!(Console, "car: payment {number} is receipted");
                return Ok(());
            }
        }
    }

    /// Waits for a while.
    fn is_receipted(&mut self, purse: &mut BoardPurse) -> Result<bool, Wrong> {
        let begun = ticks::ms();
        while ticks::ms().wrapping_sub(begun) < PATIENCE_MS {
            let Some(byte) = self.uart.receive() else {
                continue;
            };
            let Some(message) = self.line.push(byte) else {
                continue;
            };
            let now = purse.time(ticks::seconds());
            match purse.receive(message, now) {
                Ok(Event::Receipted { .. }) => return Ok(true),
                Ok(Event::Refused { status, .. }) => return Err(status.word()),
                // Noise, or an answer that came twice.
                _ => {}
            }
        }
        Ok(false)
    }
}
