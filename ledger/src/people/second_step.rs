//! The second step at sign-in: whose it is, what of it was used, and who has to have it.
//!
//! Codes are computed by who asks. Which of them were taken stands here, in the transaction that
//! opens the session: a crash leaves either a code that is used and its session, or neither.

use super::audit::append;
use super::sessions::insert_session;
use super::{Act, Error, People, Person, PersonId, Roles, SecretHash};
use protocol::Timestamp;
use sqlx::{Sqlite, Transaction};

/// How long a sign-in may wait for its code.
pub const HALFWAY_LIFE_S: u32 = 5 * 60;
/// Codes tried before the password is asked for again.
pub const HALFWAY_TRIES: u32 = 5;
/// Sign-ins of a person that wait at once; the oldest gives way.
const HALFWAY_PER_PERSON: u32 = 4;
/// How long a secret that was shown may wait to be confirmed.
pub const OFFER_LIFE_S: u32 = 15 * 60;
/// Recovery codes a person gets.
pub const RECOVERY_CODES: usize = 10;

/// What an app and this house both know.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(pub [u8; 20]);

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// What the second step was done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The app's code of this step of time.
    Step(u64),
    /// A recovery code, by its hash.
    Recovery(SecretHash),
}

/// A sign-in that waits for its code.
#[derive(Clone, Debug)]
pub struct Halfway {
    /// Whose password it was.
    pub person: Person,
    /// What their app computes codes from.
    pub secret: SharedSecret,
}

/// How the second step of a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondStep {
    /// Since when.
    pub since: Timestamp,
    /// Recovery codes that are still good.
    pub recovery_left: u32,
}

/// A second step that is being set up.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'a> {
    /// What was offered.
    pub secret: &'a SharedSecret,
    /// The step of the code that confirmed it.
    pub step: u64,
    /// Hashes of the recovery codes.
    pub recovery: &'a [SecretHash; RECOVERY_CODES],
    /// The session that goes on.
    pub session: SecretHash,
}

type Tx<'a> = Transaction<'a, Sqlite>;

fn shared(bytes: Vec<u8>) -> Option<SharedSecret> {
    bytes.try_into().ok().map(SharedSecret)
}

fn column(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// Ends everything of a person that is open, signed in or on the way.
pub(super) async fn end_all_of(tx: &mut Tx<'_>, person: PersonId) -> Result<(), sqlx::Error> {
    for text in [
        "DELETE FROM session WHERE person = $1",
        "DELETE FROM halfway WHERE person = $1",
    ] {
        sqlx::query(text).bind(person.0).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn forget(tx: &mut Tx<'_>, person: PersonId) -> Result<bool, sqlx::Error> {
    for text in [
        "DELETE FROM recovery_code WHERE person = $1",
        "DELETE FROM second_step_offer WHERE person = $1",
    ] {
        sqlx::query(text).bind(person.0).execute(&mut **tx).await?;
    }
    let gone = sqlx::query("DELETE FROM second_step WHERE person = $1");
    Ok(gone
        .bind(person.0)
        .execute(&mut **tx)
        .await?
        .rows_affected()
        > 0)
}

async fn keep_recovery(
    tx: &mut Tx<'_>,
    person: PersonId,
    hashes: &[SecretHash; RECOVERY_CODES],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM recovery_code WHERE person = $1")
        .bind(person.0)
        .execute(&mut **tx)
        .await?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_code (person, hash) VALUES ($1, $2)")
            .bind(person.0)
            .bind(hash.as_slice())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Uses a code up; `false` when it was before, or was none.
async fn use_up(tx: &mut Tx<'_>, person: PersonId, proof: Proof) -> Result<bool, sqlx::Error> {
    let used = match proof {
        Proof::Step(step) => {
            sqlx::query("UPDATE second_step SET used = $1 WHERE person = $2 AND used < $1")
                .bind(column(step))
                .bind(person.0)
                .execute(&mut **tx)
                .await?
        }
        Proof::Recovery(hash) => {
            sqlx::query("DELETE FROM recovery_code WHERE person = $1 AND hash = $2")
                .bind(person.0)
                .bind(hash.to_vec())
                .execute(&mut **tx)
                .await?
        }
    };
    Ok(used.rows_affected() == 1)
}

impl People {
    /// Keeps a sign-in whose password was right, and ends the session it is to replace.
    pub async fn begin_halfway(
        &self,
        hash: SecretHash,
        person: PersonId,
        replaces: Option<SecretHash>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM session WHERE hash = $1")
            .bind(replaces.map(Vec::from))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "DELETE FROM halfway WHERE begun < $1 OR hash = $2 OR hash IN
             (SELECT hash FROM halfway WHERE person = $3 ORDER BY begun DESC LIMIT -1 OFFSET $4)",
        )
        .bind(now.minus_s(HALFWAY_LIFE_S).0)
        .bind(replaces.map(Vec::from))
        .bind(person.0)
        .bind(HALFWAY_PER_PERSON - 1)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO halfway (hash, person, begun) VALUES ($1, $2, $3)")
            .bind(hash.as_slice())
            .bind(person.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whose sign-in waits under this secret.
    pub async fn halfway(
        &self,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Halfway>, Error> {
        let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT person, secret FROM halfway JOIN second_step USING (person)
             WHERE hash = $1 AND begun >= $2 AND tries < $3",
        )
        .bind(hash.as_slice())
        .bind(now.minus_s(HALFWAY_LIFE_S).0)
        .bind(HALFWAY_TRIES)
        .fetch_optional(&self.pool)
        .await?;
        let Some((person, secret)) = row else {
            return Ok(None);
        };
        let person = self.person(PersonId(person)).await?.filter(|p| p.active);
        Ok(person
            .zip(shared(secret))
            .map(|(person, secret)| Halfway { person, secret }))
    }

    /// Counts a try before it is made, so that tries made at once are all counted; `false` when
    /// there is none left.
    pub async fn try_halfway(&self, hash: SecretHash) -> Result<bool, Error> {
        let counted =
            sqlx::query("UPDATE halfway SET tries = tries + 1 WHERE hash = $1 AND tries < $2")
                .bind(hash.as_slice())
                .bind(HALFWAY_TRIES)
                .execute(&self.pool)
                .await?;
        Ok(counted.rows_affected() == 1)
    }

    /// Uses the code up and begins the session, under a secret that did not exist before; `false`
    /// when the code was used before or the sign-in waits no longer.
    pub async fn finish_halfway(
        &self,
        hash: SecretHash,
        proof: Proof,
        session: SecretHash,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let row: Option<(i64,)> = sqlx::query_as(
            "DELETE FROM halfway WHERE hash = $1 AND begun >= $2
             AND person IN (SELECT id FROM person WHERE active = 1) RETURNING person",
        )
        .bind(hash.as_slice())
        .bind(now.minus_s(HALFWAY_LIFE_S).0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(person) = row.map(|(person,)| PersonId(person)) else {
            return Ok(false);
        };
        if !use_up(&mut tx, person, proof).await? {
            return Ok(false); // nothing is committed: the sign-in goes on waiting
        }
        insert_session(&mut tx, session, person, None, now).await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps a secret that is about to be shown to its person; an earlier one is forgotten.
    pub async fn offer_second_step(
        &self,
        person: PersonId,
        secret: &SharedSecret,
        now: Timestamp,
    ) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO second_step_offer (person, secret, made) VALUES ($1, $2, $3)
             ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, made = excluded.made",
        )
        .bind(person.0)
        .bind(secret.0.as_slice())
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was shown to this person and waits to be confirmed.
    pub async fn second_step_offer(
        &self,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Option<SharedSecret>, Error> {
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("SELECT secret FROM second_step_offer WHERE person = $1 AND made >= $2")
                .bind(person.0)
                .bind(now.minus_s(OFFER_LIFE_S).0)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.and_then(|(secret,)| shared(secret)))
    }

    /// The second step counts from now on, in place of an earlier one. Every session of the person
    /// ends with the same commit, but for a new one; `false` when this was not what was offered.
    pub async fn confirm_second_step(
        &self,
        person: PersonId,
        new: Confirmation<'_>,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let offered =
            sqlx::query("DELETE FROM second_step_offer WHERE person = $1 AND secret = $2")
                .bind(person.0)
                .bind(new.secret.0.as_slice())
                .execute(&mut *tx)
                .await?;
        if offered.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO second_step (person, secret, since, used) VALUES ($1, $2, $3, $4)
             ON CONFLICT (person) DO UPDATE
             SET secret = excluded.secret, since = excluded.since, used = excluded.used",
        )
        .bind(person.0)
        .bind(new.secret.0.as_slice())
        .bind(now.0)
        .bind(column(new.step))
        .execute(&mut *tx)
        .await?;
        keep_recovery(&mut tx, person, new.recovery).await?;
        end_all_of(&mut tx, person).await?;
        insert_session(&mut tx, new.session, person, None, now).await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// How the second step of this person stands; `None` when they have none.
    pub async fn second_step(&self, person: PersonId) -> Result<Option<SecondStep>, Error> {
        let row: Option<(u32, u32)> = sqlx::query_as(
            "SELECT since, (SELECT count(*) FROM recovery_code WHERE person = $1)
             FROM second_step WHERE person = $1",
        )
        .bind(person.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(since, recovery_left)| SecondStep {
            since: Timestamp(since),
            recovery_left,
        }))
    }

    /// New recovery codes in place of the old; `false` when there is no second step.
    pub async fn renew_recovery(
        &self,
        person: PersonId,
        hashes: &[SecretHash; RECOVERY_CODES],
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let there: Option<(i64,)> =
            sqlx::query_as("SELECT person FROM second_step WHERE person = $1")
                .bind(person.0)
                .fetch_optional(&mut *tx)
                .await?;
        if there.is_none() {
            return Ok(false);
        }
        keep_recovery(&mut tx, person, hashes).await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes the second step away. Every session of the person ends with the same commit, but for a
    /// new one where there is to be one; `false` when there was no second step.
    pub async fn remove_second_step(
        &self,
        person: PersonId,
        session: Option<SecretHash>,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if !forget(&mut tx, person).await? {
            return Ok(false);
        }
        end_all_of(&mut tx, person).await?;
        if let Some(session) = session {
            insert_session(&mut tx, session, person, None, now).await?;
        }
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Says whose roles take a second step. Whoever has none opens nothing else until they have set
    /// it up, in sessions that are open, too.
    pub async fn require_second_step(
        &self,
        roles: Roles,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE second_step_rule SET roles = $1")
            .bind(roles.column())
            .execute(&mut *tx)
            .await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whose roles take a second step.
    pub async fn second_step_rule(&self) -> Result<Roles, Error> {
        let (roles,): (i64,) = sqlx::query_as("SELECT roles FROM second_step_rule")
            .fetch_one(&self.pool)
            .await?;
        Ok(Roles::from_column(roles))
    }
}
