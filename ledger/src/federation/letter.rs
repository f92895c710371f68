//! What gateways write to each other and to their centre.
//!
//! ```text
//! letter = kind (1 byte), then each part: its length (2 bytes, big-endian) and its bytes
//! ```
//!
//! A letter has exactly the parts of its kind and nothing behind them, so it has one spelling. A
//! number is 8 bytes big-endian, a status 1 byte; a part that may be missing is empty. Everything
//! that moves money or a home is a signed object inside; the letter itself is believed as far as
//! the link it came by names its sender.

use super::store::losses::Debt;
use protocol::message::MESSAGE_MAX;
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Status};

/// The longest letter: a relay with the longest message, a pass, and a claim note.
pub const LETTER_MAX: usize = MESSAGE_MAX + 2_048;
const PARTS_MAX: usize = 6;

/// One letter, its parts not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter<'b> {
    /// To the centre: I enrolled this thing; am I its home?
    Enrolled {
        /// Its pass.
        pass: &'b [u8],
    },
    /// To the centre: the lease of this code runs out.
    LeaseWanted {
        /// Whose.
        code: Code,
        /// The lease's number.
        number: u64,
    },
    /// To the centre: my float runs short.
    FloatWanted {
        /// In which epoch of mine.
        epoch: KeyEpoch,
        /// In which currency.
        currency: Currency,
        /// What I have granted so far.
        issued_total: Odometer,
    },
    /// A thing wants to move: to the centre, which passes it to the old home.
    Order {
        /// The signed move.
        order: &'b [u8],
        /// The thing's pass; empty where it is known.
        pass: &'b [u8],
    },
    /// The old home's last word on a purse in one currency.
    Balance {
        /// The signed closing balance.
        balance: &'b [u8],
    },
    /// To the centre: all closing balances for this move are sent.
    Closed {
        /// The signed move.
        order: &'b [u8],
    },
    /// Money for a purse.
    Credit {
        /// Height of the entry it comes from.
        height: u64,
        /// How much of the credit went this way before.
        before: AmountMinor,
        /// Whether a former home was asked for the allowance that the credit covers.
        asked: bool,
        /// The signed credit.
        credit: &'b [u8],
    },
    /// Something handed in at a gateway that is not its arbiter.
    Relay {
        /// Where it was handed in.
        origin: Code,
        /// The whole wallet message.
        message: &'b [u8],
        /// The pass of the payee who signed in it; empty where nobody did.
        pass: &'b [u8],
        /// The signed claim note.
        note: &'b [u8],
    },
    /// The arbiter's word on a relayed payment: a statement, or a refusal.
    Word {
        /// Where it was handed in.
        origin: Code,
        /// Which payment.
        payment: Digest,
        /// The whole wallet message.
        message: &'b [u8],
    },
    /// For the inbox of a code, at its home.
    Notice {
        /// Whose.
        code: Code,
        /// The whole wallet message.
        message: &'b [u8],
    },
    /// A payment of a purse, for its home to know.
    Shown {
        /// The allowance it was made under.
        allowance: &'b [u8],
        /// The payment.
        payment: &'b [u8],
        /// Whether its arbiter has recorded it.
        recorded: bool,
    },
    /// From the centre: another gateway's pass.
    Peer {
        /// The pass.
        pass: &'b [u8],
    },
    /// From the centre: how far you may promise.
    Warrant {
        /// Reading of the request.
        base: Odometer,
        /// The signed warrant.
        warrant: &'b [u8],
    },
    /// From the centre: whose home is where.
    Lease {
        /// The signed lease.
        lease: &'b [u8],
        /// The thing's pass, for a new home; else empty.
        pass: &'b [u8],
        /// First key epoch that the new home may use; 0 where the closing balances say it.
        epoch: KeyEpoch,
        /// The home that was lost, whose allowances the new one settles; none where it closed.
        lost: Option<Code>,
    },
    /// From the centre, to a home that was lost: this purse has gone on without you.
    Release {
        /// The signed release.
        release: &'b [u8],
        /// In which currency.
        currency: Currency,
        /// With what your journal says up to this height.
        height: u64,
    },
    /// A letter that was taken back before it was taken.
    Nothing,
    /// To the home of a purse: the one that was lost before has the word on this payment.
    Theirs {
        /// Whose payment.
        code: Code,
        /// Which.
        payment: Digest,
    },
    /// From a home that was lost, to who is the payer's home now: it has no word on this payment.
    Passed {
        /// Which payment of those in the message.
        payment: Digest,
        /// As in a [`Letter::Relay`], and so the rest.
        origin: Code,
        /// The whole wallet message.
        message: &'b [u8],
        /// The pass of the payee who signed in it; empty where nobody did.
        pass: &'b [u8],
        /// The signed claim note.
        note: &'b [u8],
    },
    /// To the centre, from a home that was lost and is back: all that it held of a purse is in the
    /// letters before this one.
    Accounted {
        /// Whose purse.
        code: Code,
        /// The lease that was given up.
        lease: u64,
        /// In which currency.
        currency: Currency,
    },
    /// To the home of a purse: this much of it was spent at a home that was lost.
    Owed {
        /// How much, under which lease.
        debt: Debt,
        /// Whether the lost home has given account in every currency.
        last: bool,
    },
    /// From the centre: what is final everywhere, and what time it is there.
    Watermark {
        /// The signed watermark.
        watermark: &'b [u8],
    },
    /// From the centre, to a home: pay this out of a purse to me.
    Withdraw {
        /// Names the order.
        subject: Digest,
        /// Whose purse.
        code: Code,
        /// In which currency.
        currency: Currency,
        /// How much.
        amount: AmountMinor,
    },
    /// To the centre: that cannot be paid out.
    NotWithdrawn {
        /// Names the order.
        subject: Digest,
        /// Why.
        status: Status,
    },
}

impl<'b> Letter<'b> {
    /// Reads exactly one letter.
    pub fn read(bytes: &'b [u8]) -> Result<Self, Status> {
        if bytes.len() > LETTER_MAX {
            return Err(Status::Malformed);
        }
        read(bytes).ok_or(Status::Malformed)
    }

    /// The same credit, once a former home of its payee was asked.
    pub(crate) const fn asked(self, yes: bool) -> Self {
        match self {
            Self::Credit {
                height,
                before,
                credit,
                ..
            } if yes => Self::Credit {
                height,
                before,
                asked: true,
                credit,
            },
            other => other,
        }
    }

    /// The same relay for the payer's home of one payment in it.
    pub(crate) const fn passed(self, payment: Digest) -> Result<Self, Status> {
        match self {
            Self::Relay {
                origin,
                message,
                pass,
                note,
            } => Ok(Self::Passed {
                payment,
                origin,
                message,
                pass,
                note,
            }),
            _ => Err(Status::Malformed),
        }
    }

    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let n = |number: u64| number.to_be_bytes();
        let e = |epoch: KeyEpoch| n(u64::from(epoch.0));
        match *self {
            Self::Enrolled { pass } => pack(1, &[pass]),
            Self::LeaseWanted { code, number } => pack(2, &[code.as_bytes(), &n(number)]),
            Self::FloatWanted {
                epoch,
                currency,
                issued_total,
            } => pack(3, &[&e(epoch), currency.as_bytes(), &n(issued_total.get())]),
            Self::Order { order, pass } => pack(4, &[order, pass]),
            Self::Balance { balance } => pack(5, &[balance]),
            Self::Closed { order } => pack(6, &[order]),
            Self::Credit {
                height,
                before,
                asked,
                credit,
            } => {
                let asked = [u8::from(asked)];
                pack(7, &[&n(height), &n(before.get()), &asked, credit])
            }
            Self::Relay {
                origin,
                message,
                pass,
                note,
            } => pack(8, &[origin.as_bytes(), message, pass, note]),
            Self::Word {
                origin,
                payment,
                message,
            } => pack(9, &[origin.as_bytes(), payment.as_bytes(), message]),
            Self::Notice { code, message } => pack(10, &[code.as_bytes(), message]),
            Self::Shown {
                allowance,
                payment,
                recorded,
            } => pack(11, &[allowance, payment, &[u8::from(recorded)]]),
            Self::Peer { pass } => pack(12, &[pass]),
            Self::Warrant { base, warrant } => pack(13, &[&n(base.get()), warrant]),
            Self::Lease {
                lease,
                pass,
                epoch,
                lost,
            } => {
                let lost = lost.as_ref().map_or([].as_slice(), |lost| lost.as_bytes());
                pack(14, &[lease, pass, &e(epoch), lost])
            }
            Self::Nothing => pack(20, &[]),
            Self::Theirs { code, payment } => pack(21, &[code.as_bytes(), payment.as_bytes()]),
            Self::Passed {
                payment,
                origin,
                message,
                pass,
                note,
            } => {
                let (payment, origin) = (payment.as_bytes(), origin.as_bytes());
                pack(22, &[payment, origin, message, pass, note])
            }
            Self::Release {
                release,
                currency,
                height,
            } => pack(15, &[release, currency.as_bytes(), &n(height)]),
            Self::Watermark { watermark } => pack(16, &[watermark]),
            Self::Withdraw {
                subject,
                code,
                currency,
                amount,
            } => pack(
                17,
                &[
                    subject.as_bytes(),
                    code.as_bytes(),
                    currency.as_bytes(),
                    &n(amount.get()),
                ],
            ),
            Self::Accounted {
                code,
                lease,
                currency,
            } => pack(19, &[code.as_bytes(), &n(lease), currency.as_bytes()]),
            Self::Owed { debt, last } => {
                let (lease, amount) = (n(debt.lease), n(debt.amount.get()));
                let (code, currency) = (debt.code.as_bytes(), debt.currency.as_bytes());
                pack(23, &[code, &lease, currency, &amount, &[u8::from(last)]])
            }
            Self::NotWithdrawn { subject, status } => {
                pack(18, &[subject.as_bytes(), &[status as u8]])
            }
        }
    }
}

fn pack(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![kind];
    for part in parts {
        // No part is longer than a message.
        bytes.extend_from_slice(&(part.len() as u16).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The parts of a letter, one after the other.
struct Parts<'b> {
    parts: [&'b [u8]; PARTS_MAX],
    count: usize,
    next: usize,
}

impl<'b> Parts<'b> {
    fn split(mut rest: &'b [u8]) -> Option<Self> {
        let mut parts = [[].as_slice(); PARTS_MAX];
        let mut count = 0;
        while !rest.is_empty() {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (part, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            *parts.get_mut(count)? = part;
            count += 1;
            rest = tail;
        }
        Some(Self {
            parts,
            count,
            next: 0,
        })
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let part = (self.next < self.count).then(|| self.parts.get(self.next))??;
        self.next += 1;
        Some(part)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes()?.try_into().ok()?))
    }

    fn epoch(&mut self) -> Option<KeyEpoch> {
        Some(KeyEpoch(self.number()?.try_into().ok()?))
    }

    fn amount(&mut self) -> Option<AmountMinor> {
        AmountMinor::new(self.number()?)
    }

    fn odometer(&mut self) -> Option<Odometer> {
        Odometer::new(self.number()?)
    }

    fn code(&mut self) -> Option<Code> {
        Code::from_bytes(self.bytes()?.try_into().ok()?).ok()
    }

    fn code_or_none(&mut self) -> Option<Option<Code>> {
        match self.bytes()? {
            [] => Some(None),
            code => Some(Some(Code::from_bytes(code.try_into().ok()?).ok()?)),
        }
    }

    fn flag(&mut self) -> Option<bool> {
        match self.bytes()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn currency(&mut self) -> Option<Currency> {
        Currency::from_bytes(self.bytes()?.try_into().ok()?)
    }

    fn digest(&mut self) -> Option<Digest> {
        Digest::from_slice(self.bytes()?)
    }

    fn status(&mut self) -> Option<Status> {
        match self.bytes()? {
            [number] => Status::from_number(*number),
            _ => None,
        }
    }
}

fn read(bytes: &[u8]) -> Option<Letter<'_>> {
    let (kind, rest) = bytes.split_first()?;
    let mut parts = Parts::split(rest)?;
    let p = &mut parts;
    let letter = match kind {
        1 => Letter::Enrolled { pass: p.bytes()? },
        2 => Letter::LeaseWanted {
            code: p.code()?,
            number: p.number()?,
        },
        3 => Letter::FloatWanted {
            epoch: p.epoch()?,
            currency: p.currency()?,
            issued_total: p.odometer()?,
        },
        4 => Letter::Order {
            order: p.bytes()?,
            pass: p.bytes()?,
        },
        5 => Letter::Balance {
            balance: p.bytes()?,
        },
        6 => Letter::Closed { order: p.bytes()? },
        7 => Letter::Credit {
            height: p.number()?,
            before: p.amount()?,
            asked: p.flag()?,
            credit: p.bytes()?,
        },
        8 => Letter::Relay {
            origin: p.code()?,
            message: p.bytes()?,
            pass: p.bytes()?,
            note: p.bytes()?,
        },
        9 => Letter::Word {
            origin: p.code()?,
            payment: p.digest()?,
            message: p.bytes()?,
        },
        10 => Letter::Notice {
            code: p.code()?,
            message: p.bytes()?,
        },
        11 => Letter::Shown {
            allowance: p.bytes()?,
            payment: p.bytes()?,
            recorded: p.flag()?,
        },
        12 => Letter::Peer { pass: p.bytes()? },
        13 => Letter::Warrant {
            base: p.odometer()?,
            warrant: p.bytes()?,
        },
        14 => Letter::Lease {
            lease: p.bytes()?,
            pass: p.bytes()?,
            epoch: p.epoch()?,
            lost: p.code_or_none()?,
        },
        20 => Letter::Nothing,
        21 => Letter::Theirs {
            code: p.code()?,
            payment: p.digest()?,
        },
        22 => Letter::Passed {
            payment: p.digest()?,
            origin: p.code()?,
            message: p.bytes()?,
            pass: p.bytes()?,
            note: p.bytes()?,
        },
        23 => Letter::Owed {
            debt: Debt {
                code: p.code()?,
                lease: p.number()?,
                currency: p.currency()?,
                amount: p.amount()?,
            },
            last: p.flag()?,
        },
        15 => Letter::Release {
            release: p.bytes()?,
            currency: p.currency()?,
            height: p.number()?,
        },
        16 => Letter::Watermark {
            watermark: p.bytes()?,
        },
        17 => Letter::Withdraw {
            subject: p.digest()?,
            code: p.code()?,
            currency: p.currency()?,
            amount: p.amount()?,
        },
        19 => Letter::Accounted {
            code: p.code()?,
            lease: p.number()?,
            currency: p.currency()?,
        },
        18 => Letter::NotWithdrawn {
            subject: p.digest()?,
            status: p.status()?,
        },
        _ => return None,
    };
    (parts.next == parts.count).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Kind;
    use protocol::code::IssuedBy;

    fn code() -> Code {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Device, by, 1, b"").unwrap()
    }

    #[test]
    fn letters_read_back_and_have_one_spelling() {
        let letters = [
            Letter::Relay {
                origin: code(),
                message: b"message",
                pass: b"",
                note: b"note",
            },
            Letter::Credit {
                height: 7,
                before: AmountMinor::ZERO,
                asked: true,
                credit: b"credit",
            },
            Letter::Nothing,
            Letter::Theirs {
                code: code(),
                payment: Digest([4; 32]),
            },
            Letter::Passed {
                payment: Digest([4; 32]),
                origin: code(),
                message: b"message",
                pass: b"",
                note: b"note",
            },
            Letter::Release {
                release: b"release",
                currency: Currency::new(1, *b"USD").unwrap(),
                height: 9,
            },
            Letter::Accounted {
                code: code(),
                lease: 2,
                currency: Currency::new(1, *b"USD").unwrap(),
            },
            Letter::Owed {
                debt: Debt {
                    code: code(),
                    lease: 2,
                    currency: Currency::new(1, *b"USD").unwrap(),
                    amount: AmountMinor::ZERO,
                },
                last: true,
            },
            Letter::Lease {
                lease: b"lease",
                pass: b"",
                epoch: KeyEpoch(0),
                lost: Some(code()),
            },
            Letter::NotWithdrawn {
                subject: Digest([3; 32]),
                status: Status::NotFunded,
            },
            Letter::Lease {
                lease: b"lease",
                pass: b"pass",
                epoch: KeyEpoch(2),
                lost: None,
            },
        ];
        for letter in letters {
            let bytes = letter.write();
            assert_eq!(Letter::read(&bytes), Ok(letter));
            for cut in 0..bytes.len() {
                assert!(Letter::read(&bytes[..cut]).is_err());
            }
            let longer = [bytes.as_slice(), &[0, 0]].concat();
            assert_eq!(Letter::read(&longer), Err(Status::Malformed));
        }
    }
}
