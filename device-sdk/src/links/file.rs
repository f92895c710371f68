//! Two things with nothing between them but a folder that is carried to and fro, such as a USB
//! stick's. Each message is one file; its name says what it is and which object it is about.
//!
//! ```text
//! <reference of the invoice>.invoice     from the payee
//! <reference of the payment>.evidence    from the payer
//! <reference of the payment>.answer      from the payee: a receipt, or a refusal
//! ```
//!
//! A file is there whole or not at all, also when the stick is pulled out. Others may have written
//! to the folder too: names that are not of this form are passed over, and what a file holds is
//! bounded and judged like anything that comes over a link.

use crate::durable;
use protocol::Reference;
use protocol::message::MESSAGE_MAX;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked at; one with more is refused, so that nobody can make a
/// thing read for ever.
pub const ENTRIES_MAX: usize = 4_096;
/// The thing at the other end runs under another name.
const MODE: u32 = 0o644;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The payee asks.
    Invoice,
    /// The payer pays.
    Evidence,
    /// The payee's receipt or refusal.
    Answer,
}

impl Part {
    /// How its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Evidence => "evidence",
            Self::Answer => "answer",
        }
    }
}

/// Why a file cannot be read or written.
#[derive(Debug)]
pub enum CarryError {
    /// There is no such folder: the stick is not in.
    NoFolder,
    /// More than [`ENTRIES_MAX`] entries: somebody has to clear up.
    TooMany,
    /// Not a file, or longer than any message.
    NotAMessage(PathBuf),
    /// The operating system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for CarryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder => f.write_str("the folder is not there; is the stick in?"),
            Self::TooMany => write!(
                f,
                "the folder has more than {ENTRIES_MAX} entries: take away what is settled"
            ),
            Self::NotAMessage(path) => write!(f, "{} is no wallet message", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CarryError {}

/// A folder that is carried.
#[derive(Clone, Debug)]
pub struct Carried {
    folder: PathBuf,
}

impl Carried {
    /// Nothing is read or made yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where a message is.
    pub fn path(&self, part: Part, about: Reference) -> PathBuf {
        self.folder.join(format!("{about}.{}", part.extension()))
    }

    /// Writes a message; durable when it returns, and until then the file is what it was before.
    pub fn put(&self, part: Part, about: Reference, message: &[u8]) -> Result<PathBuf, CarryError> {
        let path = self.path(part, about);
        if !self.folder.is_dir() {
            return Err(CarryError::NoFolder);
        }
        if read(&path)?.is_some_and(|there| there == message) {
            return Ok(path);
        }
        write(&path, message).map_err(|error| CarryError::Io(path.clone(), error))?;
        Ok(path)
    }

    /// Reads a message; `None` when it is not there, or the folder is not.
    pub fn take(&self, part: Part, about: Reference) -> Result<Option<Vec<u8>>, CarryError> {
        read(&self.path(part, about))
    }

    /// Which messages of a kind are there, in the order of their names.
    pub fn list(&self, part: Part) -> Result<Vec<Reference>, CarryError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => CarryError::NoFolder,
            _ => CarryError::Io(self.folder.clone(), error),
        };
        let mut found = Vec::new();
        for (count, entry) in fs::read_dir(&self.folder).map_err(failed)?.enumerate() {
            if count >= ENTRIES_MAX {
                return Err(CarryError::TooMany);
            }
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_str().and_then(|name| name.rsplit_once('.'));
            if let Some((about, extension)) = name
                && extension == part.extension()
            {
                found.extend(reference(about));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes a message, if it is there.
    pub fn remove(&self, part: Part, about: Reference) -> Result<(), CarryError> {
        let path = self.path(part, about);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CarryError::Io(path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a whole file, which is there in full or as it was before, wherever the power is cut.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    durable::write(path, bytes, MODE)
}

/// Reads a file that may be a message; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, CarryError> {
    let failed = |error| CarryError::Io(path.to_owned(), error);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(known) if !known.is_file() => return Err(CarryError::NotAMessage(path.to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MESSAGE_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() > MESSAGE_MAX {
        return Err(CarryError::NotAMessage(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// The one spelling that [`Carried::path`] writes.
fn reference(hex: &str) -> Option<Reference> {
    let mut bytes = [0; 16];
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    let reference = Reference(bytes);
    (reference.to_string() == hex).then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: Reference = Reference([0xa5; 16]);

    #[test]
    fn a_message_is_found_under_the_name_it_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let stick = Carried::new(folder.path());
        assert_eq!(stick.take(Part::Evidence, ABOUT).unwrap(), None);
        let path = stick.put(Part::Evidence, ABOUT, b"pay").unwrap();
        assert!(path.ends_with("a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.evidence"));
        stick.put(Part::Evidence, ABOUT, b"pay").unwrap();
        stick.put(Part::Answer, ABOUT, b"no").unwrap();
        stick.put(Part::Answer, ABOUT, b"yes").unwrap();
        assert_eq!(stick.take(Part::Evidence, ABOUT).unwrap().unwrap(), b"pay");
        assert_eq!(stick.take(Part::Answer, ABOUT).unwrap().unwrap(), b"yes");
        assert_eq!(stick.list(Part::Evidence).unwrap(), [ABOUT]);
        assert_eq!(stick.list(Part::Invoice).unwrap(), []);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "nothing half written is left");
        stick.remove(Part::Answer, ABOUT).unwrap();
        stick.remove(Part::Answer, ABOUT).unwrap();
        assert_eq!(stick.take(Part::Answer, ABOUT).unwrap(), None);
    }

    #[test]
    fn a_stick_that_is_not_in_is_told_from_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let stick = Carried::new(&folder.path().join("stick"));
        assert!(matches!(
            stick.put(Part::Evidence, ABOUT, b"pay"),
            Err(CarryError::NoFolder)
        ));
        assert!(matches!(
            stick.list(Part::Evidence),
            Err(CarryError::NoFolder)
        ));
        assert_eq!(stick.take(Part::Answer, ABOUT).unwrap(), None);
    }

    #[test]
    fn other_files_are_passed_over_and_what_is_no_message_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let stick = Carried::new(folder.path());
        for name in [
            "holiday.evidence",
            "A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5.evidence",
            "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.evidence",
            "+5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.evidence",
            "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5.evidence.new",
            "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
        ] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        assert_eq!(stick.list(Part::Evidence).unwrap(), []);
        let path = stick.path(Part::Invoice, ABOUT);
        fs::write(&path, vec![0; MESSAGE_MAX + 1]).unwrap();
        let long = stick.take(Part::Invoice, ABOUT);
        assert!(matches!(long, Err(CarryError::NotAMessage(_))), "{long:?}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let other = stick.take(Part::Invoice, ABOUT);
        assert!(
            matches!(other, Err(CarryError::NotAMessage(_))),
            "{other:?}"
        );
    }
}
