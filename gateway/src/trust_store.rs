//! Whose certificates open the doors: those that the gateway signed itself, and those that a
//! station signed which it has admitted, within the station's quota. Both doors ask this one store,
//! and a change of it counts from the next handshake on.

#[cfg(test)]
mod tests;

use crate::house::Failure;
use crate::withdrawn::{Named, Withdrawn};
use der::{Decode, Encode};
use issuer::{Authorities, Authority, Grant};
use ledger::Ledger;
use protocol::code::IssuedBy;
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, Timestamp};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use webpki::{CertRevocationList, OwnedCertRevocationList, RevocationOptionsBuilder};
use x509_cert::Certificate;

/// The store as doors hold it: always the newest.
pub type Trusted = watch::Receiver<Arc<TrustStore>>;

/// Between two looks at the stations.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It names no thing.
    Unreadable,
    /// Nobody who is trusted issues under such a code, or another signed it.
    UnknownAuthority,
    /// It, or the authority that signed it, is not good at this time.
    OutOfTime,
    /// It is on the list of its authority.
    Revoked,
    /// Its authority may not issue this code, or not for so long.
    OutsideQuota,
    /// Its signature or its form is wrong.
    Wrong,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the certificate names no thing",
            Self::UnknownAuthority => {
                "no authority that is trusted here signed it; admit its station first"
            }
            Self::OutOfTime => "the certificate or its authority's is not good at this time",
            Self::Revoked => "the certificate was revoked",
            Self::OutsideQuota => "its code lies outside what its authority may issue",
            Self::Wrong => "its signature or its form is wrong",
        })
    }
}

impl std::error::Error for Refused {}

/// An authority whose things may come in.
#[derive(Clone)]
struct Signer {
    authority: Authority,
    by: IssuedBy,
    anchor: TrustAnchor<'static>,
    /// Its list. A station makes none: what of it is revoked stands in the registry, which is
    /// asked about every code after the handshake.
    crl: Option<Arc<CertRevocationList<'static>>>,
}

impl Signer {
    fn new(authority: Authority) -> Result<Self, Failure> {
        let certificate = CertificateDer::from(authority.certificate());
        let anchor = webpki::anchor_from_trusted_cert(&certificate)?.to_owned();
        Ok(Self {
            by: authority.issues_as()?,
            anchor,
            authority,
            crl: None,
        })
    }

    fn check(&self, leaf: &[u8], code: &Code, now: UnixTime) -> Result<(), Refused> {
        let ends_s = u64::from(self.authority.not_after().0);
        if ends_s <= now.as_secs() {
            return Err(Refused::OutOfTime);
        }
        self.verify(leaf, now).map_err(reason)?;
        let certificate = Certificate::from_der(leaf).map_err(|_| Refused::Unreadable)?;
        let not_after = certificate.tbs_certificate().validity().not_after;
        // When a station is admitted again its period begins no later and ends no earlier, so the
        // end is all that has to be compared.
        let outlives = not_after.to_unix_duration().as_secs() > ends_s;
        if !self.authority.covers(code) || outlives {
            return Err(Refused::OutsideQuota);
        }
        // Whoever has stolen an authority's key makes a certificate for a code, and no key that the
        // code commits to.
        let tbs = certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info().to_der();
        match spki.is_ok_and(|spki| code.commits_to(&spki)) {
            true => Ok(()),
            false => Err(Refused::Wrong),
        }
    }

    fn verify(&self, leaf: &[u8], now: UnixTime) -> Result<(), webpki::Error> {
        let der = CertificateDer::from(leaf);
        let certificate = webpki::EndEntityCert::try_from(&der)?;
        let lists: Vec<&CertRevocationList<'_>> = self.crl.as_deref().into_iter().collect();
        // Without a list there are no options; with one, a certificate it says nothing about
        // cannot have been signed by this authority.
        let options = RevocationOptionsBuilder::new(&lists).ok();
        let path = certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(&self.anchor),
            // Between such an authority and a thing there is nobody.
            &[],
            now,
            webpki::KeyUsage::client_auth(),
            options.map(RevocationOptionsBuilder::build),
            None,
        );
        path.map(|_| ())
    }
}

fn reason(error: webpki::Error) -> Refused {
    use webpki::Error;
    match error {
        Error::CertRevoked => Refused::Revoked,
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => Refused::OutOfTime,
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => Refused::UnknownAuthority,
        Error::NameConstraintViolation => Refused::OutsideQuota,
        _ => Refused::Wrong,
    }
}

/// Signs the certificates of gateways' doors, with which they come in as clients.
#[derive(Clone)]
struct Above {
    code: Code,
    anchor: TrustAnchor<'static>,
}

impl Above {
    fn check(&self, leaf: &[u8], withdrawn: &Named, now: UnixTime) -> Result<(), Refused> {
        let der = CertificateDer::from(leaf);
        let certificate = webpki::EndEntityCert::try_from(&der).map_err(reason)?;
        let path = certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(&self.anchor),
            // Below an issuer stand gateways, which sign no servers.
            &[],
            now,
            webpki::KeyUsage::client_auth(),
            None,
            None,
        );
        path.map_err(reason)?;
        match withdrawn.has(&self.code, leaf) {
            true => Err(Refused::Revoked),
            false => Ok(()),
        }
    }
}

/// Everybody whose things may come in.
#[derive(Clone)]
pub struct TrustStore {
    above: Option<Above>,
    own: Vec<Signer>,
    stations: Vec<Signer>,
    withdrawn: Named,
}

impl TrustStore {
    /// Trusts these authorities, whose lists come with [`TrustStore::with_crl`].
    pub fn of(own: &[&Authority]) -> Result<Self, Failure> {
        let own = own
            .iter()
            .map(|authority| Signer::new((*authority).clone()));
        Ok(Self {
            above: None,
            own: own.collect::<Result<_, _>>()?,
            stations: Vec::new(),
            withdrawn: Named::default(),
        })
    }

    /// Other gateways of this issuer may come in as well; whether one is known is not asked here.
    pub fn with_gateways_of(self, issuer: &Authority) -> Result<Self, Failure> {
        let certificate = CertificateDer::from(issuer.certificate());
        let above = Above {
            code: issuer.code(),
            anchor: webpki::anchor_from_trusted_cert(&certificate)?.to_owned(),
        };
        Ok(Self {
            above: Some(above),
            ..self
        })
    }

    /// The same gateway going by these lists of revoked authorities. Stations come with
    /// [`TrustStore::with_stations`].
    pub fn with_withdrawn(&self, withdrawn: Named) -> Self {
        Self {
            above: self.above.clone(),
            own: self.own.clone(),
            stations: Vec::new(),
            withdrawn,
        }
    }

    /// The same gateway with these stations. A grant that cannot be used is said and left out: the
    /// door stays open for everybody else's things.
    pub fn with_stations(&self, authorities: &Authorities, grants: &[(Code, String)]) -> Self {
        let mut stations = Vec::new();
        for (code, text) in grants {
            match station(authorities, &self.withdrawn, text) {
                Ok(signer) => stations.push(signer),
                Err(error) => {
                    tracing::error!(%code, %error, "the things of this station cannot come in");
                }
            }
        }
        Self {
            above: self.above.clone(),
            own: self.own.clone(),
            stations,
            withdrawn: self.withdrawn.clone(),
        }
    }

    /// The same authorities, the gateway's own going by this list from now on.
    pub fn with_crl(&self, crl: &[u8]) -> Result<Self, Failure> {
        let list = OwnedCertRevocationList::from_der(crl).map_err(|error| error.to_string())?;
        let list = Arc::new(CertRevocationList::Owned(list));
        let of_its_own = |signer: &Signer| Signer {
            crl: Some(Arc::clone(&list)),
            ..signer.clone()
        };
        Ok(Self {
            above: self.above.clone(),
            own: self.own.iter().map(of_its_own).collect(),
            stations: self.stations.clone(),
            withdrawn: self.withdrawn.clone(),
        })
    }

    /// A store that nobody changes.
    pub fn fixed(self) -> Trusted {
        watch::channel(Arc::new(self)).1
    }

    /// The code that a certificate (DER) stands for, if it was signed by who may sign it.
    pub fn code(&self, leaf: &[u8], now: UnixTime) -> Result<Code, Refused> {
        if let Some(code) = issuer::gateway_identity(leaf) {
            let above = self.above.as_ref().ok_or(Refused::UnknownAuthority)?;
            return above.check(leaf, &self.withdrawn, now).map(|()| code);
        }
        let code = issuer::identity(leaf).ok_or(Refused::Unreadable)?;
        let signers = self.own.iter().chain(&self.stations);
        let mut refused = Refused::UnknownAuthority;
        for signer in signers.filter(|signer| signer.by == code.issued_by()) {
            match signer.check(leaf, &code, now) {
                Ok(()) => return Ok(code),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// The code of a certificate that this gateway signed and that has ended: it opens enrolment and
    /// nothing else. Whether its code was revoked since, the registry says.
    pub fn late(&self, leaf: &[u8], now: UnixTime) -> Option<Code> {
        let code = issuer::identity(leaf)?;
        let certificate = Certificate::from_der(leaf).ok()?;
        let ended = certificate.tbs_certificate().validity().not_after;
        let ended = UnixTime::since_unix_epoch(ended.to_unix_duration());
        let mut signers = self.own.iter();
        let signed = |signer: &Signer| {
            // The authority itself has to be good today.
            let is_good = u64::from(signer.authority.not_after().0) > now.as_secs();
            is_good && signer.by == code.issued_by() && signer.check(leaf, &code, ended).is_ok()
        };
        (ended < now && signers.any(signed)).then_some(code)
    }

    /// Whether somebody who is trusted now may issue this code.
    pub fn covers(&self, code: &Code, now: Timestamp) -> bool {
        let mut signers = self.own.iter().chain(&self.stations);
        signers.any(|signer| signer.authority.covers(code) && signer.authority.not_after() > now)
    }
}

/// A station that stands under this gateway's root and issuer, or under one that was taken over
/// from and still counts, while none of them is revoked.
fn station(authorities: &Authorities, withdrawn: &Named, text: &str) -> Result<Signer, Failure> {
    let grant = Grant::read(text)?;
    let [grants_root, by_root, by_issuer] = &grant.certificates;
    // Below the root, `view` checks every signature; a new certificate of the issuer changes
    // nothing for a station under the one before.
    let is_ours = authorities
        .roots()
        .any(|root| grant.root_key == root.pass_key() && grants_root == root.certificate());
    let view = grant.view()?;
    let [issuers_pass, _] = &grant.passes;
    let said = *open::<Pass>(issuers_pass, &grant.network)?.peek();
    let (root, issuer) = (said.issuer.0, said.subject.0);
    let before = authorities.former.iter().map(|former| &former.authority);
    let mut issuers = before.chain(std::iter::once(&authorities.issuer));
    if !is_ours || !issuers.any(|one| one.code() == issuer) {
        return Err(
            "it was admitted under another issuer, or under one whose time is over: admit it again"
                .into(),
        );
    }
    if withdrawn.has(&root, by_root) || withdrawn.has(&issuer, by_issuer) {
        return Err("it, or the issuer that admitted it, was revoked".into());
    }
    Signer::new(view)
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore")
            .field("own", &self.own.len())
            .field("stations", &self.stations.len())
            .finish()
    }
}

/// Keeps the store of a house up to date.
pub struct Keeper {
    authorities: Arc<Authorities>,
    ledger: Ledger,
    changes: watch::Sender<Arc<TrustStore>>,
    lists: PathBuf,
    known: Mutex<Known>,
}

/// What the store was made from.
#[derive(Default, PartialEq, Eq)]
struct Known {
    grants: Vec<(Code, String)>,
    withdrawn: Withdrawn,
}

impl Keeper {
    /// With the stations that are admitted now, and without a list of the gateway's own yet. Lists
    /// of revoked authorities lie in `lists`.
    pub async fn new(
        authorities: Arc<Authorities>,
        ledger: Ledger,
        lists: PathBuf,
    ) -> Result<Arc<Self>, Failure> {
        let store = TrustStore::of(&[&authorities.gateway])?;
        let store = store.with_gateways_of(&authorities.issuer)?;
        let keeper = Arc::new(Self {
            authorities,
            ledger,
            changes: watch::channel(Arc::new(store)).0,
            lists,
            known: Mutex::default(),
        });
        keeper.look().await?;
        Ok(keeper)
    }

    /// The store, for a door.
    pub fn trusted(&self) -> Trusted {
        self.changes.subscribe()
    }

    /// Both doors go by this list from the next handshake on.
    pub fn use_crl(&self, crl: &[u8]) -> Result<(), Failure> {
        let mut done = Ok(());
        self.changes.send_modify(|store| match store.with_crl(crl) {
            Ok(next) => *store = Arc::new(next),
            Err(error) => done = Err(error),
        });
        done
    }

    /// Takes up what has changed about the stations, and about who is above them.
    pub async fn look(&self) -> Result<(), Failure> {
        let found = Known {
            grants: self.ledger.grants().await?,
            withdrawn: Withdrawn::load(&self.lists)?,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == found {
            return Ok(());
        }
        let named = found.withdrawn.read(&self.authorities);
        self.changes.send_modify(|store| {
            let store_now = store.with_withdrawn(named);
            *store = Arc::new(store_now.with_stations(&self.authorities, &found.grants));
        });
        *known = found;
        Ok(())
    }

    /// Looks at the stations until `stopped` resolves.
    pub async fn keep(self: Arc<Self>, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::error!(%error, "stations and lists of revoked authorities cannot be read");
            }
        }
    }
}

/// Asks the store during TLS handshakes.
pub struct ClientVerifier {
    trusted: Trusted,
    provider: Arc<CryptoProvider>,
}

impl ClientVerifier {
    /// Signatures of handshakes are checked by `provider`.
    pub const fn new(trusted: Trusted, provider: Arc<CryptoProvider>) -> Self {
        Self { trusted, provider }
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ClientVerifier {
    /// Strangers need not hear who has been admitted, and a thing has one certificate.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let store = Arc::clone(&self.trusted.borrow());
        match store.code(end_entity, now) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(why) => Err(rustls::Error::InvalidCertificate(match why {
                Refused::Revoked => CertificateError::Revoked,
                Refused::UnknownAuthority => CertificateError::UnknownIssuer,
                Refused::OutOfTime => CertificateError::Expired,
                other => CertificateError::Other(rustls::OtherError(Arc::new(other))),
            })),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
