//! The lines of a station's journal, and the chain through them.
//!
//! One line for each step, as text: what happened, one space, and 64 hexadecimal digits, the head of
//! the chain after it: `SHA-256(head before || what happened)`. Bytes stand in base64, so that no
//! field holds a space or the end of a line.

use base64ct::{Base64, Encoding};
use protocol::code::FINGERPRINT_BYTES;
use protocol::cose::SIGNED_MAX;
use protocol::{Code, Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Longest line, without its end.
pub const LINE_BYTES_MAX: usize = 32 * 1024;
/// Most things without keys in one line.
pub const ITEMS_MOST: usize = 1000;
/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 128;
const HEAD_CHARS: usize = 64;

/// A number that a station gives once.
pub type Number = u64;

/// One step of a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Work begins on an order.
    Order {
        /// The signed order.
        order: Vec<u8>,
        /// The pass of the gateway that signed it.
        pass: Vec<u8>,
    },
    /// A number is taken, for good.
    Reserve {
        /// The number.
        sequence: Number,
        /// Of the certificate.
        serial: [u8; 16],
        /// Stands in certificate and pass.
        time: Timestamp,
    },
    /// The thing made its keys and asked.
    Request {
        /// Whose.
        sequence: Number,
        /// PKCS#10, DER.
        request: Vec<u8>,
    },
    /// What will be signed was checked.
    Draft {
        /// Whose.
        sequence: Number,
        /// The name it will have.
        code: Code,
        /// SHA-256 of the certificate without its signature.
        digest: Digest,
    },
    /// Both credentials were signed and checked again.
    Signed {
        /// Whose.
        sequence: Number,
        /// DER.
        certificate: Vec<u8>,
        /// Signed pass.
        pass: Vec<u8>,
    },
    /// The thing holds them, and gave them back unchanged.
    Written {
        /// Whose.
        sequence: Number,
    },
    /// Its label was printed.
    Labelled {
        /// Whose.
        sequence: Number,
    },
    /// The label was read back.
    Scanned {
        /// Whose.
        sequence: Number,
    },
    /// The code is made.
    Done {
        /// Whose.
        sequence: Number,
    },
    /// The number is given up; no code of it leaves the station.
    Scrap {
        /// Which.
        sequence: Number,
        /// Why.
        reason: String,
    },
    /// A label was printed once more.
    Reprint {
        /// Whose.
        sequence: Number,
        /// Why.
        reason: String,
    },
    /// Codes of things without keys, numbered on from the first.
    Items {
        /// The first number.
        first: Number,
        /// When.
        time: Timestamp,
        /// The last ten bytes of each code.
        fingerprints: Vec<[u8; FINGERPRINT_BYTES]>,
    },
    /// Labels of all things up to this number are printed.
    Printed {
        /// The last number.
        last: Number,
    },
    /// All lines since the last one of these go to the gateway.
    Manifest {
        /// 1, 2, 3, ...
        number: u32,
        /// When.
        time: Timestamp,
    },
}

/// The head of a chain that is carried from line to line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// After the last line; zeros before the first.
    pub head: Digest,
}

/// Why bytes are no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// Longer than [`LINE_BYTES_MAX`], or no text.
    Length,
    /// It does not continue the chain: a line is missing, changed or out of place.
    Chain,
    /// No step of a station.
    Form,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "too long, or no text",
            Self::Chain => {
                "it does not continue the chain: a line is missing, changed or out of place"
            }
            Self::Form => "no step of a station of this version",
        })
    }
}

impl std::error::Error for LineFault {}

impl Chain {
    fn after(self, body: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(self.head.0).chain_update(body);
        Self {
            head: Digest(hash.finalize().into()),
        }
    }

    /// Adds a line to `out`, with its end.
    pub fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        let body = line.to_string();
        *self = self.after(body.as_bytes());
        out.extend_from_slice(format!("{body} {}\n", self.head).as_bytes());
    }

    /// Reads the next line, given without its end.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Line, LineFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| LineFault::Length)?;
        if text.len() > LINE_BYTES_MAX {
            return Err(LineFault::Length);
        }
        let (body, head) = text.rsplit_once(' ').ok_or(LineFault::Form)?;
        let next = self.after(body.as_bytes());
        if head.len() != HEAD_CHARS || head != next.head.to_string() {
            return Err(LineFault::Chain);
        }
        let line = parse(body).ok_or(LineFault::Form)?;
        // One spelling for one step.
        if line.to_string() != body {
            return Err(LineFault::Form);
        }
        *self = next;
        Ok(line)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Base64::encode_string;
        match self {
            Self::Order { order, pass } => write!(f, "order {} {}", text(order), text(pass)),
            Self::Reserve {
                sequence,
                serial,
                time,
            } => write!(f, "reserve {sequence} {} {}", text(serial), time.0),
            Self::Request { sequence, request } => {
                write!(f, "request {sequence} {}", text(request))
            }
            Self::Draft {
                sequence,
                code,
                digest,
            } => write!(f, "draft {sequence} {code} {}", text(&digest.0)),
            Self::Signed {
                sequence,
                certificate,
                pass,
            } => write!(f, "signed {sequence} {} {}", text(certificate), text(pass)),
            Self::Written { sequence } => write!(f, "written {sequence}"),
            Self::Labelled { sequence } => write!(f, "labelled {sequence}"),
            Self::Scanned { sequence } => write!(f, "scanned {sequence}"),
            Self::Done { sequence } => write!(f, "done {sequence}"),
            Self::Scrap { sequence, reason } => {
                write!(f, "scrap {sequence} {}", text(reason.as_bytes()))
            }
            Self::Reprint { sequence, reason } => {
                write!(f, "reprint {sequence} {}", text(reason.as_bytes()))
            }
            Self::Items {
                first,
                time,
                fingerprints,
            } => {
                let all = text(fingerprints.as_flattened());
                write!(f, "items {first} {} {all}", time.0)
            }
            Self::Printed { last } => write!(f, "printed {last}"),
            Self::Manifest { number, time } => write!(f, "manifest {number} {}", time.0),
        }
    }
}

pub(crate) fn parse(body: &str) -> Option<Line> {
    let mut words = body.split(' ');
    let mut word = || words.next();
    let line = match word()? {
        "order" => Line::Order {
            order: bytes(word()?).filter(|bytes| bytes.len() <= SIGNED_MAX)?,
            pass: bytes(word()?).filter(|bytes| bytes.len() <= SIGNED_MAX)?,
        },
        "reserve" => Line::Reserve {
            sequence: word()?.parse().ok()?,
            serial: bytes(word()?)?.try_into().ok()?,
            time: Timestamp(word()?.parse().ok()?),
        },
        "request" => Line::Request {
            sequence: word()?.parse().ok()?,
            request: bytes(word()?)?,
        },
        "draft" => Line::Draft {
            sequence: word()?.parse().ok()?,
            code: word()?.parse().ok()?,
            digest: Digest::from_slice(&bytes(word()?)?)?,
        },
        "signed" => Line::Signed {
            sequence: word()?.parse().ok()?,
            certificate: bytes(word()?)?,
            pass: bytes(word()?).filter(|bytes| bytes.len() <= SIGNED_MAX)?,
        },
        "written" => Line::Written {
            sequence: word()?.parse().ok()?,
        },
        "labelled" => Line::Labelled {
            sequence: word()?.parse().ok()?,
        },
        "scanned" => Line::Scanned {
            sequence: word()?.parse().ok()?,
        },
        "done" => Line::Done {
            sequence: word()?.parse().ok()?,
        },
        "scrap" => Line::Scrap {
            sequence: word()?.parse().ok()?,
            reason: reason(word()?)?,
        },
        "reprint" => Line::Reprint {
            sequence: word()?.parse().ok()?,
            reason: reason(word()?)?,
        },
        "items" => Line::Items {
            first: word()?.parse().ok()?,
            time: Timestamp(word()?.parse().ok()?),
            fingerprints: fingerprints(&bytes(word()?)?)?,
        },
        "printed" => Line::Printed {
            last: word()?.parse().ok()?,
        },
        "manifest" => Line::Manifest {
            number: word()?.parse().ok()?,
            time: Timestamp(word()?.parse().ok()?),
        },
        _ => return None,
    };
    words.next().is_none().then_some(line)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// A reason as people give it: not empty, bounded, and it prints.
pub fn reason_is_good(text: &str) -> bool {
    (1..=REASON_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn reason(word: &str) -> Option<String> {
    String::from_utf8(bytes(word)?)
        .ok()
        .filter(|text| reason_is_good(text))
}

fn fingerprints(bytes: &[u8]) -> Option<Vec<[u8; FINGERPRINT_BYTES]>> {
    let (all, rest) = bytes.as_chunks::<FINGERPRINT_BYTES>();
    let fits = rest.is_empty() && (1..=ITEMS_MOST).contains(&all.len());
    fits.then(|| all.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let sequence = 7;
        let code = "2000-0080-2000-0001-DGQK-QDBC-G3P7-ECY7-7E"
            .parse()
            .unwrap();
        vec![
            Line::Order {
                order: vec![1; 90],
                pass: vec![2; 100],
            },
            Line::Reserve {
                sequence,
                serial: [3; 16],
                time: Timestamp(5),
            },
            Line::Request {
                sequence,
                request: vec![4; 300],
            },
            Line::Draft {
                sequence,
                code,
                digest: Digest([6; 32]),
            },
            Line::Signed {
                sequence,
                certificate: vec![7; 700],
                pass: vec![8; 200],
            },
            Line::Written { sequence },
            Line::Labelled { sequence },
            Line::Scanned { sequence },
            Line::Done { sequence },
            Line::Reprint {
                sequence,
                reason: "smeared ä".to_owned(),
            },
            Line::Scrap {
                sequence,
                reason: "dropped".to_owned(),
            },
            Line::Items {
                first: 8,
                time: Timestamp(6),
                fingerprints: vec![[9; 10]; ITEMS_MOST],
            },
            Line::Printed { last: 1007 },
            Line::Manifest {
                number: 1,
                time: Timestamp(7),
            },
        ]
    }

    fn text() -> Vec<u8> {
        let (mut chain, mut out) = (Chain::default(), Vec::new());
        for line in lines() {
            chain.write(&line, &mut out);
        }
        out
    }

    fn read(text: &[u8]) -> Result<Vec<Line>, LineFault> {
        let mut chain = Chain::default();
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| chain.read(line))
            .collect()
    }

    #[test]
    fn every_step_reads_back() {
        let text = text();
        assert_eq!(read(&text), Ok(lines()));
        let longest = text.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest <= Some(LINE_BYTES_MAX));
    }

    #[test]
    fn a_changed_missing_or_moved_line_breaks_the_chain() {
        let text = String::from_utf8(text()).unwrap();
        let all: Vec<&str> = text.lines().collect();
        for i in 0..all.len() {
            let mut changed = all[i].as_bytes().to_vec();
            changed[1] ^= 1;
            let with = |replaced: Option<&[u8]>| {
                let lines = all.iter().enumerate();
                let lines = lines.filter_map(|(j, line)| match i == j {
                    true => replaced,
                    false => Some(line.as_bytes()),
                });
                lines.collect::<Vec<_>>().join(&b'\n')
            };
            assert_eq!(read(&with(Some(&changed))), Err(LineFault::Chain), "{i}");
            if i + 1 < all.len() {
                assert_eq!(read(&with(None)), Err(LineFault::Chain), "without {i}");
            }
        }
    }

    #[test]
    fn what_is_chained_but_no_step_is_refused() {
        for body in [
            "",
            "done",
            "done x",
            "done 07",
            "done 7 8",
            "dance 7",
            "scrap 7 ",
            "items 1 2 ",
        ] {
            let mut chain = Chain::default();
            let head = chain.after(body.as_bytes()).head;
            let line = format!("{body} {head}");
            assert_eq!(chain.read(line.as_bytes()), Err(LineFault::Form), "{body}");
        }
    }
}
