//! `onecode up`: the gateway, until SIGTERM or Ctrl-C.

use super::{Outcome, config, open_files};
use crate::coap::dtls::{Bounds, Credentials, Sessions, Shown};
use crate::coap::endpoint::Seed;
use crate::coap::{self, TreeResources};
use crate::config::Config;
use crate::house::{Failure, House, server_names};
use crate::mqtt::{Kept, Limits, MqttDoor, Wire, server_config};
use crate::revocation::Lists;
use crate::serving::{Doors, Serving};
use crate::tree::{Links, Tree};
use crate::trust_store::{ClientVerifier, Keeper, Trusted};
use crate::upstream::link::Exchange;
use crate::upstream::link::below::Below;
use crate::wallet::{self, now};
use crate::{courier, following, granted, heard, http, portal, provider, publishing, upstream};
use admin::{Portal, Post, Pulse, Sender, Streams, Watchman};
use clap::Args;
use issuer::{Authorities, ServerIdentity};
use ledger::Ledger;
use protocol::{Code, Kind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Between two looks at the clock while an authority takes over from another.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

/// Where the gateway works.
#[derive(Args)]
pub struct Options {
    /// Folder of keys and books; created when absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Runs until it is told to stop.
pub fn run(options: Options) -> Outcome {
    let config = config(options.config.as_deref(), options.data.as_deref())?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log_filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Whoever was taken over from stands in what things are shown, in passes and in
        // certificates: at its end all of it is opened anew, and clients connect again.
        while serve(&config).await? == Ended::Overlap {
            tracing::info!("an overlap has ended: opening again without those before");
        }
        Ok::<_, Failure>(ExitCode::SUCCESS)
    })
}

/// Why the doors were closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Somebody said so.
    Signal,
    /// An authority that was taken over from has come to its end.
    Overlap,
}

/// The sockets are taken before anything is answered, so that a taken port is said at once.
struct Sockets {
    mqtt: TcpListener,
    websocket: Option<TcpListener>,
    http: TcpListener,
    coap: UdpSocket,
    coaps: UdpSocket,
}

impl Sockets {
    async fn bind(config: &Config) -> Result<Self, Failure> {
        let taken = |key: &'static str, address: SocketAddr| {
            move |error: std::io::Error| {
                format!(
                    "{key} = \"{address}\": {error}; end whoever holds it or set another with {}",
                    variable(key)
                )
            }
        };
        let (mqtt, http) = (config.mqtt_listen, config.http_listen);
        let (coap, coaps) = (config.coap_listen, config.coaps_listen);
        let websocket = match config.mqtt_websocket_listen {
            None => None,
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(taken("mqtt.websocket_listen", address))?,
            ),
        };
        Ok(Self {
            websocket,
            mqtt: TcpListener::bind(mqtt)
                .await
                .map_err(taken("mqtt.listen", mqtt))?,
            http: TcpListener::bind(http)
                .await
                .map_err(taken("http.listen", http))?,
            coap: UdpSocket::bind(coap)
                .await
                .map_err(taken("coap.listen", coap))?,
            coaps: UdpSocket::bind(coaps)
                .await
                .map_err(taken("coap.secure_listen", coaps))?,
        })
    }
}

fn variable(key: &str) -> String {
    format!("ONECODE_{}", key.replace('.', "_").to_ascii_uppercase())
}

async fn serve(config: &Config) -> Result<Ended, Failure> {
    let limits = Limits::default();
    open_files::allow(&limits);
    let sockets = Sockets::bind(config).await?;
    let house = House::open(config).await?;
    let server = house.server(config)?;
    let tree = house.tree(config);
    let kept = Kept::open(&tree, house.sessions.clone(), now).await?;
    let said = heard::join(&tree, &house.diary).await?;
    let above = Arc::<upstream::State>::default();
    if let Some(settings) = &config.upstream {
        tree.forwarded_by(Arc::new(upstream::Forward {
            rules: settings.rules.clone(),
            outbox: house.outbox.clone(),
        }));
    }
    let exchange = exchange(config, &house, &tree);
    let below = Below::new(exchange.clone());
    tree.linked_by(Arc::clone(&below) as Arc<dyn Links>);
    let check = registry_check(house.ledger.clone());
    let (stop, stopped) = watch::channel(false);

    let mqtt = MqttDoor::new(Arc::clone(&tree), check.clone(), limits, Arc::clone(&kept));
    let lists = Lists::new(
        house.ledger.clone(),
        Arc::clone(&house.authorities),
        config.network,
        house.folder.path(),
    );
    let (authorities, withdrawn) = (Arc::clone(&house.authorities), house.folder.withdrawn());
    let keeper = Keeper::new(authorities, house.ledger.clone(), withdrawn.clone()).await?;
    let (tls_changes, tls) = watch::channel(Arc::new(tls_config(&server, keeper.trusted())?));
    let mut mqtt_serving = JoinSet::new();
    let websocket = sockets.websocket.map(|socket| (socket, Wire::WebSocket));
    for (socket, wire) in std::iter::once((sockets.mqtt, Wire::Bare)).chain(websocket) {
        mqtt_serving.spawn(Arc::clone(&mqtt).serve(
            socket,
            wire,
            tls.clone(),
            whose,
            until(stopped.clone()),
        ));
    }

    let desk = house.issuing_desk(config);
    let resources = TreeResources::new(Arc::clone(&tree), Some(Arc::clone(&desk)));
    let counters = Arc::<coap::Counters>::default();
    let coap = coap::udp::listen(
        sockets.coap,
        coap::limits::Limits::UNVERIFIED,
        resources.clone(),
        Arc::clone(&counters),
        seed()?,
    )?;
    let sessions = dtls_sessions(&server, keeper.trusted())?;
    let coaps = coap::dtls::listen(
        sockets.coaps,
        sessions,
        check,
        resources,
        Arc::clone(&counters),
        seed()?,
    )?;

    let serving = Serving::new(
        Arc::clone(&house.authorities),
        house.folder.authorities(),
        server_names(config)?,
        &server,
    );
    let shown_at = Doors {
        tls: tls_changes,
        dtls: coaps.certificates(),
        trusted: keeper.trusted(),
    };
    let shown = serving.ends();
    let serving = tokio::spawn(serving.keep(shown_at, until(stopped.clone())));

    let portal_counters = Arc::<admin::Counters>::default();
    let live: Arc<dyn admin::LiveHouse> = Arc::new(portal::House::new(
        Arc::clone(&mqtt),
        Arc::clone(&counters),
        Arc::clone(&lists),
        shown,
        house.folder.path(),
    ));
    let pulse = Arc::new(Pulse::new(house.ledger.clone(), Arc::clone(&live)));
    let streams = Arc::<Streams>::default();
    let post = Arc::new(Post::new(
        house.alerts.clone(),
        Arc::new(courier::Network::new(config)?),
        Sender {
            gateway: house.authorities.gateway.code(),
            network: config.network,
            portal: config.portal_address.clone(),
        },
    ));
    let portal = Portal {
        ledger: house.ledger.clone(),
        people: house.people.clone(),
        desk: Arc::new(portal::PortalDesk(Arc::clone(&desk))),
        live,
        things: Arc::new(portal::ThingDesk(
            Arc::clone(&tree),
            Arc::clone(&house.offers),
        )),
        diary: house.diary.clone(),
        alerts: house.alerts.clone(),
        grants: house.grants.clone(),
        post: Arc::clone(&post),
        pulse: Arc::clone(&pulse),
        streams: Arc::clone(&streams),
        stations: Arc::new(portal::StationDesk(house.stations_desk(config)?)),
        network: config.network,
        station: crate::house::plan(config)?.station(),
        resolver: config.resolver.clone(),
        tiles: config.tiles.clone(),
        sso: sso(config)?,
        proxies: config.proxies.clone(),
        clock: Arc::new(now),
        random: Arc::new(fill),
        counters: Arc::clone(&portal_counters),
        state: admin::State::default(),
    };
    let watchman = Watchman::of(&portal);
    let pages = admin::router(portal);
    let gauges = http::Gauges {
        ledger: house.ledger.clone(),
        meters: Arc::clone(&house.meters),
        mqtt: Arc::clone(mqtt.counters()),
        coap: counters,
        portal: portal_counters,
        above: (Arc::clone(&above), house.outbox.clone()),
    };
    let purses = http::wallet::WalletDoor::new(
        Arc::clone(&tree),
        house.ledger.clone(),
        Arc::clone(&house.meters),
        (config.network, house.authorities.gateway.code()),
        config.proxies.clone(),
        now,
    );
    let tree_above = Arc::clone(&tree);
    let chain = http::chain::router(house.ledger.clone(), config.known_logs.clone(), now);
    let doors = Arc::clone(&keeper);
    let granting = until(stopped.clone());
    let granting = granted::tell(Arc::clone(&tree), house.grants.clone(), granting);
    let granting = tokio::spawn(granting);
    let keeping = Arc::clone(&lists).keep(
        move |lists| {
            tree.post_lists(lists.whole.clone().into(), lists.changes.clone().into());
            doors.use_crl(&lists.crl)
        },
        until(stopped.clone()),
    );
    let keeping = tokio::spawn(keeping);
    let trusting = tokio::spawn(keeper.keep(until(stopped.clone())));
    let lists = (lists, withdrawn);
    let routes = http::router(pages, desk, chain, lists, gauges, config.network, purses);
    let served = axum::serve(
        sockets.http,
        routes.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(until(stopped.clone()));
    let upkeep = wallet::upkeep(house.ledger.clone(), until(stopped.clone()));
    let upkeep = tokio::spawn(upkeep);
    let follower = following::follow(house.ledger.clone(), until(stopped.clone()));
    let follower = tokio::spawn(follower);
    let tidying = until(stopped.clone());
    let tidying = tokio::spawn(async move { kept.keep_tidy(tidying).await });
    let writing = heard::write_down(house.diary.clone(), said, until(stopped.clone()));
    let writing = tokio::spawn(writing);
    let looking = until(stopped.clone());
    let looking = tokio::spawn(async move { pulse.keep(now, looking).await });
    let watching = until(stopped.clone());
    let watching = tokio::spawn(async move { watchman.keep(now, watching).await });
    let posting = until(stopped.clone());
    let posting = tokio::spawn(async move { post.keep(now, posting).await });
    let ends = (exchange, Arc::clone(&tree_above));
    let relaying = relay(config, &house, ends, above, until(stopped.clone()))?;
    let telling = tokio::spawn(below.keep(tree_above, until(stopped.clone())));
    let witnesses = config.witnesses.clone();
    let publisher = publishing::publish(house.ledger.clone(), witnesses, until(stopped));
    let publisher = tokio::spawn(publisher);
    let http_serving = tokio::spawn(async move { served.await });

    welcome(config, &house).await?;
    let ended = tokio::select! {
        signal = wait_for_signal() => signal.map(|()| Ended::Signal)?,
        () = overlap_ends(&house.authorities) => Ended::Overlap,
    };
    tracing::info!("stopping: answering what has begun");
    let _ = stop.send(true);
    streams.stop();
    looking.await?;
    coap.stop().await;
    coaps.stop().await;
    while let Some(served) = mqtt_serving.join_next().await {
        served?;
    }
    http_serving.await??;
    upkeep.await?;
    follower.await?;
    publisher.await?;
    keeping.await?;
    trusting.await?;
    serving.await?;
    writing.await?;
    tidying.await?;
    watching.await?;
    posting.await?;
    relaying.await?;
    telling.await?;
    granting.await?;
    house.close().await;
    Ok(ended)
}

/// Carries to and from whoever is above, where there is somebody.
fn relay(
    config: &Config,
    house: &House,
    (exchange, tree): (Exchange, Arc<Tree>),
    state: Arc<upstream::State>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let Some(settings) = config.upstream.clone() else {
        return Ok(tokio::spawn(async {}));
    };
    let rules = settings.rules.clone();
    let credentials = upstream::Credentials {
        settings,
        authorities: Arc::clone(&house.authorities),
        folder: house.folder.clone(),
        names: server_names(config)?,
    };
    let Some(centre) = house.centre() else {
        let ends = (rules, house.outbox.clone(), tree);
        return Ok(tokio::spawn(upstream::carry(
            credentials,
            ends,
            state,
            stopped,
        )));
    };
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = stopped => {}
            () = upstream::link::above::carry(exchange, centre, credentials, &state) => {}
        }
    }))
}

/// This side of every link.
fn exchange(config: &Config, house: &House, tree: &Arc<Tree>) -> Exchange {
    Exchange {
        ledger: house.ledger.clone(),
        outbox: house.outbox.clone(),
        tree: Arc::downgrade(tree),
        me: house.authorities.gateway.code(),
        network: config.network,
        signer: house.authorities.gateway.signer(),
        clock: now,
    }
}

/// Whose certificate this is: a thing's, or another gateway's.
fn whose(leaf: &[u8]) -> Option<Code> {
    issuer::gateway_identity(leaf).or_else(|| issuer::identity(leaf))
}

/// Resolves when the house is told to stop.
async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// A code whose life is over may not come in at all. A frozen one may: it has payments to hand in.
pub(crate) fn registry_check(ledger: Ledger) -> crate::mqtt::Check {
    Arc::new(move |code: Code| {
        let ledger = ledger.clone();
        Box::pin(async move {
            if code.kind() == Kind::Gateway {
                let below = ledger.peers().await;
                return below.is_ok_and(|below| below.contains(&code));
            }
            match ledger.thing(&code).await {
                Ok(Some(thing)) => !thing.state.is_over(),
                Ok(None) => false,
                Err(error) => {
                    tracing::error!(%error, %code, "the registry cannot be read");
                    false
                }
            }
        })
    })
}

/// What the TLS door shows and trusts.
pub(crate) fn tls_config(
    server: &ServerIdentity,
    trusted: Trusted,
) -> Result<rustls::ServerConfig, Failure> {
    let chain = server
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.clone()))
        .collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.key.to_vec()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = Arc::new(ClientVerifier::new(trusted, Arc::clone(&provider)));
    Ok(server_config(chain, key, clients, provider)?)
}

/// What the DTLS door shows and trusts.
pub(crate) fn dtls_sessions(
    server: &ServerIdentity,
    trusted: Trusted,
) -> Result<Sessions, Failure> {
    let shown = Shown::of(server)?;
    let credentials = Credentials { shown, trusted };
    Ok(Sessions::new(&credentials, Bounds::default())?)
}

/// Where message ids and waiting times of a door begin.
fn seed() -> Result<Seed, Failure> {
    let (mut dice, mut echo) = ([0; 8], [0; 16]);
    getrandom::fill(&mut dice)?;
    getrandom::fill(&mut echo)?;
    let dice = u64::from_be_bytes(dice);
    Ok(Seed { dice, echo })
}

/// Randomness for sessions and links; without any there is no going on.
#[expect(
    clippy::panic,
    reason = "a session id from a broken source would be guessable"
)]
fn fill(buffer: &mut [u8]) {
    if getrandom::fill(buffer).is_err() {
        panic!("the operating system gives no randomness");
    }
}

/// The provider that people may sign in by. Its secret is read at the start, so that a file that is
/// missing is found then and not at the first sign-in.
fn sso(config: &Config) -> Result<Option<Arc<admin::Sso>>, Failure> {
    let Some(mut settings) = config.sso.clone() else {
        return Ok(None);
    };
    if let Some(file) = &config.sso_secret_file {
        settings.client_secret = Some(provider::secret(file)?);
    }
    let link = Arc::new(provider::Network::default());
    Ok(Some(Arc::new(admin::Sso::new(settings, link))))
}

/// Says where everything is, and how the first administrator comes in.
async fn welcome(config: &Config, house: &House) -> Result<(), Failure> {
    let portal = &config.portal_address;
    println!("OneCode gateway {:#}", house.authorities.gateway.code());
    println!("  network        {}", config.network.as_str());
    println!("  folder         {}", house.folder.path().display());
    println!("  MQTT (TLS)     {}", config.mqtt_listen);
    if let Some(address) = config.mqtt_websocket_listen {
        println!("  MQTT (WSS)     {address}, path /mqtt");
    }
    println!("  CoAP (DTLS)    {}", config.coaps_listen);
    println!(
        "  CoAP (plain)   {}, signed wallet objects and discovery only",
        config.coap_listen
    );
    println!("  portal         {portal}");
    println!("  trust file     {}", house.folder.trust().display());
    if let Some(path) = admin::first_owner_link(&house.people, &fill, now()).await? {
        println!("  first administrator: open {portal}{path} (works once, for a day)");
    }
    Ok(())
}

/// Resolves when somebody who was taken over from counts no more.
async fn overlap_ends(authorities: &Authorities) {
    let above = authorities.former.iter().map(|former| former.ends);
    // One that has ended was over when the folder was opened.
    let keys = authorities
        .former_keys
        .iter()
        .filter(|former| former.key.is_some());
    let first = above.chain(keys.map(|former| former.said.ends)).min();
    let Some(ends) = first else {
        return std::future::pending().await;
    };
    // The clock may be set meanwhile.
    while now() < ends {
        tokio::time::sleep(LOOK_AT_CLOCK).await;
    }
}

async fn wait_for_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
