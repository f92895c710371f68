//! The one mapping from what went wrong to what a browser is told; what a program is told of it
//! stands in `api/problem.rs`.

use crate::door::Visitor;
use crate::language::{Reader, Say, Words as _, below, filters, say};
use crate::pages::frame::{Frame, page_with};
use crate::portal::Portal;
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::people::{Roles, Scope};
use protocol::{Fault, Status};

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is signed in, or the token is no good.
    SignIn,
    /// Signed in, but without the second step that a role of theirs takes.
    SecondStep,
    /// The provider vouches for somebody who may not come in; the sentence says who can change it.
    NotAdmitted(Say),
    /// The provider of sign-ins does not do its part; the sentence says what to do.
    Elsewhere(Say),
    /// Signed in, but without any of these roles.
    NotYours(Roles),
    /// The roles of the token permit it, and the token is not for it.
    OutOfScope(Scope),
    /// A form that this portal did not give to this browser.
    Forged,
    /// The body is too large.
    TooLarge,
    /// No such thing here; the sentence says what and what to do.
    NotFound(Say),
    /// Input that cannot be used; the sentence says why.
    Unfit(Say),
    /// The books or the desk refused.
    Refused(Status),
    /// Not in the form that is taken here; which is.
    Form(&'static str),
    /// No such method here.
    Method,
    /// The key of a call cannot be used for it.
    Key(KeyFault),
    /// Too many tries.
    Wait(u32),
    /// Too much at once.
    Busy(Say),
    /// Something of ours failed; what is in the log.
    Broken,
}

/// Why the key of a call cannot be used for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It is no key.
    Unfit,
    /// It was used for another call.
    Reused,
    /// The same call is being carried out.
    UnderWay,
    /// The gateway stopped while it carried the same call out, and cannot tell what came of it.
    Lost,
    /// As many keys as are remembered.
    Full,
}

impl Refusal {
    /// The status line.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::SecondStep
            | Self::NotAdmitted(_)
            | Self::NotYours(_)
            | Self::OutOfScope(_)
            | Self::Forged => StatusCode::FORBIDDEN,
            Self::Elsewhere(_) => StatusCode::BAD_GATEWAY,
            Self::Form(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Key(KeyFault::Unfit | KeyFault::Reused) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Key(KeyFault::UnderWay | KeyFault::Lost) => StatusCode::CONFLICT,
            Self::Key(KeyFault::Full) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused(status) => match status.fault() {
                Fault::Receiver => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            },
            Self::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One word for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SecondStep => "second_step",
            Self::NotAdmitted(_) => "not_admitted",
            Self::Elsewhere(_) => "provider",
            Self::NotYours(_) => "role",
            Self::OutOfScope(_) => "scope",
            Self::Form(_) => "form",
            Self::Method => "method",
            Self::Key(KeyFault::Unfit) => "key_unfit",
            Self::Key(KeyFault::Reused) => "key_reused",
            Self::Key(KeyFault::UnderWay) => "key_under_way",
            Self::Key(KeyFault::Lost) => "key_lost",
            Self::Key(KeyFault::Full) => "key_full",
            Self::Forged => "forged",
            Self::TooLarge => "too_large",
            Self::NotFound(_) => "not_found",
            Self::Unfit(_) => "unfit",
            Self::Refused(status) => status.word(),
            Self::Wait(_) => "wait",
            Self::Busy(_) => "busy",
            Self::Broken => "broken",
        }
    }

    /// A few words.
    pub const fn title(&self) -> Say {
        match self {
            Self::SignIn => say("Please sign in"),
            Self::SecondStep => say("Set up your second step first"),
            Self::NotAdmitted(_) => say("Not let in"),
            Self::Elsewhere(_) => say("Not signed in"),
            Self::NotYours(_) | Self::OutOfScope(_) => say("Not yours to do"),
            Self::Form(_) | Self::Method => say("Not taken here"),
            Self::Key(_) => say("This key cannot be used"),
            Self::Forged => say("This form is not valid any more"),
            Self::TooLarge => say("Too large"),
            Self::NotFound(_) => say("Not found"),
            Self::Unfit(_) => say("That cannot be used"),
            Self::Refused(_) => say("Refused"),
            Self::Wait(_) => say("Too many tries"),
            Self::Busy(_) => say("Busy"),
            Self::Broken => say("Something failed here"),
        }
    }

    /// What happened and what to do.
    pub fn sentence(&self) -> Say {
        match self {
            Self::SignIn => say("Sign in, or present a token that has not expired."),
            Self::SecondStep => say(
                "A role of yours takes a second step at sign-in. Nothing was changed: set it up under \
                 Your account, then send this again.",
            ),
            Self::NotYours(roles) => {
                say("It takes one of these roles: {roles}. Ask an owner of this portal.")
                    .put("roles", below::roles(*roles))
            }
            Self::OutOfScope(_) | Self::Form(_) | Self::Key(_) => Say::plain(self.to_a_program()),
            Self::Method => say(
                "There is something here, but not by this method; the header Allow says by which.",
            ),
            Self::Forged => say(
                "It was opened before you signed in, or on another site. Nothing was changed: go \
                 back, reload the page and send it again.",
            ),
            Self::TooLarge => say("More than this page takes; nothing was changed."),
            Self::NotFound(sentence)
            | Self::Busy(sentence)
            | Self::Unfit(sentence)
            | Self::NotAdmitted(sentence)
            | Self::Elsewhere(sentence) => sentence.clone(),
            Self::Refused(status) => below::status(*status),
            Self::Wait(seconds) => say("Wait {time} and try again.")
                .put("time", crate::show::duration(u64::from(*seconds))),
            Self::Broken => say(
                "Nothing was changed. Try again; if it stays, an operator finds the reason in the \
                 log.",
            ),
        }
    }

    /// What only programs are told.
    fn to_a_program(&self) -> String {
        match self {
            Self::OutOfScope(scope) => format!("The token is not for {scope}. Use one that is."),
            Self::Form(wanted) => format!("The body has to be {wanted}."),
            Self::Key(fault) => fault.sentence().to_owned(),
            other => other.title().to_string(),
        }
    }
}

impl KeyFault {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Unfit => "Idempotency-Key: 1 to 128 printable ASCII characters.",
            Self::Reused => {
                "The key was sent with another call before. Nothing was changed: send this one with \
                 a key of its own."
            }
            Self::UnderWay => {
                "The same call is being carried out. Send it again in a second, with the same key, \
                 to hear how it ends."
            }
            Self::Lost => {
                "The gateway stopped while it carried this call out and cannot tell what came of \
                 it. Look whether it was done, then send it with another key if it was not."
            }
            Self::Full => {
                "There are as many keys as are remembered; each is forgotten after a day. Wait, or \
                 call without a key."
            }
        }
    }
}

impl From<ledger::people::Error> for Refusal {
    fn from(error: ledger::people::Error) -> Self {
        tracing::error!(%error, "portal");
        Self::Broken
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "portal page");
        Self::Broken
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl IntoResponse for Refusal {
    /// A bare answer that carries the refusal; the guard, who knows the visitor, dresses it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage {
    frame: Frame,
    title: Say,
    sentence: Say,
    word: &'static str,
}

/// The refusal as a page.
pub fn refuse_page(
    portal: &Portal,
    reader: &Reader,
    visitor: Option<&Visitor>,
    refusal: &Refusal,
) -> Response {
    portal.counters.refused(refusal.into());
    tracing::info!(
        word = refusal.word(),
        who = visitor.map_or("nobody", Visitor::name),
        "portal refused"
    );
    let page = RefusalPage {
        frame: match visitor {
            Some(visitor) => Frame::new(portal, Some(visitor), ""),
            None => Frame::public(portal, reader),
        },
        title: refusal.title(),
        sentence: refusal.sentence(),
        word: refusal.word(),
    };
    let mut response = page_with(reader, refusal.status(), &page)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    retry_after(&mut response, refusal);
    response
}

/// Says when to come again, where that is known.
pub fn retry_after(response: &mut Response, refusal: &Refusal) {
    let seconds = match refusal {
        Refusal::Wait(seconds) => *seconds,
        Refusal::Key(KeyFault::UnderWay) => 1,
        _ => return,
    };
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

impl From<ledger::Error> for Refusal {
    fn from(error: ledger::Error) -> Self {
        tracing::error!(%error, "portal");
        Self::Broken
    }
}
