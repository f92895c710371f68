//! Codes of things without keys: a block of them is one line of the journal.
//!
//! The secret inside each is worked out from the station's own and the number, so that a block that
//! was cut short by a crash comes out again with the same secrets, and a label can be printed once
//! more. The journal and the manifest hold codes only.

use crate::journal::{Journal, Storage};
use crate::panel::{Station, Stop};
use crate::world::{Audience, Nature, News, Trouble};
use hmac::{Hmac, KeyInit, Mac};
use issuer::journal::{ITEMS_MOST, Line, Number};
use issuer::order::may_begin;
use protocol::Code;
use protocol::code::inside::{INSIDE_BYTES, InsideSecret};
use protocol::objects::WorkOrder;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// What the secrets inside are worked out from; it never leaves the station.
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// From 32 random bytes.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The secret inside the thing with this number.
    pub fn inside(&self, number: Number) -> Result<InsideSecret, Trouble> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).map_err(Trouble::new)?;
        let mac = mac
            .chain_update(b"onecode/1/inside-seed")
            .chain_update(number.to_be_bytes());
        let mut secret = [0; INSIDE_BYTES];
        for (to, byte) in secret.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = byte;
        }
        Ok(InsideSecret(secret))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A thing without a key, to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its number.
    pub number: Number,
    /// Its code.
    pub code: Code,
    /// The secret inside.
    pub inside: InsideSecret,
}

/// Where the labels of a block come out. A block may come twice, with the same content.
pub trait ItemPrinter {
    /// Prints a block; durable when it returns.
    fn print(&mut self, order: &WorkOrder, items: &[Item]) -> Result<(), Trouble>;
}

impl Station {
    /// Makes the next block for the order that was begun; `false` when nothing is left to do.
    pub fn items<S: Storage>(
        &self,
        journal: &mut Journal<S>,
        seed: &Seed,
        printer: &mut dyn ItemPrinter,
        nature: &dyn Nature,
        audience: &mut dyn Audience,
    ) -> Result<bool, Stop> {
        let state = journal.state();
        let Some(order) = state.order().copied() else {
            return Ok(false);
        };
        let (first, last) = match state.unprinted_block() {
            Some(block) => block,
            None => {
                let left = u64::from(order.count - state.made_for(&order.id));
                let wanted = left.min(ITEMS_MOST as u64);
                if wanted == 0 {
                    return Ok(false);
                }
                let (first, now) = (state.next_sequence(), nature.now());
                may_begin(&self.authority, &order, first, wanted, now).map_err(Stop::Order)?;
                let items = self.block(seed, first, first + wanted - 1)?;
                let line = Line::Items {
                    first,
                    time: now,
                    fingerprints: items.iter().map(|item| item.code.fingerprint()).collect(),
                };
                // A crash before this is durable: no number was used. After it: the next run
                // prints the same block.
                journal.append(vec![line])?;
                (first, first + wanted - 1)
            }
        };
        let items = self.block(seed, first, last)?;
        let trouble = |trouble| Stop::Trouble(first, trouble);
        printer.print(&order, &items).map_err(trouble)?;
        journal.append(vec![Line::Printed { last }])?;
        audience.hear(&News::Items { first, last });
        Ok(true)
    }

    /// The things with these numbers.
    pub fn block(&self, seed: &Seed, first: Number, last: Number) -> Result<Vec<Item>, Stop> {
        let mut items = Vec::with_capacity(ITEMS_MOST);
        for number in first..=last {
            let inside = seed.inside(number);
            let inside = inside.map_err(|trouble| Stop::Trouble(number, trouble))?;
            let code = self.authority.passive_code(number, &inside);
            let code = code.map_err(|fault| Stop::Refused(number, fault.to_string()))?;
            items.push(Item {
                number,
                code,
                inside,
            });
        }
        Ok(items)
    }
}
