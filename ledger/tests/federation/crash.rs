//! A process that dies at any durable step of the federation loses nothing and doubles nothing: after
//! a restart everything is sent again, and the balances in all books are those of a run that nobody
//! interrupted.

use crate::house::*;
use crate::support::*;
use ledger::{CRASH_VARIABLE, CrashPoint};
use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

const FOLDER_VARIABLE: &str = "ONECODE_FEDERATION_CRASH_FOLDER";
const OUTCOME_FILE: &str = "outcome.txt";
/// How often a step is let pass, at most, before the process dies at it.
const PASSES_MOST: u32 = 2;
const SIGABRT: i32 = 6;

#[test]
fn a_crash_among_gateways_loses_nothing_and_doubles_nothing() {
    let expected = {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path(), None).success());
        let first = outcome(folder.path());
        assert!(run(folder.path(), None).success());
        assert_eq!(outcome(folder.path()), first);
        first
    };
    for point in CrashPoint::FEDERATION {
        let mut died = 0;
        while died < PASSES_MOST {
            let folder = tempfile::tempdir().unwrap();
            let status = run(folder.path(), Some((*point, died)));
            if status.success() {
                break;
            }
            assert_eq!(status.signal(), Some(SIGABRT), "{point:?}: {status}");
            died += 1;
            assert!(run(folder.path(), None).success(), "{point:?} again");
            assert_eq!(outcome(folder.path()), expected, "{point:?} pass {died}");
        }
        assert!(died > 0, "the scenario never comes by {point:?}");
    }
}

fn run(folder: &Path, crash: Option<(CrashPoint, u32)>) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::scenario_child", "--nocapture"]);
    child.env(FOLDER_VARIABLE, folder);
    child.env_remove(CRASH_VARIABLE);
    if let Some((point, passes)) = crash {
        child.env(CRASH_VARIABLE, format!("{}:{passes}", point.word()));
    }
    child.output().unwrap().status
}

fn outcome(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(OUTCOME_FILE)).unwrap()
}

#[tokio::test]
async fn scenario_child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut house = House::within(folder).await;
    let purses = scenario(&mut house).await;
    let mut said = String::new();
    for purse in &purses {
        for office in [CENTRE, A, B] {
            let held = held(house.ledger(office), purse).await;
            writeln!(said, "{} at {office}: {held:?}", purse.seed).unwrap();
        }
    }
    house.assert_settled().await;
    for office in &house.offices {
        office.ledger.close().await;
    }
    std::fs::write(folder.join(OUTCOME_FILE), said).unwrap();
}

/// Every step of the federation at least once, each carried to its end before the next.
async fn scenario(house: &mut House) -> Vec<Purse> {
    house.calm().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    // Paid by credit, relayed, and withdrawn.
    let first = payer.pay(&payee.code, 300);
    let _ = house.hand_in(A, &first, None).await;
    house.calm().await;
    let _ = house.hand_in(B, &first, Some(&payee)).await;
    house.calm().await;
    let order = house.order(&payee, 50, "out");
    house
        .ledger(CENTRE)
        .withdraw(order, house.now)
        .await
        .unwrap();
    house.calm().await;
    // The payer moves; what it left behind follows.
    let order = house.moves(&payer, A, B, 2);
    let _ = house.ledger(A).move_home(&order, &[], house.now).await;
    house.calm().await;
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    // B is lost, and the payee goes on at A.
    let order = house.moves(&payee, B, A, 2);
    let pass = sealed_pass(house, &payee);
    let _ = house.ledger(A).move_home(&order, &pass, house.now).await;
    house.exchange(A).await;
    house.now = house.now.plus_s(LEASE_S + GRACE_S + 1);
    for _ in 0..3 {
        house.ledger(CENTRE).sweep(house.now).await.unwrap();
        house.exchange(A).await;
    }
    // And it is back.
    house.calm().await;
    house.calm().await;
    vec![payer, payee]
}
