//! Two gateways: what one is handed and the other settles, and purses that move.

use super::town::{Town, Village, post, read_all};
use super::*;
use ledger::federation::conserved;
use protocol::objects::{Lease, Move, Statement};

struct Pair {
    town: Town,
    village: Village,
    payer: Signatory,
    allowance: Vec<u8>,
}

/// A payer at home in the village, with money and an allowance.
async fn pair() -> Pair {
    let town = Town::new().await;
    let village = Village::under(&town).await;
    let payer = village.enrol(5).await;
    village.carry(&town).await;
    town.load(payer.code, 1_000).await;
    village.carry(&town).await;
    let renewal = payer.renewal(1_000, town.now());
    let grant = ask(&village.desk, Some(payer.code), &renewal).await;
    let allowance = granted(&grant.unwrap());
    Pair {
        town,
        village,
        payer,
        allowance,
    }
}

fn said(message: &[u8]) -> Option<(Status, bool)> {
    let Message::Statement { statement } = Message::read(message).unwrap() else {
        return None;
    };
    let said = *open::<Statement>(statement, &network()).unwrap().peek();
    let status = Status::from_number(said.outcome as u8).unwrap();
    Some((status, said.provisional.is_some()))
}

impl Pair {
    /// A charger in town, who it is on paper, and a payment to it that nobody has seen.
    async fn pays_charger(&self, minor: u64) -> (Identity, Signatory, Vec<u8>) {
        let charger = self.town.enrol(1).await;
        let payee = Signatory::of(&charger);
        self.village.carry(&self.town).await;
        let payment = self.payer.payment(&self.allowance, payee.code, minor);
        (charger, payee, payment)
    }

    async fn assert_sound(&self) {
        let ledgers = [
            self.town.house.ledger.clone(),
            self.village.desk.ledger.clone(),
        ];
        for books in conserved(&ledgers).await.unwrap() {
            assert!(books.holds, "{books:?}");
            assert_eq!((books.clearing, books.in_flight), (0, 0), "{books:?}");
        }
        for ledger in &ledgers {
            ledger.verify().await.unwrap();
            assert_eq!(ledger.letters_refused().await.unwrap(), 0);
        }
    }

    async fn held(&self, code: Code) -> u64 {
        let views = self.town.house.ledger.purse(&code).await.unwrap();
        views.iter().map(|view| view.row.free.get()).sum()
    }
}

#[tokio::test]
async fn a_claim_under_another_gateways_allowance_is_provisional_until_that_has_spoken() {
    let pair = pair().await;
    let (charger, payee, payment) = pair.pays_charger(300).await;
    let claim = payee.claim(&pair.allowance, &payment, pair.town.now());

    let client = pair.town.by_coap(&charger);
    let answer = post(&client, claim.clone()).await;
    assert_eq!(said(&answer.payload), Some((Status::Settled, true)));
    assert_eq!(pair.held(payee.code).await, 0);

    pair.village.carry(&pair.town).await;
    let news = read_all(&client).await;
    let words: Vec<_> = news.iter().filter_map(|message| said(message)).collect();
    assert!(words.contains(&(Status::Settled, false)), "{words:?}");
    assert_eq!(pair.held(payee.code).await, 300);
    let again = post(&client, claim).await;
    assert_eq!(said(&again.payload), Some((Status::Settled, false)));
    pair.assert_sound().await;
}

#[tokio::test]
async fn a_receipt_alone_claims_what_came_from_another_gateway() {
    let pair = pair().await;
    let (charger, payee, payment) = pair.pays_charger(300).await;
    let evidence = message(&Message::Evidence {
        allowance: &pair.allowance,
        payment: &payment,
    });
    let answer = ask(&pair.village.desk, Some(pair.payer.code), &evidence).await;
    assert_eq!(said(&answer.unwrap()), Some((Status::InTransit, false)));
    pair.village.carry(&pair.town).await;

    let receipt = message(&Message::Receipt {
        receipt: &payee.receipt(&payment, pair.town.now()),
        pass: &charger.credentials.pass,
    });
    let client = pair.town.by_coap(&charger);
    let answer = post(&client, receipt).await;
    assert_eq!(said(&answer.payload), Some((Status::Settled, true)));
    pair.village.carry(&pair.town).await;
    assert_eq!(pair.held(payee.code).await, 300);
    pair.assert_sound().await;
}

#[tokio::test]
async fn the_receipt_of_a_payee_who_is_not_known_here_leaves_the_payment_in_transit() {
    let pair = pair().await;
    let (charger, payee, payment) = pair.pays_charger(300).await;
    let claim = payee.claim(&pair.allowance, &payment, pair.town.now());
    let answer = ask(&pair.village.desk, Some(pair.payer.code), &claim).await;
    assert_eq!(said(&answer.unwrap()), Some((Status::InTransit, false)));
    // With its pass it counts.
    let receipt = message(&Message::Receipt {
        receipt: &payee.receipt(&payment, pair.town.now()),
        pass: &charger.credentials.pass,
    });
    let answer = ask(&pair.village.desk, Some(pair.payer.code), &receipt).await;
    assert_eq!(said(&answer.unwrap()), Some((Status::Settled, false)));
    pair.village.carry(&pair.town).await;
    assert_eq!(pair.held(payee.code).await, 300);
    pair.assert_sound().await;
}

#[tokio::test]
async fn only_a_side_hands_on_a_payment_without_a_receipt() {
    let pair = pair().await;
    let (payee, other) = (pair.town.enrol(1).await, pair.town.enrol(2).await);
    let payment = pair
        .payer
        .payment(&pair.allowance, payee.credentials.code, 300);
    let evidence = message(&Message::Evidence {
        allowance: &pair.allowance,
        payment: &payment,
    });
    let by = Some(other.credentials.code);
    let refused = ask(&pair.town.desk, by, &evidence).await;
    assert_eq!(refused, Err(Status::NotPermitted));
    assert_eq!(pair.town.house.ledger.relays_open().await.unwrap(), 0);
}

#[tokio::test]
async fn an_allowance_by_a_gateway_that_nobody_knows_is_refused() {
    let pair = pair().await;
    let stranger = Town::new().await;
    let payee = stranger.enrol(1).await.credentials.code;
    let payment = pair.payer.payment(&pair.allowance, payee, 300);
    let evidence = message(&Message::Evidence {
        allowance: &pair.allowance,
        payment: &payment,
    });
    let refused = ask(&stranger.desk, Some(payee), &evidence).await;
    assert_eq!(refused, Err(Status::UnknownGateway));
}

#[tokio::test]
async fn a_purse_that_moves_is_granted_by_its_new_home_and_no_longer_by_its_old_one() {
    let pair = pair().await;
    let (town, village) = (&pair.town, &pair.village);
    let mover = village.enrol(6).await;
    village.carry(town).await;
    town.load(mover.code, 400).await;
    village.carry(town).await;
    let order = Move {
        code: mover.code,
        from: village.code,
        to: town.desk.gateway,
        lease: 2,
        time: town.now(),
    };
    let order = message(&Message::Move {
        order: &signed(&order, &mover.key),
    });
    let asked = ask(&village.desk, Some(mover.code), &order).await;
    assert_eq!(asked, Ok(Vec::new()));
    village.carry(town).await;
    let moved = ask(&village.desk, Some(mover.code), &order).await.unwrap();
    let Message::Lease { lease } = Message::read(&moved).unwrap() else {
        panic!("no lease: {moved:?}");
    };
    let lease = *open::<Lease>(lease, &network()).unwrap().peek();
    assert_eq!((lease.home, lease.number), (town.desk.gateway, 2));

    let renewal = mover.renewal(400, town.now());
    let refused = ask(&village.desk, Some(mover.code), &renewal).await;
    assert_eq!(refused, Err(Status::WrongHome));
    let grant = ask(&town.desk, None, &renewal).await.unwrap();
    let allowance = granted(&grant);
    let given = *open::<Allowance>(&allowance, &network()).unwrap().peek();
    assert_eq!(given.gateway, town.desk.gateway);
    pair.assert_sound().await;
}
