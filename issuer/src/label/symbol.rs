//! QR symbols in alphanumeric mode, error correction M.

use super::LabelError;
use fast_qr::{ECL, Mode, QRBuilder};
use std::ops::Range;

/// Light modules around a symbol, which readers need.
pub(super) const QUIET: u32 = 4;
/// The narrowest module that label printers draw and phones read.
pub(super) const MODULE_MIN_UM: u32 = 250;
/// Longest content; a signed label of the longest resolver has 277.
const CONTENT_MAX: usize = 300;

/// Which modules are dark.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    size: usize,
    dark: Vec<bool>,
}

impl Symbol {
    pub(super) fn draw(content: &str) -> Result<Self, LabelError> {
        // The builder of the symbol panics at what it does not expect.
        let alphanumeric =
            |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b" $%*+-./:".contains(&b);
        let fits = (1..=CONTENT_MAX).contains(&content.len());
        if !fits || !content.bytes().all(alphanumeric) {
            return Err(LabelError::Symbol);
        }
        let drawn = QRBuilder::new(content)
            .mode(Mode::Alphanumeric)
            .ecl(ECL::M)
            .build()
            .map_err(|_| LabelError::Symbol)?;
        let modules = drawn.data.iter().take(drawn.size * drawn.size);
        Ok(Self {
            size: drawn.size,
            dark: modules.map(|module| module.value()).collect(),
        })
    }

    /// Modules along an edge, quiet zone included.
    pub(super) fn edge(&self) -> u32 {
        u32::try_from(self.size).unwrap_or(u32::MAX - 2 * QUIET) + 2 * QUIET
    }

    /// The smallest edge at which it can be read.
    pub(super) fn edge_min_um(&self) -> u32 {
        self.edge() * MODULE_MIN_UM
    }

    /// Rows from the top without the quiet zone, each as its runs of dark modules.
    pub(super) fn rows(&self) -> impl Iterator<Item = Vec<Range<u32>>> + '_ {
        self.dark.chunks(self.size.max(1)).map(|row| {
            let mut at = 0;
            let mut runs = Vec::new();
            for run in row.chunk_by(|a, b| a == b) {
                let end = at + u32::try_from(run.len()).unwrap_or(0);
                if run.first() == Some(&true) {
                    runs.push(at..end);
                }
                at = end;
            }
            runs
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_version_3_symbol_and_a_signed_one_version_7() {
        let code = "HTTPS://ID.EXAMPLE.COM/1/2000008020000001DGQKQDBCG3P7ECY77E";
        assert_eq!(Symbol::draw(code).unwrap().edge(), 29 + 2 * QUIET);
        let signed = format!("{code}/{}", "0".repeat(106));
        assert_eq!(Symbol::draw(&signed).unwrap().edge(), 45 + 2 * QUIET);
    }

    #[test]
    fn rows_begin_with_the_finder_pattern() {
        let symbol = Symbol::draw("A").unwrap();
        let rows: Vec<_> = symbol.rows().collect();
        assert_eq!(rows.len(), 21);
        assert_eq!(rows[0].first(), Some(&(0..7)));
        assert_eq!(rows[0].last(), Some(&(14..21)));
        assert_eq!(rows[1].first(), Some(&(0..1)));
    }

    #[test]
    fn what_no_symbol_holds_is_refused() {
        for bad in ["", "lower", "é", &"A".repeat(CONTENT_MAX + 1)] {
            assert_eq!(Symbol::draw(bad).err(), Some(LabelError::Symbol));
        }
    }
}
