//! What the provider says of itself: where it is asked, and the keys it signs with.

use super::{Sso, SsoError};
use crate::desk::Pending;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use protocol::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long it is believed without asking again.
const KEPT_S: u32 = 3_600;
/// How soon its keys are asked for again when one of them is not known.
const KEYS_AGAIN_S: u32 = 60;
/// How long somebody waits for others who ask the same.
const TURN_WITHIN: Duration = Duration::from_secs(15);

/// The way to a provider.
pub trait ProviderLink: Send + Sync {
    /// Carries a request there and brings the answer, bounded in size and time; a redirect is an
    /// answer and not followed.
    fn ask(&self, request: Request<Vec<u8>>) -> Pending<Result<Response<Vec<u8>>, NoAnswer>>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer(pub String);

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAnswer {}

/// What a provider said of itself.
pub struct Metadata {
    /// Addresses, and keys.
    pub core: CoreProviderMetadata,
    /// Whether its answers by the browser say whose they are (RFC 9207).
    pub names_itself: bool,
    asked: Timestamp,
}

/// What is known of it; one asks at a time.
#[derive(Default)]
pub struct Known(Option<Arc<Metadata>>);

/// Why it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To send somebody there, or to hear what it says of them.
    Addresses,
    /// A token is signed by a key that it did not name.
    Keys,
}

impl Sso {
    /// What the provider says of itself, asked again now and then, and when it signs by a new key.
    pub(super) async fn metadata(
        &self,
        need: Need,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, SsoError> {
        let busy = |_| SsoError::Provider("others are still waiting for it".to_owned());
        let mut known = timeout(TURN_WITHIN, self.known.lock())
            .await
            .map_err(busy)?;
        let good_for_s = match need {
            Need::Addresses => KEPT_S,
            Need::Keys => KEYS_AGAIN_S,
        };
        let fresh = |kept: &&Arc<Metadata>| now.0.saturating_sub(kept.asked.0) < good_for_s;
        if let Some(kept) = known.0.as_ref().filter(fresh) {
            return Ok(Arc::clone(kept));
        }
        let asked = Arc::new(self.discover(now).await?);
        known.0 = Some(Arc::clone(&asked));
        Ok(asked)
    }

    async fn discover(&self, now: Timestamp) -> Result<Metadata, SsoError> {
        let issuer = &self.settings.issuer;
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let said: Value = self.read(&address).await?;
        let names_itself = said
            .get("authorization_response_iss_parameter_supported")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let core: CoreProviderMetadata = serde_json::from_value(said).map_err(|error| {
            SsoError::Provider(format!("{address} is not to be understood: {error}"))
        })?;
        if core.issuer().as_str() != issuer {
            let itself = core.issuer().as_str();
            return Err(SsoError::Provider(format!(
                "{address} calls itself {itself:?} and not oidc.issuer = {issuer:?}"
            )));
        }
        let token = core.token_endpoint().map(|address| address.as_str());
        let endpoints = [
            Some(core.authorization_endpoint().as_str()),
            token,
            Some(core.jwks_uri().as_str()),
        ];
        for endpoint in endpoints {
            let endpoint = endpoint.unwrap_or_default();
            if !self.settings.may_ask(endpoint) {
                return Err(SsoError::Provider(format!(
                    "{address} names {endpoint:?}, which is missing or without TLS"
                )));
            }
        }
        let keys: CoreJsonWebKeySet = self.read(core.jwks_uri().as_str()).await?;
        Ok(Metadata {
            core: core.set_jwks(keys),
            names_itself,
            asked: now,
        })
    }

    /// A document of the provider's.
    async fn read<T: DeserializeOwned>(&self, address: &str) -> Result<T, SsoError> {
        let failed = |why: &dyn std::fmt::Display| SsoError::Provider(format!("{address}: {why}"));
        let mut request = Request::new(Vec::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = address.parse().map_err(|error| failed(&error))?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
        let answer = self
            .link
            .ask(request)
            .await
            .map_err(|error| failed(&error))?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body()).map_err(|error| failed(&error)),
            other => Err(failed(&format_args!("answered {other}"))),
        }
    }
}
