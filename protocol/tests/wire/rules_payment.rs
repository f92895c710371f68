//! When a payment stands under its allowance, and when a payee may take it with nobody to ask.

use crate::cast::{BOTH, Cast, DAY_S, HOLDINGS, NOW, amount, code, reading, signed, verified};
use proptest::prelude::*;
use protocol::objects::{Allowance, Payment};
use protocol::rules::{Expected, PayeeView, Spent, acceptable, contradiction, fits};
use protocol::units::AMOUNT_MAX;
use protocol::{
    Algorithm, AssuranceClass, Currency, KeyEpoch, Kind, Reference, Sequence, Signer, Status,
    Verified,
};

/// Signs both, after the payment was made to name that allowance, and hands them to the rule.
fn judged<R>(
    allowance: &Allowance,
    payment: &Payment,
    rule: impl FnOnce(&Verified<'_, Allowance>, &Verified<'_, Payment>) -> R,
) -> R {
    let cast = Cast::new(Algorithm::Ed25519);
    let allowance = signed(allowance, &cast.gateway);
    let allowance = verified::<Allowance>(&allowance, &cast.gateway.public_key());
    let payment = Payment {
        allowance: allowance.reference(),
        ..*payment
    };
    let payment = signed(&payment, &cast.payer);
    let payment = verified::<Payment>(&payment, &cast.payer.public_key());
    rule(&allowance, &payment)
}

fn pair() -> (Allowance, Payment) {
    let cast = Cast::new(Algorithm::Ed25519);
    (cast.allowance(), cast.payment())
}

fn fit(allowance: &Allowance, payment: &Payment) -> Result<(), Status> {
    judged(allowance, payment, fits)
}

/// Changes only the payment.
fn fit_with(change: impl FnOnce(&mut Payment)) -> Result<(), Status> {
    let (allowance, mut payment) = pair();
    change(&mut payment);
    fit(&allowance, &payment)
}

#[test]
fn an_honest_payment_fits() {
    assert_eq!(fit_with(|_| {}), Ok(()));
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let allowance = signed(&cast.allowance(), &cast.gateway);
        let allowance = verified::<Allowance>(&allowance, &cast.gateway.public_key());
        let payment = signed(&cast.payment(), &cast.payer);
        let payment = verified::<Payment>(&payment, &allowance.get().wallet_key);
        assert_eq!(fits(&allowance, &payment), Ok(()), "{algorithm:?}");
    }
}

#[test]
fn a_payment_on_every_edge_of_its_allowance_fits() {
    let (allowance, _) = pair();
    assert_eq!(
        fit_with(|p| (p.amount, p.odometer) = (amount(5_000), reading(10_000))),
        Ok(()),
        "all that one payment may take, up to the limit"
    );
    assert_eq!(
        fit_with(|p| (p.amount, p.odometer) = (amount(1), reading(1_001))),
        Ok(()),
        "from the base"
    );
    assert_eq!(
        fit_with(|p| p.sequence = Sequence(67)),
        Ok(()),
        "the last number"
    );
    assert_eq!(
        fit_with(|p| p.settle_by = allowance.expires),
        Ok(()),
        "until the end"
    );
}

#[test]
fn another_allowance_code_epoch_or_currency_is_wrong_allowance() {
    let wrong = Err(Status::WrongAllowance);
    assert_eq!(fit_with(|p| p.payer = code(Kind::Device, 1, 9)), wrong);
    assert_eq!(fit_with(|p| p.key_epoch = KeyEpoch(2)), wrong);
    assert_eq!(
        fit_with(|p| p.currency = Currency::new(1, *b"EUR").unwrap()),
        wrong
    );
    assert_eq!(
        fit_with(|p| p.currency = Currency::new(2, *b"USD").unwrap()),
        wrong
    );

    let (allowance, payment) = pair();
    let renewed = Allowance {
        number: allowance.number + 1,
        ..allowance
    };
    let outcome = judged(&renewed, &payment, |renewed, _| {
        let cast = Cast::new(Algorithm::Ed25519);
        let of_the_old_one = signed(&payment, &cast.payer);
        let of_the_old_one = verified::<Payment>(&of_the_old_one, &cast.payer.public_key());
        fits(renewed, &of_the_old_one)
    });
    assert_eq!(outcome, wrong, "the same terms under another number");
}

#[test]
fn paying_nothing_or_oneself_is_malformed() {
    assert_eq!(fit_with(|p| p.amount = amount(0)), Err(Status::Malformed));
    assert_eq!(fit_with(|p| p.payee = p.payer), Err(Status::Malformed));
}

#[test]
fn more_than_one_payment_may_take_is_above_most() {
    let outcome = fit_with(|p| (p.amount, p.odometer) = (amount(5_001), reading(6_001)));
    assert_eq!(outcome, Err(Status::AboveMost));
}

#[test]
fn numbers_at_or_before_the_base_and_past_the_last_are_out_of_sequence() {
    for number in [0, 1, 2, 3, 68, u32::MAX] {
        let outcome = fit_with(|p| p.sequence = Sequence(number));
        assert_eq!(outcome, Err(Status::OutOfSequence), "{number}");
    }
}

#[test]
fn an_allowance_near_the_last_number_of_all_does_not_wrap() {
    let (mut allowance, mut payment) = pair();
    (allowance.base_sequence, allowance.most_payments) = (Sequence(u32::MAX - 1), u32::MAX);
    payment.sequence = Sequence(u32::MAX);
    assert_eq!(fit(&allowance, &payment), Ok(()));
    payment.sequence = Sequence(0);
    assert_eq!(fit(&allowance, &payment), Err(Status::OutOfSequence));
    allowance.base_sequence = Sequence(u32::MAX);
    payment.sequence = Sequence(u32::MAX);
    assert_eq!(fit(&allowance, &payment), Err(Status::OutOfSequence));
}

#[test]
fn a_payment_that_begins_below_the_base_is_out_of_interval() {
    let below = fit_with(|p| p.odometer = reading(3_499));
    assert_eq!(below, Err(Status::OutOfInterval), "begins at 999");
    let below_nothing = fit_with(|p| p.odometer = reading(2_499));
    assert_eq!(
        below_nothing,
        Err(Status::OutOfInterval),
        "begins below zero"
    );
}

#[test]
fn a_reading_past_the_limit_is_above_limit() {
    let outcome = fit_with(|p| p.odometer = reading(10_001));
    assert_eq!(outcome, Err(Status::AboveLimit));
    let outcome = fit_with(|p| p.odometer = reading(AMOUNT_MAX));
    assert_eq!(outcome, Err(Status::AboveLimit));
}

#[test]
fn a_deadline_after_the_allowance_expires_is_too_late() {
    let (allowance, _) = pair();
    let outcome = fit_with(|p| p.settle_by = allowance.expires.plus_s(1));
    assert_eq!(outcome, Err(Status::TooLate));
}

/// A payee that wants exactly the honest payment, an hour after the allowance was given.
fn view() -> PayeeView<'static> {
    let (_, payment) = pair();
    PayeeView {
        me: Cast::payee_code(),
        now: NOW.plus_s(3_600),
        sync_margin_s: DAY_S,
        newest: None,
        expected: Some(Expected {
            amount: payment.amount,
            reference: payment.reference,
        }),
        most_by_class: [amount(100), amount(2_500), amount(1_000_000)],
        has_time: true,
        holdings: &HOLDINGS,
    }
}

fn accept_with(
    change: impl FnOnce(&mut Allowance, &mut Payment, &mut PayeeView<'_>),
) -> Result<(), Status> {
    let ((mut allowance, mut payment), mut view) = (pair(), view());
    change(&mut allowance, &mut payment, &mut view);
    judged(&allowance, &payment, |a, p| acceptable(a, p, &view))
}

/// The honest payment, judged by a payee that took `newest` before.
fn accept_after(newest: impl FnOnce(Spent) -> Spent) -> Result<(), Status> {
    let (allowance, payment) = pair();
    judged(&allowance, &payment, |a, p| {
        let newest = newest(Spent::new(p.id(), p.get()).unwrap());
        acceptable(
            a,
            p,
            &PayeeView {
                newest: Some(&newest),
                ..view()
            },
        )
    })
}

#[test]
fn what_was_asked_for_is_accepted_with_nobody_to_ask() {
    assert_eq!(accept_with(|_, _, _| {}), Ok(()));
    assert_eq!(accept_with(|_, _, view| view.expected = None), Ok(()));
}

#[test]
fn a_payment_to_somebody_else_is_not_for_you() {
    let outcome = accept_with(|_, p, _| p.payee = code(Kind::Device, 1, 3));
    assert_eq!(outcome, Err(Status::NotForYou));
}

#[test]
fn another_reference_than_asked_for_is_wrong_reference() {
    let outcome = accept_with(|_, p, _| p.reference = Reference(*b"session 00000043"));
    assert_eq!(outcome, Err(Status::WrongReference));
}

#[test]
fn more_or_less_than_asked_for_is_wrong_amount() {
    for minor in [2_499, 2_501] {
        let outcome = accept_with(|_, p, _| p.amount = amount(minor));
        assert_eq!(outcome, Err(Status::WrongAmount), "{minor}");
    }
}

#[test]
fn what_does_not_fit_its_allowance_is_refused_with_that_status() {
    let outcome = accept_with(|a, _, _| a.limit = reading(3_499));
    assert_eq!(outcome, Err(Status::AboveLimit));
    let outcome = accept_with(|_, p, _| p.sequence = Sequence(3));
    assert_eq!(outcome, Err(Status::OutOfSequence));
    let outcome = accept_with(|_, p, _| p.key_epoch = KeyEpoch(7));
    assert_eq!(outcome, Err(Status::WrongAllowance));
}

#[test]
fn an_allowance_is_expired_from_the_second_it_names() {
    let (allowance, _) = pair();
    let at = |now| {
        accept_with(move |_, p, view| {
            (p.settle_by, view.now, view.sync_margin_s) = (allowance.expires, now, 0);
        })
    };
    assert_eq!(at(allowance.expires.minus_s(1)), Ok(()));
    assert_eq!(at(allowance.expires), Err(Status::Expired));
}

#[test]
fn a_deadline_that_leaves_no_time_to_synchronise_is_too_late() {
    let at = |margin_s| {
        accept_with(move |_, p, view| {
            (p.settle_by, view.sync_margin_s) = (view.now.plus_s(DAY_S), margin_s);
        })
    };
    assert_eq!(at(DAY_S), Ok(()));
    assert_eq!(at(DAY_S + 1), Err(Status::TooLate));
    assert_eq!(at(u32::MAX), Err(Status::TooLate));
}

#[test]
fn more_than_the_payee_takes_from_that_class_is_above_class() {
    let of = |class, most| {
        accept_with(move |a, _, view| {
            a.class = class;
            view.most_by_class = [amount(0); 3];
            view.most_by_class[class as usize] = amount(most);
        })
    };
    use AssuranceClass::{Isolated, SecureElement, Software};
    for class in [Software, Isolated, SecureElement] {
        assert_eq!(of(class, 2_500), Ok(()), "{class:?}");
        assert_eq!(of(class, 2_499), Err(Status::AboveClass), "{class:?}");
    }
}

#[test]
fn the_same_payment_again_is_accepted_again() {
    assert_eq!(accept_after(|same| same), Ok(()));
}

#[test]
fn a_payment_that_follows_the_newest_one_is_accepted() {
    let outcome = accept_after(|spent| Spent {
        id: protocol::Digest([1; 32]),
        sequence: Sequence(3),
        from: reading(500),
        to: reading(1_000),
        ..spent
    });
    assert_eq!(outcome, Ok(()));
}

#[test]
fn a_second_payment_under_a_known_number_is_a_contradiction() {
    let outcome = accept_after(|spent| Spent {
        id: protocol::Digest([1; 32]),
        ..spent
    });
    assert_eq!(outcome, Err(Status::Contradiction));
}

#[test]
fn an_interval_that_was_spent_before_is_a_contradiction() {
    let outcome = accept_after(|spent| Spent {
        id: protocol::Digest([1; 32]),
        sequence: Sequence(3),
        from: reading(0),
        to: reading(1_001),
        ..spent
    });
    assert_eq!(outcome, Err(Status::Contradiction));
}

#[test]
fn a_payment_before_the_newest_one_is_a_matter_for_a_gateway() {
    let outcome = accept_after(|spent| Spent {
        id: protocol::Digest([1; 32]),
        sequence: Sequence(5),
        from: reading(3_500),
        to: reading(4_000),
        ..spent
    });
    assert_eq!(outcome, Err(Status::AskGateway));
}

proptest! {
    /// Whatever fits lies in the allowance's interval; that is what a gateway's reserve relies on.
    #[test]
    fn whatever_fits_spends_inside_the_allowance(allowance in crate::strategies::allowance(),
                                                 payment in crate::strategies::payment(),
                                                 offset in 0u64..20_000, minor in 0u64..6_000, number in 0u32..80) {
        let mut allowance = allowance;
        let base = allowance.base_odometer.get().min(AMOUNT_MAX - 40_000);
        allowance.base_odometer = reading(base);
        allowance.limit = reading(base + 10_000);
        allowance.most_per_payment = amount(5_000);
        allowance.most_payments = 64;
        let payment = Payment {
            payer: allowance.code,
            key_epoch: allowance.key_epoch,
            currency: allowance.currency,
            amount: amount(minor),
            odometer: reading(base + offset),
            sequence: Sequence(allowance.base_sequence.0.wrapping_add(number)),
            settle_by: payment.settle_by.min(allowance.expires.plus_s(1)),
            ..payment
        };
        if fit(&allowance, &payment).is_ok() {
            let spent = Spent::new(protocol::Digest([0; 32]), &payment).unwrap();
            prop_assert!(allowance.base_odometer <= spent.from);
            prop_assert!(spent.from < spent.to && spent.to <= allowance.limit);
            prop_assert!(payment.sequence > allowance.base_sequence);
            prop_assert!(payment.settle_by <= allowance.expires);
            prop_assert_eq!(contradiction(&spent, &spent), None);
        }
    }
}
