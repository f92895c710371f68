//! Authorities in a folder: made once, found again, and refused when something is wrong.

use crate::workshop::*;
use issuer::{Authorities, FolderError, IssueError, Names, Plan, Problem, ServerName, load, open};
use protocol::{Network, Timestamp};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

struct Place {
    _temporary: TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        Self {
            folder: temporary.path().join("authorities"),
            _temporary: temporary,
        }
    }

    fn open(&self) -> Result<Authorities, FolderError> {
        open(&self.folder, &plan(), NOW, &mut counter(1))
    }

    fn making(&self) -> PathBuf {
        self.folder.with_file_name("authorities.making")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn same(a: &Authorities, b: &Authorities) -> bool {
    a.all().into_iter().zip(b.all()).all(|(a, b)| {
        a.code() == b.code()
            && a.certificate() == b.certificate()
            && a.pass() == b.pass()
            && a.pass_key() == b.pass_key()
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn authorities_are_made_once_and_found_again() {
    let place = Place::new();
    let made = place.open().unwrap();
    let again = open(&place.folder, &plan(), NOW.plus_s(9), &mut counter(2)).unwrap();
    assert!(same(&made, &again));
    assert!(same(&made, &load(&place.folder, &plan()).unwrap()));
    assert_eq!(issue(&made, 1), issue(&again, 1));
    assert!(!place.making().exists());
    assert_eq!(files(&place.folder).len(), 12);
}

#[test]
fn private_keys_are_for_their_owner_only() {
    let place = Place::new();
    place.open().unwrap();
    let mut keys = 0;
    for file in files(&place.folder) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        let private = fs::read_to_string(&file).is_ok_and(|text| text.contains("PRIVATE"));
        assert_eq!(mode, if private { 0o600 } else { 0o644 }, "{file:?}");
        keys += usize::from(private);
    }
    assert_eq!(keys, 6);
    let key = place.file("gateway/ca.key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error.problem, Problem::OpenToOthers(0o040)));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

/// Whatever a crash left in the making, the next start ends with a whole folder.
#[test]
fn a_half_made_folder_is_made_anew() {
    let whole = Place::new();
    whole.open().unwrap();
    let all = files(&whole.folder);
    for kept in 0..=all.len() {
        let place = Place::new();
        for file in &all[..kept] {
            let to = place
                .making()
                .join(file.strip_prefix(&whole.folder).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
        if let Some(next) = all.get(kept).filter(|_| kept > 0) {
            let next = place
                .making()
                .join(next.strip_prefix(&whole.folder).unwrap());
            fs::create_dir_all(next.parent().unwrap()).unwrap();
            fs::write(next.with_added_extension("partial"), "-----BEG").unwrap();
        }
        let made = open(&place.folder, &plan(), NOW, &mut counter(7)).unwrap();
        assert!(!place.making().exists());
        assert!(same(&made, &place.open().unwrap()));
    }
}

#[test]
fn somebody_elses_files_are_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.making().join("root")).unwrap();
    let letter = place.making().join("root/letter.txt");
    fs::write(&letter, "mine").unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error.problem, Problem::Foreign));
    assert_eq!(error.path, letter);
    assert!(letter.exists() && !place.folder.exists());

    let place = Place::new();
    fs::create_dir(&place.folder).unwrap();
    fs::write(place.file("letter.txt"), "mine").unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error.problem, Problem::Missing), "{error}");
    assert_eq!(files(&place.folder).len(), 1);
}

#[test]
fn an_empty_folder_is_filled() {
    let place = Place::new();
    fs::create_dir(&place.folder).unwrap();
    assert!(place.open().is_ok());
}

#[test]
fn each_lost_or_damaged_file_is_named() {
    let place = Place::new();
    place.open().unwrap();
    for file in files(&place.folder) {
        let name = file.strip_prefix(&place.folder).unwrap().to_str().unwrap();
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let spare = ["root/", "issuer/"]
            .iter()
            .any(|role| name.starts_with(role))
            && name.ends_with(".key.pem");
        match place.open() {
            Ok(_) => assert!(spare, "{name}"),
            Err(error) => {
                assert!(
                    !spare && matches!(error.problem, Problem::Missing),
                    "{error}"
                );
                assert_eq!(error.path, file);
            }
        }
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        for damaged in [b"".to_vec(), good[..middle].to_vec(), bad] {
            put(&file, &damaged);
            let error = place.open().unwrap_err();
            // A changed public key of the root shows in the first pass it should verify.
            let shown = [
                file.clone(),
                place.file("issuer/pass.cbor"),
                place.file("root/pass.key.pem"),
            ];
            assert!(shown.contains(&error.path), "{name}: {error}");
        }
        put(&file, &good);
    }
    assert!(place.open().is_ok());
}

/// Overwrites, and keeps a private file private.
fn put(file: &Path, bytes: &[u8]) {
    fs::write(file, bytes).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn files_of_another_house_do_not_fit() {
    let (place, other) = (Place::new(), Place::new());
    place.open().unwrap();
    open(&other.folder, &plan(), NOW, &mut counter(9)).unwrap();
    for file in files(&place.folder) {
        let name = file.strip_prefix(&place.folder).unwrap();
        let good = fs::read(&file).unwrap();
        put(&file, &fs::read(other.folder.join(name)).unwrap());
        let error = place.open().unwrap_err();
        let fits = matches!(
            error.problem,
            Problem::WrongKey | Problem::NotSignedFromAbove
        );
        assert!(fits, "{name:?}: {error}");
        put(&file, &good);
    }
}

#[test]
fn a_folder_serves_only_the_plan_it_was_made_for() {
    let place = Place::new();
    place.open().unwrap();
    let names = |domain| Names::new(domain, "localhost:8080").unwrap();
    let changed: [fn(&mut Plan); 4] = [
        |plan| plan.network = Network::new("prod").unwrap(),
        |plan| plan.issuer = 2,
        |plan| plan.station = 2,
        |plan| plan.grace_s += 1,
    ];
    for change in changed {
        let mut plan = plan();
        change(&mut plan);
        let error = load(&place.folder, &plan).unwrap_err();
        assert!(matches!(error.problem, Problem::OtherPlan), "{error}");
    }
    let elsewhere = Plan::new(network(), names("other.internal"), GRACE_S);
    let error = load(&place.folder, &elsewhere).unwrap_err();
    assert!(matches!(error.problem, Problem::OtherPlan), "{error}");
    // Where a code is resolved may change.
    let moved = Names::new("onecode.internal", "example.org").unwrap();
    assert!(load(&place.folder, &Plan::new(network(), moved, GRACE_S)).is_ok());
}

#[test]
fn a_gateway_goes_on_without_the_keys_above_it() {
    let place = Place::new();
    place.open().unwrap();
    let names = [ServerName::parse("localhost").unwrap()];
    let at = |now: Timestamp, seed| {
        let house = place.open().unwrap();
        house.server(&place.folder, &names, now, &mut counter(seed))
    };
    let first = at(NOW, 3).unwrap();
    for role in ["root", "issuer"] {
        for key in ["ca.key.pem", "pass.key.pem"] {
            fs::remove_file(place.file(role).join(key)).unwrap();
        }
    }
    let house = place.open().unwrap();
    assert_eq!(issue(&house, 1), issue(&authorities_in(&place), 1));
    let kept = at(first.not_after.minus_s(9), 4).unwrap();
    assert_eq!(kept.chain, first.chain);
    let error = at(first.not_after, 5).unwrap_err();
    assert!(matches!(
        error.problem,
        Problem::Issue(IssueError::KeyAbsent)
    ));
}

fn authorities_in(place: &Place) -> Authorities {
    load(&place.folder, &plan()).unwrap()
}

#[test]
fn the_server_certificate_is_kept_until_it_no_longer_serves() {
    let place = Place::new();
    let house = place.open().unwrap();
    let names = |many: &[&str]| -> Vec<ServerName> {
        let parse = |name: &&str| ServerName::parse(name).unwrap();
        many.iter().map(parse).collect()
    };
    let server = |many: &[&str], now, seed| {
        house
            .server(&place.folder, &names(many), now, &mut counter(seed))
            .unwrap()
    };
    let first = server(&["localhost"], NOW, 1);
    assert_eq!(first.chain.len(), 2);
    assert_eq!(first.chain[1], house.issuer.certificate());
    let same = server(&["localhost"], NOW.plus_s(9), 2);
    assert_eq!((&same.chain, &same.key), (&first.chain, &first.key));
    let other = server(&["localhost", "gate.example"], NOW, 3);
    assert_ne!(other.chain, first.chain);
    let late = other.not_after.minus_s(issuer::SERVER_RENEWAL_S);
    let renewed = server(&["localhost", "gate.example"], late, 4);
    assert!(renewed.not_after > other.not_after);
    let file = place.file("server.pem");
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    put(&file, b"damaged");
    let again = server(&["localhost"], NOW, 5);
    assert_ne!(again.chain, first.chain);
    assert!(!format!("{again:?}").contains("key"));
}
