//! TLS for the door: a client certificate is required, and nothing is resumed.

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer},
    server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier},
};
use std::{fmt, sync::Arc};

/// Why there is no TLS configuration.
#[derive(Debug)]
pub enum TlsError {
    /// The certificates clients are checked against, or their revocation list.
    Clients(VerifierBuilderError),
    /// The gateway's own certificate or key.
    Own(rustls::Error),
}

/// A configuration that takes clients with a certificate under `client_roots` that is not on `crl`.
///
/// Resumption is off: it would skip the verifier and its list.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client_roots: RootCertStore,
    crl: Option<CertificateRevocationListDer<'static>>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut clients =
        WebPkiClientVerifier::builder_with_provider(client_roots.into(), Arc::clone(&provider));
    if let Some(crl) = crl {
        // The list is the one of the authority that signs things; those above it are few and
        // answered for by leaving them out of `client_roots`.
        clients = clients.with_crls([crl]).only_check_end_entity_revocation();
    }
    let clients = clients.build().map_err(TlsError::Clients)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Own)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(TlsError::Own)?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients(error) => write!(f, "certificates for checking clients: {error}"),
            Self::Own(error) => write!(f, "the gateway's own certificate or key: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}
