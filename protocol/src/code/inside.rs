//! The secret inside a passive item: a thing without electronics has no key, so its code commits to
//! a secret that is printed where only whoever opens the item sees it.

use super::Code;
use super::base32::{self, Text, TextError};
use core::{fmt, str::FromStr};
use sha2::{Digest as _, Sha256};

/// Bytes of a secret.
pub const INSIDE_BYTES: usize = 10;
/// Characters of its text, check symbols included.
pub const INSIDE_CHARS: usize = 18;

/// What is printed inside a passive item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InsideSecret(pub [u8; INSIDE_BYTES]);

impl InsideSecret {
    /// What the code is made from in place of a key: SHA-256 of `"onecode/1/inside"` and the secret.
    pub fn commitment(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"onecode/1/inside");
        hash.update(self.0);
        hash.finalize().into()
    }

    /// Whether this is the secret inside the item that bears the code: proof of being the original.
    pub fn belongs_to(&self, code: &Code) -> bool {
        code.kind() == super::Kind::PassiveItem && code.commits_to(&self.commitment())
    }

    /// The text, 18 upper-case characters.
    pub fn text(&self) -> Text<INSIDE_CHARS> {
        base32::encode(&self.0)
    }
}

impl FromStr for InsideSecret {
    type Err = TextError;

    /// As lenient as the text of a code.
    fn from_str(text: &str) -> Result<Self, TextError> {
        base32::decode(text).map(Self)
    }
}

impl fmt::Debug for InsideSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InsideSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IssuedBy, Kind};
    use super::*;
    use std::string::ToString;

    #[test]
    fn only_the_secret_a_code_was_made_from_belongs_to_it() {
        let by = IssuedBy {
            issuer: 1,
            station: 2,
        };
        let secret = InsideSecret([7; INSIDE_BYTES]);
        let code = Code::derive(Kind::PassiveItem, by, 5, &secret.commitment()).unwrap();
        assert!(secret.belongs_to(&code));
        assert!(!InsideSecret([8; INSIDE_BYTES]).belongs_to(&code));
        let device = Code::derive(Kind::Device, by, 5, &secret.commitment()).unwrap();
        assert!(!secret.belongs_to(&device));
    }

    #[test]
    fn the_text_of_a_secret_reads_back() {
        let secret = InsideSecret([0xa5; INSIDE_BYTES]);
        let text = secret.text().as_str().to_string();
        assert_eq!(text.len(), INSIDE_CHARS);
        assert_eq!(text.to_lowercase().parse(), Ok(secret));
    }
}
