//! Commands for things that poll or observe: `oc/1/<code>/c` gives what the thing was told and has
//! not answered yet, as the portal remembers it. MQTT has each command on a topic of its own, which
//! nobody can watch here without its number. A result (`oc/1/<code>/r/<number>`) takes its command
//! off the list, so that one that was lost on the way is found again, also after a restart.

use super::inbox_page;
use super::limits::COMMANDS_PAGE_BYTES;
use super::request::{Request, Response};
use super::resource::Answer;
use crate::tree::{Caller, Leaf, Tree, Watch};
use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use ledger::diary::{COMMANDS_PER_CODE, Diary};
use protocol::Code;

/// The caller's own commands; `?after=N` leaves out those up to N.
pub(super) async fn answer(
    tree: &Tree,
    diary: &Diary,
    caller: &Caller,
    request: &Request,
) -> Answer {
    let after = match request.query_value("after").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => return Response::bare(ResponseType::BadRequest).into(),
    };
    // Watched first, so that nothing falls between the list and what comes.
    let watch = match request.observe {
        true => tree.watch(caller, caller.code).await.ok(),
        false => None,
    };
    let response = page(diary, &caller.code, after).await;
    let changes = watch.map(|watch| changes(watch, diary.clone(), caller.code, after));
    Answer { response, changes }
}

fn changes(watch: Watch, diary: Diary, me: Code, after: u64) -> BoxStream<'static, Response> {
    let pages = stream::unfold((watch, diary), move |(mut watch, diary)| async move {
        loop {
            let event = watch.next().await?;
            if matches!(event.topic.leaf, Leaf::Command(_)) {
                let mut page = page(&diary, &me, after).await;
                page.reliable = true;
                return Some((page, (watch, diary)));
            }
        }
    });
    pages.boxed()
}

/// `[number, command]` of each that waits, in order.
async fn page(diary: &Diary, me: &Code, after: u64) -> Response {
    let known = match diary.commands(me, COMMANDS_PER_CODE).await {
        Ok(known) => known,
        Err(error) => {
            tracing::error!(%error, "the commands of a thing cannot be read");
            return Response::bare(ResponseType::InternalServerError);
        }
    };
    let waiting = known.into_iter().rev().filter(|it| it.result.is_none());
    let waiting = waiting.filter_map(|it| {
        let number = u64::try_from(it.number).ok()?;
        (number > after).then(|| (number, Bytes::from(it.payload)))
    });
    let waiting: Vec<(u64, Bytes)> = waiting.collect();
    let page = inbox_page::page(&waiting, COMMANDS_PAGE_BYTES);
    Response::with(ResponseType::Content, wire::CBOR, page.into())
}
