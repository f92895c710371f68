//! A car or a charger: a purse from the SDK, and what it knows about its own meter.

use crate::thing_folder::{FolderPurse, written};
use crate::wallet::now;
use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Order, Totals};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::rules::Expected;
use protocol::{AmountMinor, Code, Currency, Digest, Network, Reference, Status};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Payments a thing of the demonstration can hold that no gateway has answered for.
const OUTBOX: usize = 1024;
/// Payers a thing of the demonstration remembers.
const PAYERS: usize = 128;

/// A purse of the demonstration.
pub type ThingPurse = FolderPurse<OUTBOX, PAYERS>;

/// One machine.
pub struct Thing {
    /// Its name.
    pub code: Code,
    network: Network,
    purse: Mutex<Box<ThingPurse>>,
    /// What the meter says is owed, by reference of the session.
    bills: Mutex<HashMap<Reference, AmountMinor>>,
    /// Payments of its own that a gateway has called settled.
    settled: Mutex<HashSet<Digest>>,
    /// Wakes whoever waits for the purse to move.
    moved: Notify,
}

impl Thing {
    /// Puts a purse into a machine.
    pub fn new(network: Network, purse: ThingPurse) -> Self {
        Self {
            code: purse.me(),
            network,
            purse: Mutex::new(Box::new(purse)),
            bills: Mutex::default(),
            settled: Mutex::default(),
            moved: Notify::new(),
        }
    }

    fn purse(&self) -> MutexGuard<'_, Box<ThingPurse>> {
        lock(&self.purse)
    }

    /// Whether a gateway has called this payment settled.
    pub fn has_settled(&self, payment: &Digest) -> bool {
        lock(&self.settled).contains(payment)
    }

    /// What it holds.
    pub fn totals(&self, currency: Currency) -> Totals {
        self.purse().totals(currency)
    }

    /// How many payments wait for a gateway.
    pub fn unanswered(&self) -> usize {
        self.purse().unanswered()
    }

    /// The meter has run: this much is owed under this reference.
    pub fn bill(&self, expected: Expected) {
        lock(&self.bills).insert(expected.reference, expected.amount);
    }

    /// Pays: the evidence for the payee, already durable here.
    pub fn pay(&self, order: &Order) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| purse.pay(order, now(), out))
    }

    /// Asks for an allowance.
    pub fn renewal(&self, currency: Currency, wanted: AmountMinor) -> Result<Vec<u8>, Status> {
        self.write(|purse, out| purse.renewal(currency, wanted, now(), out))
    }

    /// Everything a gateway should be shown, oldest first.
    pub fn hand_ins(&self) -> Result<Vec<Vec<u8>>, Status> {
        let mut purse = self.purse();
        let mut cursor = HandInCursor::default();
        let mut out = [0; OUT_MAX];
        let mut messages = Vec::new();
        while let Some(len) = purse.hand_in(&mut cursor, &mut out)? {
            messages.push(out.get(..len).unwrap_or_default().to_vec());
        }
        Ok(messages)
    }

    /// Takes whatever comes in by any link; what it returns is the answer for the sender.
    pub fn take(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        let answer = match Message::read(message)? {
            Message::Evidence { payment, .. } => {
                let expected = self.expected(payment)?;
                let accept = |purse: &mut ThingPurse, out: &mut [u8]| {
                    purse.accept(message, Some(expected), now(), out)
                };
                Some(self.write(accept)?)
            }
            _ => {
                let event = self.purse().receive(message, now())?;
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

    /// The same, with a refusal spelled as a message.
    pub fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.take(message).unwrap_or_else(|status| {
            written(|out| Message::refusal(status, None).write(out).ok_or(status)).ok()
        })
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

    fn expected(&self, payment: &[u8]) -> Result<Expected, Status> {
        let reference = open::<Payment>(payment, &self.network)?.peek().reference;
        let amount = lock(&self.bills)
            .get(&reference)
            .copied()
            .ok_or(Status::WrongReference)?;
        Ok(Expected { amount, reference })
    }

    fn write(
        &self,
        step: impl FnOnce(&mut ThingPurse, &mut [u8]) -> Result<usize, Status>,
    ) -> Result<Vec<u8>, Status> {
        written(|out| step(&mut self.purse(), out))
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
