//! What the portal asks of the house: codes to be issued, and who is there.

use crate::coap::Counters as CoapCounters;
use crate::issuing;
use crate::mqtt::MqttDoor;
use crate::revocation::Lists;
use crate::serving::Ends;
use crate::stations;
use crate::tree::{self, Door, Leaf, Name, Topic, Tree};
use crate::trust_file::TrustFile;
use crate::wallet::{Offers, now};
use admin::{
    Admission, AuthorityCard, Connected, DeskOrder, DeskRefusal, Disk, DoorLoad, IssuingDesk,
    LiveHouse, ManifestTaken, Offer, Pending, Progress, StationWish, StationsDesk, ThingMessage,
    ThingsDesk, Twin, Untold,
};
use device_sdk::links::frames::{FRAME_MAX_CHARS, Frames, PIECE_MAX_BYTES};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use protocol::objects::MarkText;
use protocol::{Code, Reference, Status, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The issuing desk as the portal knows it.
pub struct PortalDesk(pub Arc<issuing::Desk>);

impl IssuingDesk for PortalDesk {
    fn issue(&self, order: DeskOrder, _now: Timestamp) -> Pending<Result<Code, DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            let wanted = issuing::Wanted {
                secret_hash: None,
                kind: order.kind,
                name: &order.name,
                product: &order.product,
                by: &order.by,
            };
            let issued = desk.issue(&order.request, &wanted).await;
            issued.map(|thing| thing.code).map_err(refusal)
        })
    }

    fn replace_wallet_key(
        &self,
        code: Code,
        request: Vec<u8>,
        by: String,
        _now: Timestamp,
    ) -> Pending<Result<(), DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            let replaced = desk.replace_wallet_key(&code, &request, by).await;
            replaced.map(drop).map_err(refusal)
        })
    }

    fn trust_file(&self) -> Option<String> {
        let authorities = &self.0.authorities;
        let root = issuer::pem(authorities.roots().map(|root| root.certificate()));
        let ends = authorities.former_root().map(|(old, _)| old.ends);
        let text = TrustFile::new(authorities.trust(), root).until(ends).text();
        text.inspect_err(|error| tracing::error!(%error, "the trust file cannot be written"))
            .ok()
    }

    fn authorities(&self) -> Vec<AuthorityCard> {
        let authorities = &self.0.authorities;
        let newest = authorities
            .former_keys
            .last()
            .map(|former| former.said.ends);
        let former_passes = authorities
            .former_keys
            .iter()
            .map(|former| former.pass.clone());
        let former_passes: Vec<Vec<u8>> = former_passes.collect();
        let overlap = newest.filter(|ends| now() < *ends);
        let card = |authority: &issuer::Authority| AuthorityCard {
            role: authority.role(),
            code: authority.code(),
            pass_key: authority.pass_key(),
            pass: match authority.role() {
                issuer::Role::Issuer => authorities.issuer_pass().to_vec(),
                _ => authority.pass().to_vec(),
            },
            certificate: authority.certificate().to_vec(),
            not_after: authority.not_after(),
            keys: authority.key_place(),
            former_passes: match authority.role() {
                issuer::Role::Gateway => former_passes.clone(),
                _ => Vec::new(),
            },
            former_key_ends: match authority.role() {
                issuer::Role::Gateway => overlap,
                _ => None,
            },
        };
        authorities.all().map(card).to_vec()
    }
}

fn refusal(error: issuing::IssueError) -> DeskRefusal {
    match error {
        issuing::IssueError::Request(sentence) => DeskRefusal::Request(sentence),
        issuing::IssueError::Refused(status) => DeskRefusal::Status(status),
        issuing::IssueError::Inside(error) => {
            tracing::error!(%error, "issuing failed inside");
            DeskRefusal::Status(Status::Storage)
        }
    }
}

/// The desk for stations as the portal knows it.
pub struct StationDesk(pub Arc<stations::Desk>);

impl StationsDesk for StationDesk {
    fn admit(&self, asked: Admission, now: Timestamp) -> Pending<Result<Code, DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move { desk.admit(asked, now).await.map_err(refusal) })
    }

    fn order(&self, wish: StationWish, now: Timestamp) -> Pending<Result<Reference, DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move { desk.order(wish, now).await.map_err(refusal) })
    }

    fn import(
        &self,
        file: PathBuf,
        by: String,
        now: Timestamp,
        progress: Arc<Progress>,
    ) -> Pending<Result<ManifestTaken, DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            let taken = desk.import(&file, &by, now, progress).await;
            taken.map_err(refusal)
        })
    }

    fn marks(&self, codes: Vec<Code>) -> Pending<Result<Vec<MarkText>, DeskRefusal>> {
        let desk = Arc::clone(&self.0);
        Box::pin(async move {
            // Thousands of signatures take a while: not on a thread of the doors.
            let signing = tokio::task::spawn_blocking(move || desk.marks(&codes));
            let signed = signing
                .await
                .map_err(|_| DeskRefusal::Status(Status::Storage))?;
            signed.map_err(refusal)
        })
    }

    fn spool(&self) -> PathBuf {
        self.0.spool.clone()
    }
}

/// Who is there right now.
pub struct House {
    started: Timestamp,
    mqtt: Arc<MqttDoor>,
    coap: Arc<CoapCounters>,
    lists: Arc<Lists>,
    shown: Ends,
    folder: PathBuf,
}

impl House {
    /// A house that begins now, in this folder. The doors show a certificate that ends at `shown`.
    pub fn new(
        mqtt: Arc<MqttDoor>,
        coap: Arc<CoapCounters>,
        lists: Arc<Lists>,
        shown: Ends,
        folder: &Path,
    ) -> Self {
        Self {
            started: now(),
            mqtt,
            coap,
            lists,
            shown,
            folder: folder.to_owned(),
        }
    }
}

impl LiveHouse for House {
    fn started(&self) -> Timestamp {
        self.started
    }

    fn doors(&self) -> Vec<DoorLoad> {
        let mqtt = self.mqtt.counters();
        let load = |door, online: &AtomicU64, messages: &AtomicU64| DoorLoad {
            door,
            online: online.load(Ordering::Relaxed),
            messages: messages.load(Ordering::Relaxed),
        };
        vec![
            load("MQTT", &mqtt.sessions, &mqtt.published),
            load("CoAP", &self.coap.sessions, &self.coap.requests),
        ]
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        Some(self.shown.get())
    }

    fn connected(&self, code: &Code) -> Option<Connected> {
        let open_for = self.mqtt.connected_for(code)?.as_secs();
        let since = now().minus_s(u32::try_from(open_for).unwrap_or(u32::MAX));
        Some(Connected {
            code: *code,
            door: "MQTT",
            since,
        })
    }

    fn lists_made(&self) -> Option<Timestamp> {
        let current = self.lists.current();
        (!current.whole.is_empty()).then_some(current.made)
    }

    fn disk(&self) -> Option<Disk> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(Disk {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            all_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// The CoAP door looks every open session's code up again by itself.
    fn disconnect(&self, code: &Code) {
        self.mqtt.revoke(*code);
    }
}

/// The tree and what things ask for, as the portal knows them.
pub struct ThingDesk(pub Arc<Tree>, pub Arc<Offers>);

impl ThingsDesk for ThingDesk {
    fn listen(&self, code: Code) -> Pending<Option<BoxStream<'static, ThingMessage>>> {
        let tree = Arc::clone(&self.0);
        Box::pin(async move {
            let watch = tree.watch_branch(code).await.ok()?;
            let said = stream::unfold(watch, async |mut watch| {
                let event = watch.next().await?;
                let message = ThingMessage {
                    door: event.door.map(Door::word),
                    place: event.topic.leaf.to_string(),
                    payload: event.payload.to_vec(),
                    retain: event.retain,
                    missed: watch.take_missed(),
                };
                Some((message, watch))
            });
            Some(said.boxed())
        })
    }

    fn offer(&self, code: &Code, now: Timestamp) -> Option<Offer> {
        let message = self.1.of(code, now)?;
        let frames = Frames::new(&message, PIECE_MAX_BYTES)?;
        let mut text = [0; FRAME_MAX_CHARS];
        let frames = (0..frames.count())
            .filter_map(|number| frames.write(number, &mut text).map(str::to_owned))
            .collect();
        Some(Offer { message, frames })
    }

    fn twin(&self, code: &Code) -> Twin {
        let kept = |leaf| {
            let code = *code;
            let kept = self.0.look(&Topic { code, leaf });
            kept.map(|payload| payload.to_vec())
        };
        Twin {
            reported: kept(Leaf::Reported),
            desired: kept(Leaf::Desired),
            status: kept(Leaf::Status),
        }
    }

    fn set_desired(&self, code: Code, payload: Vec<u8>) -> Pending<Result<(), Untold>> {
        let tree = Arc::clone(&self.0);
        Box::pin(async move { told(tree.set_desired(code, payload.into()).await) })
    }

    fn command(&self, code: Code, number: i64, payload: Vec<u8>) -> Pending<Result<(), Untold>> {
        let tree = Arc::clone(&self.0);
        Box::pin(async move {
            let id = Name::new(&number.to_string()).map_err(|_| Untold::Full)?;
            told(tree.command(code, id, payload.into()).await)
        })
    }
}

fn told(done: Result<(), tree::Refusal>) -> Result<(), Untold> {
    done.map_err(|refusal| match refusal {
        tree::Refusal::TooLarge => Untold::TooLarge,
        _ => Untold::Full,
    })
}
