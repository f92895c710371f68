//! How objects travel: a CBOR array of a kind and its parts, each signed object a byte string.

use crate::cose::SIGNED_MAX;
use crate::field::{Decoder, Encoder};
use crate::status::Status;
use crate::units::{Digest, Reference};
use minicbor::encode::write::Cursor;

/// The largest message of this version: a proof with its six objects.
pub const MESSAGE_MAX: usize = 6 * (SIGNED_MAX + 3) + 2;

/// One wallet message. The parts are signed objects in bytes; nothing is checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'b> {
    /// Payer to payee, or either to a gateway: all a stranger needs to judge a payment.
    Evidence {
        /// The allowance the payment is made under.
        allowance: &'b [u8],
        /// The payment.
        payment: &'b [u8],
    },
    /// To a gateway: evidence with the payee's receipt; whoever brings it, it settles.
    Claim {
        /// The allowance the payment is made under.
        allowance: &'b [u8],
        /// The payment.
        payment: &'b [u8],
        /// The payee's receipt.
        receipt: &'b [u8],
    },
    /// Payee to payer, with the pass that names the payee's key.
    Receipt {
        /// The receipt.
        receipt: &'b [u8],
        /// The payee's pass.
        pass: &'b [u8],
    },
    /// To a gateway: may I have a fresh allowance?
    Renewal {
        /// The request.
        renewal: &'b [u8],
    },
    /// From a gateway: here it is.
    Grant {
        /// The allowance.
        allowance: &'b [u8],
    },
    /// From a gateway: what became of a payment.
    Statement {
        /// The statement.
        statement: &'b [u8],
    },
    /// To anyone: your object was refused and changed nothing. Not signed.
    Refusal {
        /// Why.
        status: Status,
        /// Which object, where it could be read.
        about: Option<Reference>,
    },
    /// Payee to payer, with the pass that names the payee's key: please pay.
    Invoice {
        /// The invoice.
        invoice: &'b [u8],
        /// The payee's pass.
        pass: &'b [u8],
    },
    /// Payer to payee: so many units of a stream are yours. Not signed: the value speaks for itself.
    Unit {
        /// The first bytes of the payment's identifier, to tell streams apart.
        about: [u8; 4],
        /// How many units, counted from the beginning.
        units: u32,
        /// `value(units)` of the payment's chain.
        value: Digest,
    },
    /// To a gateway: units of a stream, with the payee's closing receipt if there is one.
    StreamClaim {
        /// The allowance the payment is made under.
        allowance: &'b [u8],
        /// The payment.
        payment: &'b [u8],
        /// How many units, counted from the beginning.
        units: u32,
        /// `value(units)` of the payment's chain; the anchor for none.
        value: Digest,
        /// The payee's closing receipt.
        receipt: Option<&'b [u8]>,
    },
    /// Two payments that contradict each other, with the credentials that name the key.
    Proof {
        /// The issuer's pass, signed by the root.
        issuer: &'b [u8],
        /// The pass of the gateway that gave the allowances, signed by the issuer.
        gateway: &'b [u8],
        /// The allowance of the first payment, then of the second.
        allowances: [&'b [u8]; 2],
        /// The payments.
        payments: [&'b [u8]; 2],
    },
}

impl<'b> Message<'b> {
    /// Reads exactly one message.
    pub fn read(bytes: &'b [u8]) -> Result<Self, Status> {
        let message = read(bytes).map_err(|_| Status::Malformed)?;
        // Lengths are the only free spelling left; they have to be the shortest ones.
        if bytes.len() > MESSAGE_MAX || message.encoded_len() != bytes.len() {
            return Err(Status::Malformed);
        }
        Ok(message)
    }

    /// Writes the message; returns its length. `None` when `out` is too small:
    /// [`MESSAGE_MAX`] always suffices.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut to = Encoder::new(Cursor::new(out));
        self.encode(&mut to).ok()?;
        Some(to.writer().position())
    }

    /// A refusal in reply to something that may not even have been readable.
    pub const fn refusal(status: Status, about: Option<Reference>) -> Self {
        Self::Refusal { status, about }
    }

    fn parts(&self) -> (u8, [Option<&'b [u8]>; 6]) {
        match *self {
            Self::Evidence { allowance, payment } => {
                (1, [Some(allowance), Some(payment), None, None, None, None])
            }
            Self::Claim {
                allowance,
                payment,
                receipt,
            } => (
                2,
                [
                    Some(allowance),
                    Some(payment),
                    Some(receipt),
                    None,
                    None,
                    None,
                ],
            ),
            Self::Receipt { receipt, pass } => {
                (3, [Some(receipt), Some(pass), None, None, None, None])
            }
            Self::Renewal { renewal } => (4, [Some(renewal), None, None, None, None, None]),
            Self::Grant { allowance } => (5, [Some(allowance), None, None, None, None, None]),
            Self::Statement { statement } => (6, [Some(statement), None, None, None, None, None]),
            Self::Refusal { .. } => (7, [None; 6]),
            Self::Invoice { invoice, pass } => {
                (9, [Some(invoice), Some(pass), None, None, None, None])
            }
            Self::Unit { .. } => (10, [None; 6]),
            Self::StreamClaim { .. } => (11, [None; 6]),
            Self::Proof {
                issuer,
                gateway,
                allowances: [a, b],
                payments: [x, y],
            } => (
                8,
                [
                    Some(issuer),
                    Some(gateway),
                    Some(a),
                    Some(b),
                    Some(x),
                    Some(y),
                ],
            ),
        }
    }

    fn encode<W: minicbor::encode::Write>(
        &self,
        to: &mut minicbor::Encoder<W>,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Refusal { status, about } => {
                to.array(2 + u64::from(about.is_some()))?
                    .u8(7)?
                    .u8(*status as u8)?;
                return about.map_or(Ok(()), |about| to.bytes(about.as_bytes()).map(drop));
            }
            Self::Unit {
                about,
                units,
                value,
            } => {
                to.array(4)?
                    .u8(10)?
                    .bytes(about)?
                    .u32(*units)?
                    .bytes(value.as_bytes())?;
                return Ok(());
            }
            Self::StreamClaim {
                allowance,
                payment,
                units,
                value,
                receipt,
            } => {
                to.array(5 + u64::from(receipt.is_some()))?
                    .u8(11)?
                    .bytes(allowance)?;
                to.bytes(payment)?.u32(*units)?.bytes(value.as_bytes())?;
                return receipt.map_or(Ok(()), |receipt| to.bytes(receipt).map(drop));
            }
            _ => {}
        }
        let (kind, parts) = self.parts();
        to.array(1 + parts.iter().flatten().count() as u64)?
            .u8(kind)?;
        for part in parts.iter().flatten() {
            to.bytes(part)?;
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        struct Count(usize);
        impl minicbor::encode::Write for Count {
            type Error = core::convert::Infallible;
            fn write_all(&mut self, buf: &[u8]) -> Result<(), Self::Error> {
                self.0 += buf.len();
                Ok(())
            }
        }
        let mut to = minicbor::Encoder::new(Count(0));
        let _ = self.encode(&mut to);
        to.into_writer().0
    }
}

fn read(bytes: &[u8]) -> Result<Message<'_>, minicbor::decode::Error> {
    let wrong = || minicbor::decode::Error::message("not a message");
    let mut from = Decoder::new(bytes);
    let items = from.array()?.ok_or_else(wrong)?;
    let kind = from.u8()?;
    let message = match (kind, items) {
        (1, 3) => Message::Evidence {
            allowance: from.bytes()?,
            payment: from.bytes()?,
        },
        (2, 4) => Message::Claim {
            allowance: from.bytes()?,
            payment: from.bytes()?,
            receipt: from.bytes()?,
        },
        (3, 3) => Message::Receipt {
            receipt: from.bytes()?,
            pass: from.bytes()?,
        },
        (4, 2) => Message::Renewal {
            renewal: from.bytes()?,
        },
        (5, 2) => Message::Grant {
            allowance: from.bytes()?,
        },
        (6, 2) => Message::Statement {
            statement: from.bytes()?,
        },
        (7, 2 | 3) => Message::Refusal {
            status: Status::from_number(from.u8()?).ok_or_else(wrong)?,
            about: match items {
                3 => Some(Reference::from_slice(from.bytes()?).ok_or_else(wrong)?),
                _ => None,
            },
        },
        (9, 3) => Message::Invoice {
            invoice: from.bytes()?,
            pass: from.bytes()?,
        },
        (10, 4) => Message::Unit {
            about: from.bytes()?.try_into().map_err(|_| wrong())?,
            units: from.u32()?,
            value: Digest::from_slice(from.bytes()?).ok_or_else(wrong)?,
        },
        (11, 5 | 6) => Message::StreamClaim {
            allowance: from.bytes()?,
            payment: from.bytes()?,
            units: from.u32()?,
            value: Digest::from_slice(from.bytes()?).ok_or_else(wrong)?,
            receipt: match items {
                6 => Some(from.bytes()?),
                _ => None,
            },
        },
        (8, 7) => Message::Proof {
            issuer: from.bytes()?,
            gateway: from.bytes()?,
            allowances: [from.bytes()?, from.bytes()?],
            payments: [from.bytes()?, from.bytes()?],
        },
        _ => return Err(wrong()),
    };
    if from.position() != bytes.len() {
        return Err(wrong());
    }
    Ok(message)
}
