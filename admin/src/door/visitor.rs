//! Who stands before a handler.

use crate::language::Reader;
use crate::refusal::Refusal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ledger::people::{Act, Person, Roles, Scope, SecretHash, TokenId};
use protocol::Timestamp;

/// For whom a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, signed in or not.
    Everybody,
    /// Anybody, and who is not signed in only so often.
    Strangers,
    /// Whoever is signed in, even who has to set up a second step first: their own account.
    Own,
    /// People with one of these roles.
    People(Roles),
    /// People with one of these roles, who send a file: their form token is its first part, and
    /// [`super::Upload`] holds it against theirs before it reads on.
    Uploads(Roles),
    /// Bearers of a token with one of these roles and this scope.
    Tokens(Roles, Scope),
}

impl Who {
    /// With which of these roles people come in; `None` where nobody has to be signed in.
    pub const fn people(self) -> Option<Roles> {
        match self {
            Self::Own => Some(Roles::EVERY),
            Self::People(roles) | Self::Uploads(roles) => Some(roles),
            Self::Everybody | Self::Strangers | Self::Tokens(..) => None,
        }
    }
}

/// Somebody who does something, at a browser or by a program.
#[derive(Clone, Debug)]
pub struct Actor {
    /// As the audit trail names them.
    pub name: String,
    /// The person who answers for it: of a token, who made the token.
    pub person: String,
    /// The network address it came from.
    pub origin: String,
    /// When.
    pub now: Timestamp,
}

impl Actor {
    /// An act of theirs.
    pub fn act<'a>(&'a self, what: &'a str, about: &'a str) -> Act<'a> {
        Act {
            who: &self.name,
            what,
            about,
            origin: &self.origin,
        }
    }
}

/// A browser, by the time the guard has let it through.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who signed in, if anybody did.
    pub person: Option<Person>,
    /// The session in which they did.
    pub session: Option<SecretHash>,
    /// What forms must carry.
    pub form_token: String,
    /// The network address the request came from.
    pub origin: String,
    /// The time of the request.
    pub now: Timestamp,
    /// How they read.
    pub reader: Reader,
}

impl Visitor {
    /// Name for the audit trail.
    pub fn name(&self) -> &str {
        self.person.as_ref().map_or("nobody", |person| &person.name)
    }

    /// What they may do.
    pub fn roles(&self) -> Roles {
        self.person
            .as_ref()
            .map_or(Roles::NONE, |person| person.roles)
    }

    /// As whoever does something.
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.name().to_owned(),
            person: self.name().to_owned(),
            origin: self.origin.clone(),
            now: self.now,
        }
    }

    /// An act of theirs.
    pub fn act<'a>(&'a self, what: &'a str, about: &'a str) -> Act<'a> {
        Act {
            who: self.name(),
            what,
            about,
            origin: &self.origin,
        }
    }
}

/// A program with a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its token.
    pub token: TokenId,
    /// Its name in the audit trail holds the label of the token.
    pub actor: Actor,
    /// Of the token's text, which is kept nowhere else.
    pub seed: Seed,
}

/// Something to draw from that only the bearer of a token brings along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Handlers receive what the guard found; without a guard there is nothing to receive.
macro_rules! from_guard {
    ($($name:ident),*) => {$(
        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Refusal;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
                parts.extensions.get::<Self>().cloned().ok_or(Refusal::SignIn)
            }
        }
    )*};
}

from_guard!(Visitor, Caller);
