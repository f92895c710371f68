//! Adversaries among several gateways: they hold keys, and sign what no honest purse and no honest
//! gateway would.

use super::{Bias, Union};

/// One who acts from time to time.
pub(crate) trait Adversary {
    fn act(&mut self, world: &mut Union);
}

/// A kind of adversary.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    enter: fn(&mut Union) -> Box<dyn Adversary>,
}

/// All of them.
pub(crate) const KINDS: &[Kind] = &[];

/// One adversary of a kind that is drawn, or of the kind that is asked for.
pub(crate) fn enter(world: &mut Union, bias: Bias) {
    let kind = match bias.only {
        Some(name) => KINDS.iter().find(|kind| kind.name == name),
        None => world.chance.pick(KINDS),
    };
    if let Some(kind) = kind {
        let adversary = (kind.enter)(world);
        world.adversaries.push(Some(adversary));
    }
}
