//! A small world walked through in every order of steps: what must hold, and that it can fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is test code"
)]

use tests::model::{Flaw, Model, SMALL, Size};

const THREADS: usize = 2;

#[test]
fn in_every_order_of_steps_money_is_conserved_and_whoever_keeps_the_rules_is_paid() {
    for (name, size) in SMALL {
        let walk = Model::new(size).walk(THREADS);
        println!("{name}: {walk}");
        assert!(walk.broken.is_empty(), "{name}: {walk}");
        assert!(walk.unreached.is_empty(), "{name}: {walk}");
        assert!(walk.states > 1_000, "{name} is hardly a world: {walk}");
    }
}

#[test]
fn every_rule_that_is_taken_away_is_missed() {
    let least = Size::LEAST;
    let forks = Size {
        payments: 2,
        forks: true,
        ..least
    };
    let moves = Size { moves: 1, ..least };
    let back = Size {
        moves: 2,
        declines: true,
        ..least
    };
    let withdraws = Size {
        withdrawals: true,
        ..least
    };
    let silent = Size {
        silence: true,
        ..least
    };
    let conserved = "money is conserved";
    let paid = "whoever kept to the rules is paid unless a key forked";
    for (flaw, size, property) in [
        (Flaw::ReturnsAtDeadline, least, paid),
        (Flaw::MovesWithoutClosing, moves, conserved),
        (Flaw::TakesAnyClosing, moves, conserved),
        (Flaw::ReleasesAtLeaseEnd, silent, paid),
        (Flaw::CreditsEveryTime, least, conserved),
        (Flaw::RoutesCreditsAnew, back, "nothing impossible happens"),
        (Flaw::FreesReserveEarly, withdraws, paid),
        (
            Flaw::ForgetsNewest,
            forks,
            "no payee takes two that contradict",
        ),
        (Flaw::EveryGatewaySettles, least, conserved),
    ] {
        let walk = Model::with(size, flaw).walk_until_broken(property, THREADS);
        println!("{flaw:?}: {walk}");
        let found = walk.broken.iter().any(|broken| broken.property == property);
        assert!(
            found,
            "nothing misses the rule that {flaw:?} takes away: {walk}"
        );
    }
    // The same worlds with all rules are sound: it was the rule. Forks are walked through above.
    for size in [least, moves, back, withdraws, silent] {
        let walk = Model::new(size).walk(THREADS);
        assert!(walk.broken.is_empty(), "{size:?}: {walk}");
    }
}
