//! Lives of the key. A purse that lost its journal, or doubts it, signs nothing until a gateway has
//! given it a new one.

use super::gap::SKEW_S;
use super::{Purse, Settings, Standing};
use crate::journal::Journal;
use crate::purse::open::{OpenError, opening};
use crate::purse::record::Record;
use protocol::cose::identify;
use protocol::objects::{Allowance, Present, Renewal};
use protocol::{Currency, KeyEpoch, Odometer, Reference, Sequence, Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Opens a purse whose journal was lost, or restored from a copy, or may have been: it signs no
    /// payment until a gateway has given it a new key epoch, which [`Purse::renewal`] asks for. What
    /// the journal still knows is handed in as always.
    ///
    /// It may have given receipts that it does not remember. So from here on it takes and declines
    /// only payments that are certainly newer: under an invoice it has made since, or under an
    /// allowance issued since that new key epoch was given; `AskGateway` for others. Nor does it
    /// close streams that it took before.
    pub fn open_in_doubt(settings: Settings<'_>, key: K, journal: J) -> Result<Self, OpenError> {
        let mut purse = Self::read(settings, key, journal)?;
        purse.distrust().map_err(opening)?;
        purse.finish()?;
        Ok(purse)
    }

    /// To be called when the journal was lost or restored from a copy, or may have been: from now on
    /// the purse is as [`Purse::open_in_doubt`] says.
    pub fn distrust(&mut self) -> Result<(), Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        // A copy made in doubt knows only of an earlier gap.
        self.open_gap()?;
        self.be_unsure(self.book.standing.key_epoch)
    }

    /// Whether it waits for a new key epoch.
    pub fn in_doubt(&self) -> bool {
        self.book.unsure.is_some()
    }

    /// Nothing is signed in this key epoch or an earlier one any more.
    pub(super) fn doubt(&mut self, key_epoch: KeyEpoch) -> Result<(), Status> {
        if self.doubts(key_epoch) {
            return Ok(());
        }
        self.open_gap()?;
        self.be_unsure(key_epoch)
    }

    fn doubts(&self, key_epoch: KeyEpoch) -> bool {
        let unsure = self.book.unsure;
        unsure.is_some_and(|(doubted, _)| doubted >= key_epoch)
    }

    fn be_unsure(&mut self, key_epoch: KeyEpoch) -> Result<(), Status> {
        if self.doubts(key_epoch) {
            return Ok(());
        }
        let before = self.book.unsure;
        let record = self.append(&Record::Unsure { key_epoch })?;
        self.book.unsure = Some((key_epoch, record));
        self.forget_if(before.map(|(_, record)| record))
    }

    /// A request from where this purse stands; in doubt, for a new key epoch.
    pub(super) fn asking_for(&self, currency: Currency, now: Timestamp) -> Renewal {
        let standing = self.book.standing;
        let doubted = self.book.unsure.map(|(key_epoch, _)| key_epoch);
        let odometer = self.book.pocket(currency).map(|pocket| pocket.odometer);
        let mut renewal = Renewal {
            code: self.own.me,
            key_epoch: standing.key_epoch,
            currency,
            sequence: standing.sequence,
            head: standing.head,
            odometer: odometer.unwrap_or(Odometer::ZERO),
            wanted: protocol::AmountMinor::ZERO,
            time: now,
            lost: doubted.map(|_| Present),
        };
        // Of a life that began without it, it knows nothing.
        if let Some(key_epoch) = doubted.filter(|doubted| *doubted > standing.key_epoch) {
            renewal.key_epoch = key_epoch;
            (renewal.sequence, renewal.head) = (Sequence(0), Reference::default());
            renewal.odometer = Odometer::ZERO;
        }
        renewal
    }

    /// Whether an allowance of a later key epoch begins it for this purse; `Behind` when somebody
    /// has paid in it already, `Known` when it is no answer to what this purse asks in its doubt.
    pub(super) fn begins(&mut self, a: &Allowance) -> Result<Beginning, Status> {
        let first = Standing::first(a.key_epoch);
        let begins = (a.base_sequence, a.base_head, a.base_odometer)
            == (first.sequence, first.head, Odometer::ZERO);
        if !begins {
            self.doubt(a.key_epoch)?;
            return Ok(Beginning::Behind);
        }
        let Some((doubted, _)) = self.book.unsure else {
            return Ok(Beginning::New);
        };
        // One that was given before the doubt may have been used before it.
        let asked = self
            .book
            .pocket(a.currency)
            .and_then(|pocket| pocket.renewal);
        let asked = asked.filter(|(asked, _)| asked.lost.is_some());
        let answers = asked.is_some_and(|(asked, _)| a.issued.plus_s(SKEW_S) >= asked.time);
        Ok(match doubted < a.key_epoch && answers {
            true => Beginning::New,
            false => Beginning::Old,
        })
    }

    /// A renewal of this purse was refused; whether the purse is in doubt of itself from now on. The
    /// refusal is not signed, and costs a purse that has paid nothing no more than a key epoch.
    pub(super) fn renewal_refused(
        &mut self,
        status: Status,
        about: Option<Reference>,
    ) -> Result<bool, Status> {
        let Some(currency) = self.asked_in(about) else {
            return Ok(false);
        };
        let blank = self.book.standing.sequence == Sequence(0) && self.book.pending.is_none();
        match status {
            // A gateway that knows no way from its own books to where a purse says it stands,
            // although it says that it stands at the beginning: the journal was lost.
            Status::LinksBroken if blank && self.book.unsure.is_none() => {
                self.doubt(self.book.standing.key_epoch)?;
                Ok(true)
            }
            // It was not later than another one in another currency, which was answered, and never
            // will be: the next one has a time of its own.
            Status::Expired => {
                let asked = self.book.pocket_mut(currency)?.renewal.take();
                self.forget_if(asked.map(|(_, record)| record))?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// The currency in which this purse asks by the renewal with this name.
    fn asked_in(&self, about: Option<Reference>) -> Option<Currency> {
        let (network, algorithm) = (self.own.trust.network, self.key.public_key().algorithm());
        let asked = self.book.pockets.iter().find(|pocket| {
            let renewal = pocket.renewal.as_ref();
            let id = renewal.and_then(|(asked, _)| identify(asked, &network, algorithm).ok());
            id.is_some_and(|id| Some(id.reference()) == about)
        });
        asked.map(|pocket| pocket.currency)
    }
}

/// What the first allowance of a later key epoch is to this purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It may pay under it.
    New,
    /// It was given before this purse asked.
    Old,
    /// Somebody has paid in that key epoch already.
    Behind,
}
