//! How objects travel: a CBOR array of a kind and its parts, each signed object a byte string.

use crate::cose::SIGNED_MAX;
use crate::covers::COVERED_MAX;
use crate::field::{Decoder, Encoder};
use crate::status::Status;
use crate::units::{Currency, Digest, Reference};
use minicbor::encode::write::Cursor;

/// The largest message of this version: evidence with covers, with a receipt.
pub const MESSAGE_MAX: usize = COVERED_MAX + SIGNED_MAX + 8;
/// Most credentials of an accusation.
pub const CREDENTIALS_MAX: usize = 3;
/// Most objects of an accusation.
pub const OBJECTS_MAX: usize = 6;

const PARTS_MAX: usize = 6;

fn list<const N: usize, const M: usize>(parts: [&[u8]; N]) -> [Option<&[u8]>; M] {
    let mut all = [None; M];
    for (to, part) in all.iter_mut().zip(parts) {
        *to = Some(part);
    }
    all
}

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
    /// Payee to payer, with the pass that names the payee's key. Here and in the two other messages
    /// with a pass, the pass of a thing that a station made is followed by its station's: see
    /// [`passes`](crate::rules::trust::passes).
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
    /// Evidence with covers, for a payee or a gateway; with the payee's receipt it is a claim.
    Covered {
        /// What [`crate::covers::Items`] reads.
        items: &'b [u8],
        /// The payee's receipt for the last payment.
        receipt: Option<&'b [u8]>,
    },
    /// A payment alone, to somebody who holds its allowance.
    Payment {
        /// The payment.
        payment: &'b [u8],
    },
    /// From a gateway, or passed on: what time it is.
    Beacon {
        /// The beacon.
        beacon: &'b [u8],
    },
    /// From a gateway, or passed on: who should not be taken from.
    Filter {
        /// The filter.
        filter: &'b [u8],
    },
    /// From a gateway, or passed on: how far a gateway's allowances count.
    Warrant {
        /// The pass of the centre that signed it.
        centre: &'b [u8],
        /// The warrant.
        warrant: &'b [u8],
    },
    /// From a gateway, or passed on: which places an area is.
    Area {
        /// The area.
        area: &'b [u8],
    },
    /// Payee to anybody, with the pass that names its key: its prices.
    Tariff {
        /// The tariff.
        tariff: &'b [u8],
        /// The payee's pass.
        pass: &'b [u8],
    },
    /// To a gateway: nothing beyond this under that allowance.
    Closing {
        /// The closing.
        closing: &'b [u8],
    },
    /// To a gateway: these numbers will not be used.
    Void {
        /// The void.
        void: &'b [u8],
    },
    /// From a gateway: a payment was claimed in time.
    ClaimNote {
        /// The note.
        note: &'b [u8],
    },
    /// To a gateway: please be, or cease to be, my home.
    Move {
        /// The move.
        order: &'b [u8],
    },
    /// From the centre: whose home is where.
    Lease {
        /// The lease.
        lease: &'b [u8],
    },
    /// From the centre: a lease is given up.
    Release {
        /// The release.
        release: &'b [u8],
    },
    /// From an old home: its last word on a purse.
    ClosingBalance {
        /// The balance.
        balance: &'b [u8],
    },
    /// Between gateways: money for a purse.
    Credit {
        /// The credit.
        credit: &'b [u8],
    },
    /// From the centre: what is final everywhere.
    Watermark {
        /// The watermark.
        watermark: &'b [u8],
    },
    /// Thing to thing on a local link: the newest payment I took from this payer.
    Seen {
        /// The allowance it was made under.
        allowance: &'b [u8],
        /// The payment.
        payment: &'b [u8],
    },
    /// Objects that contradict each other in another way than two payments do, with the
    /// credentials that name the keys; see [`crate::rules::proof`].
    Accusation {
        /// Number of the contradiction.
        how: u8,
        /// Passes, from the issuer's down.
        credentials: [Option<&'b [u8]>; CREDENTIALS_MAX],
        /// What the contradiction needs, in its order.
        objects: [Option<&'b [u8]>; OBJECTS_MAX],
    },
    /// Payer to payee: under which allowance would you spend a payment in this currency? An invoice
    /// that asks for nothing answers it. Not signed.
    Ask {
        /// In which currency.
        currency: Currency,
    },
    /// Owner to new owner, and with the acceptance to a gateway: whose a thing is to be.
    Transfer {
        /// The transfer.
        transfer: &'b [u8],
        /// The new owner's acceptance.
        acceptance: Option<&'b [u8]>,
    },
    /// From a gateway: who is above it now. Whoever knows the root, or the root before it, can
    /// check all of it.
    Authorities {
        /// The issuer's pass.
        issuer: &'b [u8],
        /// The gateway's pass.
        gateway: &'b [u8],
        /// Certificates in DER, one behind the other: root, issuer, gateway, and those before them
        /// that still count.
        certificates: &'b [u8],
        /// The old root's word on the new one, while both count.
        update: Option<&'b [u8]>,
    },
    /// From a gateway: it signs with another key from now on. Whoever knows the root can check it;
    /// see [`crate::rules::succession`].
    Successor {
        /// The issuer's pass.
        issuer: &'b [u8],
        /// The gateway's pass with the new key.
        gateway: &'b [u8],
        /// Its pass with the key before.
        former: &'b [u8],
        /// The issuer's word on both.
        successor: &'b [u8],
        /// The pass of whom it is told, signed anew.
        own: Option<&'b [u8]>,
    },
    /// Where exactly a place is: its owner's survey, who stands for it, and the passes of all, so
    /// that whoever knows the root judges it alone; see [`crate::rules::survey::judge`].
    PlaceRecord {
        /// The issuer's pass.
        issuer: &'b [u8],
        /// The pass of whoever signed the record; the issuer's again where that is the issuer.
        authority: &'b [u8],
        /// The owner's pass.
        owner: &'b [u8],
        /// The survey.
        survey: &'b [u8],
        /// The record.
        record: &'b [u8],
    },
    /// To a gateway: a payer asks for its money back.
    RefundRequest {
        /// The request.
        request: &'b [u8],
    },
    /// From a gateway: what became of such a request.
    RefundAnswer {
        /// The answer.
        answer: &'b [u8],
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

    /// The kind, and the parts of a message that is nothing but parts.
    fn parts(&self) -> (u8, [Option<&'b [u8]>; PARTS_MAX]) {
        match *self {
            Self::Refusal { .. } => (7, list([])),
            Self::Proof {
                issuer,
                gateway,
                allowances: [a, b],
                payments: [x, y],
            } => (8, list([issuer, gateway, a, b, x, y])),
            Self::Unit { .. } => (10, list([])),
            Self::StreamClaim { .. } => (11, list([])),
            Self::Covered { items, receipt } => {
                (12, [Some(items), receipt, None, None, None, None])
            }
            Self::Accusation { .. } => (29, list([])),
            Self::Ask { .. } => (30, list([])),
            Self::Evidence { allowance, payment } => (1, list([allowance, payment])),
            Self::Claim {
                allowance,
                payment,
                receipt,
            } => (2, list([allowance, payment, receipt])),
            Self::Receipt { receipt, pass } => (3, list([receipt, pass])),
            Self::Renewal { renewal } => (4, list([renewal])),
            Self::Grant { allowance } => (5, list([allowance])),
            Self::Statement { statement } => (6, list([statement])),
            Self::Invoice { invoice, pass } => (9, list([invoice, pass])),
            Self::Payment { payment } => (13, list([payment])),
            Self::Beacon { beacon } => (14, list([beacon])),
            Self::Filter { filter } => (15, list([filter])),
            Self::Warrant { centre, warrant } => (16, list([centre, warrant])),
            Self::Area { area } => (17, list([area])),
            Self::Tariff { tariff, pass } => (18, list([tariff, pass])),
            Self::Closing { closing } => (19, list([closing])),
            Self::Void { void } => (20, list([void])),
            Self::ClaimNote { note } => (21, list([note])),
            Self::Move { order } => (22, list([order])),
            Self::Lease { lease } => (23, list([lease])),
            Self::Release { release } => (24, list([release])),
            Self::ClosingBalance { balance } => (25, list([balance])),
            Self::Credit { credit } => (26, list([credit])),
            Self::Watermark { watermark } => (27, list([watermark])),
            Self::Seen { allowance, payment } => (28, list([allowance, payment])),
            Self::Transfer {
                transfer,
                acceptance,
            } => (31, [Some(transfer), acceptance, None, None, None, None]),
            Self::Authorities {
                issuer,
                gateway,
                certificates,
                update,
            } => {
                let [issuer, gateway, certificates] = [issuer, gateway, certificates].map(Some);
                (32, [issuer, gateway, certificates, update, None, None])
            }
            Self::Successor {
                issuer,
                gateway,
                former,
                successor,
                own,
            } => {
                let [issuer, gateway, former] = [issuer, gateway, former].map(Some);
                (36, [issuer, gateway, former, Some(successor), own, None])
            }
            Self::PlaceRecord {
                issuer,
                authority,
                owner,
                survey,
                record,
            } => (33, list([issuer, authority, owner, survey, record])),
            Self::RefundRequest { request } => (34, list([request])),
            Self::RefundAnswer { answer } => (35, list([answer])),
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
            Self::Ask { currency } => {
                to.array(2)?.u8(30)?.bytes(currency.as_bytes())?;
                return Ok(());
            }
            Self::Accusation {
                how,
                credentials,
                objects,
            } => {
                to.array(4)?.u8(29)?.u8(*how)?;
                for list in [credentials.as_slice(), objects.as_slice()] {
                    to.array(list.iter().flatten().count() as u64)?;
                    for part in list.iter().flatten() {
                        to.bytes(part)?;
                    }
                }
                return Ok(());
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
        (9, 3) => Message::Invoice {
            invoice: from.bytes()?,
            pass: from.bytes()?,
        },
        (13, 2) => Message::Payment {
            payment: from.bytes()?,
        },
        (14, 2) => Message::Beacon {
            beacon: from.bytes()?,
        },
        (15, 2) => Message::Filter {
            filter: from.bytes()?,
        },
        (16, 3) => Message::Warrant {
            centre: from.bytes()?,
            warrant: from.bytes()?,
        },
        (17, 2) => Message::Area {
            area: from.bytes()?,
        },
        (18, 3) => Message::Tariff {
            tariff: from.bytes()?,
            pass: from.bytes()?,
        },
        (19, 2) => Message::Closing {
            closing: from.bytes()?,
        },
        (20, 2) => Message::Void {
            void: from.bytes()?,
        },
        (21, 2) => Message::ClaimNote {
            note: from.bytes()?,
        },
        (22, 2) => Message::Move {
            order: from.bytes()?,
        },
        (23, 2) => Message::Lease {
            lease: from.bytes()?,
        },
        (24, 2) => Message::Release {
            release: from.bytes()?,
        },
        (25, 2) => Message::ClosingBalance {
            balance: from.bytes()?,
        },
        (26, 2) => Message::Credit {
            credit: from.bytes()?,
        },
        (27, 2) => Message::Watermark {
            watermark: from.bytes()?,
        },
        (28, 3) => Message::Seen {
            allowance: from.bytes()?,
            payment: from.bytes()?,
        },
        (7, 2 | 3) => Message::Refusal {
            status: Status::from_number(from.u8()?).ok_or_else(wrong)?,
            about: match items {
                3 => Some(Reference::from_slice(from.bytes()?).ok_or_else(wrong)?),
                _ => None,
            },
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
        (12, 2 | 3) => Message::Covered {
            items: from.bytes()?,
            receipt: match items {
                3 => Some(from.bytes()?),
                _ => None,
            },
        },
        (30, 2) => Message::Ask {
            currency: from
                .bytes()?
                .try_into()
                .ok()
                .and_then(Currency::from_bytes)
                .ok_or_else(wrong)?,
        },
        (31, 2 | 3) => Message::Transfer {
            transfer: from.bytes()?,
            acceptance: match items {
                3 => Some(from.bytes()?),
                _ => None,
            },
        },
        (32, 4 | 5) => Message::Authorities {
            issuer: from.bytes()?,
            gateway: from.bytes()?,
            certificates: from.bytes()?,
            update: match items {
                5 => Some(from.bytes()?),
                _ => None,
            },
        },
        (33, 6) => Message::PlaceRecord {
            issuer: from.bytes()?,
            authority: from.bytes()?,
            owner: from.bytes()?,
            survey: from.bytes()?,
            record: from.bytes()?,
        },
        (34, 2) => Message::RefundRequest {
            request: from.bytes()?,
        },
        (35, 2) => Message::RefundAnswer {
            answer: from.bytes()?,
        },
        (36, 5 | 6) => Message::Successor {
            issuer: from.bytes()?,
            gateway: from.bytes()?,
            former: from.bytes()?,
            successor: from.bytes()?,
            own: match items {
                6 => Some(from.bytes()?),
                _ => None,
            },
        },
        (29, 4) => Message::Accusation {
            how: from.u8()?,
            credentials: read_list(&mut from)?,
            objects: read_list(&mut from)?,
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

fn read_list<'b, const N: usize>(
    from: &mut Decoder<'b>,
) -> Result<[Option<&'b [u8]>; N], minicbor::decode::Error> {
    let wrong = || minicbor::decode::Error::message("not a list of objects");
    let count = from.array()?.and_then(|count| usize::try_from(count).ok());
    let mut list = [None; N];
    let places = count
        .and_then(|count| list.get_mut(..count))
        .ok_or_else(wrong)?;
    for place in places {
        *place = Some(from.bytes()?);
    }
    Ok(list)
}
