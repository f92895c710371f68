//! Judges a proof with nothing but the root's key.

use super::merkle::{Head, includes, leaf_hash};
use super::{
    Act, Checkpoint, EXTRA_MAX, Extra, LogProof, NoteError, NoteKey, Origin, SignatureKind,
};
use crate::code::Code;
use crate::rules::Trust;
use crate::status::Status;
use core::fmt;

/// What a proof proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// What was done, to which code, when.
    pub act: Act,
    /// Where it stands, from 0.
    pub index: u64,
    /// The log that it stands in.
    pub head: Head,
    /// The gateway whose log it is, and who signed it.
    pub gateway: Code,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// No proof in its one form.
    Malformed,
    /// No leaf, or no passes, beside it.
    NothingBeside,
    /// The passes beside it do not go back to the root.
    Pass(Status),
    /// The checkpoint is of another log than the passes.
    OtherLog,
    /// The gateway did not sign the checkpoint.
    Signature,
    /// The leaf does not stand there.
    NotIncluded,
}

impl ProofError {
    /// A sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "no proof of the code chain in its one form",
            Self::NothingBeside => {
                "the line `extra` does not hold the leaf and the passes of the gateway"
            }
            Self::Pass(_) => "the passes in it do not go back to the root of this network",
            Self::OtherLog => {
                "the checkpoint is of another log than the gateway's whose passes are in it"
            }
            Self::Signature => "the gateway did not sign the checkpoint",
            Self::NotIncluded => "the leaf does not stand in that log at that place",
        }
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())?;
        match self {
            Self::Pass(status) => write!(f, " ({status})"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for ProofError {}

impl From<NoteError> for ProofError {
    fn from(_: NoteError) -> Self {
        Self::Malformed
    }
}

/// Judges a proof: the root's key vouches for the passes, the gateway's for the checkpoint, and the
/// checkpoint for the leaf. Who witnessed it is for the caller to look at.
pub fn judge(trust: &Trust, proof: &LogProof<'_>) -> Result<Proven, ProofError> {
    let mut buffer = [0; EXTRA_MAX];
    let extra = proof.extra(&mut buffer).and_then(Extra::read);
    let extra = extra.ok_or(ProofError::NothingBeside)?;
    let pass = trust.gateway(extra.issuer, extra.gateway);
    let pass = pass.map_err(ProofError::Pass)?;
    let pass = pass.get();
    let checkpoint = Checkpoint::read(proof.note.text()).ok_or(ProofError::Malformed)?;
    let origin = Origin {
        network: trust.network,
        gateway: pass.subject.0,
    };
    if !origin.is(checkpoint.origin) {
        return Err(ProofError::OtherLog);
    }
    let key = NoteKey::new(checkpoint.origin, SignatureKind::Log, &pass.key.0);
    let key = key.ok_or(ProofError::Signature)?;
    let signed = proof.note.signed_by(&key);
    signed.map_err(|_| ProofError::Signature)?;
    let Head { size, root } = checkpoint.head;
    let leaf = leaf_hash(extra.leaf);
    if !includes(&leaf, proof.index, size, proof.path(), &root) {
        return Err(ProofError::NotIncluded);
    }
    let act = Act::read(extra.leaf).map_err(|_| ProofError::NothingBeside)?;
    Ok(Proven {
        act,
        index: proof.index,
        head: checkpoint.head,
        gateway: pass.subject.0,
    })
}
