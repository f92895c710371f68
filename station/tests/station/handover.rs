//! Manifests: taken in order, once, and only when every line, number and signature fits.

use crate::workshop::{FIRST, Hand, NOW, Workshop, start};
use issuer::journal::Line;
use issuer::manifest::{ManifestFault, Position};
use protocol::Kind;
use station::handover::HandoverError;
use station::panel::Stop;
use std::path::{Path, PathBuf};

fn make(shop: &Workshop, path: &Path, hand: &Hand, count: u32) {
    let mut journal = shop.open(path);
    let order = shop.work_order(Kind::Device, 100);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    for _ in 0..count {
        assert_eq!(hand.panel(&shop.station, &mut journal, 1).unwrap(), 1);
    }
    shop.station.close(&mut journal, NOW).unwrap();
}

fn manifests(shop: &Workshop, path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap();
    let pieces = shop.station.pieces(path).unwrap();
    let write = |piece| shop.station.write_manifest(path, piece, folder).unwrap();
    pieces.iter().map(write).collect()
}

#[test]
fn manifests_follow_each_other_without_a_gap() {
    let shop = Workshop::new(&[Kind::Device]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let hand = Hand::default();
    make(&shop, &path, &hand, 2);
    make(&shop, &path, &hand, 1);
    let files = manifests(&shop, &path);
    let first = shop.import(&files[0], &start()).unwrap();
    assert_eq!(
        (first.things.len(), first.manifest.next_sequence),
        (2, FIRST + 2)
    );
    let position = Position {
        head: first.manifest.head,
        next_sequence: first.manifest.next_sequence,
        number: 2,
    };
    let second = shop.import(&files[1], &position).unwrap();
    assert_eq!(second.things[0].sequence, FIRST + 2);
    let refused = |file, position| matches!(shop.import(file, position), Err(ManifestFault::Gap));
    assert!(refused(&files[0], &position), "taken already");
    assert!(refused(&files[1], &start()), "the one before is missing");
    // Written once more, it is the same file.
    let before = std::fs::read(&files[1]).unwrap();
    assert_eq!(std::fs::read(&manifests(&shop, &path)[1]).unwrap(), before);
}

#[test]
fn a_manifest_with_any_line_changed_missing_or_added_is_refused() {
    let shop = Workshop::new(&[Kind::Device]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    make(&shop, &path, &Hand::default(), 2);
    let file = manifests(&shop, &path).remove(0);
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let end = lines
        .iter()
        .position(|line| line.starts_with("-----"))
        .unwrap();
    let check = |text: &str| {
        let changed = folder.path().join("changed");
        std::fs::write(&changed, text).unwrap();
        shop.import(&changed, &start())
    };
    assert!(check(&whole).is_ok());
    for i in 0..end {
        let mut without = lines.clone();
        without.remove(i);
        assert!(check(&without.concat()).is_err(), "without line {i}");
        let mut twice = lines.clone();
        twice.insert(i, lines[i]);
        assert!(check(&twice.concat()).is_err(), "line {i} twice");
        let changed = lines[i].replacen('1', "2", 1).replacen('A', "B", 1);
        if changed != lines[i] {
            let mut with = lines.clone();
            with[i] = &changed;
            assert!(check(&with.concat()).is_err(), "line {i} changed");
        }
    }
    for cut in (0..whole.len()).step_by(61) {
        assert!(check(&whole[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn what_was_scrapped_is_not_handed_over_as_made() {
    let shop = Workshop::new(&[Kind::Device]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let hand = Hand::default();
    hand.0.lock().unwrap().misprint = Some(FIRST + 1);
    let mut journal = shop.open(&path);
    let order = shop.work_order(Kind::Device, 2);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    let stopped = hand.panel(&shop.station, &mut journal, 2);
    assert!(matches!(stopped, Err(Stop::Trouble(number, _)) if number == FIRST + 1));
    let open = shop.station.close(&mut journal, NOW);
    assert!(
        matches!(open, Err(HandoverError::Journal(_))),
        "one is open"
    );
    let scrap = |sequence, reason: &str| Line::Scrap {
        sequence,
        reason: reason.to_owned(),
    };
    journal.append(vec![scrap(FIRST + 1, "smudged")]).unwrap();
    assert!(journal.append(vec![scrap(FIRST + 1, "again")]).is_err());
    // The number is gone, the order still wants two.
    assert_eq!(hand.panel(&shop.station, &mut journal, 1).unwrap(), 1);
    assert_eq!(hand.panel(&shop.station, &mut journal, 1).unwrap(), 0);
    journal
        .append(vec![scrap(FIRST, "failed its test")])
        .unwrap();
    assert_eq!(hand.panel(&shop.station, &mut journal, 1).unwrap(), 1);
    shop.station.close(&mut journal, NOW).unwrap();
    let checked = shop.import(&manifests(&shop, &path)[0], &start()).unwrap();
    let made: Vec<u64> = checked.things.iter().map(|thing| thing.sequence).collect();
    assert_eq!(made, [FIRST + 2, FIRST + 3]);
    let scrapped: Vec<u64> = checked.scrapped.iter().map(|(number, _)| *number).collect();
    assert_eq!(scrapped, [FIRST, FIRST + 1]);
    let again = shop.open(&path).append(vec![scrap(FIRST + 2, "too late")]);
    assert!(again.is_err(), "it is in the gateway's hands now");
}

#[test]
fn a_thing_that_was_exchanged_during_a_crash_is_noticed() {
    let shop = Workshop::new(&[Kind::Device]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let hand = Hand::default();
    let mut journal = shop.open(&path);
    let order = shop.work_order(Kind::Device, 1);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    hand.0.lock().unwrap().misprint = Some(FIRST);
    hand.panel(&shop.station, &mut journal, 1).unwrap_err();
    // The journal as it was just before the credentials were written.
    drop(journal);
    let text = std::fs::read_to_string(&path).unwrap();
    let until = text.find("written ").unwrap();
    std::fs::write(&path, &text[..until]).unwrap();
    let mut journal = shop.open(&path);
    hand.0.lock().unwrap().placed.clear();
    let stopped = hand.panel(&shop.station, &mut journal, 1);
    assert!(matches!(stopped, Err(Stop::OtherThing(FIRST))));
}
