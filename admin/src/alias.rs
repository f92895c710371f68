//! What others call a code: GS1 Digital Link, and its `did:web` document. The resolver answers for
//! these names; none of them is the identity of anything.

use crate::language::{Say, say};
use protocol::{Code, PublicKey};
use serde_json::{Value, json};

/// Characters of a serial number in GS1 application identifier 21.
const SERIAL_CHARS_MAX: usize = 20;
/// Digits of the longest GTIN; shorter ones get zeros in front.
const GTIN_DIGITS: usize = 14;
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Why a GTIN and a serial number are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gs1Error {
    /// Not 8, 12, 13 or 14 digits.
    Digits,
    /// The last digit does not fit the others.
    Check,
    /// Empty, too long, or with characters that GS1 does not have.
    Serial,
}

impl Gs1Error {
    /// What to do about it.
    pub const fn sentence(self) -> Say {
        match self {
            Self::Digits => say("A GTIN has 8, 12, 13 or 14 digits."),
            Self::Check => {
                say("The last digit of the GTIN does not fit the others; one was mistyped.")
            }
            Self::Serial => {
                say("A serial number has 1 to 20 of the letters, digits and signs that GS1 allows.")
            }
        }
    }
}

/// The name of one thing of a product, as the resolver's path: `01/<14 digits>/21/<serial>`.
pub fn gs1(gtin: &str, serial: &str) -> Result<String, Gs1Error> {
    if !matches!(gtin.len(), 8 | 12 | 13 | 14) || !gtin.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Gs1Error::Digits);
    }
    // Counted from the right, every second digit weighs three; the sum is a multiple of ten.
    let weights = [1u32, 3].into_iter().cycle();
    let digits = gtin.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum();
    if !sum.is_multiple_of(10) {
        return Err(Gs1Error::Check);
    }
    let is_sign = |byte: u8| b"!\"%&'()*+,-./:;<=>?_".contains(&byte);
    let fits = serial
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte));
    if serial.is_empty() || serial.len() > SERIAL_CHARS_MAX || !fits {
        return Err(Gs1Error::Serial);
    }
    Ok(format!("01/{gtin:0>GTIN_DIGITS$}/21/{serial}"))
}

/// The document of `did:web:<resolver>:1:<CODE>`: the key by which the code signs, and its names.
pub fn did_document(resolver: &str, code: &Code, key: &PublicKey, names: &[String]) -> Value {
    let host = resolver.to_ascii_lowercase();
    let did = format!("did:web:{}:1:{code}", host.replace(':', "%3A"));
    let mut known_as = vec![format!("https://{host}/1/{code}")];
    known_as.extend(names.iter().map(|name| format!("https://{host}/{name}")));
    let wallet = format!("{did}#wallet");
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "alsoKnownAs": known_as,
        "verificationMethod": [{
            "id": wallet,
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": multikey(key),
        }],
        "assertionMethod": [wallet],
        "authentication": [wallet],
    })
}

/// The multicodec of the algorithm and the key, in base 58.
fn multikey(key: &PublicKey) -> String {
    let prefix: [u8; 2] = match key {
        PublicKey::Ed25519(_) => [0xed, 0x01],
        PublicKey::P256(_) => [0x80, 0x24],
    };
    let mut digits: Vec<u8> = Vec::new();
    for byte in prefix.iter().chain(key.as_bytes()) {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let letter = |digit: &u8| {
        BASE58
            .get(usize::from(*digit))
            .copied()
            .map_or('1', char::from)
    };
    std::iter::once('z')
        .chain(digits.iter().rev().map(letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_and_its_serial_number_are_one_name_in_every_length_of_gtin() {
        let name = |gtin| gs1(gtin, "A-7/b");
        for gtin in ["9506000134352", "09506000134352"] {
            assert_eq!(name(gtin).unwrap(), "01/09506000134352/21/A-7/b");
        }
        assert_eq!(gs1("96385074", "1").unwrap(), "01/00000096385074/21/1");
        assert_eq!(name("9506000134353"), Err(Gs1Error::Check));
        for wrong in ["", "950600013435", "95060001343520", "950600013435x", "123"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        for serial in ["", "123456789012345678901", "a b", "ä", "a#b"] {
            assert_eq!(gs1("96385074", serial), Err(Gs1Error::Serial), "{serial}");
        }
    }

    #[test]
    fn keys_are_spelled_as_the_did_key_texts_have_them() {
        // The first Ed25519 test vector of the did:key texts.
        let key = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
        let bytes = [
            0x3b, 0x6a, 0x27, 0xbc, 0xce, 0xb6, 0xa4, 0x2d, 0x62, 0xa3, 0xa8, 0xd0, 0x2a, 0x6f,
            0x0d, 0x73, 0x65, 0x32, 0x15, 0x77, 0x1d, 0xe2, 0x43, 0xa6, 0x3a, 0xc0, 0x48, 0xa1,
            0x8b, 0x59, 0xda, 0x29,
        ];
        assert_eq!(multikey(&PublicKey::Ed25519(bytes)), key);
    }
}
