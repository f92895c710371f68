//! The way to a gateway: CoAP in COBS frames over a line of the board, at whose other end a relay
//! stands (`device-sdk/examples/relay.rs`). Wallet messages are signed themselves, so the gateway's
//! plain door takes them.

use crate::BoardPurse;
use crate::identity::Wrong;
use crate::semihosting;
use crate::ticks;
use crate::uart::Uart;
use device_sdk::coap_small::block::BlockSize;
use device_sdk::coap_small::{
    Client, DATAGRAM_MAX_BYTES, Error, Exchange, Method, Request, Step, Timing,
};
use device_sdk::links::serial::{Line, frame};
use device_sdk::purse::{Event, HandInCursor, OUT_MAX};
use protocol::message::MESSAGE_MAX;
use protocol::{AmountMinor, Code, Currency, Status};

/// Content-Format of wallet messages.
const CBOR: u16 = 60;
/// A datagram, and what COBS adds to it.
const FRAME_BYTES: usize = DATAGRAM_MAX_BYTES + 8;
/// The relay is near, and loses nothing that the board has room for.
const TIMING: Timing = Timing {
    ack_timeout_ms: 500,
    retransmit_max: 3,
    answer_timeout_ms: 10_000,
};

/// The line to it.
#[derive(Debug)]
pub struct Gateway {
    me: Code,
    uart: Uart,
    line: Line,
    client: Client,
}

impl Gateway {
    /// The gateway at the second line, if there is one: `gateway=1` says so.
    pub fn open(me: Code) -> Result<Option<Self>, Wrong> {
        if semihosting::argument("gateway") != Some(1) {
            return Ok(None);
        }
        // Claims go in two blocks, so that a board needs no buffer for large datagrams.
        let block = BlockSize::fitting(512).ok_or("no such block")?;
        let random = semihosting::random().map_err(|_| "no randomness")?;
        Ok(Some(Self {
            me,
            uart: Uart::second(),
            line: Line::new(),
            client: Client::with(random, TIMING, block),
        }))
    }

    /// Asks for an allowance, so that `wanted` may be spent from where the purse stands. `false` when
    /// nobody answers.
    pub fn renew(
        &mut self,
        purse: &mut BoardPurse,
        currency: Currency,
        wanted: AmountMinor,
    ) -> Result<bool, Wrong> {
        let mut message = [0; OUT_MAX];
        let now = purse.time(ticks::seconds());
        let renewal = purse.renewal(currency, wanted, now, &mut message);
        let len = renewal.map_err(|status| status.word())?;
        let event = self.say(purse, message.get(..len).unwrap_or_default())?;
        match event {
            Some(Event::Granted { .. }) => Ok(true),
            Some(Event::Refused { status, .. }) => Err(status.word()),
            Some(_) => Err("no allowance in the answer"),
            None => Ok(false),
        }
    }

    /// Hands in what waits, and takes what the gateway says of it. `false` when nobody answers: what
    /// was not handed in is the next time, in the same bytes.
    pub fn hand_in(&mut self, purse: &mut BoardPurse) -> Result<bool, Wrong> {
        let mut cursor = HandInCursor::default();
        let mut message = [0; OUT_MAX];
        loop {
            let next = purse.hand_in(&mut cursor, &mut message);
            let Some(len) = next.map_err(|status| status.word())? else {
                return Ok(true);
            };
            let message = message.get(..len).unwrap_or_default();
            if self.say(purse, message)?.is_none() {
                return Ok(false);
            }
        }
    }

    /// Says a wallet message and gives the answer to the purse. `None` when nobody answers.
    fn say(&mut self, purse: &mut BoardPurse, message: &[u8]) -> Result<Option<Event>, Wrong> {
        let mut answer = [0; MESSAGE_MAX];
        let Some(len) = self.ask(message, &mut answer)? else {
            return Ok(None);
        };
        let now = purse.time(ticks::seconds());
        match purse.receive(answer.get(..len).unwrap_or_default(), now) {
            Ok(event) => Ok(Some(event)),
            Err(Status::Storage) => Err("the flash failed"),
            Err(_) => Err("no wallet message in the answer"),
        }
    }

    /// Posts to `oc/1/<code>/w/out/gateway`; the answer's length.
    fn ask(&mut self, message: &[u8], answer: &mut [u8]) -> Result<Option<usize>, Wrong> {
        let me = self.me.text();
        let path = ["oc", "1", me.as_str(), "w", "out", "gateway"];
        let request = Request::new(Method::Post, &path).with(CBOR, message);
        let mut exchange = self.client.ask(request, answer);
        let mut datagram = [0; DATAGRAM_MAX_BYTES];
        loop {
            match exchange.poll(ticks::ms(), &mut datagram) {
                Step::Send(len) => {
                    let mut framed = [0; FRAME_BYTES];
                    let len = frame(datagram.get(..len).unwrap_or_default(), &mut framed);
                    let framed = len.and_then(|len| framed.get(..len));
                    self.uart.send(framed.ok_or("too long a datagram")?);
                }
                Step::Wait { until_ms } => {
                    hear(&self.uart, &mut self.line, &mut exchange, until_ms);
                }
                // A refusal has a payload, too: the purse reads it.
                Step::Done(Ok(answer)) => return Ok(Some(answer.len)),
                Step::Done(Err(Error::TooLarge | Error::Protocol)) => return Err("no CoAP"),
                Step::Done(Err(_)) => return Ok(None),
            }
        }
    }
}

/// Listens until a datagram has come in or it is time.
fn hear(uart: &Uart, line: &mut Line, exchange: &mut Exchange<'_>, until_ms: u32) {
    while (until_ms.wrapping_sub(ticks::ms()) as i32) > 0 {
        if let Some(datagram) = uart.receive().and_then(|byte| line.push(byte)) {
            return exchange.receive(datagram, ticks::ms());
        }
    }
}
