//! Further gateways of the same issuer, and a purse whose power is cut at every journal operation.

use super::*;

pub(super) struct Branch {
    pub(super) code: Code,
    pub(super) key: SoftwareKey,
    pub(super) pass: Vec<u8>,
}

pub(super) fn settles() -> Rights {
    let things = Rights::PAY.and(Rights::ACCEPT);
    things.and(Rights::SETTLE).and(Rights::ISSUE_CODES)
}

impl World {
    /// A gateway of the same issuer.
    pub(super) fn branch(&self, seed: u8, rights: Rights) -> Branch {
        let code = code(Kind::Gateway, 0, u64::from(seed));
        let key = SoftwareKey::ed25519(&[seed; 32]);
        let issuer = super::code(Kind::Issuer, 0, 1);
        let pass = pass(issuer, code, key.public_key(), rights);
        let pass = sealed(&pass, &SoftwareKey::ed25519(&[2; 32]));
        Branch { code, key, pass }
    }

    /// An allowance by a branch that issues no money itself.
    pub(super) fn allowance_by(&mut self, branch: &Branch, thing: &Thing, limit: u64) -> Allowance {
        Allowance {
            gateway: branch.code,
            ..self.allowance(thing, limit)
        }
    }
}

impl Branch {
    pub(super) fn grant(&self, allowance: &Allowance) -> Vec<u8> {
        written(&Message::Grant {
            allowance: &sealed(allowance, &self.key),
        })
    }

    /// A purse that trusts this gateway too.
    pub(super) fn trusted_by(&self, world: &World, thing: &Thing) -> Roomy {
        let mut purse = world.roomy(thing);
        purse
            .trust_gateway(&world.issuer_pass, &self.pass, NOW)
            .unwrap();
        purse
    }
}

/// One purse that is opened again whenever its journal fails.
pub(super) struct Restarting {
    pub(super) world: World,
    pub(super) thing: Thing,
    purse: Option<Roomy>,
    open: fn(&World, &Thing) -> Result<Roomy, super::super::OpenError>,
}

impl Restarting {
    pub(super) fn with<T>(
        &mut self,
        mut act: impl FnMut(&mut Roomy) -> Result<T, Status>,
    ) -> Result<T, Status> {
        for _ in 0..8 {
            if self.purse.is_none() {
                self.purse = (self.open)(&self.world, &self.thing).ok();
            }
            let answer = match &mut self.purse {
                Some(purse) => act(purse),
                None => Err(Status::Storage),
            };
            if answer.as_ref().err() != Some(&Status::Storage) {
                return answer;
            }
            self.purse = None;
            self.thing.disk.power_on();
        }
        panic!("the purse never came back");
    }

    /// The power goes between two calls, too.
    pub(super) fn restart(&mut self) {
        self.purse = None;
    }
}

pub(super) fn plainly(world: &World, thing: &Thing) -> Result<Roomy, super::super::OpenError> {
    let mut purse: Roomy = thing.open(world.trust)?;
    match purse.trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW) {
        Ok(_) => Ok(purse),
        Err(_) => Err(super::super::OpenError::Journal(JournalFailed::Broken)),
    }
}

/// Plays a scenario whole, and then with the power cut before and after every journal operation:
/// what it comes to in the end, and what is left in the journal, is always the same.
pub(super) fn through_every_cut<T: PartialEq + core::fmt::Debug>(
    open: fn(&World, &Thing) -> Result<Roomy, super::super::OpenError>,
    play: impl Fn(&mut Restarting) -> T,
) {
    let run = |cut: Option<(usize, Cut)>| {
        let world = World::new();
        let thing = world.thing(10);
        thing.disk.cut_at(cut.as_slice());
        let mut stage = Restarting {
            world,
            thing,
            purse: None,
            open,
        };
        let end = play(&mut stage);
        stage.restart();
        let _ = stage.with(|_| Ok(()));
        let operations = stage.thing.disk.0.borrow().operations;
        (end, stage.thing.disk.len(), operations)
    };
    let (end, left, operations) = run(None);
    for when in 0..operations {
        for how in [Cut::Before, Cut::After] {
            let (cut_end, cut_left, _) = run(Some((when, how)));
            assert_eq!(cut_end, end, "cut {how:?} operation {when}");
            assert_eq!(cut_left, left, "left after cut {how:?} operation {when}");
        }
    }
    assert!(operations > 3, "{operations} operations");
}
