//! What was signed, by whom, and which of it contradicts.

use super::super::wire::{Item, Paper};
use protocol::stream::Chain;
use protocol::{Code, Currency, Digest, KeyEpoch, Sequence, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A payment, as far as money goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) id: Digest,
    pub(crate) payer: Code,
    pub(crate) key_epoch: u32,
    pub(crate) sequence: u64,
    pub(crate) payee: Code,
    pub(crate) currency: Currency,
    pub(crate) amount: u64,
    pub(crate) odometer: u64,
    pub(crate) allowance: [u8; 16],
    pub(crate) settle_by: Timestamp,
    pub(crate) reference: [u8; 16],
    /// The payee's allowance under which it may be spent on.
    pub(crate) covers_for: Option<[u8; 16]>,
    /// Hash over what covers it.
    pub(crate) covers: Option<Digest>,
    /// Price of one, how many, anchor.
    pub(crate) stream: Option<(u64, u32, Digest)>,
}

impl Payment {
    pub(crate) fn read(paper: &Paper) -> Option<Self> {
        let stream = match paper.fields.get(&14) {
            Some(Item::List(terms)) => {
                let [unit, count, anchor] = terms.as_slice() else {
                    return None;
                };
                let unit = u64::try_from(unit.int()?).ok()?;
                let count = u32::try_from(count.int()?).ok()?;
                Some((unit, count, Digest(anchor.bytes()?.try_into().ok()?)))
            }
            _ => None,
        };
        Some(Self {
            id: paper.id(),
            payer: paper.code(1)?,
            key_epoch: u32::try_from(paper.int(2)?).ok()?,
            sequence: paper.int(3)?,
            payee: paper.code(5)?,
            currency: paper.currency(6)?,
            amount: paper.int(7)?,
            odometer: paper.int(8)?,
            allowance: paper.bytes_at(9)?,
            settle_by: Timestamp(u32::try_from(paper.int(10)?).ok()?),
            reference: paper.bytes_at(11)?,
            covers_for: paper.bytes_at(12),
            covers: paper.bytes_at(13).map(Digest),
            stream,
        })
    }

    /// The odometer before it.
    pub(crate) const fn from(&self) -> u64 {
        self.odometer.saturating_sub(self.amount)
    }

    /// Whether this value releases so many units.
    pub(crate) fn releases(&self, units: u32, value: Digest) -> bool {
        let Some((_, count, anchor)) = self.stream else {
            return false;
        };
        let number = Sequence(self.sequence as u32);
        let chain = Chain::new(&self.payer, KeyEpoch(self.key_epoch), number);
        units <= count && chain.down(value, units) == anchor
    }

    /// What so many units cost; of a plain payment, all of it.
    pub(crate) fn cost(&self, units: u32) -> u64 {
        self.stream
            .map_or(self.amount, |(unit, ..)| unit * u64::from(units))
    }
}

/// An allowance that a gateway gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) reference: [u8; 16],
    /// The signed object as the gateway let it out.
    pub(crate) paper: Paper,
    pub(crate) code: Code,
    pub(crate) key_epoch: u32,
    pub(crate) currency: Currency,
    pub(crate) limit: u64,
    pub(crate) base_sequence: u64,
    pub(crate) base_odometer: u64,
    pub(crate) most_per_payment: u64,
    pub(crate) most_payments: u64,
    pub(crate) expires: Timestamp,
    pub(crate) hops: u64,
    /// Where it is good.
    pub(crate) area: Option<[u8; 16]>,
    /// The gateway's number for it.
    pub(crate) number: u64,
    pub(crate) guarantee: u64,
}

impl Grant {
    pub(crate) fn read(paper: &Paper) -> Option<Self> {
        let id = paper.id();
        let mut reference = [0; 16];
        reference.copy_from_slice(&id.0[..16]);
        Some(Self {
            reference,
            paper: paper.clone(),
            code: paper.code(1)?,
            key_epoch: u32::try_from(paper.int(3)?).ok()?,
            currency: paper.currency(5)?,
            limit: paper.int(6)?,
            base_sequence: paper.int(7)?,
            base_odometer: paper.int(9)?,
            most_per_payment: paper.int(10)?,
            most_payments: paper.int(11)?,
            expires: Timestamp(u32::try_from(paper.int(16)?).ok()?),
            hops: paper.int(12).unwrap_or(0),
            area: paper.bytes_at(13),
            number: paper.int(19)?,
            guarantee: paper.int(14).unwrap_or(0),
        })
    }

    /// Whether the payment keeps to it with nothing that covers it.
    pub(crate) fn permits(&self, p: &Payment) -> bool {
        p.covers.is_none() && self.permits_up_to(p, self.limit)
    }

    /// Whether it keeps to it with the limit raised by covers.
    pub(crate) fn permits_up_to(&self, p: &Payment, limit: u64) -> bool {
        let numbers = self.base_sequence + 1..=self.base_sequence + self.most_payments;
        let stream_fits = p
            .stream
            .is_none_or(|(unit, count, _)| unit.checked_mul(u64::from(count)) == Some(p.amount));
        p.allowance == self.reference
            && (p.payer, p.key_epoch, p.currency) == (self.code, self.key_epoch, self.currency)
            && p.payee != p.payer
            && (1..=self.most_per_payment).contains(&p.amount)
            && numbers.contains(&p.sequence)
            && p.odometer >= p.amount
            && p.from() >= self.base_odometer
            && p.odometer <= limit
            && p.settle_by <= self.expires
            && stream_fits
    }
}

/// A receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) payee: Code,
    pub(crate) payment: Digest,
    pub(crate) declined: Option<u64>,
    pub(crate) units: Option<u64>,
}

impl Receipt {
    pub(crate) fn read(paper: &Paper) -> Option<Self> {
        Some(Self {
            payee: paper.code(1)?,
            payment: Digest(paper.bytes_at(2)?),
            declined: paper.int(4),
            units: paper.int(5),
        })
    }
}

/// Two payments of one key that cannot both be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradicting {
    pub(crate) first: Digest,
    pub(crate) second: Digest,
}

/// Everything that things signed.
#[derive(Debug, Default)]
pub(crate) struct Signed {
    /// SHA-256 over what was signed, with the signer and the signature.
    ids: BTreeSet<(Digest, Code, Vec<u8>)>,
    pub(crate) payments: BTreeMap<Digest, Payment>,
    by_payer: BTreeMap<(Code, u32), Vec<Digest>>,
    /// Numbers that payers gave up, and how far they said they went.
    voids: Vec<Void>,
    closings: Vec<Closing>,
    /// Payers that broke such a word, each with the payment.
    pub(crate) broke_word: BTreeMap<Code, Digest>,
    /// Payments that their payers let out: a number whose payment never left may be given up.
    pub(crate) shown: BTreeSet<Digest>,
    /// Lives of keys that forked.
    pub(crate) forked_lives: BTreeSet<(Code, u32)>,
    /// Payers whose keys forked, with the first proof of it.
    pub(crate) forked: BTreeMap<Code, Contradicting>,
}

impl Signed {
    /// This code's key signed these bytes.
    pub(crate) fn note(&mut self, by: Code, said: &[u8], signature: &[u8]) {
        let id = Digest(Sha256::digest(said).into());
        self.ids.insert((id, by, signature.to_vec()));
        self.note_word(by, said);
        let payment = read_signed("payment", said);
        if let Some(payment) = payment.and_then(|paper| Payment::read(&paper))
            && payment.payer == by
            && !self.payments.contains_key(&id)
        {
            self.note_payment(payment);
        }
    }

    fn note_payment(&mut self, payment: Payment) {
        let life = (payment.payer, payment.key_epoch);
        let before = self.by_payer.entry(life).or_default().clone();
        for other in before {
            let known = self.payments.get(&other);
            if known.is_some_and(|known| contradict(known, &payment)) {
                let proof = Contradicting {
                    first: other,
                    second: payment.id,
                };
                if self.is_given_up(&other) {
                    continue;
                }
                self.forked.entry(payment.payer).or_insert(proof);
                self.forked_lives.insert(life);
            }
        }
        self.by_payer.entry(life).or_default().push(payment.id);
        let voids = self.voids.iter().any(|void| void.excludes(&payment));
        if voids || self.closings.iter().any(|word| word.excludes(&payment)) {
            self.broke_word.insert(payment.payer, payment.id);
        }
        self.payments.insert(payment.id, payment);
    }

    /// Whether a payment never left its payer, who has given its number up since: its signature came
    /// too late for the journal, and nobody will see it.
    pub(crate) fn is_given_up(&self, id: &Digest) -> bool {
        let payment = self.payments.get(id);
        let excluded = |payment: &Payment| self.voids.iter().any(|void| void.excludes(payment));
        !self.shown.contains(id) && payment.is_some_and(excluded)
    }

    /// A void or a closing.
    fn note_word(&mut self, by: Code, said: &[u8]) {
        let own = |code: Code| code == by;
        if let Some(void) = read_signed("void", said).and_then(|p| Void::read(&p))
            && own(void.code)
        {
            let broken = self.payments.values().find(|p| void.excludes(p));
            let broken = broken.map(|p| p.id);
            self.broke_word.extend(broken.map(|id| (by, id)));
            self.voids.push(void);
        }
        if let Some(closing) = read_signed("closing", said).and_then(|p| Closing::read(&p))
            && own(closing.code)
        {
            let broken = self.payments.values().find(|p| closing.excludes(p));
            let broken = broken.map(|p| p.id);
            self.broke_word.extend(broken.map(|id| (by, id)));
            self.closings.push(closing);
        }
    }

    /// Whether its author signed it, with this very signature.
    pub(crate) fn is_genuine(&self, paper: &Paper) -> bool {
        let signed = |by| (paper.id(), by, paper.signature.clone());
        paper
            .code(1)
            .is_some_and(|by| self.ids.contains(&signed(by)))
    }
}

/// Two contents under one number, or, in one currency, a later one that begins below the end of an
/// earlier one.
pub(crate) fn contradict(a: &Payment, b: &Payment) -> bool {
    if a.id == b.id || (a.payer, a.key_epoch) != (b.payer, b.key_epoch) {
        return false;
    }
    if a.sequence == b.sequence {
        return true;
    }
    let (earlier, later) = if a.sequence < b.sequence {
        (a, b)
    } else {
        (b, a)
    };
    a.currency == b.currency && later.from() < earlier.odometer
}

/// Numbers that are never used.
#[derive(Clone, Copy, Debug)]
struct Void {
    code: Code,
    key_epoch: u32,
    first: u64,
    last: u64,
}

impl Void {
    fn read(paper: &Paper) -> Option<Self> {
        Some(Self {
            code: paper.code(1)?,
            key_epoch: u32::try_from(paper.int(2)?).ok()?,
            first: paper.int(3)?,
            last: paper.int(4)?,
        })
    }

    fn excludes(&self, p: &Payment) -> bool {
        (p.payer, p.key_epoch) == (self.code, self.key_epoch)
            && (self.first..=self.last).contains(&p.sequence)
    }
}

/// Nothing beyond this under that allowance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    code: Code,
    key_epoch: u32,
    pub(super) allowance: [u8; 16],
    sequence: u64,
    pub(super) odometer: u64,
}

impl Closing {
    pub(super) fn read(paper: &Paper) -> Option<Self> {
        Some(Self {
            code: paper.code(1)?,
            key_epoch: u32::try_from(paper.int(2)?).ok()?,
            allowance: paper.bytes_at(4)?,
            sequence: paper.int(5)?,
            odometer: paper.int(6)?,
        })
    }

    pub(super) fn excludes(&self, p: &Payment) -> bool {
        (p.payer, p.key_epoch, p.allowance) == (self.code, self.key_epoch, self.allowance)
            && (p.sequence > self.sequence || p.odometer > self.odometer)
    }
}

/// What a Sig_structure is over; `None` when it is about something else.
fn read_signed(kind: &'static str, said: &[u8]) -> Option<Paper> {
    let Item::List(parts) = Item::read(said)? else {
        return None;
    };
    let [_, protected, context, payload] = parts.as_slice() else {
        return None;
    };
    let ends = format!("/{kind}");
    if !context.bytes()?.ends_with(ends.as_bytes()) {
        return None;
    }
    let frame = Item::Tag(
        18,
        Box::new(Item::List(vec![
            protected.clone(),
            Item::Map(Vec::new()),
            payload.clone(),
            Item::Bytes(Vec::new()),
        ])),
    );
    Paper::read(kind, &frame.to_vec())
}
