use crate::code::Code;
use crate::code::grid::GridCode;
use crate::field::object;
use crate::units::{Digest, Timestamp};

macro_rules! numbered {
    ($(#[$about:meta])* $name:ident: $($number:literal $item:ident $word:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $(#[doc = $word] $item = $number,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item),*];

            /// Reads the number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$item),)*
                    _ => None,
                }
            }

            /// What people call it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$item => $word,)*
                }
            }
        }
    };
}

numbered! {
    /// What coordinates are counted in: the lattice's own datum, or one within decimetres of it.
    Datum:
    1 Wgs84 "WGS 84";
    2 Cgcs2000 "CGCS2000";
    3 Itrf2020 "ITRF2020";
}

numbered! {
    /// How a position was found.
    Method:
    1 Satellites "satellites";
    2 CorrectedSatellites "corrected satellites";
    3 Survey "survey from known points";
    4 Map "map or picture";
    5 Word "somebody's word";
}

object! {
    /// An owner's word on where exactly its place is, and how that was measured. It does nothing
    /// until an issuer or a gateway has signed a [`PlaceRecord`] of it.
    pub struct Survey: "survey" {
        /// The place.
        1 => place: GridCode,
        /// Whose it is: who signs.
        2 => owner: Code,
        /// North of the equator, in billionths of a degree.
        3 => latitude_nanodeg: i64,
        /// East of Greenwich, in billionths of a degree.
        4 => longitude_nanodeg: i64,
        /// Above the ellipsoid.
        5 => height_mm: Option<i64>,
        /// The position lies within this circle, nineteen times of twenty.
        6 => accuracy_mm: u32,
        /// So does the height.
        7 => height_accuracy_mm: Option<u32>,
        /// In which datum.
        8 => datum: Datum,
        /// How.
        9 => method: Method,
        /// What measured it.
        10 => measured_by: Option<Code>,
        /// When it was measured.
        11 => measured: Timestamp,
        /// When it was signed.
        12 => time: Timestamp,
    }
}

object! {
    /// Whoever may name places has seen the owner's survey of one of them, and stands for it.
    pub struct PlaceRecord: "place-record" {
        /// Who says so, and signs.
        1 => by: Code,
        /// The place.
        2 => place: GridCode,
        /// The identifier of the survey.
        3 => survey: Digest,
        /// When it was signed.
        4 => time: Timestamp,
    }
}
