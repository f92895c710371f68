//! Homes that change.

use super::super::authority::sealed;
use super::Union;
use super::thing::Journey;
use ledger::federation::Moving;
use protocol::Status;
use protocol::objects::Move;

impl Union {
    /// A thing signs a move to another office, unless one is on its way.
    pub(crate) fn wants_to_move(&mut self, thing: usize) {
        let (from, lease) = (self.things[thing].home, self.things[thing].lease);
        if self.things[thing].journey.is_none() {
            let step = 1 + self.chance.index(self.offices.len() - 1);
            let to = (from + step) % self.offices.len();
            let order = self.order_to_move(thing, to, lease + 1);
            self.things[thing].journey = Some(Journey { order, to });
            self.tally.count("moves asked");
            let (name, to) = (self.things[thing].name(), self.offices[to].name());
            self.note(format!("{name} wants to move to {to}"));
        }
        let to = self.things[thing].journey.as_ref().map(|j| j.to);
        let choices = [Some(from), to];
        if let Some(office) = choices[self.chance.index(2)] {
            self.presents_move(thing, office);
        }
    }

    /// A move, signed.
    pub(crate) fn order_to_move(&self, thing: usize, to: usize, lease: u64) -> Vec<u8> {
        let it = &self.things[thing];
        let order = Move {
            code: it.code,
            from: self.offices[it.home].code,
            to: self.offices[to].code,
            lease,
            time: self.now(),
        };
        sealed(&order, &it.key())
    }

    /// Shows an office the open move, and hears how far it has come.
    pub(crate) fn presents_move(&mut self, thing: usize, office: usize) {
        if self.is_away(office) {
            return;
        }
        let Some(journey) = self.things[thing].journey.clone() else {
            return;
        };
        let now = self.now();
        let pass = &self.things[thing].birth.pass;
        let moving = self.offices[office].move_home(&journey.order, pass, now);
        let name = self.things[thing].name();
        match moving {
            Ok(Moving::Asked) => {}
            Ok(Moving::Moved(_)) => self.has_moved(thing, journey.to),
            Ok(Moving::Contradicts) => {
                self.fail(
                    "an honest thing never yields a fraud proof",
                    format!("{name} moves"),
                );
            }
            Err(status) => {
                self.tally.refused(status.word());
                let at = self.offices[office].name();
                self.note(format!("{name} is not moved at {at}: {status}"));
                if !matches!(
                    status,
                    Status::WrongLease | Status::Busy | Status::UnknownCode
                ) {
                    super::invariants::refused(self, thing, status);
                }
            }
        }
    }

    fn has_moved(&mut self, thing: usize, to: usize) {
        let it = &mut self.things[thing];
        it.home = to;
        it.homes.push(to);
        it.lease += 1;
        it.moves += 1;
        it.journey = None;
        let (name, twice) = (it.name(), it.moves > 1);
        self.tally.count("moves");
        if twice {
            self.tally.count("moved again");
        }
        let to = self.offices[to].name();
        self.note(format!("{name} has moved to {to}"));
    }
}
