//! What the door shows, and whose certificates it takes.

use crate::coap::Order;
use crate::trust_store::Trusted;
use issuer::ServerIdentity;
use std::fmt;
use tokio::sync::mpsc;

/// What the door shows, DER.
#[derive(Clone)]
pub struct Shown {
    /// The server's certificate. Clients get only this one and must hold what lies above it.
    pub certificate: Vec<u8>,
    /// Its P-256 key, PKCS#8.
    pub private_key: Vec<u8>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl Shown {
    /// The door's library sends one certificate, so clients hold the issuer's themselves.
    pub fn of(server: &ServerIdentity) -> Result<Self, CredentialsFault> {
        let certificate = server.chain.first().ok_or(CredentialsFault::Certificate)?;
        Ok(Self {
            certificate: certificate.clone(),
            private_key: server.key.to_vec(),
        })
    }
}

/// An open door, for whoever renews its certificate.
#[derive(Clone, Debug)]
pub struct ShownTo(mpsc::Sender<Order>);

impl ShownTo {
    pub(crate) const fn new(orders: mpsc::Sender<Order>) -> Self {
        Self(orders)
    }

    /// Handshakes from now on meet this certificate; sessions that are open stay.
    pub async fn show(&self, shown: Shown) {
        // An error means that the door is closed.
        let _ = self.0.send(Order::Show(shown)).await;
    }
}

/// What the door shows, and what it trusts.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Shown to clients.
    pub shown: Shown,
    /// Whose things come in. Clients send only their own certificate.
    pub trusted: Trusted,
}

/// What is wrong with the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsFault {
    /// The server's certificate cannot be read.
    Certificate,
    /// The private key is no P-256 key in PKCS#8.
    PrivateKey,
    /// The DTLS engine does not take the settings.
    Engine,
}

impl fmt::Display for CredentialsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the server certificate cannot be read",
            Self::PrivateKey => "the server key is no P-256 key in PKCS#8",
            Self::Engine => "the DTLS engine does not take the settings",
        })
    }
}

impl std::error::Error for CredentialsFault {}
