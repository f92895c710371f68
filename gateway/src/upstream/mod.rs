//! What is above this gateway: a broker by others, to and from which rules map telemetry, or
//! another gateway, to which a [`link`] carries all that must reach it.
//!
//! ```text
//! things -> tree -> [Upstream] rules -> outbox (durable) -> outward  -> broker
//!           tree <---------------------- rules <----------- inward   <-
//! ```
//!
//! [`rules`] and [`flight`] are pure; [`outward`] and [`inward`] drive rumqttc, each with a connection
//! of its own: what is sent begins anew with every process, what is subscribed to must not. The
//! outbox is the durable side, rumqttc's own queue is not: it loses what it holds when a broker has
//! forgotten a session.

mod address;
mod flight;
mod forward;
mod inward;
pub mod link;
mod outward;
pub mod rules;
mod state;
mod wire;

pub use address::Broker;
pub use forward::Forward;
pub use rules::Rules;
pub use state::State;
pub use wire::{Credentials, reach};

use crate::tree::Tree;
use ledger::outbox::Outbox;
use std::path::PathBuf;
use std::sync::Arc;

/// What the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it is.
    pub broker: Broker,
    /// What goes where.
    pub rules: Rules,
    /// Who signed the broker's certificate, PEM; the network's own root when there is none.
    pub trusted_file: Option<PathBuf>,
    /// Name, and a file with its password.
    pub user: Option<(String, PathBuf)>,
}

/// Carries both ways until `stopped` resolves.
pub async fn carry(
    credentials: Credentials,
    (rules, outbox, tree): (Rules, Outbox, Arc<Tree>),
    state: Arc<State>,
    stopped: impl Future<Output = ()>,
) {
    let outward = outward::carry(&credentials, &outbox, &state);
    let inward = inward::carry(&credentials, &rules, &tree, &state);
    tokio::select! {
        () = stopped => {}
        () = outward => {}
        () = inward => {}
    }
}
