//! Whether a payment stands on the payments that cover it.

use super::contradiction::{Spent, contradiction};
use super::payment::fits_with;
use super::receipt::released;
use super::succession::Counting;
use crate::code::Code;
use crate::cose::{Network, Verified, open};
use crate::covers::{self, ITEMS_MAX, Item, Items};
use crate::objects::{Allowance, Payment};
use crate::status::Status;
use crate::units::{AmountMinor, Digest, Reference, Timestamp};

/// Most units of all streams in one evidence: as many hashes.
pub const COVER_UNITS_MAX: u32 = 1 << 16;

/// One payment of an evidence whose signatures and sums hold, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the payment takes.
    pub spent: Spent,
    /// Who got it.
    pub payee: Code,
    /// The allowance it is made under.
    pub allowance: Reference,
    /// The allowance it may be spent on under.
    pub covers_for: Option<Reference>,
    /// What it counts as a cover: of a stream, the units shown.
    pub worth: AmountMinor,
    /// Of a stream, the units shown; else 0.
    pub units: u32,
    /// What its own covers count together.
    pub covered: AmountMinor,
    /// How far from the last payment it may stand.
    pub hops: u32,
    /// When it is late.
    pub settle_by: Timestamp,
    /// Its covers, by place.
    pub covers: u16,
}

/// Evidence with covers whose signatures and sums hold.
#[derive(Clone, Copy, Debug)]
pub struct Covered<'b> {
    /// The allowance of the last payment.
    pub allowance: Verified<'b, Allowance>,
    /// The last payment: all others cover it.
    pub payment: Verified<'b, Payment>,
    links: [Option<Link>; ITEMS_MAX],
}

impl Covered<'_> {
    /// All payments, covers first.
    pub fn links(&self) -> impl DoubleEndedIterator<Item = &Link> {
        self.links.iter().flatten()
    }

    /// What the covers of the last payment count together.
    pub fn sum(&self) -> AmountMinor {
        self.links()
            .next_back()
            .map(|link| link.covered)
            .unwrap_or_default()
    }

    /// The hash over all payments that cover the last one, near or far, as a claim note carries it.
    pub fn hash_of_all(&self) -> Digest {
        let mut ids = [(Digest::default(), 0); ITEMS_MAX];
        let count = self.links().count().saturating_sub(1);
        for (id, link) in ids.iter_mut().zip(self.links()) {
            *id = (link.spent.id, link.units);
        }
        covers::hash(ids.get_mut(..count).unwrap_or_default())
    }
}

/// Checks an evidence with covers: every signature, every payment under its allowance and covers,
/// hops, deadlines, and all payments against each other.
///
/// `key_of` names the keys that count of a gateway that may settle; `also` is asked about each payment, for what
/// only the receiver knows: warrants, areas, filters, its clock.
pub fn covered<'b, K: Into<Counting>>(
    items: &Items<'b>,
    network: &Network,
    key_of: impl Fn(&Code) -> Option<K>,
    mut also: impl FnMut(&Verified<'b, Allowance>, &Verified<'b, Payment>) -> Result<(), Status>,
) -> Result<Covered<'b>, Status> {
    let key_of = |code: &Code| key_of(code).map(Into::into);
    let mut links: [Option<Link>; ITEMS_MAX] = [None; ITEMS_MAX];
    let mut last = None;
    let mut units_left = COVER_UNITS_MAX;
    for (place, item) in items.iter().enumerate() {
        let (allowance, payment) = opened(item, network, &key_of)?;
        let mut link = link(item, &payment, allowance.get(), &mut units_left)?;
        link.covered = sum(&links, item, &allowance, &payment)?;
        fits_with(&allowance, &payment, link.covered)?;
        also(&allowance, &payment)?;
        let before = links.iter().flatten();
        if before.clone().any(|other| other.spent.id == link.spent.id) {
            return Err(Status::WrongCover);
        }
        if before
            .clone()
            .any(|other| contradiction(&other.spent, &link.spent).is_some())
        {
            return Err(Status::Contradiction);
        }
        *links.get_mut(place).ok_or(Status::OverBudget)? = Some(link);
        last = Some((allowance, payment));
    }
    near_enough(&links)?;
    let (allowance, payment) = last.ok_or(Status::Malformed)?;
    Ok(Covered {
        allowance,
        payment,
        links,
    })
}

fn opened<'b>(
    item: &Item<'b>,
    network: &Network,
    key_of: &impl Fn(&Code) -> Option<Counting>,
) -> Result<(Verified<'b, Allowance>, Verified<'b, Payment>), Status> {
    let allowance = open::<Allowance>(item.allowance, network)?;
    let keys = key_of(&allowance.peek().gateway).ok_or(Status::UnknownGateway)?;
    let allowance = keys.verify(allowance)?;
    let payment = open::<Payment>(item.payment, network)?.verify(&allowance.get().wallet_key)?;
    Ok((allowance, payment))
}

fn link(
    item: &Item<'_>,
    payment: &Verified<'_, Payment>,
    allowance: &Allowance,
    units_left: &mut u32,
) -> Result<Link, Status> {
    let p = payment.get();
    let (worth, units) = match (p.stream, &item.released) {
        (None, None) => (p.amount, 0),
        (None, Some(_)) => return Err(Status::WrongUnit),
        (Some(_), None) => (AmountMinor::ZERO, 0),
        (Some(stream), Some((units, value))) => {
            *units_left = units_left.checked_sub(*units).ok_or(Status::OverBudget)?;
            (released(p, (0, &stream.anchor), *units, value)?, *units)
        }
    };
    Ok(Link {
        spent: Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?,
        payee: p.payee,
        allowance: p.allowance,
        covers_for: p.covers_for,
        worth,
        units,
        covered: AmountMinor::ZERO,
        hops: allowance.hops.unwrap_or(0),
        settle_by: p.settle_by,
        covers: item.covers,
    })
}

/// What the covers of one payment count together; they are exactly those it signed.
fn sum(
    links: &[Option<Link>],
    item: &Item<'_>,
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
) -> Result<AmountMinor, Status> {
    let p = payment.get();
    let mut ids = [(Digest::default(), 0); ITEMS_MAX];
    let (mut total, mut count) = (AmountMinor::ZERO, 0);
    for (id, place) in ids.iter_mut().zip(item.covers()) {
        let cover = links
            .get(place)
            .and_then(Option::as_ref)
            .ok_or(Status::Malformed)?;
        let counts = cover.payee == p.payer
            && cover.spent.currency == p.currency
            && cover.covers_for == Some(allowance.reference())
            && cover.worth > AmountMinor::ZERO;
        if !counts {
            return Err(Status::WrongCover);
        }
        if p.settle_by > cover.settle_by {
            return Err(Status::TooLate);
        }
        total = total.checked_add(cover.worth).ok_or(Status::WrongCover)?;
        *id = (cover.spent.id, cover.units);
        count += 1;
    }
    let signed = (count > 0).then(|| covers::hash(ids.get_mut(..count).unwrap_or_default()));
    // Only what is needed is attached.
    let needed = p.odometer > allowance.get().limit;
    if signed != p.covers || (count > 0 && !needed) {
        return Err(Status::WrongCover);
    }
    Ok(total)
}

/// No cover stands further from the last payment than its own allowance's hops.
fn near_enough(links: &[Option<Link>]) -> Result<(), Status> {
    let mut distance = [0u32; ITEMS_MAX];
    for (place, link) in links.iter().enumerate().rev() {
        let Some(link) = link else { continue };
        let here = distance.get(place).copied().unwrap_or_default();
        if here > link.hops {
            return Err(Status::AboveHops);
        }
        for (below, far) in distance.iter_mut().enumerate() {
            if link.covers >> below & 1 == 1 {
                *far = (*far).max(here.saturating_add(1));
            }
        }
    }
    Ok(())
}
