//! Batches of requests: begun, stopped, gone on with.

use crate::batches::read;
use crate::door::Actor;
use crate::language::say;
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::JobRow;
use protocol::Status;

const NO_BATCH: Refusal = Refusal::NotFound(say("There is no such batch."));

/// Keeps a table of requests as a batch; the same table is the same batch.
pub async fn begin(
    portal: &Portal,
    actor: &Actor,
    title: &str,
    table: &[u8],
) -> Result<JobRow, Refusal> {
    let job = read(table, title.trim(), &actor.name).map_err(Refusal::Unfit)?;
    let count = job.lines.len();
    let row = portal.ledger.begin_job(job, actor.now).await;
    let row = row.map_err(|status| match status {
        Status::Full => Refusal::Busy(say(
            "As many batches are open as there may be; finish one first.",
        )),
        other => other.into(),
    })?;
    let about = format!("batch {}, {count} requests, {title}", row.number);
    let act = actor.act("batch begun", &about);
    portal.people.record(&act, actor.now).await?;
    portal.batches().notify_one();
    Ok(row)
}

/// Stops a batch, or lets it go on.
pub async fn stop(
    portal: &Portal,
    actor: &Actor,
    number: u64,
    stop: bool,
) -> Result<JobRow, Refusal> {
    let row = portal.ledger.stop_job(number, stop).await?;
    let row = row.ok_or(NO_BATCH)?;
    let what = match stop {
        true => "batch stopped",
        false => "batch goes on",
    };
    let about = format!("batch {number}, {} of {}", row.issued, row.lines);
    let act = actor.act(what, &about);
    portal.people.record(&act, actor.now).await?;
    portal.batches().notify_one();
    Ok(row)
}

/// The batch with this number.
pub async fn find(portal: &Portal, number: u64) -> Result<JobRow, Refusal> {
    portal.ledger.job(number).await?.ok_or(NO_BATCH)
}
