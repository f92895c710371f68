//! The OneCode gateway: MQTT, CoAP and HTTP doors in one binary.

pub mod config;
pub mod folder;
pub mod house;
pub mod http;
pub mod inbox;
pub mod issuing;
pub mod meters;
pub mod mqtt;
pub mod tree;
pub mod trust_file;
pub mod wallet;
