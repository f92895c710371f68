//! What happened, line by line.

use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;

/// Lines kept when the whole log is not wanted.
const KEPT: usize = 120;

/// The log of one world. Its digest covers every line, also those that are not kept.
#[derive(Debug)]
pub struct Log {
    lines: VecDeque<String>,
    whole: bool,
    echo: bool,
    hash: Sha256,
}

impl Log {
    pub(crate) fn new(whole: bool, echo: bool) -> Self {
        Self {
            lines: VecDeque::new(),
            whole,
            echo,
            hash: Sha256::new(),
        }
    }

    pub(crate) fn line(&mut self, now_ms: u64, text: &str) {
        let (s, ms) = (now_ms / 1_000, now_ms % 1_000);
        let line = format!(
            "{:>3}d {:02}:{:02}:{:02}.{ms:03}  {text}",
            s / 86_400,
            s / 3_600 % 24,
            s / 60 % 60,
            s % 60
        );
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        if self.echo {
            println!("{line}");
        }
        if !self.whole && self.lines.len() >= KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The newest lines, oldest first; all of them where the whole log was wanted.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Two runs of one seed have the same.
    pub fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}
