//! The handle everybody else holds.

use crate::accusation::Accusation;
use crate::bearings::Bearings;
use crate::books::JournalHead;
use crate::bounds::{CHANGES_MOST, QUEUE_MOST, TAIL_CHECKED};
use crate::chain::{self, Publisher};
use crate::commands::Answer;
use crate::commands::accuse::Accuse;
use crate::commands::claims::Decide;
use crate::commands::hand_in::{HandIn, HandInCovered};
use crate::commands::inbox::{Acknowledge, TellNews};
use crate::commands::overdue::{ReturnOverdue, ReturnedCount};
use crate::commands::promise::{self, Word};
use crate::commands::renew::Renew;
use crate::commands::treasury::{Declare, Treasury};
use crate::error::{Damage, Error, OpenError};
use crate::evidence::{CoveredEvidence, Evidence, Owned, Released};
use crate::federation;
use crate::own_keys::OwnKeys;
use crate::store::currencies::CurrencyRow;
use crate::store::decisions::{ClaimOrder, Decided};
use crate::store::inbox::InboxEntry;
use crate::store::treasury::{Fund, FundOrder, LoadOrder, Loaded, Way};
use crate::store::{
    self, Pool, covers, currencies, decisions, handovers, house, inbox, journal, payments, verify,
};
use crate::trace::Tracing;
use crate::writer::{self, Command, Desk, Job, Pending};
use protocol::cose::{SIGNED_MAX, open};
use protocol::objects::{Allowance, Closing, Payment, Receipt, Renewal, Void};
use protocol::{Code, Currency, Digest, KeyEpoch, Network, PublicKey, Status, Timestamp};
use sqlx::pool::PoolConnection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

/// The books. Clones share one writer and one pool of readers.
///
/// A call that changes something returns once it is durable. `Err` changed nothing, except that
/// after [`Status::Storage`] the books have to be opened again to know. The same request gives the
/// same answer however often it is made.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Pool,
    changes: broadcast::Sender<Code>,
    network: Network,
    gateway: Code,
    own_keys: OwnKeys,
    gateway_epoch: KeyEpoch,
    issuer_pass: Vec<u8>,
    gateway_pass: Vec<u8>,
    path: PathBuf,
    tracing: OnceCell<Tracing>,
    publisher: tokio::sync::Mutex<Publisher>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the file, creates and migrates it where needed, and checks the newest part of the
    /// journal, that every currency sums to zero, and that the tiles of the code chain say what the
    /// books say. One process at a time.
    pub async fn open(path: &Path, bearings: Bearings) -> Result<Self, OpenError> {
        if bearings.issuer_pass.len() > SIGNED_MAX || bearings.gateway_pass.len() > SIGNED_MAX {
            return Err(OpenError::Passes);
        }
        let (network, gateway) = (bearings.network, bearings.gateway);
        let own_keys = OwnKeys::new(&bearings);
        let (gateway_epoch, issuer_pass) = (bearings.gateway_epoch, bearings.issuer_pass.clone());
        let gateway_pass = bearings.gateway_pass.clone();
        let (mut connection, readers) = store::open(path).await?;
        let height = journal::head(&mut connection).await?.height;
        let head = verify::chain(&mut connection, height.saturating_sub(TAIL_CHECKED)).await?;
        verify::sums(&mut connection).await?;
        let epoch_before = house::epoch(&mut connection).await?;
        house::claim(&mut connection, &bearings).await?;
        let place = federation::opened(&mut connection, &bearings, epoch_before).await?;
        chain::begin(&mut connection, &bearings).await?;
        let publisher = Publisher::open(&mut connection, &readers, path).await?;
        let (queue, jobs) = mpsc::channel(QUEUE_MOST);
        let (changes, _) = broadcast::channel(CHANGES_MOST);
        let desk = Desk::new(connection, bearings, head, place);
        let writer = tokio::spawn(writer::run(desk, jobs, changes.clone()));
        Ok(Self {
            inner: Arc::new(Inner {
                queue: Mutex::new(Some(queue)),
                writer: Mutex::new(Some(writer)),
                readers,
                changes,
                network,
                gateway,
                own_keys,
                gateway_epoch,
                issuer_pass,
                gateway_pass,
                path: path.to_owned(),
                tracing: OnceCell::new(),
                publisher: tokio::sync::Mutex::new(publisher),
            }),
        })
    }

    /// Finishes what has been taken, answers it, and closes the file. Later calls hear
    /// [`Status::Storage`].
    pub async fn close(&self) {
        drop(lock(&self.inner.queue).take());
        let writer = lock(&self.inner.writer).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the ledger's writer");
        }
        if let Some(tracing) = self.inner.tracing.get() {
            tracing.close().await;
        }
        self.inner.readers.close().await;
    }

    /// Whether the books still take what is handed to them: not after [`Ledger::close`], nor after a
    /// commit failed and nobody knows what reached the disk.
    pub fn is_writing(&self) -> bool {
        lock(&self.inner.queue)
            .as_ref()
            .is_some_and(|queue| !queue.is_closed())
    }

    pub(crate) async fn submit<C: Command + Sync>(&self, command: C) -> Result<C::Answer, Status> {
        let (caller, answer) = oneshot::channel();
        let queue = lock(&self.inner.queue).clone().ok_or(Status::Storage)?;
        let job: Box<dyn Job> = Box::new(Pending::new(command, caller));
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Status::Busy,
            mpsc::error::TrySendError::Closed(_) => Status::Storage,
        })?;
        drop(queue);
        answer.await.unwrap_or(Err(Status::Storage))
    }

    pub(crate) fn network(&self) -> &Network {
        &self.inner.network
    }

    pub(crate) fn gateway(&self) -> Code {
        self.inner.gateway
    }

    pub(crate) fn gateway_epoch(&self) -> KeyEpoch {
        self.inner.gateway_epoch
    }

    pub(crate) fn own_key(&self) -> PublicKey {
        self.inner.own_keys.key()
    }

    pub(crate) fn own_keys(&self) -> &OwnKeys {
        &self.inner.own_keys
    }

    pub(crate) fn gateway_pass(&self) -> &[u8] {
        &self.inner.gateway_pass
    }

    pub(crate) fn issuer_pass(&self) -> &[u8] {
        &self.inner.issuer_pass
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>, Error> {
        Ok(self.inner.readers.acquire().await?)
    }

    /// What stands in the files of the code chain.
    pub(crate) fn publisher(&self) -> &tokio::sync::Mutex<Publisher> {
        &self.inner.publisher
    }

    /// The file, the readers and the index of coins, for what stands beside the books.
    pub(crate) fn beside(&self) -> (&Path, &Pool, &OnceCell<Tracing>) {
        (&self.inner.path, &self.inner.readers, &self.inner.tracing)
    }

    // ------------------------------------------------------------------------------- wallet

    /// Hands in a payment, with its payee's receipt where there is one. Signatures are checked
    /// before: the allowance's with a gateway's key, the payment's with the allowance's wallet key,
    /// the receipt's with the payee's.
    ///
    /// A receipt that contradicts one that stands is kept and refused as
    /// [`Status::Contradiction`].
    pub async fn hand_in(
        &self,
        evidence: Evidence,
        receipt: Option<Owned<Receipt>>,
        now: Timestamp,
    ) -> Result<Answer, Status> {
        self.submit(HandIn {
            evidence,
            receipt,
            released: None,
            now,
            came: now,
            relayed: false,
        })
        .await?
    }

    /// Hands in a payment by the unit with the newest value that its bringer holds, and with the
    /// payee's closing receipt where there is one. Posts what is news since the value before; the
    /// receipt closes the stream, and the rest goes back to its payer.
    pub async fn claim_units(
        &self,
        evidence: Evidence,
        released: Released,
        receipt: Option<Owned<Receipt>>,
        now: Timestamp,
    ) -> Result<Answer, Status> {
        self.submit(HandIn {
            evidence,
            receipt,
            released: Some(released),
            now,
            came: now,
            relayed: false,
        })
        .await?
    }

    /// Hands in a payment with everything that covers it, and with its payee's receipt where there
    /// is one. The covers come first: each is its payee's by the payment that stands on it.
    pub async fn hand_in_covered(
        &self,
        covered: CoveredEvidence,
        receipt: Option<Owned<Receipt>>,
        now: Timestamp,
    ) -> Result<Answer, Status> {
        self.submit(HandInCovered {
            covered,
            receipt,
            now,
            came: now,
            relayed: false,
        })
        .await?
    }

    /// The newest value of a recorded payment by the unit, to check the next one from.
    pub async fn released(&self, payment: &Digest) -> Result<Option<Released>, Error> {
        let standing = payments::standing(&mut *self.reader().await?, payment).await?;
        Ok(standing.and_then(|standing| standing.shown))
    }

    /// Gives back what nobody claimed by its deadline and the grace after it: at most `most`
    /// payments, and never more than [`RETURN_MOST`](crate::bounds::RETURN_MOST). Both sides find a
    /// statement in their inboxes.
    pub async fn return_overdue(&self, now: Timestamp, most: u32) -> Result<ReturnedCount, Status> {
        self.submit(ReturnOverdue { now, most }).await
    }

    /// The evidence of a recorded payment, checked again: for who brings only a receipt.
    pub async fn evidence(&self, payment: &Digest) -> Result<Option<Evidence>, Error> {
        let mut reader = self.reader().await?;
        let bytes = payments::evidence_bytes(&mut reader, payment).await?;
        let Some((allowance, signed)) = bytes else {
            return Ok(None);
        };
        let covers = covers::of(&mut reader, payment).await?;
        let (network, keys) = (&self.inner.network, &self.inner.own_keys);
        let read = || {
            let allowance = keys.opened(open::<Allowance>(&allowance, network)?)?;
            let wallet_key = &allowance.get().wallet_key;
            let signed = open::<Payment>(&signed, network)?.verify(wallet_key)?;
            Evidence::recorded(&allowance, &signed, covers)
        };
        let damaged = |_| Damage::new("payment", payment, "holds no evidence");
        Ok(Some(read().map_err(damaged)?))
    }

    /// Gives a purse a fresh allowance. The signature is checked before, with the thing's key.
    pub async fn renew(&self, renewal: Owned<Renewal>, now: Timestamp) -> Result<Answer, Status> {
        self.submit(Renew { renewal, now }).await
    }

    /// A purse declares that numbers will not be used. The signature is checked before.
    pub async fn declare_void(&self, void: Owned<Void>, now: Timestamp) -> Result<(), Status> {
        let word = Word::Void(void);
        self.submit(promise::Declare { word, now }).await
    }

    /// A purse declares how far it went under an allowance. The signature is checked before.
    pub async fn declare_closing(
        &self,
        closing: Owned<Closing>,
        now: Timestamp,
    ) -> Result<(), Status> {
        let word = Word::Closing(closing);
        self.submit(promise::Declare { word, now }).await
    }

    /// Keeps what proves that somebody's key contradicts itself, and freezes its code if it is
    /// registered here. The same again changes nothing.
    pub async fn accuse(&self, accusation: Accusation, now: Timestamp) -> Result<(), Status> {
        self.submit(Accuse { accusation, now }).await
    }

    // -------------------------------------------------------------------------------- inbox

    /// Messages that wait for a code, oldest first, after the number `after`.
    pub async fn inbox(
        &self,
        code: &Code,
        after: u64,
        most: u32,
    ) -> Result<Vec<InboxEntry>, Error> {
        let mut reader = self.reader().await?;
        let mut entries = inbox::read(&mut reader, code, after, most).await?;
        let Some(since) = self.own_keys().since() else {
            return Ok(entries);
        };
        // Before that the code knows the former key only.
        let told = handovers::told_at(&mut reader, code, since).await?;
        for entry in &mut entries {
            if told.is_some_and(|told| entry.number > told) {
                entry.bytes = self.signed_anew(core::mem::take(&mut entry.bytes));
            }
        }
        Ok(entries)
    }

    /// The code has taken everything up to this number.
    pub async fn acknowledge(&self, code: &Code, up_to: u64) -> Result<(), Status> {
        self.submit(Acknowledge { code: *code, up_to }).await
    }

    /// Puts what is signed for everybody, and new to this code, into its inbox. Of beacons, filters,
    /// watermarks and leases only the newest stays there. False when there was no room: half of an
    /// inbox is kept for money.
    pub async fn tell_news(&self, code: &Code, news: Vec<Vec<u8>>) -> Result<bool, Status> {
        self.submit(TellNews { code: *code, news }).await
    }

    /// Codes whose inbox has just grown. Who falls behind has to look at every inbox it serves.
    pub fn inbox_changed(&self) -> broadcast::Receiver<Code> {
        self.inner.changes.subscribe()
    }

    // ---------------------------------------------------------------------------- treasurer

    /// Puts money into a purse; above the limit of its currency only a request does.
    pub async fn load(&self, order: LoadOrder, now: Timestamp) -> Result<Loaded, Status> {
        let (fund, way) = (None, Way::Load);
        let treasury = Treasury {
            order,
            fund,
            way,
            second: None,
            now,
        };
        self.submit(treasury).await
    }

    /// Takes free money out of a purse.
    pub async fn redeem(&self, order: LoadOrder, now: Timestamp) -> Result<Loaded, Status> {
        let (fund, way) = (None, Way::Redeem);
        let treasury = Treasury {
            order,
            fund,
            way,
            second: None,
            now,
        };
        self.submit(treasury).await
    }

    /// Puts money into what stands behind forks, or takes it out.
    pub async fn fund(&self, order: FundOrder, way: Way, now: Timestamp) -> Result<Loaded, Status> {
        let FundOrder {
            fund,
            currency,
            amount,
            key,
            by,
        } = order;
        let code = match fund {
            Fund::Deposit(code) => code,
            Fund::Bond | Fund::Guarantee => self.inner.gateway,
        };
        let order = LoadOrder {
            code,
            currency,
            amount,
            key,
            by,
        };
        let fund = Some(fund);
        let treasury = Treasury {
            order,
            fund,
            way,
            second: None,
            now,
        };
        self.submit(treasury).await
    }

    /// Declares a currency; it never changes afterwards.
    pub async fn declare_currency(
        &self,
        currency: Currency,
        exponent: u8,
        name: &str,
    ) -> Result<(), Status> {
        let name = name.to_owned();
        self.submit(Declare(CurrencyRow {
            currency,
            exponent,
            name,
        }))
        .await
    }

    /// A person decides who bears what a fork left short: the forker's free purse, its deposit, the
    /// bond, the guarantees, then the payees. A payment that only waited for what forked is decided
    /// with the cover that did.
    pub async fn decide_claim(&self, order: ClaimOrder, now: Timestamp) -> Result<Decided, Status> {
        self.submit(Decide { order, now }).await
    }

    /// What people decided about a claim, the oldest first.
    pub async fn decisions(&self, claim: &Digest) -> Result<Vec<Decided>, Error> {
        decisions::about(&mut *self.reader().await?, claim).await
    }

    /// Every declared currency.
    pub async fn currencies(&self) -> Result<Vec<CurrencyRow>, Error> {
        currencies::currencies(&mut *self.reader().await?, None).await
    }

    // -------------------------------------------------------------------------------- books

    /// Where the journal stands.
    pub async fn journal(&self) -> Result<JournalHead, Error> {
        journal::head(&mut *self.reader().await?).await
    }

    /// Checks everything: the whole chain, its postings, the balances, every signed payment. The
    /// error names the first row that is wrong.
    pub async fn verify(&self) -> Result<JournalHead, Error> {
        // One snapshot, so that what is written meanwhile does not look like damage.
        let mut reader = self.reader().await?;
        let mut snapshot = sqlx::Connection::begin(&mut *reader).await?;
        let head = verify::chain(&mut snapshot, 0).await?;
        verify::sums(&mut snapshot).await?;
        verify::balances(&mut snapshot).await?;
        verify::counters(&mut snapshot).await?;
        verify::payments(&mut snapshot, &self.inner.network).await?;
        Ok(head)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
