//! Currencies and purses.

use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::states::OfCode;
use super::words::CodeText;
use crate::deeds::money as deeds;
use crate::language::{Say, say};
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use crate::show::EXPONENT_MAX;
use ledger::CurrencyRow;
use ledger::views::{PurseRow, PurseView};
use protocol::{Currency, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A currency.
#[derive(Serialize, ToSchema)]
pub struct CurrencyShown {
    /// With the number of its issuer.
    currency: String,
    /// Decimals of its unit.
    exponent: u8,
    name: String,
}

impl From<CurrencyRow> for CurrencyShown {
    fn from(row: CurrencyRow) -> Self {
        Self {
            currency: currency_value(&row.currency),
            exponent: row.exponent,
            name: row.name,
        }
    }
}

/// All currencies.
pub async fn currencies(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<CurrencyShown>>, Refusal> {
    let rows = call.portal.ledger.currencies().await?;
    let rows = rows.into_iter().map(CurrencyShown::from).collect();
    Ok(Shown(List::whole(rows)))
}

/// A currency of this issuer's that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencyWish {
    /// Three capital letters or digits.
    #[schema(pattern = "^[A-Z0-9]{3}$")]
    letters: String,
    /// Decimals of its unit.
    #[schema(minimum = 0, maximum = 18)]
    exponent: u8,
    #[schema(min_length = 1, max_length = 128)]
    name: String,
}

/// Declares a currency; it never changes afterwards.
pub async fn declare(
    call: Call,
    _: Nothing,
    Told(wish): Told<CurrencyWish>,
) -> Result<Shown<CurrencyShown>, Refusal> {
    let unfit = |sentence: &str| Refusal::Unfit(Say::plain(sentence));
    let letters = wish.letters.as_bytes().try_into().ok();
    let own = call.portal.station.issuer;
    let currency = letters.and_then(|letters| Currency::new(own, letters));
    let currency = currency.ok_or_else(|| unfit("letters: three capital letters or digits"))?;
    if wish.exponent > EXPONENT_MAX {
        return Err(unfit("exponent: 0 to 18"));
    }
    let name = wish.name.trim();
    let (exponent, by) = (wish.exponent, &call.actor);
    match deeds::declare(&call.portal, by, currency, exponent, name).await? {
        Ok(()) => Ok(Shown(CurrencyShown {
            currency: currency_value(&currency),
            exponent,
            name: name.to_owned(),
        })),
        Err(Status::NotPermitted) => Err(unfit(
            "It is declared already, with other decimals or another name; that never changes.",
        )),
        Err(status) => Err(status.into()),
    }
}

/// What one code holds in one currency.
#[derive(Serialize, ToSchema)]
pub struct PurseShown {
    code: CodeText,
    name: String,
    currency: String,
    /// Can be withdrawn or put behind an allowance.
    free_minor: u64,
    /// Stands behind allowances.
    reserved_minor: u64,
}

impl From<PurseRow> for PurseShown {
    fn from(row: PurseRow) -> Self {
        Self {
            code: CodeText(row.code),
            name: row.name,
            currency: currency_value(&row.currency),
            free_minor: row.free.get(),
            reserved_minor: row.reserved.get(),
        }
    }
}

/// Purses that hold something, the newest codes first.
pub async fn purses(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<PurseShown>>, Refusal> {
    let of = Of("purses", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.purses(&page).await?;
    Ok(Shown(of.shown(listing, PurseShown::from)))
}

/// A purse with what its newest allowance leaves open.
#[derive(Serialize, ToSchema)]
pub struct PurseDetail {
    #[serde(flatten)]
    purse: PurseShown,
    key_epoch: u32,
    /// Everything it has paid in this life of its key, as far as it was handed in.
    odometer_minor: u64,
    /// How far it may run.
    limit_minor: u64,
    /// What it could still spend, if it has not already.
    exposed_minor: u64,
    /// Payees that may be cut off from each other where its allowance is good.
    payees: u64,
    /// What could be lost by it; null beyond all amounts.
    exposure_minor: Option<u64>,
    /// Until when; 0 while it has no allowance.
    expires: u32,
    /// Money on its way to it.
    incoming_minor: u64,
}

impl From<PurseView> for PurseDetail {
    fn from(view: PurseView) -> Self {
        Self {
            key_epoch: view.key_epoch.0,
            odometer_minor: view.odometer.get(),
            limit_minor: view.limit.get(),
            exposed_minor: view.exposed.get(),
            payees: view.payees,
            exposure_minor: view.exposure.map(|exposure| exposure.get()),
            expires: view.expires.0,
            incoming_minor: view.incoming.get(),
            purse: view.row.into(),
        }
    }
}

/// What one code holds, a row a currency.
pub async fn purse(
    call: Call,
    of: OfCode,
    _: Nothing,
) -> Result<Shown<List<PurseDetail>>, Refusal> {
    if call.portal.ledger.thing(&of.code.0).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    let views = call.portal.ledger.purse(&of.code.0).await?;
    let views = views.into_iter().map(PurseDetail::from).collect();
    Ok(Shown(List::whole(views)))
}
