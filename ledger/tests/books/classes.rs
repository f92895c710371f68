//! Wallet classes, and currencies with terms of their own.

use crate::support::*;
use ledger::{ClassTerms, Ledger};
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::cose::open;
use protocol::objects::Area;
use protocol::{GridCode, Reference, Signer, Status};

/// Dollars have the usual terms; euros have their own.
async fn classes(usual: ClassTerms, euros: ClassTerms) -> (tempfile::TempDir, World, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    bearings.policy.usual = [usual; 3];
    bearings.policy.currencies[0] = Some((eur(), [euros; 3]));
    let ledger = Ledger::open(&world.path, bearings).await.unwrap();
    declare(&ledger).await;
    (folder, world, ledger)
}

fn terms() -> ClassTerms {
    ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
}

#[tokio::test]
async fn a_load_above_what_a_class_may_hold_is_refused_and_a_payment_is_not() {
    let holding = ClassTerms {
        holding: amount(1_000),
        ..terms()
    };
    let (_folder, world, ledger) = classes(holding, terms()).await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let more = ledger.load(order(&payer, 1, "more"), NOW).await;
    assert_eq!(more.unwrap_err(), Status::AboveHolding);
    let mut euros = order(&payer, 5_000, "euros");
    euros.currency = eur();
    ledger.load(euros, NOW).await.unwrap();
    ledger.load(order(&payee, 900, "payee"), NOW).await.unwrap();
    let payment = payer.pay(&payee.code, 600);
    ledger
        .hand_in(payment.evidence(), Some(payee.receipt(&payment)), NOW)
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payee).await, (1_500, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn renewals_of_one_day_set_aside_no_more_than_the_class_may_pay_out() {
    let daily = ClassTerms {
        daily: amount(500),
        ..terms()
    };
    let (_folder, world, ledger) = classes(daily, terms()).await;
    let (mut payer, payee) = pair(&ledger, &world, 2_000).await;
    assert_eq!(held(&ledger, &payer).await, (1_500, 500));
    let payment = payer.pay(&payee.code, 500);
    ledger
        .hand_in(payment.evidence(), Some(payee.receipt(&payment)), NOW)
        .await
        .unwrap();
    let today = ledger
        .renew(payer.renewal(usd(), 9, NOW.plus_s(1)), NOW)
        .await;
    assert_eq!(today.unwrap_err(), Status::AboveDaily);
    let tomorrow = NOW.plus_s(LIFE_S);
    let given = payer.renew(&ledger, 800, tomorrow).await;
    assert_eq!((given.base_odometer.get(), given.limit.get()), (500, 1_000));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn an_area_is_signed_named_by_allowances_and_bounds_the_exposure() {
    let (_folder, world, ledger) = classes(terms(), terms()).await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    for seed in 13..20 {
        Purse::register(&ledger, &world, seed).await;
    }
    let view = ledger.purse(&payer.code).await.unwrap()[0].clone();
    assert_eq!((view.exposed, view.payees), (amount(1_000), 8));
    assert_eq!(view.exposure, Some(amount(8_000)));
    let point = |degrees: i64| Point::from_nanodegrees(degrees * 1_000_000_000, 0).unwrap();
    let mut grids = Vec::new();
    for degrees in [1, 1, 20] {
        let place = Place {
            by: IssuedBy {
                issuer: 1,
                station: 1,
            },
            level: Level::DEFAULT,
            point: point(degrees),
            height_dm: None,
            span: Span::new(30_000_000 + grids.len() as u64, None).unwrap(),
            owner: payee.code,
        };
        grids.push(GridCode::derive(&place).unwrap());
    }
    ledger
        .issue_grid(grids[0], "Bay", payee.code, "op", NOW)
        .await
        .unwrap();
    let cells = [grids[0].cell()];
    let area = ledger.define_area(&cells, "Yard", "op", NOW).await.unwrap();
    assert_eq!(
        ledger
            .define_area(&cells, "Other", "op", NOW)
            .await
            .unwrap(),
        area
    );
    for grid in &grids[1..] {
        ledger
            .issue_grid(*grid, "Bay", payee.code, "op", NOW)
            .await
            .unwrap();
    }
    let signed = open::<Area>(&area.bytes, &network()).unwrap();
    let signed = signed.verify(&world.gateway_key.public_key()).unwrap();
    assert!(signed.get().contains(&grids[1].cell()) && !signed.get().contains(&grids[2].cell()));
    assert_eq!(ledger.areas().await.unwrap()[0].places, 2);
    let nowhere = ledger
        .assign_area(&payer.code, Some(Reference([9; 16])))
        .await;
    assert_eq!(nowhere.unwrap_err(), Status::OutsideArea);
    ledger
        .assign_area(&payer.code, Some(area.reference))
        .await
        .unwrap();
    let given = payer.renew(&ledger, 1_000, NOW.plus_s(1)).await;
    assert_eq!(given.area, Some(area.reference));
    let view = ledger.purse(&payer.code).await.unwrap()[0].clone();
    assert_eq!((view.payees, view.exposure), (2, Some(amount(2_000))));
    ledger.assign_area(&payer.code, None).await.unwrap();
    let given = payer.renew(&ledger, 1_000, NOW.plus_s(2)).await;
    assert_eq!(given.area, None);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn allowances_say_what_their_currency_and_class_permit() {
    let euros = ClassTerms {
        allowance: amount(70),
        per_payment: amount(7),
        hops: 2,
        guarantee: amount(50),
        ..terms()
    };
    let (_folder, world, ledger) = classes(terms(), euros).await;
    let (mut payer, _) = pair(&ledger, &world, 100).await;
    let mut load = order(&payer, 100, "euros");
    load.currency = eur();
    ledger.load(load, NOW).await.unwrap();
    let dollars = payer.renew(&ledger, 100, NOW.plus_s(1)).await;
    assert_eq!((dollars.hops, dollars.guarantee), (None, None));
    let grant = ledger
        .renew(payer.renewal(eur(), 100, NOW), NOW)
        .await
        .unwrap();
    let given = payer.take(&grant);
    assert_eq!((given.limit.get(), given.most_per_payment.get()), (70, 7));
    assert_eq!((given.hops, given.guarantee), (Some(2), Some(amount(50))));
    assert_sound(&ledger).await;
}
