//! Letters are written once, kept until they are taken, and forgotten in the right order.

use super::{
    Address, Alerts, Destination, DestinationId, Event, Fact, HISTORY_MAX, Kind, LETTER_LIFE_S,
    Letter, LetterId, LetterState, QUEUE_MAX, RULES_MAX, Rule, RuleId, TRIES_MAX, Unkept,
};
use protocol::Timestamp;
use std::sync::atomic::{AtomicU32, Ordering};

const NOW: Timestamp = Timestamp(1_700_000_000);

struct Scene {
    alerts: Alerts,
    folder: tempfile::TempDir,
    drawn: AtomicU32,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alerts = Alerts::open(&folder.path().join("alerts.db")).await;
        Self {
            alerts: alerts.unwrap(),
            folder,
            drawn: AtomicU32::new(1),
        }
    }

    fn draw(&self) -> impl Fn(&mut [u8]) + Send + Sync + '_ {
        |out: &mut [u8]| {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            out[..4].copy_from_slice(&number.to_be_bytes());
        }
    }

    /// As after a power cut.
    async fn reopen(&mut self) {
        let path = self.folder.path().join("alerts.db");
        self.alerts = Alerts::open(&path).await.unwrap();
    }

    async fn mail(&self, name: &str) -> DestinationId {
        let id = DestinationId::draw(&self.draw());
        let address = Address::Mail("duty@example.com".to_owned());
        let added = self.alerts.add_destination(id, name, &address, "ada", NOW);
        added.await.unwrap();
        id
    }

    async fn rule(&self, destination: DestinationId) -> Rule {
        let rule = rule(RuleId::draw(&self.draw()), destination);
        self.alerts.add_rule(&rule).await.unwrap();
        rule
    }

    async fn take(&self, rule: &Rule, facts: &[Fact], now: Timestamp) -> usize {
        let draw = self.draw();
        self.alerts.take(rule, facts, &draw, now).await.unwrap()
    }

    async fn due(&self, now: Timestamp) -> Option<(Letter, Destination)> {
        self.alerts.due(now).await.unwrap().into_iter().next()
    }
}

fn rule(id: RuleId, destination: DestinationId) -> Rule {
    Rule {
        id,
        name: "fraud".to_owned(),
        kind: Kind::Fraud,
        codes: Vec::new(),
        after_s: 0,
        bound: None,
        destination,
        quiet_s: 60,
        says_over: true,
        by: "ada".to_owned(),
        made: NOW,
    }
}

fn fact(subject: &str, level: u64) -> Fact {
    Fact {
        subject: subject.to_owned(),
        level,
        words: format!("{level} cases"),
        path: "/frauds".to_owned(),
    }
}

#[tokio::test]
async fn a_letter_is_the_same_one_until_it_is_taken_whatever_happens_to_the_process() {
    let mut scene = Scene::new().await;
    let to = scene.mail("duty").await;
    let rule = scene.rule(to).await;
    assert_eq!(scene.take(&rule, &[fact("", 1)], NOW).await, 1);
    let (first, destination) = scene.due(NOW).await.unwrap();
    assert_eq!((first.event, destination.id), (Event::Begins, to));
    scene.reopen().await;
    assert_eq!(scene.take(&rule, &[fact("", 1)], NOW.plus_s(2)).await, 0);
    let (again, _) = scene.due(NOW.plus_s(2)).await.unwrap();
    assert_eq!(again, first);
    scene.alerts.delivered(&again, NOW.plus_s(3)).await.unwrap();
    scene.reopen().await;
    assert!(scene.due(NOW.plus_s(3)).await.is_none());
    let kept = scene.alerts.letters(None, 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].state), (1, LetterState::Delivered));
    assert_eq!(scene.take(&rule, &[], NOW.plus_s(4)).await, 1);
    let (over, _) = scene.due(NOW.plus_s(4)).await.unwrap();
    assert_eq!((over.event, over.fact), (Event::Over, fact("", 1)));
    assert_ne!(over.id, first.id);
}

#[tokio::test]
async fn what_is_not_taken_is_tried_after_growing_pauses_and_given_up_at_last() {
    let scene = Scene::new().await;
    let rule = scene.rule(scene.mail("duty").await).await;
    scene.take(&rule, &[fact("", 1)], NOW).await;
    let mut now = NOW;
    let mut pauses = Vec::new();
    let ended = loop {
        let (letter, _) = scene.due(now).await.unwrap();
        let state = scene.alerts.failed(&letter, "nobody is there", now).await;
        if state.unwrap() == LetterState::GivenUp {
            break letter;
        }
        assert!(scene.due(now).await.is_none(), "a pause at {now:?}");
        let before = now;
        while scene.due(now).await.is_none() {
            now = now.plus_s(10);
        }
        pauses.push(now.0 - before.0);
    };
    assert_eq!(pauses[..3], [10, 20, 40]);
    assert!(pauses.iter().all(|pause_s| *pause_s <= 3_600));
    assert!(now.0 - NOW.0 >= LETTER_LIFE_S && ended.tries < TRIES_MAX);
    let kept = scene.alerts.letters(None, 9).await.unwrap();
    let told = (kept[0].state, kept[0].problem.as_str());
    assert_eq!(told, (LetterState::GivenUp, "nobody is there"));
    assert_eq!(scene.alerts.unreached(3).await.unwrap(), 1);
}

#[tokio::test]
async fn a_letter_that_is_never_taken_keeps_no_other_back() {
    let scene = Scene::new().await;
    let rule = scene.rule(scene.mail("duty").await).await;
    scene.take(&rule, &[fact("a", 1)], NOW).await;
    let (poison, _) = scene.due(NOW).await.unwrap();
    scene.alerts.failed(&poison, "422", NOW).await.unwrap();
    let facts = [fact("a", 1), fact("b", 1)];
    scene.take(&rule, &facts, NOW.plus_s(1)).await;
    let (next, _) = scene.due(NOW.plus_s(10)).await.unwrap();
    assert_eq!(next.fact.subject, "b");
    scene.alerts.delivered(&next, NOW.plus_s(10)).await.unwrap();
    let (next, destination) = scene.due(NOW.plus_s(11)).await.unwrap();
    assert_eq!((next.id, next.tries), (poison.id, 1));
    assert_eq!(destination.failing, 0);
}

#[tokio::test]
async fn what_finds_no_room_is_told_once_there_is_some() {
    let scene = Scene::new().await;
    let to = scene.mail("duty").await;
    for _ in 0..QUEUE_MAX {
        let id = LetterId::draw(&scene.draw());
        scene
            .alerts
            .try_destination(id, to, "x", NOW)
            .await
            .unwrap();
    }
    let more = scene
        .alerts
        .try_destination(LetterId([9; 16]), to, "x", NOW);
    assert!(matches!(more.await, Err(Unkept::Full)));
    let rule = scene.rule(to).await;
    assert_eq!(scene.take(&rule, &[fact("", 1)], NOW).await, 0);
    let (letter, _) = scene.due(NOW).await.unwrap();
    scene.alerts.delivered(&letter, NOW).await.unwrap();
    assert_eq!(scene.take(&rule, &[fact("", 1)], NOW).await, 1);
}

#[tokio::test]
async fn a_trial_ends_the_pause_of_its_destination_and_is_written_once() {
    let scene = Scene::new().await;
    let to = scene.mail("duty").await;
    let rule = scene.rule(to).await;
    scene.take(&rule, &[fact("", 1)], NOW).await;
    let (letter, _) = scene.due(NOW).await.unwrap();
    scene.alerts.failed(&letter, "no", NOW).await.unwrap();
    assert!(scene.due(NOW).await.is_none());
    for _ in 0..2 {
        let trial = scene
            .alerts
            .try_destination(LetterId([7; 16]), to, "x", NOW);
        trial.await.unwrap();
    }
    let (trial, _) = scene.due(NOW).await.unwrap();
    assert_eq!((trial.event, trial.id), (Event::Trial, LetterId([7; 16])));
    assert_eq!(scene.alerts.letters(None, 9).await.unwrap().len(), 2);
    let nowhere = DestinationId([1; 16]);
    let lost = scene
        .alerts
        .try_destination(LetterId([8; 16]), nowhere, "x", NOW);
    assert!(matches!(lost.await, Err(Unkept::Unknown)));
}

#[tokio::test]
async fn destinations_and_rules_come_and_go_within_their_bounds() {
    let scene = Scene::new().await;
    let to = scene.mail("duty").await;
    let code = protocol::Code::derive(
        protocol::Kind::Device,
        protocol::code::IssuedBy {
            issuer: 1,
            station: 1,
        },
        7,
        b"key",
    );
    let mut silent = rule(RuleId([1; 16]), to);
    silent.kind = Kind::Silent;
    silent.after_s = 600;
    silent.codes = vec![code.unwrap()];
    scene.alerts.add_rule(&silent).await.unwrap();
    scene.alerts.add_rule(&silent).await.unwrap();
    assert_eq!(scene.alerts.rules().await.unwrap(), [silent.clone()]);
    let used = scene.alerts.remove_destination(to, NOW).await;
    assert!(matches!(used, Err(Unkept::InUse)));
    scene.take(&silent, &[fact("", 1)], NOW).await;
    assert_eq!(scene.alerts.told_now().await.unwrap()[&silent.id], 1);
    scene.alerts.remove_rule(silent.id).await.unwrap();
    let gone = scene.alerts.remove_rule(silent.id).await;
    assert!(matches!(gone, Err(Unkept::Unknown)));
    assert_eq!(scene.take(&silent, &[fact("", 2)], NOW).await, 0);
    scene.alerts.remove_destination(to, NOW).await.unwrap();
    let letters = scene.alerts.letters(None, 9).await.unwrap();
    assert_eq!(letters[0].state, LetterState::GivenUp);
    let lost = scene.alerts.add_rule(&silent).await;
    assert!(matches!(lost, Err(Unkept::Unknown)));
    let to = scene.mail("duty").await;
    for _ in 0..RULES_MAX {
        scene.rule(to).await;
    }
    let more = scene.alerts.add_rule(&rule(RuleId([2; 16]), to)).await;
    assert!(matches!(more, Err(Unkept::Full)));
}

#[tokio::test]
async fn letters_that_ended_are_forgotten_oldest_first_and_those_that_wait_are_not() {
    let scene = Scene::new().await;
    let to = scene.mail("duty").await;
    let other = scene.mail("night").await;
    let id = LetterId::draw(&scene.draw());
    let waits = scene.alerts.try_destination(id, other, "waits", NOW);
    waits.await.unwrap();
    let mut tx = scene.alerts.pool.begin().await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO letter (id, destination, going_to, rule, kind, event, subject, level, words,
           path, written, state)
         SELECT randomblob(16), $2, 'duty', '', 'trial', 'trial', '', 1, i, '/', 1, 1 FROM n",
    )
    .bind(HISTORY_MAX)
    .bind(to.0.as_slice())
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let id = LetterId::draw(&scene.draw());
    let new = scene.alerts.try_destination(id, to, "new", NOW);
    new.await.unwrap();
    let due = scene.alerts.due(NOW).await.unwrap();
    let (letter, _) = due.iter().find(|(letter, _)| letter.id == id).unwrap();
    scene.alerts.delivered(letter, NOW).await.unwrap();
    let kept = scene.alerts.letters(None, u32::MAX).await.unwrap();
    assert_eq!(kept.len(), HISTORY_MAX as usize + 1);
    assert_eq!(kept[0].fact.words, "new");
    let oldest: Vec<&str> = kept
        .iter()
        .rev()
        .map(|one| one.fact.words.as_str())
        .take(2)
        .collect();
    assert_eq!(oldest, ["waits", "2"]);
}
