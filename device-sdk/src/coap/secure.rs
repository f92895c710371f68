//! One DTLS association with the gateway.

use super::{Error, SettingsFault};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest DTLS datagram sent; fits every IPv6 path.
const MTU: usize = 1200;
/// Room for one decrypted or encrypted datagram; grows if the engine asks.
const BUFFER_BYTES: usize = 2048;
/// The buffer grows no further than any datagram could be.
const BUFFER_MAX_BYTES: usize = 65_536;

/// With what a thing shows who it is, and whom it trusts.
#[derive(Clone)]
pub struct Identity {
    /// The thing's own certificate, DER. Its key is P-256.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub private_key: Vec<u8>,
    /// The root's certificate, DER.
    pub root: Vec<u8>,
    /// Certificates between the root and the gateway's own, DER: DTLS brings only the last one.
    pub intermediates: Vec<Vec<u8>>,
    /// The gateway's name: a DNS name or an address that stands in its certificate.
    pub server_name: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// An identity that was looked at: it can be loaded, and names can be checked.
#[derive(Clone)]
pub(super) struct Checked {
    config: Arc<Config>,
    own: DtlsCertificate,
    root: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    server_name: ServerName<'static>,
}

impl Checked {
    pub(super) fn new(identity: Identity, handshake: Duration) -> Result<Self, SettingsFault> {
        let config = Config::builder()
            .mtu(MTU)
            .handshake_timeout(handshake)
            .flight_start_rto(handshake.min(Duration::from_secs(4)) / 8)
            .build()
            .map_err(|_| SettingsFault::Timing)?;
        // The engine takes a bad key for a bug and panics, so it is tried here.
        config
            .crypto_provider()
            .key_provider
            .load_private_key(&identity.private_key)
            .map_err(|_| SettingsFault::PrivateKey)?;
        let own = CertificateDer::from(identity.certificate.as_slice());
        if webpki::EndEntityCert::try_from(&own).is_err() {
            return Err(SettingsFault::Certificate);
        }
        let root = CertificateDer::from(identity.root);
        if webpki::anchor_from_trusted_cert(&root).is_err() {
            return Err(SettingsFault::Root);
        }
        let intermediates = identity.intermediates.into_iter();
        Ok(Self {
            config: Arc::new(config),
            root,
            intermediates: intermediates.map(CertificateDer::from).collect(),
            server_name: ServerName::try_from(identity.server_name)
                .map_err(|_| SettingsFault::ServerName)?,
            own: DtlsCertificate {
                certificate: identity.certificate,
                private_key: identity.private_key,
            },
        })
    }

    /// Whether this is the gateway: its chain ends at our root, and it bears the expected name.
    fn trusts(&self, leaf: &[u8], now: UnixTime) -> bool {
        let leaf = CertificateDer::from(leaf);
        let (Ok(leaf), Ok(anchor)) = (
            webpki::EndEntityCert::try_from(&leaf),
            webpki::anchor_from_trusted_cert(&self.root),
        ) else {
            return false;
        };
        let anchors = [anchor];
        let chain = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &self.intermediates,
            now,
            webpki::KeyUsage::server_auth(),
            None,
            None,
        );
        chain.is_ok()
            && leaf
                .verify_is_valid_for_subject_name(&self.server_name)
                .is_ok()
    }
}

/// What came out of the association.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// Records to send.
    pub(super) datagrams: Vec<Vec<u8>>,
    /// Messages received.
    pub(super) messages: Vec<Vec<u8>>,
    /// The gateway has said good-bye.
    pub(super) closed: bool,
}

pub(super) struct Secure {
    dtls: Dtls,
    checked: Checked,
    trusted: bool,
    connected: bool,
    wake: Instant,
    buffer: Vec<u8>,
}

impl Secure {
    /// Starts a handshake; drain it for the first flight.
    pub(super) fn new(checked: Checked, now: Instant) -> Result<Self, Error> {
        let mut dtls = Dtls::new_12(checked.config.clone(), checked.own.clone(), now);
        dtls.set_active(true);
        dtls.handle_timeout(now).map_err(refused)?;
        Ok(Self {
            dtls,
            checked,
            trusted: false,
            connected: false,
            wake: now,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Whether the handshake is over and the gateway is who it should be.
    pub(super) fn is_open(&self) -> bool {
        self.trusted && self.connected
    }

    /// When [`Self::on_time`] next has something to do.
    pub(super) fn wake(&self) -> Instant {
        self.wake
    }

    pub(super) fn receive(&mut self, datagram: &[u8], now: Instant) -> Result<Drained, Error> {
        // The engine takes the time only here, and needs it first.
        self.dtls.handle_timeout(now).map_err(refused)?;
        self.dtls.handle_packet(datagram).map_err(refused)?;
        self.drain()
    }

    pub(super) fn on_time(&mut self, now: Instant) -> Result<Drained, Error> {
        self.dtls.handle_timeout(now).map_err(refused)?;
        self.drain()
    }

    pub(super) fn send(&mut self, message: &[u8]) -> Result<Drained, Error> {
        self.dtls.send_application_data(message).map_err(refused)?;
        self.drain()
    }

    pub(super) fn close(&mut self) -> Result<Drained, Error> {
        self.dtls.close().map_err(refused)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<Drained, Error> {
        let mut drained = Drained::default();
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(bytes) => drained.datagrams.push(bytes.to_vec()),
                Output::BufferTooSmall { needed } if needed <= BUFFER_MAX_BYTES => {
                    self.buffer.resize(needed, 0);
                }
                Output::BufferTooSmall { .. } => return Err(Error::Refused),
                Output::Timeout(at) => {
                    self.wake = at;
                    return Ok(drained);
                }
                Output::PeerCert(leaf) => {
                    if !self.checked.trusts(leaf, UnixTime::now()) {
                        return Err(Error::NotTrusted);
                    }
                    self.trusted = true;
                }
                Output::Connected => self.connected = true,
                Output::ApplicationData(bytes) if self.trusted && self.connected => {
                    drained.messages.push(bytes.to_vec());
                }
                Output::CloseNotify => drained.closed = true,
                _ => {}
            }
        }
    }
}

/// After any error of the engine the association is over.
fn refused(_: dimpl::Error) -> Error {
    Error::Refused
}
