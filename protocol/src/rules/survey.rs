//! Whether an owner's survey of a place holds, and whether somebody who may stands for it.

use crate::code::grid::{Cell, Point};
use crate::cose::{Network, open};
use crate::keys::PublicKey;
use crate::message::Message;
use crate::objects::{Pass, PlaceRecord, Survey};
use crate::rules::trust::{Trust, may_name, passes};
use crate::status::Status;
use crate::units::{Digest, Timestamp};

/// How far clocks may differ.
const SKEW_S: u32 = 300;
/// How far the height in a grid code may be rounded.
const HEIGHT_ROUNDED_MM: u64 = 100;

/// A survey that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Its identifier.
    pub id: Digest,
    /// What it says.
    pub survey: Survey,
}

/// A survey with the record of somebody who stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The survey.
    pub surveyed: Surveyed,
    /// The record.
    pub record: PlaceRecord,
}

/// What a survey says, before anybody is asked who may sign it.
pub fn read(network: &Network, survey: &[u8]) -> Result<Surveyed, Status> {
    let sealed = open::<Survey>(survey, network)?;
    Ok(Surveyed {
        id: sealed.id(),
        survey: *sealed.peek(),
    })
}

/// Whether a survey is its owner's, by the key in the owner's newest pass, and says nothing else
/// than the grid code: in whole numbers, so that everybody comes to the same.
pub fn surveyed(
    network: &Network,
    survey: &[u8],
    owner_key: &PublicKey,
) -> Result<Surveyed, Status> {
    let verified = open::<Survey>(survey, network)?.verify(owner_key)?;
    let said = *verified.get();
    if !said.place.hints_at(&said.owner) {
        return Err(Status::NotForYou);
    }
    let point = Point::from_nanodegrees(said.latitude_nanodeg, said.longitude_nanodeg);
    let point = point.ok_or(Status::Malformed)?;
    let cell = said.place.cell();
    if Cell::around(point, cell.level()) != cell || !is_at_height(&said) {
        return Err(Status::OutsideArea);
    }
    if said.measured > said.time.plus_s(SKEW_S) {
        return Err(Status::Expired);
    }
    Ok(Surveyed {
        id: verified.id(),
        survey: said,
    })
}

/// Where both say a height, it is the same one.
fn is_at_height(said: &Survey) -> bool {
    let (Some(exact_mm), Some(rounded_dm)) = (said.height_mm, said.place.height_dm()) else {
        return true;
    };
    let rounded_mm = i64::from(rounded_dm).saturating_mul(100);
    rounded_mm.abs_diff(exact_mm) <= HEIGHT_ROUNDED_MM
}

/// Whether `authority`, whose pass somebody has verified, stands for a survey that holds. Good for
/// ever: what was measured stays measured.
pub fn recorded(
    network: &Network,
    survey: &[u8],
    record: &[u8],
    owner_key: &PublicKey,
    authority: &Pass,
) -> Result<Recorded, Status> {
    let surveyed = surveyed(network, survey, owner_key)?;
    let verified = open::<PlaceRecord>(record, network)?.verify(&authority.key.0)?;
    let record = *verified.get();
    let is_of_it = record.by == authority.subject.0
        && record.survey == surveyed.id
        && record.place == surveyed.survey.place;
    if !is_of_it {
        return Err(Status::NotForYou);
    }
    if !may_name(authority, &record.place) {
        return Err(Status::NotPermitted);
    }
    if !is_in_time(&surveyed.survey, record.time) {
        return Err(Status::Expired);
    }
    Ok(Recorded { surveyed, record })
}

/// Whether a survey was signed before somebody stands for it.
pub const fn is_in_time(survey: &Survey, recorded: Timestamp) -> bool {
    survey.time.0 <= recorded.plus_s(SKEW_S).0
}

/// Judges a message of a place's record under the root alone: the passes in it, from the issuer's
/// down, then the survey and who stands for it.
pub fn judge(trust: &Trust, message: &[u8]) -> Result<Recorded, Status> {
    let Message::PlaceRecord {
        issuer,
        authority,
        owner,
        survey,
        record,
    } = Message::read(message)?
    else {
        return Err(Status::Malformed);
    };
    let above = trust.issuer(issuer)?;
    // The issuer itself may stand for it.
    let authority = match authority == issuer {
        true => trust.issuer(authority)?,
        false => trust.issued(&above, authority)?,
    };
    let (own, station) = passes(owner)?;
    let held = match station {
        Some(station) => trust.issued(&trust.issued(&above, station)?, own)?,
        None => match trust.issued(&authority, own) {
            Err(Status::BadSignature) => trust.issued(&above, own)?,
            held => held?,
        },
    };
    let owner_key = held.get().key.0;
    let recorded = recorded(&trust.network, survey, record, &owner_key, authority.get())?;
    match recorded.surveyed.survey.owner == held.get().subject.0 {
        true => Ok(recorded),
        false => Err(Status::NotForYou),
    }
}
