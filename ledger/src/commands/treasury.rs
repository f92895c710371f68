//! Money comes in and goes out, and currencies are declared.

use super::{declared, holder, key, printable, release, requests};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::federation::hooks;
use crate::store::currencies::{CurrencyRow, currencies, insert_currency};
use crate::store::journal;
use crate::store::things::ThingState;
use crate::store::treasury::{Fund, LoadOrder, Loaded, Way, by_key, insert};
use crate::writer::{Command, Desk, Failure};
use protocol::{AmountMinor, Digest, Status, Timestamp};
use sha2::{Digest as _, Sha256};

pub(crate) struct Treasury {
    pub order: LoadOrder,
    /// Where it is no purse.
    pub fund: Option<Fund>,
    pub way: Way,
    /// Who confirmed it, where it took two persons.
    pub second: Option<String>,
    pub now: Timestamp,
}

impl Command for Treasury {
    type Answer = Loaded;

    async fn execute(&self, desk: &mut Desk) -> Result<Loaded, Failure> {
        let order = &self.order;
        key(&order.key)?;
        printable(&order.by)?;
        if let Some(loaded) = by_key(&mut desk.connection, &order.key).await? {
            // The key belongs to one order for ever.
            let same = loaded.order == *order && loaded.way == self.way && loaded.fund == self.fund;
            return same.then_some(loaded).ok_or(Status::NotPermitted.into());
        }
        if order.amount == AmountMinor::ZERO {
            return Err(Status::Malformed.into());
        }
        if self.fund.is_none() && self.second.is_none() {
            requests::may_alone(desk, order).await?;
        }
        hooks::may_issue(desk)?;
        let state = self.state(desk).await?;
        declared(&mut desk.connection, &order.currency, Status::NotPermitted).await?;
        let held = self.held();
        let (kind, from, to) = match self.way {
            Way::Load => {
                self.may_load(desk, state).await?;
                (EntryKind::Load, Account::Issuer, held)
            }
            Way::Redeem => {
                self.may_redeem(desk, state).await?;
                (EntryKind::Redeem, held, Account::Issuer)
            }
        };
        let head = desk
            .post(&Entry {
                kind,
                subject: Digest(Sha256::digest(&order.key).into()),
                currency: order.currency,
                at: self.now,
                transfers: vec![Transfer {
                    from,
                    to,
                    amount: order.amount,
                }],
            })
            .await?;
        // A crash here: neither posting nor order; the same key is carried out once, later.
        here(CrashPoint::TreasuryPosted);
        let (connection, what) = (&mut desk.connection, (order, self.fund));
        let how = (self.way, self.second.as_deref());
        let number = insert(connection, what, how, self.now, &head).await?;
        Ok(Loaded {
            number,
            order: order.clone(),
            fund: self.fund,
            way: self.way,
            second: self.second.clone(),
            at: self.now,
            head,
        })
    }
}

impl Treasury {
    /// Of the thing whose purse or deposit it is; the funds of the house are nobody's thing.
    async fn state(&self, desk: &mut Desk) -> Result<ThingState, Failure> {
        if matches!(self.fund, Some(Fund::Bond | Fund::Guarantee)) {
            return Ok(ThingState::Active);
        }
        let (state, ..) = holder(&mut desk.connection, &self.order.code).await?;
        Ok(state)
    }

    fn held(&self) -> Account {
        self.fund
            .map_or(Account::PurseFree(self.order.code), |fund| fund.account())
    }

    /// All balances of a currency together stay in range as long as the issuer's does.
    async fn may_load(&self, desk: &mut Desk, state: ThingState) -> Result<(), Failure> {
        if state.is_over() {
            return Err(Status::Frozen.into());
        }
        let (connection, currency) = (&mut desk.connection, &self.order.currency);
        let issuer = journal::raw_balance(connection, currency, &Account::Issuer).await?;
        let issued = AmountMinor::new(issuer.unwrap_or(0).unsigned_abs());
        let room = issued.and_then(|issued| issued.checked_add(self.order.amount));
        room.ok_or(Status::AboveLimit)?;
        match self.fund {
            None => self.may_hold(desk).await,
            Some(_) => Ok(()),
        }
    }

    /// What a purse is paid, it is paid; but nobody loads it beyond what its class may hold.
    async fn may_hold(&self, desk: &mut Desk) -> Result<(), Failure> {
        let (code, currency) = (&self.order.code, &self.order.currency);
        let (_, _, class) = holder(&mut desk.connection, code).await?;
        let most = desk.bearings.policy.terms(currency, class).holding;
        let held = journal::held(&mut desk.connection, currency, code).await?;
        match held.checked_add(self.order.amount) {
            Some(held) if held <= most => Ok(()),
            _ => Err(Status::AboveHolding.into()),
        }
    }

    /// Only what is free can leave.
    async fn may_redeem(&self, desk: &mut Desk, state: ThingState) -> Result<(), Failure> {
        if state != ThingState::Active {
            return Err(Status::Frozen.into());
        }
        let (code, currency) = (self.order.code, self.order.currency);
        if self.fund.is_none() {
            release::lapsed(desk, &code, &currency, self.now).await?;
        }
        let free = journal::balance(&mut desk.connection, &currency, &self.held()).await?;
        match free.checked_sub(self.order.amount) {
            Some(_) => Ok(()),
            None => Err(Status::NotFunded.into()),
        }
    }
}

pub(crate) struct Declare(pub CurrencyRow);

impl Command for Declare {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.0.name)?;
        let known = currencies(&mut desk.connection, Some(&self.0.currency)).await?;
        match known.first() {
            // Exponent and name are the issuer's word; they do not change under money.
            Some(row) if *row == self.0 => return Ok(()),
            Some(_) => return Err(Status::NotPermitted.into()),
            None => insert_currency(&mut desk.connection, &self.0).await?,
        }
        let issuer = Account::Issuer;
        journal::open_account(&mut desk.connection, &self.0.currency, &issuer).await?;
        here(CrashPoint::CurrencyDeclared);
        Ok(())
    }
}
