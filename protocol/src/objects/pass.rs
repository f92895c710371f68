use crate::code::{Code, Kind};
use crate::field::{Decoder, Encoder, Field, Written, object, out_of_range};
use crate::keys::{Algorithm, PublicKey};
use crate::units::{AssuranceClass, Timestamp};
use minicbor::decode::Error as Malformed;

object! {
    /// The compact face of a code's credential: a CWT (RFC 8392) that confirms its wallet key
    /// (RFC 8747) and says what the code may do. Claims below -65536 are private.
    pub struct Pass: "pass" {
        /// Who signed it.
        1 => issuer: Party,
        /// Whose it is.
        2 => subject: Party,
        /// Good until.
        4 => expires: Timestamp,
        /// Given at.
        6 => issued: Timestamp,
        /// The wallet key.
        8 => key: Confirmation,
        /// How well that key is kept.
        -65537 => class: AssuranceClass,
        /// What the code may do.
        -65538 => rights: Rights,
        /// Longest isolation of a gateway, in seconds; in passes of gateways.
        -65539 => grace_s: Option<u32>,
        /// Station number; in passes of those who issue codes.
        -65540 => station: Option<u32>,
        /// First and last sequence number it may issue.
        -65541 => first_sequence: Option<u64>,
        /// See `first_sequence`.
        -65542 => last_sequence: Option<u64>,
    }
}

/// A code as CWT wants a name: its 34 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party(pub Code);

impl Field for Party {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.str(self.0.text().as_str())?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let text = from.str()?;
        let code: Code = text.parse().map_err(|_| out_of_range())?;
        // Only the canonical text: upper case, no hyphens.
        if code.text().as_str() != text {
            return Err(out_of_range());
        }
        Ok(Self(code))
    }
}

/// `{1: COSE_Key}`: proof of possession of this key is proof of being the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation(pub PublicKey);

const KEY_TYPE: i32 = 1;
const OKP: u8 = 1;
const EC2: u8 = 2;
const CURVE: i32 = -1;
const CURVE_P256: u8 = 1;
const CURVE_ED25519: u8 = 6;
const X: i32 = -2;
const Y: i32 = -3;

impl Field for Confirmation {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.map(1)?.u8(1)?;
        match &self.0 {
            PublicKey::Ed25519(x) => {
                to.map(3)?
                    .i32(KEY_TYPE)?
                    .u8(OKP)?
                    .i32(CURVE)?
                    .u8(CURVE_ED25519)?;
                to.i32(X)?.bytes(x)?;
            }
            PublicKey::P256(point) => {
                let (sign, x) = point.split_first().unwrap_or((&0, &[]));
                to.map(4)?
                    .i32(KEY_TYPE)?
                    .u8(EC2)?
                    .i32(CURVE)?
                    .u8(CURVE_P256)?;
                to.i32(X)?.bytes(x)?.i32(Y)?.bool(*sign == 3)?;
            }
        }
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if from.map()? != Some(1) || from.u8()? != 1 {
            return Err(out_of_range());
        }
        let members = from.map()?;
        expect_key(from, KEY_TYPE)?;
        let key_type = from.u8()?;
        expect_key(from, CURVE)?;
        let curve = from.u8()?;
        expect_key(from, X)?;
        let x: [u8; 32] = from.bytes()?.try_into().map_err(|_| out_of_range())?;
        match (members, key_type, curve) {
            (Some(3), OKP, CURVE_ED25519) => Ok(Self(PublicKey::Ed25519(x))),
            (Some(4), EC2, CURVE_P256) => {
                expect_key(from, Y)?;
                let mut point = [if from.bool()? { 3 } else { 2 }; 33];
                for (to, byte) in point.iter_mut().skip(1).zip(x) {
                    *to = byte;
                }
                PublicKey::from_slice(Algorithm::P256, &point)
                    .map(Self)
                    .ok_or_else(out_of_range)
            }
            _ => Err(out_of_range()),
        }
    }
}

fn expect_key(from: &mut Decoder<'_>, key: i32) -> Result<(), Malformed> {
    if from.i32()? == key {
        Ok(())
    } else {
        Err(out_of_range())
    }
}

/// What a code may do, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// Pay.
    pub const PAY: Self = Self(1);
    /// Accept payments.
    pub const ACCEPT: Self = Self(1 << 1);
    /// Settle payments and give allowances.
    pub const SETTLE: Self = Self(1 << 2);
    /// Issue codes within its station's range.
    pub const ISSUE_CODES: Self = Self(1 << 3);
    /// Issue money.
    pub const ISSUE_MONEY: Self = Self(1 << 4);
    const ALL: u32 = ((1 << 5) - 1) | Self::KINDS;
    /// From this bit on, one bit for each kind of code.
    const KIND_SHIFT: u32 = 8;
    const KINDS: u32 = ((1 << Kind::ALL.len()) - 1) << Self::KIND_SHIFT;

    /// To issue codes of this kind. Bits of kinds narrow the right to issue codes: whoever has none
    /// of them issues every kind.
    pub const fn kind(kind: Kind) -> Self {
        Self(1 << (Self::KIND_SHIFT + kind as u32))
    }

    /// Whether codes of this kind are among those that may be issued.
    pub const fn issues(self, kind: Kind) -> bool {
        self.permits(Self::ISSUE_CODES)
            && (self.0 & Self::KINDS == 0 || self.permits(Self::kind(kind)))
    }

    /// Whether an authority with these rights may hand out `other`: nothing it lacks itself, and
    /// no kind of code that it may not issue.
    pub const fn may_give(self, other: Self) -> bool {
        let kinds = self.0 & Self::KINDS;
        let plain = Self(other.0 & !Self::KINDS);
        let narrower = kinds == 0
            || !other.permits(Self::ISSUE_CODES)
            || (other.0 & Self::KINDS != 0 && other.0 & Self::KINDS & !kinds == 0);
        self.permits(plain) && narrower
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is permitted.
    pub const fn permits(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// `None` when a bit without a meaning is set.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits & !Self::ALL == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }
}

impl Field for Rights {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.u32(self.0)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::from_bits(from.u32()?).ok_or_else(out_of_range)
    }
}
