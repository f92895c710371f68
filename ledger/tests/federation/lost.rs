use crate::house::*;
use crate::relays::covered;
use crate::support::*;
use ledger::federation::RelayOrder;
use protocol::Status;

/// What a lost home paid from one purse to another after the last copy of its journal.
struct Tail {
    house: House,
    payer: Purse,
    payee: Purse,
    signed: Signed,
}

impl Tail {
    /// A has settled 300 of the payer's 1,000 and told nobody.
    async fn new() -> Self {
        let house = House::new().await;
        let mut payer = house.payer(A, 11, 1_000).await;
        let payee = house.payer(A, 12, 50).await;
        house.calm().await;
        let signed = payer.pay(&payee.code, 300);
        let answer = house.hand_in(A, &signed, Some(&payee)).await.unwrap();
        assert_eq!(house.outcome(&answer), (Status::Settled, false));
        Self {
            house,
            payer,
            payee,
            signed,
        }
    }

    /// A is lost; these go on at B with what the centre knows.
    async fn lose(&mut self, movers: &[Purse]) {
        for mover in movers {
            let order = self.house.moves(mover, A, B, 2);
            let pass = sealed_pass(&self.house, mover);
            let b = self.house.ledger(B);
            b.move_home(&order, &pass, self.house.now).await.unwrap();
        }
        self.house.exchange(B).await;
        self.house.now = self.house.now.plus_s(LEASE_S + GRACE_S + 1);
        self.without_a().await;
    }

    async fn without_a(&self) {
        for _ in 0..3 {
            let centre = self.house.ledger(CENTRE);
            centre.sweep(self.house.now).await.unwrap();
            self.house.ledger(B).sweep(self.house.now).await.unwrap();
            self.house.exchange(B).await;
        }
    }

    async fn total(&self, purse: &Purse) -> u64 {
        let mut sum = 0;
        for office in [CENTRE, A, B] {
            let (free, reserved) = held(self.house.ledger(office), purse).await;
            sum += free + reserved;
        }
        sum
    }

    async fn assert_over(&self) {
        self.house.calm().await;
        self.house.calm().await;
        for office in [CENTRE, A, B] {
            let open = self.house.ledger(office).relays_open().await.unwrap();
            assert_eq!(open, 0, "{office}");
        }
        self.house.assert_settled().await;
    }

    /// Wherever the payment is handed in again, nothing of it happens again.
    async fn assert_nothing_again(&self, what: &str) {
        for office in [A, B] {
            let claim = || self.house.hand_in(office, &self.signed, Some(&self.payee));
            claim().await.unwrap();
            self.assert_over().await;
            let word = self.house.outcome(&claim().await.unwrap());
            assert_eq!(word, (Status::Settled, false), "{what} {office}");
        }
        assert_eq!(self.total(&self.payer).await, 700, "{what}");
        assert_eq!(self.total(&self.payee).await, 350, "{what}");
    }
}

#[tokio::test]
async fn what_a_lost_home_settled_and_its_successor_settles_too_is_paid_once() {
    for (claimed, payee_moves) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut it = Tail::new().await;
        if claimed {
            // The claim waits for A at the centre, and then goes to the next home.
            it.house
                .hand_in(B, &it.signed, Some(&it.payee))
                .await
                .unwrap();
            it.house.exchange(B).await;
        }
        let movers = match payee_moves {
            true => vec![it.payer.clone(), it.payee.clone()],
            false => vec![it.payer.clone()],
        };
        it.lose(&movers).await;
        it.house.assert_sound().await;
        let what = format!("{claimed} {payee_moves}");
        let before = held(it.house.ledger(B), &it.payer).await;
        assert_eq!(before.0, if claimed { 700 } else { 1_000 }, "{what}");
        it.assert_over().await;
        assert_eq!(it.total(&it.payer).await, 700, "{what}");
        assert_eq!(it.total(&it.payee).await, 350, "{what}");
        let home = if payee_moves { B } else { A };
        let (free, reserved) = held(it.house.ledger(home), &it.payee).await;
        assert_eq!(free + reserved, 350, "{what}");
        assert_eq!(held(it.house.ledger(A), &it.payer).await, (0, 0));
        it.assert_nothing_again(&what).await;
    }
}

#[tokio::test]
async fn what_the_copy_of_a_lost_home_shows_is_not_settled_again() {
    for in_transit in [false, true] {
        let house = House::new().await;
        let mut payer = house.payer(A, 11, 1_000).await;
        let payee = house.payer(A, 12, 50).await;
        let signed = payer.pay(&payee.code, 300);
        let by = (!in_transit).then_some(&payee);
        house.hand_in(A, &signed, by).await.unwrap();
        house.calm().await;
        let mut it = Tail {
            house,
            payer,
            payee,
            signed,
        };
        it.house
            .hand_in(B, &it.signed, Some(&it.payee))
            .await
            .unwrap();
        it.lose(&[it.payer.clone(), it.payee.clone()]).await;
        assert_eq!(held(it.house.ledger(B), &it.payer).await.0, 700);
        it.assert_over().await;
        assert_eq!(it.total(&it.payer).await, 700);
        assert_eq!(it.total(&it.payee).await, 350);
    }
}

#[tokio::test]
async fn what_was_received_and_spent_at_a_lost_home_is_counted_once_down_the_chain() {
    for movers in [[true, true, true], [true, true, false], [false, true, true]] {
        let mut it = Tail::new().await;
        let mut second = it.payee.clone();
        let third = it.house.enrol(A, 13).await;
        // Of the 350 it holds now, it spends 320 at A, which nobody hears of either.
        second
            .renew(it.house.ledger(A), 350, it.house.now.plus_s(1))
            .await;
        let signed = second.pay(&third.code, 320);
        it.house.hand_in(A, &signed, None).await.unwrap();
        it.house.hand_in(A, &signed, Some(&third)).await.unwrap();
        // The third is heard of, and what was settled is not.
        it.house.ledger(A).sweep(it.house.now).await.unwrap();
        for parcel in it.house.waiting(A, CENTRE).await {
            it.house
                .ledger(CENTRE)
                .deliver(parcel, it.house.now)
                .await
                .unwrap();
        }
        let all = [it.payer.clone(), second.clone(), third.clone()];
        let moving: Vec<_> = (all.iter().zip(movers))
            .filter(|(_, moves)| *moves)
            .map(|(purse, _)| purse.clone())
            .collect();
        it.lose(&moving).await;
        it.house.assert_sound().await;
        it.house.calm().await;
        // What could not be funded before other money came is handed over again.
        it.house.now = it.house.now.plus_s(301);
        it.assert_over().await;
        let totals = [
            it.total(&it.payer).await,
            it.total(&second).await,
            it.total(&third).await,
        ];
        assert_eq!(totals, [700, 30, 320], "{movers:?}");
    }
}

#[tokio::test]
async fn what_a_lost_home_paid_with_a_cover_of_another_is_settled_by_its_successor() {
    for claimed_again in [false, true] {
        let house = House::new().await;
        let mut first = house.payer(B, 11, 1_000).await;
        let mut payer = house.payer(A, 12, 100).await;
        let payee = house.payee(B, 13).await;
        let cover = first.pay_for(&payer, 300);
        let signed = payer.pay_covered(&payee.code, 350, &[&cover]);
        house.calm().await;
        let order = RelayOrder {
            message: covered(&cover, &signed, Some(payee.receipt(&signed).bytes())),
            pass: sealed_pass(&house, &payee),
            bringer: Some(payee.code),
        };
        let b = house.ledger(B);
        b.relay(order.clone(), house.now).await.unwrap();
        house.exchange(B).await;
        // A is told, pays all of it, and is not heard of any more.
        house.carry(CENTRE, A).await;
        let paid = house.ledger(A).purse(&payer.code).await.unwrap();
        assert_eq!(held(house.ledger(A), &payer).await, (0, 50), "{paid:?}");
        let mut it = Tail {
            house,
            payer,
            payee,
            signed,
        };
        it.lose(&[it.payer.clone()]).await;
        if claimed_again {
            // The next home hears of it first, and pays what there is.
            let centre = it.house.ledger(CENTRE);
            centre.relay(order, it.house.now).await.unwrap();
            it.without_a().await;
        }
        it.house.calm().await;
        it.house.now = it.house.now.plus_s(301);
        it.assert_over().await;
        assert_eq!(it.total(&first).await, 700, "{claimed_again}");
        assert_eq!(it.total(&it.payer).await, 50, "{claimed_again}");
        assert_eq!(it.total(&it.payee).await, 350, "{claimed_again}");
    }
}

#[tokio::test]
async fn a_purse_returns_to_the_home_that_was_lost_and_has_paid_once() {
    for claimed in [true, false] {
        let mut it = Tail::new().await;
        if claimed {
            let claim = it.house.hand_in(B, &it.signed, Some(&it.payee));
            claim.await.unwrap();
            it.house.exchange(B).await;
        }
        it.lose(&[it.payer.clone()]).await;
        // It wants to go back at once, and goes when A has given account.
        let order = it.house.moves(&it.payer, B, A, 3);
        let pass = sealed_pass(&it.house, &it.payer);
        let b = it.house.ledger(B);
        b.move_home(&order, &pass, it.house.now).await.unwrap();
        it.assert_over().await;
        assert_eq!(held(it.house.ledger(A), &it.payer).await, (700, 0));
        assert_eq!(it.total(&it.payer).await, 700, "{claimed}");
        assert_eq!(it.total(&it.payee).await, 350, "{claimed}");
        it.assert_nothing_again(&claimed.to_string()).await;
    }
}

#[tokio::test]
async fn what_a_lost_home_gave_back_its_successor_does_not_settle() {
    let mut house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payer(A, 12, 50).await;
    let signed = payer.pay(&payee.code, 300);
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    // Nobody has claimed it, and A says so to whoever asks; the centre does not hear of it.
    let answer = house.hand_in(A, &signed, None).await.unwrap();
    assert_eq!(house.outcome(&answer), (Status::Returned, false));
    let mut it = Tail {
        house,
        payer,
        payee,
        signed,
    };
    it.lose(&[it.payer.clone()]).await;
    let claim = || it.house.hand_in(B, &it.signed, Some(&it.payee));
    let (word, provisional) = it.house.outcome(&claim().await.unwrap());
    assert!(provisional, "{word:?}");
    it.assert_over().await;
    let word = it.house.outcome(&claim().await.unwrap());
    assert_eq!(word, (Status::Returned, false));
    assert_eq!(it.total(&it.payer).await, 1_000);
    assert_eq!(it.total(&it.payee).await, 50);
}

#[tokio::test]
async fn a_home_that_closed_a_purse_unheard_sends_it_once() {
    for copied in [true, false] {
        let house = House::new().await;
        let mut payer = house.payer(A, 11, 1_000).await;
        let payee = house.payer(A, 12, 50).await;
        house.load(&payer, 200, "more").await;
        house.calm().await;
        let signed = payer.pay(&payee.code, 300);
        // The purse leaves A, which settles something for it after that; no letter of it arrives.
        let order = house.moves(&payer, A, B, 2);
        let a = house.ledger(A);
        a.move_home(&order, &[], house.now).await.unwrap();
        house.hand_in(A, &signed, Some(&payee)).await.unwrap();
        if copied {
            house.copy(A).await;
        }
        let mut it = Tail {
            house,
            payer,
            payee,
            signed,
        };
        it.lose(&[it.payer.clone()]).await;
        it.house.assert_sound().await;
        it.assert_over().await;
        let home = held(it.house.ledger(B), &it.payer).await;
        assert_eq!(home, (900, 0), "{copied}");
        assert_eq!(it.total(&it.payer).await, 900, "{copied}");
        assert_eq!(it.total(&it.payee).await, 350, "{copied}");
    }
}

#[tokio::test]
async fn what_a_purse_spends_twice_over_a_loss_it_pays_as_money_comes() {
    let mut it = Tail::new().await;
    it.lose(&[it.payer.clone()]).await;
    // Nobody has told B of the 300, and the purse spends all that the copy shows.
    let now = it.house.now;
    let order = it.house.order(&it.payer, 1_000, "out");
    let centre = it.house.ledger(CENTRE);
    centre.withdraw(order, now).await.unwrap();
    it.without_a().await;
    assert_eq!(held(it.house.ledger(B), &it.payer).await, (0, 0));
    it.house.calm().await;
    it.house.assert_sound().await;
    // What comes to it later pays for them first.
    it.house.load(&it.payer, 400, "later").await;
    it.assert_over().await;
    assert_eq!(it.total(&it.payer).await, 100);
    assert_eq!(it.total(&it.payee).await, 350);
}
