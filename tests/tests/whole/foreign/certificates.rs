//! pkilint and OpenSSL at every certificate a running gateway stands on or has issued.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::house::House;
use tests::program::run;
use tests::thing::Thing;

/// The folder of pkilint's programs.
fn linters() -> PathBuf {
    let folder = std::env::var_os("ONECODE_PKILINT");
    PathBuf::from(folder.expect("`./test foreign` installs pkilint and names its folder here"))
}

/// Writes each certificate of a PEM file into a file of its own, leaf first as it stands there.
fn one_by_one(file: &Path, into: &Path) -> Vec<PathBuf> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let text = std::fs::read_to_string(file).unwrap();
    let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
    let found: Vec<_> = text
        .split_inclusive(END)
        .filter_map(|part| Some(&part[part.find("-----BEGIN CERTIFICATE")?..]))
        .enumerate()
        .map(|(place, certificate)| {
            let path = into.join(format!("{stem}-{place}.pem"));
            std::fs::write(&path, certificate).unwrap();
            path
        })
        .collect();
    assert!(!found.is_empty(), "no certificate in {}", file.display());
    found
}

/// What a linter finds from `NOTICE` upwards, a sentence each.
fn findings(linter: &str, files: &[&Path]) -> Vec<String> {
    let said = run(Command::new(linters().join(linter))
        .args(["lint", "-f", "JSON", "-s", "NOTICE"])
        .args(files));
    let report: Value = serde_json::from_str(said.text.trim())
        .unwrap_or_else(|_| panic!("{linter} {files:?} says:\n{}", said.text));
    let results = report["results"].as_array().expect("a list of results");
    results
        .iter()
        .flat_map(|result| result["finding_descriptions"].as_array().unwrap())
        .map(|finding| {
            let [code, message] = ["code", "message"].map(|name| &finding[name]);
            format!(
                "{} {}",
                code.as_str().unwrap(),
                message.as_str().unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn pkilint_finds_in_every_certificate_only_what_the_document_explains() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let server = house.data().join("authorities/server.pem");
    let above = one_by_one(&house.trusted(), house.folder());
    let [root, issuer] = [0, 1].map(|place| above[place].clone());
    let explained = "pkix.invalid_domain_name_syntax Invalid domain name syntax: \"localhost\"";
    let cases = [
        (thing.certificate(), vec![issuer, root.clone()], None),
        (server, vec![root], Some(explained)),
    ];
    for (chain, above, known) in cases {
        let mut files = one_by_one(&chain, house.folder());
        let leaf = files[0].clone();
        assert_eq!(
            findings("lint_pkix_cert", &[&leaf]),
            Vec::from_iter(known),
            "{}",
            leaf.display()
        );
        files.extend(above);
        for pair in files.windows(2) {
            let (subject, signer) = (&*pair[0], &*pair[1]);
            let chained = findings("lint_pkix_signer_signee_cert_chain", &[signer, subject]);
            assert_eq!(
                chained,
                [""; 0],
                "{} over {}",
                signer.display(),
                subject.display()
            );
            assert_eq!(
                findings("lint_pkix_cert", &[signer]),
                [""; 0],
                "{}",
                signer.display()
            );
        }
    }
}

#[test]
fn openssl_verifies_the_chains_of_thing_and_server_strictly() {
    let house = House::start();
    let thing = Thing::enrol(&house, "sensor");
    let server = house.data().join("authorities/server.pem");
    for (chain, purpose) in [(thing.certificate(), "sslclient"), (server, "sslserver")] {
        let leaf = one_by_one(&chain, house.folder()).remove(0);
        let said = run(Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
            .arg(house.trusted())
            .arg("-untrusted")
            .arg(&chain)
            .arg(&leaf))
        .succeeded();
        assert!(said.trim_end().ends_with("OK"), "{said}");
    }
}
