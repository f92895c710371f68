//! The code chain: an append-only Merkle log of every act on a code.
//!
//! - [`Act`]: what one leaf says, in deterministic CBOR; codes and hashes only;
//! - [`merkle`]: leaf and node hashes, inclusion and consistency (RFC 9162, 2.1);
//! - [`Note`], [`NoteKey`]: signed notes and cosignatures (c2sp.org/signed-note,
//!   c2sp.org/tlog-cosignature);
//! - [`Checkpoint`]: size and root of a log (c2sp.org/tlog-checkpoint);
//! - [`Submission`]: what a witness is shown (c2sp.org/tlog-witness);
//! - [`LogProof`]: that a leaf stands in a log, in one text file (c2sp.org/tlog-proof).
//!
//! ```text
//! text --LogProof::read--> LogProof --judge(trust)--> Proven { act, index, size, .. }
//! ```

mod act;
mod checkpoint;
mod judge;
pub mod merkle;
mod note;
mod proof;
mod witness;

pub use act::{ACT_MAX, Act, ActKind, Named};
pub use checkpoint::{CHECKPOINT_MAX, Checkpoint, Origin};
pub use judge::{ProofError, Proven, judge};
pub use note::{Base64Digest, NOTE_MAX, Note, NoteError, NoteKey, SignatureKind, write_signature};
pub use proof::{EXTRA_MAX, Extra, LogProof, PATH_MOST, write_proof};
pub use witness::{Submission, WitnessRefusal, write_submission};
