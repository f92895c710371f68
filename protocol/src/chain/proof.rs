//! A leaf's place in a log as one text file (c2sp.org/tlog-proof), with the leaf itself and the
//! passes of the gateway inside, so that who knows the root's key needs nothing else.

use super::checkpoint::decimal;
use super::note::{Base64Digest, Note, NoteError, write_base64};
use crate::cose::SIGNED_MAX;
use crate::field::{Decoder, Encoder};
use crate::units::Digest;
use base64ct::{Base64, Encoding};
use core::fmt::{self, Write};
use minicbor::encode::write::Cursor;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1\n";
/// Hashes in a path: the height of the largest tree.
pub const PATH_MOST: usize = 63;
/// The longest extra data.
pub const EXTRA_MAX: usize = super::ACT_MAX + 2 * SIGNED_MAX + 16;

/// What stands beside a proof: the leaf, and by which passes the gateway speaks. A CBOR array of
/// three byte strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra<'a> {
    /// The leaf as it was hashed.
    pub leaf: &'a [u8],
    /// The issuer's pass, by the root.
    pub issuer: &'a [u8],
    /// The gateway's pass, by the issuer.
    pub gateway: &'a [u8],
}

impl<'a> Extra<'a> {
    /// Reads it, whole.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        if from.array().ok()? != Some(3) {
            return None;
        }
        let (leaf, issuer) = (from.bytes().ok()?, from.bytes().ok()?);
        let gateway = from.bytes().ok()?;
        (from.position() == bytes.len()).then_some(Self {
            leaf,
            issuer,
            gateway,
        })
    }

    fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut to = Encoder::new(Cursor::new(out));
        to.array(3).ok()?.bytes(self.leaf).ok()?;
        to.bytes(self.issuer).ok()?.bytes(self.gateway).ok()?;
        Some(to.writer().position())
    }
}

/// A proof as it was read. Nothing of it is checked yet.
#[derive(Clone, Copy, Debug)]
pub struct LogProof<'a> {
    extra: Option<&'a str>,
    /// Where the leaf stands, from 0.
    pub index: u64,
    path: &'a str,
    /// The checkpoint.
    pub note: Note<'a>,
}

impl<'a> LogProof<'a> {
    /// Whether this is one, by its first line.
    pub fn is_one(text: &[u8]) -> bool {
        text.starts_with(FIRST_LINE.as_bytes())
    }

    /// Reads the text.
    pub fn read(text: &'a str) -> Result<Self, NoteError> {
        let wrong = NoteError::Malformed;
        let rest = text.strip_prefix(FIRST_LINE).ok_or(wrong)?;
        let (extra, rest) = match rest.strip_prefix("extra ") {
            Some(rest) => {
                let (extra, rest) = rest.split_once('\n').ok_or(wrong)?;
                (Some(extra), rest)
            }
            None => (None, rest),
        };
        let (index, rest) = rest
            .strip_prefix("index ")
            .and_then(|rest| rest.split_once('\n'))
            .ok_or(wrong)?;
        let index = decimal(index).ok_or(wrong)?;
        let (path, note) = match rest.strip_prefix('\n') {
            Some(note) => ("", note),
            None => rest.split_once("\n\n").ok_or(wrong)?,
        };
        let note = Note::read(note)?;
        let proof = Self {
            extra,
            index,
            path,
            note,
        };
        let whole = proof.lines().count() <= PATH_MOST
            && proof.lines().all(|line| Base64Digest::read(line).is_some());
        if whole { Ok(proof) } else { Err(wrong) }
    }

    fn lines(&self) -> impl Iterator<Item = &'a str> {
        self.path.lines()
    }

    /// The inclusion proof, from the leaf's neighbour upwards.
    pub fn path(&self) -> impl Iterator<Item = Digest> {
        self.lines().filter_map(Base64Digest::read)
    }

    /// What stands beside the proof, in `buffer`; `None` when there is nothing or it is too long.
    pub fn extra<'b>(&self, buffer: &'b mut [u8; EXTRA_MAX]) -> Option<&'b [u8]> {
        Base64::decode(self.extra?, buffer).ok()
    }
}

/// Writes a proof: what stands beside it, the place, the path from the leaf upwards, the signed
/// checkpoint.
pub fn write_proof(
    extra: &Extra<'_>,
    index: u64,
    path: &[Digest],
    note: &str,
    to: &mut dyn Write,
) -> fmt::Result {
    let mut buffer = [0; EXTRA_MAX];
    let len = extra.write(&mut buffer).ok_or(fmt::Error)?;
    write!(to, "{FIRST_LINE}extra ")?;
    write_base64(buffer.get(..len).ok_or(fmt::Error)?, to)?;
    writeln!(to, "\nindex {index}")?;
    for hash in path {
        writeln!(to, "{}", Base64Digest(*hash))?;
    }
    write!(to, "\n{note}")
}
