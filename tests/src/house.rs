//! A whole gateway for one test: its own folder, its own ports on loopback, ended with the test.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::onecode;

/// How long a gateway may take until it answers.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the doors of a gateway are.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// MQTT over mutual TLS.
    pub mqtt: SocketAddr,
    /// Plain CoAP.
    pub coap: SocketAddr,
    /// CoAP over DTLS.
    pub coaps: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
}

impl Doors {
    fn choose() -> Self {
        // All four are held at once, so that no two are the same.
        let tcp =
            [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let udp = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let [mqtt, http] = tcp.map(|socket| socket.local_addr().expect("bound"));
        let [coap, coaps] = udp.map(|socket| socket.local_addr().expect("bound"));
        Self {
            mqtt,
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
    child: Child,
}

impl House {
    /// Starts one on an empty folder and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let doors = Doors::choose();
        let child = spawn(folder.path(), doors);
        let mut house = Self {
            folder,
            doors,
            child,
        };
        house.wait_until_ready();
        house
    }

    /// Kills it and starts it again on the same folder and ports.
    pub fn kill_and_restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = spawn(self.folder.path(), self.doors);
        self.wait_until_ready();
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

    fn wait_until_ready(&mut self) {
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

fn data(folder: &Path) -> PathBuf {
    folder.join("gateway")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("gateway.log")
}

fn spawn(folder: &Path, doors: Doors) -> Child {
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
        .env("ONECODE_COAP_LISTEN", doors.coap.to_string())
        .env("ONECODE_COAP_SECURE_LISTEN", doors.coaps.to_string())
        .env("ONECODE_HTTP_LISTEN", doors.http.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("two ends write one log"))
        .stderr(log)
        .spawn()
        .expect("the gateway starts")
}
