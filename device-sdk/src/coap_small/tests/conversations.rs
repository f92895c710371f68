//! Whole bodies to and from a gateway made with coap-lite, over a line that loses, repeats and
//! reorders.

use crate::coap::wire::{self, ECHO, uint};
use crate::coap_small::block::{Block, BlockSize};
use crate::coap_small::{
    Answer, AnswerCode, Client, DATAGRAM_MAX_BYTES, Dice, Error, Method, Request, Step, Timing,
};
use coap_lite::{CoapOption, MessageClass, MessageType, Packet, ResponseType};
use proptest::prelude::*;
use std::collections::HashMap;

const REQUEST_TAG: CoapOption = CoapOption::Unknown(292);
const BUFFER: usize = 6_000;

/// How the gateway and the line behave.
#[derive(Clone, Debug)]
struct World {
    seed: u64,
    /// Of a hundred datagrams so many are lost, and so many come twice.
    lost: u64,
    twice: u64,
    /// Exponents of the blocks that either side likes.
    ours: u8,
    theirs: u8,
    challenges: bool,
    /// Of a hundred requests so many are answered later, and so many by 4.29.
    later: u64,
    refused: u64,
    /// Forgets half a body so many times.
    forgets: u8,
    request: Vec<u8>,
    answer: Vec<u8>,
}

fn world() -> impl Strategy<Value = World> {
    let body = || prop::collection::vec(any::<u8>(), 0..5_000);
    (
        (any::<u64>(), 0..30_u64, 0..30_u64, 0..7_u8, 0..7_u8),
        (any::<bool>(), 0..40_u64, 0..10_u64, 0..3_u8, body(), body()),
    )
        .prop_map(|(line, gateway)| {
            let (seed, lost, twice, ours, theirs) = line;
            let (challenges, later, refused, forgets, request, answer) = gateway;
            World {
                seed,
                lost,
                twice,
                ours,
                theirs,
                challenges,
                later,
                refused,
                forgets,
                request,
                answer,
            }
        })
}

/// A gateway with one resource.
struct Gateway {
    world: World,
    dice: Dice,
    /// Answers by message id, for repetitions.
    answered: HashMap<u16, Vec<u8>>,
    arriving: Option<(Vec<u8>, Vec<u8>)>,
    next_id: u16,
    /// Bodies that came whole.
    taken: Vec<Vec<u8>>,
    forgotten: u8,
}

impl Gateway {
    fn new(world: World) -> Self {
        Self {
            dice: Dice::new(world.seed ^ 1),
            world,
            answered: HashMap::new(),
            arriving: None,
            next_id: 1,
            taken: Vec::new(),
            forgotten: 0,
        }
    }

    /// What goes back for a datagram of the client.
    fn hear(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let request = wire::read(datagram).expect("the client writes what others read");
        let id = request.header.message_id;
        if !matches!(request.header.code, MessageClass::Request(_)) {
            return Vec::new();
        }
        if let Some(answer) = self.answered.get(&id) {
            return vec![answer.clone()];
        }
        let mut answer = self.answer(&request);
        answer.set_token(request.get_token().to_vec());
        if self.dice.roll() % 100 < self.world.later {
            answer.header.set_type(MessageType::Confirmable);
            answer.header.message_id = self.next_id;
            self.next_id += 1;
            let answer = wire::write(&answer).unwrap();
            self.answered.insert(id, answer.clone());
            return vec![wire::empty(MessageType::Acknowledgement, id), answer];
        }
        answer.header.message_id = id;
        let answer = wire::write(&answer).unwrap();
        self.answered.insert(id, answer.clone());
        vec![answer]
    }

    fn answer(&mut self, request: &Packet) -> Packet {
        if self.dice.roll() % 100 < self.world.refused {
            let mut answer = response(ResponseType::TooManyRequests);
            answer.add_option(CoapOption::MaxAge, uint(1));
            return answer;
        }
        if self.world.challenges && request.get_first_option(ECHO).is_none() {
            let mut answer = response(ResponseType::Unauthorized);
            answer.add_option(ECHO, vec![7; 8]);
            return answer;
        }
        if let Some(value) = request.get_first_option(CoapOption::Block2) {
            return self.piece(Block::read(value).unwrap());
        }
        let Some(value) = request.get_first_option(CoapOption::Block1) else {
            let most = self.most().bytes();
            if request.payload.len() > most {
                return self.too_large(Block::at(0, false, self.most()).unwrap());
            }
            self.taken.push(request.payload.clone());
            return self.piece(Block::at(0, false, self.most()).unwrap());
        };
        let block = Block::read(value).unwrap();
        let tag = request.get_first_option(REQUEST_TAG).unwrap().clone();
        self.assemble(block, tag, &request.payload)
    }

    fn most(&self) -> BlockSize {
        BlockSize::from_exponent(self.world.theirs).unwrap()
    }

    fn too_large(&self, block: Block) -> Packet {
        let mut answer = response(ResponseType::RequestEntityTooLarge);
        let size = self.most();
        answer.add_option(CoapOption::Block1, Block { size, ..block }.write());
        answer
    }

    fn assemble(&mut self, block: Block, tag: Vec<u8>, payload: &[u8]) -> Packet {
        if block.size > self.most() {
            return self.too_large(block);
        }
        if block.number == 0 {
            self.arriving = Some((tag.clone(), Vec::new()));
        } else if self.forgotten < self.world.forgets {
            self.forgotten += 1;
            self.arriving = None;
        }
        let begun = self.arriving.as_mut();
        let Some((_, body)) = begun.filter(|(of, body)| *of == tag && body.len() == block.offset())
        else {
            return response(ResponseType::RequestEntityIncomplete);
        };
        body.extend_from_slice(payload);
        let mut answer = response(ResponseType::Continue);
        if !block.more {
            let (_, body) = self.arriving.take().unwrap();
            self.taken.push(body);
            answer = self.piece(Block::at(0, false, self.most()).unwrap());
        }
        answer.add_option(CoapOption::Block1, block.write());
        answer
    }

    fn piece(&self, wanted: Block) -> Packet {
        let body = &self.world.answer;
        let size = wanted.size.min(self.most());
        let offset = wanted.offset();
        let end = (offset + size.bytes()).min(body.len());
        let mut answer = response(ResponseType::Changed);
        answer.payload = body[offset..end].to_vec();
        answer.add_option(CoapOption::ETag, vec![3]);
        answer.add_option(CoapOption::ContentFormat, uint(60));
        if body.len() > size.bytes() {
            let block = Block::at(offset, end < body.len(), size).unwrap();
            answer.add_option(CoapOption::Block2, block.write());
        }
        answer
    }
}

fn response(code: ResponseType) -> Packet {
    wire::bare(
        MessageType::Acknowledgement,
        MessageClass::Response(code),
        0,
    )
}

/// One request in this world; what came of it, and what the gateway took.
fn talk(world: &World, body: &mut [u8]) -> (Result<Answer, Error>, Gateway) {
    let timing = Timing {
        retransmit_max: 12,
        ..Timing::NETWORK
    };
    let size = BlockSize::from_exponent(world.ours).unwrap();
    let mut client = Client::with(world.seed, timing, size);
    let mut gateway = Gateway::new(world.clone());
    let mut line = Dice::new(world.seed ^ 2);
    // Datagrams on their way to the client, oldest first.
    let mut coming: Vec<Vec<u8>> = Vec::new();
    let path = ["oc", "1", "w"];
    let request = Request::new(Method::Post, &path).with(60, &world.request);
    let mut exchange = client.ask(request, body);
    let mut now_ms = 0;
    loop {
        let mut out = [0; DATAGRAM_MAX_BYTES];
        match exchange.poll(now_ms, &mut out) {
            Step::Send(len) => {
                let copies = match line.roll() % 100 {
                    part if part < world.lost => 0,
                    part if part < world.lost + world.twice => 2,
                    _ => 1,
                };
                for _ in 0..copies {
                    coming.extend(gateway.hear(&out[..len]));
                }
            }
            Step::Wait { .. } if !coming.is_empty() => {
                let next = (line.roll() % 2) as usize % coming.len();
                let datagram = coming.remove(next);
                let part = line.roll() % 100;
                if part >= world.lost {
                    exchange.receive(&datagram, now_ms);
                }
                if part < world.lost + world.twice {
                    coming.push(datagram);
                }
            }
            Step::Wait { until_ms } => now_ms = until_ms,
            Step::Done(answered) => return (answered, gateway),
        }
    }
}

proptest! {
    #[test]
    fn bodies_arrive_whole_both_ways_whatever_the_line_does(world in world()) {
        let mut body = [0; BUFFER];
        let (answered, gateway) = talk(&world, &mut body);
        // Only a body that is lost more often than is put up with ends without an answer.
        let patient = match answered {
            Ok(answer) if answer.code == AnswerCode::TOO_MANY => world.refused > 0,
            Ok(answer) => {
                prop_assert_eq!(answer.code, AnswerCode::CHANGED);
                prop_assert_eq!(answer.content_format, Some(60));
                prop_assert_eq!(&body[..answer.len], &world.answer[..]);
                prop_assert!(!gateway.taken.is_empty());
                true
            }
            Err(Error::Silent) => world.lost > 0,
            Err(_) => false,
        };
        prop_assert!(patient, "{:?}", answered);
        for taken in &gateway.taken {
            prop_assert_eq!(taken, &world.request);
        }
    }

    #[test]
    fn whatever_comes_in_it_ends(
        seed: u64,
        world in world(),
        harm in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let mut client = Client::new(seed);
        let mut gateway = Gateway::new(world.clone());
        let path = ["a"];
        let request = Request::new(Method::Post, &path).with(60, &world.request);
        let mut body = [0; 512];
        let mut exchange = client.ask(request, &mut body);
        let (mut now_ms, mut harm, mut steps) = (0, harm.into_iter().cycle(), 0);
        loop {
            steps += 1;
            prop_assert!(steps < 20_000);
            let mut out = [0; DATAGRAM_MAX_BYTES];
            match exchange.poll(now_ms, &mut out) {
                Step::Send(len) => for mut answer in gateway.hear(&out[..len]) {
                    let (at, byte) = harm.next().unwrap();
                    let at = at.index(answer.len());
                    answer[at] ^= byte;
                    exchange.receive(&answer, now_ms);
                },
                Step::Wait { until_ms } => now_ms = until_ms,
                Step::Done(_) => break,
            }
        }
    }
}

#[test]
fn a_body_that_is_lost_again_and_again_is_given_up() {
    let world = World {
        seed: 3,
        lost: 0,
        twice: 0,
        ours: 2,
        theirs: 6,
        challenges: false,
        later: 0,
        refused: 0,
        forgets: 9,
        request: vec![1; 1_000],
        answer: vec![2; 10],
    };
    let (answered, gateway) = talk(&world, &mut [0; BUFFER]);
    assert_eq!((answered, gateway.forgotten), (Err(Error::Changing), 3));
    let world = World {
        forgets: 2,
        ..world
    };
    let (answered, gateway) = talk(&world, &mut [0; BUFFER]);
    assert_eq!(answered.map(|answer| answer.len), Ok(10));
    assert_eq!(gateway.taken, [vec![1; 1_000]]);
}

#[test]
fn an_answer_that_is_longer_than_its_buffer_is_not_cut() {
    let world = World {
        seed: 3,
        lost: 0,
        twice: 0,
        ours: 6,
        theirs: 2,
        challenges: true,
        later: 0,
        refused: 0,
        forgets: 0,
        request: Vec::new(),
        answer: vec![2; 200],
    };
    let (answered, _) = talk(&world, &mut [0; 199]);
    assert_eq!(answered, Err(Error::TooLarge));
    let (answered, _) = talk(&world, &mut [0; 200]);
    assert_eq!(answered.map(|answer| answer.len), Ok(200));
}
