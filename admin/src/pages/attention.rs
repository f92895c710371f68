//! What needs somebody's attention, the most urgent first, each with where to look.

use super::frame::Frame;
use crate::desk::AuthorityCard;
use crate::evidence::Exponents;
use crate::pulse::Reading;
use crate::routes::{ISSUES, MOVES_MONEY, SEES_MONEY};
use crate::show;
use protocol::Timestamp;

/// Authorities that end sooner than this need attention.
pub const EXPIRES_SOON_S: u32 = 90 * 86_400;
/// The doors' certificate is renewed by itself long before this.
pub const DOORS_EXPIRE_SOON_S: u32 = 3 * 86_400;
/// More messages than this waiting in inboxes need attention.
const MANY_WAITING: u64 = 1_000;
/// Leaves that are not under a checkpoint after this long need attention.
const UNPUBLISHED_S: u32 = 120;
/// A witness that is behind for this long needs attention.
const WITNESS_BEHIND_S: u32 = 3_600;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Class of the style sheet.
    pub class: &'static str,
    /// What it is about.
    pub word: &'static str,
    /// What is the matter.
    pub sentence: String,
    /// Where to look.
    pub path: &'static str,
    /// What that is called.
    pub link: &'static str,
}

/// What is known of the house besides the reading.
pub struct Around<'a> {
    /// Who looks.
    pub frame: &'a Frame,
    /// Root, issuer, gateway.
    pub authorities: &'a [AuthorityCard],
    /// Until when the doors' certificate is good.
    pub doors_end: Option<Timestamp>,
    /// The currencies.
    pub exponents: &'a Exponents,
}

/// All of it.
pub fn attention(reading: &Reading, around: &Around<'_>) -> Vec<Attention> {
    let mut list = Vec::new();
    let mut add = |class, word, sentence, path, link| {
        list.push(Attention {
            class,
            word,
            sentence,
            path,
            link,
        });
    };
    if around.frame.may(SEES_MONEY) {
        of_money(reading, &mut add);
    }
    of_certificates(reading, around, &mut add);
    of_the_log(reading, &mut add);
    let counts = &reading.counts;
    if counts.things_stopped > 0 {
        let sentence = match counts.things_stopped {
            1 => "One code is frozen or revoked.".to_owned(),
            codes => format!("{} codes are frozen or revoked.", show::count(codes)),
        };
        let path = "/codes?state=frozen";
        add("warn", "stopped", sentence, path, "Frozen codes");
    }
    if counts.inbox_entries > MANY_WAITING {
        let sentence = format!(
            "{} messages wait for things to collect them.",
            show::count(counts.inbox_entries)
        );
        add("info", "inboxes", sentence, "/codes", "Codes");
    }
    if counts.things == 0 && around.frame.may(ISSUES) {
        let sentence = "No thing has a code yet.".to_owned();
        add("info", "begin", sentence, "/issue", "Issue the first one");
    }
    if around.exponents.0.is_empty() && around.frame.may(MOVES_MONEY) {
        let sentence = "No currency is declared yet.".to_owned();
        add("info", "begin", sentence, "/money", "Declare one");
    }
    let urgency = |class| ["bad", "warn", "info"].iter().position(|one| *one == class);
    list.sort_by_key(|item| urgency(item.class));
    list
}

type Add<'a> = &'a mut dyn FnMut(&'static str, &'static str, String, &'static str, &'static str);

fn of_money(reading: &Reading, add: Add<'_>) {
    let counts = &reading.counts;
    for c in counts.conservation.iter().filter(|c| !c.holds) {
        let sentence = format!(
            "The books of {} do not add up. Stop the gateway and run its check.",
            c.currency
        );
        add("bad", "books", sentence, "/money", "Money");
    }
    if counts.fraud_cases > 0 {
        let sentence = match counts.fraud_cases {
            1 => "One fraud case, with its proof.".to_owned(),
            cases => format!("{} fraud cases, each with its proof.", show::count(cases)),
        };
        add("bad", "fraud", sentence, "/frauds", "Fraud cases");
    }
    if let Some((due, _)) = reading.due.filter(|(due, _)| *due < reading.at) {
        let sentence = format!(
            "Money waits for its payee since before its deadline at {}; it goes back after the grace.",
            show::time(due)
        );
        add("info", "overdue", sentence, "/payments", "Payments");
    }
}

fn of_certificates(reading: &Reading, around: &Around<'_>, add: Add<'_>) {
    for card in around.authorities {
        if card.not_after < reading.at.plus_s(EXPIRES_SOON_S) {
            let sentence = format!(
                "The certificate of the {} ends {}.",
                card.role,
                show::time(card.not_after)
            );
            add("warn", "expiry", sentence, "/authorities", "Authorities");
        }
    }
    let soon = reading.at.plus_s(DOORS_EXPIRE_SOON_S);
    if let Some(ends) = around.doors_end.filter(|ends| *ends < soon) {
        let sentence = format!(
            "The certificate of the doors ends {} and was not renewed; the log says why.",
            show::time(ends)
        );
        add("bad", "expiry", sentence, "/authorities", "Authorities");
    }
}

fn of_the_log(reading: &Reading, add: Add<'_>) {
    const PATH: &str = "/chain/checkpoint";
    let log = &reading.log;
    let signed = log.signed.unwrap_or(Timestamp(0));
    let waits = log.leaves > log.published;
    if waits && log.signed.is_some() && signed.plus_s(UNPUBLISHED_S) < reading.at {
        let sentence = format!(
            "{} acts are not under a checkpoint of the code chain.",
            show::count(log.leaves.saturating_sub(log.published))
        );
        add("warn", "log", sentence, PATH, "Checkpoint");
    }
    let behind = log.witnesses.iter().filter(|witness| {
        witness.size < log.published && witness.at.plus_s(WITNESS_BEHIND_S) < reading.at
    });
    match behind.count() {
        0 => {}
        1 => {
            let sentence = "A witness has not cosigned for more than an hour.".to_owned();
            add("warn", "witness", sentence, PATH, "Checkpoint");
        }
        many => {
            let sentence = format!("{many} witnesses have not cosigned for more than an hour.");
            add("warn", "witness", sentence, PATH, "Checkpoint");
        }
    }
}
