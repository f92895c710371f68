//! Making things that have keys: all that are on the bench go through each step together, with one
//! wait for the disk a step.
//!
//! ```text
//! reserve     durable, before the thing is asked
//! request     the thing makes its keys and asks
//! draft       checked against the profile before anything is signed
//! signed      signed and checked again; the line holds all that was ever signed
//! written     put into the thing and read back
//! labelled    printed
//! scanned     read back
//! done
//! ```
//! A crash anywhere leaves a number at one of these steps; the next run takes it up there. Issuing
//! is deterministic with keys in files, so a step that was repeated gives the same bytes; and what a
//! token signed before a crash never left the station.

use crate::journal::{Journal, JournalError, Storage};
use crate::world::{Audience, Device, Nature, News, Part, Printer, Scanner, Trouble};
use issuer::journal::{Line, Number};
use issuer::label::{Label, Words};
use issuer::manifest::issue_order;
use issuer::order::{OrderRefused, may_begin};
use issuer::replay::{Happened, Stage, Unit};
use issuer::{Authority, CheckedRequest, Grant};
use protocol::objects::WorkOrder;
use protocol::provision::PART_NAMES;
use protocol::{Code, Digest};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// Most things on one bench.
pub const PLACES_MOST: usize = 64;

/// The station at work.
pub struct Station {
    /// What it was given.
    pub grant: Grant,
    /// Itself, with its keys.
    pub authority: Authority,
}

/// A bench and what stands around it.
pub struct Bench<'a> {
    /// Things on it, at most [`PLACES_MOST`].
    pub devices: Vec<&'a mut dyn Device>,
    /// Prints labels, if there is one.
    pub printer: Option<&'a mut dyn Printer>,
    /// Reads them back, if there is one.
    pub scanner: Option<&'a mut dyn Scanner>,
    /// Time and chance.
    pub nature: &'a mut dyn Nature,
    /// Hears what happens.
    pub audience: &'a mut dyn Audience,
}

/// Requests whose proofs hold, of one panel.
type Requests = BTreeMap<Number, CheckedRequest>;

/// Why the station stopped.
#[derive(Debug)]
pub enum Stop {
    /// The journal: nothing may follow before it is opened again.
    Journal(JournalError),
    /// The order may not be begun, or no longer.
    Order(OrderRefused),
    /// A step outside failed; the thing stays open, and the next run goes on with it.
    Trouble(Number, Trouble),
    /// The thing on the bench is another one than the one that was begun.
    OtherThing(Number),
    /// What was asked for or would be signed is refused; nothing was signed.
    Refused(Number, String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Order(refused) => refused.fmt(f),
            Self::Trouble(number, trouble) => {
                write!(
                    f,
                    "number {number}: {trouble}; run again to go on with it, or scrap it"
                )
            }
            Self::OtherThing(number) => write!(
                f,
                "number {number} was begun with another thing than the one on the bench; put that one back, or scrap the number"
            ),
            Self::Refused(number, why) => {
                write!(
                    f,
                    "number {number} is refused: {why}; scrap it, or mend the thing"
                )
            }
        }
    }
}

impl std::error::Error for Stop {}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl Station {
    /// Everything a thing is given with its own credentials.
    pub fn parts(&self, certificate: &[u8], pass: &[u8]) -> Vec<Part> {
        let [root, issuer, station] = &self.grant.certificates;
        let [issuer_pass, station_pass] = &self.grant.passes;
        let values = [
            self.grant.root_key.as_bytes(),
            root,
            issuer,
            station,
            certificate,
            issuer_pass,
            station_pass,
            pass,
        ];
        let names = PART_NAMES.into_iter();
        names.zip(values.map(<[u8]>::to_vec)).collect()
    }

    /// The label of a code made for an order.
    pub fn label(&self, code: &Code, order: &WorkOrder) -> Result<Label, Trouble> {
        let words = |text: Option<&str>| text.unwrap_or_default().parse::<Words>();
        let label = Label::thing(&self.grant.names, code).map_err(Trouble::new)?;
        let product = words(order.product.as_ref().map(|text| text.as_str()));
        let batch = words(order.batch.as_ref().map(|text| text.as_str()));
        Ok(label.words(product.map_err(Trouble::new)?, batch.map_err(Trouble::new)?))
    }

    /// Makes one panel of things for the order that was begun: first what is open, then new ones.
    /// How many were made.
    pub fn panel<S: Storage>(
        &self,
        journal: &mut Journal<S>,
        bench: &mut Bench<'_>,
    ) -> Result<u32, Stop> {
        self.reserve(journal, bench)?;
        let mut first_stop = None;
        let mut made = 0;
        let last = bench.last_stage();
        // Proofs of a request are checked once a panel, not at every step.
        let mut read = Requests::new();
        for stage in STAGES.into_iter().filter(|stage| *stage < last) {
            let units: Vec<Unit> = journal.state().open().cloned().collect();
            let mut lines = Vec::new();
            for (unit, place) in units.iter().zip(0..bench.devices.len()) {
                if unit.stage != stage {
                    continue;
                }
                match self.step(unit, place, bench, &mut read) {
                    Ok(line) => lines.push(line),
                    Err(stop) => {
                        bench.audience.hear(&News::Trouble {
                            number: unit.sequence,
                            reason: stop.to_string(),
                        });
                        first_stop = first_stop.or(Some(stop));
                    }
                }
            }
            made += said(journal.append(lines)?, bench.audience);
        }
        let ready: Vec<Line> = journal
            .state()
            .open()
            .filter(|unit| unit.stage >= last)
            .map(|unit| Line::Done {
                sequence: unit.sequence,
            })
            .collect();
        made += said(journal.append(ready)?, bench.audience);
        first_stop.map_or(Ok(made), Err)
    }

    /// Fills free places with new numbers.
    fn reserve<S: Storage>(
        &self,
        journal: &mut Journal<S>,
        bench: &mut Bench<'_>,
    ) -> Result<(), Stop> {
        let state = journal.state();
        let Some(order) = state.order().copied() else {
            return Err(Stop::Order(OrderRefused::Empty));
        };
        for unit in state.open() {
            bench.audience.hear(&News::Resumed {
                number: unit.sequence,
            });
        }
        let open = state.open().count();
        let ours = state.open().filter(|unit| unit.order.id == order.id);
        let left = order.count - state.made_for(&order.id) - ours.count() as u32;
        let free = bench.devices.len().min(PLACES_MOST).saturating_sub(open);
        let wanted = u64::from(left).min(free as u64);
        if wanted == 0 {
            return Ok(());
        }
        let (next, now) = (state.next_sequence(), bench.nature.now());
        may_begin(&self.authority, &order, next, wanted, now).map_err(Stop::Order)?;
        let mut lines = Vec::new();
        for sequence in next..next + wanted {
            let mut serial = [0; 16];
            let drawn = bench.nature.random(&mut serial);
            drawn.map_err(|trouble| Stop::Trouble(sequence, trouble))?;
            lines.push(Line::Reserve {
                sequence,
                serial,
                time: now,
            });
        }
        // A crash before this is durable: nobody has heard of the numbers. After it: they are used
        // for these things or scrapped, never again.
        journal.append(lines)?;
        Ok(())
    }

    /// One step of one thing, up to the line that records it.
    fn step(
        &self,
        unit: &Unit,
        place: usize,
        bench: &mut Bench<'_>,
        read: &mut Requests,
    ) -> Result<Line, Stop> {
        let sequence = unit.sequence;
        let trouble = |trouble| Stop::Trouble(sequence, trouble);
        let refused = |why: &dyn fmt::Display| Stop::Refused(sequence, why.to_string());
        let device = bench.devices.get_mut(place);
        let device = device.ok_or_else(|| trouble(Trouble::new("its place is empty")))?;
        match unit.stage {
            Stage::Reserved => {
                let request = device.request(sequence).map_err(trouble)?;
                let checked = CheckedRequest::read(&request, &self.grant.network);
                read.insert(sequence, checked.map_err(|error| refused(&error))?);
                Ok(Line::Request { sequence, request })
            }
            Stage::Requested => {
                let request = self.checked(unit, read)?;
                let order = issue_order(&self.authority, unit);
                let draft = self.authority.draft_device(&order, request);
                let draft = draft.map_err(|error| refused(&error))?;
                Ok(Line::Draft {
                    sequence,
                    code: draft.code(),
                    digest: Digest(Sha256::digest(draft.to_be_signed()).into()),
                })
            }
            Stage::Drafted => {
                let request = self.checked(unit, read)?;
                let order = issue_order(&self.authority, unit);
                let issued = self.authority.issue_device(&order, request);
                let issued = issued.map_err(|error| refused(&error))?;
                Ok(Line::Signed {
                    sequence,
                    certificate: issued.certificate,
                    pass: issued.pass,
                })
            }
            Stage::Signed => {
                // After a crash another thing may lie there.
                if device.request(sequence).map_err(trouble)? != unit.request {
                    return Err(Stop::OtherThing(sequence));
                }
                let parts = self.parts(&unit.certificate, &unit.pass);
                device.write(sequence, &parts).map_err(trouble)?;
                let held = device.read(sequence, &PART_NAMES).map_err(trouble)?;
                let given = parts.iter().map(|(_, bytes)| bytes);
                if !given.eq(held.iter()) {
                    let why = "it does not give back what was put into it";
                    return Err(trouble(Trouble::new(why)));
                }
                Ok(Line::Written { sequence })
            }
            Stage::Written => self.labelled(unit, bench),
            Stage::Labelled => self.scanned(unit, bench),
            Stage::Scanned => Ok(Line::Done { sequence }),
        }
    }

    /// Its request, which a run before a crash may have read.
    fn checked<'r>(&self, unit: &Unit, read: &'r mut Requests) -> Result<&'r CheckedRequest, Stop> {
        match read.entry(unit.sequence) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let request = CheckedRequest::read(&unit.request, &self.grant.network);
                let refused =
                    |error: issuer::RequestError| Stop::Refused(unit.sequence, error.to_string());
                Ok(entry.insert(request.map_err(refused)?))
            }
        }
    }

    fn unit_label(&self, unit: &Unit) -> Result<Label, Trouble> {
        let code = unit.draft.map(|(code, _)| code);
        let code = code.ok_or_else(|| Trouble::new("it has no code yet"))?;
        self.label(&code, &unit.order)
    }

    fn labelled(&self, unit: &Unit, bench: &mut Bench<'_>) -> Result<Line, Stop> {
        let trouble = |trouble| Stop::Trouble(unit.sequence, trouble);
        let label = self.unit_label(unit).map_err(trouble)?;
        if let Some(printer) = &mut bench.printer {
            printer.print(unit.sequence, &label).map_err(trouble)?;
        }
        Ok(Line::Labelled {
            sequence: unit.sequence,
        })
    }

    fn scanned(&self, unit: &Unit, bench: &mut Bench<'_>) -> Result<Line, Stop> {
        let sequence = unit.sequence;
        let trouble = |trouble| Stop::Trouble(sequence, trouble);
        let label = self.unit_label(unit).map_err(trouble)?;
        if let Some(scanner) = &mut bench.scanner {
            let text = scanner.scan(sequence).map_err(trouble)?;
            if !text.trim().eq_ignore_ascii_case(label.uri()) {
                let why = format!("its label reads {:?}", text.trim());
                return Err(trouble(Trouble(why)));
            }
        }
        Ok(Line::Scanned { sequence })
    }
}

/// In the order of work; the last step is taken by all that came so far.
const STAGES: [Stage; 6] = [
    Stage::Reserved,
    Stage::Requested,
    Stage::Drafted,
    Stage::Signed,
    Stage::Written,
    Stage::Labelled,
];

impl Bench<'_> {
    /// After which step a thing is done here.
    fn last_stage(&self) -> Stage {
        match (&self.printer, &self.scanner) {
            (None, _) => Stage::Written,
            (Some(_), None) => Stage::Labelled,
            (Some(_), Some(_)) => Stage::Scanned,
        }
    }
}

fn said(happened: Vec<Happened>, audience: &mut dyn Audience) -> u32 {
    let mut made = 0;
    for happened in happened {
        if let Happened::Made(unit) = happened
            && let Some((code, _)) = unit.draft
        {
            made += 1;
            audience.hear(&News::Made {
                number: unit.sequence,
                code,
            });
        }
    }
    made
}
