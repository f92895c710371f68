//! Enrolment over Secure Transport on CoAP (RFC 9148), behind DTLS with a certificate of this house.
//!
//! A code commits to one transport key, so a thing that asks with that key gets the certificate of
//! its code, however often and by either name. With another key it asks for somebody else, a part of
//! it or a neighbour without a certificate: that waits for a person, as over HTTP.

use super::links::Link;
use super::request::{Method, Request, Response};
use crate::issuing::{Asked, Desk, IssueError};
use bytes::Bytes;
use coap_lite::ResponseType;
use der::Encode as _;
use der::asn1::ObjectIdentifier;
use ledger::Thing;
use protocol::Code;
use protocol::enrol::OID_WALLET_PROOF;

/// Content-Formats of RFC 9148, 4.3 and RFC 7252: certificates only, attributes of a request, a
/// request, one certificate.
const CERTS_ONLY: u16 = 281;
const CSR_ATTRIBUTES: u16 = 285;
const PKCS10: u16 = 286;
const CERTIFICATE: u16 = 287;
/// Content-Format of a pass (RFC 8392, 9.4).
const CWT: u16 = 61;
/// Where all of it is.
const PLACE: [&str; 2] = [".well-known", "est"];
/// Whoever waits for a person asks again after so long.
const ASK_AGAIN_S: u32 = 30;

/// Whether this path is here.
pub(super) fn has(path: &[String]) -> bool {
    path.get(..PLACE.len()).is_some_and(|first| first == PLACE)
}

/// What discovery says of it (RFC 9148, 4.1).
pub(super) fn links() -> Vec<Link> {
    let link = |name: &str, formats: &str| {
        Link::new(format!("/.well-known/est/{name}"))
            .with("rt", format!("ace.est.{name}"))
            .with("ct", formats)
    };
    vec![
        link("crts", "281"),
        link("sen", "281 287"),
        link("sren", "281 287"),
        link("att", "285"),
    ]
}

/// Whether this is `1/<CODE>/pass`, the same as over HTTP.
pub(super) fn is_pass(path: &[String]) -> bool {
    matches!(path, [one, _, pass] if one == "1" && pass == "pass")
}

/// The pass of a code: of a thing, of the gateway or of its issuer.
pub(super) async fn pass(desk: &Desk, request: &Request) -> Response {
    let named = request.path.get(1).map(|code| code.parse::<Code>());
    let (Method::Get, Some(Ok(code))) = (request.method, named) else {
        return Response::bare(ResponseType::BadRequest);
    };
    match desk.pass(&code).await {
        Ok(Some(pass)) => Response::with(ResponseType::Content, CWT, pass.into()),
        Ok(None) => Response::bare(ResponseType::NotFound),
        Err(error) => {
            tracing::error!(%error, "a pass cannot be read");
            Response::bare(ResponseType::InternalServerError)
        }
    }
}

/// What a thing hears whose certificate has ended, wherever else it asks.
pub(super) fn too_late() -> Response {
    refuse("this certificate has ended: it is good for /.well-known/est/sren alone")
}

pub(super) async fn answer(desk: &Desk, me: Code, request: &Request) -> Response {
    let name = match request.path.as_slice() {
        [_, _, name] => name.as_str(),
        _ => return Response::bare(ResponseType::NotFound),
    };
    match (request.method, name) {
        (Method::Get, "crts") => certs_only(&desk.authority_certificates(), ResponseType::Content),
        (Method::Get, "att") => Response::with(ResponseType::Content, CSR_ATTRIBUTES, attributes()),
        (Method::Post, "sen" | "sren") if request.content_format != Some(PKCS10) => {
            Response::bare(ResponseType::UnsupportedContentFormat)
        }
        (Method::Post, "sen" | "sren") => match request.accept {
            None | Some(CERTS_ONLY | CERTIFICATE) => enrol(desk, me, request, name).await,
            Some(_) => Response::bare(ResponseType::NotAcceptable),
        },
        (_, "crts" | "att" | "sen" | "sren") => Response::bare(ResponseType::MethodNotAllowed),
        _ => Response::bare(ResponseType::NotFound),
    }
}

async fn enrol(desk: &Desk, me: Code, request: &Request, name: &str) -> Response {
    let issued = match desk.renew(&me, &request.payload).await {
        Ok(None) if name == "sen" => {
            // Who asks for somebody is known here by its code, and not by its address.
            match desk.ask(&request.payload, &me.to_string()).await {
                Ok(Asked::Issued(thing)) => Ok(*thing),
                Ok(Asked::Waiting) => return wait("nobody has accepted this request yet"),
                Ok(Asked::Full) => return wait("too many requests wait to be accepted"),
                Ok(Asked::Rejected(reason)) => return refuse(&format!("rejected: {reason}")),
                Err(error) => Err(error),
            }
        }
        Ok(None) => return refuse("this is not the key of the certificate that was shown"),
        Ok(Some(thing)) => Ok(thing),
        Err(error) => Err(error),
    };
    match issued {
        Ok(thing) => certificate(thing, request.accept),
        Err(IssueError::Request(error)) => said(ResponseType::BadRequest, &error),
        Err(IssueError::Refused(status)) => refuse(status.sentence()),
        Err(IssueError::Inside(error)) => {
            tracing::error!(%error, "enrolment failed inside");
            Response::bare(ResponseType::InternalServerError)
        }
    }
}

fn certificate(thing: Thing, accept: Option<u16>) -> Response {
    match accept {
        Some(CERTIFICATE) => {
            let bytes = Bytes::from(thing.certificate);
            Response::with(ResponseType::Changed, CERTIFICATE, bytes)
        }
        _ => certs_only(&[thing.certificate], ResponseType::Changed),
    }
}

fn certs_only(certificates: &[Vec<u8>], code: ResponseType) -> Response {
    let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    match issuer::certs_only(&certificates) {
        Ok(bundle) => Response::with(code, CERTS_ONLY, bundle.into()),
        Err(error) => {
            tracing::error!(%error, "certificates could not be encoded");
            Response::bare(ResponseType::InternalServerError)
        }
    }
}

/// What a request has to have besides its key: the wallet proof (RFC 7030, 4.5.2).
fn attributes() -> Bytes {
    let wanted = ObjectIdentifier::new(OID_WALLET_PROOF).map(|wanted| vec![wanted].to_der());
    wanted.map_or_else(|_| Bytes::new(), |der| der.unwrap_or_default().into())
}

/// To be asked again (RFC 9148, 4.7).
fn wait(sentence: &str) -> Response {
    Response {
        max_age_s: Some(ASK_AGAIN_S),
        ..said(ResponseType::ServiceUnavailable, sentence)
    }
}

fn refuse(sentence: &str) -> Response {
    said(ResponseType::Forbidden, sentence)
}

/// With a sentence for people (RFC 7252, 5.5.2).
fn said(code: ResponseType, sentence: &str) -> Response {
    Response {
        payload: Bytes::copy_from_slice(sentence.as_bytes()),
        ..Response::bare(code)
    }
}
