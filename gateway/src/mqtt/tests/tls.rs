//! The door with its lock: real sockets, real handshakes.

use super::{
    super::{Counters, Limits, MqttDoor, Reason, server_config},
    Hello, connect, publish,
};
use crate::{
    mqtt::packet::Version,
    tree::tests::{code, tree},
};
use issuer::{Authorities, ListOrder, Names, Plan, Revoked, ServerIdentity, ServerName};
use protocol::{Code, Network, Timestamp};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        ServerName as DnsName,
    },
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The codes in certificates are the issuer's concern; here everybody is A.
fn everybody(_: &[u8]) -> Option<Code> {
    Some(code("A"))
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(since.as_secs() as u32)
}

/// Authorities in memory. Things and servers are alike here: a key and a chain up to the root.
struct Pki {
    authorities: Authorities,
    server: ServerIdentity,
    client: ServerIdentity,
}

impl Pki {
    fn new() -> Self {
        let mut random = |bytes: &mut [u8]| {
            getrandom::fill(bytes).unwrap();
            Ok(())
        };
        let names = Names::new("onecode.internal", "localhost:8080").unwrap();
        let plan = Plan::new(Network::new("test").unwrap(), names, 3600);
        let authorities = Authorities::create(&plan, now(), &mut random).unwrap();
        let mut identity = || {
            let folder = tempfile::tempdir().unwrap();
            let names = [ServerName::parse("localhost").unwrap()];
            authorities
                .server(folder.path(), &names, now(), &mut random)
                .unwrap()
        };
        let (server, client) = (identity(), identity());
        Self {
            authorities,
            server,
            client,
        }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let root = self.authorities.root.certificate().to_vec();
        roots.add(CertificateDer::from(root)).unwrap();
        roots
    }

    /// The door's configuration, with the client on the revocation list or not.
    fn server(&self, client_revoked: bool) -> Arc<ServerConfig> {
        let leaf = x509_cert::der::Decode::from_der(&self.client.chain[0]);
        let leaf: x509_cert::Certificate = leaf.unwrap();
        let serial = leaf.tbs_certificate().serial_number().as_bytes();
        let mut padded = [0; 16];
        // DER puts a zero before a high first bit, and leaves zeros out.
        for (to, from) in padded.iter_mut().rev().zip(serial.iter().rev()) {
            *to = *from;
        }
        let revoked = Revoked {
            serial: padded,
            at: now(),
        };
        let order = ListOrder {
            number: 1,
            this_update: now(),
            next_update: now().plus_s(3600),
        };
        let listed = if client_revoked {
            vec![revoked]
        } else {
            vec![]
        };
        let list = self.authorities.issuer.revocation_list(&order, &listed);
        let crl = CertificateRevocationListDer::from(list.unwrap());
        let (chain, key) = parts(&self.server);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = self.roots().into();
        let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .with_crls([crl])
            .only_check_end_entity_revocation()
            .build();
        Arc::new(server_config(chain, key, clients.unwrap(), provider).unwrap())
    }

    fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        let (chain, key) = parts(&self.client);
        self.client_base(version)
            .with_client_auth_cert(chain, key)
            .unwrap()
    }

    fn client_base(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots())
    }
}

fn parts(identity: &ServerIdentity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = identity.chain.iter().cloned().map(CertificateDer::from);
    let key = PrivatePkcs8KeyDer::from(identity.key.to_vec());
    (chain.collect(), key.into())
}

struct Served {
    address: SocketAddr,
    counters: Arc<Counters>,
    tls: watch::Sender<Arc<ServerConfig>>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn serve(pki: &Pki, limits: Limits) -> Served {
    let door = MqttDoor::new(
        tree().0,
        Arc::new(|_| Box::pin(async { true })),
        limits,
        crate::mqtt::Kept::nothing(now),
    );
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let counters = Arc::clone(door.counters());
    let (tls, config) = watch::channel(pki.server(false));
    let (stop, stopped) = oneshot::channel();
    let serving = door.serve(
        listener,
        crate::mqtt::Wire::Bare,
        config,
        everybody,
        async {
            let _ = stopped.await;
        },
    );
    Served {
        address,
        counters,
        tls,
        stop,
        ended: tokio::spawn(serving),
    }
}

/// TLS, CONNECT, and one publication acknowledged.
async fn speak(at: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(at).await?;
    let name = DnsName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await?;
    tls.write_all(&connect(Version::V311, &Hello::default()))
        .await?;
    tls.write_all(&publish(Version::V311, "oc/1/A/t/x", b"x", Some(7)))
        .await?;
    let mut answers = [0; 8];
    tls.read_exact(&mut answers).await?;
    assert_eq!(answers, [0x20, 2, 0, 0, 0x40, 2, 0, 7]);
    Ok(tls)
}

async fn counted(counters: &Counters, reason: Reason, times: u64) {
    let waiting = async {
        while counters.of(reason) < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(seen.is_ok(), "{reason:?}: {}", counters.of(reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_opens_the_door_and_nothing_is_resumed() {
    let pki = Pki::new();
    let served = serve(&pki, Limits::default()).await;
    for version in [&TLS12, &TLS13] {
        let config = pki.client(version);
        // The same configuration twice: its session cache is shared.
        for _ in 0..2 {
            let mut session = speak(served.address, config.clone()).await.unwrap();
            let kind = session.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(rustls::HandshakeKind::Full));
            session.write_all(&[0xe0, 0]).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_or_a_foreign_one_is_refused() {
    let pki = Pki::new();
    let served = serve(&pki, Limits::default()).await;
    let bare = pki.client_base(&TLS13).with_no_client_auth();
    assert!(speak(served.address, bare).await.is_err());
    counted(&served.counters, Reason::HandshakeFailed, 1).await;
    let (chain, key) = parts(&Pki::new().client);
    let foreign = pki.client_base(&TLS13).with_client_auth_cert(chain, key);
    assert!(speak(served.address, foreign.unwrap()).await.is_err());
    counted(&served.counters, Reason::HandshakeFailed, 2).await;
    speak(served.address, pki.client(&TLS13)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_revocation_list_counts_from_the_next_connection() {
    let pki = Pki::new();
    let served = serve(&pki, Limits::default()).await;
    speak(served.address, pki.client(&TLS13)).await.unwrap();
    served.tls.send_replace(pki.server(true));
    assert!(speak(served.address, pki.client(&TLS13)).await.is_err());
    counted(&served.counters, Reason::HandshakeFailed, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_delay_others() {
    let pki = Pki::new();
    for (half_open, half_open_per_address) in [(60, 50), (50, 60)] {
        let limits = Limits {
            half_open,
            half_open_per_address,
            ..Limits::default()
        };
        silence(&pki, limits).await;
    }
}

async fn silence(pki: &Pki, limits: Limits) {
    let served = serve(pki, limits).await;
    let mut silent = Vec::new();
    for n in 0..300 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        if n % 2 == 0 {
            // Half a handshake record.
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    counted(&served.counters, Reason::HalfOpenEvicted, 250).await;
    let started = Instant::now();
    let _good = speak(served.address, pki.client(&TLS13)).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_have_a_deadline() {
    let pki = Pki::new();
    let limits = Limits {
        open_deadline_ms: 100,
        ..Limits::default()
    };
    let served = serve(&pki, limits).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut byte = [0];
    assert_eq!(silent.read(&mut byte).await.unwrap(), 0);
    counted(&served.counters, Reason::HandshakeTimeout, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_bounded_per_address() {
    let pki = Pki::new();
    let limits = Limits {
        sessions_per_address: 1,
        ..Limits::default()
    };
    let served = serve(&pki, limits).await;
    let first = speak(served.address, pki.client(&TLS13)).await.unwrap();
    assert!(speak(served.address, pki.client(&TLS13)).await.is_err());
    counted(&served.counters, Reason::TooManyFromAddress, 1).await;
    drop(first);
    // Its place is free as soon as the door has noticed.
    let again = async {
        while speak(served.address, pki.client(&TLS13)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_door_says_goodbye() {
    let pki = Pki::new();
    let served = serve(&pki, Limits::default()).await;
    let tcp = TcpStream::connect(served.address).await.unwrap();
    let name = DnsName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(pki.client(&TLS13)));
    let mut tls = connector.connect(name, tcp).await.unwrap();
    tls.write_all(&connect(Version::V5, &Hello::default()))
        .await
        .unwrap();
    let mut first = [0; 1];
    tls.read_exact(&mut first).await.unwrap();
    served.stop.send(()).unwrap();
    let mut rest = Vec::new();
    tls.read_to_end(&mut rest).await.unwrap();
    let goodbye = rest.windows(2).any(|two| two == [0xe0, 31]);
    assert!(
        goodbye && rest.ends_with(b"The gateway is going down."),
        "{rest:x?}"
    );
    served.ended.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}
