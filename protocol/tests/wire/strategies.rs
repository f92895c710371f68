//! Any value of every type, with a liking for the edges where an encoding changes its length.

use crate::cast::{amount, reading};
use proptest::prelude::*;
use protocol::code::{ISSUER_END, IssuedBy, STATION_END, STATION_SEQUENCE_END};
use protocol::keys::Signature;
use protocol::objects::{
    Allowance, Confirmation, Invoice, Party, Pass, Payment, Present, Receipt, Renewal, Rights,
    Statement,
};
use protocol::stream::{Stream, UNITS_MAX};
use protocol::units::AMOUNT_MAX;
use protocol::{
    Algorithm, AmountMinor, AssuranceClass, Code, Currency, Digest, KeyEpoch, Kind, Odometer,
    PublicKey, Reference, Sequence, Status, Timestamp,
};

fn edges(last: u64) -> impl Strategy<Value = u64> {
    const LENGTHS: [u64; 10] = [
        0,
        1,
        23,
        24,
        0xff,
        0x100,
        0xffff,
        0x1_0000,
        0xffff_ffff,
        0x1_0000_0000,
    ];
    prop_oneof![
        3 => proptest::sample::select(&LENGTHS[..]).prop_map(move |edge| edge.min(last)),
        1 => Just(last),
        3 => 0..=last,
    ]
}

pub fn small() -> impl Strategy<Value = u32> {
    edges(u64::from(u32::MAX)).prop_map(|n| n as u32)
}

fn option_of<T: Strategy>(value: T) -> impl Strategy<Value = Option<T::Value>> {
    proptest::option::of(value)
}

fn present() -> impl Strategy<Value = Option<Present>> {
    option_of(Just(Present))
}

pub fn money() -> impl Strategy<Value = AmountMinor> {
    edges(AMOUNT_MAX).prop_map(amount)
}

pub fn odometer() -> impl Strategy<Value = Odometer> {
    edges(AMOUNT_MAX).prop_map(reading)
}

pub fn time() -> impl Strategy<Value = Timestamp> {
    small().prop_map(Timestamp)
}

pub fn code() -> impl Strategy<Value = Code> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Place);
    (
        proptest::sample::select(kinds.collect::<Vec<_>>()),
        edges(u64::from(ISSUER_END - 1)),
        edges(u64::from(STATION_END - 1)),
        edges(STATION_SEQUENCE_END - 1),
        any::<[u8; 32]>(),
    )
        .prop_map(|(kind, issuer, station, sequence, spki)| {
            let by = IssuedBy {
                issuer: issuer as u32,
                station: station as u16,
            };
            Code::derive(kind, by, sequence, &spki).unwrap()
        })
}

pub fn currency() -> impl Strategy<Value = Currency> {
    (edges(u64::from(ISSUER_END - 1)), "[A-Z0-9]{3}").prop_map(|(issuer, name)| {
        Currency::new(issuer as u32, name.as_bytes().try_into().unwrap()).unwrap()
    })
}

pub fn public_key() -> impl Strategy<Value = PublicKey> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(PublicKey::Ed25519),
        (2u8..=3, any::<[u8; 32]>()).prop_map(|(sign, x)| {
            let point: Vec<u8> = std::iter::once(sign).chain(x).collect();
            PublicKey::from_slice(Algorithm::P256, &point).unwrap()
        }),
    ]
}

pub fn reference() -> impl Strategy<Value = Reference> {
    any::<[u8; 16]>().prop_map(Reference)
}

pub fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

pub fn signature() -> impl Strategy<Value = Signature> {
    proptest::collection::vec(any::<u8>(), 64).prop_map(|bytes| bytes.try_into().unwrap())
}

fn class() -> impl Strategy<Value = AssuranceClass> {
    (0u8..3).prop_map(|number| AssuranceClass::from_number(number).unwrap())
}

pub fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(Status::ALL)
}

pub fn pass() -> impl Strategy<Value = Pass> {
    let option = proptest::option::of::<BoxedStrategy<u64>>;
    (
        (code(), code(), time(), time(), public_key(), class()),
        0u32..32,
        proptest::option::of(small()),
        proptest::option::of(small()),
        option(edges(u64::MAX).boxed()),
        option(edges(u64::MAX).boxed()),
    )
        .prop_map(|(head, rights, grace_s, station, first, last)| {
            let (issuer, subject, expires, issued, key, class) = head;
            Pass {
                issuer: Party(issuer),
                subject: Party(subject),
                expires,
                issued,
                key: Confirmation(key),
                class,
                rights: Rights::from_bits(rights).unwrap(),
                grace_s,
                station,
                first_sequence: first,
                last_sequence: last,
            }
        })
}

pub fn allowance() -> impl Strategy<Value = Allowance> {
    (
        (
            code(),
            public_key(),
            small(),
            class(),
            currency(),
            odometer(),
        ),
        (small(), reference(), odometer(), money(), small()),
        (time(), time(), code(), small(), edges(u64::MAX), odometer()),
        (
            option_of(small()),
            option_of(reference()),
            option_of(money()),
        ),
    )
        .prop_map(|(purse, base, given, (hops, area, guarantee))| {
            let (code, wallet_key, key_epoch, class, currency, limit) = purse;
            let (sequence, base_head, base_odometer, most_per_payment, most_payments) = base;
            let (issued, expires, gateway, gateway_epoch, number, issued_total) = given;
            Allowance {
                code,
                wallet_key,
                key_epoch: KeyEpoch(key_epoch),
                class,
                currency,
                limit,
                base_sequence: Sequence(sequence),
                base_head,
                base_odometer,
                most_per_payment,
                most_payments,
                issued,
                expires,
                gateway,
                gateway_epoch: KeyEpoch(gateway_epoch),
                number,
                issued_total,
                hops,
                area,
                guarantee,
            }
        })
}

/// Terms whose total is an amount.
pub fn stream() -> impl Strategy<Value = Stream> {
    (edges(u64::from(UNITS_MAX)), edges(AMOUNT_MAX), digest()).prop_map(|(count, unit, anchor)| {
        let count = count.max(1);
        Stream {
            unit: amount(unit.clamp(1, AMOUNT_MAX / count)),
            count: count as u32,
            anchor,
        }
    })
}

/// With every choice of optional fields, also those that ask for nothing.
pub fn invoice() -> impl Strategy<Value = Invoice> {
    (
        (code(), currency(), reference(), edges(u64::MAX)),
        proptest::option::of(money()),
        proptest::option::of(money()),
        proptest::option::of(small()),
        (
            time(),
            class(),
            option_of(reference()),
            option_of(reference()),
        ),
    )
        .prop_map(|(head, amount, unit, most_units, tail)| {
            let (expires, least_class, covers_for, holds) = tail;
            let (payee, currency, reference, nonce) = head;
            Invoice {
                payee,
                currency,
                amount,
                unit,
                most_units,
                reference,
                nonce,
                expires,
                least_class,
                covers_for,
                holds,
            }
        })
}

pub fn payment() -> impl Strategy<Value = Payment> {
    (
        (code(), small(), small(), reference(), code(), currency()),
        (money(), odometer(), reference(), time(), reference()),
        (
            option_of(stream()),
            option_of(reference()),
            option_of(digest()),
        ),
    )
        .prop_map(|(who, what, (stream, covers_for, covers))| {
            let (payer, key_epoch, sequence, previous, payee, currency) = who;
            let (amount, odometer, allowance, settle_by, reference) = what;
            Payment {
                payer,
                key_epoch: KeyEpoch(key_epoch),
                sequence: Sequence(sequence),
                previous,
                payee,
                currency,
                amount,
                odometer,
                allowance,
                settle_by,
                reference,
                stream,
                covers_for,
                covers,
            }
        })
}

pub fn receipt() -> impl Strategy<Value = Receipt> {
    let option = || proptest::option::of(small());
    (code(), digest(), time(), option(), option()).prop_map(
        |(payee, payment, time, declined, units)| Receipt {
            payee,
            payment,
            time,
            declined,
            units,
        },
    )
}

pub fn renewal() -> impl Strategy<Value = Renewal> {
    (
        (code(), small(), currency(), small()),
        (reference(), odometer(), money(), time(), present()),
    )
        .prop_map(|(who, what)| {
            let (code, key_epoch, currency, sequence) = who;
            let (head, odometer, wanted, time, lost) = what;
            Renewal {
                code,
                key_epoch: KeyEpoch(key_epoch),
                currency,
                sequence: Sequence(sequence),
                head,
                odometer,
                wanted,
                time,
                lost,
            }
        })
}

pub fn statement() -> impl Strategy<Value = Statement> {
    (
        (code(), small(), digest(), small()),
        (edges(u64::MAX), digest(), time()),
        (option_of(small()), present(), option_of(money())),
    )
        .prop_map(
            |(
                (gateway, epoch, payment, outcome),
                (height, root, time),
                (units, provisional, paid),
            )| Statement {
                gateway,
                gateway_epoch: KeyEpoch(epoch),
                payment,
                outcome,
                height,
                root,
                time,
                units,
                provisional,
                paid,
            },
        )
}
