//! The two cookies: the session's, and the one that ties a form to a browser before sign-in.

use super::secret::Secret;
use axum::http::{HeaderMap, HeaderValue, header};

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Session,
    Form,
}

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
        }
    }

    /// The session's secret, where the browser sent one.
    pub fn session(self, headers: &HeaderMap) -> Option<Secret> {
        self.read(headers, Name::Session)
    }

    /// The secret behind forms before sign-in.
    pub fn form(self, headers: &HeaderMap) -> Option<Secret> {
        self.read(headers, Name::Form)
    }

    /// Header that keeps a session in the browser.
    pub fn keep_session(self, secret: &Secret) -> Option<HeaderValue> {
        self.write(Name::Session, secret.reveal(), "")
    }

    /// Header that makes the browser forget its session.
    pub fn forget_session(self) -> Option<HeaderValue> {
        self.write(Name::Session, "", "; Max-Age=0")
    }

    /// Header that keeps the secret behind forms.
    pub fn keep_form(self, secret: &Secret) -> Option<HeaderValue> {
        self.write(Name::Form, secret.reveal(), "")
    }

    /// The first cookie of the name that is one of ours: a second one was put there by somebody.
    fn read(self, headers: &HeaderMap, name: Name) -> Option<Secret> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == self.text(name))
            .and_then(|(_, value)| Secret::presented(value))
    }

    fn write(self, name: Name, value: &str, rest: &str) -> Option<HeaderValue> {
        let secure = if self.tls { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{rest}",
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
    fn what_is_no_secret_is_no_session() {
        let jar = Jar { tls: false };
        for cookie in ["onecode=", "onecode=abc", "onecode", "ONECODE=00"] {
            assert_eq!(jar.session(&sent(&[cookie])), None);
        }
        assert_eq!(jar.session(&HeaderMap::new()), None);
    }
}
