//! What a visitor sends, with refusals of our own where it cannot be read.

use crate::refusal::Refusal;
use axum::extract::{Form, FromRequest, Json, Request};
use serde::de::DeserializeOwned;

/// The fields of a form.
pub struct Sent<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let unreadable =
            |_| Refusal::Unfit("The form is not complete; reload the page.".to_owned());
        let Form(fields) = Form::from_request(request, state)
            .await
            .map_err(unreadable)?;
        Ok(Self(fields))
    }
}

/// The body of a call.
pub struct Told<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Told<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(error) => Err(Refusal::Unfit(error.body_text())),
        }
    }
}
