//! The root in a safe: its keys leave the box, a company signs it from there, and the box is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::house::House;
use tests::program::{Ended, onecode, run};
use tests::thing::Thing;

const WORDS: &str = "seven green bottles on a wall";

/// `onecode` on the folder of a house, which it is told to work on.
fn on(house: &House, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(onecode());
    command.args(arguments).arg("--data").arg(house.data());
    command.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
    command.envs(settings.iter().copied());
    run(&mut command)
}

fn openssl(arguments: &[&str], folder: &Path) -> Ended {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder);
    run(command.stdin(Stdio::null()))
}

fn publish(house: &House, thing: &Thing, via: &str) -> Ended {
    let doors = house.doors();
    let mut command = Command::new(onecode());
    command.args(["device", "pub", "--via", via, "t/kwh", "{}", "--folder"]);
    command.arg(thing.folder());
    command.args(["--mqtt", &doors.mqtt.to_string()]);
    run(command.args(["--coaps", &doors.coaps.to_string()]))
}

struct Safe {
    bundle: String,
    words: String,
}

impl Safe {
    fn beside(house: &House) -> Self {
        let path = |name: &str| house.folder().join(name).to_string_lossy().into_owned();
        let safe = Self {
            bundle: path("root.bundle"),
            words: path("words"),
        };
        fs::write(&safe.words, WORDS).unwrap();
        safe
    }

    fn with<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let keys = ["--bundle", &self.bundle, "--passphrase-file", &self.words];
        [command, &keys].concat()
    }
}

fn trust(house: &House) -> String {
    fs::read_to_string(house.data().join("trust.toml")).unwrap()
}

/// A company's authority signs the request; where the chain lies.
fn signed_by_a_company(house: &House) -> PathBuf {
    let folder = house.folder();
    let subject = [
        "-subj",
        "/CN=Company",
        "-keyout",
        "company.key",
        "-out",
        "company.pem",
    ];
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    openssl(&[&new[..], &subject, &["-days", "30"]].concat(), folder).succeeded();
    let sign = [
        "x509",
        "-req",
        "-in",
        "root.csr",
        "-CA",
        "company.pem",
        "-CAkey",
        "company.key",
    ];
    let how = [
        "-days",
        "30",
        "-set_serial",
        "7",
        "-copy_extensions",
        "copy",
        "-out",
        "cross.pem",
    ];
    openssl(&[&sign[..], &how].concat(), folder).succeeded();
    folder.join("cross.pem")
}

#[test]
fn a_root_in_a_safe_is_signed_by_a_company_and_makes_a_new_box_when_the_old_one_is_lost() {
    let mut house = House::start();
    let old = Thing::enrol(&house, "old");
    let (before, safe) = (trust(&house), Safe::beside(&house));
    house.kill();
    let export = [
        "root",
        "export",
        "--to",
        &safe.bundle,
        "--passphrase-file",
        &safe.words,
    ];
    let said = on(&house, &export, &[]).succeeded();
    assert!(said.contains("no longer in this box"), "{said}");
    for key in ["ca.key.pem", "pass.key.pem"] {
        assert!(!house.data().join("authorities/root").join(key).exists());
    }
    let checked = on(&house, &["check"], &[]).text;
    for line in [
        "root certificate: good for",
        "root keys: private keys exported, not in this box",
        "issuer keys: private keys in files of this box",
        "gateway keys: private keys in files of this box",
    ] {
        assert!(checked.contains(line), "{line}: {checked}");
    }

    // The company signs what the safe asks for; its clients know no other root.
    let csr = house.folder().join("root.csr");
    let request = ["root", "request", "--to", csr.to_str().unwrap()];
    let without = on(&house, &request, &[]).failed();
    assert!(
        without.contains("--bundle") || without.contains("root import"),
        "{without}"
    );
    on(&house, &safe.with(&request), &[]).succeeded();
    let cross = signed_by_a_company(&house);
    let adopt = ["root", "adopt", cross.to_str().unwrap()];
    let said = on(&house, &adopt, &[]).succeeded();
    assert!(said.starts_with("Adopted"), "{said}");
    house.restart();
    let door = house.doors().mqtt.to_string();
    let trusts = [
        "-CAfile",
        "company.pem",
        "-verify_hostname",
        "localhost",
        "-verify_return_error",
    ];
    let connect = ["s_client", "-connect", &door, "-tls1_2"];
    let reached = openssl(&[&connect[..], &trusts].concat(), house.folder()).text;
    assert!(reached.contains("Verify return code: 0 (ok)"), "{reached}");
    for via in ["mqtt", "coap"] {
        publish(&house, &old, via).succeeded();
    }

    // The box is lost: all that is left is the bundle.
    house.kill();
    fs::remove_dir_all(house.data()).unwrap();
    let restore = safe.with(&["root", "restore"]);
    let refused = on(&house, &restore, &[]).failed();
    assert!(refused.contains("set gateway.station"), "{refused}");
    let settings = [("ONECODE_GATEWAY_STATION", "4094")];
    let said = on(&house, &restore, &settings).succeeded();
    assert!(said.contains("station 4094"), "{said}");
    house.restart_with(&settings);
    house.furnish();
    assert_eq!(
        trust(&house),
        before,
        "whoever trusted the old box trusts this one"
    );
    let new = Thing::enrol(&house, "new");
    assert_eq!(new.code().issued_by().station, 4094);
    for via in ["mqtt", "coap"] {
        publish(&house, &new, via).succeeded();
        // Its gateway is gone, and its books with it.
        publish(&house, &old, via).failed();
    }
}
