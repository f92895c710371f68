//! People, tokens and the audit trail. Accounts, invitations and tokens are made on pages only: a
//! token that could make another would outlive being taken back.

use super::export::Export;
use super::list::List;
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{IdText, Limit};
use crate::deeds::people as deeds;
use crate::language::Say;
use crate::refusal::Refusal;
use crate::trail;
use ledger::people::{AuditCheck, AuditRow, Person, Scope, Token};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Somebody who has an account.
#[derive(Serialize, ToSchema)]
pub struct PersonShown {
    id: i64,
    name: String,
    roles: Vec<&'static str>,
    /// Whether they may sign in.
    active: bool,
    /// Whether a code of an app is asked for after their password.
    second_step: bool,
    /// The issuer by whose word they sign in; null where they have a password here.
    provider: Option<String>,
    created: u32,
}

impl From<Person> for PersonShown {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.0,
            name: person.name,
            roles: person.roles.iter().map(|role| role.word()).collect(),
            active: person.active,
            second_step: person.second_step,
            provider: person.provider,
            created: person.created.0,
        }
    }
}

/// Everybody who has an account.
pub async fn persons(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<PersonShown>>, Refusal> {
    let rows = call.portal.people.persons().await?;
    let rows = rows.into_iter().map(PersonShown::from).collect();
    Ok(Shown(List::whole(rows)))
}

/// A token of a program; nobody can show its text again.
#[derive(Serialize, ToSchema)]
pub struct TokenShown {
    id: i64,
    label: String,
    roles: Vec<&'static str>,
    scopes: Vec<String>,
    by: String,
    created: u32,
    expires: u32,
    /// When it was taken back.
    revoked: Option<u32>,
}

impl From<Token> for TokenShown {
    fn from(token: Token) -> Self {
        let scopes = Scope::all().filter(|scope| token.scopes.has(*scope));
        Self {
            id: token.id.0,
            roles: token.roles.iter().map(|role| role.word()).collect(),
            scopes: scopes.map(|scope| scope.to_string()).collect(),
            label: token.label,
            by: token.made_by,
            created: token.created.0,
            expires: token.expires.0,
            revoked: token.revoked.map(|at| at.0),
        }
    }
}

/// Tokens, the newest first, 1000 at most.
pub async fn tokens(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<TokenShown>>, Refusal> {
    let rows = call.portal.people.tokens().await?;
    let rows = rows.into_iter().map(TokenShown::from).collect();
    Ok(Shown(List::whole(rows)))
}

/// Which token.
#[derive(Deserialize, IntoParams)]
pub struct OfToken {
    /// Its number.
    token: i64,
}

/// Why a token is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {}

/// A token that was taken back.
#[derive(Serialize, ToSchema)]
pub struct RevokedToken {
    token: i64,
}

/// Takes a token back, its own too.
pub async fn revoke(
    call: Call,
    of: OfToken,
    Told(Revocation {}): Told<Revocation>,
) -> Result<Shown<RevokedToken>, Refusal> {
    deeds::revoke_token(&call.portal, &call.actor, of.token).await?;
    Ok(Shown(RevokedToken { token: of.token }))
}

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditAsked {
    /// What `next` said in the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// Something somebody did or tried.
#[derive(Serialize, ToSchema)]
pub struct AuditShown {
    number: i64,
    time: u32,
    who: String,
    what: String,
    about: String,
    origin: String,
    /// SHA-256 over the chain value before and this row.
    chain: IdText,
}

impl From<AuditRow> for AuditShown {
    fn from(row: AuditRow) -> Self {
        Self {
            number: row.number,
            time: row.time.0,
            who: row.who,
            what: row.what,
            about: row.about,
            origin: row.origin,
            chain: IdText(row.chain),
        }
    }
}

/// The audit trail, the newest first.
pub async fn audit(
    call: Call,
    _: Nothing,
    asked: AuditAsked,
) -> Result<Shown<List<AuditShown>>, Refusal> {
    let unfit = |_| Refusal::Unfit(Say::plain("cursor: what `next` said"));
    let before = asked.cursor.map(|text| text.parse::<i64>().map_err(unfit));
    let most = asked.limit.unwrap_or_default().0;
    let rows = call.portal.people.audit(before.transpose()?, most).await?;
    let last = rows.last().map(|row| row.number);
    let next = last.filter(|number| *number > 1 && rows.len() == most as usize);
    Ok(Shown(List {
        items: rows.into_iter().map(AuditShown::from).collect(),
        next: next.map(|number| number.to_string()),
    }))
}

/// The whole trail, a line each.
pub async fn trail(call: Call, _: Nothing, _: Nothing) -> Result<Export<AuditShown>, Refusal> {
    Ok(Export::from(trail::file(&call.portal)))
}

/// What came of walking the whole trail.
#[derive(Serialize, ToSchema)]
pub struct AuditChecked {
    /// Whether every row stands as it was written.
    whole: bool,
    /// How many rows; the first that does not stand where it is not whole.
    rows: i64,
    /// The newest chain value; keep it elsewhere, now and then.
    tip: Option<IdText>,
}

/// Walks the whole audit trail.
pub async fn check(call: Call, _: Nothing, _: Nothing) -> Result<Shown<AuditChecked>, Refusal> {
    let checked = call.portal.people.check_audit().await?;
    Ok(Shown(match checked {
        AuditCheck::Whole { rows, tip } => AuditChecked {
            whole: true,
            rows,
            tip: Some(IdText(tip)),
        },
        AuditCheck::Broken { number } => AuditChecked {
            whole: false,
            rows: number,
            tip: None,
        },
    }))
}
