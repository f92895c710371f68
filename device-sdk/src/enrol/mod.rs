//! How a thing gets its code: it makes its keys, asks with a one-time secret, and believes the
//! answer only as far as the pinned root key carries it.
//!
//! ```text
//! GET  /.well-known/est/cacerts         authorities, X.509            (RFC 7030)
//! POST /.well-known/est/simpleenroll    request, one-time secret  ->  certificate
//!                                       request alone: 202 until somebody has accepted it
//! GET  /1/<CODE>/pass                   own pass, then the gateway's, then the issuer's
//! ```
//!
//! Every step may be repeated: the same keys give the same request, and the same request gets the
//! same code. So keys are stored before they are enrolled ([`crate::identity_file`]).
//!
//! A thing that a station made has its code already; it only has to meet its gateway ([`meet`]).
//! Before certificate and pass end, the thing gets others ([`renew`], [`renew_at`]).
//!
//! The authorities' certificates need no pin of their own. The root's pass key, which is pinned,
//! signs the issuer's pass, and so on down; every pass names the codes of both sides, and a code
//! commits to the key in its certificate.
//!
//! The calls block; from async code they belong into `spawn_blocking`. Only `http:` is spoken: on
//! anything but loopback, a TLS proxy has to stand in front, or the one-time secret can be overheard.

mod certificates;
mod http;
mod keys;
mod learn;
pub mod owners;
mod renewal;
#[cfg(test)]
mod tests;

pub use certificates::CertificateFault;
pub use keys::{Keys, KeysFault};
pub use learn::{Learnt, learn};
pub use renewal::{again_at, renew, renew_at, renew_over_coap};

pub(crate) use certificates::{chain, commits, is_of};

use crate::provision::Birth;
use certificates::Certificates;
use http::Desk;
use protocol::cose::{SIGNED_MAX, open};
use protocol::objects::Pass;
use protocol::rules::Trust;
use protocol::rules::trust::current;
use protocol::{Code, Status, Timestamp};
use std::fmt;

/// What a thing has once it is enrolled. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its name.
    pub code: Code,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificates of those above it, DER.
    pub authorities: Authorities,
    /// Its pass.
    pub pass: Vec<u8>,
    /// The pass of the station that signed it; `None` when its gateway did.
    pub station_pass: Option<Vec<u8>>,
    /// The pass of its gateway.
    pub gateway_pass: Vec<u8>,
    /// The pass of the issuer that signed the gateway's.
    pub issuer_pass: Vec<u8>,
}

/// Most issuers that a thing keeps beside its own.
pub const OTHERS_MAX: usize = 4;

/// Certificates, DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    /// Signs issuers.
    pub root: Vec<u8>,
    /// Signs gateways, and what they show to clients.
    pub issuer: Vec<u8>,
    /// Signed the thing: its gateway's, or that of the station that made it.
    pub signer: Vec<u8>,
    /// Issuers that count beside it while one takes over from another: at most [`OTHERS_MAX`]. A
    /// server's certificate may be by either, and over DTLS it comes alone.
    pub others: Vec<Vec<u8>>,
}

/// Why there are no credentials.
#[derive(Debug)]
pub enum EnrolError {
    /// The keys cannot make a request.
    Keys(KeysFault),
    /// Nobody answers there, or not in HTTP.
    Unreachable(String),
    /// Somebody has to accept the thing first; the same request may be sent again and again.
    Waiting(String),
    /// The gateway refuses.
    Refused {
        /// Of HTTP.
        http_status: u16,
        /// What it says.
        sentence: String,
    },
    /// The certificates are not what was asked for.
    Certificates(CertificateFault),
    /// A pass is not what the pinned root key stands for.
    Pass(Status),
}

impl fmt::Display for EnrolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(fault) => write!(f, "the request cannot be made: {fault}"),
            Self::Unreachable(reason) => write!(f, "the gateway cannot be reached: {reason}"),
            Self::Waiting(sentence) => write!(f, "the gateway lets it wait: {sentence}"),
            Self::Refused {
                http_status,
                sentence,
            } => write!(f, "the gateway refuses ({http_status}): {sentence}"),
            Self::Certificates(fault) => write!(f, "the certificates are not right: {fault}"),
            Self::Pass(status) => write!(f, "the passes are not right: {}", status.sentence()),
        }
    }
}

impl std::error::Error for EnrolError {}

impl From<KeysFault> for EnrolError {
    fn from(fault: KeysFault) -> Self {
        Self::Keys(fault)
    }
}

impl From<CertificateFault> for EnrolError {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificates(fault)
    }
}

impl From<Status> for EnrolError {
    fn from(status: Status) -> Self {
        Self::Pass(status)
    }
}

/// Enrols `keys` at the gateway at `url` (such as `http://localhost:8080`) with a one-time secret; or without
/// any, again and again until somebody has accepted it.
pub fn enrol(
    url: &str,
    trust: &Trust,
    secret: Option<&str>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Credentials, EnrolError> {
    let desk = Desk::new(url);
    let request = keys.request(&trust.network)?;
    let spki = keys.transport_spki()?;
    let offered = Certificates::read(&desk.cacerts()?)?;
    let issued = Certificates::read(&desk.simpleenroll(secret, &request)?)?;
    let (certificate, code) = issued.of_thing(&spki)?;

    let pass = desk.pass(&code)?;
    let gateway_code = named_issuer(trust, &pass)?;
    let gateway_pass = desk.pass(&gateway_code)?;
    let issuer_code = named_issuer(trust, &gateway_pass)?;
    let issuer_pass = desk.pass(&issuer_code)?;
    let root = offered.of_authority(&named_issuer(trust, &issuer_pass)?, None)?;
    let issuer = offered.of_authority(&issuer_code, Some(&root))?;
    let gateway = offered.of_authority(&gateway_code, Some(&issuer))?;
    let others = offered.issuers_beside(&[&root, &issuer]);
    let credentials = Credentials {
        code,
        certificate,
        authorities: Authorities {
            root,
            issuer,
            signer: gateway,
            others,
        },
        pass,
        station_pass: None,
        gateway_pass,
        issuer_pass,
    };
    credentials.check(trust, keys, now)?;
    Ok(credentials)
}

/// What a thing that a station made needs at first contact: the pass of the gateway at `url`, which
/// stands under the root key it was born with. Nothing is sent but questions.
pub fn meet(
    url: &str,
    birth: &Birth,
    keys: &Keys,
    now: Timestamp,
) -> Result<Credentials, EnrolError> {
    let (desk, trust) = (Desk::new(url), &birth.trust);
    let offered = Certificates::read(&desk.cacerts()?)?;
    let gateway = offered.gateway().ok_or(CertificateFault::NoCode)?;
    let gateway_pass = desk.pass(&gateway)?;
    let issuer_pass = desk.pass(&named_issuer(trust, &gateway_pass)?)?;
    let [_, station_pass, pass] = birth.passes.clone();
    let [root, issuer, signer] = birth.authorities.clone();
    let others = offered.issuers_beside(&[&root, &issuer, &signer]);
    let credentials = Credentials {
        code: birth.code,
        certificate: birth.certificate.clone(),
        authorities: Authorities {
            root,
            issuer,
            signer,
            others,
        },
        pass,
        station_pass: Some(station_pass),
        gateway_pass,
        issuer_pass,
    };
    credentials.check(trust, keys, now)?;
    Ok(credentials)
}

impl Credentials {
    /// The own pass as it travels: with the station's behind it, if a station made the thing.
    pub fn passes(&self) -> Vec<u8> {
        let station = self.station_pass.as_deref().unwrap_or_default();
        [&self.pass, station].concat()
    }

    /// Whether all of it belongs together, to these keys, and to the pinned root.
    pub fn check(&self, trust: &Trust, keys: &Keys, now: Timestamp) -> Result<(), EnrolError> {
        let issuer = trust.issuer(&self.issuer_pass)?;
        let gateway = trust.gateway(&self.issuer_pass, &self.gateway_pass)?;
        let own = match &self.station_pass {
            None => trust.issued(&gateway, &self.pass)?,
            Some(station) => trust.by_station(&issuer, station, &self.pass, now)?,
        };
        for pass in [issuer.get(), gateway.get(), own.get()] {
            current(pass, now)?;
        }
        if own.get().subject.0 != self.code || own.get().key.0 != keys.wallet_public() {
            return Err(Status::NotForYou.into());
        }
        let authorities = [
            (&self.authorities.root, issuer.get().issuer.0),
            (&self.authorities.issuer, issuer.get().subject.0),
            (&self.authorities.signer, own.get().issuer.0),
        ];
        for (certificate, code) in authorities {
            certificates::commits(certificate, &code)?;
        }
        certificates::is_of(&self.certificate, &self.code, &keys.transport_spki()?)?;
        certificates::chain(&self.certificate, &self.authorities, now)?;
        Ok(())
    }
}

/// Who says it signed a pass, not to be believed yet.
fn named_issuer(trust: &Trust, pass: &[u8]) -> Result<Code, Status> {
    if pass.len() > SIGNED_MAX {
        return Err(Status::Malformed);
    }
    Ok(open::<Pass>(pass, &trust.network)?.peek().issuer.0)
}
