//! What the door shows, and whose certificates it takes.

use crate::trust_store::Trusted;
use std::fmt;

/// What the door shows, DER, and what it trusts.
#[derive(Clone)]
pub struct Credentials {
    /// The server's certificate. Clients get only this one and must hold what lies above it.
    pub certificate: Vec<u8>,
    /// Its P-256 key, PKCS#8.
    pub private_key: Vec<u8>,
    /// Whose things come in. Clients send only their own certificate.
    pub trusted: Trusted,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
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
