//! Both doors of one gateway.

use super::counters::Counters;
use super::dtls::{self, Bounds, Credentials, CredentialsFault, Sessions};
use super::{Check, TreeResources, udp};
use crate::tree::Tree;
use issuer::{Authorities, ServerIdentity};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// The doors before they have sockets.
pub struct Doors {
    sessions: Sessions,
    resources: Arc<TreeResources>,
    check: Check,
    counters: Arc<Counters>,
}

impl Doors {
    /// Doors that show `server` and take what the authorities' gateway has issued. `check` is asked
    /// whenever a session begins, and again for every open session from time to time.
    pub fn new(
        authorities: &Authorities,
        server: &ServerIdentity,
        tree: Arc<Tree>,
        check: Check,
    ) -> Result<Self, CredentialsFault> {
        let credentials = Credentials {
            certificate: server.chain.first().cloned().unwrap_or_default(),
            private_key: server.key.to_vec(),
            root: authorities.root.certificate().to_vec(),
            // Things send only their own certificate.
            intermediates: vec![
                authorities.gateway.certificate().to_vec(),
                authorities.issuer.certificate().to_vec(),
            ],
            identify: issuer::identity,
        };
        Ok(Self {
            sessions: Sessions::new(&credentials, Bounds::default())?,
            resources: TreeResources::new(tree),
            check,
            counters: Arc::default(),
        })
    }

    /// What both doors count.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until `stop` resolves; then everybody is told good-bye.
    pub async fn serve(
        self,
        coap: UdpSocket,
        coaps: UdpSocket,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let counters = Arc::clone(&self.counters);
        let plain = udp::listen(coap, self.resources.clone(), counters, seed())?;
        let counters = Arc::clone(&self.counters);
        let secure = dtls::listen(
            coaps,
            self.sessions,
            self.check,
            self.resources,
            counters,
            seed(),
        )?;
        stop.await;
        secure.stop().await;
        plain.stop().await;
        Ok(())
    }
}

/// For message ids and waiting times, from the randomness the standard library keys its maps with.
fn seed() -> u64 {
    RandomState::new().hash_one(0)
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doors").finish_non_exhaustive()
    }
}
