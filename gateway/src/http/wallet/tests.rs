use super::bounds::{CALL_LIFE_S, CALLS_PER_CODE, WRONG_PER_ADDRESS};
use super::*;
use crate::wallet::now;
use crate::wallet::tests::town::Town;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use device_sdk::identity_file::Identity;
use device_sdk::purse::{Event, OUT_MAX, Order};
use ledger::ThingState;
use protocol::cose::seal;
use protocol::message::Message;
use protocol::{AmountMinor, Currency, Reference};
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt as _;

const USD: Currency = Currency::new(1, *b"USD").unwrap();
static NONCES: AtomicU64 = AtomicU64::new(1);

fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

fn door(town: &Town) -> Router {
    // It opened long ago: what tests call in the same second is not from before it.
    let began = || now().minus_s(600);
    let mut door = WalletDoor::new(
        Arc::clone(&town.tree),
        town.house.ledger.clone(),
        Arc::default(),
        (
            Network::new("test").unwrap(),
            town.house.authorities.gateway.code(),
        ),
        Proxies::default(),
        began,
    );
    door.clock = now;
    router(door)
}

fn said(town: &Town, identity: &Identity, message: &[u8], after: u64) -> WalletCall {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&NONCES.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    WalletCall {
        code: identity.credentials.code,
        gateway: town.house.authorities.gateway.code(),
        time: now(),
        nonce: Reference(nonce),
        message: Digest(sha2::Sha256::digest(message).into()),
        after,
    }
}

fn framed(call: &[u8], message: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    head(&mut body, ARRAY, 2);
    for part in [call, message] {
        head(&mut body, BYTES, part.len() as u64);
        body.extend_from_slice(part);
    }
    body
}

fn signed(said: &WalletCall, by: &Identity, network: &str) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let network = Network::new(network).unwrap();
    let (len, _) = seal(said, &network, &by.keys.wallet(), &mut out).unwrap();
    out[..len].to_vec()
}

async fn post_to(door: &Router, code: &Code, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    let request = Request::post(format!("/1/{code}/wallet"));
    let request = request.body(Body::from(body)).unwrap();
    let answer = door.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, body.to_vec())
}

/// Answer, inbox, and the sums of what is held.
type Heard = (Vec<u8>, Vec<(u64, Vec<u8>)>, Vec<[u64; 3]>);

fn read_answer(body: &[u8]) -> Heard {
    let mut from = minicbor::Decoder::new(body);
    assert_eq!(from.array().unwrap(), Some(3));
    let answer = from.bytes().unwrap().to_vec();
    let mut inbox = Vec::new();
    for _ in 0..from.array().unwrap().unwrap() {
        assert_eq!(from.array().unwrap(), Some(2));
        inbox.push((from.u64().unwrap(), from.bytes().unwrap().to_vec()));
    }
    let mut held = Vec::new();
    for _ in 0..from.array().unwrap().unwrap() {
        assert_eq!(from.array().unwrap(), Some(4));
        assert_eq!(from.bytes().unwrap(), USD.as_bytes());
        held.push([(); 3].map(|()| from.u64().unwrap()));
    }
    assert_eq!(from.position(), body.len());
    (answer, inbox, held)
}

async fn calls(town: &Town, door: &Router, by: &Identity, message: &[u8], after: u64) -> Heard {
    let call = signed(&said(town, by, message, after), by, "test");
    let code = by.credentials.code;
    let (status, body) = post_to(door, &code, framed(&call, message)).await;
    assert_eq!(status, StatusCode::OK, "{body:?}");
    read_answer(&body)
}

fn refusal(body: &[u8]) -> Status {
    match Message::read(body).unwrap() {
        Message::Refusal { status, .. } => status,
        other => panic!("no refusal: {other:?}"),
    }
}

fn evidence(inbox: &[(u64, Vec<u8>)]) -> Option<&Vec<u8>> {
    let of = |message: &&Vec<u8>| matches!(Message::read(message), Ok(Message::Evidence { .. }));
    inbox.iter().map(|(_, message)| message).find(of)
}

#[tokio::test]
async fn purses_renew_pay_and_hear_what_became_of_it_by_calls_alone() {
    let town = Town::new().await;
    let door = door(&town);
    let (payer, payee) = (town.enrol(1).await, town.enrol(2).await);
    town.load(payer.credentials.code, 9_000).await;
    let mut purse = town.purse(&payer);
    let mut out = [0; OUT_MAX];

    let len = purse.renewal(USD, amount(5_000), now(), &mut out).unwrap();
    let (grant, _, held) = calls(&town, &door, &payer, &out[..len], 0).await;
    assert!(matches!(
        purse.receive(&grant, now()).unwrap(),
        Event::Granted { .. }
    ));
    assert_eq!(held, [[4_000, 5_000, 0]]);

    let order = Order {
        payee: payee.credentials.code,
        currency: USD,
        amount: amount(700),
        reference: Reference([3; 16]),
    };
    let len = purse.pay(&order, now(), &mut out).unwrap();
    let (first, ..) = calls(&town, &door, &payer, &out[..len], 0).await;
    let (again, ..) = calls(&town, &door, &payer, &out[..len], 0).await;
    assert_eq!(first, again, "another call with the same payment");

    // The payee hears of it, takes it, and its inbox forgets what was taken.
    let (nothing, inbox, held) = calls(&town, &door, &payee, &[], 0).await;
    assert!(nothing.is_empty());
    assert!(held.is_empty(), "it has never held anything");
    let paid = evidence(&inbox).unwrap();
    let mut till = town.purse(&payee);
    let len = till.accept(paid, None, now(), &mut out).unwrap();
    let Ok(Message::Receipt { receipt, .. }) = Message::read(&out[..len]) else {
        panic!("no receipt");
    };
    let Ok(Message::Evidence { allowance, payment }) = Message::read(paid) else {
        panic!("no evidence");
    };
    let claim = Message::Claim {
        allowance,
        payment,
        receipt,
    };
    let mut claimed = [0; OUT_MAX];
    let len = claim.write(&mut claimed).unwrap();
    let newest = inbox.last().unwrap().0;
    let (_, left, held) = calls(&town, &door, &payee, &claimed[..len], newest).await;
    assert!(evidence(&left).is_none());
    assert_eq!(held, [[700, 0, 0]]);

    // And so does the payer.
    let (_, inbox, _) = calls(&town, &door, &payer, &[], 0).await;
    let told = inbox
        .iter()
        .filter_map(|(_, message)| purse.receive(message, now()).ok());
    let settled = told.filter(|event| {
        matches!(
            event,
            Event::Stated {
                outcome: Status::Settled,
                ..
            }
        )
    });
    assert_eq!(settled.count(), 1);
}

#[tokio::test]
async fn a_call_that_is_not_signed_for_just_this_is_refused_and_takes_nothing() {
    let town = Town::new().await;
    let door = door(&town);
    let (mine, theirs) = (town.enrol(1).await, town.enrol(2).await);
    let code = mine.credentials.code;
    // Something waits in the inbox: news.
    let (_, inbox, _) = calls(&town, &door, &mine, &[], 0).await;
    let newest = inbox.last().unwrap().0;

    let good = said(&town, &mine, &[], newest);
    let by = |by: &Identity, said: WalletCall| signed(&said, by, "test");
    let cases = [
        ("another's key", by(&theirs, good), Status::BadSignature),
        (
            "another network",
            signed(&good, &mine, "tesu"),
            Status::BadSignature,
        ),
        (
            "another gateway",
            by(
                &mine,
                WalletCall {
                    gateway: code,
                    ..good
                },
            ),
            Status::NotForYou,
        ),
        (
            "another code",
            by(
                &theirs,
                WalletCall {
                    code: theirs.credentials.code,
                    ..good
                },
            ),
            Status::NotForYou,
        ),
        (
            "another message",
            by(
                &mine,
                WalletCall {
                    message: Digest([1; 32]),
                    ..good
                },
            ),
            Status::NotForYou,
        ),
        (
            "too old",
            by(
                &mine,
                WalletCall {
                    time: now().minus_s(CALL_LIFE_S + 5),
                    ..good
                },
            ),
            Status::Expired,
        ),
        (
            "too early",
            by(
                &mine,
                WalletCall {
                    time: now().plus_s(CALL_LIFE_S + 60),
                    ..good
                },
            ),
            Status::Expired,
        ),
    ];
    for (why, call, status) in cases {
        let (http, body) = post_to(&door, &code, framed(&call, &[])).await;
        assert_eq!(
            (http, refusal(&body)),
            (StatusCode::FORBIDDEN, status),
            "{why}"
        );
    }
    let mut flipped = by(&mine, good);
    *flipped.last_mut().unwrap() ^= 1;
    let (_, body) = post_to(&door, &code, framed(&flipped, &[])).await;
    assert_eq!(refusal(&body), Status::BadSignature);
    let (_, left, _) = calls(&town, &door, &mine, &[], 0).await;
    assert_eq!(left, inbox, "nothing was taken");
}

#[tokio::test]
async fn a_call_is_answered_once() {
    let town = Town::new().await;
    let door = door(&town);
    let mine = town.enrol(1).await;
    let code = mine.credentials.code;
    let body = framed(&signed(&said(&town, &mine, &[], 0), &mine, "test"), &[]);
    let (first, _) = post_to(&door, &code, body.clone()).await;
    assert_eq!(first, StatusCode::OK);
    let (again, refused) = post_to(&door, &code, body).await;
    assert_eq!(again, StatusCode::FORBIDDEN);
    assert_eq!(refusal(&refused), Status::Expired);
}

#[tokio::test]
async fn what_is_too_large_or_spelled_otherwise_is_refused() {
    let town = Town::new().await;
    let door = door(&town);
    let mine = town.enrol(1).await;
    let code = mine.credentials.code;
    let large = vec![0; BODY_MAX + 1];
    let (http, _) = post_to(&door, &code, large).await;
    assert_eq!(http, StatusCode::PAYLOAD_TOO_LARGE);
    let call = signed(&said(&town, &mine, &[], 0), &mine, "test");
    let good = framed(&call, &[]);
    let longer = [good.as_slice(), &[0]].concat();
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    let long_head = [&[0x98, 2], &good[1..]].concat();
    let oversized = framed(&call, &[0; MESSAGE_MAX + 1]);
    let shorter = good[..good.len() - 1].to_vec();
    for body in [
        longer,
        indefinite,
        long_head,
        oversized,
        shorter,
        Vec::new(),
    ] {
        let (http, body) = post_to(&door, &code, body).await;
        assert_eq!(http, StatusCode::BAD_REQUEST);
        assert_eq!(refusal(&body), Status::Malformed);
    }
    // What a certificate's key signs is no call, nor is another object.
    let (http, _) = post_to(&door, &code, framed(&mine.credentials.pass, &[])).await;
    assert_eq!(http, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_code_that_calls_too_often_waits_and_so_does_an_address_that_calls_wrongly() {
    let town = Town::new().await;
    let (mine, other) = (town.enrol(1).await, town.enrol(2).await);
    let quick = door(&town);
    for _ in 0..CALLS_PER_CODE {
        calls(&town, &quick, &mine, &[], 0).await;
    }
    let code = mine.credentials.code;
    let call = signed(&said(&town, &mine, &[], 0), &mine, "test");
    let (http, body) = post_to(&quick, &code, framed(&call, &[])).await;
    assert_eq!(http, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refusal(&body), Status::Busy);
    calls(&town, &quick, &other, &[], 0).await;

    let guessed = door(&town);
    for _ in 0..WRONG_PER_ADDRESS {
        let (http, _) = post_to(&guessed, &code, vec![0x82]).await;
        assert_eq!(http, StatusCode::BAD_REQUEST);
    }
    let call = signed(&said(&town, &other, &[], 0), &other, "test");
    let (http, _) = post_to(&guessed, &other.credentials.code, framed(&call, &[])).await;
    assert_eq!(http, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_code_that_is_over_calls_in_vain_and_a_frozen_one_is_heard() {
    let town = Town::new().await;
    let door = door(&town);
    let mine = town.enrol(1).await;
    let code = mine.credentials.code;
    let ledger = &town.house.ledger;
    let frozen = ledger.set_state(&code, ThingState::Frozen, "looked at", "test", now());
    frozen.await.unwrap();
    calls(&town, &door, &mine, &[], 0).await;
    let revoked = ledger.set_state(&code, ThingState::Revoked, "lost", "test", now());
    revoked.await.unwrap();
    let call = signed(&said(&town, &mine, &[], 0), &mine, "test");
    let (http, body) = post_to(&door, &code, framed(&call, &[])).await;
    assert_eq!(
        (http, refusal(&body)),
        (StatusCode::FORBIDDEN, Status::NotPermitted)
    );
}
