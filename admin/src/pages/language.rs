//! Choosing a language.

use crate::door::Jar;
use crate::language::{Language, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::extract::{Path, Query, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct From {
    back: Option<String>,
}

/// Keeps the choice in the browser and goes back to the page it was made on.
pub async fn choose(
    State(portal): State<Shared>,
    Path(tag): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Refusal> {
    let language = Language::of_tag(&tag).ok_or(Refusal::NotFound(say(
        "The portal does not speak that language.",
    )))?;
    let back = from.back.as_deref().and_then(own).unwrap_or("/");
    let mut response = Redirect::to(back).into_response();
    let jar = Jar { tls: portal.tls() };
    if let Some(cookie) = jar.keep_language(language) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A path of this portal; whoever made the link shall not send people elsewhere.
fn own(back: &str) -> Option<&str> {
    let path = back.strip_prefix('/')?;
    let elsewhere = path.starts_with(['/', '\\']);
    let reads = back.parse::<Uri>().is_ok_and(|uri| uri.host().is_none());
    (!elsewhere && reads).then_some(back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for back in ["/", "/codes?q=a%20b&after=1", "/1/2000"] {
            assert_eq!(own(back), Some(back));
        }
        for back in [
            "",
            "codes",
            "//evil.example/",
            "/\\evil.example",
            "https://evil.example/",
            "/codes\r\nx: y",
        ] {
            assert_eq!(own(back), None, "{back:?}");
        }
    }
}
