//! A thing becomes somebody else's, because its owner gave it and the new one took it.

use super::life::alive;
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::rules::life::after;
use crate::store::life::{self, LifeStep};
use crate::store::lives::{owner_of, set_owner};
use crate::store::things::{Thing, ThingState, thing};
use crate::store::transfers::{self, HandedOver};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{ActKind, Named};
use protocol::cose::SIGNED_MAX;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::rules::transfer::{Standing, agreed, read};
use protocol::{Code, Status, Timestamp};

/// Why, in the life of the thing.
const GIVEN: &str = "given by its owner and taken by the new one, both signed";

pub(crate) struct HandOver {
    pub transfer: Vec<u8>,
    pub acceptance: Vec<u8>,
    pub now: Timestamp,
}

impl Command for HandOver {
    type Answer = HandedOver;

    /// Both signatures are checked here, in the transaction that also decides whose the thing is.
    async fn execute(&self, desk: &mut Desk) -> Result<HandedOver, Failure> {
        if self.transfer.len() > SIGNED_MAX || self.acceptance.len() > SIGNED_MAX {
            return Err(Status::Malformed.into());
        }
        let network = desk.bearings.network;
        let asked = read(&network, &self.transfer)?;
        // What was carried out once stays so, and is answered the same, whatever came after it.
        if let Some(done) = transfers::by_id(&mut desk.connection, &asked.id).await? {
            return Ok(done);
        }
        let said = asked.transfer;
        let known = known(desk, &said.code).await?;
        let from = alive(known_key(desk, &said.from).await?)?;
        let to = alive(known_key(desk, &said.to).await?)?;
        let connection = &mut desk.connection;
        let knows = Standing {
            owner: (owner_of(connection, &said.code).await?).ok_or(Status::NotPermitted)?,
            owners: transfers::owners(connection, &said.code).await?,
            from_key: from.wallet_key,
            to_key: to.wallet_key,
        };
        let (transfer, acceptance) = (self.transfer.as_slice(), self.acceptance.as_slice());
        let agreed = agreed(&network, transfer, acceptance, &knows, self.now)?;
        after(known.state, ActKind::Transferred).map_err(|_| match known.state {
            ThingState::Frozen => Status::Frozen,
            _ => Status::NotPermitted,
        })?;
        let given = HandedOver {
            id: agreed.id,
            code: said.code,
            from: said.from,
            to: said.to,
            number: said.number,
            signed: message(transfer, acceptance)?,
            at: self.now,
        };
        set_owner(connection, &said.code, &said.to).await?;
        // A crash here or below: nothing has happened, and the same message comes again.
        here(CrashPoint::GivenAway);
        transfers::insert(connection, &given).await?;
        let step = LifeStep {
            act: ActKind::Transferred,
            other: Some(Named::Thing(said.to)),
            reason: GIVEN.to_owned(),
            by: said.from.to_string(),
            at: self.now,
        };
        let signed = Some(chain::sha256(&given.signed));
        life::insert_signed(connection, &said.code, &step, signed).await?;
        Ok(given)
    }
}

async fn known(desk: &mut Desk, code: &Code) -> Result<Thing, Failure> {
    let known = thing(&mut desk.connection, code).await?;
    Ok(known.ok_or(Status::UnknownCode)?)
}

/// Somebody who can sign: what has no key of its own owns nothing by its own word.
async fn known_key(desk: &mut Desk, code: &Code) -> Result<Thing, Failure> {
    match code.kind() {
        protocol::Kind::PassiveItem => Err(Status::NotPermitted.into()),
        _ => known(desk, code).await,
    }
}

fn message(transfer: &[u8], acceptance: &[u8]) -> Result<Vec<u8>, Status> {
    let message = Message::Transfer {
        transfer,
        acceptance: Some(acceptance),
    };
    let mut out = [0; MESSAGE_MAX];
    let len = message.write(&mut out).ok_or(Status::Malformed)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}
