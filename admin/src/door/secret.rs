//! Secrets that only their holder knows, and what is derived from them.

use super::visitor::Seed;
use crate::show::to_hex;
use ledger::people::SecretHash;
use sha2::{Digest as _, Sha256};

/// 256 random bits, printed as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Digits of a printed secret.
    pub const CHARS: usize = 64;

    /// Draws a new one.
    pub fn draw(random: &dyn Fn(&mut [u8])) -> Self {
        let mut bytes = [0; 32];
        random(&mut bytes);
        Self(to_hex(&bytes))
    }

    /// Takes what somebody presents; `None` when it cannot be one of ours.
    pub fn presented(text: &str) -> Option<Self> {
        let fits = text.len() == Self::CHARS && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// As it is shown to its holder, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As it is kept.
    pub fn hash(&self) -> SecretHash {
        hash(&self.0)
    }

    /// What a program's calls draw from, see [`super::visitor::Seed`].
    pub fn seed(&self) -> Seed {
        Seed(hash(&format!("onecode call seed/{}", self.0)))
    }

    /// The token that forms of this session carry. Whoever reads a page knows the token and still
    /// not the cookie.
    pub fn form_token(&self) -> String {
        self.derive("form token")
    }

    /// Another secret, that comes out of this one and does not lead back to it.
    pub fn derive(&self, what: &str) -> String {
        to_hex(&hash(&format!("onecode {what}/{}", self.0)))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How a secret of any spelling is kept: SHA-256 of its text. It is random, so it needs no salt.
pub fn hash(text: &str) -> SecretHash {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares in a time that does not tell where two texts differ.
pub fn same(a: &str, b: &str) -> bool {
    let (a, b) = (hash(a), hash(b));
    a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_again_by_what_it_prints() {
        let secret = Secret::draw(&|bytes| bytes.fill(0xab));
        assert_eq!(Secret::presented(secret.reveal()), Some(secret.clone()));
        let upper = secret.reveal().to_ascii_uppercase();
        assert_eq!(
            Secret::presented(&upper).map(|s| s.hash()),
            Some(secret.hash())
        );
        assert_eq!(Secret::presented("ab"), None);
        assert_eq!(Secret::presented(&"g".repeat(64)), None);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(!secret.form_token().contains(secret.reveal()));
    }

    #[test]
    fn texts_are_the_same_only_when_they_are() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "abcd") && !same("", "a"));
    }
}
