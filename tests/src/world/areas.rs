//! Areas: allowances that are good only where their payees stand. A few spots far from each other, on
//! which things stand, or nowhere; a few areas over some of them; the gateway tells everybody.

use super::World;
use super::model::Payment;
use super::sabotage::Sabotage;
use super::wire::{AREA, Letter, Paper};
use protocol::code::grid::{Cell, Level, Point};
use protocol::{Code, Digest, Reference};
use std::collections::BTreeSet;

/// How an allowance names an area.
type Name = [u8; 16];

/// Spots that somebody may stand on; no two of them lie in one cell of the widest level.
const SPOTS: usize = 4;
/// Degrees between two spots, and before the first.
const APART: i64 = 10;

/// What is known about areas, beside what purses know.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    known: Vec<Known>,
    /// Where each thing stands.
    stands: Vec<Option<usize>>,
    /// Which thing has taken note of which area.
    told: BTreeSet<(usize, Name)>,
}

/// One area.
#[derive(Debug)]
struct Known {
    name: Name,
    spots: BTreeSet<usize>,
    /// The message that tells it.
    message: Vec<u8>,
}

impl Areas {
    fn contains(&self, name: Name, spot: Option<usize>) -> bool {
        let area = self.known.iter().find(|area| area.name == name);
        area.zip(spot)
            .is_some_and(|(area, spot)| area.spots.contains(&spot))
    }

    /// Whether a thing stands in this area.
    pub(crate) fn holds(&self, name: Name, thing: usize) -> bool {
        self.contains(name, self.stands[thing])
    }

    /// Some area.
    pub(crate) fn any(&self) -> Option<Name> {
        self.known.first().map(|area| area.name)
    }

    /// Its journal is another one: it must be told again.
    pub(crate) fn forgotten_by(&mut self, thing: usize) {
        self.told.retain(|(told, _)| *told != thing);
    }
}

fn cell(spot: usize, level: Level) -> Cell {
    let degrees = APART * (spot as i64 + 1);
    let point = Point::from_nanodegrees(degrees * 1_000_000_000, degrees * 1_000_000_000);
    Cell::around(point.unwrap(), level)
}

/// Defines as many as the scenario says, and gives some things allowances that are good in one.
pub(crate) fn define(world: &mut World) {
    for number in 0..world.scenario.areas {
        let (mut spots, mut cells) = (BTreeSet::new(), Vec::new());
        for spot in 0..SPOTS {
            // At least one.
            if world.chance.per_mille(400) || (spot + 1 == SPOTS && spots.is_empty()) {
                let levels = [Level::DEFAULT, Level::new(1).unwrap()];
                let level = levels[world.chance.index(levels.len())];
                spots.insert(spot);
                cells.push(cell(spot, level));
            }
        }
        let now = world.now();
        let row = world.gateways[0].define_area(&cells, &format!("area {number}"), now);
        let again = world.gateways[0].define_area(&cells, "the same cells", now);
        if again.reference != row.reference {
            world.fail("the same cells are the same area", format!("area {number}"));
        }
        let area = Known {
            name: *row.reference.as_bytes(),
            message: Letter::new(AREA, &[row.bytes]).bytes(),
            spots,
        };
        let known = &mut world.areas.known;
        if known.iter().all(|other| other.name != area.name) {
            known.push(area);
        }
    }
    for thing in 0..world.things.len() {
        if world.chance.per_mille(600) {
            reassign(world, thing);
        }
    }
}

/// A thing begins to stand somewhere, or nowhere. Gives where its purse believes that to be.
pub(crate) fn settle_down(world: &mut World, thing: usize) -> Option<Cell> {
    assert_eq!(world.areas.stands.len(), thing);
    let stands = world.scenario.areas > 0 && world.chance.per_mille(850);
    let spot = stands.then(|| world.chance.index(SPOTS));
    world.areas.stands.push(spot);
    let believed = match world.scenario.sabotage {
        Some(Sabotage::Misplaces) => spot.map(|spot| (spot + 1) % SPOTS),
        _ => spot,
    };
    believed.map(|spot| cell(spot, Level::DEFAULT))
}

/// From its next allowance on, a thing may pay only in one of the areas, or everywhere.
pub(crate) fn reassign(world: &mut World, thing: usize) {
    let names: Vec<_> = world.areas.known.iter().map(|area| area.name).collect();
    let area = match world.chance.per_mille(700) {
        true => world.chance.pick(&names).copied(),
        false => None,
    };
    if !names.is_empty() {
        assign(world, thing, area);
    }
}

/// From its next allowance on, a thing may pay only in this area, or everywhere.
pub(crate) fn assign(world: &mut World, thing: usize, area: Option<Name>) {
    if !world.gateways[0].is_up() {
        return;
    }
    let code = world.things[thing].code;
    let obeys = world.scenario.sabotage != Some(Sabotage::ForgetsAreas);
    if obeys {
        world.gateways[0].assign_area(&code, area.map(Reference));
    }
    match area {
        Some(name) => world.model.areas.insert(code, name),
        None => world.model.areas.remove(&code),
    };
}

/// What a gateway tells about areas when a thing asks for its inbox.
pub(crate) fn messages(world: &mut World) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for area in &world.areas.known {
        if world.chance.per_mille(500) {
            messages.push(area.message.clone());
        }
    }
    messages
}

/// A purse has taken note of a message about an area.
pub(crate) fn heard(world: &mut World, thing: usize, message: &[u8]) {
    let letter = Letter::read(message).filter(|letter| letter.kind == AREA);
    let name = letter.and_then(|letter| Some(name(&letter.paper(0, "area")?)));
    world.areas.told.extend(name.map(|name| (thing, name)));
}

fn name(area: &Paper) -> Name {
    let mut name = [0; 16];
    name.copy_from_slice(&area.id().0[..16]);
    name
}

/// The areas of all allowances that a payment, its covers among it, stands on.
fn areas_in(world: &World, payment: &Payment, pieces: &[Digest]) -> Vec<Name> {
    let covers = pieces.iter().filter_map(|id| {
        let cover = world.model.signed.payments.get(id)?;
        Some(cover.allowance)
    });
    let allowances = covers.chain([payment.allowance]);
    let grants = allowances.filter_map(|allowance| world.model.grants.get(&allowance));
    grants.filter_map(|grant| grant.area).collect()
}

/// An honest payee has taken a payment: it stands where all of it is good.
pub(crate) fn taken(world: &mut World, thing: usize, payment: &Payment, pieces: &[Digest]) {
    let areas = areas_in(world, payment, pieces);
    world.tally.in_areas += u64::from(!areas.is_empty());
    if areas.iter().any(|area| !world.areas.holds(*area, thing)) {
        let what = format!("{} took {}", world.things[thing].name(), payment.id);
        world.fail("nobody takes a payment outside of its area", what);
    }
}

/// An honest payee refused a payment for its place: it does not stand there, or was not told.
pub(crate) fn refused(world: &mut World, thing: usize, payment: &Payment, pieces: &[Digest]) {
    world.tally.outside += 1;
    let areas = areas_in(world, payment, pieces);
    let good =
        |area: &Name| world.areas.holds(*area, thing) && world.areas.told.contains(&(thing, *area));
    if areas.iter().all(good) {
        let what = format!("{} refuses {}", world.things[thing].name(), payment.id);
        world.fail("a payment is good in its area", what);
    }
}

/// Which area the allowances of a code are to be good in.
pub(crate) fn assigned(world: &World, code: &Code) -> Option<Name> {
    world.model.areas.get(code).copied()
}
