//! Who may do what: pure functions over checked objects, each with a closed list of outcomes.

pub mod contradiction;
pub mod payment;
pub mod receipt;
pub mod trust;

pub use contradiction::{Contradiction, Spent, contradiction};
pub use payment::{Expected, PayeeView, acceptable, fits};
pub use receipt::{Answer, answer, released};
pub use trust::{Trust, judge_proof};
