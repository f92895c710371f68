//! Pictures as path data: numbers only, so that a template can set them without trusting them.

mod cell;
pub mod chart;
pub mod layers;
mod qr;

pub use cell::Cell;
pub use chart::Chart;
pub use qr::{Qr, code_uri, grid_uri};
