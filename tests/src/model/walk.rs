//! Walking through a model, and saying what was found.

use std::collections::BTreeSet;
use std::fmt;

use stateright::{Checker, Expectation, HasDiscoveries, Model as _};

use super::Model;

/// What became of a walk.
#[derive(Debug)]
pub struct Walk {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// What does not hold, with a way there.
    pub broken: Vec<Counterexample>,
    /// What should have been reached and was not.
    pub unreached: Vec<&'static str>,
}

/// A way to a state that must not be.
#[derive(Debug)]
pub struct Counterexample {
    /// What does not hold there.
    pub property: &'static str,
    /// What happened, in its order.
    pub steps: Vec<String>,
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} states, {} steps", self.states, self.steps)?;
        for broken in &self.broken {
            writeln!(f, "does not hold: {}", broken.property)?;
            for step in &broken.steps {
                writeln!(f, "    {step}")?;
            }
        }
        for unreached in &self.unreached {
            writeln!(f, "never happens: {unreached}")?;
        }
        Ok(())
    }
}

impl Model {
    /// Every state there is, on so many threads.
    pub fn walk(self, threads: usize) -> Walk {
        self.walk_until(threads, BTreeSet::new())
    }

    /// The same, but only until this does not hold.
    pub fn walk_until_broken(self, property: &'static str, threads: usize) -> Walk {
        self.walk_until(threads, BTreeSet::from([property]))
    }

    fn walk_until(self, threads: usize, enough: BTreeSet<&'static str>) -> Walk {
        let end = if enough.is_empty() {
            HasDiscoveries::All
        } else {
            HasDiscoveries::AllOf(enough)
        };
        let checker = self.checker().threads(threads).finish_when(end);
        let done = checker.spawn_bfs().join();
        let found = done.discoveries();
        let (mut broken, mut unreached) = (Vec::new(), Vec::new());
        for property in done.model().properties() {
            match (property.expectation, found.get(property.name)) {
                (Expectation::Sometimes, None) => unreached.push(property.name),
                (Expectation::Always, Some(path)) => broken.push(Counterexample {
                    property: property.name,
                    steps: path
                        .clone()
                        .into_actions()
                        .iter()
                        .map(|step| format!("{step:?}"))
                        .collect(),
                }),
                _ => {}
            }
        }
        Walk {
            states: done.unique_state_count(),
            steps: done.state_count(),
            broken,
            unreached,
        }
    }
}
