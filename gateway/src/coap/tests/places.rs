//! Formats, discovery, directory and descriptions, through the door and beside MQTT.

use super::{House, authorities, within, workshop};
use crate::tree::tests::Library;
use crate::tree::{Caller, Door, Extras, Filter, Manner, Topic};
use bytes::Bytes;
use device_sdk::coap::wire::{CBOR, JSON, LINK_FORMAT};
use device_sdk::coap::{Answer, Client, Request};
use std::sync::Arc;

const SENML_JSON: u16 = 110;
const SENML_CBOR: u16 = 112;
const TD_JSON: u16 = 432;

async fn ask(client: &Client, request: Request) -> Answer {
    within(client.request(request)).await.unwrap()
}

#[tokio::test]
async fn what_was_said_of_a_payload_by_one_door_is_said_at_the_other() {
    let house = House::open().await;
    let thing = workshop::thing(authorities(), 1);
    let client = house.client(&thing);
    let mut watch = house.tree.watch_branch(thing.code).await.unwrap();
    let put = Request::put("oc/1/me/t/heat", JSON, b"{\"heat\":21}".to_vec());
    ask(&client, put).await;
    let event = watch.next().await.unwrap();
    assert_eq!(&event.extras.0[..], b"\x03\0\x10application/json");
    let got = ask(&client, Request::get("oc/1/me/t/heat")).await;
    assert_eq!(got.content_format, Some(JSON));
    let mut observed = within(client.observe(Request::get("oc/1/me/t/heat").accepting(SENML_JSON)))
        .await
        .unwrap();
    assert_eq!(observed.first.content_format, Some(SENML_JSON));

    // As an MQTT 5 client says it.
    let code = thing.code;
    let caller = Caller {
        code,
        door: Door::Mqtt,
    };
    let topic = Topic::parse(&format!("oc/1/{code}/t/heat")).unwrap();
    let manner = Manner {
        retain: true,
        extras: Extras(Bytes::from_static(b"\x03\0\x10application/cbor")),
        ..Manner::default()
    };
    let payload = Bytes::from_static(b"\x81\xa2\x00\x61h\x02\x18\x2a");
    let published = house.tree.publish(&caller, &topic, payload.clone(), manner);
    published.await.unwrap();
    let got = ask(&client, Request::get("oc/1/me/t/heat")).await;
    assert_eq!(
        (got.content_format, &got.payload[..]),
        (Some(CBOR), &payload[..])
    );
    let told = within(observed.next()).await.unwrap();
    let senml = format!(r#"[{{"bn":"oc/1/{code}/t/","n":"heat/h","v":42}}]"#);
    assert_eq!(String::from_utf8(told.payload).unwrap(), senml);
    let get = Request::get("oc/1/me/t/heat");
    let senml = ask(&client, get.clone().accepting(SENML_CBOR)).await;
    assert_eq!(senml.content_format, Some(SENML_CBOR));
    let refused = ask(&client, get.accepting(JSON)).await;
    assert_eq!(refused.code.to_string(), "4.06");
    house.close().await;
}

#[tokio::test]
async fn things_find_what_they_have_and_what_others_say_they_have() {
    let house = House::open().await;
    let (thing, other) = (
        workshop::thing(authorities(), 1),
        workshop::thing(authorities(), 2),
    );
    let (client, neighbour) = (house.client(&thing), house.client(&other));
    ask(
        &client,
        Request::put("oc/1/me/t/room/heat", JSON, b"21".to_vec()),
    )
    .await;
    let text = |answer: Answer| String::from_utf8(answer.payload).unwrap();
    let core = |query: &str| Request::get(".well-known/core").query(query);
    let kept = text(ask(&client, core("href=/oc/1/me/t/*")).await);
    assert_eq!(
        kept,
        "</oc/1/me/t/room/heat>;rt=\"onecode.telemetry\";sz=2;obs"
    );
    assert_eq!(text(ask(&neighbour, core("href=/oc/1/me/t/*")).await), "");

    let links = b"</light>;rt=\"light\"".to_vec();
    let made = ask(&client, Request::post("rd", LINK_FORMAT, links.clone())).await;
    assert_eq!(made.code.to_string(), "2.01");
    let found = ask(&neighbour, Request::get("rd-lookup/res").query("rt=light")).await;
    assert_eq!(found.content_format, Some(LINK_FORMAT));
    let found = text(found);
    assert!(found.starts_with("<coaps://127.0.0.1:"), "{found}");
    let json = ask(&neighbour, Request::post("rd", JSON, links)).await;
    assert_eq!(json.code.to_string(), "4.15");

    let own = ask(&client, Request::get("oc/1/me/td")).await;
    assert_eq!(own.content_format, Some(TD_JSON));
    assert!(text(own).contains("t/room/heat"));
    let foreign = Request::get(&format!("oc/1/{}/td", thing.code));
    let refused = ask(&neighbour, foreign).await;
    assert_eq!(refused.code.to_string(), "4.03");
    for path in ["rd-lookup/res", "oc/1/me/td", ".well-known/est/crts"] {
        let stranger = ask(&house.plain_client(), Request::get(path)).await;
        assert_eq!(stranger.code.to_string(), "4.01", "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_granted_branch_is_read_and_observed_as_often_as_it_is_paid() {
    let house = House::open().await;
    let library = Arc::<Library>::default();
    house.tree.read_by(library.clone());
    let [speaker, reader] = [1, 2].map(|number| workshop::thing(authorities(), number));
    let (speaking, reading) = (house.client(&speaker), house.client(&reader));
    let topic = format!("oc/1/{}/t/heat", speaker.code);
    let put = async |value: &str| {
        let put = Request::put("oc/1/me/t/heat", JSON, value.as_bytes().to_vec());
        ask(&speaking, put).await;
    };
    put("20").await;
    let refused = ask(&reading, Request::get(&topic)).await;
    assert_eq!(refused.code.to_string(), "4.03");
    library.give_to(reader.code, Filter::parse(&topic).unwrap(), Some(3));
    let mut observed = within(reading.observe(Request::get(&topic))).await.unwrap();
    assert_eq!(&observed.first.payload[..], b"20");
    put("21").await;
    let told = within(observed.next()).await.unwrap();
    assert_eq!(&told.payload[..], b"21");
    assert_eq!(ask(&reading, Request::get(&topic)).await.payload, b"21");
    assert_eq!(library.left(), 0);
    let unpaid = ask(&reading, Request::get(&topic)).await;
    assert_eq!(unpaid.code.to_string(), "4.03");
    assert!(
        String::from_utf8(unpaid.payload)
            .unwrap()
            .contains("not paid")
    );
    let got = ask(&reading, Request::get("oc/1/me/g")).await;
    assert_eq!(String::from_utf8(got.payload).unwrap(), topic);
}
