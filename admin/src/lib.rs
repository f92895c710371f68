//! The OneCode portal: what people see of the house.
//!
//! [`router`] turns a [`Portal`] into an axum service. Every route stands in one table,
//! [`routes::table`], with the roles it is for; one guard in front of all of them checks session,
//! role, form token and origin, so that a handler only ever sees who may be there. A page is one
//! handler file and one template of the same name; what goes wrong becomes a
//! [`refusal::Refusal`], and that becomes a page or JSON in one place.
//!
//! Every page works without scripts; the few there are show more of what the page already holds, or
//! keep it up to date by a [`Streams`] under the session.
//! Time and randomness come in through [`Portal`].
#![forbid(unsafe_code)]

mod alerts;
mod alias;
mod api;
mod assets;
mod attention;
mod batch;
mod batches;
mod coordinates;
mod counters;
mod credential;
mod deeds;
pub mod desk;
pub mod door;
mod draw;
mod enrolment;
mod evidence;
mod imports;
mod labels;
mod language;
mod mark;
mod meanings;
mod pages;
pub mod place;
mod portal;
mod pulse;
pub mod refusal;
pub mod routes;
mod scanned;
mod show;
mod statements;
mod station_desk;
mod stream;
mod tar;
mod things_desk;
mod tiles;
mod trail;

pub use alerts::{Courier, Mail, Post, Reach, Sender, Watchman};
pub use coordinates::{Axis, CoordinateError, parse_degrees};
pub use counters::{Counters, Lookup, Mistyped, Refused};
pub use desk::{
    AuthorityCard, Connected, DeskOrder, DeskRefusal, Disk, DoorLoad, IssuingDesk, LiveHouse,
    Pending,
};
pub use door::Proxies;
pub use door::oidc::{
    Admit, BACK_PATH, ClientSecret, NoAnswer, ProviderLink, RoleMap, Sso, SsoError, SsoSettings,
};
pub use portal::{FIRST_LINK_LIFE_S, Portal, Random, Shared, State, first_owner_link};
pub use pulse::{MINUTES_KEPT, Pulse, Reading};
pub use routes::router;
pub use station_desk::{Admission, ManifestTaken, Progress, StationWish, StationsDesk};
pub use stream::{STREAMS_MAX, STREAMS_PER_SESSION, Streams};
pub use things_desk::{Offer, ThingMessage, ThingsDesk, Twin, Untold};
pub use tiles::{NoTiles, Tiles};
