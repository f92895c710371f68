//! Somebody pays where its allowance is not good, and shows its payee an area of its own making.

use super::{Adversary, fund, pay, victim};
use crate::world::honest::accept;
use crate::world::wire::{AREA, Item, Letter, Paper};
use crate::world::{World, areas};

pub(crate) const NAME: &str = "elsewhere";

#[derive(Debug)]
pub(crate) struct Elsewhere {
    thing: usize,
}

impl Elsewhere {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self { thing: things[0] })
    }

    /// The whole earth, by the gateway, signed with the wrong key.
    fn forged(&self, world: &World) -> Vec<u8> {
        let gateway = world.house.offices[0].code;
        let everywhere = (-23..23).step_by(2).map(|row: i32| {
            let corner = [row * 4 * 7_372_800, 0].map(i32::to_be_bytes);
            let bytes: Vec<u8> = [1].into_iter().chain(corner.concat()).collect();
            Item::Bytes(bytes)
        });
        let fields = [
            (1, Item::Bytes(gateway.as_bytes().to_vec())),
            (2, Item::List(everywhere.collect())),
            (3, Item::Int(i64::from(world.now().0))),
        ];
        let area = Paper::draft("area", &fields).signed(&world.things[self.thing].key());
        Letter::new(AREA, &[area.bytes()]).bytes()
    }
}

impl Adversary for Elsewhere {
    fn act(&mut self, world: &mut World) {
        let code = world.things[self.thing].code;
        if areas::assigned(world, &code).is_none() {
            let area = world.areas.any();
            areas::assign(world, self.thing, area);
        }
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let purse = world.things[self.thing].purse.as_ref();
        let allowance = purse.and_then(|purse| purse.allowance(super::currencies()[0]));
        let Some(area) = allowance.and_then(|allowance| allowance.area) else {
            return;
        };
        if world.areas.holds(*area.as_bytes(), payee) {
            return;
        }
        let Some((_, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        world.tally.tried(NAME);
        let forged = self.forged(world);
        let learnt = world.with_purse(payee, |purse, now| purse.receive(&forged, now));
        if learnt.is_ok() {
            return world.fail("an area is signed by whom it names", format!("t{payee}"));
        }
        // That it stands in the area is looked at whenever anybody takes anything.
        if accept(world, payee, &evidence).is_err() {
            world.tally.stopped(NAME);
        }
    }
}
