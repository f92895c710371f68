use crate::code::{Code, Kind};
use crate::field::{Decoder, Encoder, Field, Written, object, out_of_range};
use crate::objects::Rights;
use crate::units::{AssuranceClass, Digest, Reference, Timestamp};
use core::fmt;
use minicbor::decode::Error as Malformed;

/// Longest name of a product or a batch, in bytes.
pub const ORDER_TEXT: usize = 48;

object! {
    /// What a station shall make. It binds nobody but the station it names, and never widens what
    /// the station's own pass permits.
    pub struct WorkOrder: "work-order" {
        /// Random; the same order taken twice is one order.
        1 => id: Reference,
        /// A gateway that issues codes.
        2 => by: Code,
        /// Who shall make them.
        3 => station: Code,
        /// What kind of things.
        4 => kind: Kind,
        /// How many good ones.
        5 => count: u32,
        /// Ordered at.
        6 => issued: Timestamp,
        /// Nothing is begun for it afterwards.
        7 => expires: Timestamp,
        /// How long certificate and pass of a thing are good, in seconds.
        8 => life_s: u32,
        /// How well the things keep their keys.
        9 => class: AssuranceClass,
        /// What the things may do; nothing for things without a key.
        10 => rights: Rights,
        /// Which product, for labels and the registry.
        11 => product: Option<Text<ORDER_TEXT>>,
        /// Which batch, likewise.
        12 => batch: Option<Text<ORDER_TEXT>>,
    }
}

object! {
    /// What a station made since its last manifest: the signature under a piece of its journal.
    pub struct Manifest: "manifest" {
        /// Whose journal.
        1 => station: Code,
        /// 1, 2, 3, ... without a gap.
        2 => number: u32,
        /// The chain's head before the piece; zeros before the first line of all.
        3 => before: Digest,
        /// The chain's head after it.
        4 => head: Digest,
        /// Lines in the piece.
        5 => lines: u64,
        /// The first sequence number the piece may reserve.
        6 => first_sequence: u64,
        /// The first one it leaves for the next.
        7 => next_sequence: u64,
        /// Codes it made.
        8 => made: u32,
        /// Numbers it gave up.
        9 => scrapped: u32,
        /// When.
        10 => time: Timestamp,
    }
}

/// A short text that prints: at least one byte and at most `N`, no control characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// `None` when it is empty, too long, or does not print.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let prints = !text.is_empty() && !text.chars().any(char::is_control);
        prints.then_some(Self {
            bytes,
            len: text.len(),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> Field for Text<N> {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.str(self.as_str())?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::new(from.str()?).ok_or_else(out_of_range)
    }
}

impl Field for Kind {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.u8(*self as u8)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::from_number(from.u8()?).ok_or_else(out_of_range)
    }
}
