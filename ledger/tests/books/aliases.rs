//! Other names of codes: each for one code at a time, and none an identity.

use crate::support::*;
use ledger::bounds::ALIASES_MOST;
use protocol::{Code, Status};

const NAME: &str = "01/09506000134352/21/7";

#[tokio::test]
async fn a_name_stands_for_one_code_until_it_is_taken_away() {
    let (_folder, world, ledger) = house().await;
    let (first, second) = pair(&ledger, &world, 600).await;
    let set = async |code: &Code, has| ledger.set_alias(NAME, code, has, "ada", NOW).await;
    assert_eq!(ledger.code_of_alias(NAME).await.unwrap(), None);
    for _ in 0..2 {
        set(&first.code, true).await.unwrap();
    }
    assert_eq!(ledger.code_of_alias(NAME).await.unwrap(), Some(first.code));
    assert_eq!(ledger.aliases_of(&first.code).await.unwrap(), [NAME]);
    for has in [true, false] {
        assert_eq!(set(&second.code, has).await, Err(Status::NotPermitted));
    }
    for _ in 0..2 {
        set(&first.code, false).await.unwrap();
    }
    set(&second.code, true).await.unwrap();
    assert_eq!(ledger.code_of_alias(NAME).await.unwrap(), Some(second.code));
    assert!(ledger.aliases_of(&first.code).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_registered_codes_have_other_names_and_not_too_many() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 71).await;
    let unknown = ledger.set_alias(NAME, &world.gateway, true, "ada", NOW);
    assert_eq!(unknown.await, Err(Status::UnknownCode));
    for number in 0..ALIASES_MOST {
        let name = format!("01/09506000134352/21/{number}");
        let set = ledger.set_alias(&name, &purse.code, true, "ada", NOW);
        set.await.unwrap();
    }
    let more = ledger.set_alias("01/09506000134352/21/x", &purse.code, true, "ada", NOW);
    assert_eq!(more.await, Err(Status::Full));
}
