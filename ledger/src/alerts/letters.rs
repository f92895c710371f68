//! Letters: written once, sent until they are taken or too old, and remembered for a while.

use super::destinations::Destination;
use super::{Alerts, DestinationId, Event, Fact, LetterId, QUEUE_MAX, Unkept, row};
use crate::error::Error;
use crate::store::row::Row;
use protocol::Timestamp;
use sqlx::{Sqlite, Transaction};

/// Letters that have been delivered or given up and are remembered.
pub const HISTORY_MAX: u32 = 10_000;
/// Tries of one letter.
pub const TRIES_MAX: u32 = 100;
/// A letter that was not taken for so long is given up.
pub const LETTER_LIFE_S: u32 = 3 * 86_400;
/// Bytes that are kept of what went wrong.
pub const PROBLEM_BYTES_MAX: usize = 256;
/// The pause after the first try that was of no avail; it doubles with every further one.
const PAUSE_FIRST_S: u32 = 10;
/// The longest pause.
const PAUSE_MOST_S: u32 = 3_600;

/// How a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// It was not taken yet.
    Waiting,
    /// Its destination took it.
    Delivered,
    /// It was not taken in time, or its destination is gone.
    GivenUp,
}

impl LetterState {
    const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::GivenUp];

    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    const fn column(self) -> i64 {
        self as i64
    }

    fn from_column(column: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.column() == column)
    }
}

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Counts up.
    pub number: i64,
    /// The same however often it is sent.
    pub id: LetterId,
    /// Where it goes.
    pub destination: DestinationId,
    /// What that was called.
    pub going_to: String,
    /// What its rule was called; empty for a trial.
    pub rule: String,
    /// What it is about: the word of a kind, or of the trial.
    pub kind: String,
    /// What happened.
    pub event: Event,
    /// What is the matter.
    pub fact: Fact,
    /// When it was written.
    pub written: Timestamp,
    /// How it stands.
    pub state: LetterState,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last.
    pub last: Option<Timestamp>,
    /// What came of that, where it was not taken.
    pub problem: String,
}

type Columns = (
    i64,
    Vec<u8>,
    Vec<u8>,
    String,
    String,
    String,
    String,
    String,
    i64,
    String,
    String,
    i64,
    i64,
    i64,
    Option<i64>,
    String,
);

macro_rules! select_letter {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, destination, going_to, rule, kind, event, subject, level, words,
               path, written, state, tries, last, problem FROM letter ",
            $rest
        )
    };
}

fn letter(columns: Columns) -> Result<Letter, Error> {
    let (
        number,
        id,
        destination,
        going_to,
        rule,
        kind,
        event,
        subject,
        level,
        words,
        path,
        written,
        state,
        tries,
        last,
        problem,
    ) = columns;
    let row = Row {
        table: "letter",
        key: &number,
    };
    Ok(Letter {
        number,
        id: LetterId::from_column(&row, &id)?,
        destination: DestinationId::from_column(&row, &destination)?,
        going_to,
        rule,
        kind,
        event: Event::from_word(&event).ok_or_else(|| row.damaged("no event"))?,
        fact: Fact {
            subject,
            level: row.count(level)?,
            words,
            path,
        },
        written: row.time(written)?,
        state: LetterState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
        tries: row.units(tries)?,
        last: last.map(|at| row.time(at)).transpose()?,
        problem,
    })
}

/// A letter to be written.
pub(super) struct NewLetter<'a> {
    pub id: LetterId,
    pub destination: DestinationId,
    pub rule: &'a str,
    pub kind: &'a str,
    pub event: Event,
    pub fact: &'a Fact,
}

/// Writes a letter, while there is room in the queue of its destination.
pub(super) async fn insert(
    tx: &mut Transaction<'_, Sqlite>,
    new: &NewLetter<'_>,
    room: u32,
    now: Timestamp,
) -> Result<bool, Error> {
    let written = sqlx::query(
        "INSERT INTO letter (id, destination, going_to, rule, kind, event, subject, level, words,
           path, written)
         SELECT $1, id, name, $2, $3, $4, $5, $6, $7, $8, $9 FROM destination WHERE id = $10
           AND (SELECT count(*) FROM letter WHERE destination = $10 AND state = 0) < $11
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.column())
    .bind(new.rule)
    .bind(new.kind)
    .bind(new.event.word())
    .bind(new.fact.subject.as_str())
    .bind(i64::try_from(new.fact.level).unwrap_or(i64::MAX))
    .bind(new.fact.words.as_str())
    .bind(new.fact.path.as_str())
    .bind(now.0)
    .bind(new.destination.column())
    .bind(room)
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() > 0)
}

/// How long a destination is left alone that took nothing `failing` times in a row.
const fn pause_s(failing: u32) -> u32 {
    let doublings = failing.saturating_sub(1);
    match PAUSE_FIRST_S.checked_shl(doublings) {
        // What is shifted out at the top is no short pause.
        Some(pause_s) if doublings < 16 && pause_s < PAUSE_MOST_S => pause_s,
        _ => PAUSE_MOST_S,
    }
}

/// The most of a text that fits, to a whole character.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Alerts {
    /// Writes a letter that tries the way to a destination. The same identifier again changes
    /// nothing.
    pub async fn try_destination(
        &self,
        id: LetterId,
        destination: DestinationId,
        words: &str,
        now: Timestamp,
    ) -> Result<(), Unkept> {
        let fact = Fact {
            subject: String::new(),
            level: 1,
            words: words.to_owned(),
            path: "/alerts".to_owned(),
        };
        let new = NewLetter {
            id,
            destination,
            rule: "",
            kind: Event::Trial.word(),
            event: Event::Trial,
            fact: &fact,
        };
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let there: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM destination WHERE id = $1")
            .bind(destination.column())
            .fetch_optional(&mut *tx)
            .await?;
        there.ok_or(Unkept::Unknown)?;
        insert(&mut tx, &new, QUEUE_MAX, now).await?;
        // Somebody stands there and waits: whatever pause there was is over.
        sqlx::query("UPDATE destination SET next_try = 0 WHERE id = $1")
            .bind(destination.column())
            .execute(&mut *tx)
            .await?;
        let known: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM letter WHERE id = $1")
            .bind(id.column())
            .fetch_optional(&mut *tx)
            .await?;
        known.ok_or(Unkept::Full)?;
        tx.commit().await?;
        Ok(())
    }

    /// One letter for every destination that may be tried now: of those that wait the least tried,
    /// so that one which is never taken keeps none back, and of these the oldest.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<(Letter, Destination)>, Error> {
        let destinations = self.destinations().await?;
        let is_due = |one: &Destination| {
            // A pause that lies further ahead than any is one of a clock that was set back.
            one.waiting > 0 && (one.next_try <= now || one.next_try > now.plus_s(PAUSE_MOST_S))
        };
        let mut due = Vec::new();
        for destination in destinations.into_iter().filter(is_due) {
            let next: Option<Columns> = sqlx::query_as(select_letter!(
                "WHERE destination = $1 AND state = 0 ORDER BY tries, number LIMIT 1"
            ))
            .bind(destination.id.column())
            .fetch_optional(&self.pool)
            .await?;
            if let Some(next) = next {
                due.push((letter(next)?, destination));
            }
        }
        Ok(due)
    }

    /// The destination has taken a letter. A crash before the commit: it gets it once more, under
    /// the same identifier.
    pub async fn delivered(&self, letter: &Letter, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        end(&mut tx, letter, (LetterState::Delivered, ""), now).await?;
        sqlx::query("UPDATE destination SET failing = 0, next_try = 0 WHERE id = $1")
            .bind(letter.destination.column())
            .execute(&mut *tx)
            .await?;
        forget_oldest(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The destination did not take a letter, because of `problem`: after a pause it is tried
    /// again, and given up after [`TRIES_MAX`] tries or [`LETTER_LIFE_S`].
    pub async fn failed(
        &self,
        letter: &Letter,
        problem: &str,
        now: Timestamp,
    ) -> Result<LetterState, Error> {
        let is_old = letter.written.plus_s(LETTER_LIFE_S) <= now;
        let state = match is_old || letter.tries.saturating_add(1) >= TRIES_MAX {
            true => LetterState::GivenUp,
            false => LetterState::Waiting,
        };
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        end(&mut tx, letter, (state, problem), now).await?;
        let failing: Option<(i64,)> = sqlx::query_as(
            "UPDATE destination SET failing = failing + 1 WHERE id = $1 RETURNING failing",
        )
        .bind(letter.destination.column())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((failing,)) = failing {
            let pause_s = pause_s(row("destination").units(failing)?);
            sqlx::query("UPDATE destination SET next_try = $1 WHERE id = $2")
                .bind(now.plus_s(pause_s).0)
                .bind(letter.destination.column())
                .execute(&mut *tx)
                .await?;
        }
        forget_oldest(&mut tx).await?;
        tx.commit().await?;
        Ok(state)
    }

    /// Letters before that number, the newest first.
    pub async fn letters(&self, before: Option<i64>, most: u32) -> Result<Vec<Letter>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(select_letter!(
            "WHERE number < $1 ORDER BY number DESC LIMIT $2"
        ))
        .bind(before.unwrap_or(i64::MAX))
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(letter).collect()
    }
}

/// A try is over. A letter that was given up meanwhile, with its destination, stays so.
async fn end(
    tx: &mut Transaction<'_, Sqlite>,
    letter: &Letter,
    (state, problem): (LetterState, &str),
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE letter SET state = $1, tries = tries + 1, last = $2, problem = $3
         WHERE number = $4 AND state = 0",
    )
    .bind(state.column())
    .bind(now.0)
    .bind(cut(problem, PROBLEM_BYTES_MAX))
    .bind(letter.number)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn forget_oldest(tx: &mut Transaction<'_, Sqlite>) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM letter WHERE number IN (SELECT number FROM letter WHERE state > 0
           ORDER BY number DESC LIMIT -1 OFFSET $1)",
    )
    .bind(HISTORY_MAX)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pauses: Vec<u32> = (1..=11).map(pause_s).collect();
        let expected = [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600];
        assert_eq!(pauses, expected);
        assert_eq!((pause_s(0), pause_s(u32::MAX)), (10, PAUSE_MOST_S));
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!((cut("häh", 2), cut("häh", 3), cut("", 5)), ("h", "hä", ""));
    }
}
