//! The purse: what one code may spend, what it has paid and what it was paid.

mod accept;
mod alone;
mod basket;
mod change;
mod closing;
mod cover;
mod covered;
mod decline;
mod epoch;
mod forked;
mod gap;
mod hand_in;
mod invoice;
mod kept;
mod known;
mod listed;
mod notices;
mod offer;
mod open;
mod pay;
mod reached;
mod receive;
mod record;
mod release;
mod replay;
mod rules;
mod seen;
mod succession;
mod table;
mod take;
mod tariff;
#[cfg(test)]
mod tests;
mod time;
mod totals;
mod watermark;

pub use closing::VOIDS;
pub use decline::DECLINED;
pub use forked::FORKED;
pub use hand_in::HandInCursor;
pub use invoice::{INVOICES, InvoiceOrder};
pub use known::{AREAS, WARRANTS};
pub use listed::{LIST_RECENT_S, Listed};
pub use notices::NoticeCursor;
pub use offer::Offer;
pub use open::OpenError;
pub use pay::{Order, StreamOrder};
pub use receive::Event;
pub use record::Seed;
pub use release::Releasing;
pub use rules::{ApprovedToday, PAYEES_A_DAY, StandingRules};
pub use seen::{HEARD, SeenCursor};
pub use take::{TakenUnits, Taking};
pub use tariff::{Buying, Prices, PrintedPrice, Rate, RateRules};
pub use time::{Clock, TIME_JUMP_S};
pub use totals::Totals;

use crate::journal::{Journal, JournalFailed, RECORD_MAX, RecordId, SMALL_RECORD_MAX};
use closing::Skipped;
use cover::Cover;
use decline::Refused;
use forked::Forked;
use gap::Gap;
use invoice::Asking;
use known::Known;
use protocol::code::grid::Cell;
use protocol::cose::{SIGNED_MAX, SealError};
use protocol::message::MESSAGE_MAX;
use protocol::objects::{Allowance, Closing, Renewal, Rights};
use protocol::rules::{Counting, FormerKey, Spent, Trust};
use protocol::stream::{Stream, Walk};
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, PublicKey, Reference, Sequence,
    Signer, Status, Timestamp,
};
use record::Record;
use rules::Approved;
use seen::Heard;
use table::Table;
use time::Told;
use watermark::{Final, Stated};

/// How many gateways a purse trusts.
pub const GATEWAYS: usize = 4;
/// How many voids and closings there are at most.
const NOTICES: usize = VOIDS + CURRENCIES;
/// How many currencies a purse holds.
pub const CURRENCIES: usize = 4;
/// How many streams a purse pays at one time, and how many it takes.
pub const STREAMS: usize = 2;
/// The most units that one message may release beyond the newest ones known, so that nobody can
/// make a small machine hash for long.
pub const UNITS_AT_ONCE: u32 = 1 << 12;
/// Most records that one payment still needs until it is forgotten: receipt, word of a gateway, and
/// that word once more while it is replaced.
const RECORDS_TO_END: usize = 3;
/// Most records of one step of new work, and of the step after it that makes room.
const RECORDS_FOR_WORK: usize = 12;
/// The longest message a purse writes: a payment behind its covers, with its receipt.
pub const OUT_MAX: usize = MESSAGE_MAX;
/// A thing's pass, and its station's.
const PASSES_MAX: usize = 2 * SIGNED_MAX;

/// What a purse is told when it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Its own code.
    pub me: Code,
    /// Its pass, which others verify its receipts with; directly followed by its station's if a
    /// station made it, so that they need to know nobody but the issuer of both.
    pub pass: &'a [u8],
    /// Its network and the root's key.
    pub trust: Trust,
    /// How long it needs, at worst, until it reaches a gateway.
    pub sync_margin_s: u32,
    /// The most it takes offline, per assurance class 0, 1, 2 of the payer.
    pub most_by_class: [AmountMinor; 3],
    /// Where it stands; without a place it takes only allowances that are good everywhere.
    pub place: Option<Cell>,
    /// Where the times come from that it is told.
    pub clock: Clock,
}

/// A purse. It keeps at most `OUTBOX` payments that no gateway has answered for, made and taken
/// together, and the newest payment of at most `PAYERS` payers and currencies.
///
/// A full outbox refuses new payments before anything is signed or taken. It never drops what
/// somebody still waits for: room comes only from payments that a gateway's statement has closed,
/// or, when there are none, from the purse's own payments that a gateway holds in transit, unless
/// they are streams that still release units.
///
/// When the table of payers is full, the payer is forgotten whose newest payment is the oldest,
/// provided that everything from that payer is settled; if there is no such payer, a new one is
/// refused. From then on, until the forgotten payer's allowance has expired, an unknown payer is
/// taken only against an invoice: what is forgotten might otherwise be taken twice.
#[derive(Debug)]
pub struct Purse<K, J, const OUTBOX: usize, const PAYERS: usize> {
    key: K,
    journal: J,
    own: Own,
    book: Book<OUTBOX, PAYERS>,
    /// Worked out again from the journalled seed whenever one is missing.
    walks: Table<(Digest, Walk), STREAMS>,
    /// Voids and closings that a gateway has taken since this purse was opened.
    noticed: Table<RecordId, NOTICES>,
    /// The journal failed; what it holds is known only after it is read again.
    broken: bool,
}

/// What the journal says, in memory.
#[derive(Clone, Debug)]
struct Book<const OUTBOX: usize, const PAYERS: usize> {
    gateways: Table<Gateway, GATEWAYS>,
    pockets: Table<Pocket, CURRENCIES>,
    outbox: Table<Entry, OUTBOX>,
    payers: Table<Newest, PAYERS>,
    outgoing: Table<Outgoing, STREAMS>,
    incoming: Table<Incoming, STREAMS>,
    invoices: Table<Asking, INVOICES>,
    declined: Table<Refused, DECLINED>,
    approved: Table<Approved, PAYEES_A_DAY>,
    standing: Standing,
    /// Journalled and not signed yet.
    pending: Option<Pending>,
    /// Until when an unknown payer may be one that was forgotten.
    evicted: Option<(Timestamp, RecordId)>,
    /// The key epoch in which nothing may be signed any more.
    unsure: Option<(KeyEpoch, RecordId)>,
    /// What was said and may be forgotten.
    gap: Option<Gap>,
    voids: Table<Skipped, VOIDS>,
    forked: Table<Forked, FORKED>,
    stated: Table<Stated, OUTBOX>,
    /// Not journalled.
    finals: Table<Final, GATEWAYS>,
    /// Not journalled.
    heard: Table<Heard, HEARD>,
    known: Known,
    told: Told,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    me: Code,
    pass: [u8; PASSES_MAX],
    pass_len: usize,
    rights: Rights,
    trust: Trust,
    sync_margin_s: u32,
    most_by_class: [AmountMinor; 3],
    place: Option<Cell>,
    clock: Clock,
    /// When its pass was given.
    issued: Timestamp,
}

impl Own {
    fn pass(&self) -> &[u8] {
        self.pass.get(..self.pass_len).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug)]
struct Gateway {
    code: Code,
    key: PublicKey,
    rights: Rights,
    issuer: Code,
    issuer_key: PublicKey,
    issued: Timestamp,
    expires: Timestamp,
    /// The key before this one, and until when it counts.
    former: Option<FormerKey>,
    record: RecordId,
}

impl Gateway {
    /// The keys by which its word counts now.
    fn keys(&self, now: Timestamp) -> Counting {
        FormerKey::beside(self.former.as_ref(), self.key, now)
    }
}

/// Where the one sequence of all currencies stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    key_epoch: KeyEpoch,
    sequence: Sequence,
    head: Reference,
}

/// One currency.
#[derive(Clone, Copy, Debug)]
struct Pocket {
    currency: Currency,
    allowance: Option<Held>,
    odometer: Odometer,
    /// The newest signed payment in this currency; its record is what remembers the odometer.
    newest: Option<RecordId>,
    renewal: Option<(Renewal, RecordId)>,
    closing: Option<(Closing, RecordId)>,
    tally: Tally,
    tally_record: Option<RecordId>,
    rules: Option<(StandingRules, RecordId)>,
    rates: Option<(RateRules, RecordId)>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    allowance: Allowance,
    reference: Reference,
    record: RecordId,
}

/// Sums over payments whose records are forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    settled: AmountMinor,
    contested: AmountMinor,
    returned: AmountMinor,
}

/// One payment that is not forgotten.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: Digest,
    record: RecordId,
    currency: Currency,
    /// Of a stream that is taken, the price of the units taken so far.
    amount: AmountMinor,
    side: Side,
    mark: Option<Mark>,
    /// What it may be spent on for before it is settled.
    cover: Option<Cover>,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Paid {
        payee: Code,
        reference: Reference,
        receipt: Option<RecordId>,
    },
    /// Leaves the outbox as soon as it is closed. Only of a stream is the receipt a record of its
    /// own.
    Taken {
        payer: Code,
        receipt: Option<RecordId>,
    },
}

/// What a gateway said.
#[derive(Clone, Copy, Debug)]
struct Mark {
    outcome: Status,
    /// What reached the payee; of an open claim, what is claimed.
    amount: AmountMinor,
    /// What the payee was due besides and did not get.
    missing: AmountMinor,
    record: RecordId,
}

impl Mark {
    /// Nothing more is to come.
    fn is_final(&self) -> bool {
        !matches!(self.outcome, Status::InTransit | Status::WaitingForCover)
    }
}

/// The newest payment taken from one payer in one currency.
#[derive(Clone, Copy, Debug)]
struct Newest {
    spent: Spent,
    record: RecordId,
    /// When the allowance it was made under ends.
    expires: Timestamp,
    /// The receipt that closed it, if it was a stream.
    receipt: Option<RecordId>,
    /// Once it has left the outbox.
    mark: Option<Mark>,
}

/// A stream this purse pays and whose units it still releases.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    payment: Digest,
    terms: Stream,
    settle_by: Timestamp,
    /// Never less than what was let out.
    units: u32,
    units_record: Option<RecordId>,
    /// The intent, which holds the seed.
    record: RecordId,
}

/// A stream this purse takes and has not closed.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    payment: Digest,
    number: (KeyEpoch, Sequence),
    reference: Reference,
    terms: Stream,
    units: u32,
    /// `value(units)`.
    value: Digest,
    units_record: Option<RecordId>,
    /// No more units: the receipt is being signed.
    closing: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    payment: protocol::objects::Payment,
    seed: Option<Seed>,
    record: RecordId,
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    fn pocket(&self, currency: Currency) -> Option<&Pocket> {
        self.pockets.iter().find(|p| p.currency == currency)
    }

    /// The pocket of a currency, made if need be; `Full` when there are too many.
    fn pocket_mut(&mut self, currency: Currency) -> Result<&mut Pocket, Status> {
        let known = self.pockets.iter().any(|p| p.currency == currency);
        if !known && !self.pockets.insert(Pocket::new(currency)) {
            return Err(Status::Full);
        }
        self.pockets
            .iter_mut()
            .find(|p| p.currency == currency)
            .ok_or(Status::Full)
    }

    fn entry(&self, payment: &Digest) -> Option<&Entry> {
        self.outbox.find(|entry| entry.id == *payment)
    }

    fn entry_mut(&mut self, payment: &Digest) -> Option<&mut Entry> {
        self.outbox.find_mut(|entry| entry.id == *payment)
    }

    fn outgoing(&self, payment: &Digest) -> Option<Outgoing> {
        let stream = self.outgoing.find(|stream| stream.payment == *payment);
        stream.copied()
    }

    fn incoming(&self, payment: &Digest) -> Option<Incoming> {
        let stream = self.incoming.find(|stream| stream.payment == *payment);
        stream.copied()
    }

    fn gateway(&self, code: &Code) -> Option<&Gateway> {
        self.gateways.iter().find(|g| g.code == *code)
    }

    fn newest(&self, payer: Code, currency: Currency) -> Option<&Newest> {
        let of = |n: &&Newest| (n.spent.payer, n.spent.currency) == (payer, currency);
        self.payers.iter().find(of)
    }
}

/// A key store that does not sign: try again.
fn unsigned(_: SealError) -> Status {
    Status::Busy
}

fn add(sum: &mut AmountMinor, amount: AmountMinor) {
    *sum = sum.checked_add(amount).unwrap_or(*sum);
}

impl Pocket {
    const fn new(currency: Currency) -> Self {
        Self {
            currency,
            allowance: None,
            odometer: Odometer::ZERO,
            newest: None,
            renewal: None,
            closing: None,
            tally: Tally {
                settled: AmountMinor::ZERO,
                contested: AmountMinor::ZERO,
                returned: AmountMinor::ZERO,
            },
            tally_record: None,
            rules: None,
            rates: None,
        }
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Refuses when the journal is in doubt or `out` cannot hold every answer.
    fn ready(&self, out: &[u8]) -> Result<(), Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        if out.len() < OUT_MAX {
            return Err(Status::Full);
        }
        Ok(())
    }

    fn append(&mut self, record: &Record<'_>) -> Result<RecordId, Status> {
        if record.has_covers() {
            return self.append_within::<RECORD_MAX>(record);
        }
        self.append_within::<SMALL_RECORD_MAX>(record)
    }

    fn append_within<const MAX: usize>(&mut self, record: &Record<'_>) -> Result<RecordId, Status> {
        let mut bytes = [0; MAX];
        let len = record.write(&mut bytes).ok_or(Status::Malformed)?;
        let appended = self.journal.append(bytes.get(..len).unwrap_or_default());
        appended.map_err(|failed| self.failed(failed))
    }

    fn forget(&mut self, record: RecordId) -> Result<(), Status> {
        let forgotten = self.journal.forget(record);
        forgotten.map_err(|failed| self.failed(failed))
    }

    fn forget_if(&mut self, record: Option<RecordId>) -> Result<(), Status> {
        record.map_or(Ok(()), |record| self.forget(record))
    }

    /// Reads a record into `bytes`; returns its length.
    fn recall(&mut self, id: RecordId, bytes: &mut [u8]) -> Result<usize, Status> {
        let read = self.journal.read(id, bytes);
        read.map_err(|failed| self.failed(failed))
    }

    /// After a failure nobody knows what is durable, so nothing may be promised until the journal
    /// is read again. A journal that is merely full has changed nothing.
    fn failed(&mut self, failed: JournalFailed) -> Status {
        match failed {
            JournalFailed::Full => Status::Full,
            JournalFailed::Broken => {
                self.broken = true;
                Status::Storage
            }
        }
    }

    /// Frees a place in the outbox if it is full, and records for what will end the payments in it.
    fn make_room(&mut self) -> Result<(), Status> {
        while self.book.outbox.is_full() || !self.has_records() {
            self.give_way()?;
        }
        Ok(())
    }

    /// Whether the journal has room for new work and for the end of all that is begun.
    fn has_records(&self) -> bool {
        let begun = self.book.outbox.iter().filter(|entry| entry.mark.is_none());
        let kept = begun.count().saturating_mul(RECORDS_TO_END);
        self.journal.room() >= kept.saturating_add(RECORDS_FOR_WORK)
    }

    /// An append after the point of no return found no room: what is durable and what is in memory
    /// differ, until the journal is read again.
    fn half_done(&mut self, status: Status) -> Status {
        self.broken = true;
        match status {
            Status::Full => Status::Storage,
            other => other,
        }
    }

    /// Forgets one closed payment of its own, or one that a gateway holds.
    fn give_way(&mut self) -> Result<(), Status> {
        // A payment that remembers an odometer stays, whatever became of it.
        let pinned = |entry: &Entry| {
            let mut pockets = self.book.pockets.iter();
            pockets.any(|p| p.newest == Some(entry.record)) || self.book.is_held(&entry.id)
        };
        let released = self
            .book
            .outbox
            .iter()
            .filter_map(|entry| match (entry.side, entry.mark) {
                (Side::Paid { receipt, .. }, Some(mark))
                    if !pinned(entry) && self.book.outgoing(&entry.id).is_none() =>
                {
                    Some((*entry, mark, receipt))
                }
                _ => None,
            })
            .min_by_key(|(entry, mark, _)| (!mark.is_final(), entry.record));
        let (entry, mark, receipt) = released.ok_or(Status::Full)?;
        let returned = entry.returned();
        let records = [Some(entry.record), Some(mark.record), receipt];
        if returned > AmountMinor::ZERO {
            let sums = Tally {
                returned,
                ..Tally::default()
            };
            return self.absorb(entry.id, entry.currency, sums, &records);
        }
        // A cut after the first record leaves a mark and a receipt of nothing: `open` drops them.
        self.book.outbox.remove(|e| e.record == entry.record);
        records.into_iter().try_for_each(|r| self.forget_if(r))
    }

    /// Adds a closed payment that is about to be forgotten to the sums. A cut after the append: the
    /// tally names the payment, and `open` forgets it without counting it again.
    fn absorb(
        &mut self,
        payment: Digest,
        currency: Currency,
        sums: Tally,
        records: &[Option<RecordId>],
    ) -> Result<(), Status> {
        let pocket = self.book.pocket_mut(currency)?;
        let (mut tally, before) = (pocket.tally, pocket.tally_record);
        add(&mut tally.settled, sums.settled);
        add(&mut tally.contested, sums.contested);
        add(&mut tally.returned, sums.returned);
        let record = self.append(&Record::Tally {
            currency,
            settled: tally.settled,
            contested: tally.contested,
            returned: tally.returned,
            absorbed: payment,
        })?;
        let pocket = self.book.pocket_mut(currency)?;
        pocket.tally = tally;
        pocket.tally_record = Some(record);
        self.book.outbox.remove(|entry| entry.id == payment);
        records.iter().try_for_each(|r| self.forget_if(*r))?;
        self.forget_if(before)
    }
}

impl Entry {
    /// What came back to the payer.
    fn returned(&self) -> AmountMinor {
        match (self.side, self.mark) {
            (Side::Paid { .. }, Some(mark))
                if mark.is_final() && mark.outcome != Status::OpenClaim =>
            {
                self.amount.checked_sub(mark.amount).unwrap_or_default()
            }
            _ => AmountMinor::ZERO,
        }
    }
}

impl Tally {
    /// What a gateway's last word on a payment taken adds.
    fn of(mark: &Mark) -> Self {
        let mut sums = Self::default();
        match mark.outcome {
            Status::OpenClaim => sums.contested = mark.amount,
            _ => {
                sums.settled = mark.amount;
                sums.contested = mark.missing;
            }
        }
        sums
    }
}
