//! What was paid for something that is sold under one name.

use super::{Grant, GrantId};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::payments::flowing;
use crate::store::row::Row;
use protocol::{AmountMinor, Code, Currency};

impl Ledger {
    /// How many reads under a grant the money that has come pays for; `None` where they are free.
    pub async fn reads_paid(&self, grant: &Grant) -> Result<Option<u64>, Error> {
        let Some(price) = grant.price else {
            return Ok(None);
        };
        let pair = (&grant.reader, &grant.giver);
        let paid = self.paid_for(pair, &grant.id, price.currency).await?;
        Ok(paid.get().checked_div(price.each.get()))
    }

    /// What has reached `payee` from `payer` for a grant: settled payments, and of streams the units
    /// that were posted, also while they are open.
    pub async fn paid_for(
        &self,
        (payer, payee): (&Code, &Code),
        grant: &GrantId,
        currency: Currency,
    ) -> Result<AmountMinor, Error> {
        let mut reader = self.reader().await?;
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
            "SELECT id FROM payment
             WHERE payer = $1 AND payee = $2 AND reference BETWEEN $3 AND $4",
        )
        .bind(payer.as_bytes().as_slice())
        .bind(payee.as_bytes().as_slice())
        .bind(grant.reference(0).as_bytes().as_slice())
        .bind(grant.reference(u32::MAX).as_bytes().as_slice())
        .fetch_all(&mut *reader)
        .await?;
        let row = Row {
            table: "payment of",
            key: payer,
        };
        let mut paid = AmountMinor::ZERO;
        for (id,) in rows {
            let id = row.digest(&id)?;
            let Some(found) = flowing(&mut reader, &id, self.network()).await? else {
                continue;
            };
            if found.payment.currency == currency {
                let flow = found
                    .flow()
                    .map_err(|_| row.damaged("units that cost nothing"))?;
                let sum = paid.checked_add(flow.paid());
                paid = sum.ok_or_else(|| row.damaged("more money than there can be"))?;
            }
        }
        Ok(paid)
    }
}
