//! What a station and a thing say to each other over a serial line: the thing makes its keys and
//! asks, the station puts credentials into it and reads them back.
//!
//! ```text
//! OC1 <tag> <words> <check>\n       one line each way; the answer has the tag of its call
//!
//! HELLO <network>                   -> HELLO <model>         who is there
//! ASK <offset>                      -> DATA <total> <hex>    a piece of the thing's request
//! PUT <name> <offset> <total> <hex> -> OK                    a piece of a part
//! KEEP <sha256>                     -> OK                    all parts are there: make them durable
//! GET <name> <offset>               -> DATA <total> <hex>    a piece of what it keeps
//!                                   -> NO <reason>           to any of them; nothing changed
//! ```
//! The check is the CRC-32 (ISO-HDLC) of everything before the space in front of it, eight hexadecimal digits. Every
//! call may be repeated. Lines of anything else, such as a boot loader's, are passed over.

use crate::cose::Network;
use crate::units::Digest;
use core::fmt::{self, Write};
use core::str;
use crc::{CRC_32_ISO_HDLC, Crc};
use sha2::Digest as _;

/// What is put into a thing, all of it.
pub const PART_NAMES: [&str; 8] = [
    "root-key",
    "root.der",
    "issuer.der",
    "station.der",
    "certificate.der",
    "issuer.pass",
    "station.pass",
    "pass",
];
/// Longest line, its end included.
pub const LINE_BYTES_MAX: usize = 640;
/// Most bytes in one line.
pub const CHUNK_BYTES: usize = 256;
/// Longest part.
pub const PART_BYTES_MAX: usize = 8 * 1024;
/// Most parts.
pub const PARTS_MAX: usize = 16;
/// Longest name of a part, model or reason.
pub const NAME_BYTES_MAX: usize = 32;

const START: &str = "OC1 ";
const CHECK: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CHECK_CHARS: usize = 8;

/// Some bytes of something longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    bytes: [u8; CHUNK_BYTES],
    len: usize,
}

impl Chunk {
    /// The piece of `whole` that begins at `offset`; empty behind its end.
    pub fn of(whole: &[u8], offset: usize) -> Self {
        let rest = whole.get(offset..).unwrap_or_default();
        let mut bytes = [0; CHUNK_BYTES];
        let len = rest.len().min(CHUNK_BYTES);
        for (to, from) in bytes.iter_mut().zip(rest) {
            *to = *from;
        }
        Self { bytes, len }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn parse(digits: &str) -> Option<Self> {
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > CHUNK_BYTES {
            return None;
        }
        let mut bytes = [0; CHUNK_BYTES];
        for (to, [high, low]) in bytes.iter_mut().zip(pairs) {
            let digit = |char: &u8| char::from(*char).to_digit(16);
            *to = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
        }
        Some(Self {
            bytes,
            len: pairs.len(),
        })
    }
}

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a station says.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and no allocation to put the piece into"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call<'l> {
    /// Who is there, and of which network shall it be?
    Hello {
        /// The network.
        network: Network,
    },
    /// A piece of the request.
    Ask {
        /// From where.
        offset: usize,
    },
    /// A piece of a part.
    Put {
        /// Which part.
        name: &'l str,
        /// Where the piece begins; a piece at 0 begins the part anew.
        offset: usize,
        /// Length of the part.
        total: usize,
        /// The piece.
        chunk: Chunk,
    },
    /// All parts are put: keep them, all or none.
    Keep {
        /// What [`Parts`] makes of them.
        digest: Digest,
    },
    /// A piece of a kept part.
    Get {
        /// Which part.
        name: &'l str,
        /// From where.
        offset: usize,
    },
}

/// What a thing answers.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and no allocation to put the piece into"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'l> {
    /// It is there.
    Hello {
        /// What it is.
        model: &'l str,
    },
    /// Done.
    Ok,
    /// A piece of what was asked for.
    Data {
        /// Length of all of it.
        total: usize,
        /// The piece.
        chunk: Chunk,
    },
    /// Not done.
    No {
        /// Why, without spaces.
        reason: &'l str,
    },
}

/// Some words with a tag, as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    len: usize,
}

impl Line {
    /// The line with its end.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn new(tag: u16, words: fmt::Arguments<'_>) -> Option<Self> {
        let mut line = Self {
            bytes: [0; LINE_BYTES_MAX],
            len: 0,
        };
        write!(line, "{START}{tag} {words}").ok()?;
        let check = CHECK.checksum(line.as_bytes());
        writeln!(line, " {check:08x}").ok()?;
        Some(line)
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let place = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Whether this is a name: short, and of letters, digits, dots and hyphens only.
pub fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// Tag and words of a line, given with or without its end; `None` when it is damaged or none.
fn words(line: &[u8]) -> Option<(u16, &str)> {
    let text = str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let (body, check) = text.rsplit_once(' ')?;
    if check.len() != CHECK_CHARS
        || u32::from_str_radix(check, 16).ok()? != CHECK.checksum(body.as_bytes())
    {
        return None;
    }
    let (tag, words) = body.strip_prefix(START)?.split_once(' ')?;
    Some((tag.parse().ok()?, words))
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number <= PART_BYTES_MAX)
}

fn name(text: &str) -> Option<&str> {
    is_name(text).then_some(text)
}

impl<'l> Call<'l> {
    /// Reads a line.
    pub fn read(line: &'l [u8]) -> Option<(u16, Self)> {
        let (tag, words) = words(line)?;
        let mut words = words.split(' ');
        let mut word = || words.next();
        let call = match word()? {
            "HELLO" => Self::Hello {
                network: Network::new(word()?)?,
            },
            "ASK" => Self::Ask {
                offset: number(word()?)?,
            },
            "PUT" => Self::Put {
                name: name(word()?)?,
                offset: number(word()?)?,
                total: number(word()?)?,
                chunk: Chunk::parse(word()?)?,
            },
            "KEEP" => Self::Keep {
                digest: Digest::from_slice(Chunk::parse(word()?)?.as_bytes())?,
            },
            "GET" => Self::Get {
                name: name(word()?)?,
                offset: number(word()?)?,
            },
            _ => return None,
        };
        words.next().is_none().then_some((tag, call))
    }

    /// The line; `None` when a name is none.
    pub fn line(&self, tag: u16) -> Option<Line> {
        match self {
            Self::Hello { network } => Line::new(tag, format_args!("HELLO {}", network.as_str())),
            Self::Ask { offset } => Line::new(tag, format_args!("ASK {offset}")),
            Self::Put {
                name,
                offset,
                total,
                chunk,
            } => Line::new(tag, format_args!("PUT {name} {offset} {total} {chunk}")),
            Self::Keep { digest } => Line::new(tag, format_args!("KEEP {digest}")),
            Self::Get { name, offset } => Line::new(tag, format_args!("GET {name} {offset}")),
        }
        .filter(|line| Call::read(line.as_bytes()) == Some((tag, *self)))
    }
}

impl<'l> Reply<'l> {
    /// Reads a line.
    pub fn read(line: &'l [u8]) -> Option<(u16, Self)> {
        let (tag, words) = words(line)?;
        let mut words = words.split(' ');
        let mut word = || words.next();
        let reply = match word()? {
            "HELLO" => Self::Hello {
                model: name(word()?)?,
            },
            "OK" => Self::Ok,
            "DATA" => Self::Data {
                total: number(word()?)?,
                chunk: Chunk::parse(word()?)?,
            },
            "NO" => Self::No {
                reason: name(word()?)?,
            },
            _ => return None,
        };
        words.next().is_none().then_some((tag, reply))
    }

    /// The line; `None` when a name is none.
    pub fn line(&self, tag: u16) -> Option<Line> {
        match self {
            Self::Hello { model } => Line::new(tag, format_args!("HELLO {model}")),
            Self::Ok => Line::new(tag, format_args!("OK")),
            Self::Data { total, chunk } => Line::new(tag, format_args!("DATA {total} {chunk}")),
            Self::No { reason } => Line::new(tag, format_args!("NO {reason}")),
        }
        .filter(|line| Reply::read(line.as_bytes()) == Some((tag, *self)))
    }
}

/// What is put into a thing, as one hash: SHA-256 over name, a zero byte, length (four bytes, the
/// highest first) and content of each part in the order they are put.
#[derive(Clone, Debug, Default)]
pub struct Parts(sha2::Sha256);

impl Parts {
    /// The next part.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        self.0.update(name.as_bytes());
        self.0.update([0]);
        self.0.update((content.len() as u32).to_be_bytes());
        self.0.update(content);
    }

    /// The hash.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn every_call_and_reply_reads_back(
            tag: u16,
            name in "[a-zA-Z0-9._-]{1,32}",
            offset in 0..PART_BYTES_MAX,
            content in proptest::collection::vec(any::<u8>(), 0..CHUNK_BYTES * 2),
        ) {
            let (total, chunk) = (PART_BYTES_MAX, Chunk::of(&content, 0));
            let network = Network::new("test").unwrap();
            for call in [
                Call::Hello { network },
                Call::Ask { offset },
                Call::Put { name: &name, offset, total, chunk },
                Call::Keep { digest: Digest([7; 32]) },
                Call::Get { name: &name, offset },
            ] {
                let line = call.line(tag).unwrap();
                prop_assert_eq!(Call::read(line.as_bytes()), Some((tag, call)));
            }
            for reply in [
                Reply::Hello { model: &name },
                Reply::Ok,
                Reply::Data { total, chunk },
                Reply::No { reason: &name },
            ] {
                let line = reply.line(tag).unwrap();
                prop_assert_eq!(Reply::read(line.as_bytes()), Some((tag, reply)));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = (Call::read(&bytes), Reply::read(&bytes));
        }
    }

    #[test]
    fn a_line_with_any_byte_changed_is_passed_over() {
        let line = Call::Get {
            name: "pass",
            offset: 256,
        };
        let line = line.line(3).unwrap();
        for at in 0..line.as_bytes().len() - 1 {
            for bit in 0..7 {
                let mut bytes = line.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                // The digits of the check are read in either case.
                if !bytes.eq_ignore_ascii_case(line.as_bytes()) {
                    assert_eq!(Call::read(&bytes), None, "byte {at} bit {bit}");
                }
            }
        }
        for other in ["", "\n", "U-Boot 2026.04", "OC1 3 GET pass 0"] {
            assert_eq!(Call::read(other.as_bytes()), None, "{other}");
        }
    }
}
