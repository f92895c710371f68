//! The OneCode portal.
