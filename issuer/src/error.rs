//! Why something was not issued, grouped by who can mend it.

use std::fmt;

/// Why nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// The caller ordered something that is never issued.
    Order(OrderFault),
    /// What would have been signed, or what the key store signed, breaks the profile. Nothing left
    /// the house; this is a defect on this side.
    Profile(ProfileFault),
    /// The key store did not sign: the key is not on this machine, locked, or worn out.
    KeyAbsent,
    /// A value could not be encoded; this is a defect on this side.
    Encoding,
    /// The source of randomness failed.
    Random,
}

/// What is wrong with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderFault {
    /// Only an authority of the right role does this.
    Role,
    /// This kind of thing has no key of its own, or is an authority.
    Kind,
    /// The number lies outside what this authority may issue.
    Sequence,
    /// The certificate's serial number is zero.
    Serial,
    /// The validity is empty or goes beyond the authority's own.
    Validity,
    /// More rights than a thing may have, or than the authority has.
    Rights,
    /// The request repeats a key of the authority.
    Key,
    /// The request is signed by another key than the one that the code was made for.
    OtherThing,
    /// Not a lower-case DNS name that leaves room for codes.
    Domain,
    /// Not a host with an optional port.
    Resolver,
    /// Not a DNS name or address.
    ServerName,
    /// No server name, or more than [`crate::SERVER_NAMES_MAX`].
    ServerNames,
    /// More than [`crate::CERTIFICATES_MAX`] certificates, or one that is none.
    Certificates,
}

/// Which rule of the certificate profile is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileFault {
    /// Not a version 3 certificate in DER, or with an odd field.
    Shape,
    /// The serial number is zero or too long.
    Serial,
    /// Not ECDSA with SHA-256, or the two algorithm fields differ.
    Algorithm,
    /// The issuer is not the authority.
    Issuer,
    /// The subject is not the code.
    Subject,
    /// The validity is empty or goes beyond the authority's own.
    Validity,
    /// The key is not the requested one, or the code does not commit to it.
    Key,
    /// An extension is missing, unknown, repeated or of the wrong criticality.
    Extensions,
    /// Key identifiers do not link subject and authority.
    KeyIdentifiers,
    /// CA flag or path length.
    BasicConstraints,
    /// Key usage or extended key usage.
    KeyUsage,
    /// Subject alternative names.
    Names,
    /// Name constraints.
    NameConstraints,
    /// Assurance class.
    AssuranceClass,
    /// What a station may issue.
    Quota,
    /// The signature is not the authority's.
    Signature,
    /// The pass does not verify or says something else.
    Pass,
}

impl From<OrderFault> for IssueError {
    fn from(fault: OrderFault) -> Self {
        Self::Order(fault)
    }
}

impl From<ProfileFault> for IssueError {
    fn from(fault: ProfileFault) -> Self {
        Self::Profile(fault)
    }
}

impl From<der::Error> for IssueError {
    fn from(_: der::Error) -> Self {
        Self::Encoding
    }
}

impl From<x509_cert::builder::Error> for IssueError {
    fn from(_: x509_cert::builder::Error) -> Self {
        Self::Encoding
    }
}

impl From<crate::key::RandomFailed> for IssueError {
    fn from(_: crate::key::RandomFailed) -> Self {
        Self::Random
    }
}

impl fmt::Display for OrderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "only an authority of another role does this",
            Self::Kind => "this kind of thing gets no certificate from a gateway",
            Self::Sequence => "the sequence number lies outside what this authority may issue",
            Self::Serial => "the serial number is zero",
            Self::Validity => "the validity is empty or goes beyond the authority's own",
            Self::Rights => "more rights than a thing may have",
            Self::Key => "the request repeats a key of the authority",
            Self::OtherThing => "the request is not signed by the thing that has this code",
            Self::Domain => "the domain is not a lower-case DNS name with room for codes",
            Self::Resolver => "the resolver is not a host with an optional port",
            Self::ServerName => "not a DNS name or an address",
            Self::ServerNames => "no server name, or too many",
            Self::Certificates => "too many certificates, or something that is none",
        })
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(fault) => fault.fmt(f),
            Self::Profile(fault) => {
                write!(f, "nothing was issued, the profile is broken: {fault:?}")
            }
            Self::KeyAbsent => {
                f.write_str("the authority's key is not in this box: name its bundle with --bundle, or bring it back with `onecode root import`")
            }
            Self::Encoding => f.write_str("nothing was issued, a value could not be encoded"),
            Self::Random => f.write_str("the source of randomness failed; try again"),
        }
    }
}

impl std::error::Error for IssueError {}
impl std::error::Error for OrderFault {}
