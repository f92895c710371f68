//! How each field of a signed object stands in deterministic CBOR, and the one macro that makes an
//! object out of fields.
//!
//! An object is a map from small integers to values, keys in the order of RFC 8949 4.2.1. Decoding is by type: an
//! unknown, missing, repeated or misplaced key is refused, and so is any value outside its range.
//! [`crate::cose::open`] then encodes again and compares, so that no second spelling is accepted.

use crate::code::Code;
use crate::code::grid::{Cell, GridCode};
use crate::keys::{Algorithm, PublicKey};
use crate::objects::{Datum, Method};
use crate::units::{
    AmountMinor, AssuranceClass, Currency, Digest, KeyEpoch, Odometer, Reference, Sequence,
    Timestamp,
};
use minicbor::decode::Error as Malformed;
use minicbor::encode::write::{Cursor, EndOfSlice};

pub(crate) type Decoder<'b> = minicbor::Decoder<'b>;
pub(crate) type Encoder<'b> = minicbor::Encoder<Cursor<&'b mut [u8]>>;
pub(crate) type Written = Result<(), minicbor::encode::Error<EndOfSlice>>;

/// One value inside an object.
pub(crate) trait Field: Sized {
    fn write(&self, to: &mut Encoder<'_>) -> Written;
    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed>;

    /// Whether the key is written at all.
    fn is_present(&self) -> bool {
        true
    }

    /// The value when the key is not there; `None` when it must be.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        self.as_ref().map_or(Ok(()), |value| value.write(to))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        T::read(from).map(Some)
    }

    fn is_present(&self) -> bool {
        self.is_some()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

pub(crate) fn out_of_range() -> Malformed {
    Malformed::message("out of range")
}

fn exact<const N: usize>(from: &mut Decoder<'_>) -> Result<[u8; N], Malformed> {
    from.bytes()?.try_into().map_err(|_| out_of_range())
}

/// Fields that are one unsigned integer.
macro_rules! integer_field {
    ($($name:ty: $get:expr, $make:expr, $read:ident;)*) => {$(
        impl Field for $name {
            fn write(&self, to: &mut Encoder<'_>) -> Written {
                let get: fn(&$name) -> u64 = $get;
                to.u64(get(self))?;
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                $make(from.$read()?).ok_or_else(out_of_range)
            }
        }
    )*};
}

integer_field! {
    u32: |n| u64::from(*n), Some, u32;
    u64: |n| *n, Some, u64;
    AmountMinor: |n| n.get(), AmountMinor::new, u64;
    Odometer: |n| n.get(), Odometer::new, u64;
    Timestamp: |n| u64::from(n.0), |n| Some(Timestamp(n)), u32;
    Sequence: |n| u64::from(n.0), |n| Some(Sequence(n)), u32;
    KeyEpoch: |n| u64::from(n.0), |n| Some(KeyEpoch(n)), u32;
    AssuranceClass: |n| *n as u64, AssuranceClass::from_number, u8;
    Datum: |n| *n as u64, Datum::from_number, u8;
    Method: |n| *n as u64, Method::from_number, u8;
}

/// Below zero as well.
impl Field for i64 {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.i64(*self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.i64()
    }
}

/// Fields that are one byte string.
macro_rules! bytes_field {
    ($($name:ty: $make:expr;)*) => {$(
        impl Field for $name {
            fn write(&self, to: &mut Encoder<'_>) -> Written {
                to.bytes(self.as_bytes())?;
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                $make(exact(from)?).ok_or_else(out_of_range)
            }
        }
    )*};
}

bytes_field! {
    Code: |b| Code::from_bytes(b).ok();
    Cell: |b| Cell::from_bytes(b).ok();
    GridCode: |b| GridCode::from_bytes(b).ok();
    Currency: Currency::from_bytes;
    Digest: |b| Some(Digest(b));
    Reference: |b| Some(Reference(b));
}

/// A mark that is there or not: `true`, for nothing is written where it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present;

impl Field for Present {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.bool(true)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if from.bool()? {
            Ok(Self)
        } else {
            Err(out_of_range())
        }
    }
}

/// A short list, `N` at most, without allocation: at least one, in strictly ascending order, so that
/// a set has one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<T, const N: usize> {
    items: [Option<T>; N],
}

impl<T: Copy + Ord, const N: usize> Set<T, N> {
    /// `None` when there are none, too many, or two that are equal; in any order.
    pub fn new(given: &[T]) -> Option<Self> {
        let mut items = [None; N];
        for (place, item) in items.iter_mut().zip(given) {
            *place = Some(*item);
        }
        items.get_mut(..given.len())?.sort_unstable();
        let set = Self { items };
        (set.is_ascending() && !given.is_empty()).then_some(set)
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    fn is_ascending(&self) -> bool {
        self.iter().zip(self.iter().skip(1)).all(|(a, b)| a < b)
    }
}

impl<T: Field + Copy + Ord, const N: usize> Field for Set<T, N> {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.array(self.iter().count() as u64)?;
        self.iter().try_for_each(|item| item.write(to))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let count = from.array()?.ok_or_else(out_of_range)?;
        let mut set = Self { items: [None; N] };
        let places = usize::try_from(count)
            .ok()
            .and_then(|count| set.items.get_mut(..count))
            .ok_or_else(out_of_range)?;
        for place in places {
            *place = Some(T::read(from)?);
        }
        if count == 0 || !set.is_ascending() {
            return Err(out_of_range());
        }
        Ok(set)
    }
}

/// `[algorithm, bytes]`: the algorithm is named where the key is bound.
impl Field for PublicKey {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.array(2)?
            .i8(self.algorithm().cose())?
            .bytes(self.as_bytes())?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if from.array()? != Some(2) {
            return Err(out_of_range());
        }
        let algorithm = Algorithm::from_cose(from.i8()?).ok_or_else(out_of_range)?;
        Self::from_slice(algorithm, from.bytes()?).ok_or_else(out_of_range)
    }
}

/// Walks the keys of a map in ascending order.
pub(crate) struct Keys {
    left: u64,
    next: Option<i32>,
}

impl Keys {
    pub(crate) fn open(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let left = from
            .map()?
            .ok_or_else(|| Malformed::message("indefinite length"))?;
        let mut keys = Self { left, next: None };
        keys.advance(from)?;
        Ok(keys)
    }

    fn advance(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        self.next = match self.left.checked_sub(1) {
            None => None,
            Some(left) => {
                self.left = left;
                Some(from.i32()?)
            }
        };
        Ok(())
    }

    pub(crate) fn field<T: Field>(
        &mut self,
        from: &mut Decoder<'_>,
        key: i32,
    ) -> Result<T, Malformed> {
        if self.next != Some(key) {
            return T::absent().ok_or_else(|| Malformed::message("missing field"));
        }
        let value = T::read(from)?;
        self.advance(from)?;
        Ok(value)
    }

    pub(crate) fn close(self) -> Result<(), Malformed> {
        match self.next {
            None => Ok(()),
            Some(_) => Err(Malformed::message("unknown field")),
        }
    }
}

/// Declares a map of fields: its struct, and how it is written and read.
macro_rules! payload {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])* $key:literal => $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::objects::Payload for $name {
            fn write(&self, to: &mut $crate::field::Encoder<'_>) -> $crate::field::Written {
                use $crate::field::Field;
                let mut present = 0;
                $(present += u64::from(Field::is_present(&self.$field));)*
                to.map(present)?;
                $(if Field::is_present(&self.$field) {
                    to.i32($key)?;
                    Field::write(&self.$field, to)?;
                })*
                Ok(())
            }

            fn read(from: &mut $crate::field::Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
                let mut keys = $crate::field::Keys::open(from)?;
                $(let $field = keys.field(from, $key)?;)*
                keys.close()?;
                Ok(Self { $($field),* })
            }
        }
    };
}
pub(crate) use payload;

/// Declares a signed object: a map of fields with a context name.
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident: $context:literal { $($fields:tt)* }
    ) => {
        $crate::field::payload! {
            $(#[$doc])*
            pub struct $name { $($fields)* }
        }

        impl $crate::objects::Object for $name {
            const NAME: &'static str = $context;
        }
    };
}
pub(crate) use object;
