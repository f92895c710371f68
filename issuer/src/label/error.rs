use std::fmt;

/// Why there is no label. All of them are the caller's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// A character that cannot be printed everywhere.
    Character(char),
    /// Too many characters for product or batch.
    WordsTooLong,
    /// Nothing a QR symbol in alphanumeric mode can hold.
    Symbol,
    /// The label has not enough room for a symbol that can be read, or for its text.
    TooSmall {
        /// Edge of the smallest symbol of this content, quiet zone included.
        symbol_um: u32,
    },
    /// Columns, rows, margins and pitches do not fit on the page.
    Grid,
    /// No label at all, or more than one file holds.
    Count,
    /// A resolution that no printer has, or a picture that is too large.
    Resolution,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => write!(
                f,
                "{c:?} cannot be printed: product and batch take Latin letters, digits and signs"
            ),
            Self::WordsTooLong => write!(
                f,
                "product and batch take {} characters each",
                super::WORDS_MAX
            ),
            Self::Symbol => f.write_str(
                "no QR code holds this: upper-case letters, digits and ` $%*+-./:`, 300 at most",
            ),
            Self::TooSmall { symbol_um } => write!(
                f,
                "the label is too small: the symbol alone needs {}.{} mm; take larger labels, \
                 shorter words, or codes without signature",
                symbol_um / 1000,
                symbol_um % 1000 / 100
            ),
            Self::Grid => f.write_str(
                "the labels do not fit on the page: check columns, rows, margins and pitch",
            ),
            Self::Count => f.write_str(
                "there is no label to print, or there are too many for one file: divide them",
            ),
            Self::Resolution => {
                f.write_str("no printer has this resolution, or the picture would be too large")
            }
        }
    }
}

impl std::error::Error for LabelError {}
