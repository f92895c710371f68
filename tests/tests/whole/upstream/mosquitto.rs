//! Debian's Mosquitto above a gateway: it takes the gateway by its certificate alone, and whoever
//! watches it by a port of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::watcher::Watcher;
use tempfile::TempDir;
use tests::house::House;

/// A broker; ended with the test.
pub struct Mosquitto {
    pub secure: SocketAddr,
    pub watcher: Watcher,
    folder: TempDir,
    child: Child,
}

impl Mosquitto {
    /// One that lets `house` say and hear what is below `plant/`, and nothing else.
    pub fn start(house: &House) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the broker");
        let ports = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [secure, plain] = ports.map(|socket| socket.local_addr().unwrap());
        let code = house.inside(async |inside| inside.authorities.gateway.code().to_string());
        let rights = folder.path().join("rights");
        std::fs::write(
            &rights,
            format!("topic readwrite #\nuser {code}\ntopic readwrite plant/#\n"),
        )
        .unwrap();
        // The test's certificate is for this host, and both programs run on it.
        let own = house.data().join("authorities/server.pem");
        let settings = format!(
            "user root\nper_listener_settings true\nmax_queued_messages 0\nmax_inflight_messages 0\n\
             listener {} 127.0.0.1\ncafile {}\ncertfile {own}\nkeyfile {own}\nrequire_certificate true\n\
             use_identity_as_username true\nacl_file {}\n\
             listener {} 127.0.0.1\nallow_anonymous true\n",
            secure.port(),
            house.trusted().display(),
            rights.display(),
            plain.port(),
            own = own.display(),
        );
        let file = folder.path().join("mosquitto.conf");
        std::fs::write(&file, settings).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("mosquitto starts; ./test installs it");
        let broker = Self {
            secure,
            watcher: Watcher {
                broker: plain,
                login: None,
            },
            folder,
            child,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(plain).is_err() {
            assert!(Instant::now() < deadline, "no broker:\n{}", broker.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/mosquitto");
    match debian.exists() {
        true => debian,
        false => PathBuf::from("mosquitto"),
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the broker's log\n{}", self.log());
        }
    }
}
