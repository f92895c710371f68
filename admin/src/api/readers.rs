//! Who may read what things say.

use super::list::List;
use super::loads::read_currency;
use super::operation::{Call, Nothing, Shown, Told};
use super::states::OfCode;
use super::words::{CodeText, Minor};
use crate::deeds::readers::{self as deeds, ReaderWish};
use crate::language::say;
use crate::pages::money::currency_value;
use crate::pages::readers::read_grant;
use crate::refusal::Refusal;
use ledger::grants::{GrantRow, Price};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// That one code may read something of another one's branch.
#[derive(Serialize, ToSchema)]
pub struct GrantShown {
    /// Its identifier: 24 hexadecimal digits. References of payments for it begin with them.
    grant: String,
    /// Whose branch it is.
    giver: CodeText,
    reader: CodeText,
    /// What of the branch, such as t/#.
    branch: String,
    /// Of a price, with the number of its issuer; null: free.
    currency: Option<String>,
    /// For each read, in the smallest unit.
    price_minor: Option<u64>,
    /// Reads that the money that came pays for; null where they are free.
    reads_paid: Option<u64>,
    /// Of these.
    reads_taken: u64,
    by: String,
    time: u32,
    /// Since when it counts no more.
    ended: Option<u32>,
}

impl GrantShown {
    fn new(row: GrantRow, reads_paid: Option<u64>) -> Self {
        let GrantRow {
            grant,
            ended,
            taken,
        } = row;
        Self {
            grant: grant.id.to_string(),
            giver: CodeText(grant.giver),
            reader: CodeText(grant.reader),
            branch: grant.branch,
            currency: grant.price.map(|price| currency_value(&price.currency)),
            price_minor: grant.price.map(|price| price.each.get()),
            reads_paid,
            reads_taken: taken,
            by: grant.by,
            time: grant.made.0,
            ended: ended.map(|at| at.0),
        }
    }
}

/// The newest grants that a code has given or got.
pub async fn list(
    call: Call,
    OfCode { code }: OfCode,
    _: Nothing,
) -> Result<Shown<List<GrantShown>>, Refusal> {
    let ledger = &call.portal.ledger;
    if ledger.thing(&code.0).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    let mut items = Vec::new();
    for row in call.portal.grants.about(&code.0).await? {
        let paid = ledger.reads_paid(&row.grant).await?;
        items.push(GrantShown::new(row, paid));
    }
    Ok(Shown(List::whole(items)))
}

/// Who shall read what, and for how much.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantWish {
    reader: CodeText,
    /// t/… for telemetry or e/… for events, with + for a level and # for the rest; s; twin/reported.
    #[schema(min_length = 1, max_length = 64)]
    branch: String,
    /// Of a price, such as USD or 1.USD; free without one.
    currency: Option<String>,
    /// For each read, in the smallest unit.
    price_minor: Option<Minor>,
}

/// A grant that counts.
#[derive(Serialize, ToSchema)]
pub struct GrantMade {
    /// Its identifier: 24 hexadecimal digits. References of payments for it begin with them.
    grant: String,
}

/// Lets a code read what another one says.
pub async fn allow(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<GrantWish>,
) -> Result<Shown<GrantMade>, Refusal> {
    let price = match (&wish.currency, wish.price_minor) {
        (None, None) => None,
        (Some(currency), Some(each)) => Some(Price {
            currency: read_currency(currency, call.portal.station.issuer)?,
            each: each.0,
        }),
        _ => {
            return Err(Refusal::Unfit(say(
                "A price is a currency and an amount, or neither.",
            )));
        }
    };
    let wanted = ReaderWish {
        giver: code.0,
        reader: wish.reader.0,
        branch: wish.branch,
        price,
    };
    let grant = deeds::allow(&call.portal, &call.actor, wanted, &*call.draw).await?;
    Ok(Shown(GrantMade {
        grant: grant.to_string(),
    }))
}

/// Which grant of which thing.
#[derive(Deserialize, IntoParams)]
pub struct OfGrant {
    code: CodeText,
    /// Its identifier: 24 hexadecimal digits.
    #[param(pattern = "^[0-9a-f]{24}$")]
    grant: String,
}

/// Nothing is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoMore {}

/// Ends a grant.
pub async fn end(
    call: Call,
    of: OfGrant,
    Told(NoMore {}): Told<NoMore>,
) -> Result<Shown<GrantMade>, Refusal> {
    let id = read_grant(&of.grant)?;
    deeds::end(&call.portal, &call.actor, of.code.0, &id).await?;
    let grant = id.to_string();
    Ok(Shown(GrantMade { grant }))
}
