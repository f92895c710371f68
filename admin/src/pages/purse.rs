//! One purse: what it holds and what could be lost by it.

use super::frame::{Frame, page};
use super::parts::{Names, Party, exponents, read_code};
use super::statement::StatementForm;
use crate::door::Visitor;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::MOVES_MONEY;
use crate::show;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ledger::views::PurseView;

struct View {
    unit: String,
    free: String,
    reserved: String,
    incoming: String,
    odometer: String,
    limit: String,
    exposed: String,
    payees: u64,
    exposure: Say,
    expires: Option<String>,
    key_epoch: u32,
}

#[derive(Template)]
#[template(path = "purse.html")]
struct Purse {
    frame: Frame,
    moves_money: bool,
    party: Party,
    views: Vec<View>,
    statement: StatementForm,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    if portal.ledger.thing(&code).await?.is_none() {
        return Err(Refusal::NotFound(say("No such code is registered here.")));
    }
    let exponents = exponents(&portal.ledger).await?;
    let view = |view: &PurseView| {
        let money = |minor: u64| exponents.money(minor, &view.row.currency);
        View {
            unit: view.row.currency.name().to_owned(),
            free: money(view.row.free.get()),
            reserved: money(view.row.reserved.get()),
            incoming: money(view.incoming.get()),
            odometer: money(view.odometer.get()),
            limit: money(view.limit.get()),
            exposed: money(view.exposed.get()),
            payees: view.payees,
            exposure: match view.exposure {
                Some(exposure) => Say::plain(money(exposure.get())),
                None => say("more than there can be"),
            },
            expires: (view.expires.0 > 0).then(|| show::time(view.expires)),
            key_epoch: view.key_epoch.0,
        }
    };
    let views = portal.ledger.purse(&code).await?.iter().map(view).collect();
    let names = Names::of(&portal.ledger, vec![code]).await?;
    let frame = Frame::new(&portal, Some(&visitor), "/money");
    let rows = portal.ledger.currencies().await?;
    page(
        &visitor.reader,
        &Purse {
            statement: StatementForm::new(
                format!("/purses/{code}/statement"),
                say("Statement"),
                &rows,
            ),
            moves_money: frame.may(MOVES_MONEY),
            frame,
            party: names.party(code),
            views,
        },
    )
}
