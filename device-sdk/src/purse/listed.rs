//! Payments are not taken from who stands on a list of revoked codes. The list is long and lies
//! where the caller keeps it; the purse checks who signed it and asks it.

use super::Purse;
use super::alone::EVIDENCE_MAX;
use crate::journal::Journal;
use protocol::cose::open;
use protocol::objects::{Allowance, Payment};
use protocol::revocations::{List, Signed};
use protocol::rules::Expected;
use protocol::{Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// A list of revoked codes, whole or of changes, that a gateway this purse trusts has signed.
    pub fn revocations<'b>(&self, list: &'b [u8]) -> Result<Signed<'b>, Status> {
        let network = self.own.trust.network;
        let gateway = Signed::gateway(list, &network)?;
        let gateway = self.book.gateway(&gateway).ok_or(Status::UnknownGateway)?;
        Signed::verify(list, &network, &gateway.key)
    }

    /// Takes a payment like [`Purse::accept`], unless its payer, or one of those whose payments
    /// cover it, is on the list: then it is `Revoked`. One that was taken before gets its receipt.
    pub fn accept_unless_revoked(
        &mut self,
        evidence: &[u8],
        list: &List<'_>,
        expected: Option<Expected>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.not_listed(evidence, list)?;
        self.accept(evidence, expected, now, out)
    }

    fn not_listed(&mut self, evidence: &[u8], list: &List<'_>) -> Result<(), Status> {
        let network = self.own.trust.network;
        let mut room = [0; EVIDENCE_MAX];
        let (evidence, _) = self.completed(evidence, &mut room)?;
        let kept = self.read_evidence(evidence)?;
        let payment = open::<Payment>(kept.payment(), &network)?.id();
        if self.taken_before(&payment).is_some() {
            return Ok(());
        }
        for item in kept.items() {
            let allowance = open::<Allowance>(item.allowance, &network)?;
            if list.is_revoked(&allowance.peek().code) {
                return Err(Status::Revoked);
            }
        }
        Ok(())
    }
}
