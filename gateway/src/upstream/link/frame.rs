//! What one publication on the link says. `docs/protocol.md` has the form.

use protocol::{KeyEpoch, Timestamp};

/// Bytes of the largest frame.
pub const FRAME_MAX: usize = 96 * 1024;

const PARCEL: u8 = 1;
const BLOCK: u8 = 2;
const TELEMETRY: u8 = 3;
const ACKNOWLEDGEMENT: u8 = 4;
const HELLO: u8 = 5;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'b> {
    /// A letter.
    Parcel {
        /// Its writer's epoch.
        epoch: KeyEpoch,
        /// The first letter that its writer still keeps.
        first: u64,
        /// Its number.
        number: u64,
        /// The letter.
        letter: &'b [u8],
    },
    /// Part of a journal.
    Block(&'b [u8]),
    /// Something a thing said.
    Telemetry {
        /// When the outbox was made that it comes from.
        epoch: Timestamp,
        /// Its number there.
        number: u64,
        /// It is the newest of its topic.
        retain: bool,
        /// Where.
        topic: &'b str,
        /// What.
        payload: &'b [u8],
    },
    /// A signed acknowledgement.
    Acknowledgement(&'b [u8]),
    /// Somebody is there and wants to know how far its journal has come.
    Hello,
}

impl<'b> Frame<'b> {
    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match *self {
            Self::Parcel {
                epoch,
                first,
                number,
                letter,
            } => {
                out.push(PARCEL);
                out.extend_from_slice(&epoch.0.to_be_bytes());
                out.extend_from_slice(&first.to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(letter);
            }
            Self::Block(block) => {
                out.push(BLOCK);
                out.extend_from_slice(block);
            }
            Self::Telemetry {
                epoch,
                number,
                retain,
                topic,
                payload,
            } => {
                out.push(TELEMETRY);
                out.extend_from_slice(&epoch.0.to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
                out.push(u8::from(retain));
                // A topic has at most 512 bytes.
                out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
                out.extend_from_slice(topic.as_bytes());
                out.extend_from_slice(payload);
            }
            Self::Acknowledgement(signed) => {
                out.push(ACKNOWLEDGEMENT);
                out.extend_from_slice(signed);
            }
            Self::Hello => out.push(HELLO),
        }
        out
    }

    /// Reads exactly one frame.
    pub fn read(bytes: &'b [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match *kind {
            PARCEL => {
                let (epoch, rest) = rest.split_first_chunk()?;
                let (first, rest) = rest.split_first_chunk()?;
                let (number, letter) = rest.split_first_chunk()?;
                Some(Self::Parcel {
                    epoch: KeyEpoch(u32::from_be_bytes(*epoch)),
                    first: u64::from_be_bytes(*first),
                    number: u64::from_be_bytes(*number),
                    letter,
                })
            }
            BLOCK => Some(Self::Block(rest)),
            TELEMETRY => {
                let (epoch, rest) = rest.split_first_chunk()?;
                let (number, rest) = rest.split_first_chunk()?;
                let (retain, rest) = rest.split_first()?;
                let (len, rest) = rest.split_first_chunk()?;
                let len = usize::from(u16::from_be_bytes(*len));
                let (topic, payload) = rest.split_at_checked(len)?;
                Some(Self::Telemetry {
                    epoch: Timestamp(u32::from_be_bytes(*epoch)),
                    number: u64::from_be_bytes(*number),
                    retain: match retain {
                        0 => false,
                        1 => true,
                        _ => return None,
                    },
                    topic: std::str::from_utf8(topic).ok()?,
                    payload,
                })
            }
            ACKNOWLEDGEMENT => Some(Self::Acknowledgement(rest)),
            HELLO if rest.is_empty() => Some(Self::Hello),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_reads_as_it_was_written_and_nothing_else_does() {
        let frames = [
            Frame::Parcel {
                epoch: KeyEpoch(1),
                first: 2,
                number: 3,
                letter: b"letter",
            },
            Frame::Block(b"block"),
            Frame::Telemetry {
                epoch: Timestamp(4),
                number: 5,
                retain: true,
                topic: "oc/1/A/t/x",
                payload: b"{}",
            },
            Frame::Acknowledgement(b"signed"),
            Frame::Hello,
        ];
        for frame in frames {
            let bytes = frame.write();
            assert_eq!(Frame::read(&bytes), Some(frame));
        }
        for wrong in [&[][..], &[0], &[9, 1], &[HELLO, 0], &[PARCEL, 0, 0]] {
            assert_eq!(Frame::read(wrong), None, "{wrong:?}");
        }
        let telemetry = frames[2].write();
        for end in 1..telemetry.len() - 2 {
            assert_eq!(Frame::read(&telemetry[..end]), None);
        }
    }
}
