//! The wallet desk: bytes in, signatures checked, the ledger decides, bytes out.
//!
//! Whatever door a message came by, it ends here. Nothing is answered before the ledger has made it
//! durable, and the same message again gets the same bytes again.

use crate::meters::Meters;
use crate::tree::{Caller, Declined, Peer, WalletDesk};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::{Answer, Evidence, Ledger, Owned};
use protocol::cose::{Sealed, open};
use protocol::message::Message;
use protocol::objects::{Allowance, Object, Payment, Receipt, Renewal};
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
    /// Whose objects mean anything here.
    pub network: Network,
    /// This gateway.
    pub gateway: Code,
    /// The key its allowances are signed with.
    pub gateway_key: PublicKey,
    /// Counts what was refused.
    pub meters: Arc<Meters>,
}

impl Desk {
    async fn decide(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, Status> {
        let answer = match Message::read(message)? {
            Message::Evidence { allowance, payment } => {
                let evidence = self.evidence(caller, allowance, payment)?;
                let order = evidence.payment().get();
                if let Peer::Code(payee) = peer
                    && payee != order.payee
                {
                    return Err(Status::NotForYou);
                }
                if caller.is_some_and(|by| by.code != order.payer && by.code != order.payee) {
                    return Err(Status::NotPermitted);
                }
                self.ledger.hand_in(evidence, None, now()).await?
            }
            Message::Claim {
                allowance,
                payment,
                receipt,
            } => {
                let evidence = self.evidence(caller, allowance, payment)?;
                let receipt = open::<Receipt>(receipt, &self.network)?;
                self.settle(evidence, receipt).await?
            }
            Message::Receipt { receipt, .. } => {
                let receipt = open::<Receipt>(receipt, &self.network)?;
                let payment = receipt.peek().payment;
                let evidence = self
                    .ledger
                    .evidence(&payment)
                    .await
                    .map_err(|_| Status::Storage)?;
                let evidence = evidence.ok_or(Status::WrongReceipt)?;
                self.settle(brought_by(caller, evidence), receipt).await?
            }
            Message::Renewal { renewal } => {
                let renewal = open::<Renewal>(renewal, &self.network)?;
                let code = renewal.peek().code;
                let renewal = self.signed_by(code, renewal).await?;
                self.ledger.renew(renewal, now()).await?
            }
            // Streams are not settled here yet.
            Message::StreamClaim { .. } => return Err(Status::NotPermitted),
            Message::Grant { .. }
            | Message::Invoice { .. }
            | Message::Unit { .. }
            | Message::Statement { .. }
            | Message::Refusal { .. }
            | Message::Proof { .. } => return Err(Status::NotForYou),
        };
        if answer.fraud.is_some() {
            self.meters.count(Status::Contradiction);
        }
        Ok(Some(answer.message))
    }

    /// Both signatures: the allowance by this gateway, the payment by the key the allowance binds.
    fn evidence(
        &self,
        caller: Option<Caller>,
        allowance: &[u8],
        payment: &[u8],
    ) -> Result<Evidence, Status> {
        let allowance = open::<Allowance>(allowance, &self.network)?;
        if allowance.peek().gateway != self.gateway {
            return Err(Status::UnknownGateway);
        }
        let allowance = allowance.verify(&self.gateway_key)?;
        let payment =
            open::<Payment>(payment, &self.network)?.verify(&allowance.get().wallet_key)?;
        if payment.get().stream.is_some() {
            return Err(Status::NotPermitted);
        }
        Ok(brought_by(caller, Evidence::new(&allowance, &payment)?))
    }

    async fn settle(
        &self,
        evidence: Evidence,
        receipt: Sealed<'_, Receipt>,
    ) -> Result<Answer, Status> {
        let said = receipt.peek();
        let payment = evidence.payment();
        let takes_it_whole = said.declined.is_none() && said.units.is_none();
        if said.payment != payment.id() || said.payee != payment.get().payee || !takes_it_whole {
            return Err(Status::WrongReceipt);
        }
        let receipt = self.signed_by(payment.get().payee, receipt).await?;
        self.ledger.hand_in(evidence, Some(receipt), now()).await
    }

    /// Checks the signature with the wallet key the registry has for `code`.
    async fn signed_by<T: Object>(
        &self,
        code: Code,
        object: Sealed<'_, T>,
    ) -> Result<Owned<T>, Status> {
        let thing = self
            .ledger
            .thing(&code)
            .await
            .map_err(|_| Status::Storage)?;
        let thing = thing.ok_or(Status::UnknownCode)?;
        Ok(Owned::from(object.verify(&thing.wallet_key)?))
    }
}

/// Whoever brings it hears the answer directly and not by the inbox as well.
fn brought_by(caller: Option<Caller>, evidence: Evidence) -> Evidence {
    match caller {
        Some(caller) => evidence.brought_by(caller.code),
        None => evidence,
    }
}

/// Which object a refusal speaks of, as far as it can be read.
fn subject(network: &Network, message: &[u8]) -> Option<Reference> {
    let id = match Message::read(message).ok()? {
        Message::Evidence { payment, .. } | Message::Claim { payment, .. } => {
            open::<Payment>(payment, network).ok()?.id()
        }
        Message::Receipt { receipt, .. } => open::<Receipt>(receipt, network).ok()?.peek().payment,
        Message::Renewal { renewal } => open::<Renewal>(renewal, network).ok()?.id(),
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
            decided.map_err(|status| {
                desk.meters.count(status);
                let code = caller
                    .map(|caller| caller.code.to_string())
                    .unwrap_or_default();
                tracing::warn!(%status, fault = ?status.fault(), code, "wallet message refused");
                Declined {
                    status,
                    about: subject(&desk.network, &message),
                }
            })
        })
    }
}
