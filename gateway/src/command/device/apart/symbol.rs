//! QR symbols: for a terminal, and as pictures.

use crate::house::Failure;
use fast_qr::{ECL, Mode, QRBuilder};
use std::fmt::Write as _;
use std::path::Path;

/// Light modules around the symbol, which readers need.
const QUIET: usize = 4;
/// Pixels of a picture for each module.
const PIXELS: usize = 8;
/// Black on white whatever the terminal's colours are; some readers do not see the reverse.
const INK: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// A drawn symbol.
#[derive(Clone, Debug)]
pub struct Symbol {
    size: usize,
    dark: Vec<bool>,
}

impl Symbol {
    /// Draws a text of the 45 alphanumeric characters, with error correction M.
    pub fn draw(text: &str) -> Result<Self, Failure> {
        let drawn = QRBuilder::new(text)
            .mode(Mode::Alphanumeric)
            .ecl(ECL::M)
            .build()
            .map_err(|error| format!("no QR code holds this: {error:?}"))?;
        let size = drawn.size;
        let modules = drawn.data.iter().take(size * size);
        Ok(Self {
            size,
            dark: modules.map(|module| module.value()).collect(),
        })
    }

    /// Modules along an edge, quiet zone included.
    pub fn edge(&self) -> usize {
        self.size + 2 * QUIET
    }

    /// Whether a module is dark, counted from the corner of the quiet zone.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.size);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.dark.get(y * self.size + x).copied().unwrap_or(false),
            _ => false,
        }
    }

    /// Lines for a terminal; each character is one module wide and two high.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        for y in (0..self.edge()).step_by(2) {
            lines.push_str(INK);
            for x in 0..self.edge() {
                lines.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            lines.push_str(PLAIN);
            lines.push('\n');
        }
        lines
    }

    /// The picture that a file of this name holds: PNG or SVG.
    pub fn picture(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let extension = path.extension().map(|end| end.to_ascii_lowercase());
        match extension.as_ref().and_then(|end| end.to_str()) {
            Some("png") => self.png(),
            Some("svg") => Ok(self.svg().into_bytes()),
            _ => Err(format!("{}: a picture is a .png or an .svg", path.display()).into()),
        }
    }

    fn svg(&self) -> String {
        let edge = self.edge();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {edge} {edge}\" \
             width=\"{0}\" height=\"{0}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{edge}v{edge}h-{edge}z\"/><path d=\"",
            edge * PIXELS
        );
        for y in 0..edge {
            for x in (0..edge).filter(|x| self.is_dark(*x, y)) {
                let _ = write!(svg, "M{x} {y}h1v1h-1z");
            }
        }
        svg.push_str("\"/></svg>\n");
        svg
    }

    fn png(&self) -> Result<Vec<u8>, Failure> {
        let edge = self.edge() * PIXELS;
        let shade = |at: usize| match self.is_dark(at % edge / PIXELS, at / edge / PIXELS) {
            true => 0,
            false => u8::MAX,
        };
        let pixels: Vec<u8> = (0..edge * edge).map(shade).collect();
        let mut bytes = Vec::new();
        let side = u32::try_from(edge)?;
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::texts_in_png;
    use super::*;

    /// What a terminal shows, as the pixels of a picture; a reader has to find the symbol in it.
    fn seen_on_terminal(lines: &str) -> Vec<u8> {
        let rows: Vec<Vec<(bool, bool)>> = lines
            .lines()
            .map(|line| {
                let line = line.strip_prefix(INK).unwrap().strip_suffix(PLAIN).unwrap();
                line.chars()
                    .map(|c| (matches!(c, '█' | '▀'), matches!(c, '█' | '▄')))
                    .collect()
            })
            .collect();
        let edge = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == edge));
        assert_eq!(rows.len(), edge.div_ceil(2));
        let dark = (0..edge * edge).map(|at| {
            let (upper, lower) = rows[at / edge / 2][at % edge];
            if (at / edge).is_multiple_of(2) {
                upper
            } else {
                lower
            }
        });
        let dark: Vec<bool> = dark.collect();
        // The quiet zone is in it already, so a second one does no harm.
        Symbol { size: edge, dark }.png().unwrap()
    }

    #[test]
    fn what_is_drawn_is_read_from_pictures_and_terminals() {
        for len in [1, 40, 772, 947] {
            let text: String = "OC1:QED8WEX0 %69 VD92EX0$*+-./"
                .chars()
                .cycle()
                .take(len)
                .collect();
            let symbol = Symbol::draw(&text).unwrap();
            let png = symbol.picture(Path::new("code.PNG")).unwrap();
            assert_eq!(
                texts_in_png(&png).unwrap().as_slice(),
                std::slice::from_ref(&text)
            );
            assert_eq!(
                texts_in_png(&seen_on_terminal(&symbol.lines())).unwrap(),
                [text]
            );
        }
    }

    #[test]
    fn evidence_is_a_symbol_of_about_version_18_and_no_frame_is_above_20() {
        let modules = |chars: usize| Symbol::draw(&"A".repeat(chars)).unwrap().size;
        let version = |chars: usize| (modules(chars) - 17) / 4;
        assert_eq!(version(772), 18);
        assert_eq!(version(863), 19);
        assert_eq!(version(device_sdk::links::frames::FRAME_MAX_CHARS), 20);
    }

    #[test]
    fn a_picture_of_another_kind_is_refused() {
        let symbol = Symbol::draw("OC1").unwrap();
        assert!(symbol.picture(Path::new("code.gif")).is_err());
        assert!(symbol.picture(Path::new("code")).is_err());
        let svg = String::from_utf8(symbol.picture(Path::new("code.svg")).unwrap()).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        // The corner of the upper left finder pattern.
        assert!(svg.contains("M4 4h1v1h-1z"));
    }
}
