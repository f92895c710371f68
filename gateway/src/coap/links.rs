//! Links as CoAP writes them (RFC 6690): read, written and picked from.

use std::fmt::Write as _;

/// Bytes of the longest list that is read.
pub(super) const LIST_BYTES_MAX: usize = 4096;
/// Links of one list, and the attributes of all of them.
pub(super) const LIST_LINKS_MAX: usize = 64;
pub(super) const LIST_ATTRIBUTES_MAX: usize = 256;
/// Attributes whose value is several, separated by spaces.
const SEVERAL: [&str; 4] = ["rt", "if", "rel", "ct"];

/// A target and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) target: String,
    /// Names with their values; some have none.
    pub(super) attributes: Vec<(String, Option<String>)>,
}

impl Link {
    pub(super) fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            attributes: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = Some(value.into());
        self.attributes.push((name.to_owned(), value));
        self
    }

    /// With an attribute that has no value.
    pub(super) fn marked(mut self, name: &str) -> Self {
        self.attributes.push((name.to_owned(), None));
        self
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "<{}>", self.target);
        for (name, value) in &self.attributes {
            let _ = match value {
                None => write!(out, ";{name}"),
                Some(value) if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    write!(out, ";{name}={value}")
                }
                Some(value) => {
                    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(out, ";{name}=\"{quoted}\"")
                }
            };
        }
    }
}

/// The list as text.
pub(super) fn write<'l>(links: impl IntoIterator<Item = &'l Link>) -> String {
    let mut out = String::new();
    for (at, link) in links.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        link.write(&mut out);
    }
    out
}

/// Reads a list; `None` when it is none, or too long.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Link>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.len() > LIST_BYTES_MAX || text.contains(char::is_control) {
        return None;
    }
    let mut rest = text.trim();
    let (mut links, mut attributes) = (Vec::new(), 0);
    while !rest.is_empty() {
        let (link, after) = read_link(rest)?;
        attributes += link.attributes.len();
        links.push(link);
        rest = match after.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?.trim_start(),
        };
        if links.len() > LIST_LINKS_MAX
            || attributes > LIST_ATTRIBUTES_MAX
            || (rest.is_empty() && after.contains(','))
        {
            return None;
        }
    }
    Some(links)
}

fn read_link(text: &str) -> Option<(Link, &str)> {
    let (target, mut rest) = text.strip_prefix('<')?.split_once('>')?;
    let mut link = Link::new(target);
    while let Some(attribute) = rest.strip_prefix(';') {
        let end = attribute.find(['=', ';', ',']).unwrap_or(attribute.len());
        let (name, after) = attribute.split_at_checked(end)?;
        let named = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-*._".contains(&byte));
        if !named || link.attributes.len() >= LIST_ATTRIBUTES_MAX {
            return None;
        }
        let (value, after) = match after.strip_prefix('=') {
            None => (None, after),
            Some(value) => read_value(value).map(|(value, after)| (Some(value), after))?,
        };
        link.attributes.push((name.to_owned(), value));
        rest = after;
    }
    Some((link, rest))
}

/// A value in quotes or without.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end)?;
        let value = value.trim_end();
        let plain = !value.is_empty() && !value.contains(['"', '<', '>', ' ']);
        return plain.then(|| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
}

/// What a query picks: links of which every item is true (RFC 6690, 4.1; RFC 9176, 6.2).
#[derive(Debug)]
pub(super) struct Picked<'q> {
    wanted: Vec<(&'q str, &'q str)>,
}

impl<'q> Picked<'q> {
    /// By the items of a query that are not in `besides`.
    pub(super) fn by(query: &'q [String], besides: &[&str]) -> Self {
        let items = query.iter().map(|item| match item.split_once('=') {
            Some((name, value)) => (name, value),
            None => (item.as_str(), "*"),
        });
        Self {
            wanted: items.filter(|(name, _)| !besides.contains(name)).collect(),
        }
    }

    /// Whether it takes this link, or what is said of it elsewhere.
    pub(super) fn takes(&self, link: &Link, elsewhere: &[(String, String)]) -> bool {
        self.wanted.iter().all(|(name, wanted)| {
            let own = link.attributes.iter().any(|(attribute, value)| {
                attribute == name && is_like(name, value.as_deref().unwrap_or(""), wanted)
            });
            let other = elsewhere
                .iter()
                .any(|(attribute, value)| attribute == name && is_like(name, value, wanted));
            own || other || (*name == "href" && is_like(name, &link.target, wanted))
        })
    }
}

fn is_like(name: &str, value: &str, wanted: &str) -> bool {
    let one = |value: &str| match wanted.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning),
        None => value == wanted,
    };
    match SEVERAL.contains(&name) {
        true => value.split(' ').any(one),
        false => one(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(list: &str, query: &[&str]) -> Vec<String> {
        let query: Vec<String> = query.iter().map(|item| (*item).to_owned()).collect();
        let picked = Picked::by(&query, &[]);
        let links = read(list.as_bytes()).unwrap();
        let taken = links.into_iter().filter(|link| picked.takes(link, &[]));
        taken.map(|link| link.target).collect()
    }

    #[test]
    fn a_list_is_read_and_written_alike() {
        for list in [
            "",
            "</a>",
            "</a>;ct=40;title=\"of \\\"all\\\", and; more\";obs,</b>;rt=\"x y\"",
            "<coap://[2001:db8::1]/t>;if=\"s\"",
        ] {
            assert_eq!(write(&read(list.as_bytes()).unwrap()), list);
        }
        let spaced = read(b"</a>;rt=x , </b>").unwrap();
        assert_eq!(write(&spaced), "</a>;rt=\"x\",</b>");
    }

    #[test]
    fn what_is_no_list_is_not_read() {
        for bad in [
            "/a",
            "<a",
            "<a>,",
            "<a>;=1",
            "<a>;x=",
            "<a>;x=\"open",
            "<a>x",
            "<a>;x y=1",
            "<a>\n",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(read(&[0xff]), None);
        let many = vec!["<a>"; LIST_LINKS_MAX + 1].join(",");
        assert_eq!(read(many.as_bytes()), None);
        let wordy = format!("<a>{0},<b>{0}", ";x".repeat(LIST_ATTRIBUTES_MAX / 2 + 1));
        assert_eq!(read(wordy.as_bytes()), None);
        let long = format!("<{}>", "a".repeat(LIST_BYTES_MAX));
        assert_eq!(read(long.as_bytes()), None);
    }

    #[test]
    fn a_query_picks_whole_words_and_beginnings() {
        let list = "</s>;rt=\"temperature light\";if=sensor,</t>;rt=temp;ct=\"50 60\";obs,</u/v>";
        for (query, expected) in [
            (&[][..], &["/s", "/t", "/u/v"][..]),
            (&["rt=light"], &["/s"]),
            (&["rt=temp"], &["/t"]),
            (&["rt=temp*"], &["/s", "/t"]),
            (&["ct=60"], &["/t"]),
            (&["if=sensor", "rt=temp*"], &["/s"]),
            (&["href=/u*"], &["/u/v"]),
            (&["href=/s"], &["/s"]),
            (&["obs"], &["/t"]),
            (&["rt=*"], &["/s", "/t"]),
            (&["title=x"], &[]),
        ] {
            assert_eq!(targets(list, query), expected, "{query:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_lists_are_read_without_harm(text in "[<>a;=\",\\\\ ]{0,40}") {
            if let Some(links) = read(text.as_bytes()) {
                let written = write(&links);
                proptest::prop_assert_eq!(read(written.as_bytes()), Some(links));
            }
        }
    }
}
