//! Measures what a purse costs on this core: instructions and deepest stack of each thing it does.
//!
//! Runs in a folder with the identities of both boards, on a board with more memory than it needs
//! for one of them, under `qemu-system-arm -icount shift=0`: there an instruction takes a nanosecond,
//! and the timer of 25 MHz counts every fortieth. These are instructions, not cycles.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;
use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use device_sdk::journal_flash::FlashJournal;
use device_sdk::purse::{Event, InvoiceOrder, OUT_MAX, Order, Seed, StreamOrder};
use device_sdk::{Journal, RECORD_MAX};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use firmware::BoardPurse;
use firmware::identity::{Identity, Wrong};
use firmware::semihosting::{Console, exit};
use firmware::stack;
use protocol::keys::SoftwareKey;
use protocol::objects::Asked;
use protocol::{AmountMinor, AssuranceClass, Currency, Digest, Reference, Signer, Status};

const FLASH_BYTES: usize = 64 * 4_096;
const INSTRUCTIONS_A_TICK: u64 = 40;
const LONGEST: u32 = 0xff_ffff;

#[entry]
fn main() -> ! {
    match run() {
        Ok(()) => exit(0),
        Err(wrong) => {
            let _ = writeln!(Console, "sizes: {wrong}");
            exit(1)
        }
    }
}

/// Flash in memory: what writing it costs on a board depends on the board.
struct RamNor([u8; FLASH_BYTES]);

#[derive(Clone, Copy, Debug)]
struct Outside;

impl NorFlashError for Outside {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::OutOfBounds
    }
}

impl ErrorType for RamNor {
    type Error = Outside;
}

impl RamNor {
    fn at(&mut self, offset: u32, len: usize) -> Result<&mut [u8], Outside> {
        let begin = offset as usize;
        self.0.get_mut(begin..begin + len).ok_or(Outside)
    }
}

impl ReadNorFlash for RamNor {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Outside> {
        bytes.copy_from_slice(self.at(offset, bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH_BYTES
    }
}

impl NorFlash for RamNor {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 4_096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Outside> {
        self.at(from, (to - from) as usize)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Outside> {
        self.at(offset, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }
}

struct Meter(SYST);

impl Meter {
    fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(LONGEST);
        timer.clear_current();
        timer.enable_counter();
        Self(timer)
    }

    /// Does it, and prints a line: name, instructions, bytes of stack.
    #[inline(never)]
    fn measure<T>(&mut self, name: &str, act: impl FnOnce() -> T) -> T {
        let top = stack::paint();
        let before = SYST::get_current();
        let done = black_box(act());
        let after = SYST::get_current();
        let deepest = stack::deepest_bytes(top);
        let ticks = before.wrapping_sub(after) & LONGEST;
        let instructions = u64::from(ticks) * INSTRUCTIONS_A_TICK;
        let _ = writeln!(Console, "{name}\t{instructions}\t{deepest}");
        // Keeps the timer's owner alive, and with it the sole use of it.
        let _ = &self.0;
        done
    }
}

fn run() -> Result<(), Wrong> {
    let peripherals = Peripherals::take().ok_or("taken already")?;
    let mut meter = Meter::new(peripherals.SYST);
    keys(&mut meter)?;
    journal(&mut meter)?;
    purses(&mut meter)
}

fn keys(meter: &mut Meter) -> Result<(), Wrong> {
    let seed = black_box([7; 32]);
    let key = meter.measure("make a key", || {
        let key = SoftwareKey::ed25519(&seed);
        let _ = black_box(key.public_key());
        key
    });
    // As long as what is signed of a payment.
    let message = black_box([5; 260]);
    let signed = meter.measure("sign", || key.sign(&message));
    let signature = signed.map_err(|_| "no signature")?;
    let public = key.public_key();
    match meter.measure("verify", || public.verifies(&message, &signature)) {
        true => Ok(()),
        false => Err("a signature that does not hold"),
    }
}

#[inline(never)]
fn journal(meter: &mut Meter) -> Result<(), Wrong> {
    let mut flash = RamNor([0xff; FLASH_BYTES]);
    let journal = FlashJournal::<_, 64>::open(&mut flash);
    let mut journal = journal.map_err(|_| "no journal")?;
    let mut append = |record: &[u8]| journal.append(record).map_err(|_| "no room");
    append(&[1; 20])?;
    meter.measure("journal: a record of 200 bytes", || append(&[2; 200]))?;
    meter.measure("journal: the longest record", || append(&[3; RECORD_MAX]))?;
    Ok(())
}

type Measured<'f> = BoardPurse<&'f mut RamNor>;

#[inline(never)]
fn purses(meter: &mut Meter) -> Result<(), Wrong> {
    let (mut first, mut second) = (RamNor([0xff; FLASH_BYTES]), RamNor([0xff; FLASH_BYTES]));
    let identity = Identity::read(c"car/identity.bin")?;
    let charger = Identity::read(c"charger/identity.bin")?;
    // The first opening brings gateway and allowance into the journal.
    drop(identity.purse(&mut first)?);
    let mut car = meter.measure("open a purse", || identity.purse(&mut first))?;
    let mut charger = charger.purse(&mut second)?;
    let _ = writeln!(Console, "purse\t{}", size_of::<Measured<'_>>());
    let now = car.time(0);
    let mut out = [0; OUT_MAX];
    let order = Order {
        payee: charger.me(),
        currency: usd()?,
        amount: amount(100)?,
        reference: Reference([1; 16]),
    };
    let paid = meter.measure("pay", || car.pay(&order, now, &mut out));
    let evidence = copied(paid, &out)?;
    let now = charger.time(0);
    let taken = meter.measure("accept, first time", || {
        charger.accept(evidence.bytes(), None, now, &mut out)
    });
    let receipt = copied(taken, &out)?;
    let known = meter.measure("take the receipt", || car.receive(receipt.bytes(), now));
    known.map_err(|status| status.word())?;
    invoiced(meter, &mut car, &mut charger)?;
    stream(meter, &mut car, &mut charger)
}

/// Asked for by somebody who holds its allowance already, a payer sends the payment alone.
#[inline(never)]
fn invoiced(
    meter: &mut Meter,
    car: &mut Measured<'_>,
    charger: &mut Measured<'_>,
) -> Result<(), Wrong> {
    let (mut out, now) = ([0; OUT_MAX], car.time(0));
    let order = InvoiceOrder {
        currency: usd()?,
        asked: Asked::Amount(amount(100)?),
        reference: Reference([2; 16]),
        expires: now.plus_s(3_600),
        least_class: AssuranceClass::Software,
    };
    let asked = meter.measure("write an invoice", || {
        charger.invoice_to(car.me(), &order, 1, now, &mut out)
    });
    let invoice = copied(asked, &out)?;
    let offer = car.show_owner(invoice.bytes(), now);
    let offer = offer.map_err(|status| status.word())?;
    let paid = car.pay_invoice(&offer, None, now, &mut out);
    let payment = copied(paid, &out)?;
    let now = charger.time(0);
    let taken = meter.measure("accept, known payer", || {
        charger.accept(payment.bytes(), None, now, &mut out)
    });
    copied(taken, &out).map(|_| ())
}

/// A message that is on its way.
struct Copied([u8; OUT_MAX], usize);

impl Copied {
    fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

fn copied(written: Result<usize, Status>, out: &[u8; OUT_MAX]) -> Result<Copied, Wrong> {
    let len = written.map_err(|status| status.word())?;
    Ok(Copied(*out, len))
}

#[inline(never)]
fn stream(
    meter: &mut Meter,
    car: &mut Measured<'_>,
    charger: &mut Measured<'_>,
) -> Result<(), Wrong> {
    let (mut out, now) = ([0; OUT_MAX], car.time(0));
    let order = StreamOrder {
        payee: charger.me(),
        currency: usd()?,
        unit: amount(1)?,
        count: 1_000,
        reference: Reference([9; 16]),
    };
    let seed = Seed(Digest([3; 32]));
    let begun = meter.measure("pay a stream of 1,000 units", || {
        car.pay_stream(&order, seed, now, &mut out)
    });
    let evidence = copied(begun, &out)?;
    let ready = charger.accept(evidence.bytes(), None, now, &mut out);
    let ready = copied(ready, &out)?;
    let Ok(Event::Ready { payment }) = car.receive(ready.bytes(), now) else {
        return Err("no stream");
    };
    for units in 1..=3 {
        let released = match units {
            2 => meter.measure("release a unit", || car.release(payment, units, &mut out)),
            _ => car.release(payment, units, &mut out),
        };
        let unit = copied(released, &out)?;
        let taken = match units {
            2 => meter.measure("take a unit", || charger.take_unit(unit.bytes())),
            _ => charger.take_unit(unit.bytes()),
        };
        taken.map_err(|status| status.word())?;
    }
    Ok(())
}

fn usd() -> Result<Currency, Wrong> {
    Currency::new(1, *b"USD").ok_or("no currency")
}

fn amount(value: u64) -> Result<AmountMinor, Wrong> {
    AmountMinor::new(value).ok_or("no amount")
}
