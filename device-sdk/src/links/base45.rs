//! Base45 (RFC 9285): bytes in the 45 characters of a QR symbol's alphanumeric mode, three
//! characters for two bytes. It has one spelling for each text.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// How many characters so many bytes take.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    bytes / 2 * 3 + bytes % 2 * 2
}

/// Writes the characters; returns how many. `None` when `out` is too small.
pub(super) fn encode(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut places = out.iter_mut();
    for pair in bytes.chunks(2) {
        let value = pair.iter().fold(0, |value, b| value << 8 | u32::from(*b));
        let digits = [value % 45, value / 45 % 45, value / 2025];
        for digit in digits.iter().take(pair.len() + 1) {
            *places.next()? = *ALPHABET.get(*digit as usize)?;
        }
    }
    Some(encoded_len(bytes.len()))
}

/// Reads the characters; returns how many bytes they are. `None` when they are not Base45 or `out`
/// is too small.
pub(super) fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    for group in text.chunks(3) {
        let mut value = 0;
        for character in group.iter().rev() {
            let digit = ALPHABET.iter().position(|c| c == character)?;
            value = value * 45 + u32::try_from(digit).ok()?;
        }
        let bytes = value.to_be_bytes();
        let bytes = match group.len() {
            3 if value <= 0xffff => bytes.get(2..)?,
            2 if value <= 0xff => bytes.get(3..)?,
            _ => return None,
        };
        let to = out.get_mut(len..)?.get_mut(..bytes.len())?;
        to.copy_from_slice(bytes);
        len += bytes.len();
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut out = vec![0; encoded_len(bytes.len())];
        let len = encode(bytes, &mut out).unwrap();
        assert_eq!(len, out.len());
        String::from_utf8(out).unwrap()
    }

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut out = [0; 64];
        let len = decode(text.as_bytes(), &mut out)?;
        Some(out[..len].to_vec())
    }

    #[test]
    fn the_examples_of_the_standard_come_out() {
        for (bytes, text) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
            ("ietf!", "QED8WEX0"),
            ("", ""),
        ] {
            assert_eq!(encoded(bytes.as_bytes()), text);
            assert_eq!(decoded(text).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        // One character alone, a value above two bytes, one above one byte, lower case.
        assert_eq!(decoded("FGW"), Some(vec![0xff, 0xff]));
        for text in ["A", "BB8B", "GGW", "::", "bb8", "BB\u{e9}"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn a_buffer_that_is_too_small_is_not_overrun() {
        assert_eq!(encode(b"AB", &mut [0; 2]), None);
        assert_eq!(decode(b"BB8", &mut [0; 1]), None);
    }

    proptest! {
        #[test]
        fn every_text_has_one_spelling(bytes: Vec<u8>, text in "[0-9A-Z $%*+./:-]{0,40}") {
            let mut out = vec![0; bytes.len()];
            prop_assert_eq!(decode(encoded(&bytes).as_bytes(), &mut out), Some(bytes.len()));
            prop_assert_eq!(out, bytes);
            if let Some(bytes) = decoded(&text) {
                prop_assert_eq!(encoded(&bytes), text);
            }
        }
    }
}
