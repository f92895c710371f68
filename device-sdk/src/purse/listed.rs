//! Payments are not taken from who stands on a list of revoked codes. The list is long and lies
//! where the caller keeps it; the purse checks who signed it and asks it.

use super::Purse;
use super::alone::EVIDENCE_MAX;
use crate::journal::Journal;
use protocol::cose::open;
use protocol::objects::Allowance;
use protocol::revocations::{List, Signed};
use protocol::rules::Expected;
use protocol::{AmountMinor, Signer, Status, Timestamp};

/// A list says little about the time since it was made: an older one is not recent.
pub const LIST_RECENT_S: u32 = 7 * 86_400;

/// What a payee goes by that can ask nobody.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'l, 'b> {
    /// The newest list it has. Also an old one revokes.
    pub list: Option<&'l List<'b>>,
    /// The most it takes in one payment without a recent list.
    pub most_without: AmountMinor,
}

impl Listed<'_, '_> {
    /// Whether there is a list no older than [`LIST_RECENT_S`].
    pub fn is_recent(&self, now: Timestamp) -> bool {
        let made = self.list.map(List::time);
        made.is_some_and(|made| now <= made.plus_s(LIST_RECENT_S))
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// A list of revoked codes, whole or of changes, that a gateway this purse trusts has signed.
    pub fn revocations<'b>(&self, list: &'b [u8], now: Timestamp) -> Result<Signed<'b>, Status> {
        let network = self.own.trust.network;
        let gateway = Signed::gateway(list, &network)?;
        let gateway = self.book.gateway(&gateway).ok_or(Status::UnknownGateway)?;
        let keys = gateway.keys(now);
        match (Signed::verify(list, &network, &keys.key), keys.other) {
            (Err(Status::BadSignature), Some(other)) => Signed::verify(list, &network, &other),
            (signed, _) => signed,
        }
    }

    /// Takes a payment like [`Purse::accept`], unless [`Purse::not_listed`] speaks against it.
    pub fn accept_unless_revoked(
        &mut self,
        evidence: &[u8],
        by: &Listed<'_, '_>,
        expected: Option<Expected>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.not_listed(evidence, by, now)?;
        self.accept(evidence, expected, now, out)
    }

    /// Whether a payment may be taken as far as a list of revoked codes goes. `Revoked` if its
    /// payer, or one of those whose payments cover it, is on the list; `NoList` if it is large and
    /// there is no recent list. One that was taken before always gets its receipt.
    pub fn not_listed(
        &mut self,
        evidence: &[u8],
        by: &Listed<'_, '_>,
        now: Timestamp,
    ) -> Result<(), Status> {
        let network = self.own.trust.network;
        let mut room = [0; EVIDENCE_MAX];
        let (evidence, _) = self.completed(evidence, &mut room)?;
        let (kept, payment) = self.read_evidence(evidence)?;
        if self.taken_before(&payment.id()).is_some() {
            return Ok(());
        }
        if let Some(list) = by.list {
            for item in kept.items() {
                let allowance = open::<Allowance>(item.allowance, &network)?;
                if list.is_revoked(&allowance.peek().code) {
                    return Err(Status::Revoked);
                }
            }
        }
        match by.is_recent(now) || payment.peek().amount <= by.most_without {
            true => Ok(()),
            false => Err(Status::NoList),
        }
    }
}
