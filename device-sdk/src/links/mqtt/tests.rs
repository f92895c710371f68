//! Against a broker that does as it is told, over TLS with client certificates.

use super::*;
use crate::enrol::Keys;
use crate::test_house::House;
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode,
};
use rumqttc::mqttbytes::{Error, QoS};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const PATIENCE: Duration = Duration::from_secs(20);

struct Broker {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    code: Code,
    tls: Arc<ClientConfig>,
}

/// The broker's end of one connection.
struct Line {
    stream: TlsStream<TcpStream>,
    received: BytesMut,
}

impl Broker {
    async fn new() -> Self {
        let house = House::new(20);
        let keys = Keys::from_random(&[40; 32], &[41; 32]).unwrap();
        let issued = house.issue(&keys.request(&house.network).unwrap(), 7);
        let roots = [&house.root.certificate, &house.issuer.certificate]
            .map(|der| CertificateDer::from(der.clone()));
        let key = PrivateKeyDer::Pkcs8(keys.transport_pkcs8().unwrap());
        let gateway = house.gateway.certificate.clone();
        let chain = vec![issued.certificate.into(), gateway.into()];
        let tls = crate::tls::client_config(chain, key, &roots).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).unwrap();
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
        let (chain, key) = house.server();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            code: issued.code,
            tls,
        }
    }

    fn settings(&self) -> Settings {
        let port = self.listener.local_addr().unwrap().port();
        let mut settings = Settings::new("127.0.0.1", port, self.code, self.tls.clone());
        settings.timing.first_wait = Duration::from_millis(20);
        settings.timing.longest_wait = Duration::from_millis(50);
        settings.timing.ack_timeout = Duration::from_millis(300);
        settings
    }

    /// Takes the next connection through CONNECT and SUBSCRIBE.
    async fn accept(&self) -> Line {
        let (stream, _) = self.listener.accept().await.unwrap();
        let stream = self.acceptor.accept(stream).await.unwrap();
        let received = BytesMut::new();
        let mut line = Line { stream, received };
        let Packet::Connect(connect) = line.read().await.unwrap() else {
            panic!("no CONNECT");
        };
        assert_eq!(connect.client_id, self.code.to_string());
        assert!(connect.clean_session);
        let accepted = ConnAck::new(ConnectReturnCode::Success, false);
        line.write(|out| accepted.write(out)).await;
        let Packet::Subscribe(subscribe) = line.read().await.unwrap() else {
            panic!("no SUBSCRIBE");
        };
        assert_eq!(subscribe.filters[0].path, inbox_topic(&self.code));
        let granted = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
        let suback = SubAck::new(subscribe.pkid, granted);
        line.write(|out| suback.write(out)).await;
        line
    }
}

impl Line {
    /// The next packet; `None` at the end.
    async fn read(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.received, PACKET_MAX_BYTES) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let read = self.stream.read_buf(&mut self.received);
            match timeout(PATIENCE, read).await.expect("nothing came") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn publish(&mut self) -> Publish {
        loop {
            match self.read().await.unwrap() {
                Packet::Publish(publish) => return publish,
                Packet::PingReq => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn write(&mut self, write: impl FnOnce(&mut BytesMut) -> Result<usize, Error>) {
        let mut bytes = BytesMut::new();
        write(&mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn acknowledge(&mut self, publish: &Publish) {
        let ack = PubAck::new(publish.pkid);
        self.write(|out| ack.write(out)).await;
    }

    async fn deliver(&mut self, topic: &str, number: u16, payload: &[u8]) {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = number;
        self.write(|out| publish.write(out)).await;
    }
}

#[tokio::test]
async fn a_message_is_sent_when_the_gateway_acknowledges_it_and_not_before() {
    let broker = Broker::new().await;
    let (mqtt, _deliveries) = Mqtt::start(broker.settings());
    let mut line = broker.accept().await;
    timeout(PATIENCE, mqtt.ready()).await.unwrap().unwrap();
    let sender = mqtt.clone();
    let sending = tokio::spawn(async move { sender.send(Peer::Gateway, b"renewal").await });
    let publish = line.publish().await;
    assert_eq!(publish.topic, outbox_topic(&broker.code, Peer::Gateway));
    assert_eq!(&publish.payload[..], b"renewal");
    assert_eq!(publish.qos, QoS::AtLeastOnce);
    assert!(!sending.is_finished());
    line.acknowledge(&publish).await;
    assert_eq!(sending.await.unwrap(), Ok(()));
    let wildcard = mqtt.publish("oc/1/+/t/x", b"", false).await;
    assert_eq!(wildcard, Err(PublishError::Topic));
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_in_order_on_a_new_connection() {
    let broker = Broker::new().await;
    let (mqtt, _deliveries) = Mqtt::start(broker.settings());
    let mut line = broker.accept().await;
    let mut sending = Vec::new();
    for number in 0..5u8 {
        let sender = mqtt.clone();
        sending.push(tokio::spawn(async move {
            sender.send(Peer::Gateway, &[number]).await
        }));
        let publish = line.publish().await;
        assert_eq!(&publish.payload[..], [number]);
        if number == 1 {
            line.acknowledge(&publish).await;
        }
    }
    drop(line);
    let mut line = broker.accept().await;
    for number in [0, 2, 3, 4] {
        let publish = line.publish().await;
        assert_eq!(&publish.payload[..], [number]);
        line.acknowledge(&publish).await;
    }
    for sending in sending {
        assert_eq!(timeout(PATIENCE, sending).await.unwrap().unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn what_is_never_acknowledged_is_given_back_and_holds_up_nothing() {
    let broker = Broker::new().await;
    let mut settings = broker.settings();
    settings.timing.attempts = 2;
    let (mqtt, _deliveries) = Mqtt::start(settings);
    let [bad, good] = [b"bad", b"gut"].map(|message| {
        let sender = mqtt.clone();
        tokio::spawn(async move { sender.send(Peer::Gateway, message).await })
    });
    let serving = tokio::spawn(async move {
        loop {
            let mut line = broker.accept().await;
            while let Some(packet) = line.read().await {
                match packet {
                    Packet::Publish(publish) if &publish.payload[..] == b"gut" => {
                        line.acknowledge(&publish).await;
                    }
                    _ => {}
                }
            }
        }
    });
    assert_eq!(timeout(PATIENCE, good).await.unwrap().unwrap(), Ok(()));
    let refused = timeout(PATIENCE, bad).await.unwrap().unwrap();
    assert_eq!(refused, Err(PublishError::Refused));
    serving.abort();
}

#[tokio::test]
async fn a_delivery_is_acknowledged_when_it_is_done_and_comes_again_when_not() {
    let broker = Broker::new().await;
    let (_mqtt, mut deliveries) = Mqtt::start(broker.settings());
    let topic = inbox_topic(&broker.code);
    let mut line = broker.accept().await;
    line.deliver(&topic, 1, b"first").await;
    line.deliver(&topic, 2, b"second").await;
    let first = deliveries.next().await.unwrap();
    assert_eq!((&first.topic, &first.payload[..]), (&topic, &b"first"[..]));
    let second = deliveries.next().await.unwrap();
    first.done();
    let Some(Packet::PubAck(ack)) = line.read().await else {
        panic!("no PUBACK");
    };
    assert_eq!(ack.pkid, 1);
    drop(line);
    let mut line = broker.accept().await;
    // Of the connection that is gone: nothing to acknowledge here.
    second.done();
    line.deliver(&topic, 7, b"second").await;
    deliveries.next().await.unwrap().done();
    let Some(Packet::PubAck(ack)) = line.read().await else {
        panic!("no PUBACK");
    };
    assert_eq!(ack.pkid, 7);
}

#[tokio::test]
async fn the_connection_ends_with_the_last_handle() {
    let broker = Broker::new().await;
    let (mqtt, mut deliveries) = Mqtt::start(broker.settings());
    let mut line = broker.accept().await;
    timeout(PATIENCE, mqtt.ready()).await.unwrap().unwrap();
    drop(mqtt);
    assert!(matches!(line.read().await, Some(Packet::Disconnect)));
    let end = timeout(PATIENCE, deliveries.next()).await.unwrap();
    assert!(end.is_none());
}

#[tokio::test]
async fn sessions_of_one_code_are_told_apart_by_name() {
    let broker = Broker::new().await;
    let mut settings = broker.settings();
    assert_eq!(settings.client_id(), broker.code.to_string());
    settings.session = "sub";
    assert_eq!(settings.client_id(), format!("{}.sub", broker.code));
}

#[tokio::test]
async fn a_server_that_the_root_does_not_carry_is_not_spoken_to() {
    let broker = Broker::new().await;
    let stranger = House::new(60);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (chain, key) = stranger.server();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (mqtt, _deliveries) = Mqtt::start(broker.settings());
    let (stream, _) = broker.listener.accept().await.unwrap();
    assert!(acceptor.accept(stream).await.is_err());
    let mut state = mqtt.state.clone();
    let away = state.wait_for(|state| matches!(state, State::Away { .. }));
    let State::Away { reason } = away.await.unwrap().clone() else {
        panic!("not away");
    };
    assert!(reason.to_lowercase().contains("certificate"), "{reason}");
}
