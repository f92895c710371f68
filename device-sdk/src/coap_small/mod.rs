//! A CoAP client for boards: one request at a time, and neither sockets, clock, randomness nor
//! allocation in it.
//!
//! # How it is driven
//!
//! A [`Client`] is made once and outlives its requests. [`Client::ask`] begins one; then
//! [`Exchange::poll`] says what to do until it says [`Step::Done`], and what comes in from the
//! gateway goes to [`Exchange::receive`]:
//!
//! ```
//! use device_sdk::coap_small::{Client, Exchange, Method, Request, Step};
//! # fn random() -> u64 { 4 }
//! # fn milliseconds() -> u32 { 0 }
//! # fn send(_: &[u8]) {}
//! # fn heard(_: &mut [u8]) -> Option<usize> { None }
//!
//! // From a true random number generator, anew whenever the board is switched on.
//! let mut client = Client::new(random());
//! let path = ["oc", "1", "2000008020000001CC27A3AFGMZYCMS47S", "w", "out", "gateway"];
//! let request = Request::new(Method::Post, &path).with(60, b"a wallet message");
//! let mut answer = [0; 512];
//! let mut exchange = client.ask(request, &mut answer);
//! let mut datagram = [0; device_sdk::coap_small::DATAGRAM_MAX_BYTES];
//! let answered = loop {
//!     match exchange.poll(milliseconds(), &mut datagram) {
//!         Step::Send(len) => send(datagram.get(..len).unwrap_or_default()),
//!         Step::Done(answered) => break answered,
//!         Step::Wait { until_ms } => {
//!             // Here a board sleeps until then or until something comes in.
//!             if let Some(len) = heard(&mut datagram) {
//!                 exchange.receive(datagram.get(..len).unwrap_or_default(), milliseconds());
//!             }
//! #           let _ = until_ms; break Err(device_sdk::coap_small::Error::Silent);
//!         }
//!     }
//! };
//! ```
//!
//! Milliseconds come from any counter that goes on to 2^32 - 1 and then from 0. Whoever hands in
//! datagrams hands in only those of the gateway. An exchange may be dropped at any moment: every
//! request of the OneCode tree may be said again without changing anything.
//!
//! What it does by itself: it says again what is not acknowledged (RFC 7252, 4.2), takes an answer
//! that comes later and acknowledges it as often as it comes, sends and fetches bodies in blocks
//! (RFC 7959), shows an Echo value that it is asked for and marks bodies with a Request-Tag
//! (RFC 9175), and waits when the gateway says so by 4.29 (RFC 8516). It does not observe.

pub mod block;
mod code;
mod dice;
mod exchange;
pub mod message;
#[cfg(test)]
#[cfg(feature = "std")]
mod tests;

pub use code::{AnswerCode, Method};
pub use dice::Dice;
pub use exchange::Exchange;

use block::BlockSize;
use core::fmt;

/// The longest datagram that is sent or read: a block of 1,024 bytes and what stands before it.
pub const DATAGRAM_MAX_BYTES: usize = 1_280;
/// Message ids remembered, so that an answer that comes again is acknowledged and not taken.
const RECENT_MAX: usize = 4;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// First wait for an acknowledgement, at least; doubles with every repetition.
    pub ack_timeout_ms: u32,
    /// Repetitions before the gateway is taken for gone.
    pub retransmit_max: u8,
    /// Longest wait for an answer once the request is acknowledged.
    pub answer_timeout_ms: u32,
}

impl Timing {
    /// What RFC 7252 recommends, for networks that lose messages.
    pub const NETWORK: Self = Self {
        ack_timeout_ms: 2_000,
        retransmit_max: 4,
        answer_timeout_ms: 30_000,
    };
}

/// A request, with all of its body.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to do.
    pub method: Method,
    /// Path segments.
    pub path: &'a [&'a str],
    /// Query items, such as `after=7`.
    pub query: &'a [&'a str],
    /// Content-Format of the body.
    pub content_format: Option<u16>,
    /// Content-Format that the answer is to have; whatever it has when absent.
    pub accept: Option<u16>,
    /// Body of any length.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A request without a body.
    pub const fn new(method: Method, path: &'a [&'a str]) -> Self {
        Self {
            method,
            path,
            query: &[],
            content_format: None,
            accept: None,
            body: &[],
        }
    }

    /// The same with a body of this Content-Format.
    pub const fn with(self, content_format: u16, body: &'a [u8]) -> Self {
        Self {
            content_format: Some(content_format),
            body,
            ..self
        }
    }
}

/// An answer. Its body is in the buffer that [`Client::ask`] was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Outcome.
    pub code: AnswerCode,
    /// Content-Format of the body.
    pub content_format: Option<u16>,
    /// Seconds that it is fresh, or that the gateway wants to be left alone.
    pub max_age_s: Option<u32>,
    /// Bytes of the body.
    pub len: usize,
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nobody acknowledged it, however often it was said.
    Silent,
    /// It was acknowledged, but the answer did not come in time.
    NoAnswer,
    /// The other side does not want it.
    Reset,
    /// The answer breaks the rules of CoAP.
    Protocol,
    /// The answer is longer than its buffer, or the request longer than a datagram.
    TooLarge,
    /// The body was lost, or has changed, each time it was on its way.
    Changing,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send so many bytes of the buffer to the gateway, then poll again.
    Send(usize),
    /// Poll again when something has come in, or at this time.
    Wait {
        /// By the caller's counter.
        until_ms: u32,
    },
    /// It is over.
    Done(Result<Answer, Error>),
}

/// What outlives a request.
#[derive(Debug)]
pub struct Client {
    timing: Timing,
    /// In which bodies are sent; answers come in those of the gateway.
    block: BlockSize,
    dice: Dice,
    message_id: u16,
    recent: [Option<u16>; RECENT_MAX],
    recent_next: usize,
}

impl Client {
    /// A client with the timing of [`Timing::NETWORK`] and the largest blocks. Message ids and
    /// tokens follow from `random`: a gateway takes equal ones within four minutes for repetitions.
    pub const fn new(random: u64) -> Self {
        Self::with(random, Timing::NETWORK, BlockSize::LARGEST)
    }

    /// A client that is more or less patient, or sends bodies in smaller blocks.
    pub const fn with(random: u64, timing: Timing, block: BlockSize) -> Self {
        Self {
            timing,
            block,
            dice: Dice::new(random),
            message_id: random as u16,
            recent: [None; RECENT_MAX],
            recent_next: 0,
        }
    }

    /// Begins a request; the body of the answer goes into `answer`.
    pub fn ask<'a>(&'a mut self, request: Request<'a>, answer: &'a mut [u8]) -> Exchange<'a> {
        Exchange::new(self, request, answer)
    }

    fn next_message_id(&mut self) -> u16 {
        self.message_id = self.message_id.wrapping_add(1);
        self.message_id
    }

    fn has_heard(&self, message_id: u16) -> bool {
        self.recent.contains(&Some(message_id))
    }

    fn remember(&mut self, message_id: u16) {
        if let Some(oldest) = self.recent.get_mut(self.recent_next) {
            *oldest = Some(message_id);
        }
        self.recent_next = (self.recent_next + 1) % RECENT_MAX;
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "the gateway does not answer",
            Self::NoAnswer => "the gateway has heard it and does not answer",
            Self::Reset => "the gateway does not want it",
            Self::Protocol => "the answer breaks the rules of CoAP",
            Self::TooLarge => {
                "the answer is too large for its buffer, or the request for a datagram"
            }
            Self::Changing => "the body is lost or changes whenever it is on its way",
        })
    }
}

impl core::error::Error for Error {}
