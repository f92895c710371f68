//! What a payee's receipt says about a payment.

use protocol::objects::Receipt;
use protocol::stream::Stream;
use protocol::{Fault, Status};

/// The one thing a receipt says. Two receipts that say different things contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It took the payment.
    Takes,
    /// It took so many units and takes no more.
    Closes(u32),
    /// It declines.
    Declines,
}

impl Said {
    /// Reads a receipt for a payment with these terms; refuses one that does not speak of such a
    /// payment, and a reason to decline that is no refusal.
    pub fn read(receipt: &Receipt, stream: Option<&Stream>) -> Result<Self, Status> {
        let refusal = |number| {
            let status = u8::try_from(number).ok().and_then(Status::from_number);
            status.is_some_and(|status| status.fault() != Fault::None)
        };
        match (receipt.declined, receipt.units, stream) {
            (None, None, None) => Ok(Self::Takes),
            (None, Some(units), Some(stream)) if units <= stream.count => Ok(Self::Closes(units)),
            (None, Some(_), Some(_)) => Err(Status::WrongUnit),
            (Some(number), None, _) if refusal(number) => Ok(Self::Declines),
            _ => Err(Status::WrongReceipt),
        }
    }
}
