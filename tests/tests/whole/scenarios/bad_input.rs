//! What must be refused, each with its precise status, a count, and nothing changed.

use device_sdk::coap::{AnswerCode, Request};
use protocol::code::{IssuedBy, Kind};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::{Code, Odometer, Status};
use serde_json::json;
use tests::by_hand::{Signatory, USD, amount, message};
use tests::house::{House, now};
use tests::program::{onecode, run};
use tests::thing::Thing;

/// A house with a payer that holds an allowance, and a payee.
struct Stage {
    house: House,
    car: Thing,
    charger: Thing,
    allowance: Vec<u8>,
}

const LOADED: u64 = 10_000_000;
const ALLOWED: u64 = 4_000_000;

impl Stage {
    fn set() -> Self {
        let house = House::start();
        let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
        house.load(car.code(), LOADED);
        let renewal = car.signatory().renewal(ALLOWED, now());
        let answer = house.wallet(car.code(), &renewal).payload;
        let Ok(Message::Grant { allowance }) = Message::read(&answer) else {
            panic!("no grant: {answer:02x?}")
        };
        let allowance = allowance.to_vec();
        Self {
            house,
            car,
            charger,
            allowance,
        }
    }

    fn payment(&self, minor: u64) -> Payment {
        self.car
            .signatory()
            .first_payment(&self.allowance, self.charger.code(), minor)
    }

    fn evidence(&self, payment: &Payment) -> Vec<u8> {
        self.car.signatory().evidence(&self.allowance, payment)
    }
}

/// A well-formed code that nobody has issued.
fn nobody() -> Signatory {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Signatory {
        code: Code::derive(Kind::Device, by, 4_242, b"a key that never asked").unwrap(),
        key: SoftwareKey::ed25519(&[42; 32]),
        network: protocol::Network::new("test").unwrap(),
    }
}

#[test]
fn every_bad_wallet_message_gets_its_status_and_changes_nothing() {
    let stage = Stage::set();
    let good = stage.payment(1_000);
    let with = |change: fn(&mut Payment)| {
        let mut payment = good;
        change(&mut payment);
        stage.evidence(&payment)
    };
    let mut forged = stage.car.signatory().sign(&good);
    *forged.last_mut().unwrap() ^= 1;
    let stranger = nobody();
    let thief = Signatory {
        code: stage.car.code(),
        ..nobody()
    };

    // what is wrong | message | status | CoAP answer
    let cases: Vec<(&str, Vec<u8>, Status, &str)> = vec![
        ("no CBOR", b"pay me".to_vec(), Status::Malformed, "4.00"),
        ("nothing at all", vec![], Status::Malformed, "4.00"),
        (
            "one byte too many",
            [stage.evidence(&good), vec![0]].concat(),
            Status::Malformed,
            "4.00",
        ),
        (
            "cut off",
            stage.evidence(&good)[..200].to_vec(),
            Status::Malformed,
            "4.00",
        ),
        (
            "a bit of the signature flipped",
            message(&Message::Evidence {
                allowance: &stage.allowance,
                payment: &forged,
            }),
            Status::BadSignature,
            "4.00",
        ),
        (
            "signed by another key",
            thief.evidence(&stage.allowance, &good),
            Status::BadSignature,
            "4.00",
        ),
        (
            "renewal of an unknown code",
            stranger.renewal(5, now()),
            Status::UnknownCode,
            "4.04",
        ),
        (
            "payment to an unknown code",
            {
                let mut payment = good;
                payment.payee = stranger.code;
                stage.evidence(&payment)
            },
            Status::UnknownCode,
            "4.04",
        ),
        (
            "above the allowance",
            stage.evidence(&stage.payment(ALLOWED + 1)),
            Status::AboveLimit,
            "4.22",
        ),
        (
            "odometer below the allowance's base",
            with(|payment| payment.odometer = Odometer::new(999).unwrap()),
            Status::OutOfInterval,
            "4.22",
        ),
        (
            "number out of the allowance's range",
            with(|payment| payment.sequence.0 = 1_000_000),
            Status::OutOfSequence,
            "4.22",
        ),
        (
            "settled later than the allowance lives",
            with(|payment| payment.settle_by = payment.settle_by.plus_s(1)),
            Status::TooLate,
            "4.22",
        ),
        (
            "an allowance that is another one",
            with(|payment| payment.allowance.0[0] ^= 1),
            Status::WrongAllowance,
            "4.22",
        ),
        (
            "of nothing",
            with(|payment| payment.amount = amount(0)),
            Status::Malformed,
            "4.00",
        ),
        (
            "a refusal, which nobody asked for",
            message(&Message::refusal(Status::Busy, None)),
            Status::NotForYou,
            "4.03",
        ),
    ];
    for (wrong, bytes, status, coap) in cases {
        let before = stage.house.books();
        let label = format!("status=\"{}\"", status.word());
        let counted = stage.house.metric("onecode_wallet_refused", &label);
        let answer = stage.house.wallet(stage.car.code(), &bytes);
        let said = Message::read(&answer.payload);
        assert!(
            matches!(said, Ok(Message::Refusal { status: said, .. }) if said == status),
            "{wrong}: {said:?} instead of {status}"
        );
        assert_eq!(answer.code.to_string(), coap, "{wrong}");
        assert_eq!(
            stage.house.metric("onecode_wallet_refused", &label),
            counted + 1,
            "{wrong}: not counted"
        );
        assert_eq!(stage.house.books(), before, "{wrong}: the books changed");
    }
    // The same stage takes what is right, so nothing above was refused for another reason.
    let answer = stage.house.wallet(stage.car.code(), &stage.evidence(&good));
    assert!(
        matches!(
            Message::read(&answer.payload),
            Ok(Message::Statement { .. })
        ),
        "{answer:?}"
    );
}

#[test]
fn a_repeated_request_gets_the_same_bytes_and_changes_nothing() {
    let stage = Stage::set();
    let (car, house) = (&stage.car, &stage.house);
    let evidence = stage.evidence(&stage.payment(1_000));
    let first = house.wallet(car.code(), &evidence);
    let after_first = house.books();
    assert_eq!(after_first["sums"][0]["in_transit"], 1_000);
    for _ in 0..3 {
        assert_eq!(house.wallet(car.code(), &evidence).payload, first.payload);
    }
    assert_eq!(house.books(), after_first);

    let payment = car.signatory().sign(&stage.payment(1_000));
    let claim = stage
        .charger
        .signatory()
        .claim(&stage.allowance, &payment, now());
    let settled = house.wallet(stage.charger.code(), &claim);
    let after_claim = house.books();
    assert_eq!(after_claim["sums"][0]["in_transit"], 0);
    for _ in 0..3 {
        assert_eq!(
            house.wallet(stage.charger.code(), &claim).payload,
            settled.payload
        );
        assert_eq!(house.wallet(car.code(), &evidence).payload, first.payload);
    }
    assert_eq!(house.books(), after_claim);
}

#[test]
fn a_load_with_the_same_key_moves_money_once() {
    let stage = Stage::set();
    let before = stage.house.books();
    stage.house.load(stage.car.code(), LOADED);
    assert_eq!(stage.house.books(), before);
}

#[test]
fn a_foreign_topic_is_refused_at_the_secure_door() {
    let stage = Stage::set();
    let (car, charger) = (&stage.car, &stage.charger);
    let before = stage.house.books();
    let evidence = stage.evidence(&stage.payment(1_000));
    let put = |topic: String| Request::put(&topic, 50, b"{\"temperature\":25}".to_vec());
    for (request, answer) in [
        (put(car.topic("t/temperature")), "2.04"),
        (put(charger.topic("t/temperature")), "4.03"),
        (put(car.topic("c/open")), "4.03"),
        (put(car.topic("w/in")), "4.03"),
        (put(car.topic("twin/desired")), "4.03"),
        (Request::get(&charger.topic("t/temperature")), "4.03"),
        (Request::get(&charger.topic("w/in")), "4.03"),
        (
            Request::post(
                &charger.topic(&format!("w/out/{}", car.code())),
                60,
                evidence,
            ),
            "4.03",
        ),
        (put(car.topic("nowhere")), "4.04"),
    ] {
        let what = format!("{:?} {:?}", request.method, request.path);
        assert_eq!(
            stage.house.coaps(car, request).code.to_string(),
            answer,
            "{what}"
        );
    }
    assert_eq!(stage.house.books(), before);
    let kept = stage
        .house
        .coaps(car, Request::get(&car.topic("t/temperature")));
    assert_eq!(kept.payload, b"{\"temperature\":25}");
}

#[test]
fn the_plain_door_knows_nobody_by_name() {
    let stage = Stage::set();
    for request in [
        Request::get(&stage.car.topic("w/in")),
        Request::get(&stage.car.topic("s")),
        Request::put(&stage.car.topic("s"), 50, b"on".to_vec()),
        Request::post(&stage.car.topic("t/temperature"), 50, b"25".to_vec()),
    ] {
        let what = format!("{:?} {:?}", request.method, request.path);
        assert_eq!(stage.house.coap(request).code, AnswerCode(0x81), "{what}");
    }
}

#[test]
fn a_code_with_one_wrong_symbol_is_caught_wherever_it_is_typed() {
    let stage = Stage::set();
    let before = stage.house.books();
    let right = stage.charger.code().to_string();
    let last = if right.ends_with('7') { '8' } else { '7' };
    let wrong = format!("{}{last}", &right[..right.len() - 1]);
    assert!(wrong.parse::<Code>().is_err());

    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let page = |code: &str| {
        let answer = agent
            .get(stage.house.url(&format!("/1/{code}")))
            .call()
            .unwrap();
        answer.status().as_u16()
    };
    assert_eq!(page(&right), 200);
    assert!(
        (400..500).contains(&page(&wrong)),
        "the public page: {}",
        page(&wrong)
    );

    let load = json!({"code": wrong, "currency": "USD", "amount_minor": 5, "key": "typed"});
    let (status, said) = stage.house.api("/api/v1/loads", Some(&load));
    assert!((400..500).contains(&status), "a load: {status} {said}");

    let typed = run(std::process::Command::new(onecode())
        .args([
            "device",
            "pay",
            "--amount",
            "5",
            "--reference",
            "1",
            "--to",
            &wrong,
        ])
        .arg("--folder")
        .arg(stage.car.folder()))
    .failed();
    assert!(typed.contains("check"), "{typed}");

    let request = Request::post(&format!("oc/1/{wrong}/w/out/gateway"), 60, vec![0x80]);
    let answer = stage.house.coap(request).code;
    assert_eq!(answer.0 >> 5, 4, "the plain door: {answer}");
    assert_eq!(stage.house.books(), before);
}

#[test]
fn currencies_are_not_mixed() {
    let stage = Stage::set();
    let before = stage.house.books();
    let mut payment = stage.payment(1_000);
    payment.currency = protocol::Currency::new(1, *b"EUR").unwrap();
    assert_ne!(payment.currency, USD);
    let answer = stage
        .house
        .wallet(stage.car.code(), &stage.evidence(&payment));
    let said = Message::read(&answer.payload).unwrap();
    assert!(
        matches!(
            said,
            Message::Refusal {
                status: Status::WrongAllowance,
                ..
            }
        ),
        "{said:?}"
    );
    assert_eq!(stage.house.books(), before);
}
