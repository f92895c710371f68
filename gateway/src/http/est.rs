//! Enrolment over Secure Transport (RFC 7030), as far as it stands: `cacerts`, `simpleenroll`
//! authorised by a one-time secret, or by somebody who accepts the device while it
//! asks again and again, and `simplereenroll` authorised by the keys of the request.

use crate::issuing::{Asked, Desk, IssueError};
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64ct::{Base64, Encoding};
use ledger::Thing;
use std::net::SocketAddr;
use std::sync::Arc;

/// Largest request body: a PKCS#10 request in base64 is about 600 bytes.
pub const BODY_MAX: usize = 16 * 1024;

/// When to ask again.
const ASK_AGAIN_S: u16 = 30;
const WAITS: &str = "nobody has accepted this device yet: an operator does by /api/v1/pending; ask again with the same request";
const NO_REQUEST: &str = "the body is no base64 of a PKCS#10 request (RFC 7030, 4.2.1)";
const UNKNOWN: &str = "no code here commits to the key of this request: send the request that the code was issued for, or one with the code as its common name";
const FULL: &str =
    "too many devices wait to be accepted; ask again later, or with a one-time secret";

/// The EST resources.
pub fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/.well-known/est/cacerts", get(cacerts))
        .route("/.well-known/est/simpleenroll", post(simpleenroll))
        .route("/.well-known/est/simplereenroll", post(simplereenroll))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(desk)
}

async fn cacerts(State(desk): State<Arc<Desk>>) -> Response {
    certs_only(&desk.authority_certificates())
}

async fn simpleenroll(
    State(desk): State<Arc<Desk>>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let secret = one_time_secret(&headers);
    if secret.is_none() && headers.contains_key(header::AUTHORIZATION) {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "a one-time secret is wanted as the password of HTTP Basic authentication; an operator makes one in the portal under Codes; or ask without any, and wait to be accepted",
        );
    }
    let Some(request) = decode(&body) else {
        return refuse(StatusCode::BAD_REQUEST, NO_REQUEST);
    };
    let issued = match secret {
        Some(secret) => desk.enrol(&secret, &request).await,
        None => {
            let address = from.map(|Extension(ConnectInfo(address))| address.ip().to_string());
            let address = address.unwrap_or_else(|| "unknown".to_owned());
            match desk.ask(&request, &address).await {
                Ok(Asked::Issued(thing)) => Ok(*thing),
                Ok(Asked::Waiting) => return wait(StatusCode::ACCEPTED, WAITS),
                Ok(Asked::Full) => return wait(StatusCode::SERVICE_UNAVAILABLE, FULL),
                Ok(Asked::Rejected(reason)) => {
                    return refuse(StatusCode::FORBIDDEN, &format!("rejected: {reason}"));
                }
                Err(error) => Err(error),
            }
        }
    };
    answer(issued)
}

/// No client certificate is asked for: the request is signed by the key that it is about, and the
/// answer is public. So a thing whose certificate has ended comes back by the same way.
async fn simplereenroll(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let Some(request) = decode(&body) else {
        return refuse(StatusCode::BAD_REQUEST, NO_REQUEST);
    };
    match desk.renew_named(&request).await {
        Ok(Some(thing)) => answer(Ok(thing)),
        Ok(None) => refuse(StatusCode::FORBIDDEN, UNKNOWN),
        Err(error) => answer(Err(error)),
    }
}

fn answer(issued: Result<Thing, IssueError>) -> Response {
    match issued {
        Ok(thing) => certs_only(&[thing.certificate]),
        Err(IssueError::Request(error)) => refuse(StatusCode::BAD_REQUEST, &error),
        Err(IssueError::Refused(status)) => refuse(StatusCode::FORBIDDEN, status.sentence()),
        Err(IssueError::Inside(error)) => {
            tracing::error!(%error, "enrolment failed inside");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the gateway could not issue; its log says why; the same request may be sent again",
            )
        }
    }
}

/// The password of HTTP Basic authentication; the user name is not looked at.
fn one_time_secret(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?.trim();
    let decoded = String::from_utf8(Base64::decode_vec(encoded).ok()?).ok()?;
    decoded.split_once(':').map(|(_, secret)| secret.to_owned())
}

/// Base64 with or without line breaks.
fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let text: String = std::str::from_utf8(body)
        .ok()?
        .split_ascii_whitespace()
        .collect();
    Base64::decode_vec(&text)
        .ok()
        .filter(|request| !request.is_empty())
}

fn certs_only(certificates: &[Vec<u8>]) -> Response {
    let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let Ok(bundle) = issuer::certs_only(&certificates) else {
        return refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "certificates could not be encoded",
        );
    };
    let encoded = Base64::encode_string(&bundle);
    let lines: Vec<String> = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let mut response = (lines.join("\n") + "\n").into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/pkcs7-mime; smime-type=certs-only"),
    );
    headers.insert(
        "content-transfer-encoding",
        HeaderValue::from_static("base64"),
    );
    response
}

/// To be asked again (RFC 7030, 4.2.3).
fn wait(status: StatusCode, sentence: &str) -> Response {
    let mut response = refuse(status, sentence);
    let again = HeaderValue::from(ASK_AGAIN_S);
    response.headers_mut().insert(header::RETRY_AFTER, again);
    response
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    let mut response = (status, format!("{sentence}\n")).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"onecode\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_the_password_whatever_the_user() {
        let mut headers = HeaderMap::new();
        assert_eq!(one_time_secret(&headers), None);
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("Basic dTpzZWM6cmV0"),
        );
        assert_eq!(one_time_secret(&headers).as_deref(), Some("sec:ret"));
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer dTpz"),
        );
        assert_eq!(one_time_secret(&headers), None);
    }

    #[test]
    fn the_body_is_base64_with_or_without_line_breaks() {
        assert_eq!(
            decode(b"AAEC\r\nAwQ=\r\n").as_deref(),
            Some(&[0, 1, 2, 3, 4][..])
        );
        assert_eq!(decode(b"\x30\x82"), None);
        assert_eq!(decode(b""), None);
    }
}
