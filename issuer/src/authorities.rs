//! Root, issuer and gateway: making all three, and what they are to others.

use crate::authority::{Authority, CLOCK_SKEW_S, Role};
use crate::bundle;
use crate::certificate::{CertificateOrder, draft, finish};
use crate::error::{IssueError, OrderFault};
use crate::key::{Key, Random, draw, generate};
use crate::names::Names;
use crate::profile::{Profile, p256_spki, spki_der, subject};
use crate::rotate::Former;
use crate::safe::KeyPlace;
use crate::signing::CaFace;
use crate::succeed::FormerKey;
use protocol::code::{ISSUER_END, IssuedBy, STATION_END, STATION_SEQUENCE_END};
use protocol::keys::SoftwareKey;
use protocol::objects::{Confirmation, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::{Algorithm, AssuranceClass, Code, Network, Timestamp};
use std::sync::Arc;

const YEAR_S: u32 = 31_557_600;
/// Life of a root.
pub const ROOT_LIFE_S: u32 = 30 * YEAR_S;
/// Life of an issuer.
pub const ISSUER_LIFE_S: u32 = 20 * YEAR_S;
/// Life of a gateway; nothing it issues outlives it.
pub const GATEWAY_LIFE_S: u32 = 10 * YEAR_S;

/// What authorities are made for. They cannot be used with another plan afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Objects of other networks mean nothing here.
    pub network: Network,
    /// Where its names live.
    pub names: Names,
    /// The issuer's number in the network, from 1.
    pub issuer: u32,
    /// The gateway's station number, from 1.
    pub station: u16,
    /// Longest isolation of the gateway; stands in its pass.
    pub grace_s: u32,
    /// Whether another gateway warrants this one's float. A gateway that stands alone is its own
    /// centre, and its pass lets it issue money.
    pub under_centre: bool,
}

/// The three of them, each signed by the one before.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// Trusted by everything.
    pub root: Authority,
    /// Signed by the root.
    pub issuer: Authority,
    /// Signed by the issuer; signs things.
    pub gateway: Authority,
    /// The root, signed by somebody else, then who is above that; see [`crate::cross`].
    pub cross: Vec<Vec<u8>>,
    /// Those who were taken over from and still count; see [`crate::rotate`].
    pub former: Vec<Former>,
    /// Keys that the gateway gave up, the oldest first; see [`crate::succeed`].
    pub former_keys: Vec<FormerKey>,
}

/// The private keys of one authority, before they are put away.
pub(crate) struct Secrets {
    pub(crate) ca: SoftwareKey,
    pub(crate) pass: SoftwareKey,
}

impl Plan {
    /// The station number of a gateway that was there from the beginning.
    pub const FIRST_STATION: u16 = 1;

    /// Issuer 1, station 1, its own centre.
    pub fn new(network: Network, names: Names, grace_s: u32) -> Self {
        Self {
            network,
            names,
            issuer: 1,
            station: Self::FIRST_STATION,
            grace_s,
            under_centre: false,
        }
    }

    /// Whose things they are: the gateway's station.
    pub fn station(&self) -> IssuedBy {
        IssuedBy {
            issuer: self.issuer,
            station: self.station,
        }
    }

    pub(crate) fn check(&self) -> Result<(), OrderFault> {
        let fits =
            (1..ISSUER_END).contains(&self.issuer) && (1..STATION_END).contains(&self.station);
        if fits {
            Ok(())
        } else {
            Err(OrderFault::Sequence)
        }
    }

    /// Authorities themselves are numbered at station 0.
    pub(crate) fn code(&self, role: Role, ca_spki: &[u8]) -> Result<Code, OrderFault> {
        let by = IssuedBy {
            issuer: self.issuer,
            station: 0,
        };
        Code::derive(role.kind(), by, role.sequence(), ca_spki).map_err(|_| OrderFault::Sequence)
    }

    pub(crate) fn profile(&self, role: Role) -> Profile {
        let (path_len, subtree) = match role {
            Role::Root => (None, None),
            Role::Issuer => (Some(1), None),
            Role::Gateway | Role::Station => (Some(0), Some(self.names.subtree(self.station()))),
        };
        Profile::Authority {
            path_len,
            subtree,
            quota: None,
        }
    }

    pub(crate) fn common_name(&self, role: Role) -> String {
        format!("OneCode {} {}", self.network.as_str(), role.word())
    }

    const fn life_s(role: Role) -> u32 {
        match role {
            Role::Root => ROOT_LIFE_S,
            Role::Issuer => ISSUER_LIFE_S,
            Role::Gateway | Role::Station => GATEWAY_LIFE_S,
        }
    }

    /// What the pass of an authority says, apart from names, key and time.
    pub(crate) fn pass(&self, role: Role, above: Code, own: Code, key: &Key, span: Span) -> Pass {
        let things = Rights::PAY.and(Rights::ACCEPT);
        let gateway = things.and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let is_gateway = role == Role::Gateway;
        Pass {
            issuer: Party(above),
            subject: Party(own),
            expires: span.not_after,
            issued: span.issued,
            key: Confirmation(key.public_key()),
            class: AssuranceClass::Software,
            rights: match is_gateway && self.under_centre {
                true => gateway,
                false => gateway.and(Rights::ISSUE_MONEY),
            },
            grace_s: is_gateway.then_some(self.grace_s),
            station: is_gateway.then_some(u32::from(self.station)),
            first_sequence: is_gateway.then_some(1),
            last_sequence: is_gateway.then_some(STATION_SEQUENCE_END - 1),
        }
    }
}

/// From when to when.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// The day of the pass.
    pub(crate) issued: Timestamp,
    /// Certificates are good from then: what stands below one may be older than its key.
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Span {
    /// That of a new authority.
    pub(crate) fn new(role: Role, now: Timestamp) -> Self {
        Self {
            issued: now,
            not_before: now.minus_s(CLOCK_SKEW_S),
            not_after: now.plus_s(Plan::life_s(role)),
        }
    }
}

impl Authorities {
    /// Makes all three in memory. [`crate::open`] makes them in a folder.
    pub fn create(
        plan: &Plan,
        now: Timestamp,
        random: &mut Random<'_>,
    ) -> Result<Self, IssueError> {
        make(plan, now, random).map(|(authorities, _)| authorities)
    }

    /// What a thing is born knowing.
    pub fn trust(&self) -> Trust {
        let old = self.former_root();
        Trust {
            other_root: old.map(|(old, _)| old.authority.pass_key()),
            ..Trust::new(self.root.network, self.root.pass_key())
        }
    }

    /// From the top down.
    pub fn all(&self) -> [&Authority; 3] {
        [&self.root, &self.issuer, &self.gateway]
    }

    /// Root and issuer in PEM: what clients trust. The issuer stands beside the root because some
    /// DTLS servers send their own certificate only.
    pub fn trusted_pem(&self) -> String {
        let roots = self.roots().map(|root| root.certificate());
        let before = self.former.iter().map(|former| &former.authority);
        let issuers = before.filter(|one| one.role == Role::Issuer);
        let issuers = std::iter::once(&self.issuer).chain(issuers);
        bundle::pem(roots.chain(issuers.map(|issuer| issuer.certificate())))
    }

    /// A thing's chain in PEM, its own certificate first, without the root.
    pub fn chain_pem(&self, leaf: &[u8]) -> String {
        bundle::pem([leaf, self.gateway.certificate(), self.issuer.certificate()])
    }
}

/// Makes all three, and hands out their private keys to be put away.
pub(crate) fn make(
    plan: &Plan,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<(Authorities, [Secrets; 3]), IssueError> {
    plan.check()?;
    let new = Span::new;
    let made = new_authority(plan, Role::Root, None, new(Role::Root, now), random)?;
    let (root, root_keys) = made;
    let span = new(Role::Issuer, now);
    let made = new_authority(plan, Role::Issuer, Some(&root), span, random)?;
    let (issuer, issuer_keys) = made;
    let span = new(Role::Gateway, now);
    let made = new_authority(plan, Role::Gateway, Some(&issuer), span, random)?;
    let (gateway, gateway_keys) = made;
    let authorities = Authorities {
        root,
        issuer,
        gateway,
        cross: Vec::new(),
        former: Vec::new(),
        former_keys: Vec::new(),
    };
    Ok((authorities, [root_keys, issuer_keys, gateway_keys]))
}

/// One with keys that nobody has seen.
pub(crate) fn new_authority(
    plan: &Plan,
    role: Role,
    above: Option<&Authority>,
    span: Span,
    random: &mut Random<'_>,
) -> Result<(Authority, Secrets), IssueError> {
    let secrets = Secrets {
        ca: generate(Algorithm::P256, random)?,
        pass: generate(Algorithm::Ed25519, random)?,
    };
    let keys: [Key; 2] = [Arc::new(share(&secrets.ca)), Arc::new(share(&secrets.pass))];
    let authority = certify(plan, role, above, keys, span, random)?;
    Ok((authority, secrets))
}

/// Certificate and pass for these two keys, by the authority above, or by the root itself.
pub(crate) fn certify(
    plan: &Plan,
    role: Role,
    above: Option<&Authority>,
    [ca_key, pass_key]: [Key; 2],
    span: Span,
    random: &mut Random<'_>,
) -> Result<Authority, IssueError> {
    let face = CaFace::new(&ca_key.public_key()).ok_or(IssueError::Encoding)?;
    let spki =
        p256_spki(&signature::Keypair::verifying_key(&face)).map_err(|_| IssueError::Encoding)?;
    let code = plan.code(role, &spki_der(&spki)?)?;
    let name = subject(&plan.common_name(role), &code)?;
    let order = CertificateOrder {
        serial: &*draw::<16>(random)?,
        not_before: span.not_before,
        not_after: span.not_after,
        subject: name.clone(),
        spki,
        profile: plan.profile(role),
    };
    let (certificate, certificate_der) = match above {
        None => finish(draft(order, name, &ca_key, None)?, &ca_key, None)?,
        Some(above) => above.finish(above.draft(order)?)?,
    };
    let pass = match above {
        None => None,
        Some(above) => {
            let pass = plan.pass(role, above.code, code, &pass_key, span);
            Some((pass, above.seal(&pass)?))
        }
    };
    Ok(Authority {
        role,
        network: plan.network,
        names: plan.names.clone(),
        code,
        ca_key,
        pass_key,
        certificate,
        certificate_der,
        pass,
        key_place: KeyPlace::Files,
    })
}

/// A second handle on a key: one signs, one is put away.
fn share(key: &SoftwareKey) -> SoftwareKey {
    match key {
        SoftwareKey::P256(key) => SoftwareKey::P256(key.clone()),
        SoftwareKey::Ed25519(key) => SoftwareKey::Ed25519(key.clone()),
    }
}
