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

/// The proof that this was issued; none while it is under no checkpoint, or stands in no log here.
pub async fn of_issue(portal: &Portal, of: &Named) -> Result<Option<Proof>, Refusal> {
    let proved = portal.ledger.act_proof(of, None).await;
    let Proved::Text(text) = proved.map_err(|_| Refusal::Broken)? else {
        return Ok(None);
    };
    let authorities = portal.desk.authorities();
    let Some(card) = authorities.iter().find(|card| card.role == Role::Root) else {
        return Ok(None);
    };
    let mut root = format!("{}:", card.pass_key.algorithm().cose());
    for byte in card.pass_key.as_bytes() {
        let _ = write!(root, "{byte:02x}");
    }
    let place = match of {
        Named::Thing(_) => "1",
        Named::Place(_) => "G",
    };
    Ok(Some(Proof {
        path: format!("/{place}/{of}/proof"),
        of: of.to_string(),
        root,
        text,
        script: assets::PROOF.address(),
    }))
}
