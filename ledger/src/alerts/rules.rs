//! What is watched, and who is told.

use super::{
    Alerts, CODES_PER_RULE_MAX, DestinationId, RULES_MAX, RuleId, SUBJECTS_MAX, Unkept, row,
};
use crate::error::Error;
use protocol::{AmountMinor, Code, Currency, Timestamp};
use std::collections::BTreeMap;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
        /// What can be watched: a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All of them, the most urgent first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in forms, letters and columns.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// The books of a currency do not add up.
    Books "books";
    /// There is a fraud case.
    Fraud "fraud";
    /// A certificate of an authority or of the doors ends soon.
    Expiry "expiry";
    /// The lists of revoked codes are not made anew.
    Lists "lists";
    /// The disk of the data folder is nearly full.
    Disk "disk";
    /// Acts are not under a checkpoint of the code chain.
    Log "log";
    /// A witness does not cosign.
    Witness "witness";
    /// A destination takes no letters.
    Letters "letters";
    /// A payment was not claimed in time.
    Overdue "overdue";
    /// A payer asks for its money back.
    Refunds "refunds";
    /// A load or redemption waits for a second person.
    Requests "requests";
    /// A device asks for a code.
    Pending "pending";
    /// Codes are frozen or revoked.
    Stopped "stopped";
    /// Many messages wait for things.
    Inboxes "inboxes";
    /// A thing has measured nothing for a while.
    Silent "silent";
    /// A purse holds less than a bound.
    PurseBelow "purse_below";
    /// A purse holds more than a bound.
    PurseAbove "purse_above";
}

impl Kind {
    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Whether it is about things that a rule names; otherwise about the house.
    pub const fn names_things(self) -> bool {
        matches!(self, Self::Silent | Self::PurseBelow | Self::PurseAbove)
    }

    /// Whether it is about a bound.
    pub const fn has_bound(self) -> bool {
        matches!(self, Self::PurseBelow | Self::PurseAbove)
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which.
    pub id: RuleId,
    /// What people call it.
    pub name: String,
    /// What is watched.
    pub kind: Kind,
    /// Of which things; none where it is about the house. At most [`CODES_PER_RULE_MAX`].
    pub codes: Vec<Code>,
    /// Of silence: how long; otherwise 0.
    pub after_s: u32,
    /// Of purses: the bound.
    pub bound: Option<(Currency, AmountMinor)>,
    /// Who is told.
    pub destination: DestinationId,
    /// Between two letters about one subject lies at least so long.
    pub quiet_s: u32,
    /// Whether there is a letter, too, when it is over.
    pub says_over: bool,
    /// Who made it.
    pub by: String,
    /// When.
    pub made: Timestamp,
}

type Columns = (
    Vec<u8>,
    String,
    String,
    i64,
    Option<Vec<u8>>,
    Option<i64>,
    Vec<u8>,
    i64,
    bool,
    String,
    i64,
);

macro_rules! select_rule {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, after_s, currency, bound, destination, quiet_s, says_over,
               made_by, made FROM rule ",
            $rest
        )
    };
}

fn rule(columns: Columns, codes: &mut Codes) -> Result<Rule, Error> {
    let (id, name, kind, after_s, currency, bound, destination, quiet_s, says_over, by, made) =
        columns;
    let row = row("rule");
    let currency = currency.map(|bytes| row.currency(&bytes)).transpose()?;
    let bound = bound.map(|minor| row.amount(minor)).transpose()?;
    let id = RuleId::from_column(&row, &id)?;
    Ok(Rule {
        codes: codes.remove(&id).unwrap_or_default(),
        id,
        name,
        kind: Kind::from_word(&kind).ok_or_else(|| row.damaged("no kind"))?,
        after_s: row.units(after_s)?,
        bound: currency.zip(bound),
        destination: DestinationId::from_column(&row, &destination)?,
        quiet_s: row.units(quiet_s)?,
        says_over,
        by,
        made: row.time(made)?,
    })
}

type Codes = BTreeMap<RuleId, Vec<Code>>;

impl Alerts {
    /// Keeps a rule. The same identifier again keeps what stands there.
    pub async fn add_rule(&self, rule: &Rule) -> Result<(), Unkept> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let id = rule.id.column();
        let known: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM rule WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_some() {
            return Ok(());
        }
        let there: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM destination WHERE id = $1")
            .bind(rule.destination.column())
            .fetch_optional(&mut *tx)
            .await?;
        there.ok_or(Unkept::Unknown)?;
        let kept = sqlx::query(
            "INSERT INTO rule (id, name, kind, after_s, currency, bound, destination, quiet_s,
               says_over, made_by, made)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
             WHERE (SELECT count(*) FROM rule) < $12",
        )
        .bind(id)
        .bind(rule.name.as_str())
        .bind(rule.kind.word())
        .bind(rule.after_s)
        .bind(rule.bound.map(|(currency, _)| currency.as_bytes().to_vec()))
        .bind(rule.bound.map(|(_, minor)| minor.get() as i64))
        .bind(rule.destination.column())
        .bind(rule.quiet_s)
        .bind(rule.says_over)
        .bind(rule.by.as_str())
        .bind(rule.made.0)
        .bind(RULES_MAX)
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(Unkept::Full);
        }
        for (at, code) in (0u32..).zip(rule.codes.iter().take(CODES_PER_RULE_MAX)) {
            sqlx::query("INSERT INTO rule_code (rule, at, code) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(at)
                .bind(code.as_bytes().as_slice())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// All rules, by name; at most [`RULES_MAX`].
    pub async fn rules(&self) -> Result<Vec<Rule>, Error> {
        let mut codes = Codes::new();
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT rule, code FROM rule_code ORDER BY rule, at LIMIT $1")
                .bind(i64::from(RULES_MAX) * CODES_PER_RULE_MAX as i64)
                .fetch_all(&self.pool)
                .await?;
        let row = row("rule_code");
        for (of, code) in rows {
            let of = RuleId::from_column(&row, &of)?;
            codes.entry(of).or_default().push(row.code(&code)?);
        }
        let rows: Vec<Columns> = sqlx::query_as(select_rule!("ORDER BY name, id LIMIT $1"))
            .bind(RULES_MAX)
            .fetch_all(&self.pool)
            .await?;
        let read = |columns| rule(columns, &mut codes);
        rows.into_iter().map(read).collect()
    }

    /// Takes a rule away, with what it has told; letters that wait are sent all the same.
    pub async fn remove_rule(&self, id: RuleId) -> Result<(), Unkept> {
        const REST: [&str; 2] = [
            "DELETE FROM standing WHERE rule = $1",
            "DELETE FROM rule_code WHERE rule = $1",
        ];
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for text in REST {
            sqlx::query(text)
                .bind(id.column())
                .execute(&mut *tx)
                .await?;
        }
        let gone = sqlx::query("DELETE FROM rule WHERE id = $1")
            .bind(id.column())
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() == 0 {
            return Err(Unkept::Unknown);
        }
        tx.commit().await?;
        Ok(())
    }

    /// What every rule has told and is not over, with the rule's identifier.
    pub async fn told_now(&self) -> Result<BTreeMap<RuleId, u64>, Error> {
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
            "SELECT rule, count(*) FROM standing WHERE mark > 0 GROUP BY rule LIMIT $1",
        )
        .bind(i64::from(RULES_MAX) * SUBJECTS_MAX as i64)
        .fetch_all(&self.pool)
        .await?;
        let row = row("standing");
        let read = |(rule, count): (Vec<u8>, i64)| {
            Ok((RuleId::from_column(&row, &rule)?, row.count(count)?))
        };
        rows.into_iter().map(read).collect()
    }
}
