//! One slot: what is written, and checked, at once.

use super::{FORGETS_MAX, SECTORS_MAX};
use crate::journal::RECORD_MAX;
use crc::{CRC_32_ISO_HDLC, Crc};

/// Bytes of a slot; a sector holds a whole number of them.
pub const SLOT_BYTES: usize = 256;
const HEAD_BYTES: usize = 18;
const CRC_BYTES: usize = 4;
/// Bytes of an entry in one slot.
pub(super) const DATA_BYTES: usize = SLOT_BYTES - HEAD_BYTES - CRC_BYTES;
/// A number in the list of forgotten records.
pub(super) const NUMBER_BYTES: usize = 4;
/// What four bytes of flash hold after they were erased.
const ERASED: u32 = u32::MAX;

const _: () = assert!(
    FORGETS_MAX * NUMBER_BYTES <= DATA_BYTES,
    "all in the first slot"
);
const _: () = assert!(RECORD_MAX <= u16::MAX as usize && FORGETS_MAX <= u8::MAX as usize);
const _: () = assert!(SECTORS_MAX <= u16::MAX as u32);

const SUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The bytes of a slot.
pub(super) type Bytes = [u8; SLOT_BYTES];

/// Slots of an entry with a record of so many bytes that forgets so many others.
pub(super) const fn slots_for(len: usize, forgets: usize) -> u32 {
    let bytes = len + forgets * NUMBER_BYTES;
    // At most RECORD_MAX and FORGETS_MAX, so a few dozen.
    let slots = bytes.div_ceil(DATA_BYTES) as u32;
    if slots == 0 { 1 } else { slots }
}

/// What stands at the head of every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Counts slots from the first one ever written; says where in the ring this one lies.
    pub(super) position: u32,
    /// Position of the whole entry before this one, 0 if there was none: so none can be missing.
    pub(super) before: u32,
    /// Number of the record, 0 if the entry only forgets.
    pub(super) record: u32,
    /// How many sectors behind this one the journal begins.
    pub(super) sectors: u16,
    /// Bytes of the record.
    pub(super) len: u16,
    /// How many records it forgets; their numbers stand before the record.
    pub(super) forgets: u8,
    /// Which slot of its entry, from 0.
    pub(super) part: u8,
}

impl Head {
    pub(super) fn slots(&self) -> u32 {
        slots_for(usize::from(self.len), usize::from(self.forgets))
    }

    /// Whether `next` goes on with the entry of which this is one slot.
    pub(super) fn goes_on_with(&self, next: &Self) -> bool {
        let wanted = Self {
            position: self.position.wrapping_add(1),
            part: self.part.wrapping_add(1),
            sectors: next.sectors,
            ..*self
        };
        *next == wanted
    }

    fn spell(&self) -> [u8; HEAD_BYTES] {
        let [p0, p1, p2, p3] = self.position.to_le_bytes();
        let [b0, b1, b2, b3] = self.before.to_le_bytes();
        let [r0, r1, r2, r3] = self.record.to_le_bytes();
        let [s0, s1] = self.sectors.to_le_bytes();
        let [l0, l1] = self.len.to_le_bytes();
        let (forgets, part) = (self.forgets, self.part);
        [
            p0, p1, p2, p3, b0, b1, b2, b3, r0, r1, r2, r3, s0, s1, l0, l1, forgets, part,
        ]
    }

    fn read(bytes: &[u8; HEAD_BYTES]) -> Self {
        let [
            p0,
            p1,
            p2,
            p3,
            b0,
            b1,
            b2,
            b3,
            r0,
            r1,
            r2,
            r3,
            s0,
            s1,
            l0,
            l1,
            forgets,
            part,
        ] = *bytes;
        Self {
            position: u32::from_le_bytes([p0, p1, p2, p3]),
            before: u32::from_le_bytes([b0, b1, b2, b3]),
            record: u32::from_le_bytes([r0, r1, r2, r3]),
            sectors: u16::from_le_bytes([s0, s1]),
            len: u16::from_le_bytes([l0, l1]),
            forgets,
            part,
        }
    }

    /// Whether a journal writes such entries.
    fn is_possible(&self) -> bool {
        usize::from(self.len) <= RECORD_MAX
            && usize::from(self.forgets) <= FORGETS_MAX
            && u32::from(self.part) < self.slots()
    }
}

/// What a slot turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Never written since it was erased.
    Blank,
    /// Half written, or damaged: skipped for good.
    Torn,
    Whole(Head),
}

impl Slot {
    pub(super) fn of(bytes: &Bytes) -> Self {
        let (words, _) = bytes.as_chunks();
        if words.iter().all(|word| u32::from_ne_bytes(*word) == ERASED) {
            return Self::Blank;
        }
        let Some((summed, crc)) = bytes.split_last_chunk::<CRC_BYTES>() else {
            return Self::Torn;
        };
        match bytes.first_chunk() {
            Some(head) if SUM.checksum(summed) == u32::from_le_bytes(*crc) => {
                let head = Head::read(head);
                match head.is_possible() {
                    true => Self::Whole(head),
                    false => Self::Torn,
                }
            }
            _ => Self::Torn,
        }
    }
}

/// A slot in the making: `fill` puts the entry's bytes into what lies between head and sum, which
/// is zero where it puts none, so that every word is written, and once.
pub(super) fn compose<E>(
    head: &Head,
    fill: impl FnOnce(&mut [u8; DATA_BYTES]) -> Result<(), E>,
) -> Result<Bytes, E> {
    let mut bytes = [0; SLOT_BYTES];
    if let Some(at) = bytes.first_chunk_mut() {
        *at = head.spell();
    }
    if let Some(data) = data_mut(&mut bytes) {
        fill(data)?;
    }
    if let Some((summed, crc)) = bytes.split_last_chunk_mut::<CRC_BYTES>() {
        *crc = SUM.checksum(summed).to_le_bytes();
    }
    Ok(bytes)
}

fn data_mut(bytes: &mut Bytes) -> Option<&mut [u8; DATA_BYTES]> {
    bytes.get_mut(HEAD_BYTES..)?.first_chunk_mut()
}

/// What lies between head and sum.
pub(super) fn data(bytes: &Bytes) -> &[u8] {
    bytes
        .get(HEAD_BYTES..HEAD_BYTES + DATA_BYTES)
        .unwrap_or_default()
}
