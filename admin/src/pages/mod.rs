//! The pages: one file and one template each.

pub mod acts;
pub mod area;
pub mod areas;
pub mod audit;
pub mod code;
pub mod codes;
pub mod frame;
pub mod frauds;
pub mod grid;
pub mod grids;
pub mod issue;
pub mod issue_grid;
pub mod money;
pub mod overview;
pub mod parts;
pub mod payment;
pub mod payments;
pub mod people;
pub mod public_code;
pub mod public_grid;
pub mod purse;
pub mod secrets;
pub mod sign_in;
pub mod welcome;
