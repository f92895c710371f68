//! Labels: what is printed on a thing or at a place, as PDF sheets, ZPL II, SVG and PNG.
//!
//! ```text
//! Label::thing(names, code) .marked(mark) .words(product, batch)
//!    |
//!    +-- Sheet::pdf      pages of an A4, a letter or any other grid
//!    +-- Roll::zpl       label printers, one label after another or several across
//!    +-- picture::svg    one label
//!    +-- picture::png    one label
//! ```
//!
//! [`Form`] is any of them, by the name people type. All of them show the same: a QR symbol, product and batch, and the code in groups of four with
//! its check symbols. Lengths are whole micrometres. A label that no reader could make out is
//! refused instead of being printed.

mod arrangement;
mod error;
mod form;
mod pdf;
pub mod picture;
mod roll;
mod sheet;
mod symbol;
mod words;

pub use error::LabelError;
pub use form::{Form, WriteError};
pub use roll::{ACROSS_MAX, ROLL_LABELS_MAX, Roll};
pub use sheet::{SHEET_LABELS_MAX, Sheet};
pub use words::{WORDS_MAX, Words};

use crate::names::Names;
use protocol::objects::MarkText;
use protocol::{Code, GridCode};
use symbol::Symbol;

/// What one label says.
#[derive(Clone, Debug)]
pub struct Label {
    uri: String,
    symbol: Symbol,
    /// Groups of four symbols.
    groups: Vec<String>,
    product: Words,
    batch: Words,
}

/// Width and height of one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width_um: u32,
    /// From top to bottom.
    pub height_um: u32,
}

/// The longest edge of anything here: a metre.
pub const EDGE_MAX_UM: u32 = 1_000_000;

impl Size {
    /// Whole millimetres.
    pub const fn mm(width: u32, height: u32) -> Self {
        Self {
            width_um: width.saturating_mul(1000),
            height_um: height.saturating_mul(1000),
        }
    }

    /// Whether both edges are there and bounded.
    pub(crate) fn is_sound(self) -> bool {
        let edge = 1..=EDGE_MAX_UM;
        edge.contains(&self.width_um) && edge.contains(&self.height_um)
    }
}

impl Label {
    /// The label of a thing: its symbol is the URI of its code.
    pub fn thing(names: &Names, code: &Code) -> Result<Self, LabelError> {
        Self::new(names.uri(code), code.text().as_str())
    }

    /// The label of a place.
    pub fn place(names: &Names, grid: &GridCode) -> Result<Self, LabelError> {
        Self::new(names.place_uri(grid), grid.text().as_str())
    }

    /// A label of anything that fits a symbol: `uri` goes into it, `text` is printed beside it in
    /// groups of four.
    pub fn new(uri: String, text: &str) -> Result<Self, LabelError> {
        let letters: Vec<char> = text.chars().collect();
        let groups = letters.chunks(4).map(|group| group.iter().collect());
        Ok(Self {
            symbol: Symbol::draw(&uri)?,
            uri,
            groups: groups.collect(),
            product: Words::default(),
            batch: Words::default(),
        })
    }

    /// The same with a signature in its symbol, which [`protocol::objects::Labelled::sign`] makes.
    pub fn marked(self, mark: &MarkText) -> Result<Self, LabelError> {
        let uri = format!("{}/{mark}", self.uri);
        Ok(Self {
            symbol: Symbol::draw(&uri)?,
            uri,
            ..self
        })
    }

    /// The same with words for people.
    pub fn words(self, product: Words, batch: Words) -> Self {
        Self {
            product,
            batch,
            ..self
        }
    }

    /// What is printed beside its symbol, without the hyphens.
    pub fn text(&self) -> String {
        self.groups.concat()
    }

    /// What its symbol says.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}
