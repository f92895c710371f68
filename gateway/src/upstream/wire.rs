//! How a broker is spoken to: MQTT 3.1.1 by rumqttc, over TLS with the gateway's own certificate.

use super::{Settings, flight::PACKET_NUMBERS};
use crate::folder::Folder;
use crate::house::{Failure, random};
use crate::provider;
use crate::wallet::now;
use device_sdk::tls::client_config;
use issuer::{Authorities, ServerName};
use protocol::Code;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The largest packet either way: our largest payload with a long topic.
const PACKET_MAX_BYTES: usize = 128 * 1024;
/// Between two signs of life.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// For a connection with its handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Before the first attempt to reconnect; doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Who the gateway is to a broker, and where that is.
#[derive(Clone)]
pub struct Credentials {
    /// What the settings say.
    pub settings: Settings,
    /// Certifies and is certified.
    pub authorities: Arc<Authorities>,
    /// Where the server's key and certificate lie, which are a client's, too.
    pub folder: Folder,
    /// What the server is called.
    pub names: Vec<ServerName>,
}

impl Credentials {
    /// The gateway's code.
    pub fn code(&self) -> Code {
        self.authorities.gateway.code()
    }

    fn transport(&self) -> Result<Transport, Failure> {
        if !self.settings.broker.tls {
            return Ok(Transport::Tcp);
        }
        let config = self.tls()?;
        Ok(Transport::tls_with_config(TlsConfiguration::Rustls(config)))
    }

    /// Key and certificate are read for every connection, so that a renewed one counts.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        let folder = self.folder.authorities();
        let own = self
            .authorities
            .server(&folder, &self.names, now(), &mut random)?;
        let chain = own.chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.to_vec()));
        let trusted = match &self.settings.trusted_file {
            Some(file) => std::fs::read(file)
                .map_err(|error| format!("upstream.trusted_file {}: {error}", file.display()))?,
            None => self.authorities.trusted_pem().into_bytes(),
        };
        let roots: Vec<_> = CertificateDer::pem_slice_iter(&trusted).collect::<Result<_, _>>()?;
        Ok(client_config(chain, key, &roots)?)
    }

    /// `suffix` tells the gateway's sessions apart.
    pub(super) fn options(&self, suffix: &str, clean: bool) -> Result<MqttOptions, Failure> {
        let broker = &self.settings.broker;
        let id = format!("{}.{suffix}", self.code());
        let mut options = MqttOptions::new(id, &broker.host, broker.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(clean)
            .set_manual_acks(true)
            .set_inflight(PACKET_NUMBERS)
            .set_max_packet_size(PACKET_MAX_BYTES, PACKET_MAX_BYTES)
            .set_transport(self.transport()?);
        if let Some((user, file)) = &self.settings.user {
            let password = provider::secret(file)?;
            options.set_credentials(user, password.secret());
        }
        Ok(options)
    }
}

/// A client and its event loop, which connects when it is polled.
pub(super) fn client(options: MqttOptions, requests: usize) -> (AsyncClient, EventLoop) {
    let (client, mut events) = AsyncClient::new(options, requests);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
    events.set_network_options(network);
    (client, events)
}

/// Connects under `suffix` with a session that ends at once, and says goodbye: the broker has no
/// session of that name afterwards.
pub async fn reach(credentials: &Credentials, suffix: &str) -> Result<(), Failure> {
    let (client, mut events) = client(credentials.options(suffix, true)?, 4);
    let reached = async {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => client.try_disconnect()?,
                Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(Failure::from(error)),
            }
        }
    };
    let within = 2 * CONNECT_TIMEOUT;
    let late = |_| format!("{} does not answer", credentials.settings.broker);
    timeout(within, reached).await.map_err(late)?
}

/// Waits between attempts to connect.
pub(super) struct Waits(Duration);

impl Waits {
    pub(super) const fn new() -> Self {
        Self(FIRST_WAIT)
    }

    pub(super) async fn wait(&mut self) {
        let wait = self.0;
        self.0 = wait.saturating_mul(2).min(LONGEST_WAIT);
        tokio::time::sleep(wait).await;
    }
}
