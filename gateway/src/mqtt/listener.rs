//! Accepts, authenticates, and keeps those who do not get on with it from being in the way.

use super::{Limits, MqttDoor, counters::Reason, websocket};
use protocol::Code;
use rustls::ServerConfig;
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Which code a certificate (DER) names; it has been verified before.
pub type Identity = fn(&[u8]) -> Option<Code>;

/// Pause after accept failed, such as for want of file descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;
/// How long sessions may take to end when the door closes.
const DRAIN_MS: u64 = 5_000;

/// What is spoken inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// MQTT.
    Bare,
    /// MQTT in messages of WebSocket.
    WebSocket,
}

/// Who is at the door and who is in.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    state: Mutex<CrowdState>,
}

#[derive(Debug, Default)]
struct CrowdState {
    /// Those who have not finished CONNECT, oldest first.
    half_open: VecDeque<HalfOpen>,
    number: u64,
    inside: usize,
    inside_by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct HalfOpen {
    number: u64,
    address: IpAddr,
    leave: oneshot::Sender<()>,
}

/// A place among the half open and then among those inside; given back when dropped.
#[derive(Debug)]
struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
    number: u64,
    inside: bool,
}

impl MqttDoor {
    /// Serves TLS connections until `shutdown`, then ends the sessions. Each connection takes the
    /// newest configuration of `tls`, so certificates and revocation lists change without a restart.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        wire: Wire,
        tls: watch::Receiver<Arc<ServerConfig>>,
        identity: Identity,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an mqtt connection failed");
                    }
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            };
            let (place, evicted) = self.crowd.come(&self.limits, peer.ip());
            let config = Arc::clone(&tls.borrow());
            let door = Arc::clone(&self);
            connections.spawn(async move {
                tokio::select! {
                    () = door.connection(stream, (wire, config), identity, place) => {}
                    // An open connection can no longer be evicted, and this branch is off.
                    Ok(()) = evicted => {
                        door.refuse_connection(peer.ip(), Reason::HalfOpenEvicted, None);
                    }
                }
            });
        }
        drop(listener);
        self.live.stop_all(Reason::ShuttingDown);
        let drained = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(Duration::from_millis(DRAIN_MS), drained).await;
        connections.shutdown().await;
    }

    async fn connection(
        &self,
        stream: TcpStream,
        (wire, config): (Wire, Arc<ServerConfig>),
        identity: Identity,
        mut place: Place,
    ) {
        let address = place.address;
        let _ = stream.set_nodelay(true);
        let deadline = Duration::from_millis(self.limits.open_deadline_ms);
        let stream = match timeout(deadline, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                return self.refuse_connection(address, Reason::HandshakeFailed, Some(&error));
            }
            Err(_) => return self.refuse_connection(address, Reason::HandshakeTimeout, None),
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let leaf = certificates.and_then(|chain| chain.first());
        let Some(code) = leaf.and_then(|leaf| identity(leaf)) else {
            return self.refuse_connection(address, Reason::NoIdentity, None);
        };
        if let Err(reason) = place.enter(&self.limits) {
            return self.refuse_connection(address, reason, None);
        }
        let settle = || place.settle();
        match wire {
            Wire::Bare => {
                self.session(stream, code, settle).await;
            }
            Wire::WebSocket => {
                let accepting = websocket::accept(stream, self.limits.packet_bytes);
                match timeout(deadline, accepting).await {
                    Ok(Ok(socket)) => {
                        self.session(socket, code, settle).await;
                    }
                    Ok(Err(error)) => {
                        self.refuse_connection(address, Reason::NotWebSocket, Some(&error));
                    }
                    Err(_) => self.refuse_connection(address, Reason::HandshakeTimeout, None),
                }
            }
        }
    }

    fn refuse_connection(&self, address: IpAddr, reason: Reason, error: Option<&io::Error>) {
        self.counters.count(reason);
        let error = error.map(tracing::field::display);
        tracing::debug!(%address, reason = reason.word(), error, "mqtt connection refused");
    }
}

impl Crowd {
    /// Lets somebody try. Where too many are trying already, the oldest of the address that has most
    /// of them has to go: a good client is done long before its turn comes, and shares its address
    /// with few.
    fn come(self: &Arc<Self>, limits: &Limits, address: IpAddr) -> (Place, oneshot::Receiver<()>) {
        let mut state = self.state();
        let same = state
            .half_open
            .iter()
            .filter(|half| half.address == address);
        if same.count() >= limits.half_open_per_address {
            let oldest = state
                .half_open
                .iter()
                .position(|half| half.address == address);
            state.evict(oldest);
        } else if state.half_open.len() >= limits.half_open {
            let oldest = state.oldest_of_the_most();
            state.evict(oldest);
        }
        let (leave, evicted) = oneshot::channel();
        state.number += 1;
        let number = state.number;
        state.half_open.push_back(HalfOpen {
            number,
            address,
            leave,
        });
        let place = Place {
            crowd: Arc::clone(self),
            address,
            number,
            inside: false,
        };
        (place, evicted)
    }

    fn state(&self) -> MutexGuard<'_, CrowdState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CrowdState {
    /// The oldest half open connection of the address that has most of them.
    fn oldest_of_the_most(&self) -> Option<usize> {
        let mut count = HashMap::<IpAddr, usize>::new();
        for half in &self.half_open {
            *count.entry(half.address).or_default() += 1;
        }
        let most = count.values().max().copied()?;
        let crowded = |half: &HalfOpen| count.get(&half.address) == Some(&most);
        self.half_open.iter().position(crowded)
    }

    fn evict(&mut self, at: Option<usize>) {
        if let Some(half) = at.and_then(|at| self.half_open.remove(at)) {
            let _ = half.leave.send(());
        }
    }
}

impl Place {
    /// Authenticated: counts as a session from now on.
    fn enter(&mut self, limits: &Limits) -> Result<(), Reason> {
        let mut state = self.crowd.state();
        if state.inside >= limits.sessions {
            return Err(Reason::TooManyConnections);
        }
        let here = state.inside_by_address.entry(self.address).or_default();
        if *here >= limits.sessions_per_address {
            return Err(Reason::TooManyFromAddress);
        }
        *here += 1;
        state.inside += 1;
        self.inside = true;
        Ok(())
    }

    /// CONNECT is done: nothing to hurry about any more.
    fn settle(&self) {
        let mut state = self.crowd.state();
        state.half_open.retain(|half| half.number != self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.crowd.state();
        state.half_open.retain(|half| half.number != self.number);
        if self.inside {
            state.inside -= 1;
            if let Some(here) = state.inside_by_address.get_mut(&self.address) {
                *here -= 1;
                if *here == 0 {
                    state.inside_by_address.remove(&self.address);
                }
            }
        }
    }
}
