//! Steps in the life of a code.

use super::operation::{Call, Shown, Told};
use super::words::{ActWord, CodeText};
use crate::deeds::codes as deeds;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which code.
#[derive(Deserialize, IntoParams)]
pub struct OfCode {
    /// The code.
    pub code: CodeText,
}

/// A step that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateWish {
    /// activated, suspended, resumed, revoked or retired.
    act: ActWord,
    /// Up to 100 characters; it stays in the history.
    #[schema(min_length = 1, max_length = 100)]
    reason: String,
}

/// A step that was taken.
#[derive(Serialize, ToSchema)]
pub struct StepTaken {
    pub code: CodeText,
    pub act: ActWord,
}

/// Activates, suspends, resumes, revokes or retires. The same again changes nothing.
pub async fn live(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<StateWish>,
) -> Result<Shown<StepTaken>, Refusal> {
    let act = wish.act;
    deeds::live(&call.portal, &call.actor, &code.0, act.0, &wish.reason).await?;
    Ok(Shown(StepTaken { code, act }))
}
