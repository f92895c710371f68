//! A code gets another wallet key, and a lost thing's money goes to its owner's new one.

use super::life::{given, leave};
use super::{printable, release};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::{KEYS_MOST, RECOVERIES_MOST};
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::rules::life::after;
use crate::store::journal;
use crate::store::life::{self, LifeStep};
use crate::store::lives::{self, NewKey};
use crate::store::things::{Thing, ThingState, thing, write_state};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{ActKind, Named};
use protocol::cose::SIGNED_MAX;
use protocol::{AmountMinor, Code, KeyEpoch, Status, Timestamp};

pub(crate) struct ReplaceKey {
    pub new: NewKey,
    pub now: Timestamp,
}

impl Command for ReplaceKey {
    type Answer = Thing;

    /// The new key begins a new life: what the old one signed stays its own.
    async fn execute(&self, desk: &mut Desk) -> Result<Thing, Failure> {
        let new = &self.new;
        printable(&new.by)?;
        if new.pass.len() > SIGNED_MAX {
            return Err(Status::Malformed.into());
        }
        let connection = &mut desk.connection;
        let known = thing(connection, &new.code).await?;
        let known = known.ok_or(Status::UnknownCode)?;
        if known.wallet_key == new.wallet_key {
            return Ok(known);
        }
        after(known.state, ActKind::Rekeyed).map_err(|_| Status::Frozen)?;
        let before = lives::keys_before(connection, &new.code, KEYS_MOST).await?;
        if before.contains(&new.wallet_key) {
            return Err(Status::NotPermitted.into());
        }
        // Old keys still sign receipts for what they took: none of them may be forgotten.
        if before.len() >= KEYS_MOST as usize {
            return Err(Status::Full.into());
        }
        let last = known.key_epoch;
        let next = last.0.checked_add(1).map(KeyEpoch).ok_or(Status::Full)?;
        lives::replace_key(connection, new, (last, next), self.now).await?;
        let step = LifeStep {
            act: ActKind::Rekeyed,
            other: None,
            reason: String::new(),
            by: new.by.clone(),
            at: self.now,
        };
        let signed = Some(chain::sha256(&new.pass));
        life::insert_signed(connection, &new.code, &step, signed).await?;
        here(CrashPoint::KeyReplaced);
        let stored = thing(connection, &new.code).await?;
        Ok(stored.ok_or_else(|| Damage::new("thing", new.code, "not there"))?)
    }
}

/// Why a code is superseded.
const RECOVERED: &str = "lost, and recovered to another code";

pub(crate) struct Recover {
    pub from: Code,
    pub to: Code,
    pub by: String,
    pub now: Timestamp,
}

impl Command for Recover {
    type Answer = ();

    /// What is free goes at once, the rest when nobody can claim it any more.
    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.by)?;
        let connection = &mut desk.connection;
        if let Some(known) = lives::recovered_to(connection, &self.from).await? {
            // A lost thing is recovered once.
            return match known == self.to {
                true => Ok(()),
                false => Err(Status::NotPermitted.into()),
            };
        }
        let old = thing(connection, &self.from).await?;
        let old = old.ok_or(Status::UnknownCode)?;
        let new = thing(connection, &self.to).await?;
        let new = new.ok_or(Status::UnknownCode)?;
        let owner = lives::owner_of(connection, &self.from).await?;
        let same = owner.is_none() || owner == lives::owner_of(connection, &self.to).await?;
        if self.from == self.to || new.state != ThingState::Active || !same {
            return Err(Status::NotPermitted.into());
        }
        let next = after(old.state, ActKind::Superseded).map_err(|_| Status::NotPermitted)?;
        write_state(connection, &self.from, next).await?;
        let step = LifeStep {
            act: ActKind::Superseded,
            other: Some(Named::Thing(self.to)),
            reason: RECOVERED.to_owned(),
            by: self.by.clone(),
            at: self.now,
        };
        life::insert(connection, &self.from, &step).await?;
        leave(desk, &self.from, (RECOVERED, &self.by), self.now).await?;
        let connection = &mut desk.connection;
        let both = (&self.from, &self.to);
        lives::insert_recovery(connection, both, &self.by, self.now).await?;
        here(CrashPoint::RecoveryKept);
        move_on(desk, &self.from, &self.to, self.now).await
    }
}

/// Whatever has become free of lost things goes on to their new codes.
pub(super) async fn sweep(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let grace_s = desk.bearings.policy.grace_s;
    let last = now.minus_s(grace_s);
    let due = lives::recoveries_due(&mut desk.connection, last, RECOVERIES_MOST).await?;
    for (old, new) in due {
        move_on(desk, &old, &new, now).await?;
    }
    Ok(())
}

async fn move_on(desk: &mut Desk, old: &Code, new: &Code, now: Timestamp) -> Result<(), Failure> {
    for currency in lives::currencies_of(&mut desk.connection, old).await? {
        release::lapsed(desk, old, &currency, now).await?;
        let mut pockets = vec![(Account::PurseFree(*old), Account::PurseFree(*new))];
        // A deposit answers for what the lost thing may have signed as long as that can be claimed.
        if !lives::is_reserved(&mut desk.connection, old).await? {
            pockets.push((Account::Deposit(*old), Account::Deposit(*new)));
        }
        let mut transfers = Vec::new();
        for (from, to) in pockets {
            let amount = journal::balance(&mut desk.connection, &currency, &from).await?;
            if amount > AmountMinor::ZERO {
                transfers.push(Transfer { from, to, amount });
            }
        }
        if transfers.is_empty() {
            continue;
        }
        desk.post(&Entry {
            kind: EntryKind::Recover,
            subject: release::subject(desk, old.as_bytes()),
            currency,
            at: now,
            transfers,
        })
        .await?;
    }
    Ok(())
}

pub(crate) struct Own {
    /// The thing; none to enrol the owner only.
    pub code: Option<Code>,
    pub owner: Code,
    /// What the issuer knows the owner by; none where it need not.
    pub enrol_as: Option<String>,
    pub by: String,
    pub now: Timestamp,
}

impl Command for Own {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.by)?;
        let connection = &mut desk.connection;
        if let Some(name) = &self.enrol_as {
            printable(name)?;
            let who = (name.as_str(), self.by.as_str());
            lives::enrol(connection, &self.owner, who, self.now).await?;
        }
        if let Some(code) = &self.code {
            given(desk, (code, &self.owner), &self.by, self.now).await?;
        }
        here(CrashPoint::OwnerKept);
        Ok(())
    }
}
