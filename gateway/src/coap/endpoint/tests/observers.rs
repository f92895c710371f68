//! Who is told of changes, how, and for how long.

use super::*;

fn sequence(packet: &Packet) -> Option<u32> {
    wire::uint_option(packet, CoapOption::Observe)
}

#[test]
fn observers_are_told_in_order_until_they_reset() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, request) = bench.ask(&observe(1, "t"));
    assert!(request.observe);
    let now = bench.now;
    let observation = bench
        .endpoint
        .respond(id, &content(b"0"), true, now)
        .unwrap();
    let first = one_message(bench.outputs());
    let mut last = sequence(&first).unwrap();
    for _ in 0..5 {
        bench.endpoint.notify(observation, content(b"1"), now);
        let notice = one_message(bench.outputs());
        assert_eq!(notice.header.get_type(), MessageType::NonConfirmable);
        assert_eq!(notice.get_token(), first.get_token());
        assert!(sequence(&notice).unwrap() > last);
        last = sequence(&notice).unwrap();
        let reset = wire::empty(MessageType::Reset, notice.header.message_id);
        if last == 6 {
            bench.endpoint.receive(PEER, &reset, now);
        }
    }
    assert_eq!(bench.outputs(), [Output::Ended(observation)]);
    bench.endpoint.notify(observation, content(b"2"), now);
    assert_eq!(bench.outputs(), []);
}

#[test]
fn a_confirmable_notification_is_repeated_and_the_newest_state_follows() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&observe(1, "t"));
    let now = bench.now;
    let observation = bench
        .endpoint
        .respond(id, &content(b"0"), true, now)
        .unwrap();
    bench.outputs();
    let mut reliable = content(b"1");
    reliable.reliable = true;
    bench.endpoint.notify(observation, reliable, now);
    let notice = one_message(bench.outputs());
    assert_eq!(notice.header.get_type(), MessageType::Confirmable);
    bench.endpoint.notify(observation, content(b"2"), now);
    bench.endpoint.notify(observation, content(b"3"), now);
    assert_eq!(bench.outputs(), []);
    assert_eq!(one_message(bench.pass(Duration::from_secs(4))), notice);
    let message_id = notice.header.message_id;
    bench.endpoint.receive(
        PEER,
        &wire::empty(MessageType::Acknowledgement, message_id),
        bench.now,
    );
    assert_eq!(one_message(bench.outputs()).payload, b"3");
}

#[test]
fn what_an_observer_holds_is_told_again_before_it_is_stale() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&observe(1, "t"));
    let now = bench.now;
    let observation = bench.endpoint.respond(id, &content(b"0"), true, now);
    let first = one_message(bench.outputs());
    let fresh_s = wire::uint_option(&first, CoapOption::MaxAge).unwrap();
    assert_eq!(fresh_s, OBSERVED_FRESH_S);
    assert!(REFRESH_AFTER < Duration::from_secs(fresh_s.into()));
    assert_eq!(bench.pass(REFRESH_AFTER - Duration::from_secs(1)), []);
    let refresh = observation.map(Output::Refresh).unwrap();
    assert_eq!(bench.pass(Duration::from_secs(1)), [refresh]);
    assert_eq!(bench.pass(Duration::from_secs(1)), []);
    let mut same = content(b"0");
    same.reliable = true;
    let now = bench.now;
    bench.endpoint.notify(observation.unwrap(), same, now);
    let again = one_message(bench.outputs());
    assert_eq!(again.header.get_type(), MessageType::Confirmable);
    assert_eq!(
        (again.payload.as_slice(), sequence(&again)),
        (&b"0"[..], Some(2))
    );
}

#[test]
fn an_observer_that_never_acknowledges_is_given_up() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&observe(1, "t"));
    let now = bench.now;
    let observation = bench
        .endpoint
        .respond(id, &content(b"0"), true, now)
        .unwrap();
    bench.outputs();
    let mut reliable = content(b"1");
    reliable.reliable = true;
    bench.endpoint.notify(observation, reliable, now);
    bench.outputs();
    let mut sent = 0;
    for _ in 0..1000 {
        match bench.pass(Duration::from_secs(1)).as_slice() {
            [] => {}
            [Output::Send { .. }] => sent += 1,
            [Output::Ended(ended)] => {
                assert_eq!(*ended, observation);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, RETRANSMIT_MAX);
}

#[test]
fn deregistering_and_errors_end_an_observation() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&observe(1, "t"));
    let now = bench.now;
    let first = bench
        .endpoint
        .respond(id, &content(b"0"), true, now)
        .unwrap();
    bench.outputs();
    let mut away = request(RequestType::Get, 2, &["t"]);
    away.set_token(1u16.to_be_bytes().to_vec());
    away.add_option(CoapOption::Observe, vec![1]);
    let outputs = bench.give(&away);
    assert!(
        matches!(outputs.as_slice(), [Output::Ended(id), Output::Request { .. }] if *id == first)
    );
    let (id, _) = bench.ask(&observe(3, "t"));
    let second = bench
        .endpoint
        .respond(id, &content(b"0"), true, now)
        .unwrap();
    bench.outputs();
    let gone = Response::bare(ResponseType::NotFound);
    bench.endpoint.notify(second, gone, now);
    let outputs = bench.outputs();
    assert!(
        matches!(outputs.as_slice(), [Output::Send { .. }, Output::Ended(id)] if *id == second)
    );
}

#[test]
fn observations_and_requests_in_work_are_bounded_per_peer() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut kept = 0;
    for message_id in 0..100 {
        let (id, _) = bench.ask(&observe(message_id, "t"));
        let now = bench.now;
        kept += usize::from(
            bench
                .endpoint
                .respond(id, &content(b"0"), true, now)
                .is_some(),
        );
        let answer = one_message(bench.outputs());
        assert_eq!(sequence(&answer).is_some(), kept > usize::from(message_id));
    }
    assert_eq!(kept, OBSERVATIONS_PER_PEER);
    for message_id in 1000..1000 + WORKING_PER_PEER as u16 {
        bench.ask(&request(RequestType::Get, message_id, &["t"]));
    }
    let one_more = request(RequestType::Get, 2000, &["t"]);
    assert_eq!(code(&one_message(bench.give(&one_more))), "4.29");
    bench.endpoint.forget(PEER);
    let ended = bench.outputs();
    assert_eq!(ended.len(), OBSERVATIONS_PER_PEER);
    bench.ask(&request(RequestType::Get, 2001, &["t"]));
}

#[test]
fn observations_of_all_peers_together_are_bounded_and_make_room_when_they_end() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let begin = |bench: &mut Bench, peer: u32, message_id| {
        let outputs = bench.give_from(peer, &observe(message_id, "t"));
        let [Output::Request { id, .. }] = outputs.as_slice() else {
            panic!("{outputs:?}");
        };
        let (id, now) = (*id, bench.now);
        let observation = bench.endpoint.respond(id, &content(b"0"), true, now);
        bench.outputs();
        observation
    };
    for peer in 0..(OBSERVATIONS_MAX / OBSERVATIONS_PER_PEER) as u32 {
        for message_id in 0..OBSERVATIONS_PER_PEER as u16 {
            assert!(begin(&mut bench, peer, message_id).is_some());
        }
    }
    assert_eq!(begin(&mut bench, 9_999_999, 1), None);
    bench.endpoint.forget(0);
    bench.outputs();
    assert!(begin(&mut bench, 9_999_999, 2).is_some());
}
