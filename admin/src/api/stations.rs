//! Stations, what they were told to make, and what they brought back.

use super::codes::LabelFile;
use super::list::List;
use super::operation::{Call, File, Files, Nothing, Shown, Told};
use super::words::{CodeText, KindWord, ReferenceText};
use crate::batch::{self, BatchFile};
use crate::deeds::stations as deeds;
use crate::language::say;
use crate::pages::order as page;
use crate::pages::orders::{Wanted, wanted};
use crate::pages::stations::granted;
use crate::refusal::Refusal;
use crate::station_desk::Admission;
use issuer::order::short;
use ledger::{OrderRow, StationRow};
use protocol::AssuranceClass;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A station.
#[derive(Serialize, ToSchema)]
pub struct StationShown {
    /// Null while its admission is not complete.
    station: Option<CodeText>,
    name: String,
    /// Its number with the issuer.
    number: u16,
    /// What it may make, in words.
    kinds: String,
    /// Its numbers, as far as they go.
    first: u64,
    last: u64,
    /// How many of them it may still use, as far as is known here.
    left: u64,
    /// Admitted until then.
    ends: u32,
    by: String,
    time: u32,
}

fn shown(call: &Call, row: &StationRow) -> StationShown {
    let granted = granted(row, &call.portal.network, call.actor.now);
    let quota = granted.as_ref().map(|granted| granted.quota);
    StationShown {
        station: row.granted.as_ref().map(|(code, _)| CodeText(*code)),
        name: row.name.clone(),
        number: row.station,
        first: quota.map_or(0, |quota| quota.first),
        last: quota.map_or(0, |quota| quota.last),
        left: granted.as_ref().map_or(0, |granted| granted.left(row)),
        ends: granted.as_ref().map_or(0, |granted| granted.ends.0),
        kinds: granted
            .map(|granted| granted.kinds.to_string())
            .unwrap_or_default(),
        by: row.by.clone(),
        time: row.at.0,
    }
}

/// All stations.
pub async fn list(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<StationShown>>, Refusal> {
    let rows = call.portal.ledger.stations().await?;
    let rows = rows.iter().map(|row| shown(&call, row)).collect();
    Ok(Shown(List::whole(rows)))
}

/// Which station.
#[derive(Deserialize, IntoParams)]
pub struct OfStation {
    /// Its code.
    station: CodeText,
}

async fn find(call: &Call, of: &OfStation) -> Result<StationRow, Refusal> {
    let row = call.portal.ledger.station(&of.station.0).await?;
    row.ok_or(Refusal::NotFound(say("No such station is admitted here.")))
}

/// One station.
pub async fn show(call: Call, of: OfStation, _: Nothing) -> Result<Shown<StationShown>, Refusal> {
    let row = find(&call, &of).await?;
    Ok(Shown(shown(&call, &row)))
}

/// What a station is given; all of it is public.
#[derive(Serialize, ToSchema)]
pub struct GrantShown {
    /// For `onecode-station`, as a file.
    grant: String,
}

/// What a station is given.
pub async fn grant(call: Call, of: OfStation, _: Nothing) -> Result<Shown<GrantShown>, Refusal> {
    let (_, grant) = find(&call, &of).await?.granted.ok_or(Refusal::Broken)?;
    Ok(Shown(GrantShown { grant }))
}

/// A station that asks to be admitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StationWish {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// Its request.pem.
    #[schema(min_length = 1, max_length = 16384)]
    request: String,
    /// device, module or passive item.
    #[schema(min_items = 1, max_items = 3)]
    kinds: Vec<KindWord>,
    /// Its first number; it stays.
    #[schema(minimum = 1)]
    first: u64,
    /// Its last number; it may grow.
    #[schema(minimum = 1)]
    last: u64,
    #[schema(minimum = 1, maximum = 7300)]
    days: u32,
}

/// Admits a station. The same request again changes its quota.
pub async fn admit(
    call: Call,
    _: Nothing,
    Told(wish): Told<StationWish>,
) -> Result<Shown<StationShown>, Refusal> {
    let kinds: Vec<_> = wish.kinds.iter().map(|kind| kind.0).collect();
    let asked = Admission {
        request: wish.request,
        name: wish.name.trim().to_owned(),
        kinds,
        first: wish.first,
        last: wish.last,
        days: wish.days,
        by: call.actor.name.clone(),
    };
    let station = deeds::admit(&call.portal, &call.actor, asked).await?;
    let station = CodeText(station);
    show(call, OfStation { station }, Nothing {}).await
}

/// What a station was told to make.
#[derive(Serialize, ToSchema)]
pub struct OrderShown {
    order: ReferenceText,
    /// As people call it.
    short: String,
    station: CodeText,
    /// How many good ones.
    count: u32,
    /// How many have come back.
    made: u32,
    product: String,
    batch: String,
    by: String,
    time: u32,
}

impl From<OrderRow> for OrderShown {
    fn from(row: OrderRow) -> Self {
        Self {
            order: ReferenceText(row.id),
            short: short(&row.id),
            station: CodeText(row.station),
            count: row.count,
            made: row.made,
            product: row.product,
            batch: row.batch,
            by: row.by,
            time: row.at.0,
        }
    }
}

/// Orders, the newest first.
pub async fn orders(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<OrderShown>>, Refusal> {
    let rows = call.portal.ledger.orders().await?;
    let rows = rows.into_iter().map(OrderShown::from).collect();
    Ok(Shown(List::whole(rows)))
}

/// Which order.
#[derive(Deserialize, IntoParams)]
pub struct OfOrder {
    /// Its reference.
    order: ReferenceText,
}

/// One order; `made` of `count` says how far it is.
pub async fn order(call: Call, of: OfOrder, _: Nothing) -> Result<Shown<OrderShown>, Refusal> {
    let (row, _) = page::find(&call.portal, &of.order.0.to_string()).await?;
    Ok(Shown(row.into()))
}

/// Codes that are wanted from a station.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderWish {
    station: CodeText,
    /// device, module or passive item.
    kind: KindWord,
    #[schema(minimum = 1, maximum = 1000000)]
    count: u32,
    #[serde(default)]
    #[schema(max_length = 128)]
    product: String,
    #[serde(default)]
    #[schema(max_length = 128)]
    batch: String,
    /// How long the credentials of things are good.
    #[schema(minimum = 1, maximum = 7300)]
    life_days: u32,
    /// How long the station may work on it.
    #[schema(minimum = 1, maximum = 7300)]
    days: u32,
    /// Wallet class: 0 in software, 1 in a trusted environment, 2 in a secure element.
    #[schema(minimum = 0, maximum = 2)]
    class: u8,
}

/// Signs an order and keeps it.
pub async fn give(
    call: Call,
    _: Nothing,
    Told(wish): Told<OrderWish>,
) -> Result<Shown<OrderShown>, Refusal> {
    let said = Wanted {
        station: Some(wish.station.0),
        kind: Some(wish.kind.0),
        count: Some(wish.count),
        life_days: Some(wish.life_days),
        days: Some(wish.days),
        class: AssuranceClass::from_number(wish.class),
        product: &wish.product,
        batch: &wish.batch,
    };
    let wish = wanted(said, &call.actor.name).map_err(Refusal::Unfit)?;
    let order = deeds::order(&call.portal, &call.actor, wish).await?;
    let order = ReferenceText(order);
    self::order(call, OfOrder { order }, Nothing {}).await
}

/// Text.
pub struct Text;

impl Files for Text {
    const KINDS: &'static [&'static str] = &["text/plain"];
}

/// The signed order, as it goes to the station.
pub async fn order_file(call: Call, of: OfOrder, _: Nothing) -> Result<File<Text>, Refusal> {
    let order = of.order.0.to_string();
    let file = page::order_file(&call.portal, &order).await?;
    Ok(file.into())
}

/// A table.
pub struct Csv;

impl Files for Csv {
    const KINDS: &'static [&'static str] = &["text/csv"];
}

/// The codes that came back, as a table.
pub async fn order_codes(call: Call, of: OfOrder, _: Nothing) -> Result<File<Csv>, Refusal> {
    let (row, order) = page::find(&call.portal, &of.order.0.to_string()).await?;
    Ok(batch::file(call.portal, row, order, BatchFile::Codes).into())
}

/// An archive.
pub struct Tar;

impl Files for Tar {
    const KINDS: &'static [&'static str] = &["application/x-tar"];
}

/// The inclusion proof of every code.
pub async fn order_proofs(call: Call, of: OfOrder, _: Nothing) -> Result<File<Tar>, Refusal> {
    let (row, order) = page::find(&call.portal, &of.order.0.to_string()).await?;
    batch::is_proved(&call.portal, &row, &order).await?;
    Ok(batch::file(call.portal, row, order, BatchFile::Proofs).into())
}

/// Which labels of a batch, and how they come.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LabelsAsked {
    /// a4-21, a4-65, letter-30 or letter-80 for a sheet in PDF; zpl-1 or zpl-4 for a label printer.
    on: String,
    /// With a signature in the symbol, which is checked with no network.
    #[serde(default)]
    signed: bool,
    /// A large batch comes in parts; the first where nothing is said.
    #[param(minimum = 1)]
    part: Option<u32>,
}

/// Labels of a batch, a part at a time.
pub async fn order_labels(
    call: Call,
    of: OfOrder,
    asked: LabelsAsked,
) -> Result<File<LabelFile>, Refusal> {
    let (row, order) = page::find(&call.portal, &of.order.0.to_string()).await?;
    let part = asked.part.unwrap_or(1);
    let file = page::label_part(&call.portal, &row, &order, part, &asked.on, asked.signed);
    Ok(file.await?.into())
}
