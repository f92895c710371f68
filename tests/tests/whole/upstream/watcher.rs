//! Somebody at a broker by others who watches what a gateway relays there, by Mosquitto's clients.

use std::net::SocketAddr;
use std::process::Command;

use tests::program::run;

/// How long what waits for a subscriber takes to come.
const LISTEN_S: &str = "3";

/// A client of one broker.
pub struct Watcher {
    /// A port of the broker without TLS.
    pub broker: SocketAddr,
    /// What it shows: nothing, or a name and a password.
    pub login: Option<[&'static str; 2]>,
}

impl Watcher {
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.broker.port().to_string()]);
        if let Some([name, password]) = self.login {
            command.args(["-u", name, "-P", password]);
        }
        command
    }

    fn watching(&self) -> Command {
        let mut command = self.client("mosquitto_sub");
        command.args(["-c", "-i", "watcher", "-q", "2", "-t", "plant/#"]);
        command
    }

    /// From now on the broker keeps for it what is said below `plant/`.
    pub fn keep(&self) {
        run(self.watching().arg("-E")).succeeded();
    }

    /// All that was kept: topic and payload, in order.
    pub fn kept(&self) -> Vec<(String, String)> {
        let mut watching = self.watching();
        watching.args(["-W", LISTEN_S, "-F", "%t %p"]);
        // It ends by its time, which it calls a failure.
        let heard = run(&mut watching).text;
        let pair = |line: &str| {
            let (topic, payload) = line.split_once(' ')?;
            topic.starts_with("plant/").then_some(())?;
            Some((topic.to_owned(), payload.to_owned()))
        };
        heard.lines().filter_map(pair).collect()
    }

    /// Says something there.
    pub fn say(&self, topic: &str, payload: &str) {
        let mut publisher = self.client("mosquitto_pub");
        publisher.args(["-q", "1", "-t", topic, "-m", payload]);
        run(&mut publisher).succeeded();
    }
}
