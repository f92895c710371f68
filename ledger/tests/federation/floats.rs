use crate::house::*;
use crate::support::*;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::FloatWarrant;
use protocol::rules::proof::{Charge, overlap};
use protocol::rules::{Float, Holdings, PayeeView, counts, judge};
use protocol::{Code, Currency, KeyEpoch, Reference, Signer, Status};

/// The warrant in the news that a gateway gives its things.
async fn warrant(house: &House, office: usize, currency: Currency) -> FloatWarrant {
    for news in house.ledger(office).news().await.unwrap() {
        let Message::Warrant { centre, warrant } = Message::read(&news).unwrap() else {
            continue;
        };
        let centre = house.trust.centre(&house.issuer_pass, centre).unwrap();
        let warrant = open::<FloatWarrant>(warrant, &network()).unwrap();
        let warrant = *warrant.verify(&centre.get().key.0).unwrap().get();
        if warrant.currency == currency {
            return warrant;
        }
    }
    panic!("no warrant");
}

#[derive(Debug)]
struct Holds(FloatWarrant);

impl Holdings for Holds {
    fn float(&self, gateway: &Code, epoch: KeyEpoch, currency: &Currency) -> Float {
        let of = (self.0.gateway, self.0.gateway_epoch, self.0.currency);
        match of == (*gateway, epoch, *currency) {
            true => Float::Warranted(self.0.limit, self.0.expires),
            false => Float::Unknown,
        }
    }

    fn stands_in(&self, _: &Reference) -> bool {
        false
    }

    fn is_revoked(&self, _: &Code) -> bool {
        false
    }
}

#[tokio::test]
async fn without_a_warrant_nothing_is_promised_and_a_share_of_it_at_most() {
    let house = House::new().await;
    let mut rich = house.enrol(A, 11).await;
    house.calm().await;
    house.load(&rich, 50_000, "in").await;
    house.calm().await;
    // Half of the float is the share of one purse.
    let given = rich.renew(house.ledger(A), 50_000, house.now).await;
    assert_eq!(given.limit.get(), FLOAT / 2);
    assert_eq!(given.expires, house.now.plus_s(LIFE_S));
    let asked = rich.renewal(usd(), 50_000, house.now.plus_s(1));
    let refused = house.ledger(A).renew(asked, house.now).await.unwrap_err();
    assert_eq!(refused, Status::FloatExhausted);
    // A new warrant begins a new share.
    let mut house = house;
    house.now = house.now.plus_s(600);
    let before = warrant(&house, A, usd()).await;
    house.calm().await;
    let after = warrant(&house, A, usd()).await;
    assert!(after.limit >= before.limit && after.issued > before.issued);
    house.assert_settled().await;
}

#[tokio::test]
async fn a_float_is_exhausted_while_the_centre_is_away() {
    let house = House::new().await;
    let mut purses = Vec::new();
    for seed in 11..14 {
        let purse = house.payee(A, seed).await;
        house.load(&purse, 50_000, &seed.to_string()).await;
        purses.push(purse);
    }
    house.calm().await;
    for purse in &mut purses[..2] {
        purse.renew(house.ledger(A), 50_000, house.now).await;
    }
    let asked = purses[2].renewal(usd(), 1, house.now);
    let refused = house.ledger(A).renew(asked, house.now).await.unwrap_err();
    assert_eq!(refused, Status::FloatExhausted);
    // Who holds nothing needs none of it.
    let mut poor = house.payee(A, 14).await;
    let given = poor.renew(house.ledger(A), 1, house.now).await;
    assert_eq!(given.limit.get(), 0);
}

#[tokio::test]
async fn a_gateway_past_its_float_is_refused_by_payees_and_proven_by_two_allowances() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 4_000).await;
    let held = Holds(warrant(&house, A, usd()).await);
    let view = PayeeView {
        me: house.code(B),
        now: house.now,
        sync_margin_s: 0,
        newest: None,
        expected: None,
        most_by_class: [amount(1_000_000); 3],
        has_time: true,
        holdings: &held,
    };
    let key = &house.offices[A].key;
    let honest = payer.allowances[usd().as_bytes()].clone();
    let honest = open::<protocol::objects::Allowance>(&honest, &network()).unwrap();
    let honest = honest.verify(&key.public_key()).unwrap();
    assert_eq!(counts(&honest, &view), Ok(()));
    // Beyond the float: refused by whoever holds the warrant.
    let mut lie = *honest.get();
    lie.number += 1;
    lie.limit = protocol::Odometer::new(FLOAT).unwrap();
    lie.issued_total = protocol::Odometer::new(4_000 + FLOAT).unwrap();
    let (bytes, _) = sealed(&lie, key);
    let beyond = open::<protocol::objects::Allowance>(&bytes, &network()).unwrap();
    let beyond = beyond.verify(&key.public_key()).unwrap();
    assert_eq!(counts(&beyond, &view), Err(Status::AboveFloat));
    // Within it, for what was promised before: two allowances are the proof.
    lie.issued_total = protocol::Odometer::new(FLOAT).unwrap();
    assert!(overlap(honest.get(), &lie));
    let (bytes, _) = sealed(&lie, key);
    let mut credentials = [None; 3];
    credentials[0] = Some(house.issuer_pass.as_slice());
    credentials[1] = Some(house.offices[A].pass.as_slice());
    let mut objects = [None; 6];
    objects[0] = Some(honest.bytes());
    objects[1] = Some(bytes.as_slice());
    let accusation = written(&Message::Accusation {
        how: Charge::FloatOverlap as u8,
        credentials,
        objects,
    });
    let verdict = judge(&house.trust, &accusation).unwrap();
    assert_eq!(
        (verdict.code, verdict.charge),
        (house.code(A), Charge::FloatOverlap)
    );
    payer.pay(&house.code(B), 1);
}

#[tokio::test]
async fn a_restored_gateway_counts_anew_under_a_new_warrant() {
    let mut house = House::new().await;
    let mut purse = house.payer(A, 11, 2_000).await;
    house.reopen(A, 2).await;
    let asked = purse.renewal(usd(), 500, house.now.plus_s(1));
    let refused = house.ledger(A).renew(asked, house.now).await.unwrap_err();
    assert_eq!(refused, Status::FloatExhausted);
    house.calm().await;
    let given = purse.renew(house.ledger(A), 500, house.now.plus_s(2)).await;
    assert_eq!((given.gateway_epoch, given.number), (KeyEpoch(2), 1));
    assert_eq!(given.issued_total.get(), 500);
    assert_eq!(warrant(&house, A, usd()).await.gateway_epoch, KeyEpoch(2));
    house.assert_settled().await;
}
