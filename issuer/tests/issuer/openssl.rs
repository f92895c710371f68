//! Everything we sign, shown to OpenSSL.

use crate::forgery::Authority;
use crate::workshop::*;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
use issuer::{Authorities, ListOrder, Revoked, certs_only, pem};
use protocol::Timestamp;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use x509_cert::ext::pkix::name::GeneralName;

pub fn openssl(arguments: &[&str]) -> Output {
    Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl is installed")
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// A folder with what `openssl verify` wants to have in files.
struct Bench {
    folder: TempDir,
    authorities: Authorities,
    stolen: Authority,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let house = folder.path().join("house");
        let authorities = issuer::open(&house, &plan(), NOW, &mut counter(1)).unwrap();
        let bench = Self {
            stolen: Authority::stolen(&house, &authorities),
            folder,
            authorities,
        };
        let [root, issuer, gateway] = bench.authorities.all().map(|one| one.certificate());
        bench.put("root.pem", pem([root]).as_bytes());
        bench.put("above.pem", pem([gateway, issuer]).as_bytes());
        bench
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    /// Verifies strictly at `at`; returns whether it was accepted, and what was said.
    fn verify(&self, leaf: &[u8], at: Timestamp, more: &[&str]) -> (bool, String) {
        let leaf = text(&self.put("leaf.pem", pem([leaf]).as_bytes()));
        let (root, above, at) = (
            self.path("root.pem"),
            self.path("above.pem"),
            at.0.to_string(),
        );
        let mut arguments = vec!["verify", "-x509_strict", "-attime", &at];
        arguments.extend(["-CAfile", &root, "-untrusted", &above]);
        arguments.extend(more);
        arguments.push(&leaf);
        let output = openssl(&arguments);
        (output.status.success(), said(&output))
    }

    fn accepts(&self, leaf: &[u8], more: &[&str]) {
        let (accepted, said) = self.verify(leaf, NOW, more);
        assert!(accepted, "{more:?}: {said}");
    }

    fn refuses(&self, leaf: &[u8], at: Timestamp, more: &[&str], reason: &str) {
        let (accepted, said) = self.verify(leaf, at, more);
        assert!(!accepted && said.contains(reason), "{more:?}: {said}");
    }

    /// Revocation lists of all three, in one file.
    fn lists(&self, revoked: &[Revoked]) -> String {
        let order = ListOrder {
            number: 1,
            this_update: NOW,
            next_update: NOW.plus_s(7 * 86_400),
        };
        let lists: String = self
            .authorities
            .all()
            .into_iter()
            .map(|one| {
                let revoked = if one.code() == self.authorities.gateway.code() {
                    revoked
                } else {
                    &[]
                };
                let der = one.revocation_list(&order, revoked).unwrap();
                der::pem::encode_string("X509 CRL", der::pem::LineEnding::LF, &der).unwrap()
            })
            .collect();
        text(&self.put("lists.pem", lists.as_bytes()))
    }
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_thing_is_accepted_as_a_client_only() {
    let bench = Bench::new();
    let leaf = issue(&bench.authorities, 1).certificate;
    bench.accepts(&leaf, &["-purpose", "sslclient"]);
    let reason = "purpose";
    bench.refuses(&leaf, NOW, &["-purpose", "sslserver"], reason);
}

#[test]
fn the_server_is_accepted_by_each_of_its_names() {
    let bench = Bench::new();
    let leaf = server(&bench.authorities);
    let code = bench.authorities.gateway.code();
    let own = format!("{}.0.1.onecode.internal", code.to_string().to_lowercase());
    for names in [
        ["-verify_hostname", "localhost"],
        ["-verify_hostname", "gate.example"],
        ["-verify_hostname", &own],
        ["-verify_ip", "127.0.0.1"],
        ["-verify_ip", "::1"],
    ] {
        let all = [names.as_slice(), &["-purpose", "sslserver"]].concat();
        bench.accepts(&leaf, &all);
    }
    let other = ["-verify_hostname", "other.example"];
    bench.refuses(&leaf, NOW, &other, "hostname mismatch");
}

#[test]
fn certificates_end() {
    let bench = Bench::new();
    let leaf = issue(&bench.authorities, 1).certificate;
    let end = NOW.plus_s(YEAR_S);
    bench.refuses(&leaf, end.plus_s(1), &[], "certificate has expired");
    bench.refuses(&leaf, NOW.minus_s(301), &[], "not yet valid");
    let (accepted, said) = bench.verify(&leaf, NOW.minus_s(299), &[]);
    assert!(accepted, "a clock that is a little behind: {said}");
}

#[test]
fn a_revoked_certificate_is_refused_and_its_neighbour_is_not() {
    let bench = Bench::new();
    let [bad, good] = [1, 2].map(|n| issue(&bench.authorities, n).certificate);
    let revoked = Revoked {
        serial: order(1).serial,
        at: NOW,
    };
    let lists = bench.lists(&[revoked, revoked]);
    let check = ["-crl_check_all", "-CRLfile", &lists];
    bench.refuses(&bad, NOW, &check, "certificate revoked");
    bench.accepts(&good, &check);
    let later = NOW.plus_s(8 * 86_400);
    bench.refuses(&good, later, &check, "CRL has expired");
    let lists = bench.lists(&[]);
    bench.accepts(&bad, &["-crl_check_all", "-CRLfile", &lists]);
}

#[test]
fn a_gateway_cannot_name_what_is_not_its_own() {
    let bench = Bench::new();
    let good = issue(&bench.authorities, 1).certificate;
    let gateway = &bench.stolen;
    bench.accepts(&gateway.forge(&good, |_| {}), &["-purpose", "sslclient"]);
    for name in [
        "evil.example",
        "x.2.1.onecode.internal",
        "x.1.2.onecode.internal",
        "xonecode.internal",
        "localhost",
    ] {
        let forged = gateway.renamed(&good, &[crate::forgery::dns(name)]);
        bench.refuses(&forged, NOW, &[], "permitted subtree violation");
    }
    let own = crate::forgery::dns("x.1.1.onecode.internal");
    let address = GeneralName::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let forged = gateway.renamed(&good, &[own, address]);
    bench.refuses(&forged, NOW, &[], "excluded subtree violation");
}

#[test]
fn bent_chains_are_refused() {
    let bench = Bench::new();
    let good = issue(&bench.authorities, 1).certificate;
    let stranger = Authorities::create(&plan(), NOW, &mut counter(2)).unwrap();
    let foreign = issue(&stranger, 1).certificate;
    let reason = "unable to get local issuer certificate";
    bench.refuses(&foreign, NOW, &[], reason);
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    bench.refuses(&flipped, NOW, &[], "signature failure");
    let server_usage = bench.stolen.forge(&good, |extensions| {
        extensions.retain(|e| e.extn_id != ID_CE_EXT_KEY_USAGE);
        extensions.push(crate::forgery::server_usage());
    });
    bench.refuses(&server_usage, NOW, &["-purpose", "sslclient"], "purpose");
    let unknown = bench.stolen.forge(&good, |extensions| {
        extensions.push(crate::forgery::unknown_critical());
    });
    bench.refuses(&unknown, NOW, &[], "unhandled critical extension");
    // An authority below a gateway: its path length is zero.
    let authority = bench.stolen.forge(&good, |extensions| {
        extensions.retain(|e| e.extn_id != ID_CE_EXT_KEY_USAGE);
        extensions.retain(|e| e.extn_id != ID_CE_SUBJECT_ALT_NAME);
        crate::forgery::promote(extensions);
    });
    bench.put(
        "above.pem",
        pem([
            authority.as_slice(),
            bench.authorities.gateway.certificate(),
            bench.authorities.issuer.certificate(),
        ])
        .as_bytes(),
    );
    let thing = Authority::of_thing(&authority, thing(101).transport);
    let below = thing.forge(&issue(&bench.authorities, 2).certificate, |_| {});
    bench.refuses(&below, NOW, &[], "path length constraint exceeded");
}

#[test]
fn a_certs_only_message_is_read() {
    let bench = Bench::new();
    let all = bench.authorities.all().map(|one| one.certificate());
    for many in [&all[..1], &all] {
        let path = text(&bench.put("certs.p7", &certs_only(many).unwrap()));
        let output = openssl(&["pkcs7", "-inform", "DER", "-print_certs", "-in", &path]);
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.matches("BEGIN CERTIFICATE").count(), many.len());
        for one in many {
            let pem = pem([*one]);
            assert!(said.contains(pem.trim_end()), "{said}");
        }
    }
}

#[test]
fn stored_keys_are_read() {
    let bench = Bench::new();
    for role in ["root", "issuer", "gateway"] {
        for key in ["ca.key.pem", "pass.key.pem"] {
            let path = bench.path(&format!("house/{role}/{key}"));
            let output = openssl(&["pkey", "-in", &path, "-noout"]);
            assert!(output.status.success(), "{path}: {}", said(&output));
        }
    }
    let path = bench.path("house/root/pass.pub.pem");
    let output = openssl(&["pkey", "-pubin", "-in", &path, "-noout"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn our_request_verifies() {
    let bench = Bench::new();
    let path = text(&bench.put("request.der", &thing(1).request()));
    let output = openssl(&["req", "-inform", "DER", "-in", &path, "-noout", "-verify"]);
    assert!(said(&output).contains("verify OK"), "{}", said(&output));
}
