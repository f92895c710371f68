//! Which two payments of one key cannot both be true.

use crate::cast::{Cast, code, reading, usd};
use proptest::prelude::*;
use protocol::rules::{Contradiction, Spent, contradiction};
use protocol::{Algorithm, AmountMinor, Currency, Digest, KeyEpoch, Kind, Sequence};

/// Each side: id, payer, key epoch, currency, sequence, odometer before..after.
const TABLE: &str = "
    a   car 1 USD 4  1000..3500  |  a   car 1 USD 4  1000..3500  |  -         the same payment
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  3500..4000  |  -         one after the other
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 9  3500..4000  |  -         numbers may be skipped
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  9000..9500  |  -         readings may be skipped
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 4  1000..3500  |  sequence  one number, two contents
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 4  3500..4000  |  sequence  even when the intervals are apart
    a   car 1 USD 4  1000..3500  |  b   car 1 EUR 4  0..10       |  sequence  even in two currencies
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  3499..4000  |  overlap   begins one below the end
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  1000..3500  |  overlap   spends the same interval
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  0..1000     |  overlap   the reading ran back
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  0..1        |  overlap   far back
    a   car 1 USD 4  1000..3500  |  b   car 1 USD 5  0..9000     |  overlap   swallows the other
    a   car 1 USD 4  1000..3500  |  b   car 1 EUR 5  0..10       |  -         every currency has its odometer
    a   car 1 USD 4  1000..3500  |  b   car 2 USD 4  0..10       |  -         another life of the key
    a   car 1 USD 4  1000..3500  |  b   car 2 USD 5  1000..3500  |  -         another life of the key
    a   car 1 USD 4  1000..3500  |  b   bus 1 USD 4  1000..3500  |  -         another purse
";

fn side(text: &str) -> Spent {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [id, payer, epoch, currency, sequence, interval] = words[..] else {
        unreachable!("six words, not {text:?}")
    };
    let (from, to) = interval.split_once("..").unwrap();
    let sequence_of = |name| if name == "car" { 1 } else { 2 };
    Spent {
        id: Digest([id.as_bytes()[0]; 32]),
        payer: code(Kind::Device, 1, sequence_of(payer)),
        key_epoch: KeyEpoch(epoch.parse().unwrap()),
        currency: Currency::new(1, currency.as_bytes().try_into().unwrap()).unwrap(),
        sequence: Sequence(sequence.parse().unwrap()),
        from: reading(from.parse().unwrap()),
        to: reading(to.parse().unwrap()),
    }
}

#[test]
fn the_table_of_contradictions_holds_in_both_directions() {
    for line in TABLE.lines().filter(|line| !line.trim().is_empty()) {
        let parts: Vec<&str> = line.split('|').collect();
        let (a, b) = (side(parts[0]), side(parts[1]));
        let expected = match parts[2].split_whitespace().next() {
            Some("sequence") => Some(Contradiction::SameSequence),
            Some("overlap") => Some(Contradiction::Overlap),
            Some("-") => None,
            other => unreachable!("no outcome is {other:?}"),
        };
        assert_eq!(contradiction(&a, &b), expected, "{line}");
        assert_eq!(contradiction(&b, &a), expected, "{line}, other way round");
    }
}

#[test]
fn an_amount_above_its_reading_is_nothing_that_was_spent() {
    let mut payment = Cast::new(Algorithm::Ed25519).payment();
    payment.odometer = reading(2_500);
    let spent = Spent::new(Digest([0; 32]), &payment).unwrap();
    assert_eq!((spent.from, spent.to), (reading(0), reading(2_500)));
    payment.odometer = reading(2_499);
    assert_eq!(Spent::new(Digest([0; 32]), &payment), None);
}

/// Payments as a purse makes them: numbers and readings only grow, with gaps here and there.
fn honest() -> impl Strategy<Value = Vec<Spent>> {
    proptest::collection::vec((1u32..5, 0u64..50, 1u64..50, any::<bool>()), 1..40).prop_map(
        |steps| {
            let (mut sequence, mut odometers) = (0, [0, 0]);
            let payer = code(Kind::Device, 1, 1);
            let currencies = [usd(), Currency::new(1, *b"EUR").unwrap()];
            let mut all = Vec::new();
            for (i, (skipped, gap, amount, other)) in steps.into_iter().enumerate() {
                let which = usize::from(other);
                sequence += skipped;
                let from = odometers[which] + gap;
                odometers[which] = from + amount;
                all.push(Spent {
                    id: Digest([i as u8; 32]),
                    payer,
                    key_epoch: KeyEpoch(1),
                    currency: currencies[which],
                    sequence: Sequence(sequence),
                    from: reading(from),
                    to: reading(odometers[which]),
                });
            }
            all
        },
    )
}

fn spent() -> impl Strategy<Value = Spent> {
    (0u8..4, 1u32..6, 0u64..40, 1u64..20, any::<bool>()).prop_map(
        |(id, sequence, from, amount, other)| Spent {
            id: Digest([id; 32]),
            payer: code(Kind::Device, 1, 1),
            key_epoch: KeyEpoch(1),
            currency: if other {
                usd()
            } else {
                Currency::new(1, *b"EUR").unwrap()
            },
            sequence: Sequence(sequence),
            from: reading(from),
            to: reading(from + amount),
        },
    )
}

proptest! {
    #[test]
    fn an_honest_purse_never_contradicts_itself(all in honest()) {
        for a in &all {
            for b in &all {
                prop_assert_eq!(contradiction(a, b), None);
            }
        }
    }

    #[test]
    fn the_order_of_looking_makes_no_difference(a in spent(), b in spent()) {
        prop_assert_eq!(contradiction(&a, &b), contradiction(&b, &a));
    }

    /// Why an odometer is enough: with no contradiction among them, the payments of one currency
    /// never add up to more than the highest reading.
    #[test]
    fn without_contradiction_the_total_is_at_most_the_highest_reading(all in proptest::collection::vec(spent(), 1..6)) {
        let mut distinct: Vec<Spent> = Vec::new();
        for spent in all {
            if distinct.iter().all(|other| other.id != spent.id) {
                distinct.push(spent);
            }
        }
        let contradicts = distinct.iter().any(|a| distinct.iter().any(|b| contradiction(a, b).is_some()));
        let in_usd = || distinct.iter().filter(|spent| spent.currency == usd());
        let total: u64 = in_usd().map(|s| s.to.since(s.from).map_or(0, AmountMinor::get)).sum();
        let highest = in_usd().map(|s| s.to.get()).max().unwrap_or(0);
        prop_assert!(contradicts || total <= highest);
    }
}
