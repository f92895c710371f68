//! The root under a company's authority, made with OpenSSL.

use crate::openssl::{openssl, text};
use crate::workshop::*;
use issuer::cross::CrossFault;
use issuer::{Authorities, Problem, ServerName, pem, request_pem};
use protocol::Timestamp;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const EXTENSIONS: &str = "[good]
authorityKeyIdentifier=keyid
[hashed]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[narrow]
basicConstraints=critical,CA:TRUE,pathlen:1
keyUsage=critical,keyCertSign,cRLSign
[elsewhere]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
nameConstraints=critical,permitted;DNS:example.com
[leaf]
basicConstraints=critical,CA:FALSE
";

/// OpenSSL signs by the clock on the wall.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(since.as_secs().try_into().unwrap())
}

struct Company {
    folder: TempDir,
    house: PathBuf,
    authorities: Authorities,
}

impl Company {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let house = folder.path().join("house");
        let authorities = issuer::open(&house, &plan(), now(), &mut counter(1)).unwrap();
        let company = Self {
            folder,
            house,
            authorities,
        };
        let (key, certificate) = (company.path("company.key"), company.path("company.pem"));
        company.run(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-subj",
            "/O=Example Company/CN=Example Root",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        std::fs::write(company.path("extensions"), EXTENSIONS).unwrap();
        company
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    fn run(&self, arguments: &[&str]) {
        let output = openssl(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    /// What the company signs for a request.
    fn signs(&self, request: &[u8], section: &str) -> String {
        std::fs::write(self.path("request"), request_pem(request)).unwrap();
        let [request, certificate, key] =
            ["request", "company.pem", "company.key"].map(|name| self.path(name));
        let (extensions, out) = (self.path("extensions"), self.path("cross.pem"));
        self.run(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &certificate,
            "-CAkey",
            &key,
            "-days",
            "20",
            "-set_serial",
            "7",
            "-extfile",
            &extensions,
            "-extensions",
            section,
            "-copy_extensions",
            if section == "good" { "copy" } else { "none" },
            "-out",
            &out,
        ]);
        std::fs::read_to_string(out).unwrap()
    }

    fn adopts(&mut self, pem: &str) -> Result<(), CrossFault> {
        let names = [ServerName::parse("localhost").unwrap()];
        match self.authorities.adopt(&self.house, pem, &names, now()) {
            Ok(()) => Ok(()),
            Err(error) => match error.problem {
                Problem::Cross(fault) => Err(fault),
                other => panic!("{other:?}"),
            },
        }
    }
}

#[test]
fn a_client_that_trusts_only_the_company_reaches_the_server() {
    let mut company = Company::new();
    let request = company.authorities.root.cross_request().unwrap();
    let cross = company.signs(&request, "good");
    company.adopts(&cross).unwrap();
    let names = [ServerName::parse("localhost").unwrap()];
    // As after a restart.
    let found = issuer::load(&company.house, &plan()).unwrap();
    let server = found.server(&company.house, &names, now(), &mut counter(9));
    let server = server.unwrap();
    let [leaf, between @ ..] = server.chain.as_slice() else {
        panic!("no chain")
    };
    assert_eq!(between.len(), 2, "issuer and cross-signed root");
    std::fs::write(company.path("leaf.pem"), pem([leaf.as_slice()])).unwrap();
    let chain = pem(between.iter().map(Vec::as_slice));
    std::fs::write(company.path("chain.pem"), chain).unwrap();
    let root = pem([found.root.certificate()]);
    std::fs::write(company.path("root.pem"), root).unwrap();
    let [leaf, chain] = ["leaf.pem", "chain.pem"].map(|name| company.path(name));
    for trusted in ["company.pem", "root.pem"] {
        let trusted = company.path(trusted);
        company.run(&[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-verify_hostname",
            "localhost",
            "-CAfile",
            &trusted,
            "-untrusted",
            &chain,
            &leaf,
        ]);
    }
}

#[test]
fn what_clients_would_refuse_is_refused_before_it_is_shown() {
    let mut company = Company::new();
    let request = company.authorities.root.cross_request().unwrap();
    let narrow = company.signs(&request, "narrow");
    assert_eq!(company.adopts(&narrow), Err(CrossFault::PathLength(1)));
    let elsewhere = company.signs(&request, "elsewhere");
    assert!(matches!(
        company.adopts(&elsewhere),
        Err(CrossFault::Outside(_))
    ));
    let hashed = company.signs(&request, "hashed");
    assert!(matches!(
        company.adopts(&hashed),
        Err(CrossFault::KeyIdentifier(_))
    ));
    let leaf = company.signs(&request, "leaf");
    assert_eq!(company.adopts(&leaf), Err(CrossFault::NoAuthority));
    let other = Company::new();
    let other = Authorities::create(&plan(), now(), &mut counter(77))
        .unwrap()
        .root
        .cross_request()
        .map(|request| other.signs(&request, "good"));
    assert_eq!(company.adopts(&other.unwrap()), Err(CrossFault::OtherKey));
    assert_eq!(company.adopts("nothing"), Err(CrossFault::Unreadable));
    let found = issuer::load(&company.house, &plan()).unwrap();
    assert!(found.cross.is_empty());
}
