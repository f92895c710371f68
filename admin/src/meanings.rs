//! What each field of a signed object means, and the bytes it is made of.

use crate::language::{Say, say};
use minicbor::Decoder;
use std::collections::BTreeMap;

macro_rules! meanings {
    ($($object:literal { $($number:literal $meaning:expr;)* })*) => {
        /// What the field with this key means in an object of this name.
        pub fn meaning(object: &str, number: i32) -> Say {
            match (object, number) {
                $($(($object, $number) => $meaning,)*)*
                _ => Say::default(),
            }
        }
    };
}

meanings! {
    "allowance" {
        1 say("Whose purse may pay.");
        2 say("Payments under this allowance are signed by this key.");
        3 say("Which life of that key. It counts up when a purse begins anew.");
        4 say("How well the key is kept. Payees limit what they take by it.");
        5 say("Who issued the money, and its letters.");
        6 say("The odometer may run up to here, no further.");
        7 say("The newest payment the gateway knew of when it gave this.");
        8 say("The identifier of that payment, so that none in between is hidden.");
        9 say("How far the odometer had run by then.");
        10 say("No single payment may be larger.");
        11 say("How many numbers after the base may be used.");
        12 say("How often money that was just received may be spent on before it settles.");
        13 say("It is good only at payees that stand in this area.");
        14 say("What the issuer pays at most where this key forks.");
        15 say("The gateway's time when it signed.");
        16 say("Nothing paid under it is taken later than this.");
        17 say("Who gave it and answers for it.");
        18 say("Counts up whenever that gateway was restored.");
        19 say("The gateway's number for it, used once.");
        20 say("All the gateway had granted by then. It only grows, so a lie shows.");
    }
    "payment" {
        1 say("Whose purse pays.");
        2 say("Which life of the payer's key signed.");
        3 say("The payer's number for it. Two contents under one number are a fork.");
        4 say("The identifier of the payment before, so that none is left out.");
        5 say("Who is paid.");
        6 say("Who issued the money, and its letters.");
        7 say("How much.");
        8 say("All the payer has paid with this payment. Two that overlap are a fork.");
        9 say("Under which allowance.");
        10 say("The payee is safe if it claims by then.");
        11 say("What it is for: the invoice, else the payer's own note.");
        12 say("The payee may spend it on under this allowance before it settles.");
        13 say("Over the payments that lift it above its limit.");
        14 say("Paid by the unit: the price, the most units, and the end of the hash chain that releases them.");
    }
    "receipt" {
        1 say("Who answers.");
        2 say("To which payment.");
        3 say("The payee's time.");
        4 say("Why it was not taken.");
        5 say("How many units were taken, signed once and last.");
    }
    "statement" {
        1 say("Who says so.");
        2 say("Counts up whenever that gateway was restored.");
        3 say("About which payment.");
        4 say("What became of it.");
        5 say("The entry of the gateway's journal that it stands on.");
        6 say("The hash over the journal up to there. It can never be written otherwise.");
        7 say("The gateway's time.");
        8 say("Paid by the unit: how many were paid for.");
        9 say("Another gateway has the last word.");
        10 say("What the payee has, where it is less than the whole.");
    }
    "claim-note" {
        1 say("Who saw it.");
        2 say("Counts up whenever that gateway was restored.");
        3 say("Which payment was claimed.");
        4 say("Over the covers it was claimed with.");
        5 say("When; it was in time if this is not after its deadline.");
    }
}

/// The bytes of each field of the map that was signed, as hexadecimal digits; nothing where it does
/// not read.
pub fn wire(signed: &[u8]) -> BTreeMap<i32, String> {
    read(signed).unwrap_or_default()
}

fn read(signed: &[u8]) -> Result<BTreeMap<i32, String>, minicbor::decode::Error> {
    let mut cose = Decoder::new(signed);
    cose.tag()?;
    cose.array()?;
    cose.skip()?;
    cose.skip()?;
    let payload = cose.bytes()?;
    let mut map = Decoder::new(payload);
    let mut fields = BTreeMap::new();
    // Bounded by the object: every turn reads at least one byte of it.
    for _ in 0..map.map()?.unwrap_or(0) {
        let begin = map.position();
        let key = map.i32()?;
        map.skip()?;
        let bytes = payload.get(begin..map.position()).unwrap_or_default();
        fields.insert(key, crate::show::to_hex(bytes));
    }
    Ok(fields)
}
