//! The CoAP doors.
pub mod endpoint;
pub mod limits;
pub mod request;
