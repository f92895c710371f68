//! What is handed in about payments: every signature is checked here, and the ledger decides.

use super::Desk;
use crate::tree::{Caller, Peer};
use ledger::{Answer, CoveredEvidence, Evidence, Owned, Released};
use protocol::cose::{Sealed, open};
use protocol::covers::Items;
use protocol::objects::{Allowance, Payment, Receipt};
use protocol::{Code, Digest, Status};
use tokio::sync::Semaphore;

/// Hashes that a value may cost without queueing for one of the [`LONG_CHECKS`].
const SHORT_CHECK_UNITS: u32 = 4096;
/// Longer checks at one time. Further ones wait; a session asks one thing after another, so there
/// are never more waiting than sessions.
pub(super) static LONG_CHECKS: Semaphore = Semaphore::const_new(2);

/// What somebody shows of a stream.
pub(super) struct Shown<'m> {
    pub(super) units: u32,
    pub(super) value: Digest,
    pub(super) receipt: Option<&'m [u8]>,
}

/// An allowance and a payment, in bytes.
type Pair<'m> = (&'m [u8], &'m [u8]);

impl Desk {
    /// A payment, by either side or just passing through.
    pub(super) async fn paid(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        pair: Pair<'_>,
    ) -> Result<Answer, Status> {
        let evidence = self.evidence(caller, pair).await?;
        to_its_payee(peer, &evidence)?;
        by_a_side(caller, &evidence)?;
        self.ledger.hand_in(evidence, None, (self.clock)()).await
    }

    /// A payment with its payee's receipt, by anybody.
    pub(super) async fn claimed(
        &self,
        caller: Option<Caller>,
        pair: Pair<'_>,
        receipt: &[u8],
    ) -> Result<Answer, Status> {
        let evidence = self.evidence(caller, pair).await?;
        let receipt = self
            .receipt_or_side(caller, &evidence, Some(receipt))
            .await?;
        self.ledger.hand_in(evidence, receipt, (self.clock)()).await
    }

    /// A receipt alone: for a payment that stands in the books, or for one that another gateway
    /// settles and that still waits for whoever answers it.
    pub(super) async fn receipted(
        &self,
        caller: Option<Caller>,
        receipt: &[u8],
        pass: &[u8],
    ) -> Result<Answer, Status> {
        let said = open::<Receipt>(receipt, &self.trust.network)?;
        let evidence = self.ledger.evidence(&said.peek().payment).await;
        let Some(evidence) = evidence.map_err(|_| Status::Storage)? else {
            return self.answered_elsewhere(caller, receipt).await;
        };
        let receipt = match self.signed_for(&evidence, said.clone()).await {
            // It was enrolled at another station.
            Err(Status::UnknownCode) => {
                let pass = self.ledger.thing_pass(pass).await?;
                if pass.subject.0 != said.peek().payee {
                    return Err(Status::WrongReceipt);
                }
                Owned::from(said.verify(&pass.key.0)?)
            }
            signed => signed?,
        };
        let evidence = brought_by(caller, evidence);
        let now = (self.clock)();
        self.ledger.hand_in(evidence, Some(receipt), now).await
    }

    /// Units of a stream.
    pub(super) async fn streamed(
        &self,
        caller: Option<Caller>,
        pair: Pair<'_>,
        shown: Shown<'_>,
    ) -> Result<Answer, Status> {
        let evidence = self.evidence(caller, pair).await?;
        let receipt = self
            .receipt_or_side(caller, &evidence, shown.receipt)
            .await?;
        let released = self.released(&evidence, shown.units, shown.value).await?;
        self.ledger
            .claim_units(evidence, released, receipt, (self.clock)())
            .await
    }

    /// A payment with everything that covers it.
    pub(super) async fn covered(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        items: &[u8],
        receipt: Option<&[u8]>,
    ) -> Result<Answer, Status> {
        let covered = self.covered_evidence(caller, items).await?;
        let last = covered.last().ok_or(Status::Malformed)?;
        to_its_payee(peer, last)?;
        let receipt = self.receipt_or_side(caller, last, receipt).await?;
        self.ledger
            .hand_in_covered(covered, receipt, (self.clock)())
            .await
    }

    /// Both signatures: the allowance by this gateway, the payment by the key the allowance binds.
    pub(super) async fn evidence(
        &self,
        caller: Option<Caller>,
        (allowance, payment): Pair<'_>,
    ) -> Result<Evidence, Status> {
        let allowance = open::<Allowance>(allowance, &self.trust.network)?;
        if allowance.peek().gateway != self.gateway {
            return Err(Status::UnknownGateway);
        }
        let allowance = self.ledger.own_allowance(allowance, (self.clock)()).await?;
        let payment =
            open::<Payment>(payment, &self.trust.network)?.verify(&allowance.get().wallet_key)?;
        Ok(brought_by(caller, Evidence::new(&allowance, &payment)?))
    }

    /// Every signature, and every payment on what covers it, away from the async threads: it may
    /// cost as many checks as there are items and as many hashes as covers may have units.
    async fn covered_evidence(
        &self,
        caller: Option<Caller>,
        items: &[u8],
    ) -> Result<CoveredEvidence, Status> {
        let (items, keys) = self.ledger.own_items(items, (self.clock)()).await?;
        let (items, desk) = (items.into_owned(), self.clone());
        let turn = LONG_CHECKS.acquire().await.map_err(|_| Status::Busy)?;
        let check = move || {
            let items = Items::read(&items)?;
            let key_of = |gateway: &Code| (*gateway == desk.gateway).then_some(keys);
            let checked =
                CoveredEvidence::check(&items, &desk.trust.network, key_of, |_, _| Ok(()));
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

    /// The receipt that came along, or nothing from one of the two sides. The receipt of somebody
    /// who is not known here says nothing here: the payment counts as shown by its payer alone, and
    /// the payee claims it where it is known.
    async fn receipt_or_side(
        &self,
        caller: Option<Caller>,
        evidence: &Evidence,
        receipt: Option<&[u8]>,
    ) -> Result<Option<Owned<Receipt>>, Status> {
        let Some(receipt) = receipt else {
            by_a_side(caller, evidence)?;
            return Ok(None);
        };
        let receipt = open::<Receipt>(receipt, &self.trust.network)?;
        match self.signed_for(evidence, receipt).await {
            Err(Status::UnknownCode) => by_a_side(caller, evidence).map(|()| None),
            signed => signed.map(Some),
        }
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
}

/// What is sent to a code is for that code.
fn to_its_payee(peer: Peer, evidence: &Evidence) -> Result<(), Status> {
    match peer {
        Peer::Code(payee) if payee != evidence.payment().get().payee => Err(Status::NotForYou),
        _ => Ok(()),
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
