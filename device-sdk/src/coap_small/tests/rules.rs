//! One rule of the client each.

use crate::coap_small::block::BlockSize;
use crate::coap_small::message::{Kind, Message, Writer, option};
use crate::coap_small::{
    Answer, AnswerCode, Client, DATAGRAM_MAX_BYTES, Error, Exchange, Method, Request, Step, Timing,
};

const PATH: [&str; 2] = ["a", "b"];
const GET: Request<'static> = Request::new(Method::Get, &PATH);

/// What the client sends now, as head: kind, code, message id, token.
fn sent(exchange: &mut Exchange<'_>, now_ms: u32) -> (Kind, u8, u16, Vec<u8>) {
    let mut out = [0; DATAGRAM_MAX_BYTES];
    match exchange.poll(now_ms, &mut out) {
        Step::Send(len) => {
            let message = Message::read(&out[..len]).unwrap();
            let token = message.token.to_vec();
            (message.kind, message.code, message.message_id, token)
        }
        other => panic!("{other:?}"),
    }
}

fn step(exchange: &mut Exchange<'_>, now_ms: u32) -> Step {
    exchange.poll(now_ms, &mut [0; DATAGRAM_MAX_BYTES])
}

fn message(kind: Kind, code: u8, id: u16, token: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = [0; DATAGRAM_MAX_BYTES];
    let mut writer = Writer::new(&mut out, kind, code, id, token).unwrap();
    for (number, value) in options {
        writer.option(*number, value).unwrap();
    }
    let len = writer.end(&[]).unwrap();
    out[..len].to_vec()
}

const CONTENT: u8 = AnswerCode::CONTENT.0;

#[test]
fn a_silent_gateway_is_asked_with_doubling_waits_and_given_up() {
    // The counter begins again in the middle of it.
    for start in [0, u32::MAX - 20_000] {
        let (mut client, mut body) = (Client::new(5), [0; 8]);
        let mut exchange = client.ask(GET, &mut body);
        let (mut now_ms, mut waits, mut ids) = (start, Vec::new(), Vec::new());
        let failed = loop {
            let mut out = [0; DATAGRAM_MAX_BYTES];
            match exchange.poll(now_ms, &mut out) {
                Step::Send(len) => ids.push(Message::read(&out[..len]).unwrap().message_id),
                Step::Wait { until_ms } => {
                    waits.push(until_ms.wrapping_sub(now_ms));
                    now_ms = until_ms;
                }
                Step::Done(answer) => break answer,
            }
        };
        assert_eq!(failed, Err(Error::Silent));
        assert!((2_000..=3_000).contains(&waits[0]), "{waits:?}");
        assert_eq!(waits.len(), 5);
        assert!(waits.windows(2).all(|pair| pair[1] == pair[0] * 2));
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "a repetition is the same message"
        );
    }
}

#[test]
fn first_waits_are_spread_between_once_and_one_and_a_half_times() {
    let mut waits: Vec<u32> = (0..200)
        .map(|seed| {
            let (mut client, mut body) = (Client::new(seed), [0; 8]);
            let mut exchange = client.ask(GET, &mut body);
            step(&mut exchange, 0);
            match step(&mut exchange, 0) {
                Step::Wait { until_ms } => until_ms,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    waits.sort_unstable();
    assert!(waits[0] >= 2_000 && waits[0] < 2_100, "{}", waits[0]);
    assert!(waits[199] > 2_900 && waits[199] <= 3_000, "{}", waits[199]);
}

#[test]
fn a_later_answer_is_acknowledged_as_often_as_it_comes_and_taken_once() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let (_, _, id, token) = sent(&mut exchange, 0);
    exchange.receive(&message(Kind::Acknowledgement, 0, id, &[], &[]), 10);
    let heard = step(&mut exchange, 5_000);
    assert_eq!(
        heard,
        Step::Wait { until_ms: 30_010 },
        "nothing is repeated"
    );
    let late = message(Kind::Confirmable, CONTENT, 4_711, &token, &[]);
    for _ in 0..2 {
        exchange.receive(&late, 6_000);
        let (kind, code, id, _) = sent(&mut exchange, 6_000);
        assert_eq!((kind, code, id), (Kind::Acknowledgement, 0, 4_711));
        assert!(matches!(step(&mut exchange, 6_000), Step::Done(Ok(_))));
    }
    // While the next request is under way, the same answer is still no news.
    let mut next = client.ask(GET, &mut body);
    sent(&mut next, 7_000);
    next.receive(&late, 7_000);
    assert_eq!(sent(&mut next, 7_000).0, Kind::Acknowledgement);
    assert!(matches!(step(&mut next, 7_000), Step::Wait { .. }));
}

#[test]
fn an_acknowledged_request_without_an_answer_fails_in_time() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let (_, _, id, _) = sent(&mut exchange, 0);
    exchange.receive(&message(Kind::Acknowledgement, 0, id, &[], &[]), 0);
    assert_eq!(step(&mut exchange, 29_999), Step::Wait { until_ms: 30_000 });
    assert_eq!(
        step(&mut exchange, 30_000),
        Step::Done(Err(Error::NoAnswer))
    );
}

#[test]
fn what_belongs_to_nothing_is_rejected_or_passed_over() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let (_, _, id, token) = sent(&mut exchange, 0);
    let other = [token.as_slice(), &[0]].concat();
    for (what, datagram, reset) in [
        (
            "an answer to somebody else",
            message(Kind::Confirmable, CONTENT, 9, &other, &[]),
            true,
        ),
        (
            "a question whether it is there",
            message(Kind::Confirmable, 0, 9, &[], &[]),
            true,
        ),
        (
            "a request",
            message(Kind::Confirmable, 1, 9, &[], &[]),
            true,
        ),
        (
            "the same unconfirmed",
            message(Kind::NonConfirmable, CONTENT, 9, &other, &[]),
            false,
        ),
        (
            "an acknowledgement of another message",
            message(Kind::Acknowledgement, CONTENT, id ^ 1, &token, &[]),
            false,
        ),
        (
            "a reset of another message",
            message(Kind::Reset, 0, id ^ 1, &[], &[]),
            false,
        ),
        ("noise", b"noise".to_vec(), false),
    ] {
        exchange.receive(&datagram, 1);
        if reset {
            let (kind, code, id, _) = sent(&mut exchange, 1);
            assert_eq!((kind, code, id), (Kind::Reset, 0, 9), "{what}");
        }
        assert!(
            matches!(step(&mut exchange, 1), Step::Wait { .. }),
            "{what}"
        );
    }
    exchange.receive(&message(Kind::Reset, 0, id, &[], &[]), 2);
    assert_eq!(step(&mut exchange, 2), Step::Done(Err(Error::Reset)));
}

#[test]
fn an_answer_with_an_option_that_must_be_understood_and_is_not_is_rejected() {
    for (number, taken) in [(6_u16, true), (9, false), (252, true), (65_001, false)] {
        let (mut client, mut body) = (Client::new(1), [0; 8]);
        let mut exchange = client.ask(GET, &mut body);
        let (_, _, _, token) = sent(&mut exchange, 0);
        let answer = message(Kind::Confirmable, CONTENT, 9, &token, &[(number, b"x")]);
        exchange.receive(&answer, 1);
        let expected = if taken {
            Kind::Acknowledgement
        } else {
            Kind::Reset
        };
        assert_eq!(sent(&mut exchange, 1).0, expected, "{number}");
        let ended = step(&mut exchange, 1);
        assert_eq!(
            matches!(ended, Step::Done(Ok(_))),
            taken,
            "{number}: {ended:?}"
        );
    }
}

#[test]
fn a_gateway_that_wants_to_be_left_alone_is_for_as_long_as_it_says_and_three_times() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let mut now_ms = 0;
    let mut ids = Vec::new();
    for pause in 0..3 {
        let (_, _, id, token) = sent(&mut exchange, now_ms);
        ids.push(id);
        let much = [(option::MAX_AGE, &[7][..])];
        let options = if pause == 0 { &[][..] } else { &much[..] };
        let refusal = message(
            Kind::Acknowledgement,
            AnswerCode::TOO_MANY.0,
            id,
            &token,
            options,
        );
        exchange.receive(&refusal, now_ms);
        let until_ms = now_ms + if pause == 0 { 60_000 } else { 7_000 };
        assert_eq!(step(&mut exchange, now_ms), Step::Wait { until_ms });
        now_ms = until_ms;
    }
    let (_, _, id, token) = sent(&mut exchange, now_ms);
    assert!(!ids.contains(&id), "asked anew, not repeated");
    let options = [(option::MAX_AGE, &[7][..])];
    let refusal = message(
        Kind::Acknowledgement,
        AnswerCode::TOO_MANY.0,
        id,
        &token,
        &options,
    );
    exchange.receive(&refusal, now_ms);
    let answer = Answer {
        code: AnswerCode::TOO_MANY,
        content_format: None,
        max_age_s: Some(7),
        len: 0,
    };
    assert_eq!(step(&mut exchange, now_ms), Step::Done(Ok(answer)));
}

#[test]
fn a_wait_of_hours_is_the_callers_to_decide() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let (_, _, id, token) = sent(&mut exchange, 0);
    let options = [(option::MAX_AGE, &[0x0e, 0x10][..])];
    let refusal = message(
        Kind::Acknowledgement,
        AnswerCode::TOO_MANY.0,
        id,
        &token,
        &options,
    );
    exchange.receive(&refusal, 0);
    match step(&mut exchange, 0) {
        Step::Done(Ok(answer)) => assert_eq!(answer.max_age_s, Some(3_600)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_echo_is_shown_once_and_a_second_challenge_is_the_answer() {
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(GET, &mut body);
    let echo = [(option::ECHO, &b"where are you"[..])];
    let unauthorized = AnswerCode::UNAUTHORIZED.0;
    let (_, _, first, token) = sent(&mut exchange, 0);
    exchange.receive(
        &message(Kind::Acknowledgement, unauthorized, first, &token, &echo),
        0,
    );
    let mut out = [0; DATAGRAM_MAX_BYTES];
    let Step::Send(len) = exchange.poll(0, &mut out) else {
        panic!("not asked again");
    };
    let again = Message::read(&out[..len]).unwrap();
    assert_eq!(again.option(option::ECHO), Some(&b"where are you"[..]));
    assert_ne!((again.message_id, again.token), (first, token.as_slice()));
    let (id, token) = (again.message_id, again.token.to_vec());
    exchange.receive(
        &message(Kind::Acknowledgement, unauthorized, id, &token, &echo),
        0,
    );
    assert!(
        matches!(step(&mut exchange, 0), Step::Done(Ok(answer)) if answer.code == AnswerCode::UNAUTHORIZED)
    );
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_sent() {
    let long = "x".repeat(DATAGRAM_MAX_BYTES);
    let path = [long.as_str()];
    let (mut client, mut body) = (Client::new(1), [0; 8]);
    let mut exchange = client.ask(Request::new(Method::Get, &path), &mut body);
    assert_eq!(step(&mut exchange, 0), Step::Done(Err(Error::TooLarge)));
}

#[test]
fn an_impatient_client_is_impatient() {
    let timing = Timing {
        ack_timeout_ms: 100,
        retransmit_max: 0,
        answer_timeout_ms: 1,
    };
    let mut client = Client::with(1, timing, BlockSize::SMALLEST);
    let mut body = [0; 8];
    let mut exchange = client.ask(GET, &mut body);
    step(&mut exchange, 0);
    assert_eq!(step(&mut exchange, 150), Step::Done(Err(Error::Silent)));
}

#[test]
fn blocks_that_were_not_asked_for_break_the_rules_and_others_than_before_begin_again() {
    // Blocks of 16 bytes: number, more, how many bytes there are.
    let value = |number: u8, more: bool| [number << 4 | u8::from(more) << 3];
    for (what, second, etag, bytes, ended) in [
        ("the next one", value(1, false), 1, 5, true),
        ("the first one again", value(0, true), 1, 16, true),
        ("one too far", value(2, false), 1, 5, true),
        ("shorter than it says", value(1, true), 1, 15, true),
        ("longer than it says", value(1, false), 1, 17, true),
        ("of another state", value(1, false), 2, 5, false),
    ] {
        let (mut client, mut body) = (Client::new(1), [0; 64]);
        let mut exchange = client.ask(GET, &mut body);
        for (block, etag, bytes) in [(value(0, true), 1, 16), (second, etag, bytes)] {
            let (_, _, id, token) = sent(&mut exchange, 0);
            let mut out = [0; DATAGRAM_MAX_BYTES];
            let kind = Kind::Acknowledgement;
            let mut writer = Writer::new(&mut out, kind, CONTENT, id, &token).unwrap();
            writer.option(option::ETAG, &[etag]).unwrap();
            writer.option(option::BLOCK2, &block).unwrap();
            let len = writer.end(&vec![7; bytes]).unwrap();
            exchange.receive(&out[..len], 0);
        }
        let step = step(&mut exchange, 0);
        let good = matches!(step, Step::Done(Ok(answer)) if answer.len == 21);
        let wrong = step == Step::Done(Err(Error::Protocol));
        let again = matches!(step, Step::Send(_));
        let expected = (
            what == "the next one",
            ended && what != "the next one",
            !ended,
        );
        assert_eq!((good, wrong, again), expected, "{what}: {step:?}");
    }
}
