//! Where a broker is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `mqtts://host:port`, or `mqtt://` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

const TLS_PORT: u16 = 8883;
const PLAIN_PORT: u16 = 1883;

impl FromStr for Broker {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, rest) = text.split_once("://").ok_or(())?;
        let tls = match scheme {
            "mqtts" => true,
            "mqtt" => false,
            _ => return Err(()),
        };
        let rest = rest.trim_end_matches('/');
        let usual = if tls { TLS_PORT } else { PLAIN_PORT };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => {
                (host, port.parse().map_err(|_| ())?)
            }
            _ => (rest, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        let broker = Self {
            host: host.to_owned(),
            port,
            tls,
        };
        let fits = !host.is_empty() && host.bytes().all(plain) && port != 0;
        (fits && (tls || broker.is_loopback()))
            .then_some(broker)
            .ok_or(())
    }
}

impl Broker {
    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_reached_by_tls_and_in_the_clear_on_loopback_alone() {
        for (text, shown) in [
            ("mqtts://broker.example", "mqtts://broker.example:8883"),
            ("mqtts://10.0.0.1:1234", "mqtts://10.0.0.1:1234"),
            ("mqtts://[2001:db8::1]:99", "mqtts://[2001:db8::1]:99"),
            ("mqtts://[2001:db8::1]", "mqtts://[2001:db8::1]:8883"),
            ("mqtt://127.0.0.1", "mqtt://127.0.0.1:1883"),
            ("mqtt://localhost:1/", "mqtt://localhost:1"),
        ] {
            assert_eq!(text.parse::<Broker>().unwrap().to_string(), shown);
        }
        for text in [
            "broker.example:8883",
            "mqtt://broker.example",
            "mqtts://",
            "mqtts://a b",
            "mqtts://host:0",
            "mqtts://host:port",
            "http://127.0.0.1",
        ] {
            assert!(text.parse::<Broker>().is_err(), "{text}");
        }
    }
}
