//! The gateway dies while it writes into the files beside the books: what things said and were told,
//! who asks for a code, and who did what. Every step is there whole or not at all, and whoever looks
//! and goes on comes to the same end.

use crate::deaths;
use crate::support::NOW;
use ledger::CrashPoint;
use ledger::diary::{
    Asker, COMMANDS_PER_CODE, Desired, Diary, Measured, NewReading, Standing, Verdict,
};
use ledger::people::{Act, AuditCheck, People, Role, Roles, SecretHash};
use protocol::code::IssuedBy;
use protocol::{Code, Digest, Kind};
use std::fmt::Write;

/// Telemetry, a twin, a command with its answer, three devices that ask, and three acts.
const PASSES_MOST: u32 = 4;
const DAY_S: u32 = 86_400;
const LINK: SecretHash = [7; 32];

#[test]
fn a_crash_beside_the_books_leaves_every_step_whole_or_not_at_all() {
    deaths::at_every_step("beside::child", CrashPoint::BESIDE, PASSES_MOST);
}

#[tokio::test]
async fn child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let diary = Diary::open(&folder.join("diary.db")).await.unwrap();
    let people = People::open(&folder.join("people.db")).await.unwrap();
    let mut said = String::new();
    telemetry(&diary, &mut said).await;
    told(&diary, &mut said).await;
    asked(&diary, &mut said).await;
    acts(&people, &mut said).await;
    diary.close().await;
    people.close().await;
    deaths::write_outcome(&folder, &said);
}

fn code(number: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, number, b"key").unwrap()
}

/// A thing sends until it hears that it was heard.
async fn telemetry(diary: &Diary, said: &mut String) {
    let reading = |name: &str, value| NewReading {
        code: code(1),
        name: name.to_owned(),
        at_ms: u64::from(NOW.0) * 1_000,
        value: Measured::Number(value),
        unit: "Cel".to_owned(),
    };
    let readings = [reading("inside", 21.5), reading("outside", -3.0)];
    let kept = diary.readings_kept(&code(1)).await.unwrap();
    assert!(kept == 0 || kept == 2, "all or none: {kept}");
    assert_eq!(diary.series(&code(1)).await.unwrap().len() as u64, kept);
    if kept == 0 {
        diary.add_readings(&readings, NOW).await.unwrap();
    }
    let series = diary.series(&code(1)).await.unwrap();
    writeln!(said, "{series:?}").unwrap();
}

async fn told(diary: &Diary, said: &mut String) {
    for payload in [b"{\"on\":true}".as_slice(), b"{\"on\":false}"] {
        let desired = Desired {
            code: code(1),
            payload: payload.to_vec(),
            by: "ada".to_owned(),
            at: NOW,
        };
        assert!(diary.set_desired(&desired).await.unwrap());
    }
    let other = Desired {
        code: code(2),
        payload: Vec::new(),
        by: "ada".to_owned(),
        at: NOW,
    };
    assert!(diary.set_desired(&other).await.unwrap());
    writeln!(said, "{:?}", diary.all_desired().await.unwrap()).unwrap();

    // A person looks what stands on the page and gives the command once.
    let before = diary.commands(&code(1), COMMANDS_PER_CODE).await.unwrap();
    let number = match before.first() {
        Some(command) => command.number,
        None => diary
            .begin_command(&code(1), "open", "ada", NOW)
            .await
            .unwrap(),
    };
    let command = &diary.commands(&code(1), 1).await.unwrap()[0];
    assert!(command.result.is_none() || command.sent.is_some());
    if command.sent.is_none() {
        diary.command_sent(number, NOW).await.unwrap();
    }
    // The thing answers until it hears that it was heard: the first time counts.
    for result in ["opened", "opened"] {
        diary
            .command_answered(&code(1), number, result, NOW)
            .await
            .unwrap();
    }
    let commands = diary.commands(&code(1), COMMANDS_PER_CODE).await.unwrap();
    assert_eq!(commands.len(), 1);
    writeln!(said, "{commands:?}").unwrap();
}

async fn asked(diary: &Diary, said: &mut String) {
    for (number, verdict) in [
        (1, Some(Verdict::Accepted(code(11)))),
        (2, Some(Verdict::Rejected("not ours".to_owned()))),
        (3, None),
    ] {
        let asker = Asker {
            id: Digest([number; 32]),
            request: vec![0x30, number],
            fingerprint: Digest([number + 100; 32]),
            product: "meter".to_owned(),
            address: "192.0.2.7".to_owned(),
        };
        let standing = diary.ask(&asker, NOW).await.unwrap();
        if let (Standing::Waiting, Some(verdict)) = (&standing, &verdict) {
            let decided = diary.decide(&asker.id, verdict, "ada", NOW).await;
            assert!(decided.unwrap());
        }
        let standing = diary.ask(&asker, NOW).await.unwrap();
        writeln!(said, "{standing:?}").unwrap();
    }
    let (waiting, decided) = (diary.waiting().await, diary.decided(9).await);
    writeln!(said, "{:?} {:?}", waiting.unwrap(), decided.unwrap()).unwrap();
}

/// What an act does and the row that tells of it are one step.
async fn acts(people: &People, said: &mut String) {
    let act = |what| Act {
        who: "ada",
        what,
        about: "auditor",
        origin: "test",
    };
    let rows = async || people.audit_after(0, 9).await.unwrap();
    let has = async |what: &str| rows().await.iter().any(|row| row.what == what);
    let link = people.link(LINK, NOW).await.unwrap();
    assert_eq!(link.is_some(), has("link made").await, "neither or both");
    if link.is_none() {
        let roles = Roles::of(&[Role::Auditor]);
        let act = act("link made");
        people
            .add_link(LINK, roles, DAY_S, &act, NOW)
            .await
            .unwrap();
    }
    for what in ["manifest taken in", "codes ordered"] {
        if !has(what).await {
            people.record(&act(what), NOW).await.unwrap();
        }
    }
    let whole = people.check_audit().await.unwrap();
    assert!(
        matches!(whole, AuditCheck::Whole { rows: 3, .. }),
        "{whole:?}"
    );
    writeln!(
        said,
        "{whole:?} {:?}",
        people.link(LINK, NOW).await.unwrap()
    )
    .unwrap();
}
