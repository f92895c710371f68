//! What can be wrong with a file of ours: which one, what, and the next step.

use crate::cross::CrossFault;
use crate::error::IssueError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with which file, and what to do.
#[derive(Debug)]
pub struct FolderError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Problem {
    /// The operating system said no.
    Io(io::Error),
    /// It is not there, and cannot be made again.
    Missing,
    /// A private key that others may read; the mode bits that let them.
    OpenToOthers(u32),
    /// Not what such a file holds.
    Unreadable,
    /// A private key that belongs to another certificate or pass.
    WrongKey,
    /// Not signed by the authority above, or changed since.
    NotSignedFromAbove,
    /// Made for another network, domain, issuer, station or grace period.
    OtherPlan,
    /// Something of somebody else, where authorities were to be made.
    Foreign,
    /// Nothing could be issued.
    Issue(IssueError),
    /// A private key under a passphrase, which is not there or not the right one.
    Passphrase,
    /// Too short to protect an authority.
    ShortPassphrase,
    /// A key that the gateway cannot work without.
    Needed,
    /// One that was taken over from has not come to its end.
    Overlap,
    /// A certificate by somebody else that does not fit.
    Cross(CrossFault),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.problem {
            Problem::Io(error) => write!(f, "{error}; check the disk and the rights of this user"),
            Problem::Missing => f.write_str(
                "lost, and it cannot be made again; restore it from a backup, or begin anew with an empty folder (codes issued before then lose their issuer)",
            ),
            Problem::OpenToOthers(mode) => write!(
                f,
                "a private key that others may open (mode bits {mode:03o}); run `chmod 600` on it, and consider it seen"
            ),
            Problem::Unreadable => {
                f.write_str("damaged or not such a file; restore it from a backup")
            }
            Problem::WrongKey => f.write_str(
                "belongs to another authority; restore the key that was made together with the certificate",
            ),
            Problem::NotSignedFromAbove => f.write_str(
                "not signed by the authority above it; restore the whole folder from one backup",
            ),
            Problem::OtherPlan => f.write_str(
                "made for another network, domain, issuer, station or grace period; set those in the configuration again, or name an empty folder",
            ),
            Problem::Foreign => f.write_str(
                "not made by this program; move it away, or name another folder",
            ),
            Problem::Issue(error) => error.fmt(f),
            Problem::ShortPassphrase => write!(
                f,
                "a passphrase wants at least {} characters",
                crate::safe::PASSPHRASE_CHARS_MIN
            ),
            Problem::Needed => f.write_str(
                "the gateway signs with its own key all day and cannot be without it; export the root's, or the issuer's",
            ),
            Problem::Overlap => f.write_str(
                "one that was taken over from still counts, and things that know no other would be lost: wait until its end, `onecode check` says when",
            ),
            Problem::Cross(fault) => fault.fmt(f),
            Problem::Passphrase => {
                f.write_str("the passphrase is missing or not the one the key was put away with")
            }
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Io(error) => Some(error),
            Problem::Issue(error) => Some(error),
            _ => None,
        }
    }
}

pub(crate) type Found<T> = Result<T, FolderError>;

/// Names the file an error is about.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Found<T>;
}

impl<T, E: Into<Problem>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Found<T> {
        self.map_err(|error| FolderError {
            path: path.to_owned(),
            problem: error.into(),
        })
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::FileTooLarge => Self::Unreadable,
            _ => Self::Io(error),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        Self::Issue(error)
    }
}
