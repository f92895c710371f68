//! The gateway of the demonstration: a child process of the same executable, killed and started
//! again on the same folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a gateway may take until it answers.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Where its doors are.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// MQTT over mutual TLS.
    pub mqtt: SocketAddr,
    /// CoAP over DTLS with client certificates.
    pub coaps: SocketAddr,
    /// Plain CoAP.
    pub coap: SocketAddr,
    /// Portal, enrolment, resolver.
    pub http: SocketAddr,
}

impl Doors {
    /// The well-known ports on loopback; a taken one is replaced by a free one.
    pub fn choose() -> io::Result<Self> {
        Ok(Self {
            mqtt: tcp_port(8883)?,
            coaps: udp_port(5684)?,
            coap: udp_port(5683)?,
            http: tcp_port(8080)?,
        })
    }

    /// The address people open.
    pub fn portal(&self) -> String {
        format!("http://{}", self.http)
    }
}

fn tcp_port(wanted: u16) -> io::Result<SocketAddr> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted));
    bound
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?
        .local_addr()
}

fn udp_port(wanted: u16) -> io::Result<SocketAddr> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, wanted));
    bound
        .or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?
        .local_addr()
}

/// A gateway that runs beside the demonstration.
pub struct Gateway {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    doors: Doors,
    child: Option<Child>,
}

impl Gateway {
    /// Does not start it yet.
    pub fn new(program: PathBuf, data: &Path, log: &Path, doors: Doors) -> Self {
        Self {
            program,
            data: data.to_owned(),
            log: log.to_owned(),
            doors,
            child: None,
        }
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = self.command(log)?.spawn()?;
        self.child = Some(child);
        let deadline = Instant::now() + READY_TIMEOUT;
        while !self.is_ready() {
            if let Some(status) = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().ok())
                .flatten()
            {
                return Err(self.failed(&format!("the gateway ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.failed("the gateway did not answer in a minute"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what}; its log is {}", self.log.display()))
    }

    fn command(&self, log: File) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .arg("up")
            .arg("--data")
            .arg(&self.data)
            .env("ONECODE_GATEWAY_NETWORK", super::NETWORK)
            .env("ONECODE_GATEWAY_RESOLVER", self.doors.http.to_string())
            .env("ONECODE_MQTT_LISTEN", self.doors.mqtt.to_string())
            .env("ONECODE_COAP_LISTEN", self.doors.coap.to_string())
            .env("ONECODE_COAP_SECURE_LISTEN", self.doors.coaps.to_string())
            .env("ONECODE_HTTP_LISTEN", self.doors.http.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// SIGKILL: no chance to finish anything. Returns once its doors refuse.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        match self.refuses() {
            true => Ok(()),
            false => Err(io::Error::other(
                "the gateway was killed, but a door still answers",
            )),
        }
    }

    /// Whether nothing answers at any door.
    fn refuses(&self) -> bool {
        let closed = |address: SocketAddr| {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err()
        };
        closed(self.doors.mqtt)
            && closed(self.doors.http)
            && udp_is_free(self.doors.coap)
            && udp_is_free(self.doors.coaps)
    }

    fn is_ready(&self) -> bool {
        ureq::get(format!("{}/readyz", self.doors.portal()))
            .call()
            .is_ok_and(|answer| answer.status() == 200)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A UDP door refuses when nobody holds its port.
fn udp_is_free(address: SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok()
}
