//! A person decides about claims that forks left without money.

use super::counter::short;
use super::{World, sabotage};
use ledger::ClaimOrder;
use protocol::Digest;

/// Decides about everything that is open.
pub(crate) fn decide_all(world: &mut World) {
    if !world.gateways[0].is_up() {
        return;
    }
    for id in world.model.open_claims() {
        decide(world, id);
    }
}

fn decide(world: &mut World, id: Digest) {
    let now = world.now();
    let order = ClaimOrder {
        payment: id,
        key: format!("claim {}", short(&id)),
        by: "world".into(),
    };
    let acceptance = world.accepted.iter().find(|((_, taken), _)| *taken == id);
    let claimed = acceptance.and_then(|(_, acceptance)| acceptance.claimed);
    // A stranger's claim is not seen here; whatever it was, it was handed in then.
    let claimed = claimed.or(world.model.entries.get(&id).map(|entry| entry.first_handed));
    let decided = world.gateways[0].decide_claim(order.clone(), now);
    let again = world.gateways[0].decide_claim(order, now);
    if decided != again {
        world.fail(
            "a repeated decision changes nothing",
            format!("{decided:?}, then {again:?}"),
        );
    }
    let Ok(decided) = decided else {
        return;
    };
    world.tally.decisions += 1;
    let paid = decided.given.sum().map_or(0, |sum| sum.get());
    sabotage::decided(world, &id, paid);
    world.note(format!(
        "a person decides about {}: {paid} of {}",
        short(&id),
        decided.missing
    ));
    if let Err(surprise) = world.model.decided(&id, claimed, &decided, now) {
        world.fail("a fork is borne by whom its allowance says", surprise);
    }
}
