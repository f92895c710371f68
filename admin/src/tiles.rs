//! Pictures of the ground for the map, from a server that somebody named.

use std::fmt;
use std::str::FromStr;

/// An address with `{z}`, `{x}` and `{y}` in it, over HTTPS or from this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiles(String);

/// It is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTiles;

impl fmt::Display for NoTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wants an address such as https://tiles.example/{z}/{x}/{y}.png")
    }
}

impl FromStr for Tiles {
    type Err = NoTiles;

    fn from_str(text: &str) -> Result<Self, NoTiles> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://127.0.0.1:"))
            .and_then(|rest| rest.split_once('/'))
            .map(|(host, _)| host)
            .ok_or(NoTiles)?;
        // The origin goes into a header, and the whole into a page.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        let placed = ["{z}", "{x}", "{y}"].iter().all(|part| text.contains(part));
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !host.chars().all(plain) || !placed || !printable {
            return Err(NoTiles);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Tiles {
    /// Scheme and host, as a content security policy names them.
    pub fn origin(&self) -> &str {
        let end = self
            .0
            .match_indices('/')
            .nth(2)
            .map_or(self.0.len(), |(at, _)| at);
        self.0.get(..end).unwrap_or_default()
    }
}

impl fmt::Display for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_three_numbers() {
        let tiles: Tiles = "https://tiles.example/a/{z}/{x}/{y}.png?k=1"
            .parse()
            .unwrap();
        assert_eq!(tiles.origin(), "https://tiles.example");
        let own: Tiles = "http://127.0.0.1:9000/{z}/{x}/{y}".parse().unwrap();
        assert_eq!(own.origin(), "http://127.0.0.1:9000");
        for wrong in [
            "",
            "https:///{z}/{x}/{y}",
            "https://tiles.example/{z}/{x}",
            "http://tiles.example/{z}/{x}/{y}",
            "https://tiles.example; script-src *//{z}/{x}/{y}",
            "https://tiles.example/{z}/{x}/{y} 'unsafe-inline'",
            "javascript://a/{z}/{x}/{y}",
        ] {
            assert_eq!(wrong.parse::<Tiles>(), Err(NoTiles), "{wrong}");
        }
    }
}
