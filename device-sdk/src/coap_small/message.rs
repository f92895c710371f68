//! One CoAP message (RFC 7252, 3): read where it lies, written into a buffer of the caller's.

use super::AnswerCode;

/// Option numbers used here.
pub mod option {
    /// Names a state of a resource.
    pub const ETAG: u16 = 4;
    /// One segment of the path.
    pub const URI_PATH: u16 = 11;
    /// What the payload is.
    pub const CONTENT_FORMAT: u16 = 12;
    /// Seconds that an answer is fresh, or that a refusal wants to be left alone.
    pub const MAX_AGE: u16 = 14;
    /// One item of the query.
    pub const URI_QUERY: u16 = 15;
    /// What the answer is to be.
    pub const ACCEPT: u16 = 17;
    /// A block of the answer (RFC 7959).
    pub const BLOCK2: u16 = 23;
    /// A block of the request (RFC 7959).
    pub const BLOCK1: u16 = 27;
    /// How long the whole request is (RFC 7959).
    pub const SIZE1: u16 = 60;
    /// What a 4.01 wants brought back (RFC 9175).
    pub const ECHO: u16 = 252;
    /// Keeps bodies on their way to one path apart (RFC 9175).
    pub const REQUEST_TAG: u16 = 292;
}

/// Bytes in front of the token.
const HEAD_BYTES: usize = 4;
/// Longest token.
const TOKEN_MAX_BYTES: usize = 8;
/// Between options and payload.
const PAYLOAD: u8 = 0xff;
/// Of a delta or a length, what follows it as one byte, and as two.
const ONE_MORE: u8 = 13;
const TWO_MORE: u8 = 14;
const ONE_MORE_FROM: u16 = 13;
const TWO_MORE_FROM: u16 = 269;

/// How a message is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wants to be acknowledged.
    Confirmable,
    /// Does not.
    NonConfirmable,
    /// Acknowledges, and may carry the answer.
    Acknowledgement,
    /// Not understood, or not wanted.
    Reset,
}

impl Kind {
    const fn bits(self) -> u8 {
        match self {
            Self::Confirmable => 0,
            Self::NonConfirmable => 1,
            Self::Acknowledgement => 2,
            Self::Reset => 3,
        }
    }
}

/// A message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'m> {
    /// How to treat it.
    pub kind: Kind,
    /// Method or outcome; 0 of an empty one.
    pub code: u8,
    /// Under which it is acknowledged.
    pub message_id: u16,
    /// Which request it belongs to.
    pub token: &'m [u8],
    /// All options, as they are spelt; [`Message::options`] reads them.
    options: &'m [u8],
    /// Body or a block of it.
    pub payload: &'m [u8],
}

impl<'m> Message<'m> {
    /// Reads one datagram. `None` for whatever is not whole and version 1.
    pub fn read(datagram: &'m [u8]) -> Option<Self> {
        let (head, rest) = datagram.split_first_chunk::<HEAD_BYTES>()?;
        let [first, code, high, low] = *head;
        let kind = match (first >> 6, first >> 4 & 3) {
            (1, 0) => Kind::Confirmable,
            (1, 1) => Kind::NonConfirmable,
            (1, 2) => Kind::Acknowledgement,
            (1, 3) => Kind::Reset,
            _ => return None,
        };
        // An empty message is a header and nothing else (4.1).
        if code == 0 && datagram.len() != HEAD_BYTES {
            return None;
        }
        let token_len = usize::from(first & 0xf);
        if token_len > TOKEN_MAX_BYTES {
            return None;
        }
        let (token, rest) = rest.split_at_checked(token_len)?;
        let mut after = Options {
            rest,
            number: 0,
            whole: true,
        };
        while after.next().is_some() {}
        let options = rest.get(..rest.len() - after.rest.len())?;
        let payload = match after.rest {
            _ if !after.whole => return None,
            [] => &[],
            // A marker with nothing behind it is an error (3).
            [PAYLOAD] => return None,
            [_, payload @ ..] => payload,
        };
        Some(Self {
            kind,
            code,
            message_id: u16::from_be_bytes([high, low]),
            token,
            options,
            payload,
        })
    }

    /// Every option in its order: number and value.
    pub fn options(&self) -> impl Iterator<Item = (u16, &'m [u8])> + use<'m> {
        Options {
            rest: self.options,
            number: 0,
            whole: true,
        }
    }

    /// The first value of an option.
    pub fn option(&self, number: u16) -> Option<&'m [u8]> {
        let mut options = self.options();
        options.find_map(|(it, value)| (it == number).then_some(value))
    }

    /// The first value of an option as a number; `None` when absent or longer than four bytes.
    pub fn number(&self, number: u16) -> Option<u32> {
        self.option(number).and_then(read_uint)
    }

    /// What a response says.
    pub(super) fn answer_code(&self) -> Option<AnswerCode> {
        matches!(self.code >> 5, 2 | 4 | 5).then_some(AnswerCode(self.code))
    }
}

/// Reads options until the payload's marker, the end, or what is no option.
struct Options<'m> {
    rest: &'m [u8],
    number: u16,
    whole: bool,
}

impl<'m> Options<'m> {
    /// The next one, and what is behind it. `None` when it is cut off or impossible.
    fn read(&self) -> Option<(u16, &'m [u8], &'m [u8])> {
        let (first, rest) = self.rest.split_first()?;
        let (delta, rest) = extended(first >> 4, rest)?;
        let (len, rest) = extended(first & 0xf, rest)?;
        let number = self.number.checked_add(delta)?;
        let (value, rest) = rest.split_at_checked(usize::from(len))?;
        Some((number, value, rest))
    }
}

impl<'m> Iterator for Options<'m> {
    type Item = (u16, &'m [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.rest, [] | [PAYLOAD, ..]) || !self.whole {
            return None;
        }
        let Some((number, value, rest)) = self.read() else {
            self.whole = false;
            return None;
        };
        (self.number, self.rest) = (number, rest);
        Some((number, value))
    }
}

/// A delta or length whose upper part is in further bytes.
fn extended(nibble: u8, rest: &[u8]) -> Option<(u16, &[u8])> {
    match nibble {
        ..ONE_MORE => Some((u16::from(nibble), rest)),
        ONE_MORE => {
            let (more, rest) = rest.split_first()?;
            Some((ONE_MORE_FROM + u16::from(*more), rest))
        }
        TWO_MORE => {
            let (more, rest) = rest.split_first_chunk()?;
            let value = u16::from_be_bytes(*more).checked_add(TWO_MORE_FROM)?;
            Some((value, rest))
        }
        _ => None,
    }
}

/// Writes one message; options in ascending order of their numbers. Every call says `None` when
/// there is no room.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
    number: u16,
}

impl<'o> Writer<'o> {
    /// Begins a message.
    pub fn new(
        out: &'o mut [u8],
        kind: Kind,
        code: u8,
        message_id: u16,
        token: &[u8],
    ) -> Option<Self> {
        let token_len = u8::try_from(token.len()).ok()?;
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let [high, low] = message_id.to_be_bytes();
        let mut writer = Self {
            out,
            at: 0,
            number: 0,
        };
        let first = 1 << 6 | kind.bits() << 4 | token_len;
        writer.put(&[first, code, high, low])?;
        writer.put(token)?;
        Some(writer)
    }

    /// Adds an option whose number is not below the one before.
    pub fn option(&mut self, number: u16, value: &[u8]) -> Option<()> {
        let delta = number.checked_sub(self.number)?;
        let len = u16::try_from(value.len()).ok()?;
        let (delta_nibble, delta_more) = nibble(delta);
        let (len_nibble, len_more) = nibble(len);
        self.put(&[delta_nibble << 4 | len_nibble])?;
        self.put(delta_more.bytes())?;
        self.put(len_more.bytes())?;
        self.put(value)?;
        self.number = number;
        Some(())
    }

    /// Adds an option that is a number, in its shortest spelling.
    pub fn number(&mut self, number: u16, value: u32) -> Option<()> {
        self.option(number, Uint::new(value).bytes())
    }

    /// Ends the message with its payload, which may be empty; returns its length.
    pub fn end(mut self, payload: &[u8]) -> Option<usize> {
        if !payload.is_empty() {
            self.put(&[PAYLOAD])?;
            self.put(payload)?;
        }
        Some(self.at)
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.out.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }
}

/// An unsigned number without leading zeros; zero is empty.
#[derive(Clone, Copy, Debug)]
struct Uint {
    bytes: [u8; 4],
    zeros: usize,
}

impl Uint {
    fn new(value: u32) -> Self {
        Self {
            bytes: value.to_be_bytes(),
            zeros: value.leading_zeros() as usize / 8,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.zeros..).unwrap_or_default()
    }
}

/// What stands in the four bits of a delta or length, and the bytes that follow.
fn nibble(value: u16) -> (u8, More) {
    match value {
        ..ONE_MORE_FROM => (value as u8, More([0; 2], 0)),
        ONE_MORE_FROM..TWO_MORE_FROM => {
            let more = (value - ONE_MORE_FROM) as u8;
            (ONE_MORE, More([more, 0], 1))
        }
        _ => {
            let more = (value - TWO_MORE_FROM).to_be_bytes();
            (TWO_MORE, More(more, 2))
        }
    }
}

/// Up to two bytes.
struct More([u8; 2], usize);

impl More {
    fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// Reads an unsigned option value of up to four bytes.
pub fn read_uint(value: &[u8]) -> Option<u32> {
    let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
    (value.len() <= 4).then(|| value.iter().fold(0, add))
}
