//! Where exactly a place is, by the newest record of its owner's survey.

use crate::coordinates::{Axis, exact_degrees};
use crate::language::{Say, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show;
use ledger::Ledger;
use protocol::message::Message;
use protocol::objects::{Datum, Method};
use protocol::rules::survey::read;
use protocol::{Code, GridCode};

/// What the record says, in words.
pub struct Surveyed {
    pub place: GridCode,
    pub latitude: String,
    pub longitude: String,
    pub height: Option<Say>,
    pub accuracy: String,
    pub datum: Datum,
    pub method: Method,
    pub measured_by: Option<Code>,
    pub measured: String,
    pub signed: String,
    pub recorded: String,
}

impl Surveyed {
    /// The newest record of a place; both signatures were checked before it was kept.
    pub async fn of(portal: &Portal, place: &GridCode) -> Result<Option<Self>, Refusal> {
        let ledger: &Ledger = &portal.ledger;
        let Some(row) = ledger.place_record(place).await? else {
            return Ok(None);
        };
        let Ok(Message::PlaceRecord { survey, .. }) = Message::read(&row.signed) else {
            return Err(Refusal::Broken);
        };
        let said = read(&portal.network, survey).map_err(|_| Refusal::Broken)?;
        let said = said.survey;
        let height = said.height_mm.map(|mm| {
            let within = said.height_accuracy_mm;
            match within {
                Some(within) => say("{height}, within {accuracy}")
                    .put("height", metres(mm))
                    .put("accuracy", metres(i64::from(within))),
                None => Say::plain(metres(mm)),
            }
        });
        Ok(Some(Self {
            place: *place,
            latitude: exact_degrees(said.latitude_nanodeg, Axis::Latitude),
            longitude: exact_degrees(said.longitude_nanodeg, Axis::Longitude),
            height,
            accuracy: metres(i64::from(said.accuracy_mm)),
            datum: said.datum,
            method: said.method,
            measured_by: said.measured_by,
            measured: show::time(said.measured),
            signed: show::time(said.time),
            recorded: show::time(row.at),
        }))
    }
}

fn metres(mm: i64) -> String {
    let (sign, size) = (if mm < 0 { "\u{2212}" } else { "" }, mm.unsigned_abs());
    format!("{sign}{}.{:03} m", size / 1_000, size % 1_000)
}
