//! A CoAP client.
pub mod block;
pub mod wire;
