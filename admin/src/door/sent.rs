//! What a visitor sends, with refusals of our own where it cannot be read.

use crate::language::say;
use crate::refusal::Refusal;
use axum::extract::{Form, FromRequest, Request};
use serde::de::DeserializeOwned;

/// The fields of a form.
pub struct Sent<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let unreadable = |_| Refusal::Unfit(say("The form is not complete; reload the page."));
        let Form(fields) = Form::from_request(request, state)
            .await
            .map_err(unreadable)?;
        Ok(Self(fields))
    }
}

/// The fields of a form, where ticks make their number vary.
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// What stands in a field; nothing when it is not there.
    pub fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// A field that is a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refusal> {
        let wrong = |_| Refusal::Unfit(say("The field “{name}” wants a number.").put("name", name));
        self.text(name).parse().map_err(wrong)
    }

    /// Whether a box was ticked.
    pub fn is_ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}
