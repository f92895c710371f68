//! libcoap's clients against both doors. They have to be installed (Debian: libcoap3-bin).

use super::{House, authorities, within, workshop};
use bytes::Bytes;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;
use workshop::Thing;

/// A folder with the files libcoap wants.
struct Desk {
    folder: tempfile::TempDir,
}

/// What a client printed.
struct Said {
    out: Vec<u8>,
    log: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trusted = authorities().trusted_pem();
        std::fs::write(folder.path().join("trusted.pem"), trusted).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn give(&self, thing: &Thing) {
        let certificate = issuer::pem([thing.certificate.as_slice()]);
        std::fs::write(self.file("thing.pem"), certificate).unwrap();
        let key = pem("EC PRIVATE KEY", &thing.key);
        std::fs::write(self.file("thing.key"), key).unwrap();
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Said {
        let run = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = within(run).await;
        let output = output.unwrap_or_else(|error| {
            panic!("{program}: {error}; install it with `apt-get install libcoap3-bin`")
        });
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            log: text(&output.stderr) + &text(&output.stdout),
            out: output.stdout,
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let body = Base64::encode_string(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

const PLAIN: &str = "coap-client-notls";
const SECURE: &str = "coap-client-openssl";
const WITH_CERTIFICATE: [&str; 6] = ["-c", "thing.pem", "-j", "thing.key", "-R", "trusted.pem"];

#[tokio::test]
async fn libcoap_finds_the_wallet_on_the_plain_door_and_nothing_else() {
    let (house, desk) = (House::open().await, Desk::new());
    let base = format!("coap://127.0.0.1:{}", house.plain.port());
    let core = format!("{base}/.well-known/core");
    let said = desk.run(PLAIN, &["-B", "5", &core]).await;
    assert!(said.log.contains("onecode.wallet"), "{}", said.log);
    let code = workshop::thing(authorities(), 1).code;
    let wallet = format!("{base}/oc/1/{code}/w/out/gateway");
    let post = [
        "-B", "5", "-v", "7", "-m", "post", "-t", "60", "-e", "pay", &wallet,
    ];
    let said = desk.run(PLAIN, &post).await;
    assert!(said.log.contains("2.04"), "{}", said.log);
    let status = format!("{base}/oc/1/{code}/s");
    for method in ["get", "put", "post", "delete"] {
        let said = desk
            .run(PLAIN, &["-B", "5", "-m", method, "-e", "x", &status])
            .await;
        assert!(said.log.contains("4.01"), "{method}: {}", said.log);
    }
    house.close().await;
}

#[tokio::test]
async fn libcoap_uses_the_secure_door_with_a_certificate() {
    let (house, desk) = (House::open().await, Desk::new());
    let (thing, other) = (
        workshop::thing(authorities(), 1),
        workshop::thing(authorities(), 2),
    );
    desk.give(&thing);
    let base = format!("coaps://127.0.0.1:{}/oc/1", house.secure.port());
    let with = |rest: &[&str]| -> Vec<String> {
        let all = WITH_CERTIFICATE.iter().chain(&["-B", "10"]).chain(rest);
        all.map(|it| (*it).to_owned()).collect()
    };
    let run = async |rest: &[&str]| {
        let arguments = with(rest);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        desk.run(SECURE, &arguments).await
    };
    let status = format!("{base}/{}/s", thing.code);
    let said = run(&["-v", "7", "-m", "put", "-e", "hello", &status]).await;
    assert!(said.log.contains("2.04"), "{}", said.log);
    let said = run(&["-m", "get", &status]).await;
    assert_eq!(
        String::from_utf8_lossy(&said.out).trim(),
        "hello",
        "{}",
        said.log
    );
    let foreign = format!("{base}/{}/s", other.code);
    let said = run(&["-m", "put", "-e", "x", &foreign]).await;
    assert!(said.log.contains("4.03"), "{}", said.log);

    let body: Vec<u8> = (0..40_000u32).map(|at| b'a' + (at % 26) as u8).collect();
    std::fs::write(desk.file("body"), &body).unwrap();
    let picture = format!("{base}/me/t/picture");
    for size in ["1024", "64"] {
        let put = ["-b", size, "-m", "put", "-f", "body", &picture];
        let said = run(&put).await;
        assert!(!said.log.contains("4."), "{}", said.log);
        let said = run(&["-b", size, "-m", "get", "-o", "copy", &picture]).await;
        let copy = std::fs::read(desk.file("copy")).unwrap_or_default();
        assert!(copy == body, "{} bytes: {}", copy.len(), said.log);
        std::fs::remove_file(desk.file("copy")).unwrap();
    }
    house.close().await;
}

#[tokio::test]
async fn libcoap_observes_and_whoever_has_no_certificate_gets_nothing() {
    let (house, desk) = (House::open().await, Desk::new());
    let thing = workshop::thing(authorities(), 1);
    desk.give(&thing);
    let base = format!("coaps://127.0.0.1:{}/oc/1", house.secure.port());
    let desired = format!("{base}/me/twin/desired");
    let mut arguments = WITH_CERTIFICATE.to_vec();
    arguments.extend(["-B", "6", "-w", "-s", "3", &desired]);
    let observing = desk.run(SECURE, &arguments);
    let telling = async {
        for number in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            let state = Bytes::from(format!("state-{number}"));
            house.tree.set_desired(thing.code, state).await.unwrap();
        }
    };
    let (said, ()) = tokio::join!(observing, telling);
    let heard = (0..20).filter(|number| said.log.contains(&format!("state-{number}\n")));
    assert!(heard.count() > 8, "{}", said.log);

    for refused in [
        vec!["-B", "4", "-R", "trusted.pem", &desired],
        vec!["-B", "4", "-n", &desired],
    ] {
        let said = desk.run(SECURE, &refused).await;
        assert!(!said.log.contains("state-"), "{}", said.log);
    }
    desk.give(&workshop::thing(&workshop::strangers(), 1));
    let mut stranger = WITH_CERTIFICATE.to_vec();
    stranger.extend(["-B", "4", &desired]);
    let said = desk.run(SECURE, &stranger).await;
    assert!(!said.log.contains("state-"), "{}", said.log);
    assert_eq!(house.count(crate::coap::Reason::BadCertificate), 1);
    house.close().await;
}
