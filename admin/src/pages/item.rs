//! One thing without a key: what it is, where it was made, and its proof.

use super::frame::{Frame, page};
use super::parts::{self, Pill};
use crate::door::Visitor;
use crate::draw::{Qr, code_uri};
use crate::labels::FORMS;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::response::Response;
use ledger::{ItemRow, OrderRow, StationRow};

#[derive(Template)]
#[template(path = "item.html")]
struct ItemPage {
    frame: Frame,
    item: ItemRow,
    state: Pill,
    order: Option<OrderRow>,
    station: Option<StationRow>,
    qr: Option<Qr>,
}

/// The page.
pub async fn show(portal: &Portal, visitor: &Visitor, item: ItemRow) -> Result<Response, Refusal> {
    let order = portal.ledger.order_of(&item.code).await?;
    let station = match &order {
        Some(order) => portal.ledger.station(&order.station).await?,
        None => None,
    };
    page(&ItemPage {
        frame: Frame::new(portal, Some(visitor), "/codes"),
        state: parts::ISSUED,
        qr: Qr::draw(code_uri(&portal.resolver, &item.code)),
        order,
        station,
        item,
    })
}
