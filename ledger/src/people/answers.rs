//! Calls of programs under a key of theirs: the same key with the same call is carried out once and
//! answered alike. A key lives for [`ANSWER_LIFE_S`].

use super::{Error, People, TokenId};
use protocol::Timestamp;

/// How long a key is remembered.
pub const ANSWER_LIFE_S: u32 = 86_400;
/// Longest key, in bytes.
pub const ANSWER_KEY_BYTES_MAX: usize = 128;
/// Largest answer that is kept.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Keys of one token at a time.
pub const ANSWERS_PER_TOKEN: i64 = 10_000;
/// Keys of all tokens at a time.
pub const ANSWERS_MAX: i64 = 100_000;

/// A call that came with a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedCall<'a> {
    /// Whose.
    pub token: TokenId,
    /// 1 to [`ANSWER_KEY_BYTES_MAX`] bytes.
    pub key: &'a str,
    /// SHA-256 of what is asked.
    pub request: [u8; 32],
    /// Random, for what the call draws.
    pub seed: [u8; 32],
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its media type.
    pub kind: String,
    /// All of it.
    pub body: Vec<u8>,
}

/// How a key stands when a call comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new, and now kept: the call may be carried out.
    New,
    /// The same call was begun and nobody was told how it ended.
    Unfinished {
        /// What it drew from.
        seed: [u8; 32],
        /// When it was begun.
        at: Timestamp,
    },
    /// The same call was answered.
    Answered(KeptAnswer),
    /// The key was used for another call.
    Other,
    /// As many keys as are remembered.
    Full,
}

type Row = (Vec<u8>, Vec<u8>, u32, Option<String>, Option<Vec<u8>>);

impl People {
    /// Keeps the key before anything is carried out under it. A crash after this leaves a call that
    /// was begun: sent again, it finds its seed and time and is carried out to the same end.
    pub async fn begin_call(&self, call: KeyedCall<'_>, now: Timestamp) -> Result<Begun, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM answer WHERE at <= $1")
            .bind(now.minus_s(ANSWER_LIFE_S).0)
            .execute(&mut *tx)
            .await?;
        let known: Option<Row> = sqlx::query_as(
            "SELECT request, seed, at, kind, body FROM answer WHERE token = $1 AND key = $2",
        )
        .bind(call.token.0)
        .bind(call.key)
        .fetch_optional(&mut *tx)
        .await?;
        let begun = match known {
            Some((request, ..)) if request != call.request => Begun::Other,
            Some((_, _, _, Some(kind), Some(body))) => Begun::Answered(KeptAnswer { kind, body }),
            Some((_, seed, at, ..)) => Begun::Unfinished {
                seed: seed.try_into().unwrap_or(call.seed),
                at: Timestamp(at),
            },
            None => {
                let (own, all): (i64, i64) = sqlx::query_as(
                    "SELECT (SELECT count(*) FROM answer WHERE token = $1),
                       (SELECT count(*) FROM answer)",
                )
                .bind(call.token.0)
                .fetch_one(&mut *tx)
                .await?;
                if own >= ANSWERS_PER_TOKEN || all >= ANSWERS_MAX {
                    return Ok(Begun::Full);
                }
                sqlx::query(
                    "INSERT INTO answer (token, key, request, seed, at) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(call.token.0)
                .bind(call.key)
                .bind(call.request.as_slice())
                .bind(call.seed.as_slice())
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
                Begun::New
            }
        };
        tx.commit().await?;
        Ok(begun)
    }

    /// Keeps what was answered, before the answer leaves. A crash before this: see
    /// [`People::begin_call`].
    pub async fn finish_call(
        &self,
        token: TokenId,
        key: &str,
        answer: &KeptAnswer,
    ) -> Result<(), Error> {
        sqlx::query("UPDATE answer SET kind = $1, body = $2 WHERE token = $3 AND key = $4")
            .bind(answer.kind.as_str())
            .bind(answer.body.as_slice())
            .bind(token.0)
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The call was refused and changed nothing: its key is free again.
    pub async fn forget_call(&self, token: TokenId, key: &str) -> Result<(), Error> {
        sqlx::query("DELETE FROM answer WHERE token = $1 AND key = $2")
            .bind(token.0)
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
