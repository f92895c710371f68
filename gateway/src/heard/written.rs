//! What a thing measured, written as SenML (RFC 8428) for readers that ask for it, whichever form
//! the thing used. The thing's branch is the base of all names. A time that the thing gave relative
//! to its message stays so: when that message came is not kept with it.

use super::senml::{ABSOLUTE_S, Said, read};
use crate::coap::inbox_page::{ARRAY, UNSIGNED, head};
use bytes::Bytes;
use ledger::diary::Measured;
use protocol::Code;
use serde_json::{Map, Value};

/// Taken for now while reading: far enough from both ends that what is relative to it can be told
/// from what is absolute.
const NOW_MS: u64 = 100_000_000_000;
/// Major types of CBOR.
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const MAP: u8 = 5;
/// A number of 64 bits follows.
const DOUBLE: u8 = 0xfb;
/// Whole numbers up to here are the same as integers.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// As JSON; `None` when nothing was measured.
pub fn json(code: &Code, topic: &str, payload: &[u8]) -> Option<Bytes> {
    let records: Vec<Value> = records(code, topic, payload)?
        .map(|record| {
            let mut fields = Map::new();
            let mut text = |label: &str, text: Option<String>| {
                if let Some(text) = text {
                    fields.insert(label.to_owned(), Value::String(text));
                }
            };
            text("bn", record.base);
            text("n", Some(record.name));
            text("u", record.unit);
            match record.value {
                Measured::Number(number) => fields.insert("v".to_owned(), as_json(number)),
                Measured::Words(words) => fields.insert("vs".to_owned(), words.into()),
            };
            if let Some(time_s) = record.time_s {
                fields.insert("t".to_owned(), as_json(time_s));
            }
            Value::Object(fields)
        })
        .collect();
    Some(Value::Array(records).to_string().into())
}

/// As CBOR; `None` when nothing was measured.
pub fn cbor(code: &Code, topic: &str, payload: &[u8]) -> Option<Bytes> {
    let records: Vec<Record> = records(code, topic, payload)?.collect();
    let mut out = Vec::new();
    head(&mut out, ARRAY, records.len() as u64);
    for record in records {
        let optional = [
            record.base.is_some(),
            record.unit.is_some(),
            record.time_s.is_some(),
        ];
        let fields = 2 + optional.into_iter().filter(|there| *there).count();
        head(&mut out, MAP, fields as u64);
        if let Some(base) = record.base {
            // -2: the base name.
            head(&mut out, NEGATIVE, 1);
            text(&mut out, &base);
        }
        head(&mut out, UNSIGNED, 0);
        text(&mut out, &record.name);
        if let Some(unit) = record.unit {
            head(&mut out, UNSIGNED, 1);
            text(&mut out, &unit);
        }
        match record.value {
            Measured::Number(value) => {
                head(&mut out, UNSIGNED, 2);
                number(&mut out, value);
            }
            Measured::Words(words) => {
                head(&mut out, UNSIGNED, 3);
                text(&mut out, &words);
            }
        }
        if let Some(time_s) = record.time_s {
            head(&mut out, UNSIGNED, 6);
            number(&mut out, time_s);
        }
    }
    Some(out.into())
}

struct Record {
    base: Option<String>,
    name: String,
    unit: Option<String>,
    value: Measured,
    time_s: Option<f64>,
}

fn records(code: &Code, topic: &str, payload: &[u8]) -> Option<impl Iterator<Item = Record>> {
    let said = read(topic, payload, NOW_MS);
    if said.is_empty() {
        return None;
    }
    let base = format!("oc/1/{code}/t/");
    Some(said.into_iter().enumerate().map(move |(at, said)| Record {
        base: (at == 0).then(|| base.clone()),
        time_s: time_s(&said),
        name: said.name.chars().map(letter).collect(),
        unit: Some(said.unit).filter(|unit| !unit.is_empty()),
        value: said.value,
    }))
}

/// Names are made of few letters (RFC 8428, 4.5.1); any other becomes a line.
fn letter(letter: char) -> char {
    match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | ':' | '.' | '/' | '_' => letter,
        _ => '_',
    }
}

/// `None` for now.
fn time_s(said: &Said) -> Option<f64> {
    let at_s = said.at_ms as f64 / 1_000.0;
    match at_s >= ABSOLUTE_S {
        true => Some(at_s),
        false => Some((said.at_ms as f64 - NOW_MS as f64) / 1_000.0).filter(|since| *since != 0.0),
    }
}

/// Whole numbers without a fraction.
fn as_json(number: f64) -> Value {
    match number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        true => Value::from(number as i64),
        false => Value::from(number),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: f64) {
    match number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        true if number >= 0.0 => head(out, UNSIGNED, number as u64),
        true => head(out, NEGATIVE, (-1.0 - number) as u64),
        false => {
            out.push(DOUBLE);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    fn code() -> Code {
        topic("oc/1/A/s").code
    }

    #[test]
    fn flat_json_and_senml_come_out_as_the_same_senml() {
        let base = format!("oc/1/{}/t/", code());
        let expected = format!(
            r#"[{{"bn":"{base}","n":"room/on","v":1}},{{"n":"room/temperature","v":21.5}}]"#
        );
        for payload in [
            &br#"{"on":true,"temperature":21.5}"#[..],
            br#"[{"bn":"urn:dev:1:","n":"on","vb":true},{"n":"temperature","v":21.5}]"#,
            b"\x82\xa2\x00\x62on\x04\xf5\xa2\x00\x6btemperature\x02\xfb\x40\x35\x80\0\0\0\0\0",
        ] {
            let written = json(&code(), "room", payload).unwrap();
            assert_eq!(String::from_utf8_lossy(&written), expected);
        }
    }

    #[test]
    fn times_stay_absolute_or_relative_as_they_were() {
        for (given, expected) in [("1700000000.5", "1700000000.5"), ("-5", "-5"), ("99", "99")] {
            let payload = format!(r#"[{{"n":"x","v":1,"t":{given}}}]"#);
            let written = json(&code(), "x", payload.as_bytes()).unwrap();
            let written = String::from_utf8_lossy(&written).into_owned();
            assert!(
                written.ends_with(&format!("\"t\":{expected},\"v\":1}}]")),
                "{written}"
            );
        }
        let now = json(&code(), "x", b"1").unwrap();
        assert!(!String::from_utf8_lossy(&now).contains("\"t\""));
    }

    #[test]
    fn what_is_written_is_read_again_as_the_same() {
        let topic = "room";
        for payload in [
            &br#"{"a":-7,"b":0.1,"c":"shut","d":1e300,"e f":2}"#[..],
            br#"[{"bt":1700000000,"u":"Cel","n":"x","v":-300},{"n":"y","vs":"z","t":-2.5}]"#,
        ] {
            let first = read(topic, payload, NOW_MS);
            for written in [json(&code(), topic, payload), cbor(&code(), topic, payload)] {
                let again = read(topic, &written.unwrap(), NOW_MS);
                let values = |said: &[Said]| -> Vec<(String, Measured, u64)> {
                    let each = said.iter();
                    each.map(|it| (it.unit.clone(), it.value.clone(), it.at_ms))
                        .collect()
                };
                assert_eq!(values(&again), values(&first));
            }
        }
        assert_eq!(cbor(&code(), topic, b"nothing"), None);
    }
}
