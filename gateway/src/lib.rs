//! What OneCode speaks: the MQTT, CoAP and HTTP doors, the tree they share, and the `onecode`
//! command.
//!
//! The doors know the wire and who is calling; [`tree`] knows who may do what; [`wallet`] checks
//! signatures; the ledger decides and records. An answer leaves a door only after what it answers
//! for is durable. [`house`] opens all of it on one folder, [`command::up`] serves it.

pub mod coap;
pub mod command;
pub mod config;
pub mod courier;
pub mod demo;
pub mod folder;
pub mod following;
pub mod granted;
pub mod heard;
pub mod house;
pub mod http;
pub mod inbox;
pub mod issuing;
pub mod meters;
pub mod mqtt;
pub mod portal;
pub mod provider;
pub mod publishing;
pub mod revocation;
pub mod serving;
pub mod stations;
pub mod terms;
pub mod thing_folder;
pub mod tree;
pub mod trust_file;
pub mod trust_store;
pub mod upstream;
pub mod wallet;
pub mod withdrawn;
