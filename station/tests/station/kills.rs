//! The power goes at every line of the journal, before it, in the middle of it and behind it.

use crate::workshop::{Hand, Workshop, start};
use issuer::manifest::Checked;
use protocol::Kind;
use protocol::objects::WorkOrder;
use station::journal::{Journal, JournalError, Storage, read};
use station::panel::Stop;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

/// A disk that loses power when it comes to a line.
struct Dying {
    file: File,
    lines_left: Option<usize>,
    of_the_next_line: usize,
}

impl Storage for Dying {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match &mut self.lines_left {
                Some(0) => {
                    let part = line.len() * self.of_the_next_line / 4;
                    self.file.write_all(&line[..part])?;
                    return Err(io::Error::other("power cut"));
                }
                Some(left) => *left -= 1,
                None => {}
            }
            self.file.write_all(line)?;
        }
        Ok(())
    }
}

/// Opens what is on the disk and works until the order is done and handed over, or the power goes.
fn work(
    shop: &Workshop,
    hand: &Hand,
    order: &WorkOrder,
    path: &Path,
    cut: Option<(usize, usize)>,
) -> Result<(), JournalError> {
    let read = {
        let mut from = BufReader::new(File::open(path).unwrap());
        read(&mut from, shop.station.fresh())?
    };
    let (_, length) = read.piece();
    let file = File::options().append(true).open(path).unwrap();
    file.set_len(length).unwrap();
    let mut journal = read.with(Dying {
        file,
        lines_left: cut.map(|(lines, _)| lines),
        of_the_next_line: cut.map_or(0, |(_, part)| part),
    });
    if journal.state().next_manifest() > 1 {
        return Ok(());
    }
    if journal.state().order().is_none() {
        journal.append(vec![shop.order_line(order)])?;
    }
    while journal.state().made_for(&order.id) < order.count {
        hand.panel(&shop.station, &mut journal, 2)
            .map_err(|stop| match stop {
                Stop::Journal(error) => error,
                other => panic!("{other}"),
            })?;
    }
    journal
        .append(vec![issuer::journal::Line::Manifest {
            number: 1,
            time: crate::workshop::NOW,
        }])
        .map(|_| ())
}

fn handed_over(shop: &Workshop, path: &Path, folder: &Path) -> Checked {
    let pieces = shop.station.pieces(path).unwrap();
    assert_eq!(pieces.len(), 1);
    let file = shop
        .station
        .write_manifest(path, &pieces[0], folder)
        .unwrap();
    shop.import(&file, &start()).unwrap()
}

#[test]
fn a_power_cut_at_any_line_loses_and_doubles_nothing() {
    const COUNT: u32 = 5;
    let shop = Workshop::new(&[Kind::Device]);
    let order = shop.work_order(Kind::Device, COUNT);
    let folder = tempfile::tempdir().unwrap();
    let whole = {
        let path = folder.path().join("whole");
        File::create(&path).unwrap();
        work(&shop, &Hand::default(), &order, &path, None).unwrap();
        std::fs::read(&path).unwrap()
    };
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines > 8 * COUNT as usize);
    for line in 0..lines {
        for part in 0..4 {
            let hand = Hand::default();
            let path = folder.path().join("journal");
            File::create(&path).unwrap();
            let cut = work(&shop, &hand, &order, &path, Some((line, part)));
            assert!(
                matches!(cut, Err(JournalError::Io(_))),
                "line {line}: {cut:?}"
            );
            work(&shop, &hand, &order, &path, None).unwrap();
            let checked = handed_over(&shop, &path, folder.path());
            assert_eq!(checked.things.len(), COUNT as usize, "line {line}");
            assert_eq!(checked.manifest.made, COUNT);
            assert!(checked.scrapped.is_empty());
            let codes: BTreeSet<_> = checked.things.iter().map(|thing| thing.code).collect();
            let keys: BTreeSet<_> = checked
                .things
                .iter()
                .map(|thing| thing.wallet_key)
                .collect();
            assert_eq!((codes.len(), keys.len()), (COUNT as usize, COUNT as usize));
            // What the things hold is what the gateway is told, and no thing was left over.
            let factory = hand.0.lock().unwrap();
            assert_eq!(factory.things.len(), COUNT as usize);
            for thing in &checked.things {
                let held = &factory.things[factory.placed[&thing.sequence]].parts;
                let part = |name| &held.iter().find(|(of, _)| *of == name).unwrap().1;
                assert_eq!(part("certificate.der"), &thing.certificate);
                assert_eq!(part("pass"), &thing.pass);
                let label = factory.labels[&thing.sequence].last().unwrap();
                assert!(label.ends_with(thing.code.text().as_str()));
            }
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_opens_at_its_last_whole_line() {
    let shop = Workshop::new(&[Kind::Device]);
    let order = shop.work_order(Kind::Device, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    File::create(&path).unwrap();
    work(&shop, &Hand::default(), &order, &path, None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        let read = read(&mut &whole[..cut], shop.station.fresh()).unwrap();
        let lines = whole[..cut].iter().rposition(|byte| *byte == b'\n');
        assert_eq!(read.piece().1, lines.map_or(0, |at| at as u64 + 1), "{cut}");
    }
    // Zeros where the disk had made room are no line either.
    let zeros = [&whole[..], &[0; 512]].concat();
    let read = read(&mut zeros.as_slice(), shop.station.fresh()).unwrap();
    assert_eq!(read.piece().1, whole.len() as u64);
}

#[test]
fn a_journal_damaged_before_its_end_does_not_open() {
    let shop = Workshop::new(&[Kind::Device]);
    let order = shop.work_order(Kind::Device, 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    File::create(&path).unwrap();
    work(&shop, &Hand::default(), &order, &path, None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len() - 1).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x04;
        let opened = read(&mut damaged.as_slice(), shop.station.fresh());
        let refused = matches!(opened, Err(JournalError::Damaged { .. }));
        assert!(refused, "byte {at}");
    }
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    lines.remove(3);
    assert!(read(&mut lines.concat().as_slice(), shop.station.fresh()).is_err());
}

#[test]
fn after_a_failed_write_nothing_more_is_taken() {
    let shop = Workshop::new(&[Kind::Device]);
    let order = shop.work_order(Kind::Device, 2);
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("journal")).unwrap();
    let fresh = read(&mut &b""[..], shop.station.fresh()).unwrap();
    let mut journal: Journal<Dying> = fresh.with(Dying {
        file,
        lines_left: Some(0),
        of_the_next_line: 2,
    });
    for _ in 0..2 {
        let refused = journal.append(vec![shop.order_line(&order)]);
        assert!(matches!(refused, Err(JournalError::Io(_))));
        assert!(journal.state().order().is_none());
    }
}
