//! CoAP requests and notifications in a second, our door beside libcoap's `coap-server-notls`: the
//! same clients, the same datagrams, each server a process of its own, one after the other.
//!
//! ```text
//! cargo bench -p gateway --bench coap        (Debian: libcoap3-bin)
//! ```
//! Ours answers from the tree with its rights and its fan-out, over UDP without DTLS, which libcoap
//! has in another program; its bounds on a peer's rate are lifted. Every request is confirmable.
//! Notifications are counted where they arrive; ours are all confirmable, of libcoap's one in five.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench ends when something is wrong"
)]

mod nobody;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType};
use device_sdk::coap::wire;
use futures_util::future::BoxFuture;
use gateway::coap::endpoint::Seed;
use gateway::coap::limits::Limits;
use gateway::coap::request::Request;
use gateway::coap::resource::{Answer, Asker, Resources};
use gateway::coap::{TreeResources, udp};
use gateway::tree::Tree;
use gateway::tree::fanout::RouterFanout;
use nobody::Nobody;
use protocol::Code;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const RUN: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
/// Clients that ask, each with one request under way.
const CLIENTS: usize = 32;
/// Clients that observe one resource while one other changes it.
const OBSERVERS: usize = 64;
const STATE_BYTES: usize = 32;
/// A lost datagram is given up after this and counted.
const PATIENCE: Duration = Duration::from_millis(500);

fn code() -> Code {
    // The example of docs/protocol.md, chapter 2.
    include_str!("../../docs/vectors/codes.json")
        .split('"')
        .find_map(|word| word.parse().ok())
        .unwrap()
}

/// The tree for callers who need not prove who they are.
struct Known(Arc<TreeResources>, Code);

impl Resources for Known {
    fn answer(&self, asker: Asker, request: Request) -> BoxFuture<'static, Answer> {
        let caller = Some(self.1);
        self.0.answer(Asker { caller, ..asker }, request)
    }
}

/// Our door, until it is killed.
async fn serve() {
    let nobody = Nobody::new();
    let fanout = Arc::new(RouterFanout::new());
    let tree = Tree::new(fanout, nobody.clone(), nobody, gateway::wallet::now);
    let resources = Arc::new(Known(TreeResources::new(tree, None), code()));
    let limits = Limits {
        requests_per_s: u32::MAX,
        burst: u32::MAX,
        ..Limits::VERIFIED
    };
    let seed = Seed {
        dice: 1,
        echo: [1; 16],
    };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    println!("{}", socket.local_addr().unwrap().port());
    let _door = udp::listen(socket, limits, resources, Arc::default(), seed).unwrap();
    std::future::pending::<()>().await;
}

struct Server {
    child: Child,
    at: SocketAddr,
    path: Vec<String>,
}

impl Server {
    fn ours() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        let path = format!("oc/1/{}/s", code());
        Self {
            child,
            at: ([127, 0, 0, 1], port).into(),
            path: path.split('/').map(str::to_owned).collect(),
        }
    }

    fn libcoap() -> Self {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        drop(socket);
        let child = Command::new("coap-server-notls")
            .args(["-A", "127.0.0.1", "-d", "10", "-p", &at.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("coap-server-notls: {error}; install libcoap3-bin"));
        std::thread::sleep(Duration::from_millis(500));
        let path = vec!["bench".to_owned()];
        Self { child, at, path }
    }

    fn message(&self, method: RequestType, token: u8) -> Packet {
        let code = MessageClass::Request(method);
        let mut packet = wire::bare(MessageType::Confirmable, code, 0);
        packet.set_token(vec![token]);
        for segment in &self.path {
            packet.add_option(CoapOption::UriPath, segment.as_bytes().to_vec());
        }
        packet
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One client with its socket.
struct Client {
    socket: UdpSocket,
    message_id: u16,
    buffer: [u8; 1500],
}

impl Client {
    async fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server.at).await.unwrap();
        Self {
            socket,
            message_id: 0,
            buffer: [0; 1500],
        }
    }

    /// Sends a request and waits for the answer's code; `None` when none came.
    async fn ask(&mut self, packet: &mut Packet) -> Option<u8> {
        self.message_id = self.message_id.wrapping_add(1);
        packet.header.message_id = self.message_id;
        self.socket.send(&wire::write(packet)?).await.ok()?;
        loop {
            let length = timeout(PATIENCE, self.socket.recv(&mut self.buffer)).await;
            let length = length.ok()?.ok()?;
            let answer = &self.buffer[..length];
            if answer.get(2..4)? == self.message_id.to_be_bytes() {
                return answer.get(1).copied();
            }
        }
    }

    /// Waits for a notification and acknowledges it if that is wanted.
    async fn notice(&mut self) -> bool {
        let received = timeout(PATIENCE, self.socket.recv(&mut self.buffer)).await;
        let Ok(Ok(length)) = received else {
            return false;
        };
        if length > 4 && self.buffer[0] & 0x30 == 0 {
            let id = u16::from_be_bytes([self.buffer[2], self.buffer[3]]);
            let acknowledged = wire::empty(MessageType::Acknowledgement, id);
            let _ = self.socket.send(&acknowledged).await;
        }
        length > 4
    }
}

const CONTENT: u8 = 0x45;

/// GETs in a second, and how many were never answered.
async fn requests(server: &Server) -> (f64, u64) {
    let mut put = server.message(RequestType::Put, 1);
    put.payload = vec![b'x'; STATE_BYTES];
    assert!(Client::new(server).await.ask(&mut put).await.is_some());
    let lost = Arc::<AtomicU64>::default();
    let until = Instant::now() + RUN;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (mut client, mut get) = (
            Client::new(server).await,
            server.message(RequestType::Get, 2),
        );
        let lost = Arc::clone(&lost);
        clients.push(tokio::spawn(async move {
            let mut done = 0u64;
            while Instant::now() < until {
                match client.ask(&mut get).await {
                    Some(CONTENT) => done += 1,
                    Some(other) => panic!("answered {other:#x}"),
                    None => drop(lost.fetch_add(1, Ordering::Relaxed)),
                }
            }
            done
        }));
    }
    let mut done = 0;
    for client in clients {
        done += client.await.unwrap();
    }
    (
        done as f64 / RUN.as_secs_f64(),
        lost.load(Ordering::Relaxed),
    )
}

/// Notifications that arrive in a second while one resource changes as fast as it may.
async fn notifications(server: &Server) -> f64 {
    let heard = Arc::<AtomicU64>::default();
    let over = Arc::<AtomicBool>::default();
    let mut observers = Vec::new();
    for _ in 0..OBSERVERS {
        let mut client = Client::new(server).await;
        let mut observe = server.message(RequestType::Get, 3);
        observe.add_option(CoapOption::Observe, vec![]);
        assert_eq!(client.ask(&mut observe).await, Some(CONTENT));
        let (heard, over) = (Arc::clone(&heard), Arc::clone(&over));
        observers.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                if client.notice().await {
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    let mut writer = Client::new(server).await;
    let mut put = server.message(RequestType::Put, 4);
    let began = Instant::now();
    let mut number = 0u64;
    while began.elapsed() < RUN {
        number += 1;
        put.payload = format!("{number:0STATE_BYTES$}").into_bytes();
        let _ = writer.ask(&mut put).await;
    }
    let rate = heard.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    for observer in observers {
        observer.await.unwrap();
    }
    rate
}

fn main() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().build().unwrap()
    };
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return runtime().block_on(serve());
    }
    let clients = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut best = [[0f64; 2]; 2];
    for round in 0..ROUNDS {
        for (which, name) in ["ours", "libcoap"].into_iter().enumerate() {
            let server = match which {
                0 => Server::ours(),
                _ => Server::libcoap(),
            };
            let (asked, lost) = clients.block_on(requests(&server));
            let told = clients.block_on(notifications(&server));
            println!(
                "round {round} {name:8} {asked:9.0} requests/s ({lost} lost), {told:9.0} notifications/s"
            );
            best[which] = [best[which][0].max(asked), best[which][1].max(told)];
        }
    }
    let [ours, theirs] = best;
    println!(
        "ours to libcoap: requests {:.2}, notifications {:.2} (best of {ROUNDS} rounds; {CLIENTS} clients; {OBSERVERS} observers)",
        ours[0] / theirs[0],
        ours[1] / theirs[1]
    );
}
