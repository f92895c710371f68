//! QR symbols: in alphanumeric mode for labels, in bytes for what apps read.

use fast_qr::{ECL, Mode, QRBuilder};
use protocol::{Code, GridCode};
use std::fmt::Write as _;

/// Light modules around the symbol.
const QUIET: usize = 4;

/// A symbol as one path.
#[derive(Clone, Debug)]
pub struct Qr {
    /// Edge of the picture in modules, quiet zone included.
    pub edge: usize,
    /// The dark modules.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// What the label of a thing says.
pub fn code_uri(resolver: &str, code: &Code) -> String {
    format!(
        "HTTPS://{}/1/{}",
        resolver.to_ascii_uppercase(),
        code.text()
    )
}

/// What the label of a place says.
pub fn grid_uri(resolver: &str, grid: &GridCode) -> String {
    format!(
        "HTTPS://{}/G/{}",
        resolver.to_ascii_uppercase(),
        grid.text()
    )
}

impl Qr {
    /// Draws a text of the 45 alphanumeric characters; `None` when it holds another one or is too
    /// long.
    pub fn draw(text: String) -> Option<Self> {
        let alphanumeric =
            |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b" $%*+-./:".contains(&b);
        if !text.bytes().all(alphanumeric) {
            return None;
        }
        Self::draw_in(Mode::Alphanumeric, text)
    }

    /// Draws any text; `None` when it is too long.
    pub fn draw_bytes(text: String) -> Option<Self> {
        Self::draw_in(Mode::Byte, text)
    }

    fn draw_in(mode: Mode, text: String) -> Option<Self> {
        let symbol = QRBuilder::new(text.as_str())
            .mode(mode)
            .ecl(ECL::M)
            .build()
            .ok()?;
        let mut path = String::new();
        for (y, row) in symbol
            .data
            .chunks(symbol.size)
            .take(symbol.size)
            .enumerate()
        {
            let mut x = 0;
            // One rectangle for each run of dark modules keeps the path short.
            for run in row.chunk_by(|a, b| a.value() == b.value()) {
                if run.first().is_some_and(|module| module.value()) {
                    let _ = write!(
                        path,
                        "M{} {}h{}v1h-{}z",
                        x + QUIET,
                        y + QUIET,
                        run.len(),
                        run.len()
                    );
                }
                x += run.len();
            }
        }
        Some(Self {
            edge: symbol.size + 2 * QUIET,
            path,
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Kind, code::IssuedBy};

    fn code() -> Code {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Device, by, 7, b"key").unwrap()
    }

    #[test]
    fn a_code_on_a_short_resolver_is_a_version_3_symbol() {
        let qr = Qr::draw(code_uri("id.example.com", &code())).unwrap();
        assert_eq!(qr.edge, 29 + 2 * QUIET);
        assert!(qr.text.starts_with("HTTPS://ID.EXAMPLE.COM/1/2"));
        assert!(qr.path.bytes().all(|b| b"Mhvz -0123456789".contains(&b)));
        // The finder pattern's upper edge.
        assert!(qr.path.starts_with("M4 4h7v1h-7z"));
    }

    #[test]
    fn only_the_alphanumeric_characters_are_drawn() {
        assert!(Qr::draw("https://lower".to_owned()).is_none());
        assert!(Qr::draw("A".repeat(5000)).is_none());
    }
}
