//! Payers who ask for their money back.

use crate::support::*;
use ledger::views::Page;
use ledger::{Ledger, RefundDecision};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::RefundAnswer;
use protocol::{Digest, Status};

fn says(paid_back: Option<Digest>, words: &str) -> RefundDecision {
    RefundDecision {
        paid_back,
        words: words.into(),
        by: "operator".into(),
        at: NOW,
    }
}

async fn paid() -> (tempfile::TempDir, Ledger, [Purse; 2], Signed) {
    let (folder, world, ledger) = house().await;
    let mut payer = Purse::register(&ledger, &world, 1).await;
    let payee = Purse::register(&ledger, &world, 2).await;
    ledger.load(order(&payer, 900, "in"), NOW).await.unwrap();
    payer.renew(&ledger, 500, NOW).await;
    let payment = payer.pay(&payee.code, 100);
    let receipt = Some(payee.receipt(&payment));
    let settled = ledger.hand_in(payment.evidence(), receipt, NOW).await;
    settled.unwrap();
    (folder, ledger, [payer, payee], payment)
}

/// The answers in an inbox.
async fn answers(ledger: &Ledger, purse: &Purse) -> Vec<RefundAnswer> {
    let inbox = ledger.inbox(&purse.code, 0, 99).await.unwrap();
    let answer = |bytes: &[u8]| match Message::read(bytes).unwrap() {
        Message::RefundAnswer { answer } => {
            let signed = open::<RefundAnswer>(answer, &network()).unwrap();
            Some(*signed.verify(&purse.gateway_key).unwrap().get())
        }
        _ => None,
    };
    inbox
        .iter()
        .filter_map(|entry| answer(&entry.bytes))
        .collect()
}

#[tokio::test]
async fn a_payment_is_asked_back_once_by_its_payer_and_by_nobody_else() {
    let (_folder, ledger, [payer, payee], payment) = paid().await;
    let request = payer.ask_back(&payment, "It did not charge.");
    let id = request.id();
    assert_eq!(ledger.ask_back(request, NOW).await, Ok(()));
    let again = payer.ask_back(&payment, "It did not charge.");
    assert_eq!(ledger.ask_back(again, NOW.plus_s(60)).await, Ok(()));
    let other = payer.ask_back(&payment, "Something else.");
    assert_eq!(ledger.ask_back(other, NOW).await, Err(Status::Full));
    let rows = ledger.refunds(&Page::first(9)).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id, rows[0].payer), (id, payer.code));
    assert_eq!(rows[0].words, "It did not charge.");
    assert_eq!(
        ledger.refund_of(&payment.id).await.unwrap(),
        Some(rows[0].clone())
    );

    let (_other_folder, other_ledger, [_, _], second) = paid().await;
    let theirs = payee.ask_back(&second, "Mine.");
    let refused = other_ledger.ask_back(theirs, NOW).await;
    assert_eq!(refused, Err(Status::NotPermitted));
    let nowhere = Signed {
        id: Digest([9; 32]),
        ..second
    };
    let unknown = payer.ask_back(&nowhere, "What?");
    assert_eq!(
        other_ledger.ask_back(unknown, NOW).await,
        Err(Status::NotPermitted)
    );
}

#[tokio::test]
async fn an_answer_stands_and_is_told_once() {
    let (_folder, ledger, [payer, _], payment) = paid().await;
    ledger
        .ask_back(payer.ask_back(&payment, "Why?"), NOW)
        .await
        .unwrap();
    let none = ledger.answer_refund(7, says(None, "No.")).await;
    assert_eq!(none.unwrap_err(), Status::NotPermitted);
    let first = ledger.answer_refund(1, says(None, "No.")).await.unwrap();
    assert_eq!(
        ledger.answer_refund(1, says(None, "No.")).await.unwrap(),
        first
    );
    let other = ledger.answer_refund(1, says(None, "Yes.")).await;
    assert_eq!(other.unwrap_err(), Status::NotPermitted);
    let told = answers(&ledger, &payer).await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].request, told[0].paid_back), (first.id, None));
    assert_eq!(told[0].words.unwrap().as_str(), "No.");
}

#[tokio::test]
async fn only_a_payment_the_other_way_pays_back() {
    let (_folder, ledger, [mut payer, mut payee], payment) = paid().await;
    ledger
        .ask_back(payer.ask_back(&payment, "Why?"), NOW)
        .await
        .unwrap();
    let same_way = payer.pay(&payee.code, 5);
    ledger
        .hand_in(same_way.evidence(), None, NOW)
        .await
        .unwrap();
    for wrong in [payment.id, same_way.id, Digest([3; 32])] {
        let refused = ledger.answer_refund(1, says(Some(wrong), "")).await;
        assert_eq!(refused.unwrap_err(), Status::WrongReference);
    }
    payee.renew(&ledger, 50, NOW).await;
    let back = payee.pay(&payer.code, 50);
    ledger.hand_in(back.evidence(), None, NOW).await.unwrap();
    let done = ledger
        .answer_refund(1, says(Some(back.id), ""))
        .await
        .unwrap();
    assert_eq!(done.decision.unwrap().paid_back, Some(back.id));
    assert_eq!(answers(&ledger, &payer).await[0].paid_back, Some(back.id));
    assert_sound(&ledger).await;
}
