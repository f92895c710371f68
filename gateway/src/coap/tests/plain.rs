//! What a stranger on plain UDP may do.

use super::{House, authorities, within, workshop};
use device_sdk::coap::wire::{CBOR, LINK_FORMAT};
use device_sdk::coap::{AnswerCode, Method, Request};
use protocol::Status;
use protocol::message::Message;
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn discovery_names_the_wallet_even_in_the_small_blocks_a_stranger_gets() {
    let house = House::open().await;
    let client = house.plain_client();
    let request = Request::get(".well-known/core");
    let answer = within(client.request(request)).await.unwrap();
    assert_eq!(answer.code, AnswerCode::CONTENT);
    assert_eq!(answer.content_format, Some(LINK_FORMAT));
    let links = String::from_utf8(answer.payload).unwrap();
    assert!(links.contains("rt=\"onecode.wallet\""), "{links}");
    house.close().await;
}

#[tokio::test]
async fn wallet_messages_for_the_gateway_are_answered_and_everything_else_is_not() {
    let house = House::open().await;
    let client = house.plain_client();
    let code = workshop::thing(authorities(), 1).code;
    let ask = |path: &str, payload: &[u8]| {
        within(client.request(Request::post(path, CBOR, payload.to_vec())))
    };
    let gateway = format!("oc/1/{code}/w/out/gateway");
    let answer = ask(&gateway, b"a wallet message").await.unwrap();
    assert_eq!(answer.code, AnswerCode::CHANGED);
    assert_eq!(answer.content_format, Some(CBOR));
    assert!(matches!(
        Message::read(&answer.payload),
        Ok(Message::Refusal {
            status: Status::Accepted,
            ..
        })
    ));
    let refused = ask(&gateway, b"malformed").await.unwrap();
    assert_eq!(refused.code.to_string(), "4.00");
    assert!(matches!(
        Message::read(&refused.payload),
        Ok(Message::Refusal {
            status: Status::Malformed,
            ..
        })
    ));
    assert_eq!(house.office.handled.load(Ordering::Relaxed), 2);
    for path in [
        format!("oc/1/{code}/t/temperature"),
        format!("oc/1/{code}/w/out/{code}"),
        "oc/1/me/w/out/gateway".to_owned(),
        "oc".to_owned(),
    ] {
        let answer = ask(&path, b"x").await.unwrap();
        assert_eq!(answer.code.to_string(), "4.01", "{path}");
    }
    for method in [Method::Get, Method::Delete, Method::Put] {
        let request = Request::new(method, &format!("oc/1/{code}/w/in"));
        let answer = within(client.request(request)).await.unwrap();
        assert_eq!(answer.code.to_string(), "4.01");
    }
    assert_eq!(house.office.handled.load(Ordering::Relaxed), 2);
    let refused = house.counters.answers().find(|(code, _)| code == "4.01");
    // And the one with which the first message was told to show where it comes from.
    assert_eq!(refused.map(|(_, count)| count), Some(8));
    house.close().await;
}

#[tokio::test]
async fn a_datagram_sent_twice_is_handled_once() {
    let house = House::open().await;
    let code = workshop::thing(authorities(), 1).code;
    let mut message = vec![0x40, 2, 0x12, 0x34];
    for (at, segment) in ["oc", "1", &code.to_string(), "w", "out", "gateway"]
        .iter()
        .enumerate()
    {
        let delta = if at == 0 { 11 << 4 } else { 0 };
        if segment.len() > 12 {
            message.extend_from_slice(&[delta | 13, segment.len() as u8 - 13]);
        } else {
            message.push(delta | segment.len() as u8);
        }
        message.extend_from_slice(segment.as_bytes());
    }
    message.extend_from_slice(b"\xffpay");
    let address = house.plain;
    let answers = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let ask = |message: &[u8]| {
            socket.send_to(message, address).unwrap();
            let mut answer = [0; 1500];
            let length = socket.recv(&mut answer).unwrap();
            assert!(length <= message.len() * 3);
            answer[..length].to_vec()
        };
        let mut answers = vec![ask(&message)];
        assert_eq!(answers[0][..6], [0x60, 0x81, 0x12, 0x34, 0xd8, 252 - 13]);
        let payload = message.len() - 4;
        // Echo comes after Uri-Path, 11.
        message.splice(payload..payload, [0xd8, 252 - 11 - 13]);
        message.splice(payload + 2..payload + 2, answers.remove(0)[6..].to_vec());
        for _ in 0..3 {
            answers.push(ask(&message));
        }
        answers
    });
    let answers = answers.await.unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0][..4], [0x60, 0x44, 0x12, 0x34]);
    assert_eq!(house.office.handled.load(Ordering::Relaxed), 1);
    house.close().await;
}
