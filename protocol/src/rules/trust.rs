//! From one root key to everybody else: passes, gateways, proofs.

use super::contradiction::{Contradiction, Spent, contradiction};
use super::payment::fits;
use crate::code::{Code, grid::GridCode};
use crate::cose::{Network, Verified, open};
use crate::keys::PublicKey;
use crate::message::Message;
use crate::objects::{Allowance, Object, Pass, Payment, Rights, TrustUpdate};
use crate::status::Status;
use crate::units::Timestamp;

/// How far clocks may differ.
const SKEW_S: u32 = 300;

/// What a thing is born knowing: its network and the root's key.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    /// Objects of other networks mean nothing here.
    pub network: Network,
    /// The root's key; it signs issuers' passes.
    pub root_key: PublicKey,
    /// Another root whose word counts as well, while one takes over from the other.
    pub other_root: Option<PublicKey>,
}

impl Trust {
    /// One root alone.
    pub const fn new(network: Network, root_key: PublicKey) -> Self {
        Self {
            network,
            root_key,
            other_root: None,
        }
    }

    /// Trust in the root that takes over, by the word of the one before, and in that one until its
    /// end. Who has handed over once has no word in it any more: a key that was given up names no
    /// third one. The same word again changes nothing.
    pub fn updated(&self, update: &[u8], now: Timestamp) -> Result<Self, Status> {
        let sealed = open::<TrustUpdate>(update, &self.network)?;
        let roots = [Some(self.root_key), self.other_root];
        if roots.contains(&Some(sealed.peek().next_key)) {
            return Ok(*self);
        }
        let update = *sealed.verify(&self.root_key)?.get();
        if update.issued > now.plus_s(SKEW_S) {
            return Err(Status::Expired);
        }
        Ok(Self {
            root_key: update.next_key,
            other_root: (now < update.ends).then_some(self.root_key),
            ..*self
        })
    }

    /// What one of the roots signed.
    fn by_root<'b, T: Object>(&self, bytes: &'b [u8]) -> Result<Verified<'b, T>, Status> {
        let by = |key: &PublicKey| open::<T>(bytes, &self.network)?.verify(key);
        match (by(&self.root_key), &self.other_root) {
            (Err(Status::BadSignature), Some(other)) => by(other),
            (signed, _) => signed,
        }
    }

    /// A pass the root signed: an issuer's.
    pub fn issuer<'b>(&self, pass: &'b [u8]) -> Result<Verified<'b, Pass>, Status> {
        let pass = self.by_root::<Pass>(pass)?;
        if !pass.get().rights.permits(Rights::ISSUE_CODES) {
            return Err(Status::NotPermitted);
        }
        Ok(pass)
    }

    /// A pass that `by` signed. The subject's code must lie in the range `by` may issue, and its
    /// rights must not go beyond `by`'s own, except for an issuer, who may hand out all it has.
    pub fn issued<'b>(
        &self,
        by: &Verified<'_, Pass>,
        pass: &'b [u8],
    ) -> Result<Verified<'b, Pass>, Status> {
        let pass = open::<Pass>(pass, &self.network)?.verify(&by.get().key.0)?;
        let (authority, subject) = (by.get(), pass.get());
        if subject.issuer != authority.subject {
            return Err(Status::NotForYou);
        }
        if !authority.rights.permits(Rights::ISSUE_CODES)
            || !authority.rights.may_give(subject.rights)
            || !may_issue(authority, &subject.subject.0)
        {
            return Err(Status::NotPermitted);
        }
        Ok(pass)
    }

    /// The pass of a thing that a station of `issuer` made: the station is good now, and the thing
    /// within its kinds, its numbers and its time.
    pub fn by_station<'b>(
        &self,
        issuer: &Verified<'_, Pass>,
        station: &[u8],
        pass: &'b [u8],
        now: Timestamp,
    ) -> Result<Verified<'b, Pass>, Status> {
        let station = self.issued(issuer, station)?;
        current(station.get(), now)?;
        let pass = self.issued(&station, pass)?;
        if pass.get().expires > station.get().expires {
            return Err(Status::NotPermitted);
        }
        Ok(pass)
    }

    /// A gateway that may settle, by the pass of its issuer.
    pub fn gateway<'b>(
        &self,
        issuer: &[u8],
        gateway: &'b [u8],
    ) -> Result<Verified<'b, Pass>, Status> {
        let gateway = self.issued(&self.issuer(issuer)?, gateway)?;
        if !gateway.get().rights.permits(Rights::SETTLE) {
            return Err(Status::NotPermitted);
        }
        Ok(gateway)
    }
}

impl Trust {
    /// A centre: a gateway that may issue money, by the pass of its issuer. It warrants floats and
    /// gives leases, and its own allowances need no warrant.
    pub fn centre<'b>(
        &self,
        issuer: &[u8],
        centre: &'b [u8],
    ) -> Result<Verified<'b, Pass>, Status> {
        let centre = self.gateway(issuer, centre)?;
        if !centre.get().rights.permits(Rights::ISSUE_MONEY) {
            return Err(Status::NotPermitted);
        }
        Ok(centre)
    }
}

/// A thing's pass as it travels, apart: its own, and that of the station that gave it. A station's
/// pass follows directly after those it gave; a gateway's own is known to whoever trusts it.
pub fn passes(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), Status> {
    let mut from = minicbor::Decoder::new(bytes);
    from.skip().map_err(|_| Status::Malformed)?;
    let parts = bytes.split_at_checked(from.position());
    let (own, station) = parts.ok_or(Status::Malformed)?;
    Ok((own, (!station.is_empty()).then_some(station)))
}

/// Refuses a credential outside its time. Clocks may differ by five minutes.
pub fn current(pass: &Pass, now: Timestamp) -> Result<(), Status> {
    if pass.issued > now.plus_s(SKEW_S) || pass.expires <= now {
        return Err(Status::Expired);
    }
    Ok(())
}

/// Whether `authority`'s own credential covers this code: an issuer covers its number, a station
/// its range and its kinds.
pub fn may_issue(authority: &Pass, code: &Code) -> bool {
    let by = code.issued_by();
    if by.issuer != authority.subject.0.issued_by().issuer || !authority.rights.issues(code.kind())
    {
        return false;
    }
    match (
        authority.station,
        authority.first_sequence,
        authority.last_sequence,
    ) {
        (None, None, None) => true,
        (Some(station), Some(first), Some(last)) => {
            station == u32::from(by.station) && (first..=last).contains(&code.sequence())
        }
        _ => false,
    }
}

/// Whether `authority`'s own credential covers this place: an issuer covers its number, a gateway or
/// a station its own as well.
pub fn may_name(authority: &Pass, place: &GridCode) -> bool {
    let by = place.issued_by();
    let station = authority.station;
    by.issuer == authority.subject.0.issued_by().issuer
        && station.is_none_or(|own| own == u32::from(by.station))
        && authority.rights.permits(Rights::ISSUE_CODES)
}

/// A fraud proof that holds: whose key forked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The code whose key signed both.
    pub code: Code,
    /// How they contradict each other.
    pub how: Contradiction,
    /// Both payments.
    pub payments: [Payment; 2],
}

/// Judges a fraud proof with no server: both payments were signed by the key that a gateway of this
/// network certified for one code and key epoch, and they cannot both be true. Two wallet keys for
/// one code and key epoch prove nothing against the thing: that would be the gateway's doing.
pub fn judge_proof(trust: &Trust, proof: &[u8]) -> Result<Judgement, Status> {
    let Message::Proof {
        issuer,
        gateway,
        allowances,
        payments,
    } = Message::read(proof)?
    else {
        return Err(Status::Malformed);
    };
    let gateway = trust.gateway(issuer, gateway)?;
    let [first, second] = [0, 1].map(|i: usize| {
        let (allowance, payment) = (
            allowances.get(i).ok_or(Status::Malformed)?,
            payments.get(i).ok_or(Status::Malformed)?,
        );
        checked(trust, &gateway, allowance, payment)
    });
    let ((key, a, x), (other_key, b, y)) = (first?, second?);
    match contradiction(&a, &b) {
        Some(how) if key == other_key => Ok(Judgement {
            code: a.payer,
            how,
            payments: [x, y],
        }),
        _ => Err(Status::Malformed),
    }
}

fn checked(
    trust: &Trust,
    gateway: &Verified<'_, Pass>,
    allowance: &[u8],
    payment: &[u8],
) -> Result<(PublicKey, Spent, Payment), Status> {
    let allowance = open::<Allowance>(allowance, &trust.network)?.verify(&gateway.get().key.0)?;
    if allowance.get().gateway != gateway.get().subject.0 {
        return Err(Status::UnknownGateway);
    }
    let payment = open::<Payment>(payment, &trust.network)?.verify(&allowance.get().wallet_key)?;
    fits(&allowance, &payment)?;
    let spent = Spent::new(payment.id(), payment.get()).ok_or(Status::OutOfInterval)?;
    Ok((allowance.get().wallet_key, spent, *payment.get()))
}
