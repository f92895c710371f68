//! What every door relies on, and the stand-ins the doors' tests use.

use super::*;
use fanout::MemoryFanout;
use futures_util::future::BoxFuture;
use ledger::grants::GrantId;
use protocol::{Kind, code::IssuedBy, message::Message};
use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    sync::{Mutex, atomic::AtomicU64, atomic::Ordering},
};
use tokio::sync::broadcast;

thread_local! {
    static NOW: Cell<u32> = const { Cell::new(1_700_000_000) };
}

/// The time of one test.
pub(crate) fn now() -> Timestamp {
    Timestamp(NOW.get())
}

/// Time passes.
pub(crate) fn pass_s(seconds: u32) {
    NOW.set(NOW.get() + seconds);
}

/// The code of a thing with this nickname.
pub(crate) fn code(nickname: &str) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, 1, nickname.as_bytes()).unwrap()
}

/// A topic, or a client id with a suffix, in which `A`, `B` and so on stand for codes.
pub(crate) fn spell(text: &str) -> String {
    let level = |level: &str| match level.split_once('.') {
        Some((name @ ("A" | "B" | "C"), suffix)) => format!("{}.{suffix}", code(name)),
        None if matches!(level, "A" | "B" | "C") => code(level).to_string(),
        _ => level.to_owned(),
    };
    text.split('/').map(level).collect::<Vec<_>>().join("/")
}

pub(crate) fn topic(text: &str) -> Topic {
    Topic::parse(&spell(text)).unwrap()
}

pub(crate) fn filter(text: &str) -> Filter {
    Filter::parse(&spell(text)).unwrap()
}

fn caller(nickname: &str) -> Caller {
    Caller {
        code: code(nickname),
        door: Door::Mqtt,
    }
}

/// A wallet that forwards to the peer's inbox; `malformed` is malformed, `full` finds no room, and
/// the gateway answers `ask` with a refusal that says accepted.
#[derive(Debug, Default)]
pub(crate) struct PostOffice {
    pub(crate) inbox: Arc<MemoryInbox>,
    pub(crate) handled: AtomicU64,
}

impl WalletDesk for PostOffice {
    fn handle(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: Bytes,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, Declined>> {
        self.handled.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::clone(&self.inbox);
        Box::pin(async move {
            match (message.as_ref(), peer) {
                (b"malformed", _) => Err(Status::Malformed.into()),
                (b"full", _) => Err(Status::Full.into()),
                (_, Peer::Code(peer)) => {
                    assert!(caller.is_some());
                    inbox.put(peer, message);
                    Ok(None)
                }
                (_, Peer::Gateway) => {
                    let mut out = [0; 64];
                    let length = Message::refusal(Status::Accepted, None).write(&mut out);
                    Ok(Some(out[..length.unwrap()].to_vec()))
                }
            }
        })
    }
}

/// Grants that tests make, with the reads that are paid of each; none: it is free.
#[derive(Debug, Default)]
pub(crate) struct Library {
    shelf: Mutex<Vec<(Given, Option<u64>)>>,
}

impl Library {
    /// The reader may read what this filter takes.
    pub(crate) fn give(&self, what: &str, reader: &str, paid: Option<u64>) {
        self.give_to(code(reader), filter(what), paid);
    }

    pub(crate) fn give_to(&self, reader: Code, filter: Filter, paid: Option<u64>) {
        let mut shelf = self.shelf.lock().unwrap();
        let given = Given {
            id: GrantId([shelf.len() as u8; 12]),
            filter,
            reader,
            priced: paid.is_some(),
        };
        shelf.push((given, paid));
    }

    pub(crate) fn end_all(&self) {
        self.shelf.lock().unwrap().clear();
    }

    /// Reads that are paid and not taken, of all grants.
    pub(crate) fn left(&self) -> u64 {
        let shelf = self.shelf.lock().unwrap();
        shelf.iter().filter_map(|(_, left)| *left).sum()
    }
}

impl Readers for Library {
    fn given(&self, branch: Code) -> Vec<Given> {
        let shelf = self.shelf.lock().unwrap();
        let given = shelf.iter().map(|(given, _)| given);
        given
            .filter(|given| given.filter.code == branch)
            .cloned()
            .collect()
    }

    fn take<'g>(&'g self, given: &'g Given) -> BoxFuture<'g, Result<bool, Status>> {
        let mut shelf = self.shelf.lock().unwrap();
        let left = shelf.iter_mut().find(|(there, _)| there.id == given.id);
        let taken = match left {
            Some((_, Some(left))) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        };
        Box::pin(std::future::ready(Ok(taken)))
    }

    fn list(&self, reader: Code) -> BoxFuture<'_, Result<Bytes, Status>> {
        let shelf = self.shelf.lock().unwrap();
        let got = shelf.iter().filter(|(given, _)| given.reader == reader);
        let list: Vec<String> = got.map(|(given, _)| given.filter.to_string()).collect();
        Box::pin(std::future::ready(Ok(list.join(" ").into())))
    }
}

#[derive(Debug)]
pub(crate) struct MemoryInbox {
    entries: Mutex<HashMap<Code, BTreeMap<u64, Bytes>>>,
    newest: AtomicU64,
    changed: broadcast::Sender<Code>,
}

impl Default for MemoryInbox {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            newest: AtomicU64::new(0),
            changed: broadcast::channel(16).0,
        }
    }
}

impl MemoryInbox {
    pub(crate) fn put(&self, code: Code, message: Bytes) {
        let number = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let mut entries = self.entries.lock().unwrap();
        entries.entry(code).or_default().insert(number, message);
        let _ = self.changed.send(code);
    }

    pub(crate) fn waiting(&self, code: Code) -> usize {
        let entries = self.entries.lock().unwrap();
        entries.get(&code).map_or(0, BTreeMap::len)
    }
}

impl Inbox for MemoryInbox {
    fn next(
        &self,
        code: Code,
        after: u64,
        most: u32,
    ) -> BoxFuture<'static, Result<Vec<(u64, Bytes)>, Status>> {
        let entries = self.entries.lock().unwrap();
        let mine = entries.get(&code).into_iter().flatten();
        let next = mine.filter(|(number, _)| **number > after);
        let next = next.take(most as usize).map(|(n, b)| (*n, b.clone()));
        Box::pin(std::future::ready(Ok(next.collect())))
    }

    fn acknowledge(&self, code: Code, up_to: u64) -> BoxFuture<'static, Result<(), Status>> {
        let mut entries = self.entries.lock().unwrap();
        if let Some(mine) = entries.get_mut(&code) {
            mine.retain(|number, _| *number > up_to);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn changed(&self) -> broadcast::Receiver<Code> {
        self.changed.subscribe()
    }
}

/// A tree in memory, and the post office behind it.
pub(crate) fn tree() -> (Arc<Tree>, Arc<PostOffice>) {
    let office = Arc::new(PostOffice::default());
    let inbox = Arc::clone(&office.inbox);
    let fanout = Arc::new(MemoryFanout::default());
    let tree = Tree::new(fanout, office.clone(), inbox, now);
    (tree, office)
}

async fn publish(tree: &Tree, who: &str, where_: &str, what: &str) -> Result<Published, Refusal> {
    let payload = Bytes::copy_from_slice(what.as_bytes());
    let topic = topic(where_);
    tree.publish(&caller(who), &topic, payload, Manner::default())
        .await
}

#[test]
fn every_topic_reads_back_as_it_is_written() {
    for text in [
        "oc/1/A/t/temperature",
        "oc/1/A/t/room/2/temperature",
        "oc/1/A/e/door",
        "oc/1/A/s",
        "oc/1/A/twin/reported",
        "oc/1/A/twin/desired",
        "oc/1/A/c/42",
        "oc/1/A/r/42",
        "oc/1/A/w/in",
        "oc/1/A/w/out/B",
        "oc/1/A/w/out/gateway",
    ] {
        let text = spell(text);
        let topic = Topic::parse(&text).unwrap();
        assert_eq!(topic.to_string(), text);
        assert!(Filter::exactly(&topic).takes(&topic));
        assert_eq!(Filter::exactly(&topic), Filter::parse(&text).unwrap());
    }
}

#[test]
fn what_is_no_topic_has_its_reason() {
    let long = format!("oc/1/A/t/{}", "x".repeat(NAME_MAX + 1));
    let lower = format!("oc/1/{}/s", code("A").to_string().to_lowercase());
    let grouped = format!("oc/1/{:#}/s", code("A"));
    for (text, why) in [
        ("", TopicError::NoSuchPlace),
        ("oc/2/A/s", TopicError::NoSuchPlace),
        ("/oc/1/A/s", TopicError::NoSuchPlace),
        ("oc/1/A", TopicError::NoSuchPlace),
        ("oc/1/A/", TopicError::NoSuchPlace),
        ("oc/1/A/s/", TopicError::NoSuchPlace),
        ("oc/1/A/x", TopicError::NoSuchPlace),
        ("oc/1/A/t", TopicError::NoSuchPlace),
        ("oc/1/A/w/out", TopicError::NoSuchPlace),
        ("oc/1/A/w/out/B/x", TopicError::NoSuchPlace),
        ("oc/1/A/twin", TopicError::NoSuchPlace),
        ("$SYS/broker", TopicError::NoSuchPlace),
        ("é/x", TopicError::NoSuchPlace),
        ("oc/1/A/t/", TopicError::Characters),
        ("oc/1/A/t/a//b", TopicError::Characters),
        ("oc/1/A/t/é", TopicError::Characters),
        ("oc/1/A/t/a b", TopicError::Characters),
        ("oc/1/A/t/a\0", TopicError::Characters),
        ("oc/1/A/t/+", TopicError::Characters),
        ("oc/1/A/t/#", TopicError::Characters),
        ("oc/1/A/t/..", TopicError::Characters),
        ("oc/1/A/t/a/b/c/d/e", TopicError::TooLong),
        (&long, TopicError::TooLong),
        (&"x".repeat(TOPIC_MAX + 1), TopicError::TooLong),
        ("oc/1/me/s", TopicError::NotACode),
        ("oc/1/+/s", TopicError::NotACode),
        ("oc/1/A/w/out/me", TopicError::NotACode),
        (&lower, TopicError::NotACode),
        (&grouped, TopicError::NotACode),
    ] {
        assert_eq!(Topic::parse(&spell(text)), Err(why), "{text}");
    }
}

#[test]
fn me_is_the_caller_and_levels_are_never_joined() {
    let levels = [b"oc".as_slice(), b"1", b"me", b"t", b"x"];
    let read = Topic::from_levels(levels.into_iter(), Some(code("A"))).unwrap();
    assert_eq!(read, topic("oc/1/A/t/x"));
    let joined = [b"oc".as_slice(), b"1", b"me", b"t", b"x/y"];
    let read = Topic::from_levels(joined.into_iter(), Some(code("A")));
    assert_eq!(read, Err(TopicError::Characters));
    let unknown = Topic::from_levels(levels.into_iter(), None);
    assert_eq!(unknown, Err(TopicError::NotACode));
}

#[test]
fn filters_take_what_mqtt_says() {
    for (pattern, text, takes) in [
        ("oc/1/A/#", "oc/1/A/s", true),
        ("oc/1/A/#", "oc/1/A/t/a/b", true),
        ("oc/1/A/#", "oc/1/B/s", false),
        ("oc/1/A/t/+", "oc/1/A/t/a", true),
        ("oc/1/A/t/+", "oc/1/A/t/a/b", false),
        ("oc/1/A/t/#", "oc/1/A/t/a/b", true),
        ("oc/1/A/+/a", "oc/1/A/e/a", true),
        ("oc/1/A/+", "oc/1/A/s", true),
        ("oc/1/A/+", "oc/1/A/t/a", false),
        ("oc/1/A/s/#", "oc/1/A/s", true),
    ] {
        assert_eq!(
            filter(pattern).takes(&topic(text)),
            takes,
            "{pattern} {text}"
        );
    }
    assert!(filter("oc/1/A/w/in").takes_inbox() && !filter("oc/1/A/w/in").takes_more_than_inbox());
    assert!(filter("oc/1/A/#").takes_inbox() && filter("oc/1/A/#").takes_more_than_inbox());
    assert!(!filter("oc/1/A/c/+").takes_inbox());
    for bad in [
        "#",
        "+",
        "oc/#",
        "oc/1/#",
        "oc/1/+/t/x",
        "oc/1/A",
        "oc/1/A/#/t",
        "oc/1/A/t/x#",
        "oc/1/A/t+",
        "$share/g/oc/1/A/t/x",
        "oc/1/A/a/b/c/d/e/f/g",
        "oc/1/A//x",
        "oc/1/me/#",
    ] {
        assert!(Filter::parse(&spell(bad)).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_code_publishes_only_where_its_own_voice_belongs() {
    let (tree, office) = tree();
    for own in ["t/x", "e/x", "s", "twin/reported", "r/1"] {
        publish(&tree, "A", &format!("oc/1/A/{own}"), "x")
            .await
            .unwrap();
        let foreign = publish(&tree, "B", &format!("oc/1/A/{own}"), "x").await;
        assert_eq!(foreign, Err(Refusal::Forbidden), "{own}");
    }
    for told in ["w/in", "twin/desired", "c/1"] {
        let refused = publish(&tree, "A", &format!("oc/1/A/{told}"), "x").await;
        assert_eq!(refused, Err(Refusal::Forbidden), "{told}");
    }
    let refused = publish(&tree, "B", "oc/1/A/w/out/gateway", "x").await;
    assert_eq!(refused, Err(Refusal::Forbidden));
    assert_eq!(office.handled.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn foreign_branches_are_not_readable() {
    let (tree, _) = tree();
    publish(&tree, "A", "oc/1/A/s", "here").await.unwrap();
    let (stranger, owner) = (caller("B"), caller("A"));
    for what in ["oc/1/A/s", "oc/1/A/#"] {
        let refused = tree.retained(&stranger, &filter(what)).await;
        assert_eq!(refused, Err(Refusal::Forbidden));
    }
    assert_eq!(
        tree.watch(&stranger, code("A")).await.err(),
        Some(Refusal::Forbidden)
    );
    let kept = tree.retained(&owner, &filter("oc/1/A/s")).await.unwrap();
    assert_eq!(&kept[0].payload[..], b"here");
}

#[test]
fn a_filter_covers_what_takes_nothing_else() {
    for (wide, narrow, covers) in [
        ("oc/1/A/t/#", "oc/1/A/t/#", true),
        ("oc/1/A/t/#", "oc/1/A/t/x/+", true),
        ("oc/1/A/t/+", "oc/1/A/t/x", true),
        ("oc/1/A/t/+", "oc/1/A/t/+", true),
        ("oc/1/A/t/+", "oc/1/A/t/#", false),
        ("oc/1/A/t/+", "oc/1/A/t/x/y", false),
        ("oc/1/A/t/x", "oc/1/A/t/+", false),
        ("oc/1/A/t/x", "oc/1/A/t", false),
        ("oc/1/A/t/#", "oc/1/A/#", false),
        ("oc/1/A/t/#", "oc/1/A/+/x", false),
        ("oc/1/A/t/#", "oc/1/B/t/x", false),
    ] {
        assert_eq!(
            filter(wide).covers(&filter(narrow)),
            covers,
            "{wide} {narrow}"
        );
    }
}

#[tokio::test]
async fn a_grant_opens_what_it_names_and_nothing_beside_it() {
    let (tree, _) = tree();
    let library = Arc::<Library>::default();
    tree.read_by(library.clone());
    let retain = Manner {
        retain: true,
        ..Manner::default()
    };
    for place in ["t/heat", "t/light", "e/door", "s"] {
        let topic = topic(&format!("oc/1/A/{place}"));
        let payload = Bytes::copy_from_slice(place.as_bytes());
        let speaker = caller("A");
        let published = tree.publish(&speaker, &topic, payload, retain.clone());
        published.await.unwrap();
    }
    library.give("oc/1/A/t/#", "B", None);
    library.give("oc/1/A/e/door", "B", Some(2));
    let reader = caller("B");
    let may = |what: &str| tree.may_subscribe(&reader, &filter(what));
    assert_eq!(may("oc/1/A/t/heat"), Ok(Entitled::Freely));
    assert_eq!(may("oc/1/A/e/door"), Ok(Entitled::ByTheRead));
    for beside in [
        "oc/1/A/#",
        "oc/1/A/e/#",
        "oc/1/A/s",
        "oc/1/A/w/in",
        "oc/1/C/t/#",
    ] {
        assert_eq!(may(beside), Err(Refusal::Forbidden), "{beside}");
    }
    let other = tree.may_subscribe(&caller("C"), &filter("oc/1/A/t/heat"));
    assert_eq!(other, Err(Refusal::Forbidden));
    let heat = tree.retained(&reader, &filter("oc/1/A/t/#")).await.unwrap();
    assert_eq!(heat.len(), 2);
    let door = filter("oc/1/A/e/door");
    for left in [1, 0] {
        assert_eq!(tree.retained(&reader, &door).await.unwrap().len(), 1);
        assert_eq!(library.left(), left);
    }
    assert_eq!(tree.retained(&reader, &door).await, Err(Refusal::Unpaid));
    let told = tree.retained(&reader, &filter("oc/1/B/g")).await.unwrap();
    let both = [spell("oc/1/A/t/#"), spell("oc/1/A/e/door")].join(" ");
    assert_eq!(told[0].payload, both);
    let foreign = tree.retained(&reader, &filter("oc/1/A/g")).await;
    assert_eq!(foreign, Err(Refusal::Forbidden));
    // It is read, and published by nobody but the house.
    let said = publish(&tree, "B", "oc/1/B/g", "mine").await;
    assert_eq!(said, Err(Refusal::Forbidden));
    library.end_all();
    assert_eq!(may("oc/1/A/t/heat"), Err(Refusal::Forbidden));
    assert_eq!(
        tree.watch(&reader, code("A")).await.err(),
        Some(Refusal::Forbidden)
    );
}

#[tokio::test]
async fn wallet_messages_reach_the_desk_and_never_the_fanout() {
    let (tree, office) = tree();
    let mut watch = tree.watch_branch(code("A")).await.unwrap();
    let bell = tree.inbox_bell(&caller("B"));
    let published = publish(&tree, "A", "oc/1/A/w/out/B", "evidence").await;
    assert_eq!(published, Ok(Published::default()));
    bell.rung().await;
    let entries = tree.inbox_next(&caller("B"), 0, 10).await.unwrap();
    assert_eq!(entries, [(1, Bytes::from_static(b"evidence"))]);
    tree.inbox_acknowledge(&caller("B"), 1).await.unwrap();
    assert_eq!(office.inbox.waiting(code("B")), 0);

    let answered = publish(&tree, "A", "oc/1/A/w/out/gateway", "ask")
        .await
        .unwrap();
    let reply = answered.reply.unwrap();
    assert_eq!(
        Message::read(&reply),
        Ok(Message::refusal(Status::Accepted, None))
    );
    let refused = publish(&tree, "A", "oc/1/A/w/out/gateway", "malformed")
        .await
        .unwrap_err();
    let message = refused.message();
    assert_eq!(
        Message::read(&message),
        Ok(Message::refusal(Status::Malformed, None))
    );
    assert!(watch.try_next().is_none());
}

#[tokio::test]
async fn retained_payloads_stay_within_their_bounds_and_an_empty_one_clears() {
    let (tree, _) = tree();
    let owner = caller("A");
    let retain = Manner {
        retain: true,
        ..Manner::default()
    };
    for n in 0..RETAINED_TOPICS_MAX {
        let topic = topic(&format!("oc/1/A/t/{n}"));
        tree.publish(&owner, &topic, Bytes::from_static(b"1"), retain.clone())
            .await
            .unwrap();
    }
    let one_more = publish(&tree, "A", "oc/1/A/s", "x").await;
    assert_eq!(one_more, Err(Refusal::Full));
    let first = topic("oc/1/A/t/0");
    tree.publish(&owner, &first, Bytes::new(), retain.clone())
        .await
        .unwrap();
    assert_eq!(tree.look(&first), None);
    publish(&tree, "A", "oc/1/A/s", "x").await.unwrap();
    let all = tree.retained(&owner, &filter("oc/1/A/#")).await.unwrap();
    assert_eq!(all.len(), RETAINED_TOPICS_MAX);

    let large = Bytes::from(vec![0; PAYLOAD_MAX]);
    for n in 1..=4 {
        let topic = topic(&format!("oc/1/A/t/{n}"));
        let kept = tree.publish(&owner, &topic, large.clone(), retain.clone());
        let kept = kept.await;
        assert_eq!(
            kept.is_ok(),
            n < 3,
            "three times 100 KiB and the rest is beyond 256 KiB"
        );
    }
    let larger = Bytes::from(vec![0; PAYLOAD_MAX + 1]);
    let refused = tree.publish(&owner, &first, larger, retain).await;
    assert_eq!(refused, Err(Refusal::TooLarge));
}

#[tokio::test]
async fn a_slow_watcher_misses_events_and_is_told_how_many() {
    let (tree, _) = tree();
    let mut slow = tree.watch(&caller("A"), code("A")).await.unwrap();
    for _ in 0..fanout::WATCH_WAITING_MAX + 5 {
        publish(&tree, "A", "oc/1/A/t/x", "1").await.unwrap();
    }
    let mut got = 0;
    while slow.try_next().is_some() {
        got += 1;
    }
    assert_eq!((got, slow.take_missed()), (fanout::WATCH_WAITING_MAX, 5));
}
