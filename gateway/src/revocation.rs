//! Lists of revoked codes, made from the registry whenever it changes: the X.509 list, which the
//! MQTT door uses from the next connection, and the compact signed list with its changes, which
//! anybody may fetch and pass on.
//!
//! The compact list lies in the data folder as a thing keeps it, so that things need not fetch the
//! whole one again because the gateway was started again.

use crate::house::Failure;
use crate::wallet::now;
use device_sdk::lists::{Kept, Part};
use issuer::{Authorities, GivenUp, ListOrder, RevocationsOrder, Revoked, Standing};
use ledger::Ledger;
use protocol::revocations::{List, Signed};
use protocol::{Code, Network, Timestamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks at the registry.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Changes and X.509 list are made anew after so long even if nothing has changed, so that the age
/// of a list says when a thing last asked.
const REMAKE_S: u32 = 3_600;
/// How long an X.509 list is good.
const CRL_LIFE_S: u32 = 7 * 86_400;
/// More changes than this go into a new whole list.
const CHANGES_MOST: usize = 64;

/// The lists of one time.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// X.509 list of the gateway's authority, DER.
    pub crl: Vec<u8>,
    /// Compact list.
    pub whole: Vec<u8>,
    /// Its version.
    pub version: u32,
    /// What has changed since, which may be nothing.
    pub changes: Vec<u8>,
    /// When the newest of them was made.
    pub made: Timestamp,
}

/// What is handed out, and what makes it.
pub struct Lists {
    ledger: Ledger,
    authorities: Arc<Authorities>,
    network: Network,
    folder: PathBuf,
    current: RwLock<Arc<Current>>,
}

/// What the lists that are out say, and of which state of the registry.
#[derive(Default)]
struct Out {
    change: u64,
    in_whole: BTreeSet<Code>,
    newest_version: u32,
    kept: Kept,
}

impl Lists {
    /// No list is made yet: [`Lists::keep`] does. `folder` is where the compact ones lie.
    pub fn new(
        ledger: Ledger,
        authorities: Arc<Authorities>,
        network: Network,
        folder: &Path,
    ) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            authorities,
            network,
            folder: folder.to_owned(),
            current: RwLock::default(),
        })
    }

    /// The newest lists.
    pub fn current(&self) -> Arc<Current> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the lists at once and after every change, until `stopped` resolves. `use_lists` gives
    /// each to the doors.
    pub async fn keep(
        self: Arc<Self>,
        use_lists: impl Fn(&Current) -> Result<(), Failure>,
        stopped: impl Future<Output = ()>,
    ) {
        let mut stopped = std::pin::pin!(stopped);
        let mut out = Out::default();
        loop {
            let pause = match self.step(&mut out, &use_lists, now()).await {
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
        use_lists: &impl Fn(&Current) -> Result<(), Failure>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let before = self.current();
        let change = self.ledger.newest_state_change(out.change).await?;
        let is_first = before.whole.is_empty();
        let is_old = before.made.plus_s(REMAKE_S) <= now;
        if !is_first && !is_old && out.change == change {
            return Ok(());
        }
        let states = self.ledger.code_states().await?;
        let standings = states.iter().map(|it| Standing {
            code: it.code,
            revoked: it.is_withdrawn,
        });
        let standings: Vec<Standing> = standings.collect();
        if is_first {
            self.take_up(out, &standings)?;
        }
        // Versions go on growing after a restart, and when the clock has been set back.
        let version = now.0.max(out.newest_version.saturating_add(1));
        let order = RevocationsOrder { version, time: now };
        let crl = self.crl(version, now).await?;
        self.renew(out, &order, &standings).await?;
        let next = Current {
            crl,
            whole: out.kept.part(Part::Whole).to_vec(),
            version: self.version(&out.kept).ok_or("the list is not ours")?,
            changes: out.kept.part(Part::Changes).to_vec(),
            made: now,
        };
        use_lists(&next)?;
        out.change = change;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(next);
        Ok(())
    }

    /// Goes on from the list that was out when the gateway was stopped.
    fn take_up(&self, out: &mut Out, standings: &[Standing]) -> Result<(), Failure> {
        let kept = Kept::load(&self.folder)?;
        if let Some(whole) = self.whole(&kept) {
            let newest = kept.list(|list| self.check(list));
            out.newest_version = newest.map_or(0, |newest| newest.version());
            let listed = standings.iter().filter(|it| whole.is_revoked(&it.code));
            out.in_whole = listed.map(|it| it.code).collect();
            out.kept = kept;
        }
        Ok(())
    }

    /// Makes the changes anew, and first the whole list when there is none or it has changed much.
    /// A crash between the two leaves changes to another list, which say nothing; the next start
    /// makes new ones.
    async fn renew(
        &self,
        out: &mut Out,
        order: &RevocationsOrder,
        standings: &[Standing],
    ) -> Result<(), Failure> {
        let gateway = &self.authorities.gateway;
        let revoked = standings.iter().filter(|it| it.revoked);
        let revoked: BTreeSet<Code> = revoked.map(|it| it.code).collect();
        let mut order = *order;
        let changed = revoked.symmetric_difference(&out.in_whole).count();
        if out.kept.part(Part::Whole).is_empty() || changed > CHANGES_MOST {
            let given_up = self.ledger.scrapped_numbers().await?.into_iter();
            let given_up = given_up.map(|(by, sequence)| GivenUp { by, sequence });
            let given_up: Vec<GivenUp> = given_up.collect();
            let whole = gateway.revocations(&order, standings, &given_up)?;
            out.kept.keep(&self.folder, Part::Whole, &whole)?;
            out.in_whole.clone_from(&revoked);
            order.version = order.version.saturating_add(1);
        }
        let added = revoked.difference(&out.in_whole).copied().collect();
        let removed = out.in_whole.difference(&revoked).copied().collect();
        let base = self.version(&out.kept).ok_or("the list is not ours")?;
        let changes = gateway.revocation_changes(&order, base, &added, &removed)?;
        out.kept.keep(&self.folder, Part::Changes, &changes)?;
        out.newest_version = order.version;
        Ok(())
    }

    fn check<'b>(&self, list: &'b [u8]) -> Result<Signed<'b>, protocol::Status> {
        Signed::verify(list, &self.network, &self.authorities.gateway.pass_key())
    }

    /// The whole list without its changes.
    fn whole<'b>(&self, kept: &'b Kept) -> Option<List<'b>> {
        let whole = self.check(kept.part(Part::Whole)).ok()?;
        let whole = protocol::revocations::Whole::read(whole).ok()?;
        List::new(whole, None).ok()
    }

    fn version(&self, kept: &Kept) -> Option<u32> {
        self.whole(kept).map(|whole| whole.version())
    }

    async fn crl(&self, number: u32, now: Timestamp) -> Result<Vec<u8>, Failure> {
        let mut revoked = Vec::new();
        for withdrawn in self.ledger.withdrawn_certificates().await? {
            revoked.push(Revoked {
                serial: issuer::serial(&withdrawn.certificate)?,
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
