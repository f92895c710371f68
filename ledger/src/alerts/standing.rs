//! What rules have told, and the one step that goes on from it.

use super::decide::{Event, Fact, Standing, Step, decide};
use super::letters::{NewLetter, insert};
use super::{Alerts, LetterId, QUEUE_MAX, Rule, RuleId, SUBJECTS_MAX, row};
use crate::error::Error;
use protocol::Timestamp;
use sqlx::{Sqlite, Transaction};

type Tx<'a> = Transaction<'a, Sqlite>;

async fn standing(tx: &mut Tx<'_>, rule: RuleId) -> Result<Vec<Standing>, Error> {
    type Columns = (String, i64, i64, String, String);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT subject, mark, told, words, path FROM standing WHERE rule = $1
         ORDER BY subject LIMIT $2",
    )
    .bind(rule.column())
    .bind(SUBJECTS_MAX as i64)
    .fetch_all(&mut **tx)
    .await?;
    let row = row("standing");
    let read = |(subject, mark, told, words, path): Columns| {
        Ok(Standing {
            subject,
            mark: row.count(mark)?,
            told: row.time(told)?,
            words,
            path,
        })
    };
    rows.into_iter().map(read).collect()
}

async fn lower(tx: &mut Tx<'_>, rule: RuleId, subject: &str, mark: u64) -> Result<(), Error> {
    sqlx::query("UPDATE standing SET mark = $1 WHERE rule = $2 AND subject = $3")
        .bind(i64::try_from(mark).unwrap_or(i64::MAX))
        .bind(rule.column())
        .bind(subject)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn forget(tx: &mut Tx<'_>, rule: RuleId, subject: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM standing WHERE rule = $1 AND subject = $2")
        .bind(rule.column())
        .bind(subject)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn stands(tx: &mut Tx<'_>, rule: RuleId, fact: &Fact, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO standing (rule, subject, mark, told, words, path)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (rule, subject) DO UPDATE SET mark = excluded.mark, told = excluded.told,
           words = excluded.words, path = excluded.path",
    )
    .bind(rule.column())
    .bind(fact.subject.as_str())
    .bind(i64::try_from(fact.level).unwrap_or(i64::MAX))
    .bind(now.0)
    .bind(fact.words.as_str())
    .bind(fact.path.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A letter and what it says is told, or neither where there is no room: then it is told later.
async fn write(
    tx: &mut Tx<'_>,
    rule: &Rule,
    (event, fact): (Event, &Fact),
    id: LetterId,
    now: Timestamp,
) -> Result<bool, Error> {
    let new = NewLetter {
        id,
        destination: rule.destination,
        rule: &rule.name,
        kind: rule.kind.word(),
        event,
        fact,
    };
    let written = insert(tx, &new, QUEUE_MAX, now).await?;
    match event {
        Event::Over => lower(tx, rule.id, &fact.subject, 0).await?,
        _ if written => stands(tx, rule.id, fact, now).await?,
        _ => {}
    }
    Ok(written)
}

impl Alerts {
    /// Tells what has to be told of these facts by this rule; gives how many letters were written.
    /// What was told is marked in the transaction that writes the letters. A crash before the
    /// commit: the next look finds the same facts and tells them. A crash after it: the letters
    /// wait.
    pub async fn take(
        &self,
        rule: &Rule,
        facts: &[Fact],
        random: &(dyn Fn(&mut [u8]) + Send + Sync),
        now: Timestamp,
    ) -> Result<usize, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let there: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM rule WHERE id = $1")
            .bind(rule.id.column())
            .fetch_optional(&mut *tx)
            .await?;
        if there.is_none() {
            return Ok(0); // taken away since it was read
        }
        let told = standing(&mut tx, rule.id).await?;
        let steps = decide((rule.quiet_s, rule.says_over), &told, facts, now);
        if steps.is_empty() {
            return Ok(0);
        }
        let mut written = 0;
        for step in steps {
            match step {
                Step::Write(event, fact) => {
                    let id = LetterId::draw(random);
                    written += usize::from(write(&mut tx, rule, (event, &fact), id, now).await?);
                }
                Step::Lower(subject, mark) => lower(&mut tx, rule.id, &subject, mark).await?,
                Step::Forget(subject) => forget(&mut tx, rule.id, &subject).await?,
            }
        }
        tx.commit().await?;
        Ok(written)
    }
}
