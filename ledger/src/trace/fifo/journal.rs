//! Entries as they stand in the journal.

use protocol::{Currency, Digest, Timestamp};

/// An entry, read from its canonical bytes. Kinds of entries and of accounts may be any: what moves
/// is in the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its number.
    pub height: u64,
    /// When.
    pub at: Timestamp,
    /// Number of its kind.
    pub kind: u8,
    /// What caused it.
    pub subject: Digest,
    /// Of all its lines.
    pub currency: Currency,
    /// What moves, in order.
    pub transfers: Vec<Transferred>,
}

/// Two lines of an entry that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Key of the account that pays.
    pub from: Vec<u8>,
    /// Key of the account that is paid.
    pub to: Vec<u8>,
    /// How much.
    pub amount: u64,
}

impl Posted {
    /// Reads what [`Entry::canonical`](crate::books::Entry::canonical) wrote.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let height = u64::from_be_bytes(take(&mut rest)?);
        let at = Timestamp(u32::from_be_bytes(take(&mut rest)?));
        let [kind] = take(&mut rest)?;
        let subject = Digest(take(&mut rest)?);
        let currency = Currency::from_bytes(take(&mut rest)?)?;
        let [lines] = take(&mut rest)?;
        let mut transfers = Vec::with_capacity(usize::from(lines / 2));
        for _ in 0..lines / 2 {
            let (from, lost) = line(&mut rest)?;
            let (to, gained) = line(&mut rest)?;
            let amount = u64::try_from(gained).ok().filter(|amount| *amount > 0)?;
            if lost.checked_neg() != Some(gained) {
                return None;
            }
            transfers.push(Transferred { from, to, amount });
        }
        (rest.is_empty() && lines % 2 == 0).then_some(Self {
            height,
            at,
            kind,
            subject,
            currency,
            transfers,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn line(rest: &mut &[u8]) -> Option<(Vec<u8>, i64)> {
    let [len] = take(rest)?;
    let (key, others) = rest.split_at_checked(usize::from(len))?;
    *rest = others;
    Some((key.to_vec(), i64::from_be_bytes(take(rest)?)))
}
