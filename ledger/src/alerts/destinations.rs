//! Where letters go.

use super::{Alerts, DESTINATIONS_MAX, DestinationId, Unkept, row};
use crate::error::Error;
use protocol::Timestamp;

/// Bytes of the secret that letters to a webhook are signed with.
pub const WEBHOOK_SECRET_BYTES: usize = 32;

/// How a destination is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// By a POST to this URL, signed with a secret that its receiver has.
    Webhook(String, [u8; WEBHOOK_SECRET_BYTES]),
    /// By mail.
    Mail(String),
}

impl Address {
    /// `webhook` or `mail`.
    pub const fn way(&self) -> &'static str {
        match self {
            Self::Webhook(..) => "webhook",
            Self::Mail(_) => "mail",
        }
    }

    /// The URL or address of mail.
    pub fn text(&self) -> &str {
        match self {
            Self::Webhook(text, _) | Self::Mail(text) => text,
        }
    }
}

/// The secret is nobody's to read in a log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:?})", self.way(), self.text())
    }
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Which.
    pub id: DestinationId,
    /// What people call it.
    pub name: String,
    /// How it is reached.
    pub address: Address,
    /// Who made it.
    pub by: String,
    /// When.
    pub made: Timestamp,
    /// Tries in a row that it did not take.
    pub failing: u32,
    /// It is not tried before.
    pub next_try: Timestamp,
    /// Letters that wait for it.
    pub waiting: u64,
}

pub(super) type Columns = (
    Vec<u8>,
    String,
    String,
    String,
    Vec<u8>,
    String,
    i64,
    i64,
    i64,
    i64,
);

macro_rules! select_destination {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, way, address, secret, made_by, made, failing, next_try,
               (SELECT count(*) FROM letter WHERE letter.destination = destination.id AND state = 0)
             FROM destination ",
            $rest
        )
    };
}

pub(super) fn destination(columns: Columns) -> Result<Destination, Error> {
    let (id, name, way, address, secret, by, made, failing, next_try, waiting) = columns;
    let row = row("destination");
    let address = match (way.as_str(), <[u8; WEBHOOK_SECRET_BYTES]>::try_from(secret)) {
        ("webhook", Ok(secret)) => Address::Webhook(address, secret),
        ("mail", _) => Address::Mail(address),
        _ => return Err(row.damaged("no way to a destination").into()),
    };
    Ok(Destination {
        id: DestinationId::from_column(&row, &id)?,
        name,
        address,
        by,
        made: row.time(made)?,
        failing: row.units(failing)?,
        next_try: row.time(next_try)?,
        waiting: row.count(waiting)?,
    })
}

impl Alerts {
    /// Keeps a destination. The same identifier again keeps what stands there; another destination
    /// under it is [`Unkept::Unknown`].
    pub async fn add_destination(
        &self,
        id: DestinationId,
        name: &str,
        address: &Address,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Unkept> {
        let secret = match address {
            Address::Webhook(_, secret) => secret.as_slice(),
            Address::Mail(_) => &[],
        };
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT INTO destination (id, name, way, address, secret, made_by, made)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM destination) < $8
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.column())
        .bind(name)
        .bind(address.way())
        .bind(address.text())
        .bind(secret)
        .bind(by)
        .bind(now.0)
        .bind(DESTINATIONS_MAX)
        .execute(&mut *tx)
        .await?;
        let kept: Option<Columns> = sqlx::query_as(select_destination!("WHERE id = $1"))
            .bind(id.column())
            .fetch_optional(&mut *tx)
            .await?;
        let kept = destination(kept.ok_or(Unkept::Full)?)?;
        if (kept.name.as_str(), &kept.address) != (name, address) {
            return Err(Unkept::Unknown);
        }
        tx.commit().await?;
        Ok(())
    }

    /// All destinations, by name; at most [`DESTINATIONS_MAX`].
    pub async fn destinations(&self) -> Result<Vec<Destination>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(select_destination!("ORDER BY name, id LIMIT $1"))
            .bind(DESTINATIONS_MAX)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(destination).collect()
    }

    /// One destination.
    pub async fn destination(&self, id: DestinationId) -> Result<Option<Destination>, Error> {
        let found: Option<Columns> = sqlx::query_as(select_destination!("WHERE id = $1"))
            .bind(id.column())
            .fetch_optional(&self.pool)
            .await?;
        found.map(destination).transpose()
    }

    /// Takes a destination away that no rule writes to; letters that wait for it are given up.
    pub async fn remove_destination(
        &self,
        id: DestinationId,
        now: Timestamp,
    ) -> Result<(), Unkept> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let used: Option<(i64,)> =
            sqlx::query_as("SELECT 1 FROM rule WHERE destination = $1 LIMIT 1")
                .bind(id.column())
                .fetch_optional(&mut *tx)
                .await?;
        if used.is_some() {
            return Err(Unkept::InUse);
        }
        sqlx::query(
            "UPDATE letter SET state = 2, last = $2, problem = 'the destination was taken away'
             WHERE destination = $1 AND state = 0",
        )
        .bind(id.column())
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let gone = sqlx::query("DELETE FROM destination WHERE id = $1")
            .bind(id.column())
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() == 0 {
            return Err(Unkept::Unknown);
        }
        tx.commit().await?;
        Ok(())
    }

    /// Destinations that have taken nothing at the last `tries` tries or more.
    pub async fn unreached(&self, tries: u32) -> Result<u64, Error> {
        let (count,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM destination WHERE failing >= $1")
                .bind(tries)
                .fetch_one(&self.pool)
                .await?;
        Ok(row("destination").count(count)?)
    }
}
