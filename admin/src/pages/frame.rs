//! What surrounds every page.

use crate::assets;
use crate::door::Visitor;
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::routes::{AUDITS, OWNS, SEES_MONEY, STAFF};
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use ledger::people::Roles;

/// Who is looking, and at what.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Who signed in.
    pub name: Option<String>,
    /// What they may do.
    pub roles: Roles,
    /// What every form carries.
    pub form_token: String,
    /// Which network this is.
    pub network: String,
    /// Path of the navigation entry the page belongs to.
    pub here: &'static str,
}

/// One entry of the navigation.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub label: &'static str,
    /// Whether the page belongs to it.
    pub here: bool,
    /// Whether a line stands before it.
    pub ruled: bool,
}

const ENTRIES: [(&str, &str, bool, Roles); 14] = [
    ("/", "Overview", false, STAFF),
    ("/codes", "Codes", false, STAFF),
    ("/grids", "Grid codes", false, STAFF),
    ("/map", "Map", false, STAFF),
    ("/areas", "Areas", false, STAFF),
    ("/stations", "Stations", true, STAFF),
    ("/orders", "Orders", false, STAFF),
    ("/manifests", "Manifests", false, STAFF),
    ("/payments", "Payments", true, SEES_MONEY),
    ("/frauds", "Fraud cases", false, SEES_MONEY),
    ("/money", "Money", false, SEES_MONEY),
    ("/people", "People", true, OWNS),
    ("/authorities", "Authorities", false, STAFF),
    ("/audit", "Audit trail", false, AUDITS),
];

impl Frame {
    /// For this visitor.
    pub fn new(portal: &Portal, visitor: Option<&Visitor>, here: &'static str) -> Self {
        let person = visitor.and_then(|visitor| visitor.person.as_ref());
        Self {
            name: person.map(|person| person.name.clone()),
            roles: person.map_or(Roles::NONE, |person| person.roles),
            form_token: visitor.map(|v| v.form_token.clone()).unwrap_or_default(),
            network: portal.network.as_str().to_owned(),
            here,
        }
    }

    /// Where this visitor may go.
    pub fn entries(&self) -> Vec<Entry> {
        ENTRIES
            .into_iter()
            .filter(|(.., roles)| self.roles.meets(*roles))
            .map(|(path, label, ruled, _)| Entry {
                path,
                label,
                ruled,
                here: path == self.here,
            })
            .collect()
    }

    /// Whether this visitor has one of these roles.
    pub fn may(&self, roles: Roles) -> bool {
        self.roles.meets(roles)
    }

    /// Address of the style sheet.
    pub fn style(&self) -> String {
        assets::STYLE.address()
    }
}

/// A template as an answer.
pub fn page(template: &impl Template) -> Result<Response, Refusal> {
    page_with(StatusCode::OK, template)
}

/// A template as an answer with another status, such as a form sent back.
pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Refusal> {
    Ok((status, Html(template.render()?)).into_response())
}
