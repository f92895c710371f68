//! What programs call, with a bearer token: everything that the pages do and show. Every call
//! stands in one table, [`table`], with the part of the house it is about and the roles it is for.
//!
//! The files beside this one are of one shape: what a call says, what it is answered, and a handler
//! for each, which takes a [`operation::Call`], what the address says, and what is asked or told.

mod alerts;
mod aliases;
mod batches;
mod books;
mod bulk;
mod claims;
mod codes;
pub mod document;
mod export;
mod frauds;
pub mod keyed;
mod list;
mod loads;
mod manifests;
mod messages;
mod money;
pub mod operation;
mod overview;
pub mod page;
mod payments;
mod pending;
mod people;
mod places;
pub mod problem;
mod readers;
mod refunds;
mod requests;
mod secrets;
mod statements;
mod states;
mod stations;
mod trace;
mod words;

use crate::routes::{
    AUDITS, DECIDES, ISSUES, ISSUES_GRIDS, MOVES_MONEY, OWNS, PLACES, REGISTERS, SEES_MONEY, STAFF,
};
use keyed::Again::{Same, Secret, Twice};
use ledger::people::Part::{
    Alerts, Audit, Codes, Messages, Money, Payments, People, Places, Secrets, Stations,
};
use operation::{Operation, read, write};

/// Where all of it lies.
pub const ROOT: &str = "/api/v1/";

/// The table.
#[rustfmt::skip]
pub fn table() -> Vec<Operation> {
    vec![
        read("/api/v1/codes", Codes, STAFF, "Things, the newest first.", codes::list),
        write("/api/v1/codes", Codes, ISSUES, "Issues a code from a request.", Same, codes::issue),
        read("/api/v1/codes/{code}", Codes, STAFF, "One thing.", codes::show),
        read("/api/v1/codes/{code}/life", Codes, STAFF, "What happened to a code.", codes::life),
        read("/api/v1/codes/{code}/label", Codes, STAFF, "The label of a code.", codes::label),
        write("/api/v1/codes/{code}/state", Codes, DECIDES, "A step in the life of a code.", Same, states::live),
        write("/api/v1/codes/{code}/place", Places, PLACES, "Says where a thing stands.", Same, codes::place),
        write("/api/v1/codes/{code}/area", Places, DECIDES, "Says where the next allowances of a thing are good.", Same, codes::area),
        write("/api/v1/codes/{code}/owner", Codes, REGISTERS, "Says whose a thing is.", Same, codes::owner),
        write("/api/v1/codes/{code}/key", Codes, REGISTERS, "Gives a thing another wallet key.", Same, codes::key),
        write("/api/v1/codes/{code}/recovery", Money, MOVES_MONEY, "The money of a lost thing goes to another code of its owner's.", Same, codes::recover),
        write("/api/v1/aliases", Codes, ISSUES, "Gives a thing a GS1 name, or takes it away.", Same, aliases::set),
        write("/api/v1/secrets", Secrets, ISSUES, "Makes one-time enrolment secrets.", Secret, secrets::make_secrets),
        read("/api/v1/pending", Secrets, ISSUES, "Devices that ask for a code and wait.", pending::list),
        write("/api/v1/pending/{device}/acceptance", Secrets, ISSUES, "Accepts a device: it gets its code when it asks again.", Same, pending::accept),
        write("/api/v1/pending/{device}/rejection", Secrets, ISSUES, "Rejects a device.", Same, pending::reject),

        read("/api/v1/codes/{code}/telemetry", Messages, STAFF, "The newest value of every name a thing measures.", messages::newest),
        read("/api/v1/codes/{code}/telemetry/history", Messages, STAFF, "Values that a thing measured, the newest first.", messages::history),
        read("/api/v1/codes/{code}/twin", Messages, STAFF, "What a thing is, and shall become.", messages::twin),
        write("/api/v1/codes/{code}/twin", Messages, DECIDES, "Says what a thing shall become; empty takes it back.", Same, messages::set_desired),
        read("/api/v1/codes/{code}/commands", Messages, STAFF, "Commands of a thing, the newest first.", messages::commands),
        write("/api/v1/codes/{code}/commands", Messages, DECIDES, "Tells a thing to do something.", Twice, messages::command),

        read("/api/v1/codes/{code}/readers", Messages, STAFF, "Who may read what a thing says, and what it may read of others.", readers::list),
        write("/api/v1/codes/{code}/readers", Messages, DECIDES, "Lets a code read what a thing says, free or at a price for each value.", Same, readers::allow),
        write("/api/v1/codes/{code}/readers/{grant}/end", Messages, DECIDES, "Ends a grant.", Same, readers::end),

        read("/api/v1/overview", Codes, STAFF, "The house at a glance.", overview::now),
        read("/api/v1/overview/minutes", Payments, SEES_MONEY, "The last hours, minute by minute.", overview::minutes),

        read("/api/v1/grids", Places, STAFF, "Grid codes, the newest first.", places::list),
        write("/api/v1/grids", Places, ISSUES_GRIDS, "Issues a grid code.", Same, places::issue),
        read("/api/v1/grids/{grid}", Places, STAFF, "One grid code, with what stands there.", places::show),
        read("/api/v1/areas", Places, STAFF, "All areas.", places::areas),
        write("/api/v1/areas", Places, DECIDES, "Signs and keeps an area.", Same, places::define),
        read("/api/v1/areas/{area}", Places, STAFF, "One area.", places::area),
        read("/api/v1/classes", Places, STAFF, "Where the next allowances of each wallet class are good.", places::classes),
        write("/api/v1/classes/{class}/area", Places, DECIDES, "Says where the next allowances of a wallet class are good.", Same, places::class_area),

        read("/api/v1/stations", Stations, STAFF, "All stations.", stations::list),
        write("/api/v1/stations", Stations, REGISTERS, "Admits a station.", Same, stations::admit),
        read("/api/v1/stations/{station}", Stations, STAFF, "One station.", stations::show),
        read("/api/v1/stations/{station}/grant", Stations, STAFF, "What a station is given.", stations::grant),
        read("/api/v1/orders", Stations, STAFF, "What stations were told to make.", stations::orders),
        write("/api/v1/orders", Stations, ISSUES, "Orders codes from a station.", Twice, stations::give),
        read("/api/v1/orders/{order}", Stations, STAFF, "One order, and how far it is.", stations::order),
        read("/api/v1/orders/{order}/file", Stations, ISSUES, "The signed order, as it goes to the station.", stations::order_file),
        read("/api/v1/orders/{order}/codes", Stations, STAFF, "The codes that came back.", stations::order_codes),
        read("/api/v1/orders/{order}/proofs", Stations, STAFF, "The inclusion proofs of these codes.", stations::order_proofs),
        read("/api/v1/orders/{order}/labels", Stations, ISSUES, "Labels of a batch, a part at a time.", stations::order_labels),
        read("/api/v1/manifests", Stations, STAFF, "What stations brought back.", manifests::list),
        write("/api/v1/manifests", Stations, ISSUES, "Takes a manifest, whole or not at all, once.", Same, manifests::bring),
        read("/api/v1/manifests/reading", Stations, STAFF, "Manifests that are being read, or were since the start.", manifests::reading),

        read("/api/v1/currencies", Money, SEES_MONEY, "All currencies.", money::currencies),
        write("/api/v1/currencies", Money, MOVES_MONEY, "Declares a currency.", Same, money::declare),
        read("/api/v1/purses", Money, SEES_MONEY, "Purses that hold something.", money::purses),
        read("/api/v1/purses/{code}", Money, SEES_MONEY, "What one code holds.", money::purse),
        read("/api/v1/purses/{code}/statement", Money, SEES_MONEY, "The statement of a purse, as CSV or camt.053.", statements::purse),
        read("/api/v1/books/statement", Money, SEES_MONEY, "The statement of the books, as CSV or camt.053.", statements::books),
        read("/api/v1/loads", Money, SEES_MONEY, "Loads and redemptions.", loads::list),
        write("/api/v1/loads", Money, MOVES_MONEY, "Puts money into a purse.", Same, loads::load),
        write("/api/v1/redemptions", Money, MOVES_MONEY, "Takes free money out of a purse.", Same, loads::redeem),
        read("/api/v1/requests", Money, SEES_MONEY, "Loads and redemptions that take two persons.", requests::list),
        write("/api/v1/requests", Money, MOVES_MONEY, "Asks a second person for a load or redemption.", Same, requests::ask),
        read("/api/v1/requests/{number}", Money, SEES_MONEY, "One of them.", requests::show),
        write("/api/v1/requests/{number}/decision", Money, MOVES_MONEY, "Confirms or refuses what somebody else asked for.", Same, requests::decide),
        read("/api/v1/limits", Money, SEES_MONEY, "How much of a currency one person moves alone.", requests::limits),
        write("/api/v1/limits", Money, OWNS, "Says how much of a currency one person moves alone.", Same, requests::limit),
        write("/api/v1/funds", Money, MOVES_MONEY, "Puts money behind forks, or takes it out.", Same, loads::fund),
        read("/api/v1/conservation", Money, SEES_MONEY, "Whether money is conserved, a line a currency.", books::conservation),

        read("/api/v1/payments", Payments, SEES_MONEY, "Payments, the newest first.", payments::list),
        read("/api/v1/payments/summary", Payments, SEES_MONEY, "Counts of payments and of what waits.", books::summary),
        read("/api/v1/payments/{payment}", Payments, SEES_MONEY, "One payment with everything that was signed about it.", payments::show),
        read("/api/v1/payments/{payment}/evidence", Payments, SEES_MONEY, "The evidence of a payment, as anybody hands it in again.", payments::evidence),
        read("/api/v1/refunds", Payments, SEES_MONEY, "Payers who ask for their money back.", refunds::list),
        write("/api/v1/refunds/{number}/answer", Payments, DECIDES, "Says that the money came back, or why it does not.", Same, refunds::answer),
        read("/api/v1/frauds", Payments, SEES_MONEY, "Fraud cases.", frauds::list),
        read("/api/v1/frauds/{number}/proof", Payments, SEES_MONEY, "The proof of a fraud case, to be judged anywhere.", frauds::proof),
        read("/api/v1/accusations", Payments, SEES_MONEY, "Proofs that others brought.", frauds::accusations),
        read("/api/v1/accusations/{number}/proof", Payments, SEES_MONEY, "The proof of an accusation, to be judged anywhere.", frauds::accusation),
        read("/api/v1/claims", Payments, SEES_MONEY, "Payments that a fork left short.", claims::list),
        read("/api/v1/decisions", Payments, SEES_MONEY, "What people decided about claims.", claims::decisions),
        write("/api/v1/decisions", Money, MOVES_MONEY, "Decides a claim: what stands behind the forker is paid out.", Same, claims::decide),
        read("/api/v1/trace/load/{height}", Payments, SEES_MONEY, "Where the coins of a load are now.", trace::load),
        read("/api/v1/trace/purse/{code}", Payments, SEES_MONEY, "Which coins a purse holds, each with its load.", trace::purse),
        read("/api/v1/trace/path/{source}/{first}", Payments, SEES_MONEY, "Every entry that moved these coins.", trace::path),
        read("/api/v1/chain/{code}", Payments, SEES_MONEY, "Whom a purse paid and who paid it.", trace::chain),

        write("/api/v1/bulk/codes", Codes, ISSUES, "Issues a code for each line, a request each.", Same, bulk::codes),
        write("/api/v1/bulk/states", Codes, DECIDES, "A step in the life of a code for each line.", Same, bulk::states),
        write("/api/v1/bulk/places", Places, PLACES, "Says where a thing stands for each line.", Same, bulk::places),
        read("/api/v1/batches", Codes, STAFF, "Batches of requests, the newest first.", batches::list),
        write("/api/v1/batches", Codes, ISSUES, "Issues codes for a table of requests, one by one.", Same, batches::begin),
        read("/api/v1/batches/{number}", Codes, STAFF, "One batch, and how far it is.", batches::show),
        write("/api/v1/batches/{number}/state", Codes, ISSUES, "Stops a batch, or lets it go on.", Same, batches::set_state),
        read("/api/v1/batches/{number}/codes", Codes, STAFF, "What came of every line of a batch.", batches::codes),
        read("/api/v1/export/codes", Codes, STAFF, "All things, a line each.", export::codes),
        read("/api/v1/export/payments", Payments, SEES_MONEY, "All payments, a line each.", export::payments),

        read("/api/v1/alerts/destinations", Alerts, SEES_MONEY, "Where letters about alerts go.", alerts::destinations),
        write("/api/v1/alerts/destinations", Alerts, DECIDES, "Makes a destination; of a webhook the secret is shown once.", Secret, alerts::add_destination),
        write("/api/v1/alerts/destinations/{destination}/removal", Alerts, DECIDES, "Takes a destination away that no rule writes to.", Same, alerts::remove_destination),
        write("/api/v1/alerts/destinations/{destination}/trial", Alerts, DECIDES, "Sends a letter that tries the way there.", Same, alerts::try_destination),
        read("/api/v1/alerts/rules", Alerts, SEES_MONEY, "What is watched, and who is told.", alerts::rules),
        write("/api/v1/alerts/rules", Alerts, DECIDES, "Makes a rule.", Same, alerts::add_rule),
        write("/api/v1/alerts/rules/{rule}/removal", Alerts, DECIDES, "Takes a rule away.", Same, alerts::remove_rule),
        read("/api/v1/alerts/letters", Alerts, SEES_MONEY, "Letters about alerts, the newest first.", alerts::letters),

        read("/api/v1/export/audit", Audit, AUDITS, "The whole audit trail, a line each, the oldest first.", people::trail),
        read("/api/v1/people", People, OWNS, "Everybody who has an account.", people::persons),
        read("/api/v1/tokens", People, OWNS, "Tokens of programs.", people::tokens),
        write("/api/v1/tokens/{token}/revocation", People, OWNS, "Takes a token back.", Same, people::revoke),
        read("/api/v1/audit", Audit, AUDITS, "The audit trail.", people::audit),
        read("/api/v1/audit/check", Audit, AUDITS, "Walks the whole audit trail.", people::check),
    ]
}
