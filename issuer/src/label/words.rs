//! What people read on a label: product and batch.

use super::LabelError;
use std::fmt;
use std::str::FromStr;

/// Most characters of product or batch.
pub const WORDS_MAX: usize = 40;

/// A line of printable characters that every printer has: ASCII and the Latin letters beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to print.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Words {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if let Some(bad) = text.chars().find(|c| !is_printable(*c)) {
            return Err(LabelError::Character(bad));
        }
        match text.chars().count() <= WORDS_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err(LabelError::WordsTooLong),
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// ASCII and Latin-1, whose numbers are the same in Unicode, in a PDF's WinAnsiEncoding and in the
/// letters of pictures; without the soft hyphen, which is not seen.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ff}') && c != '\u{ad}'
}

/// Widths of Helvetica's letters from the space to the tilde, in thousandths of its size.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// As wide as any letter beyond ASCII.
const WIDEST: u16 = 1000;

/// Width of a line of Helvetica, in thousandths of its size.
pub(super) fn helvetica_width(text: &str) -> u32 {
    let width = |c: char| {
        let at = (c as usize).checked_sub(usize::from(b' '));
        let width = at.and_then(|at| HELVETICA.get(at)).copied();
        u32::from(width.unwrap_or(WIDEST))
    };
    text.chars().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_printer_has_is_taken() {
        for good in ["", "Kettle 3", "Gerät Ø 5 ½", "A&B <x> \"y\" ^~_"] {
            assert_eq!(good.parse::<Words>().unwrap().as_str(), good);
        }
        for (bad, character) in [("茶", '茶'), ("a\tb", '\t'), ("a\u{ad}b", '\u{ad}')] {
            let refused = Err(LabelError::Character(character));
            assert_eq!(bad.parse::<Words>(), refused);
        }
        let long = "x".repeat(WORDS_MAX + 1);
        assert_eq!(long.parse::<Words>(), Err(LabelError::WordsTooLong));
    }

    #[test]
    fn widths_are_helveticas() {
        assert_eq!(helvetica_width("Ai1 ~"), 667 + 222 + 556 + 278 + 584);
        assert_eq!(helvetica_width("é"), 1000);
    }
}
