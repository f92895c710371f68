//! How codes are spelled in certificates, and which server names are acceptable.

use crate::error::OrderFault;
use protocol::code::IssuedBy;
use protocol::{Code, GridCode};
use std::fmt;
use std::net::IpAddr;

/// Longest DNS name (RFC 1035).
pub const DNS_NAME_MAX: usize = 253;
const DNS_LABEL_MAX: usize = 63;
/// `<34 characters>.<station>.<issuer>.` at its longest.
const CODE_PREFIX_MAX: usize = 34 + 1 + 4 + 1 + 8 + 1;
/// Longest resolver, host and port.
pub const RESOLVER_MAX: usize = 128;

/// Where the names of one installation live: the domain under which codes are DNS names, and the
/// resolver that answers for codes printed as URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    domain: String,
    resolver: String,
}

impl Names {
    /// The domain is a lower-case DNS name, the resolver a host name with an optional port.
    pub fn new(domain: &str, resolver: &str) -> Result<Self, OrderFault> {
        if domain.len() > DNS_NAME_MAX - CODE_PREFIX_MAX || !is_dns_name(domain) {
            return Err(OrderFault::Domain);
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        if resolver.is_empty() || resolver.len() > RESOLVER_MAX || !resolver.bytes().all(legal) {
            return Err(OrderFault::Resolver);
        }
        Ok(Self {
            domain: domain.to_owned(),
            resolver: resolver.to_ascii_uppercase(),
        })
    }

    /// The domain, lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Host and port printed on labels, upper case.
    pub fn resolver(&self) -> &str {
        &self.resolver
    }

    /// `<code>.<station>.<issuer>.<domain>`, lower case: the name in certificates.
    pub fn dns_name(&self, code: &Code) -> String {
        let subtree = self.subtree(code.issued_by());
        format!("{}.{subtree}", code.text().as_str().to_ascii_lowercase())
    }

    /// `<station>.<issuer>.<domain>`: what an authority of that station may name.
    pub fn subtree(&self, by: IssuedBy) -> String {
        format!("{}.{}.{}", by.station, by.issuer, self.domain)
    }

    /// `HTTPS://<RESOLVER>/1/<CODE>`, upper case as in its QR code.
    pub fn uri(&self, code: &Code) -> String {
        format!("HTTPS://{}/1/{code}", self.resolver)
    }

    /// `HTTPS://<RESOLVER>/G/<GRID CODE>`, upper case as in its QR code.
    pub fn place_uri(&self, grid: &GridCode) -> String {
        format!("HTTPS://{}/G/{grid}", self.resolver)
    }
}

/// A name a server answers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerName {
    /// A lower-case DNS name without wildcards.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl ServerName {
    /// Reads an address or a DNS name; upper case is read as lower case.
    pub fn parse(text: &str) -> Result<Self, OrderFault> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        let name = text.to_ascii_lowercase();
        // A last label of digits would be taken for an address by some readers.
        let numeric_end = name
            .rsplit('.')
            .next()
            .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        match is_dns_name(&name) && !numeric_end {
            true => Ok(Self::Dns(name)),
            false => Err(OrderFault::ServerName),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

fn is_dns_name(name: &str) -> bool {
    name.len() <= DNS_NAME_MAX && name.split('.').all(is_dns_label)
}

fn is_dns_label(label: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=DNS_LABEL_MAX).contains(&label.len())
        && label.bytes().all(legal)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_accepted() {
        for good in ["localhost", "Gate.example", "127.0.0.1", "::1", "a-b.c1"] {
            assert!(ServerName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            "*.example",
            "a..b",
            "-a",
            "a-",
            "a b",
            "1.2.3",
            "ä.example",
            &long,
            "a.",
        ] {
            assert_eq!(ServerName::parse(bad), Err(OrderFault::ServerName), "{bad}");
        }
        assert_eq!(Names::new("One.internal", "r"), Err(OrderFault::Domain));
        assert_eq!(Names::new("one.internal", "r/x"), Err(OrderFault::Resolver));
        assert_eq!(Names::new(&"a.".repeat(110), "r"), Err(OrderFault::Domain));
    }

    #[test]
    fn a_code_is_spelled_the_same_everywhere() {
        let names = Names::new("onecode.internal", "localhost:8080").unwrap();
        let by = IssuedBy {
            issuer: 1,
            station: 12,
        };
        let code = Code::derive(protocol::Kind::Device, by, 3, b"spki").unwrap();
        let text = code.to_string();
        assert_eq!(
            names.dns_name(&code),
            format!("{}.12.1.onecode.internal", text.to_lowercase())
        );
        assert_eq!(names.uri(&code), format!("HTTPS://LOCALHOST:8080/1/{text}"));
    }
}
