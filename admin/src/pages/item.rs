//! One thing without a key: what it is, where it was made, how it stands, and its proof.

use super::code::{Choice, Link, Step, choices, stands_at, steps};
use super::frame::{Frame, page};
use super::parts::{self, Names, Pill};
use crate::door::Visitor;
use crate::draw::{Qr, code_uri};
use crate::labels::FORMS;
use crate::language::{Say, Words as _, below, filters};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::routes::{DECIDES, PLACES, REGISTERS};
use crate::show;
use askama::Template;
use axum::response::Response;
use ledger::{ItemRow, OrderRow, StationRow};

#[derive(Template)]
#[template(path = "item.html")]
struct ItemPage {
    frame: Frame,
    done: Option<Say>,
    item: ItemRow,
    state: Pill,
    names: Vec<String>,
    registers: bool,
    order: Option<OrderRow>,
    station: Option<StationRow>,
    place: Option<Link>,
    qr: Option<Qr>,
    decides: bool,
    places: bool,
    choices: Vec<Choice>,
    steps: Vec<Step>,
}

/// The page.
pub async fn show(
    portal: &Portal,
    visitor: &Visitor,
    item: ItemRow,
    done: Option<Say>,
) -> Result<Response, Refusal> {
    let order = portal.ledger.order_of(&item.code).await?;
    let station = match &order {
        Some(order) => portal.ledger.station(&order.station).await?,
        None => None,
    };
    let frame = Frame::new(portal, Some(visitor), "/codes");
    let life = portal.ledger.life(&item.code).await?;
    let names = Names::of(&portal.ledger, Vec::new()).await?;
    page(
        &visitor.reader,
        &ItemPage {
            done,
            state: parts::state(item.state),
            qr: Qr::draw(code_uri(&portal.resolver, &item.code)),
            decides: frame.may(DECIDES),
            names: portal.ledger.aliases_of(&item.code).await?,
            registers: frame.may(REGISTERS),
            places: frame.may(PLACES) && !item.state.is_over(),
            choices: choices(item.state),
            place: stands_at(portal, &names, &item.code).await?,
            steps: steps(portal, &names, life).await?,
            order,
            station,
            item,
            frame,
        },
    )
}
