//! What revocation lists are made from.

use crate::support::*;
use ledger::ThingState;

#[tokio::test]
async fn codes_that_are_stopped_are_withdrawn_until_they_go_on() {
    let (_folder, world, ledger) = house().await;
    let (first, second) = pair(&ledger, &world, 600).await;
    let stands = async || {
        let states = ledger.code_states().await.unwrap();
        let withdrawn = states.iter().filter(|it| it.is_withdrawn);
        let mut withdrawn: Vec<_> = withdrawn.map(|it| it.code).collect();
        withdrawn.sort_unstable();
        let mut newest = ledger.newest_withdrawn(16).await.unwrap();
        newest.sort_unstable();
        newest.dedup();
        assert_eq!(withdrawn, newest);
        (states.len(), withdrawn)
    };
    let set = async |code, state| {
        ledger
            .set_state(code, state, "seen twice", "alice", NOW)
            .await
            .unwrap();
        ledger.newest_state_change(0).await.unwrap()
    };
    assert_eq!(stands().await, (2, vec![]));
    assert_eq!(ledger.newest_state_change(0).await.unwrap(), 0);
    assert_eq!(ledger.newest_state_change(99).await.unwrap(), 99);

    let frozen = set(&first.code, ThingState::Frozen).await;
    assert_eq!(stands().await, (2, vec![first.code]));
    assert_eq!(ledger.withdrawn_certificates().await.unwrap(), []);
    let thawed = set(&first.code, ThingState::Active).await;
    assert!(0 < frozen && frozen < thawed);
    assert_eq!(stands().await, (2, vec![]));

    set(&second.code, ThingState::Revoked).await;
    assert_eq!(stands().await, (2, vec![second.code]));
    let withdrawn = ledger.withdrawn_certificates().await.unwrap();
    let certificate = ledger
        .thing(&second.code)
        .await
        .unwrap()
        .unwrap()
        .certificate;
    assert_eq!((withdrawn.len(), withdrawn[0].at), (1, NOW));
    assert_eq!(withdrawn[0].certificate, certificate);
}
