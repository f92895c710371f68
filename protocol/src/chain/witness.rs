//! What a log sends to a witness (c2sp.org/tlog-witness, `add-checkpoint`), and what the witness has
//! to say about it.

use super::checkpoint::decimal;
use super::merkle::{Head, empty_root, extends};
use super::note::{Base64Digest, Note};
use super::{Checkpoint, PATH_MOST};
use crate::units::Digest;
use core::fmt::{self, Write};

/// A checkpoint with the proof that it extends what the witness saw before. Nothing of it is checked
/// yet.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The size that the log believes the witness to have seen.
    pub old: u64,
    path: &'a str,
    /// The checkpoint.
    pub note: Note<'a>,
    /// What its text says.
    pub checkpoint: Checkpoint<'a>,
}

/// Why a witness does not cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessRefusal {
    /// Not in the one form: 400.
    Malformed,
    /// A log nobody told it of: 404.
    UnknownLog,
    /// Not signed by the log: 403.
    Unsigned,
    /// It has seen another size; the log begins again from there: 409.
    Conflict(u64),
    /// It does not extend what was seen: 422.
    Inconsistent,
    /// It is as long as what was seen, and another: 422, and kept as evidence.
    Fork,
}

impl<'a> Submission<'a> {
    /// Reads the body of a request.
    pub fn read(body: &'a str) -> Result<Self, WitnessRefusal> {
        let wrong = WitnessRefusal::Malformed;
        let (head, note) = body.split_once("\n\n").ok_or(wrong)?;
        let (old, path) = head.split_once('\n').unwrap_or((head, ""));
        let old = old.strip_prefix("old ").and_then(decimal).ok_or(wrong)?;
        let note = Note::read(note).map_err(|_| wrong)?;
        let checkpoint = Checkpoint::read(note.text()).ok_or(wrong)?;
        let read = Self {
            old,
            path,
            note,
            checkpoint,
        };
        let whole = path.lines().count() <= PATH_MOST
            && path.lines().all(|line| Base64Digest::read(line).is_some())
            && old <= checkpoint.head.size;
        if whole { Ok(read) } else { Err(wrong) }
    }

    /// Whether it follows what this witness saw last; its signature is checked before.
    pub fn follows(&self, seen: Option<&Head>) -> Result<(), WitnessRefusal> {
        let new = &self.checkpoint.head;
        let none = Head {
            size: 0,
            root: empty_root(),
        };
        let seen = seen.unwrap_or(&none);
        if new.size == seen.size && new.root != seen.root && seen.size > 0 {
            return Err(WitnessRefusal::Fork);
        }
        if self.old != seen.size {
            return Err(WitnessRefusal::Conflict(seen.size));
        }
        let path = self.path.lines().filter_map(Base64Digest::read);
        match extends(seen, new, path) {
            true => Ok(()),
            false => Err(WitnessRefusal::Inconsistent),
        }
    }
}

/// Writes the body of a request.
pub fn write_submission(old: u64, path: &[Digest], note: &str, to: &mut dyn Write) -> fmt::Result {
    writeln!(to, "old {old}")?;
    for hash in path {
        writeln!(to, "{}", Base64Digest(*hash))?;
    }
    write!(to, "\n{note}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    const HASH: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    fn body(old: &str, lines: usize, size: u64) -> String {
        let path = format!("{HASH}\n").repeat(lines);
        format!("{old}\n{path}\nlog\n{size}\n{HASH}\n\n\u{2014} log AAAAAAAAAAAA\n")
    }

    #[test]
    fn a_request_has_one_form() {
        for (good, lines) in [(body("old 0", 0, 7), 0), (body("old 7", 63, 7), 63)] {
            let read = Submission::read(&good).unwrap();
            let path: std::vec::Vec<_> = read.path.lines().filter_map(Base64Digest::read).collect();
            assert_eq!(path.len(), lines);
            let note = good.split_once("\n\n").unwrap().1;
            let mut again = String::new();
            write_submission(read.old, &path, note, &mut again).unwrap();
            assert_eq!(again, good);
        }
        for wrong in [
            body("old 8", 0, 7),
            body("old 07", 0, 7),
            body("new 0", 0, 7),
            body("old 1", 64, 7),
            body("old 1\nAAAA", 0, 7),
            String::from("old 0\n\nlog\n"),
        ] {
            let read = Submission::read(&wrong);
            assert_eq!(read.err(), Some(WitnessRefusal::Malformed), "{wrong}");
        }
    }

    #[test]
    fn another_size_is_a_conflict_and_another_root_of_the_same_size_a_fork() {
        let text = body("old 0", 0, 7);
        let read = Submission::read(&text).unwrap();
        assert_eq!(read.follows(None), Ok(()));
        let seen = |size, root| Head { size, root };
        let same = read.checkpoint.head.root;
        let other = Digest([9; 32]);
        let conflict = |size| Err(WitnessRefusal::Conflict(size));
        assert_eq!(read.follows(Some(&seen(5, other))), conflict(5));
        assert_eq!(read.follows(Some(&seen(9, other))), conflict(9));
        assert_eq!(read.follows(Some(&seen(7, same))), conflict(7));
        let fork = Err(WitnessRefusal::Fork);
        assert_eq!(read.follows(Some(&seen(7, other))), fork);
        let text = body("old 7", 0, 7);
        let again = Submission::read(&text).unwrap();
        assert_eq!(again.follows(Some(&seen(7, same))), Ok(()));
        let text = body("old 5", 2, 7);
        let wrong = Submission::read(&text).unwrap();
        let refused = Err(WitnessRefusal::Inconsistent);
        assert_eq!(wrong.follows(Some(&seen(5, other))), refused);
    }
}
