//! In which format a reader gets what a thing has published. Without a wish it gets the bytes that
//! the thing sent, by whichever door; what they are, only the thing knows.

use super::request::Response;
use crate::heard::written;
use crate::tree::{Leaf, Topic};
use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use minicbor::Decoder;
use serde::de::IgnoredAny;

/// Content-Formats of SenML (RFC 8428).
pub(super) const SENML_JSON: u16 = 110;
pub(super) const SENML_CBOR: u16 = 112;

/// The payload as it was accepted; 4.06 when it cannot be had like that.
pub(super) fn content(topic: &Topic, payload: Bytes, accept: Option<u16>) -> Response {
    let Some(wanted) = accept else {
        return Response {
            payload,
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
        let response = content(&topic(place), Bytes::from_static(payload), accept);
        let code = match response.code {
            ResponseType::Content => String::from_utf8_lossy(&response.payload).into_owned(),
            other => format!("{other:?}"),
        };
        (code, response.content_format)
    }

    #[test]
    fn without_a_wish_the_bytes_are_what_they_were() {
        for payload in [&b"25"[..], b"\xa0", b"no format"] {
            let response = content(&topic("oc/1/A/t/x"), Bytes::from_static(payload), None);
            assert_eq!(
                (response.payload.as_ref(), response.content_format),
                (payload, None)
            );
        }
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
