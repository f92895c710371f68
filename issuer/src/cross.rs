//! The root under somebody else's authority: a company that has one of its own signs our root's
//! name and key once more, and whoever trusts the company reaches our servers.
//!
//! ```text
//! company -> (its intermediates) -> our root, cross-signed -> issuer -> server
//!                                   our root, by itself    -> issuer -> gateway -> thing
//! ```
//!
//! Nothing of ours changes by it: the same key, the same names, one certificate more in what our
//! servers show.

use crate::ask;
use crate::authorities::Authorities;
use crate::authority::{Authority, Role};
use crate::bundle;
use crate::durable::{self, Readers};
use crate::error::{IssueError, OrderFault};
use crate::names::ServerName;
use crate::problem::{At, FolderError, Found, Problem};
use const_oid::AssociatedOid;
use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode};
use protocol::Timestamp;
use std::fmt;
use std::path::Path;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, NameConstraints, SubjectKeyIdentifier};

/// Where it lies, in the root's folder: our root cross-signed, then what is above it.
pub(crate) const CROSS: &str = "cross.pem";
/// Most certificates of somebody else in what our servers show.
pub const CROSS_MAX: usize = 4;
/// Issuer and gateway stand below the root.
const BELOW: u8 = 2;

/// Why a certificate by somebody else is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossFault {
    /// No certificate, more than [`CROSS_MAX`], or damaged.
    Unreadable,
    /// Not for the root's key, or not under the root's name.
    OtherKey,
    /// It does not make an authority.
    NoAuthority,
    /// Its path length leaves no room for what stands below the root.
    PathLength(u8),
    /// This name of the server lies outside its name constraints.
    Outside(String),
    /// It has ended, or has not begun.
    Time,
    /// A critical extension that this program does not know.
    Unknown(String),
    /// Its subjectKeyIdentifier is not this, the one of the root: clients would not find the way.
    KeyIdentifier(String),
    /// The certificates do not lead from one to the next.
    Broken,
}

impl fmt::Display for CrossFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => write!(
                f,
                "no PEM file of 1 to {CROSS_MAX} certificates; the root's comes first, then those above it"
            ),
            Self::OtherKey => f.write_str(
                "for another key or name than the root's: have the request of `onecode root request` signed as it is, subject included",
            ),
            Self::NoAuthority => f.write_str(
                "it does not make an authority: it wants basicConstraints CA:TRUE and keyUsage keyCertSign",
            ),
            Self::PathLength(found) => write!(
                f,
                "path length {found}; issuer and gateway stand below the root: leave it out, or at least {BELOW}"
            ),
            Self::Outside(name) => write!(
                f,
                "its name constraints do not permit {name}, so clients would refuse the server: widen them, or take the name out of gateway.names"
            ),
            Self::Time => f.write_str("it has ended, or has not begun: check the clock, or have it renewed"),
            Self::Unknown(oid) => write!(
                f,
                "it has the critical extension {oid}, which clients would have to know: have it left out"
            ),
            Self::KeyIdentifier(wanted) => write!(
                f,
                "its subjectKeyIdentifier has to be the one of the request, {wanted}: have it copied, what the root has signed names it"
            ),
            Self::Broken => f.write_str(
                "the certificates do not lead from one to the next: the root's first, then who signed it, and so on",
            ),
        }
    }
}

impl std::error::Error for CrossFault {}

impl Authority {
    /// What a company's authority is asked to sign: the root's key under the root's own name.
    pub fn cross_request(&self) -> Result<Vec<u8>, IssueError> {
        if self.role != Role::Root {
            return Err(OrderFault::Role.into());
        }
        let own = self.certificate.tbs_certificate();
        let wanted = own.extensions().into_iter().flatten().filter(|extension| {
            let wanted = [
                BasicConstraints::OID,
                KeyUsage::OID,
                SubjectKeyIdentifier::OID,
            ];
            wanted.contains(&extension.extn_id)
        });
        let wanted: Vec<Extension> = wanted.cloned().collect();
        let attribute = Attribute {
            oid: ID_EXTENSION_REQ,
            values: SetOfVec::try_from(vec![Any::encode_from(&wanted)?])?,
        };
        ask::request(&self.ca_key, own.subject().clone(), vec![attribute])
    }
}

impl Authorities {
    /// Checks certificates by somebody else, for servers of these names, and keeps them: from now
    /// on servers show them behind the issuer's. Those before are replaced.
    pub fn adopt(
        &mut self,
        folder: &Path,
        pem: &str,
        names: &[ServerName],
        now: Timestamp,
    ) -> Result<(), FolderError> {
        let path = folder.join(Role::Root.word()).join(CROSS);
        let above = checked(&self.root, pem, now)
            .map_err(Problem::Cross)
            .at(&path)?;
        let all = self.issuer.server_names(names, &self.gateway.code);
        let all = all.map_err(IssueError::from).at(&path)?;
        for certificate in &above {
            permits(certificate.tbs_certificate(), &all)
                .map_err(Problem::Cross)
                .at(&path)?;
        }
        same_key_id(&self.root.certificate, above.first())
            .map_err(Problem::Cross)
            .at(&path)?;
        let ders: Result<Vec<Vec<u8>>, _> = above.iter().map(Encode::to_der).collect();
        let ders = ders
            .map_err(|_| Problem::Cross(CrossFault::Unreadable))
            .at(&path)?;
        let text = bundle::pem(ders.iter().map(Vec::as_slice));
        durable::write(&path, text.as_bytes(), Readers::Everybody).at(&path)?;
        self.cross = ders;
        Ok(())
    }
}

/// What was adopted; nothing when nothing was.
pub(crate) fn load(folder: &Path) -> Found<Vec<Vec<u8>>> {
    let path = folder.join(Role::Root.word()).join(CROSS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = durable::read(&path).at(&path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Problem::Unreadable)
        .at(&path)?;
    let certificates = bundle::documents(&text).into_iter();
    Ok(certificates
        .filter(|(label, _)| label == "CERTIFICATE")
        .map(|(_, der)| der)
        .take(CROSS_MAX)
        .collect())
}

fn checked(root: &Authority, pem: &str, now: Timestamp) -> Result<Vec<Certificate>, CrossFault> {
    let documents = bundle::documents(pem);
    let is_one = |(label, _): &(String, Vec<u8>)| label == "CERTIFICATE";
    if documents.is_empty() || documents.len() > CROSS_MAX || !documents.iter().all(is_one) {
        return Err(CrossFault::Unreadable);
    }
    let read = |(_, der): &(String, Vec<u8>)| Certificate::from_der(der);
    let certificates: Result<Vec<Certificate>, _> = documents.iter().map(read).collect();
    let certificates = certificates.map_err(|_| CrossFault::Unreadable)?;
    let first = certificates.first().ok_or(CrossFault::Unreadable)?;
    let (tbs, own) = (first.tbs_certificate(), root.certificate.tbs_certificate());
    if tbs.subject() != own.subject()
        || tbs.subject_public_key_info() != own.subject_public_key_info()
    {
        return Err(CrossFault::OtherKey);
    }
    for (above, certificate) in certificates.iter().enumerate() {
        let above = u8::try_from(above).map_err(|_| CrossFault::Unreadable)?;
        is_authority(
            certificate.tbs_certificate(),
            BELOW.saturating_add(above),
            now,
        )?;
    }
    for pair in certificates.windows(2) {
        let [lower, upper] = pair else { continue };
        if lower.tbs_certificate().issuer() != upper.tbs_certificate().subject() {
            return Err(CrossFault::Broken);
        }
    }
    Ok(certificates)
}

/// Certificates below the root name its key by the identifier it gave itself.
fn same_key_id(root: &Certificate, cross: Option<&Certificate>) -> Result<(), CrossFault> {
    let id = |of: &Certificate| {
        let found = of.tbs_certificate().get_extension::<SubjectKeyIdentifier>();
        let found = found.map_err(|_| CrossFault::Unreadable)?;
        Ok(found.map(|(_, id)| id.0.as_bytes().to_vec()))
    };
    let (own, theirs) = (id(root)?, cross.map(id).transpose()?.flatten());
    match own == theirs {
        true => Ok(()),
        false => Err(CrossFault::KeyIdentifier(
            own.iter()
                .flatten()
                .map(|byte| format!("{byte:02X}"))
                .collect(),
        )),
    }
}

/// What clients know of critical extensions.
const KNOWN: [const_oid::ObjectIdentifier; 3] =
    [BasicConstraints::OID, KeyUsage::OID, NameConstraints::OID];

fn is_authority(tbs: &TbsCertificate, below: u8, now: Timestamp) -> Result<(), CrossFault> {
    let validity = tbs.validity();
    let [from, to] = [validity.not_before, validity.not_after].map(crate::certificate::timestamp);
    if now < from || to <= now {
        return Err(CrossFault::Time);
    }
    let mut extensions = tbs.extensions().into_iter().flatten();
    if let Some(other) = extensions.find(|one| one.critical && !KNOWN.contains(&one.extn_id)) {
        return Err(CrossFault::Unknown(other.extn_id.to_string()));
    }
    let unreadable = |_| CrossFault::Unreadable;
    let constraints = tbs
        .get_extension::<BasicConstraints>()
        .map_err(unreadable)?;
    let usage = tbs.get_extension::<KeyUsage>().map_err(unreadable)?;
    let signs = usage.is_none_or(|(_, usage)| usage.key_cert_sign());
    match constraints {
        Some((_, found)) if found.ca && signs => match found.path_len_constraint {
            Some(most) if most < below => Err(CrossFault::PathLength(most)),
            _ => Ok(()),
        },
        _ => Err(CrossFault::NoAuthority),
    }
}

/// Whether clients would take these names under it.
fn permits(tbs: &TbsCertificate, names: &[ServerName]) -> Result<(), CrossFault> {
    let found = tbs.get_extension::<NameConstraints>();
    let Some((_, constraints)) = found.map_err(|_| CrossFault::Unreadable)? else {
        return Ok(());
    };
    let bases = |subtrees: Option<Vec<_>>| -> Vec<GeneralName> {
        let subtrees = subtrees.unwrap_or_default().into_iter();
        subtrees
            .map(|subtree: x509_cert::ext::pkix::constraints::name::GeneralSubtree| subtree.base)
            .collect()
    };
    let permitted = bases(constraints.permitted_subtrees);
    let excluded = bases(constraints.excluded_subtrees);
    for name in names {
        let of_its_kind: Vec<&GeneralName> = permitted
            .iter()
            .filter(|base| same_kind(base, name))
            .collect();
        let inside = of_its_kind.is_empty() || of_its_kind.iter().any(|base| covers(base, name));
        if !inside || excluded.iter().any(|base| covers(base, name)) {
            return Err(CrossFault::Outside(said(name)));
        }
    }
    Ok(())
}

fn said(name: &ServerName) -> String {
    match name {
        ServerName::Dns(name) => name.clone(),
        ServerName::Ip(ip) => ip.to_string(),
    }
}

fn same_kind(base: &GeneralName, name: &ServerName) -> bool {
    matches!(
        (base, name),
        (GeneralName::DnsName(_), ServerName::Dns(_))
            | (GeneralName::IpAddress(_), ServerName::Ip(_))
    )
}

/// RFC 5280, 4.2.1.10.
fn covers(base: &GeneralName, name: &ServerName) -> bool {
    match (base, name) {
        (GeneralName::DnsName(base), ServerName::Dns(name)) => {
            let base = base.as_str().trim_start_matches('.').to_ascii_lowercase();
            let name = name.to_ascii_lowercase();
            base.is_empty() || name == base || name.ends_with(&format!(".{base}"))
        }
        (GeneralName::IpAddress(base), ServerName::Ip(ip)) => {
            let octets = match ip {
                std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
                std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            let base = base.as_bytes();
            base.len() == 2 * octets.len() && {
                let (address, mask) = base.split_at(octets.len());
                let pairs = address.iter().zip(mask);
                pairs
                    .zip(&octets)
                    .all(|((want, mask), found)| want & mask == found & mask)
            }
        }
        _ => false,
    }
}
