//! What labels are printed on, by the name people type.

use super::{Label, LabelError, ROLL_LABELS_MAX, Roll, SHEET_LABELS_MAX, Sheet, Size, picture};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Dots per inch of pictures.
const PICTURE_DPI: u32 = 300;
/// Most pictures in one folder.
const PICTURES_MAX: usize = 10_000;

/// Paper, roll or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// PDF.
    Sheet(Sheet),
    /// ZPL.
    Roll(Roll),
    /// A picture for each label.
    Svg(Size),
    /// Likewise.
    Png(Size),
}

/// Labels did not come onto the disk.
#[derive(Debug)]
pub enum WriteError {
    /// They cannot be drawn.
    Label(LabelError),
    /// They cannot be written there.
    Io(PathBuf, io::Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(error) => error.fmt(f),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for WriteError {}

impl From<LabelError> for WriteError {
    fn from(error: LabelError) -> Self {
        Self::Label(error)
    }
}

impl Form {
    /// What people type.
    pub const NAMES: [&str; 9] = [
        "a4-21",
        "a4-65",
        "letter-30",
        "letter-80",
        "pdf",
        "zpl1",
        "zpl4",
        "svg",
        "png",
    ];

    /// One of [`Form::NAMES`]; `size` is that of one label where the name does not say it.
    pub fn named(name: &str, size: Option<Size>) -> Option<Self> {
        let own = size.unwrap_or(Size::mm(50, 25));
        let roll = |roll: Roll| Roll {
            label: size.unwrap_or(roll.label),
            ..roll
        };
        Some(match name {
            "pdf" => Self::Sheet(Sheet::one(own)),
            "zpl1" => Self::Roll(roll(Roll::ONE_ACROSS)),
            "zpl4" => Self::Roll(roll(Roll::FOUR_ACROSS)),
            "svg" => Self::Svg(own),
            "png" => Self::Png(own),
            sheet => Self::Sheet(Sheet::named(sheet)?),
        })
    }

    /// How such files end.
    pub const fn ending(&self) -> &'static str {
        match self {
            Self::Sheet(_) => "pdf",
            Self::Roll(_) => "zpl",
            Self::Svg(_) => "svg",
            Self::Png(_) => "png",
        }
    }

    /// Most labels at once.
    pub const fn most(&self) -> usize {
        match self {
            Self::Sheet(_) => SHEET_LABELS_MAX,
            Self::Roll(_) => ROLL_LABELS_MAX,
            Self::Svg(_) | Self::Png(_) => PICTURES_MAX,
        }
    }

    /// The labels in one file; pictures take one label. `used` places at the beginning of the first
    /// page or row are gone.
    pub fn draw(&self, labels: &[Label], used: usize) -> Result<Vec<u8>, LabelError> {
        match (self, labels) {
            (Self::Sheet(sheet), _) => sheet.pdf(labels, used),
            (Self::Roll(roll), _) => roll.zpl_behind(labels, used).map(String::into_bytes),
            (Self::Svg(size), [label]) => picture::svg(label, *size).map(String::into_bytes),
            (Self::Png(size), [label]) => picture::png(label, *size, PICTURE_DPI),
            _ => Err(LabelError::Count),
        }
    }

    /// Writes them: into one file, or several pictures into a folder, each named by its code.
    pub fn write(&self, labels: &[Label], used: usize, to: &Path) -> Result<(), WriteError> {
        let put = |path: PathBuf, bytes: Vec<u8>| {
            fs::write(&path, bytes).map_err(|error| WriteError::Io(path, error))
        };
        let pictures = matches!(self, Self::Svg(_) | Self::Png(_));
        if !pictures || labels.len() < 2 {
            return put(to.to_owned(), self.draw(labels, used)?);
        }
        fs::create_dir_all(to).map_err(|error| WriteError::Io(to.to_owned(), error))?;
        for label in labels.iter().take(PICTURES_MAX) {
            let name = format!("{}.{}", label.text(), self.ending());
            put(to.join(name), self.draw(std::slice::from_ref(label), 0)?)?;
        }
        Ok(())
    }
}

/// Millimetres, such as `50x25` or `63.5x38.1`.
impl FromStr for Size {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let edges = text.split_once(['x', 'X']);
        let [width, height] = edges
            .map(|(width, height)| [width, height].map(micrometres))
            .unwrap_or_default();
        let (Some(width_um), Some(height_um)) = (width, height) else {
            return Err(LabelError::Grid);
        };
        let size = Self {
            width_um,
            height_um,
        };
        size.is_sound().then_some(size).ok_or(LabelError::Grid)
    }
}

fn micrometres(text: &str) -> Option<u32> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 3 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: u64) -> Vec<Label> {
        let label = |number| {
            let text = format!("2000008020000{number:04}DGQKQDBCG3P7ECY77");
            Label::new(format!("HTTPS://ID.EXAMPLE/1/{text}"), &text).unwrap()
        };
        (0..count).map(label).collect()
    }

    #[test]
    fn sizes_are_read_in_millimetres_and_nothing_else() {
        let size = |width_um, height_um| Size {
            width_um,
            height_um,
        };
        assert_eq!("50x25".parse(), Ok(size(50_000, 25_000)));
        assert_eq!("63.5x38.125".parse(), Ok(size(63_500, 38_125)));
        for bad in [
            "", "50", "50x", "0x25", "-5x25", "50x25x", "1.2345x2", "9999x2", "1e3x2",
        ] {
            assert_eq!(bad.parse::<Size>(), Err(LabelError::Grid), "{bad}");
        }
    }

    #[test]
    fn every_name_is_a_form_that_draws() {
        for name in Form::NAMES {
            let form = Form::named(name, None).unwrap();
            assert!(form.draw(&labels(1), 0).is_ok(), "{name}");
        }
        assert_eq!(Form::named("a5", None), None);
    }

    #[test]
    fn a_reprint_on_a_row_that_was_begun_leaves_out_what_is_gone() {
        let form = Form::named("zpl4", None).unwrap();
        let draw = |count, used| String::from_utf8(form.draw(&labels(count), used).unwrap());
        let places = |zpl: &str| -> Vec<Vec<String>> {
            let rows = zpl.lines().map(|row| {
                let fields = row.split("^FO").skip(1);
                fields
                    .map(|field| field.split(',').next().unwrap().to_owned())
                    .collect()
            });
            rows.collect()
        };
        let whole = places(&draw(4, 0).unwrap());
        for (used, place) in whole[0].iter().enumerate() {
            let one = places(&draw(1, used).unwrap());
            assert_eq!(one, [vec![place.clone()]]);
        }
        let more = places(&draw(4, 3).unwrap());
        assert_eq!(more, [whole[0][3..].to_vec(), whole[0][..3].to_vec()]);
        assert_eq!(form.draw(&labels(1), 4), Err(LabelError::Grid));
    }

    #[test]
    fn pictures_of_many_go_into_a_folder_by_their_codes() {
        let folder = tempfile::tempdir().unwrap();
        let form = Form::named("svg", Some(Size::mm(60, 30))).unwrap();
        let into = folder.path().join("labels");
        form.write(&labels(3), 0, &into).unwrap();
        assert_eq!(fs::read_dir(&into).unwrap().count(), 3);
        let one = folder.path().join("one.svg");
        form.write(&labels(1), 0, &one).unwrap();
        assert!(fs::read_to_string(one).unwrap().contains("60.000mm"));
    }
}
