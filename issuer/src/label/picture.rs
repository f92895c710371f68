//! One label as a picture.

use super::arrangement::{Arrangement, Face, Line};
use super::symbol::QUIET;
use super::{Label, LabelError, Size};
use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};
use std::fmt::Write as _;

/// Most pixels of a picture.
const PIXELS_MAX: u64 = 32 << 20;
const DPI: std::ops::RangeInclusive<u32> = 72..=2400;
const UM_PER_INCH: u64 = 25_400;

/// The label as SVG, in its own size.
pub fn svg(label: &Label, size: Size) -> Result<String, LabelError> {
    let what = label.arrange(size)?;
    let Size {
        width_um,
        height_um,
    } = size;
    let mm = |um: u32| format!("{}.{:03}mm", um / 1000, um % 1000);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {width_um} {height_um}\">\
         <path fill=\"#fff\" d=\"M0 0h{width_um}v{height_um}H0z\"/>",
        mm(width_um),
        mm(height_um),
    );
    symbol(&mut svg, label, &what);
    for line in &what.lines {
        let (family, weight) = match line.face {
            Face::Strong => ("Helvetica,Arial,sans-serif", "bold"),
            Face::Plain => ("Helvetica,Arial,sans-serif", "normal"),
            Face::Code => ("Courier,monospace", "bold"),
        };
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" font-family=\"{family}\" font-weight=\"{weight}\" \
             font-size=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\">",
            line.left, line.baseline, line.size, line.width
        );
        for c in line.text.chars() {
            match c {
                '&' => svg.push_str("&amp;"),
                '<' => svg.push_str("&lt;"),
                '>' => svg.push_str("&gt;"),
                c => svg.push(c),
            }
        }
        svg.push_str("</text>");
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn symbol(svg: &mut String, label: &Label, what: &Arrangement) {
    let (x, y) = what.symbol_at;
    let edge = label.symbol.edge();
    let _ = write!(
        svg,
        "<svg x=\"{x}\" y=\"{y}\" width=\"{0}\" height=\"{0}\" viewBox=\"0 0 {edge} {edge}\" \
         shape-rendering=\"crispEdges\"><path d=\"",
        what.symbol_edge
    );
    for (y, runs) in (QUIET..).zip(label.symbol.rows()) {
        for run in runs {
            let width = run.end - run.start;
            let _ = write!(svg, "M{} {y}h{width}v1h-{width}z", run.start + QUIET);
        }
    }
    svg.push_str("\"/></svg>");
}

/// Shades of grey, row by row.
struct Canvas {
    width: u32,
    height: u32,
    shades: Vec<u8>,
}

impl Canvas {
    fn fill(&mut self, x: u32, y: u32, width: u32, height: u32) {
        for y in y..(y + height).min(self.height) {
            let row = u64::from(y) * u64::from(self.width);
            let (from, to) = (x.min(self.width), (x + width).min(self.width));
            let at = |x: u32| usize::try_from(row + u64::from(x)).unwrap_or(usize::MAX);
            if let Some(run) = self.shades.get_mut(at(from)..at(to)) {
                run.fill(0);
            }
        }
    }
}

/// The label as PNG, black on white.
pub fn png(label: &Label, size: Size, dpi: u32) -> Result<Vec<u8>, LabelError> {
    let what = label.arrange(size)?;
    let pixels = |um: u32| {
        let pixels = u64::from(um) * u64::from(dpi) / UM_PER_INCH;
        u32::try_from(pixels).unwrap_or(u32::MAX)
    };
    let (width, height) = (pixels(size.width_um), pixels(size.height_um));
    let area = u64::from(width) * u64::from(height);
    if !DPI.contains(&dpi) || !(1..=PIXELS_MAX).contains(&area) {
        return Err(LabelError::Resolution);
    }
    let mut canvas = Canvas {
        width,
        height,
        shades: vec![u8::MAX; usize::try_from(area).unwrap_or(0)],
    };
    // Modules of whole pixels, in the middle of the room there is.
    let room = pixels(what.symbol_edge);
    let module = room / label.symbol.edge();
    if module == 0 {
        return Err(LabelError::Resolution);
    }
    let inside = (room - module * label.symbol.edge()) / 2 + module * QUIET;
    let (left, top) = what.symbol_at;
    let (left, top) = (pixels(left) + inside, pixels(top) + inside);
    for (y, runs) in (0..).zip(label.symbol.rows()) {
        for run in runs {
            let (x, width) = (left + run.start * module, (run.end - run.start) * module);
            canvas.fill(x, top + y * module, width, module);
        }
    }
    for line in &what.lines {
        letters(&mut canvas, line, pixels);
    }
    encoded(&canvas, dpi)
}

/// A line in letters of 8 by 8 points, each as wide as the line has room for.
fn letters(canvas: &mut Canvas, line: &Line, pixels: impl Fn(u32) -> u32) {
    let count = u32::try_from(line.text.chars().count()).unwrap_or(1).max(1);
    let height = pixels(line.size);
    let top = pixels(line.baseline).saturating_sub(height * 7 / 8);
    for (at, c) in (0..).zip(line.text.chars()) {
        let left = pixels(line.left + line.width * at / count);
        let width = pixels(line.left + line.width * (at + 1) / count) - left;
        for (row, bits) in (0..).zip(glyph(c)) {
            let (y, end) = (top + height * row / 8, top + height * (row + 1) / 8);
            for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                let (x, right) = (left + width * column / 8, left + width * (column + 1) / 8);
                canvas.fill(x, y, right - x, end - y);
            }
        }
    }
}

fn glyph(c: char) -> [u8; 8] {
    let number = c as usize;
    let glyph = match number.checked_sub(0xa0) {
        Some(latin) => LATIN_LEGACY.get(latin),
        None => BASIC_LEGACY.get(number),
    };
    glyph.copied().unwrap_or_default()
}

fn encoded(canvas: &Canvas, dpi: u32) -> Result<Vec<u8>, LabelError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width, canvas.height);
    encoder.set_color(png::ColorType::Grayscale);
    let per_metre = u64::from(dpi) * 1_000_000 / UM_PER_INCH;
    let per_metre = u32::try_from(per_metre).unwrap_or(0);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&canvas.shades))
        .map_err(|_| LabelError::Resolution)?;
    Ok(bytes)
}
