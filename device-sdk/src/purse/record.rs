//! What a purse writes into its journal: one byte for the kind, then fixed fields and parts with a
//! two-byte length. Never sent anywhere.

use crate::journal::RECORD_MAX;
use protocol::objects::Payment;
use protocol::{
    Algorithm, AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, PublicKey, Reference,
    Sequence, Status, Timestamp,
};

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'b> {
    /// Whose journal this is; the first record.
    Owner {
        code: Code,
        key: PublicKey,
        network: &'b [u8],
    },
    /// A gateway whose word counts, with its issuer's pass.
    Gateway { issuer: &'b [u8], gateway: &'b [u8] },
    /// What this purse may spend in one currency; a newer one replaces it.
    Allowance { allowance: &'b [u8] },
    /// A payment about to be signed. From here on its content never changes.
    Intent(Payment),
    /// The signed payment, with the allowance it was made under.
    Signed {
        allowance: &'b [u8],
        payment: &'b [u8],
    },
    /// The payee's receipt for a payment of this purse, checked.
    Receipted { receipt: &'b [u8] },
    /// What a gateway said became of a payment.
    Mark { payment: Digest, outcome: Status },
    /// A payment this purse took, and the receipt it gave.
    Accepted {
        allowance: &'b [u8],
        payment: &'b [u8],
        receipt: &'b [u8],
    },
    /// Sums over payments taken and forgotten, `absorbed` being the last one they include.
    Tally {
        currency: Currency,
        settled: AmountMinor,
        contested: AmountMinor,
        absorbed: Digest,
    },
    /// A request for an allowance, not answered yet.
    Renewal { renewal: &'b [u8] },
    /// Some payer was forgotten; until then nobody unknown pays without an invoice.
    Evicted { until: Timestamp },
    /// In this key epoch nothing may be signed any more.
    Unsure { key_epoch: KeyEpoch },
}

impl<'b> Record<'b> {
    /// Writes the record; returns its length. `None` when a part is longer than any object.
    pub(super) fn write(&self, out: &mut [u8; RECORD_MAX]) -> Option<usize> {
        let mut to = Writer { out, len: 0 };
        match self {
            Self::Owner { code, key, network } => {
                to.put(&[1])?;
                to.put(code.as_bytes())?;
                to.put(&key.algorithm().cose().to_be_bytes())?;
                to.part(key.as_bytes())?;
                to.part(network)?;
            }
            Self::Gateway { issuer, gateway } => to.parts(2, &[issuer, gateway])?,
            Self::Allowance { allowance } => to.parts(3, &[allowance])?,
            Self::Intent(payment) => {
                to.put(&[4])?;
                to.payment(payment)?;
            }
            Self::Signed { allowance, payment } => to.parts(5, &[allowance, payment])?,
            Self::Receipted { receipt } => to.parts(6, &[receipt])?,
            Self::Mark { payment, outcome } => {
                to.put(&[7, *outcome as u8])?;
                to.put(payment.as_bytes())?;
            }
            Self::Accepted {
                allowance,
                payment,
                receipt,
            } => to.parts(8, &[allowance, payment, receipt])?,
            Self::Tally {
                currency,
                settled,
                contested,
                absorbed,
            } => {
                to.put(&[9])?;
                to.put(currency.as_bytes())?;
                to.put(&settled.get().to_be_bytes())?;
                to.put(&contested.get().to_be_bytes())?;
                to.put(absorbed.as_bytes())?;
            }
            Self::Renewal { renewal } => to.parts(10, &[renewal])?,
            Self::Evicted { until } => {
                to.put(&[11])?;
                to.put(&until.0.to_be_bytes())?;
            }
            Self::Unsure { key_epoch } => {
                to.put(&[12])?;
                to.put(&key_epoch.0.to_be_bytes())?;
            }
        }
        Some(to.len)
    }

    /// Reads exactly what [`Record::write`] writes.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let mut from = Reader { rest: bytes };
        let record = match from.u8()? {
            1 => Self::Owner {
                code: from.code()?,
                key: {
                    let algorithm = Algorithm::from_cose(i8::from_be_bytes(from.take()?))?;
                    PublicKey::from_slice(algorithm, from.part()?)?
                },
                network: from.part()?,
            },
            2 => Self::Gateway {
                issuer: from.part()?,
                gateway: from.part()?,
            },
            3 => Self::Allowance {
                allowance: from.part()?,
            },
            4 => Self::Intent(from.payment()?),
            5 => Self::Signed {
                allowance: from.part()?,
                payment: from.part()?,
            },
            6 => Self::Receipted {
                receipt: from.part()?,
            },
            7 => Self::Mark {
                outcome: Status::from_number(from.u8()?)?,
                payment: Digest(from.take()?),
            },
            8 => Self::Accepted {
                allowance: from.part()?,
                payment: from.part()?,
                receipt: from.part()?,
            },
            9 => Self::Tally {
                currency: Currency::from_bytes(from.take()?)?,
                settled: AmountMinor::new(from.u64()?)?,
                contested: AmountMinor::new(from.u64()?)?,
                absorbed: Digest(from.take()?),
            },
            10 => Self::Renewal {
                renewal: from.part()?,
            },
            11 => Self::Evicted {
                until: Timestamp(from.u32()?),
            },
            12 => Self::Unsure {
                key_epoch: KeyEpoch(from.u32()?),
            },
            _ => return None,
        };
        from.rest.is_empty().then_some(record)
    }
}

struct Writer<'o> {
    out: &'o mut [u8; RECORD_MAX],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.out.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    fn part(&mut self, bytes: &[u8]) -> Option<()> {
        self.put(&u16::try_from(bytes.len()).ok()?.to_be_bytes())?;
        self.put(bytes)
    }

    fn parts(&mut self, kind: u8, parts: &[&[u8]]) -> Option<()> {
        self.put(&[kind])?;
        parts.iter().try_for_each(|part| self.part(part))
    }

    fn payment(&mut self, payment: &Payment) -> Option<()> {
        self.put(payment.payer.as_bytes())?;
        self.put(&payment.key_epoch.0.to_be_bytes())?;
        self.put(&payment.sequence.0.to_be_bytes())?;
        self.put(payment.previous.as_bytes())?;
        self.put(payment.payee.as_bytes())?;
        self.put(payment.currency.as_bytes())?;
        self.put(&payment.amount.get().to_be_bytes())?;
        self.put(&payment.odometer.get().to_be_bytes())?;
        self.put(payment.allowance.as_bytes())?;
        self.put(&payment.settle_by.0.to_be_bytes())?;
        self.put(payment.reference.as_bytes())
    }
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn part(&mut self) -> Option<&'b [u8]> {
        let len = usize::from(u16::from_be_bytes(self.take()?));
        let (part, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(part)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn code(&mut self) -> Option<Code> {
        Code::from_bytes(self.take()?).ok()
    }

    fn payment(&mut self) -> Option<Payment> {
        Some(Payment {
            payer: self.code()?,
            key_epoch: KeyEpoch(self.u32()?),
            sequence: Sequence(self.u32()?),
            previous: Reference(self.take()?),
            payee: self.code()?,
            currency: Currency::from_bytes(self.take()?)?,
            amount: AmountMinor::new(self.u64()?)?,
            odometer: Odometer::new(self.u64()?)?,
            allowance: Reference(self.take()?),
            settle_by: Timestamp(self.u32()?),
            reference: Reference(self.take()?),
            stream: None,
        })
    }
}
