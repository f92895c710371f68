//! From the way to the provider to its word about somebody.

use super::provider::{Metadata, Need};
use super::{Journey, NoAnswer, Sso, SsoError};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use chrono::{DateTime, Utc};
use ledger::people::Roles;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::url::Url;
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use protocol::Timestamp;
use serde_json::Value;
use std::cell::Cell;

/// Signatures that are taken; nothing that a shared secret or nobody could have made.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How old a token may be, and how far the provider's clock may be ahead.
const ISSUED_WITHIN_S: i64 = 10 * 60;
/// Longest name of somebody at the provider (OpenID Connect Core, section 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// For whom the provider vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is there, for ever.
    pub subject: String,
    /// How they are called.
    pub name: String,
    /// What they may do; `None` where owners say it here.
    pub roles: Option<Roles>,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

fn at(now: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(now.0), 0).unwrap_or_default()
}

impl Sso {
    fn client(&self, metadata: &Metadata) -> Result<Client, SsoError> {
        let settings = &self.settings;
        let back = RedirectUrl::new(settings.redirect.clone());
        let back = back.map_err(|error| SsoError::Refused(format!("oidc.redirect: {error}")))?;
        let client = CoreClient::from_provider_metadata(
            metadata.core.clone(),
            ClientId::new(settings.client_id.clone()),
            settings.client_secret.clone(),
        );
        Ok(client.set_redirect_uri(back))
    }

    /// Where to send a browser that begins this journey.
    pub async fn way_there(&self, journey: &Journey, now: Timestamp) -> Result<Url, SsoError> {
        let metadata = self.metadata(Need::Addresses, now).await?;
        let verifier = PkceCodeVerifier::new(journey.verifier());
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (state, nonce) = (journey.state(), journey.nonce());
        let (address, _, _) = self
            .client(&metadata)?
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(address)
    }

    /// Whether an answer by the browser is from this provider: another one's would have its code
    /// redeemed here (RFC 9207).
    pub async fn is_from_it(&self, named: Option<&str>, now: Timestamp) -> Result<bool, SsoError> {
        match named {
            Some(named) => Ok(named == self.settings.issuer),
            None => Ok(!self.metadata(Need::Addresses, now).await?.names_itself),
        }
    }

    /// Redeems the code of an answer: for whom the provider vouches. A journey ends in one sign-in.
    pub async fn redeem(
        &self,
        journey: &Journey,
        code: String,
        now: Timestamp,
    ) -> Result<Vouched, SsoError> {
        let metadata = self.metadata(Need::Addresses, now).await?;
        let token = self.exchange(&metadata, journey, code).await?;
        let verified = match self.verify(&token, &metadata, journey, now) {
            // It may sign by a new key.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.metadata(Need::Keys, now).await?;
                self.verify(&token, &metadata, journey, now)
            }
            verified => verified,
        };
        let claims = verified.map_err(|error| SsoError::Token(with_causes(&error)))?;
        let vouched = self.vouched(&token, &claims)?;
        match self.spend(journey, now) {
            true => Ok(vouched),
            false => Err(SsoError::Repeated),
        }
    }

    /// What the library would ask and how it reads the answer are two steps, so that whoever waits
    /// for the answer is this house.
    async fn exchange(
        &self,
        metadata: &Metadata,
        journey: &Journey,
        code: String,
    ) -> Result<CoreIdToken, SsoError> {
        let question = self.question(metadata, journey, code.clone())?;
        let answer = self.link.ask(question).await;
        let answer = answer.map_err(|error| SsoError::Provider(error.to_string()))?;
        let answer = self.exchanged(metadata, journey, code, &|_| Ok(answer.clone()))?;
        let token = answer.id_token().cloned();
        token.ok_or_else(|| SsoError::Provider("it sent no ID token".to_owned()))
    }

    fn question(
        &self,
        metadata: &Metadata,
        journey: &Journey,
        code: String,
    ) -> Result<HttpRequest, SsoError> {
        let question = Cell::new(None);
        let asked = self.exchanged(metadata, journey, code, &|request| {
            question.set(Some(request));
            Err(NoAnswer("not asked yet".to_owned()))
        });
        match question.take() {
            Some(request) => Ok(request),
            None => Err(asked.err().unwrap_or(SsoError::Repeated)),
        }
    }

    fn exchanged(
        &self,
        metadata: &Metadata,
        journey: &Journey,
        code: String,
        http: &dyn Fn(HttpRequest) -> Result<HttpResponse, NoAnswer>,
    ) -> Result<CoreTokenResponse, SsoError> {
        let client = self.client(metadata)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| SsoError::Provider(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(journey.verifier()))
            .request(&http);
        answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => SsoError::Refused(said.to_string()),
            RequestTokenError::Request(error) => SsoError::Provider(error.to_string()),
            other => SsoError::Provider(with_causes(&other)),
        })
    }

    /// Signature, issuer, audience, nonce, end and beginning.
    fn verify(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        journey: &Journey,
        now: Timestamp,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.settings.client_id.clone()),
            metadata.core.issuer().clone(),
            metadata.core.jwks().clone(),
        )
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || at(now))
        .set_issue_time_verifier_fn(move |issued| {
            match (at(now) - issued).num_seconds().abs() <= ISSUED_WITHIN_S {
                true => Ok(()),
                false => Err(format!("issued at {issued}, which is not now")),
            }
        });
        let nonce = Nonce::new(journey.nonce());
        token.claims(&verifier, &nonce).cloned()
    }

    /// What a token says that holds.
    fn vouched(
        &self,
        token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
    ) -> Result<Vouched, SsoError> {
        let unfit = |why: &str| SsoError::Token(why.to_owned());
        let text = token.to_string();
        let payload = text.split('.').nth(1).unwrap_or_default();
        let payload = Base64UrlUnpadded::decode_vec(payload).map_err(|_| unfit("no base64url"))?;
        let said: Value = serde_json::from_slice(&payload).map_err(|_| unfit("no JSON"))?;
        // Made for another client, and handed on.
        let party = said
            .get("azp")
            .map(|party| party.as_str().unwrap_or_default());
        if party.is_some_and(|party| party != self.settings.client_id) {
            return Err(unfit("azp names another client"));
        }
        let subject = claims.subject().to_string();
        if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            return Err(unfit("sub is empty or longer than 255 bytes"));
        }
        let called = ["preferred_username", "name", "email"]
            .into_iter()
            .filter_map(|claim| said.get(claim).and_then(Value::as_str))
            .find(|name| !name.trim().is_empty());
        Ok(Vouched {
            name: called.unwrap_or(&subject).to_owned(),
            roles: self.settings.roles_of(&said),
            subject,
        })
    }
}

/// An error with what lies beneath it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}
