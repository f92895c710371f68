//! Keys that contradicted themselves: what proves it, and that nothing is taken from them any more.

use super::replay::Replay;
use super::succession::Certified;
use super::{Book, Newest, Purse};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, Verified, open};
use protocol::message::{CREDENTIALS_MAX, MESSAGE_MAX, Message, OBJECTS_MAX};
use protocol::objects::{Allowance, Payment};
use protocol::rules::{Charge, Spent, contradiction, fits_with, judge};
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, Code, KeyEpoch, PublicKey, Signer, Status, Timestamp};

/// How many forked keys a purse remembers.
pub const FORKED: usize = 8;

/// A payment with the allowance that names its key, in bytes.
type Shown<'b> = (&'b [u8], &'b [u8]);

/// A key that signed what contradicts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forked {
    pub(super) code: Code,
    key_epoch: KeyEpoch,
    key: PublicKey,
    until: Timestamp,
    pub(super) record: RecordId,
    handed_in: bool,
    /// The payments that prove it, until they are handed in. With one of them, the other was only
    /// seen by a neighbour.
    pub(super) against: [Option<RecordId>; 2],
}

impl Forked {
    /// The record under which its proof is handed in, once it is whole.
    pub(super) fn proof(&self) -> Option<RecordId> {
        let [first, second] = self.against;
        first.and(second).map(|_| self.record)
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// Whether this code's key, as far as it is known, contradicted itself.
    pub(super) fn is_forked(&self, code: &Code) -> bool {
        self.forked.iter().any(|forked| forked.code == *code)
    }

    /// The newest payment taken that cannot be true together with this one.
    pub(super) fn against(&self, spent: &Spent) -> Option<&Newest> {
        let contradicts = |n: &&Newest| contradiction(&n.spent, spent).is_some();
        self.payers.iter().find(contradicts)
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Holds a payment against what this purse took and what its neighbours did. `Contradiction`
    /// when its key forked; from then on nothing is taken from that key.
    pub(super) fn catch(
        &mut self,
        allowance: &Verified<'_, Allowance>,
        payment: &Verified<'_, Payment>,
    ) -> Result<(), Status> {
        let p = payment.get();
        // What its own allowance does not carry proves nothing against anybody.
        if fits_somehow(allowance, payment).is_err() {
            return Ok(());
        }
        let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
        let shown = (allowance.bytes(), payment.bytes());
        if let Some(newest) = self.book.against(&spent).copied() {
            let mut bytes = [0; RECORD_MAX];
            let taken = self.taken_in(newest.record, &mut bytes)?;
            // Asked again after a cut that its journal did not survive, a purse may not remember.
            let before = open::<Payment>(taken.1, &self.own.trust.network)?;
            let before = before.peek();
            if (before.payee, before.reference) != (p.payee, p.reference) {
                self.condemn_if_proven(allowance.get(), [Some(taken), Some(shown)])?;
            }
            return Err(Status::Contradiction);
        }
        if self.completes(&spent, shown)? {
            return Err(Status::Contradiction);
        }
        if self.book.seen_otherwise(&spent) {
            self.condemn_if_proven(allowance.get(), [Some(shown), None])?;
            return Err(Status::Contradiction);
        }
        Ok(())
    }

    fn condemn_if_proven(
        &mut self,
        a: &Allowance,
        shown: [Option<Shown<'_>>; 2],
    ) -> Result<(), Status> {
        match self.condemn(a, shown) {
            Err(Status::Storage) => Err(Status::Storage),
            // This payment is refused all the same.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Notes that a key forked, with what proves it. The records of the proof come first: a cut
    /// between leaves them without meaning.
    pub(super) fn condemn(
        &mut self,
        a: &Allowance,
        shown: [Option<Shown<'_>>; 2],
    ) -> Result<(), Status> {
        if let [Some(first), Some(second)] = shown {
            // What nobody else would believe is no reason to refuse anybody.
            let mut proof = [0; MESSAGE_MAX];
            self.prove(first, second, &mut proof)?;
        }
        if let Some(known) = self.book.forked.find(|f| f.code == a.code).copied() {
            return match known.against {
                [Some(_), None] => self.complete(&known, shown),
                _ => Ok(()),
            };
        }
        self.make_forked_room()?;
        let mut against = [None; 2];
        for (slot, shown) in against.iter_mut().zip(shown) {
            *slot = match shown {
                Some((allowance, payment)) => {
                    Some(self.append(&Record::Against { allowance, payment })?)
                }
                None => None,
            };
        }
        self.refuse_from_now_on(a.code, a.key_epoch, a.wallet_key, a.expires, against)
    }

    /// Nothing is taken from this key any more.
    pub(super) fn refuse_from_now_on(
        &mut self,
        code: Code,
        key_epoch: KeyEpoch,
        key: PublicKey,
        until: Timestamp,
        against: [Option<RecordId>; 2],
    ) -> Result<(), Status> {
        let record = self.append(&Record::Forked {
            code,
            key_epoch,
            key,
            until,
            handed_in: false,
        })?;
        let forked = Forked {
            code,
            key_epoch,
            key,
            until,
            record,
            handed_in: false,
            against,
        };
        match self.book.forked.insert(forked) {
            true => Ok(()),
            false => Err(Status::Full),
        }
    }

    /// The second payment of a proof that had one.
    fn complete(&mut self, known: &Forked, shown: [Option<Shown<'_>>; 2]) -> Result<(), Status> {
        let mut bytes = [0; RECORD_MAX];
        let first = known.against.first().copied().flatten();
        let first = first.ok_or(Status::Storage)?;
        for (allowance, payment) in shown.into_iter().flatten() {
            let before = self.against_in(first, &mut bytes)?;
            let mut proof = [0; MESSAGE_MAX];
            if self
                .prove(before, (allowance, payment), &mut proof)
                .is_err()
            {
                continue;
            }
            let second = self.append(&Record::Against { allowance, payment })?;
            if let Some(forked) = self.book.forked.find_mut(|f| f.record == known.record) {
                forked.against = [Some(first), Some(second)];
            }
            return Ok(());
        }
        Ok(())
    }

    /// A place for one more: that of the one whose payments run out first, among those whose proof
    /// is handed in or was never held.
    pub(super) fn make_forked_room(&mut self) -> Result<(), Status> {
        if !self.book.forked.is_full() {
            return Ok(());
        }
        let over = self.book.forked.iter().filter(|f| f.against == [None; 2]);
        let over = over.min_by_key(|f| f.until).ok_or(Status::Full)?.record;
        self.book.forked.remove(|f| f.record == over);
        self.forget(over)
    }

    /// A gateway has the proof: it need not be held any more.
    pub(super) fn hand_over(&mut self, record: RecordId) -> Result<(), Status> {
        let Some(forked) = self.book.forked.find(|f| f.record == record).copied() else {
            return Ok(());
        };
        // A cut after this line: what is left of the proof has no meaning.
        let record = self.append(&Record::Forked {
            code: forked.code,
            key_epoch: forked.key_epoch,
            key: forked.key,
            until: forked.until,
            handed_in: true,
        })?;
        if let Some(known) = self.book.forked.find_mut(|f| f.record == forked.record) {
            known.record = record;
            known.handed_in = true;
            known.against = [None; 2];
        }
        self.forget(forked.record)?;
        let against = forked.against.into_iter();
        against.flatten().try_for_each(|record| self.forget(record))
    }

    /// Holds a payment against the one of a proof that lacks the other.
    fn completes(&mut self, spent: &Spent, shown: Shown<'_>) -> Result<bool, Status> {
        let half = |f: &&Forked| f.code == spent.payer && matches!(f.against, [Some(_), None]);
        let Some(half) = self.book.forked.find(half).copied() else {
            return Ok(false);
        };
        let [Some(first), _] = half.against else {
            return Ok(false);
        };
        let mut bytes = [0; RECORD_MAX];
        let (_, payment) = self.against_in(first, &mut bytes)?;
        let payment = open::<Payment>(payment, &self.own.trust.network)?;
        let held = Spent::new(payment.id(), payment.peek()).ok_or(Status::Storage)?;
        if contradiction(&held, spent).is_none() {
            return Ok(false);
        }
        self.complete(&half, [Some(shown), None])?;
        Ok(true)
    }

    /// A gateway gave this code a later key epoch and another key: it knows what happened.
    pub(super) fn forgive(&mut self, a: &Allowance) -> Result<(), Status> {
        let again =
            |f: &&Forked| f.code == a.code && a.key_epoch > f.key_epoch && a.wallet_key != f.key;
        let Some(forked) = self.book.forked.find(again).copied() else {
            return Ok(());
        };
        self.book.forked.remove(|f| f.record == forked.record);
        // A cut on the way: what is left of the proof has no meaning.
        self.forget(forked.record)?;
        forked
            .against
            .into_iter()
            .try_for_each(|r| self.forget_if(r))
    }

    /// Writes the proof that a key forked, judged as anybody would.
    pub(super) fn prove(
        &mut self,
        first: Shown<'_>,
        second: Shown<'_>,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let network = self.own.trust.network;
        let mut passes = [[0; SIGNED_MAX]; 3];
        let mut lens = [0; 3];
        let by = |(allowance, _): Shown<'_>| {
            open::<Allowance>(allowance, &network).map(|sealed| sealed.peek().gateway)
        };
        let gateways = [by(first)?, by(second)?];
        for (at, gateway) in gateways.into_iter().enumerate() {
            let known = self.book.gateway(&gateway);
            let known = *known.ok_or(Status::UnknownGateway)?;
            let mut bytes = [0; RECORD_MAX];
            let len = self.recall(known.record, &mut bytes)?;
            let certified = Certified::read(bytes.get(..len).unwrap_or_default())?;
            let (allowance, _) = if at == 0 { first } else { second };
            let newest = open::<Allowance>(allowance, &network)?.verify(&known.key);
            let issuer = certified.issuer;
            // Behind the key that signed the allowance stands the pass of its time.
            let gateway = match (newest, certified.former) {
                (Err(_), Some(former)) => former,
                _ => certified.gateway,
            };
            for (place, pass) in [(0, issuer), (at + 1, gateway)] {
                let room = passes
                    .get_mut(place)
                    .and_then(|room| room.get_mut(..pass.len()));
                room.ok_or(Status::Storage)?.copy_from_slice(pass);
                *lens.get_mut(place).ok_or(Status::Storage)? = pass.len();
            }
        }
        let [issuer, gateway, other] = &passes;
        let [a, b, c] = lens;
        let (issuer, gateway, other) = (
            issuer.get(..a).unwrap_or_default(),
            gateway.get(..b).unwrap_or_default(),
            other.get(..c).unwrap_or_default(),
        );
        let covered = |(_, payment): Shown<'_>| {
            open::<Payment>(payment, &network).map(|sealed| sealed.peek().covers.is_some())
        };
        let is_one = gateway == other;
        let message = if is_one && !covered(first)? && !covered(second)? {
            Message::Proof {
                issuer,
                gateway,
                allowances: [first.0, second.0],
                payments: [first.1, second.1],
            }
        } else {
            let mut credentials = [Some(issuer), Some(gateway), Some(other)];
            if is_one {
                credentials = [Some(issuer), Some(gateway), None];
            }
            let mut objects = [None; OBJECTS_MAX];
            let given = [first.0, first.1, second.0, second.1];
            for (slot, object) in objects.iter_mut().zip(given) {
                *slot = Some(object);
            }
            const { assert!(CREDENTIALS_MAX == 3) };
            Message::Accusation {
                how: Charge::Payments as u8,
                credentials,
                objects,
            }
        };
        let len = message.write(out).ok_or(Status::Full)?;
        judge(&self.own.trust, out.get(..len).unwrap_or_default())?;
        Ok(len)
    }

    /// What a record holds against a key.
    pub(super) fn against_in<'b>(
        &mut self,
        record: RecordId,
        bytes: &'b mut [u8; RECORD_MAX],
    ) -> Result<Shown<'b>, Status> {
        let len = self.recall(record, bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Against { allowance, payment }) => Ok((allowance, payment)),
            _ => Err(Status::Storage),
        }
    }
}

/// Whether a payment is its allowance's own and within it, whatever its covers are.
pub(super) fn fits_somehow(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
) -> Result<(), Status> {
    let covers = AmountMinor::new(AMOUNT_MAX).filter(|_| payment.get().covers.is_some());
    fits_with(allowance, payment, covers.unwrap_or_default())
}

impl<const OUTBOX: usize, const PAYERS: usize> Replay<'_, OUTBOX, PAYERS> {
    pub(super) fn forked(
        &mut self,
        id: RecordId,
        (code, key_epoch): (Code, KeyEpoch),
        (key, until): (PublicKey, Timestamp),
        handed_in: bool,
    ) -> Option<()> {
        let before = self.book.forked.find(|forked| forked.code == code);
        let before = before.map(|forked| forked.record);
        self.book.forked.remove(|forked| forked.code == code);
        self.drop(before);
        let forked = Forked {
            code,
            key_epoch,
            key,
            until,
            record: id,
            handed_in,
            against: [None; 2],
        };
        self.book.forked.insert(forked).then_some(())
    }

    /// In the second reading, when it is known who forked.
    pub(super) fn against(&mut self, id: RecordId, payment: &[u8]) -> Option<()> {
        let Some((payment, _)) = self.open::<Payment>(id, payment) else {
            return Some(());
        };
        let forked = &mut self.book.forked;
        let forked = forked.find_mut(|f| f.code == payment.payer && !f.handed_in);
        let slot = forked.and_then(|f| f.against.iter_mut().find(|slot| slot.is_none()));
        match slot {
            Some(slot) => *slot = Some(id),
            None => self.drop(Some(id)),
        }
        Some(())
    }
}
