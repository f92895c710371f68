//! From the journal back to the purse, wherever the power was cut: what a cut left half done is
//! finished before the purse is given out.

use super::replay::Replay;
use super::{Book, Entry, Own, PASSES_MAX, Purse, Settings, Side, Table, Tally};
use crate::journal::{Journal, JournalFailed, RecordId};
use crate::purse::record::Record;
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::rules::trust::passes;
use protocol::{Reference, Signer, Status};

/// Why a purse cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The pass is not for this code and key, or no pass of this network.
    Pass(Status),
    /// The journal belongs to another code, key or network.
    NotMine,
    /// The journal holds a record that this version does not understand.
    Unreadable(RecordId),
    /// The journal holds more payments, payers, gateways or currencies than this purse's type has
    /// room for.
    TooMany,
    /// The journal failed.
    Journal(JournalFailed),
}

impl core::fmt::Display for OpenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Pass(status) => write!(f, "the pass does not fit code and key: {status}"),
            Self::NotMine => f.write_str("the journal belongs to another purse"),
            Self::Unreadable(id) => write!(f, "record {} of the journal is unreadable", id.0),
            Self::TooMany => f.write_str("the journal holds more than this purse has room for"),
            Self::Journal(JournalFailed::Full) => f.write_str("the journal is full"),
            Self::Journal(JournalFailed::Broken) => f.write_str("the journal failed"),
        }
    }
}

impl core::error::Error for OpenError {}

impl From<JournalFailed> for OpenError {
    fn from(failed: JournalFailed) -> Self {
        Self::Journal(failed)
    }
}

/// How many readings it may take to be rid of them.
const READINGS: usize = 64;

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Opens a purse on its journal; an empty journal becomes that of a new purse. Finishes what a
    /// power cut left half done.
    pub fn open(settings: Settings<'_>, key: K, journal: J) -> Result<Self, OpenError> {
        // Finished where it lies: a small machine has no room for copies of it.
        let mut opened = Self::read(settings, key, journal);
        if let Ok(purse) = &mut opened {
            purse.finish()?;
        }
        opened
    }

    /// The purse as the journal has it, and everything finished but what waits for a signature.
    pub(super) fn read(settings: Settings<'_>, key: K, journal: J) -> Result<Self, OpenError> {
        let own = Own::new(&settings, &key)?;
        let mut purse = Self {
            key,
            journal,
            own,
            book: Book::new(),
            walks: Table::new(),
            noticed: Table::new(),
            broken: false,
        };
        purse.recover()?;
        Ok(purse)
    }

    fn recover(&mut self) -> Result<(), OpenError> {
        let left = tidied(&self.own, &self.key, &mut self.journal, &mut self.book)?;
        let Left {
            owned,
            spare,
            answered,
        } = left;
        self.book.certified(&self.own);
        if !owned {
            let key = self.key.public_key();
            let network = self.own.trust.network;
            let owner = Record::Owner {
                code: self.own.me,
                key,
                network: network.as_str().as_bytes(),
            };
            self.append(&owner).map_err(opening)?;
        }
        self.absorb_closed(spare)?;
        answered.map_or(Ok(()), |invoice| {
            self.close_invoice(invoice).map_err(opening)
        })
    }

    pub(super) fn finish(&mut self) -> Result<(), OpenError> {
        match self.sign_pending() {
            // The purse says so again when it is asked for something.
            Ok(()) | Err(Status::Busy | Status::Full) => Ok(()),
            Err(status) => Err(opening(status)),
        }
    }

    /// Newest payments that were closed and then followed by another, when the power went.
    fn absorb_closed(&mut self, spare: Option<Entry>) -> Result<(), OpenError> {
        let closed = |entry: &Entry| {
            let Side::Taken { receipt, .. } = entry.side else {
                return None;
            };
            let mark = entry.mark.filter(|mark| mark.is_final())?;
            Some((*entry, mark, receipt))
        };
        let left = self.book.outbox.iter().chain(&spare).find_map(closed);
        if let Some((entry, mark, receipt)) = left {
            let records = [Some(entry.record), Some(mark.record), receipt];
            self.absorb(entry.id, entry.currency, Tally::of(&mark), &records)
                .map_err(opening)?;
        }
        match spare {
            Some(entry) if left.is_none_or(|(absorbed, ..)| absorbed.id != entry.id) => {
                match self.book.outbox.insert(entry) {
                    true => Ok(()),
                    false => Err(OpenError::TooMany),
                }
            }
            _ => Ok(()),
        }
    }
}

/// What the journal leaves to be done.
struct Left {
    owned: bool,
    spare: Option<Entry>,
    answered: Option<Reference>,
}

/// Reads the journal into the book until nothing useless is left in it.
fn tidied<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize>(
    own: &Own,
    key: &K,
    journal: &mut J,
    book: &mut Book<OUTBOX, PAYERS>,
) -> Result<Left, OpenError> {
    let mut readings = 0;
    loop {
        let replay = Replay::read(own, key, journal, book)?;
        for record in replay.stale.iter().flatten() {
            journal.forget(*record)?;
        }
        readings += 1;
        if replay.stale.iter().any(Option::is_none) || readings > READINGS {
            return Ok(Left {
                owned: replay.owned,
                spare: replay.spare,
                answered: replay.answered,
            });
        }
    }
}

pub(super) fn opening(status: Status) -> OpenError {
    OpenError::Journal(match status {
        Status::Full => JournalFailed::Full,
        _ => JournalFailed::Broken,
    })
}

impl Own {
    fn new<K: Signer>(settings: &Settings<'_>, key: &K) -> Result<Self, OpenError> {
        let (own, station) = passes(settings.pass).map_err(OpenError::Pass)?;
        let read = |pass| open::<Pass>(pass, &settings.trust.network).map_err(OpenError::Pass);
        let pass = *read(own)?.peek();
        if pass.subject.0 != settings.me || pass.key.0 != key.public_key() {
            return Err(OpenError::Pass(Status::NotForYou));
        }
        if let Some(station) = station
            && read(station)?.peek().subject.0 != pass.issuer.0
        {
            return Err(OpenError::Pass(Status::NotForYou));
        }
        let mut bytes = [0; PASSES_MAX];
        bytes
            .get_mut(..settings.pass.len())
            .ok_or(OpenError::Pass(Status::Malformed))?
            .copy_from_slice(settings.pass);
        Ok(Self {
            me: settings.me,
            pass: bytes,
            pass_len: settings.pass.len(),
            rights: pass.rights,
            trust: settings.trust,
            sync_margin_s: settings.sync_margin_s,
            most_by_class: settings.most_by_class,
            place: settings.place,
            clock: settings.clock,
            issued: pass.issued,
        })
    }
}
