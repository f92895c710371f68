//! Proofs of the code chain.

use crate::house::Failure;
use protocol::chain::{LogProof, Note, NoteKey, Proven, SignatureKind, judge};
use protocol::rules::Trust;
use std::fmt::Write;

/// What the proof proves, and which of the witnesses saw that log; fails when fewer than all did.
pub fn proof(trust: &Trust, witnesses: &[String], bytes: &[u8]) -> Result<String, Failure> {
    let text = std::str::from_utf8(bytes)?;
    let proof = LogProof::read(text).map_err(|_| "not genuine: no proof in its one form")?;
    let proven = judge(trust, &proof).map_err(|error| format!("not genuine: {error}"))?;
    let mut verdict = said(&proven);
    for witness in witnesses {
        let time = cosigned(&proof.note, witness)?;
        write!(
            verdict,
            "\n  witnessed {time} seconds after 1970 by {witness}"
        )?;
    }
    Ok(verdict)
}

fn said(proven: &Proven) -> String {
    let Proven {
        act,
        index,
        head,
        gateway,
    } = proven;
    let mut verdict = format!(
        "genuine: {:#} was {}, {} seconds after 1970",
        act.of,
        act.kind.word(),
        act.at.0
    );
    let beside = [
        act.other.map(|other| ("with", format!("{other:#}"))),
        act.signed
            .map(|digest| ("by what has the SHA-256", digest.to_string())),
        act.certificate
            .map(|digest| ("with the certificate of SHA-256", digest.to_string())),
    ];
    for (how, what) in beside.into_iter().flatten() {
        // Writing to a string does not fail.
        let _ = write!(verdict, "\n  {how} {what}");
    }
    let size = head.size;
    let _ = write!(
        verdict,
        "\n  leaf {index} of {size} in the log of {gateway:#}"
    );
    verdict
}

fn cosigned(note: &Note<'_>, witness: &str) -> Result<u64, Failure> {
    let key = NoteKey::read(witness).filter(|key| key.kind == SignatureKind::Cosignature);
    let key = key.ok_or_else(|| format!("{witness} is no verifier key of a witness"))?;
    note.cosigned_by(&key)
        .map_err(|_| format!("in order, but {} did not cosign it", key.name).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::verify::tests::{trust, vectors};

    #[test]
    fn a_proof_of_the_code_chain_needs_the_root_alone() {
        let vectors = vectors("chain.json");
        let trust = trust(&vectors);
        for case in vectors["proofs"].as_array().unwrap() {
            let judged = proof(&trust, &[], case["proof"].as_str().unwrap().as_bytes());
            assert_eq!(judged.is_ok(), case["holds"] == true, "{}", case["why"]);
        }
    }

    #[test]
    fn a_witness_that_is_wanted_must_have_signed() {
        let vectors = vectors("chain.json");
        let trust = trust(&vectors);
        let text = vectors["proofs"][0]["proof"].as_str().unwrap();
        let public = protocol::PublicKey::Ed25519([7; 32]);
        let witness = NoteKey::new("w", SignatureKind::Cosignature, &public).unwrap();
        let error = proof(&trust, &[witness.to_string()], text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("did not cosign"), "{error}");
        assert!(proof(&trust, &["w".to_owned()], text.as_bytes()).is_err());
    }
}
