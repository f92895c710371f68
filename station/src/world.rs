//! What a station has around it: things on the bench, a printer, a scanner, a clock.

use issuer::journal::Number;
use issuer::label::Label;
use protocol::{Code, Timestamp};
use std::fmt;

/// Why a step outside did not happen. It may be tried again, with the same outcome for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    /// From any reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// What is put into a thing, by name.
pub type Part = (&'static str, Vec<u8>);

/// A thing on the bench. Every call may be repeated.
pub trait Device: Send {
    /// Its PKCS#10 request, DER. A thing makes its keys when it is first asked, and then answers
    /// with the same bytes each time.
    fn request(&mut self, number: Number) -> Result<Vec<u8>, Trouble>;

    /// Puts everything into the thing, whole or not at all.
    fn write(&mut self, number: Number, parts: &[Part]) -> Result<(), Trouble>;

    /// What it holds now under these names.
    fn read(&mut self, number: Number, names: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble>;
}

/// Where labels come out.
pub trait Printer: Send {
    /// Prints one label; `number` tells labels apart in files.
    fn print(&mut self, number: Number, label: &Label) -> Result<(), Trouble>;
}

/// What reads a label back.
pub trait Scanner: Send {
    /// The text in the symbol of the label that was printed last for this number.
    fn scan(&mut self, number: Number) -> Result<String, Trouble>;
}

/// Time and chance.
pub trait Nature {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Fills with random bytes.
    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Trouble>;
}

/// What people and machines are told while the station works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A code is made.
    Made {
        /// Its number.
        number: Number,
        /// The code.
        code: Code,
    },
    /// Codes without keys are made, as many as the numbers from first to last.
    Items {
        /// First number.
        first: Number,
        /// Last.
        last: Number,
    },
    /// A step did not happen; it can be tried again.
    Trouble {
        /// For which thing.
        number: Number,
        /// Why.
        reason: String,
    },
    /// Something was begun before a crash and goes on now.
    Resumed {
        /// Its number.
        number: Number,
    },
}

/// Hears the news.
pub trait Audience {
    /// One of them.
    fn hear(&mut self, news: &News);
}

impl<F: FnMut(&News)> Audience for F {
    fn hear(&mut self, news: &News) {
        self(news);
    }
}
