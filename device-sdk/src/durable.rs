//! Files that are either there or not, wherever the power is cut.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Moves a synchronised file into place; durable when it returns.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
