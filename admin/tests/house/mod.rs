//! A whole house in a folder that goes away: authorities, books, a desk that really issues, things
//! that really sign. Shared by the tests and by `examples/portal.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

pub mod courier;
pub mod stations;
pub mod thing;

use admin::{
    AuthorityCard, Connected, DeskOrder, DeskRefusal, Disk, DoorLoad, IssuingDesk, LiveHouse,
    Offer, Pending, Portal, Post, Pulse, Sender, Streams, ThingMessage, ThingsDesk, Twin, Untold,
};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use issuer::{Authorities, CheckedRequest, IssueOrder, Names, Plan};
use ledger::alerts::Alerts;
use ledger::bounds::CURRENCY_TERMS_MOST;
use ledger::diary::Diary;
use ledger::grants::Grants;
use ledger::people::People;
use ledger::{Bearings, ClassTerms, IssueRequest, Ledger, LoadOrder, NewKey, NewThing, Policy};
use protocol::code::IssuedBy;
use protocol::objects::Rights;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Status, Timestamp,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

pub const RESOLVER: &str = "id.example.com";
pub const STATION: IssuedBy = IssuedBy {
    issuer: 1,
    station: 1,
};
const YEAR_S: u32 = 31_536_000;

pub fn network() -> Network {
    Network::new("test").unwrap()
}

pub fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

pub fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

/// The house. Its clock stands still unless somebody turns it.
pub struct House {
    pub ledger: Ledger,
    pub people: People,
    pub authorities: Arc<Authorities>,
    pub clock: Arc<AtomicU32>,
    pub draws: Arc<AtomicU64>,
    pub live: Arc<Live>,
    pub diary: Diary,
    pub alerts: Alerts,
    pub grants: Grants,
    pub courier: Arc<courier::Kept>,
    pub tree: Arc<Tree>,
    pub pulse: Arc<Pulse>,
    pub streams: Arc<Streams>,
    pub counters: Arc<admin::Counters>,
    pub spool: PathBuf,
}

impl House {
    pub async fn open(folder: &Path, now: Timestamp) -> Self {
        let names = Names::new("onecode.internal", RESOLVER).unwrap();
        let plan = Plan::new(network(), names, 86_400);
        let mut next = 0u64;
        let mut random = |out: &mut [u8]| {
            next += 1;
            fill(out, next);
            Ok(())
        };
        let authorities = Authorities::create(&plan, now, &mut random).unwrap();
        let bearings = Bearings {
            former_keys: Default::default(),
            network: network(),
            gateway: authorities.gateway.code(),
            gateway_epoch: KeyEpoch(1),
            signer: authorities.gateway.signer(),
            issuer_pass: authorities.issuer.pass().to_vec(),
            gateway_pass: authorities.gateway.pass().to_vec(),
            policy: Policy {
                usual: [ClassTerms::offline(amount(1_000_000_000), amount(500_000_000)); 3],
                currencies: [None; CURRENCY_TERMS_MOST],
                most_payments: 2_000,
                allowance_life_s: 7 * 86_400,
                grace_s: 86_400,
            },
            upstream: None,
        };
        let ledger = Ledger::open(&folder.join("ledger.db"), bearings)
            .await
            .unwrap();
        let live = Arc::new(Live {
            since: now,
            there: Mutex::default(),
            messages: AtomicU64::new(0),
            disk: Mutex::default(),
        });
        let alerts = Alerts::open(&folder.join("alerts.db")).await.unwrap();
        let courier = Arc::<courier::Kept>::default();
        Self {
            pulse: Arc::new(Pulse::new(ledger.clone(), live.clone())),
            streams: Arc::default(),
            diary: Diary::open(&folder.join("diary.db")).await.unwrap(),
            alerts,
            grants: Grants::open(&folder.join("grants.db")).await.unwrap(),
            courier,
            tree: Arc::default(),
            ledger,
            people: People::open(&folder.join("people.db")).await.unwrap(),
            authorities: Arc::new(authorities),
            clock: Arc::new(AtomicU32::new(now.0)),
            draws: Arc::new(AtomicU64::new(1_000)),
            live,
            counters: Arc::default(),
            spool: folder.to_owned(),
        }
    }

    /// Six decimals, by its own name.
    pub async fn declare_usd(&self) {
        let declared = self.ledger.declare_currency(usd(), 6, "US dollar").await;
        declared.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    pub fn wait_s(&self, seconds: u32) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Not random at all, but never the same twice.
    pub fn draw(&self) -> impl Fn(&mut [u8]) + Send + Sync + use<> {
        let draws = Arc::clone(&self.draws);
        move |out: &mut [u8]| fill(out, draws.fetch_add(1, Ordering::SeqCst))
    }

    pub fn desk(&self) -> Arc<Desk> {
        Arc::new(Desk {
            authorities: Arc::clone(&self.authorities),
            ledger: self.ledger.clone(),
            draws: Arc::clone(&self.draws),
        })
    }

    pub fn post(&self) -> Arc<Post> {
        let sender = Sender {
            gateway: self.authorities.gateway.code(),
            network: network(),
            portal: "https://portal.test".to_owned(),
        };
        Arc::new(Post::new(self.alerts.clone(), self.courier.clone(), sender))
    }

    pub fn portal(&self) -> Portal {
        let clock = Arc::clone(&self.clock);
        Portal {
            ledger: self.ledger.clone(),
            people: self.people.clone(),
            desk: self.desk(),
            stations: Arc::new(stations::Stations {
                authorities: Arc::clone(&self.authorities),
                ledger: self.ledger.clone(),
                draws: Arc::clone(&self.draws),
                spool: self.spool.clone(),
            }),
            live: self.live.clone(),
            things: self.tree.clone(),
            diary: self.diary.clone(),
            alerts: self.alerts.clone(),
            grants: self.grants.clone(),
            post: self.post(),
            pulse: Arc::clone(&self.pulse),
            streams: Arc::clone(&self.streams),
            network: network(),
            station: STATION,
            resolver: RESOLVER.to_owned(),
            tiles: None,
            sso: None,
            proxies: admin::Proxies::default(),
            clock: Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))),
            random: Arc::new(self.draw()),
            counters: Arc::clone(&self.counters),
            state: admin::State::default(),
        }
    }

    /// Issues a code by the desk and loads the purse behind it.
    pub async fn thing(&self, seed: u8, name: &str) -> thing::Thing {
        self.thing_of(seed, name, Kind::Device).await
    }

    pub async fn thing_of(&self, seed: u8, name: &str, kind: Kind) -> thing::Thing {
        let keys = thing::Keys::new(seed);
        let order = DeskOrder {
            request: keys.request(),
            kind,
            name: name.to_owned(),
            product: "Model 1".to_owned(),
            by: "test".to_owned(),
        };
        let code = self.desk().issue(order, self.now()).await.unwrap();
        thing::Thing::new(keys, code, self.authorities.gateway.pass_key())
    }

    pub async fn load(&self, code: Code, minor: u64, key: &str) {
        let order = LoadOrder {
            code,
            currency: usd(),
            amount: amount(minor),
            key: key.to_owned(),
            by: "test".to_owned(),
        };
        self.ledger.load(order, self.now()).await.unwrap();
    }
}

fn fill(out: &mut [u8], number: u64) {
    for (at, byte) in out.iter_mut().enumerate() {
        let mixed = (number ^ (at as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *byte = (mixed >> 56) as u8 ^ (mixed >> 24) as u8;
    }
}

/// Things that are said to be there.
pub struct Live {
    pub since: Timestamp,
    pub there: Mutex<Vec<Connected>>,
    pub messages: AtomicU64,
    pub disk: Mutex<Option<Disk>>,
}

impl LiveHouse for Live {
    fn started(&self) -> Timestamp {
        self.since
    }

    fn doors(&self) -> Vec<DoorLoad> {
        let there = self.there.lock().unwrap();
        let messages = self.messages.load(Ordering::SeqCst);
        let load = |(door, part)| DoorLoad {
            door,
            online: there.iter().filter(|there| there.door == door).count() as u64,
            messages: messages / part,
        };
        [("MQTT", 1), ("CoAP", 3)].map(load).to_vec()
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        Some(self.since.plus_s(YEAR_S / 4))
    }

    fn connected(&self, code: &Code) -> Option<Connected> {
        let there = self.there.lock().unwrap();
        there.iter().find(|there| there.code == *code).cloned()
    }

    fn lists_made(&self) -> Option<Timestamp> {
        Some(self.since)
    }

    fn disk(&self) -> Option<Disk> {
        *self.disk.lock().unwrap()
    }

    /// Nobody is really there.
    fn disconnect(&self, _code: &Code) {}
}

/// A tree with nobody but the portal in it; what things say, tests put in.
pub struct Tree {
    said: broadcast::Sender<(Code, ThingMessage)>,
    pub twins: Mutex<HashMap<Code, Twin>>,
    pub offers: Mutex<HashMap<Code, Offer>>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            said: broadcast::Sender::new(64),
            twins: Mutex::default(),
            offers: Mutex::default(),
        }
    }
}

impl Tree {
    /// Somebody says something.
    pub fn say(&self, code: Code, door: Option<&'static str>, place: &str, payload: &[u8]) {
        let message = ThingMessage {
            door,
            place: place.to_owned(),
            payload: payload.to_vec(),
            retain: false,
            missed: 0,
        };
        let _ = self.said.send((code, message));
    }
}

impl ThingsDesk for Tree {
    fn listen(&self, code: Code) -> Pending<Option<BoxStream<'static, ThingMessage>>> {
        let said = stream::unfold(self.said.subscribe(), move |mut said| async move {
            loop {
                let (of, message) = said.recv().await.ok()?;
                if of == code {
                    return Some((message, said));
                }
            }
        });
        Box::pin(async move { Some(said.boxed()) })
    }

    fn offer(&self, code: &Code, _now: Timestamp) -> Option<Offer> {
        self.offers.lock().unwrap().get(code).cloned()
    }

    fn twin(&self, code: &Code) -> Twin {
        self.twins
            .lock()
            .unwrap()
            .get(code)
            .cloned()
            .unwrap_or_default()
    }

    fn set_desired(&self, code: Code, payload: Vec<u8>) -> Pending<Result<(), Untold>> {
        let mut twins = self.twins.lock().unwrap();
        let desired = &mut twins.entry(code).or_default().desired;
        *desired = (!payload.is_empty()).then(|| payload.clone());
        self.say(code, None, "twin/desired", &payload);
        Box::pin(async { Ok(()) })
    }

    fn command(&self, code: Code, number: i64, payload: Vec<u8>) -> Pending<Result<(), Untold>> {
        self.say(code, None, &format!("c/{number}"), &payload);
        Box::pin(async { Ok(()) })
    }
}

/// Issues as a gateway does: reserve, sign, record.
pub struct Desk {
    authorities: Arc<Authorities>,
    ledger: Ledger,
    draws: Arc<AtomicU64>,
}

impl IssuingDesk for Desk {
    fn issue(&self, order: DeskOrder, now: Timestamp) -> Pending<Result<Code, DeskRefusal>> {
        let (authorities, ledger) = (Arc::clone(&self.authorities), self.ledger.clone());
        let mut serial = [0; 16];
        fill(&mut serial, self.draws.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            let request = CheckedRequest::read(&order.request, &network())
                .map_err(|error| DeskRefusal::Request(error.to_string()))?;
            let reserved = ledger
                .begin_issue(
                    IssueRequest {
                        secret_hash: None,
                        request_hash: request.hash().0,
                        kind: order.kind,
                        name: order.name.clone(),
                        by: order.by,
                        serial,
                    },
                    now,
                )
                .await?;
            if let Some(done) = reserved.done {
                return Ok(done.code);
            }
            let issue = IssueOrder {
                sequence: reserved.sequence,
                serial: reserved.serial,
                issued: reserved.issued,
                not_after: reserved.issued.plus_s(YEAR_S),
                kind: order.kind,
                class: AssuranceClass::Software,
                rights: Rights::PAY.and(Rights::ACCEPT),
            };
            let issued = authorities.gateway.issue_device(&issue, &request).unwrap();
            let thing = NewThing {
                sequence: reserved.sequence,
                code: issued.code,
                kind: order.kind,
                name: order.name,
                product: order.product,
                transport_spki: request.transport_spki().to_vec(),
                wallet_key: request.wallet_key(),
                class: AssuranceClass::Software,
                certificate: issued.certificate,
                pass: issued.pass,
            };
            Ok(ledger.finish_issue(thing, now).await?.code)
        })
    }

    fn replace_wallet_key(
        &self,
        code: Code,
        request: Vec<u8>,
        by: String,
        now: Timestamp,
    ) -> Pending<Result<(), DeskRefusal>> {
        let (authorities, ledger) = (Arc::clone(&self.authorities), self.ledger.clone());
        Box::pin(async move {
            let unfit = |error: &dyn std::fmt::Display| DeskRefusal::Request(error.to_string());
            let request = CheckedRequest::read(&request, &network()).map_err(|e| unfit(&e))?;
            let known = ledger
                .thing(&code)
                .await
                .unwrap()
                .ok_or(Status::UnknownCode)?;
            let pass = authorities
                .gateway
                .replace_wallet_key(&known.pass, &request, now)
                .map_err(|e| unfit(&e))?;
            let new = NewKey {
                code,
                wallet_key: request.wallet_key(),
                class: known.class,
                pass,
                by,
            };
            ledger.replace_wallet_key(new, now).await?;
            Ok(())
        })
    }

    fn trust_file(&self) -> Option<String> {
        Some("network = \"test\"\n".to_owned())
    }

    fn authorities(&self) -> Vec<AuthorityCard> {
        let roles = issuer::Role::ALL;
        let all = self.authorities.all();
        roles
            .into_iter()
            .zip(all)
            .map(|(role, authority)| AuthorityCard {
                role,
                code: authority.code(),
                pass_key: authority.pass_key(),
                pass: authority.pass().to_vec(),
                certificate: authority.certificate().to_vec(),
                not_after: authority.not_after(),
                keys: authority.key_place(),
                former_key_ends: None,
                former_passes: Vec::new(),
            })
            .collect()
    }
}
