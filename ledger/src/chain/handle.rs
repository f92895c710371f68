//! The log as callers see it.

use super::check::{self, Mismatch};
use super::publish::{self, PublishError};
use super::tree::Tree;
use crate::bounds::ACTS_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::chain::{LoggedAct, acts_of, checkpoint};
use protocol::chain::merkle::Head;
use protocol::chain::{ACT_MAX, Extra, Named, NoteKey, Origin, SignatureKind, write_proof};
use protocol::{Digest, Timestamp};
use std::io;
use std::path::PathBuf;

/// What is answered to who wants a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proved {
    /// The whole text (c2sp.org/tlog-proof).
    Text(String),
    /// It stands in the books and not yet under a checkpoint.
    NotYet,
    /// Nothing of the kind was done.
    Unknown,
}

impl Ledger {
    /// Makes tiles of new leaves, and signs and shows a checkpoint over them. Gives the newest head.
    pub async fn publish(&self, now: Timestamp) -> Result<Head, PublishError> {
        self.publisher().lock().await.step(self, now).await
    }

    /// The verifier keys of this gateway: of its log, and as a witness; then those of the key before
    /// the present one, while it counts.
    pub fn note_keys(&self, now: Timestamp) -> Vec<String> {
        let (network, gateway) = (*self.network(), self.gateway());
        let name = Origin { network, gateway }.to_string();
        let counting = self.own_keys().counting(now);
        let keys = std::iter::once(counting.key).chain(counting.other);
        let kinds = [SignatureKind::Log, SignatureKind::Cosignature];
        let keys = keys.flat_map(|key| kinds.map(|kind| NoteKey::new(&name, kind, &key)));
        keys.flatten().map(|key| key.to_string()).collect()
    }

    /// The folder with tiles and checkpoint, for any web server to serve.
    pub async fn chain_folder(&self) -> PathBuf {
        self.publisher().lock().await.files.0.clone()
    }

    /// The newest checkpoint, signed, with what witnesses added; none before the first.
    pub async fn checkpoint(&self) -> Result<Option<String>, Error> {
        let mut reader = self.reader().await?;
        match checkpoint(&mut reader).await? {
            Some(signed) => Ok(Some(publish::whole_note(&mut reader, &signed).await?)),
            None => Ok(None),
        }
    }

    /// What was done to a code, the oldest first, at most [`ACTS_MOST`].
    pub async fn acts(&self, of: &Named) -> Result<Vec<LoggedAct>, Error> {
        acts_of(&mut *self.reader().await?, of, ACTS_MOST).await
    }

    /// The proof that an act stands in the log: the one at `index`, or the first on this code.
    pub async fn act_proof(&self, of: &Named, index: Option<u64>) -> Result<Proved, PublishError> {
        let acts = self.acts(of).await?;
        let is_it = |logged: &&LoggedAct| index.is_none_or(|index| logged.index == index);
        let Some(logged) = acts.iter().find(is_it) else {
            return Ok(Proved::Unknown);
        };
        let mut reader = self.reader().await?;
        let signed = checkpoint(&mut reader).await?;
        let Some(signed) = signed.filter(|signed| logged.index < signed.head.size) else {
            return Ok(Proved::NotYet);
        };
        let note = publish::whole_note(&mut reader, &signed).await?;
        drop(reader);
        let path = self.path(signed.head.size, logged.index).await?;
        let mut leaf = [0; ACT_MAX];
        let len = logged.act.write(&mut leaf).unwrap_or(0);
        let extra = Extra {
            leaf: leaf.get(..len).unwrap_or_default(),
            issuer: self.issuer_pass(),
            gateway: self.gateway_pass(),
        };
        let mut text = String::new();
        let unwritten = |_| PublishError::Files(io::Error::other("the proof is too long"));
        write_proof(&extra, logged.index, &path, &note, &mut text).map_err(unwritten)?;
        Ok(Proved::Text(text))
    }

    async fn path(&self, size: u64, index: u64) -> Result<Vec<Digest>, PublishError> {
        let files = self.files().await;
        publish::blocking(move || Tree::new(&files, size).inclusion(index)).await
    }

    /// What shows that the log of `new` leaves begins with the one of `old`; both were signed for.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, PublishError> {
        let files = self.files().await;
        publish::blocking(move || Tree::new(&files, new).consistency(old)).await
    }

    async fn files(&self) -> super::files::Files {
        self.publisher().lock().await.files.clone()
    }

    /// Compares every leaf of the books with every tile.
    pub async fn check_chain(&self) -> Result<Head, Mismatch> {
        let publisher = self.publisher().lock().await;
        let mut reader = self.reader().await?;
        let (_, readers, _) = self.beside();
        let growth = check::check(&mut reader, readers, &publisher.files).await?;
        Ok(growth.edge.head())
    }
}
