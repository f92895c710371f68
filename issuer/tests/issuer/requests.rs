//! Requests: ours, OpenSSL's, and bad ones.

use crate::openssl::openssl;
use crate::workshop::*;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
use der::{Decode, Encode};
use issuer::{Asks, CheckedRequest, KeyFault, RequestError, Unreadable};
use protocol::keys::SoftwareKey;
use protocol::{Network, PublicKey, Signer, Status};
use std::path::Path;
use tempfile::TempDir;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::request::CertReq;

fn read(bytes: &[u8]) -> Result<CheckedRequest, RequestError> {
    CheckedRequest::read(bytes, &network())
}

fn fault(bytes: &[u8]) -> RequestError {
    read(bytes).unwrap_err()
}

#[test]
fn a_good_request_gives_both_keys() {
    let thing = thing(3);
    let request = read(&thing.request()).unwrap();
    assert_eq!(request.transport_spki(), thing.spki());
    assert_eq!(request.wallet_key(), thing.wallet.public_key());
    assert!(matches!(request.transport_key(), PublicKey::P256(_)));
    assert_eq!(request.hash(), read(&thing.request()).unwrap().hash());
}

#[test]
fn a_wallet_proof_counts_once_for_one_key_in_one_network() {
    let own = thing(3);
    let with = |proof: &[u8]| {
        own.request_with(|builder| {
            builder.add_attribute(&ProofAttribute::new(proof)).unwrap();
        })
    };
    let wallet = |fault| Err(RequestError::Wallet(fault));
    let seen = |request: &[u8]| read(request).map(|_| ());
    assert_eq!(seen(&with(&own.proof(&network()))), Ok(()));
    let p256 = SoftwareKey::p256(&[44; 32]).unwrap();
    assert_eq!(seen(&with(&proof(&p256, &network(), &own.spki()))), Ok(()));

    assert_eq!(seen(&own.request_with(|_| {})), wallet(KeyFault::Missing));
    let elsewhere = own.proof(&Network::new("prod").unwrap());
    assert_eq!(seen(&with(&elsewhere)), wallet(KeyFault::Signature));
    let foreign = thing(4).proof(&network());
    assert_eq!(seen(&with(&foreign)), wallet(KeyFault::Signature));
    assert_eq!(seen(&with(b"")), wallet(KeyFault::Malformed));
    let longer = [own.proof(&network()).as_slice(), &[0]].concat();
    assert_eq!(seen(&with(&longer)), wallet(KeyFault::Malformed));
    let same = SoftwareKey::P256(own.transport.clone());
    let same = proof(&same, &network(), &own.spki());
    assert_eq!(seen(&with(&same)), wallet(KeyFault::Shared));
}

#[test]
fn every_changed_byte_is_noticed() {
    let good = thing(3).request();
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(read(&changed).is_err(), "byte {at}");
        assert!(read(&good[..at]).is_err(), "cut at {at}");
    }
    let longer = [good.as_slice(), &[0]].concat();
    let unreadable = |fault| RequestError::Unreadable(fault);
    assert_eq!(fault(&longer), unreadable(Unreadable::NotDer));
    let long = vec![0x30; issuer::REQUEST_BYTES_MAX + 1];
    assert_eq!(fault(&long), unreadable(Unreadable::TooLong));
}

#[test]
fn nothing_is_given_for_the_asking() {
    let thing = thing(3);
    let asking = |ca| {
        thing.request_with(|builder| {
            let proof = thing.proof(&network());
            builder.add_attribute(&ProofAttribute::new(&proof)).unwrap();
            let path_len_constraint = None;
            builder
                .add_extension(&BasicConstraints {
                    ca,
                    path_len_constraint,
                })
                .unwrap();
        })
    };
    assert_eq!(fault(&asking(true)), RequestError::Asks(Asks::Authority));
    assert!(read(&asking(false)).is_ok());
}

/// A request whose key is spelled in compressed form, well signed.
#[test]
fn a_second_spelling_of_a_key_is_refused() {
    let thing = thing(3);
    let mut request = CertReq::from_der(&thing.request()).unwrap();
    let point = thing.transport.verifying_key().to_sec1_point(true);
    request.info.public_key.subject_public_key =
        der::asn1::BitString::from_bytes(point.as_bytes()).unwrap();
    let signed = request.info.to_der().unwrap();
    let signature: p256::ecdsa::DerSignature = signature::Signer::sign(&thing.transport, &signed);
    request.signature = der::asn1::BitString::from_bytes(signature.as_bytes()).unwrap();
    assert_eq!(
        fault(&request.to_der().unwrap()),
        RequestError::Transport(KeyFault::NotAKey)
    );
}

/// `openssl req` with a new key.
fn foreign(folder: &Path, key: &[&str], more: &[&str]) -> Vec<u8> {
    let [key_file, request] = ["key.pem", "request.der"].map(|name| {
        let path = folder.join(name);
        path.to_str().unwrap().to_owned()
    });
    let made = openssl(&[&["genpkey", "-out", &key_file], key].concat());
    assert!(made.status.success(), "{made:?}");
    let fixed = ["req", "-new", "-outform", "DER"];
    let files = ["-key", &key_file, "-out", &request];
    // A subject on the command line makes it ignore attributes in a configuration file.
    let subject: &[&str] = match more.contains(&"-config") {
        true => &[],
        false => &["-subj", "/CN=meter"],
    };
    let made = openssl(&[&fixed, files.as_slice(), subject, more].concat());
    assert!(made.status.success(), "{made:?}");
    std::fs::read(&request).unwrap()
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn requests_made_by_openssl_miss_only_the_wallet_proof() {
    let folder = TempDir::new().unwrap();
    for key in [P256.as_slice(), &["-algorithm", "ED25519"]] {
        let request = foreign(folder.path(), key, &[]);
        assert_eq!(fault(&request), RequestError::Wallet(KeyFault::Missing));
        let said = fault(&request).to_string();
        assert!(said.contains(protocol::enrol::OID_WALLET_PROOF), "{said}");
    }
}

#[test]
fn other_algorithms_are_refused() {
    let folder = TempDir::new().unwrap();
    let algorithm = RequestError::Transport(KeyFault::Algorithm);
    let p384 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
    for key in [p384.as_slice(), &rsa, &["-algorithm", "ED448"]] {
        assert_eq!(fault(&foreign(folder.path(), key, &[])), algorithm);
    }
    for digest in ["-sha1", "-sha512"] {
        let request = foreign(folder.path(), &P256, &[digest]);
        assert_eq!(fault(&request), algorithm, "{digest}");
    }
}

#[test]
fn extensions_asked_for_by_openssl_are_named() {
    let folder = TempDir::new().unwrap();
    let asks = |extension| {
        let request = foreign(folder.path(), &P256, &["-addext", extension]);
        fault(&request)
    };
    assert_eq!(
        asks("subjectAltName=DNS:other.example"),
        RequestError::Asks(Asks::Extension(ID_CE_SUBJECT_ALT_NAME))
    );
    assert_eq!(
        asks("basicConstraints=critical,CA:TRUE"),
        RequestError::Asks(Asks::Authority)
    );
}

#[test]
fn attributes_are_a_closed_list() {
    let folder = TempDir::new().unwrap();
    let with = |attribute: &str| {
        let config = folder.path().join("own.cnf");
        let text = "[req]\nprompt=no\ndistinguished_name=d\nattributes=a\n[d]\nCN=x\n[a]\n";
        std::fs::write(&config, [text, attribute].concat()).unwrap();
        let config = ["-config", config.to_str().unwrap()];
        fault(&foreign(folder.path(), &P256, &config))
    };
    let unstructured = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.2");
    let refused = with("unstructuredName=y");
    assert_eq!(refused, RequestError::Asks(Asks::Attribute(unstructured)));
    assert_eq!(refused.status(), Status::NotPermitted);
    // Only the missing proof is left to complain about.
    let tolerated = with("challengePassword=channel-binding");
    assert_eq!(tolerated, RequestError::Wallet(KeyFault::Missing));
}

#[test]
fn a_pasted_request_is_read() {
    let request = thing(3).request();
    let pem = |label| der::pem::encode_string(label, der::pem::LineEnding::CRLF, &request).unwrap();
    let read = |text: &str| CheckedRequest::read_pem(text, &network());
    for label in ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"] {
        let pasted = format!("\n  {}\n", pem(label));
        assert!(read(&pasted).is_ok(), "{label}");
    }
    let unreadable = |fault| Some(RequestError::Unreadable(fault));
    for text in ["", "hello", &pem("CERTIFICATE"), &pem("PRIVATE KEY")] {
        assert_eq!(read(text).err(), unreadable(Unreadable::NotPem), "{text}");
    }
    let long = " ".repeat(4 * issuer::REQUEST_BYTES_MAX);
    assert_eq!(read(&long).err(), unreadable(Unreadable::TooLong));
}

#[test]
fn arbitrary_bytes_never_panic() {
    let good = thing(3).request();
    let leaf = issue(&authorities(), 1).certificate;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..mutations() {
        let mut bent = [good.clone(), leaf.clone()];
        for bytes in &mut bent {
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                match next(4) {
                    0 => drop(bytes.drain(at..(at + next(9)).min(bytes.len()))),
                    1 => bytes.insert(at, next(256) as u8),
                    _ => bytes[at] = next(256) as u8,
                }
            }
        }
        let _ = read(&bent[0]);
        let _ = issuer::identity(&bent[1]);
    }
}

/// How many: more with `ONECODE_MUTATIONS`.
fn mutations() -> usize {
    let more = std::env::var("ONECODE_MUTATIONS");
    more.map_or(4_000, |many| many.parse().unwrap())
}

/// A thing that speaks TLS 1.3 only may have an Ed25519 transport key. OpenSSL cannot make the
/// wallet proof, so it is put into the configuration as hex.
#[test]
fn an_ed25519_transport_key_is_issued_too() {
    let folder = TempDir::new().unwrap();
    let ed25519 = ["-algorithm", "ED25519"];
    let bare = foreign(folder.path(), &ed25519, &[]);
    let spki = CertReq::from_der(&bare).unwrap().info.public_key;
    let wallet = thing(3).wallet;
    let proof = proof(&wallet, &network(), &spki.to_der().unwrap());
    let mut request = CertReq::from_der(&bare).unwrap();
    request
        .info
        .attributes
        .insert(
            x509_cert::request::attributes::AsAttribute::to_attribute(&ProofAttribute::new(&proof))
                .unwrap(),
        )
        .unwrap();
    let key_file = std::fs::read(folder.path().join("key.pem")).unwrap();
    let (_, key) = der::pem::decode_vec(&key_file).unwrap();
    let key: ed25519_dalek::SigningKey =
        p256::pkcs8::DecodePrivateKey::from_pkcs8_der(&key).unwrap();
    let signed = request.info.to_der().unwrap();
    let signature: ed25519_dalek::Signature = signature::Signer::sign(&key, &signed);
    request.signature = der::asn1::BitString::from_bytes(&signature.to_bytes()).unwrap();
    let checked = read(&request.to_der().unwrap()).unwrap();
    assert!(matches!(checked.transport_key(), PublicKey::Ed25519(_)));
    let issued = authorities().gateway.issue_device(&order(1), &checked);
    let issued = issued.unwrap();
    assert!(issued.code.commits_to(checked.transport_spki()));
    assert_eq!(issuer::identity(&issued.certificate), Some(issued.code));
}
