//! One file for each thing a person can type.

pub mod bridge;
pub mod check;
pub mod config_list;
pub mod device;
pub mod gateway;
pub mod label;
mod open_files;
pub mod root;
pub mod station;
pub mod up;
pub mod verify;

use crate::config::{Config, ConfigError, DEFAULT_FILE, Sources};
use crate::house::Failure;
use std::fs;
use std::path::Path;

/// Longest text that a command reads: a request, a grant, a chain of certificates.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

/// What a command ends with: an exit code, or a sentence for the person.
pub type Outcome = Result<std::process::ExitCode, Box<dyn std::error::Error + Send + Sync>>;

/// Defaults, the settings file (a named one must exist) and the environment.
pub fn sources(file: Option<&Path>) -> Result<Sources, ConfigError> {
    let sources = Sources::defaults();
    let sources = match file {
        Some(path) => sources.file(path)?,
        None if Path::new(DEFAULT_FILE).exists() => sources.file(Path::new(DEFAULT_FILE))?,
        None => sources,
    };
    sources.environment(std::env::vars())
}

/// The text of a file that somebody named.
fn read(path: &Path) -> Result<String, Failure> {
    let named = |error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(named)?.len() > TEXT_BYTES_MAX {
        return Err(format!("{}: longer than {TEXT_BYTES_MAX} bytes", path.display()).into());
    }
    Ok(fs::read_to_string(path).map_err(named)?)
}

/// [`sources`] with the data folder of the command line, checked.
pub fn config(file: Option<&Path>, data: Option<&Path>) -> Result<Config, ConfigError> {
    sources(file)?
        .flag("gateway.data", data.map(|path| path.display().to_string()))
        .config()
}
