//! The cookies: the session's, the one that ties a form to a browser before sign-in, and the language.

use super::oidc::JOURNEY_LIFE_S;
use super::secret::Secret;
use crate::language::Language;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Session,
    Form,
    Journey,
    Language,
}

/// How long a chosen language is kept.
const LANGUAGE_LIFE_S: u32 = 366 * 86_400;

/// Reads and writes the cookies of one portal.
#[derive(Clone, Copy, Debug)]
pub struct Jar {
    /// Over TLS the cookies are bound to the host by their names.
    pub tls: bool,
}

impl Jar {
    const fn text(self, name: Name) -> &'static str {
        match (name, self.tls) {
            (Name::Session, true) => "__Host-onecode",
            (Name::Session, false) => "onecode",
            (Name::Form, true) => "__Host-onecode-form",
            (Name::Form, false) => "onecode-form",
            (Name::Journey, true) => "__Host-onecode-journey",
            (Name::Journey, false) => "onecode-journey",
            (Name::Language, true) => "__Host-onecode-language",
            (Name::Language, false) => "onecode-language",
        }
    }

    /// The session's secret, where the browser sent one.
    pub fn session(self, headers: &HeaderMap) -> Option<Secret> {
        self.secret(headers, Name::Session)
    }

    /// The secret behind forms before sign-in.
    pub fn form(self, headers: &HeaderMap) -> Option<Secret> {
        self.secret(headers, Name::Form)
    }

    /// The language that was chosen here.
    pub fn language(self, headers: &HeaderMap) -> Option<Language> {
        self.sent(headers, Name::Language)
            .find_map(Language::of_tag)
    }

    /// Header that keeps a session in the browser.
    pub fn keep_session(self, secret: &Secret) -> Option<HeaderValue> {
        self.write(Name::Session, secret.reveal(), "SameSite=Strict")
    }

    /// An answer with which the browser begins to keep this session.
    pub fn under(self, secret: &Secret, answer: impl IntoResponse) -> Response {
        let mut answer = answer.into_response();
        if let Some(cookie) = self.keep_session(secret) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }

    /// Header that makes the browser forget its session.
    pub fn forget_session(self) -> Option<HeaderValue> {
        self.write(Name::Session, "", "SameSite=Strict; Max-Age=0")
    }

    /// Header that keeps the secret behind forms.
    pub fn keep_form(self, secret: &Secret) -> Option<HeaderValue> {
        self.write(Name::Form, secret.reveal(), "SameSite=Strict")
    }

    /// Header that keeps the secret of a way to the provider, and the invitation that goes along. The
    /// provider sends the browser back from another site, so this one has to come with it.
    pub fn keep_journey(self, secret: &Secret, link: Option<&Secret>) -> Option<HeaderValue> {
        let link = link.map_or("", Secret::reveal);
        let rest = format!("SameSite=Lax; Max-Age={JOURNEY_LIFE_S}");
        self.write(Name::Journey, &format!("{}{link}", secret.reveal()), &rest)
    }

    /// The secret of the way that this browser is on, and its invitation.
    pub fn journey(self, headers: &HeaderMap) -> Option<(Secret, Option<Secret>)> {
        let sent = self.sent(headers, Name::Journey).next()?;
        let (secret, link) = sent.split_at_checked(Secret::CHARS)?;
        Some((Secret::presented(secret)?, Secret::presented(link)))
    }

    /// Header that ends the way to the provider.
    pub fn forget_journey(self) -> Option<HeaderValue> {
        self.write(Name::Journey, "", "SameSite=Lax; Max-Age=0")
    }

    /// Header that keeps a chosen language. It is no secret, and goes along when somebody comes here
    /// from another site.
    pub fn keep_language(self, language: Language) -> Option<HeaderValue> {
        let rest = format!("SameSite=Lax; Max-Age={LANGUAGE_LIFE_S}");
        self.write(Name::Language, language.tag(), &rest)
    }

    /// The first cookie of the name: a second one was put there by somebody.
    fn secret(self, headers: &HeaderMap, name: Name) -> Option<Secret> {
        self.sent(headers, name).next().and_then(Secret::presented)
    }

    fn sent(self, headers: &HeaderMap, name: Name) -> impl Iterator<Item = &str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(move |(key, _)| *key == self.text(name))
            .map(|(_, value)| value)
    }

    fn write(self, name: Name, value: &str, rest: &str) -> Option<HeaderValue> {
        let secure = if self.tls { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; HttpOnly; {rest}{secure}",
            self.text(name)
        );
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn a_kept_session_reads_back() {
        let secret = Secret::draw(&|bytes| bytes.fill(7));
        for tls in [false, true] {
            let jar = Jar { tls };
            let kept = jar.keep_session(&secret).unwrap();
            let kept = kept.to_str().unwrap();
            assert!(kept.contains("; HttpOnly; SameSite=Strict"));
            assert_eq!(kept.contains("; Secure"), tls);
            assert_eq!(kept.starts_with("__Host-"), tls);
            let pair = kept.split(';').next().unwrap();
            let headers = sent(&["a=b; c", &format!("x=y; {pair}")]);
            assert_eq!(jar.session(&headers), Some(secret.clone()));
            assert_eq!(jar.form(&headers), None);
        }
    }

    #[test]
    fn a_chosen_language_reads_back() {
        let jar = Jar { tls: true };
        let kept = jar.keep_language(Language::Chinese).unwrap();
        let kept = kept.to_str().unwrap();
        assert!(
            kept.ends_with("; SameSite=Lax; Max-Age=31622400; Secure"),
            "{kept}"
        );
        let pair = kept.split(';').next().unwrap();
        assert_eq!(jar.language(&sent(&[pair])), Some(Language::Chinese));
        assert_eq!(jar.language(&sent(&["__Host-onecode-language=de"])), None);
        assert_eq!(jar.language(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_no_secret_is_no_session() {
        let jar = Jar { tls: false };
        for cookie in ["onecode=", "onecode=abc", "onecode", "ONECODE=00"] {
            assert_eq!(jar.session(&sent(&[cookie])), None);
        }
        assert_eq!(jar.session(&HeaderMap::new()), None);
    }
}
