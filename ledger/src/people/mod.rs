//! The accounts of the portal in a file of their own: people, sessions, one-time links, tokens for
//! automation, what they were answered, and the audit trail.
//!
//! Secrets come in as hashes and are kept as hashes; passwords come in as PHC strings; only what an
//! app computes codes from is kept as it is. Time is an argument and nothing here draws randomness,
//! so a test decides both.

mod accounts;
mod answers;
mod audit;
mod identities;
mod roles;
mod scopes;
mod second_step;
mod sessions;

pub use accounts::{LINK_LIFE_MAX_S, NAME_CHARS_MAX, NewPerson, Person, PersonId, Refused};
pub use answers::{
    ANSWER_BYTES_MAX, ANSWER_KEY_BYTES_MAX, ANSWER_LIFE_S, ANSWERS_MAX, ANSWERS_PER_TOKEN, Begun,
    KeptAnswer, KeyedCall,
};
pub use audit::{Act, AuditCheck, AuditRow};
pub use identities::{Admission, Arrival, NotAdmitted};
pub use roles::{Role, Roles};
pub use scopes::{Part, Scope, Scopes};
pub use second_step::{
    Confirmation, HALFWAY_LIFE_S, HALFWAY_TRIES, Halfway, OFFER_LIFE_S, Proof, RECOVERY_CODES,
    SecondStep, SharedSecret,
};
pub use sessions::{
    ABSOLUTE_LIFE_S, IDLE_LIFE_S, NewToken, SESSIONS_PER_PERSON, Session, TOKEN_LIFE_MAX_S, Token,
    TokenId,
};

use crate::store::beside;
use sqlx::sqlite::SqlitePool;
use std::path::Path;

/// SHA-256 of a secret that only its holder knows.
pub type SecretHash = [u8; 32];

/// The accounts store. Clones share one pool.
#[derive(Clone, Debug)]
pub struct People {
    pool: SqlitePool,
}

/// The store failed; nothing was recorded.
#[derive(Debug)]
pub struct Error(sqlx::Error);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the accounts store failed: {}", self.0)
    }
}

impl std::error::Error for Error {}

impl People {
    /// Opens the file and creates or migrates it where needed.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let texts = [
            ("people", include_str!("people.sql")),
            ("answers", include_str!("answers.sql")),
            ("second step", include_str!("second_step.sql")),
            ("identities", include_str!("identities.sql")),
        ];
        let pool = beside::open(path, texts).await?;
        Ok(Self { pool })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests;
