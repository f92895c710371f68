//! An owner's survey of its place is recorded: this gateway stands for it.

use super::life::alive;
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::store::places::grid;
use crate::store::surveys::{self, RecordedPlace};
use crate::store::things::thing;
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{Act, ActKind};
use protocol::cose::SIGNED_MAX;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::PlaceRecord;
use protocol::rules::survey::{is_in_time, read, surveyed};
use protocol::{Status, Timestamp};

pub(crate) struct RecordPlace {
    pub survey: Vec<u8>,
    /// The owner's pass, followed by that of the station that gave it.
    pub owner_pass: Vec<u8>,
    pub now: Timestamp,
}

impl Command for RecordPlace {
    type Answer = RecordedPlace;

    async fn execute(&self, desk: &mut Desk) -> Result<RecordedPlace, Failure> {
        if self.survey.len() > SIGNED_MAX || self.owner_pass.len() > 2 * SIGNED_MAX {
            return Err(Status::Malformed.into());
        }
        let network = desk.bearings.network;
        let asked = read(&network, &self.survey)?;
        // What was recorded once stays so, and is answered the same.
        if let Some(done) = surveys::by_id(&mut desk.connection, &asked.id).await? {
            return Ok(done);
        }
        let said = asked.survey;
        let known = grid(&mut desk.connection, &said.place).await?;
        let known = known.ok_or(Status::UnknownCode)?;
        if known.owner != said.owner {
            return Err(Status::NotPermitted.into());
        }
        let owner = thing(&mut desk.connection, &said.owner).await?;
        let owner = alive(owner.ok_or(Status::UnknownCode)?)?;
        surveyed(&network, &self.survey, &owner.wallet_key)?;
        if !is_in_time(&said, self.now) {
            return Err(Status::Expired.into());
        }
        let (record, _) = desk.seal(&PlaceRecord {
            by: desk.bearings.gateway,
            place: said.place,
            survey: asked.id,
            time: self.now,
        })?;
        let message = Message::PlaceRecord {
            issuer: &desk.bearings.issuer_pass,
            authority: &desk.bearings.gateway_pass,
            owner: &self.owner_pass,
            survey: &self.survey,
            record: &record,
        };
        let mut out = [0; MESSAGE_MAX];
        let len = message.write(&mut out).ok_or(Status::Malformed)?;
        let recorded = RecordedPlace {
            id: asked.id,
            place: said.place,
            signed: out.get(..len).unwrap_or_default().to_vec(),
            at: self.now,
        };
        surveys::insert(&mut desk.connection, &recorded).await?;
        // A crash here: nothing was recorded, and the same survey comes again.
        here(CrashPoint::PlaceRecorded);
        let act = Act {
            signed: Some(chain::sha256(&recorded.signed)),
            ..Act::new(ActKind::Surveyed, said.place, self.now)
        };
        chain::append(&mut desk.connection, &act).await?;
        Ok(recorded)
    }
}
