//! What a letter says, as JSON for a webhook and as text for people, and what proves whose it is.

use crate::show;
use axum::http::{HeaderValue, Request, header};
use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ledger::alerts::{Address, Event, Letter, WEBHOOK_SECRET_BYTES};
use protocol::{Code, Network, Timestamp};
use serde::Serialize;
use sha2::Sha256;

/// What stands before a secret, as the Standard Webhooks specification writes it.
const SECRET_MARK: &str = "whsec_";
/// Characters of what is the matter in the subject of a mail.
const SUBJECT_CHARS_MAX: usize = 120;

/// Who writes.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The gateway's code.
    pub gateway: Code,
    /// Its network.
    pub network: Network,
    /// By which address browsers reach the portal, without a slash at its end.
    pub portal: String,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Its one line.
    pub subject: String,
    /// All of it.
    pub text: String,
    /// The same however often it is sent; becomes its Message-ID.
    pub id: String,
    /// When it was written.
    pub written: Timestamp,
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    kind: &'a str,
    event: &'static str,
    subject: &'a str,
    level: u64,
    words: &'a str,
    link: String,
    rule: &'a str,
    written: u32,
    network: &'a str,
    gateway: String,
}

/// The secret of a webhook as its receiver is given it, once.
pub fn secret_text(secret: &[u8; WEBHOOK_SECRET_BYTES]) -> String {
    format!("{SECRET_MARK}{}", Base64::encode_string(secret))
}

/// A destination as everybody may read it: what stands behind the host of a webhook is often as good
/// as a password.
pub fn shown_address(address: &Address) -> String {
    match address {
        Address::Mail(to) => to.clone(),
        Address::Webhook(url, _) => {
            let host_at = url.find("://").map_or(0, |at| at + 3);
            let end = url.get(host_at..).and_then(|rest| rest.find(['/', '?']));
            match end.and_then(|end| url.split_at_checked(host_at + end)) {
                Some((host, "/")) => host.to_owned(),
                Some((host, _)) => format!("{host}/…"),
                None => url.clone(),
            }
        }
    }
}

fn link(letter: &Letter, sender: &Sender) -> String {
    format!("{}{}", sender.portal, letter.fact.path)
}

/// A letter in JSON. The same letter is the same bytes.
fn body(letter: &Letter, sender: &Sender) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body {
        id: letter.id.to_string(),
        kind: &letter.kind,
        event: letter.event.word(),
        subject: &letter.fact.subject,
        level: letter.fact.level,
        words: &letter.fact.words,
        link: link(letter, sender),
        rule: &letter.rule,
        written: letter.written.0,
        network: sender.network.as_str(),
        gateway: sender.gateway.to_string(),
    })
}

/// HMAC-SHA256 over identifier, time and body, as the Standard Webhooks specification has it.
fn signature(secret: &[u8], id: &str, now: Timestamp, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{id}.{}.", now.0).as_bytes());
    mac.update(body);
    let code: [u8; 32] = mac.finalize().into_bytes().into();
    Some(format!("v1,{}", Base64::encode_string(&code)))
}

/// The call that brings a letter to a webhook, signed for this moment.
pub fn call(
    letter: &Letter,
    sender: &Sender,
    (url, secret): (&str, &[u8]),
    now: Timestamp,
) -> Option<Request<Vec<u8>>> {
    let body = body(letter, sender).ok()?;
    let id = letter.id.to_string();
    let signature = signature(secret, &id, now, &body)?;
    Request::post(url)
        .header(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )
        .header("webhook-id", id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature)
        .body(body)
        .ok()
}

/// One line, whatever stands in names.
fn line(text: &str, chars_max: usize) -> String {
    let one = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = one.take(chars_max).collect();
    if text.chars().nth(chars_max).is_some() {
        line.push('…');
    }
    line
}

/// The mail that is a letter.
pub fn mail(letter: &Letter, sender: &Sender, to: &str) -> Mail {
    let (network, words) = (sender.network.as_str(), &letter.fact.words);
    let over = match letter.event {
        Event::Over => "over: ",
        _ => "",
    };
    let rule = match letter.event {
        Event::Trial => "none, somebody tries this destination".to_owned(),
        _ => format!("{} ({})", letter.rule, letter.kind),
    };
    Mail {
        to: to.to_owned(),
        subject: format!(
            "OneCode {network}: {over}{}",
            line(words, SUBJECT_CHARS_MAX)
        ),
        text: format!(
            "{over}{words}\n\nWhere to look: {}\n\nRule: {rule}\nEvent: {}\nWritten: {}\nGateway: {}\nLetter: {}\n",
            link(letter, sender),
            letter.event.word(),
            show::time(letter.written),
            sender.gateway,
            letter.id,
        ),
        id: letter.id.to_string(),
        written: letter.written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::alerts::{DestinationId, Fact, LetterId, LetterState};
    use protocol::Kind;
    use protocol::code::IssuedBy;

    fn letter(event: Event) -> Letter {
        Letter {
            number: 7,
            id: LetterId([0xab; 16]),
            destination: DestinationId([1; 16]),
            going_to: "duty".to_owned(),
            rule: "Frauds".to_owned(),
            kind: "fraud".to_owned(),
            event,
            fact: Fact {
                subject: String::new(),
                level: 2,
                words: "2 fraud cases, each with its proof.".to_owned(),
                path: "/frauds".to_owned(),
            },
            written: Timestamp(1_795_348_800),
            state: LetterState::Waiting,
            tries: 0,
            last: None,
            problem: String::new(),
        }
    }

    fn sender() -> Sender {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Sender {
            gateway: Code::derive(Kind::Gateway, by, 1, b"key").unwrap(),
            network: Network::new("test").unwrap(),
            portal: "https://portal.example.com".to_owned(),
        }
    }

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of standardwebhooks.com.
        let secret = Base64::decode_vec("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(&secret, id, Timestamp(1_614_265_330), body);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed.as_deref(), Some(expected));
    }

    #[test]
    fn a_call_is_the_same_but_for_its_time_however_often_it_is_made() {
        let url = ("https://example.com/x", &[7u8; 32][..]);
        let made = |now| call(&letter(Event::Begins), &sender(), url, Timestamp(now)).unwrap();
        let (first, second) = (made(10), made(20));
        assert_eq!(first.body(), second.body());
        let of = |name: &str| {
            (
                first.headers()[name].clone(),
                second.headers()[name].clone(),
            )
        };
        let (id, same) = of("webhook-id");
        assert!(id == same && id == "ab".repeat(16).as_str());
        let (signed, other) = of("webhook-signature");
        assert_ne!(signed, other);
        let said: serde_json::Value = serde_json::from_slice(first.body()).unwrap();
        assert_eq!(said["link"], "https://portal.example.com/frauds");
        assert_eq!(
            (&said["kind"], &said["level"]),
            (&"fraud".into(), &2.into())
        );
    }

    #[test]
    fn a_mail_has_one_line_for_its_subject() {
        let mut over = letter(Event::Over);
        over.fact.words = format!("Bcc: x\r\n{}", "a".repeat(200));
        let mail = mail(&over, &sender(), "duty@example.com");
        assert!(mail.subject.starts_with("OneCode test: over: Bcc: x  aaa"));
        assert!(mail.subject.ends_with('…') && !mail.subject.contains(['\r', '\n']));
        assert!(mail.text.contains("https://portal.example.com/frauds"));
    }

    #[test]
    fn of_a_webhook_only_the_host_is_shown() {
        for (url, shown) in [
            (
                "https://hooks.example.com/services/T0/B0/secret",
                "https://hooks.example.com/…",
            ),
            ("https://example.com?key=secret", "https://example.com/…"),
            ("https://example.com/", "https://example.com"),
            ("https://example.com", "https://example.com"),
        ] {
            let address = Address::Webhook(url.to_owned(), [0; 32]);
            assert_eq!(shown_address(&address), shown);
            assert!(!format!("{address:?}").contains("[0"));
        }
    }
}
