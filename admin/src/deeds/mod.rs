//! What people do on pages and programs do by calls, done in one way: read by whoever asks, carried
//! out here, and written into the audit trail however it ends.

pub mod alerts;
pub mod batches;
pub mod codes;
pub mod money;
pub mod pending;
pub mod people;
pub mod places;
pub mod readers;
pub mod stations;
pub mod things;
