//! Reading the journal.
//!
//! It is read four times, because what a record means may stand behind it: first everything that
//! stands alone and who the newest payers are, then what became of payments, then the newest
//! payments that still wait and the receipts that closed streams, then the streams that are open.

use super::cover::Cover;
use super::decline::Refused;
use super::invoice::{Asking, InvoiceOrder};
use super::kept::Kept;
use super::known::Known;
use super::open::OpenError;
use super::rules::Approved;
use super::succession::KEPT;
use super::time::Told;
use super::{
    Book, CURRENCIES, Entry, Gateway, Held, Incoming, Mark, Newest, Outgoing, Own, Pending,
    STREAMS, Side, Standing, Table, Tally,
};
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::Status;
use protocol::code::grid::Cell;
use protocol::cose::{identify, open};
use protocol::objects::{Allowance, Invoice, Payment, Receipt, Renewal};
use protocol::rules::{Handover, Spent, Trust};
use protocol::{
    Algorithm, AmountMinor, Currency, Digest, KeyEpoch, Reference, Sequence, Signer, Timestamp,
};

/// How many useless records are noted in one reading; a cut leaves fewer.
const STALE: usize = 16;
impl Standing {
    pub(super) const fn first(key_epoch: KeyEpoch) -> Self {
        Self {
            key_epoch,
            sequence: Sequence(0),
            head: Reference([0; 16]),
        }
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    pub(super) fn new() -> Self {
        Self {
            gateways: Table::new(),
            pockets: Table::new(),
            outbox: Table::new(),
            payers: Table::new(),
            outgoing: Table::new(),
            incoming: Table::new(),
            invoices: Table::new(),
            declined: Table::new(),
            approved: Table::new(),
            standing: Standing::first(KeyEpoch(1)),
            pending: None,
            evicted: None,
            unsure: None,
            gap: None,
            voids: Table::new(),
            forked: Table::new(),
            stated: Table::new(),
            finals: Table::new(),
            heard: Table::new(),
            known: Known::new(),
            told: Told::default(),
        }
    }
}

/// The book as the journal has it, and what is to be cleaned up.
pub(super) struct Replay<'book, const OUTBOX: usize, const PAYERS: usize> {
    trust: Trust,
    algorithm: Algorithm,
    place: Option<Cell>,
    /// In its place from the beginning: it is large, and a small machine has no room for copies.
    pub(super) book: &'book mut Book<OUTBOX, PAYERS>,
    pub(super) owned: bool,
    /// The last payment each tally includes.
    absorbed: Table<(Currency, Digest), CURRENCIES>,
    /// Between taking a payment and forgetting the one before it there is one entry too many.
    pub(super) spare: Option<Entry>,
    /// An invoice that is paid and not yet closed.
    pub(super) answered: Option<Reference>,
    unreadable: Option<RecordId>,
    pub(super) stale: [Option<RecordId>; STALE],
}

impl<'book, const OUTBOX: usize, const PAYERS: usize> Replay<'book, OUTBOX, PAYERS> {
    pub(super) fn read<K: Signer, J: Journal>(
        own: &Own,
        key: &K,
        journal: &mut J,
        book: &'book mut Book<OUTBOX, PAYERS>,
    ) -> Result<Self, OpenError> {
        *book = Book::new();
        let mut replay = Self {
            trust: own.trust,
            algorithm: key.public_key().algorithm(),
            place: own.place,
            book,
            owned: false,
            absorbed: Table::new(),
            spare: None,
            answered: None,
            unreadable: None,
            stale: [None; STALE],
        };
        let owner = Record::Owner {
            code: own.me,
            key: key.public_key(),
            network: own.trust.network.as_str().as_bytes(),
        };
        for reading in [Self::first, Self::second, Self::third, Self::fourth] {
            let mut failed = None;
            journal.scan(&mut |id, bytes| {
                if failed.is_some() {
                    return;
                }
                match Record::read(bytes) {
                    None => failed = Some(OpenError::Unreadable(id)),
                    Some(record @ Record::Owner { .. }) => {
                        if record != owner {
                            failed = Some(OpenError::NotMine);
                        }
                        replay.owned = true;
                    }
                    Some(_) if !replay.owned => failed = Some(OpenError::NotMine),
                    Some(record) => {
                        if reading(&mut replay, id, &record).is_none() {
                            failed = Some(OpenError::TooMany);
                        }
                    }
                }
            })?;
            let unreadable = replay.unreadable.map(OpenError::Unreadable);
            if let Some(failed) = failed.or(unreadable) {
                return Err(failed);
            }
        }
        replay.close();
        Ok(replay)
    }

    /// `None` when there is no room for what the record says.
    fn first(&mut self, id: RecordId, record: &Record<'_>) -> Option<()> {
        match *record {
            Record::Gateway { issuer, gateway } => {
                self.gateway(id, Gateway::check(&self.trust, issuer, gateway))
            }
            Record::Successor {
                issuer,
                gateway,
                former,
                successor,
            } => {
                let shown = Handover {
                    issuer,
                    gateway,
                    former,
                    successor,
                };
                self.gateway(id, Gateway::succeeded(&self.trust, &shown, KEPT))
            }
            Record::Allowance { allowance } => self.allowance(id, allowance),
            Record::Intent { payment, seed, .. } => {
                let intended = Pending {
                    payment,
                    seed,
                    record: id,
                };
                let before = self.book.pending.replace(intended);
                self.drop(before.map(|pending| pending.record));
                Some(())
            }
            Record::Signed { .. } | Record::SignedCovered { .. } => {
                let kept = self.kept(id, record);
                kept.map_or(Some(()), |kept| self.signed(id, kept.payment()))
            }
            Record::Accepted { .. }
            | Record::StreamAccepted { .. }
            | Record::AcceptedCovered { .. }
            | Record::StreamAcceptedCovered { .. } => match self.kept(id, record) {
                Some(kept) => self.newest(id, kept.allowance(), kept.payment()),
                None => Some(()),
            },
            Record::Tally {
                currency,
                settled,
                contested,
                returned,
                absorbed,
            } => {
                let pocket = self.book.pocket_mut(currency).ok()?;
                pocket.tally = Tally {
                    settled,
                    contested,
                    returned,
                };
                let before = pocket.tally_record.replace(id);
                self.drop(before);
                self.absorbed.remove(|(of, _)| *of == currency);
                self.absorbed.insert((currency, absorbed)).then_some(())
            }
            Record::Renewal { renewal } => {
                let Some(renewal) = self.open::<Renewal>(id, renewal) else {
                    return Some(());
                };
                let pocket = self.book.pocket_mut(renewal.0.currency).ok()?;
                let before = pocket.renewal.replace((renewal.0, id));
                self.drop(before.map(|(_, record)| record));
                Some(())
            }
            Record::Evicted { until } => {
                let before = self.book.evicted.replace((until, id));
                self.drop(before.map(|(_, record)| record));
                Some(())
            }
            Record::Unsure { key_epoch } => {
                let before = self.book.unsure.replace((key_epoch, id));
                self.drop(before.map(|(_, record)| record));
                Some(())
            }
            Record::Gap { since, until } => self.gap(id, since, until),
            Record::Invoiced { invoice } => {
                let Some((invoice, digest)) = self.open::<Invoice>(id, invoice) else {
                    return Some(());
                };
                let asking = Asking {
                    reference: digest.reference(),
                    expires: invoice.expires,
                    order: InvoiceOrder::of(&invoice),
                    record: id,
                };
                self.book.invoices.insert(asking).then_some(())
            }
            Record::Answered { reference, expires } => {
                let open = self.book.invoices.find(|a| a.reference == reference);
                let before = open.map(|asking| asking.record);
                self.book.invoices.remove(|a| a.reference == reference);
                self.drop(before);
                let asking = Asking {
                    reference,
                    expires,
                    order: None,
                    record: id,
                };
                self.book.invoices.insert(asking).then_some(())
            }
            Record::Rules { currency, rules } => {
                let pocket = self.book.pocket_mut(currency).ok()?;
                let before = pocket.rules.replace((rules, id));
                self.drop(before.map(|(_, record)| record));
                Some(())
            }
            Record::Declining { payment, until, .. } => self.refused(id, payment, until),
            Record::Declined { receipt, until } => {
                let Some((receipt, _)) = self.open::<Receipt>(id, receipt) else {
                    return Some(());
                };
                self.refused(id, receipt.payment, until)
            }
            Record::Void {
                key_epoch,
                first,
                last,
                time,
            } => self.void(id, key_epoch, (first, last), time),
            Record::Closing { closing } => self.closing(id, closing),
            Record::Forked {
                code,
                key_epoch,
                key,
                until,
                handed_in,
            } => self.forked(id, (code, key_epoch), (key, until), handed_in),
            Record::Time { time } => {
                let before = self.book.told.reopen(time, id);
                self.drop(before);
                Some(())
            }
            Record::Warrant { warrant, .. } => self.warrant(id, warrant),
            Record::Area { area } => self.area(id, area, self.place),
            Record::Filter { filter } => self.filter(id, filter),
            Record::Rates { currency, rates } => {
                let pocket = self.book.pocket_mut(currency).ok()?;
                let before = pocket.rates.replace((rates, id));
                self.drop(before.map(|(_, record)| record));
                Some(())
            }
            Record::Owner { .. }
            | Record::Mark { .. }
            | Record::Receipted { .. }
            | Record::Closed { .. }
            | Record::Released { .. }
            | Record::Taken { .. }
            | Record::Against { .. }
            | Record::Stated { .. }
            | Record::Approved { .. } => Some(()),
        }
    }

    fn second(&mut self, id: RecordId, record: &Record<'_>) -> Option<()> {
        match *record {
            Record::Against { payment, .. } => self.against(id, payment),
            Record::Accepted { .. }
            | Record::StreamAccepted { .. }
            | Record::AcceptedCovered { .. }
            | Record::StreamAcceptedCovered { .. } => {
                let Some((payment, payment_id, entry)) = self.taken(id, record) else {
                    return Some(());
                };
                let absorbed = (payment.currency, payment_id);
                if self.absorbed.iter().any(|known| *known == absorbed) {
                    self.book.payers.remove(|n| n.record == id);
                    self.drop(Some(id));
                    return Some(());
                }
                if self.book.payers.iter().any(|n| n.record == id) {
                    return Some(());
                }
                self.wait(entry)
            }
            Record::Signed { .. } | Record::SignedCovered { .. } => {
                let entry = self.book.outbox.iter().find(|entry| entry.record == id);
                let known = entry.map(|entry| (entry.currency, entry.id));
                if known.is_some_and(|of| self.absorbed.iter().any(|known| *known == of)) {
                    self.book.outbox.remove(|entry| entry.record == id);
                    self.drop(Some(id));
                }
                Some(())
            }
            Record::Approved {
                currency,
                payee,
                day,
                sum,
                key_epoch,
                sequence,
            } => self.approved(Approved {
                currency,
                payee,
                day,
                sum,
                number: (key_epoch, sequence),
                record: id,
            }),
            Record::Mark {
                payment,
                outcome,
                amount,
                missing,
            } => {
                let mark = Mark {
                    outcome,
                    amount,
                    missing,
                    record: id,
                };
                let of_payer = self.book.payers.iter_mut().find(|n| n.spent.id == payment);
                let place = match of_payer {
                    Some(newest) => Some(&mut newest.mark),
                    None => self.entry(payment).map(|entry| &mut entry.mark),
                };
                let before = match place {
                    Some(place) => place.replace(mark).map(|mark| mark.record),
                    None => Some(id),
                };
                self.drop(before);
                Some(())
            }
            Record::Receipted { receipt } => {
                let Some((object, _)) = self.open::<Receipt>(id, receipt) else {
                    return Some(());
                };
                let before = match self.entry(object.payment).map(|entry| &mut entry.side) {
                    Some(Side::Paid { receipt, .. }) => receipt.replace(id),
                    _ => Some(id),
                };
                self.drop(before);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn third(&mut self, id: RecordId, record: &Record<'_>) -> Option<()> {
        match *record {
            Record::Accepted { .. }
            | Record::StreamAccepted { .. }
            | Record::AcceptedCovered { .. }
            | Record::StreamAcceptedCovered { .. } => {
                let Some((payment, _, entry)) = self.taken(id, record) else {
                    return Some(());
                };
                let asking = |a: &&Asking| a.reference == payment.reference && a.order.is_some();
                if self.book.invoices.iter().any(|a| asking(&a)) {
                    self.answered = Some(payment.reference);
                }
                let payers = &mut self.book.payers;
                let Some(newest) = payers.find_mut(|n| n.record == id) else {
                    return Some(());
                };
                // In transit a stream goes on.
                if newest.mark.is_some_and(|mark| mark.is_final()) {
                    return Some(());
                }
                let mark = newest.mark.take();
                self.wait(Entry { mark, ..entry })
            }
            Record::Closed {
                receipt, amount, ..
            } => {
                let Some((object, _)) = self.open::<Receipt>(id, receipt) else {
                    return Some(());
                };
                let before = self.closed(id, object.payment, amount);
                self.drop(before);
                Some(())
            }
            _ => Some(()),
        }
    }

    /// Streams that are open.
    fn fourth(&mut self, id: RecordId, record: &Record<'_>) -> Option<()> {
        match *record {
            Record::Stated { statement } => self.stated(id, statement),
            Record::Intent {
                payment,
                seed: Some(_),
                ..
            } => self.outgoing(id, &payment),
            Record::StreamAccepted { .. } | Record::StreamAcceptedCovered { .. } => {
                let Some((payment, payment_id, _)) = self.taken(id, record) else {
                    return Some(());
                };
                let Some(stream) = Incoming::new(payment_id, &payment) else {
                    return Some(());
                };
                let open = self.entry(payment_id).is_some_and(|entry| entry.is_open());
                if open {
                    return self.book.incoming.insert(stream).then_some(());
                }
                // What was taken of a stream that is over is known from its receipt.
                Some(())
            }
            Record::Released { payment, units } => {
                let streams = &mut self.book.outgoing;
                let before = match streams.find_mut(|stream| stream.payment == payment) {
                    Some(stream) => {
                        stream.units = units;
                        stream.units_record.replace(id)
                    }
                    None => Some(id),
                };
                self.drop(before);
                Some(())
            }
            Record::Taken {
                payment,
                units,
                value,
                closing,
            } => {
                let streams = &mut self.book.incoming;
                let before = match streams.find_mut(|stream| stream.payment == payment) {
                    Some(stream) => {
                        stream.units = units;
                        stream.value = value;
                        stream.closing = closing;
                        stream.units_record.replace(id)
                    }
                    None => Some(id),
                };
                self.drop(before);
                Some(())
            }
            _ => Some(()),
        }
    }

    /// Puts a closing receipt in its place; returns the record that is of no use.
    fn closed(&mut self, id: RecordId, payment: Digest, amount: AmountMinor) -> Option<RecordId> {
        if let Some(entry) = self.entry(payment) {
            return match &mut entry.side {
                Side::Paid { receipt, .. } => receipt.replace(id),
                Side::Taken { receipt, .. } => {
                    entry.amount = amount;
                    receipt.replace(id)
                }
            };
        }
        let payers = &mut self.book.payers;
        match payers.find_mut(|n| n.spent.id == payment) {
            Some(newest) => newest.receipt.replace(id),
            None => Some(id),
        }
    }

    /// The intent of a stream stays as long as it is open.
    fn outgoing(&mut self, id: RecordId, payment: &Payment) -> Option<()> {
        if self
            .book
            .pending
            .is_some_and(|pending| pending.record == id)
        {
            return Some(());
        }
        let terms = payment.stream?;
        let Ok(digest) = identify(payment, &self.trust.network, self.algorithm) else {
            self.unreadable.get_or_insert(id);
            return Some(());
        };
        if !self.entry(digest).is_some_and(|entry| entry.is_open()) {
            self.drop(Some(id));
            return Some(());
        }
        let stream = Outgoing::new(digest, terms, payment.settle_by, id);
        self.book.outgoing.insert(stream).then_some(())
    }

    /// A sum counts only if its last payment was meant to be made.
    fn approved(&mut self, approved: Approved) -> Option<()> {
        let standing = self.book.standing;
        let pending = self.book.pending.map(|pending| pending.payment);
        let intended = pending.map(|p| (p.key_epoch, p.sequence)) == Some(approved.number);
        let given_up = self.book.is_void(approved.number);
        if approved.number > (standing.key_epoch, standing.sequence) && !intended && !given_up {
            self.drop(Some(approved.record));
            return Some(());
        }
        let same = |a: &Approved| (a.currency, a.payee) == (approved.currency, approved.payee);
        let mut replaced = self.book.approved.find(|a| same(a)).copied();
        if replaced.is_none() && self.book.approved.is_full() {
            replaced = self.book.oldest_approved();
        }
        if let Some(replaced) = replaced {
            self.book.approved.remove(|a| a.record == replaced.record);
            self.drop(Some(replaced.record));
        }
        self.book.approved.insert(approved).then_some(())
    }

    fn refused(&mut self, id: RecordId, payment: Digest, until: Timestamp) -> Option<()> {
        let before = self
            .book
            .declined
            .find(|refused| refused.payment == payment);
        let before = before.map(|refused| refused.record);
        self.book
            .declined
            .remove(|refused| refused.payment == payment);
        self.drop(before);
        let refused = Refused {
            payment,
            until,
            record: id,
        };
        self.book.declined.insert(refused).then_some(())
    }

    /// What can be told only at the end.
    fn close(&mut self) {
        // Numbers are signed one after the other, so an intent below the newest one was signed, and
        // what became of it is forgotten.
        let standing = self.book.standing;
        let signed = self.book.pending.take_if(|pending| {
            let number = (pending.payment.key_epoch, pending.payment.sequence);
            number <= (standing.key_epoch, standing.sequence)
        });
        self.drop(signed.map(|pending| pending.record));
        let mut units = [None; STREAMS];
        for (slot, stream) in units.iter_mut().zip(self.book.incoming.iter()) {
            *slot = stream
                .terms
                .cost(stream.units)
                .map(|amount| (stream.payment, amount));
        }
        for (payment, amount) in units.into_iter().flatten() {
            if let Some(entry) = self.entry(payment) {
                entry.amount = amount;
            }
        }
        self.outlived();
        let epoch = self.book.standing.key_epoch;
        let outlived = self.book.unsure.take_if(|(of, _)| *of < epoch);
        self.drop(outlived.map(|(_, record)| record));
        let mut answered = [None; CURRENCIES];
        for (slot, pocket) in answered.iter_mut().zip(self.book.pockets.iter_mut()) {
            let granted = pocket.allowance.map(|held| held.record);
            *slot = pocket.renewal.take_if(|(_, asked)| Some(*asked) < granted);
        }
        for (_, record) in answered.into_iter().flatten() {
            self.drop(Some(record));
        }
    }

    fn gateway(&mut self, id: RecordId, gateway: Result<Gateway, Status>) -> Option<()> {
        // A chain that the pinned root does not carry any more is of no use.
        let Ok(mut gateway) = gateway else {
            self.drop(Some(id));
            return Some(());
        };
        gateway.record = id;
        let before = self.book.gateway(&gateway.code).map(|g| g.record);
        self.book.gateways.remove(|g| g.code == gateway.code);
        self.drop(before);
        self.book.gateways.insert(gateway).then_some(())
    }

    fn allowance(&mut self, id: RecordId, bytes: &[u8]) -> Option<()> {
        let Some((allowance, digest)) = self.open::<Allowance>(id, bytes) else {
            return Some(());
        };
        if allowance.key_epoch < self.book.standing.key_epoch {
            self.drop(Some(id));
            return Some(());
        }
        self.reach_epoch(allowance.key_epoch);
        let held = Held {
            allowance,
            reference: digest.reference(),
            record: id,
        };
        let pocket = self.book.pocket_mut(allowance.currency).ok()?;
        let before = pocket.allowance.replace(held);
        self.drop(before.map(|held| held.record));
        Some(())
    }

    fn signed(&mut self, id: RecordId, bytes: &[u8]) -> Option<()> {
        let Some((payment, digest)) = self.open::<Payment>(id, bytes) else {
            return Some(());
        };
        let intended = self.book.pending.take_if(|pending| {
            (pending.payment.key_epoch, pending.payment.sequence)
                == (payment.key_epoch, payment.sequence)
        });
        let done = intended.filter(|pending| pending.seed.is_none());
        self.drop(done.map(|pending| pending.record));
        self.reach_epoch(payment.key_epoch);
        let standing = &mut self.book.standing;
        if payment.key_epoch == standing.key_epoch {
            if payment.sequence > standing.sequence {
                standing.sequence = payment.sequence;
                standing.head = digest.reference();
            }
            let pocket = self.book.pocket_mut(payment.currency).ok()?;
            if payment.odometer > pocket.odometer {
                pocket.odometer = payment.odometer;
                pocket.newest = Some(id);
            }
        }
        self.wait(Entry::paid(digest, id, &payment))
    }

    fn newest(&mut self, id: RecordId, allowance: &[u8], payment: &[u8]) -> Option<()> {
        let allowance = self.open::<Allowance>(id, allowance);
        let payment = self.open::<Payment>(id, payment);
        let (Some((allowance, _)), Some((payment, digest))) = (allowance, payment) else {
            return Some(());
        };
        self.book.pocket_mut(payment.currency).ok()?;
        let spent = Spent::new(digest, &payment)?;
        let order = |spent: &Spent| (spent.key_epoch, spent.sequence);
        let known = self.book.newest(payment.payer, payment.currency);
        if known.is_some_and(|n| order(&n.spent) > order(&spent)) {
            return Some(());
        }
        self.book
            .payers
            .remove(|n| (n.spent.payer, n.spent.currency) == (payment.payer, payment.currency));
        let newest = Newest {
            spent,
            record: id,
            expires: allowance.expires,
            receipt: None,
            mark: None,
        };
        self.book.payers.insert(newest).then_some(())
    }

    fn kept<'b>(&mut self, id: RecordId, record: &Record<'b>) -> Option<Kept<'b>> {
        let kept = record.kept().ok();
        if kept.is_none() {
            self.unreadable.get_or_insert(id);
        }
        kept
    }

    /// A payment taken, and its place in the outbox.
    fn taken(&mut self, id: RecordId, record: &Record<'_>) -> Option<(Payment, Digest, Entry)> {
        let kept = self.kept(id, record)?;
        let (payment, digest) = self.open::<Payment>(id, kept.payment())?;
        let mut entry = Entry::taken(digest, id, &payment);
        entry.cover = Cover::of(&kept, &self.trust.network);
        Some((payment, digest, entry))
    }

    pub(super) fn reach_epoch(&mut self, key_epoch: KeyEpoch) {
        if key_epoch > self.book.standing.key_epoch {
            let (book, stale) = (&mut self.book, &mut self.stale);
            book.begin_epoch(key_epoch, |_| false, &mut |record| note(stale, record));
        }
    }

    fn wait(&mut self, entry: Entry) -> Option<()> {
        if !self.book.outbox.insert(entry) && self.spare.replace(entry).is_some() {
            return None;
        }
        Some(())
    }

    pub(super) fn entry(&mut self, payment: Digest) -> Option<&mut Entry> {
        let waiting = self.book.outbox.iter_mut().chain(&mut self.spare);
        waiting.into_iter().find(|entry| entry.id == payment)
    }

    /// The record was written by this purse and its bytes are whole, so signatures are not checked
    /// again. One that does not read all the same is never dropped: it may be money.
    pub(super) fn open<T: protocol::objects::Object>(
        &mut self,
        id: RecordId,
        bytes: &[u8],
    ) -> Option<(T, Digest)> {
        match open::<T>(bytes, &self.trust.network) {
            Ok(sealed) => Some((*sealed.peek(), sealed.id())),
            Err(_) => {
                self.unreadable.get_or_insert(id);
                None
            }
        }
    }

    pub(super) fn drop(&mut self, record: Option<RecordId>) {
        if let Some(record) = record {
            note(&mut self.stale, record);
        }
    }
}

/// Notes each record once.
fn note(stale: &mut [Option<RecordId>; STALE], record: RecordId) {
    if stale.contains(&Some(record)) {
        return;
    }
    if let Some(slot) = stale.iter_mut().find(|slot| slot.is_none()) {
        *slot = Some(record);
    }
}
