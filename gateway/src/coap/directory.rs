//! A resource directory (RFC 9176): where things say which resources they have themselves, and find
//! those of others. It is in memory; whoever registered does so again before its time is over.
//!
//! Only things with a certificate come here, and each speaks for itself: its endpoint name is its
//! code. What it registers is for every thing of the house to read.

use super::limits::{
    REGISTRATION_LIFE_MAX_S, REGISTRATION_LIFE_S, REGISTRATIONS_MAX, REGISTRATIONS_PER_CODE,
};
use super::links::{self, Link, Picked};
use super::request::{Method, Request, Response};
use super::resource::Asker;
use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use protocol::Code;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The first segment of registrations, and of lookups.
const REGISTRATIONS: &str = "rd";
const LOOKUP: &str = "rd-lookup";
/// Bytes of one registration parameter.
const PARAMETER_BYTES_MAX: usize = 256;
/// Parameters kept with a registration, besides those with a meaning here.
const PARAMETERS_MAX: usize = 8;
/// Entries on one page of a lookup, unless fewer are asked for.
const PAGE_ENTRIES: usize = 64;
/// What picks pages, and nothing on them.
const PAGING: [&str; 2] = ["page", "count"];

/// All registrations.
#[derive(Debug, Default)]
pub(super) struct Directory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_number: BTreeMap<u32, Registration>,
    numbers: u32,
}

#[derive(Debug)]
struct Registration {
    code: Code,
    /// `ep`, `base`, `d` and whatever else was said of the endpoint.
    said: Vec<(String, String)>,
    links: Vec<Link>,
    until: Instant,
    life: Duration,
}

impl Registration {
    fn value(&self, name: &str) -> Option<&str> {
        let said = self.said.iter().find(|(known, _)| known == name);
        said.map(|(_, value)| value.as_str())
    }

    fn link(&self, number: u32) -> Link {
        let target = format!("/{REGISTRATIONS}/{number}");
        let link = Link::new(target).with("rt", "core.rd-ep");
        let said = self.said.iter();
        said.fold(link, |link, (name, value)| link.with(name, value.as_str()))
    }
}

/// What a registration or an update says in its query.
struct Said {
    life: Option<Duration>,
    parameters: Vec<(String, String)>,
}

impl Said {
    /// `None` when a parameter is malformed, too long or there twice.
    fn read(query: &[String]) -> Option<Self> {
        let (mut life, mut parameters) = (None, Vec::<(String, String)>::new());
        for item in query {
            let (name, value) = item.split_once('=')?;
            let known = parameters.iter().any(|(known, _)| known == name);
            if item.len() > PARAMETER_BYTES_MAX || item.contains(char::is_control) || known {
                return None;
            }
            if name == "lt" {
                let seconds: u32 = value.parse().ok().filter(|seconds| *seconds > 0)?;
                let seconds = seconds.min(REGISTRATION_LIFE_MAX_S);
                life = Some(Duration::from_secs(seconds.into()));
            } else {
                parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        let few = parameters.len() <= PARAMETERS_MAX;
        few.then_some(Self { life, parameters })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let said = self.parameters.iter().find(|(known, _)| known == name);
        said.map(|(_, value)| value.as_str())
    }
}

impl Directory {
    /// Whether this path is here.
    pub(super) fn has(path: &[String]) -> bool {
        matches!(
            path.first().map(String::as_str),
            Some(REGISTRATIONS | LOOKUP)
        )
    }

    /// What discovery says of it.
    pub(super) fn links() -> Vec<Link> {
        let link = |target: &str, kind: &str| Link::new(target).with("rt", kind).with("ct", "40");
        vec![
            link("/rd", "core.rd"),
            link("/rd-lookup/ep", "core.rd-lookup-ep"),
            link("/rd-lookup/res", "core.rd-lookup-res"),
        ]
    }

    pub(super) fn answer(&self, asker: &Asker, me: Code, ask: &Request, now: Instant) -> Response {
        let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
        match (ask.method, path.as_slice()) {
            (Method::Post, [REGISTRATIONS]) => self.register(asker, me, ask, now),
            (Method::Get, [LOOKUP, "ep"]) => self.endpoints(ask, now),
            (Method::Get, [LOOKUP, "res"]) => self.resources(ask, now),
            (_, [REGISTRATIONS] | [LOOKUP, "ep" | "res"]) => {
                Response::bare(ResponseType::MethodNotAllowed)
            }
            (method, [REGISTRATIONS, number]) => {
                let number = number
                    .parse()
                    .ok()
                    .filter(|it: &u32| it.to_string() == *number);
                match (method, number) {
                    (_, None) => Response::bare(ResponseType::NotFound),
                    (Method::Post, Some(number)) => self.update(number, me, ask, now),
                    (Method::Delete, Some(number)) => self.remove(number, me, now),
                    (Method::Get, Some(number)) => self.show(number, now),
                    (Method::Put, Some(_)) => Response::bare(ResponseType::MethodNotAllowed),
                }
            }
            _ => Response::bare(ResponseType::NotFound),
        }
    }

    /// The same endpoint name and sector again take the place of what was there (RFC 9176, 5).
    fn register(&self, asker: &Asker, me: Code, ask: &Request, now: Instant) -> Response {
        if ask.content_format.is_some_and(|it| it != wire::LINK_FORMAT) {
            return Response::bare(ResponseType::UnsupportedContentFormat);
        }
        let (Some(mut said), Some(links)) = (Said::read(&ask.query), links::read(&ask.payload))
        else {
            return Response::bare(ResponseType::BadRequest);
        };
        let ep = me.to_string();
        match said.value("ep") {
            None => said.parameters.insert(0, ("ep".to_owned(), ep)),
            Some(named) if named == ep => {}
            // Nobody speaks for somebody else.
            Some(_) => return Response::bare(ResponseType::Forbidden),
        }
        match (said.value("base"), asker.at) {
            (Some(base), _) if is_base(base) => {}
            (None, Some(at)) => {
                let base = format!("coaps://{at}");
                said.parameters.push(("base".to_owned(), base));
            }
            _ => return Response::bare(ResponseType::BadRequest),
        }
        let life = Duration::from_secs(REGISTRATION_LIFE_S.into());
        let life = said.life.unwrap_or(life);
        let mut state = self.state(now);
        let mut own = state.by_number.iter().filter(|(_, it)| it.code == me);
        let same = own.clone().find(|(_, it)| it.value("d") == said.value("d"));
        let same = same.map(|(number, _)| *number);
        let full = state.by_number.len() >= REGISTRATIONS_MAX
            || own.by_ref().count() >= REGISTRATIONS_PER_CODE;
        let number = match same {
            Some(number) => number,
            None if full => return Response::bare(ResponseType::ServiceUnavailable),
            None => {
                state.numbers = state.numbers.wrapping_add(1);
                state.numbers
            }
        };
        let registration = Registration {
            code: me,
            said: said.parameters,
            links,
            until: now + life,
            life,
        };
        state.by_number.insert(number, registration);
        Response {
            location: vec![REGISTRATIONS.to_owned(), number.to_string()],
            ..Response::bare(ResponseType::Created)
        }
    }

    /// Lives on for as long again, and takes what is said anew.
    fn update(&self, number: u32, me: Code, ask: &Request, now: Instant) -> Response {
        let Some(said) = Said::read(&ask.query) else {
            return Response::bare(ResponseType::BadRequest);
        };
        let named = said.value("ep").is_some() || said.value("d").is_some();
        if named || said.value("base").is_some_and(|base| !is_base(base)) || !ask.payload.is_empty()
        {
            return Response::bare(ResponseType::BadRequest);
        }
        let mut state = self.state(now);
        let Some(registration) = state.by_number.get_mut(&number) else {
            return Response::bare(ResponseType::NotFound);
        };
        if registration.code != me {
            return Response::bare(ResponseType::Forbidden);
        }
        let kept = registration.said.iter();
        let kept = kept.filter(|(name, _)| said.value(name).is_none()).cloned();
        let next: Vec<_> = kept.chain(said.parameters.iter().cloned()).collect();
        if next.len() > PARAMETERS_MAX + 2 {
            return Response::bare(ResponseType::BadRequest);
        }
        registration.said = next;
        registration.life = said.life.unwrap_or(registration.life);
        registration.until = now + registration.life;
        Response::bare(ResponseType::Changed)
    }

    fn remove(&self, number: u32, me: Code, now: Instant) -> Response {
        let mut state = self.state(now);
        match state.by_number.get(&number) {
            None => Response::bare(ResponseType::NotFound),
            Some(registration) if registration.code != me => {
                Response::bare(ResponseType::Forbidden)
            }
            Some(_) => {
                state.by_number.remove(&number);
                Response::bare(ResponseType::Deleted)
            }
        }
    }

    fn show(&self, number: u32, now: Instant) -> Response {
        match self.state(now).by_number.get(&number) {
            Some(registration) => list(&registration.links),
            None => Response::bare(ResponseType::NotFound),
        }
    }

    fn endpoints(&self, ask: &Request, now: Instant) -> Response {
        let picked = Picked::by(&ask.query, &PAGING);
        let state = self.state(now);
        let all = state.by_number.iter();
        // An endpoint is also found by what its links say.
        let taken = all.filter_map(|(number, it)| {
            let own = it.link(*number);
            let found =
                picked.takes(&own, &[]) || it.links.iter().any(|link| picked.takes(link, &it.said));
            found.then_some(own)
        });
        page(ask, taken)
    }

    fn resources(&self, ask: &Request, now: Instant) -> Response {
        let picked = Picked::by(&ask.query, &PAGING);
        let state = self.state(now);
        let all = state.by_number.values();
        let all = all.flat_map(|it| it.links.iter().map(move |link| (it, link)));
        let taken = all.filter_map(|(it, link)| {
            let base = it.value("base").unwrap_or_default();
            let link = Link {
                target: resolved(base, &link.target),
                attributes: link.attributes.clone(),
            };
            picked.takes(&link, &it.said).then_some(link)
        });
        page(ask, taken)
    }

    /// Without those whose time is over.
    fn state(&self, now: Instant) -> std::sync::MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.by_number.retain(|_, it| now < it.until);
        state
    }
}

/// Scheme and authority, and no path: links are resolved against it.
fn is_base(base: &str) -> bool {
    let schemes = ["coap://", "coaps://", "coap+tcp://", "coaps+tcp://"];
    let authority = schemes.iter().find_map(|scheme| base.strip_prefix(scheme));
    authority.is_some_and(|it| !it.is_empty() && !it.contains(['/', '?', '#', '<', '>', '"', ' ']))
}

/// A target with a scheme stays, any other begins at the root of the base.
fn resolved(base: &str, target: &str) -> String {
    match target.split_once("://") {
        Some((scheme, _)) if !scheme.contains('/') => target.to_owned(),
        _ => format!("{base}/{}", target.trim_start_matches('/')),
    }
}

fn page(ask: &Request, taken: impl Iterator<Item = Link>) -> Response {
    let number = |name| ask.query_value(name).map(str::parse::<usize>).transpose();
    let (Ok(page), Ok(count)) = (number("page"), number("count")) else {
        return Response::bare(ResponseType::BadRequest);
    };
    let count = count.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES);
    let before = page.unwrap_or(0).saturating_mul(count);
    let taken: Vec<Link> = taken.skip(before).take(count).collect();
    list(&taken)
}

fn list(links: &[Link]) -> Response {
    let text = Bytes::from(links::write(links));
    Response::with(ResponseType::Content, wire::LINK_FORMAT, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    struct Bench {
        directory: Directory,
        now: Instant,
    }

    fn code(letter: &str) -> Code {
        topic(&format!("oc/1/{letter}/s")).code
    }

    impl Bench {
        fn new() -> Self {
            Self {
                directory: Directory::default(),
                now: Instant::now(),
            }
        }

        /// `POST rd?a=b` and what comes of it, as one line.
        fn ask(&self, me: &str, line: &str, payload: &'static str) -> String {
            let (method, target) = line.split_once(' ').unwrap();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let items = |text: &str, by: char| -> Vec<String> {
                let each = text.split(by).filter(|item| !item.is_empty());
                each.map(str::to_owned).collect()
            };
            let request = Request {
                method: match method {
                    "GET" => Method::Get,
                    "POST" => Method::Post,
                    "PUT" => Method::Put,
                    _ => Method::Delete,
                },
                path: items(path, '/'),
                query: items(query, '&'),
                content_format: None,
                accept: None,
                payload: Bytes::from_static(payload.as_bytes()),
                observe: false,
            };
            let asker = Asker {
                is_late: false,
                caller: Some(code(me)),
                at: Some(([127, 0, 0, 1], 4711).into()),
            };
            let me = code(me);
            let answer = self.directory.answer(&asker, me, &request, self.now);
            let text = String::from_utf8_lossy(&answer.payload).into_owned();
            match answer.code {
                ResponseType::Content => text,
                ResponseType::Created => answer.location.join("/"),
                other => format!("{other:?}"),
            }
        }
    }

    const TWO: &str = "</t>;rt=temperature;ct=50,</s/light>;rt=light";

    #[test]
    fn who_registers_is_found_by_name_and_by_what_it_has() {
        let bench = Bench::new();
        assert_eq!(bench.ask("A", "POST rd?d=hall&et=lamp", TWO), "rd/1");
        assert_eq!(
            bench.ask("B", "POST rd?base=coap://[::1]:5", "</t>;rt=temperature"),
            "rd/2"
        );
        let temperatures = "<coaps://127.0.0.1:4711/t>;rt=\"temperature\";ct=50,<coap://[::1]:5/t>;rt=\"temperature\"";
        assert_eq!(
            bench.ask("B", "GET rd-lookup/res?rt=temperature", ""),
            temperatures
        );
        let lights = "<coaps://127.0.0.1:4711/s/light>;rt=\"light\"";
        assert_eq!(
            bench.ask("B", "GET rd-lookup/res?rt=li*&d=hall", ""),
            lights
        );
        assert_eq!(bench.ask("B", "GET rd-lookup/res?rt=light&d=attic", ""), "");
        let a = format!(
            "</rd/1>;rt=\"core.rd-ep\";ep=\"{}\";d=\"hall\";et=\"lamp\";base=\"coaps://127.0.0.1:4711\"",
            code("A")
        );
        let by_name = format!("GET rd-lookup/ep?ep={}", code("A"));
        for ask in [
            "GET rd-lookup/ep?rt=light",
            "GET rd-lookup/ep?et=lamp",
            &by_name,
        ] {
            assert_eq!(bench.ask("B", ask, ""), a, "{ask}");
        }
        assert_eq!(bench.ask("B", "GET rd-lookup/ep?page=0&count=1", ""), a);
        assert!(
            bench
                .ask("B", "GET rd-lookup/ep?page=1&count=1", "")
                .starts_with("</rd/2>")
        );
        assert_eq!(bench.ask("B", "GET rd-lookup/ep?page=2&count=1", ""), "");
        assert_eq!(bench.ask("B", "GET rd/2", ""), "</t>;rt=\"temperature\"");
    }

    #[test]
    fn a_registration_lives_on_when_it_is_updated_and_ends_with_its_time() {
        let mut bench = Bench::new();
        assert_eq!(bench.ask("A", "POST rd?lt=60", TWO), "rd/1");
        // The same again, and it is still the same one.
        assert_eq!(bench.ask("A", "POST rd?lt=60", "</x>"), "rd/1");
        assert_eq!(bench.ask("A", "GET rd/1", ""), "</x>");
        bench.now += Duration::from_secs(59);
        assert_eq!(bench.ask("A", "POST rd/1", ""), "Changed");
        bench.now += Duration::from_secs(59);
        assert_eq!(bench.ask("A", "POST rd/1?base=coap://b", ""), "Changed");
        assert_eq!(bench.ask("B", "GET rd-lookup/res", ""), "<coap://b/x>");
        bench.now += Duration::from_secs(60);
        assert_eq!(bench.ask("A", "POST rd/1", ""), "NotFound");
        assert_eq!(bench.ask("B", "GET rd-lookup/res", ""), "");
        assert_eq!(bench.ask("A", "POST rd", TWO), "rd/2");
        assert_eq!(bench.ask("A", "DELETE rd/2", ""), "Deleted");
        assert_eq!(bench.ask("A", "DELETE rd/2", ""), "NotFound");
    }

    #[test]
    fn nobody_speaks_for_others_and_nobody_fills_the_house() {
        let bench = Bench::new();
        assert_eq!(bench.ask("A", "POST rd", TWO), "rd/1");
        let other = format!("POST rd?ep={}", code("A"));
        for (ask, answer) in [
            (other.as_str(), "Forbidden"),
            ("POST rd/1", "Forbidden"),
            ("DELETE rd/1", "Forbidden"),
            ("POST rd?lt=0", "BadRequest"),
            ("POST rd?lt=x", "BadRequest"),
            ("POST rd?base=https://x", "BadRequest"),
            ("POST rd?base=coap://x/y", "BadRequest"),
            ("POST rd?d=a&d=b", "BadRequest"),
            ("POST rd?lonely", "BadRequest"),
            ("PUT rd/1", "MethodNotAllowed"),
            ("GET rd", "MethodNotAllowed"),
            ("POST rd-lookup/res", "MethodNotAllowed"),
            ("GET rd/01", "NotFound"),
            ("GET rd-lookup/x", "NotFound"),
            ("GET rd-lookup/res?page=x", "BadRequest"),
        ] {
            assert_eq!(bench.ask("B", ask, ""), answer, "{ask}");
        }
        assert_eq!(bench.ask("B", "POST rd", "no links"), "BadRequest");
        for sector in 0..REGISTRATIONS_PER_CODE {
            let made = bench.ask("B", &format!("POST rd?d={sector}"), "");
            assert!(made.starts_with("rd/"), "{made}");
        }
        assert_eq!(bench.ask("B", "POST rd?d=more", ""), "ServiceUnavailable");
        assert!(bench.ask("B", "POST rd?d=0", "").starts_with("rd/"));
    }
}
