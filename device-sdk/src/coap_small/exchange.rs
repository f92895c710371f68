//! One request until its answer is whole.

use super::block::{Block, BlockSize};
use super::message::{Kind, Message, Writer, option};
use super::{Answer, AnswerCode, Client, Error, Request, Step};

/// Times a body is begun again when it was lost or has changed on the way.
const BEGIN_AGAIN_MAX: u8 = 2;
/// Times a gateway that has too much to do is waited for.
const PAUSES_MAX: u8 = 3;
/// The longest of these waits; a longer one is left to the caller, with the answer that asks for it.
const PAUSE_MAX_S: u32 = 600;
/// How long an answer without Max-Age means (RFC 7252, 5.10.5).
const MAX_AGE_S: u32 = 60;
/// Longest Echo value (RFC 9175, 2.2.1).
const ECHO_MAX_BYTES: usize = 40;
/// Longest ETag (RFC 7252, 5.10.6).
const ETAG_MAX_BYTES: usize = 8;
/// No wait is longer, so that a counter which begins again can tell before from after.
const WAIT_MAX_MS: u32 = 1 << 30;
const TOKEN_BYTES: usize = 4;

/// A request under way. Dropping it gives it up.
#[derive(Debug)]
pub struct Exchange<'a> {
    client: &'a mut Client,
    request: Request<'a>,
    body: &'a mut [u8],
    part: Part,
    phase: Phase,
    message_id: u16,
    token: [u8; TOKEN_BYTES],
    /// What this part's next message has to show.
    echo: Option<Short<ECHO_MAX_BYTES>>,
    /// An empty message that has to go out.
    reply: Option<(Kind, u16)>,
    tag: u32,
    begun_again: u8,
    pauses: u8,
}

/// What is on its way.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// The body, from this byte on.
    Up { offset: usize, size: BlockSize },
    /// The answer, of which so much is there.
    Down {
        len: usize,
        size: BlockSize,
        first: First,
    },
}

/// What the first block of an answer says of all of it.
#[derive(Clone, Copy, Debug)]
struct First {
    code: AnswerCode,
    etag: Short<ETAG_MAX_BYTES>,
    content_format: Option<u16>,
    max_age_s: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The part has to go out in a new message.
    Ready,
    /// It went out and is not acknowledged.
    Sent {
        repeated: u8,
        wait_ms: u32,
        at_ms: u32,
    },
    /// It is acknowledged and not answered.
    Heard {
        until_ms: u32,
    },
    /// The gateway wants to be left alone.
    Paused {
        until_ms: u32,
    },
    Over(Result<Answer, Error>),
}

impl<'a> Exchange<'a> {
    pub(super) fn new(client: &'a mut Client, request: Request<'a>, body: &'a mut [u8]) -> Self {
        let (tag, size) = (client.dice.roll() as u32, client.block);
        Self {
            client,
            request,
            body,
            part: Part::Up { offset: 0, size },
            phase: Phase::Ready,
            message_id: 0,
            token: [0; TOKEN_BYTES],
            echo: None,
            reply: None,
            tag,
            begun_again: 0,
            pauses: 0,
        }
    }

    /// Says what to do next. `out` has at least [`super::DATAGRAM_MAX_BYTES`].
    pub fn poll(&mut self, now_ms: u32, out: &mut [u8]) -> Step {
        if let Some((kind, message_id)) = self.reply.take()
            && let Some(empty) = Writer::new(out, kind, 0, message_id, &[])
            && let Some(len) = empty.end(&[])
        {
            return Step::Send(len);
        }
        let timing = self.client.timing;
        let (repeated, wait_ms) = match self.phase {
            Phase::Over(answer) => return Step::Done(answer),
            Phase::Sent {
                at_ms: until_ms, ..
            }
            | Phase::Heard { until_ms }
            | Phase::Paused { until_ms }
                if !is_due(until_ms, now_ms) =>
            {
                return Step::Wait { until_ms };
            }
            Phase::Heard { .. } => return self.fail(Error::NoAnswer),
            Phase::Sent { repeated, .. } if repeated >= timing.retransmit_max => {
                return self.fail(Error::Silent);
            }
            Phase::Sent {
                repeated, wait_ms, ..
            } => (repeated + 1, wait_ms.saturating_mul(2).min(WAIT_MAX_MS)),
            Phase::Ready | Phase::Paused { .. } => {
                self.message_id = self.client.next_message_id();
                self.token = (self.client.dice.roll() as u32).to_be_bytes();
                let jitter = u64::from(self.client.dice.thousandths());
                let wait_ms = u64::from(timing.ack_timeout_ms) * jitter / 1_000;
                (0, wait_ms.min(u64::from(WAIT_MAX_MS)) as u32)
            }
        };
        let Some(len) = self.write(out) else {
            return self.fail(Error::TooLarge);
        };
        self.phase = Phase::Sent {
            repeated,
            wait_ms,
            at_ms: now_ms.wrapping_add(wait_ms),
        };
        Step::Send(len)
    }

    /// Takes a datagram of the gateway. What does not belong here changes nothing.
    pub fn receive(&mut self, datagram: &[u8], now_ms: u32) {
        let Some(message) = Message::read(datagram) else {
            return;
        };
        match (message.kind, message.code, message.answer_code()) {
            (Kind::Acknowledgement | Kind::Reset, 0, _) => self.on_empty(&message, now_ms),
            (Kind::Reset, _, _) => {}
            (_, _, Some(code)) => self.on_response(&message, code, now_ms),
            // It serves nothing; an empty one only asks whether somebody is there.
            (Kind::Confirmable, _, None) => self.reply = Some((Kind::Reset, message.message_id)),
            _ => {}
        }
    }

    fn on_empty(&mut self, message: &Message<'_>, now_ms: u32) {
        if message.message_id != self.message_id || !self.is_out() {
            return;
        }
        self.phase = match message.kind {
            Kind::Reset => Phase::Over(Err(Error::Reset)),
            _ => {
                let wait_ms = self.client.timing.answer_timeout_ms.min(WAIT_MAX_MS);
                Phase::Heard {
                    until_ms: now_ms.wrapping_add(wait_ms),
                }
            }
        };
    }

    fn on_response(&mut self, message: &Message<'_>, code: AnswerCode, now_ms: u32) {
        let message_id = message.message_id;
        let about_this = message.kind != Kind::Acknowledgement || message_id == self.message_id;
        let is_answer = self.is_out() && about_this && message.token == self.token;
        let is_understood = message.options().all(|(number, _)| is_known(number));
        if message.kind == Kind::Confirmable {
            let is_again = self.client.has_heard(message_id);
            let kind = match is_again || (is_answer && is_understood) {
                true => Kind::Acknowledgement,
                false => Kind::Reset,
            };
            self.reply = Some((kind, message_id));
            if is_again {
                return;
            }
        }
        if !is_answer {
            return;
        }
        if message.kind == Kind::Confirmable && is_understood {
            self.client.remember(message_id);
        }
        let taken = match is_understood {
            true => self.take(message, code, now_ms),
            false => Err(Error::Protocol),
        };
        self.phase = taken.unwrap_or_else(|error| Phase::Over(Err(error)));
    }

    /// Whether a message is out that can be answered.
    fn is_out(&self) -> bool {
        matches!(self.phase, Phase::Sent { .. } | Phase::Heard { .. })
    }

    fn fail(&mut self, error: Error) -> Step {
        self.phase = Phase::Over(Err(error));
        Step::Done(Err(error))
    }

    fn take(
        &mut self,
        message: &Message<'_>,
        code: AnswerCode,
        now_ms: u32,
    ) -> Result<Phase, Error> {
        let echo = message.option(option::ECHO).and_then(Short::new);
        if code == AnswerCode::UNAUTHORIZED && echo.is_some() && self.echo.is_none() {
            self.echo = echo;
            return Ok(Phase::Ready);
        }
        if code == AnswerCode::TOO_MANY {
            let wait_s = message.number(option::MAX_AGE).unwrap_or(MAX_AGE_S);
            if wait_s > PAUSE_MAX_S || self.pauses >= PAUSES_MAX {
                return self.first(message, code);
            }
            self.pauses += 1;
            let until_ms = now_ms.wrapping_add(wait_s * 1_000);
            return Ok(Phase::Paused { until_ms });
        }
        match self.part {
            Part::Up { offset, size } => self.sent(message, code, offset, size),
            Part::Down { len, first, .. } => {
                let same = code == first.code && etag(message)? == first.etag;
                match block(message, option::BLOCK2)? {
                    _ if !same => self.begin_again(),
                    Some(block) => self.piece(message, block, first, len),
                    None => Err(Error::Protocol),
                }
            }
        }
    }

    /// A part of the body was answered, or all of it.
    fn sent(
        &mut self,
        message: &Message<'_>,
        code: AnswerCode,
        offset: usize,
        size: BlockSize,
    ) -> Result<Phase, Error> {
        let (_, end) = self.cut(offset, size);
        let wished = block(message, option::BLOCK1)?.map(|block| block.size);
        let smaller = wished.filter(|wished| *wished < size);
        match (code, smaller) {
            // Smaller blocks are wished for: what was taken so far counts in those.
            (AnswerCode::CONTINUE, _) if end < self.request.body.len() => {
                Ok(self.go_on(Part::Up {
                    offset: end,
                    size: smaller.unwrap_or(size),
                }))
            }
            (AnswerCode::CONTINUE, _) => Err(Error::Protocol),
            (AnswerCode::TOO_LARGE, Some(size)) if offset == 0 => {
                Ok(self.go_on(Part::Up { offset, size }))
            }
            // A gateway that has just come back knows nothing of the first blocks.
            (AnswerCode::INCOMPLETE, _) if offset > 0 => self.begin_again(),
            _ => self.first(message, code),
        }
    }

    fn first(&mut self, message: &Message<'_>, code: AnswerCode) -> Result<Phase, Error> {
        let content_format = message.number(option::CONTENT_FORMAT);
        let first = First {
            code,
            etag: etag(message)?,
            content_format: content_format.and_then(|format| u16::try_from(format).ok()),
            max_age_s: message.number(option::MAX_AGE),
        };
        match block(message, option::BLOCK2)? {
            Some(block) => self.piece(message, block, first, 0),
            None => {
                let len = self.keep(0, message.payload)?;
                Ok(Phase::Over(Ok(first.answer(len))))
            }
        }
    }

    fn piece(
        &mut self,
        message: &Message<'_>,
        block: Block,
        first: First,
        len: usize,
    ) -> Result<Phase, Error> {
        let payload = message.payload;
        let fits = block.offset() == len
            && payload.len() <= block.size.bytes()
            && (!block.more || payload.len() == block.size.bytes());
        if !fits {
            return Err(Error::Protocol);
        }
        let len = self.keep(len, payload)?;
        let size = block.size;
        Ok(match block.more {
            true => self.go_on(Part::Down { len, size, first }),
            false => Phase::Over(Ok(first.answer(len))),
        })
    }

    fn go_on(&mut self, part: Part) -> Phase {
        self.part = part;
        self.echo = None;
        Phase::Ready
    }

    fn begin_again(&mut self) -> Result<Phase, Error> {
        if self.begun_again >= BEGIN_AGAIN_MAX {
            return Err(Error::Changing);
        }
        self.begun_again += 1;
        self.tag = self.tag.wrapping_add(1);
        let size = self.client.block;
        Ok(self.go_on(Part::Up { offset: 0, size }))
    }

    /// Keeps a part of the answer's body; returns how much there is now.
    fn keep(&mut self, len: usize, payload: &[u8]) -> Result<usize, Error> {
        let end = len.checked_add(payload.len()).ok_or(Error::TooLarge)?;
        let place = self.body.get_mut(len..end).ok_or(Error::TooLarge)?;
        place.copy_from_slice(payload);
        Ok(end)
    }

    /// The part of the body that goes out from `offset` on, and where it ends.
    fn cut(&self, offset: usize, size: BlockSize) -> (&'a [u8], usize) {
        let body = self.request.body;
        let end = offset.saturating_add(size.bytes()).min(body.len());
        (body.get(offset..end).unwrap_or_default(), end)
    }

    /// Writes the message of this part. The same bytes as long as nothing has changed.
    fn write(&self, out: &mut [u8]) -> Option<usize> {
        let Request {
            method,
            path,
            query,
            content_format,
            accept,
            body,
        } = self.request;
        let code = method.code();
        let mut writer = Writer::new(out, Kind::Confirmable, code, self.message_id, &self.token)?;
        for segment in path {
            writer.option(option::URI_PATH, segment.as_bytes())?;
        }
        if let Some(format) = content_format {
            writer.number(option::CONTENT_FORMAT, format.into())?;
        }
        for item in query {
            writer.option(option::URI_QUERY, item.as_bytes())?;
        }
        if let Some(format) = accept {
            writer.number(option::ACCEPT, format.into())?;
        }
        let mut payload: &[u8] = &[];
        let mut in_blocks = false;
        match self.part {
            Part::Down { len, size, .. } => {
                writer.number(option::BLOCK2, Block::at(len, false, size)?.value())?;
            }
            Part::Up { offset, size } => {
                let (cut, end) = self.cut(offset, size);
                payload = cut;
                in_blocks = cut.len() < body.len();
                if in_blocks {
                    let block = Block::at(offset, end < body.len(), size)?;
                    writer.number(option::BLOCK1, block.value())?;
                }
                if in_blocks && offset == 0 {
                    writer.number(option::SIZE1, u32::try_from(body.len()).ok()?)?;
                }
            }
        }
        if let Some(echo) = &self.echo {
            writer.option(option::ECHO, echo.bytes())?;
        }
        if in_blocks {
            writer.number(option::REQUEST_TAG, self.tag)?;
        }
        writer.end(payload)
    }
}

impl First {
    const fn answer(self, len: usize) -> Answer {
        Answer {
            code: self.code,
            content_format: self.content_format,
            max_age_s: self.max_age_s,
            len,
        }
    }
}

/// The value of an option that has a longest length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short<const MAX: usize> {
    bytes: [u8; MAX],
    len: usize,
}

impl<const MAX: usize> Short<MAX> {
    fn new(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        let len = value.len();
        Some(Self { bytes, len })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

fn etag(message: &Message<'_>) -> Result<Short<ETAG_MAX_BYTES>, Error> {
    let value = message.option(option::ETAG).unwrap_or_default();
    Short::new(value).ok_or(Error::Protocol)
}

fn block(message: &Message<'_>, number: u16) -> Result<Option<Block>, Error> {
    match message.option(number) {
        None => Ok(None),
        Some(value) => Block::read(value).map(Some).ok_or(Error::Protocol),
    }
}

/// Options with odd numbers have to be understood, the others may be passed over (RFC 7252, 5.4.1).
const fn is_known(number: u16) -> bool {
    number.is_multiple_of(2) || matches!(number, option::BLOCK1 | option::BLOCK2)
}

/// Whether a moment has come, on a counter that begins again at zero.
const fn is_due(at_ms: u32, now_ms: u32) -> bool {
    now_ms.wrapping_sub(at_ms) < 1 << 31
}
