//! What things on one local net tell each other: the newest payments they took, and proofs. Nothing
//! is believed that is not signed, and what is only heard is kept in memory, a few at a time.

use super::forked::fits_somehow;
use super::pay::send;
use super::{Event, Purse};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Pass, Payment};
use protocol::rules::{Charge, Spent, contradiction, judge};
use protocol::{KeyEpoch, PublicKey, Signer, Status, Timestamp};

/// How many payments are remembered that neighbours took.
pub const HEARD: usize = 8;

/// A payment that a neighbour took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    spent: Spent,
    /// A count, so that the one heard longest ago goes first.
    at: u32,
}

/// Where a walk through the newest payments stands. A new one starts at the newest.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeenCursor {
    before: Option<RecordId>,
}

impl<const OUTBOX: usize, const PAYERS: usize> super::Book<OUTBOX, PAYERS> {
    /// Whether a neighbour took a payment that cannot be true together with this one.
    pub(super) fn seen_otherwise(&self, spent: &Spent) -> bool {
        let contradicts = |heard: &Heard| contradiction(&heard.spent, spent).is_some();
        self.heard.iter().any(contradicts)
    }

    /// Remembers it if it is the newest of its payer.
    fn hear(&mut self, spent: Spent) {
        let order = |spent: &Spent| (spent.key_epoch, spent.sequence);
        let same = |heard: &Heard| {
            (heard.spent.payer, heard.spent.currency) == (spent.payer, spent.currency)
        };
        if self
            .heard
            .iter()
            .any(|h| same(h) && order(&h.spent) >= order(&spent))
        {
            return;
        }
        self.heard.remove(same);
        let newest = self.heard.iter().map(|heard| heard.at).max();
        let heard = Heard {
            spent,
            at: newest.map_or(0, |at| at.saturating_add(1)),
        };
        if self.heard.is_full() {
            let oldest = self.heard.iter().map(|heard| heard.at).min();
            self.heard.remove(|heard| Some(heard.at) == oldest);
        }
        // There is room now. What is lost here is only what somebody said.
        let _ = self.heard.insert(heard);
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Writes the next Seen message for neighbours on a local net: the newest payments taken, one
    /// for each payer and currency, newest first. `None` at the end.
    pub fn seen(
        &mut self,
        cursor: &mut SeenCursor,
        out: &mut [u8],
    ) -> Result<Option<usize>, Status> {
        self.ready(out)?;
        let newest = self.book.payers.iter().map(|newest| newest.record);
        let left = newest.filter(|record| cursor.before.is_none_or(|before| *record < before));
        let Some(record) = left.max() else {
            return Ok(None);
        };
        let mut bytes = [0; RECORD_MAX];
        let (allowance, payment) = self.taken_in(record, &mut bytes)?;
        let len = send(&Message::Seen { allowance, payment }, out)?;
        cursor.before = Some(record);
        Ok(Some(len))
    }

    /// A neighbour took this payment.
    pub(super) fn neighbour(
        &mut self,
        allowance: &[u8],
        payment: &[u8],
        now: Timestamp,
    ) -> Result<Event, Status> {
        let network = self.own.trust.network;
        let allowance = open::<Allowance>(allowance, &network)?;
        let gateway = self.book.gateway(&allowance.peek().gateway);
        let gateway = *gateway.ok_or(Status::UnknownGateway)?;
        let allowance = gateway.keys(now).verify(allowance)?;
        let payment = open::<Payment>(payment, &network)?.verify(&allowance.get().wallet_key)?;
        fits_somehow(&allowance, &payment)?;
        let now = self.note_allowance(&allowance, now)?;
        let (a, p) = (allowance.get(), payment.get());
        if a.expires <= now {
            return Ok(Event::Known);
        }
        if p.payer == self.own.me {
            return self.own_seen(p);
        }
        match self.catch(&allowance, &payment) {
            Ok(()) => {
                let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
                self.book.hear(spent);
                Ok(Event::Known)
            }
            Err(Status::Contradiction) if self.book.is_forked(&p.payer) => {
                Ok(Event::Fraud { code: p.payer })
            }
            // An anomaly of one invoice.
            Err(Status::Contradiction) => Ok(Event::Known),
            Err(status) => Err(status),
        }
    }

    /// A payment of this purse that it does not remember: there is a copy of it.
    fn own_seen(&mut self, p: &Payment) -> Result<Event, Status> {
        let standing = (self.book.standing.key_epoch, self.book.standing.sequence);
        let pending = self.book.pending.as_ref();
        let intended = pending.map(|pending| (pending.payment.key_epoch, pending.payment.sequence));
        let number = (p.key_epoch, p.sequence);
        if number <= standing || intended == Some(number) {
            return Ok(Event::Known);
        }
        self.doubt(p.key_epoch)?;
        Ok(Event::Behind)
    }

    /// Somebody shows that a key contradicted itself.
    pub(super) fn accused(&mut self, message: &[u8], now: Timestamp) -> Result<Event, Status> {
        let verdict = judge(&self.own.trust, message)?;
        self.by_counting_keys(message, now)?;
        if verdict.code == self.own.me {
            self.doubt(self.book.standing.key_epoch)?;
            return Ok(Event::Behind);
        }
        if self.book.is_forked(&verdict.code) {
            return Ok(Event::Known);
        }
        let (key_epoch, key, until) = self.accused_key(message, verdict.charge, now)?;
        self.make_forked_room()?;
        self.refuse_from_now_on(verdict.code, key_epoch, key, until, [None; 2])?;
        let code = verdict.code;
        Ok(Event::Fraud { code })
    }

    /// Whose key an accusation that holds is about.
    fn accused_key(
        &self,
        message: &[u8],
        charge: Charge,
        now: Timestamp,
    ) -> Result<(KeyEpoch, PublicKey, Timestamp), Status> {
        let network = self.own.trust.network;
        let allowed = |allowance: &[u8]| {
            let allowance = open::<Allowance>(allowance, &network)?;
            let a = allowance.peek();
            Ok((a.key_epoch, a.wallet_key, a.expires))
        };
        let certified = |pass: Option<&[u8]>| {
            let pass = open::<Pass>(pass.ok_or(Status::Malformed)?, &network)?;
            // No key epoch is named: any later key is another matter.
            Ok((KeyEpoch(0), pass.peek().key.0, now))
        };
        match Message::read(message)? {
            Message::Proof {
                allowances: [allowance, _],
                ..
            } => allowed(allowance),
            Message::Accusation {
                credentials,
                objects,
                ..
            } => {
                let [object, ..] = objects;
                let [_, gateway, thing] = credentials;
                match charge {
                    Charge::Receipts | Charge::Moves => certified(thing),
                    Charge::AllowanceNumber | Charge::FloatOverlap => certified(gateway),
                    _ => allowed(object.ok_or(Status::Malformed)?),
                }
            }
            _ => Err(Status::Malformed),
        }
    }
}

const _: () = assert!(super::OUT_MAX >= MESSAGE_MAX);
