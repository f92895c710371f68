//! `onecode device survey`: an owner says where exactly its place is and how that was measured, and
//! the gateway stands for it.

use super::transfer::signed;
use crate::house::Failure;
use crate::thing_folder::{explain, identity};
use crate::wallet::now;
use admin::{Axis, parse_degrees};
use clap::Args;
use clap::builder::PossibleValuesParser;
use device_sdk::enrol::owners;
use device_sdk::links::file;
use protocol::objects::{Datum, Method, Survey};
use protocol::rules::survey::surveyed;
use protocol::{Code, GridCode, Status, Timestamp};
use std::path::PathBuf;

/// Words for the ways in which a position is found, in the order of their numbers.
const METHODS: [&str; 5] = [
    "satellites",
    "corrected-satellites",
    "survey",
    "map",
    "word",
];
/// Words for the datums.
const DATUMS: [&str; 3] = ["wgs84", "cgcs2000", "itrf2020"];

/// What was measured.
#[derive(Args)]
pub struct Options {
    /// Folder of the owner.
    #[arg(long)]
    folder: PathBuf,
    /// The gateway, such as http://127.0.0.1:8080.
    #[arg(long)]
    gateway: String,
    /// The place.
    grid: GridCode,
    /// Decimal degrees north of the equator, such as 48.85837012 or 33.8567S.
    #[arg(long, allow_hyphen_values = true)]
    latitude: String,
    /// Decimal degrees east of Greenwich.
    #[arg(long, allow_hyphen_values = true)]
    longitude: String,
    /// Above the ellipsoid.
    #[arg(long, allow_hyphen_values = true)]
    height_mm: Option<i64>,
    /// The position lies within this circle, nineteen times of twenty.
    #[arg(long)]
    accuracy_mm: u32,
    /// So does the height.
    #[arg(long, requires = "height_mm")]
    height_accuracy_mm: Option<u32>,
    /// What the coordinates are counted in.
    #[arg(long, default_value = "wgs84", value_parser = PossibleValuesParser::new(DATUMS))]
    datum: String,
    /// How the position was found.
    #[arg(long, value_parser = PossibleValuesParser::new(METHODS))]
    method: String,
    /// The code of what measured it.
    #[arg(long)]
    measured_by: Option<Code>,
    /// When it was measured, in seconds since 1970; now, if it is not said.
    #[arg(long)]
    measured: Option<u32>,
    /// Where the record goes.
    #[arg(long, value_name = "FILE", default_value = "place-record.cbor")]
    write: PathBuf,
}

/// Signs a survey, brings it, and keeps the record.
pub fn survey(options: &Options) -> Result<(), Failure> {
    let identity = identity(&options.folder)?;
    let time = now();
    let said = Survey {
        place: options.grid,
        owner: identity.credentials.code,
        latitude_nanodeg: degrees(&options.latitude, Axis::Latitude)?,
        longitude_nanodeg: degrees(&options.longitude, Axis::Longitude)?,
        height_mm: options.height_mm,
        accuracy_mm: options.accuracy_mm,
        height_accuracy_mm: options.height_accuracy_mm,
        datum: numbered(&DATUMS, &options.datum, Datum::from_number)?,
        method: numbered(&METHODS, &options.method, Method::from_number)?,
        measured_by: options.measured_by,
        measured: options.measured.map_or(time, Timestamp),
        time,
    };
    let survey = signed(&identity, &said)?;
    // Nobody is asked to stand for what would be refused.
    let network = identity.trust.network;
    surveyed(&network, &survey, &identity.keys.wallet_public()).map_err(why)?;
    let gateway = &options.gateway;
    let record = owners::bring_survey(gateway, &identity.trust, &options.grid, &survey)?;
    file::write(&options.write, &record)?;
    println!(
        "{}  signed by its owner and by the gateway; `onecode verify` judges it with the trust file alone",
        options.write.display()
    );
    Ok(())
}

fn degrees(text: &str, axis: Axis) -> Result<i64, Failure> {
    parse_degrees(text, axis).map_err(|error| format!("{text:?}: {}", error.sentence()).into())
}

fn numbered<T>(words: &[&str], word: &str, from: fn(u8) -> Option<T>) -> Result<T, Failure> {
    let at = words.iter().position(|known| *known == word);
    let number = at.and_then(|at| u8::try_from(at + 1).ok());
    number
        .and_then(from)
        .ok_or_else(|| format!("{word}: no such word").into())
}

fn why(status: Status) -> Failure {
    match status {
        Status::OutsideArea => {
            "that position or height does not lie in the cell of the grid code; ask for a grid code of the right cell".into()
        }
        Status::NotForYou => "the grid code is of another owner than this folder's".into(),
        status => explain(status).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_datum_has_its_word() {
        assert_eq!(METHODS.len(), Method::ALL.len());
        assert_eq!(DATUMS.len(), Datum::ALL.len());
        for (word, method) in METHODS.iter().zip(Method::ALL) {
            assert_eq!(
                numbered(&METHODS, word, Method::from_number).unwrap(),
                *method
            );
        }
        assert!(numbered(&DATUMS, "moon", Datum::from_number).is_err());
    }
}
