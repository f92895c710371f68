//! Purses on flash: the scenarios of power cuts once more, with the power going before, during and
//! after every single thing the flash does; and how long it lasts.

use super::*;
use crate::journal_flash::FlashJournal;
use crate::test_nor::{Cells, Moment, Nor};
use std::sync::OnceLock;

pub(super) const SECTOR_BYTES: usize = 4_096;
/// Room for the end of six payments, and new ones, at any time.
const SECTORS: usize = 56;
const RECORDS: usize = 64;

type Chip = Nor<8, SECTOR_BYTES>;
type OnChip = FlashJournal<Chip, RECORDS>;

/// A journal on flash, and whether it is open.
pub(super) struct Flash {
    chip: Chip,
    journal: Option<OnChip>,
}

impl Flash {
    /// Flash that has been written to before, so that every sector is erased before use.
    pub(super) fn used() -> Self {
        static USED: OnceLock<Cells> = OnceLock::new();
        let cells = USED.get_or_init(|| {
            let chip = Chip::blank(SECTORS, 1);
            let mut journal = OnChip::open(chip.clone()).unwrap();
            let mut erasures = 0;
            while erasures <= SECTORS {
                let id = journal.append(&[7; 1_500]).unwrap();
                journal.forget(id).unwrap();
                erasures = chip.0.borrow().erasures;
            }
            journal.write_forgets().unwrap();
            let mut cells = chip.0.borrow().clone();
            (cells.operations, cells.erasures) = (0, 0);
            cells
        });
        Self {
            chip: Nor(Rc::new(RefCell::new(cells.clone()))),
            journal: None,
        }
    }

    pub(super) fn cut_at(&self, cuts: &[(usize, Cut)]) {
        let moment = |cut: Cut| match cut {
            Cut::Before => Moment::Before,
            Cut::During => Moment::During,
            Cut::After => Moment::After,
        };
        let cuts = cuts.iter().map(|(when, cut)| (*when, moment(*cut)));
        self.chip.0.borrow_mut().cuts_at = cuts.collect();
    }

    /// Whatever was only in memory is gone.
    pub(super) fn restart(&mut self) {
        self.journal = None;
    }

    pub(super) fn power_on(&mut self) {
        self.restart();
        self.chip.0.borrow_mut().power_on();
    }

    /// How many operations and cuts there were.
    pub(super) fn counts(&self) -> (usize, usize) {
        let cells = self.chip.0.borrow();
        (cells.operations, cells.cuts)
    }

    pub(super) fn erasures(&self) -> usize {
        self.chip.0.borrow().erasures
    }

    pub(super) fn records(&mut self) -> usize {
        self.with(|journal| Ok(journal.records())).unwrap()
    }

    pub(super) fn with<T>(
        &mut self,
        act: impl FnOnce(&mut OnChip) -> Result<T, JournalFailed>,
    ) -> Result<T, JournalFailed> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => OnChip::open(self.chip.clone()).map_err(|_| JournalFailed::Broken)?,
        };
        act(self.journal.insert(journal))
    }
}

/// What data sheets of microcontrollers promise for their own flash.
const ERASURES_OF_A_SECTOR: u64 = 10_000;
const MINUTES_OF_A_YEAR: u64 = 365 * 24 * 60;
const PAYMENTS: usize = 400;

/// What a purse wrote for so many payments, as a line of the table in docs/firmware.md.
fn line(who: &str, thing: &Thing) -> String {
    let (slots, erasures) = (thing.disk.0.borrow().operations, thing.disk.erasures());
    let slots = slots - erasures;
    let payments_a_turn = (SECTORS * PAYMENTS / erasures) as u64;
    let years = payments_a_turn * ERASURES_OF_A_SECTOR / MINUTES_OF_A_YEAR;
    format!(
        "| {who} | {:.1} | {:.1} | {years} |",
        slots as f64 / PAYMENTS as f64,
        PAYMENTS as f64 / erasures as f64,
    )
}

#[test]
fn flash_lasts_as_long_as_the_page_says() {
    let mut world = World::new();
    let [car, charger] = [10, 11].map(|seed| {
        let mut thing = world.thing(seed);
        thing.disk = Disk::on_flash();
        thing
    });
    let open = |world: &World, thing: &Thing| -> Small {
        let mut purse = thing.open(world.trust).unwrap();
        let known = purse.trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW);
        assert_eq!(known, Ok(world.gateway));
        purse
    };
    let (mut payer, mut payee) = (open(&world, &car), open(&world, &charger));
    let allowance = world.allowance(&car, 1_000);
    payer.receive(&world.grant(&allowance), NOW).unwrap();
    for number in 0..PAYMENTS {
        // One renewal for fifty payments.
        if number % 50 == 49 {
            let renewal = bytes(|out| payer.renewal(usd(), amount(1_000), NOW, out)).unwrap();
            let grant = world.renew(&car, &renewal);
            payer.receive(&grant, NOW).unwrap();
        }
        let mut order = order(charger.code, 1, 0);
        order.reference.0[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let evidence = bytes(|out| payer.pay(&order, NOW, out)).unwrap();
        let receipt = bytes(|out| payee.accept(&evidence, None, NOW, out)).unwrap();
        payer.receive(&receipt, NOW).unwrap();
        for claim in handed_in(&mut payee).unwrap() {
            let statement = world.settle(&claim);
            payee.receive(&statement, NOW).unwrap();
            payer.receive(&statement, NOW).unwrap();
        }
    }
    assert_eq!(payee.totals(usd()).received_settled.get(), PAYMENTS as u64);
    let page = include_str!("../../../../docs/firmware.md");
    for line in [line("payer", &car), line("payee", &charger)] {
        assert!(page.contains(&line), "docs/firmware.md: {line}");
    }
}
