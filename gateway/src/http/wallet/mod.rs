//! The wallet door over HTTP, for purses in browsers: no certificate and no cookie, but a call that
//! the wallet key has signed for this gateway, this moment and this one message
//! (docs/protocol.md, 11.5).

mod bounds;
#[cfg(test)]
mod tests;

use crate::coap::inbox_page::{self, ARRAY, BYTES, UNSIGNED, head};
use crate::meters::Meters;
use crate::tree::{Caller, Declined, Door, Peer, Tree};
use admin::Proxies;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use bounds::{Bounds, Unanswered};
use ledger::Ledger;
use protocol::cose::{SIGNED_MAX, Verified, open};
use protocol::message::MESSAGE_MAX;
use protocol::objects::WalletCall;
use protocol::{Code, Digest, Network, Status, Timestamp};
use sha2::Digest as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// A call, the largest message, and the frame around them.
const BODY_MAX: usize = SIGNED_MAX + MESSAGE_MAX + 16;
/// Entries of the inbox in one answer, and their bytes; one entry always fits.
const ENTRIES_MAX: u32 = 32;
const ENTRIES_BYTES: usize = 16 * 1024;
/// When to come again after [`Status::Busy`].
const WAIT_S: u16 = 30;
const CBOR: &str = "application/cbor";

/// What the door asks.
pub struct WalletDoor {
    tree: Arc<Tree>,
    ledger: Ledger,
    meters: Arc<Meters>,
    network: Network,
    gateway: Code,
    proxies: Proxies,
    clock: fn() -> Timestamp,
    bounds: Mutex<Bounds>,
}

impl WalletDoor {
    /// A door that opens now.
    pub fn new(
        tree: Arc<Tree>,
        ledger: Ledger,
        meters: Arc<Meters>,
        (network, gateway): (Network, Code),
        proxies: Proxies,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            tree,
            ledger,
            meters,
            network,
            gateway,
            proxies,
            clock,
            bounds: Mutex::new(Bounds::new(clock())),
        }
    }

    /// Runs `with` on what is remembered. A poisoned lock is taken over: counts are all it holds.
    fn bounds<T>(&self, with: impl FnOnce(&mut Bounds) -> T) -> T {
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut bounds)
    }

    /// Who calls, if everything about the call is in order; it is never in order again.
    async fn caller(
        &self,
        path: &str,
        call: &[u8],
        message: &[u8],
        now: Timestamp,
    ) -> Result<WalletCall, Status> {
        let call = open::<WalletCall>(call, &self.network)?;
        let said = *call.peek();
        if path.parse() != Ok(said.code) || said.gateway != self.gateway {
            return Err(Status::NotForYou);
        }
        if said.message != Digest(sha2::Sha256::digest(message).into()) {
            return Err(Status::NotForYou);
        }
        if !self.bounds(|bounds| bounds.is_of_now(said.time, now)) {
            return Err(Status::Expired);
        }
        let thing = self.ledger.thing(&said.code).await;
        let thing = thing.map_err(|_| Status::Storage)?;
        // A frozen one may come in: it has payments to hand in.
        if thing.ok_or(Status::UnknownCode)?.state.is_over() {
            return Err(Status::NotPermitted);
        }
        let keys = self.ledger.wallet_keys(&said.code).await;
        let keys = keys.map_err(|_| Status::Storage)?;
        // The first one is the current one.
        let call: Verified<'_, WalletCall> =
            call.verify(keys.first().ok_or(Status::UnknownCode)?)?;
        let taken = self.bounds(|bounds| bounds.take(call.id(), said.code, said.time, now));
        taken.map_err(|unanswered| match unanswered {
            Unanswered::Stale => Status::Expired,
            Unanswered::Busy => Status::Busy,
        })?;
        Ok(said)
    }

    /// What a call is answered: the answer to its message, what waits in its inbox, what it holds.
    async fn answer(&self, said: &WalletCall, message: Bytes) -> Result<Vec<u8>, Status> {
        let caller = Caller {
            code: said.code,
            door: Door::Http,
        };
        if said.after > 0 {
            let taken = self.tree.inbox_acknowledge(&caller, said.after).await;
            taken.map_err(|refusal| refusal.status())?;
        }
        let answer = if message.is_empty() {
            self.tree.synchronise(&caller).await;
            Bytes::new()
        } else {
            let handled = self.tree.wallet(Some(caller), Peer::Gateway, message).await;
            match handled {
                Ok(answer) => answer.unwrap_or_default(),
                Err(refusal) => refusal.message(),
            }
        };
        let waiting = self.tree.inbox_next(&caller, said.after, ENTRIES_MAX).await;
        let waiting = waiting.map_err(|refusal| refusal.status())?;
        let mut out = Vec::new();
        head(&mut out, ARRAY, 3);
        head(&mut out, BYTES, answer.len() as u64);
        out.extend_from_slice(&answer);
        out.append(&mut inbox_page::page(&waiting, ENTRIES_BYTES));
        self.holdings(&said.code, &mut out).await?;
        Ok(out)
    }

    /// An entry for every currency the code has ever held.
    async fn holdings(&self, code: &Code, out: &mut Vec<u8>) -> Result<(), Status> {
        let views = self.ledger.purse(code).await;
        let views = views.map_err(|_| Status::Storage)?;
        head(out, ARRAY, views.len() as u64);
        for view in &views {
            head(out, ARRAY, 4);
            head(out, BYTES, view.row.currency.as_bytes().len() as u64);
            out.extend_from_slice(view.row.currency.as_bytes());
            for amount in [view.row.free, view.row.reserved, view.incoming] {
                head(out, UNSIGNED, amount.get());
            }
        }
        Ok(())
    }
}

/// `POST /1/<CODE>/wallet`.
pub fn router(door: WalletDoor) -> Router {
    Router::new()
        .route("/1/{code}/wallet", post(call))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(door))
}

async fn call(
    State(door): State<Arc<WalletDoor>>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = (door.clock)();
    let from = door
        .proxies
        .origin(from.map(|from| from.0.0.ip()), &headers);
    let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    if !door.bounds(|bounds| bounds.is_heard(from, now)) {
        return refused(&door, Status::Busy);
    }
    let Some((call, message)) = read(&body) else {
        door.bounds(|bounds| bounds.called_wrongly(from, now));
        return refused(&door, Status::Malformed);
    };
    let said = match door.caller(&code, call, message, now).await {
        Ok(said) => said,
        Err(status) => {
            if !matches!(status, Status::Busy | Status::Storage) {
                door.bounds(|bounds| bounds.called_wrongly(from, now));
            }
            tracing::warn!(%status, code, "wallet call refused");
            return refused(&door, status);
        }
    };
    match door.answer(&said, body.slice_ref(message)).await {
        Ok(answer) => ([(header::CONTENT_TYPE, CBOR)], answer).into_response(),
        Err(status) => refused(&door, status),
    }
}

/// The call and the message: a deterministic CBOR array of two byte strings.
fn read(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = minicbor::Decoder::new(body);
    (from.array().ok()? == Some(2)).then_some(())?;
    let (call, message) = (from.bytes().ok()?, from.bytes().ok()?);
    let mut again = Vec::with_capacity(body.len());
    head(&mut again, ARRAY, 2);
    for part in [call, message] {
        head(&mut again, BYTES, part.len() as u64);
        again.extend_from_slice(part);
    }
    (again == body && message.len() <= MESSAGE_MAX).then_some((call, message))
}

/// The refusal as a wallet message. `Date` tells the caller what time it is here.
fn refused(door: &WalletDoor, status: Status) -> Response {
    door.meters.count(status);
    let http = match status {
        Status::Malformed => StatusCode::BAD_REQUEST,
        Status::UnknownCode => StatusCode::NOT_FOUND,
        Status::Busy => StatusCode::TOO_MANY_REQUESTS,
        Status::Storage | Status::Full => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let message = Declined::from(status).message();
    let mut response = (http, [(header::CONTENT_TYPE, CBOR)], message).into_response();
    if status == Status::Busy {
        let again = HeaderValue::from(WAIT_S);
        response.headers_mut().insert(header::RETRY_AFTER, again);
    }
    response
}
