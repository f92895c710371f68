//! Where money is, where it came from, and who paid whom. Serials of coins are strings: they have no
//! bound. `next` goes on as `after`; `height` is the newest journal entry an answer knows.

use super::read_currency;
use crate::door::Caller;
use crate::pages::money::currency_value;
use crate::pages::parts::read_code;
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use ledger::bounds::PAGE_MOST;
use ledger::trace::{
    Holder, Holding, Hop, Link, Note, Period, Provenance, Serials, TraceCursor, Traced,
};
use protocol::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What stands behind the question mark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    currency: Option<String>,
    last: Option<String>,
    from: Option<u32>,
    until: Option<u32>,
    after: Option<String>,
    most: Option<u32>,
}

type Question = Result<Query<Asked>, QueryRejection>;

fn read(question: Question) -> Result<Asked, Refusal> {
    let Query(asked) = question.map_err(|error| Refusal::Unfit(error.body_text()))?;
    Ok(asked)
}

fn number<T: std::str::FromStr>(text: &str, sentence: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| unfit(sentence))
}

impl Asked {
    fn after(&self) -> Result<Option<TraceCursor>, Refusal> {
        let after = self.after.as_deref();
        let read = |text| number(text, "after: what `next` said");
        after.map(read).transpose()
    }

    fn most(&self) -> u32 {
        self.most.unwrap_or(PAGE_MOST)
    }

    fn period(&self) -> Period {
        let Period { from, until } = Period::ALWAYS;
        Period {
            from: self.from.map_or(from, Timestamp),
            until: self.until.map_or(until, Timestamp),
        }
    }
}

fn unfit(sentence: &str) -> Refusal {
    Refusal::Unfit(sentence.to_owned())
}

const SERIALS: &str = "source and serials: numbers, as answers name them";
const NO_LOAD: Refusal = Refusal::NotFound("No money came in by such a journal entry.");
const NO_COINS: Refusal = Refusal::NotFound("There are no coins with such serials.");

/// Where a load is now, by the height of its journal entry.
pub async fn load(
    State(portal): State<Shared>,
    _caller: Caller,
    Path(height): Path<String>,
    asked: Question,
) -> Result<Json<Value>, Refusal> {
    let asked = read(asked)?;
    let height = number(&height, "the load by the height of its journal entry")?;
    let tracing = portal.ledger.tracing().await?;
    let (after, most) = (asked.after()?, asked.most());
    let traced = tracing.forwards(height, after, most).await?;
    let trace = traced.answer.as_ref().ok_or(NO_LOAD)?;
    let held = |held: &Holding| {
        let holder = ("holder", holder(&held.holder));
        object(serials(&held.serials).into_iter().chain([holder]))
    };
    let all = trace.serials.iter().map(|part| object(serials(part)));
    let answer = [
        ("currency", currency_value(&trace.currency).into()),
        ("source", holder(&trace.source)),
        ("load", note(&trace.note)),
        ("serials", all.collect()),
        ("now", trace.holdings.iter().map(held).collect()),
    ];
    Ok(page(&traced, answer))
}

/// Which coins a purse holds, in the order in which it will pay them out, each with its load.
pub async fn purse(
    State(portal): State<Shared>,
    _caller: Caller,
    Path(code): Path<String>,
    asked: Question,
) -> Result<Json<Value>, Refusal> {
    let (asked, code) = (read(asked)?, read_code(&code)?);
    let own = portal.station.issuer;
    let unknown = || unfit("currency: such as USD or 1.USD");
    let only = |text| read_currency(text, own).ok_or_else(unknown);
    let currency = asked.currency.as_deref().map(only).transpose()?;
    let tracing = portal.ledger.tracing().await?;
    let (after, most) = (asked.after()?, asked.most());
    let traced = tracing
        .backwards(&code, currency.as_ref(), after, most)
        .await?;
    let held = |held: &Provenance| {
        let rest = [
            ("currency", currency_value(&held.currency).into()),
            ("holder", holder(&held.holder)),
            ("from", holder(&held.source)),
            ("load", note(&held.load)),
        ];
        object(serials(&held.serials).into_iter().chain(rest))
    };
    let coins = traced.answer.iter().map(held).collect();
    Ok(page(&traced, [("coins", coins)]))
}

/// Every entry that moved these coins, from where they began.
pub async fn path(
    State(portal): State<Shared>,
    _caller: Caller,
    Path((source, first)): Path<(String, String)>,
    asked: Question,
) -> Result<Json<Value>, Refusal> {
    let asked = read(asked)?;
    let first = number(&first, SERIALS)?;
    let last = |text: &String| number(text, SERIALS);
    let wanted = Serials {
        source: number(&source, SERIALS)?,
        first,
        last: asked.last.as_ref().map_or(Ok(first), last)?,
    };
    let tracing = portal.ledger.tracing().await?;
    let (after, most) = (asked.after()?, asked.most());
    let traced = tracing.path(&wanted, after, most).await?;
    let path = traced.answer.as_ref().ok_or(NO_COINS)?;
    let hop = |hop: &Hop| {
        let ends = [("from", holder(&hop.from)), ("to", holder(&hop.to))];
        object([("entry", note(&hop.note))].into_iter().chain(ends))
    };
    let answer = [
        ("currency", currency_value(&path.currency).into()),
        ("together", object(serials(&path.serials))),
        ("hops", path.hops.iter().map(hop).collect()),
        ("holder", holder(&path.holder)),
    ];
    Ok(page(&traced, answer))
}

/// Whom a purse paid and by whom it was paid in a period, the newest first.
pub async fn chain(
    State(portal): State<Shared>,
    _caller: Caller,
    Path(code): Path<String>,
    asked: Question,
) -> Result<Json<Value>, Refusal> {
    let (asked, code) = (read(asked)?, read_code(&code)?);
    let tracing = portal.ledger.tracing().await?;
    let (after, most) = (asked.after()?, asked.most());
    let traced = tracing.chain(&code, asked.period(), after, most).await?;
    let link = |link: &Link| {
        json!({
            "entry": note(&link.note),
            "payer": holder(&link.payer),
            "payee": holder(&link.payee),
            "currency": currency_value(&link.currency),
            "amount_minor": link.amount.get(),
            "place": link.place.map(|place| place.to_string()),
        })
    };
    let links = traced.answer.iter().map(link).collect();
    Ok(page(&traced, [("links", links)]))
}

fn page<T, const N: usize>(traced: &Traced<T>, answer: [(&'static str, Value); N]) -> Json<Value> {
    let whole = [
        ("next", traced.next.map(|next| next.to_string()).into()),
        ("height", traced.height.into()),
        ("behind", traced.behind.into()),
    ];
    Json(object(answer.into_iter().chain(whole)))
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields = fields.into_iter();
    Value::Object(Map::from_iter(
        fields.map(|(name, value)| (name.to_owned(), value)),
    ))
}

fn serials(serials: &Serials) -> [(&'static str, Value); 3] {
    [
        ("source", serials.source.into()),
        ("first", serials.first.to_string().into()),
        ("last", serials.last.to_string().into()),
    ]
}

fn note(note: &Note) -> Value {
    json!({
        "height": note.height,
        "time": note.at.0,
        "kind": note.word(),
        "subject": note.subject.to_string(),
    })
}

fn holder(holder: &Holder) -> Value {
    match holder {
        Holder::Issuer => json!({ "kind": "issuer" }),
        Holder::Purse(code) => json!({ "kind": "purse", "code": code.to_string() }),
        Holder::Reserved(code, epoch) => json!({
            "kind": "reserved",
            "code": code.to_string(),
            "key_epoch": epoch.0,
        }),
        Holder::InTransit(payment) => {
            json!({ "kind": "in_transit", "payment": payment.to_string() })
        }
        Holder::Deposit(code) => json!({ "kind": "deposit", "code": code.to_string() }),
        Holder::Bond => json!({ "kind": "bond" }),
        Holder::Guarantee => json!({ "kind": "guarantee" }),
        Holder::Clearing => json!({ "kind": "clearing" }),
        Holder::Other(key) => {
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "kind": "other", "account": digits })
        }
    }
}
