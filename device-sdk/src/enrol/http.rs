//! The few HTTP requests that enrolment needs.

use super::EnrolError;
use base64ct::{Base64, Encoding};
use protocol::{Code, GridCode};
use std::time::Duration;
use ureq::Agent;

/// For one request with its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Sixteen certificates in base64 and more.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Of HTTP: to be asked again.
const ACCEPTED: u16 = 202;
/// What is shown of a refusal.
const SENTENCE_CHARS_MAX: usize = 300;

/// The desk of a gateway.
pub(super) struct Desk {
    agent: Agent,
    url: String,
}

impl Desk {
    pub(super) fn new(url: &str) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(REQUEST_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// PKCS#7, DER.
    pub(super) fn cacerts(&self) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/.well-known/est/cacerts", self.url);
        decode(&answer(self.agent.get(url).call())?)
    }

    /// PKCS#7, DER.
    pub(super) fn simpleenroll(
        &self,
        secret: Option<&str>,
        request: &[u8],
    ) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/.well-known/est/simpleenroll", self.url);
        let call = self
            .agent
            .post(url)
            .header("content-type", "application/pkcs10")
            .header("content-transfer-encoding", "base64");
        let call = match secret {
            Some(secret) => {
                let credentials = Base64::encode_string(format!("onecode:{secret}").as_bytes());
                call.header("authorization", format!("Basic {credentials}"))
            }
            None => call,
        };
        decode(&answer(call.send(Base64::encode_string(request)))?)
    }

    /// PKCS#7, DER.
    pub(super) fn simplereenroll(&self, request: &[u8]) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/.well-known/est/simplereenroll", self.url);
        let call = self
            .agent
            .post(url)
            .header("content-type", "application/pkcs10")
            .header("content-transfer-encoding", "base64");
        decode(&answer(call.send(Base64::encode_string(request)))?)
    }

    /// A number in decimal digits.
    pub(super) fn next_transfer(&self, code: &Code) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/1/{code}/transfer", self.url);
        answer(self.agent.get(url).call())
    }

    /// A sentence.
    pub(super) fn hand_over(&self, code: &Code, message: &[u8]) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/1/{code}/transfer", self.url);
        answer(self.agent.post(url).send(message))
    }

    /// The record of a survey.
    pub(super) fn survey(&self, place: &GridCode, survey: &[u8]) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/G/{place}/record", self.url);
        answer(self.agent.post(url).send(survey))
    }

    /// A pass.
    pub(super) fn pass(&self, code: &Code) -> Result<Vec<u8>, EnrolError> {
        let url = format!("{}/1/{code}/pass", self.url);
        answer(self.agent.get(url).call())
    }
}

fn answer(
    call: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Vec<u8>, EnrolError> {
    let unreachable = |error: ureq::Error| EnrolError::Unreachable(error.to_string());
    let mut response = call.map_err(unreachable)?;
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = body.read_to_vec().map_err(unreachable)?;
    let http_status = response.status().as_u16();
    if http_status != 200 {
        let text = String::from_utf8_lossy(&body);
        let sentence = text.trim().chars().take(SENTENCE_CHARS_MAX).collect();
        if http_status == ACCEPTED {
            return Err(EnrolError::Waiting(sentence));
        }
        return Err(EnrolError::Refused {
            http_status,
            sentence,
        });
    }
    Ok(body)
}

/// Base64 with or without line breaks.
fn decode(body: &[u8]) -> Result<Vec<u8>, EnrolError> {
    let unreadable = EnrolError::Certificates(super::CertificateFault::Unreadable);
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(unreadable);
    };
    let text: String = text.split_ascii_whitespace().collect();
    Base64::decode_vec(&text).map_err(|_| unreadable)
}
