//! What must always hold over all books together.

use super::super::authority::network;
use super::{Union, witness};
use ledger::federation::conserved;
use protocol::Status;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Allowance;

/// Money is where it should be in all books together, and nobody honest is accused.
pub(crate) fn look(world: &mut Union) {
    let ledgers: Vec<_> = world.offices.iter().map(|o| o.ledger().clone()).collect();
    let all = world.runtime.block_on(conserved(&ledgers)).unwrap();
    for books in all {
        if !books.holds {
            world.fail("no value is created and none is lost", format!("{books:?}"));
        }
    }
    nobody_honest_is_accused(world);
}

fn nobody_honest_is_accused(world: &mut Union) {
    for office in 0..world.offices.len() {
        let frauds = world.offices[office].frauds().into_iter();
        let mut accused: Vec<_> = frauds
            .map(|case| (case.code, format!("{case:?}")))
            .collect();
        let cases = world.offices[office].accusations();
        accused.extend(
            cases
                .into_iter()
                .map(|(row, _)| (row.code, format!("{row:?}"))),
        );
        for (code, case) in accused {
            let thing = world.thing_of(&code);
            if let Some(thing) = thing.filter(|thing| world.things[*thing].honest) {
                let (name, at) = (world.things[thing].name(), world.offices[office].name());
                world.fail(
                    "an honest thing is never accused",
                    format!("{name} at {at}: {case}"),
                );
            }
        }
    }
}

/// An allowance was given: what it lets a purse spend stands behind it in these books, and nothing
/// that is only promised elsewhere.
pub(crate) fn granted(world: &mut Union, office: usize, grant: &[u8]) {
    let Ok(Message::Grant { allowance }) = Message::read(grant) else {
        return;
    };
    let Ok(allowance) = open::<Allowance>(allowance, &network()) else {
        return world.fail("what a gateway signs can be read", "an allowance");
    };
    let a = *allowance.peek();
    let (_, reserved) = world.offices[office].holds(&a.code, a.currency);
    let opened = a.limit.since(a.base_odometer).map_or(0, |open| open.get());
    if reserved < opened {
        world.fail(
            "provisional credit never enters a limit",
            format!("{} may spend {opened} on {reserved} in the books", a.code),
        );
    }
    witness::granted(world, office, &a);
}

/// An office refused what an honest thing brought: for a reason that honest things meet.
pub(crate) fn refused(world: &mut Union, thing: usize, status: Status) {
    world.tally.refused(status.word());
    let guilty = matches!(
        status,
        Status::Malformed
            | Status::BadSignature
            | Status::Contradiction
            | Status::Frozen
            | Status::OutOfInterval
            | Status::WrongReceipt
            | Status::WrongCover
            | Status::NeedsKey
    );
    if guilty {
        let name = world.things[thing].name();
        world.fail(
            "an honest thing is not refused as a cheat",
            format!("{name}: {status}"),
        );
    }
}
