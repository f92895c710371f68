//! Codes and grid codes, good ones and bad ones.

use super::hex;
use crate::cast::{Cast, key};
use protocol::code::base32::{ALPHABET, TextError};
use protocol::code::grid::{EPOCH_MINUTES, LATITUDE_MAX, LONGITUDE_MAX, Level, Place, Point, Span};
use protocol::code::{
    CodeError, ISSUER_END, IssuedBy, STATION_END, STATION_SEQUENCE_END, grid::GridError,
};
use protocol::{Algorithm, Code, GridCode, Kind, Signer};
use serde_json::{Value, json};

/// Stands in URIs of the vectors.
const RESOLVER: &str = "ID.EXAMPLE";

pub fn text_error(error: TextError) -> &'static str {
    match error {
        TextError::Length => "length",
        TextError::Symbol => "symbol",
        TextError::Check => "check",
        TextError::NotACode => "not_a_code",
    }
}

pub fn code_error(error: CodeError) -> &'static str {
    match error {
        CodeError::Version => "version",
        CodeError::Kind => "kind",
        CodeError::Range => "range",
    }
}

pub fn grid_error(error: GridError) -> &'static str {
    match error {
        GridError::Version => "version",
        GridError::Range => "range",
        GridError::Corner => "corner",
    }
}

/// CRC-10/ATM bit by bit, a second opinion on the crate's table.
fn crc10(bytes: &[u8]) -> u16 {
    let mut register = 0u16;
    for bit in bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1))
    {
        let top = register >> 9 & 1;
        register = register << 1 & 0x3ff;
        if top ^ u16::from(bit) == 1 {
            register ^= 0x233;
        }
    }
    register
}

/// Any bytes as text with check symbols that fit, to make what only a decoder of fields can refuse.
fn text_of(bytes: &[u8]) -> String {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)));
    let check = crc10(bytes);
    let bits: Vec<u16> = bits
        .chain((0..10).rev().map(|at| check >> at & 1))
        .collect();
    bits.chunks(5)
        .map(|five| five.iter().fold(0, |value, bit| value << 1 | bit))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}

/// SubjectPublicKeyInfo of a P-256 key, as RFC 5480 spells it.
pub fn spki(seed: u8) -> Vec<u8> {
    let protocol::keys::SoftwareKey::P256(key) = key(Algorithm::P256, seed) else {
        unreachable!("made as P-256")
    };
    let prefix = super::unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
    let point = key.verifying_key().to_sec1_point(false);
    [prefix.as_slice(), point.as_bytes()].concat()
}

fn ed25519_spki(seed: u8) -> Vec<u8> {
    let key = key(Algorithm::Ed25519, seed).public_key();
    [
        super::unhex("302a300506032b6570032100").as_slice(),
        key.as_bytes(),
    ]
    .concat()
}

fn code(kind: Kind, by: IssuedBy, sequence: u64, birth_key: &[u8]) -> Value {
    let code = Code::derive(kind, by, sequence, birth_key).unwrap();
    let bytes = code.as_bytes();
    assert_eq!(code.to_string(), text_of(bytes), "both writers agree");
    json!({
        "kind": kind as u8,
        "kind_word": kind.word(),
        "issuer": by.issuer,
        "station": by.station,
        "sequence": sequence.to_string(),
        "birth_key_spki": hex(birth_key),
        "fingerprint": hex(&bytes[10..]),
        "bytes": hex(bytes),
        "crc10": crc10(bytes),
        "text": code.to_string(),
        "groups": format!("{code:#}"),
        "uri": format!("HTTPS://{RESOLVER}/1/{code}"),
    })
}

pub fn codes() -> Value {
    let by = |issuer, station| IssuedBy { issuer, station };
    let good = [
        code(Kind::Issuer, by(1, 0), 0, &spki(1)),
        code(Kind::Issuer, by(1, 0), 1, &spki(2)),
        code(Kind::Gateway, by(1, 0), 2, &spki(3)),
        code(Kind::Device, by(1, 1), 1, &spki(4)),
        code(Kind::Device, by(1, 1), 2, &spki(5)),
        code(Kind::Module, by(7, 4), 1 << 20, &ed25519_spki(6)),
        code(Kind::PassiveItem, by(0xabcdef, 0x123), 99, &[0x5c; 32]),
        code(Kind::Lot, by(2, 2), 1_000_000, &spki(7)),
        code(Kind::Person, by(1, 1), 3, &ed25519_spki(8)),
        code(
            Kind::Service,
            by(ISSUER_END - 1, STATION_END - 1),
            STATION_SEQUENCE_END - 1,
            &spki(9),
        ),
        code(Kind::Device, by(0, 0), 0, &[]),
    ];
    let device = Code::derive(Kind::Device, by(1, 1), 1, &spki(4)).unwrap();
    json!({
        "about": "Codes: docs/protocol.md, chapter 2. crc10 is a number. The birth key of a passive item is its commitment.",
        "codes": good,
        "also_read": also_read(&device),
        "refused_texts": refused_texts(&device),
        "refused_bytes": refused_bytes(&device),
    })
}

fn also_read(device: &Code) -> Vec<Value> {
    let (text, groups) = (device.to_string(), format!("{device:#}"));
    let spoken = text.replace('1', "I").replace('0', "O");
    let mut all = vec![
        text.to_lowercase(),
        groups.clone(),
        groups.replace('-', " "),
        groups.to_lowercase(),
        format!("--{text}-"),
        spoken.to_lowercase(),
        spoken,
        text.replace('1', "L"),
        text.replace('1', "l").replace('0', "o"),
    ];
    all.dedup();
    all.iter()
        .map(|other| json!({ "text": other, "code": text }))
        .collect()
}

fn refused_texts(device: &Code) -> Vec<Value> {
    let text = device.to_string();
    let with = |at: usize, symbol: &str| format!("{}{symbol}{}", &text[..at], &text[at + 1..]);
    let mut swapped = text.clone().into_bytes();
    let at = swapped
        .windows(2)
        .position(|pair| pair[0] != pair[1])
        .unwrap();
    swapped.swap(at, at + 1);
    let changed = if text.as_bytes()[20] == b'7' {
        "8"
    } else {
        "7"
    };
    let mut version = *device.as_bytes();
    version[0] = 0x20;
    let mut place = *device.as_bytes();
    place[0] = 0x17;
    let mut kind = *device.as_bytes();
    kind[0] = 0x19;
    let cases = [
        ("empty", String::new()),
        ("only hyphens", "----".into()),
        ("one symbol short", text[..33].into()),
        ("without check symbols", text[..32].into()),
        ("one symbol long", format!("{text}0")),
        ("U is no symbol", with(5, "U")),
        ("punctuation is no symbol", with(5, "*")),
        ("a letter outside ASCII is no symbol", with(5, "é")),
        ("fullwidth digits are no symbols", with(5, "１")),
        ("one symbol wrong", with(20, changed)),
        (
            "a check symbol wrong",
            with(33, if text.ends_with('0') { "1" } else { "0" }),
        ),
        ("neighbours swapped", String::from_utf8(swapped).unwrap()),
        ("version 2", text_of(&version)),
        ("kind 7 is a place and needs a grid code", text_of(&place)),
        ("kind 9 has no meaning", text_of(&kind)),
        ("all zero", "0".repeat(34)),
    ];
    cases
        .into_iter()
        .map(|(why, text)| {
            let error = text_error(text.parse::<Code>().unwrap_err());
            json!({ "why": why, "text": text, "error": error })
        })
        .collect()
}

fn refused_bytes(device: &Code) -> Vec<Value> {
    [0x00, 0x20, 0xf0, 0x17, 0x19, 0x1f]
        .into_iter()
        .map(|first| {
            let mut bytes = *device.as_bytes();
            bytes[0] = first;
            let error = code_error(Code::from_bytes(bytes).unwrap_err());
            json!({ "bytes": hex(&bytes), "error": error })
        })
        .collect()
}

fn place(level: u8, latitude: i32, longitude: i32) -> Place {
    Place {
        by: IssuedBy {
            issuer: 1,
            station: 1,
        },
        level: Level::new(level).unwrap(),
        point: Point::from_units(latitude, longitude).unwrap(),
        height_dm: None,
        span: Span::new(EPOCH_MINUTES + 3_627_360, None).unwrap(),
        owner: Code::derive(
            Kind::Person,
            IssuedBy {
                issuer: 1,
                station: 1,
            },
            3,
            &ed25519_spki(8),
        )
        .unwrap(),
    }
}

fn grid(what: &str, place: &Place) -> Value {
    let grid = GridCode::derive(place).unwrap();
    assert_eq!(
        grid.to_string(),
        text_of(grid.as_bytes()),
        "both writers agree"
    );
    json!({
        "what": what,
        "issuer": place.by.issuer,
        "station": place.by.station,
        "level": place.level.number(),
        "latitude": place.point.latitude(),
        "longitude": place.point.longitude(),
        "height_dm": place.height_dm,
        "start_unix_minutes": place.span.start_unix_minutes(),
        "minutes": place.span.minutes().map(|minutes| minutes.to_string()),
        "owner": place.owner.to_string(),
        "corner_latitude": grid.corner().latitude(),
        "corner_longitude": grid.corner().longitude(),
        "bytes": hex(grid.as_bytes()),
        "text": grid.to_string(),
        "groups": format!("{grid:#}"),
        "uri": format!("HTTPS://{RESOLVER}/G/{grid}"),
    })
}

pub fn grid_codes() -> Value {
    let shenzhen = Point::from_nanodegrees(22_543_096_000, 114_057_865_000).unwrap();
    let here = |level| place(level, shenzhen.latitude(), shenzhen.longitude());
    let mut good: Vec<Value> = (1..=10)
        .map(|level| grid("one place at every level", &here(level)))
        .collect();
    let measured = Place {
        height_dm: Some(315),
        span: Span::new(EPOCH_MINUTES, Some(90)).unwrap(),
        ..here(8)
    };
    let deepest = Place {
        height_dm: Some(-(1 << 23) + 1),
        span: Span::new(EPOCH_MINUTES + (1 << 26) - 1, Some(1)).unwrap(),
        ..here(8)
    };
    let longest = Place {
        height_dm: Some((1 << 23) - 1),
        span: Span::new(EPOCH_MINUTES, Some(1 << 62)).unwrap(),
        by: IssuedBy {
            issuer: ISSUER_END - 1,
            station: STATION_END - 1,
        },
        ..here(8)
    };
    good.extend([
        grid("90 minutes become 128; 31.5 m high", &measured),
        grid("the lowest height, the last minute", &deepest),
        grid(
            "the greatest height, the longest end, the last station",
            &longest,
        ),
        grid("the north pole", &place(8, LATITUDE_MAX, 0)),
        grid(
            "the north pole in a coarse cell",
            &place(1, LATITUDE_MAX, 0),
        ),
        grid(
            "the south pole in a coarse cell",
            &place(1, -LATITUDE_MAX, 0),
        ),
        grid("the south pole", &place(10, -LATITUDE_MAX, 0)),
        grid("180 E is 180 W", &place(8, 0, LONGITUDE_MAX)),
        grid(
            "the last cell before 180 E",
            &place(8, 0, LONGITUDE_MAX - 1),
        ),
        grid("just south-west of 0, 0", &place(8, -1, -1)),
        grid("exactly on an edge", &place(8, 64, 64)),
    ]);
    json!({
        "about": "Grid codes: docs/protocol.md, chapter 3. Latitudes and longitudes are lattice units of 1/2048 arc second.",
        "grid_codes": good,
        "from_nanodegrees": nanodegrees(),
        "refused_texts": refused_grid_texts(&here(8)),
        "refused_bytes": refused_grid_bytes(&here(8)),
    })
}

fn nanodegrees() -> Vec<Value> {
    [
        (0, 0),
        (22_543_096_000, 114_057_865_000),
        (-33_868_820_000, 151_209_295_999),
        (-1, -1),
        (90_000_000_000, 180_000_000_000),
        (-90_000_000_000, -180_000_000_000),
        (1_000_000_000, 135),
        (1_000_000_000, 136),
    ]
    .into_iter()
    .map(|(latitude, longitude)| {
        let point = Point::from_nanodegrees(latitude, longitude).unwrap();
        json!({
            "latitude_nanodegrees": latitude.to_string(),
            "longitude_nanodegrees": longitude.to_string(),
            "latitude": point.latitude(),
            "longitude": point.longitude(),
        })
    })
    .collect()
}

fn refused_grid_texts(place: &Place) -> Vec<Value> {
    let text = GridCode::derive(place).unwrap().to_string();
    let cases = [
        ("one symbol short", text[..49].to_owned()),
        ("one symbol long", format!("{text}0")),
        ("a code is no grid code", place.owner.to_string()),
        (
            "one symbol wrong",
            format!(
                "{}{}{}",
                &text[..30],
                if &text[30..31] == "Z" { "Y" } else { "Z" },
                &text[31..]
            ),
        ),
        ("U is no symbol", format!("U{}", &text[1..])),
        ("all zero", "0".repeat(50)),
    ];
    cases
        .into_iter()
        .map(|(why, text)| {
            let error = text_error(text.parse::<GridCode>().unwrap_err());
            json!({ "why": why, "text": text, "error": error })
        })
        .collect()
}

fn refused_grid_bytes(place: &Place) -> Vec<Value> {
    let good = *GridCode::derive(place).unwrap().as_bytes();
    let changed = |at: usize, flip: u8| {
        let mut bytes = good;
        bytes[at] ^= flip;
        bytes
    };
    // Level 8 is 1000 in the low half of byte 5; latitude is bits 48 to 78, longitude 79 to 110.
    let cases = [
        ("version 0", changed(0, 0x10)),
        ("a device is no place", changed(0, 0x07)),
        ("level 0", changed(5, 0x08)),
        ("level 11", changed(5, 0x03)),
        ("a corner between the cells, latitude", changed(9, 0x02)),
        ("a corner between the cells, longitude", changed(13, 0x02)),
        ("north of the north pole", changed(6, 0x40)),
        ("east of 180 E", changed(10, 0x80)),
    ];
    cases
        .into_iter()
        .map(|(why, bytes)| match GridCode::from_bytes(bytes) {
            Err(error) => json!({ "why": why, "bytes": hex(&bytes), "error": grid_error(error) }),
            Ok(grid) => unreachable!("{why} is {grid}"),
        })
        .collect()
}

/// The people of [`Cast`] have short codes of their own in the signed objects.
pub fn cast_codes() -> Value {
    let name = |code: Code| json!({ "text": code.to_string(), "bytes": hex(code.as_bytes()) });
    json!({
        "root": name(Cast::root_code()),
        "issuer": name(Cast::issuer_code()),
        "gateway": name(Cast::gateway_code()),
        "payer": name(Cast::payer_code()),
        "payee": name(Cast::payee_code()),
    })
}
