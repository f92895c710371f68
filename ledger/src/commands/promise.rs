//! A purse declares what it will not do. It never extinguishes a payment: one that breaks the word
//! is paid, and both together are a proof.

use super::accuse::{self, Accused};
use super::credit::opened;
use super::holder;
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::VOIDS_MOST;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::evidence::{Evidence, Owned};
use crate::store::coverage::{self, Purse};
use crate::store::{payments, promises};
use crate::writer::{Command, Desk, Failure};
use protocol::objects::{Allowance, Closing, Void};
use protocol::rules::proof::Charge;
use protocol::{AmountMinor, Digest, Sequence, Status, Timestamp, cose};

pub(crate) struct Declare {
    pub word: Word,
    pub now: Timestamp,
}

/// What is declared.
pub(crate) enum Word {
    Void(Owned<Void>),
    Closing(Owned<Closing>),
}

impl Command for Declare {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let id = match &self.word {
            Word::Void(void) => void.id(),
            Word::Closing(closing) => closing.id(),
        };
        if promises::is_known(&mut desk.connection, &id).await? {
            return Ok(());
        }
        match &self.word {
            Word::Void(void) => self.void(desk, void).await,
            Word::Closing(closing) => self.close(desk, closing).await,
        }
    }
}

impl Declare {
    async fn void(&self, desk: &mut Desk, void: &Owned<Void>) -> Result<(), Failure> {
        let said = void.get();
        let connection = &mut desk.connection;
        let (_, current, _) = holder(connection, &said.code).await?;
        if said.first.0 == 0 || said.first > said.last {
            return Err(Status::Malformed.into());
        }
        if !promises::may_declare(said.key_epoch, current) {
            return Err(Status::WrongAllowance.into());
        }
        if promises::voids(connection, said).await? >= u64::from(VOIDS_MOST) {
            return Err(Status::Full.into());
        }
        promises::insert_void(connection, void, self.now).await?;
        here(CrashPoint::Declared);
        match promises::inside(connection, said).await? {
            Some(payment) => {
                let word = (Charge::Void, void.bytes());
                against(desk, &payment, word, self.now).await
            }
            None => Ok(()),
        }
    }

    async fn close(&self, desk: &mut Desk, closing: &Owned<Closing>) -> Result<(), Failure> {
        let said = closing.get();
        holder(&mut desk.connection, &said.code).await?;
        let named = coverage::named(&mut desk.connection, &said.code, &said.allowance).await?;
        let lifted = named.ok_or(Status::WrongAllowance)?;
        let allowance = opened(desk, &lifted.bytes)?;
        if (allowance.key_epoch, allowance.currency) != (said.key_epoch, said.currency) {
            return Err(Status::WrongAllowance.into());
        }
        let connection = &mut desk.connection;
        promises::insert_closing(connection, closing, &lifted.id, self.now).await?;
        here(CrashPoint::Declared);
        let first = allowance.base_sequence.0.saturating_add(1);
        let last = allowance
            .base_sequence
            .0
            .saturating_add(allowance.most_payments);
        let range = (Sequence(first), Sequence(last));
        if let Some(payment) = promises::beyond(connection, said, &lifted.id, range).await? {
            let word = (Charge::Closing, closing.bytes());
            return against(desk, &payment, word, self.now).await;
        }
        self.release(desk, said, &lifted.id, &allowance).await
    }

    /// An issuer may trust a closing, up to what its class permits and at its own risk: only of the
    /// newest allowance, since an older one may not be the only one that covers a reading.
    async fn release(
        &self,
        desk: &mut Desk,
        closing: &Closing,
        id: &Digest,
        allowance: &Allowance,
    ) -> Result<(), Failure> {
        let policy = &desk.bearings.policy;
        let most = policy
            .terms(&closing.currency, allowance.class)
            .early_release;
        let purse = Purse {
            code: closing.code,
            key_epoch: closing.key_epoch,
            currency: closing.currency,
        };
        let newest = promises::newest_allowance(&mut desk.connection, &purse).await?;
        if most == AmountMinor::ZERO || newest != Some(*id) {
            return Ok(());
        }
        let connection = &mut desk.connection;
        let odometer =
            payments::odometer(connection, &purse.code, purse.key_epoch, &purse.currency).await?;
        let reading = closing.odometer.max(odometer);
        let before = coverage::above(connection, &purse, reading).await?;
        let mut after = before.clone();
        let amount = after.give_up_above(reading, most);
        coverage::save(connection, &purse, &before, &after).await?;
        desk.post(&Entry {
            kind: EntryKind::Release,
            subject: *id,
            currency: purse.currency,
            at: self.now,
            transfers: vec![Transfer {
                from: Account::PurseReserved(purse.code, purse.key_epoch),
                to: Account::PurseFree(purse.code),
                amount,
            }],
        })
        .await?;
        Ok(())
    }
}

/// A recorded payment breaks the payer's word.
async fn against(
    desk: &mut Desk,
    payment: &Digest,
    (charge, word): (Charge, &[u8]),
    now: Timestamp,
) -> Result<(), Failure> {
    let bytes = payments::evidence_bytes(&mut desk.connection, payment).await?;
    let missing = || Damage::new("payment", payment, "has no allowance");
    let (allowance, signed) = bytes.ok_or_else(missing)?;
    let opened = cose::open::<protocol::objects::Payment>(&signed, &desk.bearings.network)?;
    let accused = Accused {
        code: opened.peek().payer,
        charge,
        subject: *payment,
    };
    let objects = [allowance.as_slice(), &signed, word];
    let proof = accuse::accusation(desk, charge, None, &objects)?;
    accuse::keep(desk, &accused, &proof, now).await
}

/// Whether a payment that has just come into the books breaks its payer's word.
pub(super) async fn check(
    desk: &mut Desk,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), Failure> {
    let (spent, allowance) = (evidence.spent(), evidence.allowance());
    let broken = promises::broken_by(&mut desk.connection, spent, &allowance.id()).await?;
    let Some((charge, word)) = broken else {
        return Ok(());
    };
    let accused = Accused {
        code: spent.payer,
        charge,
        subject: spent.id,
    };
    let objects = [allowance.bytes(), evidence.payment().bytes(), &word];
    let proof = accuse::accusation(desk, charge, None, &objects)?;
    accuse::keep(desk, &accused, &proof, now).await
}
