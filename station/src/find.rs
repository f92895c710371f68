//! Looking a number up in the journal: which code it became, and for which order.

use crate::folder::OpenError;
use crate::items::{Item, Seed};
use crate::journal::JournalError;
use crate::panel::Station;
use issuer::journal::{Chain, Line, Number};
use protocol::Code;
use protocol::cose;
use protocol::objects::WorkOrder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::path::Path;

/// A number that became a code.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The number.
    pub number: Number,
    /// The code.
    pub code: Code,
    /// For which order.
    pub order: WorkOrder,
}

impl Station {
    /// Everything that was made with these numbers and not scrapped, in their order.
    pub fn find(
        &self,
        journal: &Path,
        numbers: &RangeInclusive<Number>,
    ) -> Result<Vec<Found>, OpenError> {
        let io = |error| OpenError::Io(journal.to_owned(), error);
        let mut from = BufReader::new(File::open(journal).map_err(io)?);
        let (mut chain, mut line) = (Chain::default(), Vec::new());
        let (mut order, mut found) = (None, BTreeMap::new());
        for number in 1.. {
            line.clear();
            from.read_until(b'\n', &mut line).map_err(io)?;
            if line.pop() != Some(b'\n') {
                break;
            }
            let read = chain.read(&line).map_err(|fault| JournalError::Damaged {
                line: number,
                fault: fault.into(),
            })?;
            match (read, order) {
                (Line::Order { order: signed, .. }, _) => {
                    let opened = cose::open::<WorkOrder>(&signed, &self.grant.network);
                    order = opened.ok().map(|sealed| *sealed.peek());
                }
                (Line::Draft { sequence, code, .. }, Some(order)) => {
                    self.keep(&mut found, numbers, (sequence, code, order));
                }
                (
                    Line::Items {
                        first,
                        fingerprints,
                        ..
                    },
                    Some(order),
                ) => self.keep_items(&mut found, numbers, (first, &fingerprints, order)),
                (Line::Scrap { sequence, .. }, _) => {
                    found.remove(&sequence);
                }
                _ => {}
            }
        }
        Ok(found.into_values().collect())
    }

    fn keep(
        &self,
        found: &mut BTreeMap<Number, Found>,
        numbers: &RangeInclusive<Number>,
        (number, code, order): (Number, Code, WorkOrder),
    ) {
        if numbers.contains(&number) {
            found.insert(
                number,
                Found {
                    number,
                    code,
                    order,
                },
            );
        }
    }

    fn keep_items(
        &self,
        found: &mut BTreeMap<Number, Found>,
        numbers: &RangeInclusive<Number>,
        (first, fingerprints, order): (Number, &[[u8; 10]], WorkOrder),
    ) {
        let Ok(by) = self.authority.issues_as() else {
            return;
        };
        for (number, print) in (first..).zip(fingerprints) {
            if let Ok(code) = Code::assemble(order.kind, by, number, print) {
                self.keep(found, numbers, (number, code, order));
            }
        }
    }

    /// The secret inside a thing without a key, with its code.
    pub fn item(&self, seed: &Seed, found: &Found) -> Option<Item> {
        let inside = seed.inside(found.number).ok()?;
        inside.belongs_to(&found.code).then_some(Item {
            number: found.number,
            code: found.code,
            inside,
        })
    }
}
