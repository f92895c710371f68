//! Credentials that were fetched to follow others, beside an identity in its folder:
//!
//! ```text
//! renewed.pass, renewed.gateway, renewed.issuer    passes
//! renewed.authorities                              as authorities.pem
//! renewed.pem                                      own certificate and its signer's; written last
//! ```
//!
//! They are used when a gateway has let the thing in with them, and not before. A crash on the way
//! leaves the thing with what it had, or with some files of each: both are for the same keys and
//! good, and the next turn goes on where this one was.

use crate::durable;
use crate::enrol::Credentials;
use crate::identity_file::{self, Identity, IdentityError};
use std::path::Path;

/// In the order in which they are written; the last one says that all are there.
const FILES: [&str; 5] = [
    "renewed.pass",
    "renewed.gateway",
    "renewed.issuer",
    "renewed.authorities",
    LAST,
];
const LAST: &str = "renewed.pem";

/// Keeps them; durable when it returns.
pub fn keep(folder: &Path, renewed: &Credentials) -> Result<(), IdentityError> {
    // What an earlier turn left must not look whole with parts of this one.
    discard(folder)?;
    let authorities = identity_file::authorities_pem(&renewed.authorities);
    let own = identity_file::pem(&[&renewed.certificate, &renewed.authorities.signer]);
    let contents: [&[u8]; 5] = [
        &renewed.pass,
        &renewed.gateway_pass,
        &renewed.issuer_pass,
        authorities.as_bytes(),
        own.as_bytes(),
    ];
    // A crash before the last of them: they are not there, and are fetched again.
    for (name, content) in FILES.into_iter().zip(contents) {
        identity_file::write(folder, name, content, 0o644)?;
    }
    Ok(())
}

/// What is kept, for the thing that it is for; `None` when there is nothing, or not all of it.
pub fn load(folder: &Path, identity: &Identity) -> Result<Option<Credentials>, IdentityError> {
    let Some(own) = identity_file::read(folder, LAST)? else {
        return Ok(None);
    };
    let read = |name: &str| Ok(identity_file::read(folder, name)?.unwrap_or_default());
    let [pass, gateway, issuer, authorities, _] = FILES;
    let own = identity_file::parse_pem(&own);
    let authorities = identity_file::parse_authorities(&read(authorities)?);
    let (Some([certificate, _]), Some(authorities)) = (own.as_deref(), authorities) else {
        return Ok(None);
    };
    Ok(Some(Credentials {
        code: identity.credentials.code,
        certificate: certificate.clone(),
        authorities,
        pass: read(pass)?,
        station_pass: None,
        gateway_pass: read(gateway)?,
        issuer_pass: read(issuer)?,
    }))
}

/// The thing with these credentials has been let in: they are its own from now on.
pub fn take_over(folder: &Path, identity: &Identity) -> Result<(), IdentityError> {
    // A crash in here: each file is that of before or of after, and the kept ones are still there.
    identity.save(folder)?;
    discard(folder)
}

/// Takes them away again; nothing when there are none.
pub fn discard(folder: &Path) -> Result<(), IdentityError> {
    // The one that says that all are there goes first.
    for name in FILES.into_iter().rev() {
        let path = folder.join(name);
        durable::remove(&path).map_err(|error| IdentityError::Io { path, error })?;
    }
    Ok(())
}
