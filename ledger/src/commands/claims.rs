//! A person decides about a claim, and what stands behind the forker is paid out.

use super::credit::{self, flowing, opened};
use super::word::{Word, tell};
use super::{holder, key, printable, release};
use crate::books::{Account, Entry, EntryKind, route};
use crate::bounds::{PIECES_MOST, TOP_UP_MOST};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::rules::settle::{Fate, cost};
use crate::rules::waterfall::{Given, Piece, Sources, share_out};
use crate::store::decisions::{self, ClaimOrder, Decided};
use crate::store::payments::{self, Flowing};
use crate::store::{accusations, allowances, covers, journal, lives};
use crate::writer::{Command, Desk, Failure};
use protocol::objects::Allowance;
use protocol::{AmountMinor, Digest, Status, Timestamp};

pub(crate) struct Decide {
    pub order: ClaimOrder,
    pub now: Timestamp,
}

/// Where the money ends: a payment that is short, and how much of that the fork explains.
struct Short {
    payment: Flowing,
    lacks: AmountMinor,
}

impl Command for Decide {
    type Answer = Decided;

    async fn execute(&self, desk: &mut Desk) -> Result<Decided, Failure> {
        let order = &self.order;
        key(&order.key)?;
        printable(&order.by)?;
        if let Some(decided) = decisions::by_key(&mut desk.connection, &order.key).await? {
            let same = decided.order == *order;
            return same.then_some(decided).ok_or(Status::NotPermitted.into());
        }
        let known = payments::standing(&mut desk.connection, &order.payment).await?;
        known.ok_or(Status::NotPermitted)?;
        let root = flowing(desk, &order.payment).await?;
        let missing = self.missing(desk, &root).await?;
        let short = self.reach(desk, root.id, missing).await?;
        let allowance = allowances::allowance(&mut desk.connection, &root.allowance).await?;
        let damaged = || Damage::new("payment", root.id, "has no allowance");
        let allowance = opened(desk, &allowance.ok_or_else(damaged)?)?;
        let given = self.share(desk, &root, &allowance, &short).await?;
        self.pay(desk, &root, missing, &short, &given).await
    }
}

impl Decide {
    /// What the fork left its payee short of. A branch that moved no money is its own cause; a
    /// payment that waited in vain for covers is a cause only where its payer belied one of them,
    /// else the covers are; or where it broke its word, and a reserve was set free for that word.
    async fn missing(&self, desk: &mut Desk, root: &Flowing) -> Result<AmountMinor, Failure> {
        let payment = &root.payment;
        match root.fate {
            Fate::OpenClaim => {
                let standing = payments::standing(&mut desk.connection, &root.id).await?;
                let shown = standing.and_then(|standing| standing.shown);
                let shown = shown.map_or(0, |shown| shown.units());
                Ok(match payment.stream {
                    Some(stream) => cost(Some(&stream), shown)?,
                    None => payment.amount,
                })
            }
            Fate::Settled if root.missing > AmountMinor::ZERO => {
                let payer = &payment.payer;
                if accusations::stands(&mut desk.connection, payer, &root.id).await? {
                    return Ok(root.missing);
                }
                for (cover, _) in covers::of(&mut desk.connection, &root.id).await? {
                    if accusations::stands(&mut desk.connection, payer, &cover).await? {
                        return Ok(root.missing);
                    }
                }
                Err(Status::WrongCover.into())
            }
            _ => Err(Status::NotPermitted.into()),
        }
    }

    /// What was spent on reaches those who claimed and are short of it; the rest stays with the
    /// payee, whose allowance it lifts for what is still in transit. Those with lower readings come
    /// first, as they would have with the money.
    async fn reach(
        &self,
        desk: &mut Desk,
        root: Digest,
        missing: AmountMinor,
    ) -> Result<Vec<Short>, Failure> {
        let mut short: Vec<Short> = Vec::new();
        let mut open = vec![(root, missing)];
        while let Some((id, brings)) = open.pop() {
            if short.len().saturating_add(open.len()) >= PIECES_MOST {
                return Err(Status::Full.into());
            }
            let mut left = brings;
            // What is short of its own and not of a cover ends here.
            let above = match id == root && flowing(desk, &id).await?.fate == Fate::Settled {
                true => Vec::new(),
                false => covers::short_above(&mut desk.connection, &id, PIECES_MOST as u32).await?,
            };
            for above in above {
                let lacks = flowing(desk, &above).await?.missing;
                let known = open.iter().filter(|(other, _)| *other == above);
                let known = known.map(|(_, part)| *part);
                let ended = short.iter().filter(|other| other.payment.id == above);
                let taken = known
                    .chain(ended.map(|other| other.lacks))
                    .fold(AmountMinor::ZERO, |sum, part| {
                        sum.checked_add(part).unwrap_or(sum)
                    });
                let part = left.min(lacks.checked_sub(taken).unwrap_or_default());
                left = left.checked_sub(part).unwrap_or_default();
                if part > AmountMinor::ZERO {
                    open.push((above, part));
                }
            }
            if left > AmountMinor::ZERO {
                let payment = flowing(desk, &id).await?;
                short.push(Short {
                    payment,
                    lacks: left,
                });
            }
        }
        Ok(short)
    }

    async fn share(
        &self,
        desk: &mut Desk,
        root: &Flowing,
        allowance: &Allowance,
        short: &[Short],
    ) -> Result<Vec<Given>, Failure> {
        let (forker, currency) = (root.payment.payer, root.payment.currency);
        holder(&mut desk.connection, &forker).await?;
        release::lapsed(desk, &forker, &currency, self.now).await?;
        let connection = &mut desk.connection;
        let forker_owner = lives::owner_of(connection, &forker).await?;
        let paid = decisions::guaranteed(connection, &root.allowance).await?;
        let printed = allowance.guarantee.unwrap_or_default();
        let promised = printed.checked_sub(paid).unwrap_or_default();
        let fund = journal::balance(connection, &currency, &Account::Guarantee).await?;
        let there = Sources {
            purse: journal::balance(connection, &currency, &Account::PurseFree(forker)).await?,
            deposit: journal::balance(connection, &currency, &Account::Deposit(forker)).await?,
            bond: journal::balance(connection, &currency, &Account::Bond).await?,
            guarantee: promised.min(fund),
        };
        let room = allowance.limit.since(allowance.base_odometer);
        let mut pieces = Vec::with_capacity(short.len());
        for one in short {
            let payment = &one.payment.payment;
            let owner = lives::owner_of(connection, &payment.payee).await?;
            let (mut enrolled, mut owner_room) = (false, AmountMinor::ZERO);
            if let Some(owner) = &owner {
                enrolled = lives::is_enrolled(connection, owner).await?;
                let payer = (&forker, i64::from(root.payment.key_epoch.0));
                let had = decisions::had(connection, &root.allowance, payer, owner).await?;
                owner_room = room
                    .unwrap_or_default()
                    .checked_sub(had)
                    .unwrap_or_default();
            }
            let claimed = one.payment.claimed;
            pieces.push(Piece {
                // Nobody is owed what nobody asked for.
                lacks: claimed.map_or(AmountMinor::ZERO, |_| one.lacks),
                owner,
                enrolled,
                in_time: claimed.is_some_and(|at| at <= payment.settle_by),
                owner_room,
            });
        }
        Ok(share_out(&pieces, forker_owner, there))
    }

    /// One entry pays everybody; then each hears what it got, and the payees bear the rest.
    async fn pay(
        &self,
        desk: &mut Desk,
        root: &Flowing,
        missing: AmountMinor,
        short: &[Short],
        given: &[Given],
    ) -> Result<Decided, Failure> {
        let (forker, currency) = (root.payment.payer, root.payment.currency);
        let total = total(given).ok_or(Status::AboveLimit)?;
        let mut goals = Vec::with_capacity(short.len());
        for (one, given) in short.iter().zip(given) {
            let amount = given.sum().ok_or(Status::AboveLimit)?;
            let payment = &one.payment.payment;
            let to = (payment.payee, payment.currency);
            goals.extend(credit::land_at(desk, to, payment.covers_for, amount, self.now).await?);
        }
        let sources = [
            (Account::PurseFree(forker), total.purse),
            (Account::Deposit(forker), total.deposit),
            (Account::Bond, total.bond),
            (Account::Guarantee, total.guarantee),
        ];
        let head = desk
            .post(&Entry {
                kind: EntryKind::Compensate,
                subject: root.id,
                currency,
                at: self.now,
                transfers: route(&sources, &goals),
            })
            .await?;
        here(CrashPoint::Decided);
        let mut decided = Decided {
            number: 0,
            order: self.order.clone(),
            forker,
            allowance: root.allowance,
            currency,
            missing,
            given: total,
            at: self.now,
        };
        let connection = &mut desk.connection;
        decided.number = decisions::insert(connection, &decided, head.height).await?;
        let what = (decided.number, &root.allowance);
        for (one, given) in short.iter().zip(given) {
            let payment = &one.payment.payment;
            let owner = lives::owner_of(connection, &payment.payee).await?;
            let whom = (&one.payment.id, &payment.payee, owner);
            let amounts = (given.sum().unwrap_or_default(), given.guarantee);
            decisions::insert_compensation(connection, what, whom, amounts).await?;
        }
        for (one, given) in short.iter().zip(given) {
            let amount = given.sum().unwrap_or_default();
            self.end(desk, &one.payment, amount).await?;
        }
        if !short.iter().any(|one| one.payment.id == root.id) {
            self.end(desk, root, AmountMinor::ZERO).await?;
        }
        credit::top_up(desk, self.now, TOP_UP_MOST).await?;
        Ok(decided)
    }

    /// The decision about one payment is final.
    async fn end(
        &self,
        desk: &mut Desk,
        short: &Flowing,
        amount: AmountMinor,
    ) -> Result<(), Failure> {
        let missing = short.missing.checked_sub(amount).unwrap_or_default();
        let fate = match short.fate {
            // It may still be covered in time.
            Fate::Waiting if missing > AmountMinor::ZERO => Fate::Waiting,
            _ => Fate::Guaranteed,
        };
        let connection = &mut desk.connection;
        payments::compensate(connection, &short.id, fate, missing).await?;
        let given = decisions::given_for(connection, &short.id).await?;
        let paid = short.flow()?.paid().checked_add(given);
        let payment = &short.payment;
        let word = Word {
            payment: short.id,
            currency: payment.currency,
            fate,
            units: short.units,
            paid: Some(paid.ok_or(Status::AboveLimit)?),
            now: self.now,
        };
        let statement = word.post(desk, EntryKind::Compensate, Vec::new()).await?;
        let both = (payment.payer, Some(payment.payee));
        tell(desk, &short.id, both, None, &statement).await?;
        Ok(())
    }
}

fn total(given: &[Given]) -> Option<Given> {
    given.iter().try_fold(Given::default(), |sum, one| {
        Some(Given {
            purse: sum.purse.checked_add(one.purse)?,
            deposit: sum.deposit.checked_add(one.deposit)?,
            bond: sum.bond.checked_add(one.bond)?,
            guarantee: sum.guarantee.checked_add(one.guarantee)?,
        })
    })
}
