//! The page for those who have nothing but curl and openssl, as it stands: a thing enrols, and renews.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::house::House;
use tests::program::run;

/// Long enough for the page's first commands, short enough to wait for half of it.
const LIFE_S: u32 = 20;

/// The commands of the section, block by block.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/devices.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("## With curl and openssl").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```bash\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_thing_enrols_and_renews_with_curl_and_openssl_as_the_page_says() {
    let mut house = House::start();
    house.kill();
    house.restart_with(&[("ONECODE_CODES_LIFE_S", &LIFE_S.to_string())]);
    let blocks = blocks();
    let [enrol, renew] = blocks.as_slice() else {
        panic!("{} blocks", blocks.len());
    };
    let (first, rest) = enrol.split_once('\n').unwrap();
    assert!(first.starts_with("GATEWAY="), "{first}");
    let known = format!(
        "set -euo pipefail\nGATEWAY={} NETWORK=test SECRET={}\n",
        house.url(""),
        house.secret()
    );
    let script = format!(
        "{known}{rest}\n{renew}\nmv renewed.pem same.pem\nsleep {}\n{renew}",
        LIFE_S / 2 + 1
    );
    let folder = house.folder().join("by-openssl");
    std::fs::create_dir(&folder).unwrap();
    let bash = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(&folder);
        run(&mut command).succeeded()
    };
    let said = bash(&script);
    assert!(said.contains("verify OK"), "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("same.pem"), read("certificate.pem"), "too early");
    assert_ne!(read("renewed.pem"), read("certificate.pem"));
    let verified = bash(
        "openssl verify -x509_strict -CAfile authorities.pem renewed.pem
         openssl x509 -in renewed.pem -noout -pubkey > new.pub
         openssl x509 -in certificate.pem -noout -pubkey | cmp - new.pub",
    );
    assert!(verified.contains("renewed.pem: OK"), "{verified}");
    // And once both have ended.
    std::thread::sleep(Duration::from_secs(u64::from(LIFE_S) + 1));
    let code = said.lines().rev().find(|line| line.len() == 34).unwrap();
    std::fs::write(folder.join("code"), code).unwrap();
    bash(&format!(
        "{known}mv renewed.pem ended.pem\n{}\n{renew}",
        functions(rest)
    ));
    assert_ne!(read("renewed.pem"), read("ended.pem"));
}

/// What the blocks after the first need of it.
fn functions(first: &str) -> String {
    let names = ["hex()", "certificates()"];
    let lines = first
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)));
    let lines: Vec<_> = lines.collect();
    format!("{}\nCODE=$(cat code)", lines.join("\n"))
}
