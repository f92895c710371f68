//! Publishes the code chain: a checkpoint a second at most, while there is something new, and the
//! cosignatures of the witnesses below it.

use crate::wallet::now;
use ledger::Ledger;
use protocol::chain::merkle::Head;
use protocol::chain::{Checkpoint, Note, NoteKey, SignatureKind, write_submission};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two checkpoints.
const PACE: Duration = Duration::from_secs(1);
/// After a failure, and before a witness that did not answer is asked again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How long a witness may take.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer of a witness.
const ANSWER_MAX: u64 = 64 * 1024;
/// Times that a witness is asked about one checkpoint: it may name another size once.
const ASKED_MOST: u32 = 2;

/// Somebody who cosigns our log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its verifier key.
    pub key: String,
    /// Its submission prefix, such as `http://192.0.2.1:8080/witness`.
    pub url: String,
}

impl Witness {
    /// Reads `KEY URL, KEY URL`; `None` when one of them is no verifier key of a witness, or no
    /// HTTP address.
    pub fn read_all(text: &str) -> Option<Vec<Self>> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let (key, url) = part.split_once(' ')?;
                let is_witness =
                    NoteKey::read(key).is_some_and(|key| key.kind == SignatureKind::Cosignature);
                let url = url.trim().trim_end_matches('/');
                (is_witness && url.starts_with("http://")).then(|| Self {
                    key: key.to_owned(),
                    url: url.to_owned(),
                })
            })
            .collect()
    }
}

/// Publishes until `stopped` resolves. What stands in the books stands there whatever happens here.
pub async fn publish(ledger: Ledger, witnesses: Vec<Witness>, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let mut asked: Vec<Asked> = witnesses.into_iter().map(Asked::new).collect();
    loop {
        let pause = match ledger.publish(now()).await {
            Ok(head) => {
                for asked in &mut asked {
                    asked.ask(&ledger, head).await;
                }
                PACE
            }
            Err(error) => {
                tracing::error!(%error, "the code chain is not published");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(pause) => {}
        }
    }
}

/// A witness, and when it may be asked again.
struct Asked {
    witness: Witness,
    not_before: Option<Instant>,
}

impl Asked {
    fn new(witness: Witness) -> Self {
        let not_before = None;
        Self {
            witness,
            not_before,
        }
    }

    async fn ask(&mut self, ledger: &Ledger, head: Head) {
        if head.size == 0 || self.not_before.is_some_and(|time| time > Instant::now()) {
            return;
        }
        self.not_before = match cosigned(ledger, &self.witness, head).await {
            Ok(()) => None,
            Err(error) => {
                let url = &self.witness.url;
                tracing::warn!(%error, url, "a witness did not cosign");
                Some(Instant::now() + AFTER_FAILURE)
            }
        };
    }
}

/// Why a checkpoint has no cosignature of a witness.
enum NotCosigned {
    Books(String),
    NoAnswer(String),
    Said(u16, String),
    /// It has seen a longer log of ours than we have.
    Ahead(u64),
    /// What it sent is no signature of its own.
    Strange,
}

impl fmt::Display for NotCosigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Books(error) => write!(f, "the log cannot be read: {error}"),
            Self::NoAnswer(error) => write!(f, "no answer: {error}"),
            Self::Said(status, text) => write!(f, "{status}: {}", text.trim_end()),
            Self::Ahead(size) => write!(
                f,
                "it has seen {size} leaves of this log, which are more than there are: the books are older than what was published; restore the newest"
            ),
            Self::Strange => f.write_str("its answer holds no cosignature by its key"),
        }
    }
}

async fn cosigned(ledger: &Ledger, witness: &Witness, head: Head) -> Result<(), NotCosigned> {
    let books = |error: &dyn fmt::Display| NotCosigned::Books(error.to_string());
    let size = ledger.cosigned_size(&witness.key).await;
    let mut old = size.map_err(|error| books(&error))?;
    if old == head.size {
        return Ok(());
    }
    let note = ledger.checkpoint().await.map_err(|error| books(&error))?;
    let note = note.ok_or_else(|| books(&"no checkpoint"))?;
    let read = Note::read(&note).ok();
    let read = read.and_then(|note| Checkpoint::read(note.text()));
    let new = read.ok_or_else(|| books(&"no checkpoint"))?.head.size;
    for _ in 0..ASKED_MOST {
        let path = ledger.consistency(old, new).await;
        let path = path.map_err(|error| books(&error))?;
        let mut body = String::new();
        write_submission(old, &path, &note, &mut body).map_err(|error| books(&error))?;
        let (status, text) = post(format!("{}/add-checkpoint", witness.url), body).await?;
        match status {
            200 => {
                let kept = ledger.keep_cosignature(&witness.key, &note, &text, now());
                return match kept.await.map_err(|error| books(&error))? {
                    true => Ok(()),
                    false => Err(NotCosigned::Strange),
                };
            }
            409 => match text.trim_end().parse() {
                Ok(size) if size > new => return Err(NotCosigned::Ahead(size)),
                Ok(size) => old = size,
                Err(_) => return Err(NotCosigned::Strange),
            },
            status => return Err(NotCosigned::Said(status, text)),
        }
    }
    Err(NotCosigned::Strange)
}

async fn post(url: String, body: String) -> Result<(u16, String), NotCosigned> {
    let asked = tokio::task::spawn_blocking(move || -> Result<_, ureq::Error> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(WITNESS_TIMEOUT))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let mut answer = agent.post(&url).send(body)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(ANSWER_MAX);
        Ok((status, text.read_to_string()?))
    });
    let asked = asked
        .await
        .map_err(|error| NotCosigned::NoAnswer(error.to_string()))?;
    asked.map_err(|error| NotCosigned::NoAnswer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witnesses_are_a_key_and_an_address_each() {
        let key = "example.com/w+0b3f2a91+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(Witness::read_all(""), Some(Vec::new()));
        assert_eq!(Witness::read_all(key), None);
        assert_eq!(Witness::read_all(&format!("{key} ftp://a")), None);
        let public = protocol::PublicKey::Ed25519([7; 32]);
        let kind = SignatureKind::Cosignature;
        let key = NoteKey::new("example.com/w", kind, &public)
            .unwrap()
            .to_string();
        let two = format!("{key} http://a/witness/, {key} http://b");
        let read = Witness::read_all(&two).unwrap();
        let urls: Vec<&str> = read.iter().map(|witness| witness.url.as_str()).collect();
        assert_eq!(urls, ["http://a/witness", "http://b"]);
        let log = NoteKey::new("example.com/w", SignatureKind::Log, &public).unwrap();
        assert_eq!(Witness::read_all(&format!("{log} http://a")), None);
    }
}
