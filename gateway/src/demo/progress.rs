//! Progress for whoever watches: a bar on a terminal, a line now and then in a log.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Lines of a log per piece of work.
const LOG_STEPS: u64 = 5;

/// One piece of work of known length.
pub struct Progress {
    what: &'static str,
    bar: ProgressBar,
    /// Steps done and lines written, where there is no terminal.
    log: Option<Mutex<(u64, u64)>>,
    length: u64,
}

impl Progress {
    /// Starts to show work of `length` steps.
    pub fn start(what: &'static str, length: usize) -> Self {
        const FORM: &str = "   [{bar:32}] {pos}/{len} {prefix} {msg} {elapsed}";
        let is_terminal = std::io::stderr().is_terminal();
        let style =
            ProgressStyle::with_template(FORM).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(length as u64)
            .with_style(style.progress_chars("=> "))
            .with_prefix(what);
        Self {
            what,
            bar,
            log: (!is_terminal).then(Mutex::default),
            length: length as u64,
        }
    }

    /// One step more.
    pub fn step(&self) {
        self.bar.inc(1);
        let Some(log) = &self.log else { return };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.0 += 1;
        if log.0 * LOG_STEPS >= (log.1 + 1) * self.length {
            log.1 = log.0 * LOG_STEPS / self.length.max(1);
            println!("   {} of {} {}", log.0, self.length, self.what);
        }
    }

    /// What is being done right now.
    pub fn now(&self, words: &'static str) {
        self.bar.set_message(words);
    }

    /// Something worth a line of its own.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("   {line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish();
    }
}
