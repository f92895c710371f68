//! The beginning of the log: the authorities, and what was done before there was one.

use super::{append, credentials, sha256};
use crate::bearings::Bearings;
use crate::bounds::SCAN_STEP;
use crate::store::chain::{acts_of, places_after, size, steps_after, things_after};
use crate::store::{Connection, Result};
use protocol::chain::{Act, ActKind, Named};
use protocol::cose::open;
use protocol::objects::Pass;

/// Acts of an authority that are looked at to find its newest pass.
const PASSES_MOST: u32 = 1024;

/// Writes what is missing at the beginning: nothing, unless the books are new, older than the log,
/// or of a gateway that has got another pass.
pub(crate) async fn begin(connection: &mut Connection, bearings: &Bearings) -> Result<()> {
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut *connection)
        .await?;
    // A crash here: the next opening begins again.
    match write(connection, bearings).await {
        Ok(()) => {
            sqlx::query("COMMIT").execute(connection).await?;
            Ok(())
        }
        Err(error) => {
            sqlx::query("ROLLBACK").execute(connection).await?;
            Err(error)
        }
    }
}

async fn write(connection: &mut Connection, bearings: &Bearings) -> Result<()> {
    let is_new = size(connection).await? == 0;
    for pass in [&bearings.issuer_pass, &bearings.gateway_pass] {
        authority(connection, bearings, pass).await?;
    }
    if is_new {
        things(connection).await?;
        grids(connection).await?;
        steps(connection).await?;
    }
    Ok(())
}

/// An authority is issued with its first pass, and has another key or term with each later one.
async fn authority(connection: &mut Connection, bearings: &Bearings, pass: &[u8]) -> Result<()> {
    let Ok(sealed) = open::<Pass>(pass, &bearings.network) else {
        tracing::warn!("the pass of an authority is not of this network: it is not in the log");
        return Ok(());
    };
    let said = sealed.peek();
    let code = said.subject.0;
    let signed = Some(sha256(pass));
    let before = acts_of(connection, &Named::Thing(code), PASSES_MOST).await?;
    if before.iter().any(|logged| logged.act.signed == signed) {
        return Ok(());
    }
    let kind = match before.is_empty() {
        true => ActKind::Issued,
        false => ActKind::Rekeyed,
    };
    let act = Act {
        signed,
        ..Act::new(kind, code, said.issued)
    };
    append(connection, &act).await.map(drop)
}

async fn things(connection: &mut Connection) -> Result<()> {
    let mut after = 0;
    loop {
        let step = things_after(connection, after, SCAN_STEP).await?;
        let Some(last) = step.last() else {
            return Ok(());
        };
        after = last.sequence;
        for thing in step {
            let at = thing.registered;
            let act = credentials(thing.code, &thing.pass, &thing.certificate, at);
            append(connection, &act).await?;
        }
    }
}

async fn grids(connection: &mut Connection) -> Result<()> {
    let mut after = 0;
    loop {
        let step = places_after(connection, after, SCAN_STEP).await?;
        let Some((last, _)) = step.last() else {
            return Ok(());
        };
        after = *last;
        for (_, grid) in step {
            append(connection, &super::grid_act(&grid)).await?;
        }
    }
}

/// Everything else that the books know of the lives of things.
async fn steps(connection: &mut Connection) -> Result<()> {
    let mut after = 0;
    loop {
        let step = steps_after(connection, after, SCAN_STEP).await?;
        let Some((last, _)) = step.last() else {
            return Ok(());
        };
        after = *last;
        for (_, act) in step {
            if act.kind != ActKind::Issued {
                append(connection, &act).await?;
            }
        }
    }
}
