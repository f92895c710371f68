//! The table at the end, and the checks behind the exit code.

use std::fmt::Write;

/// Millionths of a dollar, the demo's currency.
const EXPONENT: usize = 6;

/// One row of the table.
struct Row {
    name: String,
    value: String,
}

/// What was counted, and what must hold.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    checks: Vec<(String, bool)>,
}

impl Report {
    /// A line with a number or a sentence.
    pub fn row(&mut self, name: &str, value: impl ToString) {
        self.rows.push(Row {
            name: name.to_owned(),
            value: value.to_string(),
        });
    }

    /// A line that decides the exit code.
    pub fn check(&mut self, what: &str, holds: bool) {
        self.checks.push((what.to_owned(), holds));
    }

    /// Whether every check holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|(_, holds)| *holds)
    }

    /// The table.
    pub fn text(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            let _ = writeln!(text, "  {:width$}  {}", row.name, row.value);
        }
        text.push('\n');
        for (what, holds) in &self.checks {
            let _ = writeln!(
                text,
                "  {} {what}",
                if *holds { "ok    " } else { "FAILED" }
            );
        }
        let failed = self.checks.iter().filter(|(_, holds)| !holds).count();
        let _ = writeln!(
            text,
            "\n  {} checks passed, {failed} failed",
            self.checks.len() - failed
        );
        text
    }
}

/// `1234567` as `1.234567 USD`.
pub fn dollars(micro: u64) -> String {
    let unit = 10_u64.pow(EXPONENT as u32);
    format!("{}.{:0EXPONENT$} USD", micro / unit, micro % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_fails_the_report() {
        let mut report = Report::default();
        report.row("sessions", 3);
        report.check("the books balance", true);
        assert!(report.holds());
        report.check("nothing was lost", false);
        assert!(!report.holds());
        let text = report.text();
        assert!(
            text.contains("FAILED nothing was lost") && text.contains("1 checks passed, 1 failed"),
            "{text}"
        );
    }

    #[test]
    fn micro_dollars_keep_all_their_digits() {
        assert_eq!(dollars(1_683_000), "1.683000 USD");
        assert_eq!(dollars(7), "0.000007 USD");
    }
}
