//! The one mapping from what went wrong to what a browser is told; what a program is told of it
//! stands in `api/problem.rs`.

use crate::door::Visitor;
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
    /// Signed in, but without any of these roles.
    NotYours(Roles),
    /// The roles of the token permit it, and the token is not for it.
    OutOfScope(Scope),
    /// A form that this portal did not give to this browser.
    Forged,
    /// The body is too large.
    TooLarge,
    /// No such thing here; the sentence says what and what to do.
    NotFound(&'static str),
    /// Input that cannot be used; the sentence says why.
    Unfit(String),
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
    Busy(&'static str),
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
            Self::NotYours(_) | Self::OutOfScope(_) | Self::Forged => StatusCode::FORBIDDEN,
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
    pub const fn title(&self) -> &'static str {
        match self {
            Self::SignIn => "Please sign in",
            Self::NotYours(_) | Self::OutOfScope(_) => "Not yours to do",
            Self::Form(_) | Self::Method => "Not taken here",
            Self::Key(_) => "This key cannot be used",
            Self::Forged => "This form is not valid any more",
            Self::TooLarge => "Too large",
            Self::NotFound(_) => "Not found",
            Self::Unfit(_) => "That cannot be used",
            Self::Refused(_) => "Refused",
            Self::Wait(_) => "Too many tries",
            Self::Busy(_) => "Busy",
            Self::Broken => "Something failed here",
        }
    }

    /// What happened and what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::SignIn => "Sign in, or present a token that has not expired.".to_owned(),
            Self::NotYours(roles) => {
                format!("It takes one of these roles: {roles}. Ask an owner of this portal.")
            }
            Self::OutOfScope(scope) => format!("The token is not for {scope}. Use one that is."),
            Self::Form(wanted) => format!("The body has to be {wanted}."),
            Self::Method => {
                "There is something here, but not by this method; the header Allow says by which."
                    .to_owned()
            }
            Self::Key(fault) => match fault {
                KeyFault::Unfit => "Idempotency-Key: 1 to 128 printable ASCII characters.",
                KeyFault::Reused => {
                    "The key was sent with another call before. Nothing was changed: send this \
                     one with a key of its own."
                }
                KeyFault::UnderWay => {
                    "The same call is being carried out. Send it again in a second, with the \
                     same key, to hear how it ends."
                }
                KeyFault::Lost => {
                    "The gateway stopped while it carried this call out and cannot tell what came \
                     of it. Look whether it was done, then send it with another key if it was not."
                }
                KeyFault::Full => {
                    "There are as many keys as are remembered; each is forgotten after a day. Wait, \
                     or call without a key."
                }
            }
            .to_owned(),
            Self::Forged => "It was opened before you signed in, or on another site. Nothing was \
                             changed: go back, reload the page and send it again."
                .to_owned(),
            Self::TooLarge => "More than this page takes; nothing was changed.".to_owned(),
            Self::NotFound(sentence) | Self::Busy(sentence) => (*sentence).to_owned(),
            Self::Unfit(sentence) => sentence.clone(),
            Self::Refused(status) => status.sentence().to_owned(),
            Self::Wait(seconds) => {
                format!(
                    "Wait {} and try again.",
                    crate::show::duration(u64::from(*seconds))
                )
            }
            Self::Broken => "Nothing was changed. Try again; if it stays, an operator finds the \
                             reason in the log."
                .to_owned(),
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
    title: &'static str,
    sentence: String,
    word: &'static str,
}

/// The refusal as a page.
pub fn refuse_page(portal: &Portal, visitor: Option<&Visitor>, refusal: &Refusal) -> Response {
    portal.counters.refused(refusal.into());
    tracing::info!(
        word = refusal.word(),
        who = visitor.map_or("nobody", Visitor::name),
        "portal refused"
    );
    let page = RefusalPage {
        frame: Frame::new(portal, visitor, ""),
        title: refusal.title(),
        sentence: refusal.sentence(),
        word: refusal.word(),
    };
    let mut response = page_with(refusal.status(), &page)
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
