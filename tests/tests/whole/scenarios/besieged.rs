//! Clients misbehave at the MQTT door, each in its own way, while an honest pair goes on settling
//! payments and an honest thing goes on being let in.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::house::{House, block_on};
use tests::pair::Pair;
use tests::program::run;
use tests::thing::Thing;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

/// How long each siege lasts.
const SIEGE: Duration = Duration::from_secs(6);
/// 99 of 100 settlements take no longer, siege or not, on two cores without optimisation.
const P99_MAX: Duration = Duration::from_secs(1);
/// An honest thing is let in, publishes and is acknowledged within this.
const LET_IN_MAX: Duration = Duration::from_secs(3);
/// The program may grow by so much, and no more with every further siege.
const GROWTH_MAX_BYTES: u64 = 48 * 1024 * 1024;
/// Connections that are begun and never finished.
const HALF_OPEN: usize = 1_000;
/// From so many addresses.
const ADDRESSES: u64 = 16;

/// A program that is ended with the siege.
struct Besieger(Child);

impl Drop for Besieger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Connections that say nothing, or a byte of a handshake each second; where the door closes one,
/// the next is opened.
async fn half_open(door: SocketAddr, says: bool, until: Instant) -> u64 {
    let mut open: Vec<TcpStream> = Vec::new();
    let (mut begun, mut spoken) = (0, Instant::now());
    while Instant::now() < until {
        open.retain(|stream| {
            let ended = stream.try_read(&mut [0]);
            matches!(ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        });
        while open.len() < HALF_OPEN {
            let socket = TcpSocket::new_v4().expect("a socket");
            let from = Ipv4Addr::new(127, 1, 0, (begun % ADDRESSES) as u8 + 1);
            socket
                .bind((from, 0).into())
                .expect("loopback has many addresses");
            let Ok(stream) = socket.connect(door).await else {
                break;
            };
            open.push(stream);
            begun += 1;
        }
        if says && spoken.elapsed() > Duration::from_secs(1) {
            spoken = Instant::now();
            // What stands first in every ClientHello, and never its end.
            open.retain(|stream| stream.try_write(&[0x16]).is_ok());
        }
        sleep(Duration::from_millis(20)).await;
    }
    begun
}

/// Publications as fast as a real client makes them.
fn publish_flood(house: &House, thing: &Thing, until: Instant) -> u64 {
    let mut publisher = thing.mosquitto("mosquitto_pub", house, "mqttv5", "flood");
    publisher.args(["-l", "-q", "0", "-t", &thing.topic("t/flood")]);
    publisher.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut program = Besieger(publisher.spawn().expect("./test installs it"));
    let mut into = program.0.stdin.take().expect("a pipe");
    let lines = [b'x', b'\n'].repeat(2_048);
    let before = house.metric("onecode_mqtt_published", "");
    let writing = thread::spawn(move || while into.write_all(&lines).is_ok() {});
    thread::sleep(until.saturating_duration_since(Instant::now()));
    drop(program);
    writing.join().expect("it ends with the program");
    house.metric("onecode_mqtt_published", "") - before
}

/// Packets that announce more than the door takes, from things with a certificate.
fn too_large(house: &House, thing: &Thing, until: Instant) -> u64 {
    let large = house.folder().join("large");
    std::fs::write(&large, vec![b'x'; 300_000]).expect("a file");
    let mut tried = 0;
    while Instant::now() < until {
        let mut publisher = thing.mosquitto("mosquitto_pub", house, "mqttv311", "large");
        // Of MQTT 5 the program knows the bound and stays within it.
        publisher.args([
            "-V",
            "mqttv311",
            "-q",
            "1",
            "-t",
            &thing.topic("t/large"),
            "-f",
        ]);
        run(publisher.arg(&large)).failed();
        tried += 1;
    }
    tried
}

/// The honest thing comes in, publishes and leaves; how long that took.
fn let_in(house: &House, thing: &Thing) -> Duration {
    let began = Instant::now();
    let mut publisher = thing.mosquitto("mosquitto_pub", house, "mqttv5", "honest");
    run(publisher.args(["-q", "1", "-t", &thing.topic("t/x"), "-m", "here"])).succeeded();
    began.elapsed()
}

#[test]
fn an_honest_pair_goes_on_paying_while_clients_misbehave_at_the_mqtt_door() {
    let house = House::start();
    let (thing, rude) = (Thing::enrol(&house, "honest"), Thing::enrol(&house, "rude"));
    let mut pair = Pair::new(&house);
    let before_bytes = house.resident_bytes();
    let door = house.doors().mqtt;
    type Siege<'s> = Box<dyn Fn(Instant) -> u64 + Send + Sync + 's>;
    let sieges: [(&str, Siege<'_>); 5] = [
        (
            "nobody",
            Box::new(|until| {
                thread::sleep(until.saturating_duration_since(Instant::now()));
                0
            }),
        ),
        (
            "half-open connections",
            Box::new(|until| block_on(half_open(door, false, until))),
        ),
        (
            "a byte a second",
            Box::new(|until| block_on(half_open(door, true, until))),
        ),
        (
            "floods of publications",
            Box::new(|until| publish_flood(&house, &rude, until)),
        ),
        (
            "packets beyond the bound",
            Box::new(|until| too_large(&house, &rude, until)),
        ),
    ];
    for (name, siege) in &sieges {
        let over = AtomicBool::new(false);
        let until = Instant::now() + SIEGE;
        let (took, came_in, tried) = thread::scope(|scope| {
            let besieging = scope.spawn(|| siege(until));
            let coming = scope.spawn(|| {
                let mut slowest = Duration::ZERO;
                while Instant::now() < until {
                    slowest = slowest.max(let_in(&house, &thing));
                    thread::sleep(Duration::from_millis(100));
                }
                over.store(true, Ordering::Relaxed);
                slowest
            });
            let took = pair.pay_until(&house, &over);
            let came_in = coming.join().expect("the honest thing is let in");
            (took, came_in, besieging.join().expect("the siege goes on"))
        });
        let p99 = took[took.len() * 99 / 100];
        let bytes = house.resident_bytes();
        println!(
            "{name}: {tried} tried; {} settled, p50 {:?}, p99 {p99:?}; let in within {came_in:?}; \
             {} MiB resident, {} MiB before",
            took.len(),
            took[took.len() / 2],
            bytes >> 20,
            before_bytes >> 20,
        );
        assert!(p99 <= P99_MAX, "{name}: p99 is {p99:?}");
        assert!(came_in <= LET_IN_MAX, "{name}: let in after {came_in:?}");
        assert!(
            bytes < before_bytes + GROWTH_MAX_BYTES,
            "{name}: {bytes} bytes"
        );
    }
    // The sieges were what they are called.
    for reason in ["half_open_evicted", "too_large"] {
        let count = house.metric("onecode_mqtt_refused", &format!("reason=\"{reason}\""));
        println!("{count} times {reason}");
        assert!(count > 5, "{count} times {reason}");
    }
    house.books();
}
