//! What the portal is made of.

use crate::alerts::Post;
use crate::api::keyed::UnderWay;
use crate::attention::Rooms;
use crate::counters::Counters;
use crate::desk::{IssuingDesk, LiveHouse};
use crate::door::Proxies;
use crate::door::oidc::Sso;
use crate::door::password::Passwords;
use crate::door::rate::{Calls, Scans};
use crate::door::secret::Secret;
use crate::door::throttle::Throttle;
use crate::imports::Imports;
use crate::pulse::Pulse;
use crate::station_desk::StationsDesk;
use crate::stream::Streams;
use crate::things_desk::ThingsDesk;
use crate::tiles::Tiles;
use ledger::Ledger;
use ledger::alerts::Alerts;
use ledger::diary::Diary;
use ledger::grants::Grants;
use ledger::people::{Act, Error, People, Role, Roles, TokenId};
use protocol::code::IssuedBy;
use protocol::{Network, Timestamp};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Notify;

/// How long the first administrator's link is good.
pub const FIRST_LINK_LIFE_S: u32 = 24 * 3_600;

/// A portal as its handlers share it.
pub type Shared = Arc<Portal>;

/// Fills a buffer with randomness nobody can guess.
pub type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// Everything the portal needs, brought by whoever runs it.
pub struct Portal {
    /// The books.
    pub ledger: Ledger,
    /// Accounts, sessions and the audit trail.
    pub people: People,
    /// Issues codes.
    pub desk: Arc<dyn IssuingDesk>,
    /// Admits stations, orders from them, takes what they bring.
    pub stations: Arc<dyn StationsDesk>,
    /// Knows who is there.
    pub live: Arc<dyn LiveHouse>,
    /// Knows what things say, and tells them what they shall do.
    pub things: Arc<dyn ThingsDesk>,
    /// What things said lately, and were told.
    pub diary: Diary,
    /// Who is told when something needs attention, and the letters about it.
    pub alerts: Alerts,
    /// Who may read what things say.
    pub grants: Grants,
    /// Has these letters carried.
    pub post: Arc<Post>,
    /// How the house is doing, and has been lately.
    pub pulse: Arc<Pulse>,
    /// Pages that are kept up to date; stopped before the house is taken down.
    pub streams: Arc<Streams>,
    /// Which network this is.
    pub network: Network,
    /// Whose grid codes are issued here.
    pub station: IssuedBy,
    /// Host and port that printed codes point to.
    pub resolver: String,
    /// Where the map gets pictures of the ground; `None`: coastlines alone.
    pub tiles: Option<Tiles>,
    /// The provider that people may sign in by; `None`: by name and password alone.
    pub sso: Option<Arc<Sso>>,
    /// What stands in front. Over TLS cookies are bound to the host.
    pub proxies: Proxies,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Where secrets come from.
    pub random: Arc<Random>,
    /// What is counted, for whoever runs the house.
    pub counters: Arc<Counters>,
    /// The portal's own state; starts out as `Default::default()`.
    pub state: State,
}

/// What the portal keeps in memory.
#[derive(Default)]
pub struct State {
    throttle: Mutex<Throttle>,
    passwords: OnceLock<Passwords>,
    imports: Arc<Imports>,
    calls: Mutex<Calls<TokenId>>,
    scans: Mutex<Scans>,
    under_way: Arc<UnderWay>,
    batches: Arc<Notify>,
}

impl Portal {
    /// Where what is known of the house stands.
    pub(crate) fn rooms(&self) -> Rooms<'_> {
        Rooms {
            ledger: &self.ledger,
            diary: &self.diary,
            desk: &*self.desk,
            live: &*self.live,
            alerts: &self.alerts,
        }
    }

    /// What people call the provider that they may sign in by.
    pub(crate) fn provider_name(&self) -> Option<String> {
        self.sso.as_ref().map(|sso| sso.settings.name.clone())
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        self.state.passwords.get_or_init(|| {
            let mut seed = [0; 32];
            (self.random)(&mut seed);
            Passwords::new(&seed)
        })
    }

    /// Manifests that are being taken.
    pub(crate) fn imports(&self) -> &Arc<Imports> {
        &self.state.imports
    }

    /// Wakes who works batches off.
    pub(crate) fn batches(&self) -> Arc<Notify> {
        Arc::clone(&self.state.batches)
    }

    /// Calls that are being carried out under a key.
    pub(crate) fn under_way(&self) -> &Arc<UnderWay> {
        &self.state.under_way
    }

    /// Runs `with` on the throttle.
    pub(crate) fn throttle<T>(&self, with: impl FnOnce(&mut Throttle) -> T) -> T {
        on(&self.state.throttle, with)
    }

    /// Runs `with` on what tokens have called lately.
    pub(crate) fn calls<T>(&self, with: impl FnOnce(&mut Calls<TokenId>) -> T) -> T {
        on(&self.state.calls, with)
    }

    /// Runs `with` on what strangers have looked up lately.
    pub(crate) fn scans<T>(&self, with: impl FnOnce(&mut Scans) -> T) -> T {
        on(&self.state.scans, with)
    }

    /// Whether browsers reach this portal over TLS.
    pub(crate) fn tls(&self) -> bool {
        self.proxies.speak_tls()
    }
}

/// A poisoned lock is taken over: counts are all it holds.
fn on<S, T>(state: &Mutex<S>, with: impl FnOnce(&mut S) -> T) -> T {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    with(&mut state)
}

/// While nobody has an account: the path that makes the first owner, good once and for
/// [`FIRST_LINK_LIFE_S`]. Show it to whoever started the house, nobody else.
pub async fn first_owner_link(
    people: &People,
    random: &dyn Fn(&mut [u8]),
    now: Timestamp,
) -> Result<Option<String>, Error> {
    if !people.is_empty().await? {
        return Ok(None);
    }
    let secret = Secret::draw(random);
    let act = Act {
        who: "the console",
        what: "link made",
        about: "first owner",
        origin: "console",
    };
    let roles = Roles::of(&[Role::Owner]);
    people
        .add_link(secret.hash(), roles, FIRST_LINK_LIFE_S, &act, now)
        .await?;
    Ok(Some(format!("/welcome/{}", secret.reveal())))
}
