//! Prices and rates as a person types them.

use device_sdk::purse::{Buying, Rate};
use protocol::objects::{Measure, Price};
use protocol::{AmountMinor, Kind, Reference};

const WANTS_PRICE: &str = "wants ITEM:MEASURE:AMOUNT, such as energy:watt-hour:40";
const WANTS_BUYING: &str = "wants MEASURE:QUANTITY:ITEM, such as watt-hour:1000:energy";
const WANTS_RATE: &str = "wants MEASURE=AMOUNT/QUANTITY, such as watt-hour=40/1000";
const WANTS_KIND: &str = "wants KIND=AMOUNT, such as device=2000000";

/// What people call a measure.
pub fn name_of(measure: Measure) -> &'static str {
    match measure {
        Measure::Piece => "piece",
        Measure::Second => "second",
        Measure::WattHour => "watt-hour",
        Measure::Byte => "byte",
        Measure::Read => "read",
        Measure::Millilitre => "millilitre",
        Measure::Metre => "metre",
    }
}

/// What a price list calls something, as text where it is text.
pub fn item_name(item: &Reference) -> String {
    let text = item.0.split(|byte| *byte == 0).next().unwrap_or_default();
    let rest = item.0.get(text.len()..).unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains(char::is_control) && rest.iter().all(|byte| *byte == 0) => {
            text.to_owned()
        }
        _ => item.0.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// One line of a tariff.
pub fn price(text: &str) -> Result<Price, String> {
    let read = || {
        let (rest, number) = text.rsplit_once(':')?;
        let (name, of) = rest.rsplit_once(':')?;
        Some(Price {
            item: item(name)?,
            measure: measure(of)?,
            amount: amount(number).filter(|amount| *amount > AmountMinor::ZERO)?,
        })
    };
    read().ok_or_else(|| {
        format!(
            "{WANTS_PRICE}; the item has up to 16 bytes, a measure is one of {}",
            measures()
        )
    })
}

/// What an invoice is for: of what measure, how much, and what the tariff calls it.
pub fn buying(text: &str) -> Result<Buying, String> {
    let read = || {
        let mut parts = text.splitn(3, ':');
        let measure = measure(parts.next()?)?;
        let quantity = parts.next()?.parse().ok()?;
        let item = match parts.next() {
            Some(name) => Some(item(name)?),
            None => None,
        };
        Some(Buying {
            measure,
            quantity,
            item,
        })
    };
    read().ok_or_else(|| {
        format!(
            "{WANTS_BUYING}; the item may be left out, a measure is one of {}",
            measures()
        )
    })
}

/// The most for so much of a measure.
pub fn rate(text: &str) -> Result<(Measure, Rate), String> {
    let read = || {
        let (of, rate) = text.split_once('=')?;
        let (number, per) = rate.split_once('/').unwrap_or((rate, "1"));
        let rate = Rate {
            amount: amount(number)?,
            per: per.parse().ok().filter(|per| *per > 0)?,
        };
        Some((measure(of)?, rate))
    };
    read().ok_or_else(|| format!("{WANTS_RATE}; a measure is one of {}", measures()))
}

/// The most in a day to payees of one kind.
pub fn kind(text: &str) -> Result<(Kind, AmountMinor), String> {
    let read = || {
        let (name, number) = text.split_once('=')?;
        let of = Kind::ALL
            .into_iter()
            .find(|kind| kind_name(*kind) == name)?;
        Some((of, amount(number)?))
    };
    let kinds = || Kind::ALL.map(kind_name).join(", ");
    read().ok_or_else(|| format!("{WANTS_KIND}; a kind is one of {}", kinds()))
}

/// What people call a kind, in one word.
pub fn kind_name(kind: Kind) -> String {
    kind.word().replace(' ', "-")
}

fn measures() -> String {
    Measure::ALL.map(name_of).join(", ")
}

fn measure(name: &str) -> Option<Measure> {
    Measure::ALL.into_iter().find(|of| name_of(*of) == name)
}

fn amount(text: &str) -> Option<AmountMinor> {
    AmountMinor::new(text.parse().ok()?)
}

/// Filled up with zeros.
fn item(name: &str) -> Option<Reference> {
    let mut bytes = [0; 16];
    let place = bytes
        .get_mut(..name.len())
        .filter(|place| !place.is_empty())?;
    place.copy_from_slice(name.as_bytes());
    Some(Reference(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_what_is_meant() {
        let energy = price("energy, day:watt-hour:40").unwrap();
        assert_eq!(item_name(&energy.item), "energy, day");
        assert_eq!(
            (energy.measure, energy.amount.get()),
            (Measure::WattHour, 40)
        );
        let bought = buying("watt-hour:1000:energy, day").unwrap();
        assert_eq!((bought.quantity, bought.item), (1_000, Some(energy.item)));
        assert_eq!(buying("piece:1").unwrap().item, None);
        let (measure, rate) = rate("watt-hour=40/1000").unwrap();
        assert_eq!(
            (measure, rate.amount.get(), rate.per),
            (Measure::WattHour, 40, 1_000)
        );
        let (of, most) = kind("passive-item=7").unwrap();
        assert_eq!((of, most.get()), (Kind::PassiveItem, 7));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_an_example() {
        for text in [
            "",
            "energy",
            "energy:hour:40",
            ":piece:1",
            "x:piece:0",
            "x:piece:-1",
        ] {
            assert!(
                price(text).unwrap_err().contains("energy:watt-hour:40"),
                "{text}"
            );
        }
        assert!(price("12345678901234567:piece:1").is_err());
        assert!(rate("second=1/0").is_err());
        assert!(buying("second").is_err());
        assert!(kind("robot=1").unwrap_err().contains("passive-item"));
    }
}
