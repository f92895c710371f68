//! Where the symbol and the lines of a label stand, whatever draws them.

use super::words::helvetica_width;
use super::{Label, LabelError, Size};

/// White around the whole label, for printers that do not hit it exactly.
const MARGIN_UM: u32 = 500;
/// Between text and edge, or text and the quiet zone, on top of that.
const TEXT_GAP_UM: u32 = 500;
/// The smallest size of type that can be read.
const TYPE_MIN_UM: u32 = 1_100;
/// The largest; more looks loud.
const TYPE_MAX_UM: u32 = 4_200;
/// From one line to the next, in hundredths of the size of type.
const LINE_HUNDREDTHS: u32 = 118;
/// Above the baseline, in hundredths of the size of type.
const ASCENT_HUNDREDTHS: u32 = 85;
/// Width of a letter of Courier, in thousandths of the size of type.
const COURIER_THOUSANDTHS: u32 = 600;
/// The symbol's share of the edge along which the text follows it, in hundredths.
const SYMBOL_HUNDREDTHS: u32 = 48;

/// Everything on a label, from its upper left corner.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    /// Corner of the symbol, quiet zone included.
    pub(super) symbol_at: (u32, u32),
    /// Its edge, quiet zone included.
    pub(super) symbol_edge: u32,
    pub(super) lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// Product: Helvetica, bold.
    Strong,
    /// Batch: Helvetica.
    Plain,
    /// The code: Courier, bold, so that groups stand below each other.
    Code,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) face: Face,
    pub(super) left: u32,
    pub(super) baseline: u32,
    pub(super) size: u32,
    /// How wide it is about.
    pub(super) width: u32,
}

/// Room for text.
#[derive(Clone, Copy)]
struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// The symbol at the left of the text: its corner and edge, and the room for the text.
fn beside((width, height): (u32, u32), symbol_um: u32) -> ((u32, u32), u32, Area) {
    let edge = height.min((width.saturating_mul(SYMBOL_HUNDREDTHS) / 100).max(symbol_um));
    let taken = edge + TEXT_GAP_UM;
    let area = Area {
        left: MARGIN_UM + taken,
        top: MARGIN_UM + TEXT_GAP_UM,
        width: width.saturating_sub(taken + TEXT_GAP_UM),
        height: height.saturating_sub(2 * TEXT_GAP_UM),
    };
    ((MARGIN_UM, MARGIN_UM + (height - edge) / 2), edge, area)
}

/// The symbol above the text.
fn above((width, height): (u32, u32), symbol_um: u32) -> ((u32, u32), u32, Area) {
    let edge = width.min((height.saturating_mul(SYMBOL_HUNDREDTHS) / 100).max(symbol_um));
    let taken = edge + TEXT_GAP_UM;
    let area = Area {
        left: MARGIN_UM + TEXT_GAP_UM,
        top: MARGIN_UM + taken,
        width: width.saturating_sub(2 * TEXT_GAP_UM),
        height: height.saturating_sub(taken + TEXT_GAP_UM),
    };
    ((MARGIN_UM + (width - edge) / 2, MARGIN_UM), edge, area)
}

impl Label {
    /// The symbol at the left or above, whichever leaves room for the larger type.
    pub(super) fn arrange(&self, size: Size) -> Result<Arrangement, LabelError> {
        let symbol_um = self.symbol.edge_min_um();
        let inner = (
            size.width_um.saturating_sub(2 * MARGIN_UM),
            size.height_um.saturating_sub(2 * MARGIN_UM),
        );
        let both = [beside(inner, symbol_um), above(inner, symbol_um)];
        let arranged = both
            .into_iter()
            .filter_map(|(symbol_at, symbol_edge, area)| {
                Some(Arrangement {
                    symbol_at,
                    symbol_edge,
                    lines: self.lines(area)?,
                })
            });
        let best = arranged.max_by_key(|it| it.lines.iter().map(|line| line.size).min());
        match best {
            Some(best) if size.is_sound() && inner.0.min(inner.1) >= symbol_um => Ok(best),
            _ => Err(LabelError::TooSmall { symbol_um }),
        }
    }

    /// `None` when the type would be too small to read.
    fn lines(&self, area: Area) -> Option<Vec<Line>> {
        let words: Vec<(Face, &str)> = [
            (Face::Strong, self.product.as_str()),
            (Face::Plain, self.batch.as_str()),
        ]
        .into_iter()
        .filter(|(_, words)| !words.is_empty())
        .collect();
        let (size, groups) = (1..=self.groups.len())
            .map(|groups| (self.type_size(groups, words.len(), area), groups))
            .max_by_key(|(size, groups)| (*size, *groups))?;
        let code = self.groups.chunks(groups);
        let mut lines: Vec<Line> = Vec::with_capacity(words.len() + code.len());
        for (face, text) in words {
            lines.push(fitted(face, text.to_owned(), size, area.width)?);
        }
        for groups in code {
            lines.push(fitted(Face::Code, groups.join("-"), size, area.width)?);
        }
        let pitch = size * LINE_HUNDREDTHS / 100;
        let block = pitch * u32::try_from(lines.len()).ok()?;
        let mut baseline =
            area.top + area.height.saturating_sub(block) / 2 + size * ASCENT_HUNDREDTHS / 100;
        for line in &mut lines {
            (line.left, line.baseline) = (area.left, baseline);
            baseline += pitch;
        }
        Some(lines)
    }

    /// The largest type with so many groups of the code in a line.
    fn type_size(&self, groups: usize, words: usize, area: Area) -> u32 {
        let longest = u32::try_from(5 * groups - 1).unwrap_or(u32::MAX);
        let lines = self.groups.len().div_ceil(groups) + words;
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let by_width =
            area.width.saturating_mul(1000) / longest.saturating_mul(COURIER_THOUSANDTHS);
        let by_height = area.height.saturating_mul(100) / lines.saturating_mul(LINE_HUNDREDTHS);
        by_width.min(by_height).min(TYPE_MAX_UM)
    }
}

/// A line no wider than the room it has; words shrink, as long as they can be read.
fn fitted(face: Face, text: String, size: u32, room: u32) -> Option<Line> {
    let thousandths = match face {
        Face::Code => COURIER_THOUSANDTHS * u32::try_from(text.len()).ok()?,
        // Bold is a little wider.
        Face::Strong => helvetica_width(&text) * 108 / 100,
        Face::Plain => helvetica_width(&text),
    };
    let size = size.min(room.saturating_mul(1000) / thousandths.max(1));
    (size >= TYPE_MIN_UM).then_some(Line {
        text,
        face,
        left: 0,
        baseline: 0,
        size,
        width: size * thousandths / 1000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_inside_the_label_and_nothing_on_anything_else() {
        let uri = "HTTPS://ID.EXAMPLE.COM/1/2000008020000001DGQKQDBCG3P7ECY77E";
        let code = "2000008020000001DGQKQDBCG3P7ECY77E";
        let words = |text: &str| text.parse().unwrap();
        let label = Label::new(uri.to_owned(), code).unwrap();
        let label = label.words(words("Kettle"), words("Batch 7"));
        let mut arranged = 0;
        for width in (9_000..120_000).step_by(3_700) {
            for height in (9_000..120_000).step_by(3_900) {
                let size = Size {
                    width_um: width,
                    height_um: height,
                };
                let Ok(what) = label.arrange(size) else {
                    continue;
                };
                arranged += 1;
                let ((left, top), edge) = (what.symbol_at, what.symbol_edge);
                assert!(left + edge <= width && top + edge <= height, "{size:?}");
                assert!(edge >= label.symbol.edge_min_um(), "{size:?}");
                let mut above = 0;
                for line in &what.lines {
                    let upper = line.baseline - line.size * ASCENT_HUNDREDTHS / 100;
                    assert!(upper >= above, "{size:?} {line:?}");
                    above = line.baseline + line.size / 5;
                    assert!(above <= height, "{size:?} {line:?}");
                    assert!(line.left + line.width <= width, "{size:?} {line:?}");
                    let beside = line.left >= left + edge;
                    assert!(beside || upper >= top + edge, "{size:?} {line:?}");
                }
            }
        }
        assert!(arranged > 500, "{arranged}");
    }
}
