//! What needs somebody's attention, the most urgent first, each with where to look.

use super::frame::Frame;
use crate::desk::AuthorityCard;
use crate::evidence::Exponents;
use crate::language::{Say, below, say};
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
    pub word: Say,
    /// What is the matter.
    pub sentence: Say,
    /// Where to look.
    pub path: &'static str,
    /// What that is called.
    pub link: Say,
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
    /// Devices that ask for a code.
    pub pending: u64,
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
        let sentence = say("One code is frozen or revoked.").or_many(
            "{count} codes are frozen or revoked.",
            counts.things_stopped,
        );
        let path = "/codes?state=frozen";
        add("warn", say("stopped"), sentence, path, say("Frozen codes"));
    }
    if around.pending > 0 && around.frame.may(ISSUES) {
        let sentence = say("One device asks for a code.")
            .or_many("{count} devices ask for a code.", around.pending);
        let link = say("Pending devices");
        add("info", say("pending"), sentence, "/pending", link);
    }
    if counts.inbox_entries > MANY_WAITING {
        let sentence = say("One message waits for a thing to collect it.").or_many(
            "{count} messages wait for things to collect them.",
            counts.inbox_entries,
        );
        add("info", say("inboxes"), sentence, "/codes", say("Codes"));
    }
    if counts.things == 0 && around.frame.may(ISSUES) {
        let sentence = say("No thing has a code yet.");
        add(
            "info",
            say("begin"),
            sentence,
            "/issue",
            say("Issue the first one"),
        );
    }
    if around.exponents.0.is_empty() && around.frame.may(MOVES_MONEY) {
        let sentence = say("No currency is declared yet.");
        add("info", say("begin"), sentence, "/money", say("Declare one"));
    }
    let urgency = |class| ["bad", "warn", "info"].iter().position(|one| *one == class);
    list.sort_by_key(|item| urgency(item.class));
    list
}

type Add<'a> = &'a mut dyn FnMut(&'static str, Say, Say, &'static str, Say);

fn of_money(reading: &Reading, add: Add<'_>) {
    let counts = &reading.counts;
    for c in counts.conservation.iter().filter(|c| !c.holds) {
        let sentence =
            say("The books of {currency} do not add up. Stop the gateway and run its check.")
                .put("currency", c.currency.to_string());
        add("bad", say("books"), sentence, "/money", say("Money"));
    }
    if counts.fraud_cases > 0 {
        let sentence = say("One fraud case, with its proof.").or_many(
            "{count} fraud cases, each with its proof.",
            counts.fraud_cases,
        );
        add("bad", say("fraud"), sentence, "/frauds", say("Fraud cases"));
    }
    if let Some((due, _)) = reading.due.filter(|(due, _)| *due < reading.at) {
        let sentence = say(
            "Money waits for its payee since before its deadline at {time}; it goes back after the grace.",
        )
        .put("time", show::time(due));
        add(
            "info",
            say("overdue"),
            sentence,
            "/payments",
            say("Payments"),
        );
    }
}

fn of_certificates(reading: &Reading, around: &Around<'_>, add: Add<'_>) {
    for card in around.authorities {
        if card.not_after < reading.at.plus_s(EXPIRES_SOON_S) {
            let sentence = say("The certificate of the {role} ends {time}.")
                .put("role", below::authority(card.role))
                .put("time", show::time(card.not_after));
            add(
                "warn",
                say("expiry"),
                sentence,
                "/authorities",
                say("Authorities"),
            );
        }
    }
    let soon = reading.at.plus_s(DOORS_EXPIRE_SOON_S);
    if let Some(ends) = around.doors_end.filter(|ends| *ends < soon) {
        let sentence =
            say("The certificate of the doors ends {time} and was not renewed; the log says why.")
                .put("time", show::time(ends));
        add(
            "bad",
            say("expiry"),
            sentence,
            "/authorities",
            say("Authorities"),
        );
    }
}

fn of_the_log(reading: &Reading, add: Add<'_>) {
    const PATH: &str = "/chain/checkpoint";
    let log = &reading.log;
    let signed = log.signed.unwrap_or(Timestamp(0));
    let waits = log.leaves > log.published;
    if waits && log.signed.is_some() && signed.plus_s(UNPUBLISHED_S) < reading.at {
        let sentence = say("One act is not under a checkpoint of the code chain.").or_many(
            "{count} acts are not under a checkpoint of the code chain.",
            log.leaves.saturating_sub(log.published),
        );
        add("warn", say("log"), sentence, PATH, say("Checkpoint"));
    }
    let behind = log.witnesses.iter().filter(|witness| {
        witness.size < log.published && witness.at.plus_s(WITNESS_BEHIND_S) < reading.at
    });
    let behind = behind.count();
    if behind > 0 {
        let sentence = say("A witness has not cosigned for more than an hour.").or_many(
            "{count} witnesses have not cosigned for more than an hour.",
            behind,
        );
        add("warn", say("witness"), sentence, PATH, say("Checkpoint"));
    }
}
