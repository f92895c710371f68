//! A purse asks for a fresh allowance.

use super::hand_in::encode;
use super::{Answer, declared, holder, release};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::SCAN_STEP;
use crate::crash::{CrashPoint, here};
use crate::evidence::Owned;
use crate::federation::{floats, leases, moves};
use crate::rules::coverage::Coverage;
use crate::rules::grant::{self, Grant, Standing, decide, may_ask};
use crate::rules::links::Links;
use crate::store::coverage::{self, Purse};
use crate::store::things::{Thing, ThingState, is_forked, set_key_epoch, thing};
use crate::store::{allowances, areas, journal};
use crate::writer::{Command, Desk, Failure};
use protocol::message::Message;
use protocol::objects::{Allowance, Renewal};
use protocol::{AmountMinor, KeyEpoch, Odometer, Status, Timestamp};

pub(crate) struct Renew {
    pub renewal: Owned<Renewal>,
    pub now: Timestamp,
}

impl Command for Renew {
    type Answer = Answer;

    async fn execute(&self, desk: &mut Desk) -> Result<Answer, Failure> {
        let renewal = self.renewal.get();
        let (state, key_epoch, _) = holder(&mut desk.connection, &renewal.code).await?;
        let id = self.renewal.id();
        if let Some(allowance) = allowances::answered_renewal(&mut desk.connection, &id).await? {
            return grant_message(&allowance);
        }
        match renewal.lost {
            Some(_) => self.may_start_over(desk, state, key_epoch).await?,
            None => may_ask(renewal, state == ThingState::Active, key_epoch)?,
        }
        // A key that contradicts itself promises nothing more, whoever holds it by now.
        if is_forked(&mut desk.connection, &renewal.code).await? {
            return Err(Status::NeedsKey.into());
        }
        declared(&mut desk.connection, &renewal.currency, Status::NoAllowance).await?;
        let until = leases::may_grant(desk, &renewal.code, self.now).await?;
        release::lapsed(desk, &renewal.code, &renewal.currency, self.now).await?;

        let thing = thing(&mut desk.connection, &renewal.code)
            .await?
            .ok_or(Status::UnknownCode)?;
        let expires = self.expires(desk).min(until);
        let asked = self.within_float(desk, &thing).await?;
        if renewal.lost.is_some() {
            return self.start_over(desk, &thing, asked.wanted, expires).await;
        }
        let links = self.links(desk).await?;
        let coverage = self.coverage(desk).await?;
        let standing = self.standing(desk, &thing, links, &coverage).await?;
        let grant = decide(&asked, &standing, expires)?;
        self.give(desk, &thing, &standing, &grant).await
    }
}

impl Renew {
    fn purse(&self, key_epoch: KeyEpoch) -> Purse {
        let renewal = self.renewal.get();
        Purse {
            code: renewal.code,
            key_epoch,
            currency: renewal.currency,
        }
    }

    /// Refuses a purse that cannot show its links where that needs no look at its money. What it
    /// says of itself is only what it still knows; an old request must not end a later life.
    async fn may_start_over(
        &self,
        desk: &mut Desk,
        state: ThingState,
        key_epoch: KeyEpoch,
    ) -> Result<(), Failure> {
        let renewal = self.renewal.get();
        if renewal.wanted == AmountMinor::ZERO {
            return Err(Status::Malformed.into());
        }
        if state != ThingState::Active {
            return Err(Status::Frozen.into());
        }
        if renewal.key_epoch > key_epoch {
            return Err(Status::WrongAllowance.into());
        }
        let newest = allowances::newest_asked(&mut desk.connection, &renewal.code).await?;
        match newest {
            Some(newest) if renewal.time <= newest => Err(Status::Expired.into()),
            _ => Ok(()),
        }
    }

    /// The next life of its key begins at nothing, and only what is free stands behind it: what the
    /// earlier lives may still be owed stays reserved for them.
    async fn start_over(
        &self,
        desk: &mut Desk,
        thing: &Thing,
        wanted: AmountMinor,
        expires: Timestamp,
    ) -> Result<Answer, Failure> {
        let (code, currency) = (&thing.code, &self.renewal.get().currency);
        let key_epoch = thing.key_epoch.0.checked_add(1).map(KeyEpoch);
        let key_epoch = key_epoch.ok_or(Status::NeedsKey)?;
        let coverage = Coverage::default();
        let connection = &mut desk.connection;
        let standing = Standing {
            active: true,
            key_epoch,
            terms: desk.bearings.policy.terms(currency, thing.class),
            links: Links::default(),
            odometer: Odometer::ZERO,
            coverage: &coverage,
            free: journal::balance(connection, currency, &Account::PurseFree(*code)).await?,
            today: allowances::granted_on(connection, code, currency, self.now).await?,
        };
        let grant = grant::give(wanted, &standing, Odometer::ZERO, expires)?;
        set_key_epoch(connection, code, key_epoch).await?;
        here(CrashPoint::LifeBegun);
        self.give(desk, thing, &standing, &grant).await
    }

    /// No purse is promised more than its share of what its gateway may promise, which may be
    /// nothing.
    async fn within_float(&self, desk: &mut Desk, thing: &Thing) -> Result<Renewal, Failure> {
        let renewal = *self.renewal.get();
        let (code, currency) = (&renewal.code, &renewal.currency);
        let most = floats::room(desk, code, thing.class, currency, self.now).await?;
        Ok(Renewal {
            wanted: most.map_or(renewal.wanted, |most| renewal.wanted.min(most)),
            ..renewal
        })
    }

    /// No allowance outlives what its gateway may promise.
    fn expires(&self, desk: &Desk) -> Timestamp {
        self.now.plus_s(desk.bearings.policy.allowance_life_s)
    }

    /// What the reserve stands for from the purse's own reading on. A purse that lies about its
    /// reading is refused before this matters.
    async fn coverage(&self, desk: &mut Desk) -> Result<Coverage, Failure> {
        let odometer = self.renewal.get().odometer;
        let purse = self.purse(self.renewal.get().key_epoch);
        Ok(coverage::above(&mut desk.connection, &purse, odometer).await?)
    }

    async fn standing<'a>(
        &self,
        desk: &mut Desk,
        thing: &Thing,
        links: Links,
        coverage: &'a Coverage,
    ) -> Result<Standing<'a>, Failure> {
        let renewal = self.renewal.get();
        let (code, currency) = (&renewal.code, &renewal.currency);
        let terms = desk.bearings.policy.terms(currency, thing.class);
        let connection = &mut desk.connection;
        let epoch = renewal.key_epoch;
        Ok(Standing {
            active: thing.state == ThingState::Active,
            key_epoch: thing.key_epoch,
            terms,
            links,
            odometer: moves::odometer(connection, code, epoch, currency).await?,
            coverage,
            free: journal::balance(connection, currency, &Account::PurseFree(*code)).await?,
            today: allowances::granted_on(connection, code, currency, self.now).await?,
        })
    }

    /// Walks from the last renewal's head to the newest payment that was handed in. The walk is as
    /// long as what the purse paid since then, which its allowances bound.
    async fn links(&self, desk: &mut Desk) -> Result<Links, Failure> {
        let renewal = self.renewal.get();
        let (code, epoch) = (&renewal.code, renewal.key_epoch);
        let mut links = allowances::links(&mut desk.connection, code, epoch).await?;
        loop {
            let step = moves::links_after(desk, code, epoch, links.sequence).await?;
            for link in &step {
                links.follow(link)?;
            }
            if step.len() < SCAN_STEP as usize {
                return Ok(links);
            }
        }
    }

    async fn give(
        &self,
        desk: &mut Desk,
        thing: &Thing,
        standing: &Standing<'_>,
        grant: &Grant,
    ) -> Result<Answer, Failure> {
        let renewal = self.renewal.get();
        let allowance = self.allowance(desk, thing, standing, grant).await?;
        let (bytes, id) = desk.seal(&allowance)?;
        let (code, epoch, currency) = (&renewal.code, standing.key_epoch, &renewal.currency);
        desk.post(&Entry {
            kind: EntryKind::Allow,
            subject: id,
            currency: *currency,
            at: self.now,
            transfers: vec![Transfer {
                from: Account::PurseFree(*code),
                to: Account::PurseReserved(*code, epoch),
                amount: grant.to_reserve,
            }],
        })
        .await?;
        floats::granted(desk, code, currency, grant.room).await?;
        let connection = &mut desk.connection;
        allowances::insert_allowance(connection, &id, &allowance, &bytes).await?;
        // A crash here: counters, reserve and allowance go together; no reading is ever granted
        // twice, because nothing signed has left yet.
        here(CrashPoint::AllowanceStored);
        coverage::save(
            connection,
            &self.purse(epoch),
            standing.coverage,
            &grant.coverage,
        )
        .await?;
        let today = standing.today.checked_add(grant.to_reserve);
        let today = today.ok_or(Status::AboveDaily)?;
        allowances::set_granted_on(connection, code, currency, self.now, today).await?;
        allowances::set_links(connection, code, epoch, &standing.links).await?;
        allowances::insert_renewal(connection, &self.renewal, &id).await?;
        allowances::set_newest_asked(connection, code, renewal.time).await?;
        grant_message(&bytes)
    }

    /// Runs the gateway's counters and writes what will be signed.
    async fn allowance(
        &self,
        desk: &mut Desk,
        thing: &Thing,
        standing: &Standing<'_>,
        grant: &Grant,
    ) -> Result<Allowance, Failure> {
        let renewal = self.renewal.get();
        let (gateway_epoch, policy) = (desk.bearings.gateway_epoch, desk.bearings.policy);
        let terms = standing.terms;
        let connection = &mut desk.connection;
        let area = areas::area_of(connection, &renewal.code).await?;
        let number = allowances::count_allowance(connection, gateway_epoch).await?;
        let issued_total = allowances::issued_total(connection, gateway_epoch, &renewal.currency)
            .await?
            .advance(grant.room)
            .ok_or(Status::AboveLimit)?;
        let currency = &renewal.currency;
        allowances::set_issued_total(connection, gateway_epoch, currency, issued_total).await?;
        here(CrashPoint::AllowanceCounted);
        Ok(Allowance {
            code: renewal.code,
            wallet_key: thing.wallet_key,
            key_epoch: standing.key_epoch,
            class: thing.class,
            currency: renewal.currency,
            limit: grant.limit,
            base_sequence: standing.links.sequence,
            base_head: standing.links.head,
            base_odometer: grant.base,
            most_per_payment: terms.per_payment,
            most_payments: policy.most_payments,
            issued: self.now,
            expires: grant.expires,
            gateway: desk.bearings.gateway,
            gateway_epoch,
            number,
            issued_total,
            area,
            guarantee: Some(terms.guarantee).filter(|most| *most > AmountMinor::ZERO),
            hops: Some(terms.hops).filter(|hops| *hops > 0),
        })
    }
}

fn grant_message(allowance: &[u8]) -> Result<Answer, Failure> {
    Ok(Answer {
        message: encode(&Message::Grant { allowance })?,
        told: Vec::new(),
        fraud: None,
    })
}
