//! How codes, identifiers and closed lists of words are spelled in JSON, and what the document of the
//! API says about each.

use super::operation::{Schemas, named};
use crate::pages::acts::read_reference;
use crate::show;
use ledger::ThingState;
use ledger::alerts::Kind as AlertKind;
use ledger::bounds::PAGE_MOST;
use protocol::chain::ActKind;
use protocol::code::base32::TextError;
use protocol::{AmountMinor, Code, Digest, GridCode, Kind, Reference};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Rows of a page where nothing is said.
const LIMIT_DEFAULT: u32 = 50;

fn text(sentence: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.description(Some(sentence))
}

/// Things that are spelled as text, each with what reads it.
macro_rules! spelled {
    ($($name:ident($of:ty) $called:literal $sentence:literal $least:literal..$most:literal $read:expr;)*) => {$(
        #[doc = $sentence]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub $of);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(from)?;
                let read: fn(&str) -> Result<$of, &'static str> = $read;
                read(&text).map(Self).map_err(D::Error::custom)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = text($sentence);
                text.min_length(Some($least)).max_length(Some($most)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $called.into()
            }
        }
    )*};
}

spelled! {
    CodeText(Code) "Code"
        "The code of a thing: 34 letters and digits. In a call, hyphens and spaces are passed over."
        34..64 |text| text.parse().map_err(TextError::sentence);
    GridText(GridCode) "GridCode"
        "A grid code: 50 letters and digits. In a call, hyphens and spaces are passed over."
        50..96 |text| text.parse().map_err(TextError::sentence);
    IdText(Digest) "Identifier"
        "An identifier: 64 hexadecimal digits."
        64..64 |text| show::parse_id(text).ok_or("64 hexadecimal digits");
    ReferenceText(Reference) "Reference"
        "The reference of an order or area: 32 hexadecimal digits."
        32..32 |text| read_reference(text).ok_or("32 hexadecimal digits");
}

/// Closed lists of words.
macro_rules! worded {
    ($($name:ident($of:ty) $called:literal $sentence:literal $all:expr;)*) => {$(
        #[doc = $sentence]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $of);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.0.word())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(from)?;
                let found = $all.iter().find(|of| of.word() == text);
                let words = || $all.iter().map(|of| of.word()).collect::<Vec<_>>().join(", ");
                let found = found.ok_or_else(|| D::Error::custom(format!("one of {}", words())));
                found.copied().map(Self)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = $all.iter().map(|of| of.word());
                text($sentence).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $called.into()
            }
        }
    )*};
}

worded! {
    KindWord(Kind) "Kind" "What a code names." Kind::ALL;
    StateWord(ThingState) "State" "How a code stands." ThingState::ALL;
    ActWord(ActKind) "Act" "A step in the life of a code." ActKind::ALL;
    AlertKindWord(AlertKind) "AlertKind" "What a rule watches." AlertKind::ALL;
}

/// An amount in the smallest unit of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minor(pub AmountMinor);

/// How many rows a page shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl Serialize for Minor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.0.get())
    }
}

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let amount = AmountMinor::new(u64::deserialize(from)?);
        let amount = amount.filter(|amount| *amount != AmountMinor::ZERO);
        amount
            .map(Self)
            .ok_or_else(|| D::Error::custom("1 to 2^63 - 1"))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let rows = u32::deserialize(from)?;
        let fits = (1..=PAGE_MOST).contains(&rows).then_some(Self(rows));
        fits.ok_or_else(|| D::Error::custom(format!("limit: 1 to {PAGE_MOST}")))
    }
}

/// All of them, for what an address names.
pub fn schemas() -> Schemas {
    let mut schemas = Schemas::new();
    named::<CodeText>(&mut schemas);
    named::<GridText>(&mut schemas);
    named::<IdText>(&mut schemas);
    named::<ReferenceText>(&mut schemas);
    named::<KindWord>(&mut schemas);
    named::<StateWord>(&mut schemas);
    named::<Limit>(&mut schemas);
    schemas
}

fn number(sentence: &str, least: i64, most: i64) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    let number = number.minimum(Some(least)).maximum(Some(most));
    number.description(Some(sentence))
}

impl PartialSchema for Minor {
    fn schema() -> RefOr<Schema> {
        let sentence = "An amount in the smallest unit of its currency.";
        number(sentence, 1, i64::MAX).into()
    }
}

impl ToSchema for Minor {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let rows = number("How many rows a page shall have.", 1, PAGE_MOST.into());
        rows.default(Some(LIMIT_DEFAULT.into())).into()
    }
}

impl ToSchema for Limit {
    fn name() -> Cow<'static, str> {
        "Limit".into()
    }
}
