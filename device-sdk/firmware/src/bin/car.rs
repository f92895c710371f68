//! A car that pays the charger at the other end of the line, and ends when it has all receipts.
//!
//! With `show=1` it only writes what it would hand in at a gateway, and ends.
#![no_std]
#![no_main]

use core::fmt::Write;
use cortex_m::Peripherals;
use cortex_m_rt::entry;
use device_sdk::links::serial::{FRAME_MAX_BYTES, Line, frame};
use device_sdk::purse::{Event, OUT_MAX, Order};
use firmware::flash::FileNor;
use firmware::identity::{Identity, Wrong};
use firmware::semihosting::{Console, argument, exit};
use firmware::uart::Uart;
use firmware::{BoardPurse, handed_in, ticks};
use protocol::{AmountMinor, Code, Currency, Reference};

const PAYMENTS: u8 = 6;
/// How long it waits for an answer before it sends the same bytes again.
const PATIENCE_MS: u32 = 400;

#[entry]
fn main() -> ! {
    match run() {
        Ok(()) => exit(0),
        Err(wrong) => {
            let _ = writeln!(Console, "car: {wrong}");
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
    if argument("show").is_none() {
        let mut charger = Charger {
            code: identity.payee()?,
            uart: Uart::first(),
            line: Line::new(),
        };
        for number in 1..=PAYMENTS {
            charger.pay(&mut purse, usd, number)?;
        }
    }
    let totals = purse.totals(usd);
    let _ = writeln!(Console, "car: paid {}", totals.paid_out.get());
    handed_in(&mut purse)
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
    fn pay(&mut self, purse: &mut BoardPurse, usd: Currency, number: u8) -> Result<(), Wrong> {
        let order = Order {
            payee: self.code,
            currency: usd,
            amount: AmountMinor::new(u64::from(number) * 100).ok_or("no amount")?,
            reference: Reference([number; 16]),
        };
        let mut out = [0; OUT_MAX];
        let now = purse.time(ticks::seconds());
        let paid = purse.pay(&order, now, &mut out);
        let len = paid.map_err(|status| status.word())?;
        let mut framed = [0; FRAME_MAX_BYTES];
        let len = frame(out.get(..len).unwrap_or_default(), &mut framed);
        let evidence = len.and_then(|len| framed.get(..len)).ok_or("too long")?;
        loop {
            self.uart.send(evidence);
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
