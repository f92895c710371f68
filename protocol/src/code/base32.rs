//! Crockford base32 with two check symbols, the text form of codes and grid codes.

use core::fmt;
use crc::{CRC_10_ATM, Crc};

/// 32 symbols without I, L, O and U.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Polynomial 0x233, init 0, not reflected, no final xor. It detects every burst of up to ten bits,
/// thus any wrong symbol and any two swapped neighbours.
const CHECK: Crc<u16> = Crc::<u16>::new(&CRC_10_ATM);

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Too few or too many symbols.
    Length,
    /// A character that is no symbol.
    Symbol,
    /// The check symbols do not fit: something was misread or mistyped.
    Check,
    /// Well-formed text of something else.
    NotACode,
}

impl TextError {
    /// A sentence for people, with the next step.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Length => {
                "a symbol is missing or too many: a code has 34 symbols, a grid code 50"
            }
            Self::Symbol => {
                "a character that never stands in a code: only digits and letters without U"
            }
            Self::Check => {
                "the check symbols do not fit: one symbol was misread, compare with the label"
            }
            Self::NotACode => "well-formed text, but no code of this version",
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl core::error::Error for TextError {}

/// `N` symbols, always ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// The symbols.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(self.as_str());
        }
        for (i, group) in self.0.chunks(4).enumerate() {
            if i > 0 {
                f.write_str("-")?;
            }
            f.write_str(core::str::from_utf8(group).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Symbols of `bytes`, most significant bit first, then two check symbols.
///
/// `CHARS` must be `bytes * 8 / 5 + 2`; both users have whole symbols.
pub fn encode<const BYTES: usize, const CHARS: usize>(bytes: &[u8; BYTES]) -> Text<CHARS> {
    const { assert!(BYTES.is_multiple_of(5) && CHARS == BYTES / 5 * 8 + 2) };
    let mut text = [b'0'; CHARS];
    let check = CHECK.checksum(bytes);
    let mut symbols = text.iter_mut();
    for five in bytes.chunks(5) {
        let bits = five
            .iter()
            .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for shift in (0..8).rev() {
            put(symbols.next(), (bits >> (shift * 5)) as u16);
        }
    }
    put(symbols.next(), check >> 5);
    put(symbols.next(), check);
    Text(text)
}

fn put(to: Option<&mut u8>, value: u16) {
    if let (Some(to), Some(symbol)) = (to, ALPHABET.get(usize::from(value & 31))) {
        *to = *symbol;
    }
}

/// Reads text into exactly `BYTES` bytes and compares the check symbols.
pub fn decode<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], TextError> {
    const { assert!(BYTES.is_multiple_of(5)) };
    let mut bytes = [0; BYTES];
    let mut symbols = text.chars().filter(|c| !matches!(c, '-' | ' '));
    for five in bytes.chunks_mut(5) {
        let mut bits = 0u64;
        for _ in 0..8 {
            bits = bits << 5 | u64::from(value(symbols.next())?);
        }
        for (to, from) in five.iter_mut().zip(bits.to_be_bytes().into_iter().skip(3)) {
            *to = from;
        }
    }
    let check = value(symbols.next())? << 5 | value(symbols.next())?;
    if symbols.next().is_some() {
        return Err(TextError::Length);
    }
    if check != CHECK.checksum(&bytes) {
        return Err(TextError::Check);
    }
    Ok(bytes)
}

fn value(symbol: Option<char>) -> Result<u16, TextError> {
    let symbol = match symbol.ok_or(TextError::Length)?.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    ALPHABET
        .iter()
        .position(|candidate| char::from(*candidate) == symbol)
        .map(|at| at as u16)
        .ok_or(TextError::Symbol)
}
