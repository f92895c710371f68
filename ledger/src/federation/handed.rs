//! Messages that hand something in, for whoever settles it: which payments they speak of, and whether
//! everything in them is signed.

use super::keys;
use crate::evidence::{CoveredEvidence, Evidence, Owned, Released};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Allowance, Payment, Receipt};
use protocol::{Code, Digest, PublicKey, Status, Timestamp};

/// A message that speaks of payments, with everything in it checked.
pub(crate) struct Checked {
    pub evidence: Handed,
    pub receipt: Option<Owned<Receipt>>,
    pub released: Option<Released>,
}

/// What was handed in.
pub(crate) enum Handed {
    One(Box<Evidence>),
    Covered(CoveredEvidence),
}

impl Handed {
    /// The payment that it is about.
    pub(crate) fn last(&self) -> Result<&Evidence, Status> {
        match self {
            Self::One(evidence) => Ok(evidence),
            Self::Covered(covered) => covered.last().ok_or(Status::Malformed),
        }
    }

    pub(crate) fn all(&self) -> Vec<&Evidence> {
        match self {
            Self::One(evidence) => vec![evidence],
            Self::Covered(covered) => covered.parts().iter().map(|part| &part.evidence).collect(),
        }
    }

    /// The hash over all covers, as a claim note carries it.
    pub(crate) fn covers(&self) -> Option<Digest> {
        let Self::Covered(covered) = self else {
            return None;
        };
        let parts = covered.parts();
        let mut covers: Vec<_> = parts
            .iter()
            .take(parts.len().saturating_sub(1))
            .map(|part| {
                let units = part.released.as_ref().map_or(0, Released::units);
                (part.evidence.payment().id(), units)
            })
            .collect();
        Some(protocol::covers::hash(&mut covers))
    }
}

/// A payment that a message speaks of, not checked yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken<'m> {
    pub payment: Digest,
    pub payer: Code,
    /// Who gave the allowance, and when.
    pub gateway: Code,
    pub issued: Timestamp,
    /// The allowance.
    pub allowance: &'m [u8],
    /// The payment.
    pub signed: &'m [u8],
}

/// All of them; the one that the message is about stands last.
pub(crate) fn spoken<'m>(desk: &Desk, message: &'m [u8]) -> Result<Vec<Spoken<'m>>, Status> {
    let network = &desk.bearings.network;
    let one = |allowance: &'m [u8], signed: &'m [u8]| {
        let given = *open::<Allowance>(allowance, network)?.peek();
        Ok(Spoken {
            payment: open::<Payment>(signed, network)?.id(),
            payer: given.code,
            gateway: given.gateway,
            issued: given.issued,
            allowance,
            signed,
        })
    };
    match Message::read(message)? {
        Message::Evidence { allowance, payment }
        | Message::Claim {
            allowance, payment, ..
        }
        | Message::StreamClaim {
            allowance, payment, ..
        } => Ok(vec![one(allowance, payment)?]),
        Message::Covered { items, .. } => {
            let items = Items::read(items)?;
            let each = items.iter().map(|item| one(item.allowance, item.payment));
            each.collect()
        }
        _ => Err(Status::NotForYou),
    }
}

/// Checks everything in a message that is signed.
pub(crate) async fn check(
    desk: &mut Desk,
    message: &[u8],
    pass: &[u8],
) -> Result<Checked, Failure> {
    let mut gateways: Vec<(Code, PublicKey)> = Vec::new();
    for Spoken { gateway, .. } in spoken(desk, message)? {
        if gateways.iter().all(|(known, _)| *known != gateway) {
            gateways.push((gateway, keys::gateway_key(desk, &gateway).await?));
        }
    }
    let network = desk.bearings.network;
    let key_of = |code: &Code| {
        let known = gateways.iter().find(|(gateway, _)| gateway == code);
        known.map(|(_, key)| *key)
    };
    let one = |allowance: &[u8], payment: &[u8]| {
        let allowance = open::<Allowance>(allowance, &network)?;
        let key = key_of(&allowance.peek().gateway).ok_or(Status::UnknownGateway)?;
        let allowance = allowance.verify(&key)?;
        let payment = open::<Payment>(payment, &network)?.verify(&allowance.get().wallet_key)?;
        Evidence::new(&allowance, &payment)
    };
    let (evidence, receipt, units) = match Message::read(message)? {
        Message::Evidence { allowance, payment } => {
            (Handed::One(Box::new(one(allowance, payment)?)), None, None)
        }
        Message::Claim {
            allowance,
            payment,
            receipt,
        } => (
            Handed::One(Box::new(one(allowance, payment)?)),
            Some(receipt),
            None,
        ),
        Message::StreamClaim {
            allowance,
            payment,
            units,
            value,
            receipt,
        } => (
            Handed::One(Box::new(one(allowance, payment)?)),
            receipt,
            Some((units, value)),
        ),
        Message::Covered { items, receipt } => {
            let items = Items::read(items)?;
            let covered = CoveredEvidence::check(&items, &network, key_of, |_, _| Ok(()))?;
            (Handed::Covered(covered), receipt, None)
        }
        _ => return Err(Status::NotForYou.into()),
    };
    let payment = evidence.last()?.payment().clone();
    let receipt = match receipt {
        Some(receipt) => {
            let payee = payment.get().payee;
            let key = keys::wallet_key(desk, &payee, pass).await?;
            let receipt = Owned::from(open::<Receipt>(receipt, &network)?.verify(&key)?);
            if receipt.get().payment != payment.id() || receipt.get().payee != payee {
                return Err(Status::WrongReceipt.into());
            }
            Some(receipt)
        }
        None => None,
    };
    let released = units.map(|(units, value)| Released::check(&payment, None, units, value));
    Ok(Checked {
        evidence,
        receipt,
        released: released.transpose()?,
    })
}
