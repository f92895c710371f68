//! Stations, what they were told to make, and what they brought back.

use super::row::Row;
use super::things::ThingState;
use super::{Connection, Result};
use protocol::code::{STATION_END, STATION_SEQUENCE_END};
use protocol::{Code, Digest, Reference, Timestamp};

/// A station's own numbers at station 0 begin here.
const NUMBER_FIRST: i64 = 16;
/// The gateway itself is station 1.
const STATION_FIRST: i64 = 2;

/// A station, as far as its manifests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationRow {
    /// Its own number at station 0.
    pub number: u64,
    /// Its number with the issuer.
    pub station: u16,
    /// Serial number of its certificate.
    pub serial: [u8; 16],
    /// What people call it.
    pub name: String,
    /// Who admitted it.
    pub by: String,
    /// When; stands in its credentials.
    pub at: Timestamp,
    /// Code and grant, once it is signed.
    pub granted: Option<(Code, String)>,
    /// Head of its journal.
    pub head: Digest,
    /// The next number it may use.
    pub next_sequence: u64,
    /// The next manifest.
    pub next_manifest: u32,
    /// Nothing more is taken from it.
    pub dismissed: Option<Dismissal>,
}

/// The end of a station's work for this gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

type Columns = (
    i64,
    i64,
    Vec<u8>,
    String,
    String,
    i64,
    Option<Vec<u8>>,
    Option<String>,
    Vec<u8>,
    i64,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
);

macro_rules! select_station {
    ($rest:literal) => {
        concat!(
            "SELECT number, station, serial, name, made_by, at, code, granted, head, \
             next_sequence, next_manifest, dismissed, dismissed_why, dismissed_by FROM station ",
            $rest
        )
    };
}

fn station_from(columns: Columns) -> Result<StationRow> {
    let (
        number,
        station,
        serial,
        name,
        by,
        at,
        code,
        granted,
        head,
        sequence,
        manifest,
        ended,
        why,
        who,
    ) = columns;
    let row = Row {
        table: "station",
        key: &number,
    };
    let code = code.map(|code| row.code(&code)).transpose()?;
    Ok(StationRow {
        number: row.count(number)?,
        station: u16::try_from(station).map_err(|_| row.damaged("no station"))?,
        serial: row.serial(&serial)?,
        name,
        by,
        at: row.time(at)?,
        granted: code.zip(granted),
        head: row.digest(&head)?,
        next_sequence: row.count(sequence)?,
        next_manifest: row.units(manifest)?,
        dismissed: match ended {
            Some(at) => Some(Dismissal {
                at: row.time(at)?,
                reason: why.unwrap_or_default(),
                by: who.unwrap_or_default(),
            }),
            None => None,
        },
    })
}

/// The station of a request.
pub(crate) async fn by_request(
    connection: &mut Connection,
    request: &[u8; 32],
) -> Result<Option<StationRow>> {
    let columns: Option<Columns> = sqlx::query_as(select_station!("WHERE request_hash = $1"))
        .bind(request.as_slice())
        .fetch_optional(connection)
        .await?;
    columns.map(station_from).transpose()
}

/// The station with this code.
pub(crate) async fn by_code(
    connection: &mut Connection,
    code: &Code,
) -> Result<Option<StationRow>> {
    let columns: Option<Columns> = sqlx::query_as(select_station!("WHERE code = $1"))
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    columns.map(station_from).transpose()
}

/// The station with this number.
pub(crate) async fn by_number(
    connection: &mut Connection,
    station: u16,
) -> Result<Option<StationRow>> {
    let columns: Option<Columns> = sqlx::query_as(select_station!("WHERE station = $1"))
        .bind(station)
        .fetch_optional(connection)
        .await?;
    columns.map(station_from).transpose()
}

/// All stations, the oldest first.
pub(crate) async fn all(connection: &mut Connection, most: u32) -> Result<Vec<StationRow>> {
    let rows: Vec<Columns> = sqlx::query_as(select_station!("ORDER BY number LIMIT $1"))
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(station_from).collect()
}

/// What was signed for each station; there are never more of them than station numbers.
pub(crate) async fn grants(connection: &mut Connection) -> Result<Vec<(Code, String)>> {
    let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(
        "SELECT number, code, granted FROM station
         WHERE code IS NOT NULL AND granted IS NOT NULL ORDER BY number LIMIT $1",
    )
    .bind(STATION_END)
    .fetch_all(connection)
    .await?;
    let grant = |(number, code, granted): (i64, Vec<u8>, String)| {
        let row = Row {
            table: "station",
            key: &number,
        };
        Ok((row.code(&code)?, granted))
    };
    rows.into_iter().map(grant).collect()
}

/// What a new station is called and begins with.
pub(crate) struct NewStation<'a> {
    pub request: &'a [u8; 32],
    pub serial: &'a [u8; 16],
    pub name: &'a str,
    pub by: &'a str,
    pub first: u64,
    pub now: Timestamp,
}

/// Numbers a station. Rows are never deleted, so neither number was used before.
pub(crate) async fn insert(connection: &mut Connection, new: &NewStation<'_>) -> Result<()> {
    sqlx::query(
        "INSERT INTO station (number, station, request_hash, serial, name, made_by, at, head,
           next_sequence, next_manifest)
         VALUES ((SELECT coalesce(max(number) + 1, $1) FROM station),
           (SELECT coalesce(max(station) + 1, $2) FROM station), $3, $4, $5, $6, $7, $8, $9, 1)",
    )
    .bind(NUMBER_FIRST)
    .bind(STATION_FIRST)
    .bind(new.request.as_slice())
    .bind(new.serial.as_slice())
    .bind(new.name)
    .bind(new.by)
    .bind(i64::from(new.now.0))
    .bind([0; 32].as_slice())
    .bind(new.first as i64)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what a station was given.
pub(crate) async fn grant(
    connection: &mut Connection,
    number: u64,
    code: &Code,
    granted: &str,
    pass: &[u8],
) -> Result<()> {
    sqlx::query("UPDATE station SET code = $2, granted = $3, pass = $4 WHERE number = $1")
        .bind(number as i64)
        .bind(code.as_bytes().as_slice())
        .bind(granted)
        .bind(pass)
        .execute(connection)
        .await?;
    Ok(())
}

/// The pass of a station that was admitted here.
pub(crate) async fn pass_of(connection: &mut Connection, code: &Code) -> Result<Option<Vec<u8>>> {
    let row: Option<(Option<Vec<u8>>,)> =
        sqlx::query_as("SELECT pass FROM station WHERE code = $1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    Ok(row.and_then(|(pass,)| pass))
}

/// Keeps that nothing more is taken from a station.
pub(crate) async fn dismiss(
    connection: &mut Connection,
    code: &Code,
    dismissal: &Dismissal,
) -> Result<()> {
    sqlx::query(
        "UPDATE station SET dismissed = $2, dismissed_why = $3, dismissed_by = $4 WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(dismissal.at.0))
    .bind(dismissal.reason.as_str())
    .bind(dismissal.by.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves a station on by one manifest.
pub(crate) async fn advance(
    connection: &mut Connection,
    code: &Code,
    head: &Digest,
    next_sequence: u64,
) -> Result<()> {
    sqlx::query(
        "UPDATE station SET head = $2, next_sequence = $3, next_manifest = next_manifest + 1
         WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(head.as_bytes().as_slice())
    .bind(next_sequence as i64)
    .execute(connection)
    .await?;
    Ok(())
}

/// A manifest that was taken.
pub(crate) async fn manifest(
    connection: &mut Connection,
    code: &Code,
    number: u32,
) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT bytes FROM manifest WHERE station = $1 AND number = $2")
            .bind(code.as_bytes().as_slice())
            .bind(number)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Keeps a manifest.
pub(crate) async fn insert_manifest(
    connection: &mut Connection,
    code: &Code,
    number: u32,
    bytes: &[u8],
    by: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO manifest (station, number, bytes, made_by, at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(number)
    .bind(bytes)
    .bind(by)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// An order to a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Random.
    pub id: Reference,
    /// Who shall make it.
    pub station: Code,
    /// The signed order.
    pub bytes: Vec<u8>,
    /// How many.
    pub count: u32,
    /// How many were brought back.
    pub made: u32,
    /// Which product; may be empty.
    pub product: String,
    /// Which batch; may be empty.
    pub batch: String,
    /// Who ordered.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

pub(crate) type OrderColumns = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    String,
    String,
    String,
    i64,
);

macro_rules! select_order {
    ($rest:literal) => {
        concat!(
            "SELECT id, station, bytes, count, made, product, batch, made_by, at FROM work_order ",
            $rest
        )
    };
}

pub(crate) use select_order;

pub(crate) fn order_from(columns: OrderColumns) -> Result<OrderRow> {
    let (id, station, bytes, count, made, product, batch, by, at) = columns;
    let row = Row {
        table: "work_order",
        key: &id,
    };
    Ok(OrderRow {
        id: row.reference(&id)?,
        station: row.code(&station)?,
        bytes,
        count: row.units(count)?,
        made: row.units(made)?,
        product,
        batch,
        by,
        at: row.time(at)?,
    })
}

/// The newest orders, the newest first.
pub(crate) async fn orders(connection: &mut Connection, most: u32) -> Result<Vec<OrderRow>> {
    let rows: Vec<OrderColumns> = sqlx::query_as(select_order!("ORDER BY number DESC LIMIT $1"))
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(order_from).collect()
}

/// Keeps an order; one that is there stays as it is.
pub(crate) async fn insert_order(connection: &mut Connection, order: &OrderRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO work_order (id, station, bytes, count, made, product, batch, made_by, at)
         VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
    )
    .bind(order.id.as_bytes().as_slice())
    .bind(order.station.as_bytes().as_slice())
    .bind(order.bytes.as_slice())
    .bind(order.count)
    .bind(order.product.as_str())
    .bind(order.batch.as_str())
    .bind(order.by.as_str())
    .bind(i64::from(order.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts what came back for an order; its number, or nothing when it is unknown here or would be
/// exceeded.
pub(crate) async fn count_made(
    connection: &mut Connection,
    id: &Reference,
    made: u32,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "UPDATE work_order SET made = made + $2 WHERE id = $1 AND made + $2 <= count
         RETURNING number",
    )
    .bind(id.as_bytes().as_slice())
    .bind(made)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(number,)| number))
}

/// Where a station's thing stands among the reservations of all.
pub(crate) fn place(code: &Code) -> i64 {
    let by = code.issued_by();
    (i64::from(by.station) * STATION_SEQUENCE_END as i64) + code.sequence() as i64
}

/// Reserves the place of a thing that a station made; `false` when its keys or its certificate's
/// number are registered already.
pub(crate) async fn reserve(
    connection: &mut Connection,
    code: &Code,
    request: &[u8; 32],
    serial: &[u8; 16],
    (name, by): (&str, &str),
    issued: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO reservation (sequence, request_hash, kind, name, made_by, serial, issued)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(place(code))
    .bind(request.as_slice())
    .bind(code.kind() as i64)
    .bind(name)
    .bind(by)
    .bind(serial.as_slice())
    .bind(i64::from(issued.0))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Items in one statement.
pub(crate) const ITEMS_STEP: usize = 200;

/// Keeps things without keys.
pub(crate) async fn insert_items(
    connection: &mut Connection,
    order: i64,
    issued: Timestamp,
    codes: &[Code],
) -> Result<()> {
    for codes in codes.chunks(ITEMS_STEP) {
        let mut query = sqlx::QueryBuilder::new("INSERT INTO item (code, work_order, issued) ");
        query.push_values(codes, |mut row, code| {
            row.push_bind(code.as_bytes().to_vec())
                .push_bind(order)
                .push_bind(i64::from(issued.0));
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keeps which order a thing with keys was made for.
pub(crate) async fn insert_made(
    connection: &mut Connection,
    order: i64,
    code: &Code,
) -> Result<()> {
    sqlx::query("INSERT INTO made_thing (work_order, code) VALUES ($1, $2)")
        .bind(order)
        .bind(code.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps why no code came of a number.
pub(crate) async fn insert_scrapped(
    connection: &mut Connection,
    station: &Code,
    sequence: u64,
    reason: &str,
) -> Result<()> {
    sqlx::query("INSERT INTO scrapped (station, sequence, reason) VALUES ($1, $2, $3)")
        .bind(station.as_bytes().as_slice())
        .bind(sequence as i64)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

/// A thing without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// Its code.
    pub code: Code,
    /// Which product; may be empty.
    pub product: String,
    /// Which batch; may be empty.
    pub batch: String,
    /// When it was made.
    pub issued: Timestamp,
    /// Whether it may be relied on; from the first moment it may.
    pub state: ThingState,
}

/// The thing without a key that has this code.
pub(crate) async fn item(connection: &mut Connection, code: &Code) -> Result<Option<ItemRow>> {
    let row: Option<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT product, batch, issued, state FROM item JOIN work_order ON number = work_order
         WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((product, batch, issued, state)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "item",
        key: code,
    };
    Ok(Some(ItemRow {
        code: *code,
        product,
        batch,
        issued: row.time(issued)?,
        state: ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
    }))
}
