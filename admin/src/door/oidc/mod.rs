//! Signing in by a provider of identities (OpenID Connect): the authorization code flow with PKCE.
//!
//! The provider is asked through a [`ProviderLink`], which whoever runs the portal brings; nothing
//! here opens a connection. A sign-in under way is a secret in the browser's cookie and nothing else:
//! state, nonce and the verifier of PKCE come out of it, so strangers fill no table here, and an answer
//! is worth something only in the browser that asked for it.

mod provider;
mod settings;
mod token;

pub use openidconnect::ClientSecret;
pub use provider::{NoAnswer, ProviderLink};
pub use settings::{Admit, BACK_PATH, RoleMap, SsoSettings};
pub use token::Vouched;

use super::secret::Secret;
use crate::language::{Say, say};
use crate::refusal::Refusal;
use ledger::people::SecretHash;
use protocol::Timestamp;
use provider::Known;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a browser may be away at the provider.
pub const JOURNEY_LIFE_S: u32 = 15 * 60;
/// Sign-ins of the last [`JOURNEY_LIFE_S`] that are remembered, so that none is repeated.
const SPENT_MAX: usize = 4_096;

/// The secret of a sign-in that is under way.
#[derive(Clone, Debug)]
pub struct Journey(pub Secret);

impl Journey {
    /// Comes back with the answer.
    pub fn state(&self) -> String {
        self.0.derive("sign-in state")
    }

    /// Stands in the token.
    fn nonce(&self) -> String {
        self.0.derive("sign-in nonce")
    }

    /// Shows the provider that the code comes from who asked for it.
    fn verifier(&self) -> String {
        self.0.derive("sign-in verifier")
    }
}

/// Why a provider's word does not bring somebody in; what is in the texts is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsoError {
    /// It cannot be reached, or what it answers is no answer.
    Provider(String),
    /// It does not take the code, or this gateway as its client.
    Refused(String),
    /// Its token does not hold.
    Token(String),
    /// This answer brought somebody in before.
    Repeated,
}

impl SsoError {
    /// Whose fault it is and what to do.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Provider(_) => Refusal::Elsewhere(say(
                "Your provider of sign-ins does not answer as it should; nothing was changed. Try again \
                 in a minute; if it stays, an operator finds the reason in the log.",
            )),
            Self::Refused(_) => Refusal::Elsewhere(say(
                "Your provider of sign-ins did not confirm this one: it took too long, or the provider \
                 and this gateway are not set up for each other. Begin again; if it stays, an operator \
                 finds the reason in the log.",
            )),
            Self::Token(_) => Refusal::Elsewhere(say(
                "What your provider of sign-ins says about you does not hold, so nobody was signed in. \
                 An operator finds the reason in the log.",
            )),
            Self::Repeated => Refusal::Unfit(STALE),
        }
    }
}

/// An answer that belongs to no sign-in of this browser.
pub const STALE: Say = say(
    "This answer belongs to no sign-in that was begun in this browser, or was used before. Nobody was \
     signed in: begin again from the sign-in page.",
);

impl std::fmt::Display for SsoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Provider(why) => write!(f, "the provider: {why}"),
            Self::Refused(why) => write!(f, "refused by the provider: {why}"),
            Self::Token(why) => write!(f, "the token: {why}"),
            Self::Repeated => f.write_str("the answer was used before"),
        }
    }
}

/// Signing in by one provider.
pub struct Sso {
    /// What was set.
    pub settings: SsoSettings,
    link: Arc<dyn ProviderLink>,
    known: tokio::sync::Mutex<Known>,
    spent: Mutex<HashMap<SecretHash, Timestamp>>,
}

impl Sso {
    /// By these settings, over this link; nothing is asked yet.
    pub fn new(settings: SsoSettings, link: Arc<dyn ProviderLink>) -> Self {
        Self {
            settings,
            link,
            known: tokio::sync::Mutex::default(),
            spent: Mutex::default(),
        }
    }

    /// Marks a sign-in as done; `false` when it was before. Only what the provider confirmed comes
    /// here, so nobody can fill the table, and when it is full the oldest gives way.
    fn spend(&self, journey: &Journey, now: Timestamp) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.retain(|_, at| now.0.saturating_sub(at.0) <= JOURNEY_LIFE_S);
        if spent.len() >= SPENT_MAX {
            let oldest = spent.iter().min_by_key(|(_, at)| at.0);
            let oldest = oldest.map(|(hash, _)| *hash);
            oldest.map(|hash| spent.remove(&hash));
        }
        spent.insert(journey.0.hash(), now).is_none()
    }
}
