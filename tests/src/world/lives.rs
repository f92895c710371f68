//! What ends for good: a journal that is lost and the key epoch that follows, a wallet key that is
//! replaced, a thing that dies and whose money goes to its owner's new code.

use super::authority::{pass, sealed, seed};
use super::flash::Image;
use super::honest::Plan;
use super::sabotage::Sabotage;
use super::thing::Mover;
use super::{Happening, World};
use ledger::NewKey;
use protocol::keys::SoftwareKey;
use protocol::objects::Rights;
use protocol::{AssuranceClass, Signer};

/// So many honest things must be left.
const ALIVE_LEAST: usize = 4;

/// Something ends for an honest thing.
pub(crate) fn mishap(world: &mut World, thing: usize) {
    match world.chance.below(4) {
        0 => dies(world, thing),
        1 => {
            let image = world.things[thing].flash.image();
            world.things[thing].backup.get_or_insert(image);
        }
        _ => loses_journal(world, thing),
    }
}

/// Its flash is wiped, or what somebody copied of it is written back; it knows, and doubts itself.
fn loses_journal(world: &mut World, thing: usize) {
    let copied = world.things[thing].backup.take();
    let what = if copied.is_some() {
        "is set back"
    } else {
        "loses its journal"
    };
    let name = world.things[thing].name();
    world.note(format!("{name} {what}"));
    world.tally.lost_journals += 1;
    // What its owner meant to pay is begun anew.
    world.plans[thing] = Plan::default();
    begin_in_doubt(world, thing, &copied.unwrap_or(Image::blank()));
}

/// Its purse opens in doubt on this flash.
pub(crate) fn begin_in_doubt(world: &mut World, thing: usize, image: &Image) {
    let it = &mut world.things[thing];
    it.purse = None;
    it.flash.restore(image);
    let knows = world.scenario.sabotage != Some(Sabotage::ForgetsDoubt);
    (it.doubts, it.forgetful) = (knows, knows);
    world.areas.forgotten_by(thing);
    world.power_on(thing);
}

/// It never works again; its owner has a new one.
fn dies(world: &mut World, thing: usize) {
    let alive = world.things.iter().filter(|t| t.is_honest() && !t.dead);
    let enough = alive.count() > ALIVE_LEAST;
    let births = world.house.births.len();
    let stopped =
        world.things[thing].heir || world.model.frozen.contains(&world.things[thing].code);
    if !enough || stopped || world.things.len() >= births || !world.gateways[0].is_up() {
        return;
    }
    let owner = world.model.behind.owners[&world.things[thing].code];
    let heir = world.add_thing_of(Mover::Itself, owner);
    world.things[heir].heir = true;
    (world.things[thing].dead, world.things[thing].purse) = (true, None);
    let (from, to, now) = (
        world.things[thing].code,
        world.things[heir].code,
        world.now(),
    );
    world.note(format!("t{thing} is dead, t{heir} comes in its place"));
    if world.scenario.sabotage != Some(Sabotage::KeepsTheDead) {
        world.gateways[0].recover(&from, &to, now);
    }
    world.model.recover(from, to, now);
    world.tally.recoveries += 1;
    let in_ms = world.chance.below(60_000);
    world.schedule.plan(in_ms, Happening::Wakes(heir));
}

/// The thing is enrolled with another wallet key, and begins with an empty journal.
pub(crate) fn enrol_again(world: &mut World, thing: usize) {
    let (office, code) = (&world.house.offices[0], world.things[thing].code);
    let seed = seed(7, world.chance.next());
    let key = SoftwareKey::ed25519(&seed);
    let may = Rights::PAY.and(Rights::ACCEPT);
    let pass = sealed(&pass(office.code, code, &key, may), &office.key);
    let new = NewKey {
        code,
        wallet_key: key.public_key(),
        class: AssuranceClass::Software,
        pass: pass.clone(),
        by: "world".into(),
    };
    let now = world.now();
    world.gateways[0].replace_key(new, now);
    world.things[thing].rekey(seed, pass);
    let name = world.things[thing].name();
    world.note(format!("{name} enrols another key"));
    begin_in_doubt(world, thing, &Image::blank());
}
