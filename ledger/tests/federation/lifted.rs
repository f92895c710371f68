//! What is paid to a purse lifts the allowance that it names, wherever the purse has gone since.

use crate::house::*;
use crate::relays::covered;
use crate::support::*;
use ledger::federation::{Moving, RelayOrder};
use protocol::{Signer, Status};

struct Lifted {
    house: House,
    first: Purse,
    second: Purse,
    third: Purse,
}

impl Lifted {
    /// The second has come from A to another home, and has an allowance of 100 there.
    async fn at(home: usize) -> Self {
        let house = House::new().await;
        let mut it = Self {
            first: house.payer(CENTRE, 11, 1_000).await,
            second: house.payee(A, 12).await,
            third: house.payee(CENTRE, 13).await,
            house,
        };
        it.house.load(&it.second, 100, "in").await;
        it.house.calm().await;
        it.moves(A, home, 2).await;
        it.house.calm().await;
        it.second.gateway_key = it.house.offices[home].key.public_key();
        let given_by = it.house.ledger(home);
        it.second.renew(given_by, 100, it.house.now).await;
        it
    }

    /// The centre settles what the first has paid to the second.
    async fn take(&self, cover: &Signed) {
        let taken = self.house.hand_in(CENTRE, cover, Some(&self.second));
        taken.await.unwrap();
    }

    async fn moves(&self, from: usize, to: usize, lease: u64) {
        let order = self.house.moves(&self.second, from, to, lease);
        let old = self.house.ledger(from);
        let moving = old.move_home(&order, &[], self.house.now).await;
        assert!(moving.is_ok_and(|moving| !matches!(moving, Moving::Contradicts)));
    }

    /// The payment that stands on the cover is paid in full out of the allowance at `home`.
    async fn assert_paid(&self, cover: &Signed, payment: &Signed, home: usize) {
        let order = || RelayOrder {
            message: covered(cover, payment, Some(self.third.receipt(payment).bytes())),
            pass: sealed_pass(&self.house, &self.third),
            bringer: Some(self.third.code),
        };
        let ledger = self.house.ledger(home);
        ledger.relay(order(), self.house.now).await.unwrap();
        self.house.calm().await;
        let word = ledger.relay(order(), self.house.now).await.unwrap();
        assert_eq!(self.house.outcome(&word), (Status::Settled, false));
        let mut sums = Vec::new();
        for purse in [&self.first, &self.second, &self.third] {
            let mut sum = 0;
            for office in [CENTRE, A, B] {
                let (free, reserved) = held(self.house.ledger(office), purse).await;
                sum += free + reserved;
            }
            sums.push(sum);
        }
        assert_eq!(sums, [700, 50, 350]);
        self.house.assert_settled().await;
    }
}

#[tokio::test]
async fn the_centre_lifts_its_own_allowance_of_a_purse_that_has_moved_on() {
    let mut it = Lifted::at(CENTRE).await;
    let cover = it.first.pay_for(&it.second, 300);
    let payment = it.second.pay_covered(&it.third.code, 350, &[&cover]);
    it.moves(CENTRE, B, 3).await;
    it.house.calm().await;
    it.take(&cover).await;
    it.house.calm().await;
    it.assert_paid(&cover, &payment, CENTRE).await;
}

#[tokio::test]
async fn a_credit_finds_the_allowance_though_its_payee_moves_on_while_another_home_is_asked() {
    let mut it = Lifted::at(B).await;
    let cover = it.first.pay_for(&it.second, 300);
    let payment = it.second.pay_covered(&it.third.code, 350, &[&cover]);
    // A, where it lived before, is asked, and answers when it has left B too.
    it.take(&cover).await;
    it.moves(B, CENTRE, 3).await;
    it.house.exchange(B).await;
    it.house.calm().await;
    it.assert_paid(&cover, &payment, B).await;
}

#[tokio::test]
async fn what_covers_a_lapsed_allowance_of_the_centre_follows_its_purse() {
    let mut it = Lifted::at(CENTRE).await;
    let cover = it.first.pay_for(&it.second, 300);
    it.moves(CENTRE, B, 3).await;
    it.house.calm().await;
    it.house.now = it.house.now.plus_s(LIFE_S + GRACE_S + 1);
    it.house.calm().await;
    it.take(&cover).await;
    it.house.calm().await;
    assert_eq!(held(it.house.ledger(B), &it.second).await, (400, 0));
    assert_eq!(held(it.house.ledger(CENTRE), &it.second).await, (0, 0));
    it.house.assert_settled().await;
}
