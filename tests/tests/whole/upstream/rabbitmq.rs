//! Debian's RabbitMQ with its MQTT plugin above a gateway, which comes with a name and a password.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::watcher::Watcher;
use super::{numbers, says, seed, until};
use tempfile::TempDir;
use tests::cut::Cut;
use tests::house::House;
use tests::thing::Thing;

const NAME: &str = "onecode";
const PASSWORD: &str = "a password of this test";
const RULES: &str = "+/t/# out 1 oc/1/ plant/7/; +/c/+ in 1 oc/1/ plant/7/";
/// How long it takes to start on a busy machine.
const START: Duration = Duration::from_secs(90);
/// It listens for others of its kind there alone.
const ON_LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";
/// Messages that are on their way at once.
const WINDOW: usize = 64;

/// A broker; ended with the test.
struct RabbitMq {
    watcher: Watcher,
    folder: TempDir,
    /// The broker, and who tells its name to others of its kind.
    children: [Child; 2],
}

impl RabbitMq {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the broker");
        let ports = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [mqtt, peers, names] = ports.map(|socket| socket.local_addr().unwrap());
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let settings = file(
            "rabbitmq.conf",
            &format!(
                "listeners.tcp = none\nmqtt.listeners.tcp.default = {mqtt}\n\
                 mqtt.allow_anonymous = false\ndefault_user = {NAME}\ndefault_pass = {PASSWORD}\n"
            ),
        );
        let plugins = file("plugins", "[rabbitmq_mqtt].\n");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let port = names.port().to_string();
        let names = Command::new("epmd")
            .args(["-port", &port, "-address", "127.0.0.1"])
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .expect("epmd starts; it comes with rabbitmq-server");
        // Debian's own command would change to another user; this one runs as who calls it.
        let child = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server")
            .env("HOME", folder.path())
            .env(
                "RABBITMQ_NODENAME",
                format!("onecode-{}@localhost", mqtt.port()),
            )
            .env("RABBITMQ_MNESIA_BASE", folder.path().join("books"))
            .env("RABBITMQ_LOG_BASE", folder.path().join("logs"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", &settings)
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins)
            .env("RABBITMQ_PID_FILE", folder.path().join("pid"))
            .env("RABBITMQ_DIST_PORT", peers.port().to_string())
            .env("ERL_EPMD_PORT", &port)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ON_LOOPBACK)
            // Then the program itself is our child, and not a shell that waits for it.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("rabbitmq-server starts; ./test installs it");
        let broker = mqtt;
        let login = Some([NAME, PASSWORD]);
        let started = Self {
            watcher: Watcher { broker, login },
            folder,
            children: [child, names],
        };
        started.wait(mqtt);
        started
    }

    fn wait(&self, mqtt: SocketAddr) {
        let deadline = Instant::now() + START;
        while TcpStream::connect(mqtt).is_err() {
            assert!(Instant::now() < deadline, "no broker:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the broker's log\n{}", self.log());
        }
    }
}

#[test]
fn under_rabbitmq_nothing_is_lost_over_a_link_that_is_cut_and_commands_come_down() {
    const COUNT: u32 = 500;
    let mut house = House::start();
    let thing = Thing::enrol(&house, "meter");
    house.kill();
    let broker = RabbitMq::start();
    let link = Cut::new(broker.watcher.broker, seed());
    let password = house.folder().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    house.restart_with(&[
        (
            "ONECODE_UPSTREAM_BROKER",
            &format!("mqtt://{}", link.address()),
        ),
        ("ONECODE_UPSTREAM_RULES", RULES),
        ("ONECODE_UPSTREAM_USER", NAME),
        (
            "ONECODE_UPSTREAM_PASSWORD_FILE",
            &password.to_string_lossy(),
        ),
    ]);
    broker.watcher.keep();
    link.set_bad(true);
    for part in 0..10 {
        says(&house, &thing, part * COUNT / 10..(part + 1) * COUNT / 10);
        std::thread::sleep(Duration::from_millis(link.below(400)));
    }
    until(&house, "cut five times", || link.cuts() >= 5);
    link.set_bad(false);
    until(&house, "all of it has left", || {
        house.metric("onecode_upstream_waiting", "") == 0
    });
    let heard = numbers(&broker.watcher.kept());
    let mut once = heard.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once, (0..COUNT).collect::<Vec<_>>(), "nothing is lost");
    let (twice, cuts) = (heard.len() - once.len(), link.cuts());
    println!("{twice} of {COUNT} came twice over a link that was cut {cuts} times");
    let most = usize::try_from(cuts).unwrap().saturating_mul(WINDOW);
    assert!(twice <= most, "more than a window for each cut");

    let command = format!("plant/7/{}/c/1", thing.code());
    until(&house, "the command is here", || {
        broker.watcher.say(&command, "open");
        house.metric("onecode_upstream_brought", "") > 0
    });
}
