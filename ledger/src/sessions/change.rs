//! What can be changed in the file, each as one statement or a few.

use protocol::{Code, Timestamp};
use sqlx::SqliteConnection;

/// Something to write down. Doing it twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A session begins, under a number that none has.
    Begin {
        /// Its number.
        session: i64,
        /// Whose it is.
        code: Code,
        /// What the client id has behind the code.
        suffix: String,
        /// How long it is kept after its connection has ended, in seconds.
        life_s: u32,
    },
    /// Somebody connects to it, or has gone.
    Presence {
        /// Which session.
        session: i64,
        /// How long it is kept after its connection has ended, in seconds.
        life_s: u32,
        /// Since when nobody is connected.
        away: Option<Timestamp>,
    },
    /// It listens to something more, or otherwise.
    Subscribe(i64, SubscriptionRow),
    /// It listens to something no longer.
    Unsubscribe {
        /// Which session.
        session: i64,
        /// The group it was shared in; empty for none.
        share: String,
        /// To what.
        filter: String,
    },
    /// Something was published.
    Post(Posting),
    /// A client has these messages, and they are not needed any more.
    Taken(i64, Vec<u64>),
    /// A client has this message of QoS 2 and only has to forget it.
    Released(i64, u64),
    /// A client has released this packet identifier: it may stand for another publication.
    Completed(i64, u16),
    /// The session is over, with all it was owed.
    End(i64),
}

/// What a session listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// The group it is shared in; empty for none.
    pub share: String,
    /// To what.
    pub filter: String,
    /// As SUBSCRIBE of MQTT 5 writes them.
    pub options: u8,
    /// 0 for none.
    pub identifier: u32,
}

/// A publication and where it is kept: all of it in one transaction, so that a publication of QoS 2
/// is never kept without the mark that keeps it from coming again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posting {
    /// In the words of who keeps it.
    pub bytes: Vec<u8>,
    /// The topic whose newest it is.
    pub retain: Option<String>,
    /// The topic that retains nothing any more.
    pub clear: Option<String>,
    /// Sessions it is for, the number it has in each, and how each gets it.
    pub to: Vec<(i64, u64, u8)>,
    /// The publisher's session, and the packet identifier it has not released.
    pub received: Option<(i64, u16)>,
}

impl Change {
    pub(super) async fn write(&self, to: &mut SqliteConnection) -> sqlx::Result<()> {
        match self {
            Self::Begin {
                session,
                code,
                suffix,
                life_s,
            } => {
                // One that was to end and could not must not be in the way of this one.
                sqlx::query("DELETE FROM session WHERE code = $1 AND suffix = $2 AND number <> $3")
                    .bind(code.as_bytes().as_slice())
                    .bind(suffix)
                    .bind(session)
                    .execute(&mut *to)
                    .await?;
                let sql =
                    "INSERT INTO session (number, code, suffix, life_s) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (number) DO NOTHING";
                sqlx::query(sql)
                    .bind(session)
                    .bind(code.as_bytes().as_slice())
                    .bind(suffix)
                    .bind(life_s)
                    .execute(to)
                    .await?;
            }
            Self::Presence {
                session,
                life_s,
                away,
            } => {
                sqlx::query("UPDATE session SET life_s = $2, away = $3 WHERE number = $1")
                    .bind(session)
                    .bind(life_s)
                    .bind(away.map(|at| at.0))
                    .execute(to)
                    .await?;
            }
            Self::Subscribe(session, row) => subscribe(*session, row, to).await?,
            Self::Unsubscribe {
                session,
                share,
                filter,
            } => {
                let sql =
                    "DELETE FROM subscription WHERE session = $1 AND share = $2 AND filter = $3";
                sqlx::query(sql)
                    .bind(session)
                    .bind(share)
                    .bind(filter)
                    .execute(to)
                    .await?;
            }
            Self::Post(posting) => posting.write(to).await?,
            Self::Taken(session, numbers) => {
                for number in numbers {
                    sqlx::query("DELETE FROM message WHERE session = $1 AND number = $2")
                        .bind(session)
                        .bind(column(*number))
                        .execute(&mut *to)
                        .await?;
                }
            }
            Self::Released(session, number) => {
                let sql = "UPDATE message SET released = 1 WHERE session = $1 AND number = $2";
                sqlx::query(sql)
                    .bind(session)
                    .bind(column(*number))
                    .execute(to)
                    .await?;
            }
            Self::Completed(session, id) => {
                sqlx::query("DELETE FROM received WHERE session = $1 AND id = $2")
                    .bind(session)
                    .bind(id)
                    .execute(to)
                    .await?;
            }
            Self::End(session) => {
                sqlx::query("DELETE FROM session WHERE number = $1")
                    .bind(session)
                    .execute(to)
                    .await?;
            }
        }
        Ok(())
    }
}

async fn subscribe(
    session: i64,
    row: &SubscriptionRow,
    to: &mut SqliteConnection,
) -> sqlx::Result<()> {
    // A session that has ended meanwhile listens to nothing.
    sqlx::query(
        "INSERT INTO subscription (session, share, filter, options, identifier)
         SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM session WHERE number = $1)
         ON CONFLICT (session, share, filter)
         DO UPDATE SET options = excluded.options, identifier = excluded.identifier",
    )
    .bind(session)
    .bind(&row.share)
    .bind(&row.filter)
    .bind(row.options)
    .bind(row.identifier)
    .execute(to)
    .await?;
    Ok(())
}

impl Posting {
    async fn write(&self, to: &mut SqliteConnection) -> sqlx::Result<()> {
        if let Some(topic) = &self.retain {
            sqlx::query(
                "INSERT INTO retained (topic, bytes) VALUES ($1, $2)
                 ON CONFLICT (topic) DO UPDATE SET bytes = excluded.bytes",
            )
            .bind(topic)
            .bind(&self.bytes)
            .execute(&mut *to)
            .await?;
        }
        if let Some(topic) = &self.clear {
            sqlx::query("DELETE FROM retained WHERE topic = $1")
                .bind(topic)
                .execute(&mut *to)
                .await?;
        }
        for (session, number, options) in &self.to {
            // A session that has ended meanwhile is owed nothing.
            sqlx::query(
                "INSERT INTO message (session, number, options, bytes)
                 SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM session WHERE number = $1)
                 ON CONFLICT (session, number) DO NOTHING",
            )
            .bind(session)
            .bind(column(*number))
            .bind(options)
            .bind(&self.bytes)
            .execute(&mut *to)
            .await?;
        }
        if let Some((session, id)) = self.received {
            sqlx::query(
                "INSERT INTO received (session, id)
                 SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM session WHERE number = $1)
                 ON CONFLICT (session, id) DO NOTHING",
            )
            .bind(session)
            .bind(id)
            .execute(&mut *to)
            .await?;
        }
        Ok(())
    }
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
