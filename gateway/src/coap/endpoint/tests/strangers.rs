//! What it costs to be asked by somebody who may be anybody, or who asks without end.

use super::*;

#[test]
fn half_sent_bodies_of_many_peers_stay_within_the_bounds() {
    for limits in [Limits::VERIFIED, Limits::UNVERIFIED] {
        let mut bench = Bench::new(limits);
        for peer in 0..10_000 {
            for number in 0..8 {
                let mut piece = put_block(number as u16, block(number, true, 4), &[0; 256]);
                if number == 0 && !limits.verified {
                    piece = bench.echoed(peer, piece);
                }
                bench.give_from(peer, &piece);
                assert!(bench.endpoint.held_bytes() <= limits.held_bytes);
            }
        }
        assert_eq!(bench.endpoint.peers(), limits.peers);
        // The one who was just heard can still go on.
        let next = put_block(99, block(8, true, 4), &[0; 256]);
        let answer = one_message(bench.give_from(9_999, &next));
        assert_eq!(code(&answer), "2.31");
        // The first one was given up, and at the plain door forgotten.
        let answer = one_message(bench.give_from(0, &next));
        let given_up = if limits.verified { "4.08" } else { "4.01" };
        assert_eq!(code(&answer), given_up);
        // And all of it goes with time.
        bench.pass(EXCHANGE_LIFETIME * 2);
        assert_eq!(
            (bench.endpoint.peers(), bench.endpoint.held_bytes()),
            (0, 0)
        );
    }
}

#[test]
fn who_has_not_shown_where_it_is_leaves_nothing_behind_and_puts_nobody_out() {
    let mut bench = Bench::new(Limits::UNVERIFIED);
    let honest = 1_000_000;
    let first = put_block(0, block(0, true, 4), &[0; 256]);
    let first = bench.echoed(honest, first);
    assert_eq!(code(&one_message(bench.give_from(honest, &first))), "2.31");
    for peer in 0..100_000 {
        let spoofed = put_block(0, block(0, true, 6), &[0; 1024]);
        let answer = one_message(bench.give_from(peer, &spoofed));
        assert_eq!(code(&answer), "4.01");
        assert_eq!(bench.endpoint.peers(), 1);
        assert_eq!(bench.endpoint.held_bytes(), first_answer_bytes(&bench));
    }
    // Strangers who only read are few at once, and go before whoever is known to be there.
    let mut turned_away = 0;
    for peer in 0..100_000 {
        let mut get = request(RequestType::Get, 1, &["t"]);
        get.header.set_type(MessageType::NonConfirmable);
        for output in bench.give_from(peer, &get) {
            match output {
                Output::Request { id, .. } => {
                    let now = bench.now;
                    bench.endpoint.respond(id, &CHANGED, false, now);
                    bench.outputs();
                }
                Output::Send { bytes, .. } => {
                    let answer = wire::read(&bytes).unwrap();
                    assert_eq!(code(&answer), "4.29");
                    assert_eq!(wire::uint_option(&answer, CoapOption::MaxAge), Some(1));
                    turned_away += 1;
                }
                Output::Ended(_) | Output::Refresh(_) => {}
            }
        }
        bench.now += Duration::from_micros(100);
        assert!(bench.endpoint.peers() <= Limits::UNVERIFIED.peers);
    }
    assert!(turned_away > 80_000, "{turned_away}");
    let next = put_block(1, block(1, true, 4), &[0; 256]);
    assert_eq!(code(&one_message(bench.give_from(honest, &next))), "2.31");
}

/// What is held after one block of 256 bytes and its answer.
fn first_answer_bytes(bench: &Bench) -> usize {
    let held = bench.endpoint.held_bytes();
    assert!((256..300).contains(&held), "{held}");
    held
}

#[test]
fn state_changes_over_the_plain_door_only_after_an_echo_and_never_after_a_restart_without() {
    let mut bench = Bench::new(Limits::UNVERIFIED);
    let post = request(RequestType::Post, 1, &["t"]);
    let echoed = bench.echoed(PEER, post.clone());
    // What another address was told is nothing here.
    assert_eq!(code(&one_message(bench.give_from(8, &echoed))), "4.01");
    let (id, _) = bench.ask(&echoed);
    let answer = bench.respond(id, &content(&[7; 1000]), false);
    assert_eq!(answer.payload.len(), 1000, "it is proven who reads that");
    // For a while nothing more has to be shown, but then only short answers are given.
    let (id, _) = bench.ask(&request(RequestType::Post, 2, &["t"]));
    let answer = bench.respond(id, &content(&[7; 1000]), false);
    assert!(answer.payload.len() < 1000);
    bench.now += PROVEN_FOR;
    let late = one_message(bench.give(&request(RequestType::Post, 3, &["t"])));
    assert_eq!(code(&late), "4.01");
    let now = bench.now;
    let other = Seed {
        echo: [3; 16],
        ..SEED
    };
    bench.endpoint = Endpoint::new(Limits::UNVERIFIED, other, now);
    assert_eq!(code(&one_message(bench.give(&echoed))), "4.01");
    // Where even that would be too much, only the code is said.
    let bare = request(RequestType::Post, 4, &[]);
    let mut short = bare.clone();
    short.set_token(vec![]);
    let answer = one_message(bench.give(&short));
    assert_eq!(
        (code(&answer).as_str(), answer.options().count()),
        ("4.01", 0)
    );
}

#[test]
fn an_answer_that_a_stranger_may_not_have_is_given_once_it_has_shown_where_it_is() {
    let mut bench = Bench::new(Limits::UNVERIFIED);
    let large = Response::with(ResponseType::Content, wire::CBOR, vec![1; 800].into());
    let mut get = request(RequestType::Get, 1, &["t"]);
    let (id, _) = bench.ask(&get);
    let doubted = bench.respond(id, &large, false);
    assert_eq!(code(&doubted), "4.01");
    let echo = doubted.get_first_option(wire::ECHO).unwrap().clone();
    get.header.message_id = 2;
    get.add_option(wire::ECHO, echo);
    let (id, _) = bench.ask(&get);
    assert_eq!(bench.respond(id, &large, false).payload.len(), 800);
}

#[test]
fn who_asks_too_much_is_told_to_wait() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut refused = Vec::new();
    let burst = Limits::VERIFIED.burst as u16;
    for message_id in 0..burst + 100 {
        let answer = match bench
            .give(&request(RequestType::Get, message_id, &["t"]))
            .pop()
        {
            Some(Output::Request { id, .. }) => bench.respond(id, &CHANGED, false),
            Some(Output::Send { bytes, .. }) => wire::read(&bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        if code(&answer) == "4.29" {
            assert_eq!(wire::uint_option(&answer, CoapOption::MaxAge), Some(WAIT_S));
            refused.push(message_id);
        }
    }
    assert_eq!(refused, Vec::from_iter(burst..burst + 100));
    // Others are not touched, and neither is who has waited.
    let other = request(RequestType::Get, 1, &["t"]);
    assert!(matches!(
        bench.give_from(8, &other).as_slice(),
        [Output::Request { .. }]
    ));
    bench.now += Duration::from_secs(WAIT_S.into());
    bench.ask(&request(RequestType::Get, 9_999, &["t"]));
}

#[test]
fn an_unverified_source_never_gets_more_than_three_times_what_it_sent() {
    let mut dice = Dice::new(3);
    let mut bench = Bench::new(Limits::UNVERIFIED);
    let large = Response::with(ResponseType::Content, wire::CBOR, vec![1; 3000].into());
    for message_id in 0..2000u16 {
        let method = [RequestType::Get, RequestType::Post][usize::from(message_id) % 2];
        let segment = "x".repeat((dice.roll() % 200) as usize + 1);
        let path: &[&str] = if dice.roll().is_multiple_of(3) {
            &[]
        } else {
            &[&segment]
        };
        let mut ask = request(method, message_id, path);
        ask.set_token(vec![1; (dice.roll() % 9) as usize]);
        ask.add_option(CoapOption::Observe, vec![]);
        if dice.roll().is_multiple_of(2) {
            let exponent = (dice.roll() % 7) as u8;
            ask.add_option(CoapOption::Block2, block(0, false, exponent).write());
        }
        let sent = wire::write(&ask).unwrap().len();
        let mut got = 0;
        for output in bench.give(&ask) {
            match output {
                Output::Request { id, request, .. } => {
                    assert!(!request.observe);
                    let now = bench.now;
                    assert_eq!(bench.endpoint.respond(id, &large, true, now), None);
                }
                Output::Send { bytes, .. } => got += bytes.len(),
                Output::Refresh(_) | Output::Ended(_) => {}
            }
        }
        for output in bench.pass(Duration::from_secs(1)) {
            if let Output::Send { bytes, .. } = output {
                got += bytes.len();
            }
        }
        assert!(got <= sent * AMPLIFICATION, "{got} bytes for {sent}");
        assert!(got > 0);
    }
}
