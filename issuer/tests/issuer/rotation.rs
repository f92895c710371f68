//! One root and one issuer take over from another, and for a while both count.

use crate::openssl::{openssl, text};
use crate::workshop::*;
use issuer::succeed::Handing;
use issuer::{Authorities, ServerIdentity, ServerName, load, open, pem};
use protocol::Timestamp;
use protocol::message::Message;
use protocol::objects::Pass;
use protocol::rules::Handover;
use protocol::rules::Trust;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const YEAR_S: u32 = 365 * 86_400;
const LATER: Timestamp = Timestamp(NOW.0 + 86_400);
const ENDS: Timestamp = Timestamp(LATER.0 + YEAR_S / 2);

struct Place {
    temporary: TempDir,
    folder: PathBuf,
    before: Authorities,
}

impl Place {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join("authorities");
        let before = open(&folder, &plan(), NOW, &mut counter(1)).unwrap();
        Self {
            temporary,
            folder,
            before,
        }
    }

    fn rotate_root(&self) -> Authorities {
        let (all, span) = (&self.before, (LATER, ENDS));
        all.rotate_root(&self.folder, &plan(), &all.root, span, &mut counter(2))
            .unwrap();
        load(&self.folder, &plan()).unwrap()
    }

    fn server(&self, authorities: &Authorities, at: Timestamp) -> ServerIdentity {
        let names = [ServerName::parse("localhost").unwrap()];
        let server = authorities.server(&self.folder, &names, at, &mut counter(3));
        server.unwrap()
    }

    fn reaches(&self, trusted: &[u8], chain: &[Vec<u8>], at: Timestamp) -> bool {
        let put = |name: &str, ders: Vec<&[u8]>| {
            let path = self.temporary.path().join(name);
            fs::write(&path, pem(ders)).unwrap();
            text(&path)
        };
        let [leaf, between @ ..] = chain else {
            panic!("no chain")
        };
        let root = put("root.pem", vec![trusted]);
        let leaf = put("leaf.pem", vec![leaf]);
        let between = put("between.pem", between.iter().map(Vec::as_slice).collect());
        let output = openssl(&[
            "verify",
            "-x509_strict",
            "-attime",
            &at.0.to_string(),
            "-CAfile",
            &root,
            "-untrusted",
            &between,
            &leaf,
        ]);
        output.status.success()
    }
}

fn trusts(trust: &Trust, issuer: &[u8], gateway: &[u8]) -> bool {
    trust.gateway(issuer, gateway).is_ok()
}

fn pass(bytes: &[u8]) -> Pass {
    *protocol::cose::open::<Pass>(bytes, &plan().network)
        .unwrap()
        .peek()
}

#[test]
fn a_new_root_takes_over_and_whoever_knows_the_old_one_goes_on() {
    let place = Place::new();
    let before = &place.before;
    let shown = place.server(before, NOW);
    let after = place.rotate_root();
    assert_ne!(after.root.code(), before.root.code());
    assert_ne!(after.root.pass_key(), before.root.pass_key());
    for (old, new) in [
        (&before.issuer, &after.issuer),
        (&before.gateway, &after.gateway),
    ] {
        assert_eq!((old.code(), old.pass_key()), (new.code(), new.pass_key()));
    }
    // In TLS: by the same server certificate, whichever of the two is trusted.
    let server = place.server(&after, LATER);
    assert_eq!(server.chain.first(), shown.chain.first());
    for root in [before.root.certificate(), after.root.certificate()] {
        assert!(place.reaches(root, &server.chain, LATER));
    }
    // In passes: what is shown to everybody, what the new root signed, and the old one's word.
    let (old, gateway) = (before.trust(), after.gateway.pass());
    let new = Trust::new(old.network, after.root.pass_key());
    assert!(trusts(&old, after.issuer_pass(), gateway));
    assert!(trusts(&after.trust(), after.issuer_pass(), gateway));
    assert!(trusts(&new, after.issuer.pass(), gateway));
    assert!(!trusts(&old, after.issuer.pass(), gateway));
    let (_, legacy) = after.former_root().unwrap();
    let updated = old.updated(&legacy.update, LATER).unwrap();
    assert!(trusts(&updated, after.issuer.pass(), gateway));
    assert!(trusts(&updated, before.issuer.pass(), gateway));
    // A thing that was born before and one that is born now: both under the same names.
    let ended = open(&place.folder, &plan(), ENDS, &mut counter(4)).unwrap();
    assert!(ended.former_root().is_none());
    assert_eq!(ended.trust().other_root, None);
    assert!(trusts(&new, ended.issuer_pass(), gateway));
    let server = place.server(&ended, ENDS);
    assert!(!place.reaches(before.root.certificate(), &server.chain, ENDS));
    assert!(place.reaches(after.root.certificate(), &server.chain, ENDS));
}

#[test]
fn the_old_roots_private_keys_leave_the_box_with_it() {
    let place = Place::new();
    place.rotate_root();
    let left = fs::read_dir(place.folder.join("before/root.1")).unwrap();
    for file in left {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
    }
    assert!(!place.folder.with_file_name("authorities.old").exists());
}

#[test]
fn a_new_issuer_takes_over_and_the_servers_old_certificate_goes_on() {
    let place = Place::new();
    let before = &place.before;
    let shown = place.server(before, NOW);
    let span = (LATER, ENDS);
    before
        .rotate_issuer(&place.folder, &plan(), &before.root, span, &mut counter(2))
        .unwrap();
    let after = load(&place.folder, &plan()).unwrap();
    assert_eq!(after.root.code(), before.root.code());
    assert_ne!(after.issuer.code(), before.issuer.code());
    assert_eq!(after.gateway.code(), before.gateway.code());
    assert_eq!(after.gateway.pass_key(), before.gateway.pass_key());
    assert_eq!(pass(after.gateway.pass()).issuer.0, after.issuer.code());
    let (old, new) = (before.trust(), after.gateway.pass());
    assert!(trusts(&old, after.issuer.pass(), new));
    assert!(trusts(&old, before.issuer.pass(), before.gateway.pass()));
    assert!(!trusts(&old, before.issuer.pass(), new));
    // Things that hold the old issuer's certificate need the server's old one.
    let server = place.server(&after, LATER);
    assert_eq!(server.chain, shown.chain);
    let ended = open(&place.folder, &plan(), ENDS, &mut counter(4)).unwrap();
    let server = place.server(&ended, ENDS);
    assert_ne!(server.chain.first(), shown.chain.first());
    assert!(place.reaches(after.root.certificate(), &server.chain, ENDS));
}

#[test]
fn nobody_takes_over_before_the_one_before_has_come_to_its_end() {
    let place = Place::new();
    let after = place.rotate_root();
    let again = |now: Timestamp| {
        let span = (now, now.plus_s(86_400));
        after.rotate_issuer(&place.folder, &plan(), &after.root, span, &mut counter(6))
    };
    let early = again(LATER).unwrap_err().to_string();
    assert!(early.contains("onecode check"), "{early}");
    again(ENDS).unwrap();
    let found = load(&place.folder, &plan()).unwrap();
    assert_eq!(found.former.len(), 1);
    assert_eq!(found.former[0].authority.code(), after.issuer.code());
}

#[test]
fn without_the_roots_keys_nothing_changes() {
    let place = Place::new();
    fs::remove_file(place.folder.join("root/ca.key.pem")).unwrap();
    fs::remove_file(place.folder.join("root/pass.key.pem")).unwrap();
    let away = load(&place.folder, &plan()).unwrap();
    let span = (LATER, ENDS);
    let error = away.rotate_root(&place.folder, &plan(), &away.root, span, &mut counter(2));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("onecode root import")
    );
    let found = load(&place.folder, &plan()).unwrap();
    assert_eq!(found.root.code(), place.before.root.code());
    assert!(found.former.is_empty());
}

fn move_to(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[test]
fn a_change_that_a_crash_cut_short_is_finished_or_never_was() {
    let beside =
        |place: &Place, ending: &str| place.folder.with_file_name(format!("authorities{ending}"));
    // Cut while the next folder was being made: nothing has changed.
    let place = Place::new();
    fs::create_dir(beside(&place, ".next.making")).unwrap();
    fs::write(beside(&place, ".next.making").join("half"), "x").unwrap();
    let found = load(&place.folder, &plan()).unwrap();
    assert_eq!(found.root.code(), place.before.root.code());
    assert!(!beside(&place, ".next.making").exists());
    // Cut after it got its name, and after the old one lost its own.
    for old_is_there in [true, false] {
        let place = Place::new();
        let kept = beside(&place, ".kept");
        let copied = std::process::Command::new("cp")
            .args(["-a", &text(&place.folder), &text(&kept)])
            .status();
        assert!(copied.unwrap().success());
        let after = place.rotate_root();
        move_to(&place.folder, &beside(&place, ".next"));
        match old_is_there {
            true => move_to(&kept, &place.folder),
            false => move_to(&kept, &beside(&place, ".old")),
        }
        let found = open(&place.folder, &plan(), LATER, &mut counter(5)).unwrap();
        assert_eq!(found.root.code(), after.root.code());
        for ending in [".next", ".old"] {
            assert!(!beside(&place, ending).exists(), "{ending}");
        }
    }
}

fn next_key(place: &Place, at: Timestamp, how: Handing, seed: u8) -> Result<(), String> {
    let all = load(&place.folder, &plan()).unwrap();
    let (issuer, random) = (all.issuer.clone(), &mut counter(seed));
    let done = all.rotate_gateway(&place.folder, &plan(), &issuer, (at, how), random);
    done.map_err(|error| error.to_string())
}

fn kept_key(place: &Place, number: u8) -> PathBuf {
    let name = format!("before/gateway.{number}/pass.key.pem");
    place.folder.join(name)
}

#[test]
fn a_gateway_goes_on_under_another_key_with_the_same_code_and_certificate() {
    let place = Place::new();
    let before = &place.before;
    next_key(&place, LATER, Handing::Until(ENDS), 2).unwrap();
    let after = open(&place.folder, &plan(), LATER, &mut counter(5)).unwrap();
    assert_eq!(after.gateway.code(), before.gateway.code());
    assert_eq!(after.gateway.certificate(), before.gateway.certificate());
    assert_ne!(after.gateway.pass_key(), before.gateway.pass_key());
    let former = after.former_keys.last().unwrap();
    let signs = former.key.as_ref().map(|key| key.public_key());
    assert_eq!(signs, Some(before.gateway.pass_key()));
    // Anybody who knows the root believes it, and only while it is whole.
    let handover = after.handover().unwrap();
    let Ok(Message::Successor {
        issuer,
        gateway,
        former,
        successor,
        own: None,
    }) = Message::read(&handover)
    else {
        panic!("no handover")
    };
    let shown = Handover {
        issuer,
        gateway,
        former,
        successor,
    };
    let said = before.trust().succession(&shown, LATER).unwrap().said;
    assert_eq!((said.key, said.ends), (after.gateway.pass_key(), ENDS));
    // Nobody else takes over meanwhile, but for a stolen key.
    let (root, span) = (&after.root, (LATER, ENDS));
    let issuer = after.rotate_issuer(&place.folder, &plan(), root, span, &mut counter(6));
    assert!(issuer.unwrap_err().to_string().contains("still counts"));
    let again = next_key(&place, LATER, Handing::Until(ENDS), 7).unwrap_err();
    assert!(again.contains("still counts"), "{again}");
    // At the end its private key leaves the box, and what it signed can be read.
    assert!(kept_key(&place, 1).exists());
    let ended = open(&place.folder, &plan(), ENDS, &mut counter(8)).unwrap();
    assert!(!kept_key(&place, 1).exists());
    assert!(ended.former_keys[0].key.is_none());
    assert_eq!(ended.former_keys[0].said, said);
}

#[test]
fn a_stolen_key_of_a_gateway_ends_every_overlap_and_is_not_kept() {
    let place = Place::new();
    next_key(&place, LATER, Handing::Until(ENDS), 2).unwrap();
    let second = load(&place.folder, &plan()).unwrap().gateway.pass_key();
    next_key(&place, LATER.plus_s(9), Handing::Stolen, 3).unwrap();
    let after = load(&place.folder, &plan()).unwrap();
    let [first, stolen] = after.former_keys.as_slice() else {
        panic!("{:?}", after.former_keys)
    };
    assert!(first.key.is_none() && stolen.key.is_none());
    assert_eq!(stolen.said.former_key, second);
    assert_eq!(stolen.said.ends, Timestamp(0));
    assert!(!kept_key(&place, 1).exists() && !kept_key(&place, 2).exists());
}

#[test]
fn a_change_of_a_gateways_key_that_a_crash_cut_short_is_finished_or_never_was() {
    let beside =
        |place: &Place, ending: &str| place.folder.with_file_name(format!("authorities{ending}"));
    for old_is_there in [true, false] {
        let place = Place::new();
        let kept = beside(&place, ".kept");
        let copied = std::process::Command::new("cp")
            .args(["-a", &text(&place.folder), &text(&kept)])
            .status();
        assert!(copied.unwrap().success());
        next_key(&place, LATER, Handing::Until(ENDS), 2).unwrap();
        let after = load(&place.folder, &plan()).unwrap().gateway.pass_key();
        move_to(&place.folder, &beside(&place, ".next"));
        match old_is_there {
            true => move_to(&kept, &place.folder),
            false => move_to(&kept, &beside(&place, ".old")),
        }
        let found = open(&place.folder, &plan(), LATER, &mut counter(5)).unwrap();
        assert_eq!(found.gateway.pass_key(), after);
        assert_eq!(found.former_keys.len(), 1);
    }
    // Cut before the next folder got its name: the key is the one it was.
    let place = Place::new();
    fs::create_dir(beside(&place, ".next.making")).unwrap();
    let found = load(&place.folder, &plan()).unwrap();
    assert_eq!(found.gateway.pass_key(), place.before.gateway.pass_key());
    assert!(found.former_keys.is_empty());
}
