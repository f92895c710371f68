//! Grids of labels on a page.

use super::{Label, LabelError, Size, pdf};

/// Most labels of one PDF: about ten megabytes. More go into further files.
pub const SHEET_LABELS_MAX: usize = 10_000;
/// Most columns or rows of one page.
const LINES_MAX: u32 = 100;

/// How labels lie on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The paper.
    pub page: Size,
    /// One label.
    pub label: Size,
    /// Labels beside each other.
    pub columns: u32,
    /// Labels below each other.
    pub rows: u32,
    /// White at the left.
    pub left_um: u32,
    /// White above.
    pub top_um: u32,
    /// From the left edge of a label to that of the next.
    pub pitch_x_um: u32,
    /// From the upper edge of a label to that of the next.
    pub pitch_y_um: u32,
}

const A4: Size = Size::mm(210, 297);
const LETTER: Size = Size {
    width_um: 215_900,
    height_um: 279_400,
};

impl Sheet {
    /// A4, 3 x 7 labels of 63.5 x 38.1 mm.
    pub const A4_21: Self = Self {
        page: A4,
        label: Size {
            width_um: 63_500,
            height_um: 38_100,
        },
        columns: 3,
        rows: 7,
        left_um: 7_210,
        top_um: 15_150,
        pitch_x_um: 66_040,
        pitch_y_um: 38_100,
    };
    /// A4, 5 x 13 labels of 38.1 x 21.2 mm.
    pub const A4_65: Self = Self {
        page: A4,
        label: Size {
            width_um: 38_100,
            height_um: 21_200,
        },
        columns: 5,
        rows: 13,
        left_um: 4_670,
        top_um: 10_700,
        pitch_x_um: 40_640,
        pitch_y_um: 21_200,
    };
    /// US letter, 3 x 10 labels of 2 5/8 x 1 inch.
    pub const LETTER_30: Self = Self {
        page: LETTER,
        label: Size {
            width_um: 66_675,
            height_um: 25_400,
        },
        columns: 3,
        rows: 10,
        left_um: 4_760,
        top_um: 12_700,
        pitch_x_um: 69_850,
        pitch_y_um: 25_400,
    };
    /// US letter, 4 x 20 labels of 1 3/4 x 1/2 inch.
    pub const LETTER_80: Self = Self {
        page: LETTER,
        label: Size {
            width_um: 44_450,
            height_um: 12_700,
        },
        columns: 4,
        rows: 20,
        left_um: 7_620,
        top_um: 12_700,
        pitch_x_um: 52_070,
        pitch_y_um: 12_700,
    };
    /// The sheets that shops sell, by name.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("a4-21", Self::A4_21),
        ("a4-65", Self::A4_65),
        ("letter-30", Self::LETTER_30),
        ("letter-80", Self::LETTER_80),
    ];

    /// One label on a page, for label printers that take PDF.
    pub const fn one(label: Size) -> Self {
        Self {
            page: label,
            label,
            columns: 1,
            rows: 1,
            left_um: 0,
            top_um: 0,
            pitch_x_um: 0,
            pitch_y_um: 0,
        }
    }

    /// One of [`Sheet::NAMED`].
    pub fn named(name: &str) -> Option<Self> {
        let mut named = Self::NAMED.iter();
        named.find(|(of, _)| *of == name).map(|(_, sheet)| *sheet)
    }

    /// Labels on one page.
    pub fn per_page(&self) -> usize {
        usize::try_from(self.columns.saturating_mul(self.rows)).unwrap_or(usize::MAX)
    }

    /// The labels as a PDF, leaving out the first `used` places of the first page, which are gone
    /// from a sheet that was printed on before.
    pub fn pdf(&self, labels: &[Label], used: usize) -> Result<Vec<u8>, LabelError> {
        self.check()?;
        if !(1..=SHEET_LABELS_MAX).contains(&labels.len()) {
            return Err(LabelError::Count);
        }
        if used >= self.per_page() {
            return Err(LabelError::Grid);
        }
        pdf::draw(self, labels, used)
    }

    /// Page, and upper left corner on it, of the label that comes at this position.
    pub(super) fn place(&self, at: usize) -> (usize, u32, u32) {
        let on_page = u32::try_from(at % self.per_page().max(1)).unwrap_or(0);
        let columns = self.columns.max(1);
        (
            at / self.per_page().max(1),
            self.left_um + on_page % columns * self.pitch_x_um,
            self.top_um + on_page / columns * self.pitch_y_um,
        )
    }

    /// Everything lies on the page, and no label on another.
    fn check(&self) -> Result<(), LabelError> {
        let lines = 1..=LINES_MAX;
        let end = |start: u32, pitch: u32, count: u32, edge: u32| {
            let last = pitch.checked_mul(count.saturating_sub(1))?;
            start.checked_add(last)?.checked_add(edge)
        };
        let apart = |pitch: u32, edge: u32, count: u32| count == 1 || pitch >= edge;
        let fits = self.page.is_sound()
            && self.label.is_sound()
            && lines.contains(&self.columns)
            && lines.contains(&self.rows)
            && apart(self.pitch_x_um, self.label.width_um, self.columns)
            && apart(self.pitch_y_um, self.label.height_um, self.rows)
            && end(
                self.left_um,
                self.pitch_x_um,
                self.columns,
                self.label.width_um,
            )
            .is_some_and(|end| end <= self.page.width_um)
            && end(
                self.top_um,
                self.pitch_y_um,
                self.rows,
                self.label.height_um,
            )
            .is_some_and(|end| end <= self.page.height_um);
        match fits {
            true => Ok(()),
            false => Err(LabelError::Grid),
        }
    }
}
