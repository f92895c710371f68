//! Money into purses and out of them, currencies, what stands behind forks, and claims. The books
//! answer the same key with the same order alike.

use crate::door::Actor;
use crate::pages::money::currency_value;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::{ClaimOrder, Decided, FundOrder, LoadOrder, Loaded, Way};
use protocol::{Currency, Status};

/// Puts money into a purse, or takes free money out of it.
pub async fn carry_out(
    portal: &Portal,
    actor: &Actor,
    order: LoadOrder,
    way: Way,
) -> Result<Result<Loaded, Status>, Refusal> {
    let about = format!(
        "{} of {}, {}, key {}",
        order.amount,
        currency_value(&order.currency),
        order.code,
        order.key
    );
    let (what, carried) = match way {
        Way::Load => ("money loaded", portal.ledger.load(order, actor.now).await),
        Way::Redeem => (
            "money redeemed",
            portal.ledger.redeem(order, actor.now).await,
        ),
    };
    recorded(portal, actor, what, &about, &carried).await?;
    Ok(carried)
}

/// Declares a currency; the same again changes nothing.
pub async fn declare(
    portal: &Portal,
    actor: &Actor,
    currency: Currency,
    exponent: u8,
    name: &str,
) -> Result<Result<(), Status>, Refusal> {
    let declared = portal
        .ledger
        .declare_currency(currency, exponent, name)
        .await;
    let about = format!(
        "{} with {exponent} decimals, {name}",
        currency_value(&currency)
    );
    recorded(portal, actor, "currency declared", &about, &declared).await?;
    Ok(declared)
}

/// Puts money behind forks, or takes it out.
pub async fn fund(
    portal: &Portal,
    actor: &Actor,
    order: FundOrder,
    way: Way,
) -> Result<Loaded, Refusal> {
    let word = match way {
        Way::Load => "in",
        Way::Redeem => "out",
    };
    let about = format!(
        "{word} {}, {:?}, key {}",
        order.amount, order.fund, order.key
    );
    let done = portal.ledger.fund(order, way, actor.now).await;
    recorded(portal, actor, "fund moved", &about, &done).await?;
    Ok(done?)
}

/// A person decides a claim: what stands behind the forker is paid out, down to the guarantees.
pub async fn decide(portal: &Portal, actor: &Actor, order: ClaimOrder) -> Result<Decided, Refusal> {
    let about = format!("{}, key {}", order.payment, order.key);
    let decided = portal.ledger.decide_claim(order, actor.now).await;
    recorded(portal, actor, "claim decided", &about, &decided).await?;
    Ok(decided?)
}

async fn recorded<T>(
    portal: &Portal,
    actor: &Actor,
    what: &str,
    about: &str,
    outcome: &Result<T, Status>,
) -> Result<(), Refusal> {
    let word = outcome
        .as_ref()
        .map_or_else(|status| status.word(), |_| "done");
    let about = format!("{about} ({word})");
    let act = actor.act(what, &about);
    Ok(portal.people.record(&act, actor.now).await?)
}
