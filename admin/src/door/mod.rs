//! Who is let in: secrets, passwords, codes of apps, cookies, the throttle and rates, proxies in front,
//! and the guard in front of every route.

mod cookie;
mod guard;
pub mod oidc;
pub mod password;
mod proxy;
pub mod rate;
pub mod secret;
mod sent;
pub mod throttle;
pub mod totp;
mod upload;
mod visitor;

pub use cookie::Jar;
pub use guard::{BODY_MAX, guard, headers};
pub use proxy::{NoProxies, Proxies};
pub use sent::{Fields, Sent};
pub use upload::{FILE_MAX, Spooled, UPLOAD_MAX, Upload};
pub use visitor::{Actor, Caller, Seed, Visitor, Who};
