//! Requests and responses as the resources see them, free of message ids, tokens and blocks.

use super::limits::PATH_SEGMENTS;
use bytes::Bytes;
use coap_lite::{CoapOption, Packet, RequestType, ResponseType};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Publish.
    Post,
    /// Publish and retain.
    Put,
    /// Remove what is retained.
    Delete,
}

impl Method {
    pub(super) const fn of(request: RequestType) -> Option<Self> {
        match request {
            RequestType::Get => Some(Self::Get),
            RequestType::Post => Some(Self::Post),
            RequestType::Put => Some(Self::Put),
            RequestType::Delete => Some(Self::Delete),
            _ => None,
        }
    }
}

/// A request whose body is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Path segments: each non-empty, UTF-8, without `/`, and neither `.` nor `..`.
    pub path: Vec<String>,
    /// Query items such as `after=7`.
    pub query: Vec<String>,
    /// Content-Format of the payload.
    pub content_format: Option<u16>,
    /// Content-Format that the answer is to have.
    pub accept: Option<u16>,
    /// The body.
    pub payload: Bytes,
    /// Whether the peer wants to be told of changes.
    pub observe: bool,
}

impl Request {
    /// The value of `name=value` in the query.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find_map(|item| item.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The answer to a request, or a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Outcome.
    pub code: ResponseType,
    /// Body of any length; the endpoint cuts it into blocks.
    pub payload: Bytes,
    /// Content-Format of the payload.
    pub content_format: Option<u16>,
    /// How long it may be taken for fresh.
    pub max_age_s: Option<u32>,
    /// Path of what was made.
    pub location: Vec<String>,
    /// As a notification: always ask for an acknowledgement.
    pub reliable: bool,
}

impl Response {
    /// An outcome without a body.
    pub const fn bare(code: ResponseType) -> Self {
        Self {
            code,
            payload: Bytes::new(),
            content_format: None,
            max_age_s: None,
            location: Vec::new(),
            reliable: false,
        }
    }

    /// An outcome with a body.
    pub const fn with(code: ResponseType, content_format: u16, payload: Bytes) -> Self {
        Self {
            code,
            payload,
            content_format: Some(content_format),
            max_age_s: None,
            location: Vec::new(),
            reliable: false,
        }
    }

    pub(super) fn is_error(&self) -> bool {
        self.code.is_error()
    }
}

/// The path as its option bytes; joined text is never looked at.
pub(super) fn path(packet: &Packet) -> Option<Vec<String>> {
    let Some(segments) = packet.get_option(CoapOption::UriPath) else {
        return Some(Vec::new());
    };
    if segments.len() > PATH_SEGMENTS {
        return None;
    }
    let segment = |bytes: &Vec<u8>| {
        let text = std::str::from_utf8(bytes).ok()?;
        let plain = !text.is_empty()
            && text != "."
            && text != ".."
            && !text.contains('/')
            && !text.chars().any(char::is_control);
        plain.then(|| text.to_owned())
    };
    segments.iter().map(segment).collect()
}

/// The query items; `None` when one is not UTF-8.
pub(super) fn query(packet: &Packet) -> Option<Vec<String>> {
    let Some(items) = packet.get_option(CoapOption::UriQuery) else {
        return Some(Vec::new());
    };
    items
        .iter()
        .map(|bytes| String::from_utf8(bytes.clone()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_path(segments: &[&[u8]]) -> Packet {
        let mut packet = Packet::new();
        for segment in segments {
            packet.add_option(CoapOption::UriPath, segment.to_vec());
        }
        packet
    }

    #[test]
    fn a_slash_inside_a_segment_is_not_a_border() {
        assert_eq!(
            path(&with_path(&[b"oc", b"1", b"me"])),
            Some(vec!["oc".into(), "1".into(), "me".into()])
        );
        for bad in [&b"oc/1"[..], b"", b".", b"..", b"\xff", b"a\0b", b"/"] {
            assert_eq!(path(&with_path(&[b"oc", bad])), None, "{bad:?}");
        }
        assert_eq!(path(&with_path(&[&b"a"[..]; PATH_SEGMENTS + 1])), None);
        assert_eq!(path(&with_path(&[])), Some(vec![]));
    }
}
