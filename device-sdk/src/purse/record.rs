//! What a purse writes into its journal: one byte for the kind, then fixed fields and parts with a
//! two-byte length. Never sent anywhere.

use crate::journal::RecordId;
use crate::purse::rules::{KINDS, StandingRules};
use crate::purse::tariff::{Rate, RateRules};
use protocol::objects::{Closing, Payment};
use protocol::stream::Stream;
use protocol::{
    Algorithm, AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, PublicKey, Reference,
    Sequence, Status, Timestamp,
};

/// `value(count)` of a stream this purse pays. Whoever knows it holds all its units: it is random,
/// used for one stream, and not printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub Digest);

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

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
    /// The same of a gateway whose key has changed: its pass before, and the issuer's word on both.
    Successor {
        issuer: &'b [u8],
        gateway: &'b [u8],
        former: &'b [u8],
        successor: &'b [u8],
    },
    /// What this purse may spend in one currency; a newer one replaces it.
    Allowance { allowance: &'b [u8] },
    /// A payment about to be signed. From here on its content never changes. That of a stream
    /// stays, for its seed, as long as units may be released. The covers are those whose hash it
    /// carries: see [`super::cover::written`].
    Intent {
        payment: Payment,
        seed: Option<Seed>,
        covers: &'b [u8],
    },
    /// The signed payment, with the allowance it was made under.
    Signed {
        allowance: &'b [u8],
        payment: &'b [u8],
    },
    /// The payee's receipt for a payment of this purse, checked.
    Receipted { receipt: &'b [u8] },
    /// What a gateway said became of a payment, how much of it reached the payee, and how much it
    /// was due besides; of an open claim, how much is claimed.
    Mark {
        payment: Digest,
        outcome: Status,
        amount: AmountMinor,
        missing: AmountMinor,
    },
    /// A payment this purse took, and the receipt it gave.
    Accepted {
        allowance: &'b [u8],
        payment: &'b [u8],
        receipt: &'b [u8],
    },
    /// Sums over payments that are forgotten, `absorbed` being the last one they include.
    Tally {
        currency: Currency,
        settled: AmountMinor,
        contested: AmountMinor,
        returned: AmountMinor,
        absorbed: Digest,
    },
    /// A request for an allowance, not answered yet.
    Renewal { renewal: &'b [u8] },
    /// Some payer was forgotten; until then nobody unknown pays without an invoice.
    Evicted { until: Timestamp },
    /// In this key epoch nothing may be signed any more.
    Unsure { key_epoch: KeyEpoch },
    /// Receipts given before the record `since`, or before this one, may be forgotten. Payments under
    /// allowances issued after `until` are newer than that.
    Gap {
        since: Option<RecordId>,
        until: Option<Timestamp>,
    },
    /// A stream this purse takes.
    StreamAccepted {
        allowance: &'b [u8],
        payment: &'b [u8],
    },
    /// How many units of a stream this purse may have let out.
    Released { payment: Digest, units: u32 },
    /// The newest value of a stream this purse takes. Once `closing` says when, it is the last one.
    Taken {
        payment: Digest,
        units: u32,
        value: Digest,
        closing: Option<Timestamp>,
    },
    /// The receipt that closes a stream, taken or paid, the value of its last unit, and what they
    /// cost together.
    Closed {
        receipt: &'b [u8],
        value: Digest,
        amount: AmountMinor,
    },
    /// An invoice of this purse.
    Invoiced { invoice: &'b [u8] },
    /// That invoice is paid, and paid only once until it expires.
    Answered {
        reference: Reference,
        expires: Timestamp,
    },
    /// What the owner approves in advance; a newer one replaces it.
    Rules {
        currency: Currency,
        rules: StandingRules,
    },
    /// What was approved for one payee on one day, the payment with this number included.
    Approved {
        currency: Currency,
        payee: Code,
        day: u32,
        sum: AmountMinor,
        key_epoch: KeyEpoch,
        sequence: Sequence,
    },
    /// A payment this purse is about to decline. From here on it is never taken.
    Declining {
        payment: Digest,
        reason: Status,
        time: Timestamp,
        until: Timestamp,
    },
    /// The receipt that declines a payment which could have been taken until then.
    Declined { receipt: &'b [u8], until: Timestamp },
    /// The signed payment behind its covers, as it is shown.
    SignedCovered { items: &'b [u8] },
    /// A payment this purse took behind its covers, and the receipt it gave.
    AcceptedCovered { items: &'b [u8], receipt: &'b [u8] },
    /// A stream this purse takes behind its covers.
    StreamAcceptedCovered { items: &'b [u8] },
    /// What time it is at least; a newer one replaces it.
    Time { time: Timestamp },
    /// How far a gateway's allowances count, with the pass of the centre that says so.
    Warrant { centre: &'b [u8], warrant: &'b [u8] },
    /// An area in which this purse stands.
    Area { area: &'b [u8] },
    /// Whom a gateway warns of; its newest one replaces it.
    Filter { filter: &'b [u8] },
    /// Numbers that are never used; written before the void is signed.
    Void {
        key_epoch: KeyEpoch,
        first: Sequence,
        last: Sequence,
        time: Timestamp,
    },
    /// Nothing beyond this is paid under that allowance; written before the closing is signed.
    Closing { closing: Closing },
    /// One of the payments of a key that forked; means something only with `Forked`.
    Against {
        allowance: &'b [u8],
        payment: &'b [u8],
    },
    /// A key that signed two payments which contradict: nothing is taken from it any more. A newer
    /// one replaces it.
    Forked {
        code: Code,
        key_epoch: KeyEpoch,
        key: PublicKey,
        until: Timestamp,
        /// A gateway has the proof.
        handed_in: bool,
    },
    /// The most the owner approves per measure; a newer one replaces it.
    Rates {
        currency: Currency,
        rates: RateRules,
    },
    /// What a gateway said of a payment, kept until the centre says that it is final.
    Stated { statement: &'b [u8] },
}

impl<'b> Record<'b> {
    /// Writes the record; returns its length. `None` when a part is longer than any object.
    pub(super) fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut to = Writer { out, len: 0 };
        match self {
            Self::Owner { code, key, network } => {
                to.put(&[1])?;
                to.put(code.as_bytes())?;
                to.key(key)?;
                to.part(network)?;
            }
            Self::Gateway { issuer, gateway } => to.parts(2, &[issuer, gateway])?,
            Self::Allowance { allowance } => to.parts(3, &[allowance])?,
            Self::Intent {
                payment,
                seed,
                covers,
            } => match (payment.stream, seed) {
                (Some(stream), Some(seed)) => {
                    to.put(&[13])?;
                    to.payment(payment)?;
                    to.part(covers)?;
                    to.put(&stream.unit.get().to_be_bytes())?;
                    to.put(&stream.count.to_be_bytes())?;
                    to.put(stream.anchor.as_bytes())?;
                    to.put(seed.0.as_bytes())?;
                }
                (None, None) => {
                    to.put(&[4])?;
                    to.payment(payment)?;
                    to.part(covers)?;
                }
                _ => return None,
            },
            Self::Signed { allowance, payment } => to.parts(5, &[allowance, payment])?,
            Self::Receipted { receipt } => to.parts(6, &[receipt])?,
            Self::Mark {
                payment,
                outcome,
                amount,
                missing,
            } => {
                to.put(&[7, *outcome as u8])?;
                to.put(payment.as_bytes())?;
                to.put(&amount.get().to_be_bytes())?;
                to.put(&missing.get().to_be_bytes())?;
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
                returned,
                absorbed,
            } => {
                to.put(&[9])?;
                to.put(currency.as_bytes())?;
                to.put(&settled.get().to_be_bytes())?;
                to.put(&contested.get().to_be_bytes())?;
                to.put(&returned.get().to_be_bytes())?;
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
            Self::StreamAccepted { allowance, payment } => to.parts(14, &[allowance, payment])?,
            Self::Released { payment, units } => {
                to.put(&[15])?;
                to.put(payment.as_bytes())?;
                to.put(&units.to_be_bytes())?;
            }
            Self::Taken {
                payment,
                units,
                value,
                closing,
            } => {
                to.put(&[16])?;
                to.put(payment.as_bytes())?;
                to.put(&units.to_be_bytes())?;
                to.put(value.as_bytes())?;
                to.put(&[u8::from(closing.is_some())])?;
                to.put(&closing.unwrap_or_default().0.to_be_bytes())?;
            }
            Self::Closed {
                receipt,
                value,
                amount,
            } => {
                to.parts(17, &[receipt])?;
                to.put(value.as_bytes())?;
                to.put(&amount.get().to_be_bytes())?;
            }
            Self::Invoiced { invoice } => to.parts(18, &[invoice])?,
            Self::Answered { reference, expires } => {
                to.put(&[19])?;
                to.put(reference.as_bytes())?;
                to.put(&expires.0.to_be_bytes())?;
            }
            Self::Rules { currency, rules } => {
                to.put(&[20])?;
                to.put(currency.as_bytes())?;
                for amount in [rules.per_payment, rules.per_day, rules.per_payee] {
                    to.put(&amount.get().to_be_bytes())?;
                }
                for amount in &rules.per_kind {
                    to.put(&amount.get().to_be_bytes())?;
                }
            }
            Self::Approved {
                currency,
                payee,
                day,
                sum,
                key_epoch,
                sequence,
            } => {
                to.put(&[21])?;
                to.put(currency.as_bytes())?;
                to.put(payee.as_bytes())?;
                to.put(&day.to_be_bytes())?;
                to.put(&sum.get().to_be_bytes())?;
                to.put(&key_epoch.0.to_be_bytes())?;
                to.put(&sequence.0.to_be_bytes())?;
            }
            Self::Declining {
                payment,
                reason,
                time,
                until,
            } => {
                to.put(&[22, *reason as u8])?;
                to.put(payment.as_bytes())?;
                to.put(&time.0.to_be_bytes())?;
                to.put(&until.0.to_be_bytes())?;
            }
            Self::Declined { receipt, until } => {
                to.parts(23, &[receipt])?;
                to.put(&until.0.to_be_bytes())?;
            }
            Self::SignedCovered { items } => to.parts(24, &[items])?,
            Self::AcceptedCovered { items, receipt } => to.parts(25, &[items, receipt])?,
            Self::StreamAcceptedCovered { items } => to.parts(26, &[items])?,
            Self::Time { time } => {
                to.put(&[40])?;
                to.put(&time.0.to_be_bytes())?;
            }
            Self::Warrant { centre, warrant } => to.parts(41, &[centre, warrant])?,
            Self::Area { area } => to.parts(42, &[area])?,
            Self::Filter { filter } => to.parts(43, &[filter])?,
            Self::Void {
                key_epoch,
                first,
                last,
                time,
            } => {
                to.put(&[44])?;
                for number in [key_epoch.0, first.0, last.0, time.0] {
                    to.put(&number.to_be_bytes())?;
                }
            }
            Self::Closing { closing } => {
                to.put(&[45])?;
                to.put(closing.code.as_bytes())?;
                to.put(&closing.key_epoch.0.to_be_bytes())?;
                to.put(closing.currency.as_bytes())?;
                to.put(closing.allowance.as_bytes())?;
                to.put(&closing.sequence.0.to_be_bytes())?;
                to.put(&closing.odometer.get().to_be_bytes())?;
                to.put(&closing.time.0.to_be_bytes())?;
            }
            Self::Against { allowance, payment } => to.parts(46, &[allowance, payment])?,
            Self::Forked {
                code,
                key_epoch,
                key,
                until,
                handed_in,
            } => {
                to.put(&[47, u8::from(*handed_in)])?;
                to.put(code.as_bytes())?;
                to.put(&key_epoch.0.to_be_bytes())?;
                to.key(key)?;
                to.put(&until.0.to_be_bytes())?;
            }
            Self::Rates { currency, rates } => {
                to.put(&[48])?;
                to.put(currency.as_bytes())?;
                for rate in rates.iter() {
                    let (amount, per) = rate.map_or((0, 0), |rate| (rate.amount.get(), rate.per));
                    to.put(&amount.to_be_bytes())?;
                    to.put(&per.to_be_bytes())?;
                }
            }
            Self::Stated { statement } => to.parts(49, &[statement])?,
            Self::Successor {
                issuer,
                gateway,
                former,
                successor,
            } => to.parts(51, &[issuer, gateway, former, successor])?,
            Self::Gap { since, until } => {
                to.put(&[50, u8::from(since.is_some()), u8::from(until.is_some())])?;
                to.put(&since.map_or(0, |record| record.0).to_be_bytes())?;
                to.put(&until.unwrap_or_default().0.to_be_bytes())?;
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
                key: from.key()?,
                network: from.part()?,
            },
            2 => Self::Gateway {
                issuer: from.part()?,
                gateway: from.part()?,
            },
            3 => Self::Allowance {
                allowance: from.part()?,
            },
            4 => Self::Intent {
                payment: from.payment()?,
                covers: from.part()?,
                seed: None,
            },
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
                amount: from.amount()?,
                missing: from.amount()?,
            },
            8 => Self::Accepted {
                allowance: from.part()?,
                payment: from.part()?,
                receipt: from.part()?,
            },
            9 => Self::Tally {
                currency: Currency::from_bytes(from.take()?)?,
                settled: from.amount()?,
                contested: from.amount()?,
                returned: from.amount()?,
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
            13 => {
                let mut payment = from.payment()?;
                let covers = from.part()?;
                payment.stream = Some(Stream {
                    unit: from.amount()?,
                    count: from.u32()?,
                    anchor: Digest(from.take()?),
                });
                Self::Intent {
                    payment,
                    covers,
                    seed: Some(Seed(Digest(from.take()?))),
                }
            }
            14 => Self::StreamAccepted {
                allowance: from.part()?,
                payment: from.part()?,
            },
            15 => Self::Released {
                payment: Digest(from.take()?),
                units: from.u32()?,
            },
            16 => Self::Taken {
                payment: Digest(from.take()?),
                units: from.u32()?,
                value: Digest(from.take()?),
                closing: match (from.u8()?, Timestamp(from.u32()?)) {
                    (0, _) => None,
                    (1, time) => Some(time),
                    _ => return None,
                },
            },
            17 => Self::Closed {
                receipt: from.part()?,
                value: Digest(from.take()?),
                amount: from.amount()?,
            },
            18 => Self::Invoiced {
                invoice: from.part()?,
            },
            19 => Self::Answered {
                reference: Reference(from.take()?),
                expires: Timestamp(from.u32()?),
            },
            20 => Self::Rules {
                currency: Currency::from_bytes(from.take()?)?,
                rules: from.rules()?,
            },
            21 => Self::Approved {
                currency: Currency::from_bytes(from.take()?)?,
                payee: from.code()?,
                day: from.u32()?,
                sum: from.amount()?,
                key_epoch: KeyEpoch(from.u32()?),
                sequence: Sequence(from.u32()?),
            },
            22 => Self::Declining {
                reason: Status::from_number(from.u8()?)?,
                payment: Digest(from.take()?),
                time: Timestamp(from.u32()?),
                until: Timestamp(from.u32()?),
            },
            23 => Self::Declined {
                receipt: from.part()?,
                until: Timestamp(from.u32()?),
            },
            24 => Self::SignedCovered {
                items: from.part()?,
            },
            25 => Self::AcceptedCovered {
                items: from.part()?,
                receipt: from.part()?,
            },
            26 => Self::StreamAcceptedCovered {
                items: from.part()?,
            },
            40 => Self::Time {
                time: Timestamp(from.u32()?),
            },
            41 => Self::Warrant {
                centre: from.part()?,
                warrant: from.part()?,
            },
            42 => Self::Area { area: from.part()? },
            43 => Self::Filter {
                filter: from.part()?,
            },
            44 => Self::Void {
                key_epoch: KeyEpoch(from.u32()?),
                first: Sequence(from.u32()?),
                last: Sequence(from.u32()?),
                time: Timestamp(from.u32()?),
            },
            45 => Self::Closing {
                closing: Closing {
                    code: from.code()?,
                    key_epoch: KeyEpoch(from.u32()?),
                    currency: Currency::from_bytes(from.take()?)?,
                    allowance: Reference(from.take()?),
                    sequence: Sequence(from.u32()?),
                    odometer: Odometer::new(from.u64()?)?,
                    time: Timestamp(from.u32()?),
                },
            },
            46 => Self::Against {
                allowance: from.part()?,
                payment: from.part()?,
            },
            47 => Self::Forked {
                handed_in: match from.u8()? {
                    0 => false,
                    1 => true,
                    _ => return None,
                },
                code: from.code()?,
                key_epoch: KeyEpoch(from.u32()?),
                key: from.key()?,
                until: Timestamp(from.u32()?),
            },
            48 => Self::Rates {
                currency: Currency::from_bytes(from.take()?)?,
                rates: from.rates()?,
            },
            51 => Self::Successor {
                issuer: from.part()?,
                gateway: from.part()?,
                former: from.part()?,
                successor: from.part()?,
            },
            49 => Self::Stated {
                statement: from.part()?,
            },
            50 => {
                let (since, until) = (from.flag()?, from.flag()?);
                Self::Gap {
                    since: Some(RecordId(from.u64()?)).filter(|_| since),
                    until: Some(Timestamp(from.u32()?)).filter(|_| until),
                }
            }
            _ => return None,
        };
        from.rest.is_empty().then_some(record)
    }
}

struct Writer<'o> {
    out: &'o mut [u8],
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

    fn key(&mut self, key: &PublicKey) -> Option<()> {
        self.put(&key.algorithm().cose().to_be_bytes())?;
        self.part(key.as_bytes())
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
        self.put(payment.reference.as_bytes())?;
        self.optional(payment.covers_for.as_ref().map(Reference::as_bytes))?;
        self.optional(payment.covers.as_ref().map(Digest::as_bytes))
    }

    fn optional<const N: usize>(&mut self, bytes: Option<&[u8; N]>) -> Option<()> {
        self.put(&[u8::from(bytes.is_some())])?;
        self.put(bytes.map(<[u8; N]>::as_slice).unwrap_or_default())
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

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn amount(&mut self) -> Option<AmountMinor> {
        AmountMinor::new(self.u64()?)
    }

    fn rules(&mut self) -> Option<StandingRules> {
        let mut rules = StandingRules {
            per_payment: self.amount()?,
            per_day: self.amount()?,
            per_payee: self.amount()?,
            per_kind: [AmountMinor::ZERO; KINDS],
        };
        for most in &mut rules.per_kind {
            *most = self.amount()?;
        }
        Some(rules)
    }

    fn rates(&mut self) -> Option<RateRules> {
        let mut rates = RateRules::default();
        for rate in rates.iter_mut() {
            let (amount, per) = (self.amount()?, self.u32()?);
            *rate = (per > 0).then_some(Rate { amount, per });
        }
        Some(rates)
    }

    fn key(&mut self) -> Option<PublicKey> {
        let algorithm = Algorithm::from_cose(i8::from_be_bytes(self.take()?))?;
        PublicKey::from_slice(algorithm, self.part()?)
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
            amount: self.amount()?,
            odometer: Odometer::new(self.u64()?)?,
            allowance: Reference(self.take()?),
            settle_by: Timestamp(self.u32()?),
            reference: Reference(self.take()?),
            covers_for: self.optional()?.map(Reference),
            covers: self.optional()?.map(Digest),
            stream: None,
        })
    }

    fn optional<const N: usize>(&mut self) -> Option<Option<[u8; N]>> {
        match self.u8()? {
            0 => Some(None),
            1 => self.take().map(Some),
            _ => None,
        }
    }
}
