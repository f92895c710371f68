//! Codes of things: which there are, what is known of each, and what is done about it.

use super::list::{List, Of};
use super::operation::{Call, File, Files, Nothing, Shown, Told};
use super::states::OfCode;
use super::words::{CodeText, GridText, KindWord, Limit, ReferenceText, StateWord};
use crate::deeds::codes as deeds;
use crate::language::{Say, say};
use crate::pages::code as page;
use crate::pages::issue::{read_pem, wanted};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show::to_hex;
use ledger::views::ThingQuery;
use ledger::{ItemRow, LifeStep, Thing};
use protocol::chain::Named;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Longest text searched for, in bytes.
const TEXT_BYTES_MAX: usize = ledger::bounds::NAME_BYTES_MOST;

const UNKNOWN: Refusal = Refusal::NotFound(say("No such code is registered here."));

/// Which codes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CodesAsked {
    /// The beginning of a name in any case, or a whole code.
    #[param(max_length = 128)]
    text: Option<String>,
    kind: Option<KindWord>,
    state: Option<StateWord>,
    /// What `next` said in the page before, with the same filters.
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// A thing, as lists have it.
#[derive(Serialize, ToSchema)]
pub struct ThingShown {
    code: CodeText,
    kind: KindWord,
    name: String,
    product: String,
    /// Wallet class: 0 in software, 1 in a trusted environment, 2 in a secure element; null for a
    /// thing without a key.
    class: Option<u8>,
    state: StateWord,
    issued: u32,
    /// Null for a thing without a key: a manifest brought it.
    registered: Option<u32>,
    /// The door it is connected by right now: MQTT, CoAP, ...
    door: Option<&'static str>,
}

impl ThingShown {
    /// With what the house knows of it right now.
    pub fn of(portal: &Portal, thing: &Thing) -> Self {
        Self {
            code: CodeText(thing.code),
            kind: KindWord(thing.kind),
            name: thing.name.clone(),
            product: thing.product.clone(),
            class: Some(thing.class as u8),
            state: StateWord(thing.state),
            issued: thing.issued.0,
            registered: Some(thing.registered.0),
            door: portal.live.connected(&thing.code).map(|there| there.door),
        }
    }

    /// Of a thing without a key, which nobody has named and no door lets in.
    fn of_item(item: &ItemRow) -> Self {
        Self {
            code: CodeText(item.code),
            kind: KindWord(item.code.kind()),
            name: String::new(),
            product: item.product.clone(),
            class: None,
            state: StateWord(item.state),
            issued: item.issued.0,
            registered: None,
            door: None,
        }
    }
}

/// Things, the newest first.
pub async fn list(
    call: Call,
    _: Nothing,
    asked: CodesAsked,
) -> Result<Shown<List<ThingShown>>, Refusal> {
    let text = asked.text.unwrap_or_default();
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::Unfit(Say::plain("text: up to 128 bytes")));
    }
    let kind = asked.kind.map(|kind| kind.0);
    let state = asked.state.map(|state| state.0);
    let filters = [
        text.as_str(),
        kind.map_or("", |kind| kind.word()),
        state.map_or("", |state| state.word()),
    ];
    let of = Of("codes", &filters);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let query = ThingQuery {
        text: text.clone(),
        kind,
        state,
    };
    let listing = call.portal.ledger.things(&query, &page).await?;
    let show = |thing: Thing| ThingShown::of(&call.portal, &thing);
    Ok(Shown(of.shown(listing, show)))
}

/// A thing with all that is known of it.
#[derive(Serialize, ToSchema)]
pub struct ThingDetail {
    #[serde(flatten)]
    thing: ThingShown,
    owner: Option<CodeText>,
    /// The code that takes over from it.
    successor: Option<CodeText>,
    /// Where its next allowances are good; anywhere, or as its class, where nothing is said.
    area: Option<ReferenceText>,
    /// Where it stands.
    place: Option<GridText>,
    /// The order that a station made it by.
    order: Option<ReferenceText>,
    /// Of a thing without a key: the batch it was made in.
    batch: Option<String>,
    /// This and the rest: null for a thing without a key.
    key_epoch: Option<u32>,
    /// What it signs payments with, in hexadecimal digits.
    wallet_key: Option<String>,
    /// Its certificate, PEM.
    certificate: Option<String>,
    /// Its pass, in hexadecimal digits.
    pass: Option<String>,
}

/// One thing without a key, which is nobody's and stands in no area.
async fn show_item(portal: &Portal, code: &CodeText) -> Result<ThingDetail, Refusal> {
    let item = portal.ledger.item(&code.0).await?.ok_or(UNKNOWN)?;
    let standing = portal.ledger.standing(&item.code).await?;
    let places = portal.ledger.places_of(&item.code).await?;
    let place = places.first().filter(|binding| binding.until.is_none());
    let order = portal.ledger.order_of(&item.code).await?;
    Ok(ThingDetail {
        thing: ThingShown::of_item(&item),
        owner: standing.owner.map(CodeText),
        successor: standing.successor.map(CodeText),
        area: None,
        place: place.map(|binding| GridText(binding.place)),
        order: order.map(|order| ReferenceText(order.id)),
        batch: Some(item.batch),
        key_epoch: None,
        wallet_key: None,
        certificate: None,
        pass: None,
    })
}

async fn find(portal: &Portal, code: &CodeText) -> Result<Thing, Refusal> {
    portal.ledger.thing(&code.0).await?.ok_or(UNKNOWN)
}

/// One thing, with a key or without.
pub async fn show(call: Call, of: OfCode, _: Nothing) -> Result<Shown<ThingDetail>, Refusal> {
    let ledger = &call.portal.ledger;
    let Some(thing) = ledger.thing(&of.code.0).await? else {
        return Ok(Shown(show_item(&call.portal, &of.code).await?));
    };
    let standing = ledger.standing(&thing.code).await?;
    let places = ledger.places_of(&thing.code).await?;
    let place = places.first().filter(|binding| binding.until.is_none());
    let order = ledger.order_of(&thing.code).await?;
    Ok(Shown(ThingDetail {
        thing: ThingShown::of(&call.portal, &thing),
        owner: standing.owner.map(CodeText),
        successor: standing.successor.map(CodeText),
        area: standing.area.map(ReferenceText),
        place: place.map(|binding| GridText(binding.place)),
        order: order.map(|order| ReferenceText(order.id)),
        batch: None,
        key_epoch: Some(thing.key_epoch.0),
        wallet_key: Some(to_hex(thing.wallet_key.as_bytes())),
        certificate: Some(issuer::pem([thing.certificate.as_slice()])),
        pass: Some(to_hex(&thing.pass)),
    }))
}

/// A step in the life of a code.
#[derive(Serialize, ToSchema)]
pub struct StepShown {
    act: &'static str,
    /// The other thing, or the place, that it is about.
    other: Option<String>,
    reason: String,
    by: String,
    time: u32,
}

impl From<LifeStep> for StepShown {
    fn from(step: LifeStep) -> Self {
        Self {
            act: step.act.word(),
            other: step.other.map(|other| match other {
                Named::Thing(code) => code.to_string(),
                Named::Place(grid) => grid.to_string(),
            }),
            reason: step.reason,
            by: step.by,
            time: step.at.0,
        }
    }
}

/// What happened to a code, the newest first, 200 steps at most.
pub async fn life(call: Call, of: OfCode, _: Nothing) -> Result<Shown<List<StepShown>>, Refusal> {
    let steps = call.portal.ledger.life(&of.code.0).await?;
    if steps.is_empty() && call.portal.ledger.item(&of.code.0).await?.is_none() {
        drop(find(&call.portal, &of.code).await?);
    }
    let steps = steps.into_iter().map(StepShown::from).collect();
    Ok(Shown(List::whole(steps)))
}

/// How a label comes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LabelAsked {
    /// a4-21, a4-65, letter-30 or letter-80 for a sheet in PDF; zpl-1 or zpl-4 for a label printer.
    on: String,
    /// With a signature in the symbol, which is checked with no network.
    #[serde(default)]
    signed: bool,
}

/// Labels, for printers of either sort.
pub struct LabelFile;

impl Files for LabelFile {
    const KINDS: &'static [&'static str] = &["application/pdf", "text/plain"];
}

/// The label of a code.
pub async fn label(call: Call, of: OfCode, asked: LabelAsked) -> Result<File<LabelFile>, Refusal> {
    let file = page::label_of(&call.portal, of.code.0, &asked.on, asked.signed);
    Ok(file.await?.into())
}

/// A code that is wanted for a thing whose request somebody holds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeWish {
    /// What people call it.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// What sort of product it is.
    #[serde(default)]
    #[schema(max_length = 128)]
    product: String,
    /// device, module, person or service.
    kind: KindWord,
    /// PKCS#10, PEM: -----BEGIN CERTIFICATE REQUEST-----
    #[schema(min_length = 1, max_length = 16384)]
    request: String,
}

/// Issues a code.
pub async fn issue_one(call: &Call, wish: &CodeWish) -> Result<ThingShown, Refusal> {
    let by = &call.actor.name;
    let order = wanted(wish.kind.0, &wish.name, &wish.product, &wish.request, by);
    let order = order.map_err(Refusal::Unfit)?;
    let code = deeds::issue(&call.portal, &call.actor, order).await?;
    let thing = find(&call.portal, &CodeText(code)).await?;
    Ok(ThingShown::of(&call.portal, &thing))
}

/// Issues a code from a request. The same request gets the same code.
pub async fn issue(
    call: Call,
    _: Nothing,
    Told(wish): Told<CodeWish>,
) -> Result<Shown<ThingShown>, Refusal> {
    Ok(Shown(issue_one(&call, &wish).await?))
}

/// Done; what came of it stands in the thing.
#[derive(Serialize, ToSchema)]
pub struct CodeDone {
    code: CodeText,
}

fn done(code: CodeText) -> Shown<CodeDone> {
    Shown(CodeDone { code })
}

/// Where a thing shall stand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceWish {
    /// A registered grid code; null for nowhere.
    place: Option<GridText>,
    /// Up to 100 characters; it stays in the history.
    #[schema(min_length = 1, max_length = 100)]
    reason: String,
}

/// Says where a thing stands from now on.
pub async fn place(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<PlaceWish>,
) -> Result<Shown<CodeDone>, Refusal> {
    let place = wish.place.map(|place| place.0);
    deeds::place(&call.portal, &call.actor, &code.0, place, &wish.reason).await?;
    Ok(done(code))
}

/// Where allowances shall be good.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaOfWish {
    /// An area; null for anywhere, or as its class.
    pub area: Option<ReferenceText>,
}

/// Says where the next allowances of a thing are good.
pub async fn area(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<AreaOfWish>,
) -> Result<Shown<CodeDone>, Refusal> {
    let area = wish.area.map(|area| area.0);
    deeds::area(&call.portal, &call.actor, &code.0, area).await?;
    Ok(done(code))
}

/// Whose a thing is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerWish {
    owner: CodeText,
    /// What the issuer knows that owner by; guarantees are paid to nobody else.
    #[serde(default)]
    #[schema(max_length = 128)]
    known_as: String,
}

/// Says whose a thing is.
pub async fn owner(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<OwnerWish>,
) -> Result<Shown<CodeDone>, Refusal> {
    let (owner, known_as) = (&wish.owner.0, &wish.known_as);
    deeds::owner(&call.portal, &call.actor, &code.0, owner, known_as).await?;
    Ok(done(code))
}

/// Another wallet key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyWish {
    /// PKCS#10, PEM, signed by the transport key that the code was made for.
    #[schema(min_length = 1, max_length = 16384)]
    request: String,
}

/// Gives a thing another wallet key.
pub async fn key(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<KeyWish>,
) -> Result<Shown<CodeDone>, Refusal> {
    let request = read_pem(&wish.request).map_err(Refusal::Unfit)?;
    deeds::key(&call.portal, &call.actor, &code.0, request).await?;
    Ok(done(code))
}

/// Where the money of a lost thing goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryWish {
    /// Another code of its owner's.
    to: CodeText,
}

/// The money of a lost thing goes to another code of its owner's.
pub async fn recover(
    call: Call,
    OfCode { code }: OfCode,
    Told(wish): Told<RecoveryWish>,
) -> Result<Shown<CodeDone>, Refusal> {
    deeds::recover(&call.portal, &call.actor, &code.0, &wish.to.0).await?;
    Ok(done(code))
}
