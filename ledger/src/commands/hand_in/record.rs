//! The money of a payment moves, and both sides hear of it.

use super::{Handing, answer, encode};
use crate::books::{Account, EntryKind, route};
use crate::commands::note::{self, Claimed};
use crate::commands::word::{Word, tell};
use crate::commands::{Answer, credit};
use crate::crash::{CrashPoint, here};
use crate::rules::coverage::Coverage;
use crate::rules::settle::{Fate, Funding, Step};
use crate::store::payments::{self, Progress};
use crate::store::{coverage, covers};
use crate::writer::{Desk, Failure};
use protocol::message::Message;
use protocol::{AmountMinor, Code, Status};

impl Handing<'_> {
    /// New, and inserted: the money leaves the payer, to wherever the payee's word and the payer's values say.
    pub(super) async fn record(
        &self,
        desk: &mut Desk,
        funding: Funding,
        step: &Step,
        before: Coverage,
    ) -> Result<Answer, Failure> {
        let (payment, from) = (self.payment(), self.evidence.spent().from);
        self.write(desk, step).await?;
        // A crash here, as at every step before the commit: the payment was never handed in.
        here(CrashPoint::PaymentRecorded);
        let mut after = before.clone();
        after.draw(from, funding.to);
        coverage::save(&mut desk.connection, &self.purse(), &before, &after).await?;
        let pockets = [
            (
                Account::PurseReserved(payment.payer, payment.key_epoch),
                funding.reserved,
            ),
            (Account::PurseFree(payment.payer), funding.free),
        ];
        let kind = match (step.fate, step.units) {
            (Fate::Declined, _) => EntryKind::Decline,
            (Fate::Returned, _) => EntryKind::Return,
            (Fate::Settled | Fate::Waiting, _) => EntryKind::Settle,
            (_, Some(1..)) => EntryKind::Units,
            _ => EntryKind::Transit,
        };
        let goals = self.goals(desk, step).await?;
        let statement = self.say(desk, step, kind, &pockets, &goals).await?;
        let told = match step.fate {
            Fate::InTransit => self.tell_payee(desk, step.units.unwrap_or(0)).await?,
            fate => self.tell_all(desk, fate, &statement).await?,
        };
        answer(&statement, told, None)
    }

    /// It was in transit: its payee has signed for it or declines it, or units were released.
    pub(super) async fn advance(&self, desk: &mut Desk, step: &Step) -> Result<Answer, Failure> {
        self.write(desk, step).await?;
        let kind = match step.fate {
            Fate::Settled | Fate::Waiting => {
                here(CrashPoint::Collected);
                EntryKind::Settle
            }
            Fate::Declined => {
                here(CrashPoint::Declined);
                EntryKind::Decline
            }
            _ => {
                here(CrashPoint::UnitsShown);
                EntryKind::Units
            }
        };
        let goals = self.goals(desk, step).await?;
        let moved = goals
            .iter()
            .try_fold(AmountMinor::ZERO, |sum, (_, share)| sum.checked_add(*share));
        let transit = (
            Account::InTransit(self.id()),
            moved.ok_or(Status::AboveLimit)?,
        );
        let statement = self.say(desk, step, kind, &[transit], &goals).await?;
        let told = match step.fate {
            // Whoever wants to know how far an open stream is asks: an inbox is no meter.
            Fate::InTransit => Vec::new(),
            fate => self.tell_all(desk, fate, &statement).await?,
        };
        answer(&statement, told, None)
    }

    pub(super) async fn insert(&self, desk: &mut Desk, fate: Fate) -> Result<(), Failure> {
        let connection = &mut desk.connection;
        payments::insert_payment(connection, self.evidence, fate, self.now).await?;
        covers::insert(connection, &self.id(), self.evidence.covers()).await?;
        Ok(())
    }

    /// Who gets what; the payee's share stands behind the allowance that the payment names.
    async fn goals(
        &self,
        desk: &mut Desk,
        step: &Step,
    ) -> Result<Vec<(Account, AmountMinor)>, Failure> {
        let (payment, shares) = (self.payment(), step.shares);
        let mut goals = credit::land(desk, payment, shares.payee, self.now).await?;
        goals.push((Account::PurseFree(payment.payer), shares.back));
        goals.push((Account::InTransit(self.id()), shares.waits));
        Ok(goals)
    }

    pub(super) async fn write(&self, desk: &mut Desk, step: &Step) -> Result<(), Failure> {
        let shown = self.released.filter(|released| {
            // An older value than the one that stands proves nothing new.
            step.units.is_some_and(|units| released.units() >= units)
        });
        let progress = Progress {
            fate: step.fate,
            receipt: self.receipt,
            waits: step.shares.waits,
            settle_by: self.payment().settle_by,
            units: step.units,
            shown: shown.as_ref(),
            funded: step.funded,
            missing: step.missing,
            claimed: self.claims(),
            now: self.now,
        };
        payments::advance(&mut desk.connection, &self.id(), &progress).await?;
        Ok(())
    }

    pub(super) async fn say(
        &self,
        desk: &mut Desk,
        step: &Step,
        kind: EntryKind,
        from: &[(Account, AmountMinor)],
        to: &[(Account, AmountMinor)],
    ) -> Result<Vec<u8>, Failure> {
        let word = Word {
            payment: self.id(),
            currency: self.payment().currency,
            fate: step.fate,
            units: step.units,
            paid: (step.fate == Fate::Waiting).then_some(step.paid),
            now: self.now,
        };
        word.post(desk, kind, route(from, to)).await
    }

    /// The payee learns that money waits for it. Without room to tell it, nothing is taken: what
    /// is in transit and unknown to its payee would only wait for its deadline. A payee of units
    /// knows already, and nobody's full inbox keeps it from them.
    async fn tell_payee(&self, desk: &mut Desk, units: u32) -> Result<Vec<Code>, Failure> {
        let payee = self.payment().payee;
        if self.evidence.bringer() == Some(payee) {
            return Ok(Vec::new());
        }
        let evidence = encode(&match self.items {
            Some(items) => Message::Covered {
                items,
                receipt: None,
            },
            None => Message::Evidence {
                allowance: self.evidence.allowance().bytes(),
                payment: self.evidence.payment().bytes(),
            },
        })?;
        match (desk.tell(&payee, &evidence).await?, units) {
            (true, _) => Ok(vec![payee]),
            (false, 0) => Err(Status::Full.into()),
            (false, _) => Ok(Vec::new()),
        }
    }

    /// The others learn what became of it; and a payee that is short of what it claimed in time gets
    /// a note of that.
    pub(super) async fn tell_all(
        &self,
        desk: &mut Desk,
        fate: Fate,
        statement: &[u8],
    ) -> Result<Vec<Code>, Failure> {
        let mut told = self.tell_statement(desk, statement).await?;
        let short = matches!(fate, Fate::OpenClaim | Fate::Waiting);
        if short && self.used.is_none() && self.claims() {
            let claimed = Claimed {
                id: self.id(),
                payment: self.payment(),
                covers: self.beneath,
            };
            told.extend(note::write(desk, &claimed, self.now).await?);
        }
        Ok(told)
    }

    /// The others learn what became of it.
    pub(super) async fn tell_statement(
        &self,
        desk: &mut Desk,
        statement: &[u8],
    ) -> Result<Vec<Code>, Failure> {
        let payment = self.payment();
        // A payee without a receipt or a unit may never have heard of the payment.
        let knows = self.receipt.is_some() || self.released.is_some() || self.used.is_some();
        let both = (payment.payer, knows.then_some(payment.payee));
        let bringer = self.evidence.bringer();
        tell(desk, &self.id(), both, bringer, statement).await
    }
}
