//! Streams: one signed payment for many units, each released by one preimage of a hash chain.
//!
//! ```text
//! seed = value(count) --step--> value(count - 1) --step--> ... --step--> value(0) = anchor
//! ```
//!
//! The payment carries the anchor. Showing `value(i)` releases `i` units: whoever knows an earlier
//! value needs one hash for each unit since. Every step hashes payer, key epoch and sequence with
//! the value, so that no chain serves two payments. Whether a value releases anything under its
//! payment is [`crate::rules::released`].

use crate::code::Code;
use crate::field::{Decoder, Encoder, Field, Written, out_of_range};
use crate::objects::Payment;
use crate::units::{AmountMinor, Digest, KeyEpoch, Sequence};
use core::fmt;
use minicbor::decode::Error as Malformed;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

/// Most units of one stream. Checking the last value with nothing but the anchor takes as many
/// hashes.
pub const UNITS_MAX: u32 = 1 << 20;
/// Values a [`Walk`] keeps: distances from `UNITS_MAX` halved down to 1, and 0.
const PEBBLES: usize = UNITS_MAX.ilog2() as usize + 2;
/// Fills what comes before the value up to one block of SHA-256, so that it is hashed once for a
/// chain and each step compresses one block.
const PADDING: [u8; 20] = [0; 20];

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
        prefix.update(PADDING);
        Self { prefix }
    }

    /// The chain of a payment.
    pub fn of(payment: &Payment) -> Self {
        Self::new(&payment.payer, payment.key_epoch, payment.sequence)
    }

    /// From `value(i)` to `value(i - 1)`: SHA-256("onecode/1/stream" || payer || key epoch ||
    /// sequence || 20 zero bytes || value), numbers in 4 bytes.
    pub fn step(&self, value: &Digest) -> Digest {
        let mut hash = self.prefix.clone();
        hash.update(value.as_bytes());
        Digest(hash.finalize().into())
    }

    /// `units` steps further down. Costs as many hashes: bound `units` before.
    pub fn down(&self, value: Digest, units: u32) -> Digest {
        (0..units).fold(value, |value, _| self.step(&value))
    }

    /// Whether `value` is `value(index)` of a chain in which `known` is `value(known_index)`.
    /// Costs one hash for each unit between, none where that is not above 0; indices beyond
    /// [`UNITS_MAX`] cost nothing.
    ///
    /// It knows no count: whoever made the chain also knows values above its seed's.
    /// [`crate::rules::released`] keeps to the payment's count.
    pub fn releases(&self, known: (u32, &Digest), index: u32, value: &Digest) -> bool {
        let (known_index, known) = known;
        index <= UNITS_MAX
            && index
                .checked_sub(known_index)
                .is_some_and(|units| self.down(*value, units) == *known)
    }
}

/// Shows the values of a chain in ascending order.
///
/// It keeps values at halving distances ahead. A whole walk of `count` units costs about
/// `count * log2(count) / 2` hashes. The first value asked for costs all the hashes from the seed,
/// as does the anchor: ask for `value(0)` first and both are paid for once. After that the most
/// costly one, halfway, takes a quarter of the count.
///
/// The values ahead are money: they are not printed, and wiped when the walk is dropped.
#[derive(Clone)]
pub struct Walk {
    chain: Chain,
    count: u32,
    /// Kept values, the nearest on top.
    pebbles: [(u32, Digest); PEBBLES],
    kept: usize,
    next: u32,
}

impl Walk {
    /// Starts below the anchor of a chain whose `value(count)` is `seed`. `None` above
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
            count,
            pebbles,
            kept: 1,
            next: 0,
        })
    }

    /// `value(index)`; the anchor for 0. Indices must not fall; `None` when they do, or beyond the
    /// count, and the walk stays where it is.
    pub fn value(&mut self, index: u32) -> Option<Digest> {
        if !(self.next..=self.count).contains(&index) {
            return None;
        }
        // Values below the index will not be asked for again.
        while self.top().is_some_and(|(at, _)| at < index) {
            self.kept = self.kept.checked_sub(1)?;
        }
        let (mut at, mut value) = self.top()?;
        // Each value kept is at most half as far from the index as the one below it, and stays so
        // when the index grows. So there is always room; without it the value would still be right.
        while at > index {
            let middle = index + (at - index) / 2;
            value = self.chain.down(value, at - middle);
            at = middle;
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

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("next", &self.next)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        for (_, value) in &mut self.pebbles {
            value.0.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{IssuedBy, Kind};
    use proptest::prelude::*;
    use std::format;
    use std::vec::Vec;

    const SEED: Digest = Digest([7; 32]);

    fn chain(sequence: u32) -> Chain {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let payer = Code::derive(Kind::Device, by, 1, b"key").unwrap();
        Chain::new(&payer, KeyEpoch(1), Sequence(sequence))
    }

    /// From the anchor up to the seed.
    fn values(chain: &Chain, count: u32) -> Vec<Digest> {
        let mut all: Vec<_> = core::iter::successors(Some(SEED), |value| Some(chain.step(value)))
            .take(count as usize + 1)
            .collect();
        all.reverse();
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_walk_shows_what_hashing_down_gives(count in 1u32..3_000, mut stops in proptest::collection::vec(0u32..3_000, 1..16)) {
            let chain = chain(1);
            let values = values(&chain, count);
            let mut walk = Walk::new(chain.clone(), count, SEED).unwrap();
            let mut known = (0, values[0]);
            stops.sort_unstable();
            for index in stops {
                let value = walk.value(index);
                prop_assert_eq!(value.as_ref(), values.get(index as usize));
                prop_assert!(walk.kept <= count.ilog2() as usize + 2);
                let Some(value) = value else { break };
                prop_assert!(chain.releases((known.0, &known.1), index, &value));
                prop_assert!(!chain.releases((known.0, &known.1), index + 1, &value));
                known = (index, value);
            }
        }
    }

    /// Asks for a few values after every halving of what is left, each of which has to release what
    /// the one before did not; and counts what is kept.
    fn halves(count: u32) {
        let chain = chain(2);
        let mut walk = Walk::new(chain.clone(), count, SEED).unwrap();
        let mut known = (0, walk.value(0).unwrap());
        let mut at = 0;
        loop {
            for index in at..=(at + 2).min(count) {
                let value = walk.value(index).unwrap();
                assert!(chain.releases((known.0, &known.1), index, &value));
                assert!(
                    walk.kept <= count.ilog2() as usize + 2,
                    "{} kept at {index} of {count}",
                    walk.kept
                );
                known = (index, value);
            }
            if at == count {
                break;
            }
            at = (at + 3 + (count - at) / 2).min(count);
        }
        assert_eq!(known, (count, SEED));
        assert_eq!(walk.value(count + 1), None);
        assert_eq!(walk.value(count), Some(SEED), "it stays where it is");
    }

    /// Every count on either side of a power of two.
    #[test]
    fn a_walk_of_any_count_keeps_a_logarithm_of_values() {
        for power in 1..=13 {
            for count in [(1 << power) - 1, 1 << power, (1 << power) + 1] {
                halves(count);
            }
        }
    }

    #[test]
    fn so_does_the_longest() {
        halves(UNITS_MAX);
    }

    #[test]
    fn a_full_walk_costs_a_logarithm_each_time() {
        let (chain, count) = (chain(1), 1 << 12);
        let mut walk = Walk::new(chain.clone(), count, SEED).unwrap();
        let mut known = walk.value(0).unwrap();
        assert_eq!(known, chain.down(SEED, count));
        for index in 1..=count {
            let value = walk.value(index).unwrap();
            assert!(walk.kept <= 14, "{} values kept", walk.kept);
            assert!(chain.releases((index - 1, &known), index, &value));
            known = value;
        }
        assert_eq!((known, walk.value(count + 1)), (SEED, None));
    }

    #[test]
    fn a_walk_never_goes_back_but_repeats_where_it_stands() {
        let mut walk = Walk::new(chain(1), 100, SEED).unwrap();
        let there = walk.value(40);
        assert!(there.is_some());
        assert_eq!(walk.value(39), None);
        assert_eq!((walk.value(40), walk.value(101)), (there, None));
        assert_eq!(walk.value(100), Some(SEED));
    }

    #[test]
    fn a_known_value_releases_itself_and_nothing_below() {
        let chain = chain(1);
        let values = values(&chain, 10);
        for known in 0..=10u32 {
            for index in 0..=10 {
                let released = chain.releases(
                    (known, &values[known as usize]),
                    index,
                    &values[index as usize],
                );
                assert_eq!(released, index >= known, "{index} after {known}");
            }
            let (here, other) = (&values[known as usize], Digest([1; 32]));
            assert!(!chain.releases((known, here), known, &other), "{known}");
        }
    }

    #[test]
    fn indices_beyond_the_most_cost_nothing() {
        let chain = chain(1);
        // Four thousand million hashes if it did.
        assert!(!chain.releases((0, &SEED), u32::MAX, &SEED));
        assert!(!chain.releases((u32::MAX, &SEED), u32::MAX, &SEED));
        assert!(!chain.releases((0, &SEED), UNITS_MAX + 1, &SEED));
    }

    #[test]
    fn no_chain_serves_two_payments() {
        let (one, other) = (chain(1), chain(2));
        let anchor = one.down(SEED, 10);
        assert!(one.releases((0, &anchor), 10, &SEED));
        assert!(!other.releases((0, &anchor), 10, &SEED));
        assert!(Walk::new(one.clone(), UNITS_MAX + 1, SEED).is_none());
        assert!(Walk::new(one, 0, SEED).is_none());
    }

    #[test]
    fn a_walk_does_not_print_what_it_keeps() {
        let walk = Walk::new(chain(1), 5, Digest([0xab; 32])).unwrap();
        assert_eq!(format!("{walk:?}"), "Walk { next: 0, count: 5, .. }");
    }
}
