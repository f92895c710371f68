//! Proxies in front of the portal, and whom they speak for.

use axum::http::HeaderMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Proxies at most.
const PROXIES_MAX: usize = 16;
/// Addresses that are looked at in one header.
const HOPS_MAX: usize = 16;

/// The proxies whose word about where a request came from counts. With one, browsers come by https.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpAddr>);

/// They are no such addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoProxies;

impl fmt::Display for NoProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wants up to 16 addresses such as 127.0.0.1, separated by commas")
    }
}

impl FromStr for Proxies {
    type Err = NoProxies;

    fn from_str(text: &str) -> Result<Self, NoProxies> {
        let named = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let read = named.map(|one| one.parse().map_err(|_| NoProxies));
        let proxies: Vec<IpAddr> = read.collect::<Result<_, _>>()?;
        match proxies.len() <= PROXIES_MAX {
            true => Ok(Self(proxies)),
            false => Err(NoProxies),
        }
    }
}

impl Proxies {
    /// Whether browsers reach the portal over TLS.
    pub const fn speak_tls(&self) -> bool {
        !self.0.is_empty()
    }

    /// Where a request came from: who connected, or whom a proxy names. A header is read from its end,
    /// where the nearest proxy wrote; what stands before an address that is no proxy's, anybody can
    /// have written.
    pub fn origin(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let known = |address: &IpAddr| self.0.contains(&address.to_canonical());
        let mut nearest = peer?;
        let lines = headers.get_all("x-forwarded-for");
        let lines: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops.take(HOPS_MAX) {
            if !known(&nearest) {
                break;
            }
            match hop.trim().parse() {
                Ok(before) => nearest = before,
                Err(_) => break,
            }
        }
        Some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn origin(proxies: &str, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let proxies: Proxies = proxies.parse().unwrap();
        let origin = proxies.origin(Some(peer.parse().unwrap()), &headers);
        origin.unwrap().to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        let far = &["203.0.113.9"];
        assert_eq!(origin("", "127.0.0.1", far), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", "127.0.0.1", far), "203.0.113.9");
        assert_eq!(origin("127.0.0.1", "198.51.100.1", far), "198.51.100.1");
        // What a visitor wrote stands before what the proxy wrote.
        let lied = &["10.1.1.1, 203.0.113.9"];
        assert_eq!(origin("127.0.0.1", "127.0.0.1", lied), "203.0.113.9");
        let apart = &["10.1.1.1", "203.0.113.9, 10.0.0.2"];
        assert_eq!(
            origin("127.0.0.1, 10.0.0.2", "127.0.0.1", apart),
            "203.0.113.9"
        );
        let nonsense = &["10.1.1.1, nobody"];
        assert_eq!(origin("127.0.0.1", "127.0.0.1", nonsense), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", "127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", "::ffff:127.0.0.1", far), "203.0.113.9");
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        assert_eq!("".parse::<Proxies>(), Ok(Proxies::default()));
        assert!(!Proxies::default().speak_tls());
        assert!("::1, 10.0.0.1".parse::<Proxies>().unwrap().speak_tls());
        for wrong in ["proxy.example", "10.0.0.0/8", "10.0.0.1;10.0.0.2"] {
            assert_eq!(wrong.parse::<Proxies>(), Err(NoProxies), "{wrong}");
        }
        let many = ["10.0.0.1"; PROXIES_MAX + 1].join(",");
        assert_eq!(many.parse::<Proxies>(), Err(NoProxies));
    }
}
