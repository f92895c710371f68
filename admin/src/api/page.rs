//! The document of the API for people, and the list of problems: two pages without scripts.

use super::operation::Operation;
use super::problem::{TYPES, Type};
use super::table;
use crate::language::{Reader, filters};
use crate::pages::frame::{Frame, page};
use crate::portal::Shared;
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ledger::people::Part;

/// The calls about one part of the house.
struct Group {
    part: Part,
    calls: Vec<Operation>,
}

#[derive(Template)]
#[template(path = "api.html")]
struct Api {
    frame: Frame,
    groups: Vec<Group>,
    types: &'static [Type],
}

/// Every call, part by part, and every type of problem.
pub async fn show(State(portal): State<Shared>) -> Result<Response, Refusal> {
    let mut groups = Part::ALL.map(|part| Group {
        part,
        calls: Vec::new(),
    });
    for call in table() {
        let (_, scope) = call.told.takes;
        if let Some(group) = groups.iter_mut().find(|group| group.part == scope.part) {
            group.calls.push(call);
        }
    }
    let reader = Reader::default();
    page(
        &reader,
        &Api {
            frame: Frame::public(&portal, &reader),
            groups: groups.into(),
            types: TYPES,
        },
    )
}
