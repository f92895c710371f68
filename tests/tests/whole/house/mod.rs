//! The house's own rules, checked on the tree itself.

mod arrows;
mod documents;
mod files;
mod libraries;
mod tree;
