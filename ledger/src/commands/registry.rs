//! Codes are issued in two steps: a number is reserved before anything is signed, and the thing is
//! written once everything is.

use super::{areas, printable};
use crate::bounds::{CERTIFICATE_BYTES_MOST, SECRETS_MOST, SPKI_BYTES_MOST};
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::store::issuing::{
    IssueRequest, NewThing, Reservation, insert_reservation, insert_secret, insert_thing,
    reservation, reservation_by_sequence, secret, spend_secret,
};
use crate::store::life;
use crate::store::places::{GridRow, grid, insert_grid};
use crate::store::things::{Thing, thing};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{Act, ActKind};
use protocol::code::STATION_SEQUENCE_END;
use protocol::cose::SIGNED_MAX;
use protocol::{Kind, Status, Timestamp};

pub(crate) struct AddSecrets {
    pub hashes: Vec<[u8; 32]>,
    pub kind: Kind,
    pub expires: Timestamp,
}

impl Command for AddSecrets {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        if self.hashes.len() > SECRETS_MOST {
            return Err(Status::Malformed.into());
        }
        for hash in &self.hashes {
            insert_secret(&mut desk.connection, hash, self.kind, self.expires).await?;
        }
        here(CrashPoint::SecretsAdded);
        Ok(())
    }
}

pub(crate) struct BeginIssue {
    pub request: IssueRequest,
    pub now: Timestamp,
}

impl Command for BeginIssue {
    type Answer = Reservation;

    async fn execute(&self, desk: &mut Desk) -> Result<Reservation, Failure> {
        let request = &self.request;
        printable(&request.name)?;
        printable(&request.by)?;
        let spend = self.secret(desk).await?;
        if let Some(known) = reservation(&mut desk.connection, &request.request_hash).await? {
            return Ok(known);
        }
        if let Some(hash) = spend {
            spend_secret(&mut desk.connection, &hash, &request.request_hash).await?;
            // A crash here: the secret is unspent, and the thing asks again with it.
            here(CrashPoint::SecretSpent);
        }
        let sequence = insert_reservation(
            &mut desk.connection,
            request,
            desk.bearings.gateway_epoch,
            self.now,
        )
        .await?;
        if sequence >= STATION_SEQUENCE_END {
            return Err(Status::Full.into());
        }
        // A crash here: no number was given. After the commit: the number stays with this request
        // for ever, signed or not, and asking again gives the same number, serial and time.
        here(CrashPoint::Reserved);
        Ok(Reservation {
            sequence,
            serial: request.serial,
            issued: self.now,
            kind: request.kind,
            name: request.name.clone(),
            done: None,
        })
    }
}

impl BeginIssue {
    /// The secret to be spent, if one is needed and still unspent.
    async fn secret(&self, desk: &mut Desk) -> Result<Option<[u8; 32]>, Failure> {
        let Some(hash) = self.request.secret_hash else {
            return Ok(None);
        };
        let secret = secret(&mut desk.connection, &hash)
            .await?
            .ok_or(Status::NotPermitted)?;
        match secret.used_by {
            Some(request) if request == self.request.request_hash => Ok(None),
            Some(_) => Err(Status::NotPermitted.into()),
            None if secret.kind != self.request.kind => Err(Status::NotPermitted.into()),
            None if secret.expires <= self.now => Err(Status::Expired.into()),
            None => Ok(Some(hash)),
        }
    }
}

pub(crate) struct FinishIssue {
    pub thing: NewThing,
    pub now: Timestamp,
}

impl Command for FinishIssue {
    type Answer = Thing;

    async fn execute(&self, desk: &mut Desk) -> Result<Thing, Failure> {
        let new = &self.thing;
        self.bounded()?;
        let reserved = reservation_by_sequence(&mut desk.connection, new.sequence)
            .await?
            .ok_or(Status::NotPermitted)?;
        if let Some(done) = reserved.done {
            let same = done.code == new.code
                && done.certificate == new.certificate
                && done.pass == new.pass;
            return same.then_some(done).ok_or(Status::NotPermitted.into());
        }
        if new.code.sequence() != new.sequence
            || new.code.kind() != new.kind
            || reserved.kind != new.kind
        {
            return Err(Status::Malformed.into());
        }
        insert_thing(&mut desk.connection, new, reserved.issued, self.now).await?;
        life::begin(&mut desk.connection, &new.code, new.sequence, self.now).await?;
        // A crash here: the number is still reserved, and signing again gives the same bytes.
        here(CrashPoint::ThingStored);
        let activated = Act::new(ActKind::Activated, new.code, self.now);
        for act in [chain::issued(new, self.now), activated] {
            chain::append(&mut desk.connection, &act).await?;
        }
        let stored = thing(&mut desk.connection, &new.code).await?;
        Ok(stored.ok_or_else(|| Damage::new("thing", new.code, "not there"))?)
    }
}

impl FinishIssue {
    fn bounded(&self) -> Result<(), Status> {
        let new = &self.thing;
        printable(&new.name)?;
        printable(&new.product)?;
        if new.transport_spki.len() > SPKI_BYTES_MOST
            || new.certificate.len() > CERTIFICATE_BYTES_MOST
            || new.pass.len() > SIGNED_MAX
        {
            return Err(Status::Malformed);
        }
        Ok(())
    }
}

pub(crate) struct IssueGrid(pub GridRow);

impl Command for IssueGrid {
    type Answer = GridRow;

    async fn execute(&self, desk: &mut Desk) -> Result<GridRow, Failure> {
        let new = &self.0;
        printable(&new.name)?;
        printable(&new.by)?;
        if let Some(known) = grid(&mut desk.connection, &new.code).await? {
            // Same cell, time and owner is the same code; another owner's would differ.
            let same = known.owner == new.owner && known.name == new.name;
            return same.then_some(known).ok_or(Status::NotPermitted.into());
        }
        if !new.code.hints_at(&new.owner) {
            return Err(Status::Malformed.into());
        }
        insert_grid(&mut desk.connection, new).await?;
        chain::append(&mut desk.connection, &chain::grid_act(new)).await?;
        areas::counted(desk, &new.code).await?;
        here(CrashPoint::GridStored);
        Ok(new.clone())
    }
}
