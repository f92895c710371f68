//! What is typed: by a person, or by a scanner that pretends to be a keyboard.

use std::io::{BufRead, Read};
use tokio::sync::mpsc;

/// The longest line that is read; a frame is shorter.
const LINE_MAX_BYTES: u64 = 4_096;
/// Lines that wait to be read.
const WAITING_MAX: usize = 64;

/// Lines of standard input, without what ends them.
pub struct Typed {
    lines: mpsc::Receiver<String>,
    ended: bool,
}

impl Typed {
    /// Begins to read. The thread ends with the input or with the process: nothing can wake it from
    /// a keyboard that is silent.
    pub fn start() -> Self {
        let (sender, lines) = mpsc::channel(WAITING_MAX);
        std::thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            while let Some(line) = next_line(&mut input) {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            lines,
            ended: false,
        }
    }

    /// Whether nothing more will be typed.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The next line; `None` once, when the input ends, and never after that.
    pub async fn next(&mut self) -> Option<String> {
        if self.ended {
            return std::future::pending().await;
        }
        let line = self.lines.recv().await;
        self.ended = line.is_none();
        line
    }
}

/// A line, or the rest of the input. Of one that is too long the beginning, which no checksum fits.
fn next_line(input: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    let mut bounded = input.by_ref().take(LINE_MAX_BYTES);
    let read = bounded.read_until(b'\n', &mut bytes).ok()?;
    if read == 0 {
        return None;
    }
    if !bytes.ends_with(b"\n") && bytes.len() as u64 == LINE_MAX_BYTES {
        skip_line(input)?;
    }
    let line = String::from_utf8_lossy(&bytes);
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn skip_line(input: &mut impl BufRead) -> Option<()> {
    loop {
        let there = input.fill_buf().ok()?;
        let end = there.iter().position(|byte| *byte == b'\n');
        let len = end.map_or(there.len(), |end| end + 1);
        let over = end.is_some() || there.is_empty();
        input.consume(len);
        if over {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_long_ones_are_cut() {
        let long = "A".repeat(10_000);
        let text = format!("OC1:A B .\r\n\n{long}\nlast ");
        let input = [text.as_bytes(), b"\xc3"].concat();
        let mut input = &input[..];
        assert_eq!(next_line(&mut input).unwrap(), "OC1:A B .");
        assert_eq!(next_line(&mut input).unwrap(), "");
        assert_eq!(next_line(&mut input).unwrap().len(), 4_096);
        assert_eq!(next_line(&mut input).unwrap(), "last \u{fffd}");
        assert_eq!(next_line(&mut input), None);
    }
}
