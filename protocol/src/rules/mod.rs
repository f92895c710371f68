//! Who may do what: pure functions over checked objects, each with a closed list of outcomes.

pub mod contradiction;
pub mod covered;
pub mod payment;
pub mod proof;
pub mod receipt;
pub mod succession;
pub mod survey;
pub mod transfer;
pub mod trust;

pub use contradiction::{Contradiction, Spent, contradiction};
pub use covered::{Covered, Link, covered};
pub use payment::{
    Expected, Float, Holdings, PayeeView, acceptable, acceptable_with, counts, fits, fits_with,
};
pub use proof::{Charge, Verdict, judge};
pub use receipt::{Answer, answer, released};
pub use succession::{Counting, FormerKey, Handover, Succession};
pub use trust::{Trust, judge_proof};
