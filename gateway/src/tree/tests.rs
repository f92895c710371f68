//! What every door relies on.
