//! Where the power goes: at every single journal operation of a scenario, and again soon after; and
//! at every single thing that flash does.

use super::*;

/// Which purse, at which of its operations, and how.
pub(super) type At = (usize, usize, Cut);

/// Where things keep their journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    InMemory,
    OnFlash,
}

/// Things whose power goes as these cuts say.
pub(super) fn things<const N: usize>(world: &World, keep: Keep, cuts: &[At]) -> [Thing; N] {
    let things = std::array::from_fn(|at| {
        let mut thing = world.thing(10 + at as u8);
        if keep == Keep::OnFlash {
            thing.disk = Disk::on_flash();
        }
        thing
    });
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

/// Before, during and after everything that flash does, and during two of them in a row; `run`
/// plays the scenario on flash, which is long enough for every thing to erase some, and gives its
/// things.
pub(super) fn on_flash<const N: usize>(run: impl Fn(&[At]) -> [Thing; N]) {
    let whole = run(&[]);
    let erasures = |thing: &Thing| thing.disk.erasures();
    let erased: Vec<usize> = whole.iter().map(erasures).collect();
    assert!(erased.iter().all(|erased| *erased > 0), "{erased:?}");
    everywhere_on_flash(operations(&whole), |cuts| {
        let things = run(cuts);
        things[cuts[0].0].disk.0.borrow().cut
    });
}

/// The same for operations that are counted; `run` says how often the power went.
fn everywhere_on_flash(operations: Vec<usize>, run: impl Fn(&[At]) -> usize) {
    for (at, operations) in operations.into_iter().enumerate() {
        for when in 0..operations {
            // Before an operation is after the one before it.
            if when == 0 {
                assert_eq!(run(&[(at, when, Cut::Before)]), 1);
            }
            assert_eq!(run(&[(at, when, Cut::After)]), 1);
            let cuts = run(&[(at, when, Cut::During), (at, when + 1, Cut::During)]);
            assert!(cuts == 2 || when + 1 >= operations);
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

/// How often one step may be tried: two cuts, and a little patience.
const TRIES: usize = 8;

/// Things with their purses, which are opened again whenever their journal fails.
pub(super) struct Reopened<'a, const O: usize, const P: usize> {
    pub(super) things: &'a [Thing],
    pub(super) purses: &'a mut [Option<Purse<Recorder, Disk, O, P>>],
    /// Each attempt brings another seed and comes at another time.
    pub(super) attempt: &'a mut u8,
    pub(super) trust: Trust,
}

/// A scenario through which the power goes.
pub(super) trait Scenario<const O: usize, const P: usize> {
    fn reopened(&mut self) -> Reopened<'_, O, P>;

    /// Nothing that was let out or acknowledged is lost, whatever happened since.
    fn keeps_its_word(&mut self, at: usize, purse: &mut Purse<Recorder, Disk, O, P>);

    /// Does one thing with a purse, after as many restarts as it takes.
    fn with<T>(
        &mut self,
        at: usize,
        mut act: impl FnMut(&mut Purse<Recorder, Disk, O, P>, u8) -> Result<T, Status>,
    ) -> T {
        for _ in 0..TRIES {
            let Reopened {
                things,
                purses,
                attempt,
                trust,
            } = self.reopened();
            *attempt = attempt.wrapping_add(1);
            let attempt = *attempt;
            let mut purse = match purses[at].take() {
                Some(purse) => purse,
                None => match things[at].open(trust) {
                    Ok(mut purse) => {
                        self.keeps_its_word(at, &mut purse);
                        purse
                    }
                    Err(_) => {
                        things[at].disk.power_on();
                        continue;
                    }
                },
            };
            match act(&mut purse, attempt) {
                Ok(done) => {
                    self.reopened().purses[at] = Some(purse);
                    return done;
                }
                Err(Status::Storage) => {
                    let again = act(&mut purse, attempt).err();
                    assert_eq!(again, Some(Status::Storage), "a failed journal ends it");
                    drop(purse);
                    self.reopened().things[at].disk.power_on();
                }
                Err(status) => panic!("purse {at} refused: {status}"),
            }
        }
        panic!("purse {at} never came back");
    }
}
