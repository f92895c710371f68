//! One thing: who it is, what it holds, what it did, and its state.

use super::acts::Done;
use super::frame::{Frame, page};
use super::item;
use super::parts::{
    Names, Party, PaymentLine, Pill, attachment, exponents, payment_lines, read_code, state,
};
use crate::credential::{self, CertificateFacts, PassFacts};
use crate::desk::Connected;
use crate::door::Visitor;
use crate::draw::{Qr, code_uri};
use crate::evidence::{Check, class, key_text};
use crate::labels::{self, FORMS};
use crate::language::{Language, Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::{DECIDES, MOVES_MONEY, PLACES, REGISTERS, SEES_MONEY};
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::rules::life::after;
use ledger::views::{Page, PaymentQuery};
use ledger::{AreaRow, LifeStep, OrderRow, StationRow, Thing, ThingState};
use protocol::Code;
use protocol::chain::{ActKind, Named};
use serde::Deserialize;

/// Payments shown per direction.
const NEWEST: u32 = 10;

const UNKNOWN: Refusal = Refusal::NotFound(say("No such code is registered here."));

/// What it holds in one currency.
struct Holding {
    unit: String,
    free: String,
    reserved: String,
    incoming: String,
}

/// One step of its life, as it is shown.
pub struct Step {
    pub pill: Pill,
    pub other: Option<Link>,
    pub reason: String,
    pub by: String,
    pub at: String,
}

/// A page with what it is called.
pub struct Link {
    pub path: String,
    pub label: Say,
}

/// A form's choice.
pub struct Choice {
    pub act: ActKind,
    pub words: Say,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    done: Option<Say>,
    thing: Thing,
    state: Pill,
    connected: Option<Connected>,
    certificate: Option<CertificateFacts>,
    pass: Option<PassFacts>,
    steps: Vec<Step>,
    choices: Vec<Choice>,
    places: bool,
    place: Option<Link>,
    qr: Option<Qr>,
    names: Vec<String>,
    order: Option<OrderRow>,
    station: Option<StationRow>,
    sees_money: bool,
    moves_money: bool,
    decides: bool,
    registers: bool,
    owner: Option<Party>,
    successor: Option<Party>,
    areas: Vec<AreaRow>,
    area: Option<AreaRow>,
    holdings: Vec<Holding>,
    paid: Vec<PaymentLine>,
    received: Vec<PaymentLine>,
}

impl CodePage {
    fn class(&self) -> Say {
        class(self.thing.class as u8)
    }

    fn wallet_key(&self) -> String {
        key_text(&self.thing.wallet_key)
    }

    fn is_area(&self, row: &AreaRow) -> bool {
        self.area.as_ref() == Some(row)
    }
}

#[derive(Deserialize)]
pub struct After {
    done: Option<String>,
}

/// The thing that an address names.
pub async fn find(portal: &Portal, text: &str) -> Result<Thing, Refusal> {
    let code = read_code(text)?;
    portal.ledger.thing(&code).await?.ok_or(UNKNOWN)
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(query): Query<After>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let authorities = portal.desk.authorities();
    if authorities.iter().any(|card| card.code == code) {
        // An authority is no thing of this station; everybody sees the same of it.
        return Ok(Redirect::to(&format!("/1/{code}")).into_response());
    }
    if let Some(item) = portal.ledger.item(&code).await? {
        let done = query.done.as_deref().and_then(Done::notice);
        return item::show(&portal, &visitor, item, done).await;
    }
    let thing = find(&portal, &text).await?;
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    let signer = credential::signer(&portal, &thing.pass).await?;
    let money = match frame.may(SEES_MONEY) {
        true => money(&portal, &code).await?,
        false => Money::default(),
    };
    let life = portal.ledger.life(&code).await?;
    let standing = portal.ledger.standing(&code).await?;
    let others = standing.owner.into_iter().chain(standing.successor);
    let others = others.chain(life.iter().filter_map(other_thing));
    let names = Names::of(&portal.ledger, others.collect()).await?;
    let steps = steps(&portal, &names, life).await?;
    let place = stands_at(&portal, &names, &code).await?;
    let areas = portal.ledger.areas().await?;
    let order = portal.ledger.order_of(&code).await?;
    let station = match &order {
        Some(order) => portal.ledger.station(&order.station).await?,
        None => None,
    };
    let other_names = portal.ledger.aliases_of(&code).await?;
    page(
        &visitor.reader,
        &CodePage {
            names: other_names,
            done: query.done.as_deref().and_then(Done::notice),
            state: state(thing.state),
            connected: portal.live.connected(&code),
            certificate: credential::certificate(&thing.certificate),
            pass: credential::pass(&thing.pass, &portal.network, signer.as_ref()),
            steps,
            choices: choices(thing.state),
            places: frame.may(PLACES),
            place,
            qr: Qr::draw(code_uri(&portal.resolver, &code)),
            order,
            station,
            sees_money: frame.may(SEES_MONEY),
            moves_money: frame.may(MOVES_MONEY),
            decides: frame.may(DECIDES),
            registers: frame.may(REGISTERS),
            owner: standing.owner.map(|code| names.party(code)),
            successor: standing.successor.map(|code| names.party(code)),
            area: areas
                .iter()
                .find(|row| Some(row.reference) == standing.area)
                .cloned(),
            areas,
            frame,
            thing,
            holdings: money.holdings,
            paid: money.paid,
            received: money.received,
        },
    )
}

/// What may happen to it next, in words.
pub fn choices(state: ThingState) -> Vec<Choice> {
    [
        (ActKind::Activated, say("activated, in use from now on")),
        (ActKind::Suspended, say("suspended, until released")),
        (ActKind::Resumed, say("released, in use again")),
        (ActKind::Retired, say("retired, for good")),
        (ActKind::Revoked, say("revoked, for good")),
    ]
    .into_iter()
    .filter(|(act, _)| after(state, *act).is_ok_and(|next| next != state))
    .filter(|(act, _)| *act != ActKind::Activated || state == ThingState::Issued)
    .map(|(act, words)| Choice { act, words })
    .collect()
}

fn other_thing(step: &LifeStep) -> Option<Code> {
    match step.other {
        Some(Named::Thing(code)) => Some(code),
        _ => None,
    }
}

async fn link(portal: &Portal, names: &Names, named: Named) -> Result<Link, Refusal> {
    Ok(match named {
        Named::Thing(code) => Link {
            path: format!("/codes/{code}"),
            label: Say::plain(names.party(code).label()),
        },
        Named::Place(grid) => {
            let row = portal.ledger.grid(&grid).await?;
            let name = row.map(|row| row.name).filter(|name| !name.is_empty());
            Link {
                path: format!("/grids/{grid}"),
                label: name.map_or(say("unnamed place"), Say::plain),
            }
        }
    })
}

/// The place where it stands now.
pub async fn stands_at(
    portal: &Portal,
    names: &Names,
    code: &Code,
) -> Result<Option<Link>, Refusal> {
    let places = portal.ledger.places_of(code).await?;
    match places.first().filter(|binding| binding.until.is_none()) {
        Some(binding) => link(portal, names, Named::Place(binding.place))
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// Its life, for people.
pub async fn steps(
    portal: &Portal,
    names: &Names,
    life: Vec<LifeStep>,
) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for step in life {
        steps.push(Step {
            pill: Pill {
                class: class_of(step.act),
                word: below::act(step.act),
            },
            other: match step.other {
                Some(named) => Some(link(portal, names, named).await?),
                None => None,
            },
            reason: step.reason,
            by: step.by,
            at: show::time(step.at),
        });
    }
    Ok(steps)
}

const fn class_of(act: ActKind) -> &'static str {
    match act {
        ActKind::Activated | ActKind::Resumed => "good",
        ActKind::Suspended => "warn",
        ActKind::Revoked => "bad",
        ActKind::Bound | ActKind::Transferred | ActKind::Rekeyed => "info",
        _ => "none",
    }
}

#[derive(Default)]
struct Money {
    holdings: Vec<Holding>,
    paid: Vec<PaymentLine>,
    received: Vec<PaymentLine>,
}

async fn money(portal: &Portal, code: &Code) -> Result<Money, Refusal> {
    let exponents = exponents(&portal.ledger).await?;
    let purse = portal.ledger.purse(code).await?;
    let newest = Page::first(NEWEST);
    let by = PaymentQuery {
        payer: Some(*code),
        payee: None,
    };
    let to = PaymentQuery {
        payer: None,
        payee: Some(*code),
    };
    let paid = portal.ledger.payments(&by, &newest).await?.rows;
    let received = portal.ledger.payments(&to, &newest).await?.rows;
    let holdings = purse.iter().map(|view| {
        let exponent = exponents.of(&view.row.currency);
        let text = |amount: protocol::AmountMinor| show::amount(i128::from(amount.get()), exponent);
        Holding {
            unit: view.row.currency.name().to_owned(),
            free: text(view.row.free),
            reserved: text(view.row.reserved),
            incoming: text(view.incoming),
        }
    });
    Ok(Money {
        holdings: holdings.collect(),
        paid: payment_lines(portal, &exponents, paid).await?,
        received: payment_lines(portal, &exponents, received).await?,
    })
}

/// The certificate as a file.
pub async fn certificate(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let thing = find(&portal, &text).await?;
    let name = format!("{}.pem", thing.code);
    let certificate = issuer::pem([thing.certificate.as_slice()]);
    Ok(attachment("application/x-pem-file", &name, certificate))
}

#[derive(Template)]
#[template(path = "qr.svg")]
struct Label {
    qr: Qr,
}

/// A QR symbol as a picture of its own.
pub fn picture(text: String) -> Result<Response, Refusal> {
    let qr = Qr::draw(text).ok_or(Refusal::Broken)?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml")];
    Ok((
        headers,
        Label { qr }.render_with_values(&Language::English)?,
    )
        .into_response())
}

#[derive(Deserialize)]
pub struct LabelForm {
    #[serde(default)]
    on: String,
    #[serde(default)]
    signed: String,
}

/// The whole label as a file for a printer.
pub async fn label_file(
    State(portal): State<Shared>,
    Path(text): Path<String>,
    Query(asked): Query<LabelForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    label_of(&portal, code, &asked.on, !asked.signed.is_empty()).await
}

/// The whole label of a code as a file for a printer.
pub async fn label_of(
    portal: &Portal,
    code: Code,
    on: &str,
    signed: bool,
) -> Result<Response, Refusal> {
    let order = portal.ledger.order_of(&code).await?;
    let (product, batch) = match (order, portal.ledger.thing(&code).await?) {
        (Some(order), _) => (order.product, order.batch),
        (None, Some(thing)) => (thing.product, String::new()),
        (None, None) => return Err(UNKNOWN),
    };
    let words = (product.as_str(), batch.as_str());
    let name = format!("label-{code}");
    labels::file(portal, vec![code], words, on, signed, &name).await
}

/// The QR symbol as a picture of its own.
pub async fn label(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    match portal.ledger.item(&code).await? {
        Some(_) => {}
        None => drop(find(&portal, &text).await?),
    }
    picture(code_uri(&portal.resolver, &code))
}
