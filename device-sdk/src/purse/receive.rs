//! What others say: receipts, statements, allowances, refusals; and whose word counts.

use super::epoch::Beginning;
use super::reached::Reached;
use super::succession::Certified;
use super::watermark::Weight;
use super::{
    Entry, Gateway, Held, Mark, Pending, Pocket, Purse, Side, Standing, TakenUnits, Tally, VOIDS,
};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{Verified, open};
use protocol::message::Message;
use protocol::objects::{Allowance, Pass, Payment, Receipt, Rights, Statement};
use protocol::rules::trust::{current, passes};
use protocol::rules::{Answer, Handover, Holdings, answer};
use protocol::{Code, Currency, Digest, Odometer, Reference, Signer, Status, Timestamp};

/// What loses its meaning when a key epoch begins: allowances, renewals and closings, voids, an
/// intent and a doubt.
const EPOCH_RECORDS: usize = super::CURRENCIES * 3 + VOIDS + 2;

/// What a message changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The payee has taken the payment: its receipt is kept.
    Receipted {
        /// Identifier of the payment.
        payment: Digest,
    },
    /// The payee has closed a stream: its receipt is kept, and no more units are released.
    Closed {
        /// Identifier of the payment.
        payment: Digest,
        /// Units it took.
        units: u32,
    },
    /// The payee has declined the payment: its receipt is kept. A gateway returns the money.
    Declined {
        /// Identifier of the payment.
        payment: Digest,
        /// Why.
        reason: Status,
    },
    /// The payee waits for a stream's units.
    Ready {
        /// Identifier of the payment.
        payment: Digest,
    },
    /// Units of a stream were taken, as by [`Purse::take_unit`].
    Took(TakenUnits),
    /// A gateway said what became of a payment.
    Stated {
        /// Identifier of the payment.
        payment: Digest,
        /// Settled, in transit, an open claim, declined or returned.
        outcome: Status,
    },
    /// A gateway said what will become of a payment once its arbiter, or the centre, has spoken.
    /// Nothing changes before.
    Provisional {
        /// Identifier of the payment.
        payment: Digest,
        /// As in `Stated`.
        outcome: Status,
    },
    /// The centre said how far a gateway's word is final.
    Final {
        /// How many payments that closed.
        payments: usize,
    },
    /// There is a new allowance.
    Granted {
        /// In this currency.
        currency: Currency,
        /// How far the odometer may run now.
        limit: Odometer,
    },
    /// A gateway knows payments of this key that this purse does not remember: it is a restored
    /// copy, or it has one, or its journal was lost. It pays nothing more until it is given a new key
    /// epoch, which [`Purse::renewal`] asks for from now on.
    Behind,
    /// Somebody refused a message. Not signed, so it changes nothing here. `NeedsKey` says that the
    /// wallet key forked: the thing enrols a new one, and opens a new purse with it.
    Refused {
        /// Why.
        status: Status,
        /// Which object.
        about: Option<Reference>,
    },
    /// A gateway said what time it is.
    Time {
        /// What time it is now, as far as this purse believes.
        now: Timestamp,
        /// The gateway knows a newer filter than this purse.
        newer_filter: bool,
    },
    /// A key contradicted itself: nothing is taken from it any more. The proof, if this purse holds
    /// it, is among its notices.
    Fraud {
        /// Whose key.
        code: Code,
    },
    /// A warrant, an area in which this purse stands, a filter, or the next key of a gateway is kept.
    Learnt,
    /// Nothing that was not known before.
    Known,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Takes note of a Receipt, Unit, Statement, Grant, Refusal, Beacon, Filter, Warrant, Area, Seen,
    /// Proof, Accusation, Watermark or Successor. What it changes is durable when this returns; the
    /// same message again changes nothing.
    pub fn receive(&mut self, bytes: &[u8], now: Timestamp) -> Result<Event, Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        let message = Message::read(bytes)?;
        if let Message::Unit {
            about,
            units,
            value,
        } = message
        {
            // Nothing is signed here, so a key store that is away holds up no stream.
            return self.unit(about, units, value);
        }
        self.sign_pending()?;
        match message {
            Message::Receipt { receipt, pass } => self.receipt(receipt, pass, now),
            Message::Statement { statement } => self.statement(statement, now),
            Message::Grant { allowance } => self.grant(allowance, now),
            Message::Beacon { beacon } => {
                let (now, newer_filter) = self.beacon(beacon, now)?;
                Ok(Event::Time { now, newer_filter })
            }
            Message::Warrant { centre, warrant } => learnt(self.warrant(centre, warrant, now)?),
            Message::Seen { allowance, payment } => self.neighbour(allowance, payment, now),
            Message::Proof { .. } | Message::Accusation { .. } => self.accused(bytes, now),
            Message::Watermark { watermark } => {
                let payments = self.watermark(watermark, now)?;
                Ok(Event::Final { payments })
            }
            Message::Area { area } => learnt(self.area(area, now)?),
            Message::Filter { filter } => learnt(self.filter(filter, now)?),
            Message::Successor {
                issuer,
                gateway,
                former,
                successor,
                own,
            } => {
                let shown = Handover {
                    issuer,
                    gateway,
                    former,
                    successor,
                };
                learnt(self.succeeded(&shown, own, now)?)
            }
            Message::Refusal { status, about } => match self.renewal_refused(status, about)? {
                true => Ok(Event::Behind),
                false => Ok(Event::Refused { status, about }),
            },
            _ => Err(Status::NotForYou),
        }
    }

    /// Without units it is a payee's answer, with units a payer's release.
    fn unit(&mut self, about: [u8; 4], units: u32, value: Digest) -> Result<Event, Status> {
        if units > 0 {
            return self.take_value(about, units, value).map(Event::Took);
        }
        let payment = self.ready_for_units(about, &value);
        let payment = payment.ok_or(Status::WrongUnit)?;
        Ok(Event::Ready { payment })
    }

    /// From now on this gateway's word counts: its allowances, its statements, and the passes it
    /// gave. Returns its code. `Full` beyond [`super::GATEWAYS`].
    pub fn trust_gateway(
        &mut self,
        issuer_pass: &[u8],
        gateway_pass: &[u8],
        now: Timestamp,
    ) -> Result<Code, Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        let gateway = Gateway::check(&self.own.trust, issuer_pass, gateway_pass)?;
        for pass in [issuer_pass, gateway_pass] {
            current(open::<Pass>(pass, &self.own.trust.network)?.peek(), now)?;
        }
        let before = self.book.gateway(&gateway.code);
        if before.is_some_and(|before| gateway.issued <= before.issued) {
            return Ok(gateway.code);
        }
        let record = Record::Gateway {
            issuer: issuer_pass,
            gateway: gateway_pass,
        };
        self.keep_gateway(gateway, &record)?;
        Ok(gateway.code)
    }

    /// Keeps what a gateway's word is checked with, in the place of what was kept before.
    pub(super) fn keep_gateway(
        &mut self,
        mut gateway: Gateway,
        record: &Record<'_>,
    ) -> Result<(), Status> {
        let before = self.book.gateway(&gateway.code).copied();
        if before.is_none() && self.book.gateways.is_full() {
            return Err(Status::Full);
        }
        gateway.record = self.append(record)?;
        self.book.gateways.remove(|g| g.code == gateway.code);
        if !self.book.gateways.insert(gateway) {
            return Err(Status::Full);
        }
        // A cut before this: the later record counts when the journal is read.
        self.forget_if(before.map(|before| before.record))
    }

    fn receipt(&mut self, receipt: &[u8], pass: &[u8], now: Timestamp) -> Result<Event, Status> {
        let network = self.own.trust.network;
        let receipt = open::<Receipt>(receipt, &network)?;
        let payment = receipt.peek().payment;
        let Some((entry, payee, kept)) = self.paid(payment) else {
            return Ok(Event::Known);
        };
        if receipt.peek().payee != payee {
            return Err(Status::WrongReceipt);
        }
        let mut bytes = [0; RECORD_MAX];
        let pass = self.thing(pass, &mut bytes, now)?;
        if pass.subject.0 != payee || !pass.rights.permits(Rights::ACCEPT) {
            return Err(Status::WrongReceipt);
        }
        let receipt = receipt.verify(&pass.key.0)?;
        let said = self.answered(&entry, receipt.get())?;
        let kept = match kept {
            Some(record) => Some(self.kept_answer(&entry, record)?),
            None => None,
        };
        if kept.is_some_and(|kept| kept != said) {
            return Err(Status::Contradiction);
        }
        let closed = entry.mark.is_some_and(|mark| mark.is_final());
        if kept.is_none() && !closed {
            self.keep_receipt(&entry, &receipt, said)?;
        }
        Ok(match said {
            Answer::Taken => Event::Receipted { payment },
            Answer::Closed { units } => Event::Closed { payment, units },
            Answer::Declined(reason) => Event::Declined { payment, reason },
        })
    }

    /// What a receipt says about a payment of this purse.
    fn answered(&mut self, entry: &Entry, receipt: &Receipt) -> Result<Answer, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let payment = record.ok_or(Status::Storage)?.kept()?.payment();
        let payment = open::<Payment>(payment, &self.own.trust.network)?;
        answer(&payment.verify(&self.key.public_key())?, receipt)
    }

    fn kept_answer(&mut self, entry: &Entry, record: RecordId) -> Result<Answer, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Receipted { receipt } | Record::Closed { receipt, .. }) => {
                let receipt = *open::<Receipt>(receipt, &self.own.trust.network)?.peek();
                self.answered(entry, &receipt)
            }
            _ => Err(Status::Storage),
        }
    }

    /// Keeps the payee's answer; with it goes the value of the last unit it took, so that the seed
    /// is needed no longer.
    fn keep_receipt(
        &mut self,
        entry: &Entry,
        receipt: &Verified<'_, Receipt>,
        said: Answer,
    ) -> Result<(), Status> {
        let payment = entry.id;
        let receipt = receipt.bytes();
        let record = match said {
            Answer::Taken | Answer::Declined(_) => self.append(&Record::Receipted { receipt })?,
            Answer::Closed { units } => {
                let Some(stream) = self.book.outgoing(&payment) else {
                    // Given up after its deadline: the values are gone, the payee has its own.
                    return Ok(());
                };
                if units > stream.units {
                    return Err(Status::WrongReceipt);
                }
                let value = self.value_behind(&stream, units)?;
                self.append(&Record::Closed {
                    receipt,
                    value,
                    amount: stream.terms.cost(units).ok_or(Status::WrongReceipt)?,
                })?
            }
        };
        for entry in self.book.outbox.iter_mut().filter(|e| e.id == payment) {
            if let Side::Paid { receipt, .. } = &mut entry.side {
                *receipt = Some(record);
            }
        }
        self.end_outgoing(payment)
    }

    fn paid(&self, id: Digest) -> Option<(Entry, Code, Option<RecordId>)> {
        self.book
            .outbox
            .iter()
            .filter(|entry| entry.id == id)
            .find_map(|entry| match entry.side {
                Side::Paid { payee, receipt, .. } => Some((*entry, payee, receipt)),
                Side::Taken { .. } => None,
            })
    }

    /// The pass of a thing that is good now, checked through the gateway that gave it; or through
    /// the station that made the thing, which stands under the issuer of a trusted gateway.
    pub(super) fn thing(
        &mut self,
        pass: &[u8],
        bytes: &mut [u8; RECORD_MAX],
        now: Timestamp,
    ) -> Result<Pass, Status> {
        let trust = self.own.trust;
        let (pass, station) = passes(pass)?;
        let highest = open::<Pass>(station.unwrap_or(pass), &trust.network)?;
        let (by, subject) = (highest.peek().issuer.0, highest.peek().subject.0);
        let gateway = match station {
            None => self.book.gateway(&by),
            Some(_) => self.book.gateways.find(|gateway| gateway.issuer == by),
        };
        let gateway = *gateway.ok_or(Status::UnknownGateway)?;
        let len = self.recall(gateway.record, bytes)?;
        let certified = Certified::read(bytes.get(..len).unwrap_or_default());
        let Certified {
            issuer,
            gateway: above,
            former,
        } = certified?;
        let former = former.filter(|_| gateway.keys(now).other.is_some());
        let by = |above: &[u8]| {
            let above = open::<Pass>(above, &trust.network)?.verify(&gateway.issuer_key)?;
            Ok::<_, Status>(*trust.issued(&above, pass)?.get())
        };
        let pass = match station {
            None => match (by(above), former) {
                (Err(Status::BadSignature), Some(former)) => by(former)?,
                (given, _) => given?,
            },
            Some(_) if self.book.is_revoked(&subject) => return Err(Status::Revoked),
            Some(station) => *trust
                .by_station(&trust.issuer(issuer)?, station, pass, now)?
                .get(),
        };
        current(&pass, now)?;
        Ok(pass)
    }

    fn statement(&mut self, statement: &[u8], now: Timestamp) -> Result<Event, Status> {
        let statement = open::<Statement>(statement, &self.own.trust.network)?;
        let gateway = self
            .book
            .gateway(&statement.peek().gateway)
            .ok_or(Status::UnknownGateway)?;
        let statement = gateway.keys(now).verify(statement)?;
        if gateway.expires <= statement.get().time {
            return Err(Status::Expired);
        }
        let payment = statement.get().payment;
        let Some(entry) = self.book.entry(&payment).copied() else {
            return Ok(Event::Known);
        };
        let outcome = said(statement.get())?;
        if statement.get().provisional.is_some() {
            // Nothing rests on it: the payment is handed in again.
            return Ok(Event::Provisional { payment, outcome });
        }
        // What cannot be applied later is not kept now.
        self.reached_by(&entry, statement.get())?;
        match self.weigh_statement(&statement, &entry)? {
            Weight::Known => Ok(Event::Known),
            Weight::Waits => Ok(Event::Stated { payment, outcome }),
            Weight::Final | Weight::Open => self.apply(statement.get()),
        }
    }

    /// How much of a payment a statement says has reached the payee.
    fn reached_by(&mut self, entry: &Entry, statement: &Statement) -> Result<Reached, Status> {
        let terms = self.terms(entry.record)?;
        let reached = Reached::of(entry, said(statement)?, terms, statement);
        reached.ok_or(Status::Malformed)
    }

    /// Does what a gateway's word says.
    pub(super) fn apply(&mut self, statement: &Statement) -> Result<Event, Status> {
        let outcome = said(statement)?;
        let payment = statement.payment;
        let Some(entry) = self.book.entry(&payment).copied() else {
            return Ok(Event::Known);
        };
        let reached = self.reached_by(&entry, statement)?;
        let terms = self.terms(entry.record)?;
        let in_transit = outcome == Status::InTransit;
        let goes_on = in_transit || outcome == Status::WaitingForCover;
        let known = |mark: Mark| mark.is_final() || (goes_on && reached.amount <= mark.amount);
        if entry.mark.is_some_and(known) {
            return Ok(Event::Known);
        }
        match entry.side {
            // In transit the money still waits for this purse's claim.
            Side::Taken { .. } if in_transit && terms.is_none() => {}
            Side::Taken { .. } if !goes_on => self.close_taken(&entry, outcome, reached)?,
            Side::Paid { .. } | Side::Taken { .. } => {
                let mark = self.mark(payment, outcome, reached)?;
                for entry in self.book.outbox.iter_mut().filter(|e| e.id == payment) {
                    entry.mark = Some(mark);
                }
                self.forget_if(entry.mark.map(|mark| mark.record))?;
                if !goes_on {
                    self.end_outgoing(payment)?;
                }
            }
        }
        Ok(Event::Stated { payment, outcome })
    }

    /// The newest payment of a payer is kept, so that it is known when it comes again; any other is
    /// forgotten. Either way a stream is over.
    fn close_taken(
        &mut self,
        entry: &Entry,
        outcome: Status,
        reached: Reached,
    ) -> Result<(), Status> {
        let posted = entry.mark.map(|mark| mark.record);
        let Side::Taken { receipt, .. } = entry.side else {
            return Ok(());
        };
        let is_newest = self.book.payers.iter().any(|n| n.record == entry.record);
        if !is_newest {
            let mark = Mark {
                outcome,
                amount: reached.amount,
                missing: reached.missing,
                record: entry.record,
            };
            let records = [Some(entry.record), posted, receipt];
            self.absorb(entry.id, entry.currency, Tally::of(&mark), &records)?;
            return self.end_incoming(entry.id);
        }
        let mark = self.mark(entry.id, outcome, reached)?;
        for newest in self.book.payers.iter_mut() {
            if newest.record == entry.record {
                newest.mark = Some(mark);
                newest.receipt = receipt;
            }
        }
        self.book.outbox.remove(|e| e.record == entry.record);
        self.forget_if(posted)?;
        self.end_incoming(entry.id)
    }

    fn mark(&mut self, payment: Digest, outcome: Status, reached: Reached) -> Result<Mark, Status> {
        let Reached { amount, missing } = reached;
        let record = self.append(&Record::Mark {
            payment,
            outcome,
            amount,
            missing,
        })?;
        Ok(Mark {
            outcome,
            amount,
            missing,
            record,
        })
    }

    fn grant(&mut self, allowance: &[u8], now: Timestamp) -> Result<Event, Status> {
        let allowance = open::<Allowance>(allowance, &self.own.trust.network)?;
        let gateway = self
            .book
            .gateway(&allowance.peek().gateway)
            .ok_or(Status::UnknownGateway)?;
        if gateway.expires <= now {
            return Err(Status::Expired);
        }
        let allowance = gateway.keys(now).verify(allowance)?;
        let a = allowance.get();
        if a.code != self.own.me {
            return Err(Status::NotForYou);
        }
        if a.wallet_key != self.key.public_key() {
            return Err(Status::WrongAllowance);
        }
        self.reached_gateway_epoch(a.gateway, a.gateway_epoch)?;
        let now = self.note_allowance(&allowance, now)?;
        let held = self.book.pocket(a.currency).and_then(|p| p.allowance);
        let stale = a.key_epoch < self.book.standing.key_epoch
            || held.is_some_and(|held| !is_newer(a, &held.allowance));
        if stale {
            return Ok(Event::Known);
        }
        if a.expires <= now {
            return Err(Status::Expired);
        }
        if a.key_epoch > self.book.standing.key_epoch {
            return match self.begins(a)? {
                Beginning::New => {
                    // First, so that a cut leaves it with the doubt: the same grant ends both.
                    self.end_gap(a)?;
                    self.new_epoch(&allowance)
                }
                Beginning::Old => Ok(Event::Known),
                Beginning::Behind => Ok(Event::Behind),
            };
        }
        if self.book.unsure.is_some() {
            return Ok(Event::Known);
        }
        let standing = self.book.standing;
        let pocket = self.book.pocket_mut(a.currency)?;
        let behind = a.base_sequence > standing.sequence
            || a.base_odometer > pocket.odometer
            || (a.base_sequence == standing.sequence && a.base_head != standing.head);
        if behind {
            self.doubt(standing.key_epoch)?;
            return Ok(Event::Behind);
        }
        if a.limit < pocket.odometer {
            return Err(Status::WrongAllowance);
        }
        self.hold(&allowance)
    }

    fn hold(&mut self, allowance: &Verified<'_, Allowance>) -> Result<Event, Status> {
        let record = self.append(&Record::Allowance {
            allowance: allowance.bytes(),
        })?;
        let pocket = self.book.pocket_mut(allowance.get().currency)?;
        let held = Held {
            allowance: *allowance.get(),
            reference: allowance.reference(),
            record,
        };
        let before = pocket.allowance.replace(held);
        let asked = pocket.renewal.take();
        let closed = pocket.closing.take();
        self.forget_if(before.map(|held| held.record))?;
        self.forget_if(asked.map(|(_, record)| record))?;
        self.forget_if(closed.map(|(_, record)| record))?;
        Ok(Event::Granted {
            currency: held.allowance.currency,
            limit: held.allowance.limit,
        })
    }

    /// A new life of the key: numbers and odometers begin anew, and so does trust in them.
    fn new_epoch(&mut self, allowance: &Verified<'_, Allowance>) -> Result<Event, Status> {
        let a = allowance.get();
        self.book.pocket_mut(a.currency)?;
        let event = self.hold(allowance)?;
        let mut left = [None; EPOCH_RECORDS];
        let mut slots = left.iter_mut();
        self.book.begin_epoch(
            a.key_epoch,
            |pocket| pocket.currency == a.currency,
            &mut |record| {
                if let Some(slot) = slots.next() {
                    *slot = Some(record);
                }
            },
        );
        left.into_iter().try_for_each(|r| self.forget_if(r))?;
        Ok(event)
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> super::Book<OUTBOX, PAYERS> {
    /// Begins a key epoch; `keeps` says whose allowance is already of the new one, `drop` is told
    /// what has lost its meaning.
    pub(super) fn begin_epoch(
        &mut self,
        key_epoch: protocol::KeyEpoch,
        keeps: impl Fn(&Pocket) -> bool,
        drop: &mut dyn FnMut(RecordId),
    ) {
        self.standing = Standing::first(key_epoch);
        self.drop_voids(drop);
        let earlier = |pending: &mut Pending| pending.payment.key_epoch < key_epoch;
        if let Some(pending) = self.pending.take_if(earlier) {
            drop(pending.record);
        }
        for pocket in self.pockets.iter_mut() {
            pocket.odometer = Odometer::ZERO;
            pocket.newest = None;
            if !keeps(pocket)
                && let Some(held) = pocket.allowance.take()
            {
                drop(held.record);
            }
            if let Some((_, record)) = pocket.renewal.take() {
                drop(record);
            }
            if let Some((_, record)) = pocket.closing.take() {
                drop(record);
            }
        }
        if let Some((_, record)) = self.unsure.take_if(|(epoch, _)| *epoch < key_epoch) {
            drop(record);
        }
    }
}

fn learnt(new: bool) -> Result<Event, Status> {
    Ok(if new { Event::Learnt } else { Event::Known })
}

/// What a statement says became of a payment.
fn said(statement: &Statement) -> Result<Status, Status> {
    match u8::try_from(statement.outcome).map(Status::from_number) {
        Ok(Some(
            outcome @ (Status::Settled
            | Status::InTransit
            | Status::OpenClaim
            | Status::WaitingForCover
            | Status::Guaranteed
            | Status::Declined
            | Status::Returned),
        )) => Ok(outcome),
        _ => Err(Status::Malformed),
    }
}

/// Within one gateway by its own count, otherwise by time.
fn is_newer(a: &Allowance, held: &Allowance) -> bool {
    if a.key_epoch != held.key_epoch {
        return a.key_epoch > held.key_epoch;
    }
    if a.gateway == held.gateway {
        (a.gateway_epoch, a.number) > (held.gateway_epoch, held.number)
    } else {
        a.issued > held.issued
    }
}

impl Gateway {
    /// Checks both passes; the record is filled in by whoever knows it.
    pub(super) fn check(
        trust: &protocol::rules::Trust,
        issuer_pass: &[u8],
        gateway_pass: &[u8],
    ) -> Result<Self, Status> {
        let issuer = trust.issuer(issuer_pass)?;
        let pass = trust.gateway(issuer_pass, gateway_pass)?;
        Ok(Self {
            code: pass.get().subject.0,
            key: pass.get().key.0,
            rights: pass.get().rights,
            issuer: issuer.get().subject.0,
            issuer_key: issuer.get().key.0,
            issued: pass.get().issued,
            expires: pass.get().expires.min(issuer.get().expires),
            former: None,
            record: RecordId(0),
        })
    }
}
