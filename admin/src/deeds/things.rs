//! About what a thing is told: what it shall become, and commands.

use crate::door::Actor;
use crate::language::say;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::things_desk::Untold;
use ledger::diary::{COMMAND_BYTES_MAX, Desired};
use protocol::Code;

const NO_ROOM: Refusal = Refusal::Busy(say(
    "There is no room for it: too much is kept of this thing, or of all. Take something away.",
));

fn unfit(untold: Untold) -> Refusal {
    match untold {
        Untold::TooLarge => Refusal::TooLarge,
        Untold::Full => NO_ROOM,
    }
}

/// What somebody wants to tell a thing that is still in use.
async fn fits(
    portal: &Portal,
    code: &Code,
    payload: &str,
    may_be_empty: bool,
) -> Result<(), Refusal> {
    let thing = portal.ledger.thing(code).await?;
    let thing = thing.ok_or(Refusal::NotFound(say("No such code is registered here.")))?;
    if thing.state.is_over() {
        return Err(Refusal::Unfit(say(
            "Its life is over, and it hears nothing any more.",
        )));
    }
    let fits = payload.len() <= COMMAND_BYTES_MAX && (may_be_empty || !payload.is_empty());
    match fits {
        true => Ok(()),
        false => Err(Refusal::Unfit(
            say("Write what it shall be told, in up to {bytes} bytes.")
                .put("bytes", COMMAND_BYTES_MAX),
        )),
    }
}

/// Says what a thing shall become. Empty takes that back.
pub async fn set_desired(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    payload: &str,
) -> Result<(), Refusal> {
    let payload = payload.trim();
    fits(portal, code, payload, true).await?;
    let desired = Desired {
        code: *code,
        payload: payload.as_bytes().to_vec(),
        by: actor.name.clone(),
        at: actor.now,
    };
    // Kept first: a crash here, and the tree reads it when it begins.
    if !portal.diary.set_desired(&desired).await? {
        return Err(NO_ROOM);
    }
    let told = portal.things.set_desired(*code, desired.payload).await;
    let about = format!("{code}: {}", brief(payload));
    let act = actor.act("desired twin set", &about);
    portal.people.record(&act, actor.now).await?;
    told.map_err(unfit)
}

/// Tells a thing to do something; gives the number of the command.
pub async fn command(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    payload: &str,
) -> Result<i64, Refusal> {
    let payload = payload.trim();
    fits(portal, code, payload, false).await?;
    let (by, now) = (actor.name.as_str(), actor.now);
    let number = portal.diary.begin_command(code, payload, by, now).await?;
    let about = format!("{code} command {number}: {}", brief(payload));
    let act = actor.act("command given", &about);
    portal.people.record(&act, now).await?;
    let bytes = payload.as_bytes().to_vec();
    let told = portal.things.command(*code, number, bytes).await;
    told.map_err(unfit)?;
    // A crash before this: the command went out and is shown as one that may not have.
    portal.diary.command_sent(number, now).await?;
    Ok(number)
}

/// As much of it as the audit trail keeps.
fn brief(payload: &str) -> String {
    const CHARS: usize = 80;
    match payload.chars().count() {
        0 => "nothing".to_owned(),
        1..=CHARS => payload.to_owned(),
        _ => payload.chars().take(CHARS).chain(['\u{2026}']).collect(),
    }
}
