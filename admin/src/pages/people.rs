//! Who may do what: accounts, invitations, tokens for programs.

use super::frame::{Frame, page};
use crate::deeds::people as deeds;
use crate::door::secret::Secret;
use crate::door::{Fields, Sent, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::people::{NewToken, Person, PersonId, Refused, Role, Roles, Scope, Scopes, Token};
use protocol::Timestamp;
use serde::Deserialize;

const DAY_S: u32 = 86_400;
/// How long an invitation is good.
const INVITATION_LIFE_S: u32 = 3 * DAY_S;
/// Longest label of a token.
const LABEL_CHARS_MAX: usize = 64;

/// Shown once, on the page that answers the form.
struct Fresh {
    what: Say,
    secret: String,
    until: Timestamp,
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    persons: Vec<Person>,
    tokens: Vec<Token>,
    rule: Roles,
    /// Whether the provider says who may do what.
    by_claim: bool,
    fresh: Option<Fresh>,
    done: Option<Say>,
    now: Timestamp,
}

async fn answer(
    portal: &Portal,
    visitor: &Visitor,
    fresh: Option<Fresh>,
    done: Option<Say>,
) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &People {
            frame: Frame::new(portal, Some(visitor), "/people"),
            persons: portal.people.persons().await?,
            tokens: portal.people.tokens().await?,
            rule: portal.people.second_step_rule().await?,
            by_claim: portal
                .sso
                .as_ref()
                .is_some_and(|sso| sso.settings.roles_claim.is_some()),
            fresh,
            done,
            now: visitor.now,
        },
    )
}

fn ticked(fields: &Fields) -> Roles {
    Role::ALL
        .into_iter()
        .filter(|role| fields.is_ticked(role.word()))
        .fold(Roles::NONE, |set, role| set.with(Roles::of(&[role])))
}

fn roles(fields: &Fields) -> Result<Roles, Refusal> {
    let roles = ticked(fields);
    match roles.is_empty() {
        true => Err(Refusal::Unfit(say("Choose at least one role."))),
        false => Ok(roles),
    }
}

type Pairs = Sent<Vec<(String, String)>>;

#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(query): Query<Done>,
) -> Result<Response, Refusal> {
    let done = match query.done.as_deref() {
        Some("changed") => Some(say("The account was changed and signed out.")),
        Some("rule") => Some(say(
            "Whose roles take a second step was changed. Who has none sets it up before anything else.",
        )),
        Some("reset") => Some(say(
            "The second step was taken away, and the person signed out everywhere.",
        )),
        Some("revoked") => Some(say("The token was taken back.")),
        _ => None,
    };
    answer(&portal, &visitor, None, done).await
}

/// Makes a link that makes one account.
pub async fn invite(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Pairs,
) -> Result<Response, Refusal> {
    let roles = roles(&Fields(sent))?;
    let secret = Secret::draw(&*portal.random);
    let about = format!("roles: {roles}");
    let until = portal
        .people
        .add_link(
            secret.hash(),
            roles,
            INVITATION_LIFE_S,
            &visitor.act("link made", &about),
            visitor.now,
        )
        .await?;
    let fresh = Fresh {
        what: say("Give this address to the person it is for. It works once."),
        secret: format!("/welcome/{}", secret.reveal()),
        until,
    };
    answer(&portal, &visitor, Some(fresh), None).await
}

/// Changes an account and ends its sessions.
pub async fn change(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Pairs,
) -> Result<Response, Refusal> {
    let form = Fields(sent);
    let (roles, active) = (roles(&form)?, form.is_ticked("active"));
    let person: i64 = form.number("person")?;
    let about = format!("person {person}, roles: {roles}, may sign in: {active}");
    let act = visitor.act("account changed", &about);
    let changed = portal
        .people
        .set_person(PersonId(person), roles, active, &act, visitor.now)
        .await;
    match changed {
        Ok(()) => Ok(Redirect::to("/people?done=changed").into_response()),
        Err(Refused::LastOwner) => Err(Refusal::Unfit(say(
            "Nobody would be left who can sign in as owner; make another owner first.",
        ))),
        Err(Refused::Store(error)) => Err(error.into()),
        Err(_) => Err(Refusal::NotFound(say("There is no such person."))),
    }
}

/// Says whose roles take a second step.
pub async fn require(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Pairs,
) -> Result<Response, Refusal> {
    let rule = ticked(&Fields(sent));
    let about = format!("roles: {rule}");
    let act = visitor.act("second step required", &about);
    portal
        .people
        .require_second_step(rule, &act, visitor.now)
        .await?;
    Ok(Redirect::to("/people?done=rule").into_response())
}

/// Takes the second step of somebody else away, who has lost it. Their own, people change by their
/// password.
pub async fn reset(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Pairs,
) -> Result<Response, Refusal> {
    let person = PersonId(Fields(sent).number("person")?);
    if visitor.person.as_ref().is_some_and(|own| own.id == person) {
        let sentence = say("This is your own second step: change it under Your account.");
        return Err(Refusal::Unfit(sentence));
    }
    let about = format!("person {}", person.0);
    let act = visitor.act("second step reset", &about);
    let people = &portal.people;
    match people
        .remove_second_step(person, None, &act, visitor.now)
        .await?
    {
        true => Ok(Redirect::to("/people?done=reset").into_response()),
        false => Err(Refusal::NotFound(say("This person has no second step."))),
    }
}

/// Makes a token for a program.
pub async fn token(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Pairs,
) -> Result<Response, Refusal> {
    let form = Fields(sent);
    let (roles, days) = (roles(&form)?, form.number::<u32>("days")?);
    let ticked = Scope::all().filter(|scope| form.is_ticked(&scope.to_string()));
    let scopes = match Scopes::of(ticked) {
        none if none.is_empty() => Scopes::EVERY,
        some => some,
    };
    let label = form.text("label");
    if label.is_empty() || label.chars().count() > LABEL_CHARS_MAX {
        let sentence = say("Say in up to 64 characters what the token is for.");
        return Err(Refusal::Unfit(sentence));
    }
    if !(1..=366).contains(&days) {
        return Err(Refusal::Unfit(say("A token lives 1 to 366 days.")));
    }
    let secret = Secret::draw(&*portal.random);
    let about = format!("{label}, roles: {roles}, for {scopes}, {days} days");
    let new = NewToken {
        hash: secret.hash(),
        label,
        roles,
        scopes,
        life_s: days * DAY_S,
    };
    let act = visitor.act("token made", &about);
    portal.people.add_token(new, &act, visitor.now).await?;
    let fresh = Fresh {
        what: say("Put this token where the program finds it. It is not shown again."),
        secret: secret.reveal().to_owned(),
        until: visitor.now.plus_s(days * DAY_S),
    };
    answer(&portal, &visitor, Some(fresh), None).await
}

#[derive(Deserialize)]
pub struct Revocation {
    token: i64,
}

/// Takes a token back.
pub async fn revoke(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Revocation>,
) -> Result<Response, Refusal> {
    deeds::revoke_token(&portal, &visitor.actor(), form.token).await?;
    Ok(Redirect::to("/people?done=revoked").into_response())
}
