//! What the portal asks of the doors about one thing: what it says right now, what it is, and that
//! it be told something.

use crate::desk::Pending;
use futures_util::stream::BoxStream;
use protocol::{Code, Timestamp};

/// Something that a thing said, or that it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThingMessage {
    /// By which door it came in; none when the house itself says it.
    pub door: Option<&'static str>,
    /// Where in its branch, such as `t/temperature`.
    pub place: String,
    /// What, byte for byte.
    pub payload: Vec<u8>,
    /// Whether it stays as the newest of its place.
    pub retain: bool,
    /// Messages before it that were too many to be shown.
    pub missed: u64,
}

/// What a thing says it is, and shall become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twin {
    /// What it says it is.
    pub reported: Option<Vec<u8>>,
    /// What it shall become.
    pub desired: Option<Vec<u8>>,
    /// Its status, or its last will.
    pub status: Option<Vec<u8>>,
}

/// What a thing asks for in public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its invoice message, as wallets read it.
    pub message: Vec<u8>,
    /// The same as texts of QR codes, in their order.
    pub frames: Vec<String>,
}

/// Why a thing was not told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It is too long.
    TooLarge,
    /// No room for it.
    Full,
}

/// The doors, as far as one thing is concerned.
pub trait ThingsDesk: Send + Sync + 'static {
    /// Everything that is said in the branch of a thing from now on; `None` when there is no room
    /// for another who listens.
    fn listen(&self, code: Code) -> Pending<Option<BoxStream<'static, ThingMessage>>>;

    /// The open invoice that it put up, if there is one.
    fn offer(&self, code: &Code, now: Timestamp) -> Option<Offer>;

    /// What is retained of it.
    fn twin(&self, code: &Code) -> Twin;

    /// Tells it what it shall become: now, and whenever it comes. Empty takes that back.
    fn set_desired(&self, code: Code, payload: Vec<u8>) -> Pending<Result<(), Untold>>;

    /// Tells it to do something. Who is away does not hear it.
    fn command(&self, code: Code, number: i64, payload: Vec<u8>) -> Pending<Result<(), Untold>>;
}
