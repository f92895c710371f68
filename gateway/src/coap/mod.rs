//! The CoAP doors: coaps on 5684 for things with a certificate, plain UDP on 5683 for signed wallet
//! objects and discovery.
//!
//! ```text
//! datagram --dtls::Sessions--> message --Endpoint--> request --Resources--> tree
//!                 (5684)                 pure: CON, duplicates, blocks, Observe
//! ```
//!
//! [`endpoint::Endpoint`] and [`dtls::Sessions`] have neither sockets nor clocks; [`udp`] and
//! [`dtls`] drive them. A 2.04 leaves only after the tree has said that it is done.

mod commands;
mod counters;
mod description;
mod directory;
mod discovery;
pub mod dtls;
pub mod endpoint;
mod est;
mod formats;
pub(crate) mod inbox_page;
pub mod limits;
mod links;
pub mod request;
pub mod resource;
mod service;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
pub mod udp;

pub use counters::{Counters, Reason};
pub use tree::TreeResources;

use futures_util::future::BoxFuture;
use protocol::Code;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Asks the registry whether a code may be connected now.
pub type Check = Arc<dyn Fn(Code) -> BoxFuture<'static, bool> + Send + Sync>;

/// Orders that wait for a door.
const ORDERS_WAITING: usize = 64;

/// Orders to the task that owns a door's socket.
#[derive(Debug)]
pub(crate) enum Order {
    Revoke(Code),
    Show(dtls::Shown),
    Stop,
}

/// An open door. Dropping it closes the door without a word.
pub struct Listening {
    local: SocketAddr,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

impl Listening {
    fn new<F>(local: SocketAddr, run: impl FnOnce(mpsc::Receiver<Order>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (orders, inbox) = mpsc::channel(ORDERS_WAITING);
        Self {
            local,
            orders,
            task: tokio::spawn(run(inbox)),
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Ends the sessions of a code that was frozen or revoked.
    pub async fn revoke(&self, code: Code) {
        let _ = self.orders.send(Order::Revoke(code)).await;
    }

    /// A way to give it another certificate while it is open.
    pub fn certificates(&self) -> dtls::ShownTo {
        dtls::ShownTo::new(self.orders.clone())
    }

    /// Answers what has begun, says good-bye to everybody and closes the door.
    pub async fn stop(mut self) {
        let _ = self.orders.send(Order::Stop).await;
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
