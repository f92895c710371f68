//! The stations, and the form that admits one.

use super::frame::{Frame, page, page_with};
use super::parts::Pill;
use crate::deeds::stations as deeds;
use crate::door::{Fields, Upload, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::REGISTERS;
use crate::show;
use crate::station_desk::Admission;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use issuer::{Grant, Quota};
use ledger::StationRow;
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, Kind, Network, Timestamp};

/// What a station may be allowed to make.
pub const STATION_KINDS: [Kind; 3] = [Kind::Device, Kind::Module, Kind::PassiveItem];

/// What a station was granted, as far as people look at it.
pub struct Granted {
    /// The station's code.
    pub code: Code,
    /// Its number with the issuer.
    pub station: u16,
    /// What it may make, in words.
    pub kinds: Say,
    /// What it may make.
    pub quota: Quota,
    /// Until when.
    pub ends: Timestamp,
    /// How it stands.
    pub pill: Pill,
    /// The root's key, as it is compared at the station.
    pub root_key: String,
}

/// Reads the grant of a station; `None` while it has none.
pub fn granted(row: &StationRow, network: &Network, now: Timestamp) -> Option<Granted> {
    let (code, text) = row.granted.as_ref()?;
    let grant = Grant::read(text).ok()?;
    let [_, own] = &grant.passes;
    let pass = *open::<Pass>(own, network).ok()?.peek();
    let quota = Quota::of(&pass)?;
    let kinds = STATION_KINDS.into_iter().filter(|kind| quota.covers(*kind));
    let kinds = Say::list(kinds.map(below::kind)).unwrap_or(say("none"));
    let (class, word) = match () {
        () if row.dismissed.is_some() => ("bad", say("dismissed")),
        () if pass.expires <= now => ("bad", say("ended")),
        () if row.next_sequence > quota.last => ("warn", say("used up")),
        () => ("good", say("admitted")),
    };
    Some(Granted {
        code: *code,
        station: row.station,
        kinds,
        quota,
        ends: pass.expires,
        pill: Pill { class, word },
        root_key: grant.root_key_text(),
    })
}

impl Granted {
    /// Numbers that it may still use, as far as is known here.
    pub fn left(&self, row: &StationRow) -> u64 {
        (self.quota.last + 1).saturating_sub(row.next_sequence)
    }
}

struct Line {
    row: StationRow,
    granted: Option<Granted>,
}

#[derive(Template)]
#[template(path = "stations.html")]
struct Stations {
    frame: Frame,
    registers: bool,
    problem: Option<Say>,
    form: Form,
    lines: Vec<Line>,
}

/// What the form holds when it comes back.
struct Form {
    name: String,
    kinds: Vec<Kind>,
    first: String,
    last: String,
    days: String,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            name: String::new(),
            kinds: vec![Kind::Device],
            first: "1".to_owned(),
            last: "1000000".to_owned(),
            days: "365".to_owned(),
        }
    }
}

impl Stations {
    fn is_ticked(&self, kind: &Kind) -> bool {
        self.form.kinds.contains(kind)
    }
}

async fn stations(
    portal: &Portal,
    visitor: &Visitor,
    form: Form,
    problem: Option<Say>,
) -> Result<Stations, Refusal> {
    let frame = Frame::new(portal, Some(visitor), "/stations");
    let line = |row: StationRow| Line {
        granted: granted(&row, &portal.network, visitor.now),
        row,
    };
    let rows = portal.ledger.stations().await?;
    Ok(Stations {
        registers: frame.may(REGISTERS),
        frame,
        problem,
        form,
        lines: rows.into_iter().map(line).collect(),
    })
}

/// The list.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &stations(&portal, &visitor, Form::default(), None).await?,
    )
}

/// Admits a station, and goes to its page. The same request again changes its quota.
pub async fn admit(
    State(portal): State<Shared>,
    visitor: Visitor,
    upload: Upload,
) -> Result<Response, Refusal> {
    let fields = Fields(upload.fields().await?);
    let ticked = |kind: &Kind| fields.is_ticked(kind.word());
    let form = Form {
        name: fields.text("name").to_owned(),
        kinds: STATION_KINDS.into_iter().filter(ticked).collect(),
        first: fields.text("first").to_owned(),
        last: fields.text("last").to_owned(),
        days: fields.text("days").to_owned(),
    };
    let asked = match asked(&fields, &form, &visitor) {
        Ok(asked) => asked,
        Err(problem) => return again(&portal, &visitor, form, problem).await,
    };
    match deeds::admit(&portal, &visitor.actor(), asked).await {
        Ok(code) => Ok(Redirect::to(&format!("/stations/{code}?done=admitted")).into_response()),
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, form, problem).await,
        Err(refusal) => Err(refusal),
    }
}

async fn again(
    portal: &Portal,
    visitor: &Visitor,
    form: Form,
    problem: Say,
) -> Result<Response, Refusal> {
    let page = stations(portal, visitor, form, Some(problem)).await?;
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn asked(fields: &Fields, form: &Form, visitor: &Visitor) -> Result<Admission, Say> {
    let number = |name: &str| fields.number::<u64>(name).map_err(|why| why.sentence());
    if fields.text("request").is_empty() {
        return Err(say("Choose the station's request.pem."));
    }
    Ok(Admission {
        request: fields.text("request").to_owned(),
        name: form.name.clone(),
        kinds: form.kinds.clone(),
        first: number("first")?,
        last: number("last")?,
        days: u32::try_from(number("days")?).unwrap_or(u32::MAX),
        by: visitor.name().to_owned(),
    })
}
