//! The wire format from outside: what reads back, what is refused, and the committed vectors.
//!
//! Everything here uses the public surface only, and spells CBOR with its own small writer
//! ([`cbor`]), so that a mistake in the crate's encoder cannot hide in its tests.

#[cfg(test)]
mod arbitrary_bytes;
#[cfg(test)]
mod canonical;
#[cfg(test)]
mod cast;
#[cfg(test)]
mod cbor;
#[cfg(test)]
mod chain;
#[cfg(test)]
mod confusion;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod largest;
#[cfg(test)]
mod roundtrip;
#[cfg(test)]
mod rules_contradiction;
#[cfg(test)]
mod rules_covered;
#[cfg(test)]
mod rules_payment;
#[cfg(test)]
mod rules_stream;
#[cfg(test)]
mod rules_trust;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod society;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;
