//! A whole gateway for one test: its own folder, its own ports on loopback, ended with the test.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use std::time::{SystemTime, UNIX_EPOCH};

use device_sdk::coap::{Answer, Client, Request, Settings, Timing};
use gateway::config::{Config, Sources};
use gateway::house::House as Inside;
use ledger::people::{Act, NewToken, People, Role, Roles, Scopes};
use protocol::{Code, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::program::{onecode, run};
use crate::thing::Thing;

/// How long a gateway may take until it answers.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The token of the house's own office, for programs that call its API themselves.
pub const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The setting of a gateway's number.
const STATION: &str = "ONECODE_GATEWAY_STATION";
/// Content-Format of wallet messages.
const CBOR: u16 = 60;

/// The clock of the machine, as the gateway reads it.
pub fn now() -> Timestamp {
    let age = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    Timestamp(u32::try_from(age.as_secs()).expect("before 2106"))
}

/// Where the doors of a gateway are.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// MQTT over mutual TLS.
    pub mqtt: SocketAddr,
    /// The same over WebSocket.
    pub websocket: SocketAddr,
    /// Plain CoAP.
    pub coap: SocketAddr,
    /// CoAP over DTLS.
    pub coaps: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
}

impl Doors {
    fn choose() -> Self {
        // All are held at once, so that no two are the same.
        let tcp =
            [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let udp = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let [mqtt, websocket, http] = tcp.map(|socket| socket.local_addr().expect("bound"));
        let [coap, coaps] = udp.map(|socket| socket.local_addr().expect("bound"));
        Self {
            mqtt,
            websocket,
            coap,
            coaps,
            http,
        }
    }
}

/// A running gateway.
pub struct House {
    folder: TempDir,
    doors: Doors,
    /// Settings of its own, by their names in the environment.
    own: Vec<(String, String)>,
    child: Child,
}

impl House {
    /// Starts one on an empty folder and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let doors = Doors::choose();
        Self::in_folder(folder, doors, Vec::new())
    }

    /// One under another, which does not run meanwhile. It reaches it at `link`.
    pub fn under(centre: &Self, link: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut found = Command::new(onecode());
        found.args([
            "gateway",
            "found",
            "--float-minor",
            "100000000000",
            "--data",
        ]);
        found
            .arg(centre.data())
            .arg("--to")
            .arg(data(folder.path()));
        let told = run(&mut found).succeeded();
        let station = told
            .lines()
            .find_map(|line| line.strip_prefix("station = "));
        let own = vec![
            (STATION.to_owned(), station.expect("its number").to_owned()),
            (
                "ONECODE_UPSTREAM_BROKER".to_owned(),
                format!("mqtts://{link}"),
            ),
        ];
        Self::in_folder(folder, Doors::choose(), own)
    }

    fn in_folder(folder: TempDir, doors: Doors, own: Vec<(String, String)>) -> Self {
        let child = spawn(folder.path(), doors, &own, &[]);
        let mut house = Self {
            folder,
            doors,
            own,
            child,
        };
        house.wait_until_ready();
        house.furnish();
        house
    }

    /// Gives the office of a new folder its token.
    pub fn furnish(&self) {
        block_on(self.give_token());
    }

    /// What `onecode demo` does before its gateway is up: the office gets a token.
    async fn give_token(&self) {
        let people = People::open(&self.data().join("people.db"))
            .await
            .expect("accounts");
        let act = Act {
            who: "test",
            what: "token made",
            about: "test",
            origin: "test",
        };
        let token = NewToken {
            hash: Sha256::digest(TOKEN.as_bytes()).into(),
            label: "test",
            roles: Roles::of(&[Role::Issuer, Role::Treasurer, Role::Operator, Role::Auditor]),
            scopes: Scopes::EVERY,
            life_s: 3_600,
        };
        people
            .add_token(token, &act, now())
            .await
            .expect("a token is kept");
        people.close().await;
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("a killed child ends");
    }

    /// Starts it again on the same folder and ports.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same with more settings, by their names in the environment.
    pub fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.child = spawn(self.folder.path(), self.doors, &self.own, settings);
        self.wait_until_ready();
    }

    /// The same folder from inside, while the program does not run.
    pub fn inside<T>(&self, work: impl AsyncFnOnce(&Inside) -> T) -> T {
        let config = self.config();
        block_on(async {
            let inside = Inside::open(&config).await.expect("a sound folder");
            let done = work(&inside).await;
            inside.close().await;
            done
        })
    }

    /// The settings with which the program runs.
    pub fn config(&self) -> Config {
        let data = self.data().to_string_lossy().into_owned();
        let station = self.own.iter().find(|(name, _)| name == STATION);
        Sources::defaults()
            .flag(
                "gateway.station",
                station.map(|(_, station)| station.clone()),
            )
            .flag("gateway.data", Some(data))
            .flag("gateway.resolver", Some(self.doors.http.to_string()))
            .config()
            .expect("sound settings")
    }

    /// Where its doors are.
    pub fn doors(&self) -> Doors {
        self.doors
    }

    /// A folder beside the gateway's, for the things of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The gateway's own folder.
    pub fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// A path of the HTTP door as a whole address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.doors.http)
    }

    /// Everything the gateway logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log(self.folder.path())).unwrap_or_default()
    }

    /// Calls the API with the office's token: the HTTP status and the JSON of the answer.
    pub fn api(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let token = format!("Bearer {TOKEN}");
        let answer = match body {
            None => agent
                .get(self.url(path))
                .header("authorization", token)
                .call(),
            Some(body) => agent
                .post(self.url(path))
                .header("authorization", token)
                .header("content-type", "application/json")
                .send(body.to_string()),
        };
        let mut answer = answer.expect("the HTTP door answers");
        let text = answer.body_mut().read_to_string().expect("a text");
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    fn asked(&self, path: &str, body: Option<&Value>) -> Value {
        let (status, value) = self.api(path, body);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// A one-time enrolment secret.
    pub fn secret(&self) -> String {
        let order = json!({"count": 1, "kind": "device", "life_s": 3600});
        let made = self.asked("/api/v1/secrets", Some(&order));
        made["secrets"][0].as_str().expect("a secret").to_owned()
    }

    /// Puts USD into a purse.
    pub fn load(&self, code: Code, amount_minor: u64) {
        let order = json!({
            "code": code.to_string(), "currency": "USD", "amount_minor": amount_minor,
            "key": format!("load {code} {amount_minor}"),
        });
        self.asked("/api/v1/loads", Some(&order));
    }

    /// All that the books say: counts, journal and sums. Two equal values mean that nothing changed.
    pub fn books(&self) -> Value {
        let books = self.asked("/api/v1/conservation", None);
        assert_eq!(books["holds"], true, "money is not conserved: {books}");
        json!({"sums": books["currencies"], "counts": self.asked("/api/v1/payments/summary", None)})
    }

    /// Hands a wallet message to the gateway at the plain CoAP door, in the name of `code`.
    pub fn wallet(&self, code: Code, message: &[u8]) -> Answer {
        let path = format!("oc/1/{code}/w/out/gateway");
        self.coap(Request::post(&path, CBOR, message.to_vec()))
    }

    /// One request at the plain CoAP door.
    pub fn coap(&self, request: Request) -> Answer {
        self.ask(
            Settings {
                gateway: self.doors.coap,
                identity: None,
                timing: Timing::NEARBY,
            },
            request,
        )
    }

    /// One request at the CoAP door with DTLS, as this thing.
    pub fn coaps(&self, thing: &Thing, request: Request) -> Answer {
        self.ask(self.known(thing), request)
    }

    /// A client of the CoAP door with DTLS, as this thing; it keeps its session.
    pub fn client(&self, thing: &Thing) -> Client {
        Client::new(self.known(thing)).expect("sound settings")
    }

    fn known(&self, thing: &Thing) -> Settings {
        let gateway = self.doors.coaps;
        let identity = thing
            .identity()
            .dtls(&gateway.ip().to_string())
            .expect("a key for DTLS");
        Settings {
            gateway,
            identity: Some(identity),
            timing: Timing::NEARBY,
        }
    }

    /// What the running program takes of the machine's memory.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("Linux tells of its processes");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("a number of KiB") * 1024
    }

    fn ask(&self, settings: Settings, request: Request) -> Answer {
        block_on(async {
            let client = Client::new(settings).expect("sound settings");
            client
                .request(request)
                .await
                .expect("the CoAP door answers")
        })
    }

    /// Root and issuer certificates, which programs by others trust.
    pub fn trusted(&self) -> PathBuf {
        self.data().join("trusted.pem")
    }

    /// The sum of all samples of a metric whose labels contain `label`.
    pub fn metric(&self, name: &str, label: &str) -> u64 {
        let text = ureq::get(self.url("/metrics"))
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .expect("metrics are readable");
        text.lines()
            .filter(|line| line.starts_with(name) && line.contains(label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum::<f64>() as u64
    }

    /// Waits until it answers.
    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !ureq::get(self.url("/readyz"))
            .call()
            .is_ok_and(|answer| answer.status() == 200)
        {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("the gateway ended with {status}:\n{}", self.log());
            }
            assert!(
                Instant::now() < deadline,
                "the gateway does not answer:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the gateway's log\n{}", self.log());
        }
    }
}

/// Runs something asynchronous to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn data(folder: &Path) -> PathBuf {
    folder.join("gateway")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("gateway.log")
}

fn spawn(
    folder: &Path,
    doors: Doors,
    own: &[(String, String)],
    settings: &[(&str, &str)],
) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log(folder))
        .expect("the log can be written");
    Command::new(onecode())
        .arg("up")
        .arg("--data")
        .arg(data(folder))
        .env("ONECODE_GATEWAY_RESOLVER", doors.http.to_string())
        .env("ONECODE_MQTT_LISTEN", doors.mqtt.to_string())
        .env("ONECODE_MQTT_WEBSOCKET_LISTEN", doors.websocket.to_string())
        .env("ONECODE_COAP_LISTEN", doors.coap.to_string())
        .env("ONECODE_COAP_SECURE_LISTEN", doors.coaps.to_string())
        .env("ONECODE_HTTP_LISTEN", doors.http.to_string())
        .envs(own.iter().map(|(name, value)| (name, value)))
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("two ends write one log"))
        .stderr(log)
        .spawn()
        .expect("the gateway starts")
}
