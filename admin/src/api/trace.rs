//! Where money is, where it came from, and who paid whom. Serials of coins are text: they have no
//! bound. `height` is the newest journal entry an answer knows.

use super::loads::read_currency;
use super::operation::{Call, Shown};
use super::states::OfCode;
use super::words::{CodeText, GridText, IdText, Limit};
use crate::language::{Say, say};
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::trace::{
    Holder, Holding, Hop, Link, Note, Period, Provenance, Serials, TraceCursor, Traced,
};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const SERIALS: &str = "source and serials: numbers, as answers name them";
const NO_LOAD: Refusal = Refusal::NotFound(say("No money came in by such a journal entry."));
const NO_COINS: Refusal = Refusal::NotFound(say("There are no coins with such serials."));

/// Coins in a row.
#[derive(Serialize, ToSchema)]
pub struct Coins {
    /// The load that made them.
    source: i64,
    /// The first serial number.
    first: String,
    /// The last one.
    last: String,
}

impl From<&Serials> for Coins {
    fn from(serials: &Serials) -> Self {
        Self {
            source: serials.source,
            first: serials.first.to_string(),
            last: serials.last.to_string(),
        }
    }
}

/// A journal entry.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    height: u64,
    time: u32,
    /// load, allow, settle, ...
    kind: &'static str,
    subject: IdText,
}

impl From<&Note> for Entry {
    fn from(note: &Note) -> Self {
        Self {
            height: note.height,
            time: note.at.0,
            kind: note.word(),
            subject: IdText(note.subject),
        }
    }
}

/// Who holds coins.
#[derive(Default, Serialize, ToSchema)]
pub struct HolderShown {
    /// issuer, purse, reserved, in_transit, deposit, bond, guarantee, clearing or other.
    kind: &'static str,
    /// Whose, for a purse, a reserve or a deposit.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<CodeText>,
    /// Which life of the key, for a reserve.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_epoch: Option<u32>,
    /// Which payment, in transit.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<IdText>,
    /// Which account, for any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
}

impl From<&Holder> for HolderShown {
    fn from(holder: &Holder) -> Self {
        let of = |kind| Self {
            kind,
            ..Self::default()
        };
        let by = |kind, code| Self {
            code: Some(CodeText(code)),
            ..of(kind)
        };
        match holder {
            Holder::Issuer => of("issuer"),
            Holder::Purse(code) => by("purse", *code),
            Holder::Reserved(code, epoch) => Self {
                key_epoch: Some(epoch.0),
                ..by("reserved", *code)
            },
            Holder::InTransit(payment) => Self {
                payment: Some(IdText(*payment)),
                ..of("in_transit")
            },
            Holder::Deposit(code) => by("deposit", *code),
            Holder::Bond => of("bond"),
            Holder::Guarantee => of("guarantee"),
            Holder::Clearing => of("clearing"),
            Holder::Other(key) => Self {
                account: Some(crate::show::to_hex(key)),
                ..of("other")
            },
        }
    }
}

/// Where an answer ends.
#[derive(Serialize, ToSchema)]
pub struct Reach {
    /// What to send as `cursor` for the rest; null when this is all.
    next: Option<String>,
    /// The newest journal entry that this answer knows.
    height: u64,
    /// Entries that are newer than that.
    behind: u64,
}

impl<T> From<&Traced<T>> for Reach {
    fn from(traced: &Traced<T>) -> Self {
        Self {
            next: traced.next.map(|next| next.to_string()),
            height: traced.height,
            behind: traced.behind,
        }
    }
}

/// How much of an answer.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// What `next` said in the part before.
    cursor: Option<String>,
    limit: Option<Limit>,
}

fn after(cursor: Option<&str>) -> Result<Option<TraceCursor>, Refusal> {
    let read = |text: &str| text.parse().map_err(|_| unfit("cursor: what `next` said"));
    cursor.map(read).transpose()
}

fn unfit(sentence: &str) -> Refusal {
    Refusal::Unfit(Say::plain(sentence))
}

/// Which load.
#[derive(Deserialize, IntoParams)]
pub struct OfLoad {
    /// The height of its journal entry.
    height: u64,
}

/// Coins with who holds them now.
#[derive(Serialize, ToSchema)]
pub struct HeldCoins {
    #[serde(flatten)]
    coins: Coins,
    holder: HolderShown,
}

/// Where a load is now.
#[derive(Serialize, ToSchema)]
pub struct LoadTrace {
    currency: String,
    source: HolderShown,
    load: Entry,
    serials: Vec<Coins>,
    now: Vec<HeldCoins>,
    #[serde(flatten)]
    reach: Reach,
}

/// Where a load is now, by the height of its journal entry.
pub async fn load(call: Call, of: OfLoad, asked: Parts) -> Result<Shown<LoadTrace>, Refusal> {
    let tracing = call.portal.ledger.tracing().await?;
    let (after, most) = (
        after(asked.cursor.as_deref())?,
        asked.limit.unwrap_or_default().0,
    );
    let traced = tracing.forwards(of.height, after, most).await?;
    let trace = traced.answer.as_ref().ok_or(NO_LOAD)?;
    let held = |held: &Holding| HeldCoins {
        coins: (&held.serials).into(),
        holder: (&held.holder).into(),
    };
    Ok(Shown(LoadTrace {
        currency: currency_value(&trace.currency),
        source: (&trace.source).into(),
        load: (&trace.note).into(),
        serials: trace.serials.iter().map(Coins::from).collect(),
        now: trace.holdings.iter().map(held).collect(),
        reach: (&traced).into(),
    }))
}

/// Which coins of a purse.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PurseParts {
    /// Such as USD, or 1.USD with the number of its issuer; all where nothing is said.
    currency: Option<String>,
    /// What `next` said in the part before.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// Coins with where they came from.
#[derive(Serialize, ToSchema)]
pub struct PurseCoins {
    #[serde(flatten)]
    coins: Coins,
    currency: String,
    holder: HolderShown,
    from: HolderShown,
    load: Entry,
}

/// What a purse holds.
#[derive(Serialize, ToSchema)]
pub struct PurseTrace {
    coins: Vec<PurseCoins>,
    #[serde(flatten)]
    reach: Reach,
}

/// Which coins a purse holds, in the order in which it will pay them out, each with its load.
pub async fn purse(
    call: Call,
    of: OfCode,
    asked: PurseParts,
) -> Result<Shown<PurseTrace>, Refusal> {
    let own = call.portal.station.issuer;
    let only = |text: &str| read_currency(text, own);
    let currency = asked.currency.as_deref().map(only).transpose()?;
    let tracing = call.portal.ledger.tracing().await?;
    let (after, most) = (
        after(asked.cursor.as_deref())?,
        asked.limit.unwrap_or_default().0,
    );
    let traced = tracing
        .backwards(&of.code.0, currency.as_ref(), after, most)
        .await?;
    let held = |held: &Provenance| PurseCoins {
        coins: (&held.serials).into(),
        currency: currency_value(&held.currency),
        holder: (&held.holder).into(),
        from: (&held.source).into(),
        load: (&held.load).into(),
    };
    Ok(Shown(PurseTrace {
        coins: traced.answer.iter().map(held).collect(),
        reach: (&traced).into(),
    }))
}

/// Which coins.
#[derive(Deserialize, IntoParams)]
pub struct OfCoins {
    /// The load that made them.
    source: i64,
    /// The first serial number.
    #[param(pattern = "^[0-9]{1,39}$")]
    first: String,
}

/// How many coins, and how much of the answer.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PathParts {
    /// The last serial number; the first where nothing is said.
    #[param(pattern = "^[0-9]{1,39}$")]
    last: Option<String>,
    /// What `next` said in the part before.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// One entry on the way of coins.
#[derive(Serialize, ToSchema)]
pub struct HopShown {
    entry: Entry,
    from: HolderShown,
    to: HolderShown,
}

/// The way of coins.
#[derive(Serialize, ToSchema)]
pub struct CoinPath {
    currency: String,
    /// How many of them went all this way together.
    together: Coins,
    hops: Vec<HopShown>,
    holder: HolderShown,
    #[serde(flatten)]
    reach: Reach,
}

/// Every entry that moved these coins, from where they began.
pub async fn path(call: Call, of: OfCoins, asked: PathParts) -> Result<Shown<CoinPath>, Refusal> {
    let number = |text: &str| text.parse().map_err(|_| unfit(SERIALS));
    let first = number(&of.first)?;
    let wanted = Serials {
        source: of.source,
        first,
        last: asked.last.as_deref().map_or(Ok(first), number)?,
    };
    let tracing = call.portal.ledger.tracing().await?;
    let (after, most) = (
        after(asked.cursor.as_deref())?,
        asked.limit.unwrap_or_default().0,
    );
    let traced = tracing.path(&wanted, after, most).await?;
    let path = traced.answer.as_ref().ok_or(NO_COINS)?;
    let hop = |hop: &Hop| HopShown {
        entry: (&hop.note).into(),
        from: (&hop.from).into(),
        to: (&hop.to).into(),
    };
    Ok(Shown(CoinPath {
        currency: currency_value(&path.currency),
        together: (&path.serials).into(),
        hops: path.hops.iter().map(hop).collect(),
        holder: (&path.holder).into(),
        reach: (&traced).into(),
    }))
}

/// Which time, and how much of the answer.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ChainParts {
    /// Not before this second since 1970.
    from: Option<u32>,
    /// Not after it.
    until: Option<u32>,
    /// What `next` said in the part before.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// Who paid whom.
#[derive(Serialize, ToSchema)]
pub struct LinkShown {
    entry: Entry,
    payer: HolderShown,
    payee: HolderShown,
    currency: String,
    amount_minor: u64,
    /// Where it was, if that is known.
    place: Option<GridText>,
}

/// Links of the value chain.
#[derive(Serialize, ToSchema)]
pub struct ValueChain {
    links: Vec<LinkShown>,
    #[serde(flatten)]
    reach: Reach,
}

/// Whom a purse paid and by whom it was paid in a period, the newest first.
pub async fn chain(
    call: Call,
    of: OfCode,
    asked: ChainParts,
) -> Result<Shown<ValueChain>, Refusal> {
    let Period { from, until } = Period::ALWAYS;
    let period = Period {
        from: asked.from.map_or(from, Timestamp),
        until: asked.until.map_or(until, Timestamp),
    };
    let tracing = call.portal.ledger.tracing().await?;
    let (after, most) = (
        after(asked.cursor.as_deref())?,
        asked.limit.unwrap_or_default().0,
    );
    let traced = tracing.chain(&of.code.0, period, after, most).await?;
    let link = |link: &Link| LinkShown {
        entry: (&link.note).into(),
        payer: (&link.payer).into(),
        payee: (&link.payee).into(),
        currency: currency_value(&link.currency),
        amount_minor: link.amount.get(),
        place: link.place.map(GridText),
    };
    Ok(Shown(ValueChain {
        links: traced.answer.iter().map(link).collect(),
        reach: (&traced).into(),
    }))
}
