//! The purse: what one code may spend, what it has paid and what it was paid.

mod accept;
mod hand_in;
mod open;
mod pay;
mod receive;
mod record;
mod table;
#[cfg(test)]
mod tests;

pub use hand_in::HandInCursor;
pub use open::OpenError;
pub use pay::Order;
pub use receive::Event;

use crate::journal::{Journal, JournalFailed, RECORD_MAX, RecordId};
use protocol::cose::{SIGNED_MAX, SealError};
use protocol::objects::{Allowance, Renewal, Rights};
use protocol::rules::{Spent, Trust};
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, PublicKey, Reference, Sequence,
    Signer, Status, Timestamp,
};
use record::Record;
use table::Table;

/// How many gateways a purse trusts.
pub const GATEWAYS: usize = 4;
/// How many currencies a purse holds.
pub const CURRENCIES: usize = 4;
/// The longest message a purse writes: a claim with its three objects.
pub const OUT_MAX: usize = 3 * (SIGNED_MAX + 3) + 2;

/// What a purse is told when it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Its own code.
    pub me: Code,
    /// Its pass, which others verify its receipts with.
    pub pass: &'a [u8],
    /// Its network and the root's key.
    pub trust: Trust,
    /// How long it needs, at worst, until it reaches a gateway.
    pub sync_margin_s: u32,
    /// The most it takes offline, per assurance class 0, 1, 2 of the payer.
    pub most_by_class: [AmountMinor; 3],
}

/// A purse. It keeps at most `OUTBOX` payments that no gateway has answered for, made and taken
/// together, and the newest payment of at most `PAYERS` payers and currencies.
///
/// A full outbox refuses new payments before anything is signed or taken. It never drops what
/// somebody still waits for: room comes only from payments that a gateway's statement has closed,
/// or, when there are none, from the purse's own payments that a gateway holds in transit.
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
    standing: Standing,
    /// Journalled and not signed yet.
    pending: Option<Pending>,
    /// Until when an unknown payer may be one that was forgotten.
    evicted: Option<(Timestamp, RecordId)>,
    /// The key epoch in which nothing may be signed any more.
    unsure: Option<(KeyEpoch, RecordId)>,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    me: Code,
    pass: [u8; SIGNED_MAX],
    pass_len: usize,
    rights: Rights,
    trust: Trust,
    sync_margin_s: u32,
    most_by_class: [AmountMinor; 3],
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
    issuer_key: PublicKey,
    issued: Timestamp,
    expires: Timestamp,
    record: RecordId,
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
    tally: Tally,
    tally_record: Option<RecordId>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    allowance: Allowance,
    reference: Reference,
    record: RecordId,
}

/// Sums over payments taken whose records are forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    settled: AmountMinor,
    contested: AmountMinor,
}

/// One payment that is not forgotten.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: Digest,
    record: RecordId,
    currency: Currency,
    amount: AmountMinor,
    side: Side,
    mark: Option<Mark>,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Paid {
        payee: Code,
        reference: Reference,
        receipt: Option<RecordId>,
    },
    /// Leaves the outbox as soon as it is closed.
    Taken { payer: Code },
}

/// What a gateway said.
#[derive(Clone, Copy, Debug)]
struct Mark {
    outcome: Status,
    record: RecordId,
}

/// The newest payment taken from one payer in one currency.
#[derive(Clone, Copy, Debug)]
struct Newest {
    spent: Spent,
    record: RecordId,
    /// When the allowance it was made under ends.
    expires: Timestamp,
    mark: Option<Mark>,
}

impl Newest {
    fn amount(&self) -> AmountMinor {
        self.spent
            .to
            .since(self.spent.from)
            .unwrap_or(AmountMinor::ZERO)
    }
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    payment: protocol::objects::Payment,
    record: RecordId,
}

/// What a purse holds in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Everything ever paid out in this key epoch.
    pub paid_out: Odometer,
    /// What the allowance still permits.
    pub spendable: AmountMinor,
    /// Taken, and settled by a gateway.
    pub received_settled: AmountMinor,
    /// Taken, and waiting for a gateway.
    pub received_unsettled: AmountMinor,
    /// Taken, but the payer's key had forked: an open claim that moved no money.
    pub received_contested: AmountMinor,
}

impl<K, J, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Whose purse this is.
    pub fn me(&self) -> Code {
        self.own.me
    }

    /// Which life of its key it is in, and the number of its newest payment.
    pub fn standing(&self) -> (KeyEpoch, Sequence) {
        (self.book.standing.key_epoch, self.book.standing.sequence)
    }

    /// The currencies it has met.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.book.pockets.iter().map(|pocket| pocket.currency)
    }

    /// Its allowance in a currency.
    pub fn allowance(&self, currency: Currency) -> Option<&Allowance> {
        let held = self.book.pocket(currency)?.allowance.as_ref()?;
        Some(&held.allowance)
    }

    /// What the allowance still permits, as far as limit and sequence go; whether it has expired is
    /// found out by `pay`.
    pub fn spendable(&self, currency: Currency) -> AmountMinor {
        let rest = || {
            let pocket = self.book.pocket(currency)?;
            let allowance = pocket.allowance?.allowance;
            let last = allowance
                .base_sequence
                .0
                .saturating_add(allowance.most_payments);
            if self.book.unsure.is_some() || self.book.standing.sequence.0 >= last {
                return None;
            }
            allowance.limit.since(pocket.odometer)
        };
        rest().unwrap_or(AmountMinor::ZERO)
    }

    /// How many payments wait for a gateway.
    pub fn unanswered(&self) -> usize {
        self.book.outbox.iter().filter(|e| e.mark.is_none()).count()
    }

    /// What it holds in a currency.
    pub fn totals(&self, currency: Currency) -> Totals {
        let Some(pocket) = self.book.pocket(currency) else {
            return Totals::default();
        };
        let mut totals = Totals {
            paid_out: pocket.odometer,
            spendable: self.spendable(currency),
            received_settled: pocket.tally.settled,
            received_unsettled: AmountMinor::ZERO,
            received_contested: pocket.tally.contested,
        };
        // `accept` keeps the sum of the three within range, so no addition fails.
        for newest in self
            .book
            .payers
            .iter()
            .filter(|n| n.spent.currency == currency)
        {
            match newest.mark.map(|mark| mark.outcome) {
                Some(Status::OpenClaim) => add(&mut totals.received_contested, newest.amount()),
                Some(_) => add(&mut totals.received_settled, newest.amount()),
                None => {}
            }
        }
        for entry in self.book.outbox.iter().filter(|e| e.currency == currency) {
            if let Side::Taken { .. } = entry.side {
                add(&mut totals.received_unsettled, entry.amount);
            }
        }
        totals
    }

    /// Takes the purse apart.
    pub fn into_parts(self) -> (K, J) {
        (self.key, self.journal)
    }
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
            tally: Tally {
                settled: AmountMinor::ZERO,
                contested: AmountMinor::ZERO,
            },
            tally_record: None,
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
        let mut bytes = [0; RECORD_MAX];
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
    fn recall(&mut self, id: RecordId, bytes: &mut [u8; RECORD_MAX]) -> Result<usize, Status> {
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

    /// Frees one place in the outbox if it is full.
    fn make_room(&mut self) -> Result<(), Status> {
        if !self.book.outbox.is_full() {
            return Ok(());
        }
        // A payment that remembers an odometer stays, whatever became of it.
        let pinned = |entry: &Entry| {
            self.book
                .pockets
                .iter()
                .any(|p| p.newest == Some(entry.record))
        };
        let released = self
            .book
            .outbox
            .iter()
            .filter_map(|entry| match (entry.side, entry.mark) {
                (Side::Paid { receipt, .. }, Some(mark)) if !pinned(entry) => Some((
                    mark.outcome == Status::InTransit,
                    entry.record,
                    mark.record,
                    receipt,
                )),
                _ => None,
            })
            .min_by_key(|(in_transit, record, ..)| (*in_transit, *record));
        let (_, record, mark, receipt) = released.ok_or(Status::Full)?;
        // A cut after the first line leaves a mark and a receipt of nothing: `open` drops them.
        self.forget(record)?;
        self.book.outbox.remove(|entry| entry.record == record);
        self.forget(mark)?;
        self.forget_if(receipt)
    }

    /// Adds a closed payment that is about to be forgotten to the sums. A cut after the append: the
    /// tally names the payment, and `open` forgets it without counting it again.
    fn absorb(
        &mut self,
        payment: Digest,
        currency: Currency,
        amount: AmountMinor,
        outcome: Status,
        records: [Option<RecordId>; 2],
    ) -> Result<(), Status> {
        let pocket = self.book.pocket_mut(currency)?;
        let (mut tally, before) = (pocket.tally, pocket.tally_record);
        match outcome {
            Status::OpenClaim => add(&mut tally.contested, amount),
            _ => add(&mut tally.settled, amount),
        }
        let record = self.append(&Record::Tally {
            currency,
            settled: tally.settled,
            contested: tally.contested,
            absorbed: payment,
        })?;
        let pocket = self.book.pocket_mut(currency)?;
        pocket.tally = tally;
        pocket.tally_record = Some(record);
        self.book.outbox.remove(|entry| entry.id == payment);
        records.into_iter().try_for_each(|r| self.forget_if(r))?;
        self.forget_if(before)
    }
}
