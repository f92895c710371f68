//! The audit trail.

use super::frame::{Frame, page};
use crate::door::Visitor;
use crate::language::{Words as _, below, filters};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::{show, trail};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ledger::people::{AuditCheck, AuditRow};
use serde::Deserialize;

/// Rows on a page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    rows: Vec<AuditRow>,
    check: Option<AuditCheck>,
    older: Option<i64>,
}

#[derive(Deserialize)]
pub struct Cursor {
    before: Option<String>,
    check: Option<String>,
}

/// The whole trail as a file.
pub async fn file(State(portal): State<Shared>) -> Response {
    trail::file(&portal)
}

/// The newest rows, or those before a number; walks the whole chain when asked to.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Refusal> {
    let before = cursor.before.and_then(|text| text.parse().ok());
    let rows = portal.people.audit(before, ROWS).await?;
    let check = match cursor.check {
        Some(_) => Some(portal.people.check_audit().await?),
        None => None,
    };
    let older = rows
        .last()
        .map(|row| row.number)
        .filter(|number| *number > 1);
    page(
        &visitor.reader,
        &Audit {
            frame: Frame::new(&portal, Some(&visitor), "/audit"),
            rows,
            check,
            older,
        },
    )
}
