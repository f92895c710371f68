//! The proof that a code was issued, as public pages hold it for the browser to check.

use crate::assets;
use crate::portal::Portal;
use crate::refusal::Refusal;
use issuer::Role;
use ledger::chain::Proved;
use protocol::chain::Named;
use std::fmt::Write as _;

/// A proof and what a browser needs to judge it (template `proof.html`).
pub struct Proof {
    /// Whose.
    pub(super) of: String,
    /// Where the file is.
    pub(super) path: String,
    /// The root's key: its COSE algorithm number, a colon, its bytes in hex.
    pub(super) root: String,
    /// The file.
    pub(super) text: String,
    /// Where the script is that checks it.
    pub(super) script: String,
}

/// The root's key as scripts read it: its COSE algorithm number, a colon, its bytes in hex.
pub fn root_key(portal: &Portal) -> Option<String> {
    let authorities = portal.desk.authorities();
    let card = authorities.iter().find(|card| card.role == Role::Root)?;
    let mut root = format!("{}:", card.pass_key.algorithm().cose());
    for byte in card.pass_key.as_bytes() {
        let _ = write!(root, "{byte:02x}");
    }
    Some(root)
}

/// Whether the issue of a code stands in the log.
pub enum Logged {
    /// With the proof.
    Proven(Proof),
    /// It does, and no checkpoint covers it yet.
    Soon,
    /// There is no such leaf.
    Nowhere,
}

impl Logged {
    /// The proof, if there is one.
    pub fn proof(self) -> Option<Proof> {
        match self {
            Self::Proven(proof) => Some(proof),
            Self::Soon | Self::Nowhere => None,
        }
    }
}

/// What the log says of the issue of this code.
pub async fn of_issue(portal: &Portal, of: &Named) -> Result<Logged, Refusal> {
    let proved = portal.ledger.act_proof(of, None).await;
    let text = match proved.map_err(|_| Refusal::Broken)? {
        Proved::Text(text) => text,
        Proved::NotYet => return Ok(Logged::Soon),
        Proved::Unknown => return Ok(Logged::Nowhere),
    };
    let Some(root) = root_key(portal) else {
        return Ok(Logged::Soon);
    };
    let place = match of {
        Named::Thing(_) => "1",
        Named::Place(_) => "G",
    };
    Ok(Logged::Proven(Proof {
        path: format!("/{place}/{of}/proof"),
        of: of.to_string(),
        root,
        text,
        script: assets::PROOF.address(),
    }))
}
