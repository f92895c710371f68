//! Other names of a code: the resolver's answers to them, and who sets them.

use super::parts::read_code;
use crate::alias::{did_document, gs1};
use crate::door::{Actor, Sent, Visitor};
use crate::language::say;
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, Status, Timestamp};
use serde::Deserialize;

const NONE: Refusal = Refusal::NotFound(say("No code here has that name."));

/// What a GS1 Digital Link names is found under its code.
pub async fn digital_link(
    State(portal): State<Shared>,
    Path((gtin, serial)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let name = gs1(&gtin, &serial).map_err(|error| Refusal::Unfit(error.sentence()))?;
    let code = portal.ledger.code_of_alias(&name).await?.ok_or(NONE)?;
    // For now: a name may come to stand for another code.
    Ok(Redirect::temporary(&format!("/1/{code}")).into_response())
}

/// The document of `did:web:<resolver>:1:<CODE>`; none of a code whose life is over.
pub async fn did(portal: &Portal, text: &str) -> Result<Response, Refusal> {
    const OVER: Refusal = Refusal::NotFound(say("That code has no key that counts."));
    let code = read_code(text)?;
    let thing = portal.ledger.thing(&code).await?.ok_or(OVER)?;
    if thing.state.is_over() {
        return Err(OVER);
    }
    let pass = open::<Pass>(&thing.pass, &portal.network).map_err(|_| OVER)?;
    let names = portal.ledger.aliases_of(&code).await?;
    let document = did_document(&portal.resolver, &code, &pass.peek().key.0, &names);
    let kind = [(header::CONTENT_TYPE, "application/did+json")];
    Ok((kind, document.to_string()).into_response())
}

#[derive(Deserialize)]
pub struct AliasForm {
    gtin: String,
    serial: String,
    #[serde(default)]
    away: String,
}

/// Gives a thing a GS1 name, or takes it away.
pub async fn set(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<AliasForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let (gtin, serial, has) = (&form.gtin, &form.serial, form.away.is_empty());
    give(&portal, &visitor.actor(), &code, (gtin, serial), has).await?;
    Ok(Redirect::to(&format!("/codes/{code}?done=alias")).into_response())
}

/// Gives a thing a GS1 name, or takes it away; the name. The same again changes nothing.
pub async fn give(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    (gtin, serial): (&str, &str),
    has: bool,
) -> Result<String, Refusal> {
    let name = read(gtin, serial)?;
    let done = change(portal, &name, code, has, (&actor.name, actor.now)).await;
    let about = about(&name, code, has, done.is_ok());
    let act = actor.act("other name", &about);
    portal.people.record(&act, actor.now).await?;
    done.map(|()| name)
}

fn read(gtin: &str, serial: &str) -> Result<String, Refusal> {
    gs1(gtin.trim(), serial.trim()).map_err(|error| Refusal::Unfit(error.sentence()))
}

fn about(name: &str, code: &Code, has: bool, done: bool) -> String {
    let what = if has { "to" } else { "away from" };
    let outcome = if done { "done" } else { "refused" };
    format!("{name} {what} {code} ({outcome})")
}

async fn change(
    portal: &Portal,
    name: &str,
    code: &Code,
    has: bool,
    (by, now): (&str, Timestamp),
) -> Result<(), Refusal> {
    let changed = portal.ledger.set_alias(name, code, has, by, now).await;
    changed.map_err(|status| match status {
        Status::NotPermitted => {
            Refusal::Unfit(say("Another code has that name; take it away there first."))
        }
        Status::UnknownCode => Refusal::NotFound(say("No such code is registered here.")),
        Status::Full => Refusal::Unfit(say("A code has sixteen other names at most.")),
        status => status.into(),
    })
}
