//! Streams: one signed payment for many units, each released by one preimage of a hash chain.
//!
//! ```text
//! seed = value(count) --step--> value(count - 1) --step--> ... --step--> value(0) = anchor
//! ```
//!
//! The payment carries the anchor. Showing `value(i)` releases `i` units: whoever knows an earlier
//! value needs one hash for each unit since. Every step hashes payer, key epoch and sequence with
//! the value, so that no chain serves two payments.

use crate::code::Code;
use crate::field::{Decoder, Encoder, Field, Written, out_of_range};
use crate::objects::Payment;
use crate::units::{AmountMinor, Digest, KeyEpoch, Sequence};
use minicbor::decode::Error as Malformed;
use sha2::{Digest as _, Sha256};

/// Most units of one stream. Checking the last value with nothing but the anchor takes as many
/// hashes.
pub const UNITS_MAX: u32 = 1 << 20;
/// Values a [`Walk`] keeps: enough for [`UNITS_MAX`] units.
const PEBBLES: usize = 21;

/// The terms of a stream as they stand in its payment: `[unit, count, anchor]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Price of one unit, at least 1.
    pub unit: AmountMinor,
    /// Most units, 1 to [`UNITS_MAX`].
    pub count: u32,
    /// `value(0)`.
    pub anchor: Digest,
}

impl Stream {
    /// What `units` cost; `None` beyond the count or the range of amounts.
    pub fn cost(&self, units: u32) -> Option<AmountMinor> {
        if units > self.count {
            return None;
        }
        AmountMinor::new(self.unit.get().checked_mul(u64::from(units))?)
    }
}

impl Field for Stream {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.array(3)?.u64(self.unit.get())?.u32(self.count)?;
        to.bytes(self.anchor.as_bytes())?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if from.array()? != Some(3) {
            return Err(out_of_range());
        }
        let stream = Self {
            unit: AmountMinor::read(from)?,
            count: from.u32()?,
            anchor: Digest::read(from)?,
        };
        let fits = stream.unit > AmountMinor::ZERO
            && (1..=UNITS_MAX).contains(&stream.count)
            && stream.cost(stream.count).is_some();
        if fits {
            Ok(stream)
        } else {
            Err(out_of_range())
        }
    }
}

/// The chain of one payment.
#[derive(Clone, Debug)]
pub struct Chain {
    prefix: Sha256,
}

impl Chain {
    /// The chain that only this payer's payment with this number can use.
    pub fn new(payer: &Code, key_epoch: KeyEpoch, sequence: Sequence) -> Self {
        let mut prefix = Sha256::new();
        prefix.update(b"onecode/1/stream");
        prefix.update(payer.as_bytes());
        prefix.update(key_epoch.0.to_be_bytes());
        prefix.update(sequence.0.to_be_bytes());
        Self { prefix }
    }

    /// The chain of a payment.
    pub fn of(payment: &Payment) -> Self {
        Self::new(&payment.payer, payment.key_epoch, payment.sequence)
    }

    /// From `value(i)` to `value(i - 1)`:
    /// SHA-256("onecode/1/stream" || payer || key epoch || sequence || value), numbers in 4 bytes.
    pub fn step(&self, value: &Digest) -> Digest {
        let mut hash = self.prefix.clone();
        hash.update(value.as_bytes());
        Digest(hash.finalize().into())
    }

    /// `units` steps further down.
    pub fn down(&self, value: Digest, units: u32) -> Digest {
        (0..units).fold(value, |value, _| self.step(&value))
    }

    /// Whether `value` is `value(index)` of a chain in which `known` is `value(known_index)`.
    /// Costs one hash for each unit between; indices beyond [`UNITS_MAX`] cost nothing.
    pub fn releases(&self, known: (u32, &Digest), index: u32, value: &Digest) -> bool {
        let (known_index, known) = known;
        index <= UNITS_MAX
            && index
                .checked_sub(known_index)
                .is_some_and(|units| self.down(*value, units) == *known)
    }
}

/// Shows the values of a chain in ascending order, with a handful of values kept and a handful of
/// hashes each time (halving distances; about log2(count) of both).
#[derive(Clone, Debug)]
pub struct Walk {
    chain: Chain,
    /// Kept values, the nearest on top.
    pebbles: [(u32, Digest); PEBBLES],
    kept: usize,
    next: u32,
}

impl Walk {
    /// Starts below `value(1)` of a chain whose `value(count)` is `seed`. `None` above
    /// [`UNITS_MAX`] or for no units.
    pub fn new(chain: Chain, count: u32, seed: Digest) -> Option<Self> {
        if !(1..=UNITS_MAX).contains(&count) {
            return None;
        }
        let mut pebbles = [(0, Digest::default()); PEBBLES];
        if let Some(first) = pebbles.first_mut() {
            *first = (count, seed);
        }
        Some(Self {
            chain,
            pebbles,
            kept: 1,
            next: 1,
        })
    }

    /// `value(index)`. Indices must not fall; `None` when they do, or beyond the count.
    pub fn value(&mut self, index: u32) -> Option<Digest> {
        if index < self.next {
            return None;
        }
        // Values below the index will not be asked for again.
        while self.top().is_some_and(|(at, _)| at < index) {
            self.kept = self.kept.checked_sub(1)?;
        }
        let (mut at, mut value) = self.top()?;
        while at > index {
            let middle = index + (at - index) / 2;
            value = self.chain.down(value, at - middle);
            at = middle;
            // Without room the value is still right; only later ones cost more.
            if let Some(place) = self.pebbles.get_mut(self.kept) {
                *place = (at, value);
                self.kept += 1;
            }
        }
        self.next = index;
        Some(value)
    }

    fn top(&self) -> Option<(u32, Digest)> {
        self.pebbles.get(self.kept.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{IssuedBy, Kind};
    use proptest::prelude::*;

    fn chain(sequence: u32) -> Chain {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let payer = Code::derive(Kind::Device, by, 1, b"key").unwrap();
        Chain::new(&payer, KeyEpoch(1), Sequence(sequence))
    }

    proptest! {
        #[test]
        fn a_walk_shows_what_hashing_down_gives(count in 1u32..3_000, mut stops in proptest::collection::vec(1u32..3_000, 1..40)) {
            let (chain, seed) = (chain(1), Digest([7; 32]));
            let anchor = chain.down(seed, count);
            let mut walk = Walk::new(chain.clone(), count, seed).unwrap();
            stops.sort_unstable();
            for index in stops {
                let value = walk.value(index);
                prop_assert_eq!(value, (index <= count).then(|| chain.down(seed, count - index)));
                let Some(value) = value else { break };
                prop_assert!(chain.releases((0, &anchor), index, &value));
                prop_assert!(!chain.releases((0, &anchor), index + 1, &value));
            }
        }
    }

    #[test]
    fn a_full_walk_costs_a_logarithm_each_time() {
        let (chain, seed, count) = (chain(1), Digest([7; 32]), 1 << 12);
        let mut walk = Walk::new(chain.clone(), count, seed).unwrap();
        let mut known = chain.down(seed, count);
        for index in 1..=count {
            let value = walk.value(index).unwrap();
            assert!(walk.kept <= 13, "{} values kept", walk.kept);
            assert!(chain.releases((index - 1, &known), index, &value));
            known = value;
        }
        assert_eq!((known, walk.value(count + 1)), (seed, None));
    }

    #[test]
    fn no_chain_serves_two_payments() {
        let (one, other, seed) = (chain(1), chain(2), Digest([7; 32]));
        let anchor = one.down(seed, 10);
        assert!(one.releases((0, &anchor), 10, &seed));
        assert!(!other.releases((0, &anchor), 10, &seed));
        assert!(!one.releases((0, &anchor), u32::MAX, &seed));
        assert!(Walk::new(one, UNITS_MAX + 1, seed).is_none());
    }
}
