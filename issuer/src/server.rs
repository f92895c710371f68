//! The key and certificate that a gateway's own servers show.

use crate::authorities::Authorities;
use crate::authority::{Authority, Role, ServerOrder};
use crate::bundle;
use crate::durable::{self, Readers};
use crate::error::IssueError;
use crate::key::{self, Random, draw, generate};
use crate::lint::{self, Expected};
use crate::names::ServerName;
use crate::problem::{At, FolderError, Found, Problem};
use crate::profile::{Profile, p256_spki, spki_der, subject};
use crate::signing::CaFace;
use der::Decode;
use protocol::keys::SoftwareKey;
use protocol::{Algorithm, Signer, Timestamp};
use std::fmt;
use std::path::Path;
use x509_cert::Certificate;
use zeroize::Zeroizing;

/// Life of a server certificate.
pub const SERVER_LIFE_S: u32 = 365 * 86_400;
/// A certificate that ends sooner than this is replaced.
pub const SERVER_RENEWAL_S: u32 = 60 * 86_400;
/// Key, certificate and chain in one file, so that they always fit each other.
pub(crate) const FILE: &str = "server.pem";

/// What a TLS or DTLS server needs.
pub struct ServerIdentity {
    /// Its own certificate, then the issuer's, then the root as somebody else signed it, DER.
    pub chain: Vec<Vec<u8>>,
    /// Private key, PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// When the certificate ends.
    pub not_after: Timestamp,
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerIdentity(until {})", self.not_after.0)
    }
}

impl Authorities {
    /// The server identity kept in `folder`, for exactly these names. It is made when it is not
    /// there, damaged, for other names, or about to end.
    pub fn server(
        &self,
        folder: &Path,
        names: &[ServerName],
        now: Timestamp,
        random: &mut Random<'_>,
    ) -> Result<ServerIdentity, FolderError> {
        let path = folder.join(FILE);
        let lives = |kept: &ServerIdentity, for_s| kept.not_after > now.plus_s(for_s);
        let kept = self.kept(&path, names)?.filter(|kept| lives(kept, 0));
        match kept {
            Some(kept) if lives(&kept, SERVER_RENEWAL_S) => Ok(self.shown(kept)),
            Some(kept) => match self.keep_server(folder, names, now, SERVER_LIFE_S, random) {
                // Without the issuer's key the old one has to do until its end.
                Err(FolderError {
                    problem: Problem::Issue(IssueError::KeyAbsent),
                    ..
                }) => Ok(self.shown(kept)),
                made => made,
            },
            None => self.keep_server(folder, names, now, SERVER_LIFE_S, random),
        }
    }

    /// A new server identity, kept in `folder`.
    pub(crate) fn keep_server(
        &self,
        folder: &Path,
        names: &[ServerName],
        now: Timestamp,
        life_s: u32,
        random: &mut Random<'_>,
    ) -> Result<ServerIdentity, FolderError> {
        let path = folder.join(FILE);
        let (secret, made) = self.new_server(names, now, life_s, random).at(&path)?;
        let pem = key::to_pem(&secret).ok_or(IssueError::Encoding).at(&path)?;
        let chain = bundle::pem(made.chain.iter().map(Vec::as_slice));
        let file = Zeroizing::new([pem.as_bytes(), chain.as_bytes()].concat());
        durable::write(&path, &file, Readers::Owner).at(&path)?;
        Ok(self.shown(made))
    }

    /// With what leads on to whoever else signed the root. A client that trusts the root itself
    /// does not need it.
    fn shown(&self, mut identity: ServerIdentity) -> ServerIdentity {
        let from_old = self.former_root().map(|(_, old)| old.cross.clone());
        identity.chain.extend(from_old);
        identity.chain.extend_from_slice(&self.cross);
        identity
    }

    fn new_server(
        &self,
        names: &[ServerName],
        now: Timestamp,
        life_s: u32,
        random: &mut Random<'_>,
    ) -> Result<(SoftwareKey, ServerIdentity), IssueError> {
        let secret = generate(Algorithm::P256, random)?;
        let order = ServerOrder {
            serial: *draw::<16>(random)?,
            issued: now,
            not_after: now.plus_s(life_s).min(self.issuer.not_after()),
            code: self.gateway.code(),
            names: names.to_vec(),
        };
        let leaf = self.issuer.issue_server(&order, &secret.public_key())?;
        let identity = ServerIdentity {
            chain: vec![leaf, self.issuer.certificate().to_vec()],
            key: key::to_pkcs8(&secret).ok_or(IssueError::Encoding)?,
            not_after: order.not_after,
        };
        Ok((secret, identity))
    }

    /// What the file holds, if it is whole, ours and for these names.
    fn kept(&self, path: &Path, names: &[ServerName]) -> Found<Option<ServerIdentity>> {
        if !path.exists() {
            return Ok(None);
        }
        let mode = durable::open_to_others(path).at(path)?;
        if mode != 0 {
            return Err(Problem::OpenToOthers(mode)).at(path);
        }
        let pem = Zeroizing::new(durable::read(path).at(path)?);
        Ok(self.read(&pem, names))
    }

    fn read(&self, pem: &[u8], names: &[ServerName]) -> Option<ServerIdentity> {
        let parts = bundle::split(core::str::from_utf8(pem).ok()?);
        let [key, leaf, above] = parts.as_slice() else {
            return None;
        };
        let secret = key::from_pem(Algorithm::P256, key.as_bytes())?;
        let [leaf, above] = [leaf, above].map(|part| certificate(part));
        let (leaf, above) = (leaf?, above?);
        let signer = self.signer(&above)?;
        let not_after = self.check(&leaf, &secret, names, signer)?;
        Some(ServerIdentity {
            chain: vec![leaf, signer.certificate().to_vec()],
            key: key::to_pkcs8(&secret)?,
            not_after,
        })
    }

    /// The issuer with this key, as it is certified now, or one before it: things that know no
    /// other go on trusting what it signed.
    fn signer(&self, above: &[u8]) -> Option<&Authority> {
        let above = Certificate::from_der(above).ok()?;
        let key = above.tbs_certificate().subject_public_key_info();
        let before = self.former.iter().map(|former| &former.authority);
        let issuers = before.filter(|one| one.role() == Role::Issuer);
        std::iter::once(&self.issuer)
            .chain(issuers)
            .find(|one| one.certificate.tbs_certificate().subject_public_key_info() == key)
    }

    fn check(
        &self,
        leaf: &[u8],
        secret: &SoftwareKey,
        names: &[ServerName],
        signer: &Authority,
    ) -> Option<Timestamp> {
        let code = self.gateway.code();
        let face = CaFace::new(&secret.public_key())?;
        let spki = p256_spki(&signature::Keypair::verifying_key(&face)).ok()?;
        let expected = Expected {
            profile: &Profile::Server {
                names: self.issuer.server_names(names, &code).ok()?,
            },
            subject: &subject(code.text().as_str(), &code).ok()?,
            key: &spki_der(&spki).ok()?,
            authority: Some(&signer.certificate),
        };
        let key = signer.ca_key.public_key();
        let read = lint::certificate(leaf, &expected, &key).ok()?;
        let end = read.tbs_certificate().validity().not_after;
        Some(crate::certificate::timestamp(end))
    }
}

fn certificate(pem: &str) -> Option<Vec<u8>> {
    match der::pem::decode_vec(pem.as_bytes()) {
        Ok(("CERTIFICATE", der)) => Some(der),
        _ => None,
    }
}
