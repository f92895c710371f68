//! The diary forgets in the right order.

use super::{
    ASKER_LIFE_S, ASKERS_PER_ADDRESS, Asker, COMMANDS_PER_CODE, Desired, Diary, Measured,
    NewReading, READINGS_LIFE_S, READINGS_PER_CODE, SERIES_PER_CODE, Standing, Verdict,
};
use protocol::code::IssuedBy;
use protocol::{Code, Digest, Kind, Timestamp};

const NOW: Timestamp = Timestamp(1_700_000_000);
const NOW_MS: u64 = 1_700_000_000_000;

async fn diary() -> (tempfile::TempDir, Diary) {
    let folder = tempfile::tempdir().unwrap();
    let diary = Diary::open(&folder.path().join("diary.db")).await.unwrap();
    (folder, diary)
}

fn code(number: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, number, b"key").unwrap()
}

fn reading(of: u64, name: &str, at_ms: u64, value: f64) -> NewReading {
    NewReading {
        code: code(of),
        name: name.to_owned(),
        at_ms,
        value: Measured::Number(value),
        unit: "Cel".to_owned(),
    }
}

#[tokio::test]
async fn the_oldest_readings_of_a_thing_give_way_and_no_others_do() {
    let (_folder, diary) = diary().await;
    diary
        .add_readings(&[reading(2, "t", NOW_MS, 1.0)], NOW)
        .await
        .unwrap();
    let most = u64::from(READINGS_PER_CODE);
    let many: Vec<_> = (0..most + 5)
        .map(|n| reading(1, "t", NOW_MS + n, n as f64))
        .collect();
    assert_eq!(diary.add_readings(&many, NOW).await.unwrap(), many.len());
    assert_eq!(diary.readings_kept(&code(1)).await.unwrap(), most);
    assert_eq!(diary.readings_kept(&code(2)).await.unwrap(), 1);
    let newest = diary.readings(&code(1), Some("t"), None, 2).await.unwrap();
    let values: Vec<_> = newest.iter().map(|row| row.series.at_ms).collect();
    assert_eq!(values, [NOW_MS + most + 4, NOW_MS + most + 3]);
    let before = newest[1].number;
    let next = diary.readings(&code(1), None, Some(before), 1).await;
    assert_eq!(next.unwrap()[0].series.at_ms, NOW_MS + most + 2);
}

#[tokio::test]
async fn what_is_too_old_goes_whatever_a_thing_says_about_its_time() {
    let (_folder, diary) = diary().await;
    let far = reading(1, "t", u64::MAX, 1.0);
    diary.add_readings(&[far], NOW).await.unwrap();
    let later = NOW.plus_s(READINGS_LIFE_S);
    let new = reading(1, "t", 0, 2.0);
    diary.add_readings(&[new], later).await.unwrap();
    assert!(!diary.tidy_readings(later).await.unwrap());
    assert_eq!(diary.readings_kept(&code(1)).await.unwrap(), 2);
    assert!(!diary.tidy_readings(later.plus_s(1)).await.unwrap());
    let left = diary.readings(&code(1), None, None, 9).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].series.value, Measured::Number(2.0));
    assert_eq!(diary.readings_kept(&code(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_thing_has_only_so_many_names_and_each_its_newest_value() {
    let (_folder, diary) = diary().await;
    let many: Vec<_> = (0..SERIES_PER_CODE + 3)
        .map(|n| reading(1, &format!("n{n:03}"), NOW_MS, 1.0))
        .collect();
    let kept = diary.add_readings(&many, NOW).await.unwrap();
    assert_eq!(kept, SERIES_PER_CODE as usize);
    let mut late = reading(1, "n000", NOW_MS - 5, 9.0);
    late.unit = "K".to_owned();
    let newer = reading(1, "n001", NOW_MS + 5, 7.0);
    assert_eq!(diary.add_readings(&[late, newer], NOW).await.unwrap(), 2);
    let series = diary.series(&code(1)).await.unwrap();
    assert_eq!(series.len(), SERIES_PER_CODE as usize);
    assert_eq!(series[0].value, Measured::Number(1.0), "it came late");
    assert_eq!(series[1].value, Measured::Number(7.0));
}

#[tokio::test]
async fn numbers_are_gathered_in_steps() {
    let (_folder, diary) = diary().await;
    let mut words = reading(1, "t", NOW_MS + 1, 0.0);
    words.value = Measured::Words("hot".to_owned());
    let all = [
        reading(1, "t", NOW_MS, 1.0),
        reading(1, "t", NOW_MS + 999, 3.0),
        reading(1, "t", NOW_MS + 2_000, -4.0),
        reading(1, "t", NOW_MS + 3_000, 5.0),
        reading(1, "u", NOW_MS, 8.0),
        words,
    ];
    diary.add_readings(&all, NOW).await.unwrap();
    let spans = diary.spans(&code(1), "t", NOW_MS, 1_000, 3).await.unwrap();
    let told: Vec<_> = spans
        .iter()
        .map(|span| (span.step, span.least, span.mean, span.most))
        .collect();
    assert_eq!(told, [(0, 1.0, 2.0, 3.0), (2, -4.0, -4.0, -4.0)]);
}

#[tokio::test]
async fn a_command_is_answered_once_by_the_thing_it_was_for() {
    let (_folder, diary) = diary().await;
    let first = diary.begin_command(&code(1), "open", "ada", NOW).await;
    let first = first.unwrap();
    assert!(!(diary.command_answered(&code(2), first, "no", NOW).await).unwrap());
    diary.command_sent(first, NOW).await.unwrap();
    assert!((diary.command_answered(&code(1), first, "done", NOW).await).unwrap());
    assert!(!(diary.command_answered(&code(1), first, "again", NOW).await).unwrap());
    let commands = diary.commands(&code(1), 9).await.unwrap();
    assert_eq!(commands[0].result, Some((NOW, "done".to_owned())));
    for _ in 0..COMMANDS_PER_CODE {
        let more = diary.begin_command(&code(1), "x", "ada", NOW).await;
        assert!(more.unwrap() > first, "numbers are never used again");
    }
    let kept = diary.commands(&code(1), u32::MAX).await.unwrap();
    assert_eq!(kept.len(), COMMANDS_PER_CODE as usize);
    assert!(kept.iter().all(|command| command.number != first));
}

#[tokio::test]
async fn what_a_thing_shall_become_survives_a_restart_and_is_taken_away_by_nothing() {
    let (folder, diary) = diary().await;
    let mut desired = Desired {
        code: code(1),
        payload: b"{\"limit\":16}".to_vec(),
        by: "ada".to_owned(),
        at: NOW,
    };
    assert!(diary.set_desired(&desired).await.unwrap());
    diary.close().await;
    let diary = Diary::open(&folder.path().join("diary.db")).await.unwrap();
    assert_eq!(
        diary.desired(&code(1)).await.unwrap(),
        Some(desired.clone())
    );
    let all = diary.all_desired().await.unwrap();
    assert_eq!(all, [(code(1), desired.payload.clone())]);
    desired.payload.clear();
    assert!(diary.set_desired(&desired).await.unwrap());
    assert_eq!(diary.desired(&code(1)).await.unwrap(), None);
}

fn asker(number: u32, address: &str) -> Asker {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Asker {
        id: Digest(id),
        request: vec![1, 2, 3],
        fingerprint: Digest([7; 32]),
        product: "CN=sensor".to_owned(),
        address: address.to_owned(),
    }
}

#[tokio::test]
async fn who_asks_waits_until_somebody_decides_and_then_stands_so() {
    let (_folder, diary) = diary().await;
    let (one, two) = (asker(1, "192.0.2.1"), asker(2, "192.0.2.1"));
    assert_eq!(diary.ask(&one, NOW).await.unwrap(), Standing::Waiting);
    assert_eq!(diary.ask(&one, NOW).await.unwrap(), Standing::Waiting);
    diary.ask(&two, NOW.plus_s(1)).await.unwrap();
    assert_eq!(diary.waiting().await.unwrap(), (2, Some(NOW)));
    let no = Verdict::Rejected("not ours".to_owned());
    let yes = Verdict::Accepted(code(9));
    assert!(diary.decide(&two.id, &no, "ada", NOW).await.unwrap());
    let rejected = Standing::Rejected("not ours".to_owned());
    assert_eq!(diary.ask(&two, NOW).await.unwrap(), rejected);
    assert!(diary.decide(&one.id, &yes, "ada", NOW).await.unwrap());
    assert!(!diary.decide(&one.id, &no, "bob", NOW).await.unwrap());
    let accepted = Standing::Accepted(code(9));
    assert_eq!(diary.ask(&one, NOW).await.unwrap(), accepted);
    assert!(diary.decide(&two.id, &yes, "ada", NOW).await.unwrap());
    assert!(diary.askers().await.unwrap().is_empty());
    assert_eq!(diary.decided(9).await.unwrap().len(), 2);
    let nobody = Digest([9; 32]);
    assert!(!diary.decide(&nobody, &yes, "ada", NOW).await.unwrap());
}

#[tokio::test]
async fn one_address_fills_no_list_and_who_stops_asking_makes_room() {
    let (_folder, diary) = diary().await;
    for number in 0..ASKERS_PER_ADDRESS {
        let waits = diary.ask(&asker(number, "192.0.2.1"), NOW).await.unwrap();
        assert_eq!(waits, Standing::Waiting);
    }
    let more = asker(1_000, "192.0.2.1");
    assert_eq!(diary.ask(&more, NOW).await.unwrap(), Standing::Full);
    let other = asker(1_001, "192.0.2.2");
    assert_eq!(diary.ask(&other, NOW).await.unwrap(), Standing::Waiting);
    let later = NOW.plus_s(ASKER_LIFE_S + 1);
    assert_eq!(diary.ask(&more, later).await.unwrap(), Standing::Waiting);
    assert_eq!(diary.waiting().await.unwrap(), (1, Some(later)));
}
