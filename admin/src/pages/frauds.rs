//! Fraud cases and their proofs.

use super::frame::{Frame, page};
use super::parts::{After, Names, Party, Pill, attachment, exponents, fate};
use crate::door::Visitor;
use crate::language::{Say, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::FraudId;
use ledger::views::{AccusationRow, ClaimRow, Cursor, FraudSummary, Page};
use protocol::rules::Contradiction;

/// Accusations and claims on the page, the newest of each.
const NEWEST: u32 = 50;

struct Line {
    case: FraudSummary,
    party: Party,
}

impl Line {
    const fn how(&self) -> Say {
        how(self.case.how)
    }
}

/// How two payments contradict each other.
pub const fn how(how: Contradiction) -> Say {
    match how {
        Contradiction::SameSequence => say("two payments under one number"),
        Contradiction::Overlap => say("the later one begins below the end of the earlier one"),
    }
}

struct Accused {
    case: AccusationRow,
    party: Party,
}

struct Claim {
    row: ClaimRow,
    amount: String,
    missing: String,
    unit: String,
    pill: Pill,
    payee: Party,
    claimed: Option<String>,
    given: Option<String>,
}

#[derive(Template)]
#[template(path = "frauds.html")]
struct Frauds {
    frame: Frame,
    lines: Vec<Line>,
    accused: Vec<Accused>,
    claims: Vec<Claim>,
    next: Option<Cursor>,
}

/// The list.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(after): Query<After>,
) -> Result<Response, Refusal> {
    let listing = portal.ledger.fraud_cases(&after.page()).await?;
    let accused = portal
        .ledger
        .accusation_cases(&Page::first(NEWEST))
        .await?
        .rows;
    let claims = portal.ledger.claims(&Page::first(NEWEST)).await?.rows;
    let mut codes: Vec<_> = listing.rows.iter().map(|case| case.code).collect();
    codes.extend(accused.iter().map(|case| case.code));
    codes.extend(claims.iter().map(|claim| claim.payee));
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |case: FraudSummary| Line {
        party: names.party(case.code),
        case,
    };
    let exponents = exponents(&portal.ledger).await?;
    let mut shown = Vec::with_capacity(claims.len());
    for row in claims {
        let money = |minor: u64| exponents.money(minor, &row.currency);
        let decided = portal.ledger.decisions(&row.payment).await?;
        let given = decided.first().and_then(|decided| decided.given.sum());
        shown.push(Claim {
            amount: money(row.amount.get()),
            missing: money(row.missing.get()),
            unit: row.currency.name().to_owned(),
            pill: fate(row.fate),
            payee: names.party(row.payee),
            claimed: row.claimed.map(show::time),
            given: given.map(|given| money(given.get())),
            row,
        });
    }
    page(
        &visitor.reader,
        &Frauds {
            claims: shown,
            accused: accused
                .into_iter()
                .map(|case| Accused {
                    party: names.party(case.code),
                    case,
                })
                .collect(),
            frame: Frame::new(&portal, Some(&visitor), "/frauds"),
            lines: listing.rows.into_iter().map(line).collect(),
            next: listing.next,
        },
    )
}

/// The proof of one case, to be judged anywhere.
pub async fn proof(
    State(portal): State<Shared>,
    Path(number): Path<String>,
) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| NO_CASE)?;
    fraud_file(&portal, number).await
}

/// The proof of an accusation, to be judged anywhere.
pub async fn accusation(
    State(portal): State<Shared>,
    Path(number): Path<String>,
) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| NO_ACCUSATION)?;
    accusation_file(&portal, number).await
}

/// There is none with this number.
pub const NO_CASE: Refusal = Refusal::NotFound(say("There is no such fraud case."));
const NO_ACCUSATION: Refusal = Refusal::NotFound(say("There is no such accusation."));

/// The proof of a fraud case as a file.
pub async fn fraud_file(portal: &Portal, number: i64) -> Result<Response, Refusal> {
    let proof = portal.ledger.fraud_proof(FraudId(number)).await?;
    let proof = proof.ok_or(NO_CASE)?;
    let name = format!("fraud-{number}.cbor");
    Ok(attachment("application/cbor", &name, proof))
}

/// The proof of an accusation as a file.
pub async fn accusation_file(portal: &Portal, number: i64) -> Result<Response, Refusal> {
    let proof = portal.ledger.accusation_proof(number).await?;
    let proof = proof.ok_or(NO_ACCUSATION)?;
    let name = format!("accusation-{number}.cbor");
    Ok(attachment("application/cbor", &name, proof))
}
