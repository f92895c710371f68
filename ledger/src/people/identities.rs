//! People who sign in by a provider of identities: who they are is its word, whether they come in is
//! decided here.

use super::accounts::{NAME_CHARS_MAX, is_invisible, key_of};
use super::audit::append;
use super::second_step::end_all_of;
use super::sessions::insert_session;
use super::{Act, Error, People, PersonId, Roles, SecretHash};
use protocol::Timestamp;
use sqlx::{Sqlite, Transaction};

/// People of one name before somebody is sent away.
const NAMESAKES_MAX: u32 = 100;

/// Somebody for whom a provider vouches, at the door.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Which provider.
    pub issuer: &'a str,
    /// Who it is there, for ever.
    pub subject: &'a str,
    /// How they are called, when they come for the first time.
    pub name: &'a str,
    /// The roles that the provider gives; `None` where roles are given here alone.
    pub roles: Option<Roles>,
    /// Who comes in for the first time.
    pub admission: Admission,
    /// The session that begins.
    pub session: SecretHash,
    /// The one it replaces.
    pub replaces: Option<SecretHash>,
}

/// Who comes in for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nobody.
    Known,
    /// Everybody with these roles, and those that the provider gives.
    With(Roles),
    /// Whoever holds this link.
    Link(SecretHash),
}

/// Why somebody did not come in.
#[derive(Debug)]
pub enum NotAdmitted {
    /// Nobody let them in before, and they brought no link.
    Unknown,
    /// An owner closed their account.
    Closed,
    /// They have no role here any more, or never had one.
    NoRole,
    /// The link was used, has expired or never existed.
    LinkGone,
    /// Too many people are called the same.
    Name,
    /// The store failed.
    Store(Error),
}

impl From<sqlx::Error> for NotAdmitted {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

type Tx<'a> = Transaction<'a, Sqlite>;

/// Somebody, as this transaction finds or makes them.
struct Found {
    id: PersonId,
    name: String,
    roles: Roles,
}

async fn known(tx: &mut Tx<'_>, arrival: &Arrival<'_>) -> Result<Option<Found>, NotAdmitted> {
    let row: Option<(i64, String, i64, bool)> = sqlx::query_as(
        "SELECT id, name, roles, active FROM identity JOIN person ON person.id = identity.person
         WHERE issuer = $1 AND subject = $2",
    )
    .bind(arrival.issuer)
    .bind(arrival.subject)
    .fetch_optional(&mut **tx)
    .await?;
    match row {
        Some((.., false)) => Err(NotAdmitted::Closed),
        Some((id, name, roles, true)) => Ok(Some(Found {
            id: PersonId(id),
            name,
            roles: Roles::from_column(roles),
        })),
        None => Ok(None),
    }
}

/// What somebody may do who was here before.
fn roles_now(arrival: &Arrival<'_>, before: Roles) -> Roles {
    let everybody = match arrival.admission {
        Admission::With(roles) => roles,
        Admission::Known | Admission::Link(_) => Roles::NONE,
    };
    match arrival.roles {
        Some(given) => given.with(everybody),
        None => before,
    }
}

/// Other roles than before: what is open under the old ones ends.
async fn change(
    tx: &mut Tx<'_>,
    arrival: &Arrival<'_>,
    (person, roles): (&Found, Roles),
    origin: &str,
    now: Timestamp,
) -> Result<(), NotAdmitted> {
    sqlx::query("UPDATE person SET roles = $1 WHERE id = $2")
        .bind(roles.column())
        .bind(person.id.0)
        .execute(&mut **tx)
        .await?;
    end_all_of(tx, person.id).await?;
    let before = person.roles;
    let about = format!("by {}, roles: {roles}, before: {before}", arrival.issuer);
    let act = Act {
        who: &person.name,
        what: "roles read again",
        about: &about,
        origin,
    };
    append(tx, &act, now).await?;
    Ok(())
}

/// What somebody who comes for the first time may do, and who let them in.
async fn admitted(
    tx: &mut Tx<'_>,
    arrival: &Arrival<'_>,
    now: Timestamp,
) -> Result<(Roles, String), NotAdmitted> {
    let given = arrival.roles;
    let (roles, by) = match arrival.admission {
        Admission::Known => return Err(NotAdmitted::Unknown),
        Admission::With(roles) => (roles.with(given.unwrap_or(Roles::NONE)), String::new()),
        Admission::Link(hash) => {
            let link: Option<(i64, String)> = sqlx::query_as(
                "DELETE FROM link WHERE hash = $1 AND expires > $2 RETURNING roles, made_by",
            )
            .bind(hash.to_vec())
            .bind(now.0)
            .fetch_optional(&mut **tx)
            .await?;
            let (roles, by) = link.ok_or(NotAdmitted::LinkGone)?;
            let roles = given.unwrap_or(Roles::from_column(roles));
            (roles, format!(", link by {by}"))
        }
    };
    match roles.is_empty() {
        true => Err(NotAdmitted::NoRole),
        false => Ok((roles, by)),
    }
}

/// An account without a password, under a name that nobody has.
async fn make(
    tx: &mut Tx<'_>,
    arrival: &Arrival<'_>,
    roles: Roles,
    now: Timestamp,
) -> Result<Found, NotAdmitted> {
    let seen = arrival.name.chars().filter(|c| !is_invisible(*c));
    let called: String = seen.take(NAME_CHARS_MAX - 4).collect();
    for namesake in 1..=NAMESAKES_MAX {
        let name = match namesake {
            1 => called.trim().to_owned(),
            more => format!("{} {more}", called.trim()),
        };
        let key = key_of(&name).ok_or(NotAdmitted::Name)?;
        let id: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO person (name, name_key, password, roles, created)
             VALUES ($1, $2, '', $3, $4) ON CONFLICT (name_key) DO NOTHING RETURNING id",
        )
        .bind(&name)
        .bind(key)
        .bind(roles.column())
        .bind(now.0)
        .fetch_optional(&mut **tx)
        .await?;
        let Some((id,)) = id else { continue };
        sqlx::query("INSERT INTO identity (issuer, subject, person) VALUES ($1, $2, $3)")
            .bind(arrival.issuer)
            .bind(arrival.subject)
            .bind(id)
            .execute(&mut **tx)
            .await?;
        let id = PersonId(id);
        return Ok(Found { id, name, roles });
    }
    Err(NotAdmitted::Name)
}

impl People {
    /// Begins a session for somebody for whom a provider vouches, as the account stands then: made,
    /// with the roles that are theirs now, and the entries of the trail, all in one transaction. A
    /// crash leaves them at the door. Roles that were taken away end what is open, and stay taken
    /// away when that leaves none.
    pub async fn arrive(
        &self,
        arrival: Arrival<'_>,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), NotAdmitted> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let person = match known(&mut tx, &arrival).await? {
            Some(person) => {
                let roles = roles_now(&arrival, person.roles);
                if roles != person.roles {
                    change(&mut tx, &arrival, (&person, roles), origin, now).await?;
                }
                if roles.is_empty() {
                    tx.commit().await?;
                    return Err(NotAdmitted::NoRole);
                }
                person
            }
            None => {
                let (roles, link) = admitted(&mut tx, &arrival, now).await?;
                let made = make(&mut tx, &arrival, roles, now).await?;
                let (issuer, subject) = (arrival.issuer, arrival.subject);
                let about = format!("by {issuer}, there {subject}{link}, roles: {}", made.roles);
                let act = Act {
                    who: &made.name,
                    what: "account made",
                    about: &about,
                    origin,
                };
                append(&mut tx, &act, now).await?;
                made
            }
        };
        let by = format!("by {}", arrival.issuer);
        let act = Act {
            who: &person.name,
            what: "signed in",
            about: &by,
            origin,
        };
        insert_session(&mut tx, arrival.session, person.id, arrival.replaces, now).await?;
        append(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(())
    }
}
