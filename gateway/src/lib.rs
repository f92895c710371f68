//! The OneCode gateway: MQTT, CoAP and HTTP doors in one binary.

pub mod mqtt;
pub mod tree;
