//! `onecode config list`: every setting, its value and where it comes from.

use super::{Outcome, sources};
use crate::config::KEYS;
use std::path::Path;
use std::process::ExitCode;

/// Prints a settings file that means what is in force now.
pub fn run(doc: bool, file: Option<&Path>) -> Outcome {
    let sources = sources(file)?;
    sources.config()?;
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            println!("[{section}]");
        }
        if doc {
            println!("# {}", key.doc);
        }
        let name = format!("{section}.{}", key.name);
        let (value, place) = sources.get(&name);
        let from = if place == "default" {
            String::new()
        } else {
            format!("  # from {place}")
        };
        println!("{} = \"{value}\"{from}", key.name);
    }
    Ok(ExitCode::SUCCESS)
}
