//! The door as clients meet it: sessions over in-memory streams, the same code as over TLS.

mod abuse;
mod delivery;
mod granted;
mod kept;
mod properties;
mod rights;
mod surely;
mod tls;

use super::{
    Check, Kept, Limits, MqttDoor,
    packet::Version,
    reader::{Frame, take_frame},
    session::End,
};
use crate::tree::tests::{PostOffice, code, spell, tree};
pub(super) use crate::tree::tests::{now, pass_s};
use crate::tree::{Tree, Watch};
use bytes::{BufMut, Bytes, BytesMut};
use ledger::sessions::Sessions;
use std::{path::Path, sync::Arc, time::Duration};
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
    sessions: Option<Sessions>,
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), Arc::new(|_| Box::pin(async { true })))
    }

    pub(super) fn with(limits: Limits, check: Check) -> Self {
        let (tree, office) = tree();
        let door = MqttDoor::new(Arc::clone(&tree), check, limits, Kept::nothing(now));
        Self {
            tree,
            office,
            door,
            sessions: None,
        }
    }

    /// A house whose sessions are kept in a folder, as they were left there.
    pub(super) async fn keeping(folder: &Path) -> Self {
        let (tree, office) = tree();
        let sessions = Sessions::open(&folder.join("sessions.db")).await.unwrap();
        let kept = Kept::open(&tree, sessions.clone(), now).await.unwrap();
        let check: Check = Arc::new(|_| Box::pin(async { true }));
        let door = MqttDoor::new(Arc::clone(&tree), check, Limits::default(), kept);
        Self {
            tree,
            office,
            door,
            sessions: Some(sessions),
        }
    }

    /// The house ends, and what was queued is written.
    pub(super) async fn close(self) {
        if let Some(sessions) = &self.sessions {
            sessions.close().await;
        }
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
    /// Go on with what was kept.
    pub(super) resume: bool,
    pub(super) keep_alive_s: u16,
    /// Topic, payload and QoS.
    pub(super) will: Option<(&'h str, &'h str, u8)>,
    pub(super) will_properties: &'h [u8],
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

    /// Opens a session; whether one was kept.
    pub(super) async fn open(&mut self, hello: &Hello<'_>) -> bool {
        let connack = self.say_hello(hello).await;
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "{connack:?}");
        connack.body[0] == 1
    }

    /// Sends one of PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub(super) async fn ack(&mut self, first: u8, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[first, 2, high, low]).await;
    }

    /// The next packet, which is one of these: its first byte and identifier.
    pub(super) async fn acked(&mut self) -> (u8, u16) {
        let frame = self.next().await;
        let id = u16::from_be_bytes([frame.body[0], frame.body[1]]);
        (frame.first, id)
    }

    /// The line breaks; the session ends.
    pub(super) async fn hang_up(self) {
        drop(self.io);
        let _ = self.ended.await;
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
        self.ack(0x40, id).await;
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
    pub(super) qos: u8,
    pub(super) again: bool,
    /// Properties, as they are written.
    pub(super) properties: Vec<u8>,
}

impl Message {
    fn read(frame: Frame, version: Version) -> Self {
        assert_eq!(frame.first >> 4, 3, "{frame:?}");
        let mut from = super::reader::Reader::new(frame.body);
        let topic = from.text().unwrap();
        let qos = frame.first >> 1 & 3;
        let id = (qos > 0).then(|| from.two().unwrap());
        let mut properties = Vec::new();
        if version == Version::V5 {
            let length = from.byte().unwrap();
            properties.extend((0..length).map(|_| from.byte().unwrap()));
        }
        Self {
            topic,
            payload: from.rest(),
            id,
            retain: frame.first & 1 != 0,
            qos,
            again: frame.first & 8 != 0,
            properties,
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
    body.put_u8(if hello.resume { 0 } else { 2 } | will);
    body.put_u16(hello.keep_alive_s);
    if v5 {
        body.put_u8(hello.properties.len() as u8);
        body.put_slice(hello.properties);
    }
    data(&mut body, spell(hello.id).as_bytes());
    if let Some((topic, payload, _)) = hello.will {
        if v5 {
            body.put_u8(hello.will_properties.len() as u8);
            body.put_slice(hello.will_properties);
        }
        data(&mut body, spell(topic).as_bytes());
        data(&mut body, payload.as_bytes());
    }
    packet(0x10, &body)
}

pub(super) fn publish(version: Version, topic: &str, payload: &[u8], id: Option<u16>) -> Vec<u8> {
    let first = if id.is_some() { 0x32 } else { 0x30 };
    publish_with(version, first, topic, payload, id, &[])
}

/// A PUBLISH with any flags and, in MQTT 5, properties.
pub(super) fn publish_with(
    version: Version,
    first: u8,
    topic: &str,
    payload: &[u8],
    id: Option<u16>,
    properties: &[u8],
) -> Vec<u8> {
    let mut body = Vec::new();
    data(&mut body, spell(topic).as_bytes());
    if let Some(id) = id {
        body.put_u16(id);
    }
    if version == Version::V5 {
        body.put_u8(properties.len() as u8);
        body.put_slice(properties);
    }
    body.put_slice(payload);
    packet(first, &body)
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
