//! What happens in the books of a gateway: the rules of the ledger decide, this writes.

use ledger::ClassTerms;
use ledger::federation::rules::{Homed, may_grant};
use ledger::rules::coverage::{Coverage, Stretch};
use ledger::rules::grant::{self, Standing};
use ledger::rules::links::{Link, Links};
use ledger::rules::settle::{Case, Decision, Fate, Recorded, Step, decide};
use protocol::objects::{Allowance, Receipt, Renewal};
use protocol::rules::Spent;
use protocol::{AmountMinor, AssuranceClass, Currency, KeyEpoch, Odometer, Status, Timestamp};

use super::cast::{self, Order, Who};
use super::state::{Base, Delivery, GRACE_S, LEASE_ENDS, LIFE_S, Purse, Row, Wire, Word, World};
use super::{Flaw, Model};

/// The one currency.
pub const USD: Currency = match Currency::new(1, *b"USD") {
    Some(currency) => currency,
    None => panic!("USD is three capital letters"),
};
/// How far an allowance goes.
pub const WANTED: u64 = 4;
/// Numbers that an allowance opens.
const MOST_PAYMENTS: u32 = 8;

/// Money of the model, which is little.
pub fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).expect("a small amount")
}

impl Purse {
    /// Payments that moved money, in the order of their numbers.
    fn moved(&self) -> impl DoubleEndedIterator<Item = &Spent> {
        let moved = |(_, row): &(&Order, &Row)| row.fate != Fate::OpenClaim;
        self.rows
            .iter()
            .filter(moved)
            .map(|(order, _)| &order.spent)
    }

    /// As the store shows them to the rules: the one with this number, the next before and after.
    fn neighbours(&self, spent: &Spent) -> Vec<Spent> {
        let same = self.moved().filter(|s| s.sequence == spent.sequence);
        let before = self.moved().rfind(|s| s.sequence < spent.sequence);
        let after = self.moved().find(|s| s.sequence > spent.sequence);
        same.chain(before).chain(after).copied().collect()
    }

    /// How far its previous-links are unbroken.
    fn links(&self) -> Result<Links, Status> {
        let mut links = self.base.links;
        for (order, row) in &self.rows {
            let spent = &order.spent;
            if row.fate != Fate::OpenClaim && spent.sequence > self.base.links.sequence {
                links.follow(&Link {
                    sequence: spent.sequence,
                    previous: order.payment.get().previous,
                    reference: order.payment.reference(),
                })?;
            }
        }
        Ok(links)
    }

    fn odometer(&self) -> Odometer {
        let newest = self.moved().next_back().map(|spent| spent.to);
        newest.unwrap_or_default().max(self.base.odometer)
    }

    /// What a closing balance says of its payments; `None` when it misses some.
    pub(super) fn standing(&self) -> Option<Base> {
        Some(Base {
            links: self.links().ok()?,
            odometer: self.odometer(),
        })
    }
}

impl Model {
    /// A payment is handed in at its arbiter.
    pub(super) fn settle(
        &self,
        world: &mut World,
        home: usize,
        order: Order,
        word: Option<Word>,
    ) -> Result<(), Status> {
        let receipt = word.map(|word| Receipt {
            payee: order.payee.code(),
            payment: order.spent.id,
            time: world.moment.time(),
            declined: (word == Word::Declines).then_some(Status::WrongAmount as u32),
            units: None,
        });
        let purse = &world.gateways[home].purses[&order.payer];
        let recorded = purse.rows.get(&order).map(|row| Recorded {
            fate: row.fate,
            said: row.said,
            used: None,
            posted: 0,
            funded: amount(row.funded),
        });
        let neighbours = purse.neighbours(&order.spent);
        let decision = decide(&Case {
            spent: &order.spent,
            payee: order.payee.code(),
            stream: None,
            receipt: receipt.as_ref(),
            used: None,
            released: 0,
            recorded,
            neighbours: &neighbours,
            reach: order.given.terms().limit,
            over: self.is_over(world, &order),
            coverage: &purse.coverage,
            free: amount(purse.free),
        })?;
        self.write(world, home, order, word, decision);
        Ok(())
    }

    fn write(
        &self,
        world: &mut World,
        home: usize,
        order: Order,
        word: Option<Word>,
        decision: Decision,
    ) {
        let Some(purse) = world.gateways[home].purses.get_mut(&order.payer) else {
            return;
        };
        let row = purse.rows.entry(order);
        match decision {
            Decision::Repeat => {}
            Decision::Attach => {
                row.and_modify(|row| row.said = word.map(Word::said));
            }
            Decision::Accuse(_) => world.broken = Some("an honest payee is accused"),
            Decision::Claim { .. } => {
                row.or_insert(Row {
                    fate: Fate::OpenClaim,
                    said: word.map(Word::said),
                    funded: 0,
                    waits: 0,
                });
                purse.frozen = true;
            }
            Decision::Record(funding, step) => {
                let paid = purse
                    .reserved
                    .checked_sub(funding.reserved.get())
                    .zip(purse.free.checked_sub(funding.free.get()));
                purse.coverage.draw(order.spent.from, funding.to);
                match paid {
                    Some(rest) => (purse.reserved, purse.free) = rest,
                    None => world.broken = Some("a pocket paid more than it held"),
                }
                self.advance(world, home, order, word, &step);
            }
            Decision::Advance(step) => self.advance(world, home, order, word, &step),
        }
    }

    fn advance(
        &self,
        world: &mut World,
        home: usize,
        order: Order,
        word: Option<Word>,
        step: &Step,
    ) {
        let Some(purse) = world.gateways[home].purses.get_mut(&order.payer) else {
            return;
        };
        let said = purse.rows.get(&order).and_then(|row| row.said);
        let row = Row {
            fate: step.fate,
            said: said.or(word.map(Word::said)),
            funded: step.funded.get(),
            waits: step.shares.waits.get(),
        };
        purse.rows.insert(order, row);
        purse.free += step.shares.back.get();
        let share = step.shares.payee.get();
        if share > 0 {
            self.pay(world, home, order, share);
        }
    }

    /// The payee's share: at once when it is at home here, else it travels.
    pub(super) fn pay(&self, world: &mut World, from: usize, order: Order, share: u64) {
        match world.gateways[from].purses.get_mut(&order.payee) {
            Some(purse) => {
                if purse.credited.insert(order) {
                    purse.free += share;
                } else {
                    world.broken = Some("a payee was paid twice with one payment");
                }
            }
            None => {
                let credit = Wire::Credit {
                    order,
                    amount: share,
                };
                world.wires.entry(credit).or_insert(Delivery::Pending);
            }
        }
    }

    /// A credit arrives at the payee's home, perhaps not for the first time.
    pub(super) fn credit(&self, world: &mut World, home: usize, order: Order, share: u64) {
        let Some(purse) = world.gateways[home].purses.get_mut(&order.payee) else {
            return;
        };
        if purse.credited.insert(order) || self.has(Flaw::CreditsEveryTime) {
            purse.free += share;
        }
    }

    /// Whether what is in transit may go back.
    pub(super) fn is_overdue(&self, world: &World, order: &Order, row: &Row) -> bool {
        row.fate == Fate::InTransit && self.is_over(world, order)
    }

    /// Whether nobody can claim it any more.
    fn is_over(&self, world: &World, order: &Order) -> bool {
        let grace_s = if self.has(Flaw::ReturnsAtDeadline) {
            0
        } else {
            GRACE_S
        };
        // Whoever acts here knows its own notes only; the first gateway's books may be carried on by
        // the second.
        let acts = if world.released { 1 } else { order.given.by() };
        let noted = world.gateways[acts].notes.contains(order);
        let noted = noted && world.claim_under_way(order.payer);
        order.payment.get().settle_by.plus_s(grace_s) <= world.moment.time() && !noted
    }

    /// Nobody claimed it in time.
    pub(super) fn give_back(world: &mut World, home: usize, order: Order) {
        let Some(purse) = world.gateways[home].purses.get_mut(&order.payer) else {
            return;
        };
        if let Some(row) = purse.rows.get_mut(&order) {
            purse.free += row.waits;
            row.waits = 0;
            row.fate = Fate::Returned;
        }
    }

    /// A purse asks for an allowance, standing at `head` or before its first payment.
    pub(super) fn renew(&self, world: &mut World, home: usize, payer: Who, head: Option<Order>) {
        let standing_at = head.map(|order| (order.spent.sequence, order.payment.reference()));
        let (sequence, reference) = standing_at.unwrap_or_default();
        let renewal = Renewal {
            code: payer.code(),
            key_epoch: KeyEpoch(1),
            currency: USD,
            sequence,
            head: reference,
            odometer: head.map_or(Odometer::ZERO, |order| order.spent.to),
            wanted: amount(WANTED),
            time: world.moment.time(),
            lost: None,
        };
        let number = world.payers[&payer].given.len() as u64;
        let Some(purse) = world.gateways[home].purses.get_mut(&payer) else {
            return;
        };
        let Ok(links) = purse.links() else { return };
        let odometer = purse.odometer();
        let ahead = |stretch: &&Stretch| stretch.last > odometer;
        let stretches = purse.coverage.stretches();
        let (above, below): (Vec<_>, Vec<_>) = stretches.iter().partition(ahead);
        let above = Coverage::new(above);
        let standing = Standing {
            active: !purse.frozen,
            key_epoch: KeyEpoch(1),
            terms: ClassTerms::offline(amount(WANTED), amount(WANTED)),
            links,
            odometer,
            coverage: &above,
            free: amount(purse.free),
            today: AmountMinor::ZERO,
        };
        let now = world.moment.time();
        let me = cast::gateway(home);
        let lease = Homed {
            home: me,
            number: u64::from(purse.lease) + 1,
            ends: LEASE_ENDS,
        };
        let Ok(until) = may_grant(Some(&lease), &me, true, true, now) else {
            return;
        };
        let expires = now.plus_s(LIFE_S).min(until);
        let Ok(grant) = grant::decide(&renewal, &standing, expires) else {
            return;
        };
        let Some(free) = purse.free.checked_sub(grant.to_reserve.get()) else {
            world.broken = Some("more was reserved than was free");
            return;
        };
        purse.free = free;
        purse.reserved += grant.to_reserve.get();
        let stretches = below
            .into_iter()
            .chain(grant.coverage.stretches().iter().copied());
        purse.coverage = Coverage::new(stretches.collect());
        let allowance = Allowance {
            code: payer.code(),
            wallet_key: payer.wallet_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency: USD,
            limit: grant.limit,
            base_sequence: links.sequence,
            base_head: links.head,
            base_odometer: grant.base,
            most_per_payment: amount(WANTED),
            most_payments: MOST_PAYMENTS,
            hops: None,
            area: None,
            guarantee: None,
            issued: now,
            expires: grant.expires,
            gateway: me,
            gateway_epoch: KeyEpoch(1),
            number: u64::from(payer.0) * 16 + number,
            issued_total: grant.limit,
        };
        let given = self.forge.allowance(home, &allowance);
        if let Some(payer) = world.payers.get_mut(&payer) {
            payer.given.push(given);
        }
    }

    /// Whether some of a reserve stands for nothing any more.
    pub(super) fn is_lapsed(&self, world: &World, who: Who, purse: &Purse) -> bool {
        let early = self.has(Flaw::FreesReserveEarly);
        let mut coverage = purse.coverage.clone();
        let freed = coverage.lapse(world.moment.time(), GRACE_S).get();
        purse.reserved > 0 && (early || freed > 0 && !world.claim_under_way(who))
    }

    /// What nobody can claim on any more becomes free.
    pub(super) fn lapse(&self, purse: &mut Purse, now: Timestamp) {
        let early = self.has(Flaw::FreesReserveEarly);
        let now = if early { Timestamp(u32::MAX) } else { now };
        let freed = purse.coverage.lapse(now, GRACE_S).get();
        match purse.reserved.checked_sub(freed) {
            Some(rest) => (purse.reserved, purse.free) = (rest, purse.free + freed),
            None => purse.reserved = 0,
        }
    }
}
