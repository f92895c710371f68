use super::*;
use crate::identity_file::{Identity, load_keys, save_keys};
use crate::test_house::{House, NOW};
use base64ct::{Base64, Encoding};
use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

fn keys(seed: u8) -> Keys {
    Keys::from_random(&[seed; 32], &[seed + 1; 32]).unwrap()
}

/// A desk on loopback that answers a bounded number of requests.
struct Served {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

type Answers = Box<dyn Fn(&str, &str, &[u8]) -> (u16, Vec<u8>) + Send>;

fn serve(answers: Answers) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(16) {
            seen.lock().unwrap().push(answer(stream.unwrap(), &answers));
        }
    });
    Served { url, requests }
}

/// Reads one HTTP request and answers it; returns its first line.
fn answer(mut stream: TcpStream, answers: &Answers) -> String {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    from.read_line(&mut first).unwrap();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let line = line.trim().to_owned();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap();
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    let path = first.split(' ').nth(1).unwrap();
    let (status, body) = answers(path, &authorization, &body);
    let head = format!(
        "HTTP/1.1 {status} so\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    first.trim().to_owned()
}

/// RFC 5652 by hand: what any EST server sends.
fn pkcs7(certificates: &[&[u8]]) -> Vec<u8> {
    let header = |tag: u8, content: Vec<u8>| {
        let mut bytes = vec![tag, 0x82];
        bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    };
    let any = certificates.iter().map(|der| Any::from_der(der).unwrap());
    let set = SetOfVec::try_from(any.collect::<Vec<_>>()).unwrap();
    let set: Vec<u8> = set.iter().flat_map(|any| any.to_der().unwrap()).collect();
    let data = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let signed_data = [
        &[2, 1, 1, 0x31, 0, 0x30, data.len() as u8][..],
        &data,
        &header(0xa0, set),
        &[0x31, 0],
    ]
    .concat();
    let signed = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let content = header(0xa0, header(0x30, signed_data));
    header(0x30, [&signed[..], &content].concat())
}

fn est(certificates: &[&[u8]]) -> Vec<u8> {
    let text = Base64::encode_string(&pkcs7(certificates));
    let lines: Vec<_> = text.as_bytes().chunks(64).collect();
    lines.join(&b"\r\n"[..])
}

/// A gateway's desk; `spoil` may replace any answer.
fn desk(house: House, spoil: impl Fn(&House, &str) -> Option<Vec<u8>> + Send + 'static) -> Served {
    let passes = Mutex::new(std::collections::HashMap::from([
        (house.issuer.code, house.issuer.pass.clone()),
        (house.gateway.code, house.gateway.pass.clone()),
    ]));
    serve(Box::new(move |path, authorization, body| {
        if let Some(spoiled) = spoil(&house, path) {
            return (200, spoiled);
        }
        match path {
            "/.well-known/est/cacerts" => {
                let all = [&house.root, &house.issuer, &house.gateway];
                (200, est(&all.map(|authority| &authority.certificate[..])))
            }
            "/.well-known/est/simpleenroll" => {
                let secret = Base64::encode_string(b"onecode:a secret");
                if authorization != format!("Basic {secret}") {
                    return (401, b"a one-time secret is wanted\n".to_vec());
                }
                let request = Base64::decode_vec(std::str::from_utf8(body).unwrap()).unwrap();
                let issued = house.issue(&request, 7);
                passes.lock().unwrap().insert(issued.code, issued.pass);
                (200, est(&[&issued.certificate]))
            }
            path => {
                let code = path
                    .strip_prefix("/1/")
                    .and_then(|p| p.strip_suffix("/pass"));
                let code: Code = code.unwrap().parse().unwrap();
                match passes.lock().unwrap().get(&code) {
                    Some(pass) => (200, pass.clone()),
                    None => (404, b"no such code\n".to_vec()),
                }
            }
        }
    }))
}

#[test]
fn a_thing_gets_its_code_and_asks_again_with_the_same_request() {
    let house = House::new(20);
    let trust = house.trust();
    let served = desk(house, |_, _| None);
    let keys = keys(40);
    let given = enrol(&served.url, &trust, Some("a secret"), &keys, NOW).unwrap();
    assert!(given.code.commits_to(&keys.transport_spki().unwrap()));
    let again = enrol(&served.url, &trust, Some("a secret"), &keys, NOW).unwrap();
    assert_eq!(again, given);
    let requests = served.requests.lock().unwrap();
    assert_eq!(requests.len(), 10);
    assert_eq!(requests[1], "POST /.well-known/est/simpleenroll HTTP/1.1");
    assert_eq!(keys.request(&trust.network), keys.request(&trust.network));
}

#[test]
fn a_refusal_is_told_in_the_gateways_own_words() {
    let house = House::new(20);
    let trust = house.trust();
    let served = desk(house, |_, _| None);
    match enrol(&served.url, &trust, Some("another"), &keys(40), NOW) {
        Err(EnrolError::Refused {
            http_status: 401,
            sentence,
        }) => assert_eq!(sentence, "a one-time secret is wanted"),
        other => panic!("{other:?}"),
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let nobody = enrol(&closed, &trust, Some("a secret"), &keys(40), NOW);
    assert!(matches!(nobody, Err(EnrolError::Unreachable(_))));
}

#[test]
fn nothing_is_believed_that_the_pinned_root_does_not_carry() {
    let keys = keys(40);
    let at = |now, spoil: fn(&House, &str) -> Option<Vec<u8>>| {
        let house = House::new(20);
        let trust = house.trust();
        let served = desk(house, spoil);
        enrol(&served.url, &trust, Some("a secret"), &keys, now).unwrap_err()
    };
    let fault = |spoil| at(NOW, spoil).to_string();

    // A whole house of somebody else's, with another root.
    let other_root = {
        let served = desk(House::new(60), |_, _| None);
        let trust = House::new(20).trust();
        enrol(&served.url, &trust, Some("a secret"), &keys, NOW).unwrap_err()
    };
    assert!(matches!(other_root, EnrolError::Pass(Status::BadSignature)));

    let other_thing = fault(|house, path| {
        let request = self::keys(50).request(&house.network).unwrap();
        let issued = house.issue(&request, 8);
        path.ends_with("simpleenroll")
            .then(|| est(&[&issued.certificate]))
    });
    assert!(
        other_thing.contains("none carries the key"),
        "{other_thing}"
    );

    let no_root = fault(|house, path| {
        path.ends_with("cacerts")
            .then(|| est(&[&house.issuer.certificate, &house.gateway.certificate]))
    });
    assert!(no_root.contains("none is that of"), "{no_root}");

    let other_authorities = fault(|_, path| {
        let other = House::new(60);
        let all = [&other.root, &other.issuer, &other.gateway];
        path.ends_with("cacerts")
            .then(|| est(&all.map(|authority| &authority.certificate[..])))
    });
    assert!(other_authorities.contains("none is that of"));

    let other_chain = fault(|house, path| {
        let request = self::keys(40).request(&house.network).unwrap();
        let other = House::new(60).issue(&request, 7);
        if path == format!("/1/{}/pass", other.code) {
            return Some(house.issue(&request, 7).pass);
        }
        path.ends_with("simpleenroll")
            .then(|| est(&[&other.certificate]))
    });
    assert!(other_chain.contains("do not lead"), "{other_chain}");

    let noise = fault(|_, path| path.ends_with("cacerts").then(|| b"noise".to_vec()));
    assert!(noise.contains("not a PKCS#7 message"), "{noise}");
    let no_pass = fault(|_, path| path.ends_with("pass").then(Vec::new));
    assert!(no_pass.contains("one allowed spelling"), "{no_pass}");
    let long = fault(|_, path| path.ends_with("pass").then(|| vec![0; 70_000]));
    assert!(long.contains("cannot be reached"), "{long}");

    let late = at(Timestamp(u32::MAX), |_, _| None);
    assert!(matches!(late, EnrolError::Pass(Status::Expired)), "{late}");
}

#[test]
fn an_identity_comes_back_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("car");
    assert!(load_keys(&path).unwrap().is_none());
    assert!(Identity::load(&path).unwrap().is_none());
    save_keys(&path, &keys(40)).unwrap();
    assert!(Identity::load(&path).unwrap().is_none(), "not enrolled yet");
    let keys = load_keys(&path).unwrap().unwrap();

    let house = House::new(20);
    let trust = house.trust();
    let served = desk(house, |_, _| None);
    let credentials = enrol(&served.url, &trust, Some("a secret"), &keys, NOW).unwrap();
    let identity = Identity {
        trust,
        keys,
        credentials,
    };
    identity.save(&path).unwrap();
    let loaded = Identity::load(&path).unwrap().unwrap();
    assert_eq!(loaded.credentials, identity.credentials);
    assert_eq!(loaded.trust.root_key, trust.root_key);
    loaded
        .credentials
        .check(&loaded.trust, &loaded.keys, NOW)
        .unwrap();
    loaded.tls().unwrap();
    assert!(!format!("{loaded:?}").contains("wallet_seed"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path.join("keys")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    for name in ["keys", "certificate.pem", "authorities.pem", "identity"] {
        let whole = std::fs::read(path.join(name)).unwrap();
        std::fs::write(path.join(name), &whole[..whole.len() - 2]).unwrap();
        let damaged = Identity::load(&path).unwrap_err().to_string();
        assert!(damaged.contains(name), "{damaged}");
        std::fs::write(path.join(name), whole).unwrap();
    }
}
