//! Groups that share a subscription: each event goes to one of them, in turns.

use crate::tree::{Chosen, Event, Filter};
use protocol::Code;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Groups and filters of one branch.
const GROUPS_MAX: usize = 32;
/// Members of a group.
const MEMBERS_MAX: usize = 64;

/// Who shares what.
#[derive(Debug, Default)]
pub(super) struct Shares {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    branches: HashMap<Code, Vec<Group>>,
    newest: u64,
}

#[derive(Debug)]
struct Group {
    id: u64,
    name: Box<str>,
    filter: Filter,
    members: Vec<Member>,
    /// Whose turn was the last.
    turn: usize,
}

#[derive(Debug)]
struct Member {
    seat: u64,
    /// Connected: those who are get what there is.
    present: bool,
}

impl Shares {
    /// Takes a seat; gives the number of group and filter, `None` when there is no room.
    pub(super) fn join(
        &self,
        name: &str,
        filter: &Filter,
        seat: u64,
        present: bool,
    ) -> Option<u64> {
        let mut state = self.state();
        let State { branches, newest } = &mut *state;
        let groups = branches.entry(filter.code).or_default();
        let known = groups
            .iter()
            .position(|group| *group.name == *name && group.filter == *filter);
        if known.is_none() {
            if groups.len() >= GROUPS_MAX {
                return None;
            }
            *newest += 1;
            groups.push(Group {
                id: *newest,
                name: name.into(),
                filter: filter.clone(),
                members: Vec::new(),
                turn: 0,
            });
        }
        let at = known.unwrap_or(groups.len() - 1);
        let group = groups.get_mut(at)?;
        let seated = group.members.iter().position(|one| one.seat == seat);
        if seated.is_none() && group.members.len() >= MEMBERS_MAX {
            return None;
        }
        match seated.and_then(|at| group.members.get_mut(at)) {
            Some(member) => member.present = present,
            None => group.members.push(Member { seat, present }),
        }
        Some(group.id)
    }

    /// Gives a seat back.
    pub(super) fn leave(&self, branch: Code, share: u64, seat: u64) {
        let mut state = self.state();
        let Some(groups) = state.branches.get_mut(&branch) else {
            return;
        };
        for group in groups.iter_mut().filter(|group| group.id == share) {
            group.members.retain(|member| member.seat != seat);
        }
        groups.retain(|group| !group.members.is_empty());
        if groups.is_empty() {
            state.branches.remove(&branch);
        }
    }

    /// Who of each group gets an event: the next who is connected, or the next of all.
    pub(super) fn choose(&self, event: &Event) -> Vec<Chosen> {
        let mut state = self.state();
        let Some(groups) = state.branches.get_mut(&event.topic.code) else {
            return Vec::new();
        };
        let taking = groups
            .iter_mut()
            .filter(|group| group.filter.takes(&event.topic));
        taking.filter_map(Group::choose).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn choose(&mut self) -> Option<Chosen> {
        let count = self.members.len();
        let next = |step: usize| (self.turn + step) % count.max(1);
        let present = |at: &usize| self.members.get(*at).is_some_and(|one| one.present);
        let at = (1..=count).map(next).find(present).unwrap_or(next(1));
        self.turn = at;
        let member = self.members.get(at)?;
        Some(Chosen {
            share: self.id,
            seat: member.seat,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{filter, topic};
    use bytes::Bytes;

    #[test]
    fn events_go_round_among_those_who_are_there() {
        let shares = Shares::default();
        let seats = |count| -> Vec<u64> {
            let event = Event::new(topic("oc/1/A/t/x"), Bytes::new());
            let chosen = (0..count).flat_map(|_| shares.choose(&event));
            chosen.map(|one| one.seat).collect()
        };
        let telemetry = filter("oc/1/A/t/#");
        let join = |seat, present| shares.join("g", &telemetry, seat, present).unwrap();
        let share = join(1, true);
        assert_eq!((join(2, true), join(3, true)), (share, share));
        let mut round = seats(6);
        round.sort_unstable();
        assert_eq!(round, [1, 1, 2, 2, 3, 3]);
        join(2, false);
        assert!(!seats(6).contains(&2), "others are there");
        for seat in [1, 3] {
            shares.leave(telemetry.code, share, seat);
        }
        assert_eq!(seats(2), [2, 2], "nobody else is left");
        shares.leave(telemetry.code, share, 2);
        assert!(seats(1).is_empty());
        assert!(shares.state().branches.is_empty());
    }

    #[test]
    fn groups_are_told_apart_by_name_and_filter() {
        let shares = Shares::default();
        let (all, one) = (filter("oc/1/A/t/#"), filter("oc/1/A/t/x"));
        let ids = [
            shares.join("g", &all, 1, true),
            shares.join("h", &all, 1, true),
            shares.join("g", &one, 1, true),
        ];
        assert_eq!(ids, [Some(1), Some(2), Some(3)]);
        let event = Event::new(topic("oc/1/A/t/x"), Bytes::new());
        assert_eq!(shares.choose(&event).len(), 3);
        let event = Event::new(topic("oc/1/A/s"), Bytes::new());
        assert_eq!(shares.choose(&event), []);
    }
}
