//! Devices that ask for a code and are not known.

use super::frame::{Frame, page};
use super::parts::{ISSUED_KINDS, Pill};
use crate::deeds::pending::{self as deeds, Terms};
use crate::door::{Fields, Sent, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::diary::{ASKER_LIFE_S, ASKERS_MAX, ASKERS_PER_ADDRESS, AskerRow, Standing};
use protocol::{Code, Digest};
use serde::Deserialize;

/// Devices on the page.
const SHOWN: usize = 200;
/// Decisions on the page.
const DECIDED_SHOWN: u32 = 20;

/// Somebody who waits, or waited.
struct Line {
    id: Digest,
    fingerprint: String,
    product: String,
    address: String,
    first: String,
    last: String,
    state: Pill,
    code: Option<Code>,
    reason: String,
    by: String,
}

#[derive(Template)]
#[template(path = "pending.html")]
struct Pending {
    frame: Frame,
    done: Option<Say>,
    waiting: usize,
    lines: Vec<Line>,
    decided: Vec<Line>,
}

impl Pending {
    fn bounds(&self) -> Say {
        say(
            "Up to {all} devices wait, {each} from one address; who has not asked for {time} waits no more.",
        )
        .put("all", show::count32(ASKERS_MAX))
        .put("each", show::count32(ASKERS_PER_ADDRESS))
        .put("time", show::duration(u64::from(ASKER_LIFE_S)))
    }
}

fn line(row: AskerRow) -> Line {
    let (class, word) = match &row.standing {
        Standing::Accepted(_) => ("good", say("accepted")),
        Standing::Rejected(_) => ("bad", say("rejected")),
        Standing::Waiting | Standing::Full => ("info", say("waiting")),
    };
    let (code, reason) = match row.standing {
        Standing::Accepted(code) => (Some(code), String::new()),
        Standing::Rejected(reason) => (None, reason),
        Standing::Waiting | Standing::Full => (None, String::new()),
    };
    Line {
        id: row.asker.id,
        fingerprint: fingerprint(&row.asker.fingerprint),
        product: row.asker.product,
        address: row.asker.address,
        first: show::time(row.first),
        last: show::time(row.last),
        state: Pill { class, word },
        code,
        reason,
        by: row.decided.map(|(by, _)| by).unwrap_or_default(),
    }
}

/// The first half of a fingerprint in groups, to be compared with what the device shows.
fn fingerprint(of: &Digest) -> String {
    let bytes = of.as_bytes().get(..16).unwrap_or_default();
    let groups = bytes.chunks(2).map(show::to_hex);
    groups.collect::<Vec<_>>().join(" ")
}

/// What was done.
#[derive(Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    accepted: u32,
    #[serde(default)]
    rejected: u32,
}

impl Done {
    fn notice(&self) -> Option<Say> {
        match (self.accepted, self.rejected) {
            (0, 0) => None,
            (0, rejected) => Some(
                say("One device is rejected.").or_many("{count} devices are rejected.", rejected),
            ),
            (accepted, _) => Some(
                say("One device is accepted; it gets its code when it asks again.").or_many(
                    "{count} devices are accepted; each gets its code when it asks again.",
                    accepted,
                ),
            ),
        }
    }
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(done): Query<Done>,
) -> Result<Response, Refusal> {
    let waiting = portal.diary.askers().await?;
    let decided = portal.diary.decided(DECIDED_SHOWN).await?;
    page(
        &visitor.reader,
        &Pending {
            frame: Frame::new(&portal, Some(&visitor), "/pending"),
            done: done.notice(),
            waiting: waiting.len(),
            lines: waiting.into_iter().take(SHOWN).map(line).collect(),
            decided: decided.into_iter().map(line).collect(),
        },
    )
}

/// The devices that were ticked.
fn ticked(form: &Fields) -> Result<Vec<Digest>, Refusal> {
    let ids = form.0.iter().filter(|(field, _)| field == "device");
    let ids: Vec<Digest> = ids.filter_map(|(_, id)| show::parse_id(id)).collect();
    match ids.len() {
        0 => Err(Refusal::Unfit(say("Tick at least one device."))),
        1..=SHOWN => Ok(ids),
        _ => Err(Refusal::TooLarge),
    }
}

/// Accepts those that were ticked.
pub async fn accept(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(fields): Sent<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let form = Fields(fields);
    let ids = ticked(&form)?;
    let kind = ISSUED_KINDS
        .into_iter()
        .find(|kind| kind.word() == form.text("kind"));
    let kind = kind.ok_or_else(|| Refusal::Unfit(say("Choose what the code names.")))?;
    let terms = Terms::read(kind, form.text("name"), form.text("product"))?;
    for (at, id) in ids.iter().enumerate() {
        let name = match ids.len() {
            1 => terms.name.clone(),
            _ => format!("{} {}", terms.name, at + 1),
        };
        deeds::accept(&portal, &visitor.actor(), id, &terms, name).await?;
    }
    let done = format!("/pending?accepted={}", ids.len());
    Ok(Redirect::to(&done).into_response())
}

/// Rejects those that were ticked.
pub async fn reject(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(fields): Sent<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let form = Fields(fields);
    let ids = ticked(&form)?;
    for id in &ids {
        deeds::reject(&portal, &visitor.actor(), id, form.text("reason")).await?;
    }
    let done = format!("/pending?rejected={}", ids.len());
    Ok(Redirect::to(&done).into_response())
}
