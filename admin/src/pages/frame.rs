//! What surrounds every page.

use crate::assets;
use crate::door::Visitor;
use crate::language::{Language, Reader, Say, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::routes::{AUDITS, ISSUES, OWNS, SEES_MONEY, STAFF};
use crate::scanned;
use crate::show;
use askama::Template;
use axum::http::{StatusCode, header};
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
    /// How they read.
    pub reader: Reader,
    /// By which host they came, where labels name another.
    pub came_by: Option<String>,
    /// The host on labels.
    pub resolver: String,
}

/// One entry of the navigation.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub label: Say,
    /// Whether the page belongs to it.
    pub here: bool,
    /// Whether a line stands before it.
    pub ruled: bool,
}

const ENTRIES: [(&str, Say, bool, Roles); 16] = [
    ("/", say("Overview"), false, STAFF),
    ("/codes", say("Codes"), false, STAFF),
    ("/pending", say("Pending"), false, ISSUES),
    ("/grids", say("Grid codes"), false, STAFF),
    ("/map", say("Map"), false, STAFF),
    ("/areas", say("Areas"), false, STAFF),
    ("/stations", say("Stations"), true, STAFF),
    ("/orders", say("Orders"), false, STAFF),
    ("/manifests", say("Manifests"), false, STAFF),
    ("/payments", say("Payments"), true, SEES_MONEY),
    ("/frauds", say("Fraud cases"), false, SEES_MONEY),
    ("/money", say("Money"), false, SEES_MONEY),
    ("/alerts", say("Alerts"), true, SEES_MONEY),
    ("/people", say("People"), false, OWNS),
    ("/authorities", say("Authorities"), false, STAFF),
    ("/audit", say("Audit trail"), false, AUDITS),
];

impl Frame {
    /// For this visitor.
    pub fn new(portal: &Portal, visitor: Option<&Visitor>, here: &'static str) -> Self {
        let person = visitor.and_then(|visitor| visitor.person.as_ref());
        Self {
            name: person.map(|person| person.name.clone()),
            roles: person.map_or(Roles::NONE, |person| person.roles),
            form_token: visitor.map(|v| v.form_token.clone()).unwrap_or_default(),
            here,
            ..Self::public(
                portal,
                &visitor.map(|v| v.reader.clone()).unwrap_or_default(),
            )
        }
    }

    /// For anybody: nothing of who signed in stands on the page.
    pub fn public(portal: &Portal, reader: &Reader) -> Self {
        Self {
            name: None,
            roles: Roles::NONE,
            form_token: String::new(),
            network: portal.network.as_str().to_owned(),
            here: "",
            came_by: reader
                .host
                .as_deref()
                .and_then(|host| scanned::came_by(host, &portal.resolver))
                .map(str::to_owned),
            resolver: portal.resolver.to_ascii_uppercase(),
            reader: reader.clone(),
        }
    }

    /// In which language the page is.
    pub const fn language(&self) -> Language {
        self.reader.language
    }

    /// The other languages, each with the address that switches to it and comes back here.
    pub fn languages(&self) -> Vec<(Language, String)> {
        let back = self.reader.path.as_deref().unwrap_or(match self.here {
            "" => "/",
            here => here,
        });
        let others = Language::ALL.into_iter();
        let others = others.filter(|language| *language != self.language());
        let switch = |language: Language| {
            let address = format!("/language/{}?back={}", language.tag(), show::escaped(back));
            (language, address)
        };
        others.map(switch).collect()
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

    /// Address of the script that every page has.
    pub fn script(&self) -> String {
        assets::READER.address()
    }
}

/// A template as an answer.
pub fn page(reader: &Reader, template: &impl Template) -> Result<Response, Refusal> {
    page_with(reader, StatusCode::OK, template)
}

/// A template as an answer with another status, such as a form sent back.
pub fn page_with(
    reader: &Reader,
    status: StatusCode,
    template: &impl Template,
) -> Result<Response, Refusal> {
    let language = reader.language;
    let html = template.render_with_values(&language)?;
    let headers = [
        (header::CONTENT_LANGUAGE, language.tag()),
        // Whoever keeps a copy hands it only to who reads the same language and is the same person.
        (header::VARY, "Accept-Language, Cookie"),
    ];
    Ok((status, headers, Html(html)).into_response())
}
