//! Where a load is now, and where the money of a purse came from: as a picture of layers with a
//! table of the same beside it.

use super::frame::{Frame, page};
use super::parts::{Names, Party, exponents, read_code};
use crate::door::Visitor;
use crate::draw::layers::{self, BOX_WIDTH, Layers, Side, What};
use crate::evidence::Exponents;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::trace::{Holder, Note, Serials, TraceCursor, Tracing};
use protocol::{Code, Currency, Digest};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Runs of coins on one page.
const RUNS: u32 = 150;
/// Steps of one run that are looked at.
const STEPS: u32 = 60;
/// Parts that the runs of one page may fall into, each looked at by itself.
const PARTS_MOST: usize = 450;
/// Steps looked at for one page.
const STEPS_MOST: usize = 6_000;
/// Letters of a label in the picture.
const LABEL_CHARS: usize = 22;

/// Where money stops, as the picture has it: what a purse keeps behind allowances is in the purse,
/// and a payment on its way stands by itself only while the money waits there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// The journal entry that brought it in.
    Load(u64),
    Purse(Code),
    Transit(Digest),
    Deposit(Code),
    Bond,
    Guarantee,
    /// On its way to other books, or from there.
    Clearing,
    /// It was redeemed.
    Redeemed,
    Other,
}

fn stop(holder: &Holder) -> Stop {
    match holder {
        Holder::Issuer => Stop::Redeemed,
        Holder::Purse(code) | Holder::Reserved(code, _) => Stop::Purse(*code),
        Holder::InTransit(payment) => Stop::Transit(*payment),
        Holder::Deposit(code) => Stop::Deposit(*code),
        Holder::Bond => Stop::Bond,
        Holder::Guarantee => Stop::Guarantee,
        Holder::Clearing => Stop::Clearing,
        Holder::Other(_) => Stop::Other,
    }
}

/// A box in words.
struct Drawn {
    x: i32,
    y: i32,
    height: i32,
    middle: i32,
    label: Say,
    note: Say,
    address: Option<String>,
    class: &'static str,
}

struct Edge {
    path: String,
    label: (i32, i32),
    amount: String,
    class: &'static str,
}

/// A picture of one currency.
struct Picture {
    unit: String,
    total: String,
    width: i32,
    height: i32,
    boxes: Vec<Drawn>,
    edges: Vec<Edge>,
    left_out: usize,
}

/// A run of coins in words.
struct Line {
    amount: String,
    unit: String,
    serials: String,
    load: u64,
    loaded: String,
    holder: Say,
    address: Option<String>,
}

#[derive(Template)]
#[template(path = "trace.html")]
struct Trace {
    frame: Frame,
    /// Of which load, where it is one.
    load: Option<(u64, String)>,
    /// Of which purse, where it is one.
    purse: Option<Party>,
    pictures: Vec<Picture>,
    lines: Vec<Line>,
    height: u64,
    behind: u64,
    next: Option<String>,
    /// Whether ways are drawn shorter than they were.
    is_cut: bool,
}

/// Which page of a trace.
#[derive(Deserialize)]
pub struct Asked {
    after: Option<String>,
}

impl Asked {
    fn cursor(&self) -> Option<TraceCursor> {
        self.after.as_deref().and_then(|text| text.parse().ok())
    }
}

/// Coins in a row with the entry that brought them in and where they are.
struct Run {
    serials: Serials,
    load: Note,
    currency: Currency,
    holder: Holder,
}

/// Where a load is now.
pub async fn load(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(height): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    const NO_LOAD: Refusal = Refusal::NotFound(say("No money came in by such a journal entry."));
    let height = height.parse().map_err(|_| NO_LOAD)?;
    let tracing = portal.ledger.tracing().await?;
    let traced = tracing.forwards(height, asked.cursor(), RUNS).await?;
    let trace = traced.answer.ok_or(NO_LOAD)?;
    let run = |held: ledger::trace::Holding| Run {
        serials: held.serials,
        load: trace.note,
        currency: trace.currency,
        holder: held.holder,
    };
    let runs: Vec<Run> = trace.holdings.into_iter().map(run).collect();
    let shown = Shown {
        load: Some((height, show::time(trace.note.at))),
        purse: None,
        side: Side::First,
        next: traced
            .next
            .map(|next| format!("/trace/load/{height}?after={next}")),
        height: traced.height,
        behind: traced.behind,
    };
    shown.page(&portal, &visitor, &tracing, runs).await
}

/// Where the money of a purse came from.
pub async fn purse(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    if portal.ledger.thing(&code).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    let tracing = portal.ledger.tracing().await?;
    let traced = tracing.backwards(&code, None, asked.cursor(), RUNS).await?;
    let run = |held: ledger::trace::Provenance| Run {
        serials: held.serials,
        load: held.load,
        currency: held.currency,
        holder: held.holder,
    };
    let runs: Vec<Run> = traced.answer.into_iter().map(run).collect();
    let names = Names::of(&portal.ledger, vec![code]).await?;
    let shown = Shown {
        load: None,
        purse: Some(names.party(code)),
        side: Side::Last,
        next: traced
            .next
            .map(|next| format!("/trace/purse/{code}?after={next}")),
        height: traced.height,
        behind: traced.behind,
    };
    shown.page(&portal, &visitor, &tracing, runs).await
}

/// What is shown, before anything of it is drawn.
struct Shown {
    load: Option<(u64, String)>,
    purse: Option<Party>,
    side: Side,
    next: Option<String>,
    height: u64,
    behind: u64,
}

impl Shown {
    async fn page(
        self,
        portal: &Portal,
        visitor: &Visitor,
        tracing: &Tracing,
        runs: Vec<Run>,
    ) -> Result<Response, Refusal> {
        let exponents = exponents(&portal.ledger).await?;
        let mut ways: BTreeMap<[u8; 6], (Currency, Vec<layers::Way<Stop>>)> = BTreeMap::new();
        let mut budget = Budget {
            parts: PARTS_MOST,
            steps: STEPS_MOST,
        };
        for run in &runs {
            let of = ways.entry(*run.currency.as_bytes());
            let (_, of) = of.or_insert_with(|| (run.currency, Vec::new()));
            of.extend(budget.ways(tracing, run).await?);
        }
        let stops = ways.values().flat_map(|(_, ways)| ways);
        let stops = stops.flat_map(|way| &way.stops);
        let codes = stops.filter_map(|stop| match stop {
            Stop::Purse(code) | Stop::Deposit(code) => Some(*code),
            _ => None,
        });
        let names = Names::of(&portal.ledger, codes.collect()).await?;
        let words = Words {
            names: &names,
            exponents: &exponents,
        };
        let is_cut = ways
            .values()
            .flat_map(|(_, ways)| ways)
            .any(|way| way.is_cut);
        let pictures = ways.values();
        let pictures = pictures.map(|(currency, ways)| words.picture(currency, ways, self.side));
        page(
            &visitor.reader,
            &Trace {
                pictures: pictures.collect(),
                lines: runs.iter().map(|run| words.line(run)).collect(),
                frame: Frame::new(portal, Some(visitor), "/money"),
                load: self.load,
                purse: self.purse,
                height: self.height,
                behind: self.behind,
                next: self.next,
                is_cut,
            },
        )
    }
}

/// How much of the index one page may look at.
struct Budget {
    parts: usize,
    steps: usize,
}

impl Budget {
    /// The ways of a run: where its parts went apart there are several. Beyond the budget a way
    /// leads straight from the load to the holder.
    async fn ways(
        &mut self,
        tracing: &Tracing,
        run: &Run,
    ) -> Result<Vec<layers::Way<Stop>>, Refusal> {
        let (begin, end) = (Stop::Load(run.load.height), stop(&run.holder));
        let mut ways = Vec::new();
        let mut first = run.serials.first;
        while first <= run.serials.last {
            let rest = Serials {
                first,
                ..run.serials
            };
            if self.parts == 0 || self.steps == 0 {
                ways.push(way(vec![begin, end], rest.coins(), true));
                break;
            }
            let traced = tracing.path(&rest, None, STEPS).await?;
            let Some(path) = traced.answer else {
                break;
            };
            self.parts -= 1;
            self.steps = self.steps.saturating_sub(path.hops.len());
            let mut stops = vec![begin.clone()];
            let last = path.hops.len().saturating_sub(1);
            for (at, hop) in path.hops.iter().enumerate() {
                let to = stop(&hop.to);
                // A payment that went on its way and arrived is the curve between two purses.
                let passes = matches!(to, Stop::Transit(_)) && at < last;
                if !passes && stops.last() != Some(&to) {
                    stops.push(to);
                }
            }
            let is_cut = traced.next.is_some();
            if stops.last() != Some(&end) {
                stops.push(end.clone());
            }
            ways.push(way(stops, path.serials.coins(), is_cut));
            first = path.serials.last.saturating_add(1);
        }
        Ok(ways)
    }
}

fn way(stops: Vec<Stop>, amount: u128, is_cut: bool) -> layers::Way<Stop> {
    layers::Way {
        stops,
        amount,
        is_cut,
    }
}

struct Words<'a> {
    names: &'a Names,
    exponents: &'a Exponents,
}

impl Words<'_> {
    fn amount(&self, coins: u128, currency: &Currency) -> String {
        let coins = i128::try_from(coins).unwrap_or(i128::MAX);
        show::amount(coins, self.exponents.of(currency))
    }

    /// What a stop is called; names have `most` letters.
    fn label(&self, stop: &Stop, most: usize) -> Say {
        let name = |code| shortened(self.names.party(code).label(), most);
        match stop {
            Stop::Load(height) => say("Load, entry {height}").put("height", height),
            Stop::Purse(code) => Say::plain(name(*code)),
            Stop::Transit(payment) => {
                say("In transit, {payment}").put("payment", show::short_id(payment))
            }
            Stop::Deposit(code) => say("Deposit of {person}").put("person", name(*code)),
            Stop::Bond => say("Bond"),
            Stop::Guarantee => say("Guarantees"),
            Stop::Clearing => say("Other books"),
            Stop::Redeemed => say("Redeemed"),
            Stop::Other => say("Another account"),
        }
    }

    fn picture(&self, currency: &Currency, ways: &[layers::Way<Stop>], side: Side) -> Picture {
        let unit = currency.name();
        let drawn: Layers<Stop> = layers::draw(ways, side);
        let total = ways
            .iter()
            .fold(0, |sum: u128, way| sum.saturating_add(way.amount));
        let boxes = drawn.boxes.iter().map(|placed| {
            let (holds, passed) = (placed.holds, placed.passed);
            let words = |sum| format!("{} {unit}", self.amount(sum, currency));
            let (label, address, class) = match &placed.what {
                What::One(stop) => (self.label(stop, LABEL_CHARS), address(stop), class(stop)),
                What::Rest(count) => {
                    let others = say("one other").or_many("{count} others", *count);
                    (others, Some("#runs".to_owned()), "rest")
                }
            };
            let note = match (&placed.what, holds) {
                (What::One(Stop::Load(_)), _) => Say::plain(words(passed)),
                (_, 0) => say("passed on {amount}").put("amount", words(passed)),
                (_, holds) => say("holds {amount}").put("amount", words(holds)),
            };
            Drawn {
                x: placed.x,
                y: placed.y,
                height: placed.height,
                middle: placed.middle(),
                label,
                note,
                address,
                class,
            }
        });
        let edges = drawn.curves.iter().map(|curve| Edge {
            path: curve.path(),
            label: curve.label(),
            amount: format!("{} {unit}", self.amount(curve.amount, currency)),
            class: match (curve.is_cut, curve.is_back) {
                (true, _) => "cut",
                (false, true) => "back",
                (false, false) => "on",
            },
        });
        Picture {
            boxes: boxes.collect(),
            edges: edges.collect(),
            total: self.amount(total, currency),
            unit: unit.to_owned(),
            width: drawn.width,
            height: drawn.height,
            left_out: drawn.left_out,
        }
    }

    fn line(&self, run: &Run) -> Line {
        let holder = stop(&run.holder);
        let label = self.label(&holder, usize::MAX);
        Line {
            amount: self.amount(run.serials.coins(), &run.currency),
            unit: run.currency.name().to_owned(),
            serials: format!("{}\u{2013}{}", run.serials.first, run.serials.last),
            load: run.load.height,
            loaded: show::time(run.load.at),
            holder: match run.holder {
                Holder::Reserved(..) => say("{holder}, reserved").put("holder", label),
                _ => label,
            },
            address: address(&holder),
        }
    }
}

fn shortened(label: String, most: usize) -> String {
    match label.chars().count() > most {
        true => label.chars().take(most - 1).chain(['\u{2026}']).collect(),
        false => label,
    }
}

fn address(stop: &Stop) -> Option<String> {
    match stop {
        Stop::Load(height) => Some(format!("/trace/load/{height}")),
        Stop::Purse(code) | Stop::Deposit(code) => Some(format!("/trace/purse/{code}")),
        Stop::Transit(payment) => Some(format!("/payments/{payment}")),
        Stop::Bond | Stop::Guarantee | Stop::Clearing | Stop::Redeemed | Stop::Other => None,
    }
}

const fn class(stop: &Stop) -> &'static str {
    match stop {
        Stop::Load(_) => "load",
        Stop::Purse(_) => "purse",
        Stop::Transit(_) => "transit",
        _ => "fund",
    }
}
