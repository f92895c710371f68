//! The wallet desk: bytes in, signatures checked, the ledger decides, bytes out.
//!
//! Whatever door a message came by, it ends here. Nothing is answered before the ledger has made it
//! durable, and the same message again gets the same bytes again.

mod elsewhere;
mod news;
mod offers;
mod payments;
mod proofs;
#[cfg(test)]
pub(crate) mod tests;
mod upkeep;

pub use news::News;
pub use offers::Offers;
pub use upkeep::upkeep;

use crate::meters::Meters;
use crate::tree::{Caller, Declined, Peer, WalletDesk};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::{Ledger, Owned};
use payments::Shown;
use protocol::cose::{Sealed, open};
use protocol::covers::Items;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{
    Closing, Invoice, Move, Object, Payment, Receipt, RefundRequest, Renewal, Void,
};
use protocol::rules::Trust;
use protocol::{Code, Network, PublicKey, Reference, Status};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of the machine's clock, the one place where wallet time is read.
pub fn now() -> protocol::Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_secs());
    protocol::Timestamp(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The desk of one gateway.
#[derive(Clone)]
pub struct Desk {
    /// The books.
    pub ledger: Ledger,
    /// Whose objects mean anything here, and who judges accusations.
    pub trust: Trust,
    /// This gateway.
    pub gateway: Code,
    /// The key its allowances are signed with.
    pub gateway_key: PublicKey,
    /// What it tells things by itself.
    pub news: Arc<News>,
    /// What things ask for in public.
    pub offers: Arc<Offers>,
    /// Counts what was refused.
    pub meters: Arc<Meters>,
    /// What time it is: [`now`], or a clock that somebody else drives.
    pub clock: fn() -> protocol::Timestamp,
}

impl Desk {
    async fn decide(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, Status> {
        if let Some(answer) = self.elsewhere(caller, peer, message).await? {
            return Ok(Some(answer.message));
        }
        let answer = match Message::read(message)? {
            Message::Evidence { allowance, payment } => {
                self.paid(caller, peer, (allowance, payment)).await?
            }
            Message::Claim {
                allowance,
                payment,
                receipt,
            } => self.claimed(caller, (allowance, payment), receipt).await?,
            Message::Receipt { receipt, pass } => self.receipted(caller, receipt, pass).await?,
            Message::StreamClaim {
                allowance,
                payment,
                units,
                value,
                receipt,
            } => {
                let shown = Shown {
                    units,
                    value,
                    receipt,
                };
                self.streamed(caller, (allowance, payment), shown).await?
            }
            Message::Covered { items, receipt } => {
                self.covered(caller, peer, items, receipt).await?
            }
            Message::Renewal { renewal } => {
                let renewal = open::<Renewal>(renewal, &self.trust.network)?;
                let code = renewal.peek().code;
                let renewal = self.signed_by(code, renewal).await?;
                self.ledger.renew(renewal, (self.clock)()).await?
            }
            Message::Void { void } => {
                let void = open::<Void>(void, &self.trust.network)?;
                let void = self.signed_by(void.peek().code, void).await?;
                self.ledger.declare_void(void, (self.clock)()).await?;
                return Ok(None);
            }
            Message::Closing { closing } => {
                let closing = open::<Closing>(closing, &self.trust.network)?;
                let closing = self.signed_by(closing.peek().code, closing).await?;
                self.ledger.declare_closing(closing, (self.clock)()).await?;
                return Ok(None);
            }
            Message::Proof { .. } | Message::Accusation { .. } => {
                self.accused(message).await?;
                return Ok(None);
            }
            Message::Move { order } => return self.moved(order).await,
            Message::RefundRequest { request } => {
                let asked = open::<RefundRequest>(request, &self.trust.network)?;
                let asked = self.signed_by(asked.peek().payer, asked).await?;
                self.ledger.ask_back(asked, (self.clock)()).await?;
                return Ok(None);
            }
            Message::Invoice { invoice, pass } => {
                let offer = (message, invoice, pass);
                self.put_up(caller, peer, offer).await?;
                return Ok(None);
            }
            _ => return Err(Status::NotForYou),
        };
        self.offers.paid(&self.trust.network, message);
        if answer.fraud.is_some() {
            self.meters.count(Status::Contradiction);
        }
        Ok(Some(self.ledger.signed_anew(answer.message)))
    }

    /// Checks the signature with the wallet key the registry has for `code`.
    async fn signed_by<T: Object>(
        &self,
        code: Code,
        object: Sealed<'_, T>,
    ) -> Result<Owned<T>, Status> {
        let keys = self.ledger.wallet_keys(&code).await;
        let keys = keys.map_err(|_| Status::Storage)?;
        // The first one is the current one.
        let key = keys.first().ok_or(Status::UnknownCode)?;
        Ok(Owned::from(object.verify(key)?))
    }
}

/// The bytes of a message.
fn written(message: &Message<'_>) -> Result<Vec<u8>, Status> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let len = message.write(&mut bytes).ok_or(Status::Malformed)?;
    bytes.truncate(len);
    Ok(bytes)
}

/// The payment that a message shows, the last one where it shows several.
fn payment_in(message: &[u8]) -> Option<&[u8]> {
    match Message::read(message).ok()? {
        Message::Evidence { payment, .. }
        | Message::Claim { payment, .. }
        | Message::StreamClaim { payment, .. } => Some(payment),
        Message::Covered { items, .. } => Some(Items::read(items).ok()?.last()?.payment),
        _ => None,
    }
}

/// Which object a refusal speaks of, as far as it can be read.
fn subject(network: &Network, message: &[u8]) -> Option<Reference> {
    if let Some(payment) = payment_in(message) {
        return Some(open::<Payment>(payment, network).ok()?.id().reference());
    }
    let id = match Message::read(message).ok()? {
        Message::Receipt { receipt, .. } => open::<Receipt>(receipt, network).ok()?.peek().payment,
        Message::Renewal { renewal } => open::<Renewal>(renewal, network).ok()?.id(),
        Message::Void { void } => open::<Void>(void, network).ok()?.id(),
        Message::Closing { closing } => open::<Closing>(closing, network).ok()?.id(),
        Message::Move { order } => open::<Move>(order, network).ok()?.id(),
        Message::RefundRequest { request } => {
            open::<RefundRequest>(request, network).ok()?.peek().payment
        }
        Message::Invoice { invoice, .. } => open::<Invoice>(invoice, network).ok()?.id(),
        _ => return None,
    };
    Some(id.reference())
}

impl WalletDesk for Desk {
    fn handle(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: Bytes,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, Declined>> {
        let desk = self.clone();
        Box::pin(async move {
            let decided = desk.decide(caller, peer, &message).await;
            if let Some(caller) = caller {
                desk.tell_news(caller.code).await;
            }
            decided.map_err(|status| {
                desk.meters.count(status);
                let code = caller
                    .map(|caller| caller.code.to_string())
                    .unwrap_or_default();
                tracing::warn!(%status, fault = ?status.fault(), code, "wallet message refused");
                Declined {
                    status,
                    about: subject(&desk.trust.network, &message),
                }
            })
        })
    }

    fn synchronise(&self, caller: Caller) -> BoxFuture<'static, ()> {
        let desk = self.clone();
        Box::pin(async move { desk.tell_news(caller.code).await })
    }
}
