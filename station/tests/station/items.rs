//! Things without keys, and the secrets inside them.

use crate::workshop::{FIRST, Hand, Workshop, start};
use protocol::Kind;
use protocol::objects::WorkOrder;
use station::items::{Item, ItemPrinter, Seed};
use station::world::{News, Trouble};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

#[derive(Default)]
struct Pile {
    items: BTreeMap<u64, Item>,
    printed: u32,
    jams: bool,
}

impl ItemPrinter for Pile {
    fn print(&mut self, _: &WorkOrder, items: &[Item]) -> Result<(), Trouble> {
        self.printed += 1;
        for item in items {
            let before = self.items.insert(item.number, *item);
            assert!(before.is_none_or(|before| before.code == item.code));
        }
        match std::mem::take(&mut self.jams) {
            true => Err(Trouble::new("paper jam")),
            false => Ok(()),
        }
    }
}

#[test]
fn a_batch_goes_from_order_to_imported_manifest_and_a_jam_prints_the_same_block_again() {
    const COUNT: u32 = 2_500;
    let shop = Workshop::new(&[Kind::PassiveItem]);
    let order = shop.work_order(Kind::PassiveItem, COUNT);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let seed = || Seed::new(Zeroizing::new([5; 32]));
    let mut pile = Pile {
        jams: true,
        ..Pile::default()
    };
    let mut journal = shop.open(&path);
    journal.append(vec![shop.order_line(&order)]).unwrap();
    let mut silent = |_: &News| {};
    let hand = Hand::default();
    let jam = shop
        .station
        .items(&mut journal, &seed(), &mut pile, &hand, &mut silent);
    assert!(jam.unwrap_err().to_string().contains("paper jam"));
    drop(journal);
    let mut journal = shop.open(&path);
    while shop
        .station
        .items(&mut journal, &seed(), &mut pile, &hand, &mut silent)
        .unwrap()
    {}
    assert_eq!(pile.printed, 4, "three blocks, the first twice");
    journal
        .append(vec![issuer::journal::Line::Scrap {
            sequence: FIRST + 1200,
            reason: "torn".to_owned(),
        }])
        .unwrap();
    shop.station
        .close(&mut journal, crate::workshop::NOW)
        .unwrap();
    let pieces = shop.station.pieces(&path).unwrap();
    let file = shop
        .station
        .write_manifest(&path, &pieces[0], folder.path())
        .unwrap();
    let checked = shop.import(&file, &start()).unwrap();
    let codes: Vec<_> = checked
        .items
        .iter()
        .flat_map(|block| &block.codes)
        .collect();
    assert_eq!(codes.len(), COUNT as usize - 1);
    assert_eq!(checked.manifest.made, COUNT - 1);
    assert_eq!(checked.scrapped, [(FIRST + 1200, "torn".to_owned())]);
    for code in codes {
        let item = &pile.items[&code.sequence()];
        assert!(item.code == *code && item.inside.belongs_to(code));
        let other = &pile.items[&(FIRST + (code.sequence() + 1 - FIRST) % 2_500)];
        assert!(!other.inside.belongs_to(code));
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let some = pile.items[&FIRST].inside.text();
    assert!(
        !text.contains(some.as_str()),
        "no secret leaves the station"
    );
}
