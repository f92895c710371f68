//! Who may read what things say, free or at a price.

use crate::door::Actor;
use crate::language::say;
use crate::portal::{Portal, Random};
use crate::refusal::Refusal;
use ledger::grants::{GRANTS_PER_CODE_MAX, Grant, GrantId, Price, Unmade, may_be_granted};
use protocol::Code;

const NO_CODE: Refusal = Refusal::NotFound(say("No such code is registered here."));

/// What somebody may read, as it is wanted.
pub struct ReaderWish {
    /// Whose branch it is.
    pub giver: Code,
    /// Who may read.
    pub reader: Code,
    /// What of it, such as `t/#`.
    pub branch: String,
    /// For how much; free without one.
    pub price: Option<Price>,
}

/// Lets a code read what another one says; the grant. The same again changes nothing.
pub async fn allow(
    portal: &Portal,
    actor: &Actor,
    wish: ReaderWish,
    draw: &Random,
) -> Result<GrantId, Refusal> {
    if !may_be_granted(&wish.branch) {
        return Err(Refusal::Unfit(say(
            "Write t/ or e/ and a name, with # for all of them, or s, or twin/reported: nothing else of a thing is for others.",
        )));
    }
    if wish.giver == wish.reader {
        return Err(Refusal::Unfit(say("A thing reads its own branch anyway.")));
    }
    for code in [&wish.giver, &wish.reader] {
        let thing = portal.ledger.thing(code).await?.ok_or(NO_CODE)?;
        if thing.state.is_over() {
            return Err(Refusal::Unfit(say("The life of that code is over.")));
        }
    }
    if let Some(price) = &wish.price {
        let currencies = portal.ledger.currencies().await?;
        let known = currencies.iter().any(|row| row.currency == price.currency);
        if !known || price.each.get() == 0 {
            return Err(Refusal::Unfit(say(
                "A price is at least one smallest unit of a currency that is known here.",
            )));
        }
    }
    let grant = Grant {
        id: GrantId::draw(draw),
        giver: wish.giver,
        reader: wish.reader,
        branch: wish.branch,
        price: wish.price,
        by: actor.name.clone(),
        made: actor.now,
    };
    let about = format!(
        "{} may read {} of {}",
        grant.reader, grant.branch, grant.giver
    );
    let id = match portal.grants.make(grant.clone()).await {
        Ok(()) => grant.id,
        Err(Unmade::Exists) => return there(portal, &grant),
        Err(Unmade::Full) => {
            return Err(Refusal::Unfit(
                say("A code gives and gets {most} grants at most; end one first.")
                    .put("most", GRANTS_PER_CODE_MAX),
            ));
        }
        Err(Unmade::Store(error)) => return Err(error.into()),
    };
    // A crash before this line: the grant counts, and the trail does not say who made it; the grant
    // itself does.
    let act = actor.act("reader", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(id)
}

/// The grant that is there already, if it says the same.
fn there(portal: &Portal, wanted: &Grant) -> Result<GrantId, Refusal> {
    let given = portal.grants.given(wanted.giver, wanted.reader);
    let same = given.iter().find(|there| there.branch == wanted.branch);
    match same {
        Some(there) if there.price == wanted.price => Ok(there.id),
        _ => Err(Refusal::Unfit(say(
            "That code may read that already, at another price; end that grant first.",
        ))),
    }
}

/// Ends a grant of a thing.
pub async fn end(portal: &Portal, actor: &Actor, giver: Code, id: &GrantId) -> Result<(), Refusal> {
    if !portal.grants.end(giver, id, actor.now).await? {
        return Err(Refusal::NotFound(say(
            "There is no such grant, or it was ended before.",
        )));
    }
    let about = format!("grant {id} of {giver} ended");
    let act = actor.act("reader", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(())
}
