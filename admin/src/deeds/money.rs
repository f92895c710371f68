//! Money into purses and out of them, alone or by two persons, currencies, what stands behind forks,
//! and claims. The books answer the same key with the same order alike.

use crate::door::Actor;
use crate::language::{below, say};
use crate::pages::money::currency_value;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::{
    ClaimOrder, Decided, FundOrder, LoadOrder, Loaded, MoneyRequest, MoneyWish, RefundDecision,
    RefundRow, RequestDecision, Undecided, Verdict, Way,
};
use protocol::objects::REFUND_TEXT;
use protocol::{AmountMinor, Currency, Digest, Status};

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

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// The money moved.
    Done(Box<Loaded>),
    /// It waits for a second person.
    Waits(Box<MoneyRequest>),
}

/// Carries an order out, or keeps it for a second person where it is above what one moves alone.
pub async fn order(
    portal: &Portal,
    actor: &Actor,
    order: LoadOrder,
    way: Way,
) -> Result<Result<Ordered, Status>, Refusal> {
    let limits = portal.ledger.limits_alone().await?;
    let above = limits
        .iter()
        .any(|limit| limit.currency == order.currency && order.amount > limit.most);
    if above {
        let asked = ask(portal, actor, order, way).await?;
        return Ok(asked.map(|request| Ordered::Waits(Box::new(request))));
    }
    let carried = carry_out(portal, actor, order, way).await?;
    Ok(carried.map(|loaded| Ordered::Done(Box::new(loaded))))
}

fn wished(order: &LoadOrder, way: Way) -> String {
    let word = match way {
        Way::Load => "into",
        Way::Redeem => "out of",
    };
    let currency = currency_value(&order.currency);
    format!("{} of {currency}, {word} {}", order.amount, order.code)
}

/// Keeps an order for a second person.
pub async fn ask(
    portal: &Portal,
    actor: &Actor,
    order: LoadOrder,
    way: Way,
) -> Result<Result<MoneyRequest, Status>, Refusal> {
    let about = format!("{}, key {}", wished(&order, way), order.key);
    let person = actor.person.clone();
    let wish = MoneyWish { order, way, person };
    let asked = portal.ledger.ask_for_money(wish, actor.now).await;
    let about = match &asked {
        Ok(request) => format!("request {}: {about}", request.number),
        Err(_) => about,
    };
    recorded(portal, actor, "money asked for", &about, &asked).await?;
    Ok(asked)
}

/// A second person decides a request.
pub async fn decide_request(
    portal: &Portal,
    actor: &Actor,
    number: u64,
    verdict: Verdict,
) -> Result<MoneyRequest, Refusal> {
    let decision = RequestDecision {
        verdict,
        by: actor.name.clone(),
        person: actor.person.clone(),
        at: actor.now,
    };
    let decided = portal.ledger.decide_request(number, decision).await;
    let what = match verdict {
        Verdict::Confirmed => "money confirmed",
        Verdict::Refused => "money refused",
    };
    let about = match &decided {
        Ok(Ok(request)) => {
            let wish = &request.wish;
            format!(
                "request {number} of {}: {}",
                wish.order.by,
                wished(&wish.order, wish.way)
            )
        }
        Ok(Err(undecided)) => format!("request {number}: {}", undecided.sentence()),
        Err(_) => format!("request {number}"),
    };
    recorded(portal, actor, what, &about, &decided).await?;
    decided?.map_err(|undecided| match undecided {
        Undecided::Unknown => Refusal::NotFound(below::undecided(undecided)),
        _ => Refusal::Unfit(below::undecided(undecided)),
    })
}

/// Answers a payer who asked for its money back: by the payment that brought it, or with words why
/// not. The same answer again changes nothing.
pub async fn answer_refund(
    portal: &Portal,
    actor: &Actor,
    number: u64,
    (paid_back, words): (Option<Digest>, &str),
) -> Result<RefundRow, Refusal> {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.len() > REFUND_TEXT || words.chars().any(char::is_control) {
        return Err(Refusal::Unfit(say(
            "The words have at most 160 bytes, in Chinese about 50 characters.",
        )));
    }
    if paid_back.is_none() && words.is_empty() {
        return Err(Refusal::Unfit(say("Say why: the payer reads it.")));
    }
    let decision = RefundDecision {
        paid_back,
        words,
        by: actor.name.clone(),
        at: actor.now,
    };
    let about = match &decision.paid_back {
        Some(id) => format!("request {number}: paid back by {id}"),
        None => format!("request {number}: declined, {}", decision.words),
    };
    let answered = portal.ledger.answer_refund(number, decision).await;
    recorded(portal, actor, "refund answered", &about, &answered).await?;
    answered.map_err(|status| match status {
        Status::NotPermitted => Refusal::Unfit(say(
            "There is no such request, or it was answered before, otherwise; that stands.",
        )),
        Status::WrongReference => Refusal::Unfit(say(
            "That is no payment back: it has to go from who was paid to who paid, in the same currency.",
        )),
        status => Refusal::Refused(status),
    })
}

/// Says how much of a currency one person moves alone.
pub async fn limit_alone(
    portal: &Portal,
    actor: &Actor,
    currency: Currency,
    most: Option<AmountMinor>,
) -> Result<(), Refusal> {
    let set = portal
        .ledger
        .limit_alone(currency, most, &actor.name, actor.now)
        .await;
    let limit = most.map_or("no limit".to_owned(), |most| most.to_string());
    let about = format!("{}, {limit}", currency_value(&currency));
    recorded(portal, actor, "limit of one person set", &about, &set).await?;
    Ok(set?)
}

/// Declares a currency; the same again changes nothing.
pub async fn declare(
    portal: &Portal,
    actor: &Actor,
    currency: Currency,
    exponent: u8,
    name: &str,
) -> Result<Result<(), Status>, Refusal> {
    if name.is_empty() {
        return Err(Refusal::Unfit(say(
            "A currency needs a name, such as US dollar.",
        )));
    }
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
