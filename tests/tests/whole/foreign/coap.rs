//! libcoap's `coap-client-openssl`, `coap-client-gnutls` and `coap-client-notls`, and aiocoap, at the
//! CoAP doors.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use protocol::Status;
use protocol::message::Message;
use serde_json::json;
use tests::house::{House, now};
use tests::program::{Ended, Running, run};
use tests::thing::Thing;

/// A request over DTLS with the certificate of `thing`.
pub fn secure(house: &House, thing: &Thing, options: &[&str], path: &str) -> Ended {
    secure_with("coap-client-openssl", house, thing, options, path)
}

/// Both of libcoap's clients that know DTLS.
const SECURE: [&str; 2] = ["coap-client-openssl", "coap-client-gnutls"];

fn secure_with(client: &str, house: &House, thing: &Thing, options: &[&str], path: &str) -> Ended {
    run(Command::new(client)
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
    for (client, value) in SECURE
        .into_iter()
        .zip(["{\"temperature\":25}", "{\"temperature\":26}"])
    {
        let ask = |options: &[&str], path: &str| {
            let said = secure_with(client, &house, &thing, options, path).succeeded();
            said.trim().to_owned()
        };
        let own = thing.topic("t/temperature");
        assert_eq!(ask(&["-m", "put", "-t", "50", "-e", value], &own), "");
        assert_eq!(ask(&["-m", "get"], &own), value);
        let me = "oc/1/me/t/temperature";
        assert_eq!(
            ask(&["-m", "get"], me),
            value,
            "me is the caller's own code"
        );
        let number = value.trim_start_matches("{\"temperature\":");
        let senml = format!("\"n\":\"temperature\",\"v\":{number}]");
        assert!(ask(&["-m", "get", "-A", "110"], me).ends_with(&senml));
        assert!(ask(&["-m", "get", "-A", "60"], me).contains("4.06"));
        assert_eq!(
            ask(&["-m", "post", "-e", value], &thing.topic("e/door")),
            ""
        );
        assert!(ask(&["-m", "get"], &thing.topic("e/door")).contains("4.04"));
    }
}

#[test]
fn a_large_value_travels_in_blocks() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let file = house.folder().join("large.json");
    let value = format!("[{}0]", "1,".repeat(50_000));
    assert!(value.len() > 100_000);
    std::fs::write(&file, &value).unwrap();
    for (client, size) in SECURE.into_iter().zip(["1024", "256"]) {
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
        let path = thing.topic("t/log");
        let said = secure_with(client, &house, &thing, &put, &path).succeeded();
        assert_eq!(said.trim(), "");
        let get = ["-m", "get", "-b", size];
        let said = secure_with(client, &house, &thing, &get, &path).succeeded();
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

#[test]
fn observers_hear_of_changes_with_either_library() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let path = thing.topic("s");
    for client in SECURE {
        let observing = Running::start(
            Command::new(client)
                .args(["-B", "8", "-s", "4", "-w", "-c"])
                .arg(thing.certificate())
                .arg("-j")
                .arg(thing.key())
                .arg("-R")
                .arg(house.trusted())
                .arg(format!("coaps://{}/{path}", house.doors().coaps)),
        );
        std::thread::sleep(Duration::from_secs(1));
        for state in ["first", "second", "third"] {
            secure(&house, &thing, &["-m", "put", "-e", state], &path).succeeded();
        }
        let said = observing.wait().succeeded();
        for state in ["first", "second", "third"] {
            assert!(said.contains(state), "{client}: {said}");
        }
    }
}

#[test]
fn the_plain_door_asks_libcoap_to_show_where_it_is() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let post = ["-v", "7", "-m", "post", "-t", "60", "-e", "no message"];
    let said = plain(&house, &post, &thing.topic("w/out/gateway")).text;
    let (doubted, read) = (said.find("4.01"), said.find("4.00"));
    assert!(doubted.is_some() && doubted < read, "{said}");
}

#[test]
fn a_certificate_is_had_again_by_est_over_coap() {
    let house = House::start();
    let (thing, part) = (
        Thing::enrol(&house, "machine"),
        Thing::enrol(&house, "part"),
    );
    let file = |name: &str| house.folder().join(name);
    let request = |of: &Thing| {
        let network = of.identity().trust.network;
        of.identity().keys.request(&network).unwrap()
    };
    std::fs::write(file("own.der"), request(&thing)).unwrap();
    let post = |name: &str, options: &[&str], body: &Path, out: &Path| {
        let (body, out) = (body.to_str().unwrap(), out.to_str().unwrap());
        let options = [&["-m", "post", "-f", body, "-o", out], options].concat();
        secure(&house, &thing, &options, &format!(".well-known/est/{name}")).text
    };
    let single = file("single.der");
    for name in ["sren", "sen"] {
        let said = post(name, &["-t", "286", "-A", "287"], &file("own.der"), &single);
        assert!(!said.contains("4."), "{name}: {said}");
        assert_eq!(in_pem(&single), own_certificate(&thing), "{name}");
    }
    let bundle = file("bundle.der");
    post("sren", &["-t", "286"], &file("own.der"), &bundle);
    assert_eq!(printed(&bundle), printed_pem(&thing.certificate()));
    let said = post("sren", &["-t", "50"], &file("own.der"), &single);
    assert!(said.contains("4.15"), "{said}");

    // Another thing's keys are not renewed here, and one without a code waits for a person.
    std::fs::write(file("part.der"), request(&part)).unwrap();
    let said = post("sren", &["-t", "286"], &file("part.der"), &single);
    assert!(said.contains("4.03"), "{said}");
    let said = post("sen", &["-t", "286"], &file("part.der"), &single);
    assert!(said.contains("5.03"), "{said}");
    let (_, waiting) = house.api("/api/v1/pending", None);
    assert!(
        waiting.to_string().contains(&thing.code().to_string()),
        "{waiting}"
    );

    let get = ["-m", "get", "-o", bundle.to_str().unwrap()];
    secure(&house, &thing, &get, ".well-known/est/crts").succeeded();
    let subjects = printed(&bundle);
    assert_eq!(subjects.matches("subject=").count(), 3, "{subjects}");
    let said = plain(&house, &["-m", "get"], ".well-known/est/crts").text;
    assert!(said.contains("4.01"), "{said}");
}

/// One certificate in DER as openssl writes it in PEM.
fn in_pem(der: &Path) -> String {
    let said = run(Command::new("openssl")
        .args(["x509", "-inform", "DER", "-in"])
        .arg(der));
    said.succeeded()
}

/// The first certificate of a thing's file.
fn own_certificate(thing: &Thing) -> String {
    let said = run(Command::new("openssl")
        .args(["x509", "-in"])
        .arg(thing.certificate()));
    said.succeeded()
}

/// Subjects and issuers of a message that carries certificates only.
fn printed(bundle: &Path) -> String {
    let pem = bundle.with_extension("pem");
    let said = run(Command::new("openssl")
        .args(["pkcs7", "-inform", "DER", "-print_certs", "-out"])
        .arg(&pem)
        .arg("-in")
        .arg(bundle));
    said.succeeded();
    let text = std::fs::read_to_string(pem).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("subject=") || line.starts_with("issuer="));
    lines.collect::<Vec<_>>().join("\n")
}

/// The same of the first certificate in a file.
fn printed_pem(file: &Path) -> String {
    let said = run(Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-issuer", "-in"])
        .arg(file));
    said.succeeded().trim().to_owned()
}

/// Datagrams to this port go to the DTLS door as the thing; ended with the test.
fn way_in(house: &House, thing: &Thing) -> (Running, u16) {
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = port.local_addr().unwrap().port();
    let show = |path: PathBuf| path.to_str().unwrap().to_owned();
    let socat = Running::start(Command::new("socat").args([
        "-b4096".to_owned(),
        format!("UDP4-LISTEN:{port},bind=127.0.0.1"),
        format!(
            "OPENSSL-DTLS-CLIENT:{},commonname=localhost,cert={},key={},cafile={}",
            house.doors().coaps,
            show(thing.certificate()),
            show(thing.key()),
            show(house.trusted()),
        ),
    ]));
    (socat, port)
}

#[test]
fn aiocoap_gets_puts_posts_observes_and_registers() {
    let house = House::start();
    let (thing, other) = (Thing::enrol(&house, "hall"), Thing::enrol(&house, "attic"));
    let (_socat, port) = way_in(&house, &thing);
    let folder = std::env::var_os("ONECODE_PKILINT");
    let folder = folder.expect("`./test foreign` makes a Python with aiocoap and names it here");
    let said = run(Command::new(PathBuf::from(folder).join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/coap_things.py"))
        .arg(format!("127.0.0.1:{port}"))
        .arg(house.doors().coap.to_string())
        .args([thing.code().to_string(), other.code().to_string()]));
    let said = said.succeeded();
    assert_eq!(said.matches("ok - ").count(), 6, "{said}");
}

#[test]
fn commands_wait_on_a_list_until_they_are_answered() {
    let mut house = House::start();
    let (thing, other) = (Thing::enrol(&house, "door"), Thing::enrol(&house, "window"));
    let api = format!("/api/v1/codes/{}/commands", thing.code());
    for payload in ["open", "shut"] {
        let (status, told) = house.api(&api, Some(&json!({ "payload": payload })));
        assert_eq!(status, 200, "{told}");
    }
    house.kill();
    house.restart();
    let list = house.folder().join("list.cbor");
    let ask = |path: &str| {
        let _ = std::fs::remove_file(&list);
        secure(
            &house,
            &thing,
            &["-m", "get", "-o", list.to_str().unwrap()],
            path,
        );
        std::fs::read(&list).unwrap_or_default()
    };
    assert_eq!(ask("oc/1/me/c"), b"\x82\x82\x01Dopen\x82\x02Dshut");
    assert_eq!(ask("oc/1/me/c?after=1"), b"\x81\x82\x02Dshut");
    secure(&house, &thing, &["-m", "post", "-e", "done"], "oc/1/me/r/1").succeeded();
    let deadline = Instant::now() + Duration::from_secs(5);
    while ask("oc/1/me/c") != b"\x81\x82\x02Dshut" {
        assert!(
            Instant::now() < deadline,
            "the result takes its command off"
        );
    }
    let foreign = thing.topic("c");
    let said = secure(&house, &other, &["-m", "get"], &foreign).text;
    assert!(said.contains("4.03"), "{said}");

    let observing = Running::start(
        Command::new("coap-client-openssl")
            .args(["-B", "6", "-s", "3", "-c"])
            .arg(thing.certificate())
            .arg("-j")
            .arg(thing.key())
            .arg("-R")
            .arg(house.trusted())
            .arg(format!("coaps://{}/oc/1/me/c", house.doors().coaps)),
    );
    std::thread::sleep(Duration::from_secs(1));
    house.api(&api, Some(&json!({ "payload": "ring" })));
    let said = observing.wait().succeeded();
    assert!(said.contains("Dring"), "{said}");
}
