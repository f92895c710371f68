//! Every route of the portal, each with those it is for. Nothing is reachable that does not stand
//! here, and nothing here is without its guard.

use crate::api::operation::Operation;
use crate::door::{BODY_MAX, UPLOAD_MAX, Who, guard, headers};
use crate::language::say;
use crate::pages::batches as batch_list;
use crate::pages::{
    account, acts, alerts, aliases, area, areas, audit, authorities, batch, code, codes,
    destinations, fraud, frauds, grid, grids, issue, issue_grid, label_check, language, manifests,
    map, messages, money, order, orders, overview, payment, payments, pending, people, public_code,
    public_grid, purse, readers, refunds, requests, second_step, secrets, sign_in, sign_in_code,
    sign_in_provider, statement, station, stations, trace, wallet, welcome,
};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::{api, assets, batches};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler as _;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
use ledger::people::{Role, Roles};
use std::sync::Arc;

/// Whoever works here.
pub const STAFF: Roles = Roles::EVERY;
/// May see money and payments.
pub const SEES_MONEY: Roles =
    Roles::of(&[Role::Owner, Role::Treasurer, Role::Operator, Role::Auditor]);
/// May issue codes from requests.
pub const ISSUES: Roles = Roles::of(&[Role::Owner, Role::Issuer, Role::Factory]);
/// May issue grid codes.
pub const ISSUES_GRIDS: Roles = Roles::of(&[Role::Owner, Role::Issuer]);
/// May say whose a thing is and which key it signs with.
pub const REGISTERS: Roles = Roles::of(&[Role::Owner, Role::Issuer]);
/// May say what stands where.
pub const PLACES: Roles = Roles::of(&[Role::Owner, Role::Issuer, Role::Operator]);
/// May freeze, release and revoke, and say where allowances are good.
pub const DECIDES: Roles = Roles::of(&[Role::Owner, Role::Operator]);
/// May load and redeem, and move a lost thing's money.
pub const MOVES_MONEY: Roles = Roles::of(&[Role::Owner, Role::Treasurer]);
/// May say who may do what.
pub const OWNS: Roles = Roles::of(&[Role::Owner]);
/// May read the audit trail.
pub const AUDITS: Roles = Roles::of(&[Role::Owner, Role::Auditor]);

/// One route.
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// As axum writes it.
    pub path: &'static str,
    /// For whom.
    pub who: Who,
    handler: MethodRouter<Shared>,
}

macro_rules! routes {
    ($($method:ident $verb:ident $path:literal $who:expr => $handler:expr;)*) => {
        fn pages() -> Vec<Route> {
            vec![$(Route {
                method: Method::$method,
                path: $path,
                who: $who,
                handler: $verb($handler),
            },)*]
        }
    };
}

/// The table: the pages, and what programs call.
pub fn table() -> Vec<Route> {
    let call = |operation: Operation| Route {
        method: operation.method,
        path: operation.path,
        who: operation.who,
        handler: operation.handler,
    };
    let mut table = pages();
    table.extend(api::table().into_iter().map(call));
    table
}

use Who::{Everybody, Own, People, Strangers, Uploads};

routes! {
    GET  get  "/assets/style.css"             Everybody => assets::style;
    GET  get  "/assets/proof.js"              Everybody => assets::proof;
    GET  get  "/assets/map.js"                Everybody => assets::map;
    GET  get  "/assets/wallet/{name}"         Everybody => assets::wallet;
    GET  get  "/assets/live.js"               Everybody => assets::live;
    GET  get  "/assets/reader.js"             Everybody => assets::reader;
    GET  get  "/assets/outline.txt"           Everybody => assets::outline;
    GET  get  "/assets/icon.svg"              Everybody => assets::icon;

    GET  get  "/1/{code}"                     Strangers => public_code::show;
    GET  get  "/1/{code}/pass"                Everybody => public_code::pass;
    GET  get  "/1/{code}/{face}"              Strangers => public_code::face;
    GET  get  "/g/{grid}"                     Strangers => public_grid::show;
    GET  get  "/G/{grid}"                     Strangers => public_grid::show;
    GET  get  "/g/{grid}/{face}"              Strangers => public_grid::face;
    GET  get  "/G/{grid}/{face}"              Strangers => public_grid::face;

    GET  get  "/01/{gtin}/21/{*serial}"       Strangers => aliases::digital_link;

    GET  get  "/check"                        Strangers => label_check::show;
    GET  get  "/wallet"                       Strangers => wallet::show;

    GET  get  "/sign-in"                      Everybody => sign_in::show;
    POST post "/sign-in"                      Everybody => sign_in::submit;
    GET  get  "/sign-in/code"                 Everybody => sign_in_code::show;
    POST post "/sign-in/code"                 Everybody => sign_in_code::submit;
    GET  get  "/sign-in/provider"             Everybody => sign_in_provider::begin;
    GET  get  "/sign-in/provider/back"        Everybody => sign_in_provider::back;
    GET  get  "/welcome/{link}/provider"      Everybody => sign_in_provider::welcome;
    GET  get  "/language/{tag}"               Everybody => language::choose;
    POST post "/sign-out"                     Own => sign_in::sign_out;
    GET  get  "/welcome/{link}"               Everybody => welcome::show;
    POST post "/welcome/{link}"               Everybody => welcome::submit;

    GET  get  "/account"                      Own => account::show;
    POST post "/account/recovery"             Own => account::renew;
    POST post "/account/remove"               Own => account::remove;
    POST post "/account/second-step"          Own => second_step::offer;
    POST post "/account/second-step/code"     Own => second_step::confirm;

    GET  get  "/"                             People(STAFF) => overview::show;
    GET  get  "/live"                         People(STAFF) => overview::live;
    GET  get  "/codes"                        People(STAFF) => codes::show;
    GET  get  "/codes/{code}"                 People(STAFF) => code::show;
    GET  get  "/codes/{code}/certificate.pem" People(STAFF) => code::certificate;
    GET  get  "/codes/{code}/qr.svg"          People(STAFF) => code::label;
    POST post "/codes/{code}/state"           People(DECIDES) => acts::live;
    POST post "/codes/{code}/place"           People(PLACES) => acts::bind;
    POST post "/codes/{code}/area"            People(DECIDES) => acts::set_area;
    POST post "/codes/{code}/owner"           People(REGISTERS) => acts::set_owner;
    POST post "/codes/{code}/alias"           People(REGISTERS) => aliases::set;
    POST post "/codes/{code}/key"             People(REGISTERS) => acts::replace_key;
    POST post "/codes/{code}/recover"         People(MOVES_MONEY) => acts::recover;
    GET  get  "/codes/{code}/label"           People(STAFF) => code::label_file;
    GET  get  "/codes/{code}/messages"        People(STAFF) => messages::show;
    GET  get  "/codes/{code}/live"            People(STAFF) => messages::live;
    POST post "/codes/{code}/desired"         People(DECIDES) => messages::set_desired;
    POST post "/codes/{code}/command"         People(DECIDES) => messages::command;
    GET  get  "/codes/{code}/readers"         People(STAFF) => readers::show;
    POST post "/codes/{code}/readers"         People(DECIDES) => readers::allow;
    POST post "/codes/{code}/readers/{grant}/end" People(DECIDES) => readers::end;
    GET  get  "/pending"                      People(ISSUES) => pending::show;
    POST post "/pending/accept"               People(ISSUES) => pending::accept;
    POST post "/pending/reject"               People(ISSUES) => pending::reject;
    GET  get  "/stations"                     People(STAFF) => stations::show;
    POST post "/stations"                     Uploads(REGISTERS) => stations::admit;
    GET  get  "/stations/{code}"              People(STAFF) => station::show;
    GET  get  "/stations/{code}/grant.txt"    People(STAFF) => station::grant;
    POST post "/stations/{code}/dismiss"      People(REGISTERS) => station::dismiss;
    GET  get  "/orders"                       People(STAFF) => orders::show;
    POST post "/orders"                       People(ISSUES) => orders::submit;
    GET  get  "/orders/{id}"                  People(STAFF) => order::show;
    GET  get  "/orders/{id}/order.txt"        People(ISSUES) => order::file;
    GET  get  "/orders/{id}/codes.csv"        People(STAFF) => order::codes;
    GET  get  "/orders/{id}/proofs.tar"       People(STAFF) => order::proofs;
    GET  get  "/orders/{id}/labels"           People(ISSUES) => order::labels;
    GET  get  "/manifests"                    People(STAFF) => manifests::show;
    POST post "/manifests"                    Uploads(ISSUES) => manifests::take;
    GET  get  "/authorities"                  People(STAFF) => authorities::show;
    GET  get  "/issue"                        People(ISSUES) => issue::show;
    POST post "/issue"                        People(ISSUES) => issue::submit;
    GET  get  "/codes.csv"                    People(STAFF) => codes::file;
    GET  get  "/batches"                      People(STAFF) => batch_list::show;
    POST post "/batches"                      Uploads(ISSUES) => batch_list::take;
    GET  get  "/batches/{number}"             People(STAFF) => batch::show;
    POST post "/batches/{number}"             People(ISSUES) => batch::set_state;
    GET  get  "/batches/{number}/codes.csv"   People(STAFF) => batch::codes;
    GET  get  "/batches/{number}/labels"      People(ISSUES) => batch::labels;
    GET  get  "/secrets"                      People(ISSUES) => secrets::show;
    POST post "/secrets"                      People(ISSUES) => secrets::submit;
    GET  get  "/trust.toml"                   People(ISSUES) => secrets::trust;
    GET  get  "/grids"                        People(STAFF) => grids::show;
    GET  get  "/map"                          People(STAFF) => map::show;
    GET  get  "/map/places.json"              People(STAFF) => map::places;
    GET  get  "/grids/{grid}"                 People(STAFF) => grid::show;
    GET  get  "/grids/{grid}/qr.svg"          People(STAFF) => grid::label;
    GET  get  "/issue-grid"                   People(ISSUES_GRIDS) => issue_grid::show;
    POST post "/issue-grid"                   People(ISSUES_GRIDS) => issue_grid::submit;
    GET  get  "/areas"                        People(STAFF) => areas::show;
    POST post "/areas"                        People(DECIDES) => areas::define;
    POST post "/areas/class"                  People(DECIDES) => acts::set_class_area;
    GET  get  "/areas/{area}"                 People(STAFF) => area::show;
    GET  get  "/areas/{area}/area.cbor"       People(STAFF) => area::download;
    GET  get  "/payments"                     People(SEES_MONEY) => payments::show;
    GET  get  "/payments/{id}"                People(SEES_MONEY) => payment::show;
    GET  get  "/payments/{id}/{object}"       People(SEES_MONEY) => payment::download;
    GET  get  "/refunds"                      People(SEES_MONEY) => refunds::show;
    POST post "/refunds/{number}"             People(DECIDES) => refunds::answer;
    GET  get  "/frauds"                       People(SEES_MONEY) => frauds::show;
    GET  get  "/frauds/{number}"              People(SEES_MONEY) => fraud::show;
    GET  get  "/frauds/{number}/proof.cbor"   People(SEES_MONEY) => frauds::proof;
    GET  get  "/accusations/{number}/proof.cbor" People(SEES_MONEY) => frauds::accusation;
    GET  get  "/money"                        People(SEES_MONEY) => money::show;
    POST post "/money/load"                   People(MOVES_MONEY) => money::load;
    POST post "/money/redeem"                 People(MOVES_MONEY) => money::redeem;
    POST post "/money/currency"               People(MOVES_MONEY) => money::declare;
    GET  get  "/money/requests"               People(SEES_MONEY) => requests::show;
    POST post "/money/requests/{number}"      People(MOVES_MONEY) => requests::decide;
    POST post "/money/limit"                  People(OWNS) => requests::limit;
    GET  get  "/purses/{code}"                People(SEES_MONEY) => purse::show;
    GET  get  "/purses/{code}/statement"      People(SEES_MONEY) => statement::purse;
    GET  get  "/money/statement"              People(SEES_MONEY) => statement::books;
    GET  get  "/trace/load/{height}"          People(SEES_MONEY) => trace::load;
    GET  get  "/trace/purse/{code}"           People(SEES_MONEY) => trace::purse;
    GET  get  "/alerts"                       People(SEES_MONEY) => alerts::show;
    POST post "/alerts/rules"                 People(DECIDES) => alerts::submit;
    POST post "/alerts/rules/{rule}/remove"   People(DECIDES) => alerts::remove;
    GET  get  "/alerts/destinations"          People(SEES_MONEY) => destinations::show;
    POST post "/alerts/destinations"          People(DECIDES) => destinations::submit;
    POST post "/alerts/destinations/{id}/trial"  People(DECIDES) => destinations::trial;
    POST post "/alerts/destinations/{id}/remove" People(DECIDES) => destinations::remove;
    GET  get  "/people"                       People(OWNS) => people::show;
    POST post "/people/invite"                People(OWNS) => people::invite;
    POST post "/people/change"                People(OWNS) => people::change;
    POST post "/people/token"                 People(OWNS) => people::token;
    POST post "/people/revoke"                People(OWNS) => people::revoke;
    POST post "/people/second-step"           People(OWNS) => people::require;
    POST post "/people/reset"                 People(OWNS) => people::reset;
    GET  get  "/audit"                        People(AUDITS) => audit::show;
    GET  get  "/audit/trail.ndjson"           People(AUDITS) => audit::file;

    GET  get  "/api/v1/"                      Everybody => api::page::show;
    GET  get  "/api/v1/problems"              Everybody => api::page::show;
    GET  get  "/api/v1/openapi.json"          Everybody => api::document::show;
}

/// The portal as a service. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`:
/// throttling and the audit trail need the caller's address.
pub fn router(portal: Portal) -> Router {
    let portal = Arc::new(portal);
    batches::begin(&portal);
    let mut router = Router::new();
    for Route {
        path, who, handler, ..
    } in table()
    {
        let most = match who {
            Who::Uploads(_) => UPLOAD_MAX,
            _ => BODY_MAX,
        };
        let handler = handler.layer(DefaultBodyLimit::max(most));
        let guarded = handler.layer(from_fn_with_state((Arc::clone(&portal), who), guard));
        router = router.route(path, guarded);
    }
    let nowhere = any(|| async { Refusal::NotFound(say("There is nothing under this address.")) })
        .layer(from_fn_with_state((Arc::clone(&portal), Everybody), guard));
    router
        .method_not_allowed_fallback(
            (|| async { Refusal::Method })
                .layer(from_fn_with_state((Arc::clone(&portal), Everybody), guard)),
        )
        .fallback_service(nowhere.with_state(Arc::clone(&portal)))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(Arc::clone(&portal), headers))
        .with_state(portal)
}
