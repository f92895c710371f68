//! Columns back into values. A column that does not read is a damaged row, not a panic.

use crate::error::Damage;
use protocol::keys::Algorithm;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, Digest, GridCode, KeyEpoch, Kind, Odometer,
    PublicKey, Reference, Sequence, Timestamp,
};

/// Reads columns of one row and says which row it was when one does not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub table: &'static str,
    pub key: &'a (dyn std::fmt::Debug + Sync),
}

macro_rules! columns {
    ($($name:ident($from:ty) -> $to:ty: $read:expr, $what:literal;)*) => {
        $(pub(crate) fn $name(&self, column: $from) -> Result<$to, Damage> {
            let read: fn($from) -> Option<$to> = $read;
            read(column).ok_or_else(|| self.damaged($what))
        })*
    };
}

impl Row<'_> {
    pub(crate) fn damaged(&self, what: &'static str) -> Damage {
        Damage::new(self.table, format_args!("{:?}", self.key), what)
    }

    columns! {
        code(&[u8]) -> Code: |b| Code::from_bytes(b.try_into().ok()?).ok(), "no code";
        grid(&[u8]) -> GridCode: |b| GridCode::from_bytes(b.try_into().ok()?).ok(), "no grid code";
        currency(&[u8]) -> Currency: |b| Currency::from_bytes(b.try_into().ok()?), "no currency";
        digest(&[u8]) -> Digest: Digest::from_slice, "no identifier";
        reference(&[u8]) -> Reference: Reference::from_slice, "no reference";
        amount(i64) -> AmountMinor: |n| AmountMinor::new(n.try_into().ok()?), "no amount";
        odometer(i64) -> Odometer: |n| Odometer::new(n.try_into().ok()?), "no odometer";
        count(i64) -> u64: |n| n.try_into().ok(), "negative count";
        time(i64) -> Timestamp: |n| n.try_into().ok().map(Timestamp), "no time";
        sequence(i64) -> Sequence: |n| n.try_into().ok().map(Sequence), "no sequence";
        key_epoch(i64) -> KeyEpoch: |n| n.try_into().ok().map(KeyEpoch), "no key epoch";
        units(i64) -> u32: |n| n.try_into().ok(), "no units";
        kind(i64) -> Kind: |n| Kind::from_number(n.try_into().ok()?), "no kind";
        class(i64) -> AssuranceClass: |n| AssuranceClass::from_number(n.try_into().ok()?), "no class";
        hash(&[u8]) -> [u8; 32]: |b| b.try_into().ok(), "no hash";
        serial(&[u8]) -> [u8; 16]: |b| b.try_into().ok(), "no serial";
        exponent(i64) -> u8: |n| n.try_into().ok(), "no exponent";
    }

    pub(crate) fn public_key(&self, algorithm: i64, bytes: &[u8]) -> Result<PublicKey, Damage> {
        i8::try_from(algorithm)
            .ok()
            .and_then(Algorithm::from_cose)
            .and_then(|algorithm| PublicKey::from_slice(algorithm, bytes))
            .ok_or_else(|| self.damaged("no public key"))
    }
}
