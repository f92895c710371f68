//! A car or a charger: a purse from the SDK that can lose its power at any moment.

use crate::house::Failure;
use crate::thing_folder::{FolderPurse, written};
use crate::wallet::now;
use device_sdk::links::neighbours::Conversation;
use device_sdk::purse::{Event, HandInCursor, InvoiceOrder, OUT_MAX, Seed, Totals};
use protocol::message::Message;
use protocol::{AmountMinor, Code, Currency, Digest, Reference, Status};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Payments a thing of the demonstration can hold that no gateway has answered for.
const OUTBOX: usize = 1024;
/// Payers a thing of the demonstration remembers.
const PAYERS: usize = 128;

/// A purse of the demonstration.
pub type ThingPurse = FolderPurse<OUTBOX, PAYERS>;

/// Opens the purse from what is on disk.
type Opener = Box<dyn Fn() -> Result<Box<ThingPurse>, Failure> + Send + Sync>;

/// One machine.
pub struct Thing {
    /// Its name.
    pub code: Code,
    /// Empty while the power is off.
    purse: Mutex<Option<Box<ThingPurse>>>,
    opener: Opener,
    /// Payments of its own that a gateway has called settled.
    settled: Mutex<HashSet<Digest>>,
    /// What is told to the neighbour who paid last.
    telling: Mutex<Conversation>,
    /// Wakes whoever waits for the purse to move.
    moved: Notify,
}

impl Thing {
    /// Switches a machine on.
    pub fn new(opener: Opener) -> Result<Self, Failure> {
        let purse = opener()?;
        Ok(Self {
            code: purse.me(),
            purse: Mutex::new(Some(purse)),
            opener,
            settled: Mutex::default(),
            telling: Mutex::default(),
            moved: Notify::new(),
        })
    }

    /// Pulls the plug and puts it in again: what is not on disk is gone.
    pub fn power_cut(&self) -> Result<(), Failure> {
        let mut purse = lock(&self.purse);
        *purse = None;
        *purse = Some((self.opener)()?);
        Ok(())
    }

    fn with<R>(&self, step: impl FnOnce(&mut ThingPurse) -> R) -> Result<R, Status> {
        match lock(&self.purse).as_mut() {
            Some(purse) => Ok(step(purse)),
            None => Err(Status::Storage),
        }
    }

    fn write(
        &self,
        step: impl FnOnce(&mut ThingPurse, &mut [u8]) -> Result<usize, Status>,
    ) -> Result<Vec<u8>, Status> {
        self.with(|purse| written(|out| step(purse, out)))?
    }

    /// Whether a gateway has called this payment settled.
    pub fn has_settled(&self, payment: &Digest) -> bool {
        lock(&self.settled).contains(payment)
    }

    /// What it holds.
    pub fn totals(&self, currency: Currency) -> Totals {
        self.with(|purse| purse.totals(currency))
            .unwrap_or_default()
    }

    /// How many payments wait for a gateway.
    pub fn unanswered(&self) -> usize {
        self.with(|purse| purse.unanswered()).unwrap_or_default()
    }

    /// Asks to be paid: the invoice, as a charger shows it on its screen.
    pub fn invoice(&self, order: &InvoiceOrder) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| purse.invoice(order, 0, now(), out))
    }

    /// Pays an invoice its driver agreed to: the evidence for the payee, already durable here.
    pub fn pay_invoice(&self, invoice: &[u8], seed: Option<Seed>) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| {
            let offer = purse.show_owner(invoice, now())?;
            purse.pay_invoice(&offer, seed, now(), out)
        })
    }

    /// Lets go of so many units of a stream in all.
    pub fn release(&self, payment: Digest, units: u32) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| purse.release(payment, units, out))
    }

    /// Asks for an allowance.
    pub fn renewal(&self, currency: Currency, wanted: AmountMinor) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| purse.renewal(currency, wanted, now(), out))
    }

    /// Everything a gateway should be shown, oldest first.
    pub fn hand_ins(&self) -> Result<Vec<Vec<u8>>, Status> {
        self.with(|purse| {
            let mut cursor = HandInCursor::default();
            let mut out = [0; OUT_MAX];
            let mut messages = Vec::new();
            while let Some(len) = purse.hand_in(&mut cursor, &mut out)? {
                messages.push(out.get(..len).unwrap_or_default().to_vec());
            }
            Ok(messages)
        })?
    }

    /// Takes whatever comes in by any link; what it returns is the answer for the sender.
    pub fn take(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        let answer = match Message::read(message)? {
            Message::Evidence { .. } | Message::Covered { .. } | Message::Payment { .. } => {
                Some(self.write(|purse, out| purse.accept_invoiced(message, now(), out))?)
            }
            Message::Unit { .. } => Some(self.take_units(message)?),
            _ => {
                let event = self.with(|purse| purse.receive(message, now()))??;
                if let Event::Stated {
                    payment,
                    outcome: Status::Settled,
                } = event
                {
                    lock(&self.settled).insert(payment);
                }
                None
            }
        };
        self.moved.notify_waiters();
        Ok(answer)
    }

    /// Units of a stream are answered by themselves, the last of them by the receipt that closes it.
    fn take_units(&self, message: &[u8]) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| {
            let taken = purse.take_unit(message)?;
            let whole = purse
                .taking()
                .any(|stream| stream.payment == taken.payment && stream.count == taken.units);
            if whole {
                return purse.close_stream(taken.payment, now(), out);
            }
            let place = out.get_mut(..message.len()).ok_or(Status::Full)?;
            place.copy_from_slice(message);
            Ok(message.len())
        })
    }

    /// The same for what comes directly from a neighbour, with a refusal spelled as a message. Whoever
    /// has paid may tell and hear which payments were seen.
    pub fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        if Conversation::is_part(message) {
            let mut telling = lock(&self.telling);
            self.hear(&mut telling, message).ok()?;
            return self.tell(&mut telling).ok();
        }
        let answer = self.take(message);
        if let Ok(Some(_)) = answer {
            *lock(&self.telling) = Conversation::after_payment();
        }
        answer.unwrap_or_else(|status| {
            written(|out| Message::refusal(status, None).write(out).ok_or(status)).ok()
        })
    }

    /// What to tell the neighbour who was paid, after it said something; nothing at the end.
    pub fn converse(&self, conversation: &mut Conversation, heard: &[u8]) -> Option<Vec<u8>> {
        self.hear(conversation, heard).ok()?;
        match conversation.is_over() {
            true => None,
            false => self.tell(conversation).ok(),
        }
    }

    fn hear(&self, conversation: &mut Conversation, message: &[u8]) -> Result<(), Status> {
        let heard = self.with(|purse| conversation.hear(purse, message, now()))??;
        if let Some(Event::Fraud { code }) = heard {
            tracing::warn!(%code, by = %self.code, "a key contradicted itself");
        }
        Ok(())
    }

    fn tell(&self, conversation: &mut Conversation) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| conversation.tell(purse, out))
    }

    /// Waits until `done` says so, looking again whenever the purse has moved.
    pub async fn until(&self, done: impl Fn(&Self) -> bool) {
        loop {
            let moved = self.moved.notified();
            if done(self) {
                return;
            }
            moved.await;
        }
    }
}

/// A purse recovers from its journal, so a poisoned lock is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reference of a session: its number, right-aligned.
pub fn reference(session: u64) -> Reference {
    Reference(u128::from(session).to_be_bytes())
}
