use crate::house::*;
use crate::support::*;
use ledger::federation::RelayOrder;
use protocol::Status;
use protocol::covers::{COVERED_MAX, Item, Items};
use protocol::message::Message;

#[tokio::test]
async fn a_provisional_word_is_replaced_by_the_arbiters() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    let first = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
    assert_eq!(house.outcome(&first), (Status::Settled, true));
    assert_eq!(house.ledger(B).relays_open().await.unwrap(), 1);
    // Nothing has moved, and what is provisional is nobody's to spend.
    assert_eq!(held(house.ledger(B), &payee).await, (0, 0));
    let asked = payee.renewal(usd(), 1, house.now);
    let empty = house.ledger(B).renew(asked, house.now).await.unwrap();
    assert_eq!(payee.clone().take(&empty).limit.get(), 0);
    let again = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
    assert_eq!(again.message, first.message);
    house.assert_sound().await;
    house.calm().await;
    let last = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
    assert_eq!(house.outcome(&last), (Status::Settled, false));
    assert_eq!(house.statement(&last.message).gateway, house.code(A));
    // Its bringer finds it in the inbox as well.
    let inbox = house.ledger(B).inbox(&payee.code, 0, 9).await.unwrap();
    assert!(inbox.iter().any(|entry| entry.bytes == last.message));
    assert_eq!(house.ledger(B).relays_open().await.unwrap(), 0);
    assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
    house.assert_settled().await;
}

#[tokio::test]
async fn both_sides_hand_in_at_two_gateways_that_are_cut_off_from_each_other() {
    for order in [[A, B], [B, A]] {
        let house = House::new().await;
        let mut payer = house.payer(A, 11, 1_000).await;
        let payee = house.payee(B, 12).await;
        let signed = payer.pay(&payee.code, 300);
        let by_payer = house.hand_in(A, &signed, None).await.unwrap();
        let by_payee = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
        assert_eq!(house.outcome(&by_payer), (Status::InTransit, false));
        assert_eq!(house.outcome(&by_payee), (Status::Settled, true));
        for gateway in order {
            house.exchange(gateway).await;
        }
        house.calm().await;
        assert_eq!(held(house.ledger(A), &payer).await, (0, 700));
        assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
        house.assert_settled().await;
    }
}

#[tokio::test]
async fn a_claim_noted_in_time_holds_against_the_deadline() {
    let mut house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    house.hand_in(A, &signed, None).await.unwrap();
    house.calm().await;
    // B takes the claim at the last moment and cannot pass it on.
    house.now = NOW.plus_s(LIFE_S);
    house.ledger(CENTRE).sweep(house.now).await.unwrap();
    house.carry(CENTRE, B).await;
    house.hand_in(B, &signed, Some(&payee)).await.unwrap();
    house.now = NOW.plus_s(LIFE_S + GRACE_S + 1);
    // A does not give up before it has heard everything that the centre had by then.
    let early = house.ledger(A).return_overdue(house.now, 9).await.unwrap();
    assert_eq!(early.0, 0);
    house.calm().await;
    let late = house.ledger(A).return_overdue(house.now, 9).await.unwrap();
    assert_eq!(late.0, 0);
    house.calm().await;
    assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
    house.assert_settled().await;
}

#[tokio::test]
async fn out_of_touch_for_longer_than_grace_nothing_final_is_said() {
    let mut house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    house.now = house.now.plus_s(GRACE_S);
    assert!(house.hand_in(B, &signed, None).await.is_ok());
    house.now = house.now.plus_s(1);
    let noted = house.hand_in(B, &signed, Some(&payee)).await;
    assert_eq!(noted.unwrap_err(), Status::Busy);
    let settled = house.hand_in(A, &signed, Some(&payee)).await;
    assert_eq!(settled.unwrap_err(), Status::Busy);
    house.calm().await;
    let settled = house.hand_in(A, &signed, Some(&payee)).await.unwrap();
    assert_eq!(house.outcome(&settled), (Status::Settled, false));
}

#[tokio::test]
async fn a_stranger_is_refused_and_a_bad_claim_leaves_nothing() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    let relay = |message: Vec<u8>, pass: Vec<u8>| RelayOrder {
        message,
        pass,
        bringer: None,
    };
    // A receipt by somebody else.
    let forged = written(&Message::Claim {
        allowance: &signed.allowance,
        payment: &signed.payment,
        receipt: payer.receipt(&signed).bytes(),
    });
    for message in [forged, b"nonsense".to_vec()] {
        let head = house.ledger(B).journal().await.unwrap();
        let order = relay(message, sealed_pass(&house, &payee));
        assert!(house.ledger(B).relay(order, house.now).await.is_err());
        assert_eq!(house.ledger(B).journal().await.unwrap(), head);
    }
    // Declined at home elsewhere, the money goes back.
    let declined = written(&Message::Claim {
        allowance: &signed.allowance,
        payment: &signed.payment,
        receipt: payee.decline(&signed).bytes(),
    });
    let order = relay(declined, sealed_pass(&house, &payee));
    let answer = house.ledger(B).relay(order, house.now).await.unwrap();
    assert_eq!(house.outcome(&answer), (Status::Declined, true));
    house.calm().await;
    assert_eq!(held(house.ledger(A), &payer).await, (300, 700));
    house.assert_settled().await;
}

#[tokio::test]
async fn what_is_final_everywhere_is_marked() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    let answer = house.hand_in(A, &signed, Some(&payee)).await;
    // The payee's key is known to its own station only.
    assert!(answer.is_ok());
    let height = house.ledger(A).journal().await.unwrap().height;
    house.carry(A, CENTRE).await;
    house.copy(A).await;
    house.ledger(CENTRE).sweep(house.now).await.unwrap();
    house.carry(CENTRE, A).await;
    // The credit has not come to its home.
    assert!(marked(&house).await < height);
    house.calm().await;
    assert!(marked(&house).await >= height);
}

async fn marked(house: &House) -> u64 {
    for news in house.ledger(A).news().await.unwrap() {
        if let Message::Watermark { watermark } = Message::read(&news).unwrap() {
            let key = protocol::Signer::public_key(house.offices[CENTRE].key.as_ref());
            let mark = protocol::cose::open::<protocol::objects::Watermark>(watermark, &network());
            return mark.unwrap().verify(&key).unwrap().get().height;
        }
    }
    0
}

/// A payment and what covers it, as it travels.
pub fn covered(cover: &Signed, payment: &Signed, receipt: Option<&[u8]>) -> Vec<u8> {
    let item =
        |signed: &'_ Signed, covers| (signed.allowance.clone(), signed.payment.clone(), covers);
    let parts = [item(cover, 0), item(payment, 1)];
    let list: Vec<Item<'_>> = parts
        .iter()
        .map(|(allowance, payment, covers)| Item {
            allowance,
            payment,
            released: None,
            covers: *covers,
        })
        .collect();
    let mut items = vec![0; COVERED_MAX];
    let len = Items::new(&list).unwrap().write(&mut items).unwrap();
    items.truncate(len);
    written(&Message::Covered {
        items: &items,
        receipt,
    })
}

#[tokio::test]
async fn money_received_from_one_gateway_is_spent_under_another() {
    for (gateway, bringer_has_moved) in [(A, false), (B, false), (CENTRE, false), (A, true)] {
        let house = House::new().await;
        let mut first = house.payer(A, 11, 1_000).await;
        let mut second = house.payer(B, 12, 100).await;
        let third = house.payee(A, 13).await;
        // 300 to the second, who spends 350 of its own 100 and of that.
        let cover = first.pay_for(&second, 300);
        let payment = second.pay_covered(&third.code, 350, &[&cover]);
        if bringer_has_moved {
            let order = house.moves(&second, B, A, 2);
            house
                .ledger(B)
                .move_home(&order, &[], house.now)
                .await
                .unwrap();
            house.calm().await;
        }
        let message = covered(&cover, &payment, Some(third.receipt(&payment).bytes()));
        let order = RelayOrder {
            message,
            pass: sealed_pass(&house, &third),
            bringer: Some(third.code),
        };
        let answer = house
            .ledger(gateway)
            .relay(order.clone(), house.now)
            .await
            .unwrap();
        let (_, provisional) = house.outcome(&answer);
        assert_eq!(provisional, gateway != B);
        house.assert_sound().await;
        house.calm().await;
        let answer = house.ledger(gateway).relay(order, house.now).await.unwrap();
        assert_eq!(
            house.outcome(&answer),
            (Status::Settled, false),
            "{gateway}"
        );
        assert_eq!(held(house.ledger(A), &first).await, (0, 700));
        assert_eq!(held(house.ledger(A), &third).await, (350, 0));
        let (free, reserved) = held(house.ledger(B), &second).await;
        assert_eq!(free + reserved, 50);
        house.assert_settled().await;
    }
}

#[tokio::test]
async fn a_fork_over_two_gateways_is_proven_at_home() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let mut clone = payer.clone();
    let stands = payer.pay(&payee.code, 300);
    house.hand_in(A, &stands, Some(&payee)).await.unwrap();
    let order = house.moves(&payer, A, B, 2);
    house
        .ledger(A)
        .move_home(&order, &[], house.now)
        .await
        .unwrap();
    house.calm().await;
    // The clone goes on under the old allowance, and nobody but the old home could know.
    let forked = clone.pay(&house.code(CENTRE), 200);
    house.hand_in(CENTRE, &forked, None).await.unwrap();
    house.calm().await;
    let thing = house.ledger(B).thing(&payer.code).await.unwrap().unwrap();
    assert_eq!(thing.state, ledger::ThingState::Frozen);
    let accusations = house.ledger(B).accusations(&payer.code).await.unwrap();
    let verdict = protocol::rules::judge(&house.trust, &accusations[0]).unwrap();
    assert_eq!(verdict.code, payer.code);
    house.assert_sound().await;
}

/// A cover under an allowance of A, and what stands on it under one of B, claimed in time.
struct Standing {
    house: House,
    first: Purse,
    third: Purse,
    order: RelayOrder,
}

impl Standing {
    async fn new() -> Self {
        let house = House::new().await;
        let mut first = house.payer(A, 11, 1_000).await;
        let mut second = house.payer(B, 12, 100).await;
        let third = house.payee(B, 13).await;
        let cover = first.pay_for(&second, 300);
        let payment = second.pay_covered(&third.code, 350, &[&cover]);
        house.calm().await;
        let receipt = third.receipt(&payment);
        let order = RelayOrder {
            message: covered(&cover, &payment, Some(receipt.bytes())),
            pass: sealed_pass(&house, &third),
            bringer: Some(third.code),
        };
        Self {
            house,
            first,
            third,
            order,
        }
    }

    async fn hand_in(&self, office: usize) -> protocol::objects::Statement {
        let house = &self.house;
        let order = self.order.clone();
        let answer = house.ledger(office).relay(order, house.now).await.unwrap();
        house.statement(&answer.message)
    }

    /// Everything is carried, except to and from the other gateway.
    async fn only(&self, gateway: usize) {
        for _ in 0..3 {
            for office in [CENTRE, gateway] {
                let swept = self.house.ledger(office).sweep(self.house.now).await;
                swept.unwrap();
            }
            self.house.exchange(gateway).await;
        }
    }

    async fn end_at_b(&self) -> u32 {
        let b = self.house.ledger(B);
        b.return_overdue(self.house.now, 9).await.unwrap().0
    }
}

#[tokio::test]
async fn what_was_claimed_in_time_stays_open_while_the_arbiter_of_a_cover_is_out_of_touch() {
    for brought_to in [B, CENTRE] {
        let mut it = Standing::new().await;
        it.hand_in(brought_to).await;
        it.only(B).await;
        // A is not heard of until long after the deadline.
        it.house.now = NOW.plus_s(LIFE_S + GRACE_S + 100);
        it.only(B).await;
        assert_eq!(it.end_at_b().await, 0);
        let word = it.hand_in(B).await;
        assert_eq!(word.outcome, Status::WaitingForCover as u32);
        assert_eq!(word.paid, Some(amount(100)));
        it.house.calm().await;
        let word = it.hand_in(brought_to).await;
        assert_eq!(word.outcome, Status::Settled as u32, "{brought_to}");
        assert_eq!(held(it.house.ledger(A), &it.first).await.1, 700);
        assert_eq!(held(it.house.ledger(B), &it.third).await, (350, 0));
        assert_eq!(it.end_at_b().await, 0);
        for office in [CENTRE, A, B] {
            let open = it.house.ledger(office).relays_open().await.unwrap();
            assert_eq!(open, 0, "{brought_to} {office}");
        }
        it.house.assert_settled().await;
    }
}

#[tokio::test]
async fn what_stands_on_a_cover_that_its_arbiter_refuses_ends_with_what_there_is() {
    let mut it = Standing::new().await;
    it.hand_in(B).await;
    // Nobody tells A; what stood behind its allowance lapses and is withdrawn.
    it.house.now = NOW.plus_s(LIFE_S + GRACE_S + 100);
    it.only(A).await;
    let out = it.house.order(&it.first, 1_000, "out");
    for _ in 0..2 {
        let centre = it.house.ledger(CENTRE);
        centre.withdraw(out.clone(), it.house.now).await.unwrap();
        it.only(A).await;
    }
    assert_eq!(held(it.house.ledger(A), &it.first).await, (0, 0));
    it.only(B).await;
    assert_eq!(it.end_at_b().await, 0);
    it.house.calm().await;
    assert_eq!(it.end_at_b().await, 1);
    it.house.calm().await;
    let word = it.hand_in(B).await;
    assert_eq!(word.outcome, Status::Settled as u32);
    assert_eq!(word.paid, Some(amount(100)));
    for office in [CENTRE, A, B] {
        let open = it.house.ledger(office).relays_open().await.unwrap();
        assert_eq!(open, 0, "{office}");
    }
    it.house.assert_settled().await;
}
