//! The guard in front of every route: session, token, role, form token, origin; and the headers
//! behind every answer.

use super::cookie::Jar;
use super::rate::Neighbourhood;
use super::secret::{self, Secret};
use super::visitor::{Actor, Caller, Visitor, Who};
use crate::api::{self, problem};
use crate::language::{Reader, accepted};
use crate::portal::Shared;
use crate::refusal::{Refusal, refuse_page};
use crate::tiles::Tiles;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Form, FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use ledger::people::{Roles, Scope};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// Largest body of any form or call: a pasted request is a few kilobytes.
pub const BODY_MAX: usize = 64 * 1024;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src 'self'";

/// Lets a request through to its handler, or answers it. Refusals become pages or JSON here.
pub async fn guard(
    State((portal, who)): State<(Shared, Who)>,
    request: Request,
    next: Next,
) -> Response {
    if let Who::Tokens(roles, scope) = who {
        let may = (roles, scope);
        let origin = named(address(&portal, &request));
        return match caller(&portal, may, request.headers(), origin).await {
            Ok(caller) => answer_program(&portal, caller, request, next).await,
            Err(refusal) => problem::respond(&portal, &refusal),
        };
    }
    if request.uri().path().starts_with(api::ROOT) {
        // What anybody may read of the API: no cookies, and refusals as programs read them.
        return dressed(&portal, next.run(request).await);
    }
    let jar = Jar { tls: portal.tls() };
    let headers = request.headers();
    let reader = reader(jar, &request);
    let address = address(&portal, &request);
    let (visitor, fresh) = match visitor(&portal, jar, headers, named(address), &reader).await {
        Ok(found) => found,
        Err(refusal) => return refuse_page(&portal, &reader, None, &refusal),
    };
    if who == Who::Strangers
        && visitor.person.is_none()
        && let Err(wait) =
            portal.scans(|scans| scans.take(Neighbourhood::from(address), visitor.now))
    {
        return refuse_page(&portal, &reader, None, &Refusal::Wait(wait.seconds));
    }
    let is_form = request.method() == Method::POST;
    if let Some(roles) = who.people() {
        match &visitor.person {
            None if !is_form => return Redirect::to("/sign-in").into_response(),
            None => return refuse_page(&portal, &reader, Some(&visitor), &Refusal::SignIn),
            Some(person) if person.owes_second_step && who != Who::Own => {
                return match is_form {
                    false => Redirect::to("/account").into_response(),
                    true => refuse_page(&portal, &reader, Some(&visitor), &Refusal::SecondStep),
                };
            }
            Some(person) if !person.roles.meets(roles) => {
                return refuse_page(&portal, &reader, Some(&visitor), &Refusal::NotYours(roles));
            }
            Some(_) => {}
        }
    }
    let own_origin = !is_form || is_own_origin(headers, portal.tls());
    let checked = if !own_origin {
        Err(Refusal::Forged)
    } else if is_form && !has_its_token_inside(who, headers) {
        with_form_token(request, &visitor.form_token).await
    } else {
        Ok(request)
    };
    let mut response = match checked {
        Ok(mut request) => {
            request.extensions_mut().insert(visitor.clone());
            let mut response = next.run(request).await;
            match response.extensions_mut().remove::<Refusal>() {
                Some(refusal) => refuse_page(&portal, &reader, Some(&visitor), &refusal),
                None => response,
            }
        }
        Err(refusal) => refuse_page(&portal, &reader, Some(&visitor), &refusal),
    };
    if let Some(cookie) = fresh.and_then(|secret| jar.keep_form(&secret)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn answer_program(
    portal: &Shared,
    caller: Caller,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(caller);
    dressed(portal, next.run(request).await)
}

/// An answer to a program; a refusal becomes a problem document.
fn dressed(portal: &Shared, mut response: Response) -> Response {
    match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => problem::respond(portal, &refusal),
        None => response,
    }
}

/// What a page may load: our own files, and pictures of the ground from where the map gets them.
fn policy(portal: &Shared) -> HeaderValue {
    let tiles = portal.tiles.as_ref().map(Tiles::origin);
    let policy = tiles.map(|origin| format!("{CONTENT_SECURITY_POLICY} {origin}"));
    policy
        .and_then(|policy| HeaderValue::try_from(policy).ok())
        .unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

/// A program is known by its token alone: cookies mean nothing here, so nothing can be forged.
async fn caller(
    portal: &Shared,
    (roles, scope): (Roles, Scope),
    headers: &HeaderMap,
    origin: String,
) -> Result<Caller, Refusal> {
    let now = (portal.clock)();
    let secret = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| Secret::presented(token.trim()))
        .ok_or(Refusal::SignIn)?;
    let token = portal
        .people
        .token(secret.hash(), now)
        .await?
        .ok_or(Refusal::SignIn)?;
    if let Err(wait) = portal.calls(|calls| calls.take(token.id, now)) {
        return Err(Refusal::Wait(wait.seconds));
    }
    if !token.roles.meets(roles) {
        return Err(Refusal::NotYours(roles));
    }
    if !token.scopes.has(scope) {
        return Err(Refusal::OutOfScope(scope));
    }
    Ok(Caller {
        token: token.id,
        actor: Actor {
            name: format!("token {} ({})", token.id.0, token.label),
            person: token.made_by,
            origin,
            now,
        },
        seed: secret.seed(),
    })
}

/// Who is there, and the secret behind their forms where the browser had none yet.
async fn visitor(
    portal: &Shared,
    jar: Jar,
    headers: &HeaderMap,
    origin: String,
    reader: &Reader,
) -> Result<(Visitor, Option<Secret>), Refusal> {
    let (now, reader) = ((portal.clock)(), reader.clone());
    if let Some(secret) = jar.session(headers)
        && let Some(session) = portal.people.session(secret.hash(), now).await?
    {
        let visitor = Visitor {
            person: Some(session.person),
            session: Some(secret.hash()),
            form_token: secret.form_token(),
            origin,
            now,
            reader,
        };
        return Ok((visitor, None));
    }
    let kept = jar.form(headers);
    let (secret, fresh) = match kept {
        Some(secret) => (secret, false),
        None => (Secret::draw(&*portal.random), true),
    };
    let visitor = Visitor {
        person: None,
        session: None,
        form_token: secret.form_token(),
        origin,
        now,
        reader,
    };
    Ok((visitor, fresh.then_some(secret)))
}

/// In which language somebody reads: as they chose, else as their browser asks.
fn reader(jar: Jar, request: &Request) -> Reader {
    let headers = request.headers();
    let chosen = jar.language(headers);
    let path = request.uri().path_and_query();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    Reader {
        host: host.map(str::to_owned),
        language: chosen.unwrap_or_else(|| accepted(headers)),
        path: path
            .filter(|_| request.method() == Method::GET)
            .map(ToString::to_string),
    }
}

fn address(portal: &Shared, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|info| info.0.ip());
    portal.proxies.origin(peer, request.headers())
}

fn named(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// Browsers name the origin of every POST; it must be this host.
fn is_own_origin(headers: &HeaderMap, tls: bool) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let scheme = if tls { "https://" } else { "http://" };
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin
            .strip_prefix(scheme)
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host)),
        _ => false,
    }
}

/// A form with a file is held against its token by [`super::Upload`], while it comes in.
fn has_its_token_inside(who: Who, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    matches!(who, Who::Uploads(_)) && kind.starts_with("multipart/form-data")
}

#[derive(Deserialize)]
struct Token {
    form_token: String,
}

/// Reads the form once for its token and hands the same bytes on.
async fn with_form_token(request: Request, expected: &str) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_MAX)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let copy = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    let Form(token) = Form::<Token>::from_request(copy, &())
        .await
        .map_err(|_| Refusal::Forged)?;
    if !secret::same(&token.form_token, expected) {
        return Err(Refusal::Forged);
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Headers behind every answer.
pub async fn headers(State(portal): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = policy(&portal);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let mut set = |name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Not "no-referrer": that would also take the origin off our own forms.
    set(header::REFERRER_POLICY, "same-origin");
    if portal.tls() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        set(
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_its_own_origin() {
        let check = |origin: Option<&str>, tls| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("portal:8080"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            is_own_origin(&headers, tls)
        };
        assert!(check(Some("http://portal:8080"), false));
        assert!(check(Some("https://Portal:8080"), true));
        for origin in [
            None,
            Some("null"),
            Some("http://portal:8081"),
            Some("http://portal:8080.evil"),
            Some("http://evil"),
            Some("https://portal:8080"),
            Some(""),
        ] {
            assert!(!check(origin, false), "{origin:?}");
        }
    }
}
