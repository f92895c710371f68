//! Devices that ask for a code and are not known.

use super::list::List;
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, IdText, KindWord};
use crate::deeds::pending::{self as deeds, Terms};
use crate::language::Say;
use crate::pages::parts::ISSUED_KINDS;
use crate::refusal::Refusal;
use ledger::diary::AskerRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A device that waits.
#[derive(Serialize, ToSchema)]
pub struct DeviceWaiting {
    /// SHA-256 of its request.
    id: IdText,
    /// SHA-256 of its transport key.
    fingerprint: IdText,
    /// What it calls itself; not proved.
    product: String,
    /// Where it asked from.
    address: String,
    first: u32,
    last: u32,
}

impl From<AskerRow> for DeviceWaiting {
    fn from(row: AskerRow) -> Self {
        Self {
            id: IdText(row.asker.id),
            fingerprint: IdText(row.asker.fingerprint),
            product: row.asker.product,
            address: row.asker.address,
            first: row.first.0,
            last: row.last.0,
        }
    }
}

/// Who waits, those first who waited longest.
pub async fn list(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<DeviceWaiting>>, Refusal> {
    let rows = call.portal.diary.askers().await?;
    let items = rows.into_iter().map(DeviceWaiting::from).collect();
    Ok(Shown(List::whole(items)))
}

/// Which device.
#[derive(Deserialize, IntoParams)]
pub struct OfDevice {
    /// SHA-256 of its request.
    device: IdText,
}

/// What an accepted device is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptWish {
    /// A device, module, person or service.
    kind: KindWord,
    name: String,
    #[serde(default)]
    product: String,
}

/// A device that was accepted.
#[derive(Serialize, ToSchema)]
pub struct DeviceAccepted {
    device: IdText,
    /// What it gets when it asks again.
    code: CodeText,
}

/// Accepts a device.
pub async fn accept(
    call: Call,
    OfDevice { device }: OfDevice,
    Told(wish): Told<AcceptWish>,
) -> Result<Shown<DeviceAccepted>, Refusal> {
    if !ISSUED_KINDS.contains(&wish.kind.0) {
        let sentence = "kind: device, module, person or service";
        return Err(Refusal::Unfit(Say::plain(sentence)));
    }
    let terms = Terms::read(wish.kind.0, &wish.name, &wish.product)?;
    let name = terms.name.clone();
    let (portal, actor) = (&call.portal, &call.actor);
    let code = deeds::accept(portal, actor, &device.0, &terms, name).await?;
    let code = CodeText(code);
    Ok(Shown(DeviceAccepted { device, code }))
}

/// Why a device gets no code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectWish {
    /// Up to 100 characters; the device is told.
    #[schema(min_length = 1, max_length = 100)]
    reason: String,
}

/// A device that was rejected.
#[derive(Serialize, ToSchema)]
pub struct DeviceRejected {
    device: IdText,
}

/// Rejects a device.
pub async fn reject(
    call: Call,
    OfDevice { device }: OfDevice,
    Told(wish): Told<RejectWish>,
) -> Result<Shown<DeviceRejected>, Refusal> {
    deeds::reject(&call.portal, &call.actor, &device.0, &wish.reason).await?;
    Ok(Shown(DeviceRejected { device }))
}
