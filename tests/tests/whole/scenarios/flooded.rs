//! Strangers flood the plain CoAP door while an honest pair goes on settling payments at the other.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::house::House;
use tests::pair::Pair;

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_secs(6);
/// 99 of 100 settlements take no longer, flood or not, on two cores without optimisation.
const P99_MAX: Duration = Duration::from_secs(1);
/// The program may grow by so much, and no more with every further flood.
const GROWTH_MAX_BYTES: u64 = 32 * 1024 * 1024;
const SOCKETS: usize = 256;
/// 4.01; what its Echo option holds is the end of it, behind head, token and Block1.
const UNAUTHORIZED: u8 = 0x81;
const ECHO_AT: usize = 10;

/// Who floods: many ports of many addresses, all of this machine.
struct Crowd {
    sockets: Vec<UdpSocket>,
    door: SocketAddr,
    sent: u64,
}

impl Crowd {
    fn at(door: SocketAddr) -> Self {
        let socket = |at: usize| {
            // Nobody reads most of the answers: that is all there is to a spoofed address.
            let address = Ipv4Addr::new(127, 1, (at / 250) as u8, (at % 250) as u8 + 1);
            let socket = UdpSocket::bind((address, 0)).expect("loopback has many addresses");
            socket.set_nonblocking(true).expect("a socket");
            socket
        };
        let sockets = (0..SOCKETS).map(socket).collect();
        Self {
            sockets,
            door,
            sent: 0,
        }
    }

    fn send(&mut self, at: usize, datagram: &[u8]) {
        // What finds no room in the machine's queues is lost, as anywhere.
        let _ = self.sockets[at % SOCKETS].send_to(datagram, self.door);
        self.sent += 1;
    }
}

fn head(method: u8, number: u64) -> Vec<u8> {
    let [.., high, low] = number.to_be_bytes();
    vec![0x41, method, high, low, 0x55]
}

/// Reads `/.well-known/core` as fast as it can.
fn readers(crowd: &mut Crowd, round: u64) {
    let mut get = head(1, round);
    get.extend_from_slice(b"\xbb.well-known\x04core");
    crowd.send(round as usize, &get);
}

/// Posts what looks like wallet messages, and never shows where it is.
fn spoofed(crowd: &mut Crowd, round: u64) {
    let mut post = head(2, round);
    post.extend_from_slice(b"\xb2oc\x011\xff");
    post.resize(1_200, 0x84);
    crowd.send(round as usize, &post);
}

/// Shows where it is and begins bodies that it never ends, several at once from each port; `echoes`
/// are what the door has told whom.
fn bodies(crowd: &mut Crowd, round: u64, echoes: &mut HashMap<usize, Vec<u8>>) {
    let at = round as usize % SOCKETS;
    let mut answer = [0; 128];
    while let Ok(length) = crowd.sockets[at].recv(&mut answer) {
        if answer[1] == UNAUTHORIZED && length == ECHO_AT + 8 {
            echoes.insert(at, answer[ECHO_AT..length].to_vec());
        }
    }
    // Options in order: Uri-Path 11, Block1 27, Echo 252, Request-Tag 292.
    let mut put = head(3, round);
    put.extend_from_slice(b"\xb1x");
    let block = (round / SOCKETS as u64 / 8) % 4;
    put.extend_from_slice(&[0xd1, 3, (block as u8) << 4 | 0x0e]);
    let mut last = 27;
    if let Some(echo) = echoes.get(&at) {
        put.extend_from_slice(&[0xd8, (252 - last - 13) as u8]);
        put.extend_from_slice(echo);
        last = 252;
    }
    let (delta, tag) = (292 - last, (round / SOCKETS as u64 % 8) as u8);
    match delta {
        13..269 => put.extend_from_slice(&[0xd1, (delta - 13) as u8, tag]),
        _ => put.extend_from_slice(&[0xe1, 0, (delta - 269) as u8, tag]),
    }
    put.push(0xff);
    put.resize(put.len() + 1_024, 7);
    crowd.send(at, &put);
}

#[test]
fn an_honest_pair_goes_on_paying_while_strangers_flood_the_plain_door() {
    let house = House::start();
    let mut pair = Pair::new(&house);
    let before_bytes = house.resident_bytes();
    let mut echoes = HashMap::new();
    type Flood = Box<dyn FnMut(&mut Crowd, u64) + Send>;
    let mut floods: Vec<(&str, Flood)> = vec![
        (
            "nobody",
            Box::new(|_, _| thread::sleep(Duration::from_millis(5))),
        ),
        ("readers from many ports", Box::new(readers)),
        ("spoofed sources", Box::new(spoofed)),
        (
            "overlapping bodies without an end",
            Box::new(move |crowd, round| bodies(crowd, round, &mut echoes)),
        ),
    ];
    for (name, flood) in &mut floods {
        let over = AtomicBool::new(false);
        let (took, sent) = thread::scope(|scope| {
            let flooding = scope.spawn(|| {
                let mut crowd = Crowd::at(house.doors().coap);
                let began = Instant::now();
                let mut round = 0;
                while began.elapsed() < FLOOD {
                    flood(&mut crowd, round);
                    round += 1;
                }
                over.store(true, Ordering::Relaxed);
                crowd.sent
            });
            let took = pair.pay_until(&house, &over);
            (took, flooding.join().expect("the crowd does not fall over"))
        });
        let p99 = took[took.len() * 99 / 100];
        let bytes = house.resident_bytes();
        println!(
            "{name}: {} datagrams/s; {} settled, p50 {:?}, p99 {p99:?}; {} MiB resident, {} MiB before",
            sent / FLOOD.as_secs(),
            took.len(),
            took[took.len() / 2],
            bytes >> 20,
            before_bytes >> 20,
        );
        assert!(p99 <= P99_MAX, "{name}: p99 is {p99:?}");
        assert!(
            bytes < before_bytes + GROWTH_MAX_BYTES,
            "{name}: {bytes} bytes"
        );
    }
    // The floods were what they are called: readers were told to wait, sources to show where they
    // are, and bodies were taken in.
    for answer in ["4.29", "4.01", "2.31"] {
        let given = house.metric("onecode_coap_answers", answer);
        println!("{given} answers {answer}");
        assert!(given > 1_000, "{given} answers {answer}");
    }
    house.books();
}
