//! Messages on two screens: shown as QR codes here, scanned from there.

use super::picture::texts;
use super::symbol::Symbol;
use super::typed::Typed;
use crate::house::Failure;
use console::Term;
use device_sdk::links::file;
use device_sdk::links::frames::{
    Assembly, FRAME_MAX_CHARS, FRAMES_MAX, FrameError, Frames, Progress,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior};

/// Between two looks at the pictures.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Lines of text below a code.
const LINES_BELOW: usize = 2;
/// What `zbarimg` and `zbarcam` put before the text unless they are asked not to.
const ZBAR_PREFIX: &str = "QR-Code:";

/// How codes are shown and read.
pub struct Settings {
    /// The codes are drawn into this picture as well.
    pub picture: Option<PathBuf>,
    /// Pictures that are read when they are there and when they change.
    pub scan: Vec<PathBuf>,
    /// Several codes are shown in turn, each so long; otherwise on Enter.
    pub every: Option<Duration>,
    /// The most bytes of a message in one code.
    pub piece_bytes: usize,
}

/// A screen and a scanner.
pub struct Codes {
    settings: Settings,
    typed: Typed,
    assembly: Box<Assembly>,
    shown: Shown,
    /// The pictures as they were when they were read: length and time.
    looked: BTreeMap<PathBuf, (u64, SystemTime)>,
    /// Read from one picture together and not looked at yet.
    found: Vec<String>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    message: Vec<u8>,
    symbols: Vec<Symbol>,
    at: usize,
}

impl Codes {
    /// Nothing is shown yet; what is typed is read from now on.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            typed: Typed::start(),
            assembly: Box::default(),
            shown: Shown::default(),
            looked: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// Shows a message, and says what to do with it.
    pub fn show(&mut self, message: &[u8], what_to_do: &str) -> Result<(), Failure> {
        let symbols = symbols(message, self.settings.piece_bytes)?;
        if let Some(path) = &self.settings.picture {
            for (symbol, path) in symbols.iter().zip(numbered(path, symbols.len())) {
                file::write(&path, &symbol.picture(&path)?)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                eprintln!("drawn into {}", path.display());
            }
        }
        self.shown = Shown {
            message: message.to_vec(),
            symbols,
            at: 0,
        };
        self.print();
        eprintln!("{what_to_do}");
        Ok(())
    }

    /// Prints the code whose turn it is.
    fn print(&self) {
        let (Shown { symbols, at, .. }, terminal) = (&self.shown, Term::stdout());
        let Some(symbol) = symbols.get(*at) else {
            return;
        };
        if symbols.len() > 1 && terminal.is_term() {
            // In the place of the one before it, so that a scanner need not move.
            let _ = terminal.clear_screen();
        }
        print!("{}", symbol.lines());
        let (wide, high) = (symbol.edge(), symbol.edge().div_ceil(2) + LINES_BELOW);
        if let Some((rows, columns)) = terminal.size_checked()
            && (usize::from(columns) < wide || usize::from(rows) < high)
        {
            eprintln!(
                "This terminal shows {columns} columns and {rows} rows; the code needs {wide} and {high}. \
                 Make the letters smaller or the window larger, or use --picture or a smaller --code-bytes."
            );
        }
        if symbols.len() > 1 {
            let next = match self.settings.every {
                Some(_) => "the next one comes by itself",
                None => "Enter shows the next one",
            };
            eprintln!("Code {} of {}; {next}.", at + 1, symbols.len());
        }
    }

    fn turn(&mut self) {
        let count = self.shown.symbols.len();
        if count > 1 {
            self.shown.at = (self.shown.at + 1) % count;
            self.print();
        }
    }

    /// The next message that is scanned or typed; `None` when the time is over, or nothing more can
    /// come.
    pub async fn next(&mut self, until: Option<Instant>) -> Result<Option<Vec<u8>>, Failure> {
        let mut looks = tokio::time::interval(LOOK_AGAIN);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let every = self.settings.every.unwrap_or(LOOK_AGAIN);
        let mut turns = tokio::time::interval_at(Instant::now() + every, every);
        loop {
            while let Some(text) = self.found.pop() {
                if let Some(message) = self.read(&text) {
                    return Ok(Some(message));
                }
            }
            tokio::select! {
                // Pictures that are there are read, however short the time.
                biased;
                _ = looks.tick() => self.look().await,
                line = self.typed.next() => match line {
                    Some(line) if line.trim().is_empty() => self.turn(),
                    Some(line) => if let Some(message) = self.read(&line) {
                        return Ok(Some(message));
                    },
                    None if self.settings.scan.is_empty() => return Ok(None),
                    None => {}
                },
                () = over(until) => return Ok(None),
                _ = turns.tick(), if self.settings.every.is_some() => self.turn(),
            }
        }
    }

    /// Stays until the last of several codes was shown and Enter was pressed once more, or nothing
    /// more can be typed.
    pub async fn leave(&mut self, until: Option<Instant>) -> Result<(), Failure> {
        let count = self.shown.symbols.len();
        if count < 2 || self.typed.ended() {
            return Ok(());
        }
        eprintln!("After the last code, Enter ends.");
        let every = self.settings.every.unwrap_or(LOOK_AGAIN);
        let mut turns = tokio::time::interval_at(Instant::now() + every, every);
        loop {
            tokio::select! {
                line = self.typed.next() => match line {
                    None => return Ok(()),
                    // A scanner that still sees the payer's code.
                    Some(line) if !line.trim().is_empty() => {}
                    Some(_) if self.shown.at + 1 == count => return Ok(()),
                    Some(_) => self.turn(),
                },
                () = over(until) => return Ok(()),
                _ = turns.tick(), if self.settings.every.is_some() => self.turn(),
            }
        }
    }

    /// Asks the person at the keyboard; a scanner's lines are no answer.
    pub async fn confirms(&mut self, question: &str) -> bool {
        eprintln!("{question} [yes/no]");
        while let Some(line) = self.typed.next().await {
            match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return true,
                "n" | "no" => return false,
                _ => eprintln!("yes or no?"),
            }
        }
        false
    }

    /// One frame; the message once it is whole. What speaks against it is said.
    fn read(&mut self, text: &str) -> Option<Vec<u8>> {
        let text = text.strip_prefix(ZBAR_PREFIX).unwrap_or(text);
        let progress = match self.assembly.add(text) {
            Err(FrameError::OtherMessage) => {
                if self.assembly.missing().next().is_some() {
                    eprintln!(
                        "another message begins; what was read of the one before is forgotten"
                    );
                }
                self.assembly.clear();
                self.assembly.add(text)
            }
            progress => progress,
        };
        match progress {
            Ok(Progress::Whole) => {
                let message = self.assembly.message()?.to_vec();
                self.assembly.clear();
                if message == self.shown.message {
                    eprintln!("that is this screen's own code; scan the other one's");
                    return None;
                }
                Some(message)
            }
            Ok(Progress::Read { number, count }) => {
                let missing = self
                    .assembly
                    .missing()
                    .map(|number| (number + 1).to_string());
                let missing: Vec<String> = missing.collect();
                eprintln!(
                    "code {} of {count} was read; still missing: {}",
                    number + 1,
                    missing.join(", ")
                );
                None
            }
            Ok(Progress::Again) => None,
            Err(error) => {
                eprintln!("{error}");
                None
            }
        }
    }

    /// Reads the pictures that are new or have changed.
    async fn look(&mut self) {
        for path in self.settings.scan.clone() {
            for path in numbered_there(&path) {
                let Some(known) = state(&path) else { continue };
                if self.looked.get(&path) == Some(&known) {
                    continue;
                }
                self.looked.insert(path.clone(), known);
                match texts(&path).await {
                    Ok(texts) if texts.is_empty() => {
                        eprintln!("{}: no QR code can be read in it", path.display());
                    }
                    Ok(texts) => self.found.extend(texts),
                    Err(error) => eprintln!("{}: {error}", path.display()),
                }
            }
        }
    }
}

/// The message in one picture.
pub async fn picture_message(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut assembly = Box::<Assembly>::default();
    for text in texts(path).await? {
        assembly.add(&text)?;
    }
    let message = assembly.message().map(<[u8]>::to_vec);
    message.ok_or_else(|| "no whole message can be read in this picture".into())
}

async fn over(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn symbols(message: &[u8], piece_bytes: usize) -> Result<Vec<Symbol>, Failure> {
    let frames = Frames::new(message, piece_bytes)
        .ok_or("the message does not fit into so many codes; raise --code-bytes")?;
    let mut text = [0; FRAME_MAX_CHARS];
    (0..frames.count())
        .map(|number| {
            let text = frames.write(number, &mut text);
            Symbol::draw(text.ok_or("a frame does not fit")?)
        })
        .collect()
}

/// The names of so many pictures: FILE for one, FILE-1, FILE-2 and so on for several.
fn numbered(path: &Path, count: usize) -> Vec<PathBuf> {
    if count == 1 {
        return vec![path.to_owned()];
    }
    (1..=count)
        .map(|number| with_number(path, number))
        .collect()
}

/// Those of these names that are there.
fn numbered_there(path: &Path) -> Vec<PathBuf> {
    let first = std::iter::once(path.to_owned());
    let others = (1..=usize::from(FRAMES_MAX)).map(|number| with_number(path, number));
    first
        .filter(|path| path.exists())
        .chain(others.take_while(|path| path.exists()))
        .collect()
}

fn with_number(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.{end}"))
}

fn state(path: &Path) -> Option<(u64, SystemTime)> {
    let known = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((known.len(), known.modified().ok()?))
}
