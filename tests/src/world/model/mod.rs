//! The reference model: what the books must say, worked out from what was signed and when. It is
//! written from the wallet's design and shares no code with purse, desk or ledger.

mod claims;
mod covers;
mod early;
mod judge;
mod limits;
mod lives;
mod signed;

pub(crate) use covers::BYTES_MOST;
pub(crate) use judge::{Fate, Said, Verdict};
pub(crate) use signed::{Grant, Payment, Receipt, Signed};

use super::wire::{CLOSING, COVERED, GRANT, Letter, REFUSAL, RENEWAL, STATEMENT, VOID};
use ledger::Policy;
use protocol::{Code, Currency, Digest, Status, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A payment as the books should have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) fate: Fate,
    /// What reached the payee.
    pub(crate) reached: u64,
    /// What waits in transit.
    pub(crate) waits: u64,
    /// Of a stream: units that reached the payee, and units whose release was shown.
    pub(crate) units: u32,
    pub(crate) shown: u32,
    /// What the payee's receipts said.
    pub(crate) said: Option<Said>,
    /// Every outcome that was ever answered: a repeated request hears an old one again.
    pub(crate) answered: BTreeSet<u64>,
    pub(crate) first_handed: Timestamp,
}

/// The reference model of one set of books.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) signed: Signed,
    pub(crate) grants: BTreeMap<[u8; 16], Grant>,
    pub(crate) entries: BTreeMap<Digest, Entry>,
    /// What was posted for each allowance by payments that may be spent on under it.
    pub(crate) credits: BTreeMap<[u8; 16], u64>,
    /// Free and reserved together.
    pub(crate) totals: BTreeMap<(Code, Currency), u64>,
    pub(crate) issued: BTreeMap<Currency, u64>,
    pub(crate) frozen: BTreeSet<Code>,
    /// Dead things, and the codes that their money goes to.
    pub(crate) recovered: BTreeMap<Code, Code>,
    /// Adversaries that contradicted themselves otherwise than by two payments.
    pub(crate) liars: BTreeSet<Code>,
    /// What a payment with covers stands on.
    pub(crate) stands_on: BTreeMap<Digest, Vec<Digest>>,
    /// What closings set free.
    pub(crate) released: u64,
    /// What payers of payments that are handed in have free in the books, where that matters.
    pub(crate) free: BTreeMap<(Code, Currency), u64>,
    pub(crate) grace_s: u32,
    limits: limits::Limits,
    early: early::Early,
    /// Where the next allowances of a code are to be good.
    pub(crate) areas: BTreeMap<Code, [u8; 16]>,
    pub(crate) behind: claims::Behind,
}

/// What a gateway answered that the model did not expect.
pub(crate) type Surprise = String;

impl Model {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            grace_s: policy.grace_s,
            limits: limits::Limits::new(&policy),
            early: early::Early::new(&policy),
            ..Self::default()
        }
    }

    pub(crate) fn total(&self, code: Code, currency: Currency) -> u64 {
        self.totals.get(&(code, currency)).copied().unwrap_or(0)
    }

    pub(crate) fn load(&mut self, code: Code, currency: Currency, amount: u64) {
        *self.totals.entry((code, currency)).or_default() += amount;
        *self.issued.entry(currency).or_default() += amount;
    }

    /// Money was taken out: it must have been there, beside what allowances stand on.
    pub(crate) fn redeem(
        &mut self,
        code: Code,
        currency: Currency,
        amount: u64,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let needed = self.reserve(code, currency, now);
        let total = self.total(code, currency);
        if amount > total || total - amount < needed {
            return Err(format!(
                "{amount} {currency} redeemed of {total}, of which {needed} stands behind allowances"
            ));
        }
        self.take(code, currency, amount)?;
        *self.issued.entry(currency).or_default() -= amount;
        Ok(())
    }

    fn take(&mut self, code: Code, currency: Currency, amount: u64) -> Result<(), Surprise> {
        let total = self.totals.entry((code, currency)).or_default();
        let rest = total.checked_sub(amount);
        *total = rest.ok_or_else(|| format!("{code} pays {amount} {currency} of {total}"))?;
        Ok(())
    }

    /// What allowances stand on: in every key epoch, the union of the readings that were ever
    /// granted and can still be claimed under, less what has settled, is in transit or came back.
    pub(crate) fn reserve(&self, code: Code, currency: Currency, now: Timestamp) -> u64 {
        let grants = self.grants.values();
        let mine = grants.filter(|grant| (grant.code, grant.currency) == (code, currency));
        let epochs: BTreeSet<u32> = mine.map(|grant| grant.key_epoch).collect();
        let mut sum = 0;
        for epoch in epochs {
            let granted = self.promised((code, currency, epoch), now);
            let taken = self.entries.iter().filter_map(|(id, entry)| {
                let p = self.signed.payments.get(id)?;
                let same = (p.payer, p.currency, p.key_epoch) == (code, currency, epoch);
                (same && entry.fate.moves_money()).then_some((p.from(), p.odometer))
            });
            let pieces = without(&granted, taken.collect());
            sum += pieces.iter().map(|(from, to)| to - from).sum::<u64>();
        }
        sum
    }

    pub(crate) fn lapsed(&self, grant: &Grant, now: Timestamp) -> bool {
        grant.expires.plus_s(self.grace_s) <= now
    }

    pub(crate) fn in_transit(&self, currency: Currency) -> u64 {
        let waits = self.entries.iter().filter_map(|(id, entry)| {
            let payment = self.signed.payments.get(id)?;
            (payment.currency == currency).then_some(entry.waits)
        });
        waits.sum()
    }

    /// Somebody handed something in and heard this.
    pub(crate) fn handed_in(
        &mut self,
        by: Option<Code>,
        message: &[u8],
        answer: &Result<Vec<u8>, Status>,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let Some(letter) = Letter::read(message) else {
            return match answer {
                Err(_) => Ok(()),
                Ok(_) => Err("an unreadable message was answered".into()),
            };
        };
        if matches!(letter.kind, VOID | CLOSING) {
            return self.gave_up(&letter, answer, now);
        }
        let answered = match answer {
            Ok(bytes) => Some(Letter::read(bytes).ok_or("an unreadable answer")?),
            Err(_) => None,
        };
        if letter.kind == RENEWAL {
            return match answered {
                Some(answer) => self.granted(&letter, &answer, now),
                None => Ok(()),
            };
        }
        if letter.kind == COVERED
            && answered.is_some()
            && let Some(pieces) = self.pieces(&letter)
        {
            self.covers_used(&pieces, now)?;
        }
        let Some((payment, verdicts)) = self.judge(by, &letter, now) else {
            return match answer {
                Err(_) => Ok(()),
                Ok(_) => Err(format!(
                    "a {} that nobody could have signed was taken",
                    letter.word()
                )),
            };
        };
        self.settle(payment, verdicts, answered.as_ref(), answer, now)
    }

    /// The covers of a payment that was handed in: their payee has spent them.
    fn covers_used(&mut self, pieces: &[covers::Piece], now: Timestamp) -> Result<(), Surprise> {
        let Some((_, covers)) = pieces.split_last() else {
            return Ok(());
        };
        for piece in covers {
            let scarce = self.is_scarce(piece.payment, now);
            let becomes = self.used(piece, now).into_iter();
            let becomes = becomes.filter_map(|verdict| match verdict {
                Verdict::Becomes(next) => Some(next),
                _ => None,
            });
            let mut becomes: Vec<_> = becomes.collect();
            // Where two things may become of it, the second is what happens without money.
            let place = usize::from(scarce && becomes.len() > 1);
            let next = (place < becomes.len()).then(|| becomes.swap_remove(place));
            if let Some(mut next) = next {
                next.answered.insert(next.fate.outcome());
                self.carry_out(piece.payment, next, now)?;
            }
        }
        Ok(())
    }

    /// Whether its payer has too little left for a payment that nothing is reserved for any more.
    fn is_scarce(&self, id: Digest, now: Timestamp) -> bool {
        let payment = self.signed.payments.get(&id);
        payment.is_some_and(|p| {
            let needed = self.reserve(p.payer, p.currency, now);
            self.total(p.payer, p.currency).saturating_sub(needed) < self.fundable(p)
        })
    }

    /// One of the verdicts must be what was answered; it is carried out.
    fn settle(
        &mut self,
        payment: Digest,
        verdicts: Vec<Verdict>,
        answered: Option<&Letter>,
        answer: &Result<Vec<u8>, Status>,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let heard = match answered {
            Some(letter) => Some(Heard::read(letter, payment)?),
            None => None,
        };
        let known = self.entries.get(&payment);
        let fits = |verdict: &&Verdict| match (verdict, heard) {
            (Verdict::Refused | Verdict::Unchanged, None) => true,
            (Verdict::Unchanged, Some(heard)) => {
                known.is_some_and(|entry| entry.answered.contains(&heard.outcome))
            }
            (Verdict::Becomes(next), Some(heard)) => {
                let units = heard
                    .units
                    .is_none_or(|units| units == u64::from(next.units));
                let paid = heard.paid.is_none_or(|paid| paid == next.reached);
                next.fate.outcome() == heard.outcome && units && paid
            }
            _ => false,
        };
        let chosen = verdicts.iter().find(fits).cloned();
        let chosen = chosen.ok_or_else(|| {
            let said = match (heard, answer) {
                (Some(heard), _) => format!("outcome {} units {:?}", heard.outcome, heard.units),
                (None, Err(status)) => status.word().to_owned(),
                (None, Ok(_)) => "nothing".to_owned(),
            };
            format!("{payment}: the gateway said {said}, expected {verdicts:?}")
        })?;
        if let Verdict::Becomes(mut next) = chosen {
            next.answered.insert(next.fate.outcome());
            if known.is_none() {
                next.first_handed = now;
            }
            self.carry_out(payment, next, now)?;
        }
        Ok(())
    }

    /// Moves the money between what stood before and what stands now.
    fn carry_out(&mut self, id: Digest, next: Entry, now: Timestamp) -> Result<(), Surprise> {
        let p = self.signed.payments.get(&id).ok_or("an unsigned payment")?;
        let (payer, payee, currency, amount) = (p.payer, p.payee, p.currency, p.amount);
        let covers_for = p.covers_for;
        let before = self.entries.get(&id);
        let out = |entry: &Entry| entry.reached + entry.waits;
        let (out_before, reached_before) = before.map_or((0, 0), |e| (out(e), e.reached));
        let out_now = out(&next);
        if out_now > amount || next.reached < reached_before {
            return Err(format!("{id} moves {out_now} of {amount}"));
        }
        if next.fate == Fate::OpenClaim {
            self.frozen.insert(payer);
        }
        match out_now.checked_sub(out_before) {
            Some(more) => self.take(payer, currency, more)?,
            None => *self.totals.entry((payer, currency)).or_default() += out_before - out_now,
        }
        let more = next.reached - reached_before;
        *self.totals.entry((payee, currency)).or_default() += more;
        self.entries.insert(id, next);
        match covers_for {
            Some(allowance) if more > 0 => self.credit(allowance, payee, more, now),
            _ => Ok(()),
        }
    }

    /// Which payment stands on which.
    pub(crate) fn remember(&mut self, pieces: &[covers::Piece]) {
        for piece in pieces.iter().filter(|piece| !piece.covers.is_empty()) {
            let covers = piece.covers.iter().filter_map(|place| pieces.get(*place));
            let covers = covers.map(|cover| cover.payment).collect();
            self.stands_on.insert(piece.payment, covers);
        }
    }

    /// Whether the key of its payer, or of a payer of what it stands on, contradicted itself.
    pub(crate) fn is_rotten(&self, payment: &Digest) -> bool {
        let payer = self
            .signed
            .payments
            .get(payment)
            .map(|p| (p.payer, p.key_epoch));
        let lied = payer.is_some_and(|life| {
            self.signed.forked_lives.contains(&life) || self.liars.contains(&life.0)
        });
        let covers = self.stands_on.get(payment);
        lied || covers.is_some_and(|covers| covers.iter().any(|cover| self.is_rotten(cover)))
    }

    /// Money came that may be spent under an allowance of its payee: what waited for it is paid.
    fn credit(
        &mut self,
        allowance: [u8; 16],
        payee: Code,
        more: u64,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let good = self.grants.get(&allowance);
        // Nobody claims under it any more, but what waits for it is still paid.
        let waited_for = self.entries.iter().any(|(id, entry)| {
            let p = self.signed.payments.get(id);
            let under = p.filter(|p| p.allowance == allowance && !entry.fate.is_final());
            under.is_some_and(|p| entry.reached + entry.waits < p.amount)
        });
        let good = good
            .is_some_and(|grant| grant.code == payee && (waited_for || !self.lapsed(grant, now)));
        if !good {
            return Ok(());
        }
        *self.credits.entry(allowance).or_default() += more;
        let waiting = self.entries.iter().filter_map(|(id, entry)| {
            let p = self.signed.payments.get(id)?;
            let open = p.allowance == allowance && !entry.fate.is_final();
            let next = judge::funded(p, entry.clone(), self.fundable(p));
            (open && next != *entry).then_some((*id, next))
        });
        for (id, mut next) in waiting.collect::<Vec<_>>() {
            next.answered.insert(next.fate.outcome());
            self.carry_out(id, next, now)?;
        }
        Ok(())
    }

    fn granted(&mut self, asked: &Letter, answer: &Letter, now: Timestamp) -> Result<(), Surprise> {
        if answer.kind != GRANT {
            return Err(format!("a renewal was answered with a {}", answer.word()));
        }
        let grant = answer.paper(0, "allowance").and_then(|p| Grant::read(&p));
        let grant = grant.ok_or("an unreadable allowance")?;
        let asked = asked.paper(0, "renewal").ok_or("an unreadable renewal")?;
        if !self.signed.is_genuine(&asked) {
            return Err("an allowance for a renewal that nobody signed".into());
        }
        if self.grants.contains_key(&grant.reference) {
            return Ok(());
        }
        if self.frozen.contains(&grant.code) {
            return Err(format!(
                "{} is frozen and was given an allowance",
                grant.code
            ));
        }
        if grant.area != self.areas.get(&grant.code).copied() {
            return Err(format!("{} was given an allowance elsewhere", grant.code));
        }
        let (code, currency) = (grant.code, grant.currency);
        let before = self.reserve(code, currency, now);
        self.limits.keeps(&grant)?;
        self.grants.insert(grant.reference, grant);
        let (needed, total) = (
            self.reserve(code, currency, now),
            self.total(code, currency),
        );
        if needed > total {
            return Err(format!(
                "{code} may spend {needed} {currency} more and holds {total}"
            ));
        }
        let more = needed.saturating_sub(before);
        self.limits.granted((code, currency), more, now)?;
        Ok(())
    }

    /// What nobody claimed by its deadline and grace goes back, and what waited for covers ends with
    /// what there was. How many of each.
    pub(crate) fn overdue(&mut self, now: Timestamp) -> Result<(u32, u32), Surprise> {
        let late = self.entries.iter().filter(|(id, entry)| {
            let settle_by = self.signed.payments.get(*id).map(|p| p.settle_by);
            let passed = settle_by.is_some_and(|by| by.plus_s(self.grace_s) <= now);
            passed && !entry.fate.is_final()
        });
        let late: Vec<_> = late.map(|(id, entry)| (*id, entry.clone())).collect();
        let (mut returned, mut ended) = (0, 0);
        for (id, mut entry) in late {
            let p = self.signed.payments.get(&id).ok_or("an unsigned payment")?;
            // Units that were shown and never covered are missing for good, as what was taken is.
            let short = p.stream.is_some() && entry.reached < p.cost(entry.units);
            (entry.fate, entry.waits) = match entry.fate {
                fate if fate == Fate::Waiting || short => {
                    ended += 1;
                    (Fate::Settled, 0)
                }
                _ => {
                    returned += 1;
                    (Fate::Returned, 0)
                }
            };
            entry.answered.insert(entry.fate.outcome());
            self.carry_out(id, entry, now)?;
        }
        Ok((returned, ended))
    }
}

/// What an answer says about a payment.
#[derive(Clone, Copy, Debug)]
struct Heard {
    outcome: u64,
    units: Option<u64>,
    paid: Option<u64>,
}

impl Heard {
    fn read(letter: &Letter, payment: Digest) -> Result<Self, Surprise> {
        if letter.kind == REFUSAL {
            return Err("a refusal that is no error".into());
        }
        let statement = letter
            .paper(0, "statement")
            .filter(|_| letter.kind == STATEMENT);
        let statement = statement.ok_or("the answer is no statement")?;
        if statement.bytes_at(3) != Some(payment.0) {
            return Err("a statement about another payment".into());
        }
        Ok(Self {
            outcome: statement.int(4).ok_or("no outcome")?,
            units: statement.int(8),
            paid: statement.int(10),
        })
    }
}

/// The pieces of the union of the first intervals that none of the others takes, ascending.
fn without(granted: &[(u64, u64)], taken: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut ends: Vec<u64> = granted
        .iter()
        .chain(&taken)
        .flat_map(|(a, b)| [*a, *b])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let within =
        |all: &[(u64, u64)], from: u64, to: u64| all.iter().any(|(a, b)| *a <= from && to <= *b);
    let pieces = ends.windows(2).filter_map(|pair| match pair {
        [from, to] if within(granted, *from, *to) && !within(&taken, *from, *to) => {
            Some((*from, *to))
        }
        _ => None,
    });
    pieces.collect()
}
