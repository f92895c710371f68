//! A gateway signs allowances beyond its float: a payee that holds the warrant refuses them. It lies
//! about how far it has issued: two allowances overlap, and are the proof.

use super::super::super::authority::{network, sealed};
use super::super::Union;
use super::{Adversary, has_allowance, pay};
use protocol::cose::open;
use protocol::message::{CREDENTIALS_MAX, MESSAGE_MAX, Message, OBJECTS_MAX};
use protocol::objects::{Allowance, FloatWarrant};
use protocol::rules::judge;
use protocol::rules::proof::Charge;
use protocol::{Odometer, Status};

pub(super) const NAME: &str = "a gateway past its float";

/// The gateway whose key is in wrong hands.
const LIAR: usize = 1;

struct Overissue {
    payer: usize,
    payee: usize,
    done: bool,
}

pub(super) fn enter(world: &mut Union) -> Box<dyn Adversary> {
    let payer = world.add_thing(LIAR, false);
    let payee = world.add_thing(2, false);
    Box::new(Overissue {
        payer,
        payee,
        done: false,
    })
}

impl Adversary for Overissue {
    fn act(&mut self, world: &mut Union) {
        if self.done || !has_allowance(world, self.payer) {
            return;
        }
        let Some(honest) = self.granted(world) else {
            return;
        };
        let Some(limit) = self.warranted(world, &honest) else {
            return;
        };
        self.done = true;
        let lie = overlapping(&honest);
        self.is_proven(world, &honest, &lie);
        let mut beyond = honest;
        beyond.number += 1;
        beyond.limit = Odometer::new(honest.limit.get() + 1_000).unwrap();
        beyond.issued_total = Odometer::new(limit + 1_000).unwrap();
        self.is_refused(world, &beyond);
    }
}

impl Overissue {
    fn granted(&self, world: &Union) -> Option<Allowance> {
        let purse = world.things[self.payer].purse.as_ref()?;
        purse
            .allowance(super::currencies()[0])
            .copied()
            .filter(|a| a.limit > a.base_odometer)
    }

    /// How far the newest warrant runs that the payer carries.
    fn warranted(&self, world: &Union, honest: &Allowance) -> Option<u64> {
        let key = (honest.gateway, honest.gateway_epoch, honest.currency);
        let (_, warrant) = world.things[self.payer].warrants.get(&key)?;
        let Ok(Message::Warrant { warrant, .. }) = Message::read(warrant) else {
            return None;
        };
        let warrant = open::<FloatWarrant>(warrant, &network()).ok()?;
        Some(warrant.peek().limit.get())
    }

    fn is_refused(&self, world: &mut Union, beyond: &Allowance) {
        let allowance = sealed(beyond, &world.cast.offices[LIAR].key);
        let grant = written(&Message::Grant {
            allowance: &allowance,
        });
        let held = world.with_purse(self.payer, |purse, now| purse.receive(&grant, now));
        let paid = held.and_then(|_| pay(world, self.payer, self.payee, 3));
        let Ok(evidence) = paid else {
            return world.note("a lying gateway's thing cannot pay");
        };
        world.shows_warrants(self.payer, self.payee);
        let answer = world.with_purse(self.payee, |purse, now| {
            super::written(|out| purse.accept(&evidence, None, now, out))
        });
        match answer {
            Err(Status::AboveFloat | Status::WrongAllowance) => {
                world.tally.count("refused beyond the float");
            }
            Err(status) => world.tally.refused(status.word()),
            Ok(_) => world.fail("nobody takes what is beyond a float", "a payee did"),
        }
    }

    fn is_proven(&self, world: &mut Union, honest: &Allowance, lie: &Allowance) {
        let office = &world.cast.offices[LIAR];
        let shown = [honest, lie].map(|allowance| sealed(allowance, &office.key));
        let mut credentials = [None; CREDENTIALS_MAX];
        credentials[0] = Some(world.cast.issuer_pass.as_slice());
        credentials[1] = Some(office.pass.as_slice());
        let mut objects = [None; OBJECTS_MAX];
        objects[0] = Some(shown[0].as_slice());
        objects[1] = Some(shown[1].as_slice());
        let accusation = written(&Message::Accusation {
            how: Charge::FloatOverlap as u8,
            credentials,
            objects,
        });
        match judge(&world.cast.trust, &accusation) {
            Ok(verdict)
                if (verdict.code, verdict.charge) == (office.code, Charge::FloatOverlap) =>
            {
                world.tally.count("overlaps proven");
            }
            other => world.fail("overlapping allowances are a proof", format!("{other:?}")),
        }
    }
}

/// Another allowance for what was promised before.
fn overlapping(honest: &Allowance) -> Allowance {
    let mut lie = *honest;
    lie.number += 1;
    lie
}

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let len = message.write(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}
