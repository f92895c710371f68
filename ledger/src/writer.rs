//! The one task that writes: it takes what has queued up, runs it in one transaction, commits, and
//! only then answers everybody.

use crate::bearings::Bearings;
use crate::books::{Entry, JournalHead};
use crate::bounds::BATCH_MOST;
use crate::crash::{CrashPoint, here};
use crate::error::{Damage, Error};
use crate::federation::terms::Place;
use crate::federation::{credits, hooks};
use crate::own_keys::OwnKeys;
use crate::store::{Connection, handovers, inbox, journal, things};
use protocol::objects::Object;
use protocol::{Code, Digest, Status, cose};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::{broadcast, mpsc, oneshot};

/// Why a command changed nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused.
    Refused(Status),
    /// The store failed under it.
    Store(Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        Self::Store(damage.into())
    }
}

/// Something that changes the books. It runs inside a savepoint: when it fails, nothing of it stays.
pub(crate) trait Command: Send + 'static {
    /// What the caller hears once it is durable.
    type Answer: Send + 'static;

    /// Decides and writes.
    fn execute(
        &self,
        desk: &mut Desk,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// What a command works with.
pub(crate) struct Desk {
    /// Inside the transaction of the batch.
    pub connection: Connection,
    /// Whose books these are.
    pub bearings: Bearings,
    /// Its keys, the present one and those before it.
    pub own_keys: OwnKeys,
    /// The journal, with everything this batch has written.
    pub head: JournalHead,
    /// Its place among other gateways.
    pub place: Place,
    /// Whether what is done now is done for a peer, whose letter was taken.
    pub for_peer: bool,
    /// Whose inboxes grew in this batch.
    told: Vec<Code>,
}

impl Desk {
    pub(crate) fn new(
        connection: Connection,
        bearings: Bearings,
        head: JournalHead,
        place: Place,
    ) -> Self {
        Self {
            connection,
            own_keys: OwnKeys::new(&bearings),
            bearings,
            head,
            place,
            for_peer: false,
            told: Vec::new(),
        }
    }

    /// Appends to the journal and moves the balances. What would go to the free purse of somebody at
    /// home elsewhere goes there by credit.
    pub(crate) async fn post(&mut self, entry: &Entry) -> Result<JournalHead, Failure> {
        let leaving = credits::leaving(self, entry).await?;
        let entry = leaving.as_ref().map_or(entry, |leaving| &leaving.entry);
        let head = journal::append(&mut self.connection, &self.head, entry).await?;
        self.head = head;
        if let Some(leaving) = &leaving {
            credits::send(self, leaving).await?;
        }
        Ok(head)
    }

    /// Puts a message into an inbox, here or at the code's home; `false` when there is no room.
    pub(crate) async fn tell(&mut self, code: &Code, message: &[u8]) -> Result<bool, Failure> {
        if hooks::told_elsewhere(self, code, message).await? {
            return Ok(true);
        }
        self.tell_here(code, message).await
    }

    /// Begins a part of a command that may be refused by itself.
    pub(crate) async fn begin_part(&mut self) -> Result<Part, Failure> {
        self.run("SAVEPOINT part").await?;
        Ok(Part {
            head: self.head,
            told: self.told.len(),
        })
    }

    /// Ends it: what it did stays, or never happened.
    pub(crate) async fn end_part(&mut self, part: Part, stays: bool) -> Result<(), Failure> {
        if !stays {
            self.run("ROLLBACK TO part").await?;
            self.head = part.head;
            self.told.truncate(part.told);
        }
        self.run("RELEASE part").await?;
        Ok(())
    }

    /// Puts a message into an inbox of these books; `false` when there is no room.
    /// Whoever has not heard of the gateway's present key finds that first.
    pub(crate) async fn tell_here(&mut self, code: &Code, message: &[u8]) -> Result<bool, Failure> {
        // Nobody reads under a key what comes before word of it.
        let told = self.tell_handover(code).await?
            && inbox::push(&mut self.connection, code, message).await?;
        if told {
            self.told.push(*code);
            here(CrashPoint::Told);
        }
        Ok(told)
    }

    /// Puts word of the gateway's present key into the inbox of whoever has not been told; `false`
    /// when there is no room.
    async fn tell_handover(&mut self, code: &Code) -> Result<bool, Failure> {
        let Some(since) = self.own_keys.since() else {
            return Ok(true);
        };
        let connection = &mut self.connection;
        let told = handovers::told_at(connection, code, since).await?;
        if told.is_some() {
            return Ok(true);
        }
        let thing = things::thing(connection, code).await?;
        let pass = thing.as_ref().map(|thing| thing.pass.as_slice());
        let Some(handover) = self.own_keys.handover_for(pass) else {
            return Ok(true);
        };
        if !inbox::push(connection, code, &handover).await? {
            return Ok(false);
        }
        here(CrashPoint::HandoverTold);
        // Word and mark are of one transaction: after a crash both are there and the code is told
        // once, or neither is and the next message brings it.
        handovers::set_told(connection, code, since).await?;
        self.told.push(*code);
        Ok(true)
    }

    /// Signs with the gateway's pass key.
    pub(crate) fn seal<T: Object>(&self, object: &T) -> Result<(Vec<u8>, Digest), Failure> {
        let mut bytes = vec![0; cose::SIGNED_MAX];
        let signer = self.bearings.signer.as_ref();
        match cose::seal(object, &self.bearings.network, signer, &mut bytes) {
            Ok((len, id)) => {
                bytes.truncate(len);
                Ok((bytes, id))
            }
            Err(error) => {
                tracing::error!(?error, object = T::NAME, "the gateway's key does not sign");
                Err(Status::Busy.into())
            }
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
        sqlx::query(sql).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// Where a part of a command began.
pub(crate) struct Part {
    head: JournalHead,
    told: usize,
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A command on its way, with the caller who waits for it.
pub(crate) trait Job: Send {
    fn execute<'a>(&'a mut self, desk: &'a mut Desk) -> Step<'a>;
    fn refuse(&mut self, status: Status);
    fn answer(self: Box<Self>);
}

/// A command, its outcome, and who waits.
pub(crate) struct Pending<C: Command> {
    command: C,
    outcome: Result<C::Answer, Status>,
    caller: oneshot::Sender<Result<C::Answer, Status>>,
}

impl<C: Command> Pending<C> {
    pub(crate) fn new(command: C, caller: oneshot::Sender<Result<C::Answer, Status>>) -> Self {
        Self {
            command,
            outcome: Err(Status::Storage),
            caller,
        }
    }
}

impl<C: Command + Sync> Job for Pending<C> {
    fn execute<'a>(&'a mut self, desk: &'a mut Desk) -> Step<'a> {
        Box::pin(async move {
            self.outcome = Ok(self.command.execute(desk).await?);
            Ok(())
        })
    }

    fn refuse(&mut self, status: Status) {
        self.outcome = Err(status);
    }

    fn answer(self: Box<Self>) {
        // A caller who has gone away will ask again and hear the same.
        let _ = self.caller.send(self.outcome);
    }
}

/// Why a batch was not written.
enum Broken {
    /// Nothing of it is in the books; the next batch may fare better.
    Nothing(Status, Error),
    /// Nobody knows what reached the disk.
    Unknown(Error),
}

/// Runs until every sender is gone or the disk fails.
pub(crate) async fn run(
    mut desk: Desk,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    changes: broadcast::Sender<Code>,
) {
    let mut batch = Vec::with_capacity(BATCH_MOST);
    let mut stop = false;
    while !stop && queue.recv_many(&mut batch, BATCH_MOST).await > 0 {
        let refused = match write(&mut desk, &mut batch).await {
            Ok(()) => None,
            Err(Broken::Nothing(status, error)) => {
                tracing::error!(%error, "the ledger could not write");
                Some(status)
            }
            Err(Broken::Unknown(error)) => {
                // Whoever opens the books again finds out; this task must not guess.
                tracing::error!(%error, "the ledger stops: open it again");
                stop = true;
                queue.close();
                Some(Status::Storage)
            }
        };
        if let Some(status) = refused {
            batch.iter_mut().for_each(|job| job.refuse(status));
            desk.told.clear();
        }
        for job in batch.drain(..) {
            // A crash from here on: all is durable, and those who heard nothing ask again and get
            // the stored answer.
            job.answer();
            here(CrashPoint::Answered);
        }
        for code in desk.told.drain(..) {
            let _ = changes.send(code);
        }
    }
    if let Err(error) = sqlx::Connection::close(desk.connection).await {
        tracing::error!(%error, "the ledger did not close cleanly");
    }
}

/// One batch: begin, a savepoint per command, commit.
async fn write(desk: &mut Desk, batch: &mut [Box<dyn Job>]) -> Result<(), Broken> {
    if let Err(error) = desk.run("BEGIN IMMEDIATE").await {
        let status = match &error {
            error if is_busy(error) => Status::Busy,
            _ => Status::Storage,
        };
        return Err(Broken::Nothing(status, error));
    }
    // A crash from here to the commit: the database forgets the batch, and nobody was answered.
    here(CrashPoint::Begun);
    let before = desk.head;
    if let Err(error) = write_all(desk, batch).await {
        return Err(undo(desk, before, error).await);
    }
    here(CrashPoint::Written);
    desk.run("COMMIT").await.map_err(Broken::Unknown)?;
    // A crash here: everything is durable and nobody knows; repeated requests get these answers.
    here(CrashPoint::Committed);
    Ok(())
}

async fn write_all(desk: &mut Desk, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let head = journal::head(&mut desk.connection).await?;
    if head != desk.head {
        return Err(Damage::new("entry", head.height, "written by somebody else").into());
    }
    for job in batch {
        desk.run("SAVEPOINT command").await?;
        let (head, told) = (desk.head, desk.told.len());
        if let Err(failure) = job.execute(desk).await {
            job.refuse(match failure {
                Failure::Refused(status) => status,
                Failure::Store(error) => error.into(),
            });
            desk.head = head;
            desk.for_peer = false;
            desk.told.truncate(told);
            desk.run("ROLLBACK TO command").await?;
        }
        desk.run("RELEASE command").await?;
    }
    Ok(())
}

/// Takes a batch back that failed before its commit.
async fn undo(desk: &mut Desk, before: JournalHead, error: Error) -> Broken {
    desk.head = before;
    // A full disk has already rolled back, and then this fails: what counts is the head.
    let _ = desk.run("ROLLBACK").await;
    match journal::head(&mut desk.connection).await {
        Ok(head) if head == before => Broken::Nothing(Status::Storage, error),
        Ok(_) | Err(_) => Broken::Unknown(error),
    }
}

/// Whether another process holds the file, such as a backup that takes long.
fn is_busy(error: &Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    match error {
        Error::Database(sqlx::Error::Database(error)) => {
            error.code().as_deref() == Some(SQLITE_BUSY)
        }
        _ => false,
    }
}
