//! `onecode config list`: every setting, its value and where it comes from.

use super::{Outcome, sources};
use crate::config::{KEYS, Sources};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Prints a settings file that means what is in force now.
pub fn run(doc: bool, file: Option<&Path>) -> Outcome {
    let sources = sources(file)?;
    sources.config()?;
    match io::stdout().write_all(text(&sources, doc)?.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(sources: &Sources, doc: bool) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            writeln!(text, "[{section}]")?;
        }
        if doc {
            writeln!(text, "# {}", key.doc)?;
        }
        let name = format!("{section}.{}", key.name);
        let (value, place) = sources.get(&name);
        write!(text, "{} = \"{value}\"", key.name)?;
        match place {
            "default" => writeln!(text)?,
            place => writeln!(text, "  # from {place}")?,
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_settings_file_that_means_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("onecode.toml");
        let sources = Sources::defaults().flag("wallet.grace_s", Some("77".to_owned()));
        std::fs::write(&path, text(&sources, true).unwrap()).unwrap();
        let read = Sources::defaults().file(&path).unwrap();
        assert_eq!(read.config().unwrap().grace_s, 77);
        for key in KEYS {
            let name = format!("{}.{}", key.section, key.name);
            assert_eq!(read.get(&name).0, sources.get(&name).0);
        }
    }
}
