//! The conversation with one peer.

use super::answers::{Answers, Seen};
use super::asked::{Asked, Observe, Source};
use super::bodies::{Assembly, Bodies};
use super::compose::compose;
use super::observations::Observation;
use super::pace::Pace;
use crate::coap::limits::{
    ACK_AFTER, ACK_TIMEOUT, EXCHANGE_LIFETIME, Limits, MESSAGE_MAX_BYTES, OBSERVATIONS_MAX,
    OBSERVATIONS_PER_PEER, REFRESH_AFTER, RETRANSMIT_MAX, WAIT_S, WORKING_MAX, WORKING_PER_PEER,
};
use crate::coap::request::{self, Method, Request, Response};
use bytes::Bytes;
use coap_lite::{CoapOption, MessageType, Packet, ResponseType};
use device_sdk::coap::wire::{self, Dice};
use std::time::{Duration, Instant};

/// What all peers of an endpoint share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) limits: Limits,
    pub(super) dice: Dice,
    /// Requests in work, all peers together.
    pub(super) working: usize,
    /// Observations, likewise.
    pub(super) observing: usize,
    /// Numbers given to requests and observations.
    pub(super) numbers: u64,
    pub(super) effects: Vec<Effect>,
}

/// What a peer wants done.
#[derive(Debug)]
pub(super) enum Effect {
    Send(Vec<u8>),
    Request(u64, Request),
    Refresh(u64),
    Ended(u64),
}

impl House {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.effects.push(Effect::Send(bytes));
    }
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) last_seen: Instant,
    next_message_id: u16,
    pace: Pace,
    answers: Answers,
    bodies: Bodies,
    working: Vec<Working>,
    observations: Vec<Observation>,
    outstanding: Vec<Outstanding>,
}

/// A request that somebody is working on.
#[derive(Debug)]
struct Working {
    number: u64,
    asked: Asked,
    /// When to acknowledge it without an answer.
    acknowledge_at: Option<Instant>,
    acknowledged: bool,
}

/// A confirmable message of ours without an acknowledgement.
#[derive(Debug)]
struct Outstanding {
    message_id: u16,
    bytes: Vec<u8>,
    repeated: u8,
    wait: Duration,
    at: Instant,
    observation: Option<u64>,
}

impl Peer {
    pub(super) fn new(house: &mut House, now: Instant) -> Self {
        Self {
            last_seen: now,
            next_message_id: house.dice.roll() as u16,
            pace: Pace::new(house.limits.requests_per_s, house.limits.burst, now),
            answers: Answers::default(),
            bodies: Bodies::default(),
            working: Vec::new(),
            observations: Vec::new(),
            outstanding: Vec::new(),
        }
    }

    /// Bytes held for this peer.
    pub(super) fn held_bytes(&self) -> usize {
        self.answers.bytes() + self.bodies.bytes()
    }

    /// Gives up what is held; half sent bodies will be answered 4.08.
    pub(super) fn release(&mut self) {
        self.answers.clear();
        self.bodies.clear();
    }

    /// The peer is gone.
    pub(super) fn leave(&self, house: &mut House) {
        house.working = house.working.saturating_sub(self.working.len());
        house.observing = house.observing.saturating_sub(self.observations.len());
        for observation in &self.observations {
            house.effects.push(Effect::Ended(observation.number));
        }
    }

    /// When [`Self::on_time`] next has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let mut deadline = self.last_seen + EXCHANGE_LIFETIME;
        let acknowledgements = self.working.iter().filter_map(|it| it.acknowledge_at);
        let repetitions = self.outstanding.iter().map(|it| it.at);
        let refreshes = self.observations.iter().map(|it| it.refresh_at);
        for at in acknowledgements
            .chain(repetitions)
            .chain(refreshes)
            .chain(self.bodies.deadline())
        {
            deadline = deadline.min(at);
        }
        deadline
    }

    /// Whether nothing is lost by forgetting this peer.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.working.is_empty()
            && self.observations.is_empty()
            && self.outstanding.is_empty()
            && now.duration_since(self.last_seen) >= EXCHANGE_LIFETIME
    }

    pub(super) fn on_reset(&mut self, message_id: u16, house: &mut House) {
        self.outstanding.retain(|it| it.message_id != message_id);
        let ended = |it: &Observation| it.sent_as(message_id);
        if let Some(at) = self.observations.iter().position(ended) {
            self.end_observation(at, house);
        }
    }

    pub(super) fn on_acknowledgement(&mut self, message_id: u16, now: Instant, house: &mut House) {
        let Some(at) = self
            .outstanding
            .iter()
            .position(|it| it.message_id == message_id)
        else {
            return;
        };
        let done = self.outstanding.swap_remove(at);
        let Some(number) = done.observation else {
            return;
        };
        let waiting = self.observation(number).and_then(|observation| {
            observation.outstanding = None;
            observation.waiting.take()
        });
        if let Some(response) = waiting {
            self.notify(number, response, now, house);
        }
    }

    pub(super) fn on_request(
        &mut self,
        packet: Packet,
        datagram_bytes: usize,
        source: Source,
        now: Instant,
        house: &mut House,
    ) {
        let (message_id, token) = (packet.header.message_id, packet.get_token());
        match self.answers.seen(message_id, token, now) {
            Seen::Answered(answer) => return house.send(answer.to_vec()),
            Seen::InWork => {
                // Whoever asks again is impatient: say that it has arrived.
                if house.limits.verified
                    && let Some(working) = self.working.iter_mut().find(|it| {
                        it.asked.confirmable
                            && it.asked.message_id == message_id
                            && it.asked.token == token
                    })
                {
                    working.acknowledge(house);
                }
                return;
            }
            Seen::Never => {}
        }
        let (asked, verdict) = Asked::read(&packet, source, &house.limits);
        if verdict == Err(ResponseType::BadOption) && !asked.confirmable {
            // A message that cannot be confirmed and is not understood is rejected (RFC 7252, 5.4.1).
            return house.send(wire::empty(MessageType::Reset, message_id));
        }
        self.answers.begin(message_id, &asked.token, now);
        if !self.pace.take(now) {
            return self.answer(&asked, &too_many(), now, house);
        }
        if let Err(code) = verdict {
            return self.answer(&asked, &Response::bare(code), now, house);
        }
        if datagram_bytes > MESSAGE_MAX_BYTES {
            let code = ResponseType::RequestEntityTooLarge;
            return self.answer(&asked, &Response::bare(code), now, house);
        }
        match self.body(&asked, packet, now, house) {
            Ok(request) => self.begin(asked, request, now, house),
            Err(response) => self.answer(&asked, &response, now, house),
        }
    }

    /// The complete request, or the answer that can be given at once.
    fn body(
        &mut self,
        asked: &Asked,
        mut packet: Packet,
        now: Instant,
        house: &House,
    ) -> Result<Request, Response> {
        if asked.fetches_rest() {
            match self.bodies.kept(&asked.key, now) {
                Some(kept) => return Err(kept),
                // The resource can be read again, a POST must not be done again.
                None if asked.method == Some(Method::Get) => {}
                None => return Err(Response::bare(ResponseType::RequestEntityIncomplete)),
            }
        }
        let (Some(path), Some(query), Some(method)) = (
            request::path(&packet),
            request::query(&packet),
            asked.method,
        ) else {
            return Err(Response::bare(ResponseType::BadOption));
        };
        let content_format = wire::uint_option(&packet, CoapOption::ContentFormat)
            .and_then(|format| u16::try_from(format).ok());
        let payload = match asked.block1 {
            None if packet.payload.len() > house.limits.body_bytes => {
                return Err(Response::bare(ResponseType::RequestEntityTooLarge));
            }
            None => Bytes::from(std::mem::take(&mut packet.payload)),
            Some(_) => self.assemble(asked, &packet, now, house)?,
        };
        Ok(Request {
            method,
            path,
            query,
            content_format,
            accept: asked.accept,
            payload,
            observe: method == Method::Get
                && asked.observe == Observe::Register
                && !asked.fetches_rest(),
        })
    }

    fn assemble(
        &mut self,
        asked: &Asked,
        packet: &Packet,
        now: Instant,
        house: &House,
    ) -> Result<Bytes, Response> {
        let Some(block) = asked.block1 else {
            return Ok(Bytes::new());
        };
        let most = house.limits.body_bytes;
        let announced = wire::uint_option(packet, CoapOption::Size1).unwrap_or_default();
        if usize::try_from(announced).unwrap_or(usize::MAX) > most {
            return Err(Response::bare(ResponseType::RequestEntityTooLarge));
        }
        let assembly =
            self.bodies
                .assemble(&asked.arriving_key(), block, &packet.payload, most, now);
        Err(Response::bare(match assembly {
            Assembly::Whole(body) => return Ok(body),
            Assembly::Continue => ResponseType::Continue,
            Assembly::Incomplete => ResponseType::RequestEntityIncomplete,
            Assembly::TooLarge => ResponseType::RequestEntityTooLarge,
            Assembly::BadLength => ResponseType::BadRequest,
        }))
    }

    fn begin(&mut self, asked: Asked, request: Request, now: Instant, house: &mut House) {
        if asked.observe == Observe::Deregister {
            self.end_observations_of(&asked.token, house);
        }
        if self.working.len() >= WORKING_PER_PEER {
            return self.answer(&asked, &too_many(), now, house);
        }
        if house.working >= WORKING_MAX {
            let mut busy = Response::bare(ResponseType::ServiceUnavailable);
            busy.max_age_s = Some(WAIT_S);
            return self.answer(&asked, &busy, now, house);
        }
        let number = house.number();
        house.working += 1;
        // Towards an unverified source there is one datagram per request: the answer.
        let separate = asked.confirmable && house.limits.verified;
        self.working.push(Working {
            number,
            asked,
            acknowledge_at: separate.then(|| now + ACK_AFTER),
            acknowledged: false,
        });
        house.effects.push(Effect::Request(number, request));
    }

    /// Answers a request that was in work; gives the number of the observation it has become.
    pub(super) fn respond(
        &mut self,
        number: u64,
        response: &Response,
        watch: bool,
        now: Instant,
        house: &mut House,
    ) -> Option<u64> {
        let at = self.working.iter().position(|it| it.number == number)?;
        let working = self.working.swap_remove(at);
        house.working = house.working.saturating_sub(1);
        let watch = watch && !response.is_error() && working.asked.observe == Observe::Register;
        let observation = if watch {
            self.observe(&working.asked, now, house)
        } else {
            None
        };
        let sequence = observation.map(|_| Observation::first_sequence());
        self.send_answer(&working, response, sequence, now, house);
        observation
    }

    fn observe(&mut self, asked: &Asked, now: Instant, house: &mut House) -> Option<u64> {
        self.end_observations_of(&asked.token, house);
        if self.observations.len() >= OBSERVATIONS_PER_PEER || house.observing >= OBSERVATIONS_MAX {
            return None;
        }
        house.observing += 1;
        let number = house.number();
        self.observations
            .push(Observation::new(number, asked.clone(), now));
        Some(number)
    }

    /// Tells a change.
    pub(super) fn notify(
        &mut self,
        number: u64,
        response: Response,
        now: Instant,
        house: &mut House,
    ) {
        let message_id = self.message_id();
        let Some(observation) = self.observation(number) else {
            return;
        };
        if observation.outstanding.is_some() {
            observation.waiting = Some(response);
            return;
        }
        let sequence = (!response.is_error()).then(|| observation.next_sequence());
        let confirm = observation.confirm(response.reliable || response.is_error());
        let asked = observation.asked.clone();
        let mut composed = compose(&asked, &response, sequence);
        composed.packet.header.message_id = message_id;
        composed.packet.header.set_type(if confirm {
            MessageType::Confirmable
        } else {
            MessageType::NonConfirmable
        });
        let Some(bytes) = wire::write(&composed.packet) else {
            return;
        };
        observation.sent(message_id, now);
        if confirm {
            observation.outstanding = Some(message_id);
            self.expect(message_id, bytes.clone(), Some(number), now, house);
        }
        if composed.more {
            self.bodies.keep(&asked.key, &response, now);
        }
        house.send(bytes);
        if response.is_error() {
            let ended = |it: &Observation| it.number == number;
            if let Some(at) = self.observations.iter().position(ended) {
                self.end_observation(at, house);
            }
        }
    }

    /// Ends an observation from our side, without a word.
    pub(super) fn forget_observation(&mut self, number: u64, house: &mut House) {
        let before = self.observations.len();
        self.observations.retain(|it| it.number != number);
        let gone = before - self.observations.len();
        house.observing = house.observing.saturating_sub(gone);
    }

    pub(super) fn on_time(&mut self, now: Instant, house: &mut House) {
        for working in &mut self.working {
            if working.acknowledge_at.is_some_and(|at| at <= now) {
                working.acknowledge(house);
            }
        }
        let mut lost = Vec::new();
        for outstanding in &mut self.outstanding {
            if outstanding.at > now {
                continue;
            }
            if outstanding.repeated >= RETRANSMIT_MAX {
                lost.push((outstanding.message_id, outstanding.observation));
                continue;
            }
            outstanding.repeated += 1;
            outstanding.wait *= 2;
            outstanding.at = now + outstanding.wait;
            house.send(outstanding.bytes.clone());
        }
        for (message_id, observation) in lost {
            self.outstanding.retain(|it| it.message_id != message_id);
            let gone = |it: &Observation| Some(it.number) == observation;
            if let Some(at) = self.observations.iter().position(gone) {
                self.end_observation(at, house);
            }
        }
        for observation in &mut self.observations {
            if observation.refresh_at <= now {
                observation.refresh_at = now + REFRESH_AFTER;
                house.effects.push(Effect::Refresh(observation.number));
            }
        }
        self.bodies.expire(now);
    }

    /// Answers at once, without anybody working on it.
    fn answer(&mut self, asked: &Asked, response: &Response, now: Instant, house: &mut House) {
        let working = Working {
            number: 0,
            asked: asked.clone(),
            acknowledge_at: None,
            acknowledged: false,
        };
        self.send_answer(&working, response, None, now, house);
    }

    fn send_answer(
        &mut self,
        working: &Working,
        response: &Response,
        sequence: Option<u32>,
        now: Instant,
        house: &mut House,
    ) {
        let asked = &working.asked;
        let mut composed = compose(asked, response, sequence);
        let separate = asked.confirmable && working.acknowledged;
        if separate || !asked.confirmable {
            composed.packet.header.message_id = self.message_id();
            composed.packet.header.set_type(if separate {
                MessageType::Confirmable
            } else {
                MessageType::NonConfirmable
            });
        }
        let Some(bytes) = wire::write(&composed.packet) else {
            return;
        };
        if composed.more {
            self.bodies.keep(&asked.key, response, now);
        } else if asked.fetches_rest() {
            self.bodies.fetched(&asked.key);
        }
        if separate {
            let message_id = composed.packet.header.message_id;
            self.expect(message_id, bytes.clone(), None, now, house);
        }
        self.answers.finish(asked.message_id, &asked.token, &bytes);
        house.send(bytes);
    }

    fn expect(
        &mut self,
        message_id: u16,
        bytes: Vec<u8>,
        observation: Option<u64>,
        now: Instant,
        house: &mut House,
    ) {
        let wait = house.dice.jitter(ACK_TIMEOUT);
        self.outstanding.push(Outstanding {
            message_id,
            bytes,
            repeated: 0,
            wait,
            at: now + wait,
            observation,
        });
    }

    fn observation(&mut self, number: u64) -> Option<&mut Observation> {
        self.observations.iter_mut().find(|it| it.number == number)
    }

    fn end_observations_of(&mut self, token: &[u8], house: &mut House) {
        let of_token = |it: &Observation| it.asked.token == token;
        while let Some(at) = self.observations.iter().position(of_token) {
            self.end_observation(at, house);
        }
    }

    fn end_observation(&mut self, at: usize, house: &mut House) {
        let ended = self.observations.swap_remove(at);
        // An error that ends it still wants its acknowledgement; older states do not matter any more.
        for outstanding in &mut self.outstanding {
            if outstanding.observation == Some(ended.number) {
                outstanding.observation = None;
            }
        }
        house.observing = house.observing.saturating_sub(1);
        house.effects.push(Effect::Ended(ended.number));
    }

    fn message_id(&mut self) -> u16 {
        self.next_message_id = self.next_message_id.wrapping_add(1);
        self.next_message_id
    }
}

impl Working {
    fn acknowledge(&mut self, house: &mut House) {
        self.acknowledge_at = None;
        self.acknowledged = true;
        let message_id = self.asked.message_id;
        house.send(wire::empty(MessageType::Acknowledgement, message_id));
    }
}

/// 4.29 (RFC 8516).
fn too_many() -> Response {
    let mut answer = Response::bare(ResponseType::TooManyRequests);
    answer.max_age_s = Some(WAIT_S);
    answer
}

/// What a message is to an endpoint that only serves.
pub(super) fn is_request(packet: &Packet) -> bool {
    let code = u8::from(packet.header.code);
    code != 0 && code >> 5 == 0
}
