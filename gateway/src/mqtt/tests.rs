//! The door as clients meet it.
