//! What programs are told when they are not answered as asked: problem documents as in RFC 9457,
//! of a closed list of types.

use crate::portal::Portal;
use crate::refusal::{KeyFault, Refusal, retry_after};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM: &str = "application/problem+json";

/// A type of problem: what is to be done about it is the same for all of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// The end of its address.
    pub word: &'static str,
    /// The status line.
    pub status: u16,
    /// What happened.
    pub cause: &'static str,
    /// What to do.
    pub next: &'static str,
}

macro_rules! types {
    ($($name:ident $word:literal $status:literal $cause:literal $next:literal;)*) => {
        $(const $name: Type = Type { word: $word, status: $status, cause: $cause, next: $next };)*

        /// All of them.
        pub const TYPES: &[Type] = &[$($name),*];
    };
}

types! {
    SIGN_IN "sign-in" 401 "There is no token, or it has expired or was taken back."
        "Send a token that is good, as Authorization: Bearer TOKEN. An owner makes them on the page People.";
    ROLE "role" 403 "The token has none of the roles that it takes."
        "Ask an owner for a token with one of them.";
    SCOPE "scope" 403 "The roles of the token permit it, and the token is not for this part of the API."
        "Use a token whose scopes name it.";
    NOT_FOUND "not-found" 404 "There is nothing here under that address."
        "Look at the list that the thing should be in.";
    METHOD "method" 405 "There is something here, but not by this method."
        "Use one that the header Allow names.";
    KEY_UNDER_WAY "key-under-way" 409 "The same call, with the same Idempotency-Key, is being carried out."
        "Send it again in a second, with the same key.";
    KEY_LOST "key-lost" 409 "The gateway stopped while it carried out the call of this Idempotency-Key."
        "Look whether it was done, then send it with another key if it was not.";
    TOO_LARGE "too-large" 413 "The body is larger than this call takes."
        "Send less at once.";
    FORM "form" 415 "The body is of a media type that this call does not take."
        "Send what the document of the API names.";
    UNFIT "unfit" 422 "Something in the call cannot be used; detail says what. Nothing was changed."
        "Correct it and send it again.";
    REFUSED "refused" 422 "The books or the desk refused it; error is the word of the status. Nothing was changed."
        "The detail says what stands against it.";
    KEY_UNFIT "key-unfit" 422 "The Idempotency-Key is no key."
        "Send 1 to 128 printable ASCII characters, such as a random UUID.";
    KEY_REUSED "key-reused" 422 "The Idempotency-Key was sent with another call before. Nothing was changed."
        "Send this call with a key of its own.";
    RATE "rate" 429 "The token calls more often than tokens may."
        "Wait as many seconds as the header Retry-After names.";
    BROKEN "broken" 500 "Something of the gateway's failed; the reason is in its log."
        "Send it again with the same Idempotency-Key; if it stays, tell an operator.";
    BUSY "busy" 503 "The gateway has too much to do, or its books take nothing in."
        "Send it again in a while, with the same Idempotency-Key.";
}

/// The type of a refusal.
pub const fn type_of(refusal: &Refusal) -> Type {
    match refusal {
        Refusal::SignIn => SIGN_IN,
        Refusal::SecondStep | Refusal::NotAdmitted(_) | Refusal::NotYours(_) | Refusal::Forged => {
            ROLE
        }
        Refusal::OutOfScope(_) => SCOPE,
        Refusal::TooLarge => TOO_LARGE,
        Refusal::NotFound(_) => NOT_FOUND,
        Refusal::Form(_) => FORM,
        Refusal::Method => METHOD,
        Refusal::Unfit(_) => UNFIT,
        Refusal::Refused(_) if refusal.status().as_u16() == BUSY.status => BUSY,
        Refusal::Refused(_) => REFUSED,
        Refusal::Key(KeyFault::Unfit) => KEY_UNFIT,
        Refusal::Key(KeyFault::Reused) => KEY_REUSED,
        Refusal::Key(KeyFault::UnderWay) => KEY_UNDER_WAY,
        Refusal::Key(KeyFault::Lost) => KEY_LOST,
        Refusal::Key(KeyFault::Full) | Refusal::Busy(_) => BUSY,
        Refusal::Wait(_) => RATE,
        Refusal::Broken | Refusal::Elsewhere(_) => BROKEN,
    }
}

/// Why a call was not answered as asked.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// The address of its type, on the list of all types.
    #[serde(rename = "type")]
    kind: String,
    /// A few words, the same for every problem of one type.
    title: String,
    /// As in the status line.
    status: u16,
    /// What stands against this very call.
    detail: String,
    /// What to do.
    next: &'static str,
    /// One word for programs: finer than the type where the books refused.
    error: &'static str,
}

impl Problem {
    /// What is told of a refusal.
    pub fn of(refusal: &Refusal) -> Self {
        let kind = type_of(refusal);
        Self {
            kind: format!("{}problems#{}", super::ROOT, kind.word),
            title: refusal.title().to_string(),
            status: refusal.status().as_u16(),
            detail: refusal.sentence().to_string(),
            next: kind.next,
            error: refusal.word(),
        }
    }
}

/// The refusal as an answer.
pub fn respond(portal: &Portal, refusal: &Refusal) -> Response {
    portal.counters.refused(refusal.into());
    tracing::info!(word = refusal.word(), "portal API refused");
    let body = serde_json::to_vec(&Problem::of(refusal)).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, PROBLEM)];
    let mut response = (refusal.status(), kind, body).into_response();
    if *refusal == Refusal::SignIn {
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
    }
    retry_after(&mut response, refusal);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Say;
    use ledger::people::{Part, Roles, Scope};
    use protocol::Status;

    #[test]
    fn every_refusal_has_a_type_of_its_status() {
        let mut refusals = vec![
            Refusal::SignIn,
            Refusal::NotYours(Roles::NONE),
            Refusal::OutOfScope(Scope::read(Part::Codes)),
            Refusal::Forged,
            Refusal::TooLarge,
            Refusal::NotFound(Say::plain("x")),
            Refusal::Form("x"),
            Refusal::Method,
            Refusal::Unfit(Say::plain("x")),
            Refusal::Wait(7),
            Refusal::Busy(Say::plain("x")),
            Refusal::Broken,
        ];
        refusals.extend(Status::ALL.iter().map(|status| Refusal::Refused(*status)));
        let faults = [
            KeyFault::Unfit,
            KeyFault::Reused,
            KeyFault::UnderWay,
            KeyFault::Lost,
            KeyFault::Full,
        ];
        refusals.extend(faults.map(Refusal::Key));
        for refusal in refusals {
            let kind = type_of(&refusal);
            assert_eq!(kind.status, refusal.status().as_u16(), "{refusal:?}");
            assert!(TYPES.contains(&kind));
        }
    }
}
