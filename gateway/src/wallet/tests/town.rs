//! A gateway with its doors open, which is the centre of another one that has only books.

use super::*;
use crate::coap::tests::SEED;
use crate::coap::{TreeResources, dtls};
use crate::command::up::{dtls_sessions, registry_check, tls_config};
use crate::config::{Config, Sources};
use crate::house::{House, bearings};
use crate::issuing::Wanted;
use crate::mqtt::{Kept, Limits, MqttDoor, Wire};
use crate::tree::Tree;
use crate::trust_store::Keeper;
use crate::wallet::now;
use device_sdk::coap::{Answer, Client, Request, Settings as CoapSettings, Timing};
use device_sdk::enrol::{Authorities, Credentials, Keys};
use device_sdk::journal_file::FileJournal;
use device_sdk::links::mqtt::{Deliveries, Mqtt, Settings as MqttSettings};
use device_sdk::purse::{Clock, Purse, Settings};
use ledger::federation::{Terms, Upstream};
use ledger::{Bearings, IssueRequest, Ledger, LoadOrder, NewThing};
use protocol::code::IssuedBy;
use protocol::code::grid::{Cell, Level, Point};
use protocol::objects::{Confirmation, Party, Pass, Rights};
use protocol::{AssuranceClass, Kind};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(30);
const DAY_S: u32 = 86_400;
/// Content-Format of wallet messages.
const CBOR: u16 = 60;

pub(crate) type TestPurse = Purse<SoftwareKey, FileJournal, 8, 4>;

pub(crate) struct Town {
    pub(crate) house: House,
    pub(crate) keeper: Arc<Keeper>,
    pub(super) desk: Desk,
    pub(crate) tree: Arc<Tree>,
    config: Config,
    mqtt: SocketAddr,
    coaps: SocketAddr,
    folder: tempfile::TempDir,
    /// The doors close with it.
    _stop: watch::Sender<bool>,
    _coaps: crate::coap::Listening,
}

pub(crate) fn point() -> Point {
    Point::from_nanodegrees(48_000_000_000, 11_000_000_000).unwrap()
}

pub(crate) fn place() -> Cell {
    Cell::around(point(), Level::DEFAULT)
}

pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("in time")
}

impl Town {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("gateway");
        let config = Sources::defaults()
            .flag("gateway.data", Some(data.to_string_lossy().into_owned()))
            .config()
            .unwrap();
        let house = House::open(&config).await.unwrap();
        let server = house.server(&config).unwrap();
        let tree = house.tree(&config);
        let (authorities, ledger) = (Arc::clone(&house.authorities), house.ledger.clone());
        let keeper = Keeper::new(authorities, ledger, house.folder.withdrawn())
            .await
            .unwrap();
        let check = registry_check(house.ledger.clone());
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mqtt = listener.local_addr().unwrap();
        let door = MqttDoor::new(
            Arc::clone(&tree),
            check.clone(),
            Limits::default(),
            Kept::nothing(now),
        );
        let (tls_changes, tls) =
            watch::channel(Arc::new(tls_config(&server, keeper.trusted()).unwrap()));
        tokio::spawn(async move {
            let _tls_changes = tls_changes;
            let mut stopped = stopped;
            let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
            door.serve(listener, Wire::Bare, tls, issuer::identity, until)
                .await;
        });
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let sessions = dtls_sessions(&server, keeper.trusted()).unwrap();
        let resources = TreeResources::new(Arc::clone(&tree), None);
        let listening =
            dtls::listen(socket, sessions, check, resources, Arc::default(), SEED).unwrap();
        Self {
            desk: house.desk(&config),
            tree,
            mqtt,
            coaps: listening.local_addr(),
            house,
            keeper,
            config,
            folder,
            _stop: stop,
            _coaps: listening,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn mqtt(&self) -> SocketAddr {
        self.mqtt
    }

    pub(crate) fn coaps(&self) -> SocketAddr {
        self.coaps
    }

    pub(crate) fn now(&self) -> Timestamp {
        now()
    }

    /// A thing with a code.
    pub(crate) async fn enrol(&self, seed: u8) -> Identity {
        let keys = Keys::from_random(&[seed; 32], &[seed; 32]).unwrap();
        let wanted = Wanted {
            secret_hash: None,
            kind: Kind::Device,
            name: "thing",
            product: "",
            by: "test",
        };
        let request = keys.request(&network()).unwrap();
        let desk = self.house.issuing_desk(&self.config);
        let thing = desk.issue(&request, &wanted).await.unwrap();
        let above = &self.house.authorities;
        let [root, issuer, signer] = above.all().map(|a| a.certificate().to_vec());
        Identity {
            trust: above.trust(),
            keys,
            credentials: Credentials {
                code: thing.code,
                certificate: thing.certificate,
                authorities: Authorities {
                    root,
                    issuer,
                    signer,
                    others: Vec::new(),
                },
                pass: thing.pass,
                station_pass: None,
                gateway_pass: above.gateway.pass().to_vec(),
                issuer_pass: above.issuer.pass().to_vec(),
            },
        }
    }

    pub(crate) async fn load(&self, code: Code, minor: u64) {
        let order = LoadOrder {
            code,
            currency: USD,
            amount: amount(minor),
            key: format!("load of {code}"),
            by: "test".into(),
        };
        self.house.ledger.load(order, now()).await.unwrap();
    }

    /// A purse without a clock, which stands at [`place`].
    pub(crate) fn purse(&self, identity: &Identity) -> TestPurse {
        let given = &identity.credentials;
        let settings = Settings {
            me: given.code,
            pass: &given.pass,
            trust: identity.trust,
            sync_margin_s: 60,
            most_by_class: [amount(1_000_000); 3],
            place: Some(place()),
            clock: Clock::Ticks {
                stale_after_s: DAY_S,
            },
        };
        let path = self.folder.path().join(given.code.to_string());
        let journal = FileJournal::open(&path).unwrap();
        let mut purse = TestPurse::open(settings, identity.keys.wallet(), journal).unwrap();
        let (issuer, gateway) = (&given.issuer_pass, &given.gateway_pass);
        purse.trust_gateway(issuer, gateway, now()).unwrap();
        purse
    }

    pub(super) async fn by_mqtt(&self, identity: &Identity) -> (Mqtt, Deliveries) {
        let (host, port) = (self.mqtt.ip().to_string(), self.mqtt.port());
        let tls = identity.tls().unwrap();
        let code = identity.credentials.code;
        let (mqtt, inbox) = Mqtt::start(MqttSettings::new(&host, port, code, tls));
        within(mqtt.ready()).await.unwrap();
        (mqtt, inbox)
    }

    pub(super) fn by_coap(&self, identity: &Identity) -> Client {
        let identity = identity.dtls(&self.coaps.ip().to_string()).unwrap();
        Client::new(CoapSettings {
            gateway: self.coaps,
            identity: Some(identity),
            timing: Timing::NEARBY,
        })
        .unwrap()
    }
}

/// A wallet message to the gateway over CoAP.
pub(super) async fn post(client: &Client, message: Vec<u8>) -> Answer {
    let request = Request::post("oc/1/me/w/out/gateway", CBOR, message);
    within(client.request(request)).await.unwrap()
}

/// Everything that waits in an inbox, read page by page and taken.
pub(super) async fn read_all(client: &Client) -> Vec<Vec<u8>> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let request = Request::get("oc/1/me/w/in").query(&format!("after={after}"));
        let page = within(client.request(request)).await.unwrap();
        let page = device_sdk::coap::inbox::read_page(&page.payload).unwrap();
        let Some((newest, _)) = page.last() else {
            return all;
        };
        after = *newest;
        all.extend(page.into_iter().map(|(_, message)| message));
    }
}

/// A gateway under the centre of the town.
pub(super) struct Village {
    pub(super) desk: Desk,
    pub(super) code: Code,
    pub(super) pass: Vec<u8>,
    key: Arc<SoftwareKey>,
}

impl Village {
    pub(super) async fn under(town: &Town) -> Self {
        let authorities = &town.house.authorities;
        let by = IssuedBy {
            issuer: 1,
            station: 0,
        };
        let code = Code::derive(Kind::Gateway, by, 9, &[9; 91]).unwrap();
        let key = Arc::new(SoftwareKey::ed25519(&[9; 32]));
        let settles = things().and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let pass = Pass {
            grace_s: Some(DAY_S),
            station: Some(2),
            first_sequence: Some(1),
            last_sequence: Some(1_000),
            ..pass(authorities.issuer.code(), code, &key, settles)
        };
        let pass = signed(&pass, &*authorities.issuer.signer());
        let trust = authorities.trust();
        let centre = bearings(&town.config, authorities).unwrap();
        let bearings = Bearings {
            former_keys: Default::default(),
            gateway: code,
            signer: key.clone(),
            gateway_pass: pass.clone(),
            upstream: Some(Upstream {
                trust,
                centre_pass: centre.gateway_pass.clone(),
                float_share_permille: [1_000; 3],
            }),
            ..centre
        };
        let path = town.folder.path().join("village.db");
        let ledger = Ledger::open(&path, bearings).await.unwrap();
        ledger.declare_currency(USD, 6, "US dollar").await.unwrap();
        let terms = Terms {
            float: amount(1_000_000),
            warrant_life_s: 30 * DAY_S,
            lease_life_s: 30 * DAY_S,
        };
        let admitted = town.house.ledger.admit(&trust, &pass, terms).await;
        admitted.unwrap();
        let desk = Desk {
            ledger,
            trust,
            gateway: code,
            gateway_key: key.public_key(),
            news: Arc::new(News::new(code, network(), key.clone())),
            offers: Arc::default(),
            meters: Arc::default(),
            clock: now,
        };
        Self {
            desk,
            code,
            pass,
            key,
        }
    }

    /// A thing that this gateway enrols.
    pub(super) async fn enrol(&self, seed: u8) -> Signatory {
        let ledger = &self.desk.ledger;
        let request = IssueRequest {
            secret_hash: None,
            request_hash: [seed; 32],
            kind: Kind::Device,
            name: "thing".into(),
            by: "test".into(),
            serial: [seed; 16],
        };
        let reserved = ledger.begin_issue(request, now()).await.unwrap();
        let by = IssuedBy {
            issuer: 1,
            station: 2,
        };
        let spki = vec![seed; 91];
        let code = Code::derive(Kind::Device, by, reserved.sequence, &spki).unwrap();
        let key = SoftwareKey::ed25519(&[seed; 32]);
        let thing = NewThing {
            sequence: reserved.sequence,
            code,
            kind: Kind::Device,
            name: reserved.name,
            product: String::new(),
            transport_spki: spki,
            wallet_key: key.public_key(),
            class: AssuranceClass::Software,
            certificate: vec![seed; 400],
            pass: signed(&pass(self.code, code, &key, things()), &*self.key),
        };
        ledger.finish_issue(thing, now()).await.unwrap();
        Signatory { code, key }
    }

    /// Carries every letter, and the copies of the journal, until nothing is new.
    pub(super) async fn carry(&self, town: &Town) {
        let (here, centre) = (&self.desk.ledger, &town.house.ledger);
        let centre_code = town.desk.gateway;
        for _ in 0..6 {
            here.sweep(now()).await.unwrap();
            centre.sweep(now()).await.unwrap();
            let roads = [
                (here, self.code, centre, centre_code),
                (centre, centre_code, here, self.code),
            ];
            for (from, sender, to, receiver) in roads {
                for parcel in from.parcels(&receiver, 0, 256).await.unwrap() {
                    assert_eq!(parcel.from, sender);
                    let taken = to.deliver(parcel, now()).await.unwrap();
                    from.delivered(&receiver, taken).await.unwrap();
                }
            }
            let height = centre.copied(&self.code).await.unwrap().height;
            let block = here.journal_block(height, 256).await.unwrap();
            centre.copy_block(&self.code, block).await.unwrap();
        }
    }
}

fn things() -> Rights {
    Rights::PAY.and(Rights::ACCEPT)
}

fn pass(by: Code, of: Code, key: &SoftwareKey, rights: Rights) -> Pass {
    Pass {
        issuer: Party(by),
        subject: Party(of),
        expires: now().plus_s(365 * DAY_S),
        issued: now(),
        key: Confirmation(key.public_key()),
        class: AssuranceClass::Software,
        rights,
        grace_s: None,
        station: None,
        first_sequence: None,
        last_sequence: None,
    }
}
