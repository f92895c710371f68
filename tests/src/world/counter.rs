//! A gateway's counter: what it hears, what it answers, and what the model says to it.

use super::gateway::Answer;
use super::links::Party;
use super::model::{Fate, Payment};
use super::{Cargo, Happening, World, areas, invariants, sabotage};
use crate::world::wire::{
    BEACON, CLAIM, CLOSING, COVERED, Item, Letter, Paper, STATEMENT, STREAM_CLAIM, VOID,
};
use protocol::message::Message;
use protocol::{Code, Digest};

/// Inbox messages that are sent at one time.
const INBOX_AT_ONCE: u32 = 8;
/// Turns of giving overdue money back in one sweep; each gives back 64 payments.
const TURNS_MOST: u32 = 100;

/// Something arrives at a gateway from a thing.
pub(crate) fn hears(world: &mut World, gateway: usize, from: Party, cargo: Cargo) {
    let Party::Thing(thing) = from else {
        return;
    };
    if !world.gateways[gateway].is_up() {
        return;
    }
    let code = world.things[thing].code;
    match cargo {
        Cargo::Wallet(bytes) => {
            let answer = decide(world, gateway, Some(code), &bytes);
            if falls(world, gateway) {
                return;
            }
            let answer = match answer {
                Ok(message) => message,
                Err(status) => refusal(status, &bytes),
            };
            reply(world, gateway, thing, Cargo::Wallet(answer));
        }
        Cargo::Poll => {
            let beacon = beacon(world, gateway);
            reply(world, gateway, thing, Cargo::Wallet(beacon));
            for area in areas::messages(world) {
                reply(world, gateway, thing, Cargo::Wallet(area));
            }
            let page = world.gateways[gateway].inbox(&code, INBOX_AT_ONCE);
            let page = page.into_iter().map(|entry| (entry.number, entry.bytes));
            reply(world, gateway, thing, Cargo::Inbox(page.collect()));
        }
        Cargo::Acknowledge(up_to) => world.gateways[gateway].acknowledge(&code, up_to),
        Cargo::Inbox(..) => {}
    }
}

/// What time it is, signed.
fn beacon(world: &World, gateway: usize) -> Vec<u8> {
    let office = &world.house.offices[gateway];
    let fields = [
        (1, Item::Bytes(office.code.as_bytes().to_vec())),
        (2, Item::Int(i64::from(world.now().0))),
    ];
    let beacon = Paper::draft("beacon", &fields).signed(&office.key);
    Letter::new(BEACON, &[beacon.bytes()]).bytes()
}

/// Says what it is about, where that can be read.
pub(super) fn refusal(status: protocol::Status, message: &[u8]) -> Vec<u8> {
    let mut out = [0; 32];
    let about = Letter::read(message).and_then(|letter| {
        let paper = letter.payment().or_else(|| letter.paper(0, "renewal"))?;
        Some(paper.id().reference())
    });
    let len = Message::refusal(status, about).write(&mut out).unwrap();
    out[..len].to_vec()
}

fn reply(world: &mut World, gateway: usize, thing: usize, cargo: Cargo) {
    world.send(Party::Gateway(gateway), Party::Thing(thing), cargo);
}

/// After the commit and before the answer is out, the gateway may fall down.
fn falls(world: &mut World, gateway: usize) -> bool {
    let falls = !world.calm && world.chance.per_mille(world.scenario.gateway_falls);
    if falls {
        world.gateways[gateway].down();
        world.tally.gateway_falls += 1;
        world.note(format!("g{gateway} falls down with the answer"));
        let in_ms = world.chance.between(1_000, 600_000);
        world.schedule.plan(in_ms, Happening::GatewayUp(gateway));
    }
    falls
}

/// The gateway decides, the model follows, and some messages are handed in again.
pub(crate) fn decide(
    world: &mut World,
    gateway: usize,
    by: Option<Code>,
    message: &[u8],
) -> Answer {
    let answer = decide_once(world, gateway, by, message);
    if world.broken.is_none() && world.chance.per_mille(world.scenario.again) {
        world.tally.again += 1;
        let again = decide_once(world, gateway, by, message);
        if again != answer {
            let words = [&answer, &again].map(|a| match a {
                Ok(bytes) => format!("{} bytes", bytes.len()),
                Err(status) => status.word().to_owned(),
            });
            world.fail(
                "redelivering a message changes nothing",
                format!("first {}, then {}", words[0], words[1]),
            );
        }
    }
    answer
}

fn decide_once(world: &mut World, gateway: usize, by: Option<Code>, message: &[u8]) -> Answer {
    let now = world.now();
    world.read_ink();
    looks_at_payers(world, gateway, message);
    let mut answer = match sabotage::swallows(world, message) {
        true => Ok(Vec::new()),
        false => world.gateways[gateway].handle(by, message),
    };
    sabotage::strike(world, gateway, message, &mut answer);
    world.tally.handed_in += 1;
    if let Err(status) = &answer {
        world.tally.refused(status.word());
    }
    let gave_up = Letter::read(message).is_some_and(|l| matches!(l.kind, VOID | CLOSING));
    world.tally.given_up += u64::from(gave_up && answer.is_ok());
    world.tally.waited += u64::from(waits(&answer));
    log_decision(world, &format!("g{gateway}"), by, message, &answer);
    claimed(world, by, message);
    if let Err(surprise) = world.model.handed_in(by, message, &answer, now) {
        world.fail("the books say what was signed", surprise);
    }
    invariants::after_decision(world, gateway, message);
    answer
}

/// Where a reserve was set free early, the payer's free money is all that is left.
fn looks_at_payers(world: &mut World, gateway: usize, message: &[u8]) {
    let Some(letter) = Letter::read(message) else {
        return;
    };
    let pieces = world.model.pieces(&letter).unwrap_or_default();
    let covers = pieces.iter().filter_map(|piece| {
        let cover = world.model.signed.payments.get(&piece.payment)?;
        Some(cover.clone())
    });
    let paper = letter.payment();
    let payment = paper.and_then(|paper| Payment::read(&paper));
    let shown = covers.chain(payment);
    let freed: Vec<_> = shown.filter(|p| world.model.is_freed(p)).collect();
    for p in freed {
        let held = world.gateways[gateway].holdings(&p.payer);
        let held = held.iter().find(|held| held.0 == p.currency);
        let free = held.map_or(0, |held| held.1);
        world.model.free.insert((p.payer, p.currency), free);
    }
}

fn waits(answer: &Answer) -> bool {
    let letter = Letter::read(answer.as_deref().unwrap_or_default());
    let outcome = letter.and_then(|letter| letter.paper(0, "statement")?.int(4));
    outcome == Some(Fate::Waiting.outcome())
}

/// An honest payee has claimed what it took.
fn claimed(world: &mut World, by: Option<Code>, message: &[u8]) {
    let now = world.now();
    let payment = Letter::read(message)
        .filter(|letter| matches!(letter.kind, CLAIM | STREAM_CLAIM | COVERED))
        .and_then(|letter| Some(letter.payment()?.id()));
    let claimant = world.things.iter().position(|thing| Some(thing.code) == by);
    if let (Some(payment), Some(thing)) = (payment, claimant)
        && let Some(acceptance) = world.accepted.get_mut(&(thing, payment))
    {
        acceptance.claimed.get_or_insert(now);
    }
}

pub(crate) fn log_decision(
    world: &mut World,
    gateway: &str,
    by: Option<Code>,
    message: &[u8],
    answer: &Answer,
) {
    let who = world.things.iter().find(|thing| Some(thing.code) == by);
    let who = who.map_or_else(|| "somebody".into(), |thing| thing.name());
    let letter = Letter::read(message);
    let word = letter.as_ref().map_or("garbage", Letter::word);
    let about = letter.as_ref().and_then(|letter| letter.payment());
    let about = about.map_or_else(String::new, |paper| format!(" {}", short(&paper.id())));
    let heard = match answer {
        Ok(bytes) => Letter::read(bytes).map_or_else(
            || "nothing".to_owned(),
            |letter| match letter.paper(0, "statement").and_then(|s| s.int(4)) {
                Some(outcome) if letter.kind == STATEMENT => outcome_word(outcome).to_owned(),
                _ => letter.word().to_owned(),
            },
        ),
        Err(status) => status.word().to_owned(),
    };
    world.note(format!("{who} -> {gateway}: {word}{about} -> {heard}"));
}

fn outcome_word(outcome: u64) -> &'static str {
    let status = u8::try_from(outcome)
        .ok()
        .and_then(protocol::Status::from_number);
    status.map_or("?", protocol::Status::word)
}

/// The first bytes of an identifier, for the log.
pub(crate) fn short(id: &Digest) -> String {
    id.0[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives overdue money back, and the model does the same.
pub(crate) fn sweeps(world: &mut World, gateway: usize) {
    if !world.gateways[gateway].is_up() {
        return;
    }
    let now = world.now();
    let mut returned = 0;
    let turns = match world.scenario.sabotage {
        Some(sabotage::Sabotage::Procrastinates) => 0,
        _ => TURNS_MOST,
    };
    for _ in 0..turns {
        let turn = world.gateways[gateway].return_overdue(now);
        returned += turn;
        if turn == 0 {
            break;
        }
    }
    match world.model.overdue(now) {
        // What waited for covers may be counted with what went back.
        Ok((back, ended)) if returned == back || returned == back + ended => {}
        Ok(expected) => world.fail(
            "after its deadline and grace nothing is pending",
            format!("{returned} payments went back, expected {expected:?}"),
        ),
        Err(surprise) => world.fail("the books say what was signed", surprise),
    }
    if turns > 0 {
        world.model.move_on(now);
    }
    if returned > 0 {
        world.note(format!("g{gateway} gives back {returned} payments"));
        invariants::all_balances(world);
    }
}
