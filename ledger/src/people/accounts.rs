//! People and the one-time links that make them.

use super::audit::append;
use super::second_step::end_all_of;
use super::{Act, Error, People, Roles, SecretHash};
use protocol::Timestamp;

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// A link lives at most a week.
pub const LINK_LIFE_MAX_S: u32 = 7 * 86_400;

/// Number of a person in this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PersonId(pub i64);

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Its number.
    pub id: PersonId,
    /// As it was typed.
    pub name: String,
    /// What they may do.
    pub roles: Roles,
    /// Whether they may sign in.
    pub active: bool,
    /// When the account was made.
    pub created: Timestamp,
    /// Whether they have a second step at sign-in.
    pub second_step: bool,
    /// Whether a role of theirs takes one and they have none: they set it up before anything else.
    pub owes_second_step: bool,
    /// The issuer by whose word they sign in; `None`: by a password here.
    pub provider: Option<String>,
}

/// What a one-time link is exchanged for.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    /// 1 to [`NAME_CHARS_MAX`] characters, none of them a control character.
    pub name: &'a str,
    /// PHC string.
    pub password: &'a str,
}

/// Why an account was not made or changed.
#[derive(Debug)]
pub enum Refused {
    /// The link was used, has expired or never existed.
    LinkGone,
    /// Empty, too long, or with characters that do not print.
    NameUnfit,
    /// Somebody has that name.
    NameTaken,
    /// It would leave nobody who can sign in as owner.
    LastOwner,
    /// No such person.
    Unknown,
    /// The store failed.
    Store(Error),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

type PersonRow = (i64, String, i64, bool, u32, bool, bool, Option<String>);

fn person(row: PersonRow) -> Person {
    let (id, name, roles, active, created, second_step, owes_second_step, provider) = row;
    Person {
        id: PersonId(id),
        name,
        roles: Roles::from_column(roles),
        active,
        created: Timestamp(created),
        second_step,
        owes_second_step,
        provider,
    }
}

/// Names are compared without regard to case and outer spaces.
pub(super) fn key_of(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    (fits && !name.chars().any(is_invisible)).then(|| name.to_lowercase())
}

/// Characters that let two different names look the same.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl People {
    /// Whether anybody has an account yet.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        let (people,): (i64,) = sqlx::query_as("SELECT count(*) FROM person")
            .fetch_one(&self.pool)
            .await?;
        Ok(people == 0)
    }

    /// Everybody, in the order of their names.
    pub async fn persons(&self) -> Result<Vec<Person>, Error> {
        let rows: Vec<PersonRow> =
            sqlx::query_as("SELECT * FROM somebody ORDER BY name_key LIMIT 1000")
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(person).collect())
    }

    /// The person of that name with the PHC string of their password; whoever has none is not found.
    pub async fn by_name(&self, name: &str) -> Result<Option<(Person, String)>, Error> {
        let Some(key) = key_of(name) else {
            return Ok(None);
        };
        let row: Option<(i64, String)> = sqlx::query_as(
            "SELECT id, password FROM person WHERE name_key = $1 AND password <> ''",
        )
        .bind(key)
        .fetch_optional(&self.pool)
        .await?;
        let Some((id, password)) = row else {
            return Ok(None);
        };
        let person = self.person(PersonId(id)).await?;
        Ok(person.map(|person| (person, password)))
    }

    /// Keeps a one-time link that makes one account with these roles.
    pub async fn add_link(
        &self,
        hash: SecretHash,
        roles: Roles,
        life_s: u32,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        let expires = now.plus_s(life_s.min(LINK_LIFE_MAX_S));
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM link WHERE expires <= $1")
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO link (hash, roles, made_by, expires) VALUES ($1, $2, $3, $4)")
            .bind(hash.as_slice())
            .bind(roles.column())
            .bind(act.who)
            .bind(expires.0)
            .execute(&mut *tx)
            .await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(expires)
    }

    /// The roles a link would give, while it can still be used.
    pub async fn link(&self, hash: SecretHash, now: Timestamp) -> Result<Option<Roles>, Error> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT roles FROM link WHERE hash = $1 AND expires > $2")
                .bind(hash.as_slice())
                .bind(now.0)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(roles,)| Roles::from_column(roles)))
    }

    /// Exchanges a link for an account. The link is gone with the same commit; a name that does not
    /// fit leaves it usable.
    pub async fn use_link(
        &self,
        hash: SecretHash,
        new: NewPerson<'_>,
        origin: &str,
        now: Timestamp,
    ) -> Result<Person, Refused> {
        let key = key_of(new.name).ok_or(Refused::NameUnfit)?;
        let name = new.name.trim();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let link: Option<(i64, String)> = sqlx::query_as(
            "DELETE FROM link WHERE hash = $1 AND expires > $2 RETURNING roles, made_by",
        )
        .bind(hash.as_slice())
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let (roles, made_by) = link.ok_or(Refused::LinkGone)?;
        let id: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO person (name, name_key, password, roles, created)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name_key) DO NOTHING RETURNING id",
        )
        .bind(name)
        .bind(key)
        .bind(new.password)
        .bind(roles)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let (id,) = id.ok_or(Refused::NameTaken)?;
        let roles = Roles::from_column(roles);
        let about = format!("link by {made_by}, roles: {roles}");
        append(
            &mut tx,
            &Act {
                who: name,
                what: "account made",
                about: &about,
                origin,
            },
            now,
        )
        .await?;
        tx.commit().await?;
        let made = self.person(PersonId(id)).await.map_err(Refused::Store)?;
        made.ok_or(Refused::Unknown)
    }

    /// Changes what a person may do; every session of theirs ends with the same commit.
    pub async fn set_person(
        &self,
        id: PersonId,
        roles: Roles,
        active: bool,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query("UPDATE person SET roles = $1, active = $2 WHERE id = $3")
            .bind(roles.column())
            .bind(active)
            .bind(id.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if changed == 0 {
            return Err(Refused::Unknown);
        }
        let (owners,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM person WHERE active = 1 AND roles & 1 = 1")
                .fetch_one(&mut *tx)
                .await?;
        if owners == 0 {
            return Err(Refused::LastOwner);
        }
        end_all_of(&mut tx, id).await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn person(&self, id: PersonId) -> Result<Option<Person>, Error> {
        let row: Option<PersonRow> = sqlx::query_as("SELECT * FROM somebody WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(person))
    }
}
