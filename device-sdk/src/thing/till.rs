//! The purse in a thing's folder, and what it makes of wallet messages that come from a gateway.

use crate::identity_file::Identity;
use crate::journal_file::{self, FileJournal};
use crate::purse::{self, Clock, Event, HandInCursor, OUT_MAX, Order, Purse, Settings};
use protocol::code::grid::Cell;
use protocol::cose::open;
use protocol::covers::Items;
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::{AmountMinor, Currency, Network, Reference, Status, Timestamp};
use std::fmt;
use std::io;
use std::path::Path;

/// The journal of the purse, beside the files of the identity.
pub const JOURNAL_FILE: &str = "purse.journal";
/// How long such a thing may need to reach a gateway.
const SYNC_MARGIN_S: u32 = 3_600;
/// Room for opening the largest purse of a program, unoptimised.
const OPENING_STACK_BYTES: usize = 64 << 20;

/// A purse in a folder.
pub type FolderPurse<const OUTBOX: usize, const PAYERS: usize> =
    Purse<SoftwareKey, FileJournal, OUTBOX, PAYERS>;

/// Why a purse cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Its journal.
    Journal(journal_file::OpenError),
    /// What the purse makes of its pass and journal.
    Purse(purse::OpenError),
    /// The gateway's passes.
    Gateway(Status),
    /// No room to open it.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Purse(error) => error.fmt(f),
            Self::Gateway(status) => write!(f, "{status}: {}", status.sentence()),
            Self::Io(error) => write!(f, "the purse cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// The purse of the thing in `folder`, which trusts the gateway that gave it its code, takes `most`
/// at once from a payer it cannot ask anybody about, and stands in `place`.
///
/// A purse allocates nothing: its tables are inside it, and opening one hands them from one stack
/// frame to the next. So it is opened on a stack of its own and lives on the heap.
pub fn open_purse<const OUTBOX: usize, const PAYERS: usize>(
    identity: &Identity,
    folder: &Path,
    most: AmountMinor,
    place: Option<Cell>,
    now: Timestamp,
) -> Result<Box<FolderPurse<OUTBOX, PAYERS>>, OpenError> {
    let given = &identity.credentials;
    let passes = given.passes();
    let settings = Settings {
        me: given.code,
        pass: &passes,
        trust: identity.trust,
        sync_margin_s: SYNC_MARGIN_S,
        most_by_class: [most; 3],
        place,
        clock: Clock::Kept,
    };
    let opened = || {
        let journal = FileJournal::open(&folder.join(JOURNAL_FILE)).map_err(OpenError::Journal)?;
        let purse = FolderPurse::open(settings, identity.keys.wallet(), journal);
        let mut purse = Box::new(purse.map_err(OpenError::Purse)?);
        purse
            .trust_gateway(&given.issuer_pass, &given.gateway_pass, now)
            .map_err(OpenError::Gateway)?;
        Ok(purse)
    };
    std::thread::scope(|scope| {
        let opening = std::thread::Builder::new()
            .stack_size(OPENING_STACK_BYTES)
            .spawn_scoped(scope, opened)
            .map_err(OpenError::Io)?;
        let died = |_| Err(OpenError::Io(io::Error::other("its thread ended")));
        opening.join().unwrap_or_else(died)
    })
}

/// What a wallet message meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Somebody paid, and it is taken: the receipt has to be handed to them.
    Paid {
        /// Who, what and how much.
        payment: Payment,
        /// For the payer.
        receipt: Vec<u8>,
    },
    /// The purse learned something.
    Event(Event),
    /// It is not for the purse.
    Nothing,
}

/// A purse with room for 16 payments no gateway has answered for.
pub struct Till {
    purse: Box<FolderPurse<16, 8>>,
    network: Network,
}

impl Till {
    /// Opens the purse in `folder`.
    pub fn open(
        identity: &Identity,
        folder: &Path,
        most: AmountMinor,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            purse: open_purse(identity, folder, most, None, now)?,
            network: identity.trust.network,
        })
    }

    /// What may be paid here and now.
    pub fn spendable(&self, currency: Currency, now: Timestamp) -> AmountMinor {
        self.purse.spendable_here(currency, now)
    }

    /// Asks a gateway for room to pay `wanted`.
    pub fn renewal(
        &mut self,
        currency: Currency,
        wanted: AmountMinor,
        now: Timestamp,
    ) -> Result<Vec<u8>, Status> {
        written(|out| self.purse.renewal(currency, wanted, now, out))
    }

    /// Pays: from here on it is paid, whatever happens. Gives the message for the payee, and by what
    /// the payment is called. The same order again is the same payment.
    pub fn pay(&mut self, order: &Order, now: Timestamp) -> Result<(Vec<u8>, Reference), Status> {
        let evidence = written(|out| self.purse.pay(order, now, out))?;
        let (named, _) = payment(&evidence, &self.network).ok_or(Status::Malformed)?;
        Ok((evidence, named))
    }

    /// What waits for a gateway, one message after the other, each for the gateway itself.
    pub fn hand_in(&mut self, cursor: &mut HandInCursor) -> Result<Option<Vec<u8>>, Status> {
        let mut out = [0; OUT_MAX];
        let len = self.purse.hand_in(cursor, &mut out)?;
        Ok(len.and_then(|len| out.get(..len)).map(<[u8]>::to_vec))
    }

    /// Takes a message that came from a gateway. After `Storage` the till has to be opened again.
    pub fn take(&mut self, message: &[u8], now: Timestamp) -> Result<Meant, Status> {
        match Message::read(message)? {
            Message::Evidence { .. } | Message::Covered { receipt: None, .. } => {
                let paid = payment(message, &self.network);
                let (_, payment) = paid.ok_or(Status::Malformed)?;
                let receipt = written(|out| self.purse.accept(message, None, now, out))?;
                Ok(Meant::Paid { payment, receipt })
            }
            Message::Lease { .. } | Message::ClaimNote { .. } | Message::Authorities { .. } => {
                Ok(Meant::Nothing)
            }
            _ => self.purse.receive(message, now).map(Meant::Event),
        }
    }
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").finish_non_exhaustive()
    }
}

fn written(step: impl FnOnce(&mut [u8]) -> Result<usize, Status>) -> Result<Vec<u8>, Status> {
    let mut out = [0; OUT_MAX];
    let len = step(&mut out)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

/// A payment as its message shows it, whose signature nobody has checked yet.
fn payment(evidence: &[u8], network: &Network) -> Option<(Reference, Payment)> {
    let items;
    let payment = match Message::read(evidence).ok()? {
        Message::Evidence { payment, .. } => payment,
        Message::Covered { items: covered, .. } => {
            items = Items::read(covered).ok()?;
            items.last()?.payment
        }
        _ => return None,
    };
    let payment = open::<Payment>(payment, network).ok()?;
    Some((payment.id().reference(), *payment.peek()))
}
