//! Other names of codes.

use super::operation::{Call, Nothing, Shown, Told};
use super::words::CodeText;
use crate::pages::aliases::give;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A GS1 name for a thing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasWish {
    code: CodeText,
    gtin: String,
    serial: String,
    /// Takes the name away instead.
    #[serde(default)]
    away: bool,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub struct AliasDone {
    code: CodeText,
    name: String,
    /// Whether the thing has that name now.
    has: bool,
}

/// Gives a thing a GS1 name, or takes it away.
pub async fn set(
    call: Call,
    _: Nothing,
    Told(wish): Told<AliasWish>,
) -> Result<Shown<AliasDone>, Refusal> {
    let (code, has) = (wish.code, !wish.away);
    let named = (wish.gtin.as_str(), wish.serial.as_str());
    let name = give(&call.portal, &call.actor, &code.0, named, has).await?;
    Ok(Shown(AliasDone { code, name, has }))
}
