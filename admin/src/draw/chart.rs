//! Charts over time as path data: bars that stand on each other, or lines that go in steps.

use crate::language::{Say, say};
use std::fmt::Write as _;

/// Height of the drawing, in its own units.
pub const HEIGHT: u64 = 100;
/// Width of one step of time.
pub const STEP: usize = 4;
/// Of it, the bar.
const BAR: usize = 3;
/// Classes of the style sheet, one for each series; there are never more.
pub const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

/// One thing that is counted or measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// What it is called.
    pub name: Say,
    /// Class of the style sheet.
    pub class: &'static str,
    /// Path data.
    pub path: String,
    /// The newest value, as people read it.
    pub now: String,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What it shows.
    pub title: Say,
    /// In which unit.
    pub unit: Say,
    /// Of the drawing.
    pub width: usize,
    /// The value at its upper edge, as people read it.
    pub top: String,
    /// The value at its lower edge; empty for zero.
    pub bottom: String,
    /// Whether the paths are lines and not filled.
    pub lines: bool,
    /// What it shows, one by one.
    pub series: Vec<Series>,
}

/// What is to be drawn: a name, and a value for each step of time; nothing where none is known.
pub struct Values {
    /// What it is called.
    pub name: Say,
    /// The oldest first.
    pub values: Vec<Option<u64>>,
}

impl Values {
    fn newest(&self) -> u64 {
        self.values.last().copied().flatten().unwrap_or(0)
    }
}

/// How a value reads.
pub type Reads<'a> = &'a dyn Fn(u64) -> String;

impl Chart {
    /// Whether there is anything to look at.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.path.is_empty())
    }

    /// The chart in words, for who cannot see it.
    pub fn words(&self) -> Say {
        let words = match self.bottom.is_empty() {
            true => say("{title} ({unit}), up to {top}"),
            false => say("{title} ({unit}), from {bottom} to {top}").put("bottom", &self.bottom),
        };
        let words = words
            .put("title", &self.title)
            .put("unit", &self.unit)
            .put("top", &self.top);
        self.series.iter().fold(words, |words, series| {
            say("{words}; {name}: {value} now")
                .put("words", words)
                .put("name", &series.name)
                .put("value", &series.now)
        })
    }
}

/// Counts per step of time, one series on the other.
pub fn bars(title: Say, unit: Say, all: Vec<Values>, reads: Reads<'_>) -> Chart {
    let steps = all.iter().map(|one| one.values.len()).max().unwrap_or(0);
    let mut sums = vec![0u64; steps];
    for one in &all {
        for (sum, value) in sums.iter_mut().zip(&one.values) {
            *sum = sum.saturating_add(value.unwrap_or(0));
        }
    }
    let top = round_up(sums.iter().copied().max().unwrap_or(0));
    let mut below = vec![0u64; steps];
    let draw = |(one, class): (Values, &'static str)| {
        let mut path = String::new();
        for (at, (value, below)) in one.values.iter().zip(&mut below).enumerate() {
            let value = value.unwrap_or(0);
            if value > 0 {
                let upper = below.saturating_add(value);
                let foot = down(*below, top);
                // What is there is seen, however small.
                let height = foot.saturating_sub(down(upper, top)).max(1);
                let y = foot.saturating_sub(height);
                let _ = write!(path, "M{} {y}h{BAR}v{height}h-{BAR}z", at * STEP);
                *below = upper;
            }
        }
        series(one, class, path, reads)
    };
    let series = all.into_iter().zip(CLASSES).map(draw).collect();
    chart((title, unit), steps, reads(top), false, series)
}

/// Levels over time, each series for itself.
pub fn lines(title: Say, unit: Say, all: Vec<Values>, reads: Reads<'_>) -> Chart {
    let steps = all.iter().map(|one| one.values.len()).max().unwrap_or(0);
    let known = all.iter().flat_map(|one| one.values.iter().flatten());
    let top = round_up(known.copied().max().unwrap_or(0));
    let draw = |(one, class): (Values, &'static str)| {
        let mut path = String::new();
        let mut drawn = None;
        for (at, value) in one.values.iter().enumerate() {
            let Some(value) = value else {
                drawn = None;
                continue;
            };
            let y = down(*value, top);
            let _ = match drawn {
                None => write!(path, "M{} {y}H{}", at * STEP, (at + 1) * STEP),
                Some(same) if same == y => write!(path, "H{}", (at + 1) * STEP),
                Some(_) => write!(path, "V{y}H{}", (at + 1) * STEP),
            };
            drawn = Some(y);
        }
        series(one, class, path, reads)
    };
    let series = all.into_iter().zip(CLASSES).map(draw).collect();
    chart((title, unit), steps, reads(top), true, series)
}

fn series(of: Values, class: &'static str, path: String, reads: Reads<'_>) -> Series {
    Series {
        now: reads(of.newest()),
        name: of.name,
        class,
        path,
    }
}

fn chart(
    (title, unit): (Say, Say),
    steps: usize,
    top: String,
    lines: bool,
    series: Vec<Series>,
) -> Chart {
    Chart {
        title,
        unit,
        width: steps.max(1) * STEP,
        top,
        bottom: String::new(),
        lines,
        series,
    }
}

/// Levels between the smallest and the largest value of a curve.
const LEVELS: u64 = 10_000;

/// Numbers of any size over time, between the smallest and the largest. Name and unit are somebody's
/// own words.
pub fn curve(title: &str, unit: &str, values: &[Option<f64>]) -> Chart {
    let known = || values.iter().flatten().copied();
    let (least, most) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(f64::NEG_INFINITY, f64::max),
    );
    let level = |value: f64| match most > least {
        // A share of the levels, so within them.
        true => ((value - least) / (most - least) * LEVELS as f64) as u64,
        false => LEVELS / 2,
    };
    let mut path = String::new();
    for (at, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = (at * STEP + STEP / 2, down(level(*value), LEVELS));
            let to = if path.is_empty() { 'M' } else { 'L' };
            // Writing into a String never fails.
            let _ = write!(path, "{to}{x} {y}");
        }
    }
    if known().count() == 1 {
        // A line of one point is not seen.
        let _ = write!(path, "h{}", STEP / 2);
    }
    let unit = match unit {
        "" => say("no unit"),
        unit => Say::plain(unit),
    };
    let one = Series {
        name: Say::plain(title),
        class: "a",
        path,
        now: known().last().map(number).unwrap_or_default(),
    };
    let names = (Say::plain(title), unit);
    let mut chart = chart(names, values.len(), String::new(), true, vec![one]);
    if most >= least {
        (chart.top, chart.bottom) = (number(most), number(least));
    }
    chart
}

/// A number with four decimals at most.
pub fn number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e12).contains(&size) {
        return format!("{number:.3e}").replace('-', "\u{2212}");
    }
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".to_owned(),
        text => text.replace('-', "\u{2212}"),
    }
}

/// How far below the upper edge a value is.
fn down(value: u64, top: u64) -> u64 {
    let up = u128::from(value.min(top)) * u128::from(HEIGHT) / u128::from(top.max(1));
    HEIGHT.saturating_sub(u64::try_from(up).unwrap_or(HEIGHT))
}

/// The next of 1, 2, 5, 10, 20, 50, ...
fn round_up(most: u64) -> u64 {
    let mut power = 1u64;
    loop {
        for step in [1, 2, 5] {
            match power.checked_mul(step) {
                Some(round) if round >= most => return round,
                Some(_) => {}
                None => return most,
            }
        }
        match power.checked_mul(10) {
            Some(next) => power = next,
            None => return most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str, values: &[Option<u64>]) -> Values {
        Values {
            name: Say::plain(name),
            values: values.to_vec(),
        }
    }

    fn plain(value: u64) -> String {
        value.to_string()
    }

    #[test]
    fn bars_stand_on_each_other_and_nothing_that_is_there_is_invisible() {
        let all = vec![
            values("in", &[Some(10), Some(0), Some(1)]),
            values("out", &[Some(10), Some(40), Some(10_000)]),
        ];
        let chart = bars(Say::plain("Messages"), Say::plain("a minute"), all, &plain);
        assert_eq!((chart.top.as_str(), chart.width), ("20000", 12));
        assert_eq!(
            chart.series[0].path, "M0 99h3v1h-3zM8 99h3v1h-3z",
            "a bar for 10 of 20,000"
        );
        assert_eq!(
            chart.series[1].path,
            "M0 99h3v1h-3zM4 99h3v1h-3zM8 50h3v50h-3z"
        );
        assert_eq!(chart.series[1].now, "10000");
        assert!(
            chart.words().to_string().contains("out: 10000 now"),
            "{}",
            chart.words()
        );
    }

    #[test]
    fn a_line_is_broken_where_nothing_is_known() {
        let all = vec![values("t", &[Some(5), Some(5), None, Some(10), Some(0)])];
        let chart = lines(Say::plain("Level"), Say::plain("V"), all, &plain);
        assert_eq!(chart.top, "10");
        assert_eq!(chart.series[0].path, "M0 50H4H8M12 0H16V100H20");
        let none = lines(
            Say::plain("Level"),
            Say::plain("V"),
            vec![values("t", &[None])],
            &plain,
        );
        assert!(none.is_empty());
    }

    #[test]
    fn a_curve_goes_between_its_smallest_and_largest_value() {
        let values = [Some(-1.5), None, Some(0.5), Some(2.5)];
        let chart = curve("t", "Cel", &values);
        assert_eq!(chart.series[0].path, "M2 100L10 50L14 0");
        let edges = (chart.top.as_str(), chart.bottom.as_str());
        assert_eq!(edges, ("2.5", "\u{2212}1.5"));
        assert_eq!(chart.series[0].now, "2.5");
        let flat = curve("t", "", &[Some(7.0), Some(7.0)]);
        assert_eq!(flat.series[0].path, "M2 50L6 50");
        assert_eq!(curve("t", "", &[Some(7.0)]).series[0].path, "M2 50h2");
        assert_eq!(
            flat.words().to_string(),
            "t (no unit), from 7 to 7; t: 7 now"
        );
        assert!(curve("t", "", &[None, None]).is_empty());
    }

    #[test]
    fn numbers_are_as_long_as_they_have_to_be() {
        for (value, text) in [
            (0.0, "0"),
            (-0.00001, "\u{2212}1.000e\u{2212}5"),
            (21.500_04, "21.5"),
            (1_000_000.25, "1000000.25"),
            (1e300, "1.000e300"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_upper_edge_is_a_round_number_however_large() {
        for (most, top) in [
            (0, 1),
            (1, 1),
            (3, 5),
            (11, 20),
            (99, 100),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(round_up(most), top);
        }
        assert_eq!(down(u64::MAX, u64::MAX), 0);
    }
}
