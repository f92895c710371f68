//! The door as clients meet it: sessions over in-memory streams, the same code as over TLS.

mod abuse;
mod delivery;
mod rights;
mod tls;

use super::{
    Check, Limits, MqttDoor,
    packet::Version,
    reader::{Frame, take_frame},
    session::End,
};
use crate::tree::tests::{PostOffice, code, spell, tree};
use crate::tree::{Tree, Watch};
use bytes::{BufMut, Bytes, BytesMut};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

pub(super) const BOTH: [Version; 2] = [Version::V311, Version::V5];
const PATIENCE: Duration = Duration::from_secs(20);

/// A door, the tree behind it and the post office behind that.
pub(super) struct House {
    pub(super) tree: Arc<Tree>,
    pub(super) office: Arc<PostOffice>,
    pub(super) door: Arc<MqttDoor>,
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), Arc::new(|_| Box::pin(async { true })))
    }

    pub(super) fn with(limits: Limits, check: Check) -> Self {
        let (tree, office) = tree();
        let door = MqttDoor::new(Arc::clone(&tree), check, limits);
        Self { tree, office, door }
    }

    /// A connection whose certificate names the code of `who`.
    pub(super) fn dial(&self, who: &str, version: Version) -> Client {
        let (io, far) = tokio::io::duplex(16 * 1024);
        let door = Arc::clone(&self.door);
        let code = code(who);
        let ended = tokio::spawn(async move { door.session(far, code, || {}).await });
        Client {
            io,
            version,
            read: BytesMut::new(),
            ended,
        }
    }

    /// A session with the code as client id.
    pub(super) async fn client(&self, who: &str, version: Version) -> Client {
        let mut client = self.dial(who, version);
        client.open(&Hello::default()).await;
        client
    }

    pub(super) async fn watch(&self, who: &str) -> Watch {
        self.tree.watch_branch(code(who)).await.unwrap()
    }
}

/// What a CONNECT says.
#[derive(Default)]
pub(super) struct Hello<'h> {
    pub(super) id: &'h str,
    pub(super) keep_alive_s: u16,
    /// Topic, payload and QoS.
    pub(super) will: Option<(&'h str, &'h str, u8)>,
    pub(super) properties: &'h [u8],
}

pub(super) struct Client {
    pub(super) io: DuplexStream,
    pub(super) version: Version,
    read: BytesMut,
    pub(super) ended: JoinHandle<End>,
}

impl Client {
    pub(super) async fn send(&mut self, packet: &[u8]) {
        self.io.write_all(packet).await.unwrap();
    }

    /// The next packet; panics when the connection ends before.
    pub(super) async fn next(&mut self) -> Frame {
        self.maybe_next().await.expect("a packet, not the end")
    }

    pub(super) async fn maybe_next(&mut self) -> Option<Frame> {
        let reading = async {
            loop {
                if let Some(frame) = take_frame(&mut self.read, 1 << 20).unwrap() {
                    return Some(frame);
                }
                if self.io.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("in time")
    }

    pub(super) async fn say_hello(&mut self, hello: &Hello<'_>) -> Frame {
        self.send(&connect(self.version, hello)).await;
        self.next().await
    }

    pub(super) async fn open(&mut self, hello: &Hello<'_>) {
        let connack = self.say_hello(hello).await;
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "{connack:?}");
    }

    /// Publishes with QoS 1; the reason code of the PUBACK, 0 where there is none.
    pub(super) async fn publish(&mut self, topic: &str, payload: &[u8]) -> u8 {
        self.send(&publish(self.version, topic, payload, Some(9)))
            .await;
        let puback = self.next().await;
        assert_eq!((puback.first, &puback.body[..2]), (0x40, [0, 9].as_slice()));
        puback.body.get(2).copied().unwrap_or(0)
    }

    /// Subscribes to one filter; the code of the SUBACK.
    pub(super) async fn subscribe(&mut self, filter: &str, options: u8) -> u8 {
        self.send(&subscribe(self.version, &[(filter, options)]))
            .await;
        let suback = self.next().await;
        assert_eq!(suback.first, 0x90);
        *suback.body.last().unwrap()
    }

    /// The next packet, which is a message.
    pub(super) async fn message(&mut self) -> Message {
        let frame = self.next().await;
        Message::read(frame, self.version)
    }

    pub(super) async fn puback(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x40, 2, high, low]).await;
    }

    /// Asks for a PINGRESP and gets it: whatever was to come before has come.
    pub(super) async fn ping(&mut self) {
        self.send(&[0xc0, 0]).await;
        assert_eq!(self.next().await.first, 0xd0);
    }

    /// The end: with the reason code of the DISCONNECT, on MQTT 5, if there was one.
    pub(super) async fn end(mut self) -> (End, Option<u8>) {
        let mut reason = None;
        while let Some(frame) = self.maybe_next().await {
            if frame.first == 0xe0 {
                reason = Some(frame.body[0]);
            }
        }
        (self.ended.await.unwrap(), reason)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) id: Option<u16>,
    pub(super) retain: bool,
}

impl Message {
    fn read(frame: Frame, version: Version) -> Self {
        assert_eq!(frame.first >> 4, 3, "{frame:?}");
        let mut from = super::reader::Reader::new(frame.body);
        let topic = from.text().unwrap();
        let id = (frame.first & 2 != 0).then(|| from.two().unwrap());
        if version == Version::V5 {
            from.properties(&[], |_| Ok(())).unwrap();
        }
        Self {
            topic,
            payload: from.rest(),
            id,
            retain: frame.first & 1 != 0,
        }
    }
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(body);
    out
}

fn data(out: &mut Vec<u8>, data: &[u8]) {
    out.put_u16(data.len() as u16);
    out.put_slice(data);
}

pub(super) fn connect(version: Version, hello: &Hello<'_>) -> Vec<u8> {
    let v5 = version == Version::V5;
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', if v5 { 5 } else { 4 }];
    let will = hello.will.map_or(0, |(_, _, qos)| 4 | qos << 3);
    body.put_u8(2 | will);
    body.put_u16(hello.keep_alive_s);
    if v5 {
        body.put_u8(hello.properties.len() as u8);
        body.put_slice(hello.properties);
    }
    data(&mut body, spell(hello.id).as_bytes());
    if let Some((topic, payload, _)) = hello.will {
        if v5 {
            body.put_u8(0);
        }
        data(&mut body, spell(topic).as_bytes());
        data(&mut body, payload.as_bytes());
    }
    packet(0x10, &body)
}

pub(super) fn publish(version: Version, topic: &str, payload: &[u8], id: Option<u16>) -> Vec<u8> {
    let mut body = Vec::new();
    data(&mut body, spell(topic).as_bytes());
    if let Some(id) = id {
        body.put_u16(id);
    }
    if version == Version::V5 {
        body.put_u8(0);
    }
    body.put_slice(payload);
    packet(if id.is_some() { 0x32 } else { 0x30 }, &body)
}

/// A PUBLISH of MQTT 5 with QoS 1 and a topic alias.
pub(super) fn publish_by_alias(topic: &str, alias: u16) -> Vec<u8> {
    let mut body = Vec::new();
    data(&mut body, spell(topic).as_bytes());
    body.put_u16(9);
    body.put_slice(&[3, 0x23]);
    body.put_u16(alias);
    body.put_slice(b"x");
    packet(0x32, &body)
}

pub(super) fn subscribe(version: Version, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = vec![0, 5];
    if version == Version::V5 {
        body.put_u8(0);
    }
    for (filter, options) in filters {
        data(&mut body, spell(filter).as_bytes());
        body.put_u8(*options);
    }
    packet(0x82, &body)
}

pub(super) fn unsubscribe(version: Version, filter: &str) -> Vec<u8> {
    let mut body = vec![0, 6];
    if version == Version::V5 {
        body.put_u8(0);
    }
    data(&mut body, spell(filter).as_bytes());
    packet(0xa2, &body)
}
