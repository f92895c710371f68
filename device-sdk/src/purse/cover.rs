//! Payments taken that are spent before they are settled.
//!
//! A payment that names this purse's current allowance lifts what may be paid under it. What is
//! needed above the limit is chosen here, from what the journal's entries say in memory; the
//! evidence itself is put together from the journal in a [`Basket`].

use super::basket::{Basket, RELEASED_BYTES, written};
use super::kept::Kept;
use super::table::Table;
use super::{Book, Entry, Held, Purse, Side};
use crate::journal::{Journal, RECORD_MAX, RecordId, SMALL_RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, open, sign};
use protocol::covers::{self, COVERED_MAX, ITEMS_MAX};
use protocol::keys::SignerFailed;
use protocol::objects::{Allowance, Payment, Receipt};
use protocol::rules::Holdings as _;
use protocol::stream::Chain;
use protocol::units::AMOUNT_MAX;
use protocol::{
    AmountMinor, Currency, Digest, Network, PublicKey, Reference, Signature, Signer, Status,
    Timestamp,
};

/// Most covers of one payment, near and far.
const COVERS_MAX: usize = ITEMS_MAX - 1;
/// Of one cover in the journal: identifier and units.
const WRITTEN_BYTES: usize = 32 + 4;
/// What an own payment takes of an evidence with its allowance, before it is measured.
const OWN_BYTES: usize = 1 + 3 + 312 + 3 + 328 + 1 + RELEASED_BYTES;

/// What makes a payment taken a cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cover {
    /// The allowance of this purse under which it may be spent.
    covers_for: Reference,
    /// No payment that stands on it settles later.
    settle_by: Timestamp,
    /// How many more payments may stand on it, one on the other.
    hops: u32,
    /// Payments in its evidence, and bytes at most.
    items: usize,
    bytes: usize,
    /// Its own allowance, and how many of the bytes that is.
    allowance: (Reference, usize),
}

impl Cover {
    /// `None` when the payment names no allowance.
    pub(super) fn of(kept: &Kept<'_>, network: &Network) -> Option<Self> {
        let payment = *open::<Payment>(kept.payment(), network).ok()?.peek();
        let covers_for = payment.covers_for?;
        let released = payment.stream.map_or(0, |_| RELEASED_BYTES);
        let bytes = match kept.list() {
            Some(list) => list.len(),
            None => kept.items().map(|item| written(item, false)).sum(),
        };
        Some(Self {
            covers_for,
            settle_by: payment.settle_by,
            hops: hops(kept, network)?,
            items: kept.items().count(),
            bytes: bytes + released,
            allowance: (payment.allowance, kept.allowance().len() + 3),
        })
    }
}

/// How many more payments may stand on the last one: every allowance in the evidence says how far
/// from it the end may be.
fn hops(kept: &Kept<'_>, network: &Network) -> Option<u32> {
    let mut distance = [0u32; ITEMS_MAX];
    let count = kept.items().count();
    let mut hops = u32::MAX;
    for back in 0..count {
        let at = count - 1 - back;
        let item = kept.items().nth(at)?;
        let here = distance.get(at).copied()?;
        for place in item.covers() {
            let below = distance.get_mut(place)?;
            *below = (*below).max(here + 1);
        }
        let allowance = open::<Allowance>(item.allowance, network).ok()?;
        let most = allowance.peek().hops.unwrap_or(0);
        hops = hops.min(most.saturating_sub(here));
    }
    Some(hops)
}

/// What is missing above the limit, and what it may be taken from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) currency: Currency,
    pub(super) amount: AmountMinor,
    /// This one first, if it is enough.
    pub(super) first: Option<Digest>,
    /// None that could not be handed in by then.
    pub(super) until: Timestamp,
}

impl Missing {
    /// What is missing for one payment more.
    pub(super) const fn new(currency: Currency, amount: AmountMinor, until: Timestamp) -> Self {
        Self {
            currency,
            amount,
            first: None,
            until,
        }
    }
}

/// Covers chosen, as far as the entries in memory tell.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    entries: Table<(Digest, AmountMinor), COVERS_MAX>,
    sum: AmountMinor,
    allowances: Table<Reference, COVERS_MAX>,
    items: usize,
    bytes: usize,
}

impl Chosen {
    fn none(own: usize) -> Self {
        Self {
            entries: Table::new(),
            sum: AmountMinor::ZERO,
            allowances: Table::new(),
            items: 0,
            bytes: 1 + own,
        }
    }

    /// Bytes that this cover would add.
    fn cost(&self, cover: &Cover) -> usize {
        let (allowance, bytes) = cover.allowance;
        match self.allowances.iter().any(|known| *known == allowance) {
            true => cover.bytes + 1 - bytes.min(cover.bytes),
            false => cover.bytes,
        }
    }

    fn fits(&self, entry: &Entry, cover: &Cover) -> bool {
        !self.entries.iter().any(|(id, _)| *id == entry.id)
            && self.items + cover.items <= COVERS_MAX
            && self.bytes + self.cost(cover) < COVERED_MAX
    }

    fn push(&mut self, entry: &Entry, cover: &Cover) -> Option<()> {
        self.bytes += self.cost(cover) + 1;
        self.items += cover.items;
        self.sum = self.sum.checked_add(entry.amount)?;
        // Only the allowance that comes with a single payment is surely in the evidence once.
        if !self
            .allowances
            .iter()
            .any(|known| *known == cover.allowance.0)
        {
            self.allowances.insert(cover.allowance.0).then_some(())?;
        }
        self.entries.insert((entry.id, entry.amount)).then_some(())
    }

    /// Drops what is not needed, the smallest first.
    fn prune(&mut self, needed: AmountMinor) {
        loop {
            let spare = self.sum.checked_sub(needed).unwrap_or_default();
            let useless = self.entries.iter().filter(|(_, amount)| *amount <= spare);
            let Some((id, amount)) = useless.min_by_key(|(_, amount)| *amount).copied() else {
                return;
            };
            self.entries.remove(|(known, _)| *known == id);
            self.sum = self.sum.checked_sub(amount).unwrap_or_default();
        }
    }
}

/// Covers that could not go into one evidence with others.
type Unfit = Table<Digest, COVERS_MAX>;

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// What lifts the limit of an allowance, with what is left of its hops.
    fn covers(&self, held: &Held, until: Timestamp) -> impl Iterator<Item = (&Entry, Cover)> {
        let (currency, allowance) = (held.allowance.currency, held.reference);
        self.outbox.iter().filter_map(move |entry| {
            let (cover, Side::Taken { payer, .. }) = (entry.cover?, entry.side) else {
                return None;
            };
            let usable = !self.is_revoked(&payer)
                && !self.is_answered(&entry.id)
                && entry.currency == currency
                && cover.covers_for == allowance
                && cover.settle_by >= until
                && entry.amount > AmountMinor::ZERO
                && !entry.mark.is_some_and(|mark| mark.is_final());
            usable.then_some((entry, cover))
        })
    }

    /// As much as is needed, or all that one evidence holds beside `own` bytes.
    fn gather(&self, held: &Held, missing: &Missing, own: usize, unfit: &Unfit) -> Chosen {
        let mut chosen = Chosen::none(own);
        let first = missing.first.filter(|first| {
            let entry = self.entry(first);
            entry.is_some_and(|entry| entry.amount >= missing.amount)
        });
        while let Some(left) = missing.amount.checked_sub(chosen.sum)
            && left > AmountMinor::ZERO
        {
            let fitting = || {
                self.covers(held, missing.until).filter(|(entry, cover)| {
                    cover.hops > 0
                        && chosen.fits(entry, cover)
                        && !unfit.iter().any(|id| *id == entry.id)
                })
            };
            let cost = |cover: &Cover| (cover.items, chosen.cost(cover));
            // One that is enough, the smallest evidence first; otherwise the one that brings most
            // for its bytes.
            let enough = fitting()
                .filter(|(entry, _)| entry.amount >= left)
                .min_by_key(|(entry, cover)| (Some(entry.id) != first, cost(cover), entry.record));
            let next = enough.or_else(|| {
                fitting().max_by(|(a, of_a), (b, of_b)| {
                    let worth = |entry: &Entry, other: &Cover| {
                        u128::from(entry.amount.get()) * cost(other).1 as u128
                    };
                    worth(a, of_b)
                        .cmp(&worth(b, of_a))
                        .then_with(|| b.record.cmp(&a.record))
                })
            });
            let Some((entry, cover)) = next else {
                break;
            };
            if chosen.push(entry, &cover).is_none() {
                break;
            }
        }
        chosen
    }

    fn choose(&self, missing: &Missing, own: usize, unfit: &Unfit) -> Result<Chosen, Status> {
        let held = self.pocket(missing.currency).and_then(|p| p.allowance);
        let held = held.ok_or(Status::NoAllowance)?;
        let mut chosen = self.gather(&held, missing, own, unfit);
        if chosen.sum >= missing.amount {
            chosen.prune(missing.amount);
            return Ok(chosen);
        }
        let all = |least: u32| {
            let covers = self.covers(&held, missing.until);
            let amounts = covers.filter(|(_, cover)| cover.hops >= least);
            let amounts = amounts.map(|(entry, _)| u128::from(entry.amount.get()));
            amounts.sum::<u128>() >= u128::from(missing.amount.get())
        };
        Err(match (all(1), all(0)) {
            (true, _) => Status::OverBudget,
            (false, true) => Status::AboveHops,
            (false, false) => Status::AboveLimit,
        })
    }

    /// A payment settles no later than what it stands on.
    fn settle_by(&self, chosen: &Chosen) -> Timestamp {
        let covers = chosen.entries.iter();
        let covers = covers.filter_map(|(id, _)| self.entry(id)?.cover);
        let deadlines = covers.map(|cover| cover.settle_by);
        deadlines.min().unwrap_or(Timestamp(u32::MAX))
    }

    /// Whether covers are there for what is missing.
    pub(super) fn covered(&self, missing: &Missing) -> Result<(), Status> {
        match missing.amount > AmountMinor::ZERO {
            true => self.choose(missing, OWN_BYTES, &Table::new()).map(drop),
            false => Ok(()),
        }
    }

    /// How far above the limit covers lift one payment.
    pub(super) fn lift(&self, held: &Held, until: Timestamp) -> AmountMinor {
        let all = AmountMinor::new(AMOUNT_MAX).unwrap_or_default();
        let missing = Missing::new(held.allowance.currency, all, until);
        self.gather(held, &missing, OWN_BYTES, &Table::new()).sum
    }
}

/// The covers of a payment that is about to be signed, as they stand in the journal.
#[derive(Debug)]
pub(super) struct Signed {
    bytes: [u8; COVERS_MAX * WRITTEN_BYTES],
    len: usize,
}

impl Signed {
    /// The covers of a payment without any.
    pub(super) const fn none() -> Self {
        Self {
            bytes: [0; COVERS_MAX * WRITTEN_BYTES],
            len: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, id: &Digest, units: u32) -> Option<()> {
        let end = self.len + WRITTEN_BYTES;
        let (to_id, to_units) = self.bytes.get_mut(self.len..end)?.split_at_mut(32);
        to_id.copy_from_slice(id.as_bytes());
        to_units.copy_from_slice(&units.to_be_bytes());
        self.len = end;
        Some(())
    }
}

/// What [`Signed`] wrote.
fn read(bytes: &[u8]) -> impl Iterator<Item = (Digest, u32)> {
    bytes.chunks_exact(WRITTEN_BYTES).filter_map(|cover| {
        let (id, units) = cover.split_first_chunk::<32>()?;
        Some((Digest(*id), u32::from_be_bytes(units.try_into().ok()?)))
    })
}

/// Signs nothing: what it seals is measured.
#[derive(Debug)]
struct Measure(PublicKey);

impl Signer for Measure {
    fn public_key(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, SignerFailed> {
        Ok([0; 64])
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Chooses covers for what a payment takes above the limit, and enters them in it. The payment
    /// is otherwise complete.
    pub(super) fn cover(
        &mut self,
        payment: &mut Payment,
        missing: &Missing,
    ) -> Result<Signed, Status> {
        let own = self.own_bytes(payment)?;
        let mut unfit = Unfit::new();
        loop {
            let chosen = self.book.choose(missing, own, &unfit)?;
            let ids = chosen.entries.iter().map(|(id, _)| (*id, None));
            match self.fill(&mut Basket::new(), ids, own)? {
                Ok(signed) => {
                    let mut ids = [(Digest::default(), 0); COVERS_MAX];
                    let mut count = 0;
                    for (to, cover) in ids.iter_mut().zip(read(signed.bytes())) {
                        *to = cover;
                        count += 1;
                    }
                    let ids = ids.get_mut(..count).unwrap_or_default();
                    payment.covers = Some(covers::hash(ids));
                    payment.settle_by = payment.settle_by.min(self.book.settle_by(&chosen));
                    return Ok(signed);
                }
                // Together they are too much, whatever each is alone.
                Err(id) if unfit.insert(id) => {}
                Err(_) => return Err(Status::OverBudget),
            }
        }
    }

    /// Keeps a payment that was just signed behind the covers it was journalled with.
    pub(super) fn keep_covered(
        &mut self,
        intent: RecordId,
        allowance: &[u8],
        payment: &[u8],
    ) -> Result<RecordId, Status> {
        let mut bytes = [0; COVERED_MAX];
        let len = self.behind_covers(intent, allowance, payment, &mut bytes)?;
        let items = bytes.get(..len).unwrap_or_default();
        self.append(&Record::SignedCovered { items })
    }

    fn behind_covers(
        &mut self,
        intent: RecordId,
        allowance: &[u8],
        payment: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(intent, &mut bytes)?;
        let Some(Record::Intent { covers, .. }) =
            Record::read(bytes.get(..len).unwrap_or_default())
        else {
            return Err(Status::Storage);
        };
        let mut basket = Basket::new();
        let ids = read(covers).map(|(id, units)| (id, Some(units)));
        match self.fill(&mut basket, ids, 0)? {
            Ok(_) => basket.write(allowance, payment, out),
            Err(_) => Err(Status::Storage),
        }
    }

    /// Puts covers into a basket with room for `own` bytes more. A stream counts as far as it is
    /// taken, or as it was signed. The one for which there was no room, if there is one.
    fn fill(
        &mut self,
        basket: &mut Basket,
        ids: impl Iterator<Item = (Digest, Option<u32>)>,
        own: usize,
    ) -> Result<Result<Signed, Digest>, Status> {
        let mut signed = Signed::none();
        for (id, units) in ids {
            let entry = *self.book.entry(&id).ok_or(Status::Storage)?;
            let counted = match self.taken_so_far(&entry)? {
                Some((have, value)) => {
                    let units = units.unwrap_or(have);
                    Some((
                        units,
                        value,
                        have.checked_sub(units).ok_or(Status::Storage)?,
                    ))
                }
                None => None,
            };
            match self.put(basket, &entry, counted) {
                Ok(()) if basket.has_room_for(own) => {}
                Ok(()) | Err(Status::OverBudget) => return Ok(Err(id)),
                Err(status) => return Err(status),
            }
            let units = counted.map_or(0, |(units, ..)| units);
            signed.push(&id, units).ok_or(Status::Storage)?;
        }
        Ok(Ok(signed))
    }

    /// `counted`: units of a stream, a value, and how many units before it.
    fn put(
        &mut self,
        basket: &mut Basket,
        entry: &Entry,
        counted: Option<(u32, Digest, u32)>,
    ) -> Result<(), Status> {
        let network = self.own.trust.network;
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let kept = record.ok_or(Status::Storage)?.kept()?;
        let released = match counted {
            Some((units, value, down)) => {
                let payment = *open::<Payment>(kept.payment(), &network)?.peek();
                Some((units, Chain::of(&payment).down(value, down)))
            }
            None => None,
        };
        basket.add(&kept, released, &network)
    }

    /// How far a stream is taken, open or closed; `None` for another payment.
    pub(super) fn taken_so_far(&mut self, entry: &Entry) -> Result<Option<(u32, Digest)>, Status> {
        if let Some(stream) = self.book.incoming(&entry.id) {
            return Ok(Some((stream.units, stream.value)));
        }
        let Side::Taken {
            receipt: Some(record),
            ..
        } = entry.side
        else {
            return Ok(None);
        };
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Closed { receipt, value, .. }) => {
                let receipt = open::<Receipt>(receipt, &self.own.trust.network)?;
                let units = receipt.peek().units.ok_or(Status::Storage)?;
                Ok(Some((units, value)))
            }
            _ => Err(Status::Storage),
        }
    }

    /// How much of an evidence a payment takes with its allowance.
    fn own_bytes(&mut self, payment: &Payment) -> Result<usize, Status> {
        let held = self.book.pocket(payment.currency).and_then(|p| p.allowance);
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(held.ok_or(Status::NoAllowance)?.record, &mut bytes)?;
        let Some(Record::Allowance { allowance }) =
            Record::read(bytes.get(..len).unwrap_or_default())
        else {
            return Err(Status::Storage);
        };
        let covered = Payment {
            covers: Some(Digest::default()),
            ..*payment
        };
        let mut signed = [0; SIGNED_MAX];
        let measure = Measure(self.key.public_key());
        let len = sign(&covered, &self.own.trust.network, &measure, &mut signed)
            .map_err(super::unsigned)?;
        let own = Kept::alone(allowance, signed.get(..len).unwrap_or_default());
        let own: usize = own.items().map(|item| written(item, false)).sum();
        Ok(own + payment.stream.map_or(0, |_| RELEASED_BYTES))
    }
}
