//! Loads and redemptions that take two persons. Behind a token stands the person who made it: two
//! tokens of one person are one person.

use super::frauds::Pages;
use super::list::{List, Of};
use super::loads::{WayWord, read_currency};
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, Minor};
use crate::deeds::money as deeds;
use crate::language::say;
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::{AloneLimit, LoadOrder, MoneyRequest, RequestState, Verdict, Way};
use protocol::{AmountMinor, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A load or redemption that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestWish {
    way: WayWord,
    code: CodeText,
    /// Such as USD, or 1.USD with the number of its issuer.
    #[schema(example = "USD", min_length = 3, max_length = 14)]
    currency: String,
    amount_minor: Minor,
    /// Yours: the same key with the same order is one request, for ever.
    #[schema(min_length = 1, max_length = 64)]
    key: String,
}

/// One that somebody asked for.
#[derive(Serialize, ToSchema)]
pub struct RequestShown {
    number: u64,
    /// waiting, expired, confirmed or refused.
    state: &'static str,
    /// in or out.
    way: &'static str,
    code: CodeText,
    /// With the number of its issuer.
    currency: String,
    amount_minor: u64,
    key: String,
    by: String,
    /// Who answers for it: of a token, who made the token.
    person: String,
    time: u32,
    /// From when on nobody decides it any more.
    expires: u32,
    decided_by: Option<String>,
    decided: Option<u32>,
}

impl RequestShown {
    fn new(request: MoneyRequest, now: Timestamp) -> Self {
        let state: RequestState = request.state(now);
        let (wish, decision) = (request.wish, request.decision);
        Self {
            number: request.number,
            state: state.word(),
            way: match wish.way {
                Way::Load => "in",
                Way::Redeem => "out",
            },
            code: CodeText(wish.order.code),
            currency: currency_value(&wish.order.currency),
            amount_minor: wish.order.amount.get(),
            key: wish.order.key,
            by: wish.order.by,
            person: wish.person,
            time: request.at.0,
            expires: request.expires.0,
            decided: decision.as_ref().map(|decision| decision.at.0),
            decided_by: decision.map(|decision| decision.by),
        }
    }
}

/// Requests, the newest first.
pub async fn list(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<RequestShown>>, Refusal> {
    let of = Of("requests", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.money_requests(&page).await?;
    let now = call.actor.now;
    let shown = |request| RequestShown::new(request, now);
    Ok(Shown(of.shown(listing, shown)))
}

/// Asks a second person. The same key with the same order is one request, for ever.
pub async fn ask(
    call: Call,
    _: Nothing,
    Told(wish): Told<RequestWish>,
) -> Result<Shown<RequestShown>, Refusal> {
    let way = match wish.way {
        WayWord::In => Way::Load,
        WayWord::Out => Way::Redeem,
    };
    let order = LoadOrder {
        code: wish.code.0,
        currency: read_currency(&wish.currency, call.portal.station.issuer)?,
        amount: wish.amount_minor.0,
        key: wish.key,
        by: call.actor.name.clone(),
    };
    let asked = deeds::ask(&call.portal, &call.actor, order, way).await??;
    Ok(Shown(RequestShown::new(asked, call.actor.now)))
}

/// Which request.
#[derive(Deserialize, IntoParams)]
pub struct OfRequest {
    /// Its number.
    number: u64,
}

/// One request.
pub async fn show(call: Call, of: OfRequest, _: Nothing) -> Result<Shown<RequestShown>, Refusal> {
    let request = call.portal.ledger.money_request(of.number).await?;
    let request = request.ok_or(Refusal::NotFound(say("There is no such request.")))?;
    Ok(Shown(RequestShown::new(request, call.actor.now)))
}

/// What a second person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// The money moves.
    Confirm,
    /// It does not.
    Refuse,
}

/// The decision of a second person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionWish {
    verdict: VerdictWord,
}

/// A second person decides; confirmed, the money moves in the same step.
pub async fn decide(
    call: Call,
    of: OfRequest,
    Told(wish): Told<DecisionWish>,
) -> Result<Shown<RequestShown>, Refusal> {
    let verdict = match wish.verdict {
        VerdictWord::Confirm => Verdict::Confirmed,
        VerdictWord::Refuse => Verdict::Refused,
    };
    let decided = deeds::decide_request(&call.portal, &call.actor, of.number, verdict).await?;
    Ok(Shown(RequestShown::new(decided, call.actor.now)))
}

/// How much of a currency one person moves alone.
#[derive(Serialize, ToSchema)]
pub struct LimitShown {
    /// With the number of its issuer.
    currency: String,
    /// In one order; null: however much.
    most_minor: Option<u64>,
    /// Who said so.
    by: String,
    time: u32,
}

impl From<AloneLimit> for LimitShown {
    fn from(limit: AloneLimit) -> Self {
        Self {
            currency: currency_value(&limit.currency),
            most_minor: Some(limit.most.get()),
            by: limit.by,
            time: limit.at.0,
        }
    }
}

/// Currencies of which one person does not move everything alone.
pub async fn limits(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<LimitShown>>, Refusal> {
    let limits = call.portal.ledger.limits_alone().await?;
    let limits = limits.into_iter().map(LimitShown::from).collect();
    Ok(Shown(List::whole(limits)))
}

/// How much one person shall move alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitWish {
    /// Such as USD, or 1.USD with the number of its issuer.
    #[schema(example = "USD", min_length = 3, max_length = 14)]
    currency: String,
    /// In one order; null: however much.
    most_minor: Option<Minor>,
}

/// Says how much of a currency one person moves alone.
pub async fn limit(
    call: Call,
    _: Nothing,
    Told(wish): Told<LimitWish>,
) -> Result<Shown<LimitShown>, Refusal> {
    let currency = read_currency(&wish.currency, call.portal.station.issuer)?;
    let most: Option<AmountMinor> = wish.most_minor.map(|most| most.0);
    deeds::limit_alone(&call.portal, &call.actor, currency, most).await?;
    Ok(Shown(LimitShown {
        currency: currency_value(&currency),
        most_minor: most.map(|most| most.get()),
        by: call.actor.name,
        time: call.actor.now.0,
    }))
}
