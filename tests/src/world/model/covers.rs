//! Evidence with covers: money that is spent before it has settled.

use super::signed::contradict;
use super::{Grant, Model, Payment};
use crate::world::wire::{COVERED, Item, Letter, Paper};
use protocol::Digest;
use sha2::{Digest as _, Sha256};

/// Items of one evidence, the covered payment among them.
const ITEMS: std::ops::RangeInclusive<usize> = 2..=16;
/// Bytes of one evidence with covers.
pub(crate) const BYTES_MOST: usize = 3_600;

/// One payment in an evidence with covers.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) payment: Digest,
    /// Of a stream: units whose release is shown.
    pub(crate) shown: Option<u32>,
    /// Places of the pieces that cover it.
    pub(super) covers: Vec<usize>,
}

/// A piece as it travels, not judged yet.
struct Raw {
    allowance: Paper,
    payment: Paper,
    shown: Option<(u32, Digest)>,
    covers: Vec<usize>,
}

impl Model {
    /// The pieces, covers first and the covered payment last, when all of it holds together.
    pub(crate) fn pieces(&self, letter: &Letter) -> Option<Vec<Piece>> {
        let raws = raws(letter)?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut grants: Vec<&Grant> = Vec::new();
        for raw in &raws {
            let p = self.signed.payments.get(&raw.payment.id())?;
            let grant = self.grants.get(&p.allowance)?;
            let genuine = self.signed.is_genuine(&raw.payment) && grant.paper == raw.allowance;
            let shown = match raw.shown {
                Some((units, value)) => Some(units).filter(|_| p.releases(units, value)),
                None => None,
            };
            if !genuine || shown.is_some() != raw.shown.is_some() {
                return None;
            }
            let piece = Piece {
                payment: p.id,
                shown,
                covers: raw.covers.clone(),
            };
            self.stands(p, grant, &piece, &pieces)?;
            let repeated = pieces.iter().any(|other| {
                let other = &self.signed.payments[&other.payment];
                other.id == p.id || contradict(other, p)
            });
            if repeated {
                return None;
            }
            pieces.push(piece);
            grants.push(grant);
        }
        let mut hops = vec![0_u64; pieces.len()];
        for place in (0..pieces.len()).rev() {
            for cover in &pieces[place].covers {
                hops[*cover] = hops[*cover].max(hops[place] + 1);
            }
        }
        let within = hops
            .iter()
            .zip(&grants)
            .all(|(hops, grant)| *hops <= grant.hops);
        within.then_some(pieces)
    }

    /// Whether a piece keeps to its allowance with what covers it.
    fn stands(&self, p: &Payment, grant: &Grant, piece: &Piece, before: &[Piece]) -> Option<()> {
        let mut sum = 0;
        let mut hashed: Vec<(Digest, u32)> = Vec::new();
        for place in &piece.covers {
            let cover = before.get(*place)?;
            let c = self.signed.payments.get(&cover.payment)?;
            let counts = counted(c, cover.shown);
            let fits = c.payee == p.payer
                && c.currency == p.currency
                && c.covers_for == Some(grant.reference)
                && p.settle_by <= c.settle_by
                && counts > 0;
            if !fits {
                return None;
            }
            sum += counts;
            hashed.push((c.id, cover.shown.unwrap_or(0)));
        }
        hashed.sort_unstable_by_key(|(id, _)| id.0);
        let mut hash = Sha256::new();
        hash.update(b"onecode/1/covers");
        for (id, units) in &hashed {
            hash.update(id.0);
            hash.update(units.to_be_bytes());
        }
        let hash = Digest(hash.finalize().into());
        let named = (!hashed.is_empty()).then_some(hash);
        let needed = hashed.is_empty() || p.odometer > grant.limit;
        (p.covers == named && needed && grant.permits_up_to(p, grant.limit + sum)).then_some(())
    }
}

/// What a payment counts as a cover.
fn counted(p: &Payment, shown: Option<u32>) -> u64 {
    match p.stream {
        Some(_) => p.cost(shown.unwrap_or(0)),
        None => p.amount,
    }
}

fn raws(letter: &Letter) -> Option<Vec<Raw>> {
    let bytes = letter.parts.first()?.bytes()?;
    if letter.kind != COVERED || bytes.len() > BYTES_MOST {
        return None;
    }
    let Item::List(items) = Item::read(bytes)? else {
        return None;
    };
    if !ITEMS.contains(&items.len()) {
        return None;
    }
    let mut raws: Vec<Raw> = Vec::new();
    for item in &items {
        let Item::List(parts) = item else {
            return None;
        };
        let (allowance, payment, covers) = (parts.first()?, parts.get(1)?, parts.get(2)?);
        let allowance = match allowance {
            Item::Int(place) => raws.get(usize::try_from(*place).ok()?)?.allowance.clone(),
            other => Paper::read("allowance", other.bytes()?)?,
        };
        let Item::List(covers) = covers else {
            return None;
        };
        let places = covers
            .iter()
            .map(|place| usize::try_from(place.int()?).ok());
        let shown = match (parts.get(3), parts.get(4)) {
            (Some(units), Some(value)) => {
                let units = u32::try_from(units.int()?).ok()?;
                Some((units, Digest(value.bytes()?.try_into().ok()?)))
            }
            _ => None,
        };
        raws.push(Raw {
            allowance,
            payment: Paper::read("payment", payment.bytes()?)?,
            shown,
            covers: places.collect::<Option<_>>()?,
        });
    }
    Some(raws)
}
