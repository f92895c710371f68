//! A car is revoked: who has synchronised since takes nothing from it, without any network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::house::House;
use tests::program::{onecode, run};
use tests::thing::Thing;

/// How long a gateway may take to list what was revoked; it looks every two seconds.
const LISTED_WITHIN: Duration = Duration::from_secs(20);

fn device(thing: &Thing, what: &str, options: &[&str]) -> Command {
    let mut command = Command::new(onecode());
    command.args(["device", what, "--folder"]);
    command.arg(thing.folder()).args(options);
    command
}

fn sync(house: &House, thing: &Thing, via: &str) -> String {
    let (mqtt, coaps) = (
        house.doors().mqtt.to_string(),
        house.doors().coaps.to_string(),
    );
    let options = ["--via", via, "--mqtt", &mqtt, "--coaps", &coaps];
    run(&mut device(thing, "sync", &options)).succeeded()
}

fn crl(house: &House) -> PathBuf {
    let mut answer = ureq::get(house.url("/crl")).call().expect("a list");
    let bytes = answer.body_mut().read_to_vec().expect("bytes");
    let path = house.folder().join("crl.der");
    fs::write(&path, bytes).expect("the folder can be written");
    path
}

fn openssl(options: &[&str], files: &[(&str, &Path)]) -> String {
    let mut command = Command::new("openssl");
    command.args(options);
    for (option, file) in files {
        command.arg(option).arg(file);
    }
    command.stdin(Stdio::null());
    run(&mut command).text
}

/// The serial number of a thing's certificate, as openssl spells it.
fn serial(thing: &Thing) -> String {
    let text = openssl(
        &["x509", "-noout", "-serial"],
        &[("-in", &thing.certificate())],
    );
    let serial = text.trim().strip_prefix("serial=").expect("a serial");
    serial.to_owned()
}

/// What openssl says of a TLS connection to the MQTT door as this thing.
fn handshake(house: &House, thing: &Thing) -> String {
    let door = house.doors().mqtt.to_string();
    let options = [
        "s_client",
        "-connect",
        &door,
        "-tls1_2",
        "-verify_return_error",
    ];
    let (certificate, key, trusted) = (thing.certificate(), thing.key(), house.trusted());
    let files: [(&str, &Path); 3] = [
        ("-cert", &certificate),
        ("-key", &key),
        ("-CAfile", &trusted),
    ];
    openssl(&options, &files)
}

/// The car pays this charger with nothing but a folder between them; what the charger says.
fn pay(house: &House, car: &Thing, charger: &Thing, reference: &str) -> String {
    let stick = house.folder().join(format!("stick-{reference}"));
    fs::create_dir(&stick).expect("a new folder");
    let stick = stick.to_str().expect("a readable path");
    let to = charger.code().to_string();
    let (by_file, files) = (["--via", "file", "--wait", "0"], ["--files", stick]);
    let order = ["--to", &to, "--amount", "1000000", "--reference", reference];
    let paying = [&by_file[..], &files, &order].concat();
    run(&mut device(car, "pay", &paying)).succeeded();
    let taking = [&by_file[..], &files, &["--count", "1"]].concat();
    run(&mut device(charger, "accept", &taking)).text
}

/// The list at this path, in PEM.
fn pem(house: &House, path: &str) -> String {
    let mut answer = ureq::get(house.url(path)).call().expect("a list");
    let bytes = answer.body_mut().read_to_vec().expect("bytes");
    let der = house.folder().join("list.der");
    fs::write(&der, bytes).expect("the folder can be written");
    openssl(&["crl", "-inform", "DER"], &[("-in", &der)])
}

#[test]
fn a_chain_is_checked_against_the_list_of_everybody_who_signed_in_it() {
    let house = House::start();
    let thing = Thing::enrol(&house, "thing");
    let ours = |who: &str, options: &[&str]| {
        let mut command = Command::new(onecode());
        command.args([who, "crl"]).args(options);
        command.arg("--data").arg(house.data());
        command.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
        run(&mut command)
    };
    let verified = || {
        let authorities = ["root", "issuer"].map(|who| {
            let path = house.data().join(format!("authorities/{who}/ca.pem"));
            let subject = ["x509", "-noout", "-subject", "-nameopt", "multiline"];
            let said = openssl(&subject, &[("-in", &path)]);
            let line = said.lines().find(|line| line.contains("serialNumber"));
            let code = line.and_then(|line| line.split(" = ").nth(1));
            format!("/crl/{}", code.expect("a code").trim())
        });
        let [root, issuer] = authorities;
        let lists = ["/crl", &root, &issuer]
            .map(|path| pem(&house, path))
            .concat();
        let lists_file = house.folder().join("lists.pem");
        fs::write(&lists_file, lists).expect("the folder can be written");
        let between = house.folder().join("between.pem");
        let above = ["gateway", "issuer"]
            .map(|who| house.data().join(format!("authorities/{who}/ca.pem")))
            .map(|path| fs::read_to_string(path).expect("a certificate"));
        fs::write(&between, above.concat()).expect("the folder can be written");
        let (own, root) = (
            thing.certificate(),
            house.data().join("authorities/root/ca.pem"),
        );
        let files: [(&str, &Path); 3] = [
            ("-CAfile", &root),
            ("-untrusted", &between),
            ("-CRLfile", &lists_file),
        ];
        let mut command = Command::new("openssl");
        command.args(["verify", "-x509_strict", "-crl_check_all"]);
        for (option, file) in files {
            command.arg(option).arg(file);
        }
        run(command.arg(&own))
    };
    for who in ["root", "issuer"] {
        let said = ours(who, &[]).succeeded();
        assert!(said.contains("0 revoked"), "{said}");
    }
    let accepted = verified().succeeded();
    assert!(accepted.contains("OK"), "{accepted}");
    let issuer = house.data().join("authorities/issuer/ca.pem");
    let serial = openssl(&["x509", "-noout", "-serial"], &[("-in", &issuer)]);
    let serial = serial.trim().strip_prefix("serial=").expect("a serial");
    let serial = format!("{serial:0>32}").to_lowercase();
    for _ in 0..2 {
        let said = ours("root", &["--serials", &serial]).succeeded();
        assert!(said.contains("1 revoked"), "{said}");
    }
    // A later list without it still has it.
    ours("root", &[]).succeeded();
    let refused = verified().failed();
    assert!(refused.contains("certificate revoked"), "{refused}");
}

#[test]
fn a_revoked_car_is_refused_by_offline_chargers_that_have_synchronised_and_at_the_door() {
    let mut house = House::start();
    let [car, early, by_mqtt, by_coap] =
        ["car", "early", "by-mqtt", "by-coap"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), 10_000_000);
    let mqtt = house.doors().mqtt.to_string();
    let renew = ["--amount", "4000000", "--mqtt", &mqtt];
    run(&mut device(&car, "renew", &renew)).succeeded();
    let before = run(&mut device(&early, "show", &[])).succeeded();
    assert!(before.contains("no list of revoked codes"), "{before}");
    let before = sync(&house, &early, "mqtt");
    assert!(before.contains("list of revoked codes number"), "{before}");
    // The whole list now, so that the changes come later.
    sync(&house, &by_coap, "coap");
    let good = handshake(&house, &car);
    assert!(good.contains("Verify return code: 0 (ok)"), "{good}");
    assert!(!good.contains("alert"), "{good}");

    let revoke = json!({"act": "revoked", "reason": "stolen"});
    let path = format!("/api/v1/codes/{}/state", car.code());
    let (status, said) = house.api(&path, Some(&revoke));
    assert_eq!(status, 200, "{said}");
    let (number, deadline) = (serial(&car), Instant::now() + LISTED_WITHIN);
    let listed = || {
        let text = ["crl", "-inform", "DER", "-noout", "-text"];
        openssl(&text, &[("-in", &crl(&house))]).contains(&number)
    };
    while !listed() {
        assert!(
            Instant::now() < deadline,
            "{number} does not come on the list"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let refused = handshake(&house, &car);
    assert!(refused.contains("certificate revoked"), "{refused}");

    sync(&house, &by_mqtt, "mqtt");
    sync(&house, &by_coap, "coap");
    let whole = |thing: &Thing| fs::read(thing.folder().join("revoked.whole")).expect("a list");
    assert_eq!(
        whole(&early),
        whole(&by_coap),
        "only the changes were fetched"
    );

    house.kill();
    for (charger, reference) in [(&by_mqtt, "1"), (&by_coap, "2")] {
        let said = pay(&house, &car, charger, reference);
        assert!(said.contains("not taken, revoked"), "{said}");
        assert!(said.contains("list of revoked codes number"), "{said}");
    }
    // Who has not heard of it takes what the car's allowance has left, and no more than that.
    let said = pay(&house, &car, &early, "3");
    assert!(said.contains(": taken"), "{said}");
    let to = early.code().to_string();
    let more = [
        "--via", "file", "--wait", "0", "--to", &to, "--amount", "1500000",
    ];
    let files = house.folder().join("stick-3");
    let files = [
        "--reference",
        "4",
        "--files",
        files.to_str().expect("readable"),
    ];
    let more = run(&mut device(&car, "pay", &[&more[..], &files].concat())).failed();
    assert!(
        more.contains("above_limit") || more.contains("not_funded"),
        "{more}"
    );
    let shown = run(&mut device(&by_mqtt, "show", &[])).succeeded();
    assert!(shown.contains(" s old"), "{shown}");
}
