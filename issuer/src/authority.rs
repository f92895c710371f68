//! An authority: a code, two keys, a certificate and a pass; and what it signs with them.

use crate::certificate::{CertificateDraft, CertificateOrder, draft, finish, timestamp};
use crate::error::{IssueError, OrderFault, ProfileFault};
use crate::key::Key;
use crate::names::{Names, ServerName};
use crate::profile::{Profile, p256_spki, subject};
use crate::request::CheckedRequest;
use crate::safe::KeyPlace;
use crate::signing::CaFace;
use der::Encode;
use protocol::cose::{self, SIGNED_MAX};
use protocol::objects::{Confirmation, Party, Pass, Rights};
use protocol::rules::trust::may_issue;
use protocol::{AssuranceClass, Code, Kind, Network, PublicKey, Signer, Timestamp};
use std::fmt;
use std::sync::Arc;
use x509_cert::Certificate;

/// How far back a certificate's validity starts, for machines whose clocks are behind.
pub const CLOCK_SKEW_S: u32 = 300;
/// Most names of one server.
pub const SERVER_NAMES_MAX: usize = 64;

/// Where an authority stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs issuers. Everything trusts it.
    Root,
    /// Signs gateways and the certificates of servers.
    Issuer,
    /// Signs things.
    Gateway,
    /// Signs things within its quota, in a factory.
    Station,
}

impl Role {
    /// Those of a gateway's folder, from the top down.
    pub const ALL: [Self; 3] = [Self::Root, Self::Issuer, Self::Gateway];

    /// The word people use, also the name of its folder.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Issuer => "issuer",
            Self::Gateway => "gateway",
            Self::Station => "station",
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Root | Self::Issuer | Self::Station => Kind::Issuer,
            Self::Gateway => Kind::Gateway,
        }
    }

    pub(crate) const fn sequence(self) -> u64 {
        match self {
            Self::Root => 0,
            Self::Issuer => 1,
            Self::Gateway => 2,
            Self::Station => crate::station::STATION_NUMBER_FIRST,
        }
    }
}

/// One authority with its keys, or with stand-ins that never sign.
#[derive(Clone)]
pub struct Authority {
    pub(crate) role: Role,
    pub(crate) network: Network,
    pub(crate) names: Names,
    pub(crate) code: Code,
    pub(crate) ca_key: Key,
    pub(crate) pass_key: Key,
    pub(crate) certificate: Certificate,
    pub(crate) certificate_der: Vec<u8>,
    /// None for the root, whom nobody vouches for.
    pub(crate) pass: Option<(Pass, Vec<u8>)>,
    pub(crate) key_place: KeyPlace,
}

/// What to issue. The same order with the same request gives the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssueOrder {
    /// The thing's number at this station; reserved for good before anything is signed.
    pub sequence: u64,
    /// The certificate's serial number: random, unique, not zero.
    pub serial: [u8; 16],
    /// The day it is born.
    pub issued: Timestamp,
    /// Certificate and pass are good until then.
    pub not_after: Timestamp,
    /// What it names.
    pub kind: Kind,
    /// How well the thing keeps its keys.
    pub class: AssuranceClass,
    /// What the thing may do: to pay, to accept, or both.
    pub rights: Rights,
}

/// A code with its two credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The name.
    pub code: Code,
    /// X.509 certificate, DER.
    pub certificate: Vec<u8>,
    /// Signed pass.
    pub pass: Vec<u8>,
}

/// The certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOrder {
    /// The certificate's serial number: random, unique, not zero.
    pub serial: [u8; 16],
    /// Good from.
    pub issued: Timestamp,
    /// Good until.
    pub not_after: Timestamp,
    /// The gateway that runs the server.
    pub code: Code,
    /// What clients call it, beside its code.
    pub names: Vec<ServerName>,
}

/// What will be signed, checked against the profile: record it, then [`Draft::sign`].
pub struct Draft<'a> {
    by: &'a Authority,
    code: Code,
    certificate: CertificateDraft,
    pass: Pass,
}

impl Authority {
    /// Where it stands.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its name.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Objects of other networks mean nothing to it.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Its certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Its signed pass; empty for the root.
    pub fn pass(&self) -> &[u8] {
        self.pass.as_ref().map_or(&[], |(_, bytes)| bytes)
    }

    /// The key its passes, and a gateway's statements and allowances, verify with.
    pub fn pass_key(&self) -> PublicKey {
        self.pass_key.public_key()
    }

    /// Signs passes, statements and allowances.
    pub fn signer(&self) -> Arc<dyn Signer + Send + Sync> {
        self.pass_key.clone()
    }

    /// Where its private keys were when it was loaded.
    pub fn key_place(&self) -> KeyPlace {
        self.key_place
    }

    /// When its certificate ends.
    pub fn not_after(&self) -> Timestamp {
        timestamp(self.certificate.tbs_certificate().validity().not_after)
    }

    pub(crate) fn not_before(&self) -> Timestamp {
        timestamp(self.certificate.tbs_certificate().validity().not_before)
    }

    /// A thing's code, certificate and pass, in one step.
    pub fn issue_device(
        &self,
        order: &IssueOrder,
        request: &CheckedRequest,
    ) -> Result<Issued, IssueError> {
        self.draft_device(order, request)?.sign()
    }

    /// What [`Authority::issue_device`] would sign.
    pub fn draft_device(
        &self,
        order: &IssueOrder,
        request: &CheckedRequest,
    ) -> Result<Draft<'_>, IssueError> {
        let code = self.code_for(order, request)?;
        let certificate = self.draft(CertificateOrder {
            serial: &order.serial,
            not_before: order.issued.minus_s(CLOCK_SKEW_S).max(self.not_before()),
            not_after: order.not_after,
            subject: subject(code.text().as_str(), &code)?,
            spki: request.spki().clone(),
            profile: Profile::Thing {
                code,
                names: self.names.clone(),
                class: order.class,
            },
        })?;
        let pass = Pass {
            issuer: Party(self.code),
            subject: Party(code),
            expires: order.not_after,
            issued: order.issued,
            key: Confirmation(request.wallet_key()),
            class: order.class,
            rights: order.rights,
            grace_s: None,
            station: None,
            first_sequence: None,
            last_sequence: None,
        };
        Ok(Draft {
            by: self,
            code,
            certificate,
            pass,
        })
    }

    /// Refuses everything a gateway never gives, and works out the code.
    fn code_for(&self, order: &IssueOrder, request: &CheckedRequest) -> Result<Code, OrderFault> {
        let own = match (&self.pass, self.role) {
            (Some((pass, _)), Role::Gateway | Role::Station) => pass,
            _ => return Err(OrderFault::Role),
        };
        if !matches!(
            order.kind,
            Kind::Device | Kind::Module | Kind::Person | Kind::Service
        ) {
            return Err(OrderFault::Kind);
        }
        let most = Rights::PAY.and(Rights::ACCEPT);
        if !most.permits(order.rights) || !own.rights.permits(order.rights) {
            return Err(OrderFault::Rights);
        }
        let mine = [self.ca_key.public_key(), self.pass_key.public_key()];
        if mine.contains(&request.transport_key()) || mine.contains(&request.wallet_key()) {
            return Err(OrderFault::Key);
        }
        if order.issued < own.issued.minus_s(CLOCK_SKEW_S) || order.not_after > own.expires {
            return Err(OrderFault::Validity);
        }
        let code = Code::derive(
            order.kind,
            self.issues_as()?,
            order.sequence,
            request.transport_spki(),
        )
        .map_err(|_| OrderFault::Sequence)?;
        match may_issue(own, &code) {
            true => Ok(code),
            false => Err(OrderFault::Sequence),
        }
    }

    /// The certificate of a server, DER. Signed by the issuer: names of servers lie outside what a
    /// gateway may name.
    pub fn issue_server(
        &self,
        order: &ServerOrder,
        key: &PublicKey,
    ) -> Result<Vec<u8>, IssueError> {
        if self.role != Role::Issuer {
            return Err(OrderFault::Role.into());
        }
        let names = self.server_names(&order.names, &order.code)?;
        let key = CaFace::new(key).ok_or(OrderFault::Key)?;
        let spki = p256_spki(&signature::Keypair::verifying_key(&key))
            .map_err(|_| IssueError::Encoding)?;
        let draft = self.draft(CertificateOrder {
            serial: &order.serial,
            not_before: order.issued.minus_s(CLOCK_SKEW_S).max(self.not_before()),
            not_after: order.not_after,
            subject: subject(order.code.text().as_str(), &order.code)?,
            spki,
            profile: Profile::Server { names },
        })?;
        self.finish(draft).map(|(_, bytes)| bytes)
    }

    /// The names of a server's certificate: its code's first, then the others, each once.
    pub(crate) fn server_names(
        &self,
        names: &[ServerName],
        code: &Code,
    ) -> Result<Vec<ServerName>, OrderFault> {
        if names.len() > SERVER_NAMES_MAX {
            return Err(OrderFault::ServerNames);
        }
        let mut all = vec![ServerName::Dns(self.names.dns_name(code))];
        for name in names {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        Ok(all)
    }

    /// Builds and checks what this authority would sign.
    pub(crate) fn draft(
        &self,
        order: CertificateOrder<'_>,
    ) -> Result<CertificateDraft, IssueError> {
        let issuer = self.certificate.tbs_certificate().subject().clone();
        draft(order, issuer, &self.ca_key, Some(&self.certificate))
    }

    /// Signs a draft of this authority and checks the result.
    pub(crate) fn finish(
        &self,
        draft: CertificateDraft,
    ) -> Result<(Certificate, Vec<u8>), IssueError> {
        finish(draft, &self.ca_key, Some(&self.certificate))
    }

    /// Signs a pass and checks that it verifies.
    pub(crate) fn seal(&self, pass: &Pass) -> Result<Vec<u8>, IssueError> {
        seal(&self.network, &self.pass_key, pass)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({} {})", self.role.word(), self.code)
    }
}

impl Draft<'_> {
    /// The name it will have.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The certificate without its signature, DER.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.certificate.bytes
    }

    /// What the pass will say.
    pub fn pass(&self) -> &Pass {
        &self.pass
    }

    /// Whether these are what [`Draft::sign`] would make, whoever held the key: the same content,
    /// under signatures of the authority.
    pub fn is_signed(&self, certificate: &[u8], pass: &[u8]) -> Result<(), ProfileFault> {
        let (by, draft) = (self.by, &self.certificate);
        let read = draft.check(certificate, &by.ca_key.public_key(), Some(&by.certificate))?;
        let signed = read.tbs_certificate().to_der();
        if signed.as_deref() != Ok(draft.bytes.as_slice()) {
            return Err(ProfileFault::Shape);
        }
        let pass = cose::open::<Pass>(pass, &by.network)
            .and_then(|sealed| sealed.verify(&by.pass_key.public_key()))
            .map_err(|_| ProfileFault::Pass)?;
        match *pass.get() == self.pass {
            true => Ok(()),
            false => Err(ProfileFault::Pass),
        }
    }

    /// Signs both and checks them again.
    pub fn sign(self) -> Result<Issued, IssueError> {
        let (_, certificate) = self.by.finish(self.certificate)?;
        Ok(Issued {
            code: self.code,
            certificate,
            pass: self.by.seal(&self.pass)?,
        })
    }
}

/// Signs a pass and reads it back.
pub(crate) fn seal(network: &Network, key: &Key, pass: &Pass) -> Result<Vec<u8>, IssueError> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = cose::seal(pass, network, key.as_ref(), &mut out).map_err(|e| match e {
        cose::SealError::Signer => IssueError::KeyAbsent,
        cose::SealError::BufferTooSmall => IssueError::Encoding,
    })?;
    let bytes = out.get(..len).unwrap_or_default();
    let read = cose::open::<Pass>(bytes, network)
        .and_then(|sealed| sealed.verify(&key.public_key()))
        .map_err(|_| ProfileFault::Pass)?;
    match read.get() == pass {
        true => Ok(bytes.to_vec()),
        false => Err(ProfileFault::Pass.into()),
    }
}
