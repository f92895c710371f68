//! One file for each thing a person can type.

pub mod labels;
pub mod ledger;
pub mod make;
pub mod setup;

use crate::folder::{Folder, OpenError};
use clap::Args;
use protocol::Timestamp;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// What a command ends with: nothing, or a sentence for the person.
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Which station, and how its keys are opened.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// The station's folder of keys, journal and manifests.
    #[arg(long, default_value = "./onecode-station", global = true)]
    pub folder: PathBuf,
    /// A file whose first line is the passphrase of the keys, or the PIN of their token; else
    /// ONECODE_STATION_PASSPHRASE or ONECODE_STATION_PIN is looked at, else it is asked for.
    #[arg(long, global = true, visible_alias = "pin-file")]
    pub passphrase_file: Option<PathBuf>,
}

/// Shorter ones are guessed.
const PASSPHRASE_CHARS_LEAST: usize = 8;

/// What opens keys.
struct Secret {
    question: &'static str,
    variable: &'static str,
}

const PASSPHRASE: Secret = Secret {
    question: "passphrase of the station's keys: ",
    variable: "ONECODE_STATION_PASSPHRASE",
};
const NEW_PASSPHRASE: Secret = Secret {
    question: "passphrase for the station's new keys: ",
    ..PASSPHRASE
};
const PIN: Secret = Secret {
    question: "PIN of the station's token: ",
    variable: "ONECODE_STATION_PIN",
};

impl Where {
    /// The folder.
    pub fn open(&self) -> Folder {
        Folder::new(&self.folder)
    }

    /// What opens the keys: the passphrase of files that have one, or the PIN of the token.
    pub fn passphrase(&self, folder: &Folder) -> Result<Option<Zeroizing<String>>, OpenError> {
        if folder.token()?.is_some() {
            return self.pin().map(Some);
        }
        match folder.is_encrypted()? {
            true => self.given(&PASSPHRASE).map(Some),
            false => Ok(None),
        }
    }

    /// The PIN of a token.
    pub fn pin(&self) -> Result<Zeroizing<String>, OpenError> {
        self.given(&PIN)
    }

    /// A new one.
    pub fn new_passphrase(&self) -> Result<Zeroizing<String>, OpenError> {
        let given = self.given(&NEW_PASSPHRASE)?;
        match given.chars().count() >= PASSPHRASE_CHARS_LEAST {
            true => Ok(given),
            false => Err(OpenError::Other(format!(
                "a passphrase of at least {PASSPHRASE_CHARS_LEAST} characters is wanted; or --plain-keys, for keys that whoever holds the disk can use"
            ))),
        }
    }

    fn given(&self, secret: &Secret) -> Result<Zeroizing<String>, OpenError> {
        let Secret { question, variable } = secret;
        if let Some(path) = &self.passphrase_file {
            let text = Zeroizing::new(crate::folder::read(path)?);
            let first = text.lines().next().unwrap_or_default();
            return Ok(Zeroizing::new(first.to_owned()));
        }
        if let Ok(text) = std::env::var(variable) {
            return Ok(Zeroizing::new(text));
        }
        let terminal = console::Term::stderr();
        let asked = match std::io::stdin().is_terminal() && terminal.is_term() {
            true => terminal
                .write_str(question)
                .and_then(|()| terminal.read_secure_line())
                .ok(),
            false => None,
        };
        asked.map(Zeroizing::new).ok_or_else(|| {
            OpenError::Other(format!(
                "{}is wanted and there is no terminal to ask for it; set {variable} or --passphrase-file",
                question.replace(": ", " ")
            ))
        })
    }
}

/// The clock of this machine.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_1970.map_or(0, |since| since.as_secs());
    Timestamp(u32::try_from(seconds).unwrap_or(u32::MAX))
}
