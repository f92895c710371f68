//! What a gateway tells things by itself: what time it is, how far its allowances count, how far its
//! word is final, which places areas are, and where a purse is at home.
//!
//! All of it is signed for everybody, and it goes into the inbox of whoever synchronises: with the
//! first look into the inbox, and with wallet messages. Nobody is told more often than once in
//! [`TELL_AGAIN_S`], nor of what stays true more often than once in [`REMEMBER_S`].

use super::{Desk, now, written};
use protocol::cose::{SIGNED_MAX, seal};
use protocol::message::Message;
use protocol::objects::{Beacon, FILTER_CODES, Filter, Set};
use protocol::{Code, Network, Signer, Status, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Between two times that one code is told, and between two beacons.
const TELL_AGAIN_S: u32 = 60;
/// After so long a code is told everything once more: it may have lost what it was told.
const REMEMBER_S: u32 = 86_400;
/// Codes remembered; when there are more, everybody may be told once more.
const TOLD_MOST: usize = 65_536;
/// Areas, warrants and watermarks told at once; the others follow with the next turn.
const AT_ONCE_MOST: usize = 16;

/// The gateway's news, and who has heard what of it.
pub struct News {
    gateway: Code,
    network: Network,
    signer: Arc<dyn Signer + Send + Sync>,
    /// While one authority takes over from another: who is above the gateway, as a message.
    authorities: Option<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When it was gathered.
    gathered: Option<Timestamp>,
    /// The gateway's time then, as a message.
    beacon: Vec<u8>,
    /// What stays true until it is replaced, numbered as it came to be known.
    standing: Vec<(u64, Vec<u8>)>,
    newest: u64,
    /// The newest filter, and of which change in the registry.
    filter: Option<(u64, Vec<u8>)>,
    told: HashMap<Code, Told>,
}

#[derive(Clone, Default)]
struct Told {
    since: Timestamp,
    at: Timestamp,
    up_to: u64,
    lease: Option<Vec<u8>>,
}

impl News {
    /// Signed as this gateway.
    pub fn new(gateway: Code, network: Network, signer: Arc<dyn Signer + Send + Sync>) -> Self {
        Self {
            gateway,
            network,
            signer,
            authorities: None,
            state: Mutex::default(),
        }
    }

    /// Tells everybody who is above the gateway now.
    pub fn with_authorities(self, authorities: Option<Vec<u8>>) -> Self {
        Self {
            authorities,
            ..self
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What time it is, as everybody may pass it on.
    fn beacon(&self, time: Timestamp) -> Result<Vec<u8>, Status> {
        let beacon = Beacon {
            gateway: self.gateway,
            time,
            filter_version: None,
            filter: None,
        };
        let mut bytes = vec![0; SIGNED_MAX];
        let sealed = seal(&beacon, &self.network, &*self.signer, &mut bytes);
        let (len, _) = sealed.map_err(|_| Status::Storage)?;
        let beacon = bytes.get(..len).unwrap_or_default();
        written(&Message::Beacon { beacon })
    }
}

impl News {
    /// Signed once for each change: its time would make another one of it.
    fn filter(&self, change: u64, codes: &[Code]) -> Result<Vec<u8>, Status> {
        let filter = Filter {
            gateway: self.gateway,
            version: u32::try_from(change).map_err(|_| Status::Storage)?,
            time: now(),
            codes: Set::new(codes),
        };
        let mut bytes = vec![0; SIGNED_MAX];
        let sealed = seal(&filter, &self.network, &*self.signer, &mut bytes);
        let (len, _) = sealed.map_err(|_| Status::Storage)?;
        let filter = bytes.get(..len).unwrap_or_default();
        let filter = written(&Message::Filter { filter })?;
        self.state().filter = Some((change, filter.clone()));
        Ok(filter)
    }
}

impl State {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| at <= now && now < at.plus_s(TELL_AGAIN_S);
        self.gathered.is_some_and(recent)
    }

    fn is_due(&self, code: &Code, now: Timestamp) -> bool {
        let told = self.told.get(code);
        told.is_none_or(|told| now < told.at || told.at.plus_s(TELL_AGAIN_S) <= now)
    }

    /// What is new keeps its number until it is replaced.
    fn keep(&mut self, now: Timestamp, beacon: Vec<u8>, standing: Vec<Vec<u8>>) {
        self.gathered = Some(now);
        self.beacon = beacon;
        self.standing.retain(|(_, known)| standing.contains(known));
        for message in standing {
            if !self.standing.iter().any(|(_, known)| *known == message) {
                self.newest += 1;
                self.standing.push((self.newest, message));
            }
        }
    }

    /// What this code has not heard yet, the time first.
    fn for_code(&self, code: &Code, now: Timestamp) -> (Vec<Vec<u8>>, Told) {
        let known = self.told.get(code);
        let known = known.filter(|told| now < told.since.plus_s(REMEMBER_S));
        let mut told = known.cloned().unwrap_or(Told {
            since: now,
            ..Told::default()
        });
        told.at = now;
        let mut news = vec![self.beacon.clone()];
        let after = told.up_to;
        let unheard = self.standing.iter().filter(|(number, _)| *number > after);
        for (number, message) in unheard.take(AT_ONCE_MOST) {
            told.up_to = *number;
            news.push(message.clone());
        }
        (news, told)
    }

    fn heard(&mut self, code: Code, told: Told) {
        if self.told.len() >= TOLD_MOST && !self.told.contains_key(&code) {
            self.told.clear();
        }
        self.told.insert(code, told);
    }
}

impl Desk {
    /// Puts what is news to a code into its inbox. What fails here is told with the next turn.
    pub(super) async fn tell_news(&self, code: Code) {
        let now = (self.clock)();
        if !self.news.state().is_due(&code, now) {
            return;
        }
        if let Err(status) = self.gather_and_tell(code, now).await {
            tracing::warn!(%status, %code, "not told what is new");
        }
    }

    async fn gather_and_tell(&self, code: Code, now: Timestamp) -> Result<(), Status> {
        let is_fresh = self.news.state().is_fresh(now);
        if !is_fresh {
            let standing = self.standing().await?;
            let beacon = self.news.beacon(now)?;
            self.news.state().keep(now, beacon, standing);
        }
        let lease = self.lease(&code).await;
        let (mut news, mut told) = self.news.state().for_code(&code, now);
        if told.lease != lease {
            news.extend(lease.clone());
            told.lease = lease;
        }
        if self.ledger.tell_news(&code, news).await? {
            self.news.state().heard(code, told);
        }
        Ok(())
    }

    /// Warrants and the watermark, then the areas that allowances of this gateway may name.
    async fn standing(&self) -> Result<Vec<Vec<u8>>, Status> {
        let mut standing: Vec<Vec<u8>> = self.news.authorities.iter().cloned().collect();
        standing.extend(self.ledger.handover().map(<[u8]>::to_vec));
        standing.extend(self.ledger.news().await.map_err(|_| Status::Storage)?);
        for row in self.ledger.areas().await.map_err(|_| Status::Storage)? {
            standing.push(written(&Message::Area { area: &row.bytes })?);
        }
        standing.extend(self.filter().await?);
        Ok(standing)
    }

    /// Whom not to take from: the codes that were frozen or withdrawn last. Its version is the
    /// number of the newest change, so that the same codes make the same filter. None before there
    /// was any change.
    async fn filter(&self) -> Result<Option<Vec<u8>>, Status> {
        let storage = |_| Status::Storage;
        let known = self.news.state().filter.clone();
        let after = known.as_ref().map_or(0, |(change, _)| *change);
        let change = self.ledger.newest_state_change(after).await;
        let change = change.map_err(storage)?;
        if change == after {
            return Ok(known.map(|(_, filter)| filter));
        }
        let most = u32::try_from(FILTER_CODES).unwrap_or(u32::MAX);
        let mut codes = self.ledger.newest_withdrawn(most).await.map_err(storage)?;
        codes.sort_unstable();
        codes.dedup();
        self.news.filter(change, &codes).map(Some)
    }
}
