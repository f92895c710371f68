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
        let words = say("{title} ({unit}), up to {top}")
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
        lines,
        series,
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
