//! Money into purses and out of them, and what stands behind forks. The books keep the key of every
//! order: the same key with the same order moves money once, for ever.

use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, IdText, Minor};
use crate::deeds::money as deeds;
use crate::language::Say;
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::{Fund, FundOrder, LoadOrder, Loaded, Way};
use protocol::{Currency, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const ABOVE: &str = "More than one person moves alone. Ask a second one by /api/v1/requests; /api/v1/limits says how much it is.";

/// Money into a purse or out of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadWish {
    code: CodeText,
    /// Such as USD, or 1.USD with the number of its issuer.
    #[schema(example = "USD", min_length = 3, max_length = 14)]
    currency: String,
    amount_minor: Minor,
    /// Yours: the same key with the same order moves money once, for ever.
    #[schema(min_length = 1, max_length = 64)]
    key: String,
}

/// Money that went into a purse or out of it.
#[derive(Serialize, ToSchema)]
pub struct LoadDone {
    number: u64,
    code: CodeText,
    /// With the number of its issuer.
    currency: String,
    amount_minor: u64,
    key: String,
    by: String,
    /// Who confirmed it, where it took two persons.
    second: Option<String>,
    time: u32,
    /// Height of the journal entry.
    journal_height: u64,
    journal_root: IdText,
}

impl From<Loaded> for LoadDone {
    fn from(done: Loaded) -> Self {
        Self {
            number: done.number,
            code: CodeText(done.order.code),
            currency: currency_value(&done.order.currency),
            amount_minor: done.order.amount.get(),
            key: done.order.key,
            by: done.order.by,
            second: done.second,
            time: done.at.0,
            journal_height: done.head.height,
            journal_root: IdText(done.head.root),
        }
    }
}

/// `USD` of this issuer, or `7.USD` of another one.
pub fn read_currency(text: &str, own: u32) -> Result<Currency, Refusal> {
    let (issuer, name) = match text.split_once('.') {
        Some((issuer, name)) => (issuer.parse().ok(), name),
        None => (Some(own), text),
    };
    let name = name.as_bytes().try_into().ok();
    let currency = issuer
        .zip(name)
        .and_then(|(issuer, name)| Currency::new(issuer, name));
    currency.ok_or_else(|| Refusal::Unfit(Say::plain("currency: such as USD or 1.USD")))
}

async fn carry_out(call: Call, wish: LoadWish, way: Way) -> Result<Shown<LoadDone>, Refusal> {
    let order = LoadOrder {
        code: wish.code.0,
        currency: read_currency(&wish.currency, call.portal.station.issuer)?,
        amount: wish.amount_minor.0,
        key: wish.key,
        by: call.actor.name.clone(),
    };
    match deeds::carry_out(&call.portal, &call.actor, order, way).await? {
        Ok(done) => Ok(Shown(done.into())),
        Err(Status::AboveLimit) => Err(Refusal::Unfit(Say::plain(ABOVE))),
        Err(status) => Err(status.into()),
    }
}

/// Puts money into a purse.
pub async fn load(
    call: Call,
    _: Nothing,
    Told(wish): Told<LoadWish>,
) -> Result<Shown<LoadDone>, Refusal> {
    carry_out(call, wish, Way::Load).await
}

/// Takes free money out of a purse.
pub async fn redeem(
    call: Call,
    _: Nothing,
    Told(wish): Told<LoadWish>,
) -> Result<Shown<LoadDone>, Refusal> {
    carry_out(call, wish, Way::Redeem).await
}

/// What stands behind forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FundWord {
    /// Of one code, paid out before anything else.
    Deposit,
    /// The operator's.
    Bond,
    /// For enrolled owners.
    Guarantee,
}

/// Which way money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WayWord {
    /// Into it.
    In,
    /// Out of it.
    Out,
}

/// Money behind forks, or out from there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FundWish {
    fund: FundWord,
    /// Whose deposit; for a deposit only.
    code: Option<CodeText>,
    way: WayWord,
    /// Such as USD, or 1.USD with the number of its issuer.
    #[schema(example = "USD", min_length = 3, max_length = 14)]
    currency: String,
    amount_minor: Minor,
    /// Yours: the same key with the same order moves money once, for ever.
    #[schema(min_length = 1, max_length = 64)]
    key: String,
}

/// Puts money behind forks, or takes it out.
pub async fn fund(
    call: Call,
    _: Nothing,
    Told(wish): Told<FundWish>,
) -> Result<Shown<LoadDone>, Refusal> {
    let fund = match (wish.fund, wish.code) {
        (FundWord::Deposit, Some(code)) => Fund::Deposit(code.0),
        (FundWord::Bond, None) => Fund::Bond,
        (FundWord::Guarantee, None) => Fund::Guarantee,
        _ => {
            let sentence = "fund: deposit with a code; bond and guarantee without one";
            return Err(Refusal::Unfit(Say::plain(sentence)));
        }
    };
    let way = match wish.way {
        WayWord::In => Way::Load,
        WayWord::Out => Way::Redeem,
    };
    let order = FundOrder {
        fund,
        currency: read_currency(&wish.currency, call.portal.station.issuer)?,
        amount: wish.amount_minor.0,
        key: wish.key,
        by: call.actor.name.clone(),
    };
    let done = deeds::fund(&call.portal, &call.actor, order, way).await?;
    Ok(Shown(done.into()))
}

/// A load or redemption, as lists have it.
#[derive(Serialize, ToSchema)]
pub struct LoadRow {
    way: &'static str,
    /// Where it is no purse: deposit, bond or guarantee.
    fund: Option<&'static str>,
    #[serde(flatten)]
    done: LoadDone,
}

impl From<Loaded> for LoadRow {
    fn from(loaded: Loaded) -> Self {
        Self {
            way: match loaded.way {
                Way::Load => "in",
                Way::Redeem => "out",
            },
            fund: loaded.fund.map(|fund| match fund {
                Fund::Deposit(_) => "deposit",
                Fund::Bond => "bond",
                Fund::Guarantee => "guarantee",
            }),
            done: loaded.into(),
        }
    }
}

/// Loads and redemptions, the newest first.
pub async fn list(call: Call, _: Nothing, asked: Pages) -> Result<Shown<List<LoadRow>>, Refusal> {
    let of = Of("loads", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.loads(&page).await?;
    Ok(Shown(of.shown(listing, LoadRow::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_of_this_issuer_need_no_number() {
        let usd = Currency::new(1, *b"USD");
        assert_eq!(read_currency("USD", 1).ok(), usd);
        assert_eq!(read_currency("1.USD", 7).ok(), usd);
        for text in [
            "",
            "US",
            "usd",
            "1.",
            ".USD",
            "x.USD",
            "16777216.USD",
            "1.USD.2",
        ] {
            assert!(read_currency(text, 1).is_err(), "{text}");
        }
    }
}
