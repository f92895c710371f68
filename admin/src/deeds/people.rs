//! Tokens of programs.

use crate::door::Actor;
use crate::language::say;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::people::TokenId;

/// Takes a token back.
pub async fn revoke_token(portal: &Portal, actor: &Actor, token: i64) -> Result<(), Refusal> {
    let about = format!("token {token}");
    let act = actor.act("token taken back", &about);
    let done = portal.people.revoke_token(TokenId(token), &act, actor.now);
    match done.await? {
        true => Ok(()),
        false => Err(Refusal::NotFound(say(
            "There is no such token, or it was taken back before.",
        ))),
    }
}
