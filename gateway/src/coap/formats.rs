//! In which format a reader gets what a thing has published. Without a wish it gets the bytes that
//! the thing sent, by whichever door, and what the thing said they are: Content-Format here and
//! Content Type on MQTT 5 are one saying.

use super::request::Response;
use crate::heard::written;
use crate::tree::{Extras, Leaf, Topic};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use minicbor::Decoder;
use serde::de::IgnoredAny;

/// Content-Formats of SenML (RFC 8428).
pub(super) const SENML_JSON: u16 = 110;
pub(super) const SENML_CBOR: u16 = 112;

/// Formats with their names on MQTT 5, small letters without spaces.
const NAMED: [(u16, &str); 6] = [
    (wire::TEXT, "text/plain;charset=utf-8"),
    (wire::OCTETS, "application/octet-stream"),
    (wire::JSON, "application/json"),
    (wire::CBOR, "application/cbor"),
    (SENML_JSON, "application/senml+json"),
    (SENML_CBOR, "application/senml+cbor"),
];
/// Properties of MQTT 5 that stand beside a payload (MQTT 5, 2.2.2.2).
const FORMAT_INDICATOR: u8 = 0x01;
const CONTENT_TYPE: u8 = 0x03;
const USER_PROPERTY: u8 = 0x26;

/// What MQTT 5 says for a format; nothing for one without a name here.
pub(super) fn said_as(format: Option<u16>) -> Extras {
    let name = NAMED.iter().find(|(known, _)| Some(*known) == format);
    let mut out = BytesMut::new();
    if let Some((_, name)) = name {
        out.put_u8(CONTENT_TYPE);
        out.put_u16(name.len() as u16);
        out.put_slice(name.as_bytes());
    }
    Extras(out.freeze())
}

/// The format that the publisher said, by either door.
pub(super) fn said(extras: &Extras) -> Option<u16> {
    let mut rest = &extras.0[..];
    loop {
        match rest.try_get_u8().ok()? {
            FORMAT_INDICATOR => drop(rest.try_get_u8().ok()?),
            CONTENT_TYPE => {
                let name = std::str::from_utf8(take(&mut rest)?).ok()?;
                let name = name.replace(' ', "").to_ascii_lowercase();
                let named = NAMED.iter().find(|(_, known)| *known == name);
                return named.map(|(format, _)| *format);
            }
            USER_PROPERTY => drop((take(&mut rest)?, take(&mut rest)?)),
            // All others are one text or piece of data.
            _ => drop(take(&mut rest)?),
        }
    }
}

/// A text or data behind its length.
fn take<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    let length = usize::from(rest.try_get_u16().ok()?);
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// The payload as it was accepted; 4.06 when it cannot be had like that.
pub(super) fn content(
    topic: &Topic,
    payload: Bytes,
    said: Option<u16>,
    accept: Option<u16>,
) -> Response {
    let Some(wanted) = accept.filter(|wanted| said != Some(*wanted)) else {
        return Response {
            payload,
            content_format: said,
            ..Response::bare(ResponseType::Content)
        };
    };
    let telemetry = match &topic.leaf {
        Leaf::Telemetry(name) => Some(name),
        _ => None,
    };
    let payload = match (wanted, telemetry) {
        (wire::OCTETS, _) => Some(payload),
        (wire::TEXT, _) => std::str::from_utf8(&payload).is_ok().then_some(payload),
        (wire::JSON, _) => is_json(&payload).then_some(payload),
        (wire::CBOR, _) => is_cbor(&payload).then_some(payload),
        (SENML_JSON, Some(name)) => written::json(&topic.code, name.as_str(), &payload),
        (SENML_CBOR, Some(name)) => written::cbor(&topic.code, name.as_str(), &payload),
        _ => None,
    };
    match payload {
        Some(payload) => Response::with(ResponseType::Content, wanted, payload),
        None => Response::bare(ResponseType::NotAcceptable),
    }
}

fn is_json(payload: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(payload).is_ok()
}

/// Whether it is one item and nothing else.
fn is_cbor(payload: &[u8]) -> bool {
    let mut from = Decoder::new(payload);
    from.skip().is_ok() && from.position() == payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    fn read(place: &str, payload: &'static [u8], accept: Option<u16>) -> (String, Option<u16>) {
        let response = content(&topic(place), Bytes::from_static(payload), None, accept);
        let code = match response.code {
            ResponseType::Content => String::from_utf8_lossy(&response.payload).into_owned(),
            other => format!("{other:?}"),
        };
        (code, response.content_format)
    }

    #[test]
    fn without_a_wish_the_bytes_are_what_they_were() {
        for payload in [&b"25"[..], b"\xa0", b"no format"] {
            let response = content(
                &topic("oc/1/A/t/x"),
                Bytes::from_static(payload),
                None,
                None,
            );
            assert_eq!(
                (response.payload.as_ref(), response.content_format),
                (payload, None)
            );
        }
    }

    #[test]
    fn what_was_said_by_one_door_is_said_at_the_other() {
        for (format, name) in NAMED {
            let extras = said_as(Some(format));
            assert!(extras.0.ends_with(name.as_bytes()));
            assert_eq!(said(&extras), Some(format));
        }
        assert_eq!(said_as(None), Extras::default());
        assert_eq!(said_as(Some(9_999)), Extras::default());
        let properties = b"\x01\x01\x26\0\x01k\0\x01v\x08\0\x01t\x03\0\x10Application/JSON";
        let said_so = |bytes: &'static [u8]| said(&Extras(Bytes::from_static(bytes)));
        assert_eq!(said_so(properties), Some(wire::JSON));
        for nothing in [
            &b""[..],
            b"\x03",
            b"\x03\0\x09text",
            b"\x26\0\x01k",
            b"\x03\0\x01x",
        ] {
            assert_eq!(said_so(nothing), None);
        }
        let place = topic("oc/1/A/t/x");
        let given = |accept| content(&place, Bytes::from_static(b"1"), Some(wire::JSON), accept);
        assert_eq!(given(None).content_format, Some(wire::JSON));
        assert_eq!(given(Some(wire::TEXT)).content_format, Some(wire::TEXT));
    }

    #[test]
    fn a_format_is_given_when_the_bytes_are_in_it_or_mean_it() {
        let place = "oc/1/A/t/temperature";
        let json = br#"{"temperature":25}"#;
        for accept in [wire::OCTETS, wire::TEXT, wire::JSON] {
            let given = ("{\"temperature\":25}".to_owned(), Some(accept));
            assert_eq!(read(place, json, Some(accept)), given);
        }
        let (senml, format) = read(place, json, Some(SENML_JSON));
        assert_eq!(format, Some(SENML_JSON));
        assert!(senml.contains("\"n\":\"temperature\",\"v\":25"), "{senml}");
        let refused = ("NotAcceptable".to_owned(), None);
        for (place, payload, accept) in [
            (place, &json[..], wire::CBOR),
            (place, b"\xa0\xa0", wire::CBOR),
            (place, b"\xff", wire::TEXT),
            (place, b"25 degrees", wire::JSON),
            (place, b"25 degrees", SENML_JSON),
            (place, b"25 degrees", SENML_CBOR),
            ("oc/1/A/e/door", b"25", SENML_JSON),
            (place, json, 9_999),
        ] {
            assert_eq!(read(place, payload, Some(accept)), refused, "{accept}");
        }
        assert_eq!(read(place, b"\x01", Some(wire::CBOR)).1, Some(wire::CBOR));
    }
}
