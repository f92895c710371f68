//! Where a webhook may lead. A rule that somebody makes on a page has the gateway connect to a place
//! of their choice, so places inside the network are closed unless the settings open them, and
//! some are never open.

use axum::http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest address of a webhook.
const URL_BYTES_MAX: usize = 512;
/// Where clouds tell a machine its own secrets, beside link-local addresses.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The networks that webhooks may reach beside the public ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// This machine, also without TLS.
    pub loopback: bool,
    /// The networks of houses, companies and providers (RFC 1918, RFC 6598, RFC 4193).
    pub private: bool,
}

/// Why a webhook cannot lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachError {
    /// It is no URL of a webhook.
    Spelling,
    /// Without TLS, beyond this machine.
    Plain,
    /// Into a network that the settings do not open, or that is never open.
    Closed,
}

impl FromStr for Reach {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut reach = Self::default();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "loopback" => reach.loopback = true,
                "private" => reach.private = true,
                _ => return Err(()),
            }
        }
        Ok(reach)
    }
}

const fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18)
}

const fn is_never_v4(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    first == 0 || first >= 224 || ip.is_link_local()
}

/// The address of the old protocol that one of the new stands for.
fn within(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(of(g, h)),
        (0x2002, ..) => Some(of(b, c)),
        _ => None,
    }
}

impl Reach {
    /// Whether a webhook may lead to this address.
    pub fn permits(self, ip: IpAddr) -> bool {
        if METADATA.contains(&ip) {
            return false;
        }
        match ip {
            IpAddr::V4(ip) if ip.is_loopback() => self.loopback,
            IpAddr::V4(ip) if is_never_v4(ip) => false,
            IpAddr::V4(ip) => self.private || !is_private_v4(ip),
            IpAddr::V6(ip) if ip.is_loopback() => self.loopback,
            IpAddr::V6(ip) => match (within(ip), ip.segments()) {
                (Some(ip), _) => self.permits(IpAddr::V4(ip)),
                (None, [first, ..]) if first & 0xfe00 == 0xfc00 => self.private,
                // Of the others only global unicast is anybody's, and of that not Teredo.
                (None, [first, second, ..]) => {
                    first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0)
                }
            },
        }
    }

    /// Whether this is the URL of a webhook that may be kept. What its name resolves to is looked at
    /// again whenever somebody connects.
    pub fn check(self, text: &str) -> Result<(), ReachError> {
        let fits = text.len() <= URL_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        let uri = text
            .parse::<Uri>()
            .ok()
            .filter(|_| fits && !text.contains('#'));
        let uri = uri.ok_or(ReachError::Spelling)?;
        let authority = uri.authority().ok_or(ReachError::Spelling)?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(ReachError::Spelling);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip = bare.parse::<IpAddr>().ok();
        let is_here = ip.map_or(bare.eq_ignore_ascii_case("localhost"), |ip| {
            ip.is_loopback()
        });
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_here => {}
            Some("http") => return Err(ReachError::Plain),
            _ => return Err(ReachError::Spelling),
        }
        let is_open = match ip {
            Some(ip) => self.permits(ip),
            None => self.loopback || !is_here,
        };
        match is_open {
            true => Ok(()),
            false => Err(ReachError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Reach = Reach {
        loopback: false,
        private: false,
    };
    const EVERYWHERE: Reach = Reach {
        loopback: true,
        private: true,
    };

    /// How an address stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Is {
        Public,
        Private,
        Loopback,
        Never,
    }

    #[test]
    fn addresses_are_what_they_lead_to() {
        use Is::{Loopback, Never, Private, Public};
        for (text, is) in [
            ("93.184.216.34", Public),
            ("172.32.0.1", Public),
            ("100.128.0.1", Public),
            ("2606:2800:220:1::1", Public),
            ("64:ff9b::5db8:d822", Public),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("198.19.0.1", Private),
            ("fd12::1", Private),
            ("::ffff:10.0.0.1", Private),
            ("2002:a00:1::1", Private),
            ("64:ff9b::a00:1", Private),
            ("127.0.0.1", Loopback),
            ("127.9.9.9", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("0.0.0.0", Never),
            ("0.1.2.3", Never),
            ("::", Never),
            ("169.254.169.254", Never),
            ("::ffff:169.254.169.254", Never),
            ("64:ff9b::a9fe:a9fe", Never),
            ("100.100.100.200", Never),
            ("168.63.129.16", Never),
            ("fd00:ec2::254", Never),
            ("224.0.0.1", Never),
            ("255.255.255.255", Never),
            ("fe80::1", Never),
            ("ff02::1", Never),
            ("2001:0:1::1", Never),
            ("::7f00:1", Never),
        ] {
            let ip: IpAddr = text.parse().unwrap();
            let only = |loopback, private| Reach { loopback, private }.permits(ip);
            let seen = (
                NOWHERE.permits(ip),
                only(true, false),
                only(false, true),
                EVERYWHERE.permits(ip),
            );
            let expected = match is {
                Public => (true, true, true, true),
                Private => (false, false, true, true),
                Loopback => (false, true, false, true),
                Never => (false, false, false, false),
            };
            assert_eq!(seen, expected, "{text}");
        }
    }

    #[test]
    fn a_webhook_is_kept_when_it_may_lead_there() {
        use ReachError::{Closed, Plain, Spelling};
        for (reach, text, expected) in [
            (NOWHERE, "https://hooks.example.com/a?b=c", Ok(())),
            (NOWHERE, "https://hooks.example.com:8443/", Ok(())),
            (NOWHERE, "http://hooks.example.com/", Err(Plain)),
            (EVERYWHERE, "http://192.168.1.1/", Err(Plain)),
            (EVERYWHERE, "https://192.168.1.1/", Ok(())),
            (NOWHERE, "https://192.168.1.1/", Err(Closed)),
            (NOWHERE, "https://[fd12::1]/", Err(Closed)),
            (NOWHERE, "http://127.0.0.1:9/", Err(Closed)),
            (NOWHERE, "https://localhost/", Err(Closed)),
            (EVERYWHERE, "http://127.0.0.1:9/x", Ok(())),
            (EVERYWHERE, "http://[::1]:9/x", Ok(())),
            (EVERYWHERE, "http://LOCALHOST:9/x", Ok(())),
            (EVERYWHERE, "https://169.254.169.254/latest", Err(Closed)),
            (
                EVERYWHERE,
                "https://user:secret@example.com/",
                Err(Spelling),
            ),
            (EVERYWHERE, "https://example.com/#a", Err(Spelling)),
            (EVERYWHERE, "https://exa mple.com/", Err(Spelling)),
            (EVERYWHERE, "ftp://example.com/", Err(Spelling)),
            (EVERYWHERE, "javascript:alert(1)", Err(Spelling)),
            (EVERYWHERE, "/alerts", Err(Spelling)),
            (EVERYWHERE, "", Err(Spelling)),
        ] {
            assert_eq!(reach.check(text), expected, "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(EVERYWHERE.check(&long), Err(Spelling));
    }

    #[test]
    fn networks_are_opened_by_name() {
        assert_eq!("".parse(), Ok(NOWHERE));
        assert_eq!("private, loopback".parse(), Ok(EVERYWHERE));
        assert_eq!("everything".parse::<Reach>(), Err(()));
    }
}
