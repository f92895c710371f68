//! The certificate that the TLS and DTLS doors show: renewed in time while they are open. Who is
//! connected stays connected; the next handshake meets the new one.

use crate::coap::dtls::{Shown, ShownTo};
use crate::command::up::tls_config;
use crate::house::{Failure, random};
use crate::trust_store::Trusted;
use crate::wallet::now;
use issuer::{Authorities, SERVER_RENEWAL_S, ServerIdentity, ServerName};
use protocol::Timestamp;
use rustls::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The longest pause between two looks, and the pause after a look that was of no avail.
const LOOK_EVERY_S: u32 = 3_600;

/// Until when the certificate is good that is shown now. Clones tell of the same one.
#[derive(Clone, Debug)]
pub struct Ends(Arc<AtomicU32>);

impl Ends {
    fn new(ends: Timestamp) -> Self {
        Self(Arc::new(AtomicU32::new(ends.0)))
    }

    /// Until then.
    pub fn get(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, ends: Timestamp) {
        self.0.store(ends.0, Ordering::Relaxed);
    }
}

/// What is shown, and what makes the next.
pub struct Serving {
    authorities: Arc<Authorities>,
    folder: PathBuf,
    names: Vec<ServerName>,
    ends: Ends,
}

/// The doors.
pub struct Doors {
    /// Of MQTT.
    pub tls: watch::Sender<Arc<ServerConfig>>,
    /// Of CoAP.
    pub dtls: ShownTo,
    /// Who comes in by them.
    pub trusted: Trusted,
}

impl Serving {
    /// `server` is shown already; `folder` is that of the authorities.
    pub fn new(
        authorities: Arc<Authorities>,
        folder: PathBuf,
        names: Vec<ServerName>,
        server: &ServerIdentity,
    ) -> Self {
        Self {
            authorities,
            folder,
            names,
            ends: Ends::new(server.not_after),
        }
    }

    /// Until when what is shown is good.
    pub fn ends(&self) -> Ends {
        self.ends.clone()
    }

    /// Looks until `stopped` resolves.
    pub async fn keep(mut self, doors: Doors, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = sleep(self.pause(now())) => {}
            }
            if let Err(error) = self.look(&doors, now()).await {
                tracing::error!(%error, "the server certificate could not be renewed");
            }
        }
    }

    fn due(&self) -> Timestamp {
        self.ends.get().minus_s(SERVER_RENEWAL_S)
    }

    fn pause(&self, now: Timestamp) -> Duration {
        let left_s = match self.due().0.saturating_sub(now.0) {
            // It was tried.
            0 => LOOK_EVERY_S,
            left_s => left_s.min(LOOK_EVERY_S),
        };
        Duration::from_secs(left_s.into())
    }

    /// The next certificate, when this one is due and there is another.
    fn next(&mut self, now: Timestamp) -> Result<Option<ServerIdentity>, Failure> {
        if now < self.due() {
            return Ok(None);
        }
        let next = self
            .authorities
            .server(&self.folder, &self.names, now, &mut random)?;
        if next.not_after <= self.ends.get() {
            return Err(format!(
                "it ends {} s after 1970, and nobody here can sign the next one: bring the issuer's keys back with `onecode root import --of issuer`, and start again",
                self.ends.get().0
            )
            .into());
        }
        self.ends.set(next.not_after);
        Ok(Some(next))
    }

    async fn look(&mut self, doors: &Doors, now: Timestamp) -> Result<(), Failure> {
        let Some(server) = self.next(now)? else {
            return Ok(());
        };
        // It is in its file: a crash here, and the next start shows it.
        let config = tls_config(&server, doors.trusted.clone())?;
        doors.tls.send_replace(Arc::new(config));
        doors.dtls.show(Shown::of(&server)?).await;
        tracing::info!(ends = server.not_after.0, "new server certificate");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use issuer::{Names, Plan, SERVER_LIFE_S};
    use protocol::Network;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn serving(folder: &std::path::Path) -> (Serving, ServerIdentity) {
        let names = Names::new("onecode.internal", "localhost:8080").unwrap();
        let plan = Plan::new(Network::new("test").unwrap(), names, 3600);
        let authorities = issuer::open(folder, &plan, NOW, &mut random).unwrap();
        let names = vec![ServerName::parse("localhost").unwrap()];
        let server = authorities.server(folder, &names, NOW, &mut random);
        let server = server.unwrap();
        let (authorities, folder) = (Arc::new(authorities), folder.to_owned());
        let serving = Serving::new(authorities, folder, names, &server);
        (serving, server)
    }

    #[test]
    fn a_certificate_is_renewed_when_it_is_due_and_not_before() {
        let temporary = tempfile::tempdir().unwrap();
        let (mut serving, first) = serving(&temporary.path().join("authorities"));
        let due = NOW.plus_s(SERVER_LIFE_S - SERVER_RENEWAL_S);
        assert_eq!(serving.pause(due.minus_s(5)), Duration::from_secs(5));
        assert_eq!(serving.pause(NOW), Duration::from_secs(3_600));
        assert!(serving.next(due.minus_s(1)).unwrap().is_none());
        let next = serving.next(due).unwrap().unwrap();
        assert_ne!(next.chain.first(), first.chain.first());
        assert_eq!(next.not_after, due.plus_s(SERVER_LIFE_S));
        assert!(serving.next(due).unwrap().is_none());
    }

    #[test]
    fn without_the_issuers_key_it_says_what_to_do_and_is_tried_again_later() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("authorities");
        let (mut serving, _) = serving(&folder);
        for key in ["ca.key.pem", "pass.key.pem"] {
            std::fs::remove_file(folder.join("issuer").join(key)).unwrap();
        }
        let names = Names::new("onecode.internal", "localhost:8080").unwrap();
        let plan = Plan::new(Network::new("test").unwrap(), names, 3600);
        serving.authorities = Arc::new(issuer::load(&folder, &plan).unwrap());
        let due = NOW.plus_s(SERVER_LIFE_S - SERVER_RENEWAL_S);
        let refused = serving.next(due).unwrap_err().to_string();
        assert!(
            refused.contains("onecode root import --of issuer"),
            "{refused}"
        );
        assert_eq!(serving.pause(due), Duration::from_secs(3_600));
    }
}
