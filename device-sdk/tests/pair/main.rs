//! A car and a charger with journals in files pay each other over UDP, with no gateway. Either may
//! be restarted at any time, and datagrams may be lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use device_sdk::journal_file::FileJournal;
use device_sdk::links::udp::{Answerer, Asker, Timing};
use device_sdk::purse::{Clock, Event, HandInCursor, OUT_MAX, Order, Purse, Settings};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{Allowance, Confirmation, Object, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Odometer, PublicKey,
    Reference, Sequence, Signer, Timestamp,
};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_795_348_800);
const PAYMENTS: u8 = 12;

type Device = Purse<SoftwareKey, FileJournal, 64, 8>;

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::ed25519(&[seed; 32])
}

fn code(kind: Kind, station: u16, sequence: u64) -> Code {
    Code::derive(
        kind,
        IssuedBy { issuer: 1, station },
        sequence,
        b"birth key",
    )
    .unwrap()
}

fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

fn sealed<T: Object>(object: &T, key: &SoftwareKey) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(object, &Network::new("test").unwrap(), key, &mut out).unwrap();
    out[..len].to_vec()
}

fn pass(issuer: Code, subject: Code, key: PublicKey, rights: Rights) -> Pass {
    let station = (subject.kind() == Kind::Gateway).then_some(1);
    Pass {
        issuer: Party(issuer),
        subject: Party(subject),
        expires: NOW.plus_s(1_000_000),
        issued: NOW,
        key: Confirmation(key),
        class: AssuranceClass::Software,
        rights,
        grace_s: None,
        station,
        first_sequence: station.map(|_| 1),
        last_sequence: station.map(|_| 99),
    }
}

/// What every thing of this network was given by its authorities.
struct Authorities {
    trust: Trust,
    issuer_pass: Vec<u8>,
    gateway_pass: Vec<u8>,
}

fn gateway() -> Code {
    code(Kind::Gateway, 0, 2)
}

impl Authorities {
    fn new() -> Self {
        let issuer = code(Kind::Issuer, 0, 1);
        let things = Rights::PAY.and(Rights::ACCEPT);
        let rights = things
            .and(Rights::SETTLE)
            .and(Rights::ISSUE_CODES)
            .and(Rights::ISSUE_MONEY);
        let root = code(Kind::Issuer, 0, 0);
        let issuer_pass = pass(root, issuer, key(2).public_key(), rights);
        let gateway_pass = pass(issuer, gateway(), key(3).public_key(), rights);
        Self {
            trust: Trust::new(Network::new("test").unwrap(), key(1).public_key()),
            issuer_pass: sealed(&issuer_pass, &key(1)),
            gateway_pass: sealed(&gateway_pass, &key(2)),
        }
    }

    fn device(&self, folder: &Path, seed: u8) -> Box<Device> {
        let me = code(Kind::Device, 1, u64::from(seed));
        let rights = Rights::PAY.and(Rights::ACCEPT);
        let pass = sealed(
            &pass(gateway(), me, key(seed).public_key(), rights),
            &key(3),
        );
        let settings = Settings {
            me,
            pass: &pass,
            trust: self.trust,
            sync_margin_s: 600,
            most_by_class: [AmountMinor::new(1_000).unwrap(); 3],
            place: None,
            clock: Clock::Kept,
        };
        let journal = FileJournal::open(&folder.join(format!("purse-{seed}"))).unwrap();
        let mut purse = Box::new(Purse::open(settings, key(seed), journal).unwrap());
        purse
            .trust_gateway(&self.issuer_pass, &self.gateway_pass, NOW)
            .unwrap();
        purse
    }
}

fn grant(purse: &Device, seed: u8) -> Vec<u8> {
    let allowance = Allowance {
        code: purse.me(),
        wallet_key: key(seed).public_key(),
        key_epoch: KeyEpoch(1),
        class: AssuranceClass::Software,
        currency: usd(),
        limit: Odometer::new(10_000).unwrap(),
        base_sequence: Sequence(0),
        base_head: Reference::default(),
        base_odometer: Odometer::ZERO,
        most_per_payment: AmountMinor::new(1_000).unwrap(),
        most_payments: 100,
        hops: None,
        area: None,
        guarantee: None,
        issued: NOW,
        expires: NOW.plus_s(86_400),
        gateway: gateway(),
        gateway_epoch: KeyEpoch(1),
        number: 1,
        issued_total: Odometer::new(10_000).unwrap(),
    };
    let allowance = sealed(&allowance, &key(3));
    let mut out = [0; OUT_MAX];
    let message = Message::Grant {
        allowance: &allowance,
    };
    let len = message.write(&mut out).unwrap();
    out[..len].to_vec()
}

#[tokio::test]
async fn two_machines_pay_each_other_with_no_gateway_through_losses_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let network = Authorities::new();
    let mut car = network.device(folder.path(), 10);
    let granted = grant(&car, 10);
    car.receive(&granted, NOW).unwrap();

    // The charger restarts before every third message and loses every second answer.
    let charger = Mutex::new((Some(network.device(folder.path(), 11)), 0_u32));
    let answerer = Answerer::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let address = answerer.local_addr().unwrap();
    let serving = answerer.serve(|message| {
        let mut state = charger.lock().unwrap();
        state.1 += 1;
        if state.1.is_multiple_of(3) {
            state.0 = None;
            state.0 = Some(network.device(folder.path(), 11));
        }
        let mut out = [0; OUT_MAX];
        // Each attempt at another time; only the first that was kept may show.
        let now = NOW.plus_s(state.1);
        let purse = state.0.as_mut().unwrap();
        let len = purse.accept(&message, None, now, &mut out).unwrap();
        let lost = !state.1.is_multiple_of(2);
        async move { (!lost).then(|| out[..len].to_vec()) }
    });

    let driving = async {
        let timing = Timing {
            first_wait: Duration::from_millis(20),
            longest_wait: Duration::from_millis(50),
            give_up_after: Duration::from_secs(20),
        };
        let asker = Asker::bind("127.0.0.1:0".parse().unwrap(), 1, timing)
            .await
            .unwrap();
        let mut car = car;
        for number in 1..=PAYMENTS {
            let order = Order {
                payee: code(Kind::Device, 1, 11),
                currency: usd(),
                amount: AmountMinor::new(u64::from(number)).unwrap(),
                reference: Reference([number; 16]),
            };
            let mut out = [0; OUT_MAX];
            let len = car.pay(&order, NOW, &mut out).unwrap();
            let evidence = out[..len].to_vec();
            // The car restarts with the payment on its way.
            drop(car);
            car = network.device(folder.path(), 10);
            let len = car.pay(&order, NOW.plus_s(9), &mut out).unwrap();
            assert_eq!(out[..len], evidence);
            let receipt = asker.ask(address, &evidence).await.unwrap();
            let event = car.receive(&receipt, NOW).unwrap();
            assert!(matches!(event, Event::Receipted { .. }), "{event:?}");
        }
        car
    };
    let mut car = tokio::select! {
        car = driving => car,
        error = serving => panic!("{error}"),
    };

    let total = (1..=u64::from(PAYMENTS)).sum::<u64>();
    assert_eq!(car.totals(usd()).paid_out.get(), total);
    let mut charger = charger.into_inner().unwrap().0.unwrap();
    assert_eq!(charger.totals(usd()).received_unsettled.get(), total);
    // Both sides would hand in the very same claims.
    assert_eq!(claims(&mut car), claims(&mut charger));
    assert_eq!(claims(&mut car).len(), usize::from(PAYMENTS));
}

fn claims(purse: &mut Device) -> Vec<Vec<u8>> {
    let (mut cursor, mut out) = (HandInCursor::default(), [0; OUT_MAX]);
    let mut claims = Vec::new();
    while let Some(len) = purse.hand_in(&mut cursor, &mut out).unwrap() {
        claims.push(out[..len].to_vec());
    }
    claims
}
