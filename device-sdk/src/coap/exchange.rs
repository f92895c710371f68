//! The client's side of request and response, without sockets and clocks.
//!
//! Confirmable requests are repeated until somebody answers, answers may come with the
//! acknowledgement or later, and notifications go to whoever registered their token. Datagrams go in
//! with [`Exchanges::receive`], [`Exchanges::poll`] says what to do.

use super::wire::{self, Dice};
use coap_lite::{CoapOption, MessageClass, MessageType, Packet};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Requests under way at once.
pub(super) const REQUESTS_MAX: usize = 64;
/// Observations at once.
pub(super) const OBSERVATIONS_MAX: usize = 32;
/// Message ids remembered, so that a repeated answer is acknowledged and not told twice.
const RECENT_MAX: usize = 32;
/// A notification this much later is fresh whatever its number says (RFC 7641, 3.4).
const ORDER_HOLDS: Duration = Duration::from_secs(128);

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// First wait for an acknowledgement; doubles with every repetition.
    pub ack_timeout: Duration,
    /// Repetitions before the gateway is taken for gone.
    pub retransmit_max: u8,
    /// Longest wait for an answer once the request is acknowledged.
    pub answer_timeout: Duration,
    /// Longest handshake.
    pub handshake_timeout: Duration,
    /// While something is observed, the gateway is asked this often whether it is there.
    pub keepalive: Option<Duration>,
}

impl Timing {
    /// What RFC 7252 recommends, for networks that lose messages.
    pub const NETWORK: Self = Self {
        ack_timeout: Duration::from_secs(2),
        retransmit_max: 4,
        answer_timeout: Duration::from_secs(30),
        handshake_timeout: Duration::from_secs(20),
        keepalive: Some(Duration::from_secs(60)),
    };
    /// For a gateway nearby, whose absence is to be noticed within about two seconds.
    pub const NEARBY: Self = Self {
        ack_timeout: Duration::from_millis(300),
        retransmit_max: 2,
        answer_timeout: Duration::from_secs(10),
        handshake_timeout: Duration::from_secs(5),
        keepalive: Some(Duration::from_secs(2)),
    };
}

/// Names one request or observation.
pub(super) type Token = u32;

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody is there.
    Silent,
    /// It was acknowledged, but the answer did not come.
    NoAnswer,
    /// The other side does not want it.
    Reset,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    Send(Vec<u8>),
    Answer(Token, Result<Packet, Failure>),
    Notice(Token, Packet),
    /// Nobody is there; everything else will fail, too.
    Dead,
}

/// A confirmable message until it is acknowledged.
#[derive(Debug)]
struct Sending {
    message_id: u16,
    bytes: Vec<u8>,
    repeated: u8,
    wait: Duration,
    at: Instant,
}

#[derive(Debug)]
struct Waiting {
    /// `None` once acknowledged.
    sending: Option<Sending>,
    observe: bool,
    /// When the answer has to be there.
    until: Instant,
}

#[derive(Debug)]
struct Observed {
    sequence: u32,
    at: Instant,
}

/// All that is under way with one gateway.
#[derive(Debug)]
pub(super) struct Exchanges {
    timing: Timing,
    dice: Dice,
    next_message_id: u16,
    waiting: HashMap<Token, Waiting>,
    observed: HashMap<Token, Observed>,
    ping: Option<Sending>,
    heard: Instant,
    recent: VecDeque<u16>,
    output: VecDeque<Output>,
}

impl Exchanges {
    pub(super) fn new(timing: Timing, seed: u64, now: Instant) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            timing,
            next_message_id: dice.roll() as u16,
            dice,
            waiting: HashMap::new(),
            observed: HashMap::new(),
            ping: None,
            heard: now,
            recent: VecDeque::new(),
            output: VecDeque::new(),
        }
    }

    /// Sends a request. `None` when too many are under way.
    pub(super) fn begin(
        &mut self,
        mut packet: Packet,
        observe: bool,
        now: Instant,
    ) -> Option<Token> {
        if self.waiting.len() >= REQUESTS_MAX
            || (observe && self.observed.len() >= OBSERVATIONS_MAX)
        {
            return None;
        }
        let token = self.dice.roll() as Token;
        packet.set_token(token.to_be_bytes().to_vec());
        if observe {
            packet.add_option(CoapOption::Observe, wire::uint(0));
        }
        let sending = self.send(packet, now)?;
        let until = now + self.timing.answer_timeout;
        let waiting = Waiting {
            sending: Some(sending),
            observe,
            until,
        };
        self.waiting.insert(token, waiting);
        Some(token)
    }

    /// Nobody listens to this observation any more; its next notification is rejected.
    pub(super) fn forget(&mut self, token: Token) {
        self.observed.remove(&token);
        self.waiting.remove(&token);
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let waiting = self.waiting.values().map(|it| {
            it.sending
                .as_ref()
                .map_or(it.until, |sending| sending.at.min(it.until))
        });
        let ping = self.ping.iter().map(|it| it.at);
        waiting.chain(ping).chain(self.keepalive_at()).min()
    }

    pub(super) fn receive(&mut self, datagram: &[u8], now: Instant) {
        let Some(packet) = wire::read(datagram) else {
            return;
        };
        self.heard = now;
        let message_id = packet.header.message_id;
        let kind = packet.header.get_type();
        match (kind, packet.header.code) {
            (MessageType::Acknowledgement | MessageType::Reset, MessageClass::Empty) => {
                self.on_empty(kind, message_id, now);
            }
            (MessageType::Reset, _) | (_, MessageClass::Request(_)) => {}
            (MessageType::Confirmable, MessageClass::Empty) => {
                let reset = wire::empty(MessageType::Reset, message_id);
                self.output.push_back(Output::Send(reset));
            }
            _ => self.on_response(packet, now),
        }
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        let timing = self.timing;
        let mut failed = Vec::new();
        for (token, waiting) in &mut self.waiting {
            let repeat = waiting.sending.as_mut().map(|it| it.repeat(&timing, now));
            match repeat {
                Some(Repeat::Send(bytes)) => self.output.push_back(Output::Send(bytes)),
                Some(Repeat::GiveUp) => failed.push((*token, Failure::Silent)),
                _ if waiting.until <= now => failed.push((*token, Failure::NoAnswer)),
                _ => {}
            }
        }
        let mut dead = failed.iter().any(|(_, why)| *why == Failure::Silent);
        for (token, why) in failed {
            self.waiting.remove(&token);
            self.output.push_back(Output::Answer(token, Err(why)));
        }
        if self.ping.is_none() && self.keepalive_at().is_some_and(|at| at <= now) {
            let ping = wire::bare(MessageType::Confirmable, MessageClass::Empty, 0);
            self.ping = self.send(ping, now);
        }
        match self.ping.as_mut().map(|it| it.repeat(&timing, now)) {
            Some(Repeat::Send(bytes)) => self.output.push_back(Output::Send(bytes)),
            Some(Repeat::GiveUp) => dead = true,
            _ => {}
        }
        if dead {
            self.output.push_back(Output::Dead);
        }
    }

    fn keepalive_at(&self) -> Option<Instant> {
        let every = self.timing.keepalive?;
        (self.ping.is_none() && !self.observed.is_empty()).then(|| self.heard + every)
    }

    fn send(&mut self, mut packet: Packet, now: Instant) -> Option<Sending> {
        self.next_message_id = self.next_message_id.wrapping_add(1);
        packet.header.message_id = self.next_message_id;
        let bytes = wire::write(&packet)?;
        self.output.push_back(Output::Send(bytes.clone()));
        let wait = self.dice.jitter(self.timing.ack_timeout);
        Some(Sending {
            message_id: self.next_message_id,
            bytes,
            repeated: 0,
            wait,
            at: now + wait,
        })
    }

    fn on_empty(&mut self, kind: MessageType, message_id: u16, now: Instant) {
        if self
            .ping
            .as_ref()
            .is_some_and(|it| it.message_id == message_id)
        {
            self.ping = None;
            return;
        }
        let about = |it: &Waiting| {
            it.sending
                .as_ref()
                .is_some_and(|sending| sending.message_id == message_id)
        };
        let Some(token) = self
            .waiting
            .iter()
            .find_map(|(token, it)| about(it).then_some(*token))
        else {
            return;
        };
        if kind == MessageType::Reset {
            self.waiting.remove(&token);
            let reset = Output::Answer(token, Err(Failure::Reset));
            self.output.push_back(reset);
        } else if let Some(waiting) = self.waiting.get_mut(&token) {
            waiting.sending = None;
            waiting.until = now + self.timing.answer_timeout;
        }
    }

    fn on_response(&mut self, packet: Packet, now: Instant) {
        let token = <[u8; 4]>::try_from(packet.get_token()).map(Token::from_be_bytes);
        let message_id = packet.header.message_id;
        let confirmable = packet.header.get_type() == MessageType::Confirmable;
        let repeated = confirmable && self.recent.contains(&message_id);
        let known = token.is_ok_and(|token| {
            self.waiting.contains_key(&token) || self.observed.contains_key(&token)
        });
        if packet.header.get_type() != MessageType::Acknowledgement {
            let kind = match (known || repeated, confirmable) {
                (true, true) => Some(MessageType::Acknowledgement),
                (false, _) => Some(MessageType::Reset),
                (true, false) => None,
            };
            if let Some(kind) = kind {
                let reply = wire::empty(kind, message_id);
                self.output.push_back(Output::Send(reply));
            }
        }
        let (Ok(token), true, false) = (token, known, repeated) else {
            return;
        };
        if confirmable {
            if self.recent.len() >= RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(message_id);
        }
        let sequence = wire::uint_option(&packet, CoapOption::Observe);
        if let Some(waiting) = self.waiting.remove(&token) {
            if let (true, Some(sequence)) = (waiting.observe, sequence) {
                let observed = Observed { sequence, at: now };
                self.observed.insert(token, observed);
            }
            self.output.push_back(Output::Answer(token, Ok(packet)));
            return;
        }
        let Some(observed) = self.observed.get_mut(&token) else {
            return;
        };
        match sequence {
            Some(sequence) if observed.is_older_than(sequence, now) => {
                *observed = Observed { sequence, at: now };
                self.output.push_back(Output::Notice(token, packet));
            }
            Some(_) => {}
            // Without a number it is the last word.
            None => {
                self.observed.remove(&token);
                self.output.push_back(Output::Notice(token, packet));
            }
        }
    }
}

impl Observed {
    /// RFC 7641, 3.4: numbers of 24 bits that wrap around.
    fn is_older_than(&self, sequence: u32, now: Instant) -> bool {
        const HALF: u32 = 1 << 23;
        let ahead = self.sequence < sequence && sequence - self.sequence < HALF;
        let wrapped = self.sequence > sequence && self.sequence - sequence > HALF;
        ahead || wrapped || now.duration_since(self.at) > ORDER_HOLDS
    }
}

enum Repeat {
    NotYet,
    Send(Vec<u8>),
    GiveUp,
}

impl Sending {
    fn repeat(&mut self, timing: &Timing, now: Instant) -> Repeat {
        if self.at > now {
            return Repeat::NotYet;
        }
        if self.repeated >= timing.retransmit_max {
            return Repeat::GiveUp;
        }
        self.repeated += 1;
        self.wait *= 2;
        self.at = now + self.wait;
        Repeat::Send(self.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coap_lite::{RequestType, ResponseType};

    struct Bench {
        exchanges: Exchanges,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let now = Instant::now();
            let exchanges = Exchanges::new(Timing::NEARBY, 1, now);
            Self { exchanges, now }
        }

        fn outputs(&mut self) -> Vec<Output> {
            std::iter::from_fn(|| self.exchanges.poll()).collect()
        }

        fn begin(&mut self, observe: bool) -> (Token, Packet) {
            let get = MessageClass::Request(RequestType::Get);
            let packet = wire::bare(MessageType::Confirmable, get, 0);
            let token = self.exchanges.begin(packet, observe, self.now).unwrap();
            match self.outputs().as_slice() {
                [Output::Send(bytes)] => (token, wire::read(bytes).unwrap()),
                other => panic!("{other:?}"),
            }
        }

        fn give(&mut self, packet: &Packet) -> Vec<Output> {
            let bytes = wire::write(packet).unwrap();
            self.exchanges.receive(&bytes, self.now);
            self.outputs()
        }

        fn pass(&mut self, time: Duration) -> Vec<Output> {
            self.now += time;
            self.exchanges.on_time(self.now);
            self.outputs()
        }
    }

    fn answer(kind: MessageType, message_id: u16, token: Token) -> Packet {
        let content = MessageClass::Response(ResponseType::Content);
        let mut packet = wire::bare(kind, content, message_id);
        packet.set_token(token.to_be_bytes().to_vec());
        packet
    }

    #[test]
    fn a_silent_gateway_is_given_up_after_the_last_repetition() {
        let mut bench = Bench::new();
        let (token, _) = bench.begin(false);
        let mut sent = 0;
        for _ in 0..100 {
            let outputs = bench.pass(Duration::from_millis(100));
            match outputs.as_slice() {
                [] => {}
                [Output::Send(_)] => sent += 1,
                [Output::Answer(of, Err(Failure::Silent)), Output::Dead] => {
                    assert_eq!((*of, sent), (token, 2));
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("never given up");
    }

    #[test]
    fn a_separate_answer_is_acknowledged_and_told_once() {
        let mut bench = Bench::new();
        let (token, request) = bench.begin(false);
        let message_id = request.header.message_id;
        let empty = wire::empty(MessageType::Acknowledgement, message_id);
        bench.exchanges.receive(&empty, bench.now);
        assert_eq!(bench.pass(Duration::from_secs(5)), []);
        let late = answer(MessageType::Confirmable, 4711, token);
        let acknowledgement = Output::Send(wire::empty(MessageType::Acknowledgement, 4711));
        let told = Output::Answer(token, Ok(late.clone()));
        assert_eq!(bench.give(&late), [acknowledgement, told]);
        let again = Output::Send(wire::empty(MessageType::Acknowledgement, 4711));
        assert_eq!(bench.give(&late), [again]);
    }

    #[test]
    fn an_acknowledged_request_without_an_answer_fails_in_time() {
        let mut bench = Bench::new();
        let (token, request) = bench.begin(false);
        let message_id = request.header.message_id;
        let empty = wire::empty(MessageType::Acknowledgement, message_id);
        bench.exchanges.receive(&empty, bench.now);
        let failed = Output::Answer(token, Err(Failure::NoAnswer));
        assert_eq!(bench.pass(Timing::NEARBY.answer_timeout), [failed]);
    }

    #[test]
    fn answers_to_nothing_are_rejected() {
        let mut bench = Bench::new();
        let stray = answer(MessageType::Confirmable, 1, 99);
        let reset = Output::Send(wire::empty(MessageType::Reset, 1));
        assert_eq!(bench.give(&stray), [reset]);
    }

    #[test]
    fn old_notifications_are_not_told_and_a_last_word_ends_it() {
        let mut bench = Bench::new();
        let (token, request) = bench.begin(true);
        let mut first = answer(
            MessageType::Acknowledgement,
            request.header.message_id,
            token,
        );
        first.set_observe_value(5);
        assert_eq!(bench.give(&first).len(), 1);
        let mut notice = |sequence: Option<u32>, message_id| {
            let mut packet = answer(MessageType::NonConfirmable, message_id, token);
            if let Some(sequence) = sequence {
                packet.set_observe_value(sequence);
            }
            bench.give(&packet)
        };
        assert_eq!(notice(Some(7), 1).len(), 1);
        assert_eq!(notice(Some(6), 2), []);
        assert_eq!(notice(None, 3).len(), 1);
        let reset = Output::Send(wire::empty(MessageType::Reset, 4));
        assert_eq!(notice(Some(8), 4), [reset]);
    }

    #[test]
    fn an_observer_notices_that_the_gateway_is_gone() {
        let mut bench = Bench::new();
        let (token, request) = bench.begin(true);
        let mut first = answer(
            MessageType::Acknowledgement,
            request.header.message_id,
            token,
        );
        first.set_observe_value(1);
        bench.give(&first);
        let mut pings = 0;
        for _ in 0..100 {
            match bench.pass(Duration::from_millis(100)).as_slice() {
                [] => {}
                [Output::Send(_)] => pings += 1,
                [Output::Dead] => {
                    assert_eq!(pings, 3);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("never noticed");
    }

    #[test]
    fn arbitrary_datagrams_never_panic() {
        let mut dice = Dice::new(9);
        let mut bench = Bench::new();
        for round in 0..50_000u64 {
            if round.is_multiple_of(100) {
                bench = Bench::new();
            }
            let (token, request) = match bench.exchanges.waiting.len() {
                0..8 => bench.begin(round.is_multiple_of(2)),
                _ => (0, Packet::new()),
            };
            let message_id = request.header.message_id;
            let mut packet = answer(MessageType::Acknowledgement, message_id, token);
            packet.set_observe_value(1);
            let mut datagram = wire::write(&packet).unwrap();
            for _ in 0..dice.roll() % 4 {
                let at = (dice.roll() % datagram.len() as u64) as usize;
                match dice.roll() % 3 {
                    0 => datagram[at] = dice.roll() as u8,
                    1 => datagram.insert(at, dice.roll() as u8),
                    _ => datagram.truncate(at.max(1)),
                }
            }
            bench.exchanges.receive(&datagram, bench.now);
            bench.pass(Duration::from_millis(dice.roll() % 20));
            assert!(bench.exchanges.observed.len() <= OBSERVATIONS_MAX + REQUESTS_MAX);
        }
    }
}
