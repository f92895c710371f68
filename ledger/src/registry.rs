//! What callers ask about things, their owners and keys, places and areas.

use crate::bounds::{AREAS_MOST, KEYS_MOST};
use crate::commands::areas::{AreaOf, AssignArea, DefineArea};
use crate::commands::life::{Bind, Live};
use crate::commands::lives::{Own, Recover, ReplaceKey};
use crate::commands::registry::{AddSecrets, BeginIssue, FinishIssue, IssueGrid};
use crate::commands::renewals::RenewCredentials;
use crate::error::Error;
use crate::federation;
use crate::handle::Ledger;
use crate::store::areas::{self, AreaRow};
use crate::store::issuing::{IssueRequest, NewThing, Reservation};
use crate::store::lives::{self, NewKey};
use crate::store::places::{self, GridRow};
use crate::store::renewals::{NewCredentials, thing_of_request};
use crate::store::things::{self, Thing, ThingState};
use protocol::chain::ActKind;
use protocol::code::grid::Cell;
use protocol::objects::{Area, Pass};
use protocol::{AssuranceClass, Code, GridCode, Kind, PublicKey, Reference, Status, Timestamp};

impl Ledger {
    /// Keeps one-time enrolment secrets, as SHA-256.
    pub async fn add_secrets(
        &self,
        hashes: Vec<[u8; 32]>,
        kind: Kind,
        expires: Timestamp,
    ) -> Result<(), Status> {
        self.submit(AddSecrets {
            hashes,
            kind,
            expires,
        })
        .await
    }

    /// Reserves a number for a request before anything is signed. The same request gets the same
    /// reservation; a secret that was spent on another request is refused.
    pub async fn begin_issue(
        &self,
        request: IssueRequest,
        now: Timestamp,
    ) -> Result<Reservation, Status> {
        self.submit(BeginIssue { request, now }).await
    }

    /// Writes the thing once its certificate and pass are signed.
    pub async fn finish_issue(&self, thing: NewThing, now: Timestamp) -> Result<Thing, Status> {
        self.submit(FinishIssue { thing, now }).await
    }

    /// The thing with this code, its pass under the present key of this gateway if it gave it.
    pub async fn thing(&self, code: &Code) -> Result<Option<Thing>, Error> {
        let mut thing = things::thing(&mut *self.reader().await?, code).await?;
        if let Some(thing) = &mut thing
            && let Some(anew) = self.own_keys().anew::<Pass>(&thing.pass)
        {
            thing.pass = anew;
        }
        Ok(thing)
    }

    /// Gives a code another wallet key, which begins a new life. What the old one signed settles as
    /// before; the same key again changes nothing.
    pub async fn replace_wallet_key(&self, new: NewKey, now: Timestamp) -> Result<Thing, Status> {
        self.submit(ReplaceKey { new, now }).await
    }

    /// The thing that a PKCS#10 request of this SHA-256 was answered with.
    pub async fn thing_of_request(&self, request_hash: &[u8; 32]) -> Result<Option<Thing>, Error> {
        let known = thing_of_request(&mut *self.reader().await?, request_hash).await?;
        match known {
            Some(known) => self.thing(&known.code).await,
            None => Ok(None),
        }
    }

    /// Gives a code credentials that are good for longer, for the keys it has. Those before stay good
    /// until they end. What was made to follow others than the present ones changes nothing and gets
    /// the present ones.
    pub async fn renew_credentials(
        &self,
        new: NewCredentials,
        now: Timestamp,
    ) -> Result<Thing, Status> {
        self.submit(RenewCredentials { new, now }).await
    }

    /// The keys that a code has signed with: the current one first, then those it gave up.
    pub async fn wallet_keys(&self, code: &Code) -> Result<Vec<PublicKey>, Error> {
        let mut reader = self.reader().await?;
        let Some(thing) = things::thing(&mut reader, code).await? else {
            return federation::guest_key(&mut reader, code, self.network()).await;
        };
        let mut keys = vec![thing.wallet_key];
        keys.extend(lives::keys_before(&mut reader, code, KEYS_MOST).await?);
        Ok(keys)
    }

    /// The money of a lost thing goes to its owner's new code: what is free at once, the rest after
    /// expiry and grace. The old code is superseded.
    pub async fn recover(
        &self,
        from: &Code,
        to: &Code,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(Recover {
            from: *from,
            to: *to,
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// The issuer knows this owner by that name: guarantees are paid to nobody else.
    pub async fn enrol_owner(
        &self,
        owner: &Code,
        name: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(Own {
            code: None,
            owner: *owner,
            enrol_as: Some(name.to_owned()),
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// Says who owns a thing: for the first time, or when the owner before is over. Otherwise the
    /// owner says it: [`Ledger::hand_over`].
    pub async fn set_owner(
        &self,
        code: &Code,
        owner: &Code,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(Own {
            code: Some(*code),
            owner: *owner,
            enrol_as: None,
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// Freezes, thaws, revokes or retires a code: [`Ledger::live`] by the state that is wanted.
    pub async fn set_state(
        &self,
        code: &Code,
        state: ThingState,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        let act = match state {
            ThingState::Active => ActKind::Resumed,
            ThingState::Frozen => ActKind::Suspended,
            ThingState::Revoked => ActKind::Revoked,
            ThingState::Retired => ActKind::Retired,
            ThingState::Issued | ThingState::Superseded => return Err(Status::NotPermitted),
        };
        self.live(code, act, reason, by, now).await
    }

    /// Something happens to a code: it is activated, suspended, resumed, revoked or retired. What
    /// makes no sense for it as it stands is refused as [`Status::NotPermitted`], and
    /// [`rules::life`](crate::rules::life) says why; a code that holds money is not retired
    /// ([`Status::NotFunded`]). The same again changes nothing.
    pub async fn live(
        &self,
        code: &Code,
        act: ActKind,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(Live {
            code: *code,
            act,
            reason: reason.to_owned(),
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// From now on a thing stands at a registered place, or nowhere.
    pub async fn bind(
        &self,
        code: &Code,
        place: Option<GridCode>,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(Bind {
            code: *code,
            place,
            reason: reason.to_owned(),
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// Registers a place.
    pub async fn issue_grid(
        &self,
        code: GridCode,
        name: &str,
        owner: Code,
        by: &str,
        now: Timestamp,
    ) -> Result<GridRow, Status> {
        self.submit(IssueGrid(GridRow {
            code,
            name: name.to_owned(),
            owner,
            by: by.to_owned(),
            issued: now,
        }))
        .await
    }

    /// The place with this code.
    pub async fn grid(&self, code: &GridCode) -> Result<Option<GridRow>, Error> {
        places::grid(&mut *self.reader().await?, code).await
    }

    /// Signs and keeps an area: a set of cells that allowances may be good at and nowhere else. The
    /// same cells are the same area.
    pub async fn define_area(
        &self,
        cells: &[Cell],
        name: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<AreaRow, Status> {
        self.submit(DefineArea {
            cells: cells.to_vec(),
            name: name.to_owned(),
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// The next allowances of a thing are good only in an area, or wherever those of its class are.
    pub async fn assign_area(&self, code: &Code, area: Option<Reference>) -> Result<(), Status> {
        let of = AreaOf::Thing(*code);
        self.submit(AssignArea { of, area }).await
    }

    /// The next allowances of all things of a class that have no area of their own are good only in
    /// an area, or anywhere.
    pub async fn assign_class_area(
        &self,
        class: AssuranceClass,
        area: Option<Reference>,
    ) -> Result<(), Status> {
        let of = AreaOf::Class(class);
        self.submit(AssignArea { of, area }).await
    }

    /// The areas of the three classes.
    pub async fn class_areas(&self) -> Result<[Option<Reference>; 3], Error> {
        areas::class_areas(&mut *self.reader().await?).await
    }

    /// All areas, each with the object to tell things.
    pub async fn areas(&self) -> Result<Vec<AreaRow>, Error> {
        let mut areas = areas::areas(&mut *self.reader().await?, AREAS_MOST).await?;
        for row in &mut areas {
            if let Some(anew) = self.own_keys().anew::<Area>(&row.bytes) {
                row.bytes = anew;
            }
        }
        Ok(areas)
    }
}
