//! What is signed: one file per object, each a struct and the numbers of its fields.

mod allowance;
mod area;
mod beacon;
mod call;
mod closing;
mod credit;
mod float;
mod home;
mod invoice;
mod mark;
mod pass;
mod payment;
mod receipt;
mod renewal;
mod revocations;
mod statement;
mod successor;
mod survey;
mod tariff;
mod transfer;
mod work_order;

pub use allowance::Allowance;
pub use area::{AREA_CELLS, Area};
pub use beacon::{Beacon, FILTER_CODES, Filter};
pub use call::{REFUND_TEXT, RefundAnswer, RefundRequest, WalletCall};
pub use closing::{Closing, Void};
pub use credit::{Acknowledgement, ClaimNote, Credit, Watermark};
pub use float::FloatWarrant;
pub use home::{ClosingBalance, Lease, Move, Release};
pub use invoice::{Asked, Invoice};
pub use mark::{Labelled, MARK_CHARS, Mark, MarkText};
pub use pass::{Confirmation, Party, Pass, Rights};
pub use payment::Payment;
pub use receipt::Receipt;
pub use renewal::Renewal;
pub use revocations::Revocations;
pub use statement::Statement;
pub use successor::Successor;
pub use survey::{Datum, Method, PlaceRecord, Survey};
pub use tariff::{Measure, PRICES, Price, Tariff};
pub use transfer::{Acceptance, Transfer, TrustUpdate};
pub use work_order::{Manifest, ORDER_TEXT, Text, WorkOrder};

pub use crate::field::{Present, Set};

use crate::field::{Decoder, Encoder, Written};

/// Something that is signed under its own context.
#[expect(
    private_bounds,
    reason = "how a payload is spelled is this crate's own business"
)]
pub trait Object: Payload + Copy {
    /// Stands in the context string, so that no object can be taken for another.
    const NAME: &'static str;
}

pub(crate) trait Payload: Sized {
    fn write(&self, to: &mut Encoder<'_>) -> Written;
    fn read(from: &mut Decoder<'_>) -> Result<Self, minicbor::decode::Error>;
}
