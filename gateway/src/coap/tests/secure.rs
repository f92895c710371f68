//! What a thing with a certificate may do, and who gets no session.

use super::{House, authorities, client, identity, within, workshop};
use crate::coap::Reason;
use crate::tree::{Leaf, Name, Topic};
use bytes::Bytes;
use device_sdk::coap::wire::{CBOR, OCTETS};
use device_sdk::coap::{AnswerCode, Error, Identity, Method, Request, Settings, Timing};
use protocol::Status;
use protocol::message::Message;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn big() -> Vec<u8> {
    (0..40_000u32).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn a_thing_publishes_and_reads_its_own_branch_in_blocks() {
    let house = House::open().await;
    let thing = workshop::thing(authorities(), 1);
    let client = house.client(&thing);
    let put = Request::put("oc/1/me/s", OCTETS, b"on".to_vec());
    let answer = within(client.request(put)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    let own = format!("oc/1/{}/s", thing.code);
    let answer = within(client.request(Request::get(&own))).await.unwrap();
    assert_eq!(
        (answer.code, answer.payload),
        (AnswerCode::CONTENT, b"on".to_vec())
    );
    let put = Request::put("oc/1/me/t/picture", OCTETS, big());
    let answer = within(client.request(put)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    let answer = within(client.request(Request::get("oc/1/me/t/picture")))
        .await
        .unwrap();
    assert_eq!(answer.payload, big());
    let delete = Request::new(Method::Delete, "oc/1/me/t/picture");
    assert!(
        within(client.request(delete))
            .await
            .unwrap()
            .code
            .is_success()
    );
    let answer = within(client.request(Request::get("oc/1/me/t/picture")))
        .await
        .unwrap();
    assert_eq!(answer.code, AnswerCode::NOT_FOUND);
    let core = within(client.request(Request::get(".well-known/core").query("rt=onecode.inbox")));
    let core = String::from_utf8(core.await.unwrap().payload).unwrap();
    assert_eq!(core, "</oc/1/me/w/in>;rt=\"onecode.inbox\";ct=60;obs");
    client.close().await;
    house.close().await;
}

#[tokio::test]
async fn foreign_branches_are_forbidden_in_every_way() {
    let house = House::open().await;
    let (thing, other) = (
        workshop::thing(authorities(), 1),
        workshop::thing(authorities(), 2),
    );
    let client = house.client(&thing);
    for branch in ["s", "t/x", "e/x", "r/x", "twin/reported", "w/out/gateway"] {
        let path = format!("oc/1/{}/{branch}", other.code);
        for request in [
            Request::post(&path, OCTETS, vec![1]),
            Request::put(&path, OCTETS, vec![1]),
            Request::new(Method::Delete, &path),
            Request::get(&path),
        ] {
            let answer = within(client.request(request)).await.unwrap();
            assert_eq!(answer.code, AnswerCode::FORBIDDEN, "{path}");
        }
        let observed = within(client.observe(Request::get(&path))).await.unwrap();
        assert_eq!(observed.first.code, AnswerCode::FORBIDDEN);
    }
    let inbox = format!("oc/1/{}/w/in", other.code);
    let answer = within(client.request(Request::get(&inbox))).await.unwrap();
    assert_eq!(answer.code, AnswerCode::FORBIDDEN);
    // What only the house writes, and what is no place at all.
    for (path, code) in [
        ("oc/1/me/twin/desired", "4.03"),
        ("oc/1/me/c/1", "4.03"),
        ("oc/1/me/w/in", "4.03"),
        ("oc/1/me/x", "4.04"),
        ("oc/2/me/s", "4.04"),
        ("oc/1/me/t/+", "4.00"),
        ("oc/1/me/t/%", "2.04"),
    ] {
        let request = Request::post(path, OCTETS, vec![1]);
        let answer = within(client.request(request)).await.unwrap();
        assert_eq!(answer.code.to_string(), code, "{path}");
    }
    assert_eq!(house.office.handled.load(Ordering::Relaxed), 0);
    house.close().await;
}

#[tokio::test]
async fn wallet_messages_cross_into_the_peers_inbox_and_leave_when_acknowledged() {
    let house = House::open().await;
    let (payer, payee) = (
        workshop::thing(authorities(), 1),
        workshop::thing(authorities(), 2),
    );
    let (from, to) = (house.client(&payer), house.client(&payee));
    let mut inbox = within(to.observe(Request::get("oc/1/me/w/in")))
        .await
        .unwrap();
    assert_eq!(inbox.first.payload, [0]);
    let out = format!("oc/1/me/w/out/{}", payee.code);
    for text in ["first", "second"] {
        let request = Request::post(&out, CBOR, text.into());
        let answer = within(from.request(request)).await.unwrap();
        assert_eq!(
            (answer.code, answer.payload.len()),
            (AnswerCode::CHANGED, 0)
        );
    }
    // Announced, perhaps both at once, and not yet acknowledged.
    let mut announced = within(inbox.next()).await.unwrap().payload;
    if announced == [1] {
        announced = within(inbox.next()).await.unwrap().payload;
    }
    assert_eq!(announced, [2]);
    assert_eq!(house.office.inbox.waiting(payee.code), 2);
    let read = |after: u64| {
        let request = Request::get("oc/1/me/w/in").query(&format!("after={after}"));
        within(to.request(request))
    };
    let page = read(0).await.unwrap();
    assert_eq!(page.content_format, Some(CBOR));
    let both = b"\x82\x82\x01\x45first\x82\x02\x46second";
    assert_eq!(page.payload, both);
    assert_eq!(read(1).await.unwrap().payload, b"\x81\x82\x02\x46second");
    assert_eq!(house.office.inbox.waiting(payee.code), 1);
    assert_eq!(read(2).await.unwrap().payload, b"\x80");
    assert_eq!(house.office.inbox.waiting(payee.code), 0);
    let request = Request::get("oc/1/me/w/in").query("after=x");
    assert_eq!(
        within(to.request(request)).await.unwrap().code.to_string(),
        "4.00"
    );
    house.close().await;
}

#[tokio::test]
async fn refusals_of_the_wallet_are_codes_with_the_refusal_as_payload() {
    let house = House::open().await;
    let client = house.client(&workshop::thing(authorities(), 1));
    for (payload, code, status) in [
        ("malformed", "4.00", Status::Malformed),
        ("full", "5.03", Status::Full),
    ] {
        let request = Request::post("oc/1/me/w/out/gateway", CBOR, payload.into());
        let answer = within(client.request(request)).await.unwrap();
        assert_eq!(answer.code.to_string(), code);
        let refusal = Message::Refusal {
            status,
            about: None,
        };
        assert_eq!(Message::read(&answer.payload), Ok(refusal));
    }
    house.close().await;
}

#[tokio::test]
async fn observers_hear_what_the_house_desires() {
    let house = House::open().await;
    let thing = workshop::thing(authorities(), 1);
    let client = house.client(&thing);
    let get = Request::get("oc/1/me/twin/desired");
    let mut desired = within(client.observe(get)).await.unwrap();
    assert_eq!(desired.first.payload, b"");
    for state in [Bytes::from_static(b"{\"on\":true}"), Bytes::from(big())] {
        house
            .tree
            .set_desired(thing.code, state.clone())
            .await
            .unwrap();
        let told = within(desired.next()).await.unwrap();
        assert_eq!(told.payload, state);
    }
    let command = Request::get("oc/1/me/c/7");
    let mut commands = within(client.observe(command)).await.unwrap();
    let id = Name::new("7").unwrap();
    let go = Bytes::from_static(b"go");
    house
        .tree
        .command(thing.code, id, go.clone())
        .await
        .unwrap();
    assert_eq!(within(commands.next()).await.unwrap().payload, go);
    let topic = Topic {
        code: thing.code,
        leaf: Leaf::Desired,
    };
    assert_eq!(
        house.tree.look(&topic).map(|state| state.len()),
        Some(40_000)
    );
    house.close().await;
}

#[tokio::test]
async fn who_cannot_show_a_certificate_of_this_house_gets_no_session() {
    let house = House::open().await;
    let stranger = workshop::thing(&workshop::strangers(), 3);
    let client = house.client(&stranger);
    let refused = within(client.request(Request::get("oc/1/me/s"))).await;
    assert!(
        matches!(refused, Err(Error::Unreachable | Error::Refused)),
        "{refused:?}"
    );
    assert_eq!(house.count(Reason::BadCertificate), 1);
    // A certificate of the house with somebody else's key is none.
    let (mine, other) = (
        workshop::thing(authorities(), 1),
        workshop::thing(authorities(), 2),
    );
    let stolen = Identity {
        private_key: other.key,
        ..identity(&mine)
    };
    let client = client_of(&house, stolen);
    let refused = within(client.request(Request::get("oc/1/me/s"))).await;
    assert!(
        matches!(refused, Err(Error::Unreachable | Error::Refused)),
        "{refused:?}"
    );
    assert_eq!(house.count(Reason::HandshakeFailed), 1);
    assert_eq!(house.counters.opened.load(Ordering::Relaxed), 0);
    house.close().await;
}

fn client_of(house: &House, identity: Identity) -> device_sdk::coap::Client {
    client(house.secure, Some(identity))
}

#[tokio::test]
async fn a_client_leaves_whoever_is_not_the_gateway() {
    let house = House::open().await;
    let thing = workshop::thing(authorities(), 1);
    let named = Identity {
        server_name: "elsewhere.example".into(),
        ..identity(&thing)
    };
    let refused = within(client_of(&house, named).connect()).await;
    assert_eq!(refused, Err(Error::NotTrusted));
    let other_root = Identity {
        root: workshop::strangers().root.certificate().to_vec(),
        ..identity(&thing)
    };
    let refused = within(client_of(&house, other_root).connect()).await;
    assert_eq!(refused, Err(Error::NotTrusted));
    let address = Identity {
        server_name: "127.0.0.1".into(),
        ..identity(&thing)
    };
    assert_eq!(within(client_of(&house, address).connect()).await, Ok(()));
    house.close().await;
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    use device_sdk::coap::{Client, SettingsFault};
    let thing = workshop::thing(authorities(), 1);
    let with = |change: &dyn Fn(&mut Identity)| {
        let mut identity = identity(&thing);
        change(&mut identity);
        let settings = Settings {
            gateway: ([127, 0, 0, 1], 1).into(),
            identity: Some(identity),
            timing: Timing::NEARBY,
        };
        Client::new(settings).err()
    };
    assert_eq!(with(&|_| {}), None);
    let bad = vec![1, 2, 3];
    let key = with(&|it| it.private_key = bad.clone());
    assert_eq!(key, Some(SettingsFault::PrivateKey));
    let certificate = with(&|it| it.certificate = bad.clone());
    assert_eq!(certificate, Some(SettingsFault::Certificate));
    assert_eq!(with(&|it| it.root = bad.clone()), Some(SettingsFault::Root));
    let name = with(&|it| it.server_name = "not a name".into());
    assert_eq!(name, Some(SettingsFault::ServerName));
}

#[tokio::test]
async fn a_revoked_code_is_refused_and_its_open_session_ends() {
    let house = House::open().await;
    let thing = workshop::thing(authorities(), 1);
    let client = house.client(&thing);
    assert!(
        within(client.request(Request::get("oc/1/me/s")))
            .await
            .is_ok()
    );
    house.revoked.lock().unwrap().insert(thing.code);
    let began = Instant::now();
    // Looked up again from time to time, and at every new session.
    loop {
        match within(client.request(Request::get("oc/1/me/s"))).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => {
                assert!(
                    matches!(error, Error::Refused | Error::Unreachable),
                    "{error:?}"
                );
                break;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert!(house.count(Reason::NotAdmitted) >= 1);
    house.revoked.lock().unwrap().clear();
    assert!(
        within(client.request(Request::get("oc/1/me/s")))
            .await
            .is_ok()
    );
    house.close().await;
}

#[tokio::test]
async fn a_dead_gateway_is_noticed_fast_and_found_again() {
    let house = House::open().await;
    let ports = (house.plain.port(), house.secure.port());
    let thing = workshop::thing(authorities(), 1);
    let client = house.client(&thing);
    let put = Request::put("oc/1/me/s", OCTETS, b"on".to_vec());
    assert!(within(client.request(put.clone())).await.is_ok());
    let mut inbox = within(client.observe(Request::get("oc/1/me/w/in")))
        .await
        .unwrap();
    house.kill().await;
    let began = Instant::now();
    assert_eq!(
        within(client.request(put.clone())).await,
        Err(Error::Unreachable)
    );
    assert!(within(inbox.next()).await.is_err());
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );

    // The new one knows nothing of old sessions: the first request finds that out by itself.
    let house = House::open_at(ports).await;
    let answer = within(client.request(put.clone())).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    house.kill().await;
    let house = House::open_at(ports).await;
    let began = Instant::now();
    let picture = Request::put("oc/1/me/t/picture", OCTETS, big());
    let answer = within(client.request(picture)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    // One that says good-bye is noticed without waiting.
    house.close().await;
    let house = House::open_at(ports).await;
    let answer = within(client.request(put)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    house.close().await;
}

#[tokio::test]
async fn many_requests_go_at_once_over_one_session() {
    let house = House::open().await;
    let client = house.client(&workshop::thing(authorities(), 1));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8u8 {
        let client = client.clone();
        tasks.spawn(async move {
            let path = format!("oc/1/me/t/n{number}");
            for round in 0..50u8 {
                let put = Request::put(&path, OCTETS, vec![number, round]);
                let answer = client.request(put).await.unwrap();
                assert_eq!(answer.code, AnswerCode::CHANGED);
                let answer = client.request(Request::get(&path)).await.unwrap();
                assert_eq!(answer.payload, [number, round]);
            }
        });
    }
    within(tasks.join_all()).await;
    assert_eq!(house.counters.opened.load(Ordering::Relaxed), 1);
    house.close().await;
}
