//! The list of revoked codes as a thing keeps it in its folder: the whole list once, then what has
//! changed. A list is long and the purse holds none; see [`crate::purse::Listed`].
//!
//! ```text
//! ask for the changes ──▶ to the whole list that is kept? ── yes ──▶ keep them
//!          ▲                          │ no
//!          └──── keep it ◀── ask for the whole list
//! ```

use crate::durable;
use protocol::revocations::{Changes, LIST_BYTES_MAX, List, Signed, Whole};
use protocol::{Code, Status};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Times that a part is asked for until both fit: a gateway may make a new list meanwhile.
pub const ASK_MOST: u32 = 4;
/// Everything in it is signed and nobody's secret.
const MODE: u32 = 0o644;

/// A list comes in two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Everything, at one time.
    Whole,
    /// What has changed since.
    Changes,
}

impl Part {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Whole, Self::Changes];

    /// The last level of its topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Changes => "changes",
        }
    }

    /// Where a thing finds it.
    pub fn topic(self, code: &Code) -> String {
        format!("oc/1/{code}/list/{}", self.name())
    }

    fn file(self) -> &'static str {
        match self {
            Self::Whole => "revoked.whole",
            Self::Changes => "revoked.changes",
        }
    }
}

/// What is kept, as it came.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    whole: Vec<u8>,
    changes: Vec<u8>,
}

impl Kept {
    /// What lies in a folder; nothing when there is nothing.
    pub fn load(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            whole: read(&folder.join(Part::Whole.file()))?,
            changes: read(&folder.join(Part::Changes.file()))?,
        })
    }

    /// A part as it came; empty when there is none.
    pub fn part(&self, part: Part) -> &[u8] {
        match part {
            Part::Whole => &self.whole,
            Part::Changes => &self.changes,
        }
    }

    /// The list, if `check` finds it signed by somebody who may. Changes to another list say
    /// nothing.
    pub fn list<'b>(
        &'b self,
        check: impl Fn(&'b [u8]) -> Result<Signed<'b>, Status>,
    ) -> Option<List<'b>> {
        let whole = check(&self.whole).and_then(Whole::read).ok()?;
        let changes = check(&self.changes).and_then(Changes::read).ok();
        let both = changes.and_then(|changes| List::new(whole, Some(changes)).ok());
        both.or_else(|| List::new(whole, None).ok())
    }

    /// Keeps a part that came, durably, unless what is there is newer. Says which part to ask for
    /// next.
    pub fn take(
        &mut self,
        folder: &Path,
        part: Part,
        bytes: &[u8],
        check: impl Fn(&[u8]) -> Result<Signed<'_>, Status>,
    ) -> Result<Option<Part>, Status> {
        let signed = check(bytes)?;
        let new = *signed.head();
        let version = |kept: &[u8]| {
            let kept = check(kept).ok().map(|kept| *kept.head());
            kept.filter(|kept| kept.gateway == new.gateway)
                .map(|kept| kept.version)
        };
        match part {
            Part::Changes => {
                Changes::read(signed)?;
                if new.base.is_none() || new.base != version(&self.whole) {
                    return Ok(Some(Part::Whole));
                }
                if version(&self.changes) < Some(new.version) {
                    self.keep(folder, part, bytes)?;
                }
                Ok(None)
            }
            Part::Whole => {
                Whole::read(signed)?;
                if version(&self.whole) < Some(new.version) {
                    // A crash before the changes come: those that are there are to another list
                    // and say nothing.
                    self.keep(folder, part, bytes)?;
                }
                Ok(Some(Part::Changes))
            }
        }
    }

    /// Keeps a part, whatever is there.
    pub fn keep(&mut self, folder: &Path, part: Part, bytes: &[u8]) -> Result<(), Status> {
        let path = folder.join(part.file());
        durable::write(&path, bytes, MODE).map_err(|_| Status::Storage)?;
        match part {
            Part::Whole => self.whole = bytes.to_vec(),
            Part::Changes => self.changes = bytes.to_vec(),
        }
        Ok(())
    }
}

/// A longer file is no list, and is read as one that is not there.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(LIST_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > LIST_BYTES_MAX {
        bytes.clear();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::cose::{SIGNED_MAX, seal};
    use protocol::keys::SoftwareKey;
    use protocol::objects::Revocations;
    use protocol::revocations::{CHANGES, WHOLE};
    use protocol::{Digest, Kind, Network, Signer, Timestamp};
    use sha2::{Digest as _, Sha256};

    fn network() -> Network {
        Network::new("test").unwrap()
    }

    fn key() -> SoftwareKey {
        SoftwareKey::ed25519(&[3; 32])
    }

    fn check(bytes: &[u8]) -> Result<Signed<'_>, Status> {
        Signed::verify(bytes, &network(), &key().public_key())
    }

    fn code(sequence: u64) -> Code {
        let by = protocol::code::IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Gateway, by, sequence, b"key").unwrap()
    }

    fn list(version: u32, base: Option<u32>) -> Vec<u8> {
        let body: &[u8] = match base {
            None => &[WHOLE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Some(_) => &[CHANGES, 0, 0, 0, 0],
        };
        let head = Revocations {
            gateway: code(1),
            version,
            base,
            time: Timestamp(version),
            body: Digest(Sha256::digest(body).into()),
        };
        let mut out = [0; SIGNED_MAX];
        let (len, _) = seal(&head, &network(), &key(), &mut out).unwrap();
        let mut bytes = u16::try_from(len).unwrap().to_be_bytes().to_vec();
        bytes.extend(&out[..len]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_whole_list_comes_once_then_changes_and_never_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut kept = Kept::load(folder).unwrap();
        assert!(kept.list(check).is_none());
        let version = || Kept::load(folder).unwrap().list(check).unwrap().version();
        // which part | what comes | what to ask for next | what counts then
        let steps = [
            (Part::Changes, list(11, Some(10)), Some(Part::Whole), None),
            (Part::Whole, list(10, None), Some(Part::Changes), Some(10)),
            (Part::Changes, list(11, Some(10)), None, Some(11)),
            (Part::Changes, list(13, Some(10)), None, Some(13)),
            (Part::Changes, list(12, Some(10)), None, Some(13)),
            (
                Part::Changes,
                list(21, Some(20)),
                Some(Part::Whole),
                Some(13),
            ),
            (Part::Whole, list(9, None), Some(Part::Changes), Some(13)),
            (Part::Whole, list(20, None), Some(Part::Changes), Some(20)),
            (Part::Changes, list(21, Some(20)), None, Some(21)),
        ];
        for (part, bytes, next, counts) in steps {
            assert_eq!(kept.take(folder, part, &bytes, check), Ok(next));
            if let Some(counts) = counts {
                assert_eq!(version(), counts);
            }
        }
    }

    #[test]
    fn one_part_is_not_taken_for_the_other_and_a_forged_one_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::default();
        let mut take = |part, bytes: &[u8]| kept.take(folder.path(), part, bytes, check);
        assert_eq!(take(Part::Whole, &list(2, Some(1))), Err(Status::Malformed));
        assert_eq!(take(Part::Changes, &list(1, None)), Err(Status::Malformed));
        let mut forged = list(1, None);
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(take(Part::Whole, &forged), Err(Status::BadSignature));
        assert!(Kept::load(folder.path()).unwrap().list(check).is_none());
    }
}
