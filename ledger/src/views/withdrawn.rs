//! Which codes nobody should take anything from: for revocation lists.

use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use protocol::code::IssuedBy;
use protocol::{Code, Timestamp};

/// Rows of one turn over the whole registry.
const TURN_ROWS: u32 = 10_000;

/// Neither active nor not in use yet: frozen, or its life is over.
const ALL: &str = "SELECT sequence, code, state NOT IN (0, 3) FROM thing
     WHERE sequence > $1 ORDER BY sequence LIMIT $2";
/// The same of things without keys.
const ITEMS: &str = "SELECT code, state NOT IN (0, 3) FROM item
     WHERE code > $1 ORDER BY code LIMIT $2";
/// All that they have, and had before their credentials were renewed.
const CERTIFICATES: &str = "SELECT certificate,
     (SELECT at FROM life WHERE life.code = thing.code ORDER BY number DESC LIMIT 1)
     FROM thing WHERE state NOT IN (0, 1, 3)
     UNION ALL SELECT former_certificate.certificate,
     (SELECT at FROM life WHERE life.code = thing.code ORDER BY number DESC LIMIT 1)
     FROM former_certificate JOIN thing ON thing.code = former_certificate.code
     WHERE thing.state NOT IN (0, 1, 3)";
/// The steps from 5 on are those that stop a code, and what comes after; but renewals (14) stop
/// nothing.
const NEWEST: &str = "SELECT thing.code FROM life JOIN thing ON thing.code = life.code
     WHERE life.act >= 5 AND life.act <> 14 AND thing.state NOT IN (0, 3) ORDER BY life.number DESC LIMIT $1";
const SCRAPPED: &str = "SELECT station.code, station.station, scrapped.sequence
     FROM scrapped JOIN station ON station.code = scrapped.station";
const LAST: &str = "SELECT COALESCE(MAX(number), $1) FROM life
     WHERE number > $1 AND act >= 5 AND act <> 14";

/// A code, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeState {
    /// The code.
    pub code: Code,
    /// Whether nobody should take anything from it: frozen, or its life is over.
    pub is_withdrawn: bool,
}

/// The certificate of a code whose life is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnCertificate {
    /// DER.
    pub certificate: Vec<u8>,
    /// Since when.
    pub at: Timestamp,
}

impl Ledger {
    /// The number of the newest step that stopped a code or let it go on; `after` when there is
    /// none after that. While it stays, so do all lists.
    pub async fn newest_state_change(&self, after: u64) -> Result<u64, Error> {
        let (number,): (i64,) = sqlx::query_as(LAST)
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    /// Every code of the registry, with a key or without.
    pub async fn code_states(&self) -> Result<Vec<CodeState>, Error> {
        let mut states = Vec::new();
        let mut after = -1;
        loop {
            let rows: Vec<(i64, Vec<u8>, bool)> = sqlx::query_as(ALL)
                .bind(after)
                .bind(TURN_ROWS)
                .fetch_all(&mut *self.reader().await?)
                .await?;
            let Some((last, ..)) = rows.last() else {
                break;
            };
            after = *last;
            for (sequence, bytes, is_withdrawn) in rows {
                let row = Row {
                    table: "thing",
                    key: &sequence,
                };
                states.push(CodeState {
                    code: row.code(&bytes)?,
                    is_withdrawn,
                });
            }
        }
        self.item_states(&mut states).await?;
        Ok(states)
    }

    async fn item_states(&self, states: &mut Vec<CodeState>) -> Result<(), Error> {
        let mut after = Vec::new();
        loop {
            let rows: Vec<(Vec<u8>, bool)> = sqlx::query_as(ITEMS)
                .bind(after)
                .bind(TURN_ROWS)
                .fetch_all(&mut *self.reader().await?)
                .await?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = last.clone();
            for (bytes, is_withdrawn) in rows {
                let row = Row {
                    table: "item",
                    key: &"by its code",
                };
                let code = row.code(&bytes)?;
                states.push(CodeState { code, is_withdrawn });
            }
        }
    }

    /// Sequence numbers of stations that no code came of.
    pub async fn scrapped_numbers(&self) -> Result<Vec<(IssuedBy, u64)>, Error> {
        let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(SCRAPPED)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let rows = rows.into_iter().map(|(code, station, sequence)| {
            let row = Row {
                table: "scrapped",
                key: &sequence,
            };
            let issuer = row.code(&code)?.issued_by().issuer;
            let station = u16::try_from(station).map_err(|_| row.damaged("no station"))?;
            Ok((IssuedBy { issuer, station }, row.count(sequence)?))
        });
        rows.collect()
    }

    /// Every certificate of all codes whose life is over that may still be good.
    pub async fn withdrawn_certificates(&self) -> Result<Vec<WithdrawnCertificate>, Error> {
        let rows: Vec<(Vec<u8>, Option<i64>)> = sqlx::query_as(CERTIFICATES)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let row = Row {
            table: "life",
            key: &"the newest of a code",
        };
        let rows = rows.into_iter().map(|(certificate, at)| {
            Ok(WithdrawnCertificate {
                certificate,
                at: row.time(at.unwrap_or(0))?,
            })
        });
        rows.collect()
    }

    /// The codes that were frozen or withdrawn last, and still are.
    pub async fn newest_withdrawn(&self, most: u32) -> Result<Vec<Code>, Error> {
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(NEWEST)
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let row = Row {
            table: "thing",
            key: &"the newest withdrawn",
        };
        let codes = rows.into_iter().map(|(bytes,)| row.code(&bytes));
        Ok(codes.collect::<Result<_, _>>()?)
    }
}
