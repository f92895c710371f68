//! What a thing measured, out of what it published: SenML as JSON or CBOR (RFC 8428), a flat JSON
//! object such as `{"temperature":25}`, or a bare JSON value. Pure; the time is an argument.

use ledger::diary::{Measured, WORDS_BYTES_MAX};
use minicbor::Decoder;
use minicbor::data::Type;
use serde_json::{Map, Value};

/// Values of one publication; the others are passed over.
pub const VALUES_MAX: usize = 64;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 96;
/// Bytes of a unit.
const UNIT_BYTES_MAX: usize = 32;
/// Times below this are relative to now (RFC 8428, 4.5.3).
pub(super) const ABSOLUTE_S: f64 = 268_435_456.0;
/// Times beyond this are none: 2106.
const LAST_S: f64 = 4_294_967_295.0;

/// A value with what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What it is the value of.
    pub name: String,
    /// Its unit; empty where none was named.
    pub unit: String,
    /// When: milliseconds since 1970.
    pub at_ms: u64,
    /// The value.
    pub value: Measured,
}

/// One SenML record, before the base of those above it is added.
#[derive(Default)]
struct Record {
    base_name: Option<String>,
    base_time_s: Option<f64>,
    base_unit: Option<String>,
    base_value: Option<f64>,
    name: Option<String>,
    unit: Option<String>,
    time_s: Option<f64>,
    value: Option<f64>,
    words: Option<String>,
}

/// Everything measured in a publication on `t/<topic>`; nothing when it is in no form that is read.
pub fn read(topic: &str, payload: &[u8], now_ms: u64) -> Vec<Said> {
    match serde_json::from_slice(payload) {
        Ok(Value::Array(records)) => {
            let records = records.into_iter().take(VALUES_MAX).map(of_json);
            resolve(topic, records, now_ms)
        }
        Ok(Value::Object(fields)) => flat(topic, fields, now_ms),
        Ok(value) => plain(value)
            .and_then(|value| whole(topic.to_owned(), String::new(), now_ms, value))
            .into_iter()
            .collect(),
        Err(_) => match of_cbor(payload) {
            Some(records) => resolve(topic, records.into_iter(), now_ms),
            None => Vec::new(),
        },
    }
}

/// One value a field; a field `value` is the value of the topic itself.
fn flat(topic: &str, fields: Map<String, Value>, now_ms: u64) -> Vec<Said> {
    let unit = fields.get("unit").and_then(Value::as_str).unwrap_or("");
    let unit = unit.to_owned();
    let fields = fields.into_iter().filter(|(field, _)| field != "unit");
    fields
        .filter_map(|(field, value)| {
            let (name, unit) = match field == "value" {
                true => (topic.to_owned(), unit.clone()),
                // `t/temperature {"temperature":25}` is one name and not two.
                false if topic.rsplit('/').next() == Some(field.as_str()) => {
                    (topic.to_owned(), unit.clone())
                }
                false => (format!("{topic}/{field}"), String::new()),
            };
            whole(name, unit, now_ms, plain(value)?)
        })
        .take(VALUES_MAX)
        .collect()
}

fn plain(value: Value) -> Option<Measured> {
    match value {
        Value::Number(number) => number.as_f64().map(Measured::Number),
        Value::Bool(truth) => Some(Measured::Number(f64::from(u8::from(truth)))),
        Value::String(words) => Some(Measured::Words(words)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value that may be kept: short, printable, finite.
fn whole(name: String, unit: String, at_ms: u64, value: Measured) -> Option<Said> {
    let named = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
    let printable = !name.chars().chain(unit.chars()).any(char::is_control);
    let fits = match &value {
        Measured::Number(number) => number.is_finite(),
        Measured::Words(words) => words.len() <= WORDS_BYTES_MAX,
    };
    (named && printable && fits && unit.len() <= UNIT_BYTES_MAX).then_some(Said {
        name,
        unit,
        at_ms,
        value,
    })
}

/// Adds what records have in common.
fn resolve(topic: &str, records: impl Iterator<Item = Record>, now_ms: u64) -> Vec<Said> {
    let mut base = Record::default();
    let mut values = Vec::new();
    for record in records {
        base.base_name = record.base_name.or(base.base_name.take());
        base.base_time_s = record.base_time_s.or(base.base_time_s);
        base.base_unit = record.base_unit.or(base.base_unit.take());
        base.base_value = record.base_value.or(base.base_value);
        let value = match (record.value, record.words) {
            (Some(number), _) => Measured::Number(number + base.base_value.unwrap_or(0.0)),
            (None, Some(words)) => Measured::Words(words),
            (None, None) => continue,
        };
        let said = format!(
            "{}{}",
            base.base_name.as_deref().unwrap_or(""),
            record.name.as_deref().unwrap_or("")
        );
        // The whole name tells the thing, too; the branch does that already.
        let last = said.rsplit([':', '/']).find(|part| !part.is_empty());
        let name = match last {
            Some(last) if topic.rsplit('/').next() != Some(last) => format!("{topic}/{last}"),
            _ => topic.to_owned(),
        };
        let unit = record.unit.or_else(|| base.base_unit.clone());
        let time_s = base.base_time_s.unwrap_or(0.0) + record.time_s.unwrap_or(0.0);
        let at_ms = time_ms(time_s, now_ms);
        values.extend(whole(name, unit.unwrap_or_default(), at_ms, value));
    }
    values
}

fn time_ms(time_s: f64, now_ms: u64) -> u64 {
    let absolute_ms = match time_s {
        _ if !time_s.is_finite() => return now_ms,
        absolute if absolute >= ABSOLUTE_S => absolute * 1_000.0,
        relative => now_ms as f64 + relative * 1_000.0,
    };
    match (0.0..=LAST_S * 1_000.0).contains(&absolute_ms) {
        true => absolute_ms as u64,
        false => now_ms,
    }
}

fn of_json(record: Value) -> Record {
    let Value::Object(mut fields) = record else {
        return Record::default();
    };
    let mut text = |key: &str| match fields.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (base_name, base_unit) = (text("bn"), text("bu"));
    let (name, unit, words) = (text("n"), text("u"), text("vs"));
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    let truth = fields.get("vb").and_then(Value::as_bool);
    Record {
        base_name,
        base_unit,
        name,
        unit,
        words,
        base_time_s: number("bt"),
        base_value: number("bv"),
        time_s: number("t"),
        value: number("v").or(truth.map(|truth| f64::from(u8::from(truth)))),
    }
}

/// An array of maps with integer keys (RFC 8428, 6); `None` when it is anything else.
fn of_cbor(payload: &[u8]) -> Option<Vec<Record>> {
    let mut from = Decoder::new(payload);
    let count = from.array().ok()?;
    let mut records = Vec::new();
    while count.is_none_or(|count| (records.len() as u64) < count) {
        if count.is_none() && from.datatype().ok()? == Type::Break {
            break;
        }
        if records.len() == VALUES_MAX {
            break;
        }
        records.push(cbor_record(&mut from)?);
    }
    Some(records)
}

fn cbor_record(from: &mut Decoder<'_>) -> Option<Record> {
    let mut record = Record::default();
    let mut left = from.map().ok()?;
    loop {
        match &mut left {
            Some(0) => return Some(record),
            Some(left) => *left -= 1,
            None if from.datatype().ok()? == Type::Break => {
                from.skip().ok()?;
                return Some(record);
            }
            None => {}
        }
        let text = |from: &mut Decoder<'_>| from.str().map(str::to_owned).ok();
        if !matches!(
            from.datatype().ok()?,
            Type::U8 | Type::I8 | Type::U16 | Type::I16
        ) {
            from.skip().ok()?;
            from.skip().ok()?;
            continue;
        }
        match from.i16().ok()? {
            -2 => record.base_name = Some(text(from)?),
            -3 => record.base_time_s = Some(cbor_number(from)?),
            -4 => record.base_unit = Some(text(from)?),
            -5 => record.base_value = Some(cbor_number(from)?),
            0 => record.name = Some(text(from)?),
            1 => record.unit = Some(text(from)?),
            2 => record.value = Some(cbor_number(from)?),
            3 => record.words = Some(text(from)?),
            4 => record.value = Some(f64::from(u8::from(from.bool().ok()?))),
            6 => record.time_s = Some(cbor_number(from)?),
            _ => from.skip().ok()?,
        }
    }
}

fn cbor_number(from: &mut Decoder<'_>) -> Option<f64> {
    match from.datatype().ok()? {
        Type::F16 => {
            let at = from.position();
            let half = from.input().get(at + 1..at + 3)?;
            from.set_position(at + 3);
            Some(half_number(u16::from_be_bytes(half.try_into().ok()?)))
        }
        Type::F32 => from.f32().ok().map(f64::from),
        Type::F64 => from.f64().ok(),
        _ => from.int().ok().map(|int| i128::from(int) as f64),
    }
}

/// IEEE 754 binary16.
fn half_number(half: u16) -> f64 {
    let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = ((half >> 10) & 0x1f, f64::from(half & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicbor::encode::write::Cursor;

    const NOW_MS: u64 = 1_700_000_000_000;

    /// As one line each: name, value, unit, milliseconds from now.
    fn told(topic: &str, payload: &[u8]) -> Vec<String> {
        let line = |value: Said| {
            let measured = match value.value {
                Measured::Number(number) => format!("{number}"),
                Measured::Words(words) => format!("'{words}'"),
            };
            let since = value.at_ms as i64 - NOW_MS as i64;
            format!("{} {measured} [{}] {since}", value.name, value.unit)
        };
        read(topic, payload, NOW_MS).into_iter().map(line).collect()
    }

    #[test]
    fn flat_json_is_read_as_people_write_it() {
        for (topic, payload, expected) in [
            (
                "temperature",
                r#"{"temperature":25}"#,
                &["temperature 25 [] 0"][..],
            ),
            ("t", r#"{"value":-1.5,"unit":"Cel"}"#, &["t -1.5 [Cel] 0"]),
            (
                "room",
                r#"{"a":1,"on":true,"door":"shut"}"#,
                &["room/a 1 [] 0", "room/door 'shut' [] 0", "room/on 1 [] 0"],
            ),
            ("t", "21.5", &["t 21.5 [] 0"]),
            ("t", "\"warm\"", &["t 'warm' [] 0"]),
            ("t", r#"{"deep":{"a":1},"list":[1],"none":null}"#, &[]),
            ("t", "25 degrees", &[]),
            ("t", "", &[]),
        ] {
            assert_eq!(told(topic, payload.as_bytes()), expected, "{payload}");
        }
    }

    #[test]
    fn senml_records_share_what_stands_in_their_bases() {
        // RFC 8428, 5.1.2 and after.
        let json = r#"[
            {"bn":"urn:dev:ow:10e2073a01080063:","bt":1699999990,"bu":"A","bver":5,
             "n":"voltage","u":"V","v":120.1},
            {"n":"current","t":-5,"v":1.2},
            {"n":"current","t":-4,"v":1.3},
            {"n":"open","vb":false},
            {"n":"label","vs":"north"},
            {"n":"nothing"}]"#;
        let expected = [
            "mains/voltage 120.1 [V] -10000",
            "mains/current 1.2 [A] -15000",
            "mains/current 1.3 [A] -14000",
            "mains/open 0 [A] -10000",
            "mains/label 'north' [A] -10000",
        ];
        assert_eq!(told("mains", json.as_bytes()), expected);
        let relative = br#"[{"n":"x","v":1,"t":-2.5},{"n":"x","v":2,"bv":10,"t":99}]"#;
        assert_eq!(told("x", relative), ["x 1 [] -2500", "x 12 [] 99000"]);
    }

    #[test]
    fn senml_in_cbor_says_the_same() {
        let mut out = [0; 96];
        let mut to = minicbor::Encoder::new(Cursor::new(out.as_mut_slice()));
        to.array(2).unwrap().map(4).unwrap();
        to.i8(-2).unwrap().str("urn:dev:1:").unwrap();
        to.i8(-3).unwrap().f64(1_699_999_999.5).unwrap();
        to.u8(0).unwrap().str("temp").unwrap();
        to.u8(2).unwrap().f32(21.5).unwrap();
        to.begin_map().unwrap().str("own").unwrap().u8(1).unwrap();
        to.u8(0).unwrap().str("open").unwrap();
        to.u8(4).unwrap().bool(true).unwrap().end().unwrap();
        let length = to.into_writer().position();
        assert_eq!(
            told("t", &out[..length]),
            ["t/temp 21.5 [] -500", "t/open 1 [] -500"]
        );
        // A half: 1.5.
        let half = [0x81, 0xa2, 0x00, 0x61, b'h', 0x02, 0xf9, 0x3e, 0x00];
        assert_eq!(told("h", &half), ["h 1.5 [] 0"]);
    }

    #[test]
    fn what_cannot_be_kept_is_passed_over() {
        let long = format!("{{\"{}\":1,\"b\":2}}", "x".repeat(NAME_BYTES_MAX));
        assert_eq!(told("t", long.as_bytes()), ["t/b 2 [] 0"]);
        let words = format!("{{\"a\":\"{}\"}}", "x".repeat(WORDS_BYTES_MAX + 1));
        assert_eq!(told("t", words.as_bytes()), [""; 0]);
        let many = vec!["{\"n\":\"a\",\"v\":1}"; VALUES_MAX + 9].join(",");
        assert_eq!(told("t", format!("[{many}]").as_bytes()).len(), VALUES_MAX);
        let infinite = [0x81, 0xa1, 0x02, 0xf9, 0x7c, 0x00];
        assert_eq!(told("t", &infinite), [""; 0]);
        assert_eq!(told("t", br#"{"a\u0007b":1}"#), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_read_without_harm(payload: Vec<u8>) {
            let values = read("t", &payload, NOW_MS);
            assert!(values.len() <= VALUES_MAX);
        }
    }
}
