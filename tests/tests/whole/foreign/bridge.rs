//! A thing on MQTT pays a thing on CoAP, and no program of ours carries the bytes.

use device_sdk::coap::inbox::read_page;
use protocol::Status;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Statement;
use tests::house::{House, now};
use tests::program::run;
use tests::thing::Thing;

use super::coap::secure;
use super::hexadecimal;
use super::mqtt::{VERSIONS, as_thing};

#[test]
fn a_payment_crosses_from_mqtt_to_coap_and_its_statement_comes_back() {
    for version in VERSIONS {
        let house = House::start();
        let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
        house.load(car.code(), 1_000_000);
        let granted = house
            .wallet(car.code(), &car.signatory().renewal(500_000, now()))
            .payload;
        let Ok(Message::Grant { allowance }) = Message::read(&granted) else {
            panic!("no grant: {granted:02x?}")
        };
        let payment = car
            .signatory()
            .first_payment(allowance, charger.code(), 1_234);
        let evidence = car.signatory().evidence(allowance, &payment);

        let file = house.folder().join("message.cbor");
        std::fs::write(&file, &evidence).unwrap();
        let mut publisher = as_thing("mosquitto_pub", &house, version, &car);
        publisher
            .args(["-t", &car.topic(&format!("w/out/{}", charger.code())), "-f"])
            .arg(&file);
        run(&mut publisher).succeeded();
        assert_eq!(house.books()["sums"][0]["in_transit"], 1_234);

        let inbox = house.folder().join("inbox.cbor");
        let get = ["-m", "get", "-o", inbox.to_str().unwrap()];
        secure(&house, &charger, &get, "oc/1/me/w/in").succeeded();
        let page = read_page(&std::fs::read(&inbox).unwrap()).expect("a page of the inbox");
        // Behind it waits what the gateway has to tell whoever comes.
        let first = page.first().expect("an entry");
        assert_eq!(first, &(1, evidence), "the same bytes on both sides");

        let signed = car.signatory().sign(&payment);
        let claim = charger.signatory().claim(allowance, &signed, now());
        std::fs::write(&file, &claim).unwrap();
        let post = [
            "-m",
            "post",
            "-t",
            "60",
            "-f",
            file.to_str().unwrap(),
            "-o",
            inbox.to_str().unwrap(),
        ];
        secure(
            &house,
            &charger,
            &post,
            &format!("oc/1/me/w/out/{}", car.code()),
        )
        .succeeded();
        let statement = std::fs::read(&inbox).unwrap();
        assert_eq!(outcome(&charger, &statement), Status::Settled);

        let mut subscriber = as_thing("mosquitto_sub", &house, version, &car);
        // The gateway's time came when the car first spoke to it.
        subscriber.args(["-t", &car.topic("w/in"), "-C", "2", "-W", "20", "-F", "%x"]);
        let heard = run(&mut subscriber).succeeded();
        let last = heard.lines().last().expect("a message");
        assert_eq!(last.trim(), hexadecimal(&statement));
        assert_eq!(house.books()["sums"][0]["in_transit"], 0);
    }
}

fn outcome(reader: &Thing, message: &[u8]) -> Status {
    let Ok(Message::Statement { statement }) = Message::read(message) else {
        panic!("no statement: {message:02x?}")
    };
    let stated = open::<Statement>(statement, &reader.signatory().network).expect("a statement");
    u8::try_from(stated.peek().outcome)
        .ok()
        .and_then(Status::from_number)
        .expect("a status")
}
