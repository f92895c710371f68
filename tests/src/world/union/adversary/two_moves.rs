//! A thing signs two moves under one lease number and shows them at two offices that may be cut off
//! from each other.

use super::super::Union;
use super::Adversary;
use protocol::rules::judge;
use protocol::rules::proof::Charge;

pub(super) const NAME: &str = "two moves under one lease";

struct TwoMoves {
    thing: usize,
    asked: bool,
    found: bool,
}

pub(super) fn enter(world: &mut Union) -> Box<dyn Adversary> {
    let thing = world.add_thing(1, false);
    Box::new(TwoMoves {
        thing,
        asked: false,
        found: false,
    })
}

impl Adversary for TwoMoves {
    fn act(&mut self, world: &mut Union) {
        if !self.asked {
            return self.ask(world);
        }
        if !self.found {
            self.found = self.is_found(world);
        }
    }
}

impl TwoMoves {
    fn ask(&mut self, world: &mut Union) {
        let (now, home) = (world.now(), world.things[self.thing].home);
        let goals = [super::super::cast::CENTRE, 2];
        if world.is_away(home) || world.is_away(goals[1]) {
            return;
        }
        let orders = goals.map(|to| world.order_to_move(self.thing, to, 2));
        let pass = &world.things[self.thing].birth.pass;
        // The first at home, the second where it says it wants to go.
        let _ = world.offices[home].move_home(&orders[0], pass, now);
        let _ = world.offices[goals[1]].move_home(&orders[1], pass, now);
        self.asked = true;
        world.tally.count("two moves tried");
    }

    fn is_found(&self, world: &mut Union) -> bool {
        let code = world.things[self.thing].code;
        for office in 0..world.offices.len() {
            let cases = world.offices[office].accusations().into_iter();
            for (_, proof) in cases.filter(|(row, _)| row.code == code) {
                match judge(&world.cast.trust, &proof) {
                    Ok(verdict) if (verdict.code, verdict.charge) == (code, Charge::Moves) => {
                        world.tally.count("two moves proven");
                        return true;
                    }
                    other => world.fail("an accusation can be judged", format!("{other:?}")),
                }
            }
        }
        false
    }
}
