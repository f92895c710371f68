//! Witnesses: this gateway cosigns the logs of others, and keeps what others cosign of its own.

use super::publish::{self, PublishError};
use crate::bounds::LOGS_MOST;
use crate::crash::{CrashPoint, here};
use crate::error::{Damage, Error};
use crate::handle::Ledger;
use crate::store::chain as store;
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{
    Note, NoteKey, Origin, SignatureKind, Submission, WitnessRefusal, write_signature,
};
use protocol::{Status, Timestamp};

/// The verifier key of a log, as text, that this gateway cosigns for.
pub type KnownLog = String;

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cosigned {
    /// Its signature line, with the newline.
    Line(String),
    /// It does not cosign.
    Refused(WitnessRefusal),
}

impl Ledger {
    /// Cosigns a checkpoint of a known log, if it extends what was cosigned before. A second
    /// checkpoint of the same size is kept as evidence of a fork.
    pub async fn add_checkpoint(
        &self,
        known: &[KnownLog],
        body: &str,
        now: Timestamp,
    ) -> Result<Cosigned, Status> {
        let key = match Submission::read(body).and_then(|shown| signer(known, &shown)) {
            Ok(key) => key,
            Err(refusal) => return Ok(Cosigned::Refused(refusal)),
        };
        self.submit(AddCheckpoint {
            key,
            body: body.to_owned(),
            now,
        })
        .await
    }

    /// The newest checkpoint that was cosigned here for the log whose origin has this SHA-256.
    pub async fn witnessed(&self, origin_hash: &[u8; 32]) -> Result<Option<String>, Error> {
        let mut reader = self.reader().await?;
        for origin in store::origins(&mut reader, LOGS_MOST as u32).await? {
            if super::sha256(origin.as_bytes()).as_bytes() == origin_hash {
                let seen = store::witnessed(&mut reader, &origin).await?;
                return Ok(seen.map(|seen| seen.note));
            }
        }
        Ok(None)
    }

    /// Checkpoints of one log and size that differ, both signed by the log: evidence of a fork.
    pub async fn log_forks(&self) -> Result<Vec<[String; 2]>, Error> {
        store::forks(&mut *self.reader().await?, LOGS_MOST as u32).await
    }

    /// The size of the checkpoint that a witness cosigned last; 0 before the first.
    pub async fn cosigned_size(&self, witness: &str) -> Result<u64, Error> {
        store::cosigned_size(&mut *self.reader().await?, witness).await
    }

    /// Keeps what a witness answered about a checkpoint of ours, and shows it. False when the answer
    /// holds no signature of this witness on that checkpoint.
    pub async fn keep_cosignature(
        &self,
        witness: &str,
        checkpoint: &str,
        answer: &str,
        now: Timestamp,
    ) -> Result<bool, PublishError> {
        let note = format!("{checkpoint}{answer}");
        let Some((line, size)) = cosignature(witness, &note) else {
            return Ok(false);
        };
        let kept = KeepCosignature {
            witness: witness.to_owned(),
            size,
            line: line.to_owned(),
            now,
        };
        self.submit(kept).await.map_err(PublishError::Refused)?;
        let publisher = self.publisher().lock().await;
        let whole = self.checkpoint().await?;
        let files = publisher.files.clone();
        publish::blocking(move || match whole {
            Some(note) => files.set_checkpoint(&note),
            None => Ok(()),
        })
        .await?;
        Ok(true)
    }
}

/// The line of a witness below a checkpoint, and the checkpoint's size.
fn cosignature<'a>(witness: &str, note: &'a str) -> Option<(&'a str, u64)> {
    let key = NoteKey::read(witness)?;
    let note = Note::read(note).ok()?;
    note.cosigned_by(&key).ok()?;
    let checkpoint = protocol::chain::Checkpoint::read(note.text())?;
    Some((note.line(&key)?, checkpoint.head.size))
}

/// The known key that signed; the log is known by its origin.
fn signer(known: &[KnownLog], shown: &Submission<'_>) -> Result<KnownLog, WitnessRefusal> {
    let mut refusal = WitnessRefusal::UnknownLog;
    for text in known {
        let Some(key) = NoteKey::read(text).filter(|key| key.name == shown.checkpoint.origin)
        else {
            continue;
        };
        match shown.note.signed_by(&key) {
            Ok(()) => return Ok(text.clone()),
            Err(_) => refusal = WitnessRefusal::Unsigned,
        }
    }
    Err(refusal)
}

struct AddCheckpoint {
    /// Of the log; it signed.
    key: KnownLog,
    body: String,
    now: Timestamp,
}

impl Command for AddCheckpoint {
    type Answer = Cosigned;

    /// Looking at what was seen and keeping what is seen now are one step: two requests at once
    /// cannot roll a log back.
    async fn execute(&self, desk: &mut Desk) -> Result<Cosigned, Failure> {
        let shown = Submission::read(&self.body).map_err(|_| Status::Malformed)?;
        let origin = shown.checkpoint.origin;
        let connection = &mut desk.connection;
        let seen = store::witnessed(connection, origin).await?;
        let log_note = log_note(&self.key, &shown).ok_or(Status::Malformed)?;
        match shown.follows(seen.as_ref().map(|seen| &seen.head)) {
            Ok(()) => {}
            Err(refusal) => {
                if let (WitnessRefusal::Fork, Some(seen)) = (refusal, seen) {
                    store::keep_fork(connection, origin, &seen, &log_note, self.now).await?;
                }
                return Ok(Cosigned::Refused(refusal));
            }
        }
        let line = cosign(desk, shown.note.text(), self.now).ok_or(Status::Busy)?;
        let now_seen = store::Signed {
            head: shown.checkpoint.head,
            note: format!("{log_note}{line}"),
        };
        store::set_witnessed(&mut desk.connection, origin, &now_seen).await?;
        here(CrashPoint::Witnessed);
        Ok(Cosigned::Line(line))
    }
}

/// The checkpoint with the log's own signature and nobody else's.
fn log_note(key: &KnownLog, shown: &Submission<'_>) -> Option<String> {
    let line = shown.note.line(&NoteKey::read(key)?)?;
    Some(format!("{}\n{line}\n", shown.note.text()))
}

fn cosign(desk: &Desk, text: &str, now: Timestamp) -> Option<String> {
    let name = Origin {
        network: desk.bearings.network,
        gateway: desk.bearings.gateway,
    };
    let name = name.to_string();
    let mut lines = String::new();
    for signer in publish::signers(desk, now) {
        let key = NoteKey::new(&name, SignatureKind::Cosignature, &signer.public_key())?;
        write_signature(text, &key, u64::from(now.0), signer, &mut lines).ok()?;
    }
    Some(lines)
}

struct KeepCosignature {
    witness: String,
    size: u64,
    line: String,
    now: Timestamp,
}

impl Command for KeepCosignature {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let connection = &mut desk.connection;
        let signed = store::checkpoint(connection).await?;
        if signed.is_none_or(|signed| signed.head.size < self.size) {
            return Err(Damage::new("chain_checkpoint", self.size, "was never signed").into());
        }
        let kept = (self.witness.as_str(), self.size, self.line.as_str());
        store::keep_cosignature(connection, kept, self.now).await?;
        here(CrashPoint::Cosigned);
        Ok(())
    }
}
