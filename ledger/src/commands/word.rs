//! The gateway's word on a payment: a journal entry and the statement about it.

use super::hand_in::encode;
use crate::books::{Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::federation::hooks;
use crate::rules::settle::Fate;
use crate::store::payments;
use crate::writer::{Desk, Failure};
use protocol::message::Message;
use protocol::objects::Statement;
use protocol::{AmountMinor, Code, Currency, Digest, Timestamp};

/// What will be said.
pub(super) struct Word {
    pub payment: Digest,
    pub currency: Currency,
    pub fate: Fate,
    /// Of a stream: units that have reached the payee.
    pub units: Option<u32>,
    /// Where that is not all of it.
    pub paid: Option<AmountMinor>,
    pub now: Timestamp,
}

impl Word {
    /// Writes the entry and the statement about it. The statement is signed once, stored, and
    /// repeated byte for byte.
    pub(super) async fn post(
        &self,
        desk: &mut Desk,
        kind: EntryKind,
        transfers: Vec<Transfer>,
    ) -> Result<Vec<u8>, Failure> {
        let head = desk
            .post(&Entry {
                kind,
                subject: self.payment,
                currency: self.currency,
                at: self.now,
                transfers,
            })
            .await?;
        let (statement, _) = desk.seal(&Statement {
            gateway: desk.bearings.gateway,
            gateway_epoch: desk.bearings.gateway_epoch,
            payment: self.payment,
            outcome: self.fate.status() as u32,
            height: head.height,
            root: head.root,
            time: self.now,
            units: self.units,
            paid: self.paid,
            provisional: None,
        })?;
        let connection = &mut desk.connection;
        payments::keep_statement(connection, &self.payment, self.fate, &statement).await?;
        here(CrashPoint::StatementStored);
        hooks::said(desk, &self.payment, &statement).await?;
        Ok(statement)
    }
}

/// Tells the payer, and the payee where it has heard of the payment; not who brought it. Somebody
/// who never reads must not keep honest others from settling, so a full inbox is passed over:
/// handing in again gives the same statement.
pub(super) async fn tell(
    desk: &mut Desk,
    payment: &Digest,
    (payer, payee): (Code, Option<Code>),
    bringer: Option<Code>,
    statement: &[u8],
) -> Result<Vec<Code>, Failure> {
    let message = encode(&Message::Statement { statement })?;
    let mut told = Vec::new();
    for code in [Some(payer), payee].into_iter().flatten() {
        if bringer == Some(code) {
            continue;
        }
        if desk.tell(&code, &message).await? {
            told.push(code);
        } else if code == payer {
            payments::forget_transit_statement(&mut desk.connection, payment).await?;
        }
    }
    Ok(told)
}
