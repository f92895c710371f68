//! About devices that ask for a code: accepted or rejected.

use super::codes::{issue, reason};
use crate::desk::DeskOrder;
use crate::door::Actor;
use crate::language::say;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::bounds::NAME_BYTES_MOST;
use ledger::diary::{AskerRow, Standing, Verdict};
use protocol::{Code, Digest, Kind};

const NOBODY: Refusal = Refusal::NotFound(say(
    "Nobody waits with that request: it was decided before, or the device has not asked for a week.",
));

/// What accepted devices are.
pub struct Terms {
    /// What their codes name.
    pub kind: Kind,
    /// What people call them; devices accepted together are counted.
    pub name: String,
    /// What sort of product they are.
    pub product: String,
}

impl Terms {
    /// Checks what somebody wrote.
    pub fn read(kind: Kind, name: &str, product: &str) -> Result<Self, Refusal> {
        let (name, product) = (name.trim(), product.trim());
        // Room for a number behind the name.
        let most = NAME_BYTES_MOST - 8;
        let printable = |text: &str| text.len() <= most && !text.chars().any(char::is_control);
        if name.is_empty() || !printable(name) || !printable(product) {
            let sentence = say(
                "Give a name that people will find it by: names and products have up to {bytes} bytes and no control characters.",
            );
            let sentence = sentence.put("bytes", most);
            return Err(Refusal::Unfit(sentence));
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
            product: product.to_owned(),
        })
    }
}

async fn who(portal: &Portal, id: &Digest) -> Result<AskerRow, Refusal> {
    portal.diary.asker(id).await?.ok_or(NOBODY)
}

/// Accepts a device: it has its code at once, and gets it when it asks again. The same again gives
/// the same code.
pub async fn accept(
    portal: &Portal,
    actor: &Actor,
    id: &Digest,
    terms: &Terms,
    name: String,
) -> Result<Code, Refusal> {
    let row = who(portal, id).await?;
    if let Standing::Accepted(code) = row.standing {
        return Ok(code);
    }
    let order = DeskOrder {
        request: row.asker.request,
        kind: terms.kind,
        name,
        product: terms.product.clone(),
        by: actor.name.clone(),
    };
    let code = issue(portal, actor, order).await?;
    // A crash before this: it still waits, and whoever accepts it gets the same code.
    let verdict = Verdict::Accepted(code);
    let decided = portal.diary.decide(id, &verdict, &actor.name, actor.now);
    decided.await?;
    let about = format!("{} is {code}", row.asker.fingerprint);
    let act = actor.act("pending device accepted", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(code)
}

/// Rejects a device; it is told why when it asks again.
pub async fn reject(
    portal: &Portal,
    actor: &Actor,
    id: &Digest,
    reason_given: &str,
) -> Result<(), Refusal> {
    let why = reason(reason_given)?;
    let row = who(portal, id).await?;
    let verdict = Verdict::Rejected(why.to_owned());
    let decided = portal.diary.decide(id, &verdict, &actor.name, actor.now);
    if !decided.await? {
        return Err(NOBODY);
    }
    let about = format!("{}: {why}", row.asker.fingerprint);
    let act = actor.act("pending device rejected", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(())
}
