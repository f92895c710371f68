//! ZPL II for label printers. The symbol goes as a picture, so that every printer draws the one that
//! was tested; the text is left to the printer's own scalable type.

use super::arrangement::Face;
use super::symbol::{QUIET, Symbol};
use super::{Label, LabelError, Size};
use std::fmt::Write as _;

/// Most labels beside each other.
pub const ACROSS_MAX: u32 = 8;
/// Most labels of one call: call again for more, the texts can follow each other.
pub const ROLL_LABELS_MAX: usize = 100_000;
/// Dots per millimetre that print heads have: 152, 203, 300 and 600 dots per inch.
const DENSITIES: [u32; 4] = [6, 8, 12, 24];

/// How labels lie on the liner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// One label.
    pub label: Size,
    /// Labels beside each other.
    pub across: u32,
    /// Between labels that lie beside each other.
    pub gap_um: u32,
    /// White at the left of the first.
    pub left_um: u32,
    /// Dots of the print head per millimetre: 6, 8, 12 or 24.
    pub dots_per_mm: u32,
}

impl Roll {
    /// One after another, 50 x 25 mm, 203 dots per inch.
    pub const ONE_ACROSS: Self = Self {
        label: Size::mm(50, 25),
        across: 1,
        gap_um: 0,
        left_um: 0,
        dots_per_mm: 8,
    };
    /// Four across, 25 x 25 mm with 2 mm between, 300 dots per inch.
    pub const FOUR_ACROSS: Self = Self {
        label: Size::mm(25, 25),
        across: 4,
        gap_um: 2_000,
        left_um: 0,
        dots_per_mm: 12,
    };

    /// The labels, a format for each row. The last row may be shorter.
    pub fn zpl(&self, labels: &[Label]) -> Result<String, LabelError> {
        self.zpl_behind(labels, 0)
    }

    /// The same, on a roll whose next row has lost its first `used` labels.
    pub fn zpl_behind(&self, labels: &[Label], used: usize) -> Result<String, LabelError> {
        if !DENSITIES.contains(&self.dots_per_mm) {
            return Err(LabelError::Resolution);
        }
        if !(1..=ACROSS_MAX).contains(&self.across) || !self.label.is_sound() {
            return Err(LabelError::Grid);
        }
        if !(1..=ROLL_LABELS_MAX).contains(&labels.len()) {
            return Err(LabelError::Count);
        }
        let across = usize::try_from(self.across).unwrap_or(1);
        if used >= across {
            return Err(LabelError::Grid);
        }
        let pitch = self.label.width_um.saturating_add(self.gap_um);
        let liner = self
            .left_um
            .saturating_add(pitch.saturating_mul(self.across));
        let liner = liner.saturating_sub(self.gap_um);
        let mut zpl = String::new();
        let (begun, whole) = labels.split_at(labels.len().min(across - used));
        let mut skipped = u32::try_from(used).unwrap_or(0);
        for row in std::iter::once(begun).chain(whole.chunks(across)) {
            // CI28: text is UTF-8. PW, LL: width and length in dots.
            let _ = write!(
                zpl,
                "^XA^CI28^LH0,0^PW{}^LL{}",
                self.dots(liner),
                self.dots(self.label.height_um)
            );
            let gone = pitch.saturating_mul(std::mem::take(&mut skipped));
            let mut left = self.left_um.saturating_add(gone);
            for label in row {
                self.put(&mut zpl, label, left)?;
                left = left.saturating_add(pitch);
            }
            zpl.push_str("^XZ\n");
        }
        Ok(zpl)
    }

    fn dots(&self, um: u32) -> u32 {
        um.saturating_mul(self.dots_per_mm) / 1000
    }

    fn put(&self, zpl: &mut String, label: &Label, left: u32) -> Result<(), LabelError> {
        let what = label.arrange(self.label)?;
        let symbol = &label.symbol;
        // Modules of whole dots, in the middle of the room there is.
        let room = self.dots(what.symbol_edge);
        let module = room / symbol.edge();
        if module == 0 {
            return Err(LabelError::TooSmall {
                symbol_um: symbol.edge_min_um(),
            });
        }
        let inside = (room - module * symbol.edge()) / 2 + module * QUIET;
        let (x, y) = what.symbol_at;
        let (x, y) = (self.dots(left + x) + inside, self.dots(y) + inside);
        let _ = write!(zpl, "^FO{x},{y}");
        graphic(zpl, symbol, module);
        for line in &what.lines {
            let size = self.dots(line.size);
            // A narrower letter for the code, so that the printer's type is no wider than ours.
            let width = match line.face {
                Face::Code => size,
                Face::Strong | Face::Plain => size * 95 / 100,
            };
            let (x, y) = (self.dots(left + line.left), self.dots(line.baseline));
            // FT places the baseline.
            let _ = write!(zpl, "^FT{x},{y}^A0N,{size},{width}^FH^FD");
            escaped(zpl, &line.text);
            zpl.push_str("^FS");
        }
        Ok(())
    }
}

/// `GF` in hexadecimal digits; a colon repeats the row above.
fn graphic(zpl: &mut String, symbol: &Symbol, module: u32) {
    let edge = (symbol.edge() - 2 * QUIET) * module;
    let row_bytes = edge.div_ceil(8);
    let total = row_bytes * edge;
    let _ = write!(zpl, "^GFA,{total},{total},{row_bytes},");
    for runs in symbol.rows() {
        let mut row = vec![0u8; usize::try_from(row_bytes).unwrap_or(0)];
        for dot in runs
            .into_iter()
            .flat_map(|run| run.start * module..run.end * module)
        {
            let at = usize::try_from(dot / 8).ok();
            if let Some(byte) = at.and_then(|at| row.get_mut(at)) {
                *byte |= 0x80 >> (dot % 8);
            }
        }
        for byte in row {
            let _ = write!(zpl, "{byte:02X}");
        }
        for _ in 1..module {
            zpl.push(':');
        }
    }
    zpl.push_str("^FS");
}

/// Signs that mean something to a printer, as `_` and two digits.
fn escaped(zpl: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '^' | '~' | '_' | '\\' => {
                let _ = write!(zpl, "_{:02X}", u32::from(c));
            }
            c => zpl.push(c),
        }
    }
}
