//! Lists of revoked codes, made from the registry whenever it changes: the X.509 list, which the
//! MQTT door uses from the next connection, and the compact signed list with its changes, which
//! anybody may fetch and pass on.

use crate::house::Failure;
use crate::wallet::now;
use der::Decode;
use issuer::{Authorities, ListOrder, RevocationsOrder, Revoked, Standing};
use ledger::Ledger;
use protocol::code::IssuedBy;
use protocol::{Code, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::sleep;
use x509_cert::Certificate;

/// Between two looks at the registry.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Lists are made anew after so long even if nothing has changed, so that their age says something.
const REMAKE_S: u32 = 86_400;
/// How long an X.509 list is good.
const CRL_LIFE_S: u32 = 7 * 86_400;
/// More changes than this go into a new whole list.
const CHANGES_MOST: usize = 64;
/// A code is registered within a day after its number is taken, or hardly ever: younger ones are
/// left out of the filter, and named when they are revoked.
const SETTLED_S: u32 = 86_400;

/// The lists of one time.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// X.509 list of the gateway's authority, DER.
    pub crl: Vec<u8>,
    /// Compact list.
    pub whole: Vec<u8>,
    /// Its version.
    pub version: u32,
    /// What has changed since; empty when nothing has.
    pub changes: Vec<u8>,
    /// When the newest of them was made.
    pub made: Timestamp,
}

/// What is handed out, and what makes it.
pub struct Lists {
    ledger: Ledger,
    authorities: Arc<Authorities>,
    current: RwLock<Arc<Current>>,
}

/// What the lists that are out say, and of which state of the registry.
#[derive(Default)]
struct Out {
    change: u64,
    in_whole: BTreeSet<Code>,
    newest_version: u32,
}

impl Lists {
    /// No list is made yet: [`Lists::keep`] does.
    pub fn new(ledger: Ledger, authorities: Arc<Authorities>) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            authorities,
            current: RwLock::default(),
        })
    }

    /// The newest lists.
    pub fn current(&self) -> Arc<Current> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the lists at once and after every change, until `stopped` resolves. `use_crl` gives
    /// each X.509 list to the doors.
    pub async fn keep(
        self: Arc<Self>,
        use_crl: impl Fn(&[u8]) -> Result<(), Failure>,
        stopped: impl Future<Output = ()>,
    ) {
        let mut stopped = std::pin::pin!(stopped);
        let mut out = Out::default();
        loop {
            let pause = match self.step(&mut out, &use_crl, now()).await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    tracing::error!(%error, "the lists of revoked codes could not be made");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stopped => return,
                () = sleep(pause) => {}
            }
        }
    }

    async fn step(
        &self,
        out: &mut Out,
        use_crl: &impl Fn(&[u8]) -> Result<(), Failure>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let before = self.current();
        let change = self.ledger.newest_state_change(out.change).await?;
        let is_first = before.whole.is_empty();
        let is_old = before.made.plus_s(REMAKE_S) <= now;
        if !is_first && !is_old && out.change == change {
            return Ok(());
        }
        // Versions go on growing after a restart, and when the clock has been set back.
        let version = now.0.max(out.newest_version.saturating_add(1));
        let order = RevocationsOrder { version, time: now };
        let states = self.ledger.code_states().await?;
        let standings: Vec<Standing> = states
            .iter()
            .map(|it| Standing {
                code: it.code,
                revoked: it.is_withdrawn,
            })
            .collect();
        let revoked = standings.iter().filter(|it| it.revoked);
        let revoked: BTreeSet<Code> = revoked.map(|it| it.code).collect();
        let added: BTreeSet<Code> = revoked.difference(&out.in_whole).copied().collect();
        let removed: BTreeSet<Code> = out.in_whole.difference(&revoked).copied().collect();
        let crl = self.crl(version, now).await?;
        let gateway = &self.authorities.gateway;
        let mut next = Current {
            crl,
            made: now,
            ..Current::clone(&before)
        };
        if is_first || is_old || added.len() + removed.len() > CHANGES_MOST {
            let settled = states
                .iter()
                .filter(|it| it.registered.plus_s(SETTLED_S) <= now);
            let complete = last_numbers(settled.map(|it| it.code));
            next.whole = gateway.revocations(&order, &standings, &complete)?;
            (next.version, next.changes) = (version, Vec::new());
            out.in_whole = revoked;
        } else {
            next.changes = gateway.revocation_changes(&order, next.version, &added, &removed)?;
        }
        use_crl(&next.crl)?;
        (out.change, out.newest_version) = (change, version);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(next);
        Ok(())
    }

    async fn crl(&self, number: u32, now: Timestamp) -> Result<Vec<u8>, Failure> {
        let mut revoked = Vec::new();
        for withdrawn in self.ledger.withdrawn_certificates().await? {
            let certificate = Certificate::from_der(&withdrawn.certificate)?;
            let serial = certificate.tbs_certificate().serial_number();
            revoked.push(Revoked {
                serial: sixteen(serial.as_bytes()),
                at: withdrawn.at,
            });
        }
        let order = ListOrder {
            number: u64::from(number),
            this_update: now,
            next_update: now.plus_s(CRL_LIFE_S),
        };
        Ok(self.authorities.gateway.revocation_list(&order, &revoked)?)
    }
}

/// A serial number as it was ordered: DER leaves leading zeros out, and puts one before a high bit.
fn sixteen(serial: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().rev().zip(serial.iter().rev()) {
        *to = *from;
    }
    bytes
}

/// The highest number of each station.
fn last_numbers(codes: impl Iterator<Item = Code>) -> BTreeMap<IssuedBy, u64> {
    let mut last = BTreeMap::new();
    for code in codes {
        let number = last.entry(code.issued_by()).or_insert(0);
        *number = code.sequence().max(*number);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_those_that_were_ordered() {
        let mut high = [0xff; 16];
        assert_eq!(sixteen(&[&[0], high.as_slice()].concat()), high);
        (high[0], high[1]) = (0, 1);
        assert_eq!(sixteen(&high[1..]), high);
    }
}
