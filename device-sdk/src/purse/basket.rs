//! Several payments with their covers become one evidence: what stands under two of them stands in
//! it once.

use super::kept::Kept;
use protocol::cose::open;
use protocol::covers::{COVERED_MAX, ITEMS_MAX, Item, Items};
use protocol::objects::Payment;
use protocol::rules::covered::COVER_UNITS_MAX;
use protocol::rules::{Spent, contradiction};
use protocol::{Digest, Network, Status};

/// A part of the basket's bytes.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: usize,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    allowance: Part,
    payment: Part,
    released: Option<(u32, Digest)>,
    covers: u16,
    /// What it took of its payer.
    spent: Spent,
    /// As it will be written.
    bytes: usize,
}

/// The payments of an evidence that is being put together.
#[derive(Debug)]
pub(super) struct Basket {
    bytes: [u8; COVERED_MAX],
    used: usize,
    places: [Option<Place>; ITEMS_MAX],
    /// Which of them the new payment stands on itself.
    direct: u16,
}

impl Basket {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; COVERED_MAX],
            used: 0,
            places: [None; ITEMS_MAX],
            direct: 0,
        }
    }

    /// Adds a payment as a cover, with what stands under it; `released` says how far it is counted
    /// if it is a stream. `OverBudget` leaves a basket that is of no more use.
    pub(super) fn add(
        &mut self,
        kept: &Kept<'_>,
        released: Option<(u32, Digest)>,
        network: &Network,
    ) -> Result<(), Status> {
        let count = kept.items().count();
        // Where the payments of `kept` stand here.
        let mut here = [0usize; ITEMS_MAX];
        for (at, item) in kept.items().enumerate() {
            let covers = here
                .iter()
                .enumerate()
                .filter(|(old, _)| item.covers >> old & 1 == 1)
                .fold(0, |covers, (_, new)| covers | 1 << new);
            let released = match at + 1 == count {
                true => released,
                false => item.released,
            };
            let payment = open::<Payment>(item.payment, network)?;
            let spent = Spent::new(payment.id(), payment.peek()).ok_or(Status::OutOfInterval)?;
            let place = self.place(
                &spent,
                &Item {
                    covers,
                    released,
                    ..*item
                },
            )?;
            *here.get_mut(at).ok_or(Status::OverBudget)? = place;
            if at + 1 == count {
                self.direct |= 1 << place;
            }
        }
        let units = self.places.iter().flatten();
        let units = units.filter_map(|place| place.released.map(|(units, _)| units));
        match units.fold(0, u32::saturating_add) > COVER_UNITS_MAX {
            true => Err(Status::OverBudget),
            false => Ok(()),
        }
    }

    /// Where a payment stands, added if need be.
    fn place(&mut self, spent: &Spent, item: &Item<'_>) -> Result<usize, Status> {
        let mut known = self.places.iter().flatten();
        if let Some(at) = known.position(|place| place.spent.id == spent.id) {
            // One evidence counts a stream once: what was signed for 5 units and for 7 does not go
            // together.
            let known = self.places.get(at).copied().flatten();
            return match known.is_some_and(|place| place.released == item.released) {
                true => Ok(at),
                false => Err(Status::OverBudget),
            };
        }
        // Two words of a key that forked, each taken when nothing spoke against it: an evidence that
        // holds both is refused by everybody, and its payment with it.
        let contradicts = |place: &Place| contradiction(&place.spent, spent).is_some();
        if self.places.iter().flatten().any(contradicts) {
            return Err(Status::OverBudget);
        }
        let at = self.places.iter().flatten().count();
        // One place is the new payment's.
        if at + 1 >= ITEMS_MAX {
            return Err(Status::OverBudget);
        }
        let same = self.allowance(item.allowance);
        let allowance = match same {
            Some(same) => same,
            None => self.keep(item.allowance)?,
        };
        let place = Place {
            spent: *spent,
            allowance,
            payment: self.keep(item.payment)?,
            released: item.released,
            covers: item.covers,
            bytes: written(item, same.is_some()),
        };
        *self.places.get_mut(at).ok_or(Status::OverBudget)? = Some(place);
        Ok(at)
    }

    fn allowance(&self, bytes: &[u8]) -> Option<Part> {
        let places = self.places.iter().flatten();
        let mut known = places.map(|place| place.allowance);
        known.find(|part| self.part(*part) == bytes)
    }

    fn part(&self, part: Part) -> &[u8] {
        let bytes = self.bytes.get(part.from..part.from + part.len);
        bytes.unwrap_or_default()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Part, Status> {
        let from = self.used;
        let to = self.bytes.get_mut(from..from + bytes.len());
        to.ok_or(Status::OverBudget)?.copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(Part {
            from,
            len: bytes.len(),
        })
    }

    /// Whether there is room for a payment of so many bytes under an allowance of so many.
    pub(super) fn has_room_for(&self, own: usize) -> bool {
        let places = self.places.iter().flatten();
        let covers = places.map(|place| place.bytes).sum::<usize>();
        1 + covers + own + self.direct.count_ones() as usize <= COVERED_MAX
    }

    /// Writes the evidence of a payment that stands on all of it; returns its length.
    pub(super) fn write(
        &self,
        allowance: &[u8],
        payment: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let own = Item {
            allowance,
            payment,
            released: None,
            covers: self.direct,
        };
        let mut items = [own; ITEMS_MAX];
        let count = self.places.iter().flatten().count();
        for (item, place) in items.iter_mut().zip(self.places.iter().flatten()) {
            *item = Item {
                allowance: self.part(place.allowance),
                payment: self.part(place.payment),
                released: place.released,
                covers: place.covers,
            };
        }
        let items = items.get(..=count).and_then(Items::new);
        let written = items.and_then(|items| items.write(out));
        written.ok_or(Status::OverBudget)
    }
}

/// How many bytes an item takes in a list, at most: with its allowance, or where it says which
/// earlier one has the same.
pub(super) fn written(item: &Item<'_>, shares: bool) -> usize {
    let released = if item.released.is_some() {
        RELEASED_BYTES
    } else {
        0
    };
    let allowance = if shares { 1 } else { 3 + item.allowance.len() };
    let covers = 1 + item.covers.count_ones() as usize;
    1 + allowance + 3 + item.payment.len() + covers + released
}

/// Units and value of a stream in a list, at most.
pub(super) const RELEASED_BYTES: usize = 5 + 34;
