//! Signed-in browsers, and tokens for automation.

use super::audit::append;
use super::{Act, Error, People, Person, PersonId, Roles, Scopes, SecretHash};
use protocol::Timestamp;
use sqlx::{Sqlite, Transaction};

/// A session that is not used for this long is over.
pub const IDLE_LIFE_S: u32 = 30 * 60;
/// No session lives longer.
pub const ABSOLUTE_LIFE_S: u32 = 12 * 3_600;
/// The oldest session of a person gives way to a new one.
pub const SESSIONS_PER_PERSON: u32 = 16;
/// A token lives at most a year.
pub const TOKEN_LIFE_MAX_S: u32 = 366 * 86_400;
/// How stale the time of last use may be: most requests write nothing.
const SEEN_STEP_S: u32 = 60;

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who signed in.
    pub person: Person,
    /// When.
    pub begun: Timestamp,
}

/// Number of a token in this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub i64);

/// What a token for automation is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Of the secret its holder presents.
    pub hash: SecretHash,
    /// What it is for.
    pub label: &'a str,
    /// What it permits.
    pub roles: Roles,
    /// Which parts of that it is for.
    pub scopes: Scopes,
    /// At most [`TOKEN_LIFE_MAX_S`].
    pub life_s: u32,
}

/// A token for automation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// What it is for.
    pub label: String,
    /// What it permits.
    pub roles: Roles,
    /// Which parts of that it is for.
    pub scopes: Scopes,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub created: Timestamp,
    /// Good until.
    pub expires: Timestamp,
    /// When somebody took it back.
    pub revoked: Option<Timestamp>,
}

type TokenRow = (i64, String, i64, Option<i64>, String, u32, u32, Option<u32>);

fn token((id, label, roles, scopes, made_by, created, expires, revoked): TokenRow) -> Token {
    Token {
        id: TokenId(id),
        label,
        roles: Roles::from_column(roles),
        scopes: Scopes::from_column(scopes),
        made_by,
        created: Timestamp(created),
        expires: Timestamp(expires),
        revoked: revoked.map(Timestamp),
    }
}

/// Begins a session and ends the one it replaces, within the transaction of the act itself.
pub(super) async fn insert_session(
    tx: &mut Transaction<'_, Sqlite>,
    hash: SecretHash,
    person: PersonId,
    replaces: Option<SecretHash>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    // Idle ones stay until they are old: an open page of theirs may still be looked at.
    sqlx::query("DELETE FROM session WHERE begun < $1 OR hash = $2")
        .bind(now.minus_s(ABSOLUTE_LIFE_S).0)
        .bind(replaces.map(Vec::from))
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE person = $1
         ORDER BY seen DESC LIMIT -1 OFFSET $2)",
    )
    .bind(person.0)
    .bind(SESSIONS_PER_PERSON - 1)
    .execute(&mut **tx)
    .await?;
    sqlx::query("INSERT INTO session (hash, person, begun, seen) VALUES ($1, $2, $3, $3)")
        .bind(hash.as_slice())
        .bind(person.0)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl People {
    /// Begins a session under a fresh secret and ends the one it replaces.
    pub async fn begin_session(
        &self,
        hash: SecretHash,
        person: PersonId,
        replaces: Option<SecretHash>,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        insert_session(&mut tx, hash, person, replaces, now).await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The session of that secret, while neither it nor its person's account is over.
    pub async fn session(
        &self,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Session>, Error> {
        let row: Option<(i64, u32, u32)> = sqlx::query_as(
            "SELECT person, begun, seen FROM session WHERE hash = $1 AND seen >= $2 AND begun >= $3",
        )
        .bind(hash.as_slice())
        .bind(now.minus_s(IDLE_LIFE_S).0)
        .bind(now.minus_s(ABSOLUTE_LIFE_S).0)
        .fetch_optional(&self.pool)
        .await?;
        let Some((person, begun, seen)) = row else {
            return Ok(None);
        };
        let Some(person) = self.person(PersonId(person)).await?.filter(|p| p.active) else {
            return Ok(None);
        };
        if now.0 >= seen.saturating_add(SEEN_STEP_S) {
            sqlx::query("UPDATE session SET seen = $1 WHERE hash = $2")
                .bind(now.0)
                .bind(hash.as_slice())
                .execute(&self.pool)
                .await?;
        }
        Ok(Some(Session {
            person,
            begun: Timestamp(begun),
        }))
    }

    /// Who is behind an open page: the session was not ended, is not too old, and the account is in
    /// use and owes nothing. To look at a page that stays open is no use of the session: that goes
    /// idle as if the page were not there, and opens nothing any more.
    pub async fn still_signed_in(
        &self,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Person>, Error> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT person FROM session WHERE hash = $1 AND begun >= $2")
                .bind(hash.as_slice())
                .bind(now.minus_s(ABSOLUTE_LIFE_S).0)
                .fetch_optional(&self.pool)
                .await?;
        let Some((person,)) = row else {
            return Ok(None);
        };
        let person = self.person(PersonId(person)).await?;
        Ok(person.filter(|person| person.active && !person.owes_second_step))
    }

    /// Ends a session; ending it again changes nothing.
    pub async fn end_session(&self, hash: SecretHash) -> Result<(), Error> {
        sqlx::query("DELETE FROM session WHERE hash = $1")
            .bind(hash.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keeps a token.
    pub async fn add_token(
        &self,
        new: NewToken<'_>,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<TokenId, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO token (hash, label, roles, scopes, made_by, created, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        )
        .bind(new.hash.as_slice())
        .bind(new.label)
        .bind(new.roles.column())
        .bind(new.scopes.column())
        .bind(act.who)
        .bind(now.0)
        .bind(now.plus_s(new.life_s.min(TOKEN_LIFE_MAX_S)).0)
        .fetch_one(&mut *tx)
        .await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(TokenId(id))
    }

    /// The token of that secret, while it is good.
    pub async fn token(&self, hash: SecretHash, now: Timestamp) -> Result<Option<Token>, Error> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT id, label, roles, scopes, made_by, created, expires, revoked FROM token
             WHERE hash = $1 AND expires > $2 AND revoked IS NULL",
        )
        .bind(hash.as_slice())
        .bind(now.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(token))
    }

    /// The newest thousand tokens, good or not.
    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT id, label, roles, scopes, made_by, created, expires, revoked FROM token
             ORDER BY id DESC LIMIT 1000",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(token).collect())
    }

    /// Takes a token back; `false` when there was nothing to take back.
    pub async fn revoke_token(
        &self,
        id: TokenId,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let revoked =
            sqlx::query("UPDATE token SET revoked = $1 WHERE id = $2 AND revoked IS NULL")
                .bind(now.0)
                .bind(id.0)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if revoked > 0 {
            append(&mut tx, act, now).await?;
        }
        tx.commit().await?;
        Ok(revoked > 0)
    }
}
