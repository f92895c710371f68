//! The folder of a demonstration: made when absent, emptied only when it is known to be one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Its presence says that the folder may be emptied.
const MARKER: &str = "this-is-a-onecode-demo";

/// Why the folder cannot be used.
#[derive(Debug)]
pub enum FolderError {
    /// It holds something that is no demonstration.
    Foreign(PathBuf),
    /// It holds an earlier demonstration.
    Used(PathBuf),
    /// The file system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(path) => write!(
                f,
                "{} holds something else; name another folder with --data, it will be made",
                path.display()
            ),
            Self::Used(path) => write!(
                f,
                "{} holds an earlier demonstration; --fresh empties it, --data names another",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}

/// Makes an empty demonstration folder.
pub fn prepare(path: &Path, fresh: bool) -> Result<(), FolderError> {
    let failed = |error| FolderError::Io(path.to_owned(), error);
    std::fs::create_dir_all(path).map_err(failed)?;
    let marker = path.join(MARKER);
    let is_empty = std::fs::read_dir(path).map_err(failed)?.next().is_none();
    match (is_empty, marker.exists(), fresh) {
        (true, _, _) => {}
        (false, false, _) => return Err(FolderError::Foreign(path.to_owned())),
        (false, true, false) => return Err(FolderError::Used(path.to_owned())),
        (false, true, true) => {
            std::fs::remove_dir_all(path).map_err(failed)?;
            std::fs::create_dir_all(path).map_err(failed)?;
        }
    }
    std::fs::write(marker, "onecode demo --fresh may empty this folder\n").map_err(failed)
}

/// Copies a folder of plain files, as whoever steals a device's flash does.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demonstration_is_ever_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo");
        prepare(&path, false).unwrap();
        assert!(matches!(prepare(&path, false), Err(FolderError::Used(_))));
        std::fs::write(path.join("old"), "x").unwrap();
        prepare(&path, true).unwrap();
        assert!(!path.join("old").exists());

        let foreign = folder.path().join("photos");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("cat.jpg"), "x").unwrap();
        assert!(matches!(
            prepare(&foreign, true),
            Err(FolderError::Foreign(_))
        ));
        assert!(foreign.join("cat.jpg").exists());
    }
}
