//! Evidence with covers: payments that were received and are spent before they are settled.
//!
//! ```text
//! A pays B (item 0), B pays C above its own limit (item 1, the last: covered by item 0)
//! [ [allowance of A, payment of A, []], [allowance of B, payment of B, [0]] ]
//! ```
//!
//! Covers stand before what they cover, so one pass from the front judges everything: see
//! [`crate::rules::covered`]. Nothing is allocated; the budget is checked before anything is read.

use crate::field::{Decoder, Encoder, Written};
use crate::status::Status;
use crate::units::Digest;
use minicbor::data::Type;
use minicbor::decode::Error as Malformed;
use minicbor::encode::write::Cursor;
use sha2::Digest as _;

/// Most payments in one evidence, the covered one among them.
pub const ITEMS_MAX: usize = 16;
/// Most bytes of one evidence with covers.
pub const COVERED_MAX: usize = 3_600;

/// One payment with what it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'b> {
    /// The allowance it is made under.
    pub allowance: &'b [u8],
    /// The payment.
    pub payment: &'b [u8],
    /// Of a stream: units, counted from the beginning, and the value that releases them.
    pub released: Option<(u32, Digest)>,
    /// Which earlier items cover it: bit `i` for item `i`.
    pub covers: u16,
}

impl Item<'_> {
    /// The places of its covers, ascending.
    pub fn covers(&self) -> impl Iterator<Item = usize> + use<> {
        let covers = self.covers;
        (0..ITEMS_MAX).filter(move |place| covers >> place & 1 == 1)
    }
}

/// A payment, last, behind everything that covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items<'b> {
    items: [Option<Item<'b>>; ITEMS_MAX],
}

impl<'b> Items<'b> {
    /// `None` unless there are 2 to [`ITEMS_MAX`], each covers only what stands behind it, and
    /// each but the last covers something.
    pub fn new(given: &[Item<'b>]) -> Option<Self> {
        let mut items = [None; ITEMS_MAX];
        let places = items.get_mut(..given.len())?;
        for (place, item) in places.iter_mut().zip(given) {
            *place = Some(*item);
        }
        let items = Self { items };
        items.holds_together().then_some(items)
    }

    /// Reads exactly one list of items.
    pub fn read(bytes: &'b [u8]) -> Result<Self, Status> {
        if bytes.len() > COVERED_MAX {
            return Err(Status::OverBudget);
        }
        let items = read(bytes).map_err(|_| Status::Malformed)?;
        let mut again = [0; COVERED_MAX];
        let len = items.write(&mut again).ok_or(Status::Malformed)?;
        // Lengths and repeated allowances are the only free spelling left.
        if again.get(..len) != Some(bytes) || !items.holds_together() {
            return Err(Status::Malformed);
        }
        Ok(items)
    }

    /// Writes the list; returns its length. `None` when `out` is too small or the list goes beyond
    /// [`COVERED_MAX`].
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut to = Encoder::new(Cursor::new(out));
        self.encode(&mut to).ok()?;
        Some(to.writer().position()).filter(|len| *len <= COVERED_MAX)
    }

    /// All of them, covers first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Item<'b>> {
        self.items.iter().flatten()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// The payment that everything else covers.
    pub fn last(&self) -> Option<&Item<'b>> {
        self.iter().next_back()
    }

    fn holds_together(&self) -> bool {
        let count = self.count();
        let mut used: u16 = 0;
        for (place, item) in self.iter().enumerate() {
            if u32::from(item.covers) >> place != 0 {
                return false;
            }
            used |= item.covers;
        }
        (2..=ITEMS_MAX).contains(&count) && u32::from(used) == (1 << (count - 1)) - 1
    }

    fn encode(&self, to: &mut Encoder<'_>) -> Written {
        to.array(self.count() as u64)?;
        for (place, item) in self.iter().enumerate() {
            to.array(3 + 2 * u64::from(item.released.is_some()))?;
            let same = |earlier: &Item<'_>| earlier.allowance == item.allowance;
            match self.iter().take(place).position(same) {
                Some(earlier) => to.u8(earlier as u8)?,
                None => to.bytes(item.allowance)?,
            };
            to.bytes(item.payment)?;
            to.array(item.covers().count() as u64)?;
            for cover in item.covers() {
                to.u8(cover as u8)?;
            }
            if let Some((units, value)) = &item.released {
                to.u32(*units)?.bytes(value.as_bytes())?;
            }
        }
        Ok(())
    }
}

fn wrong() -> Malformed {
    Malformed::message("not a list of items")
}

fn read(bytes: &[u8]) -> Result<Items<'_>, Malformed> {
    let mut from = Decoder::new(bytes);
    let count = from.array()?.and_then(|count| usize::try_from(count).ok());
    let count = count
        .filter(|count| *count <= ITEMS_MAX)
        .ok_or_else(wrong)?;
    let mut items = Items {
        items: [None; ITEMS_MAX],
    };
    for place in 0..count {
        let item = read_item(&mut from, &items)?;
        *items.items.get_mut(place).ok_or_else(wrong)? = Some(item);
    }
    if from.position() != bytes.len() {
        return Err(wrong());
    }
    Ok(items)
}

fn read_item<'b>(from: &mut Decoder<'b>, before: &Items<'b>) -> Result<Item<'b>, Malformed> {
    let parts = from.array()?;
    let allowance = match from.datatype()? {
        Type::Bytes => from.bytes()?,
        _ => {
            let earlier = before.iter().nth(usize::from(from.u8()?));
            earlier.ok_or_else(wrong)?.allowance
        }
    };
    let payment = from.bytes()?;
    let mut covers = 0;
    for _ in 0..from.array()?.ok_or_else(wrong)?.min(ITEMS_MAX as u64) {
        let bit = 1u16.checked_shl(u32::from(from.u8()?)).ok_or_else(wrong)?;
        covers |= bit;
    }
    let released = match parts {
        Some(3) => None,
        Some(5) => Some((
            from.u32()?,
            Digest::from_slice(from.bytes()?).ok_or_else(wrong)?,
        )),
        _ => return Err(wrong()),
    };
    Ok(Item {
        allowance,
        payment,
        released,
        covers,
    })
}

/// What a payment with covers signs: SHA-256 over "onecode/1/covers" and, for each cover in
/// ascending order of its identifier, the identifier and the units counted of it in 4 bytes, 0 when
/// it is no stream.
pub fn hash(covers: &mut [(Digest, u32)]) -> Digest {
    covers.sort_unstable();
    let mut hash = sha2::Sha256::new();
    hash.update(b"onecode/1/covers");
    for (id, units) in covers {
        hash.update(id.as_bytes());
        hash.update(units.to_be_bytes());
    }
    Digest(hash.finalize().into())
}
