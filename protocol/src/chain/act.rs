//! What one leaf of the code chain says.

use crate::code::grid::GRID_BYTES;
use crate::code::{CODE_BYTES, Code, grid::GridCode};
use crate::field::{Decoder, Encoder, Field, Written, out_of_range, payload};
use crate::objects::Payload;
use crate::status::Status;
use crate::units::{Digest, Timestamp};
use core::fmt;
use minicbor::decode::Error as Malformed;
use minicbor::encode::write::Cursor;

/// The longest leaf.
pub const ACT_MAX: usize = 160;

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $name:ident $word:literal;)*) => {
        /// What happened to a code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ActKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl ActKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word people read.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Reads the number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// It came into the world; its pass and certificate are hashed beside it.
    1 Issued "issued";
    /// It was seen at work for the first time.
    2 Activated "activated";
    /// It stands at a place, from now on.
    3 Bound "bound";
    /// It no longer stands at a place.
    4 Unbound "unbound";
    /// It may not be used until further notice.
    5 Suspended "suspended";
    /// It may be used again.
    6 Resumed "resumed";
    /// It has another owner.
    7 Transferred "transferred";
    /// It may not be used any more.
    8 Revoked "revoked";
    /// It came to its end in peace.
    9 Retired "retired";
    /// Another code stands in its place.
    10 Superseded "superseded";
    /// It has another key; the new pass is hashed beside it.
    11 Rekeyed "rekeyed";
    /// A centre told a gateway how far it may promise; the warrant is hashed beside it.
    12 Warranted "warranted";
    /// Its owner's survey of a place is on record; the message with both signatures is hashed beside
    /// it.
    13 Surveyed "surveyed";
    /// Its pass and its certificate are good for longer; the new ones are hashed beside it.
    14 Renewed "renewed";
}

impl Field for ActKind {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.u8(*self as u8)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::from_number(from.u8()?).ok_or_else(out_of_range)
    }
}

/// A thing or a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its code.
    Thing(Code),
    /// By its grid code.
    Place(GridCode),
}

impl Named {
    /// 20 bytes of a code or 30 of a grid code.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Thing(code) => code.as_bytes(),
            Self::Place(grid) => grid.as_bytes(),
        }
    }

    /// Reads them: the length says which it is.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            CODE_BYTES => Code::from_bytes(bytes.try_into().ok()?)
                .ok()
                .map(Self::Thing),
            GRID_BYTES => GridCode::from_bytes(bytes.try_into().ok()?)
                .ok()
                .map(Self::Place),
            _ => None,
        }
    }
}

impl From<Code> for Named {
    fn from(code: Code) -> Self {
        Self::Thing(code)
    }
}

impl From<GridCode> for Named {
    fn from(grid: GridCode) -> Self {
        Self::Place(grid)
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thing(code) => code.fmt(f),
            Self::Place(grid) => grid.fmt(f),
        }
    }
}

impl Field for Named {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.bytes(self.as_bytes())?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::from_slice(from.bytes()?).ok_or_else(out_of_range)
    }
}

payload! {
    /// One act on a code: a leaf of the code chain. No names, no addresses, no reasons.
    pub struct Act {
        /// What happened.
        1 => kind: ActKind,
        /// To which code.
        2 => of: Named,
        /// When, by the clock of the gateway whose log it is.
        3 => at: Timestamp,
        /// The other code that has to do with it: the place, the new code, the owner of a place.
        4 => other: Option<Named>,
        /// SHA-256 of what was signed about it: a pass, a warrant, an order.
        5 => signed: Option<Digest>,
        /// SHA-256 of its certificate, DER.
        6 => certificate: Option<Digest>,
    }
}

impl Act {
    /// Something that happened, with nothing beside it.
    pub fn new(kind: ActKind, of: impl Into<Named>, at: Timestamp) -> Self {
        Self {
            kind,
            of: of.into(),
            at,
            other: None,
            signed: None,
            certificate: None,
        }
    }

    /// Writes the leaf; returns its length. [`ACT_MAX`] bytes always suffice.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut to = Encoder::new(Cursor::new(out));
        Payload::write(self, &mut to).ok()?;
        Some(to.writer().position())
    }

    /// Reads a leaf, strictly: exact fields, one spelling.
    pub fn read(leaf: &[u8]) -> Result<Self, Status> {
        let mut from = Decoder::new(leaf);
        let act = <Self as Payload>::read(&mut from).map_err(|_| Status::Malformed)?;
        let mut again = [0; ACT_MAX];
        let len = act.write(&mut again).ok_or(Status::Malformed)?;
        match again.get(..len) == Some(leaf) {
            true => Ok(act),
            false => Err(Status::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::grid::{EPOCH_MINUTES, Level, Place, Point, Span};
    use crate::code::{IssuedBy, Kind};

    const BY: IssuedBy = IssuedBy {
        issuer: 1,
        station: 1,
    };

    #[test]
    fn the_longest_act_reads_back_and_another_spelling_does_not() {
        let code = Code::derive(Kind::Device, BY, 7, b"key").unwrap();
        let place = Place {
            by: BY,
            point: Point::from_nanodegrees(0, 0).unwrap(),
            level: Level::DEFAULT,
            height_dm: None,
            span: Span::new(EPOCH_MINUTES, None).unwrap(),
            owner: code,
        };
        let grid = GridCode::derive(&place).unwrap();
        let mut act = Act::new(ActKind::Warranted, grid, Timestamp(u32::MAX));
        act.other = Some(grid.into());
        act.signed = Some(Digest([0xff; 32]));
        act.certificate = Some(Digest([0xff; 32]));
        let mut leaf = [0; ACT_MAX];
        let len = act.write(&mut leaf).unwrap();
        assert_eq!(Act::read(&leaf[..len]), Ok(act));
        assert_eq!(Act::read(&leaf[..len - 1]), Err(Status::Malformed));
        assert_eq!(Act::read(&leaf[..=len]), Err(Status::Malformed));
        // The kind in two bytes instead of one.
        let mut long = [0; ACT_MAX];
        long[..2].copy_from_slice(&leaf[..2]);
        long[2..4].copy_from_slice(&[0x18, 12]);
        long[4..=len].copy_from_slice(&leaf[3..len]);
        assert_eq!(Act::read(&long[..=len]), Err(Status::Malformed));
    }

    #[test]
    fn kinds_read_back_by_their_numbers() {
        for kind in ActKind::ALL {
            assert_eq!(ActKind::from_number(*kind as u8), Some(*kind));
        }
        assert_eq!(ActKind::from_number(0), None);
    }
}
