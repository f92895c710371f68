//! TLS for the door: a client certificate is required, and nothing is resumed.

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{NoServerSessionStorage, danger::ClientCertVerifier},
};
use std::sync::Arc;

/// A configuration that takes the clients whose certificates `clients` takes. The error speaks of
/// the gateway's own certificate or key.
///
/// Resumption is off: it would skip the verifier and its list.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
