//! Resources that take their time, or fall over.

use super::{
    Bounds, Limits, SEED, Sessions, authorities, client, credentials, identity, within, workshop,
};
use crate::coap::request::{Request, Response};
use crate::coap::resource::{Answer, Asker, Resources};
use crate::coap::{Counters, dtls, udp};
use coap_lite::ResponseType;
use device_sdk::coap::Request as Ask;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;

/// Longer than a nearby client waits for its acknowledgement, and than the door does.
const SLOW: Duration = Duration::from_millis(1500);

#[derive(Default)]
struct Slow(AtomicU32);

impl Resources for Slow {
    fn answer(&self, _: Asker, request: Request) -> BoxFuture<'static, Answer> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            assert_ne!(request.path, ["fall"]);
            tokio::time::sleep(SLOW).await;
            Response::bare(ResponseType::Changed).into()
        })
    }
}

#[tokio::test]
async fn slow_work_is_done_once_and_answered_separately() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let slow = Arc::new(Slow::default());
    let sessions = Sessions::new(&credentials(), Bounds::default()).unwrap();
    let check: crate::coap::Check = Arc::new(|_| Box::pin(async { true }));
    let counters = Arc::<Counters>::default();
    let door = dtls::listen(socket, sessions, check, slow.clone(), counters, SEED).unwrap();
    let thing = workshop::thing(authorities(), 1);
    let client = client(door.local_addr(), Some(identity(&thing)));
    let answer = within(client.request(Ask::post("slow", 0, vec![1]))).await;
    assert_eq!(answer.unwrap().code.to_string(), "2.04");
    assert_eq!(slow.0.load(Ordering::Relaxed), 1);
    let answer = within(client.request(Ask::get("fall"))).await;
    assert_eq!(answer.unwrap().code.to_string(), "5.00");
    door.stop().await;
}

#[tokio::test]
async fn a_door_that_is_told_to_stop_answers_what_has_begun() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let slow = Arc::new(Slow::default());
    let door = udp::listen(
        socket,
        Limits::UNVERIFIED,
        slow.clone(),
        Arc::default(),
        SEED,
    )
    .unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let get = [0x41, 1, 0, 7, 9, 0xb0 | 4, b's', b'l', b'o', b'w'];
    far.send_to(&get, door.local_addr()).await.unwrap();
    while slow.0.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    within(door.stop()).await;
    let mut answer = [0; 64];
    let length = within(far.recv(&mut answer)).await.unwrap();
    assert_eq!(answer[..length], [0x61, 0x44, 0, 7, 9]);
}
