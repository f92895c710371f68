//! A code: the unforgeable name of one thing, 160 bits, 34 characters. See `docs/protocol.md`.

pub mod base32;
pub mod grid;
pub mod inside;

use crate::units::Digest;
use base32::TextError;
use core::{fmt, str::FromStr};
use sha2::{Digest as _, Sha256};

/// Layout version of codes and grid codes.
pub const VERSION: u8 = 1;
/// Bytes of a code.
pub const CODE_BYTES: usize = 20;
/// Bytes of the part of a code that commits to its birth key.
pub const FINGERPRINT_BYTES: usize = 10;
/// Characters of a code's text, check symbols included.
pub const CODE_CHARS: usize = 34;
/// Issuer numbers are below this.
pub const ISSUER_END: u32 = 1 << 24;
/// Station numbers are below this.
pub const STATION_END: u16 = 1 << 12;
/// Sequence numbers of a station are below this.
pub const STATION_SEQUENCE_END: u64 = 1 << 36;

/// What kind of thing a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A machine with a key of its own.
    Device = 0,
    /// An edge gateway.
    Gateway = 1,
    /// A radio or compute module inside something else.
    Module = 2,
    /// A thing without electronics; it commits to a secret printed inside.
    PassiveItem = 3,
    /// A batch of things.
    Lot = 4,
    /// A human being.
    Person = 5,
    /// An issuer or a station.
    Issuer = 6,
    /// A place; see [`grid::GridCode`].
    Place = 7,
    /// A service.
    Service = 8,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Device,
        Self::Gateway,
        Self::Module,
        Self::PassiveItem,
        Self::Lot,
        Self::Person,
        Self::Issuer,
        Self::Place,
        Self::Service,
    ];

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word people use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Gateway => "gateway",
            Self::Module => "module",
            Self::PassiveItem => "passive item",
            Self::Lot => "lot",
            Self::Person => "person",
            Self::Issuer => "issuer",
            Self::Place => "place",
            Self::Service => "service",
        }
    }
}

/// Who issued: an issuer and one of its stations. Ordered as in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuedBy {
    /// Allotted by the network, 24 bits.
    pub issuer: u32,
    /// Allotted by the issuer, 12 bits.
    pub station: u16,
}

/// The name of one thing. Every value of this type is well formed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; CODE_BYTES]);

/// Why 20 bytes are no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// The layout version is not [`VERSION`].
    Version,
    /// The kind is not in the list, or names a place.
    Kind,
    /// A number does not fit its field.
    Range,
}

impl Code {
    /// Makes the code of a thing from its allotted numbers and the SubjectPublicKeyInfo DER of its
    /// birth key (for a passive item: the commitment to its inside secret).
    pub fn derive(
        kind: Kind,
        by: IssuedBy,
        sequence: u64,
        birth_key_spki: &[u8],
    ) -> Result<Self, CodeError> {
        let print = fingerprint(&head_of(kind, by, sequence)?, birth_key_spki);
        Self::assemble(kind, by, sequence, &print)
    }

    /// The code with these numbers and this fingerprint, as somebody else worked it out.
    pub fn assemble(
        kind: Kind,
        by: IssuedBy,
        sequence: u64,
        fingerprint: &[u8; FINGERPRINT_BYTES],
    ) -> Result<Self, CodeError> {
        let mut bytes = head_of(kind, by, sequence)?;
        for (to, from) in bytes.iter_mut().skip(10).zip(fingerprint) {
            *to = *from;
        }
        Ok(Self(bytes))
    }

    /// The part that commits to the birth key.
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let [.., a, b, c, d, e, f, g, h, i, j] = self.0;
        [a, b, c, d, e, f, g, h, i, j]
    }

    /// Reads 20 bytes.
    pub fn from_bytes(bytes: [u8; CODE_BYTES]) -> Result<Self, CodeError> {
        let [first, ..] = bytes;
        if first >> 4 != VERSION {
            return Err(CodeError::Version);
        }
        match Kind::from_number(first & 0x0f) {
            Some(Kind::Place) | None => Err(CodeError::Kind),
            Some(_) => Ok(Self(bytes)),
        }
    }

    /// The 20 bytes.
    pub const fn as_bytes(&self) -> &[u8; CODE_BYTES] {
        &self.0
    }

    /// What it names.
    pub fn kind(&self) -> Kind {
        let [first, ..] = self.0;
        Kind::from_number(first & 0x0f).unwrap_or(Kind::Device)
    }

    /// Who issued it.
    pub fn issued_by(&self) -> IssuedBy {
        let head = self.head();
        IssuedBy {
            issuer: (head >> 48) as u32 & (ISSUER_END - 1),
            station: (head >> 36) as u16 & (STATION_END - 1),
        }
    }

    /// Its number at the station that issued it.
    pub fn sequence(&self) -> u64 {
        self.head() as u64 & (STATION_SEQUENCE_END - 1)
    }

    /// Whether this code was made for that birth key: anyone who holds the key can tell.
    pub fn commits_to(&self, birth_key_spki: &[u8]) -> bool {
        self.0
            .iter()
            .skip(10)
            .eq(fingerprint(&self.0, birth_key_spki).iter())
    }

    /// The text, 34 upper-case characters.
    pub fn text(&self) -> base32::Text<CODE_CHARS> {
        base32::encode(&self.0)
    }

    fn head(&self) -> u128 {
        self.0
            .iter()
            .take(10)
            .fold(0, |head, byte| head << 8 | u128::from(*byte))
    }
}

/// The first ten bytes of a code; the rest is zero.
fn head_of(kind: Kind, by: IssuedBy, sequence: u64) -> Result<[u8; CODE_BYTES], CodeError> {
    if kind == Kind::Place {
        return Err(CodeError::Kind);
    }
    if by.issuer >= ISSUER_END || by.station >= STATION_END || sequence >= STATION_SEQUENCE_END {
        return Err(CodeError::Range);
    }
    let head = u128::from(VERSION) << 76
        | u128::from(kind as u8) << 72
        | u128::from(by.issuer) << 48
        | u128::from(by.station) << 36
        | u128::from(sequence);
    let mut bytes = [0; CODE_BYTES];
    // The head is 80 bits: the last ten bytes of the 128-bit number.
    for (to, from) in bytes.iter_mut().zip(head.to_be_bytes().into_iter().skip(6)) {
        *to = from;
    }
    Ok(bytes)
}

/// First 80 bits of SHA-256("onecode/1" || first 80 bits of the code || SPKI).
fn fingerprint(code: &[u8; CODE_BYTES], spki: &[u8]) -> [u8; FINGERPRINT_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"onecode/1");
    for byte in code.iter().take(10) {
        hash.update([*byte]);
    }
    hash.update(spki);
    let digest = Digest(hash.finalize().into());
    let mut print = [0; FINGERPRINT_BYTES];
    for (to, from) in print.iter_mut().zip(digest.0) {
        *to = from;
    }
    print
}

impl FromStr for Code {
    type Err = TextError;

    /// Reads the text form: any case, hyphens and spaces between groups, `I`, `L` as 1 and `O` as 0.
    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::from_bytes(base32::decode::<CODE_BYTES>(text)?).map_err(|_| TextError::NotACode)
    }
}

impl fmt::Display for Code {
    /// 34 characters; with `{:#}` in groups of four.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text(), f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    fn code() -> impl Strategy<Value = Code> {
        (
            0u8..9,
            0..ISSUER_END,
            0..STATION_END,
            0..STATION_SEQUENCE_END,
            any::<[u8; 44]>(),
        )
            .prop_filter_map(
                "places are grid codes",
                |(kind, issuer, station, sequence, spki)| {
                    Code::derive(
                        Kind::from_number(kind)?,
                        IssuedBy { issuer, station },
                        sequence,
                        &spki,
                    )
                    .ok()
                },
            )
    }

    proptest! {
        #[test]
        fn text_reads_back(code in code()) {
            let text = code.to_string();
            prop_assert_eq!(text.len(), CODE_CHARS);
            prop_assert_eq!(text.parse::<Code>(), Ok(code));
            prop_assert_eq!(text.to_lowercase().parse::<Code>(), Ok(code));
            prop_assert_eq!(std::format!("{code:#}").parse::<Code>(), Ok(code));
            prop_assert_eq!(Code::from_bytes(*code.as_bytes()), Ok(code));
        }

        #[test]
        fn fields_read_back(issuer in 0..ISSUER_END, station in 0..STATION_END,
                            sequence in 0..STATION_SEQUENCE_END, spki in any::<[u8; 44]>()) {
            let by = IssuedBy { issuer, station };
            let code = Code::derive(Kind::Service, by, sequence, &spki).unwrap();
            prop_assert_eq!((code.kind(), code.issued_by(), code.sequence()), (Kind::Service, by, sequence));
            prop_assert!(code.commits_to(&spki));
            let mut other = spki;
            other[0] ^= 1;
            prop_assert!(!code.commits_to(&other));
        }

        #[test]
        fn one_wrong_symbol_is_always_caught(code in code(), at in 0..CODE_CHARS, with in 0u8..32) {
            let mut text: std::vec::Vec<u8> = code.to_string().into_bytes();
            let wrong = base32::ALPHABET[usize::from(with)];
            prop_assume!(text[at] != wrong);
            text[at] = wrong;
            prop_assert_eq!(String::from_utf8(text).unwrap().parse::<Code>(), Err(TextError::Check));
        }

        #[test]
        fn swapped_neighbours_are_always_caught(code in code(), at in 0..CODE_CHARS - 1) {
            let mut text: std::vec::Vec<u8> = code.to_string().into_bytes();
            prop_assume!(text[at] != text[at + 1]);
            text.swap(at, at + 1);
            prop_assert_eq!(String::from_utf8(text).unwrap().parse::<Code>(), Err(TextError::Check));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}") {
            let _ = text.parse::<Code>();
        }
    }

    #[test]
    fn a_code_is_put_together_from_its_parts() {
        let by = IssuedBy {
            issuer: 3,
            station: 4,
        };
        let code = Code::derive(Kind::Lot, by, 5, b"key").unwrap();
        let again = Code::assemble(Kind::Lot, by, 5, &code.fingerprint());
        assert_eq!(again, Ok(code));
    }

    #[test]
    fn numbers_outside_their_fields_are_refused() {
        let by = IssuedBy {
            issuer: ISSUER_END,
            station: 1,
        };
        assert_eq!(
            Code::derive(Kind::Device, by, 1, b""),
            Err(CodeError::Range)
        );
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        assert_eq!(
            Code::derive(Kind::Device, by, STATION_SEQUENCE_END, b""),
            Err(CodeError::Range)
        );
        assert_eq!(Code::derive(Kind::Place, by, 1, b""), Err(CodeError::Kind));
        assert_eq!(Code::from_bytes([0x20; 20]), Err(CodeError::Version));
        assert_eq!(Code::from_bytes([0x1f; 20]), Err(CodeError::Kind));
    }
}
