//! Signed notes (c2sp.org/signed-note) with Ed25519, and cosignatures of checkpoints
//! (c2sp.org/tlog-cosignature).

use super::checkpoint::CHECKPOINT_MAX;
use crate::keys::{PublicKey, Signature, Signer};
use crate::units::Digest;
use base64ct::{Base64, Encoding};
use core::fmt::{self, Write};
use sha2::{Digest as _, Sha256};

/// The largest note that is read: sixteen signatures of the largest kind fit.
pub const NOTE_MAX: usize = 64 * 1024;

const KEY_ID_BYTES: usize = 4;
/// Key id, time and signature of a cosignature; a plain signature has no time.
const COSIGNATURE_BYTES: usize = KEY_ID_BYTES + 8 + 64;
const SIGNATURE_BYTES: usize = KEY_ID_BYTES + 64;
const SIGNATURE_LINE_BEGIN: &str = "\u{2014} ";
/// Header, time and the text that is cosigned.
const COSIGNED_MAX: usize = CHECKPOINT_MAX + 64;

/// A digest in base64.
#[derive(Clone, Copy, Debug)]
pub struct Base64Digest(pub Digest);

impl fmt::Display for Base64Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base64(self.0.as_bytes(), f)
    }
}

impl Base64Digest {
    pub(super) fn read(text: &str) -> Option<Digest> {
        let mut bytes = [0; 32];
        let read = Base64::decode(text, &mut bytes).ok()?;
        Digest::from_slice(read)
    }
}

/// Writes base64 without a buffer of its own length.
pub(super) fn write_base64(bytes: &[u8], to: &mut dyn Write) -> fmt::Result {
    const STEP: usize = 48;
    let mut text = [0; STEP / 3 * 4];
    for chunk in bytes.chunks(STEP) {
        to.write_str(Base64::encode(chunk, &mut text).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// How a key signs notes; the number stands in its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// A log signs its own checkpoint.
    Log = 1,
    /// A witness says that it saw the checkpoint, and when.
    Cosignature = 4,
}

/// An Ed25519 key under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteKey<'a> {
    /// Its name: an origin, as a rule.
    pub name: &'a str,
    /// How it signs.
    pub kind: SignatureKind,
    /// RFC 8032.
    pub key: [u8; 32],
}

impl<'a> NoteKey<'a> {
    /// `None` when the name cannot stand in a note, or for a key of another algorithm.
    pub fn new(name: &'a str, kind: SignatureKind, key: &PublicKey) -> Option<Self> {
        let PublicKey::Ed25519(key) = *key else {
            return None;
        };
        is_name(name).then_some(Self { name, kind, key })
    }

    /// Reads a verifier key: `name+id+base64`.
    pub fn read(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_once('+')?;
        let (id, encoded) = rest.split_once('+')?;
        let mut bytes = [0; 33];
        let (kind, key) = Base64::decode(encoded, &mut bytes).ok()?.split_first()?;
        let kind = match kind {
            1 => SignatureKind::Log,
            4 => SignatureKind::Cosignature,
            _ => return None,
        };
        let key = PublicKey::Ed25519(key.try_into().ok()?);
        let read = Self::new(name, kind, &key)?;
        let same =
            id.len() == 8 && u32::from_str_radix(id, 16) == Ok(u32::from_be_bytes(read.id()));
        (same && !id.starts_with('+')).then_some(read)
    }

    /// The first four bytes of SHA-256 over name, newline, kind and key.
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update([b'\n', self.kind as u8]);
        hash.update(self.key);
        let hash: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }
}

/// As a verifier key: `name+id+base64`.
impl fmt::Display for NoteKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = [self.kind as u8; 33];
        for (to, from) in material.iter_mut().skip(1).zip(self.key) {
            *to = from;
        }
        write!(f, "{}+{:08x}+", self.name, u32::from_be_bytes(self.id()))?;
        write_base64(&material, f)
    }
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(legal)
}

/// Why a note is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// No note in its one form.
    Malformed,
    /// This key signed nothing.
    Unsigned,
    /// A signature under this key's name and id that does not fit.
    Forged,
}

/// A text with signatures below it. Nothing of it is to be believed before a signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: &'a str,
}

impl<'a> Note<'a> {
    /// Splits a note; every line below the text must look like a signature.
    pub fn read(note: &'a str) -> Result<Self, NoteError> {
        let is_illegal = |c: char| c < '\u{20}' && c != '\n';
        if note.len() > NOTE_MAX || note.chars().any(is_illegal) {
            return Err(NoteError::Malformed);
        }
        let blank = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, rest) = note
            .split_at_checked(blank + 1)
            .ok_or(NoteError::Malformed)?;
        let signatures = rest.strip_prefix('\n').ok_or(NoteError::Malformed)?;
        let read = Self { text, signatures };
        let whole = signatures.ends_with('\n') && read.lines().all(|line| line.is_some());
        match whole {
            true => Ok(read),
            false => Err(NoteError::Malformed),
        }
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &'a str {
        self.signatures
    }

    /// Name, key id and whole base64 of every signature.
    fn lines(&self) -> impl Iterator<Item = Option<(&'a str, [u8; KEY_ID_BYTES], &'a str)>> {
        self.signatures.split_terminator('\n').map(|line| {
            let (name, encoded) = line.strip_prefix(SIGNATURE_LINE_BEGIN)?.split_once(' ')?;
            // Six bytes: the id and the beginning of the signature.
            let mut begin = [0; 6];
            let read = Base64::decode(encoded.get(..8)?, &mut begin).ok()?;
            let id = *read.first_chunk()?;
            is_name(name).then_some((name, id, encoded))
        })
    }

    /// The line that stands under this key's name and id, without its newline.
    pub fn line(&self, key: &NoteKey<'_>) -> Option<&'a str> {
        let id = key.id();
        let lines = self.signatures.split_terminator('\n').zip(self.lines());
        let mut own = lines.filter_map(|(line, parts)| Some((line, parts?)));
        own.find(|(_, (name, of, _))| (*name, *of) == (key.name, id))
            .map(|(line, _)| line)
    }

    /// Checks what this key signed as the log itself.
    pub fn signed_by(&self, key: &NoteKey<'_>) -> Result<(), NoteError> {
        self.checked(key, SignatureKind::Log).map(drop)
    }

    /// Checks what this witness signed; gives when it did, in seconds since 1970.
    pub fn cosigned_by(&self, key: &NoteKey<'_>) -> Result<u64, NoteError> {
        self.checked(key, SignatureKind::Cosignature)
    }

    fn checked(&self, key: &NoteKey<'_>, kind: SignatureKind) -> Result<u64, NoteError> {
        if key.kind != kind {
            return Err(NoteError::Unsigned);
        }
        let id = key.id();
        let mut own = self.lines().flatten();
        let mut own = own
            .by_ref()
            .filter(|(name, of, _)| (*name, *of) == (key.name, id));
        let (_, _, first) = own.next().ok_or(NoteError::Unsigned)?;
        let time = self.holds(key, first).ok_or(NoteError::Forged)?;
        // A second one of the same key must hold as well.
        match own.all(|(_, _, other)| self.holds(key, other).is_some()) {
            true => Ok(time),
            false => Err(NoteError::Forged),
        }
    }

    fn holds(&self, key: &NoteKey<'_>, encoded: &str) -> Option<u64> {
        let mut bytes = [0; COSIGNATURE_BYTES];
        let bytes = Base64::decode(encoded, &mut bytes).ok()?;
        let (_, rest) = bytes.split_first_chunk::<KEY_ID_BYTES>()?;
        let public = PublicKey::Ed25519(key.key);
        match key.kind {
            SignatureKind::Log => {
                let signature: &Signature = rest.try_into().ok()?;
                let holds = public.verifies(self.text.as_bytes(), signature);
                holds.then_some(0)
            }
            SignatureKind::Cosignature => {
                let (time, signature) = rest.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                let message = cosigned(self.text, time)?;
                let holds = public.verifies(message.as_bytes(), signature.try_into().ok()?);
                (holds && time <= i64::MAX as u64).then_some(time)
            }
        }
    }
}

/// Text in a buffer of its own.
struct Cosigned {
    bytes: [u8; COSIGNED_MAX],
    len: usize,
}

impl Cosigned {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Write for Cosigned {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let to = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// What a witness signs.
fn cosigned(text: &str, time: u64) -> Option<Cosigned> {
    let mut message = Cosigned {
        bytes: [0; COSIGNED_MAX],
        len: 0,
    };
    write!(message, "cosignature/v1\ntime {time}\n{text}").ok()?;
    Some(message)
}

/// Writes one signature line below `text`: the log's own, or with a time a witness's. An error when
/// the key store does not sign, the text is too long to be cosigned, or `to` takes no more.
pub fn write_signature<S: Signer + ?Sized>(
    text: &str,
    key: &NoteKey<'_>,
    time_s: u64,
    signer: &S,
    to: &mut dyn Write,
) -> fmt::Result {
    let mut bytes = [0; COSIGNATURE_BYTES];
    let (signature, len) = match key.kind {
        SignatureKind::Log => (signer.sign(text.as_bytes()), SIGNATURE_BYTES),
        SignatureKind::Cosignature => {
            let message = cosigned(text, time_s).ok_or(fmt::Error)?;
            (signer.sign(message.as_bytes()), COSIGNATURE_BYTES)
        }
    };
    let signature = signature.map_err(|_| fmt::Error)?;
    let time = time_s.to_be_bytes();
    let time = match key.kind {
        SignatureKind::Log => &[][..],
        SignatureKind::Cosignature => &time[..],
    };
    let id = key.id();
    let parts = id.iter().chain(time).chain(&signature);
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = *from;
    }
    write!(to, "{SIGNATURE_LINE_BEGIN}{} ", key.name)?;
    write_base64(bytes.get(..len).ok_or(fmt::Error)?, to)?;
    to.write_str("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SoftwareKey;
    use std::format;
    use std::string::{String, ToString};

    // The example of c2sp.org/signed-note.
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_standard_verifies() {
        let key = NoteKey::read(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let note = Note::read(NOTE).unwrap();
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.signed_by(&key), Ok(()));
        let changed = NOTE.replace("example message", "example massage");
        let changed = Note::read(&changed).unwrap();
        assert_eq!(changed.signed_by(&key), Err(NoteError::Forged));
        let renamed = NOTE.replace("example.com/foo", "example.com/bar");
        let renamed = Note::read(&renamed).unwrap();
        assert_eq!(renamed.signed_by(&key), Err(NoteError::Unsigned));
    }

    #[test]
    fn a_verifier_key_has_one_spelling() {
        for wrong in [
            "",
            "example.com/foo",
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
            "example.com/fo o+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+30d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        ] {
            assert_eq!(NoteKey::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn cosignatures_say_when_and_are_no_log_signatures() {
        let signer = SoftwareKey::ed25519(&[5; 32]);
        let (log, witness) = (SignatureKind::Log, SignatureKind::Cosignature);
        let [log, witness] =
            [log, witness].map(|kind| NoteKey::new("w", kind, &signer.public_key()).unwrap());
        let text = "log\n1\nAAAA\n";
        let mut note = format!("{text}\n");
        write_signature(text, &witness, 1_679_315_147, &signer, &mut note).unwrap();
        let read = Note::read(&note).unwrap();
        assert_eq!(read.cosigned_by(&witness), Ok(1_679_315_147));
        assert_eq!(read.signed_by(&log), Err(NoteError::Unsigned));
        assert_eq!(read.signed_by(&witness), Err(NoteError::Unsigned));
        assert_eq!(read.cosigned_by(&log), Err(NoteError::Unsigned));
        write_signature(text, &log, 0, &signer, &mut note).unwrap();
        let read = Note::read(&note).unwrap();
        assert_eq!(read.signed_by(&log), Ok(()));
        assert_eq!(read.cosigned_by(&witness), Ok(1_679_315_147));
        let mut long = String::new();
        let text = "x".repeat(CHECKPOINT_MAX + 64);
        assert!(write_signature(&text, &witness, 1, &signer, &mut long).is_err());
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = Note::read(NOTE).unwrap();
        assert!(!good.signatures().is_empty());
        for wrong in [
            "",
            "text\n",
            "text\n\n",
            "text\n\nno signature\n",
            "text\n\n\u{2014} name\n",
            "text\n\n\u{2014} name !!!!!!!!\n",
            "text\n\n\u{2014} na+me AAAAAAAAAAAA\n",
            "te\txt\n\n\u{2014} name AAAAAAAAAAAA\n",
            "text\n\n\u{2014} name AAAAAAAAAAAA",
        ] {
            let read = Note::read(wrong);
            // No lines at all is a note that nobody signed.
            let unsigned = read.is_ok_and(|note| note.signatures().is_empty());
            assert!(read.is_err() || unsigned, "{wrong:?}");
        }
        let large = format!("{}{NOTE}", "x".repeat(NOTE_MAX));
        assert_eq!(Note::read(&large), Err(NoteError::Malformed));
    }
}
