//! The doors' certificate is renewed while things are connected, and nobody loses a connection.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use device_sdk::coap::{Client, Request, Settings, Timing};
use gateway::house::{random, server_names};
use issuer::{SERVER_LIFE_S, SERVER_RENEWAL_S};
use tests::house::{House, block_on, now};
use tests::program::{Running, onecode, run};
use tests::thing::Thing;

/// So long the certificate is not due yet: both things connect meanwhile.
const LEFT_S: u32 = 15;
const RENEWED_WITHIN: Duration = Duration::from_secs(60);
const JSON: u16 = 50;

/// The certificate that a door shows to this thing, PEM.
fn shown(thing: &Thing, door: &str, how: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", door]).args(how);
    command.arg("-cert").arg(thing.certificate());
    command.arg("-key").arg(thing.key());
    let said = run(command.stdin(Stdio::null())).text;
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let from = said.find(begin).unwrap_or_else(|| panic!("{said}"));
    let len = said[from..].find(end).expect("a whole certificate");
    said[from..from + len].to_owned()
}

/// A certificate that is due so soon, as if it had been made long ago.
fn due_soon(house: &House) {
    let config = house.config();
    house.inside(async |inside| {
        let folder = inside.folder.authorities();
        fs::remove_file(folder.join("server.pem")).unwrap();
        let names = server_names(&config).unwrap();
        let at = now()
            .plus_s(LEFT_S + SERVER_RENEWAL_S)
            .minus_s(SERVER_LIFE_S);
        let made = inside.authorities.server(&folder, &names, at, &mut random);
        made.unwrap();
    });
}

fn opened(house: &House) -> [u64; 2] {
    ["onecode_mqtt_opened", "onecode_coap_opened"].map(|name| house.metric(name, ""))
}

#[test]
fn the_doors_certificate_is_renewed_and_who_is_connected_stays_so() {
    let mut house = House::start();
    let [listener, meter] = ["listener", "meter"].map(|name| Thing::enrol(&house, name));
    house.kill();
    due_soon(&house);
    house.restart();
    let (mqtt, coaps) = (house.doors().mqtt.to_string(), house.doors().coaps);
    let doors = [
        (mqtt.clone(), vec![]),
        (coaps.to_string(), vec!["-dtls1_2"]),
    ];
    let show = || doors.each_ref().map(|(door, how)| shown(&meter, door, how));
    let before = show();
    assert_eq!(before[0], before[1]);

    // One listens over MQTT, and ends by itself when it has heard enough: the first event and four
    // of the later ones, or less and what its inbox had.
    let mut command = Command::new(onecode());
    command.args(["device", "sub", "e/#", "--count", "5", "--folder"]);
    command.arg(listener.folder()).args(["--mqtt", &mqtt]);
    let listening = Running::start(&mut command);
    let client = |thing: &Thing| {
        let identity = thing.identity().dtls(&coaps.ip().to_string()).unwrap();
        Client::new(Settings {
            gateway: coaps,
            identity: Some(identity),
            timing: Timing::NEARBY,
        })
        .unwrap()
    };
    let deadline = Instant::now() + RENEWED_WITHIN;
    block_on(async {
        let (meter, speaker) = (client(&meter), client(&listener));
        let posts = async |client: &Client, path: &str| {
            let request = Request::post(path, JSON, b"{}".to_vec());
            client.request(request).await.unwrap().code
        };
        while house.metric("onecode_mqtt_sessions", "") == 0 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (own, event) = ("oc/1/me/t/kwh", listener.topic("e/door"));
        assert_eq!(posts(&meter, own).await.to_string(), "2.04");
        assert_eq!(posts(&speaker, &event).await.to_string(), "2.04");
        while !house.log().contains("new server certificate") {
            assert!(Instant::now() < deadline, "{}", house.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let open = opened(&house);
        assert_eq!(posts(&meter, own).await.to_string(), "2.04");
        for _ in 0..4 {
            assert_eq!(posts(&speaker, &event).await.to_string(), "2.04");
        }
        assert_eq!(opened(&house), open, "nobody came in anew");
    });
    let heard = listening.wait().succeeded();
    assert!(heard.matches("e/door").count() > 1, "{heard}");
    let after = show();
    assert_eq!(after[0], after[1]);
    assert_ne!(after, before);
    // Newcomers meet it, with the authorities they have always trusted.
    for via in ["mqtt", "coap"] {
        let mut command = Command::new(onecode());
        command.args(["device", "pub", "--via", via, "t/kwh", "{}", "--folder"]);
        command.arg(meter.folder()).args(["--mqtt", &mqtt]);
        run(command.args(["--coaps", &coaps.to_string()])).succeeded();
    }
}
