//! Things on a serial line, by the provisioning protocol of [`protocol::provision`].
//!
//! A call that is not answered in time is said again; a line that is damaged or of somebody else is
//! passed over. Tags tell late answers from those that are waited for.

use crate::world::{Device, Part, Trouble};
use issuer::journal::Number;
use protocol::Network;
use protocol::provision::{Call, Chunk, LINE_BYTES_MAX, PART_BYTES_MAX, Parts, Reply};
use rustix::termios::{self, OptionalActions, SpecialCodeIndex};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a call is said before the thing counts as gone.
const TRIES: u32 = 5;
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Tenths of a second that one read waits.
const READ_WAITS_DS: u8 = 1;
/// `O_NOCTTY`: the line does not become this process's terminal.
const NO_CONTROL: i32 = 0o400;

/// One line with one thing at its end.
#[derive(Debug)]
pub struct SerialDevice {
    line: File,
    network: Network,
    timeout: Duration,
    heard: Vec<u8>,
    tag: u16,
}

impl SerialDevice {
    /// Opens a line and makes it raw.
    pub fn open(
        path: &Path,
        baud: u32,
        network: Network,
        timeout: Duration,
    ) -> Result<Self, Trouble> {
        let open = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).custom_flags(NO_CONTROL);
            let line = options.open(path)?;
            let mut settings = termios::tcgetattr(&line)?;
            settings.make_raw();
            settings.set_speed(baud)?;
            set(&mut settings, SpecialCodeIndex::VMIN, 0);
            set(&mut settings, SpecialCodeIndex::VTIME, READ_WAITS_DS);
            termios::tcsetattr(&line, OptionalActions::Flush, &settings)?;
            Ok(line)
        };
        let line = open().map_err(|error| Trouble(format!("{}: {error}", path.display())))?;
        Ok(Self {
            line,
            network,
            timeout,
            heard: Vec::new(),
            tag: 0,
        })
    }

    /// Says a call until it is answered; the answer is looked at by `take`.
    fn call<T>(
        &mut self,
        call: &Call<'_>,
        take: impl Fn(&Reply<'_>) -> Option<T>,
    ) -> Result<T, Trouble> {
        let end = Instant::now() + self.timeout;
        self.tag = self.tag.wrapping_add(1);
        let line = call.line(self.tag);
        let line = line.ok_or_else(|| Trouble::new("no such call"))?;
        for _ in 0..TRIES {
            self.line.write_all(line.as_bytes()).map_err(Trouble::new)?;
            let until = end.min(Instant::now() + ANSWER);
            while let Some(heard) = self.next_line(until)? {
                match Reply::read(&heard) {
                    Some((tag, Reply::No { reason })) if tag == self.tag => {
                        return Err(Trouble(format!("the thing refuses: {reason}")));
                    }
                    Some((tag, reply)) if tag == self.tag => {
                        let wrong = || Trouble::new("the thing answers something else");
                        return take(&reply).ok_or_else(wrong);
                    }
                    _ => {}
                }
            }
            if Instant::now() >= end {
                break;
            }
        }
        Err(Trouble::new(
            "the thing does not answer; is it on the bench and switched on?",
        ))
    }

    /// The next line with its end; `None` when the time is over.
    fn next_line(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.heard.drain(..=end).collect()));
            }
            if self.heard.len() > LINE_BYTES_MAX {
                self.heard.clear();
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            let mut bytes = [0; LINE_BYTES_MAX];
            match self.line.read(&mut bytes) {
                Ok(count) => self.heard.extend(bytes.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble(format!("the serial line: {error}"))),
            }
        }
    }

    /// Everything that comes in pieces, from the first to the last.
    fn whole<'n>(&mut self, piece: impl Fn(usize) -> Call<'n>) -> Result<Vec<u8>, Trouble> {
        let mut whole = Vec::new();
        loop {
            let (total, chunk) = self.call(&piece(whole.len()), |reply| match reply {
                Reply::Data { total, chunk } => Some((*total, *chunk)),
                _ => None,
            })?;
            whole.extend_from_slice(chunk.as_bytes());
            if whole.len() >= total || whole.len() > PART_BYTES_MAX || chunk.as_bytes().is_empty() {
                return match whole.len() == total {
                    true => Ok(whole),
                    false => Err(Trouble::new("the thing sends another length than it says")),
                };
            }
        }
    }
}

fn set(settings: &mut termios::Termios, code: SpecialCodeIndex, value: u8) {
    settings.special_codes[code] = value;
}

fn is_ok(reply: &Reply<'_>) -> Option<()> {
    matches!(reply, Reply::Ok).then_some(())
}

impl Device for SerialDevice {
    fn request(&mut self, _: Number) -> Result<Vec<u8>, Trouble> {
        let hello = Call::Hello {
            network: self.network,
        };
        self.call(&hello, |reply| {
            matches!(reply, Reply::Hello { .. }).then_some(())
        })?;
        self.whole(|offset| Call::Ask { offset })
    }

    fn write(&mut self, _: Number, parts: &[Part]) -> Result<(), Trouble> {
        let mut digest = Parts::default();
        for (name, content) in parts {
            digest.add(name, content);
            let mut offset = 0;
            loop {
                let chunk = Chunk::of(content, offset);
                let put = Call::Put {
                    name,
                    offset,
                    total: content.len(),
                    chunk,
                };
                self.call(&put, is_ok)?;
                offset += chunk.as_bytes().len();
                if offset >= content.len() {
                    break;
                }
            }
        }
        let digest = digest.digest();
        self.call(&Call::Keep { digest }, is_ok)
    }

    fn read(&mut self, _: Number, names: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble> {
        let get = |name| move |offset| Call::Get { name, offset };
        names.iter().map(|name| self.whole(get(*name))).collect()
    }
}
