//! What a thing is, in a folder of its own:
//!
//! ```text
//! keys             both private keys, readable by their owner only
//! key.pem          the transport key once more, as other programs want it; likewise
//! certificate.pem  own certificate, then that of who signed it: its gateway, or a station
//! authorities.pem  root, issuer and signer, then issuers that count beside that one
//! pass, gateway.pass, issuer.pass
//! station.pass     if a station made it; all of this a station puts there as well, see
//!                  [`crate::provision`]
//! other_root       a root that counts as well, until when; only while one takes over
//! identity         network, root key and code; written last, so it is there only when all is
//! ```
//!
//! Every file is written whole or not at all. Keys are stored before anybody hears of them, so that
//! an enrolment that was cut short is taken up again with the same keys.

use crate::durable;
use crate::enrol::{Authorities, Credentials, Keys};
use der::pem::LineEnding;
use protocol::cose::open;
use protocol::keys::Algorithm;
use protocol::objects::Pass;
use protocol::rules::Trust;
use protocol::{Code, Network, PublicKey, Timestamp};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::Certificate;
use zeroize::Zeroizing;

/// The largest file that is read; certificates are about 1 KB each.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const OTHER_ROOT: &str = "other_root";

/// An enrolled thing.
#[derive(Debug)]
pub struct Identity {
    /// Its network and the root's key.
    pub trust: Trust,
    /// Its private keys.
    pub keys: Keys,
    /// What it was given.
    pub credentials: Credentials,
}

/// What is wrong with a folder.
#[derive(Debug)]
pub enum IdentityError {
    /// The operating system refused.
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what it should be.
    Unreadable {
        /// Which file.
        path: PathBuf,
    },
    /// A key cannot be used for TLS.
    Tls(rustls::Error),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Unreadable { path } => {
                write!(f, "{} is damaged or of another version", path.display())
            }
            Self::Tls(error) => write!(f, "keys and certificates do not fit TLS: {error}"),
        }
    }
}

impl std::error::Error for IdentityError {}

impl Identity {
    /// Stores everything; durable when it returns.
    pub fn save(&self, folder: &Path) -> Result<(), IdentityError> {
        save_keys(folder, &self.keys)?;
        let given = &self.credentials;
        let authorities = &given.authorities;
        let own = pem(&[&given.certificate, &authorities.signer]);
        let above = authorities_pem(authorities);
        let key = transport_pem(&self.keys).ok_or_else(|| IdentityError::Unreadable {
            path: folder.join("keys"),
        })?;
        write(folder, "key.pem", key.as_bytes(), 0o600)?;
        write(folder, "certificate.pem", own.as_bytes(), 0o644)?;
        write(folder, "authorities.pem", above.as_bytes(), 0o644)?;
        write(folder, "pass", &given.pass, 0o644)?;
        if let Some(station) = &given.station_pass {
            write(folder, "station.pass", station, 0o644)?;
        }
        write(folder, "gateway.pass", &given.gateway_pass, 0o644)?;
        write(folder, "issuer.pass", &given.issuer_pass, 0o644)?;
        let line = format!(
            "1 {} {} {}\n",
            self.trust.network.as_str(),
            key_text(&self.trust.root_key),
            given.code
        );
        write(folder, "identity", line.as_bytes(), 0o644)
    }

    /// Reads everything back; `None` when the folder holds no finished identity.
    pub fn load(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let Some(line) = read(folder, "identity")? else {
            return Ok(None);
        };
        let damaged = |name: &str| IdentityError::Unreadable {
            path: folder.join(name),
        };
        let needed = |name: &str| read(folder, name)?.ok_or_else(|| damaged(name));
        let (mut trust, code) = parse_line(&line).ok_or_else(|| damaged("identity"))?;
        trust.other_root = other_root(folder)?.map(|(key, _)| key);
        let keys = load_keys(folder)?.ok_or_else(|| damaged("keys"))?;
        let own = parse_pem(&needed("certificate.pem")?);
        let Some([certificate, _]) = own.as_deref() else {
            return Err(damaged("certificate.pem"));
        };
        let authorities = parse_authorities(&needed("authorities.pem")?);
        let authorities = authorities.ok_or_else(|| damaged("authorities.pem"))?;
        let (pass, station) = (needed("pass")?, read(folder, "station.pass")?);
        Ok(Some(Self {
            trust,
            keys,
            credentials: Credentials {
                code,
                certificate: certificate.clone(),
                authorities,
                station_pass: station.filter(|station| gave(station, &pass, &trust.network)),
                pass,
                gateway_pass: needed("gateway.pass")?,
                issuer_pass: needed("issuer.pass")?,
            },
        }))
    }

    /// For MQTT and HTTPS: shows the own certificate with the gateway's, trusts root and issuer.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, IdentityError> {
        let own = |der: &[u8]| CertificateDer::from(der.to_vec());
        let given = &self.credentials;
        let encoding = |_| rustls::Error::General("the transport key cannot be encoded".into());
        let key = self.keys.transport_pkcs8().map_err(encoding);
        let key = PrivateKeyDer::Pkcs8(key.map_err(IdentityError::Tls)?);
        let chain = vec![own(&given.certificate), own(&given.authorities.signer)];
        let roots = [&given.authorities.root, &given.authorities.issuer].map(|der| own(der));
        crate::tls::client_config(chain, key, &roots).map_err(IdentityError::Tls)
    }

    /// For CoAP over DTLS, to a gateway that goes by `server_name`.
    pub fn dtls(&self, server_name: &str) -> Result<crate::coap::Identity, IdentityError> {
        let given = &self.credentials;
        let encoding = |_| rustls::Error::General("the transport key cannot be encoded".into());
        let key = self.keys.transport_pkcs8().map_err(encoding);
        Ok(crate::coap::Identity {
            certificate: given.certificate.clone(),
            private_key: key.map_err(IdentityError::Tls)?.secret_pkcs8_der().to_vec(),
            root: given.authorities.root.clone(),
            intermediates: std::iter::once(&given.authorities.issuer)
                .chain(&given.authorities.others)
                .cloned()
                .collect(),
            server_name: server_name.to_owned(),
        })
    }
}

/// A root that counts beside the one of the identity, and until when.
pub fn other_root(folder: &Path) -> Result<Option<(PublicKey, Timestamp)>, IdentityError> {
    let Some(text) = read(folder, OTHER_ROOT)? else {
        return Ok(None);
    };
    let parse = || {
        let line = std::str::from_utf8(&text).ok()?.trim_end();
        let (key, ends) = line.split_once(' ')?;
        Some((parse_key(key)?, Timestamp(ends.parse().ok()?)))
    };
    let damaged = || IdentityError::Unreadable {
        path: folder.join(OTHER_ROOT),
    };
    parse().map(Some).ok_or_else(damaged)
}

/// Keeps [`other_root`]. It is written before the identity that goes with it: a crash between them
/// leaves the old root twice, which changes nothing.
pub fn save_other_root(
    folder: &Path,
    key: &PublicKey,
    ends: Timestamp,
) -> Result<(), IdentityError> {
    let line = format!("{} {}\n", key_text(key), ends.0);
    write(folder, OTHER_ROOT, line.as_bytes(), 0o644)
}

/// Whether one pass gave the other. A thing that was made by a station and enrolled anew keeps the
/// file of the station beside what it has now.
fn gave(station: &[u8], pass: &[u8], network: &Network) -> bool {
    let read = |bytes| open::<Pass>(bytes, network).map(|pass| *pass.peek());
    match (read(station), read(pass)) {
        (Ok(station), Ok(pass)) => station.subject == pass.issuer,
        _ => false,
    }
}

/// Stores keys before they are enrolled; durable when it returns.
pub fn save_keys(folder: &Path, keys: &Keys) -> Result<(), IdentityError> {
    fs::create_dir_all(folder).map_err(|error| IdentityError::Io {
        path: folder.to_owned(),
        error,
    })?;
    let (transport, wallet) = keys.to_bytes();
    let text = Zeroizing::new(format!(
        "1 p256 {} ed25519 {}\n",
        *hex(transport.as_slice()),
        *hex(wallet.as_slice())
    ));
    write(folder, "keys", text.as_bytes(), 0o600)
}

/// Reads keys that were stored; `None` when there are none.
pub fn load_keys(folder: &Path) -> Result<Option<Keys>, IdentityError> {
    let Some(text) = read(folder, "keys")? else {
        return Ok(None);
    };
    let text = Zeroizing::new(text);
    let parse = || {
        let line = std::str::from_utf8(&text).ok()?.strip_suffix('\n')?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["1", "p256", transport, "ed25519", wallet] = words.as_slice() else {
            return None;
        };
        let transport = Zeroizing::new(unhex(transport)?);
        let wallet = Zeroizing::new(unhex(wallet)?);
        Keys::from_random(&transport, &wallet).ok()
    };
    match parse() {
        Some(keys) => Ok(Some(keys)),
        None => Err(IdentityError::Unreadable {
            path: folder.join("keys"),
        }),
    }
}

fn parse_line(line: &[u8]) -> Option<(Trust, Code)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let words: Vec<&str> = line.split(' ').collect();
    let ["1", network, key, code] = words.as_slice() else {
        return None;
    };
    let trust = Trust::new(Network::new(network)?, parse_key(key)?);
    Some((trust, code.parse().ok()?))
}

/// How keys are written in files: `ed25519:` or `p256:` and hexadecimal digits.
pub fn key_text(key: &PublicKey) -> String {
    let name = match key.algorithm() {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::P256 => "p256",
    };
    format!("{name}:{}", *hex(key.as_bytes()))
}

/// Reads what [`key_text`] writes.
pub fn parse_key(text: &str) -> Option<PublicKey> {
    match text.split_once(':')? {
        ("ed25519", digits) => Some(PublicKey::Ed25519(unhex(digits)?)),
        ("p256", digits) => Some(PublicKey::P256(unhex(digits)?)),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (to, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *to = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(bytes)
}

pub(crate) fn transport_pem(keys: &Keys) -> Option<Zeroizing<String>> {
    let key = keys.transport_pkcs8().ok()?;
    let der = key.secret_pkcs8_der();
    let pem = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, der).ok()?;
    Some(Zeroizing::new(pem))
}

pub(crate) fn pem(certificates: &[&[u8]]) -> String {
    certificates
        .iter()
        .filter_map(|der| der::pem::encode_string("CERTIFICATE", LineEnding::LF, der).ok())
        .collect()
}

/// Root, issuer and signer, then issuers that count beside that one.
pub(crate) fn authorities_pem(authorities: &Authorities) -> String {
    let three = [&authorities.root, &authorities.issuer, &authorities.signer];
    let all = three.into_iter().chain(&authorities.others);
    pem(&all.map(Vec::as_slice).collect::<Vec<_>>())
}

pub(crate) fn parse_authorities(text: &[u8]) -> Option<Authorities> {
    let all = parse_pem(text)?;
    let [root, issuer, signer, others @ ..] = all.as_slice() else {
        return None;
    };
    Some(Authorities {
        root: root.clone(),
        issuer: issuer.clone(),
        signer: signer.clone(),
        others: others.to_vec(),
    })
}

pub(crate) fn parse_pem(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let certificates = Certificate::load_pem_chain(text).ok()?;
    certificates
        .iter()
        .map(|certificate| der::Encode::to_der(certificate).ok())
        .collect()
}

pub(crate) fn write(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    mode: u32,
) -> Result<(), IdentityError> {
    let path = folder.join(name);
    durable::write(&path, bytes, mode).map_err(|error| IdentityError::Io { path, error })
}

/// `None` when there is no such file.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, IdentityError> {
    let path = folder.join(name);
    let read = || {
        if fs::metadata(&path)?.len() > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(&path)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(IdentityError::Io { path, error }),
    }
}
