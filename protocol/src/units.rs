//! Numbers with a meaning: a value of one of these types is always in range.

use core::fmt;

/// The largest amount and odometer reading: they also have to fit a signed database column.
pub const AMOUNT_MAX: u64 = i64::MAX as u64;

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// `None` above 2^63 - 1.
            pub const fn new(value: u64) -> Option<Self> {
                if value <= AMOUNT_MAX { Some(Self(value)) } else { None }
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number as a database stores it; it always fits.
            pub const fn as_i64(self) -> i64 {
                self.0 as i64
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

amount! {
    /// Money in the currency's smallest unit, 0 to 2^63 - 1.
    AmountMinor
}
amount! {
    /// Everything a purse has paid out in one currency and key epoch; it only grows.
    Odometer
}

impl AmountMinor {
    /// `None` when the sum leaves the range.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// `None` when `other` is larger.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

impl Odometer {
    /// The reading after paying `amount`; `None` when it leaves the range.
    pub const fn advance(self, amount: AmountMinor) -> Option<Self> {
        match self.0.checked_add(amount.0) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// The reading before `amount` was paid; `None` when less than that was ever paid.
    pub const fn before(self, amount: AmountMinor) -> Option<Self> {
        match self.0.checked_sub(amount.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// What lies between two readings; `None` when `earlier` is the higher one.
    pub const fn since(self, earlier: Self) -> Option<AmountMinor> {
        match self.0.checked_sub(earlier.0) {
            Some(rest) => Some(AmountMinor(rest)),
            None => None,
        }
    }
}

/// Seconds since 1970-01-01T00:00Z, 32 bits: good until 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u32);

impl Timestamp {
    /// Later by `seconds`, at most the end of the range.
    pub const fn plus_s(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Earlier by `seconds`, at least 1970.
    pub const fn minus_s(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// Number of a payment: one count per code and key epoch for all currencies. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u32);

impl Sequence {
    /// The number after this one; `None` at the end of the epoch.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }
}

/// Which life of a purse's key this is: raised after a restore, a loss or a fork. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch(pub u32);

/// How well a key is kept. It caps what its code may hold and pay offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AssuranceClass {
    /// A key in ordinary memory.
    #[default]
    Software = 0,
    /// A key isolated by a TEE or TPM.
    Isolated = 1,
    /// A secure element with a monotonic counter.
    SecureElement = 2,
}

impl AssuranceClass {
    /// The class with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Software),
            1 => Some(Self::Isolated),
            2 => Some(Self::SecureElement),
            _ => None,
        }
    }
}

/// A currency as one issuer declares it: the issuer's number and three letters or digits.
/// Exponent and display name are the issuer's word and stand beside it, not in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 6]);

impl Currency {
    /// `issuer` is 24 bits; `name` is three of `A-Z0-9`.
    pub const fn new(issuer: u32, name: [u8; 3]) -> Option<Self> {
        let [high, a, b, c] = issuer.to_be_bytes();
        if high != 0 {
            return None;
        }
        let [x, y, z] = name;
        Self::from_bytes([a, b, c, x, y, z])
    }

    /// Reads the six bytes; the last three must be of `A-Z0-9`.
    pub const fn from_bytes(bytes: [u8; 6]) -> Option<Self> {
        let [_, _, _, x, y, z] = bytes;
        if is_name_byte(x) && is_name_byte(y) && is_name_byte(z) {
            Some(Self(bytes))
        } else {
            None
        }
    }

    /// The six bytes as they stand in signed objects.
    pub const fn as_bytes(&self) -> &[u8; 6] {
        &self.0
    }

    /// The issuer who answers for this money.
    pub const fn issuer(&self) -> u32 {
        let [a, b, c, ..] = self.0;
        u32::from_be_bytes([0, a, b, c])
    }

    /// The three letters, such as `USD`.
    pub fn name(&self) -> &str {
        core::str::from_utf8(self.0.last_chunk::<3>().unwrap_or(b"???")).unwrap_or("???")
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), self.issuer())
    }
}

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads exactly this many bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

bytes_type! {
    /// Identifier of a signed object: SHA-256 over what is signed. Books and proofs keep it whole.
    Digest, 32
}
bytes_type! {
    /// The first 16 bytes of a [`Digest`], as objects refer to each other; or a payer's own text.
    Reference, 16
}

impl Digest {
    /// How another object refers to this one.
    pub fn reference(&self) -> Reference {
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(self.0) {
            *to = from;
        }
        Reference(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_never_wrap_or_saturate() {
        let max = AmountMinor::new(AMOUNT_MAX).unwrap();
        let one = AmountMinor::new(1).unwrap();
        assert_eq!(AmountMinor::new(AMOUNT_MAX + 1), None);
        assert_eq!(max.checked_add(one), None);
        assert_eq!(AmountMinor::ZERO.checked_sub(one), None);
        let reading = Odometer::new(AMOUNT_MAX).unwrap();
        assert_eq!(reading.advance(one), None);
        assert_eq!(reading.before(max), Some(Odometer::ZERO));
        assert_eq!(Odometer::ZERO.since(reading), None);
    }

    #[test]
    fn currency_is_issuer_and_three_letters() {
        let usd = Currency::new(1, *b"USD").unwrap();
        assert_eq!(usd.as_bytes(), b"\x00\x00\x01USD");
        assert_eq!((usd.issuer(), usd.name()), (1, "USD"));
        assert_eq!(Currency::new(1, *b"usd"), None);
        assert_eq!(Currency::new(1 << 24, *b"USD"), None);
    }
}
