//! The wallet desk: bytes in, signatures checked, the ledger decides, bytes out.
//!
//! Whatever door a message came by, it ends here. Nothing is answered before the ledger has made it
//! durable, and the same message again gets the same bytes again.

use crate::meters::Meters;
use crate::tree::{Caller, Declined, Peer, WalletDesk};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::{Answer, CoveredEvidence, Evidence, Ledger, Owned, Released};
use protocol::cose::{Sealed, open};
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Allowance, Closing, Object, Payment, Receipt, Renewal, Void};
use protocol::rules::contradiction;
use protocol::{Code, Digest, Network, PublicKey, Reference, Status};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// How often overdue money is looked for.
const RETURN_PERIOD: Duration = Duration::from_secs(60);
/// Overdue payments in one turn; the next turn follows at once while there are as many.
const RETURN_AT_ONCE: u32 = ledger::bounds::RETURN_MOST;
/// Hashes that a value may cost without queueing for one of the [`LONG_CHECKS`].
const SHORT_CHECK_UNITS: u32 = 4096;
/// Longer checks at one time. Further ones wait; a session asks one thing after another, so there
/// are never more waiting than sessions.
static LONG_CHECKS: Semaphore = Semaphore::const_new(2);

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
        let answer = match Message::read(message)? {
            Message::Evidence { allowance, payment } => {
                let evidence = self.evidence(caller, allowance, payment)?;
                let order = evidence.payment().get();
                if let Peer::Code(payee) = peer
                    && payee != order.payee
                {
                    return Err(Status::NotForYou);
                }
                by_a_side(caller, &evidence)?;
                self.ledger.hand_in(evidence, None, (self.clock)()).await?
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
                self.ledger.renew(renewal, (self.clock)()).await?
            }
            Message::StreamClaim {
                allowance,
                payment,
                units,
                value,
                receipt,
            } => {
                let evidence = self.evidence(caller, allowance, payment)?;
                let receipt = match receipt {
                    Some(receipt) => {
                        let receipt = open::<Receipt>(receipt, &self.network)?;
                        Some(self.signed_for(&evidence, receipt).await?)
                    }
                    None => {
                        by_a_side(caller, &evidence)?;
                        None
                    }
                };
                let released = self.released(&evidence, units, value).await?;
                self.ledger
                    .claim_units(evidence, released, receipt, (self.clock)())
                    .await?
            }
            Message::Covered { items, receipt } => {
                let covered = self.covered(caller, items).await?;
                let last = covered.last().ok_or(Status::Malformed)?;
                if let Peer::Code(payee) = peer
                    && payee != last.payment().get().payee
                {
                    return Err(Status::NotForYou);
                }
                let receipt = match receipt {
                    Some(receipt) => {
                        let receipt = open::<Receipt>(receipt, &self.network)?;
                        Some(self.signed_for(last, receipt).await?)
                    }
                    None => {
                        by_a_side(caller, last)?;
                        None
                    }
                };
                self.ledger
                    .hand_in_covered(covered, receipt, (self.clock)())
                    .await?
            }
            Message::Void { void } => {
                let void = open::<Void>(void, &self.network)?;
                let void = self.signed_by(void.peek().code, void).await?;
                self.ledger.declare_void(void, (self.clock)()).await?;
                return Ok(None);
            }
            Message::Closing { closing } => {
                let closing = open::<Closing>(closing, &self.network)?;
                let closing = self.signed_by(closing.peek().code, closing).await?;
                self.ledger.declare_closing(closing, (self.clock)()).await?;
                return Ok(None);
            }
            Message::Proof {
                allowances,
                payments,
                ..
            } => {
                self.exposed(allowances, payments).await?;
                return Ok(None);
            }
            _ => return Err(Status::NotForYou),
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
        Ok(brought_by(caller, Evidence::new(&allowance, &payment)?))
    }

    /// Every signature, and every payment on what covers it, away from the async threads: it may
    /// cost as many checks as there are items and as many hashes as covers may have units.
    async fn covered(
        &self,
        caller: Option<Caller>,
        items: &[u8],
    ) -> Result<CoveredEvidence, Status> {
        let (items, desk) = (items.to_vec(), self.clone());
        let turn = LONG_CHECKS.acquire().await.map_err(|_| Status::Busy)?;
        let check = move || {
            let items = Items::read(&items)?;
            let key_of = |gateway: &Code| (*gateway == desk.gateway).then_some(desk.gateway_key);
            let checked = CoveredEvidence::check(&items, &desk.network, key_of, |_, _| Ok(()));
            drop(turn);
            checked
        };
        let checked = tokio::task::spawn_blocking(check).await;
        let covered = checked.unwrap_or(Err(Status::Busy))?;
        Ok(match caller {
            Some(caller) => covered.brought_by(caller.code),
            None => covered,
        })
    }

    async fn settle(
        &self,
        evidence: Evidence,
        receipt: Sealed<'_, Receipt>,
    ) -> Result<Answer, Status> {
        let receipt = self.signed_for(&evidence, receipt).await?;
        self.ledger
            .hand_in(evidence, Some(receipt), (self.clock)())
            .await
    }

    /// Two payments that contradict each other are on record once both are handed in, by whomever.
    async fn exposed(&self, allowances: [&[u8]; 2], payments: [&[u8]; 2]) -> Result<(), Status> {
        let mut both = Vec::with_capacity(2);
        for (allowance, payment) in allowances.into_iter().zip(payments) {
            both.push(self.evidence(None, allowance, payment)?);
        }
        let contradict = match both.as_slice() {
            [a, b] => contradiction(a.spent(), b.spent()).is_some(),
            _ => false,
        };
        if !contradict {
            return Err(Status::Malformed);
        }
        for evidence in both {
            let answer = self.ledger.hand_in(evidence, None, (self.clock)()).await?;
            if answer.fraud.is_some() {
                self.meters.count(Status::Contradiction);
            }
        }
        Ok(())
    }

    /// A receipt for this payment, by its payee.
    async fn signed_for(
        &self,
        evidence: &Evidence,
        receipt: Sealed<'_, Receipt>,
    ) -> Result<Owned<Receipt>, Status> {
        let (said, payment) = (receipt.peek(), evidence.payment());
        if said.payment != payment.id() || said.payee != payment.get().payee {
            return Err(Status::WrongReceipt);
        }
        // A payee may have another key by now than when it took the payment.
        let keys = self.ledger.wallet_keys(&payment.get().payee).await;
        let keys = keys.map_err(|_| Status::Storage)?;
        let mut refused = Status::UnknownCode;
        for key in keys {
            match receipt.clone().verify(&key) {
                Ok(receipt) => return Ok(Owned::from(receipt)),
                Err(status) => refused = status,
            }
        }
        Err(refused)
    }

    /// Checks the value of a stream from the newest one in the books, away from the async threads.
    async fn released(
        &self,
        evidence: &Evidence,
        units: u32,
        value: Digest,
    ) -> Result<Released, Status> {
        let payment = evidence.payment().clone();
        let most = payment.get().stream.ok_or(Status::WrongUnit)?.count;
        if units > most {
            return Err(Status::WrongUnit);
        }
        let known = self
            .ledger
            .released(&payment.id())
            .await
            .map_err(|_| Status::Storage)?;
        let from = known.as_ref().map_or(0, Released::units);
        let turn = match units.abs_diff(from) {
            ..=SHORT_CHECK_UNITS => None,
            _ => Some(LONG_CHECKS.acquire().await.map_err(|_| Status::Busy)?),
        };
        let check = move || {
            let checked = Released::check(&payment, known.as_ref(), units, value);
            // Held until the hashing is over, whether or not the caller still waits.
            drop(turn);
            checked
        };
        let checked = tokio::task::spawn_blocking(check).await;
        checked.unwrap_or(Err(Status::Busy))
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

/// Without the payee's word, only the two it concerns may bring a payment.
fn by_a_side(caller: Option<Caller>, evidence: &Evidence) -> Result<(), Status> {
    let payment = evidence.payment().get();
    match caller {
        Some(by) if by.code != payment.payer && by.code != payment.payee => {
            Err(Status::NotPermitted)
        }
        _ => Ok(()),
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
        Message::Evidence { payment, .. }
        | Message::Claim { payment, .. }
        | Message::StreamClaim { payment, .. } => open::<Payment>(payment, network).ok()?.id(),
        Message::Covered { items, .. } => {
            let items = Items::read(items).ok()?;
            open::<Payment>(items.last()?.payment, network).ok()?.id()
        }
        Message::Receipt { receipt, .. } => open::<Receipt>(receipt, network).ok()?.peek().payment,
        Message::Renewal { renewal } => open::<Renewal>(renewal, network).ok()?.id(),
        Message::Void { void } => open::<Void>(void, network).ok()?.id(),
        Message::Closing { closing } => open::<Closing>(closing, network).ok()?.id(),
        _ => return None,
    };
    Some(id.reference())
}

/// Gives overdue money back, every minute, until `stopped` resolves.
pub async fn return_overdue(ledger: Ledger, stopped: impl Future<Output = ()>) {
    let mut turns = tokio::time::interval(RETURN_PERIOD);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = turns.tick() => {}
        }
        match ledger.return_overdue(now(), RETURN_AT_ONCE).await {
            Ok(returned) if returned.0 >= RETURN_AT_ONCE => turns.reset_immediately(),
            Ok(returned) if returned.0 > 0 => {
                tracing::info!(payments = returned.0, "overdue money went back");
            }
            Ok(_) => {}
            Err(status) => tracing::error!(%status, "overdue money could not go back"),
        }
    }
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
