//! Several gateways and a centre, each with its own books.
//!
//! ```text
//!   things      things
//!     |           |
//!  gateway     gateway        hand-in, allowances within lease and float, relays
//!      \         /
//!        centre               floats, leases, routes, copies of journals, watermarks
//! ```
//!
//! Every gateway writes letters to its centre and the centre to every gateway ([`Letter`]). They
//! wait in durable outboxes and are carried by [`Parcel`]s over any link: see the `post` module for
//! why a link may lose, repeat and reorder them. The driving contract:
//!
//! 1. [`Ledger::parcels`](crate::Ledger::parcels) says what waits for a peer;
//! 2. [`Ledger::deliver`](crate::Ledger::deliver) there takes it, and says how far it has come;
//! 3. [`Ledger::delivered`](crate::Ledger::delivered) here forgets what was taken;
//! 4. [`Ledger::journal_block`](crate::Ledger::journal_block) goes up to
//!    [`Ledger::copy_block`](crate::Ledger::copy_block) in the same way, with a height for a number;
//! 5. [`Ledger::sweep`](crate::Ledger::sweep) is called from time to time on both sides.
//!
//! A ledger without [`Upstream`] and without gateways under it takes no part in any of this.

mod conservation;
mod copies;
pub(crate) mod credits;
pub(crate) mod floats;
mod handed;
mod handle;
pub(crate) mod hooks;
mod keys;
pub(crate) mod leases;
mod letter;
pub(crate) mod losses;
pub(crate) mod moves;
mod post;
pub(crate) mod relays;
pub mod rules;
pub(crate) mod store;
mod sweep;
pub(crate) mod terms;
mod withdrawals;

pub use conservation::{Books, conserved};
pub use copies::Block;
pub use handle::{Home, RelayOrder};
pub use letter::{LETTER_MAX, Letter};
pub use moves::Moving;
pub use post::{Parcel, Taken};
pub use terms::{Terms, Upstream};
pub use withdrawals::WithdrawalState;

use crate::bearings::Bearings;
use crate::error::{Error, OpenError};
use crate::store::Connection;
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, KeyEpoch, Network, PublicKey};
use terms::Place;

/// The key of a thing that another station enrolled and that is, or was, at home here.
pub(crate) async fn guest_key(
    connection: &mut Connection,
    code: &Code,
    network: &Network,
) -> Result<Vec<PublicKey>, Error> {
    let pass = store::homes::pass_of(connection, code).await?;
    // Checked before it was kept.
    let pass = pass.and_then(|pass| open::<Pass>(&pass, network).ok().map(|pass| *pass.peek()));
    Ok(pass.into_iter().map(|pass| pass.key.0).collect())
}

/// The books are opened: their place among others, and a new epoch where the gateway was restored.
pub(crate) async fn opened(
    connection: &mut Connection,
    bearings: &Bearings,
    epoch_before: Option<KeyEpoch>,
) -> Result<Place, OpenError> {
    use store::peers;
    if epoch_before.is_some_and(|before| before < bearings.gateway_epoch) {
        peers::renumber(connection).await?;
    }
    if let Some(upstream) = &bearings.upstream {
        let pass = &upstream.centre_pass;
        let centre = upstream.trust.centre(&bearings.issuer_pass, pass);
        let centre = centre.map_err(|_| OpenError::Centre)?.get().subject.0;
        peers::keep(connection, &centre, pass, true, None).await?;
        return Ok(Place::Under(centre));
    }
    let linked = peers::peers(connection).await?;
    Ok(match linked.iter().any(|peer| peer.linked) {
        true => Place::Centre,
        false => Place::Alone,
    })
}
