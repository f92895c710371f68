use crate::support::*;
use ledger::{Ledger, OpenError};
use protocol::cose::open;
use protocol::objects::{Allowance, Payment};
use protocol::{Odometer, Reference, Signer, Status};
use sqlx::{Connection, SqliteConnection};

fn changed(purse: &Purse, signed: &Signed, change: impl Fn(&mut Payment)) -> Signed {
    let mut payment = *open::<Payment>(&signed.payment, &network()).unwrap().peek();
    change(&mut payment);
    purse.sign(&payment, signed.allowance.clone())
}

#[tokio::test]
async fn evidence_that_does_not_fit_is_never_made() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, CLASS_LIMIT).await;
    let good = payer.pay(&payee.code, 10);
    let reading = |minor| Odometer::new(minor).unwrap();
    type Change<'a> = &'a dyn Fn(&mut Payment);
    let table: [(Change<'_>, Status); 10] = [
        (
            &|p| p.allowance = Reference([9; 16]),
            Status::WrongAllowance,
        ),
        (&|p| p.currency = eur(), Status::WrongAllowance),
        (&|p| p.payer = payee.code, Status::WrongAllowance),
        (&|p| p.amount = amount(0), Status::Malformed),
        (&|p| p.payee = p.payer, Status::Malformed),
        (
            &|p| p.amount = amount(MOST_PER_PAYMENT + 1),
            Status::AboveMost,
        ),
        (&|p| p.sequence.0 = MOST_PAYMENTS + 1, Status::OutOfSequence),
        (&|p| p.odometer = reading(9), Status::OutOfInterval),
        (
            &|p| p.odometer = reading(CLASS_LIMIT + 1),
            Status::AboveLimit,
        ),
        (&|p| p.settle_by = p.settle_by.plus_s(1), Status::TooLate),
    ];
    for (change, status) in table {
        let made = changed(&payer, &good, change).try_evidence();
        assert_eq!(made.unwrap_err(), status);
    }
    let mut cut = good.clone();
    cut.payment.pop();
    assert_eq!(cut.try_evidence().unwrap_err(), Status::Malformed);
    let mut flipped = good.clone();
    *flipped.payment.last_mut().unwrap() ^= 1;
    assert_eq!(flipped.try_evidence().unwrap_err(), Status::BadSignature);
}

#[tokio::test]
async fn refusals_of_hand_ins_are_precise_and_change_nothing() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let third = Purse::register(&ledger, &world, 13).await;
    let payment = payer.pay(&payee.code, 10);
    let other = payer.pay(&payee.code, 10);
    let head = ledger.journal().await.unwrap();

    for receipt in [third.receipt(&payment), payee.receipt(&other)] {
        let refused = ledger.hand_in(payment.evidence(), Some(receipt), NOW).await;
        assert_eq!(refused.unwrap_err(), Status::WrongReceipt);
    }
    let nobody = changed(&payer, &payment, |p| p.payee = world.gateway);
    let refused = ledger.hand_in(nobody.evidence(), None, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::UnknownCode);

    // The gateway's key signs, but this allowance is not in the books.
    let mut allowance = *open::<Allowance>(&payment.allowance, &network())
        .unwrap()
        .peek();
    allowance.number += 1;
    for (gateway, status) in [
        (world.gateway, Status::WrongAllowance),
        (payee.code, Status::UnknownGateway),
    ] {
        allowance.gateway = gateway;
        let (bytes, id) = sealed(&allowance, &world.gateway_key);
        let mut under = changed(&payer, &payment, |p| p.allowance = id.reference());
        under.allowance = bytes;
        let refused = ledger.hand_in(under.evidence(), None, NOW).await;
        assert_eq!(refused.unwrap_err(), status);
    }
    assert_eq!(ledger.journal().await.unwrap(), head);
    assert_eq!(ledger.overview().await.unwrap().payments, 0);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn an_unknown_payer_is_refused() {
    let (_folder, world, ledger) = house().await;
    let payee = Purse::register(&ledger, &world, 12).await;
    let mut stranger = Purse {
        code: world.gateway,
        ..payee.clone()
    };
    let other = tempfile::tempdir().unwrap();
    let elsewhere = World::new(other.path()).open().await;
    declare(&elsewhere).await;
    let (mut known, _) = pair(&elsewhere, &world, 100).await;
    std::mem::swap(&mut known.code, &mut stranger.code);
    let given = *open::<Allowance>(&known.allowances[usd().as_bytes()], &network())
        .unwrap()
        .peek();
    let forged = Allowance {
        code: known.code,
        ..given
    };
    let bytes = sealed(&forged, &world.gateway_key).0;
    known.allowances.insert(*usd().as_bytes(), bytes);
    let payment = known.pay(&payee.code, 1);
    let refused = ledger.hand_in(payment.evidence(), None, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::UnknownCode);
}

#[tokio::test]
async fn a_closed_ledger_says_so() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 100).await;
    let payment = payer.pay(&payee.code, 1);
    assert!(ledger.is_writing());
    ledger.close().await;
    ledger.close().await;
    assert!(!ledger.is_writing());
    let refused = ledger.hand_in(payment.evidence(), None, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::Storage);
    assert!(ledger.thing(&payer.code).await.is_err());
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_is_busy_and_loses_nothing() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    // On one thread the writer does not run while the callers queue up.
    let calls: Vec<_> = (0..ledger::bounds::QUEUE_MOST + 50)
        .map(|i| {
            let (ledger, order) = (ledger.clone(), order(&purse, 1, &i.to_string()));
            tokio::spawn(async move { ledger.load(order, NOW).await })
        })
        .collect();
    let mut busy = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => {}
            Err(status) => {
                assert_eq!(status, Status::Busy);
                busy += 1;
            }
        }
    }
    let loaded = ledger::bounds::QUEUE_MOST as u64 + 50 - busy;
    assert!(busy > 0 && loaded > 0, "{busy} busy");
    assert_eq!(held(&ledger, &purse).await, (loaded, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn books_of_another_house_do_not_open() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    ledger.close().await;
    type Change<'a> = &'a dyn Fn(&mut ledger::Bearings);
    let changes: [Change<'_>; 3] = [
        &|b| b.network = protocol::Network::new("other").unwrap(),
        &|b| b.gateway = purse.code,
        &|b| b.gateway_epoch.0 = 0,
    ];
    for change in changes {
        let mut bearings = world.bearings();
        change(&mut bearings);
        let opened = Ledger::open(&world.path, bearings).await;
        assert!(matches!(opened, Err(OpenError::Foreign)));
    }
    let mut later = world.bearings();
    later.gateway_epoch.0 = 2;
    Ledger::open(&world.path, later)
        .await
        .unwrap()
        .close()
        .await;
    let opened = Ledger::open(&world.path, world.bearings()).await;
    assert!(matches!(opened, Err(OpenError::Foreign)));
}

#[tokio::test]
async fn a_file_held_by_somebody_else_is_busy_and_then_works_again() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let address = format!("sqlite://{}", world.path.display());
    let mut holder = SqliteConnection::connect(&address).await.unwrap();
    let lock = holder.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let refused = ledger.load(order(&purse, 5, "held"), NOW).await;
    assert_eq!(refused.unwrap_err(), Status::Busy);
    lock.rollback().await.unwrap();
    ledger.load(order(&purse, 5, "held"), NOW).await.unwrap();
    assert!(ledger.is_writing());
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_written_fails_alone() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    // A trigger stands for a disk that fails in the middle of one command.
    let address = format!("sqlite://{}", world.path.display());
    let mut holder = SqliteConnection::connect(&address).await.unwrap();
    sqlx::query(
        "CREATE TRIGGER fail BEFORE INSERT ON posting
         WHEN NEW.change = 13 BEGIN SELECT RAISE(ABORT, 'disk'); END",
    )
    .execute(&mut holder)
    .await
    .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for minor in [12, 13, 14] {
        let (ledger, evidence) = (ledger.clone(), payer.pay(&payee.code, minor).evidence());
        tasks.spawn(async move { (minor, ledger.hand_in(evidence, None, NOW).await) });
    }
    for (minor, answer) in tasks.join_all().await {
        assert_eq!(answer.is_ok(), minor != 13, "{minor}");
    }
    assert_eq!(held(&ledger, &payer).await, (0, 974));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn passes_that_do_not_fit_a_proof_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    bearings.issuer_pass = vec![0; protocol::cose::SIGNED_MAX + 1];
    let opened = Ledger::open(&world.path, bearings).await;
    assert!(matches!(opened, Err(OpenError::Passes)));
    assert!(!world.path.exists());
}

#[tokio::test]
async fn a_key_that_does_not_sign_changes_nothing() {
    struct Absent(protocol::PublicKey);
    impl Signer for Absent {
        fn public_key(&self) -> protocol::PublicKey {
            self.0
        }
        fn sign(&self, _: &[u8]) -> Result<protocol::Signature, protocol::keys::SignerFailed> {
            Err(protocol::keys::SignerFailed)
        }
    }
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 100).await;
    let payment = payer.pay(&payee.code, 1);
    let before = (ledger.journal().await.unwrap(), held(&ledger, &payer).await);
    ledger.close().await;

    let mut bearings = world.bearings();
    bearings.signer = std::sync::Arc::new(Absent(world.gateway_key.public_key()));
    let mute = Ledger::open(&world.path, bearings).await.unwrap();
    let refused = mute.hand_in(payment.evidence(), None, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::Busy);
    let renewal = payer.renewal(usd(), 1, NOW);
    assert!(mute.renew(renewal, NOW).await.is_err());
    mute.close().await;

    let ledger = world.open().await;
    let after = (ledger.journal().await.unwrap(), held(&ledger, &payer).await);
    assert_eq!(after, before);
    ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    assert_sound(&ledger).await;
}
