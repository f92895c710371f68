//! From an order to a certificate: build, check, sign, check again.

use crate::error::{IssueError, OrderFault, ProfileFault};
use crate::key::Key;
use crate::lint::{self, Expected};
use crate::profile::{Form, Profile, spki_der};
use crate::signing::{self, CaFace};
use der::{DateTime, Decode, Encode};
use protocol::{PublicKey, Timestamp};
use spki::SubjectPublicKeyInfoOwned;
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

/// A certificate that lacks only its signature.
pub(crate) struct CertificateDraft {
    builder: CertificateBuilder<Form>,
    pub(crate) bytes: Vec<u8>,
    profile: Profile,
    subject: Name,
    key: Vec<u8>,
}

/// What to certify.
pub(crate) struct CertificateOrder<'a> {
    pub(crate) serial: &'a [u8; 16],
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) subject: Name,
    pub(crate) spki: SubjectPublicKeyInfoOwned,
    pub(crate) profile: Profile,
}

/// Builds what will be signed and holds it against the profile. `authority` is `None` for a root.
pub(crate) fn draft(
    order: CertificateOrder<'_>,
    issuer: Name,
    ca_key: &Key,
    authority: Option<&Certificate>,
) -> Result<CertificateDraft, IssueError> {
    if order.serial.iter().all(|byte| *byte == 0) {
        return Err(OrderFault::Serial.into());
    }
    if let Profile::Thing { code, .. } = &order.profile
        && !code.commits_to(&spki_der(&order.spki)?)
    {
        return Err(ProfileFault::Key.into());
    }
    if order.not_before >= order.not_after {
        return Err(OrderFault::Validity.into());
    }
    let validity = Validity::new(time(order.not_before)?, time(order.not_after)?);
    let key = spki_der(&order.spki)?;
    let form = Form {
        issuer,
        subject: order.subject.clone(),
        profile: order.profile.clone(),
    };
    let serial = SerialNumber::new(order.serial)?;
    let mut builder = CertificateBuilder::new(form, serial, validity, order.spki)?;
    let face = CaFace::new(&ca_key.public_key()).ok_or(ProfileFault::Algorithm)?;
    let bytes = builder.finalize(&face)?;
    let draft = CertificateDraft {
        builder,
        bytes,
        profile: order.profile,
        subject: order.subject,
        key,
    };
    let read = TbsCertificate::from_der(&draft.bytes)?;
    lint::to_be_signed(&read, &draft.expected(authority))?;
    Ok(draft)
}

/// Signs and checks the finished certificate.
pub(crate) fn finish(
    draft: CertificateDraft,
    ca_key: &Key,
    authority: Option<&Certificate>,
) -> Result<(Certificate, Vec<u8>), IssueError> {
    let public = ca_key.public_key();
    let face = CaFace::new(&public).ok_or(ProfileFault::Algorithm)?;
    let signature = signing::sign(ca_key, &draft.bytes)?;
    let certificate = draft.builder.assemble(signature, &face)?;
    let bytes = certificate.to_der()?;
    let expected = Expected {
        profile: &draft.profile,
        subject: &draft.subject,
        key: &draft.key,
        authority,
    };
    let certificate = lint::certificate(&bytes, &expected, &public)?;
    Ok((certificate, bytes))
}

impl CertificateDraft {
    /// Reads a finished certificate that should have come of this draft.
    pub(crate) fn check(
        &self,
        bytes: &[u8],
        key: &PublicKey,
        authority: Option<&Certificate>,
    ) -> Result<Certificate, ProfileFault> {
        lint::certificate(bytes, &self.expected(authority), key)
    }

    fn expected<'a>(&'a self, authority: Option<&'a Certificate>) -> Expected<'a> {
        Expected {
            profile: &self.profile,
            subject: &self.subject,
            key: &self.key,
            authority,
        }
    }
}

pub(crate) fn time(at: Timestamp) -> Result<Time, IssueError> {
    let since_1970 = Duration::from_secs(u64::from(at.0));
    Ok(Time::from(DateTime::from_unix_duration(since_1970)?))
}

/// Beyond 2106 there is no later time.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    Timestamp(u32::try_from(seconds).unwrap_or(u32::MAX))
}
