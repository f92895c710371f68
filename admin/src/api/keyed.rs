//! Calls that change something, and the key that makes one of them happen once: the same
//! `Idempotency-Key` with the same call is answered alike, with another call it is refused.
//!
//! The key is durable before anything is done, and the answer before it leaves. In between lies one
//! window: the gateway may stop after the deed and before its answer is kept. What the call drew from
//! and when it was begun stand beside the key, so that carrying it out again comes to the same end;
//! the few calls where it would not are refused then, and say so.

use super::operation::{Brings, Call, Keep, given};
use crate::door::{Actor, Caller, Seed};
use crate::portal::Shared;
use crate::refusal::{KeyFault, Refusal};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use ledger::people::{
    ANSWER_BYTES_MAX, ANSWER_KEY_BYTES_MAX, Begun, KeptAnswer, KeyedCall, TokenId,
};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What it means to carry a call out again that was begun and whose answer nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It changes nothing and gives the same answer.
    Same,
    /// The same, and its answer holds secrets: it is never kept, and drawn again instead.
    Secret,
    /// It would be done twice.
    Twice,
}

/// The header, as the document has it.
pub fn parameter() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(ANSWER_KEY_BYTES_MAX))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Yours: the same key with the same call is carried out once and answered alike, for a day.",
        ))
        .schema(Some(text))
        .build()
}

/// Keys of calls that are being carried out.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<(TokenId, String)>>);

/// One of them; it ends with this value.
struct Turn {
    all: Arc<UnderWay>,
    of: (TokenId, String),
}

impl UnderWay {
    fn begin(self: &Arc<Self>, token: TokenId, key: &str) -> Option<Turn> {
        let of = (token, key.to_owned());
        let new = self.with(|keys| keys.insert(of.clone()));
        let all = Arc::clone(self);
        new.then_some(Turn { all, of })
    }

    /// A poisoned lock is taken over: the keys are all it holds.
    fn with<T>(&self, with: impl FnOnce(&mut HashSet<(TokenId, String)>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.with(|keys| keys.remove(&self.of));
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let text = key.to_str().unwrap_or_default();
    let fits = (1..=ANSWER_KEY_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && keys.next().is_none();
    match fits {
        true => Ok(Some(text.to_owned())),
        false => Err(Refusal::Key(KeyFault::Unfit)),
    }
}

fn is_of(headers: &HeaderMap, kind: &str) -> bool {
    let text = headers.get(header::CONTENT_TYPE);
    let text = text.and_then(|text| text.to_str().ok()).unwrap_or_default();
    let bare = text.split(';').next().unwrap_or_default();
    bare.trim().eq_ignore_ascii_case(kind)
}

/// Draws what only the bearer of this token and this row can draw again.
fn drawn(caller: Seed, row: [u8; 32]) -> impl Fn(&mut [u8]) + Send + Sync {
    let count = AtomicU64::new(0);
    move |out: &mut [u8]| {
        for part in out.chunks_mut(32) {
            let mut hash = Sha256::new();
            hash.update(b"onecode call draw/");
            hash.update(caller.0);
            hash.update(row);
            hash.update(count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            for (byte, drawn) in part.iter_mut().zip(hash.finalize()) {
                *byte = drawn;
            }
        }
    }
}

/// Carries a call out, once if it has a key. It goes on though its caller goes away.
pub async fn carry_out<B, A, F>(
    portal: Shared,
    caller: Caller,
    again: Again,
    request: Request,
    run: impl FnOnce(Call, B) -> F + Send + 'static,
) -> Result<Response, Refusal>
where
    B: Brings,
    A: Keep,
    F: Future<Output = Result<A, Refusal>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    if !is_of(&parts.headers, B::KIND) {
        return Err(Refusal::Form(B::KIND));
    }
    let key = key_of(&parts.headers)?;
    let mut hash = Sha256::new();
    hash.update(parts.method.as_str());
    hash.update(b" ");
    hash.update(parts.uri.path());
    hash.update(b"\n");
    let held = B::take_in(&portal, body, &mut hash).await?;
    let Some(key) = key else {
        let told = B::read(held)?;
        let call = Call::fresh(portal, caller.actor);
        return ended(tokio::spawn(run(call, told)).await)?.respond();
    };
    let turn = portal.under_way().begin(caller.token, &key);
    let turn = turn.ok_or(Refusal::Key(KeyFault::UnderWay))?;
    let mut seed = [0; 32];
    (portal.random)(&mut seed);
    let keyed = KeyedCall {
        token: caller.token,
        key: &key,
        request: hash.finalize().into(),
        seed,
    };
    let now = caller.actor.now;
    let (seed, now) = match portal.people.begin_call(keyed, now).await? {
        Begun::New => (seed, now),
        Begun::Unfinished { .. } if again == Again::Twice => {
            return Err(Refusal::Key(KeyFault::Lost));
        }
        Begun::Unfinished { seed, at } => (seed, at),
        Begun::Answered(answer) => return Ok(given(answer)),
        Begun::Other => return Err(Refusal::Key(KeyFault::Reused)),
        Begun::Full => return Err(Refusal::Key(KeyFault::Full)),
    };
    let call = Call {
        portal: Arc::clone(&portal),
        actor: Actor {
            now,
            ..caller.actor
        },
        draw: Box::new(drawn(caller.seed, seed)),
    };
    let token = caller.token;
    let running = tokio::spawn(async move {
        let outcome = match B::read(held) {
            Ok(told) => run(call, told).await,
            Err(refusal) => Err(refusal),
        };
        let outcome = remember(&portal, (token, &key), again, outcome).await;
        drop(turn);
        outcome
    });
    ended(running.await).map(given)
}

fn ended<T>(ended: Result<Result<T, Refusal>, tokio::task::JoinError>) -> Result<T, Refusal> {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a call broke off");
        Err(Refusal::Broken)
    })
}

/// Keeps the answer before it leaves. What was refused changed nothing, and its key is free again;
/// of what broke nobody knows, and it stays begun.
async fn remember<A: Keep>(
    portal: &Shared,
    (token, key): (TokenId, &str),
    again: Again,
    outcome: Result<A, Refusal>,
) -> Result<KeptAnswer, Refusal> {
    match outcome.and_then(Keep::kept) {
        Ok(answer) => {
            // A crash here: the call stands as begun, see `Again`.
            if again != Again::Secret && answer.body.len() <= ANSWER_BYTES_MAX {
                portal.people.finish_call(token, key, &answer).await?;
            }
            Ok(answer)
        }
        Err(Refusal::Broken) => Err(Refusal::Broken),
        Err(refusal) => {
            portal.people.forget_call(token, key).await?;
            Err(refusal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_again_is_the_same_and_nobody_elses() {
        let draw = |caller, row| {
            let mut bytes = [0; 80];
            drawn(Seed([caller; 32]), [row; 32])(&mut bytes);
            bytes
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert_ne!(draw(1, 2)[..32], draw(1, 2)[32..64]);
    }

    #[test]
    fn only_one_printable_key_is_a_key() {
        let read = |keys: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for key in keys {
                headers.append(KEY, header::HeaderValue::from_bytes(key).unwrap());
            }
            key_of(&headers)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"k-1"]), Ok(Some("k-1".to_owned())));
        let long = [b'k'; ANSWER_KEY_BYTES_MAX + 1];
        for keys in [
            &[&b""[..]][..],
            &[b"a b"],
            &[b"\xff"],
            &[&long],
            &[b"a", b"b"],
        ] {
            assert_eq!(read(keys), Err(Refusal::Key(KeyFault::Unfit)));
        }
    }
}
