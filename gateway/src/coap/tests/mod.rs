//! Both doors on loopback, with our own client and with libcoap's.

mod interop;
mod plain;
mod secure;
mod workshop;

use super::{Check, Counters, Doors};
use crate::tree::Tree;
use crate::tree::tests::{PostOffice, tree};
use device_sdk::coap::{Client, Identity, Settings, Timing};
use issuer::Authorities;
use protocol::Code;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use workshop::Thing;

const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway with both CoAP doors open.
struct House {
    tree: Arc<Tree>,
    office: Arc<PostOffice>,
    counters: Arc<Counters>,
    revoked: Arc<Mutex<HashSet<Code>>>,
    plain: SocketAddr,
    secure: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// The authorities are the same for all tests: making them is most of the work.
fn authorities() -> &'static Authorities {
    static AUTHORITIES: OnceLock<Authorities> = OnceLock::new();
    AUTHORITIES.get_or_init(workshop::authorities)
}

impl House {
    async fn open() -> Self {
        Self::open_at((0, 0)).await
    }

    /// At these ports of 127.0.0.1.
    async fn open_at((plain, secure): (u16, u16)) -> Self {
        let plain = UdpSocket::bind(("127.0.0.1", plain)).await.unwrap();
        let secure = UdpSocket::bind(("127.0.0.1", secure)).await.unwrap();
        let addresses = (plain.local_addr().unwrap(), secure.local_addr().unwrap());
        let (tree, office) = tree();
        let revoked = Arc::<Mutex<HashSet<Code>>>::default();
        let asked = Arc::clone(&revoked);
        let check: Check = Arc::new(move |code| {
            let good = !asked.lock().unwrap().contains(&code);
            Box::pin(async move { good })
        });
        let server = workshop::server(authorities());
        let doors = Doors::new(authorities(), &server, Arc::clone(&tree), check).unwrap();
        let counters = doors.counters();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(doors.serve(plain, secure, async move {
            let _ = stopped.await;
        }));
        Self {
            tree,
            office,
            counters,
            revoked,
            plain: addresses.0,
            secure: addresses.1,
            stop,
            serving,
        }
    }

    /// Stops with good-byes.
    async fn close(self) {
        let _ = self.stop.send(());
        self.serving.await.unwrap().unwrap();
    }

    /// Stops without a word, as by SIGKILL.
    async fn kill(self) {
        self.serving.abort();
        let _ = self.serving.await;
        // The doors end with the future that holds them.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    fn plain_client(&self) -> Client {
        client(self.plain, None)
    }

    fn client(&self, thing: &Thing) -> Client {
        client(self.secure, Some(identity(thing)))
    }

    fn count(&self, reason: super::Reason) -> u64 {
        let mut all = self.counters.reasons();
        all.find(|(it, _)| *it == reason).map_or(0, |(_, n)| n)
    }
}

fn client(gateway: SocketAddr, identity: Option<Identity>) -> Client {
    let settings = Settings {
        gateway,
        identity,
        timing: Timing {
            handshake_timeout: Duration::from_secs(3),
            ..Timing::NEARBY
        },
    };
    Client::new(settings).unwrap()
}

fn identity(thing: &Thing) -> Identity {
    Identity {
        certificate: thing.certificate.clone(),
        private_key: thing.key.clone(),
        root: authorities().root.certificate().to_vec(),
        intermediates: vec![authorities().issuer.certificate().to_vec()],
        server_name: "localhost".into(),
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap()
}
