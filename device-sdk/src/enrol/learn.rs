//! A thing hears who is above it now: a new issuer, or a new root by the old one's word.

use super::{Authorities, Credentials, EnrolError, Keys, OTHERS_MAX};
use der::{Decode, Reader, SliceReader};
use protocol::message::Message;
use protocol::objects::TrustUpdate;
use protocol::rules::Trust;
use protocol::{Status, Timestamp, cose};
use x509_cert::Certificate;

/// Most certificates of one message.
const CERTIFICATES_MAX: usize = 8;

/// What a thing trusts and shows from now on.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// The roots.
    pub trust: Trust,
    /// Until when the second of them counts.
    pub other_ends: Option<Timestamp>,
    /// Own credentials under those above.
    pub credentials: Credentials,
}

/// What a message of kind 32 says to a thing; `None` when it is nothing new. All of it is checked
/// against the root that the thing knows: nothing depends on who brought it.
pub fn learn(
    trust: &Trust,
    keys: &Keys,
    own: &Credentials,
    message: &[u8],
    now: Timestamp,
) -> Result<Option<Learnt>, EnrolError> {
    let Message::Authorities {
        issuer,
        gateway,
        certificates,
        update,
    } = Message::read(message)?
    else {
        return Err(Status::Malformed.into());
    };
    let (mut after, mut other_ends) = (*trust, None);
    if let Some(update) = update {
        after = trust.updated(update, now)?;
        other_ends = Some(
            cose::open::<TrustUpdate>(update, &trust.network)?
                .peek()
                .ends,
        );
    }
    let all = split(certificates).ok_or(super::CertificateFault::Unreadable)?;
    let [root, by_root, by_issuer, others @ ..] = all.as_slice() else {
        return Err(super::CertificateFault::Unreadable.into());
    };
    let credentials = Credentials {
        authorities: Authorities {
            root: root.clone(),
            issuer: by_root.clone(),
            signer: match own.station_pass {
                None => by_issuer.clone(),
                // Its station signed it, which a new gateway changes nothing about.
                Some(_) => own.authorities.signer.clone(),
            },
            others: others.iter().take(OTHERS_MAX).cloned().collect(),
        },
        gateway_pass: gateway.to_vec(),
        issuer_pass: issuer.to_vec(),
        ..own.clone()
    };
    if credentials == *own && after.root_key == trust.root_key {
        return Ok(None);
    }
    credentials.check(&after, keys, now)?;
    Ok(Some(Learnt {
        trust: after,
        other_ends: other_ends.filter(|_| after.other_root.is_some()),
        credentials,
    }))
}

/// Certificates that stand one behind the other.
fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() && all.len() < CERTIFICATES_MAX {
        let mut reader = SliceReader::new(bytes).ok()?;
        Certificate::decode(&mut reader).ok()?;
        let len = usize::try_from(reader.position()).ok()?;
        let (one, rest) = bytes.split_at_checked(len)?;
        all.push(one.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(all)
}
