//! Issuing a code for a thing whose request somebody holds.

use super::frame::{Frame, page, page_with};
use super::parts::ISSUED_KINDS;
use crate::deeds::codes as deeds;
use crate::desk::DeskOrder;
use crate::door::{Sent, Visitor};
use crate::language::{Say, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use der::Document;
use protocol::Kind;
use serde::Deserialize;

/// Longest name of a thing or product.
const NAME_BYTES_MAX: usize = ledger::bounds::NAME_BYTES_MOST;

#[derive(Template)]
#[template(path = "issue.html")]
struct Issue {
    frame: Frame,
    problem: Option<Say>,
    form: Wish,
}

#[derive(Clone, Default, Deserialize)]
pub struct Wish {
    name: String,
    product: String,
    kind: String,
    request: String,
}

/// The form.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &Issue {
            frame: Frame::new(&portal, Some(&visitor), "/codes"),
            problem: None,
            form: Wish::default(),
        },
    )
}

/// Issues, and goes to the new code. The same request goes to the same code.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let order = match order(&form, &visitor) {
        Ok(order) => order,
        Err(problem) => return again(&portal, &visitor, form, problem),
    };
    match deeds::issue(&portal, &visitor.actor(), order).await {
        Ok(code) => Ok(Redirect::to(&format!("/codes/{code}?done=issued")).into_response()),
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, form, problem),
        Err(refusal) => Err(refusal),
    }
}

fn order(form: &Wish, visitor: &Visitor) -> Result<DeskOrder, Say> {
    let kind = ISSUED_KINDS
        .into_iter()
        .find(|kind| kind.word() == form.kind)
        .ok_or(say("Choose what the code names."))?;
    wanted(
        kind,
        &form.name,
        &form.product,
        &form.request,
        visitor.name(),
    )
}

/// An order for the desk, as somebody wrote it.
pub fn wanted(
    kind: Kind,
    name: &str,
    product: &str,
    request: &str,
    by: &str,
) -> Result<DeskOrder, Say> {
    if !ISSUED_KINDS.contains(&kind) {
        return Err(say(
            "Only a device, module, person or service brings a key of its own.",
        ));
    }
    for text in [name, product] {
        if text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(
                say("Names have up to {most} bytes and no control characters.")
                    .put("most", NAME_BYTES_MAX),
            );
        }
    }
    if name.trim().is_empty() {
        return Err(say("Give the thing a name that people will find it by."));
    }
    Ok(DeskOrder {
        request: read_pem(request)?,
        kind,
        name: name.trim().to_owned(),
        product: product.trim().to_owned(),
        by: by.to_owned(),
    })
}

/// The request between its two marker lines; text around them is left out.
pub fn read_pem(text: &str) -> Result<Vec<u8>, Say> {
    const WANTED: Say =
        say("Paste the whole request, from -----BEGIN CERTIFICATE REQUEST----- to its end line.");
    let begin = text.find("-----BEGIN ").ok_or(WANTED)?;
    let body = text.get(begin..).unwrap_or_default();
    let end = body.find("-----END ").ok_or(WANTED)?;
    let tail = body
        .get(end + 9..)
        .and_then(|tail| tail.find("-----"))
        .ok_or(WANTED)?;
    let pem = body.get(..end + 9 + tail + 5).ok_or(WANTED)?;
    let (label, document) = Document::from_pem(pem).map_err(|_| {
        say("The text between the marker lines is damaged. {wanted}").put("wanted", WANTED)
    })?;
    match label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Ok(document.into_vec()),
        other if other.contains("PRIVATE KEY") => Err(say(
            "That is a private key. It never leaves the thing: treat it as disclosed, and make a new one there.",
        )),
        _ => Err(say("That is something else than a request. {wanted}").put("wanted", WANTED)),
    }
}

fn again(
    portal: &Portal,
    visitor: &Visitor,
    mut form: Wish,
    problem: Say,
) -> Result<Response, Refusal> {
    if form.request.contains("PRIVATE KEY") {
        form.request.clear();
    }
    let page = Issue {
        frame: Frame::new(portal, Some(visitor), "/codes"),
        problem: Some(problem),
        form,
    };
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

impl Issue {
    fn is_kind(&self, kind: &Kind) -> bool {
        self.form.kind == kind.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE REQUEST-----\r\nMAUCAQECAQI=\r\n-----END CERTIFICATE REQUEST-----\r\n";

    #[test]
    fn a_request_is_found_in_what_was_pasted() {
        // Its outer sequence is one byte shorter than what follows.
        assert!(read_pem(PEM).is_err());
        let pem = PEM.replace("MAUCAQECAQI=", "MAYCAQECAQI=");
        let der = vec![0x30, 6, 2, 1, 1, 2, 1, 2];
        assert_eq!(read_pem(&pem), Ok(der.clone()));
        assert_eq!(
            read_pem(&format!("Requested:\n\n{pem}\nthanks")),
            Ok(der.clone())
        );
        assert_eq!(
            read_pem(
                &pem.replace("BEGIN C", "BEGIN NEW C")
                    .replace("END C", "END NEW C")
            ),
            Ok(der)
        );
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_next_step() {
        for text in [
            "",
            "-----BEGIN ",
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA",
            "-----BEGIN X-----\n!!\n-----END X-----",
        ] {
            let refused = read_pem(text).unwrap_err().to_string();
            assert!(refused.contains("Paste the whole request"), "{refused}");
        }
        let key = PEM
            .replace("CERTIFICATE REQUEST", "PRIVATE KEY")
            .replace("MAU", "MAY");
        assert!(
            read_pem(&key)
                .unwrap_err()
                .to_string()
                .contains("private key")
        );
        let certificate = PEM.replace(" REQUEST", "").replace("MAU", "MAY");
        assert!(
            read_pem(&certificate)
                .unwrap_err()
                .to_string()
                .contains("something else")
        );
    }
}
