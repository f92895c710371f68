//! A purse asks for a fresh allowance.

use super::hand_in::encode;
use super::{Answer, declared, holder, release};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::SCAN_STEP;
use crate::crash::{CrashPoint, here};
use crate::evidence::Owned;
use crate::rules::grant::{Grant, Standing, decide, may_ask};
use crate::rules::links::Links;
use crate::store::things::{Thing, ThingState, thing};
use crate::store::{allowances, journal, payments};
use crate::writer::{Command, Desk, Failure};
use protocol::message::Message;
use protocol::objects::{Allowance, Renewal};
use protocol::{Status, Timestamp};

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
        may_ask(renewal, state == ThingState::Active, key_epoch)?;
        declared(&mut desk.connection, &renewal.currency, Status::NoAllowance).await?;
        release::lapsed(desk, &renewal.code, &renewal.currency, self.now).await?;

        let thing = thing(&mut desk.connection, &renewal.code)
            .await?
            .ok_or(Status::UnknownCode)?;
        let standing = self.standing(desk, &thing).await?;
        let grant = decide(renewal, &standing, &desk.bearings.policy, self.now)?;
        self.give(desk, &thing, &standing, &grant).await
    }
}

impl Renew {
    async fn standing(&self, desk: &mut Desk, thing: &Thing) -> Result<Standing, Failure> {
        let renewal = self.renewal.get();
        let (code, currency) = (&renewal.code, &renewal.currency);
        let links = self.links(desk).await?;
        let connection = &mut desk.connection;
        let epoch = renewal.key_epoch;
        Ok(Standing {
            active: thing.state == ThingState::Active,
            key_epoch: thing.key_epoch,
            class: thing.class,
            links,
            odometer: payments::odometer(connection, code, epoch, currency).await?,
            coverage: allowances::coverage(connection, code, epoch, currency).await?,
            free: journal::balance(connection, currency, &Account::PurseFree(*code)).await?,
        })
    }

    /// Walks from the last renewal's head to the newest payment that was handed in. The walk is as
    /// long as what the purse paid since then, which its allowances bound.
    async fn links(&self, desk: &mut Desk) -> Result<Links, Failure> {
        let renewal = self.renewal.get();
        let (code, epoch) = (&renewal.code, renewal.key_epoch);
        let mut links = allowances::links(&mut desk.connection, code, epoch).await?;
        loop {
            let after = links.sequence;
            let connection = &mut desk.connection;
            let step = payments::links_after(connection, code, epoch, after, SCAN_STEP).await?;
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
        standing: &Standing,
        grant: &Grant,
    ) -> Result<Answer, Failure> {
        let renewal = self.renewal.get();
        let allowance = self.allowance(desk, thing, standing, grant).await?;
        let (bytes, id) = desk.seal(&allowance)?;
        let (code, epoch, currency) = (&renewal.code, renewal.key_epoch, &renewal.currency);
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
        let connection = &mut desk.connection;
        allowances::insert_allowance(connection, &id, &allowance, &bytes).await?;
        // A crash here: counters, reserve and allowance go together; no reading is ever granted
        // twice, because nothing signed has left yet.
        here(CrashPoint::AllowanceStored);
        allowances::set_coverage(connection, code, epoch, currency, &grant.coverage).await?;
        allowances::set_links(connection, code, epoch, &standing.links).await?;
        allowances::insert_renewal(connection, &self.renewal, &id).await?;
        grant_message(&bytes)
    }

    /// Runs the gateway's counters and writes what will be signed.
    async fn allowance(
        &self,
        desk: &mut Desk,
        thing: &Thing,
        standing: &Standing,
        grant: &Grant,
    ) -> Result<Allowance, Failure> {
        let renewal = self.renewal.get();
        let (gateway_epoch, policy) = (desk.bearings.gateway_epoch, desk.bearings.policy);
        let connection = &mut desk.connection;
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
            key_epoch: renewal.key_epoch,
            class: thing.class,
            currency: renewal.currency,
            limit: grant.limit,
            base_sequence: standing.links.sequence,
            base_head: standing.links.head,
            base_odometer: grant.base,
            most_per_payment: policy.most_per_payment(thing.class),
            most_payments: policy.most_payments,
            issued: self.now,
            expires: grant.expires,
            gateway: desk.bearings.gateway,
            gateway_epoch,
            number,
            issued_total,
 area: None, guarantee: None, hops: None,
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
