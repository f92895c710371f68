//! What proves that somebody's key contradicts itself.

use super::Desk;
use protocol::Status;
use protocol::rules::contradiction;

impl Desk {
    /// Two payments that contradict each other are on record once both are handed in, by whomever.
    pub(super) async fn exposed(
        &self,
        allowances: [&[u8]; 2],
        payments: [&[u8]; 2],
    ) -> Result<(), Status> {
        let mut both = Vec::with_capacity(2);
        for (allowance, payment) in allowances.into_iter().zip(payments) {
            both.push(self.evidence(None, (allowance, payment))?);
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
}
