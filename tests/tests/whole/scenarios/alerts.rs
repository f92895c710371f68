//! Letters about alerts, by webhook and mail, while the gateway is killed between writing one and
//! hearing that it was taken: each arrives, under the identifier it had before.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::house::House;
use tests::program::{Running, onecode};

/// How long a letter may take, pauses included.
const DEADLINE: Duration = Duration::from_secs(60);
/// Rounds of a letter and a kill.
const ROUNDS: usize = 4;

/// A letter as a receiver has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    id: String,
    text: String,
    /// Whether its sender was told that it was taken.
    answered: bool,
}

/// Somebody who takes letters, and answers or lets whoever brings them wait.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    hangs: Arc<AtomicBool>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    fn start(serve: fn(&Self, TcpStream) -> Option<()>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            hangs: Arc::default(),
            got: Arc::default(),
        };
        let of_thread = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (receiver, stream) = (of_thread.clone(), stream.unwrap());
                // A connection that breaks off is no letter.
                std::thread::spawn(move || serve(&receiver, stream));
            }
        });
        receiver
    }

    /// Keeps a letter; then answers, or holds the line until its sender is gone.
    fn take(&self, id: &str, text: String, mut stream: &TcpStream, answer: &[u8]) -> Option<()> {
        let answered = !self.hangs.load(Ordering::SeqCst);
        self.got.lock().unwrap().push(Got {
            id: id.to_owned(),
            text,
            answered,
        });
        match answered {
            true => stream.write_all(answer).ok(),
            false => {
                let _ = stream.read(&mut [0]);
                None
            }
        }
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for a letter that is like this.
    fn until(&self, what: &str, like: impl Fn(&Got) -> bool) -> Got {
        let began = Instant::now();
        loop {
            if let Some(got) = self.got().into_iter().find(&like) {
                return got;
            }
            assert!(began.elapsed() < DEADLINE, "{what}: {:#?}", self.got());
            sleep(Duration::from_millis(20));
        }
    }
}

/// A webhook.
fn http(receiver: &Receiver, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(&stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|count| *count > 0)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            None if line.trim_end().is_empty() => break,
            None => assert!(line.starts_with("POST /hook HTTP/1.1"), "{line}"),
        }
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    assert!(headers["webhook-signature"].starts_with("v1,"));
    let answer = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
    let text = String::from_utf8(body).unwrap();
    receiver.take(&headers["webhook-id"], text, &stream, answer)
}

/// A relay of mail.
fn smtp(receiver: &Receiver, stream: TcpStream) -> Option<()> {
    let mut out = &stream;
    out.write_all(b"220 relay\r\n").ok()?;
    let (mut data, mut mail) = (false, Vec::new());
    for line in BufReader::new(&stream).lines() {
        let line = line.ok()?;
        match line.split([' ', ':']).next()? {
            "." if data => {
                data = false;
                let id = mail
                    .iter()
                    .find_map(|line: &String| line.strip_prefix("Message-ID: <"));
                let id = id?.split('@').next()?.to_owned();
                receiver.take(&id, mail.join("\n"), &stream, b"250 taken\r\n")?;
            }
            _ if data => mail.push(line),
            "EHLO" => out.write_all(b"250 relay\r\n").ok()?,
            "DATA" => {
                data = true;
                out.write_all(b"354 go on\r\n").ok()?;
            }
            "QUIT" => return out.write_all(b"221 bye\r\n").ok(),
            _ => out.write_all(b"250 fine\r\n").ok()?,
        }
    }
    Some(())
}

fn posted(house: &House, path: &str, body: Value) -> Value {
    let (status, value) = house.api(&format!("/api/v1/alerts/{path}"), Some(&body));
    assert_eq!(status, 200, "{path}: {value}");
    value
}

/// One more device asks for a code, and goes on asking.
fn asks(house: &House, name: &str) -> Running {
    let mut command = Command::new(onecode());
    command.args(["device", "init", "--gateway", &house.url("")]);
    command.arg("--folder").arg(house.folder().join(name));
    command.arg("--trust").arg(house.data().join("trust.toml"));
    Running::start(&mut command)
}

/// What the gateway says of its letters once none waits.
fn settled(house: &House) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let (status, list) = house.api("/api/v1/alerts/letters?limit=200", None);
        assert_eq!(status, 200, "{list}");
        let letters = list["items"].as_array().unwrap();
        if letters.iter().all(|one| one["state"] == "delivered") {
            return letters.clone();
        }
        assert!(began.elapsed() < DEADLINE, "{list}\n{}", house.log());
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn each_letter_arrives_under_its_identifier_though_the_gateway_is_killed_on_its_way() {
    let (hook, relay) = (Receiver::start(http), Receiver::start(smtp));
    let server = relay.address.to_string();
    let settings = [
        ("ONECODE_ALERTS_NETWORKS", "loopback"),
        ("ONECODE_MAIL_RELAY", server.as_str()),
        ("ONECODE_MAIL_TLS", "none"),
        ("ONECODE_MAIL_FROM", "onecode@example.com"),
    ];
    let mut house = House::start();
    let shut = json!({"name": "hook", "way": "webhook", "address": format!("http://{}/hook", hook.address)});
    let (status, refused) = house.api("/api/v1/alerts/destinations", Some(&shut));
    assert_eq!(status, 422, "closed until the settings open it: {refused}");
    house.kill();
    house.restart_with(&settings);

    let to_hook = posted(&house, "destinations", shut);
    let mail = json!({"name": "duty", "way": "mail", "address": "duty@example.com"});
    let to_mail = posted(&house, "destinations", mail);
    for made in [&to_hook, &to_mail] {
        let rule =
            json!({"name": "who asks", "kind": "pending", "destination": made["id"], "quiet_s": 0});
        posted(&house, "rules", rule);
    }
    let mut asking = Vec::new();
    for round in 0..ROUNDS {
        for receiver in [&hook, &relay] {
            receiver.hangs.store(true, Ordering::SeqCst);
        }
        asking.push(asks(&house, &format!("device-{round}")));
        let words = match round {
            0 => "One device asks for a code.".to_owned(),
            more => format!("{} devices ask for a code.", more + 1),
        };
        // Both have the letter and say nothing; its record is there and no word of its fate.
        let held = [&hook, &relay].map(|receiver| {
            receiver.until(&words, |got| got.text.contains(&words) && !got.answered)
        });
        house.kill();
        for receiver in [&hook, &relay] {
            receiver.hangs.store(false, Ordering::SeqCst);
        }
        house.restart_with(&settings);
        for (receiver, before) in [&hook, &relay].into_iter().zip(held) {
            let again = receiver.until(&words, |got| got.id == before.id && got.answered);
            assert_eq!(again.text, before.text, "the same letter to the byte");
        }
    }
    let letters = settled(&house);
    assert_eq!(letters.len(), 2 * ROUNDS, "none twice: {letters:#?}");
    let all: Vec<Got> = hook.got().into_iter().chain(relay.got()).collect();
    for letter in &letters {
        let id = letter["id"].as_str().unwrap();
        let taken = all.iter().filter(|got| got.id == id && got.answered);
        assert_eq!(taken.count(), 1, "{letter}");
    }
    // Nothing of what letters are signed with is anywhere but where it was shown.
    let secret = to_hook["secret"].as_str().unwrap();
    assert!(!house.log().contains(secret) && !house.log().contains("/hook"));
}
