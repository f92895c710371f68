//! What needs somebody's attention, the most urgent first, each with where to look. The overview
//! shows it, and alerts are about it: there is no second list.

use crate::desk::{AuthorityCard, Disk, IssuingDesk, LiveHouse};
use crate::language::{Say, below, say};
use crate::pulse::Reading;
use crate::routes::{DECIDES, ISSUES, MOVES_MONEY, SEES_MONEY, STAFF};
use crate::show;
use ledger::alerts::{Alerts, Kind};
use ledger::diary::Diary;
use ledger::people::Roles;
use ledger::{Error, Ledger};
use protocol::Timestamp;

const DAY_S: u32 = 86_400;
/// Authorities that end sooner than this need attention.
pub const EXPIRES_SOON_S: u32 = 90 * DAY_S;
/// The doors' certificate is renewed by itself long before this.
pub const DOORS_EXPIRE_SOON_S: u32 = 3 * DAY_S;
/// Ends that come closer than one of these are more urgent than before.
const CLOSER_S: [u32; 4] = [30 * DAY_S, 7 * DAY_S, DAY_S, 0];
/// More messages than this waiting in inboxes need attention.
const MANY_WAITING: u64 = 1_000;
/// Leaves that are not under a checkpoint after this long need attention.
const UNPUBLISHED_S: u32 = 120;
/// A witness that is behind for this long needs attention.
const WITNESS_BEHIND_S: u32 = 3_600;
/// Lists of revoked codes are made anew every hour.
const LISTS_OLD_S: u32 = 2 * 3_600;
/// Less free than this on the disk of the data folder needs attention, and than a quarter of it at
/// once.
const DISK_FREE_BYTES: u64 = 1 << 30;
/// Tries in a row that a destination of alerts did not take before it needs attention.
const TRIES_UNREACHED: u32 = 3;

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
    /// Whom it is shown.
    pub roles: Roles,
    /// What alerts know it as; none for the first steps of a new house.
    pub cause: Option<Cause>,
}

/// What alerts know a line as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Of which kind it is.
    pub kind: Kind,
    /// What tells it from others of its kind; empty where there is but one.
    pub subject: String,
    /// How much of it there is; 1 where that says nothing.
    pub level: u64,
}

impl Attention {
    fn new(
        class: &'static str,
        word: Say,
        sentence: Say,
        (path, link): (&'static str, Say),
    ) -> Self {
        Self {
            class,
            word,
            sentence,
            path,
            link,
            roles: STAFF,
            cause: None,
        }
    }

    fn to(self, roles: Roles) -> Self {
        Self { roles, ..self }
    }

    fn is(self, kind: Kind, subject: impl Into<String>, level: u64) -> Self {
        let subject = subject.into();
        let cause = Some(Cause {
            kind,
            subject,
            level,
        });
        Self { cause, ..self }
    }
}

/// Where what is known of the house stands.
pub struct Rooms<'a> {
    /// The books.
    pub ledger: &'a Ledger,
    /// Who asks for a code.
    pub diary: &'a Diary,
    /// Knows the authorities.
    pub desk: &'a dyn IssuingDesk,
    /// Knows the process.
    pub live: &'a dyn LiveHouse,
    /// Who is told, and hears it or not.
    pub alerts: &'a Alerts,
}

/// What is known of the house besides the reading.
#[derive(Clone, Debug)]
pub struct Around {
    /// Root, issuer, gateway.
    pub authorities: Vec<AuthorityCard>,
    /// Until when the doors' certificate is good.
    pub doors_end: Option<Timestamp>,
    /// When the process began.
    pub started: Timestamp,
    /// When the lists of revoked codes were made.
    pub lists_made: Option<Timestamp>,
    /// Whether a currency is declared.
    pub has_currency: bool,
    /// Devices that ask for a code, and since when the first does.
    pub pending: (u64, Option<Timestamp>),
    /// Requests for money back that nobody has answered.
    pub refunds: u64,
    /// Loads and redemptions that wait for a second person.
    pub requests: u64,
    /// Destinations of alerts that take nothing.
    pub unreached: u64,
    /// The disk of the data folder.
    pub disk: Option<Disk>,
}

impl Around {
    /// As it is now.
    pub async fn gather(rooms: &Rooms<'_>, now: Timestamp) -> Result<Self, Error> {
        let requests = rooms.ledger.waiting_requests(now).await?.len();
        Ok(Self {
            authorities: rooms.desk.authorities(),
            doors_end: rooms.live.certificate_ends(),
            started: rooms.live.started(),
            lists_made: rooms.live.lists_made(),
            has_currency: !rooms.ledger.currencies().await?.is_empty(),
            pending: rooms.diary.waiting().await?,
            refunds: rooms.ledger.waiting_refunds().await?,
            requests: u64::try_from(requests).unwrap_or(u64::MAX),
            unreached: rooms.alerts.unreached(TRIES_UNREACHED).await?,
            disk: rooms.live.disk(),
        })
    }
}

/// All of it, whoever looks.
pub fn attention(reading: &Reading, around: &Around) -> Vec<Attention> {
    let mut list = Vec::new();
    of_money(reading, around, &mut list);
    of_certificates(reading, around, &mut list);
    of_the_log(reading, &mut list);
    of_the_machine(around, &mut list);
    of_things(reading, around, &mut list);
    if !around.has_currency {
        let sentence = say("No currency is declared yet.");
        let begin = Attention::new(
            "info",
            say("begin"),
            sentence,
            ("/money", say("Declare one")),
        );
        list.push(begin.to(MOVES_MONEY));
    }
    let urgency = |class| ["bad", "warn", "info"].iter().position(|one| *one == class);
    list.sort_by_key(|item| urgency(item.class));
    list
}

type List = Vec<Attention>;

fn of_money(reading: &Reading, around: &Around, list: &mut List) {
    let counts = &reading.counts;
    for c in counts.conservation.iter().filter(|c| !c.holds) {
        let sentence =
            say("The books of {currency} do not add up. Stop the gateway and run its check.")
                .put("currency", c.currency.to_string());
        let books = Attention::new("bad", say("books"), sentence, ("/money", say("Money")));
        let books = books.is(Kind::Books, c.currency.to_string(), 1);
        list.push(books.to(SEES_MONEY));
    }
    if counts.fraud_cases > 0 {
        let sentence = say("One fraud case, with its proof.").or_many(
            "{count} fraud cases, each with its proof.",
            counts.fraud_cases,
        );
        let at = ("/frauds", say("Fraud cases"));
        let fraud = Attention::new("bad", say("fraud"), sentence, at);
        let fraud = fraud.is(Kind::Fraud, "", counts.fraud_cases);
        list.push(fraud.to(SEES_MONEY));
    }
    if let Some((due, _)) = reading.due.filter(|(due, _)| *due < reading.at) {
        let sentence = say(
            "Money waits for its payee since before its deadline at {time}; it goes back after the grace.",
        )
        .put("time", show::time(due));
        let at = ("/payments", say("Payments"));
        let overdue = Attention::new("info", say("overdue"), sentence, at);
        list.push(overdue.is(Kind::Overdue, "", 1).to(SEES_MONEY));
    }
    if around.refunds > 0 {
        let sentence = say("One payer asks for money back.")
            .or_many("{count} payers ask for money back.", around.refunds);
        let at = ("/refunds", say("Asked back"));
        let refunds = Attention::new("info", say("asked back"), sentence, at);
        let refunds = refunds.is(Kind::Refunds, "", around.refunds);
        list.push(refunds.to(SEES_MONEY));
    }
    if around.requests > 0 {
        let sentence = say("A load or redemption waits for a second person.").or_many(
            "{count} loads and redemptions wait for a second person.",
            around.requests,
        );
        let at = ("/money/requests", say("Requests"));
        let requests = Attention::new("info", say("two persons"), sentence, at);
        let requests = requests.is(Kind::Requests, "", around.requests);
        list.push(requests.to(SEES_MONEY));
    }
}

/// How urgent an end is: more with every one of [`CLOSER_S`] that it has come closer than.
fn urgency(ends: Timestamp, now: Timestamp) -> u64 {
    let closer = CLOSER_S.iter().filter(|left_s| ends < now.plus_s(**left_s));
    1 + u64::try_from(closer.count()).unwrap_or_default()
}

fn of_certificates(reading: &Reading, around: &Around, list: &mut List) {
    const PATH: &str = "/authorities";
    let at = || (PATH, say("Authorities"));
    for card in &around.authorities {
        if card.not_after < reading.at.plus_s(EXPIRES_SOON_S) {
            let sentence = say("The certificate of the {role} ends {time}.")
                .put("role", below::authority(card.role))
                .put("time", show::time(card.not_after));
            let expiry = Attention::new("warn", say("expiry"), sentence, at());
            let level = urgency(card.not_after, reading.at);
            list.push(expiry.is(Kind::Expiry, card.code.to_string(), level));
        }
    }
    let soon = reading.at.plus_s(DOORS_EXPIRE_SOON_S);
    if let Some(ends) = around.doors_end.filter(|ends| *ends < soon) {
        let sentence =
            say("The certificate of the doors ends {time} and was not renewed; the log says why.")
                .put("time", show::time(ends));
        let expiry = Attention::new("bad", say("expiry"), sentence, at());
        list.push(expiry.is(Kind::Expiry, "doors", urgency(ends, reading.at)));
    }
    let made = around.lists_made.unwrap_or(around.started);
    if made.plus_s(LISTS_OLD_S) < reading.at {
        let sentence =
            say("The lists of revoked codes were not made anew since {time}; the log says why.")
                .put("time", show::time(made));
        let lists = Attention::new("bad", say("revocation"), sentence, at());
        list.push(lists.is(Kind::Lists, "", 1));
    }
}

fn of_the_log(reading: &Reading, list: &mut List) {
    let at = || ("/chain/checkpoint", say("Checkpoint"));
    let log = &reading.log;
    let signed = log.signed.unwrap_or(Timestamp(0));
    let waits = log.leaves > log.published;
    if waits && log.signed.is_some() && signed.plus_s(UNPUBLISHED_S) < reading.at {
        let sentence = say("One act is not under a checkpoint of the code chain.").or_many(
            "{count} acts are not under a checkpoint of the code chain.",
            log.leaves.saturating_sub(log.published),
        );
        let late = Attention::new("warn", say("log"), sentence, at());
        list.push(late.is(Kind::Log, "", 1));
    }
    let behind = log.witnesses.iter().filter(|witness| {
        witness.size < log.published && witness.at.plus_s(WITNESS_BEHIND_S) < reading.at
    });
    let behind = u64::try_from(behind.count()).unwrap_or(u64::MAX);
    if behind > 0 {
        let sentence = say("A witness has not cosigned for more than an hour.").or_many(
            "{count} witnesses have not cosigned for more than an hour.",
            behind,
        );
        let witness = Attention::new("warn", say("witness"), sentence, at());
        list.push(witness.is(Kind::Witness, "", behind));
    }
}

fn of_the_machine(around: &Around, list: &mut List) {
    if let Some(disk) = around.disk.filter(|disk| disk.free_bytes < DISK_FREE_BYTES) {
        let sentence = say(
            "{free} MiB of {all} MiB are free on the disk of the data folder. Without any, nothing is recorded and nothing answered.",
        )
        .put("free", show::count(disk.free_bytes >> 20))
        .put("all", show::count(disk.all_bytes >> 20));
        let (class, level) = match disk.free_bytes < DISK_FREE_BYTES / 4 {
            true => ("bad", 2),
            false => ("warn", 1),
        };
        let full = Attention::new(class, say("disk"), sentence, ("/", say("Overview")));
        list.push(full.is(Kind::Disk, "", level));
    }
    if around.unreached > 0 {
        let sentence = say("A destination of alerts takes no letters.").or_many(
            "{count} destinations of alerts take no letters.",
            around.unreached,
        );
        let at = ("/alerts/destinations", say("Destinations"));
        let letters = Attention::new("warn", say("alerts"), sentence, at);
        let letters = letters.is(Kind::Letters, "", around.unreached);
        list.push(letters.to(DECIDES));
    }
}

fn of_things(reading: &Reading, around: &Around, list: &mut List) {
    let counts = &reading.counts;
    if counts.things_stopped > 0 {
        let sentence = say("One code is frozen or revoked.").or_many(
            "{count} codes are frozen or revoked.",
            counts.things_stopped,
        );
        let at = ("/codes?state=frozen", say("Frozen codes"));
        let stopped = Attention::new("warn", say("stopped"), sentence, at);
        list.push(stopped.is(Kind::Stopped, "", counts.things_stopped));
    }
    let (pending, _) = around.pending;
    if pending > 0 {
        let sentence =
            say("One device asks for a code.").or_many("{count} devices ask for a code.", pending);
        let at = ("/pending", say("Pending devices"));
        let asks = Attention::new("info", say("pending"), sentence, at);
        list.push(asks.is(Kind::Pending, "", pending).to(ISSUES));
    }
    if counts.inbox_entries > MANY_WAITING {
        let sentence = say("One message waits for a thing to collect it.").or_many(
            "{count} messages wait for things to collect them.",
            counts.inbox_entries,
        );
        let waiting = Attention::new("info", say("inboxes"), sentence, ("/codes", say("Codes")));
        list.push(waiting.is(Kind::Inboxes, "", 1));
    }
    if counts.things == 0 {
        let sentence = say("No thing has a code yet.");
        let at = ("/issue", say("Issue the first one"));
        let begin = Attention::new("info", say("begin"), sentence, at);
        list.push(begin.to(ISSUES));
    }
}
