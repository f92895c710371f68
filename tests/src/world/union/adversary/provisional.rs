//! Somebody with nothing is paid, hands it in where only a provisional answer is to be had, and
//! wants to spend that at once.

use super::super::Union;
use super::super::things;
use super::{Adversary, has_allowance, pay, renew};
use protocol::AmountMinor;

pub(super) const NAME: &str = "provisional credit spent on";

struct Provisional {
    payer: usize,
    payee: usize,
}

pub(super) fn enter(world: &mut Union) -> Box<dyn Adversary> {
    let payer = world.add_thing(1, false);
    let payee = world.add_thing(2, false);
    world.things[payee].poor = true;
    Box::new(Provisional { payer, payee })
}

impl Adversary for Provisional {
    fn act(&mut self, world: &mut Union) {
        let home = world.things[self.payee].home;
        let code = world.things[self.payee].code;
        let currency = super::currencies()[0];
        if world.is_away(home) || world.offices[home].holds(&code, currency) != (0, 0) {
            return;
        }
        if !has_allowance(world, self.payer) {
            return;
        }
        let Ok(evidence) = pay(world, self.payer, self.payee, 7) else {
            return;
        };
        world.shows_warrants(self.payer, self.payee);
        things::takes(world, self.payee, &evidence);
        things::hands_in(world, self.payee, home);
        world.tally.count("provisional credit asked for");
        if let Err(status) = renew(world, self.payee, home) {
            return world.tally.refused(status.word());
        }
        let held = world.with_purse(self.payee, |purse, _| Ok(purse.spendable(currency)));
        match held == Ok(AmountMinor::ZERO) {
            true => world.tally.count("provisional credit refused"),
            false => world.fail(
                "provisional credit never enters a limit",
                "an allowance with room was given",
            ),
        }
    }
}
