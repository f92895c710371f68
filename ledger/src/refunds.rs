//! What payers ask back.

use crate::commands::refund::{AnswerRefund, AskBack};
use crate::evidence::Owned;
use crate::handle::Ledger;
use crate::store::refunds::{RefundDecision, RefundRow};
use protocol::objects::RefundRequest;
use protocol::{Status, Timestamp};

impl Ledger {
    /// Keeps a payer's request for its money back; the signature was checked. The same request again
    /// changes nothing; another one about the same payment is [`Status::Full`], and one about a
    /// payment that is not the payer's or not known here [`Status::NotPermitted`].
    pub async fn ask_back(
        &self,
        request: Owned<RefundRequest>,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(AskBack { request, now }).await
    }

    /// Answers a request, and tells the payer. The same answer again changes nothing; another one,
    /// or none with this number, is [`Status::NotPermitted`]; a payment that is not one back is
    /// [`Status::WrongReference`].
    pub async fn answer_refund(
        &self,
        number: u64,
        decision: RefundDecision,
    ) -> Result<RefundRow, Status> {
        self.submit(AnswerRefund { number, decision }).await
    }
}
