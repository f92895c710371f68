//! Two things with air between them: each shows codes and scans the other's.
//!
//! ```text
//! cargo run -p device-sdk --example screens -- FOLDER
//! ```
//! A message becomes lines of text that fit QR codes in alphanumeric mode
//! ([`device_sdk::links::frames`]), small ones here, as for a display of 200 pixels. What is scanned
//! badly is not taken for something else, and codes may come in any order, again and again.

mod authorities;

use authorities::{Allowed, Authorities, Failure, NOW, amount, folder, named, usd, written};
use device_sdk::links::frames::{Assembly, FRAME_MAX_CHARS, Frames};
use device_sdk::purse::{Event, Order};

const KIOSK: u8 = 10;
const SAFE: u8 = 11;
/// Of a message in one code: about 250 characters, a symbol of version 9-M.
const PIECE_BYTES: usize = 150;

fn main() -> Result<(), Failure> {
    let (by, folder) = (Authorities::new("example")?, folder()?);
    let mut safe = by.purse(&folder, "safe", SAFE, None)?;
    let mut kiosk = by.purse(&folder, "kiosk", KIOSK, None)?;
    kiosk.receive(&by.grant(KIOSK, Allowed::up_to(100_000))?, NOW)?;
    let order = Order {
        payee: safe.me(),
        currency: usd()?,
        amount: amount(4_200)?,
        reference: named("day 326"),
    };
    let evidence = written(|out| kiosk.pay(&order, NOW, out))?;
    let scanned = carry("kiosk", &evidence)?;
    let receipt = written(|out| safe.accept(&scanned, None, NOW, out))?;
    match kiosk.receive(&carry("safe", &receipt)?, NOW)? {
        Event::Receipted { .. } | Event::Known => println!("kiosk: 4200 are in the safe"),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

/// Shows a message from one screen to the other's scanner, which sees the codes backwards, one of them
/// badly, and all of them twice.
fn carry(from: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let frames = Frames::new(message, PIECE_BYTES).ok_or("too long for codes")?;
    let mut scanned = Assembly::new();
    let mut out = [0; FRAME_MAX_CHARS];
    println!(
        "{from}: {} bytes in {} codes",
        message.len(),
        frames.count()
    );
    for number in (0..frames.count()).rev().chain(0..frames.count()) {
        let shown = frames.write(number, &mut out).ok_or("no such code")?;
        let blurred = shown.replacen(['0', '7', 'A'], "B", 1);
        if blurred != shown && scanned.add(&blurred).is_ok() {
            return Err("a blurred code was read".into());
        }
        scanned.add(shown)?;
    }
    Ok(scanned.message().ok_or("a code is missing")?.to_vec())
}
