//! MQTT over mutual TLS, our door beside Mosquitto: the same clients, certificates and packets, each
//! server a process of its own, one after the other.
//!
//! ```text
//! cargo bench -p gateway --bench mqtt        (Debian: mosquitto)
//! ```
//! Every client hears what it publishes under its own code, so a message counts when it has gone
//! through the server and come back. With QoS 1 it is acknowledged on both ways. Ours looks at rights
//! and keeps nobody's session; Mosquitto looks at no rights and writes nothing down.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench ends when something is wrong"
)]

mod nobody;

use bytes::{Buf, BufMut, BytesMut};
use der::pem::LineEnding;
use futures_util::future::BoxFuture;
use gateway::mqtt::{Kept, Limits, MqttDoor, Wire, server_config};
use gateway::tree::Tree;
use gateway::tree::fanout::RouterFanout;
use gateway::wallet::now;
use issuer::{Authorities, Names, Plan, ServerIdentity, ServerName};
use nobody::Nobody;
use protocol::code::IssuedBy;
use protocol::{Code, Kind, Network};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, fs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const RUN: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// Clients that publish and hear.
const CLIENTS: usize = 20;
/// Messages of one client that are under way when it hurries.
const WINDOW: usize = 100;
const PAYLOAD_BYTES: usize = 200;
/// Connections that do nothing.
const IDLE: usize = 1_000;

// --- who is who

/// Everything a certificate stands for here is its code; the two processes compute it alike.
fn code_of(certificate: &[u8]) -> Option<Code> {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, 1, certificate).ok()
}

fn pem(label: &'static str, der: &[u8]) -> String {
    der::pem::encode_string(label, LineEnding::LF, der).unwrap()
}

/// A root, a server and clients, as files in a folder, which both servers read.
fn make_identities(folder: &Path) {
    let mut random = |bytes: &mut [u8]| {
        getrandom::fill(bytes).unwrap();
        Ok(())
    };
    let names = Names::new("onecode.internal", "localhost:8080").unwrap();
    let plan = Plan::new(Network::new("bench").unwrap(), names, 3600);
    let authorities = Authorities::create(&plan, now(), &mut random).unwrap();
    fs::write(folder.join("root.der"), authorities.root.certificate()).unwrap();
    let root = pem("CERTIFICATE", authorities.root.certificate());
    fs::write(folder.join("root.pem"), root).unwrap();
    for number in 0..=CLIENTS {
        let own = tempfile::tempdir().unwrap();
        let names = [ServerName::parse("localhost").unwrap()];
        let made = authorities.server(own.path(), &names, now(), &mut random);
        let ServerIdentity { chain, key, .. } = made.unwrap();
        let stem = folder.join(number.to_string());
        let whole: String = chain.iter().map(|one| pem("CERTIFICATE", one)).collect();
        fs::write(stem.with_extension("pem"), whole).unwrap();
        fs::write(stem.with_extension("key"), pem("PRIVATE KEY", &key)).unwrap();
    }
}

fn chain(folder: &Path, number: usize) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let stem = folder.join(number.to_string());
    let text = fs::read_to_string(stem.with_extension("pem")).unwrap();
    let blocks = text.split_inclusive("-----END CERTIFICATE-----\n");
    let chain = blocks.map(|block| der::pem::decode_vec(block.as_bytes()).unwrap().1.into());
    let key = fs::read_to_string(stem.with_extension("key")).unwrap();
    let key = der::pem::decode_vec(key.as_bytes()).unwrap().1;
    (chain.collect(), PrivatePkcs8KeyDer::from(key).into())
}

fn roots(folder: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let root = fs::read(folder.join("root.der")).unwrap();
    roots.add(root.into()).unwrap();
    roots
}

// --- the two servers

/// Our door, until it is killed.
async fn serve(folder: &Path) {
    let nobody = Nobody::new();
    let tree = Tree::new(Arc::new(RouterFanout::new()), nobody.clone(), nobody, now);
    let limits = Limits {
        sessions_per_code: usize::MAX,
        packets_per_s: u32::MAX,
        ..Limits::default()
    };
    let everybody = Arc::new(|_| -> BoxFuture<'static, bool> { Box::pin(async { true }) });
    let door = MqttDoor::new(tree, everybody, limits, Kept::nothing(now));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = roots(folder).into();
    let clients = WebPkiClientVerifier::builder_with_provider(clients, Arc::clone(&provider));
    let (chain, key) = chain(folder, 0);
    let config = server_config(chain, key, clients.build().unwrap(), provider).unwrap();
    let (_keep, tls) = watch::channel(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let for_ever = std::future::pending();
    door.serve(listener, Wire::Bare, tls, code_of, for_ever)
        .await;
}

struct Server {
    child: Child,
    at: SocketAddr,
}

impl Server {
    fn ours(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        let at = ([127, 0, 0, 1], port).into();
        Self { child, at }
    }

    fn mosquitto(folder: &Path) -> Self {
        let socket = StdListener::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        drop(socket);
        let of = |name: &str| folder.join(name).display().to_string();
        let settings = format!(
            "listener {} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             allow_anonymous true\npersistence false\nmax_inflight_messages 0\n\
             max_queued_messages 0\nset_tcp_nodelay true\nlog_type none\nuser root\n",
            at.port(),
            of("root.pem"),
            of("0.pem"),
            of("0.key"),
        );
        let file = folder.join("mosquitto.conf");
        fs::write(&file, settings).unwrap();
        let program = ["/usr/sbin/mosquitto", "mosquitto"];
        let program = program.into_iter().find(|at| Path::new(at).exists());
        let child = Command::new(program.unwrap_or("mosquitto"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("mosquitto: {error}; install the package mosquitto"));
        std::thread::sleep(Duration::from_millis(500));
        Self { child, at }
    }

    /// Resident memory, in KiB.
    fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// --- the clients

struct Client {
    tls: TlsStream<TcpStream>,
    unread: BytesMut,
    out: BytesMut,
    topic: String,
}

#[derive(Clone)]
struct Identity {
    connector: TlsConnector,
    code: Code,
}

fn identities(folder: &Path) -> Vec<Identity> {
    let one = |number| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (chain, key) = chain(folder, number);
        let code = code_of(&chain[0]).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(folder))
            .with_client_auth_cert(chain, key)
            .unwrap();
        Identity {
            connector: Arc::new(config).into(),
            code,
        }
    };
    (1..=CLIENTS).map(one).collect()
}

fn packet(out: &mut BytesMut, first: u8, parts: &[&[u8]]) {
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    out.put_u8(first);
    while length > 0x7f {
        out.put_u8((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.put_u8(length as u8);
    parts.iter().for_each(|part| out.put_slice(part));
}

fn text(value: &str) -> Vec<u8> {
    let mut out = (value.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(value.as_bytes());
    out
}

impl Client {
    async fn connect(at: SocketAddr, identity: &Identity, suffix: &str) -> Self {
        let tcp = TcpStream::connect(at).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = "localhost".try_into().unwrap();
        let tls = identity.connector.connect(name, tcp).await.unwrap();
        let mut client = Self {
            tls,
            unread: BytesMut::new(),
            out: BytesMut::new(),
            topic: format!("oc/1/{}/t/x", identity.code),
        };
        let head = [0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
        let id = text(&format!("{}{suffix}", identity.code));
        packet(&mut client.out, 0x10, &[&head, &id]);
        assert_eq!(client.next().await.0, 0x20);
        client
    }

    async fn subscribe(&mut self, qos: u8) {
        let topic = text(&self.topic);
        packet(&mut self.out, 0x82, &[&[0, 1], &topic, &[qos]]);
        assert_eq!(self.next().await.0, 0x90);
    }

    fn publish(&mut self, qos: u8, id: u16) {
        let topic = text(&self.topic);
        let id = id.to_be_bytes();
        let id: &[u8] = if qos > 0 { &id } else { &[] };
        packet(
            &mut self.out,
            0x30 | qos << 1,
            &[&topic, id, &[b'x'; PAYLOAD_BYTES]],
        );
    }

    /// Writes what there is and reads the next packet: its first byte and its body.
    async fn next(&mut self) -> (u8, BytesMut) {
        loop {
            if let Some(whole) = self.take() {
                return whole;
            }
            if !self.out.is_empty() {
                self.tls.write_all_buf(&mut self.out).await.unwrap();
                self.tls.flush().await.unwrap();
            }
            let read = self.tls.read_buf(&mut self.unread).await.unwrap();
            assert!(read > 0, "the server ended the connection");
        }
    }

    fn take(&mut self) -> Option<(u8, BytesMut)> {
        let (mut length, mut header) = (0, 1);
        loop {
            let byte = *self.unread.get(header)?;
            length |= usize::from(byte & 0x7f) << (7 * (header - 1));
            header += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if self.unread.len() < header + length {
            return None;
        }
        let first = self.unread[0];
        self.unread.advance(header);
        Some((first, self.unread.split_to(length)))
    }

    /// Publishes and hears until the time is over; how long each message took.
    async fn run(mut self, qos: u8, window: usize, until: Instant) -> Vec<Duration> {
        let mut sent = VecDeque::new();
        let (mut took, mut id) = (Vec::new(), 0u16);
        while Instant::now() < until {
            while sent.len() < window {
                id = id.checked_add(1).unwrap_or(1);
                self.publish(qos, id);
                sent.push_back(Instant::now());
            }
            let (first, body) = self.next().await;
            if first >> 4 == 3 {
                took.push(sent.pop_front().unwrap().elapsed());
                if first & 6 > 0 {
                    let at = 2 + self.topic.len();
                    packet(&mut self.out, 0x40, &[&body[at..at + 2]]);
                }
            }
        }
        took
    }
}

// --- what is measured

/// Messages in a second, and the 99th percentile of their way there and back.
async fn messages(server: &Server, who: &[Identity], qos: u8, window: usize) -> (f64, Duration) {
    let mut clients = Vec::new();
    for identity in who {
        let mut client = Client::connect(server.at, identity, "").await;
        client.subscribe(qos).await;
        clients.push(client);
    }
    let until = Instant::now() + RUN;
    let runs: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(client.run(qos, window, until)))
        .collect();
    let mut took = Vec::new();
    for run in runs {
        took.extend(run.await.unwrap());
    }
    took.sort_unstable();
    let rate = took.len() as f64 / RUN.as_secs_f64();
    (rate, took[took.len() * 99 / 100])
}

/// Handshakes with CONNECT and CONNACK in a second.
async fn connects(server: &Server, who: &[Identity]) -> f64 {
    let until = Instant::now() + RUN;
    let mut runs = Vec::new();
    for identity in who {
        let (identity, at) = (identity.clone(), server.at);
        runs.push(tokio::spawn(async move {
            let mut done = 0u32;
            while Instant::now() < until {
                Client::connect(at, &identity, &format!(".{done}")).await;
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for run in runs {
        done += run.await.unwrap();
    }
    f64::from(done) / RUN.as_secs_f64()
}

/// KiB of the server for one connection that does nothing.
async fn idle(server: &Server, who: &[Identity]) -> f64 {
    let before = server.resident_kib();
    let mut held = Vec::new();
    for number in 0..IDLE {
        let identity = &who[number % who.len()];
        held.push(Client::connect(server.at, identity, &format!(".i{number}")).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    (server.resident_kib() - before) as f64 / IDLE as f64
}

/// What was measured of one server.
struct Figures {
    /// With many messages under way: in a second, by QoS.
    rate: [f64; 2],
    /// With one message of each client under way: 99th percentile, by QoS.
    p99: [Duration; 2],
    connects: f64,
    idle_kib: f64,
}

impl Figures {
    async fn of(server: &Server, who: &[Identity]) -> Self {
        let idle_kib = idle(server, who).await;
        let (mut rate, mut p99) = ([0.0; 2], [Duration::ZERO; 2]);
        for qos in [0, 1] {
            let at = usize::from(qos);
            rate[at] = messages(server, who, qos, WINDOW).await.0;
            p99[at] = messages(server, who, qos, 1).await.1;
        }
        Self {
            rate,
            p99,
            connects: connects(server, who).await,
            idle_kib,
        }
    }

    fn better(self, other: Self) -> Self {
        let both = |pick: fn(&Self) -> f64| pick(&self).max(pick(&other));
        Self {
            rate: [both(|f| f.rate[0]), both(|f| f.rate[1])],
            p99: [self.p99[0].min(other.p99[0]), self.p99[1].min(other.p99[1])],
            connects: both(|f| f.connects),
            idle_kib: self.idle_kib.min(other.idle_kib),
        }
    }

    /// Ratios to another server.
    fn beside(&self, other: &Self) -> String {
        let time = |at: usize| self.p99[at].as_secs_f64() / other.p99[at].as_secs_f64();
        format!(
            "messages/s QoS 0 {:.2}, QoS 1 {:.2}; p99 QoS 0 {:.2}, QoS 1 {:.2}; \
             TLS connects/s {:.2}; memory of an idle connection {:.2}",
            self.rate[0] / other.rate[0],
            self.rate[1] / other.rate[1],
            time(0),
            time(1),
            self.connects / other.connects,
            self.idle_kib / other.idle_kib
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rate, p99] = [self.rate, self.p99.map(|p99| p99.as_secs_f64() * 1e3)];
        write!(
            f,
            "QoS 0 {:8.0}/s p99 {:.2} ms, QoS 1 {:8.0}/s p99 {:.2} ms, {:.0} connects/s, \
             {:.1} KiB an idle connection",
            rate[0], p99[0], rate[1], p99[1], self.connects, self.idle_kib
        )
    }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == "serve") {
        let folder = arguments.next().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(serve(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make_identities(folder);
    let who = identities(folder);
    let clients = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut best: [Option<Figures>; 2] = [None, None];
    for round in 0..ROUNDS {
        for (which, name) in ["ours", "mosquitto"].into_iter().enumerate() {
            let server = match which {
                0 => Server::ours(folder),
                _ => Server::mosquitto(folder),
            };
            let figures = clients.block_on(Figures::of(&server, &who));
            println!("round {round} {name:9} {figures}");
            best[which] = Some(match best[which].take() {
                Some(before) => before.better(figures),
                None => figures,
            });
        }
    }
    if let [Some(ours), Some(theirs)] = best {
        println!("ours to mosquitto, best of {ROUNDS} rounds, {CLIENTS} clients:");
        println!("{}", ours.beside(&theirs));
    }
}
