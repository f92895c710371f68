//! Where the power goes: at every single journal operation of a scenario, and again soon after.

use super::*;

/// Which purse, at which of its operations, and how.
pub(super) type At = (usize, usize, Cut);

/// Things whose power goes as these cuts say.
pub(super) fn things<const N: usize>(world: &World, cuts: &[At]) -> [Thing; N] {
    let things = std::array::from_fn(|at| world.thing(10 + at as u8));
    for (at, thing) in things.iter().enumerate() {
        let own: Vec<_> = cuts
            .iter()
            .filter(|(purse, ..)| *purse == at)
            .map(|(_, when, how)| (*when, *how))
            .collect();
        thing.disk.cut_at(&own);
    }
    things
}

/// How many operations each thing's journal has seen.
pub(super) fn operations(things: &[Thing]) -> Vec<usize> {
    let operations = |thing: &Thing| thing.disk.0.borrow().operations;
    things.iter().map(operations).collect()
}

/// Before and after every operation; `run` says how often the power went.
pub(super) fn everywhere(operations: Vec<usize>, run: impl Fn(At) -> usize) {
    for (at, operations) in operations.into_iter().enumerate() {
        for when in 0..operations {
            for how in [Cut::Before, Cut::After] {
                assert_eq!(run((at, when, how)), 1);
            }
        }
    }
}

/// After every operation, and again while the purse comes back.
pub(super) fn everywhere_twice(operations: Vec<usize>, run: impl Fn([At; 2])) {
    for (at, operations) in operations.into_iter().enumerate() {
        for when in 0..operations {
            // Before the next operation is after this one, so one kind of cut is enough.
            for later in 1..=2 {
                run([(at, when, Cut::After), (at, when + later, Cut::After)]);
            }
        }
    }
}
