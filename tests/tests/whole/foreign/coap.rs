//! libcoap's `coap-client-openssl` and `coap-client-notls` at the CoAP doors.

use std::process::Command;

use protocol::Status;
use protocol::message::Message;
use tests::house::{House, now};
use tests::program::{Ended, run};
use tests::thing::Thing;

/// A request over DTLS with the certificate of `thing`.
pub fn secure(house: &House, thing: &Thing, options: &[&str], path: &str) -> Ended {
    run(Command::new("coap-client-openssl")
        .args(["-B", "10"])
        .arg("-c")
        .arg(thing.certificate())
        .arg("-j")
        .arg(thing.key())
        .arg("-R")
        .arg(house.trusted())
        .args(options)
        .arg(format!("coaps://{}/{path}", house.doors().coaps)))
}

/// A request at the plain door.
fn plain(house: &House, options: &[&str], path: &str) -> Ended {
    run(Command::new("coap-client-notls")
        .args(["-B", "10"])
        .args(options)
        .arg(format!("coap://{}/{path}", house.doors().coap)))
}

#[test]
fn own_topics_pass_over_dtls() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let value = "{\"temperature\":25}";
    let put = ["-m", "put", "-t", "50", "-e", value];
    let said = secure(&house, &thing, &put, &thing.topic("t/temperature")).succeeded();
    assert!(!said.contains("4."), "{said}");
    let said = secure(
        &house,
        &thing,
        &["-m", "get"],
        &thing.topic("t/temperature"),
    )
    .succeeded();
    assert_eq!(said.trim(), value);
    let said = secure(&house, &thing, &["-m", "get"], "oc/1/me/t/temperature").succeeded();
    assert_eq!(said.trim(), value, "me is the caller's own code");
}

#[test]
fn a_large_value_travels_in_blocks() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let file = house.folder().join("large.json");
    let value = format!("[{}0]", "1,".repeat(5_000));
    std::fs::write(&file, &value).unwrap();
    for size in ["1024", "64"] {
        let put = [
            "-m",
            "put",
            "-t",
            "50",
            "-b",
            size,
            "-f",
            file.to_str().unwrap(),
        ];
        let said = secure(&house, &thing, &put, &thing.topic("t/log")).succeeded();
        assert!(!said.contains("4."), "{said}");
        let said = secure(
            &house,
            &thing,
            &["-m", "get", "-b", size],
            &thing.topic("t/log"),
        )
        .succeeded();
        assert_eq!(said.trim().len(), value.len(), "in blocks of {size}");
        assert_eq!(said.trim(), value);
    }
}

#[test]
fn foreign_topics_are_refused_over_dtls() {
    let house = House::start();
    let (thief, victim) = (
        Thing::enrol(&house, "thief"),
        Thing::enrol(&house, "victim"),
    );
    let put = ["-m", "put", "-t", "50", "-e", "{\"door\":\"open\"}"];
    for path in [
        victim.topic("twin/reported"),
        thief.topic("twin/desired"),
        thief.topic("c/open"),
    ] {
        let said = secure(&house, &thief, &put, &path).text;
        assert!(said.contains("4.03"), "{path}: {said}");
    }
    let said = secure(&house, &thief, &["-m", "get"], &victim.topic("w/in")).text;
    assert!(said.contains("4.03"), "{said}");
    let said = secure(
        &house,
        &victim,
        &["-m", "get"],
        &victim.topic("twin/reported"),
    )
    .text;
    assert!(said.contains("4.04"), "nothing was kept: {said}");
}

#[test]
fn nobody_comes_in_without_a_certificate() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let path = thing.topic("t/temperature");
    let put = ["-m", "put", "-t", "50", "-e", "1"];
    let nameless = run(Command::new("coap-client-openssl")
        .args(["-B", "5", "-R"])
        .arg(house.trusted())
        .args(put)
        .arg(format!("coaps://{}/{path}", house.doors().coaps)));
    assert!(!nameless.text.contains("2.04"), "{nameless:?}");
    let said = secure(&house, &thing, &["-m", "get"], &path).text;
    assert!(said.contains("4.04"), "nothing was kept: {said}");
    assert!(
        house.metric("onecode_coap", "handshake_failed") >= 1,
        "not counted"
    );
}

#[test]
fn a_signed_wallet_object_passes_the_plain_door_and_nothing_else_does() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    house.load(thing.code(), 1_000_000);
    let (request, answer) = (
        house.folder().join("renewal.cbor"),
        house.folder().join("grant.cbor"),
    );
    std::fs::write(&request, thing.signatory().renewal(500_000, now())).unwrap();
    let path = thing.topic("w/out/gateway");
    let post = [
        "-m",
        "post",
        "-t",
        "60",
        "-f",
        request.to_str().unwrap(),
        "-o",
        answer.to_str().unwrap(),
    ];
    plain(&house, &post, &path).succeeded();
    let grant = std::fs::read(&answer).unwrap();
    assert!(
        matches!(Message::read(&grant), Ok(Message::Grant { .. })),
        "{grant:02x?}"
    );

    std::fs::write(&request, b"pay me").unwrap();
    std::fs::remove_file(&answer).unwrap();
    let said = plain(&house, &post, &path);
    let refusal = std::fs::read(&answer).unwrap_or_default();
    assert!(
        said.text.contains("4.00")
            || matches!(
                Message::read(&refusal),
                Ok(Message::Refusal {
                    status: Status::Malformed,
                    ..
                })
            ),
        "{said:?} {refusal:02x?}"
    );

    for (method, path) in [
        ("get", thing.topic("w/in")),
        ("put", thing.topic("s")),
        ("post", thing.topic("t/x")),
    ] {
        let said = plain(&house, &["-m", method, "-t", "50", "-e", "1"], &path).text;
        assert!(said.contains("4.01"), "{method} {path}: {said}");
    }
}

#[test]
fn discovery_answers_anybody() {
    let house = House::start();
    let said = plain(&house, &["-m", "get", "-w"], ".well-known/core").succeeded();
    assert!(said.contains("</oc/1"), "{said}");
}
