//! What a scanner read off a label, judged before anything is opened: whether it leads to this house,
//! and by which name it pretends to where it does not.

use protocol::{Code, GridCode};
use std::net::IpAddr;
use strsim::levenshtein;

/// Longest text that is looked at.
pub const SCANNED_CHARS_MAX: usize = 512;
/// Symbols of a code; a text much nearer to those of a grid code is taken for one.
const CODE_CHARS: usize = 34;
const GRID_CHARS: usize = 50;
/// So many letters other than ours, and a name still looks like ours.
const LETTERS_APART: usize = 2;

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// It leads here, to the page under this path.
    Here(String),
    /// It leads here without encryption, which no label of this house does.
    Bare(Option<String>),
    /// It leads to another host, which may look like this one.
    Elsewhere {
        /// Which.
        host: String,
        /// Whether it could be taken for this house.
        alike: bool,
        /// Page of this house about the code that stands in it.
        page: Option<String>,
    },
    /// It is no label.
    Nothing,
}

/// Reads what a label says, for the house at `resolver` (host and port).
pub fn read(text: &str, resolver: &str) -> Scanned {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > SCANNED_CHARS_MAX {
        return Scanned::Nothing;
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return spelled(text).map_or(Scanned::Nothing, Scanned::Here);
    };
    let tls = scheme.eq_ignore_ascii_case("https");
    if !tls && !scheme.eq_ignore_ascii_case("http") {
        return Scanned::Nothing;
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let page = pages(path);
    // What stands before an @ is a name to sign in with, whatever it looks like.
    let (before, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if before.is_empty() && same_host(host, resolver, tls) {
        return match (tls, page) {
            (true, Some(page)) => Scanned::Here(page),
            (true, None) => Scanned::Nothing,
            (false, page) => Scanned::Bare(page),
        };
    }
    Scanned::Elsewhere {
        alike: !before.is_empty() || looks_like(host, resolver),
        host: authority.to_owned(),
        page,
    }
}

/// A host as it is shown: what is not plain letters stands as its number.
pub fn visible(host: &str, most: usize) -> String {
    let shown = host.chars().take(most).map(|c| match c {
        c if c.is_ascii_graphic() => c.to_string(),
        c => format!("[U+{:04X}]", u32::from(c)),
    });
    shown.collect()
}

/// The host by which somebody came, where it is not the one on labels: neither the resolver, nor this
/// machine, nor an address.
pub fn came_by<'a>(host: &'a str, resolver: &str) -> Option<&'a str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let here = name.eq_ignore_ascii_case("localhost") || same_host(host, resolver, true);
    (!address && !here && host.bytes().all(|b| b.is_ascii_graphic())).then_some(host)
}

/// The page about a code that somebody spelled, well or not.
fn spelled(text: &str) -> Option<String> {
    let symbol = |c: &char| c.is_ascii_alphanumeric();
    if !text.chars().all(|c| symbol(&c) || "- ".contains(c)) {
        return None;
    }
    let symbols: String = text.chars().filter(symbol).collect();
    let place = symbols.len() > CODE_CHARS.midpoint(GRID_CHARS);
    Some(format!("/{}/{symbols}", if place { "g" } else { "1" }))
}

/// The page of this house for the path of a label: that of a code, of a place, or of a GS1 name.
fn pages(path: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if !segments
        .iter()
        .all(|one| !one.is_empty() && !one.starts_with('.') && one.chars().all(plain))
    {
        return None;
    }
    match segments.as_slice() {
        ["1", code] => Some(format!("/1/{code}")),
        ["1", code, mark] => Some(format!("/1/{code}/{mark}")),
        ["g" | "G", grid] => Some(format!("/g/{grid}")),
        ["g" | "G", grid, mark] => Some(format!("/g/{grid}/{mark}")),
        ["01", gtin, "21", serial] => Some(format!("/01/{gtin}/21/{serial}")),
        // Elsewhere a code may stand anywhere.
        _ => segments.iter().find_map(|one| {
            let thing = one.parse::<Code>().ok().map(|code| format!("/1/{code}"));
            thing.or_else(|| {
                one.parse::<GridCode>()
                    .ok()
                    .map(|grid| format!("/g/{grid}"))
            })
        }),
    }
}

/// Whether a browser would end up at the resolver.
fn same_host(host: &str, resolver: &str, tls: bool) -> bool {
    let usual = if tls { ":443" } else { ":80" };
    let without = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.strip_suffix(usual).map(str::to_owned).unwrap_or(name)
    };
    without(host) == without(resolver)
}

/// Whether somebody who knows the resolver could take this for it.
fn looks_like(host: &str, resolver: &str) -> bool {
    let (host, own) = (skeleton(host), skeleton(resolver));
    let strange = !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--"));
    strange || host.contains(&own) || levenshtein(&host, &own) <= LETTERS_APART
}

/// Without the port, and with what eyes mix up written alike.
fn skeleton(host: &str) -> String {
    let host = host.split(':').next().unwrap_or_default();
    let one = |c: char| match c {
        '0' => 'o',
        '1' | 'i' | '|' => 'l',
        '5' => 's',
        c => c,
    };
    let text: String = host.to_lowercase().chars().map(one).collect();
    text.replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "ID.EXAMPLE.COM";
    const CODE: &str = "2000008020000001DGQKQDBCG3P7ECY77E";

    fn here(path: &str) -> Scanned {
        Scanned::Here(path.to_owned())
    }

    #[test]
    fn a_label_of_this_house_leads_to_its_page() {
        let page = format!("/1/{CODE}");
        for text in [
            format!("HTTPS://ID.EXAMPLE.COM/1/{CODE}"),
            format!(" https://id.example.com:443/1/{CODE}\n"),
            CODE.to_owned(),
            "2000-0080-2000-0001-DGQK-QDBC-G3P7-ECY7-7E".to_owned(),
        ] {
            assert_eq!(read(&text, OURS), here(&page), "{text}");
        }
        let marked = format!("https://id.example.com/1/{CODE}/MARK");
        assert_eq!(read(&marked, OURS), here(&format!("/1/{CODE}/MARK")));
        let gs1 = "https://id.example.com/01/09506000134352/21/ABC";
        assert_eq!(read(gs1, OURS), here("/01/09506000134352/21/ABC"));
        // Misspelled, it goes to the page that says how.
        assert_eq!(read("2000008", OURS), here("/1/2000008"));
        let place = "7".repeat(50);
        assert_eq!(read(&place, OURS), here(&format!("/g/{place}")));
    }

    #[test]
    fn hosts_that_look_like_this_one_are_told_from_others() {
        let judged = |host: &str| {
            let text = format!("https://{host}/1/{CODE}");
            match read(&text, OURS) {
                Scanned::Elsewhere {
                    host: said,
                    alike,
                    page,
                } => {
                    assert_eq!((said.as_str(), page), (host, Some(format!("/1/{CODE}"))));
                    alike
                }
                other => panic!("{host}: {other:?}"),
            }
        };
        for alike in [
            "id.examp1e.com",
            "id.example.co",
            "id.exarnple.com",
            "id-example.com",
            "id.example.com.evil.net",
            "id.example.com@evil.net",
            "id.example.com:8443",
            "xn--id-exmple-5nf.com",
            "id.ex\u{430}mple.com",
        ] {
            assert!(judged(alike), "{alike}");
        }
        for other in ["pay.shop.net", "example.org", "10.0.0.1"] {
            assert!(!judged(other), "{other}");
        }
    }

    #[test]
    fn no_encryption_and_no_label_are_said_as_such() {
        let page = Some(format!("/1/{CODE}"));
        let bare = format!("http://id.example.com/1/{CODE}");
        assert_eq!(read(&bare, OURS), Scanned::Bare(page));
        let long = "1".repeat(SCANNED_CHARS_MAX + 1);
        for text in [
            "",
            "WIFI:S:free;;",
            "javascript://id.example.com/1/2",
            "https://id.example.com/sign-in",
            "https://id.example.com/1/a?b",
            "https://id.example.com/1/../codes",
            "https://id.example.com//evil.net/1/2",
            &long,
        ] {
            assert_eq!(read(text, OURS), Scanned::Nothing, "{text}");
        }
    }

    #[test]
    fn a_visitor_who_came_by_another_name_is_noticed() {
        for usual in [
            "id.example.com",
            "ID.EXAMPLE.COM:443",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:80",
            "192.0.2.1",
        ] {
            assert_eq!(came_by(usual, OURS), None, "{usual}");
        }
        assert_eq!(came_by("id.examp1e.com", OURS), Some("id.examp1e.com"));
        assert_eq!(visible("id.ex\u{430}mple", 80), "id.ex[U+0430]mple");
    }

    #[test]
    fn whatever_leads_here_stays_here() {
        // A browser reads the backslash as a slash: what follows is a path of this host.
        let bent = "https://id.example.com\\@evil.net/1/2";
        assert_eq!(read(bent, OURS), here("/1/2"));
        for text in ["//evil.net", "/1/2"] {
            assert_eq!(read(text, OURS), Scanned::Nothing, "{text}");
        }
    }
}
