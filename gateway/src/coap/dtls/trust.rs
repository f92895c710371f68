//! Whose certificates are taken.

use protocol::Code;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;

/// Reads the code out of a certificate whose chain holds.
pub type Identify = fn(&[u8]) -> Option<Code>;

/// What the door shows and what it trusts, all DER.
#[derive(Clone)]
pub struct Credentials {
    /// The server's certificate. Clients get only this one and must hold what lies above it.
    pub certificate: Vec<u8>,
    /// Its P-256 key, PKCS#8.
    pub private_key: Vec<u8>,
    /// The root.
    pub root: Vec<u8>,
    /// What lies between the root and the things: clients send only their own certificate.
    pub intermediates: Vec<Vec<u8>>,
    /// Reads the code out of a certificate.
    pub identify: Identify,
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
    /// The root cannot be read.
    Root,
    /// The DTLS engine does not take the settings.
    Engine,
}

impl fmt::Display for CredentialsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the server certificate cannot be read",
            Self::PrivateKey => "the server key is no P-256 key in PKCS#8",
            Self::Root => "the root certificate cannot be read",
            Self::Engine => "the DTLS engine does not take the settings",
        })
    }
}

impl std::error::Error for CredentialsFault {}

/// Checks the certificates of things.
pub(super) struct Trust {
    root: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    identify: Identify,
}

impl Trust {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, CredentialsFault> {
        let root = CertificateDer::from(credentials.root.clone());
        webpki::anchor_from_trusted_cert(&root).map_err(|_| CredentialsFault::Root)?;
        let own = CertificateDer::from(credentials.certificate.as_slice());
        webpki::EndEntityCert::try_from(&own).map_err(|_| CredentialsFault::Certificate)?;
        let intermediates = credentials.intermediates.iter();
        Ok(Self {
            root,
            intermediates: intermediates.cloned().map(CertificateDer::from).collect(),
            identify: credentials.identify,
        })
    }

    /// The code of whoever shows this leaf, if the chain holds.
    pub(super) fn code(&self, leaf: &[u8], now: UnixTime) -> Option<Code> {
        let der = CertificateDer::from(leaf);
        let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
        let anchors = [webpki::anchor_from_trusted_cert(&self.root).ok()?];
        certificate
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &self.intermediates,
                now,
                webpki::KeyUsage::client_auth(),
                None,
                None,
            )
            .ok()?;
        (self.identify)(leaf)
    }
}
