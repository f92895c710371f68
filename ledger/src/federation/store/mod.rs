//! The tables of the federation: one file each for peers, homes, losses of homes, floats,
//! credits, relays, copies.

pub(crate) mod copies;
pub(crate) mod credits;
pub(crate) mod floats;
pub(crate) mod homes;
pub(crate) mod losses;
pub(crate) mod peers;
pub(crate) mod relays;
