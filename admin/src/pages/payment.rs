//! One payment with everything that was signed about it.

use super::frame::{Frame, page};
use super::parts::{Names, Party, Pill, attachment, exponents, fate};
use super::refunds;
use crate::door::Visitor;
use crate::evidence::{Check, Opened, Opener, plain};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::DECIDES;
use crate::show;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ledger::rules::settle::Fate;
use ledger::views::{PaymentDetail, PaymentRow};
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Payment, Receipt, Statement};
use protocol::{Code, PublicKey, Timestamp};

/// A step on the payment's way.
struct Step {
    sentence: Say,
    time: Option<String>,
}

#[derive(Template)]
#[template(path = "payment.html")]
struct PaymentPage {
    frame: Frame,
    row: PaymentRow,
    fate: Pill,
    amount: String,
    payer: Party,
    payee: Party,
    reference: Option<String>,
    steps: Vec<Step>,
    /// The payment, and what the gateway says became of it.
    signed: Vec<Opened>,
    /// What it was made under, and what the payee answered.
    granted: Vec<Opened>,
    fraud: Option<i64>,
    refund: Option<refunds::Shown>,
    decides: bool,
    /// Whether the payee contradicted its own receipt.
    contrary: bool,
}

/// The payment of an address.
pub async fn find(portal: &Portal, text: &str) -> Result<PaymentDetail, Refusal> {
    const UNKNOWN: Refusal = Refusal::NotFound(say("No such payment was handed in here."));
    let id = show::parse_id(text).ok_or(UNKNOWN)?;
    portal.ledger.payment(&id).await?.ok_or(UNKNOWN)
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let detail = find(&portal, &id).await?;
    let row = detail.row;
    let names = Names::of(&portal.ledger, vec![row.payer, row.payee]).await?;
    let exponents = exponents(&portal.ledger).await?;
    let opener = Opener {
        network: &portal.network,
        exponents: &exponents,
    };
    let payment = open::<Payment>(&detail.payment, &portal.network)
        .ok()
        .map(|p| *p.peek());
    let reference = payment.and_then(|p| plain(p.reference.as_bytes()).map(str::to_owned));
    let (granted, signed) = objects(&portal, &opener, &detail)
        .await?
        .into_iter()
        .partition(|object| {
            matches!(
                object.file,
                "allowance.cbor" | "receipt.cbor" | "contrary-receipt.cbor"
            )
        });
    let frame = Frame::new(&portal, Some(&visitor), "/payments");
    page(
        &visitor.reader,
        &PaymentPage {
            refund: refunds::of_payment(&portal, &row).await?,
            decides: frame.may(DECIDES),
            frame,
            row,
            fate: fate(row.fate),
            amount: exponents.money(row.amount.get(), &row.currency),
            payer: names.party(row.payer),
            payee: names.party(row.payee),
            reference,
            steps: steps(&portal, &detail, payment.as_ref()),
            contrary: detail.contrary_receipt.is_some(),
            signed,
            granted,
            fraud: detail.fraud,
        },
    )
}

/// Everything that was signed about a payment, opened.
pub async fn objects(
    portal: &Portal,
    opener: &Opener<'_>,
    detail: &PaymentDetail,
) -> Result<Vec<Opened>, Refusal> {
    let gateways: Vec<(Code, PublicKey)> = portal
        .desk
        .authorities()
        .into_iter()
        .map(|card| (card.code, card.pass_key))
        .collect();
    // The payment is judged by the key its allowance names, as anybody would who has no registry.
    let wallet_key = open::<Allowance>(&detail.allowance, &portal.network)
        .ok()
        .map(|allowance| allowance.peek().wallet_key);
    let mut objects = vec![
        opener.payment(&detail.payment, wallet_key.as_ref()),
        opener.allowance(&detail.allowance, &gateways),
    ];
    let payee = portal.ledger.thing(&detail.row.payee).await?;
    let payee_key = payee.map(|thing| thing.wallet_key);
    for (file, receipt) in [
        ("receipt.cbor", &detail.receipt),
        ("contrary-receipt.cbor", &detail.contrary_receipt),
    ] {
        if let Some(receipt) = receipt {
            objects.push(opener.receipt(file, receipt, payee_key.as_ref()));
        }
    }
    if let Some(note) = &detail.claim_note {
        objects.push(opener.claim_note(note, &gateways));
    }
    if let Some(statement) = &detail.statement {
        objects.push(opener.statement("statement.cbor", statement, &gateways));
    }
    // What the books hold was well formed when it came in; what is not any more is left out, and
    // the check of the books names it.
    Ok(objects.into_iter().flatten().collect())
}

fn steps(portal: &Portal, detail: &PaymentDetail, payment: Option<&Payment>) -> Vec<Step> {
    let step = |sentence: Say, time: Option<Timestamp>| Step {
        sentence,
        time: time.map(show::time),
    };
    let network = &portal.network;
    let given = open::<Allowance>(&detail.allowance, network).ok();
    let mut steps = vec![
        step(
            say("The gateway gave the payer an allowance"),
            given.map(|a| a.peek().issued),
        ),
        step(say("The payer signed the payment"), None),
    ];
    let receipt = detail.receipt.as_deref();
    if let Some(receipt) = receipt.and_then(|bytes| open::<Receipt>(bytes, network).ok()) {
        let receipt = receipt.peek();
        let sentence = match (receipt.declined, receipt.units) {
            (Some(_), _) => say("The payee declined it, signed"),
            (None, Some(_)) => say("The payee signed how many units it took"),
            (None, None) => say("The payee took it and signed a receipt"),
        };
        steps.push(step(sentence, Some(receipt.time)));
    }
    steps.push(step(
        say("It was handed in here"),
        Some(detail.row.recorded),
    ));
    let statement = detail.statement.as_deref();
    let statement = statement.and_then(|bytes| open::<Statement>(bytes, network).ok());
    let stated = statement.map(|statement| statement.peek().time);
    let reached = detail.row.units.map(|units| {
        let units = show::count(u64::from(units));
        say("The payee has the price of {units} units").put("units", units)
    });
    let reached = reached.map(|sentence| step(sentence, stated));
    match detail.row.fate {
        Fate::Settled => steps.push(
            reached.unwrap_or_else(|| step(say("The payee has the money"), detail.row.settled)),
        ),
        Fate::OpenClaim => {
            steps.push(step(
                say("It contradicts another payment: no money moved"),
                None,
            ));
        }
        Fate::InTransit => {
            steps.extend(reached);
            let until = payment.map(|payment| payment.settle_by);
            steps.push(step(say("Waiting for the payee, who is safe until"), until));
        }
        Fate::Waiting => {
            steps.push(step(
                say("The payee took it; part of it waits for what covers it"),
                stated,
            ));
        }
        Fate::Guaranteed => {
            let sentence =
                say("The payer of it or of a cover forked; the payee has what was decided");
            steps.push(step(sentence, stated));
        }
        Fate::Declined | Fate::Returned => {
            steps.extend(reached);
            let sentence = match detail.row.fate {
                Fate::Declined => say("What the payee did not take is the payer's again"),
                _ => say("Nobody claimed it in time: it is the payer's again"),
            };
            steps.push(step(sentence, stated));
        }
    }
    steps
}

/// One signed object, or the whole evidence as one message.
pub async fn download(
    State(portal): State<Shared>,
    Path((id, object)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    object_file(&portal, &id, &object).await
}

/// One signed object, or the whole evidence, as a file.
pub async fn object_file(portal: &Portal, id: &str, object: &str) -> Result<Response, Refusal> {
    let detail = find(portal, id).await?;
    let bytes = match object {
        "payment.cbor" => Some(detail.payment),
        "allowance.cbor" => Some(detail.allowance),
        "receipt.cbor" => detail.receipt,
        "contrary-receipt.cbor" => detail.contrary_receipt,
        "statement.cbor" => detail.statement,
        "claim-note.cbor" => detail.claim_note,
        "evidence.cbor" => evidence(portal, &detail).await?,
        _ => None,
    };
    let bytes = bytes.ok_or(Refusal::NotFound(say("This payment has no such object.")))?;
    let name = format!("{}-{object}", show::short_id(&detail.row.id));
    Ok(attachment("application/cbor", &name, bytes))
}

/// What anybody needs to hand the payment in again.
async fn evidence(portal: &Portal, detail: &PaymentDetail) -> Result<Option<Vec<u8>>, Refusal> {
    let (allowance, payment) = (&detail.allowance, &detail.payment);
    let receipt = detail.receipt.as_deref();
    let released = match detail.row.units {
        Some(_) => portal.ledger.released(&detail.row.id).await?,
        None => None,
    };
    let message = match (released, receipt) {
        (Some(released), receipt) => Message::StreamClaim {
            allowance,
            payment,
            units: released.units(),
            value: *released.value(),
            receipt,
        },
        (None, None) => Message::Evidence { allowance, payment },
        (None, Some(receipt)) => Message::Claim {
            allowance,
            payment,
            receipt,
        },
    };
    let mut bytes = vec![0; MESSAGE_MAX];
    Ok(message.write(&mut bytes).map(|len| {
        bytes.truncate(len);
        bytes
    }))
}
