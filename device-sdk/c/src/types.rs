//! What goes to and fro beside messages.

use crate::{OC_CODE_BYTES, OC_CURRENCY_BYTES, OC_DIGEST_BYTES, OC_REFERENCE_BYTES, OcStatus};
use core::ffi::c_char;
use device_sdk::purse::Event;
use protocol::Digest;

/// What a purse is told when it is opened.
#[repr(C)]
pub struct OcSettings {
    /// Its own code.
    pub code: [u8; OC_CODE_BYTES],
    /// Its pass, directly followed by its station's if a station made it.
    pub pass: *const u8,
    /// Bytes of it.
    pub pass_len: usize,
    /// The name of its network, ended by a zero byte.
    pub network: *const c_char,
    /// A value of `oc_algorithm`: of the root's key.
    pub root_algorithm: u32,
    /// The root's key; of Ed25519 the first 32 bytes.
    pub root_key: [u8; 33],
    /// How long it needs, at worst, until it reaches a gateway, in seconds.
    pub sync_margin_s: u32,
    /// The most it takes offline, per assurance class 0, 1, 2 of the payer, in smallest units.
    pub most_by_class: [u64; 3],
    /// 0 if the caller has a clock, set and running. Otherwise times are those of `oc_purse_time`,
    /// and without a beacon younger than this only the least is taken.
    pub stale_after_s: u32,
}

/// What is to be paid.
#[repr(C)]
pub struct OcOrder {
    /// To whom.
    pub payee: [u8; OC_CODE_BYTES],
    /// In which currency.
    pub currency: [u8; OC_CURRENCY_BYTES],
    /// How much, in smallest units; of a stream the price of one unit.
    pub amount: u64,
    /// The most units of a stream; 0 for a payment at once.
    pub count: u32,
    /// Names this one payment among all to that payee: the same order again is the same payment
    /// again.
    pub reference: [u8; OC_REFERENCE_BYTES],
}

/// What a purse holds in one currency, in smallest units.
#[repr(C)]
pub struct OcTotals {
    /// Everything ever paid out in this key epoch.
    pub paid_out: u64,
    /// What came back of it.
    pub returned: u64,
    /// What the allowance still permits.
    pub spendable: u64,
    /// What can be spent here and now: that, and payments taken that may be spent before they are
    /// settled.
    pub spendable_here: u64,
    /// Taken, and settled by a gateway.
    pub received_settled: u64,
    /// Taken, and waiting for a gateway.
    pub received_unsettled: u64,
}

/// What happened.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcEventKind {
    /// Nothing that was not known before.
    Known = 0,
    /// The payee has taken `payment`: its receipt is kept.
    Receipted = 1,
    /// The payee has closed the stream `payment` after `units`.
    Closed = 2,
    /// The payee has declined `payment`, because of `status`.
    Declined = 3,
    /// The payee waits for units of `payment`.
    Ready = 4,
    /// `units` of the stream `payment` are taken in all.
    Took = 5,
    /// A gateway said that `status` became of `payment`.
    Stated = 6,
    /// There is a new allowance up to the reading `amount`.
    Granted = 7,
    /// The purse is a copy, or there is one: it asks for a new key epoch in its next renewal.
    Behind = 8,
    /// Somebody refused a message, because of `status`.
    Refused = 9,
    /// A key contradicted itself.
    Fraud = 10,
    /// A time, warrant, area, filter, watermark or the next key of a gateway is kept.
    Learnt = 11,
}

/// What a message that was received says. Fields that the kind does not name are zero.
#[repr(C)]
pub struct OcEvent {
    /// Which of them.
    pub kind: OcEventKind,
    /// Identifier of the payment.
    pub payment: [u8; OC_DIGEST_BYTES],
    /// Outcome or reason.
    pub status: OcStatus,
    /// Units of a stream.
    pub units: u32,
    /// A reading of the odometer.
    pub amount: u64,
}

impl From<Event> for OcEvent {
    fn from(event: Event) -> Self {
        let of = |kind| Self {
            kind,
            payment: [0; OC_DIGEST_BYTES],
            status: OcStatus::Ok,
            units: 0,
            amount: 0,
        };
        let about = |kind, payment: Digest| Self {
            payment: *payment.as_bytes(),
            ..of(kind)
        };
        match event {
            Event::Receipted { payment } => about(OcEventKind::Receipted, payment),
            Event::Closed { payment, units } => Self {
                units,
                ..about(OcEventKind::Closed, payment)
            },
            Event::Declined { payment, reason } => Self {
                status: reason.into(),
                ..about(OcEventKind::Declined, payment)
            },
            Event::Ready { payment } => about(OcEventKind::Ready, payment),
            Event::Took(taken) => Self {
                units: taken.units,
                ..about(OcEventKind::Took, taken.payment)
            },
            Event::Stated { payment, outcome } => Self {
                status: outcome.into(),
                ..about(OcEventKind::Stated, payment)
            },
            Event::Granted { limit, .. } => Self {
                amount: limit.get(),
                ..of(OcEventKind::Granted)
            },
            Event::Behind => of(OcEventKind::Behind),
            Event::Refused { status, .. } => Self {
                status: status.into(),
                ..of(OcEventKind::Refused)
            },
            Event::Fraud { .. } => of(OcEventKind::Fraud),
            Event::Time { .. } | Event::Learnt | Event::Final { .. } => of(OcEventKind::Learnt),
            Event::Known | Event::Provisional { .. } => of(OcEventKind::Known),
        }
    }
}
