//! What things ask for in public: the newest invoice of each, kept for whoever scans its label.
//!
//! It is kept like a retained message: as long as the gateway runs. Nothing rests on it: whoever pays
//! it is judged by its payee, and a paid or withdrawn invoice that is still shown buys nothing.

use super::{Desk, payment_in};
use crate::tree::{Caller, Peer};
use ledger::ThingState;
use protocol::cose::open;
use protocol::objects::{Invoice, Pass, Payment, Rights};
use protocol::rules::trust::passes;
use protocol::{Code, Network, Reference, Status, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things whose invoices are kept at once.
const OFFERS_MAX: usize = 100_000;

#[derive(Clone, Debug)]
struct Offer {
    reference: Reference,
    expires: Timestamp,
    message: Vec<u8>,
}

/// The newest invoice of each thing that put one up.
#[derive(Debug, Default)]
pub struct Offers(Mutex<HashMap<Code, Offer>>);

impl Offers {
    /// The invoice message of a thing, while it is open.
    pub fn of(&self, code: &Code, now: Timestamp) -> Option<Vec<u8>> {
        let offers = self.open();
        let offer = offers.get(code).filter(|offer| offer.expires > now)?;
        Some(offer.message.clone())
    }

    fn put(&self, code: Code, offer: Offer, now: Timestamp) -> Result<(), Status> {
        let mut offers = self.open();
        if offers.len() >= OFFERS_MAX && !offers.contains_key(&code) {
            offers.retain(|_, offer| offer.expires > now);
            if offers.len() >= OFFERS_MAX {
                return Err(Status::Full);
            }
        }
        offers.insert(code, offer);
        Ok(())
    }

    /// Takes down what this message paid, once the books have it.
    pub(super) fn paid(&self, network: &Network, message: &[u8]) {
        if self.open().is_empty() {
            return;
        }
        let Some(paid) = payment_in(message).and_then(|paid| open::<Payment>(paid, network).ok())
        else {
            return;
        };
        let (payee, reference) = (paid.peek().payee, paid.peek().reference);
        let mut offers = self.open();
        if offers
            .get(&payee)
            .is_some_and(|offer| offer.reference == reference)
        {
            offers.remove(&payee);
        }
    }

    /// A poisoned lock is taken over: a map of bytes is whole between any two steps.
    fn open(&self) -> MutexGuard<'_, HashMap<Code, Offer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Puts up what a thing asks for, in place of what it asked for before.
    pub(super) async fn put_up(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        (message, invoice, pass): (&[u8], &[u8], &[u8]),
    ) -> Result<(), Status> {
        let invoice = open::<Invoice>(invoice, &self.trust.network)?;
        let payee = invoice.peek().payee;
        // By a door that knows who comes: whoever has seen an old invoice could put it up again.
        if peer != Peer::Gateway || caller.is_none_or(|caller| caller.code != payee) {
            return Err(Status::NotForYou);
        }
        let reference = invoice.id().reference();
        let thing = self.ledger.thing(&payee).await;
        let thing = thing.map_err(|_| Status::Storage)?;
        let thing = thing.ok_or(Status::UnknownCode)?;
        // Payers are shown the pass that the registry holds, and no other.
        let (pass, _) = passes(pass)?;
        let rights = open::<Pass>(pass, &self.trust.network)?.peek().rights;
        let is_its_own = thing.pass == pass && thing.state == ThingState::Active;
        if !is_its_own || !rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        let invoice = self.signed_by(payee, invoice).await?;
        let invoice = invoice.get();
        invoice.asked().ok_or(Status::Malformed)?;
        let now = (self.clock)();
        if invoice.expires <= now {
            return Err(Status::InvoiceExpired);
        }
        let offer = Offer {
            reference,
            expires: invoice.expires,
            message: message.to_vec(),
        };
        self.offers.put(payee, offer, now)
    }
}
