use crate::support::*;
use ledger::ThingState;
use ledger::views::{Page, PaymentQuery, ThingQuery};

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    for _ in 0..7 {
        let evidence = payer.pay(&payee.code, 1).evidence();
        ledger.hand_in(evidence, None, NOW).await.unwrap();
    }
    for most in [1, 2, 3, 7, 100] {
        let (mut page, mut seen) = (Page::first(most), Vec::new());
        loop {
            let listing = ledger
                .payments(&PaymentQuery::default(), &page)
                .await
                .unwrap();
            assert!(listing.rows.len() <= most as usize);
            seen.extend(listing.rows.iter().map(|row| row.sequence.0));
            match listing.next {
                Some(next) => page.after = Some(next.to_string().parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    }
}

#[tokio::test]
async fn payments_are_found_by_either_side() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let third = Purse::register(&ledger, &world, 13).await;
    for to in [&payee, &third, &payee] {
        let evidence = payer.pay(&to.code, 1).evidence();
        ledger.hand_in(evidence, None, NOW).await.unwrap();
    }
    for (by, to, count) in [
        (Some(&payer), None, 3),
        (None, Some(&payee), 2),
        (Some(&payer), Some(&third), 1),
        (Some(&payee), None, 0),
    ] {
        let query = PaymentQuery {
            payer: by.map(|purse| purse.code),
            payee: to.map(|purse| purse.code),
        };
        let rows = ledger.payments(&query, &Page::first(9)).await.unwrap().rows;
        assert_eq!(rows.len(), count);
    }
}

#[tokio::test]
async fn one_payment_shows_everything_that_was_signed() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 3);
    assert_eq!(ledger.payment(&payment.id).await.unwrap(), None);
    let receipt = payee.receipt(&payment);
    ledger
        .hand_in(payment.evidence(), Some(receipt.clone()), NOW)
        .await
        .unwrap();
    let detail = ledger.payment(&payment.id).await.unwrap().unwrap();
    assert_eq!(detail.payment, payment.payment);
    assert_eq!(detail.allowance, payment.allowance);
    assert_eq!(detail.receipt.as_deref(), Some(receipt.bytes()));
    assert!(detail.statement.is_some());
    assert_eq!((detail.row.settled, detail.fraud), (Some(NOW), None));
}

#[tokio::test]
async fn things_are_found_by_name_code_kind_and_state() {
    let (_folder, world, ledger) = house().await;
    let mut purses = Vec::new();
    for seed in [1, 2, 10, 11] {
        purses.push(Purse::register(&ledger, &world, seed).await);
    }
    let frozen = purses[3].code;
    ledger
        .set_state(&frozen, ThingState::Frozen, "", "", NOW)
        .await
        .unwrap();
    let find = |text: &str, state| {
        let (ledger, text) = (ledger.clone(), text.to_owned());
        async move {
            let query = ThingQuery {
                text,
                kind: Some(protocol::Kind::Device),
                state,
            };
            let rows = ledger.things(&query, &Page::first(9)).await.unwrap().rows;
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        }
    };
    assert_eq!(find("", None).await.len(), 4);
    assert_eq!(
        find(" THING 1", None).await,
        ["Thing 1", "Thing 10", "Thing 11"]
    );
    assert_eq!(
        find("thing 1", Some(ThingState::Frozen)).await,
        ["Thing 11"]
    );
    assert_eq!(find(&purses[1].code.to_string(), None).await, ["Thing 2"]);
    let named = ThingQuery {
        text: "thing 1".into(),
        ..ThingQuery::default()
    };
    let mut page = Page::first(1);
    for name in ["Thing 1", "Thing 10", "Thing 11"] {
        let listing = ledger.things(&named, &page).await.unwrap();
        assert_eq!(listing.rows[0].name, name);
        page.after = listing.next;
    }
    assert_eq!(page.after, None);
    assert_eq!(find("' OR 1=1 --", None).await.len(), 0);
    assert_eq!(find("%", None).await.len(), 0);
}

#[tokio::test]
async fn a_purse_shows_what_it_could_still_spend() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 300);
    ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    let view = ledger.purse(&payer.code).await.unwrap().remove(0);
    assert_eq!((view.odometer.get(), view.limit.get()), (300, 1_000));
    assert_eq!(view.exposed.get(), 700);
    assert_eq!(view.expires, NOW.plus_s(LIFE_S));
    ledger.load(order(&payee, 1, "payee"), NOW).await.unwrap();
    let view = ledger.purse(&payee.code).await.unwrap().remove(0);
    assert_eq!((view.row.free.get(), view.incoming.get()), (1, 300));

    let listing = ledger.purses(&Page::first(1)).await.unwrap();
    assert_eq!(listing.rows[0].code, payee.code);
    let page = Page {
        after: listing.next,
        most: 1,
    };
    let listing = ledger.purses(&page).await.unwrap();
    assert_eq!(listing.rows[0].code, payer.code);
    assert_eq!(listing.next, None);

    let overview = ledger.overview().await.unwrap();
    assert_eq!(
        (overview.things, overview.payments, overview.in_transit),
        (2, 1, 1)
    );
    assert!(overview.conservation.iter().all(|row| row.holds));
}
