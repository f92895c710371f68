//! Fraud cases and their proofs.

use super::frame::{Frame, page};
use super::parts::{After, Names, Party};
use super::payment::cbor_file;
use crate::door::Visitor;
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::FraudId;
use ledger::views::{Cursor, FraudSummary};
use protocol::rules::Contradiction;

struct Line {
    case: FraudSummary,
    party: Party,
}

impl Line {
    const fn how(&self) -> &'static str {
        match self.case.how {
            Contradiction::SameSequence => "two payments under one number",
            Contradiction::Overlap => "the later one begins below the end of the earlier one",
        }
    }
}

#[derive(Template)]
#[template(path = "frauds.html")]
struct Frauds {
    frame: Frame,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// The list.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(after): Query<After>,
) -> Result<Response, Refusal> {
    let listing = portal.ledger.fraud_cases(&after.page()).await?;
    let codes = listing.rows.iter().map(|case| case.code).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |case: FraudSummary| Line {
        party: names.party(case.code),
        case,
    };
    page(&Frauds {
        frame: Frame::new(&portal, Some(&visitor), "/frauds"),
        lines: listing.rows.into_iter().map(line).collect(),
        next: listing.next,
    })
}

/// The proof of one case, to be judged anywhere.
pub async fn proof(
    State(portal): State<Shared>,
    Path(number): Path<String>,
) -> Result<Response, Refusal> {
    const UNKNOWN: Refusal = Refusal::NotFound("There is no such fraud case.");
    let number = number.parse().map_err(|_| UNKNOWN)?;
    let proof = portal.ledger.fraud_proof(FraudId(number)).await?;
    let proof = proof.ok_or(UNKNOWN)?;
    Ok(cbor_file(&format!("fraud-{number}.cbor"), proof))
}
