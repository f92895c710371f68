//! The order in which payments are handed in changes no final balance: everything that waits to be
//! handed in is handed to two copies of the books, in two orders, with repetitions.

use super::World;
use super::counter::log_decision;
use super::gateway::Gateway;
use super::wire::Letter;
use protocol::{Code, Currency};
use std::collections::BTreeMap;

/// Messages of one thing at most.
const SHOWN_MOST: usize = 24;

/// What everybody holds: free and reserved together.
type Holdings = BTreeMap<(Code, Currency), u64>;

pub(crate) fn changes_nothing(world: &mut World, gateway: usize) {
    let messages = shown(world);
    if messages.len() < 2 {
        return;
    }
    let [first, second] = [0, 1].map(|_| world.gateways[gateway].copy());
    let mut shuffled = messages.clone();
    let repeated = world.chance.index(shuffled.len());
    shuffled.push(messages[repeated].clone());
    world.chance.shuffle(&mut shuffled);
    let one = handed_in(world, &first, &messages);
    let other = handed_in(world, &second, &shuffled);
    world.tally.orders += 1;
    world.note(format!(
        "{} messages handed in to copies of the books in two orders",
        messages.len()
    ));
    let differs = one.iter().find(|(key, held)| other.get(key) != Some(held));
    if let Some(((code, currency), held)) = differs {
        let elsewhere = other.get(&(*code, *currency));
        world.fail(
            "the order of hand-in changes no final balance",
            format!("{code} holds {held} {currency}, in another order {elsewhere:?}"),
        );
    }
}

/// What honest things would hand in, of payers whose keys did not fork and that are still backed.
fn shown(world: &mut World) -> Vec<(Code, Vec<u8>)> {
    let mut messages = Vec::new();
    let now = world.now();
    for thing in 0..world.things.len() {
        if !world.things[thing].is_honest() {
            continue;
        }
        let code = world.things[thing].code;
        let mut cursor = device_sdk::purse::HandInCursor::default();
        for _ in 0..SHOWN_MOST {
            let mut next = cursor;
            let shown = world.with_purse(thing, |purse, _| {
                let mut out = vec![0; device_sdk::purse::OUT_MAX];
                let len = purse.hand_in(&mut next, &mut out)?;
                Ok(len.map(|len| out[..len].to_vec()))
            });
            cursor = next;
            let Ok(Some(message)) = shown else {
                break;
            };
            let letter = Letter::read(&message);
            let pieces = letter
                .as_ref()
                .and_then(|letter| world.model.pieces(letter));
            world.model.remember(&pieces.unwrap_or_default());
            let id = letter
                .and_then(|letter| letter.payment())
                .map(|paper| paper.id());
            let sound = id.is_some_and(|id| {
                let payment = world.model.signed.payments.get(&id);
                let grant = payment.and_then(|p| world.model.grants.get(&p.allowance));
                let backed = grant.is_some_and(|grant| !world.model.lapsed(grant, now));
                backed && !world.model.is_rotten(&id)
            });
            if sound {
                messages.push((code, message));
            }
        }
    }
    messages
}

/// Hands everything in, lets every deadline pass, and looks at the balances.
fn handed_in(world: &mut World, gateway: &Gateway, messages: &[(Code, Vec<u8>)]) -> Holdings {
    for (by, message) in messages {
        // A refusal in one order and not in the other shows in the balances.
        let answer = gateway.handle(Some(*by), message);
        log_decision(world, "copy", Some(*by), message, &answer);
    }
    let deadlines = world.model.grants.values().map(|grant| grant.expires);
    let last = deadlines.max().unwrap_or_default();
    let over = last.plus_s(world.scenario.policy.grace_s + 1);
    while gateway.return_overdue(over) > 0 {}
    let mut holdings = Holdings::new();
    for thing in &world.things {
        for (currency, free, reserved) in gateway.holdings(&thing.code) {
            holdings.insert((thing.code, currency), free + reserved);
        }
    }
    holdings
}
