//! One-time enrolment secrets.

use super::operation::{Call, Nothing, Shown, Told};
use super::words::KindWord;
use crate::enrolment::{LIFE_MAX_S, Wanted, make};
use crate::language::Say;
use crate::pages::parts::ISSUED_KINDS;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Secrets made by one call.
const SECRETS_MAX: u32 = 1_000;

/// Secrets that are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretsWish {
    /// How many.
    #[schema(minimum = 1, maximum = 1000)]
    count: u32,
    /// What the codes name that are got with them: device, module, person or service.
    kind: KindWord,
    /// How long they are good, at most 90 days.
    #[schema(minimum = 1, maximum = 7776000)]
    life_s: u32,
}

/// Secrets that were made.
#[derive(Serialize, ToSchema)]
pub struct MadeSecrets {
    /// To be handed on; nobody can show them again.
    secrets: Vec<String>,
    /// Good until then.
    expires: u32,
}

/// Makes them.
pub async fn make_secrets(
    call: Call,
    _: Nothing,
    Told(wish): Told<SecretsWish>,
) -> Result<Shown<MadeSecrets>, Refusal> {
    let unfit = |sentence: &str| Refusal::Unfit(Say::plain(sentence));
    if !ISSUED_KINDS.contains(&wish.kind.0) {
        return Err(unfit("kind: device, module, person or service"));
    }
    if !(1..=SECRETS_MAX).contains(&wish.count) {
        return Err(unfit("count: 1 to 1000"));
    }
    if !(1..=LIFE_MAX_S).contains(&wish.life_s) {
        return Err(unfit("life_s: 1 to 7776000 seconds, 90 days"));
    }
    let wanted = Wanted {
        count: wish.count,
        kind: wish.kind.0,
        life_s: wish.life_s,
    };
    let made = make(&call.portal, &wanted, &call.actor, &*call.draw).await?;
    Ok(Shown(MadeSecrets {
        secrets: made.secrets,
        expires: made.expires.0,
    }))
}
