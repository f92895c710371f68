//! Numbers and allowances that are given up: nothing is ever signed that was.

use super::super::{NoticeCursor, VOIDS};
use super::branches::{Restarting, plainly, through_every_cut};
use super::*;
use proptest::prelude::*;
use protocol::objects::{Closing, Void};
use protocol::rules::proof::{beyond, inside};

fn void(purse: &mut Roomy, first: u32, last: u32) -> Result<Vec<u8>, Status> {
    bytes(|out| purse.void(Sequence(first), Sequence(last), NOW, out))
}

fn void_in(message: &[u8]) -> Void {
    let Ok(Message::Void { void }) = Message::read(message) else {
        panic!("not a void");
    };
    *open::<Void>(void, &network()).unwrap().peek()
}

fn closing_in(message: &[u8]) -> Closing {
    let Ok(Message::Closing { closing }) = Message::read(message) else {
        panic!("not a closing");
    };
    *open::<Closing>(closing, &network()).unwrap().peek()
}

fn payment_in(message: &[u8]) -> Payment {
    let (Message::Evidence { payment, .. } | Message::Claim { payment, .. }) =
        Message::read(message).unwrap()
    else {
        panic!("no payment");
    };
    *open::<Payment>(payment, &network()).unwrap().peek()
}

fn pay(purse: &mut Roomy, value: u64, number: u8) -> Result<Vec<u8>, Status> {
    let payee = code(Kind::Device, 1, 99);
    bytes(|out| purse.pay(&order(payee, value, number), NOW, out))
}

#[test]
fn numbers_given_up_are_left_out() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = world.funded(&a, 1_000);
    pay(&mut car, 1, 1).unwrap();
    assert_eq!(
        void(&mut car, 1, 3),
        Err(Status::OutOfSequence),
        "1 is used"
    );
    assert_eq!(void(&mut car, 3, 2), Err(Status::Malformed));
    let given_up = void(&mut car, 2, 4).unwrap();
    assert_eq!(void(&mut car, 2, 4).unwrap(), given_up);
    void(&mut car, 5, 5).unwrap();
    drop(car);
    let mut car = world.roomy(&a);
    assert_eq!(void(&mut car, 2, 4).unwrap(), given_up, "after a restart");
    let second = payment_in(&pay(&mut car, 1, 2).unwrap());
    assert_eq!(second.sequence, Sequence(6));
    assert!(!inside(&void_in(&given_up), &second));
    // As many as there are places; those that lie behind make room.
    for n in 0..VOIDS as u32 {
        void(&mut car, 10 * (n + 1), 10 * (n + 1)).unwrap();
    }
    assert_eq!(void(&mut car, 100, 100), Err(Status::Full));
}

#[test]
fn what_is_journalled_and_not_signed_may_be_given_up() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = world.funded(&a, 1_000);
    *a.locked.borrow_mut() = true;
    assert_eq!(pay(&mut car, 300, 1), Err(Status::Busy));
    assert_eq!(
        void(&mut car, 1, 1),
        Err(Status::Busy),
        "nothing can be signed"
    );
    drop(car);
    *a.locked.borrow_mut() = false;
    let mut car = world.roomy(&a);
    assert_eq!(
        handed_in(&mut car),
        Ok(vec![]),
        "given up before it was signed"
    );
    let given_up = void_in(&void(&mut car, 1, 1).unwrap());
    let other = payment_in(&pay(&mut car, 200, 2).unwrap());
    assert_eq!((other.sequence, other.odometer.get()), (Sequence(2), 200));
    assert!(!inside(&given_up, &other));
    assert_eq!(a.signed.assert_one_content_per_sequence(), 1);
}

#[test]
fn nothing_is_paid_under_an_allowance_that_was_closed() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = world.funded(&a, 1_000);
    pay(&mut car, 100, 1).unwrap();
    let close = |car: &mut Roomy| bytes(|out| car.close_allowance(usd(), NOW, out));
    let closed = close(&mut car).unwrap();
    let closing = closing_in(&closed);
    assert_eq!(
        (closing.sequence, closing.odometer.get()),
        (Sequence(1), 100)
    );
    for _ in 0..2 {
        assert_eq!(pay(&mut car, 1, 2), Err(Status::NoAllowance));
        assert_eq!(car.spendable(usd()), AmountMinor::ZERO);
        assert_eq!(close(&mut car).unwrap(), closed);
        car = world.roomy(&a);
    }
    // What was signed before is still shown, and a new allowance goes on.
    assert_eq!(handed_in(&mut car).unwrap().len(), 1);
    let renewal = bytes(|out| car.renewal(usd(), amount(50), NOW, out)).unwrap();
    car.receive(&world.renew(&a, &renewal), NOW).unwrap();
    let next = payment_in(&pay(&mut car, 50, 2).unwrap());
    assert!(!beyond(&closing, &next), "under another allowance");
    let again = closing_in(&close(&mut car).unwrap());
    assert_ne!(again.allowance, closing.allowance);
}

#[test]
fn a_gateway_is_told_of_voids_and_closings_until_it_has_taken_them() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = world.funded(&a, 1_000);
    let given_up = void(&mut car, 5, 6).unwrap();
    let closed = bytes(|out| car.close_allowance(usd(), NOW, out)).unwrap();
    let mut cursor = NoticeCursor::default();
    let mut out = [0; OUT_MAX];
    for expected in [&given_up, &closed] {
        let len = car.notices(&mut cursor, &mut out).unwrap().unwrap();
        assert_eq!(&out[..len], expected);
        car.noticed(&cursor).unwrap();
    }
    assert_eq!(car.notices(&mut cursor, &mut out), Ok(None));
    assert_eq!(
        car.notices(&mut NoticeCursor::default(), &mut out),
        Ok(None)
    );
}

#[test]
fn what_was_given_up_stays_given_up_through_every_power_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        let allowance = stage.world.allowance(&stage.thing, 1_000);
        let grant = stage.world.grant(&allowance);
        stage.with(|purse| purse.receive(&grant, NOW)).unwrap();
        stage.with(|purse| pay(purse, 10, 1)).unwrap();
        let first = void_in(&stage.with(|purse| void(purse, 2, 3)).unwrap());
        let second = stage.with(|purse| pay(purse, 10, 2)).unwrap();
        assert_eq!(payment_in(&second).sequence, Sequence(4));
        let close = |purse: &mut Roomy| bytes(|out| purse.close_allowance(usd(), NOW, out));
        let closing = closing_in(&stage.with(close).unwrap());
        assert_eq!(
            stage.with(|purse| pay(purse, 10, 3)),
            Err(Status::NoAllowance)
        );
        let ask = |purse: &mut Roomy| bytes(|out| purse.renewal(usd(), amount(90), NOW, out));
        let renewal = stage.with(ask).unwrap();
        let grant = stage.world.renew(&stage.thing, &renewal);
        stage.with(|purse| purse.receive(&grant, NOW)).unwrap();
        stage.with(|purse| pay(purse, 10, 4)).unwrap();
        for shown in stage.with(handed_in).unwrap() {
            let payment = payment_in(&shown);
            assert!(!inside(&first, &payment) && !beyond(&closing, &payment));
        }
        stage.thing.signed.assert_one_content_per_sequence()
    });
}

/// What a purse is made to do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Pay(u64),
    Void(u32, u32),
    Close,
    Renew,
    Lock(bool),
    Restart,
    Cut(usize, Cut),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cut = prop_oneof![Just(Cut::Before), Just(Cut::After)];
    let step = prop_oneof![
        4 => (1..30u64).prop_map(Step::Pay),
        3 => (0..4u32, 0..3u32).prop_map(|(ahead, more)| Step::Void(ahead, more)),
        1 => Just(Step::Close),
        1 => Just(Step::Renew),
        1 => any::<bool>().prop_map(Step::Lock),
        1 => Just(Step::Restart),
        2 => (0..6usize, cut).prop_map(|(after, how)| Step::Cut(after, how)),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_honest_purse_never_shows_what_it_gave_up(steps in steps()) {
        let mut world = World::new();
        let a = world.thing(10);
        let mut car = Some(world.funded(&a, 500));
        let (mut voids, mut closings, mut payments) = (vec![], vec![], vec![]);
        for (at, step) in steps.into_iter().enumerate() {
            let Some(mut purse) = car.take().or_else(|| plainly(&world, &a).ok()) else {
                a.disk.power_on();
                continue;
            };
            let next = purse.standing().1.0 + 1;
            let done = match step {
                Step::Pay(value) => pay(&mut purse, value, at as u8).map(|p| payments.push(p)),
                Step::Void(ahead, more) => {
                    let void = void(&mut purse, next + ahead, next + ahead + more);
                    void.map(|void| voids.push(void_in(&void)))
                }
                Step::Close => {
                    let closing = bytes(|out| purse.close_allowance(usd(), NOW, out));
                    closing.map(|closing| closings.push(closing_in(&closing)))
                }
                Step::Renew => {
                    bytes(|out| purse.renewal(usd(), amount(100), NOW, out)).and_then(|renewal| {
                        let grant = world.renew(&a, &renewal);
                        purse.receive(&grant, NOW).map(drop)
                    })
                }
                Step::Lock(locked) => {
                    *a.locked.borrow_mut() = locked;
                    Ok(())
                }
                Step::Restart => continue,
                Step::Cut(after, how) => {
                    let now = a.disk.0.borrow().operations;
                    a.disk.cut_at(&[(now + after, how)]);
                    Ok(())
                }
            };
            match done {
                Err(Status::Storage) => a.disk.power_on(),
                _ => {
                    payments.extend(handed_in(&mut purse).unwrap_or_default());
                    car = Some(purse);
                }
            }
        }
        for payment in payments.iter().map(|shown| payment_in(shown)) {
            prop_assert!(!voids.iter().any(|void| inside(void, &payment)), "inside a void");
            prop_assert!(!closings.iter().any(|c| beyond(c, &payment)), "beyond a closing");
        }
        a.signed.assert_one_content_per_sequence();
    }
}
