//! One fraud case: the two payments side by side, and the proof.

use super::frame::{Frame, page};
use super::frauds::{NO_CASE, how};
use super::parts::{Names, Party, Pill, exponents, fate};
use super::payment::objects;
use crate::door::Visitor;
use crate::evidence::{Check, Exponents, Opened, Opener};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ledger::FraudId;
use ledger::views::{FraudSummary, PaymentRow};
use protocol::Digest;

/// One of the two payments.
struct Side {
    title: Say,
    row: PaymentRow,
    fate: Pill,
    amount: String,
    /// The readings it takes up.
    begin: String,
    end: String,
    payee: Party,
    objects: Vec<Opened>,
}

#[derive(Template)]
#[template(path = "fraud.html")]
struct Fraud {
    frame: Frame,
    case: FraudSummary,
    how: Say,
    party: Party,
    sides: Vec<Side>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| NO_CASE)?;
    let case = portal.ledger.fraud_case(FraudId(number)).await?;
    let case = case.ok_or(NO_CASE)?;
    let exponents = exponents(&portal.ledger).await?;
    let mut sides = Vec::with_capacity(2);
    for (title, id) in [
        (say("Stands"), &case.stands),
        (say("Moved no money"), &case.claim),
    ] {
        sides.extend(side(&portal, &exponents, title, id).await?);
    }
    let names = Names::of(&portal.ledger, vec![case.code]).await?;
    page(
        &visitor.reader,
        &Fraud {
            frame: Frame::new(&portal, Some(&visitor), "/frauds"),
            how: how(case.how),
            party: names.party(case.code),
            case,
            sides,
        },
    )
}

async fn side(
    portal: &Portal,
    exponents: &Exponents,
    title: Say,
    id: &Digest,
) -> Result<Option<Side>, Refusal> {
    let Some(detail) = portal.ledger.payment(id).await? else {
        return Ok(None);
    };
    let network = &portal.network;
    let opener = Opener { network, exponents };
    let mut objects = objects(portal, &opener, &detail).await?;
    objects.retain(|object| matches!(object.file, "payment.cbor" | "allowance.cbor"));
    let row = detail.row;
    let names = Names::of(&portal.ledger, vec![row.payee]).await?;
    let money = |minor| exponents.money(minor, &row.currency);
    let end = row.odometer.get();
    Ok(Some(Side {
        title,
        fate: fate(row.fate),
        amount: money(row.amount.get()),
        begin: money(end.saturating_sub(row.amount.get())),
        end: money(end),
        payee: names.party(row.payee),
        objects,
        row,
    }))
}
