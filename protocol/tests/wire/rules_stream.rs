//! What an invoice asks for, what a stream's values release, and what a receipt says.

use crate::cast::{BOTH, Cast, SEED, amount, code, reading, signed, verified};
use crate::strategies;
use proptest::prelude::*;
use protocol::objects::{Allowance, Asked, Invoice, Payment, Receipt};
use protocol::rules::{Answer, Spent, answer, fits, released};
use protocol::stream::{Chain, Stream, UNITS_MAX};
use protocol::units::AMOUNT_MAX;
use protocol::{Algorithm, AmountMinor, Digest, Fault, KeyEpoch, Kind, Sequence, Signer, Status};

fn cast() -> Cast {
    Cast::new(Algorithm::Ed25519)
}

/// The honest stream payment with other terms, under its allowance.
fn fit_with(change: impl FnOnce(&mut Payment, &mut Stream)) -> Result<(), Status> {
    let cast = cast();
    let allowance = signed(&cast.allowance(), &cast.gateway);
    let allowance = verified::<Allowance>(&allowance, &cast.gateway.public_key());
    let (mut payment, mut stream) = (cast.stream_payment(), Cast::stream());
    change(&mut payment, &mut stream);
    payment.stream = Some(stream);
    let payment = signed(&payment, &cast.payer);
    let payment = verified::<Payment>(&payment, &cast.payer.public_key());
    fits(&allowance, &payment)
}

#[test]
fn a_stream_fits_when_its_amount_is_the_price_of_all_units() {
    assert_eq!(fit_with(|_, _| {}), Ok(()));
    assert_eq!(
        fit_with(|_, s| (s.unit, s.count) = (amount(2_500), 1)),
        Ok(()),
        "one unit"
    );
    assert_eq!(
        fit_with(|_, s| (s.unit, s.count) = (amount(1), 2_500)),
        Ok(()),
        "the smallest units"
    );
    for (unit, count) in [(25, 99), (25, 101), (24, 100), (26, 100), (2_500, 100)] {
        let outcome = fit_with(|_, s| (s.unit, s.count) = (amount(unit), count));
        assert_eq!(outcome, Err(Status::Malformed), "{count} of {unit}");
    }
    for minor in [2_499, 2_501, 25] {
        let outcome = fit_with(|p, _| p.amount = amount(minor));
        assert_eq!(outcome, Err(Status::Malformed), "{minor}");
    }
}

/// The whole amount counts, however few units will be released.
#[test]
fn a_stream_keeps_to_its_allowance_with_the_whole_amount() {
    let outcome = fit_with(|p, s| {
        (s.unit, s.count, p.amount, p.odometer) = (amount(1), 5_001, amount(5_001), reading(6_001));
    });
    assert_eq!(outcome, Err(Status::AboveMost));
    let outcome = fit_with(|p, _| p.odometer = reading(3_499));
    assert_eq!(outcome, Err(Status::OutOfInterval));
    let outcome = fit_with(|p, _| p.odometer = reading(10_001));
    assert_eq!(outcome, Err(Status::AboveLimit));

    let payment = cast().stream_payment();
    let spent = Spent::new(cast().stream_payment_id(), &payment).unwrap();
    assert_eq!((spent.from, spent.to), (reading(1_000), reading(3_500)));
}

#[test]
fn an_invoice_asks_for_one_amount_or_for_units_and_for_nothing_else() {
    let (plain, stream) = (cast().invoice(), cast().stream_invoice());
    let unit = amount(25);
    assert_eq!(plain.asked(), Some(Asked::Amount(amount(2_500))));
    assert_eq!(stream.asked(), Some(Asked::Units { unit, most: 200 }));
    let most = Invoice {
        most_units: Some(UNITS_MAX),
        ..stream
    };
    assert!(most.asked().is_some());
    let dearest = Invoice {
        unit: Some(amount(AMOUNT_MAX / 200)),
        ..stream
    };
    assert!(dearest.asked().is_some());
    let nothing = [
        Invoice {
            amount: None,
            ..plain
        },
        Invoice {
            amount: Some(AmountMinor::ZERO),
            ..plain
        },
        Invoice {
            unit: Some(unit),
            ..plain
        },
        Invoice {
            most_units: Some(1),
            ..plain
        },
        Invoice {
            unit: None,
            ..stream
        },
        Invoice {
            most_units: None,
            ..stream
        },
        Invoice {
            amount: Some(unit),
            ..stream
        },
        Invoice {
            unit: Some(AmountMinor::ZERO),
            ..stream
        },
        Invoice {
            most_units: Some(0),
            ..stream
        },
        Invoice {
            most_units: Some(UNITS_MAX + 1),
            ..stream
        },
        Invoice {
            unit: Some(amount(AMOUNT_MAX / 200 + 1)),
            ..stream
        },
    ];
    for invoice in nothing {
        assert_eq!(invoice.asked(), None, "{invoice:?}");
    }
}

#[test]
fn an_invoice_is_met_by_its_own_amount_or_unit_and_no_more_units() {
    let (plain, stream) = (cast().payment(), cast().stream_payment());
    let with = |unit, count| Payment {
        amount: amount(unit * u64::from(count)),
        stream: Some(Stream {
            unit: amount(unit),
            count,
            ..Cast::stream()
        }),
        ..stream
    };
    let wrong = Err(Status::WrongAmount);
    let asked = Asked::Amount(amount(2_500));
    assert_eq!(asked.met_by(&plain), Ok(()));
    assert_eq!(asked.met_by(&stream), wrong, "by the unit, as much in all");
    assert_eq!(Asked::Amount(amount(2_499)).met_by(&plain), wrong);
    assert_eq!(Asked::Amount(amount(2_501)).met_by(&plain), wrong);

    let asked = cast().stream_invoice().asked().unwrap();
    for count in [1, 100, 200] {
        assert_eq!(asked.met_by(&with(25, count)), Ok(()), "{count}");
    }
    for (unit, count) in [(25, 201), (24, 100), (26, 100)] {
        assert_eq!(asked.met_by(&with(unit, count)), wrong, "{count} of {unit}");
    }
    assert_eq!(asked.met_by(&plain), wrong, "not by the unit");
}

/// The honest stream payment and its values from the anchor up to the seed.
fn stream() -> (Payment, Vec<Digest>) {
    let payment = cast().stream_payment();
    let chain = Chain::of(&payment);
    let mut values: Vec<_> = std::iter::successors(Some(SEED), |value| Some(chain.step(value)))
        .take(101)
        .collect();
    values.reverse();
    (payment, values)
}

#[test]
fn every_value_releases_its_units_from_any_value_before_it() {
    let (payment, values) = stream();
    for (known, known_value) in (0..).zip(&values) {
        for (units, value) in (0..).zip(&values) {
            let expected = match units >= known {
                true => Ok(amount(u64::from(units) * 25)),
                false => Err(Status::WrongUnit),
            };
            let outcome = released(&payment, (known, known_value), units, value);
            assert_eq!(outcome, expected, "{units} after {known}");
        }
    }
}

#[test]
fn no_other_value_releases_anything() {
    let (payment, values) = stream();
    let wrong = Err(Status::WrongUnit);
    let first = |units, value: &Digest| released(&payment, (0, &values[0]), units, value);
    for units in 1..=100u32 {
        let at = units as usize;
        assert_eq!(first(units, &values[at - 1]), wrong, "{units}");
        assert_eq!(first(units - 1, &values[at]), wrong, "{units}");
        let mut flipped = values[at];
        flipped.0[31] ^= 1;
        assert_eq!(first(units, &flipped), wrong, "{units}");
        let again = released(&payment, (units, &values[at]), units, &flipped);
        assert_eq!(again, wrong, "{units} again");
    }
    let outcome = released(&cast().payment(), (0, &SEED), 0, &SEED);
    assert_eq!(outcome, wrong, "not a stream");
}

/// The payer may well know what hashes to its seed.
#[test]
fn a_chain_that_goes_on_above_the_count_releases_no_more() {
    let mut payment = cast().stream_payment();
    let chain = Chain::of(&payment);
    payment.stream = Some(Stream {
        anchor: chain.down(SEED, 101),
        ..Cast::stream()
    });
    let anchor = payment.stream.unwrap().anchor;
    assert!(chain.releases((0, &anchor), 101, &SEED));
    let known = (0, &anchor);
    assert_eq!(
        released(&payment, known, 101, &SEED),
        Err(Status::WrongUnit)
    );
    assert_eq!(
        released(&payment, known, 100, &chain.step(&SEED)),
        Ok(amount(2_500))
    );
    assert_eq!(
        released(&payment, known, u32::MAX, &SEED),
        Err(Status::WrongUnit)
    );
}

#[test]
fn a_value_of_another_payment_releases_nothing() {
    let (mine, values) = stream();
    let others = [
        Payment {
            payer: code(Kind::Device, 1, 9),
            ..mine
        },
        Payment {
            key_epoch: KeyEpoch(2),
            ..mine
        },
        Payment {
            sequence: Sequence(5),
            ..mine
        },
    ];
    let anchor = Cast::stream().anchor;
    for other in others {
        for units in [1, 100] {
            let outcome = released(&other, (0, &anchor), units, &values[units as usize]);
            assert_eq!(outcome, Err(Status::WrongUnit), "{other:?}");
        }
    }
}

fn answered(payment: &Payment, change: impl FnOnce(Receipt) -> Receipt) -> Result<Answer, Status> {
    let cast = cast();
    let payment = signed(payment, &cast.payer);
    let payment = verified::<Payment>(&payment, &cast.payer.public_key());
    let receipt = Receipt {
        payment: payment.id(),
        ..cast.receipt()
    };
    answer(&payment, &change(receipt))
}

#[test]
fn a_receipt_takes_a_payment_or_closes_a_stream() {
    let (plain, stream) = (cast().payment(), cast().stream_payment());
    let wrong = Err(Status::WrongReceipt);
    let with_units = |units| {
        move |receipt| Receipt {
            units: Some(units),
            ..receipt
        }
    };
    assert_eq!(answered(&plain, |receipt| receipt), Ok(Answer::Taken));
    assert_eq!(answered(&stream, |receipt| receipt), wrong, "how many?");
    for units in [0, 37, 100] {
        let closed = Ok(Answer::Closed { units });
        assert_eq!(answered(&stream, with_units(units)), closed);
        assert_eq!(answered(&plain, with_units(units)), wrong);
    }
    for units in [101, UNITS_MAX, u32::MAX] {
        let outcome = answered(&stream, with_units(units));
        assert_eq!(outcome, Err(Status::WrongUnit), "{units}");
    }
}

#[test]
fn only_a_refusal_declines() {
    let payments = [cast().payment(), cast().stream_payment()];
    for number in 0..=300u32 {
        let status = u8::try_from(number).ok().and_then(Status::from_number);
        let expected = match status {
            Some(status) if status.fault() != Fault::None => Ok(Answer::Declined(status)),
            _ => Err(Status::WrongReceipt),
        };
        for payment in &payments {
            let outcome = answered(payment, |receipt| Receipt {
                declined: Some(number),
                ..receipt
            });
            assert_eq!(outcome, expected, "{number}");
            let both = answered(payment, |receipt| Receipt {
                declined: Some(number),
                units: Some(0),
                ..receipt
            });
            assert_eq!(both, Err(Status::WrongReceipt), "{number} and units");
        }
    }
}

#[test]
fn a_receipt_for_another_payment_or_by_somebody_else_is_wrong() {
    let payment = cast().payment();
    let wrong = Err(Status::WrongReceipt);
    let outcome = answered(&payment, |receipt| Receipt {
        payment: Digest([0; 32]),
        ..receipt
    });
    assert_eq!(outcome, wrong);
    let outcome = answered(&payment, |receipt| Receipt {
        payee: payment.payer,
        ..receipt
    });
    assert_eq!(outcome, wrong);
    let outcome = answered(&payment, |receipt| Receipt {
        payee: payment.payer,
        declined: Some(Status::WrongAmount as u32),
        ..receipt
    });
    assert_eq!(outcome, wrong, "nobody declines for another");
}

proptest! {
    #[test]
    fn units_never_cost_more_than_the_amount(stream in strategies::stream(), units in 0..=UNITS_MAX + 1) {
        let all = stream.cost(stream.count).unwrap();
        match stream.cost(units) {
            Some(cost) => prop_assert!(units <= stream.count && cost <= all),
            None => prop_assert!(units > stream.count),
        }
    }
}

#[test]
fn terms_whose_total_is_no_amount_cannot_be_read() {
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        for (unit, count, good) in [
            (AMOUNT_MAX, 1, true),
            (AMOUNT_MAX / 2, 2, true),
            (AMOUNT_MAX / 2 + 1, 2, false),
            (AMOUNT_MAX >> 20, UNITS_MAX, true),
            ((AMOUNT_MAX >> 20) + 1, UNITS_MAX, false),
            (1, UNITS_MAX + 1, false),
            (1, 0, false),
            (0, 1, false),
        ] {
            let payment = Payment {
                stream: Some(Stream {
                    unit: amount(unit),
                    count,
                    ..Cast::stream()
                }),
                ..cast.stream_payment()
            };
            let bytes = signed(&payment, &cast.payer);
            let read = protocol::cose::open::<Payment>(&bytes, &crate::cast::network());
            assert_eq!(read.is_ok(), good, "{count} of {unit}");
        }
    }
}
