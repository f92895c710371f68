//! One-time secrets for things that ask for their codes themselves.

use super::frame::{Frame, page, page_with};
use super::parts::{ISSUED_KINDS, attachment};
use crate::door::{Sent, Visitor};
use crate::draw::Qr;
use crate::enrolment::{self, LIFE_MAX_S, Wanted};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use protocol::Kind;
use serde::Deserialize;

/// Secrets made at once; a production line has the API.
const COUNT_MAX: u32 = 100;
/// Symbols on one page.
const SYMBOLS_MAX: usize = 6;
const DAY_S: u32 = 86_400;
/// How long they may be good.
const LIVES: [(Say, u32); 5] = [
    (say("an hour"), 3_600),
    (say("a day"), DAY_S),
    (say("a week"), 7 * DAY_S),
    (say("30 days"), 30 * DAY_S),
    (say("90 days"), LIFE_MAX_S),
];
const LIFE_DEFAULT_S: u32 = DAY_S;

/// Shown once, on the page that answers the form.
struct Fresh {
    secrets: Vec<String>,
    commands: Vec<String>,
    /// For people: each opens a wallet in the browser that follows it.
    wallets: Vec<Link>,
    kind: Kind,
    until: String,
}

/// An address, and as long as there are few of them its symbol for a phone.
struct Link {
    address: String,
    qr: Option<Qr>,
}

#[derive(Template)]
#[template(path = "secrets.html")]
struct Secrets {
    frame: Frame,
    problem: Option<Say>,
    fresh: Option<Fresh>,
    form: Wish,
}

/// What was typed.
#[derive(Clone, Deserialize)]
pub struct Wish {
    count: String,
    kind: String,
    life_s: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            count: "1".to_owned(),
            kind: Kind::Device.word().to_owned(),
            life_s: LIFE_DEFAULT_S.to_string(),
        }
    }
}

/// The form.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &Secrets {
            frame: Frame::new(&portal, Some(&visitor), "/codes"),
            problem: None,
            fresh: None,
            form: Wish::default(),
        },
    )
}

/// Makes them. This answer is the only place where they ever stand.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    let wanted = match read(&form) {
        Ok(wanted) => wanted,
        Err(problem) => {
            let again = Secrets {
                frame,
                problem: Some(problem),
                fresh: None,
                form,
            };
            return page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &again);
        }
    };
    let made = enrolment::make(&portal, &wanted, &visitor.actor(), &*portal.random).await?;
    let gateway = address(&headers, &portal.resolver, portal.tls());
    page(
        &visitor.reader,
        &Secrets {
            frame,
            problem: None,
            fresh: Some(Fresh {
                wallets: match wanted.kind {
                    Kind::Person => wallets(&gateway, &made.secrets),
                    _ => Vec::new(),
                },
                commands: commands(&gateway, &made.secrets),
                secrets: made.secrets,
                kind: wanted.kind,
                until: show::time(made.expires),
            }),
            form,
        },
    )
}

fn read(form: &Wish) -> Result<Wanted, Say> {
    let count = form.count.trim().parse().ok();
    let life_s = form.life_s.parse().ok();
    Ok(Wanted {
        count: count
            .filter(|count| (1..=COUNT_MAX).contains(count))
            .ok_or(say("How many: a whole number from 1 to 100."))?,
        kind: ISSUED_KINDS
            .into_iter()
            .find(|kind| kind.word() == form.kind)
            .ok_or(say("Choose what the codes name."))?,
        life_s: life_s
            .filter(|life_s| LIVES.iter().any(|(_, known)| known == life_s))
            .ok_or(say("Choose how long they are good."))?,
    })
}

/// Where this browser reached the portal, which is where things enrol as well. What no host can be
/// is never put into a command line.
fn address(headers: &HeaderMap, resolver: &str, tls: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| !host.is_empty() && host.bytes().all(plain))
        .unwrap_or(resolver);
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// The secret stands behind `#`, which no browser sends to anybody.
fn wallets(gateway: &str, secrets: &[String]) -> Vec<Link> {
    let link = |secret: &String| {
        let address = format!("{gateway}/wallet#secret={secret}");
        let qr = (secrets.len() <= SYMBOLS_MAX).then(|| Qr::draw_bytes(address.clone()));
        Link {
            address,
            qr: qr.flatten(),
        }
    };
    secrets.iter().map(link).collect()
}

/// One line for each thing, ready to be pasted into its shell.
fn commands(gateway: &str, secrets: &[String]) -> Vec<String> {
    let command = |(at, secret): (usize, &String)| {
        let folder = match secrets.len() {
            1 => "thing".to_owned(),
            _ => format!("thing-{}", at + 1),
        };
        format!(
            "onecode device init --folder {folder} --gateway {gateway} --trust trust.toml --secret {secret}"
        )
    };
    secrets.iter().enumerate().map(command).collect()
}

/// What things are given to trust this network.
pub async fn trust(State(portal): State<Shared>) -> Result<Response, Refusal> {
    let text = portal.desk.trust_file().ok_or(Refusal::Broken)?;
    Ok(attachment("application/toml", "trust.toml", text))
}

impl Secrets {
    fn is_kind(&self, kind: &Kind) -> bool {
        kind.word() == self.form.kind
    }

    fn is_life(&self, life_s: &u32) -> bool {
        life_s.to_string() == self.form.life_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_read_within_its_bounds() {
        let wish = |count: &str, kind: &str, life_s: &str| Wish {
            count: count.to_owned(),
            kind: kind.to_owned(),
            life_s: life_s.to_owned(),
        };
        assert_eq!(
            read(&wish(" 100 ", "person", "3600")),
            Ok(Wanted {
                count: 100,
                kind: Kind::Person,
                life_s: 3_600
            })
        );
        assert!(read(&Wish::default()).is_ok());
        for count in ["0", "101", "-1", "1.5", "", "4294967296"] {
            assert!(read(&wish(count, "device", "3600")).is_err(), "{count}");
        }
        for kind in ["", "place", "gateway", "issuer", "Device"] {
            assert!(read(&wish("1", kind, "3600")).is_err(), "{kind}");
        }
        for life_s in ["0", "3601", "", "7776001"] {
            assert!(read(&wish("1", "device", life_s)).is_err(), "{life_s}");
        }
    }

    #[test]
    fn only_a_host_gets_into_the_command_line() {
        let with = |host: &'static str, tls| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, header::HeaderValue::from_static(host));
            address(&headers, "id.example.com", tls)
        };
        assert_eq!(with("[::1]:8080", false), "http://[::1]:8080");
        for host in ["", "a;reboot", "$(reboot)", "a b", "a'b"] {
            assert_eq!(with(host, true), "https://id.example.com", "{host}");
        }
        assert_eq!(
            address(&HeaderMap::new(), "id.example.com", false),
            "http://id.example.com"
        );
    }

    #[test]
    fn each_thing_gets_a_line_and_a_folder() {
        let secrets = ["AAA".to_owned(), "BBB".to_owned()];
        assert_eq!(
            commands("http://a:1", &secrets[..1]),
            [
                "onecode device init --folder thing --gateway http://a:1 --trust trust.toml --secret AAA"
            ]
        );
        let two = commands("http://a:1", &secrets);
        assert!(two[0].contains("thing-1 ") && two[1].contains("thing-2 "));
        assert!(two[1].ends_with("--secret BBB"));
    }
}
