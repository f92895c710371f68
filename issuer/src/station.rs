//! Stations: authorities whose whole power is a quota. The issuer certifies a station's two keys
//! for a station number, kinds of codes, a range of sequence numbers and a period; whoever verifies
//! a code anywhere needs nothing else to see that it lies outside them.
//!
//! A station makes its keys itself and sends a request, as a thing does. What it gets back is a
//! [`Grant`], one text file.

use crate::authorities::Plan;
use crate::authority::{Authority, Issued, Role};
use crate::bundle;
use crate::certificate::CertificateOrder;
use crate::error::{IssueError, OrderFault};
use crate::key::{AbsentKey, Key};
use crate::lint::{self, Expected};
use crate::names::Names;
use crate::profile::{Profile, spki_der, subject};
use crate::request::CheckedRequest;
use crate::{CLOCK_SKEW_S, identity};
use der::{Decode, Sequence};
use protocol::code::inside::InsideSecret;
use protocol::code::{IssuedBy, STATION_END, STATION_SEQUENCE_END};
use protocol::objects::{Confirmation, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::rules::trust::may_issue;
use protocol::{AssuranceClass, Code, Kind, Network, PublicKey, Timestamp};
use std::fmt;
use std::sync::Arc;
use x509_cert::Certificate;

/// Stations' own numbers at station 0 begin here; those before are the issuer's and gateways'.
pub const STATION_NUMBER_FIRST: u64 = 16;
/// Longest text of a grant.
pub const GRANT_BYTES_MAX: usize = 32 * 1024;
const PASS_LABEL: &str = "ONECODE PASS";
const HEADER: &str = "onecode-station 1";

/// What a station may issue: kinds, and a range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its number with the issuer.
    pub station: u16,
    /// Bits of kinds.
    pub kinds: Rights,
    /// First sequence number.
    pub first: u64,
    /// Last one.
    pub last: u64,
}

/// As it stands in a certificate: `SEQUENCE { first, last, kinds }`, each an INTEGER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct QuotaForm {
    first: u64,
    last: u64,
    kinds: u32,
}

impl Quota {
    /// `None` when it is empty or does not fit a code.
    pub fn new(station: u16, kinds: &[Kind], first: u64, last: u64) -> Option<Self> {
        let kinds = kinds
            .iter()
            .fold(Rights::default(), |all, kind| all.and(Rights::kind(*kind)));
        let fits = (1..STATION_END).contains(&station)
            && first <= last
            && last < STATION_SEQUENCE_END
            && kinds != Rights::default();
        fits.then_some(Self {
            station,
            kinds,
            first,
            last,
        })
    }

    /// The quota that a pass gives.
    pub fn of(pass: &Pass) -> Option<Self> {
        let kinds: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| pass.rights.issues(*kind))
            .collect();
        let station = u16::try_from(pass.station?).ok()?;
        Self::new(station, &kinds, pass.first_sequence?, pass.last_sequence?)
    }

    /// Whether it covers this kind.
    pub fn covers(&self, kind: Kind) -> bool {
        self.kinds.permits(Rights::kind(kind))
    }

    pub(crate) fn form(&self) -> QuotaForm {
        QuotaForm {
            first: self.first,
            last: self.last,
            kinds: self.kinds.bits(),
        }
    }
}

/// What makes a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StationOrder {
    /// Its own number at station 0, from [`STATION_NUMBER_FIRST`]; never used twice.
    pub number: u64,
    /// The certificate's serial number: random, unique, not zero.
    pub serial: [u8; 16],
    /// What it may issue.
    pub quota: Quota,
    /// From when.
    pub issued: Timestamp,
    /// Until when; nothing it issues outlives it.
    pub not_after: Timestamp,
}

pub(crate) fn common_name(network: &Network) -> String {
    format!("OneCode {} station", network.as_str())
}

fn profile(names: &Names, issuer: u32, quota: Quota) -> Profile {
    let by = IssuedBy {
        issuer,
        station: quota.station,
    };
    Profile::Authority {
        path_len: Some(0),
        subtree: Some(names.subtree(by)),
        quota: Some(quota),
    }
}

impl Authority {
    /// A station's code, certificate and pass, by its issuer.
    pub fn issue_station(
        &self,
        order: &StationOrder,
        request: &CheckedRequest,
    ) -> Result<Issued, IssueError> {
        let Some((own, _)) = self.pass.as_ref().filter(|_| self.role == Role::Issuer) else {
            return Err(OrderFault::Role.into());
        };
        if order.number < STATION_NUMBER_FIRST {
            return Err(OrderFault::Sequence.into());
        }
        if !matches!(request.transport_key(), PublicKey::P256(_)) {
            return Err(OrderFault::Key.into());
        }
        if order.not_after > own.expires {
            return Err(OrderFault::Validity.into());
        }
        let by = IssuedBy {
            issuer: self.code.issued_by().issuer,
            station: 0,
        };
        let code = Code::derive(Kind::Issuer, by, order.number, request.transport_spki())
            .map_err(|_| OrderFault::Sequence)?;
        let draft = self.draft(CertificateOrder {
            serial: &order.serial,
            not_before: order.issued.minus_s(CLOCK_SKEW_S).max(self.not_before()),
            not_after: order.not_after,
            subject: subject(&common_name(&self.network), &code)?,
            spki: request.spki().clone(),
            profile: profile(&self.names, by.issuer, order.quota),
        })?;
        let (_, certificate) = self.finish(draft)?;
        let rights = Rights::PAY.and(Rights::ACCEPT).and(Rights::ISSUE_CODES);
        let pass = self.seal(&Pass {
            issuer: Party(self.code),
            subject: Party(code),
            expires: order.not_after,
            issued: order.issued,
            key: Confirmation(request.wallet_key()),
            class: AssuranceClass::Software,
            rights: rights.and(order.quota.kinds),
            grace_s: None,
            station: Some(u32::from(order.quota.station)),
            first_sequence: Some(order.quota.first),
            last_sequence: Some(order.quota.last),
        })?;
        Ok(Issued {
            code,
            certificate,
            pass,
        })
    }

    /// What this authority may issue, if its pass says so.
    pub fn quota(&self) -> Option<Quota> {
        self.pass.as_ref().and_then(|(pass, _)| Quota::of(pass))
    }

    /// The code of a thing without a key.
    pub fn passive_code(&self, sequence: u64, inside: &InsideSecret) -> Result<Code, OrderFault> {
        let by = self.issues_as()?;
        let code = Code::derive(Kind::PassiveItem, by, sequence, &inside.commitment())
            .map_err(|_| OrderFault::Sequence)?;
        self.covers(&code)
            .then_some(code)
            .ok_or(OrderFault::Sequence)
    }

    /// Whether it may issue this code.
    pub fn covers(&self, code: &Code) -> bool {
        self.pass
            .as_ref()
            .is_some_and(|(pass, _)| may_issue(pass, code))
    }

    /// As whom it issues: its issuer's number and its own.
    pub fn issues_as(&self) -> Result<IssuedBy, OrderFault> {
        let quota = self.quota().ok_or(OrderFault::Role)?;
        Ok(IssuedBy {
            issuer: self.code.issued_by().issuer,
            station: quota.station,
        })
    }
}

/// All that a station is given: who is above it, and its own credentials. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The network and the root's key.
    pub network: Network,
    /// See `network`.
    pub root_key: PublicKey,
    /// Where its names live.
    pub names: Names,
    /// Certificates, DER: root, issuer, station.
    pub certificates: [Vec<u8>; 3],
    /// Signed passes: the issuer's, the station's.
    pub passes: [Vec<u8>; 2],
}

/// Why a grant is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantFault {
    /// Not such a file, or damaged.
    Unreadable,
    /// Its credentials do not belong together, or not under its root key.
    NotSignedFromAbove,
    /// It was made for other keys than the station's.
    OtherKeys,
}

impl fmt::Display for GrantFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "not the file that `onecode station admit` writes, or damaged",
            Self::NotSignedFromAbove => {
                "its certificates and passes do not belong together; let the issuer make it again"
            }
            Self::OtherKeys => {
                "made for the request of another station; give the issuer this station's request"
            }
        })
    }
}

impl std::error::Error for GrantFault {}

impl Grant {
    /// The text file.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{HEADER}\nnetwork {}\nroot-key {}\ndomain {}\nresolver {}\n",
            self.network.as_str(),
            self.root_key_text(),
            self.names.domain(),
            self.names.resolver(),
        );
        text.push_str(&bundle::pem(self.certificates.iter().map(Vec::as_slice)));
        for pass in &self.passes {
            text.push_str(&bundle::document(PASS_LABEL, pass));
        }
        text
    }

    /// The root's key as people compare it.
    pub fn root_key_text(&self) -> String {
        let name = match self.root_key {
            PublicKey::Ed25519(_) => "ed25519",
            PublicKey::P256(_) => "p256",
        };
        let digits = self.root_key.as_bytes().iter();
        let digits: String = digits.map(|byte| format!("{byte:02x}")).collect();
        format!("{name}:{digits}")
    }

    /// Reads the text file; nothing in it is checked yet.
    pub fn read(text: &str) -> Result<Self, GrantFault> {
        Self::parse(text).ok_or(GrantFault::Unreadable)
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > GRANT_BYTES_MAX {
            return None;
        }
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        value("onecode-station").filter(|version| *version == "1")?;
        let network = Network::new(value("network")?)?;
        let root_key = value("root-key")?.strip_prefix("ed25519:")?;
        let root_key = unhex::<32>(root_key)?;
        let names = Names::new(value("domain")?, value("resolver")?).ok()?;
        let parts = bundle::documents(text);
        let [root, issuer, station, above, own] = parts.as_slice() else {
            return None;
        };
        let [root, issuer, station] = [root, issuer, station]
            .map(|(label, der)| (label == "CERTIFICATE").then(|| der.clone()));
        let [above, own] =
            [above, own].map(|(label, pass)| (label == PASS_LABEL).then(|| pass.clone()));
        Some(Self {
            network,
            root_key: PublicKey::Ed25519(root_key),
            names,
            certificates: [root?, issuer?, station?],
            passes: [above?, own?],
        })
    }

    /// What the station believes in.
    pub fn trust(&self) -> Trust {
        Trust::new(self.network, self.root_key)
    }

    /// The station with its keys.
    pub fn station(&self, ca_key: Key, pass_key: Key) -> Result<Authority, GrantFault> {
        let keys = [ca_key.public_key(), pass_key.public_key()];
        let station = self.view()?;
        if keys != [station.ca_key.public_key(), station.pass_key.public_key()] {
            return Err(GrantFault::OtherKeys);
        }
        Ok(Authority {
            ca_key,
            pass_key,
            ..station
        })
    }

    /// The station as others see it: it judges and never signs.
    pub fn view(&self) -> Result<Authority, GrantFault> {
        let wrong = || GrantFault::NotSignedFromAbove;
        let trust = self.trust();
        let [issuer_pass, station_pass] = &self.passes;
        let above = trust.issuer(issuer_pass).map_err(|_| wrong())?;
        let own = trust.issued(&above, station_pass).map_err(|_| wrong())?;
        let (above, own) = (*above.get(), *own.get());
        let quota = Quota::of(&own).ok_or_else(wrong)?;
        let issuer = above.subject.0.issued_by().issuer;
        let plan = Plan {
            issuer,
            ..Plan::new(self.network, self.names.clone(), 0)
        };
        let [root, middle, leaf] = &self.certificates;
        let root = checked(
            root,
            &plan.profile(Role::Root),
            &plan.common_name(Role::Root),
            None,
        )?;
        let name = plan.common_name(Role::Issuer);
        let middle = checked(middle, &plan.profile(Role::Issuer), &name, Some(&root))?;
        let profile = profile(&self.names, issuer, quota);
        let read = checked(leaf, &profile, &common_name(&self.network), Some(&middle))?;
        let codes = [&middle, &read].map(code_of);
        if codes != [Some(above.subject.0), Some(own.subject.0)] {
            return Err(wrong());
        }
        let ca_key = public_key(&read).ok_or_else(wrong)?;
        Ok(Authority {
            role: Role::Station,
            network: self.network,
            names: self.names.clone(),
            code: own.subject.0,
            ca_key: Arc::new(AbsentKey(ca_key)),
            pass_key: Arc::new(AbsentKey(own.key.0)),
            certificate: read,
            certificate_der: leaf.clone(),
            pass: Some((own, station_pass.clone())),
            key_place: crate::safe::KeyPlace::Away,
        })
    }
}

/// One certificate of the chain, whose code commits to its key.
fn checked(
    der: &[u8],
    profile: &Profile,
    common_name: &str,
    above: Option<&Certificate>,
) -> Result<Certificate, GrantFault> {
    let wrong = || GrantFault::NotSignedFromAbove;
    let read = Certificate::from_der(der).map_err(|_| wrong())?;
    let code = code_of(&read).ok_or_else(wrong)?;
    let key = spki_der(read.tbs_certificate().subject_public_key_info()).map_err(|_| wrong())?;
    if !code.commits_to(&key) {
        return Err(wrong());
    }
    let expected = Expected {
        profile,
        subject: &subject(common_name, &code).map_err(|_| wrong())?,
        key: &key,
        authority: above,
    };
    let signer = public_key(above.unwrap_or(&read)).ok_or_else(wrong)?;
    lint::certificate(der, &expected, &signer).map_err(|_| wrong())
}

fn code_of(certificate: &Certificate) -> Option<Code> {
    identity::serial_number(certificate.tbs_certificate())
}

fn public_key(certificate: &Certificate) -> Option<PublicKey> {
    let spki = certificate.tbs_certificate().subject_public_key_info();
    crate::profile::p256_public(spki)
}

fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (to, pair) in bytes.iter_mut().zip(pairs) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
