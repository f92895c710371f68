//! What handing something in must lead to.

use super::covers::Piece;
use super::signed::contradict;
use super::{Entry, Model, Payment, Receipt};
use crate::world::wire::{CLAIM, COVERED, EVIDENCE, Letter, Paper, RECEIPT, STREAM_CLAIM};
use protocol::{Code, Digest, Fault, Status, Timestamp};
use std::collections::BTreeSet;

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Settled,
    Transit,
    OpenClaim,
    Declined,
    Returned,
    /// Taken, and part of it waits for what covers it.
    Waiting,
    /// A claim that a person has decided about.
    Guaranteed,
}

impl Fate {
    /// Its number in statements.
    pub(crate) const fn outcome(self) -> u64 {
        match self {
            Self::Settled => 2,
            Self::Transit => 3,
            Self::OpenClaim => 4,
            Self::Declined => 5,
            Self::Returned => 6,
            Self::Waiting => 7,
            Self::Guaranteed => 8,
        }
    }

    /// Whether its payer's readings are taken by it.
    pub(crate) fn moves_money(self) -> bool {
        !matches!(self, Self::OpenClaim | Self::Guaranteed)
    }

    /// Nothing more is to come.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Transit | Self::Waiting)
    }
}

/// What a payee's receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Takes,
    Closes(u32),
    Declines,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A refusal, and nothing is changed.
    Refused,
    /// Nothing is changed; the answer is an old one.
    Unchanged,
    /// The payment stands like this now.
    Becomes(Entry),
}

/// What one message hands in.
struct HandedIn<'m> {
    payment: &'m Payment,
    said: Option<Said>,
    /// Units of a stream, shown to be released.
    shown: Option<u32>,
    by: Option<Code>,
    now: Timestamp,
}

impl Model {
    /// The payment it is about and what may become of it; `None` when nothing may.
    pub(super) fn judge(
        &self,
        by: Option<Code>,
        letter: &Letter,
        now: Timestamp,
    ) -> Option<(Digest, Vec<Verdict>)> {
        let receipt_at = |part| letter.paper(part, "receipt");
        let (payment, receipt) = match letter.kind {
            EVIDENCE => (self.evidence(letter)?, None),
            CLAIM => (self.evidence(letter)?, Some(receipt_at(2)?)),
            STREAM_CLAIM => (self.evidence(letter)?, receipt_at(4)),
            COVERED => {
                let last = self.pieces(letter)?.pop()?;
                (self.signed.payments.get(&last.payment)?, receipt_at(1))
            }
            RECEIPT => {
                let receipt = receipt_at(0)?;
                let payment = Receipt::read(&receipt)?.payment;
                // Only the books can say what it is about.
                self.entries.get(&payment)?;
                (self.signed.payments.get(&payment)?, Some(receipt))
            }
            _ => return None,
        };
        let said = match receipt {
            Some(receipt) => Some(self.said(payment, &receipt)?),
            None => None,
        };
        let shown = match letter.kind {
            STREAM_CLAIM => {
                let units = u32::try_from(letter.number(2)?).ok()?;
                let value = Digest(letter.parts.get(3)?.bytes()?.try_into().ok()?);
                Some(units).filter(|units| payment.releases(*units, value))?;
                Some(units)
            }
            COVERED => self.pieces(letter)?.pop()?.shown,
            _ => None,
        };
        let handed = HandedIn {
            payment,
            said,
            shown,
            by,
            now,
        };
        Some((payment.id, self.verdicts(&handed)))
    }

    /// What becomes of a payment that came along as a cover: its payee has taken it.
    pub(super) fn used(&self, piece: &Piece, now: Timestamp) -> Vec<Verdict> {
        let Some(payment) = self.signed.payments.get(&piece.payment) else {
            return Vec::new();
        };
        self.verdicts(&HandedIn {
            payment,
            said: payment.stream.is_none().then_some(Said::Takes),
            shown: piece.shown,
            by: None,
            now,
        })
    }

    /// How much of a payment there is money for: what lies below its allowance's limit and the
    /// credits that name it.
    pub(super) fn fundable(&self, p: &Payment) -> u64 {
        let limit = self.grants.get(&p.allowance).map_or(0, |grant| grant.limit);
        let reach = limit + self.credits.get(&p.allowance).copied().unwrap_or(0);
        reach.saturating_sub(p.from()).min(p.amount)
    }

    /// The payment of a message that shows a payment with its allowance, if both are what they say.
    fn evidence(&self, letter: &Letter) -> Option<&Payment> {
        let allowance = letter.paper(0, "allowance")?;
        let paper = letter.paper(1, "payment")?;
        let payment = self.signed.payments.get(&paper.id())?;
        let grant = self.grants.get(&payment.allowance)?;
        let genuine = self.signed.is_genuine(&paper) && grant.paper == allowance;
        (genuine && grant.permits(payment)).then_some(payment)
    }

    fn said(&self, payment: &Payment, receipt: &Paper) -> Option<Said> {
        let said = Receipt::read(receipt)?;
        if !self.signed.is_genuine(receipt)
            || (said.payee, said.payment) != (payment.payee, payment.id)
        {
            return None;
        }
        let refusal = |number| {
            let status = u8::try_from(number).ok().and_then(Status::from_number);
            status.is_some_and(|status| status.fault() != Fault::None)
        };
        match (said.declined, said.units, payment.stream) {
            (None, None, None) => Some(Said::Takes),
            (None, Some(units), Some((_, count, _))) => {
                let units = u32::try_from(units).ok()?;
                (units <= count).then_some(Said::Closes(units))
            }
            (Some(number), None, _) => refusal(number).then_some(Said::Declines),
            _ => None,
        }
    }

    fn verdicts(&self, handed: &HandedIn<'_>) -> Vec<Verdict> {
        let p = handed.payment;
        let stranger = handed.by.is_some_and(|by| by != p.payer && by != p.payee);
        if stranger && handed.said.is_none() {
            return vec![Verdict::Refused];
        }
        let known = self.entries.get(&p.id);
        let shown = handed
            .shown
            .max(known.map(|entry| entry.shown))
            .unwrap_or(0);
        if matches!(handed.said, Some(Said::Closes(units)) if units > shown) {
            return vec![Verdict::Refused];
        }
        match known {
            // What was not there at first does not come later.
            Some(entry) if self.is_freed(p) => {
                again(handed, entry, shown, entry.reached + entry.waits)
            }
            Some(entry) => again(handed, entry, shown, self.fundable(p)),
            None => self.first(handed, shown),
        }
    }

    fn first(&self, handed: &HandedIn<'_>, shown: u32) -> Vec<Verdict> {
        let p = handed.payment;
        let stands = |(id, entry): (&Digest, &Entry)| {
            let other = self.signed.payments.get(id);
            entry.fate.moves_money() && other.is_some_and(|other| contradict(other, p))
        };
        let fresh = Entry {
            fate: Fate::OpenClaim,
            reached: 0,
            waits: 0,
            units: 0,
            shown,
            said: handed.said,
            answered: BTreeSet::new(),
            first_handed: handed.now,
        };
        if self.entries.iter().any(stands) {
            return vec![Verdict::Becomes(fresh)];
        }
        let over = p.settle_by.plus_s(self.grace_s) <= handed.now;
        if over && handed.said.is_none() && shown == 0 {
            // Nobody can claim any more what only its payer speaks of.
            return vec![Verdict::Becomes(Entry {
                fate: Fate::Returned,
                ..fresh
            })];
        }
        let fundable = self.there(p, handed.now);
        let mut verdicts = vec![Verdict::Becomes(stepped(handed, &fresh, shown, fundable))];
        let grant = self.grants.get(&p.allowance);
        if over && (grant.is_none_or(|grant| self.lapsed(grant, handed.now)) || self.is_freed(p)) {
            // Nothing stands behind it any more: it is paid if there is money, and otherwise over.
            verdicts.push(Verdict::Becomes(Entry {
                fate: Fate::Returned,
                ..fresh
            }));
        }
        verdicts
    }
}

/// It was handed in before.
fn again(handed: &HandedIn<'_>, entry: &Entry, shown: u32, fundable: u64) -> Vec<Verdict> {
    if entry.fate != Fate::Transit {
        // Whatever is said now moves nothing.
        return vec![Verdict::Unchanged];
    }
    if handed.said.is_none() && shown <= entry.units {
        return vec![Verdict::Unchanged];
    }
    vec![Verdict::Becomes(stepped(handed, entry, shown, fundable))]
}

/// Where it stands once the money has gone where the payee's word and the shown units say.
fn stepped(handed: &HandedIn<'_>, before: &Entry, shown: u32, fundable: u64) -> Entry {
    let p = handed.payment;
    let all = p.stream.map(|(_, count, _)| count);
    let (fate, units) = match (handed.said, all) {
        (Some(Said::Takes), _) => (Fate::Settled, 0),
        (Some(Said::Closes(units)), _) => (Fate::Settled, units.max(before.units)),
        (Some(Said::Declines), _) => (Fate::Declined, before.units),
        (None, Some(count)) if shown >= count => (Fate::Settled, count),
        (None, _) => (Fate::Transit, shown.max(before.units)),
    };
    let entry = Entry {
        fate,
        units,
        shown,
        said: handed.said.or(before.said),
        ..before.clone()
    };
    funded(p, entry, fundable)
}

/// Pays as much as there is money for.
pub(super) fn funded(p: &Payment, mut entry: Entry, fundable: u64) -> Entry {
    let due = match (p.stream, entry.fate) {
        (Some(_), _) => p.cost(entry.units),
        (None, Fate::Settled | Fate::Waiting) => p.amount,
        (None, _) => 0,
    };
    entry.reached = due.min(fundable);
    if matches!(entry.fate, Fate::Settled | Fate::Waiting) {
        entry.fate = match entry.reached == due {
            true => Fate::Settled,
            false => Fate::Waiting,
        };
    }
    entry.waits = match entry.fate {
        Fate::Transit => fundable - entry.reached,
        _ => 0,
    };
    entry
}
