//! What proves that somebody's key contradicts itself.

use super::Desk;
use super::payments::LONG_CHECKS;
use ledger::Accusation;
use protocol::Status;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Allowance;
use protocol::rules::contradiction;

impl Desk {
    /// Two payments under allowances of this gateway are handed in; everything else is judged from
    /// the root's key down and kept as it is.
    pub(super) async fn accused(&self, message: &[u8]) -> Result<(), Status> {
        if let Message::Proof {
            allowances,
            payments,
            ..
        } = Message::read(message)?
            && self.gave(allowances)?
        {
            return self.exposed(allowances, payments).await;
        }
        self.ledger.accused_by_counting(message, (self.clock)())?;
        let turn = LONG_CHECKS.acquire().await.map_err(|_| Status::Busy)?;
        let (trust, message) = (self.trust, message.to_vec());
        let check = move || {
            let checked = Accusation::check(&trust, &message);
            drop(turn);
            checked
        };
        let checked = tokio::task::spawn_blocking(check).await;
        let accusation = checked.unwrap_or(Err(Status::Busy))?;
        let verdict = *accusation.verdict();
        self.ledger.accuse(accusation, (self.clock)()).await?;
        tracing::warn!(code = %verdict.code, charge = verdict.charge.sentence(), "proven");
        self.meters.count(Status::Contradiction);
        Ok(())
    }

    fn gave(&self, allowances: [&[u8]; 2]) -> Result<bool, Status> {
        for allowance in allowances {
            let allowance = open::<Allowance>(allowance, &self.trust.network)?;
            if allowance.peek().gateway != self.gateway {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Two payments that contradict each other are on record once both are handed in, by whomever.
    async fn exposed(&self, allowances: [&[u8]; 2], payments: [&[u8]; 2]) -> Result<(), Status> {
        let mut both = Vec::with_capacity(2);
        for (allowance, payment) in allowances.into_iter().zip(payments) {
            both.push(self.evidence(None, (allowance, payment)).await?);
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
