//! Money that takes two persons.

use crate::support::*;
use ledger::bounds::{REQUEST_LIFE_S, REQUESTS_MOST};
use ledger::views::Page;
use ledger::{Ledger, MoneyWish, RequestDecision, RequestState, Undecided, Verdict, Way};
use protocol::{Status, Timestamp};

fn wish(purse: &Purse, minor: u64, key: &str) -> MoneyWish {
    MoneyWish {
        order: order(purse, minor, key),
        way: Way::Load,
        person: "Ada".into(),
    }
}

fn says(person: &str, verdict: Verdict, at: Timestamp) -> RequestDecision {
    RequestDecision {
        verdict,
        by: format!("token of {person}"),
        person: person.into(),
        at,
    }
}

async fn limited() -> (tempfile::TempDir, World, Ledger, Purse) {
    let (folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let most = Some(amount(100));
    ledger.limit_alone(usd(), most, "owner", NOW).await.unwrap();
    (folder, world, ledger, purse)
}

#[tokio::test]
async fn above_the_limit_it_takes_two_and_below_it_one() {
    let (_folder, _world, ledger, purse) = limited().await;
    ledger.load(order(&purse, 100, "at"), NOW).await.unwrap();
    let above = ledger.load(order(&purse, 101, "above"), NOW).await;
    assert_eq!(above.unwrap_err(), Status::AboveLimit);
    let asked = ledger.ask_for_money(wish(&purse, 101, "two"), NOW).await;
    let asked = asked.unwrap();
    assert_eq!(asked.state(NOW), RequestState::Waiting);
    assert_eq!(held(&ledger, &purse).await, (100, 0));
    // The key waits: nobody carries the order out alone, even where the limit is gone.
    ledger.limit_alone(usd(), None, "owner", NOW).await.unwrap();
    let around = ledger.load(asked.wish.order.clone(), NOW).await;
    assert_eq!(around.unwrap_err(), Status::NotPermitted);

    let own = says("Ada", Verdict::Confirmed, NOW);
    let own = ledger.decide_request(asked.number, own).await.unwrap();
    assert_eq!(own.unwrap_err(), Undecided::OwnRequest);
    let ben = says("Ben", Verdict::Confirmed, NOW.plus_s(5));
    let done = ledger.decide_request(asked.number, ben.clone()).await;
    let done = done.unwrap().unwrap();
    assert_eq!(done.state(NOW), RequestState::Confirmed);
    assert_eq!(held(&ledger, &purse).await, (201, 0));
    let newest = ledger.loads(&Page::first(1)).await.unwrap().rows;
    assert_eq!(newest[0].order, asked.wish.order);
    assert_eq!(newest[0].second.as_deref(), Some("token of Ben"));
    // Again: the same answer, once.
    let again = ledger.decide_request(asked.number, ben).await.unwrap();
    assert_eq!(again.unwrap(), done);
    let cleo = says("Cleo", Verdict::Refused, NOW);
    let late = ledger.decide_request(asked.number, cleo).await.unwrap();
    assert_eq!(late.unwrap_err(), Undecided::Decided);
    assert_eq!(held(&ledger, &purse).await, (201, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn what_is_refused_or_lapses_moves_nothing_ever() {
    let (_folder, _world, ledger, purse) = limited().await;
    let first = ledger.ask_for_money(wish(&purse, 500, "a"), NOW).await;
    let second = ledger.ask_for_money(wish(&purse, 500, "b"), NOW).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    let no = says("Ben", Verdict::Refused, NOW);
    let refused = ledger.decide_request(first.number, no).await.unwrap();
    assert_eq!(refused.unwrap().state(NOW), RequestState::Refused);
    let yes = says("Cleo", Verdict::Confirmed, NOW);
    let decided = ledger.decide_request(first.number, yes).await.unwrap();
    assert_eq!(decided.unwrap_err(), Undecided::Decided);
    let end = NOW.plus_s(REQUEST_LIFE_S);
    let yes = says("Ben", Verdict::Confirmed, end);
    let lapsed = ledger.decide_request(second.number, yes).await.unwrap();
    assert_eq!(lapsed.unwrap_err(), Undecided::Expired);
    assert_eq!(second.state(end), RequestState::Expired);
    let unknown = says("Ben", Verdict::Confirmed, NOW);
    let unknown = ledger.decide_request(99, unknown).await.unwrap();
    assert_eq!(unknown.unwrap_err(), Undecided::Unknown);
    assert_eq!(held(&ledger, &purse).await, (0, 0));
    assert_eq!(ledger.requests_waiting(end).await.unwrap(), 0);
    assert!(ledger.waiting_requests(end).await.unwrap().is_empty());
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn what_the_books_refuse_goes_on_waiting() {
    let (_folder, _world, ledger, purse) = limited().await;
    let out = MoneyWish {
        way: Way::Redeem,
        ..wish(&purse, 150, "out")
    };
    let out = ledger.ask_for_money(out, NOW).await.unwrap();
    let yes = says("Ben", Verdict::Confirmed, NOW);
    let short = ledger.decide_request(out.number, yes.clone()).await;
    assert_eq!(short.unwrap_err(), Status::NotFunded);
    let waits = ledger.money_request(out.number).await.unwrap().unwrap();
    assert_eq!(waits, out);
    for key in ["x", "y"] {
        ledger.load(order(&purse, 100, key), NOW).await.unwrap();
    }
    let paid = ledger.decide_request(out.number, yes).await.unwrap();
    assert_eq!(paid.unwrap().state(NOW), RequestState::Confirmed);
    assert_eq!(held(&ledger, &purse).await, (50, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn one_key_is_one_request_and_few_wait() {
    let (_folder, world, ledger, purse) = limited().await;
    let first = ledger.ask_for_money(wish(&purse, 500, "k"), NOW).await;
    let again = ledger
        .ask_for_money(wish(&purse, 500, "k"), NOW.plus_s(9))
        .await;
    assert_eq!(first.unwrap(), again.unwrap());
    let someone = MoneyWish {
        person: "Ben".into(),
        ..wish(&purse, 500, "k")
    };
    for other in [wish(&purse, 501, "k"), someone] {
        let other = ledger.ask_for_money(other, NOW).await;
        assert_eq!(other.unwrap_err(), Status::NotPermitted);
    }
    ledger.load(order(&purse, 1, "done"), NOW).await.unwrap();
    let taken = ledger.ask_for_money(wish(&purse, 500, "done"), NOW).await;
    assert_eq!(taken.unwrap_err(), Status::NotPermitted);
    let nobody = Purse {
        code: world.gateway,
        ..purse.clone()
    };
    let nobody = ledger.ask_for_money(wish(&nobody, 500, "nobody"), NOW);
    assert_eq!(nobody.await.unwrap_err(), Status::UnknownCode);
    for number in 1..REQUESTS_MOST {
        let wish = wish(&purse, 500, &format!("k{number}"));
        ledger.ask_for_money(wish, NOW).await.unwrap();
    }
    let full = ledger.ask_for_money(wish(&purse, 500, "full"), NOW).await;
    assert_eq!(full.unwrap_err(), Status::Full);
    let waiting = ledger.waiting_requests(NOW).await.unwrap();
    assert_eq!(waiting.len() as u64, REQUESTS_MOST);
    // Once they have lapsed there is room again.
    let later = NOW.plus_s(REQUEST_LIFE_S);
    let room = ledger.ask_for_money(wish(&purse, 500, "full"), later).await;
    assert!(room.is_ok());
}

#[tokio::test]
async fn limits_are_of_one_currency_and_change() {
    let (_folder, _world, ledger, purse) = limited().await;
    let mut euros = order(&purse, 500, "euros");
    euros.currency = eur();
    ledger.load(euros, NOW).await.unwrap();
    let zero = Some(amount(0));
    ledger.limit_alone(usd(), zero, "owner", NOW).await.unwrap();
    let one = ledger.load(order(&purse, 1, "one"), NOW).await;
    assert_eq!(one.unwrap_err(), Status::AboveLimit);
    let limits = ledger.limits_alone().await.unwrap();
    assert_eq!((limits.len(), limits[0].most), (1, amount(0)));
    ledger.limit_alone(usd(), None, "owner", NOW).await.unwrap();
    ledger.load(order(&purse, 1, "one"), NOW).await.unwrap();
    let yen = protocol::Currency::new(1, *b"JPY").unwrap();
    let yen = ledger.limit_alone(yen, None, "owner", NOW).await;
    assert_eq!(yen.unwrap_err(), Status::NotPermitted);
}
