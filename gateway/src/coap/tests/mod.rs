//! Both doors on loopback, with our own client and with libcoap's.

mod interop;
mod places;
mod plain;
mod secure;
mod slow;
pub(super) mod workshop;

use super::dtls::{self, Bounds, Credentials, Sessions};
use super::endpoint::Seed;
use super::limits::Limits;
use super::{Check, Counters, Listening, TreeResources, udp};
use crate::tree::Tree;
use crate::tree::tests::{PostOffice, tree};
use crate::trust_store::TrustStore;
use device_sdk::coap::{Client, Identity, Settings, Timing};
use issuer::Authorities;
use protocol::Code;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::net::UdpSocket;
use workshop::Thing;

/// Tests are the same every time.
pub(crate) const SEED: Seed = Seed {
    dice: 1,
    echo: [1; 16],
};
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway with both CoAP doors open.
struct House {
    tree: Arc<Tree>,
    office: Arc<PostOffice>,
    counters: Arc<Counters>,
    revoked: Arc<Mutex<HashSet<Code>>>,
    plain: SocketAddr,
    secure: SocketAddr,
    doors: [Listening; 2],
}

/// The authorities are the same for all tests: making them is most of the work.
pub(super) fn authorities() -> &'static Authorities {
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
        let counters = Arc::<Counters>::default();
        let resources = TreeResources::new(Arc::clone(&tree), None);
        let count = || Arc::clone(&counters);
        let sessions = Sessions::new(&credentials(), Bounds::default()).unwrap();
        let doors = [
            udp::listen(plain, Limits::UNVERIFIED, resources.clone(), count(), SEED).unwrap(),
            dtls::listen(secure, sessions, check, resources, count(), SEED).unwrap(),
        ];
        Self {
            tree,
            office,
            counters,
            revoked,
            plain: addresses.0,
            secure: addresses.1,
            doors,
        }
    }

    /// Stops with good-byes.
    async fn close(self) {
        for door in self.doors {
            door.stop().await;
        }
    }

    /// Stops without a word, as by SIGKILL.
    async fn kill(self) {
        drop(self.doors);
        // The tasks that own the sockets are gone a moment later.
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

pub(super) fn credentials() -> Credentials {
    let server = workshop::server(authorities());
    Credentials {
        shown: super::dtls::Shown::of(&server).unwrap(),
        trusted: TrustStore::of(&[&authorities().gateway]).unwrap().fixed(),
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
